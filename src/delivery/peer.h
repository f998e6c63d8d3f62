/*
 * peer.h
 *	  Whom a socket may be opened to.
 *
 * Pure C: no server header, no libcurl header.
 */
#ifndef ECAPI_PEER_H
#define ECAPI_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/* This very machine: 127.0.0.0/8 or ::1. */
extern bool ecapi_peer_is_loopback(const struct sockaddr *address);

#endif							/* ECAPI_PEER_H */

/*
 * watch.h
 *	  The list of sockets that the caller is to watch.
 *
 * Pure C: no server header, no libcurl header; memory is malloc's.
 */
#ifndef ECAPI_WATCH_H
#define ECAPI_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct EcapiSocket
{
	int			fd;
	bool		readable;		/* what to wait for, or what has happened */
	bool		writable;
} EcapiSocket;

typedef struct EcapiWatch
{
	EcapiSocket *sockets;
	int			nsockets;
	int			size;			/* allocated */
	uint64_t	generation;		/* never used twice in a process */
} EcapiWatch;

/* An empty list (free it by ecapi_watch_free), and an empty list again. */
extern void ecapi_watch_init(EcapiWatch *watch);
extern void ecapi_watch_clear(EcapiWatch *watch);
extern void ecapi_watch_free(EcapiWatch *watch);

/* Room for that many; false without memory. */
extern bool ecapi_watch_reserve(EcapiWatch *watch, int size);

/* Never allocate: false when no room was reserved. */
extern bool ecapi_watch_set(EcapiWatch *watch, int fd, bool readable, bool writable);
extern void ecapi_watch_remove(EcapiWatch *watch, int fd);

#endif							/* ECAPI_WATCH_H */

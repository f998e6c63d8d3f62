/*
 * sockets.h
 *	  One wait for the process latch, postmaster death and libcurl's sockets.
 */
#ifndef ECAPI_SOCKETS_H
#define ECAPI_SOCKETS_H

#include "delivery/http.h"

/*
 * Wait until the latch is set, the postmaster died (then exit), a socket of
 * http is ready, or timeout_ms passed (-1: no limit; http's own deadline is
 * taken into account), then let http act.  Returns true when the latch was
 * set; the caller resets it.  May raise errors of the server's own.
 */
extern bool ecapi_sockets_wait(EcapiHttp *http, long timeout_ms);

/*
 * A descriptor that is never closed, does not block, and ends a wait when the number 1 is
 * written to it as 8 bytes, by any thread; -1 with errno where none is to be had.  The wait
 * empties it.
 */
extern int	ecapi_sockets_bell(void);

/* Give back what is kept from one wait to the next; for who waits but once. */
extern void ecapi_sockets_forget(void);

#endif							/* ECAPI_SOCKETS_H */

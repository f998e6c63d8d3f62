/*
 * threads.h
 *	  Threads that a producer's library starts: their signals, and their end.
 *
 * Nothing of the server is called.
 */
#ifndef ECAPI_THREADS_H
#define ECAPI_THREADS_H

#include <signal.h>

/*
 * Block all signals of the calling thread, and so of those that it starts until
 * ecapi_threads_restore(); saved has the mask until then.
 */
extern void ecapi_threads_block(sigset_t *saved);
extern void ecapi_threads_restore(const sigset_t *saved);

/*
 * Run end(handle), which may wait for threads, in a thread of its own; where none can be
 * started, in this one.  Signals are blocked by the caller.
 */
extern void ecapi_threads_end(void (*end) (void *handle), void *handle);

/* How many of those have not returned yet. */
extern int	ecapi_threads_ending(void);

#endif							/* ECAPI_THREADS_H */

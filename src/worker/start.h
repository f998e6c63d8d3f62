/*
 * start.h
 *	  What a worker has before its first turn.
 */
#ifndef ECAPI_START_H
#define ECAPI_START_H

/*
 * The settings of this process, and the memory, the digests and the HTTP client of ecapi_me.
 * The process is connected to its database; no transaction is open.  Ends the process
 * (FATAL, out_of_memory) when hashing or the HTTP client cannot be set up.
 */
extern void ecapi_worker_set_up(void);

#endif							/* ECAPI_START_H */

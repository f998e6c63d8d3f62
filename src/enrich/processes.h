/*
 * processes.h
 *	  The processes that run users' SQL for this worker, one for each owner.
 */
#ifndef ECAPI_PROCESSES_H
#define ECAPI_PROCESSES_H

#include "postgres.h"

#include "enrich/channel.h"

typedef struct EcapiProcess EcapiProcess;

/*
 * A process of an owner that has no call; started if there is none.  NULL: it has one, or
 * cannot be had now: then *problem says why, a constant or in the current context, else it
 * is NULL.  Outside of a transaction; raises out of memory.
 */
extern EcapiProcess *ecapi_process_find(Oid owner, const char **problem);

/* Whether an owner's process has a call. */
extern bool ecapi_process_is_busy(Oid owner);

/* It has a call from now on. */
extern void ecapi_process_take(EcapiProcess *process);

/* Its channel, while it is taken. */
extern EcapiChannel *ecapi_process_channel(EcapiProcess *process);

/* Its call was answered. */
extern void ecapi_process_give_back(EcapiProcess *process);

/* End one that does not answer, or is gone; the one that took it lets go of it. */
extern void ecapi_process_end(EcapiProcess *process);

/* It has said that it is connected. */
extern void ecapi_process_note_ready(EcapiProcess *process);

/* Whether it has. */
extern bool ecapi_process_is_ready(const EcapiProcess *process);

/*
 * End those that have had nothing to do for long; forget those that have ended.  Lowers
 * *wait_ms to when there is something to do.
 */
extern void ecapi_processes_tend(long *wait_ms);

/* End all, and wait until they are gone, but not for long. */
extern void ecapi_processes_stop(void);

#endif							/* ECAPI_PROCESSES_H */

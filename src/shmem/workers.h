/*
 * workers.h
 *	  What the workers of a database tell each other through shared memory.
 *
 * They are for workers, but for those that say they are for any backend.  None raises an
 * error.
 */
#ifndef ECAPI_WORKERS_H
#define ECAPI_WORKERS_H

#include "postgres.h"

#include "shmem/shmem.h"

/*
 * Destinations that others than the lead can have.  It is twice what statistics count
 * (stat/stat_area.h), by which load is known; what is beyond stays with the lead.
 */
#define ECAPI_ASSIGNED		256

/* What they keep in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_workers_part;

/* ---- which worker is to have a destination ---- */

/* The number of that worker; where the database has no slot, that of the lead.  For any backend. */
extern int	ecapi_assigned_to(Oid server);

/*
 * Copy out that worker, or the lead where it is wanted no more.  False when the database has no
 * slot.  For any backend.
 */
extern bool ecapi_slot_of_destination(Oid server, EcapiSlotInfo *info);

/* The lead gives a destination to a worker; false when nothing changes, or for want of room. */
extern bool ecapi_assign(Oid server, int number);

/* The lead takes back what it gave of destinations that are not known any more. */
extern void ecapi_assign_forget(bool (*is_known) (Oid server));

/* ---- settling (pipeline/settle.c) ---- */

/* The lead asks all workers to settle.  Returns the ticket by which they say so. */
extern uint64 ecapi_settle_ask(void);

/* The last ticket that was given. */
extern uint64 ecapi_settle_asked(void);

/* This worker has settled for a ticket, and for those before. */
extern void ecapi_settle_say(uint64 ticket);

/* Whether every worker that runs has settled for a ticket. */
extern bool ecapi_settle_heard(uint64 ticket);

/* ---- what the lead does for all ---- */

/* The lead has logged a tick, and that is committed; how many times so far, modulo 2^32. */
extern void ecapi_tick_log_grew(void);
extern uint32 ecapi_tick_log_count(void);

/*
 * The lead can make no more room in the outbox, so that workers have to give up what their
 * destinations do not take (worker/bounds.c).
 */
extern void ecapi_room_is_short(bool is_short);
extern bool ecapi_room_short(void);

/*
 * The lead makes events of which some destinations are to get nothing: until that is over
 * every worker looks in each turn at what was stopped.
 */
extern void ecapi_stops_watch(bool on);
extern bool ecapi_stops_watched(void);

#endif							/* ECAPI_WORKERS_H */

/*
 * shmem.h
 *	  Slots of databases and their workers in shared memory, and waking workers at commit.
 *
 * A database that is served has a slot, and in it one worker or several, by number: 0 is
 * the lead, which runs as long as there is anything to do, and decides how many others run.
 */
#ifndef ECAPI_SHMEM_H
#define ECAPI_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "shmem/slot_state.h"

/* A copy of a worker of a slot, as launcher, view and doctor read it. */
typedef struct EcapiSlotInfo
{
	Oid			database;
	EcapiSlotState state;
	int			pid;
	bool		held;			/* the slot is */
	uint32		generation;		/* counts starts of this worker */
	TimestampTz started_at;		/* last start asked for */
	char		message[ECAPI_MESSAGE_SIZE];	/* why it is not running */
} EcapiSlotInfo;

/*
 * A part of our shared memory that another file keeps for the databases of the slots:
 * an array over the slots, zeroed at first.
 */
typedef struct EcapiShmemPart
{
	Size		slot_size;		/* bytes of an element */
	void	  **memory;			/* gets the array; NULL while there is none */
	void		(*init) (int slot); /* before any process has used it */
	void		(*reset) (int slot, Oid database);	/* it is this database's from now on; the
										 * caller has it to itself */
} EcapiShmemPart;

/* set up, by _PG_init when preloaded; parts before the rest, ECAPI_SHMEM_PARTS at most */
#define ECAPI_SHMEM_PARTS	8
extern void ecapi_shmem_add(const EcapiShmemPart *part);

/* Ask for our shared memory; from the shmem_request hook. */
extern void ecapi_shmem_request(void);

/* Find or set up our shared memory; from the shmem_startup hook. */
extern void ecapi_shmem_startup(void);

/* Whether the library was preloaded. */
extern bool ecapi_shmem_attached(void);

/* by any backend */

/* Events were appended: wake this database's workers when we commit. */
extern void ecapi_wake_at_commit(void);

/* Destinations changed: make the workers look at them when we commit. */
extern void ecapi_reload_at_commit(void);

/* Events were cancelled or erased: make the workers look when we commit. */
extern void ecapi_stops_at_commit(void);

/* A database was made: let the launcher look whether it wants a worker. */
extern void ecapi_rescan_at_commit(void);

/*
 * Wake the workers of this database now; for COMMIT PREPARED, of which nobody
 * knows any more what it holds.
 */
extern void ecapi_wake_now(void);

/* Copy out the lead of a database; false when the database has no slot. */
extern bool ecapi_slot_of_database(Oid database, EcapiSlotInfo *info);

/* The number of this database's slot, from 0; -1 when it has none. */
extern int	ecapi_slot_number(void);

extern bool ecapi_launcher_running(void);

/* The state of a worker that shall run, as views and metrics have it: a constant. */
extern const char *ecapi_slot_state_name(EcapiSlotState state);

/* by the hook on database DDL */

/*
 * Hold the slot of a database, so that no worker is started in it.  Returns whether a
 * worker runs now, which must be stopped.
 */
extern bool ecapi_hold_database(Oid database);

/* by the launcher */

/* This process is the launcher now. */
extern void ecapi_launcher_attach(void);

/* Whether a look at all databases was asked for.  Forgets the wish. */
extern bool ecapi_launcher_rescan(void);

extern int	ecapi_slot_count(void);

/* The database of slot number i, without the lock; InvalidOid: it has none. */
extern Oid	ecapi_slot_database(int slot);

/* Copy out a worker of slot number i; false when there shall be none. */
extern bool ecapi_slot_read(int slot, int number, EcapiSlotInfo *info);

/*
 * Want a worker for a database, its lead.  False when every slot is taken.
 */
extern bool ecapi_slot_want(Oid database);

/*
 * The launcher is about to register that worker of this slot.  False when it is not wanted
 * any more, or the slot is another database's.
 */
extern bool ecapi_slot_starting(int slot, int number, Oid database);

/* A worker could not be started, or ended before it attached. */
extern void ecapi_slot_failed(int slot, int number, const char *message);

/* The database of this slot is gone; nothing while one of its workers runs. */
extern void ecapi_slot_free(int slot);

/* by a worker */

/*
 * This process is that worker of a slot now.  False when the slot was given to
 * another database, or is held: then it must end.
 */
extern bool ecapi_worker_attach(int slot, int number, Oid database);

/* This worker is set up: it can be given destinations. */
extern void ecapi_worker_ready(void);

/* The number of this worker, and whether it is the lead. */
extern int	ecapi_worker_number(void);
extern bool ecapi_worker_leads(void);

/*
 * The database has no extension: give the place back.  It may have it again by now: who
 * woke the lead is answered by another one.  The slot is given back when the last worker of
 * the database retires or leaves.
 */
extern void ecapi_worker_retire(void);

/*
 * There is nothing for this worker to do: give its place back, and the lead the slot.
 * False when the lead was woken meanwhile, or other workers run; else the process has to
 * end.
 */
extern bool ecapi_worker_leave(void);

/*
 * The lead: that number of workers shall run, from 1 to ECAPI_WORKERS.  The launcher starts those
 * that do not; those beyond hand over what they have and leave.
 */
extern void ecapi_workers_want(int n);

/* How many workers shall run, and whether one of them runs and is set up. */
extern int	ecapi_workers_wanted(void);
extern bool ecapi_workers_runs(int number);

/* Make the other workers look at destinations, or at what was stopped. */
extern void ecapi_workers_reload(void);
extern void ecapi_workers_stops(void);

/* Have a worker begin a turn, or all others. */
extern void ecapi_workers_wake(int number);
extern void ecapi_workers_wake_others(void);

/* What this worker last ran into, for ecapi.workers; "" for nothing. */
extern void ecapi_worker_message(const char *message);

/*
 * Whether something was committed since the last call.  A full barrier: what the
 * committer did before it woke us is visible to a snapshot taken afterwards.
 */
extern bool ecapi_worker_woken(void);

/*
 * Whether ecapi_worker_woken would say yes.  As long as it would, committing emitters
 * set no latch.
 */
extern bool ecapi_worker_wake_pending(void);

/* Whether destinations changed since the last call. */
extern bool ecapi_worker_reload(void);

/*
 * Whether events were cancelled or erased since the last call.  A full barrier, as in
 * ecapi_worker_woken.
 */
extern bool ecapi_worker_stops(void);

#endif							/* ECAPI_SHMEM_H */

/*
 * shmem.h
 *	  Worker slots in shared memory, and waking a worker at commit.
 */
#ifndef ECAPI_SHMEM_H
#define ECAPI_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define ECAPI_MESSAGE_SIZE	256

typedef enum EcapiSlotState
{
	ECAPI_SLOT_FREE,			/* no database */
	ECAPI_SLOT_WANTED,			/* the launcher shall start a worker */
	ECAPI_SLOT_STARTING,		/* asked for, has not attached yet */
	ECAPI_SLOT_RUNNING			/* attached */
} EcapiSlotState;

/* A copy of a slot, as launcher, view and doctor read it. */
typedef struct EcapiSlotInfo
{
	Oid			database;
	EcapiSlotState state;
	int			pid;
	bool		held;
	uint32		generation;		/* counts starts of a worker in this slot */
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

/* Events were appended: wake this database's worker when we commit. */
extern void ecapi_wake_at_commit(void);

/* Destinations changed: make the worker look at them when we commit. */
extern void ecapi_reload_at_commit(void);

/* Events were cancelled or erased: make the worker look when we commit. */
extern void ecapi_stops_at_commit(void);

/* A database was made: let the launcher look whether it wants a worker. */
extern void ecapi_rescan_at_commit(void);

/*
 * Wake the worker of this database now; for COMMIT PREPARED, of which nobody
 * knows any more what it holds.
 */
extern void ecapi_wake_now(void);

/* Copy out the slot of a database; false when it has none. */
extern bool ecapi_slot_of_database(Oid database, EcapiSlotInfo *info);

/* The number of this database's slot, from 0; -1 when it has none. */
extern int	ecapi_slot_number(void);

extern bool ecapi_launcher_running(void);

/* by the hook on database DDL */

/*
 * Hold the slot of a database, so that no worker is started in it.  Returns
 * the process id of a worker that runs now and must be stopped, or 0.
 */
extern int	ecapi_hold_database(Oid database);

/* by the launcher */

/* This process is the launcher now. */
extern void ecapi_launcher_attach(void);

/* Whether a look at all databases was asked for.  Forgets the wish. */
extern bool ecapi_launcher_rescan(void);

extern int	ecapi_slot_count(void);

/* The database of slot number i, without the lock; InvalidOid: it has none. */
extern Oid	ecapi_slot_database(int slot);

/* Copy out slot number i; false when it is free. */
extern bool ecapi_slot_read(int slot, EcapiSlotInfo *info);

/*
 * Want a worker for a database.  False when every slot is taken.
 */
extern bool ecapi_slot_want(Oid database);

/* The launcher is about to register a worker for this slot. */
extern void ecapi_slot_starting(int slot);

/* A worker could not be started, or ended before it attached. */
extern void ecapi_slot_failed(int slot, const char *message);

/* The database of this slot is gone. */
extern void ecapi_slot_free(int slot);

/* by a worker */

/*
 * This process is the worker of a slot now.  False when the slot was given to
 * another, or is held: then it must end.
 */
extern bool ecapi_worker_attach(int slot, Oid database);

/*
 * The database has no extension: give the slot back.  It may have it again by now: who
 * woke us is answered by another worker.
 */
extern void ecapi_worker_retire(void);

/*
 * There is nothing for a worker to do in this database: give the slot back, unless
 * somebody has woken us meanwhile.  False then; else the process has to end.
 */
extern bool ecapi_worker_leave(void);

/* What this worker last ran into, for ecapi.worker(); "" for nothing. */
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

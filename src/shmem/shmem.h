/*
 * shmem.h
 *	  Worker slots in shared memory, and waking a worker at commit.
 */
#ifndef ECAPI_SHMEM_H
#define ECAPI_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/latch.h"

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
	void		(*reset) (int slot);	/* it is another database's from now on; the
										 * caller has it to itself */
} EcapiShmemPart;

/* set up, by _PG_init when preloaded; parts before the rest, ECAPI_SHMEM_PARTS at most */
#define ECAPI_SHMEM_PARTS	8
extern void ecapi_shmem_add(const EcapiShmemPart *part);
extern void ecapi_shmem_request(void);
extern void ecapi_shmem_startup(void);
extern bool ecapi_shmem_attached(void);

/* by any backend */
extern void ecapi_wake_at_commit(void);
extern void ecapi_reload_at_commit(void);
extern void ecapi_stops_at_commit(void);
extern void ecapi_rescan_at_commit(void);
extern void ecapi_wake_now(void);
extern bool ecapi_slot_of_database(Oid database, EcapiSlotInfo *info);
extern int	ecapi_slot_number(void);
extern bool ecapi_launcher_running(void);

/* by the hook on database DDL */
extern int	ecapi_hold_database(Oid database);

/* by the launcher */
extern void ecapi_launcher_attach(void);
extern bool ecapi_launcher_rescan(void);
extern int	ecapi_slot_count(void);
extern bool ecapi_slot_read(int slot, EcapiSlotInfo *info);
extern bool ecapi_slot_want(Oid database);
extern void ecapi_slot_starting(int slot);
extern void ecapi_slot_failed(int slot, const char *message);
extern void ecapi_slot_free(int slot);

/* by a worker */
extern bool ecapi_worker_attach(int slot, Oid database);
extern void ecapi_worker_retire(void);
extern bool ecapi_worker_leave(void);
extern void ecapi_worker_message(const char *message);
extern bool ecapi_worker_woken(void);
extern bool ecapi_worker_wake_pending(void);
extern bool ecapi_worker_reload(void);
extern bool ecapi_worker_stops(void);

#endif							/* ECAPI_SHMEM_H */

/*
 * slots.h
 *	  What the slots are in shared memory; for shmem.c and wake.c alone.
 */
#ifndef ECAPI_SLOTS_H
#define ECAPI_SLOTS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "shmem/slot_state.h"

/* What a worker is woken for. */
typedef enum EcapiSignal
{
	ECAPI_SIGNAL_WAKE,				/* something was committed */
	ECAPI_SIGNAL_RELOAD,				/* destinations may have changed */
	ECAPI_SIGNAL_STOPS,				/* events may have been stopped */
	ECAPI_SIGNALS
} EcapiSignal;

typedef struct EcapiSlotWorker
{
	EcapiSlotState state;
	int			pid;
	bool		ready;			/* it is set up, and has its first turn before it, or behind */
	uint32		generation;
	TimestampTz started_at;
	char		message[ECAPI_MESSAGE_SIZE];
	pg_atomic_uint32 procno;	/* plus one; 0 for none */
	pg_atomic_uint32 signals[ECAPI_SIGNALS];	/* 1: given, and not yet heard */
} EcapiSlotWorker;

typedef struct EcapiSlot
{
	Oid			database;
	int			holds;			/* backends that hold it */
	pg_atomic_uint32 wanted;	/* workers that shall run, those of lower numbers */
	EcapiSlotWorker workers[ECAPI_WORKERS];
} EcapiSlot;

typedef struct EcapiSlots
{
	LWLock	   *lock;
	pg_atomic_uint32 launcher;	/* procno plus one; 0 for none */
	pg_atomic_uint32 rescan;	/* the launcher shall look for new databases */
	int			nslots;
	EcapiSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} EcapiSlots;

/* A signal as a bit of several. */
#define ECAPI_SIGNAL(signal)	(1 << (signal))

/* ---- shmem.c ---- */

/* NULL: not preloaded. */
extern EcapiSlots *ecapi_slots;

/*
 * The slot of a database, without the lock: an Oid is read whole, and a stale
 * answer costs a needless wake or a tick at the next heartbeat.  NULL: it has none.
 */
extern EcapiSlot *ecapi_slot_find(Oid database);

/* This worker. */
extern EcapiSlotWorker *ecapi_slot_myself(void);

/* ---- wake.c ---- */

/* Set the latch of a process, if there is one. */
extern void ecapi_slot_latch(pg_atomic_uint32 *procno);

/* Give signals, each a bit, to a worker, and wake it if it has yet to hear of one. */
extern void ecapi_slot_signal(EcapiSlotWorker *worker, int signals);

/* Whether a worker was given any signal. */
extern bool ecapi_slot_is_woken(EcapiSlotWorker *worker);

#endif							/* ECAPI_SLOTS_H */

/*
 * wake.c
 *	  Waking the workers of a database, at commit and otherwise.
 *
 * The first emit of a transaction sets a flag in its backend; one transaction callback,
 * registered once, exchanges the signal of each worker that shall run from 0 to 1 at commit,
 * and only who succeeds sets the latch.  The worker puts it back to 0 before it takes its
 * snapshot, so a commit is either in that snapshot or wakes it again.
 *
 * A worker that leaves takes its database out of the slot and then looks whether it
 * was woken; who wakes it looks behind that whether the slot is still the database's.
 * One of the two sees the other, so no wake is lost.
 *
 * A transaction that is prepared forgets what it would do at commit.  That events came
 * or were stopped the worker hears by the hook of COMMIT PREPARED, or finds out by
 * itself; of destinations it would not, so an invalidation of the cursors' relation
 * travels with the transaction, and the worker reads them when that arrives.
 *
 * Locks: none.  A latch of a process that has gone meanwhile is still a valid latch: at worst
 * somebody is woken for nothing.  Not preloaded, every function here does nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/inval.h"

#include "base/catalog.h"
#include "shmem/shmem.h"
#include "shmem/slots.h"

/* What this backend does at commit: signals that it gives, each a bit, and the last. */
#define AT_COMMIT_RESCAN	ECAPI_SIGNAL(ECAPI_SIGNALS)

static int	at_commit = 0;

void
ecapi_slot_latch(pg_atomic_uint32 *procno)
{
	uint32		n = pg_atomic_read_u32(procno);

	if (n > 0)
		SetLatch(&ProcGlobal->allProcs[n - 1].procLatch);
}

void
ecapi_slot_signal(EcapiSlotWorker *worker, int signals)
{
	bool		asleep = false;

	/* the one that wakes it comes last */
	for (int signal = ECAPI_SIGNALS - 1; signal >= 0; signal--)
		if (signals & ECAPI_SIGNAL(signal))
			asleep |= pg_atomic_exchange_u32(&worker->signals[signal], 1) == 0;
	if (asleep)
		ecapi_slot_latch(&worker->procno);
}

/*
 * Signal all workers of this database; it gets a lead if it has none.  Those that shall not
 * run any more may yet send what they have, so they hear of all but new events.
 */
static void
give_all(int signals)
{
	EcapiSlot  *slot = ecapi_slot_find(MyDatabaseId);
	int			wanted = slot == NULL ? 0 : (int) pg_atomic_read_u32(&slot->wanted);
	int			rest = signals & ~ECAPI_SIGNAL(ECAPI_SIGNAL_WAKE);

	for (int number = 0; number < wanted; number++)
		ecapi_slot_signal(&slot->workers[number], signals);
	for (int number = wanted; slot != NULL && rest != 0 && number < ECAPI_WORKERS; number++)
		ecapi_slot_signal(&slot->workers[number], rest);
	/* no worker, or one that has just left */
	if (slot == NULL || slot->database != MyDatabaseId)
		ecapi_slot_want(MyDatabaseId);
}

void
ecapi_wake_now(void)
{
	if (ecapi_slots != NULL)
		give_all(ECAPI_SIGNAL(ECAPI_SIGNAL_STOPS) | ECAPI_SIGNAL(ECAPI_SIGNAL_WAKE));
}

bool
ecapi_slot_is_woken(EcapiSlotWorker *worker)
{
	for (int signal = 0; signal < ECAPI_SIGNALS; signal++)
		if (pg_atomic_read_u32(&worker->signals[signal]) != 0)
			return true;
	return false;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (at_commit == 0)
		return;

	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (at_commit & ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD))
			{
				Oid			cursors = ecapi_relation("cursor_row", true);

				if (OidIsValid(cursors))
					CacheInvalidateRelcacheByRelid(cursors);
			}
			break;
		case XACT_EVENT_COMMIT:
			if (at_commit & AT_COMMIT_RESCAN)
			{
				pg_atomic_write_u32(&ecapi_slots->rescan, 1);
				ecapi_slot_latch(&ecapi_slots->launcher);
			}
			if ((at_commit & ~AT_COMMIT_RESCAN) != 0)
				give_all(at_commit & ~AT_COMMIT_RESCAN);
			/* FALLTHROUGH */
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:	/* COMMIT PREPARED wakes by the hook */
			at_commit = 0;
			break;
		default:
			break;
	}
}

static void
do_at_commit(int what)
{
	static bool registered = false;

	if (ecapi_slots == NULL || (at_commit & what) != 0)
		return;
	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
	at_commit |= what;
}

void
ecapi_wake_at_commit(void)
{
	do_at_commit(ECAPI_SIGNAL(ECAPI_SIGNAL_WAKE));
}

void
ecapi_reload_at_commit(void)
{
	do_at_commit(ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD));
}

void
ecapi_stops_at_commit(void)
{
	do_at_commit(ECAPI_SIGNAL(ECAPI_SIGNAL_STOPS));
}

void
ecapi_rescan_at_commit(void)
{
	do_at_commit(AT_COMMIT_RESCAN);
}

/* The first of this worker's slot; the others follow it. */
static EcapiSlotWorker *
lead(void)
{
	return ecapi_slot_myself() - ecapi_worker_number();
}

/* Signal the others of them. */
static void
give_others(int signals)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (number != ecapi_worker_number())
			ecapi_slot_signal(&lead()[number], signals);
}

void
ecapi_workers_reload(void)
{
	give_others(ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD));
}

void
ecapi_workers_stops(void)
{
	give_others(ECAPI_SIGNAL(ECAPI_SIGNAL_STOPS));
}

void
ecapi_workers_wake(int number)
{
	ecapi_slot_latch(&lead()[number].procno);
}

void
ecapi_workers_wake_others(void)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (number != ecapi_worker_number())
			ecapi_workers_wake(number);
}

bool
ecapi_worker_woken(void)
{
	return pg_atomic_exchange_u32(&ecapi_slot_myself()->signals[ECAPI_SIGNAL_WAKE], 0) != 0;
}

bool
ecapi_worker_wake_pending(void)
{
	return pg_atomic_read_u32(&ecapi_slot_myself()->signals[ECAPI_SIGNAL_WAKE]) != 0;
}

bool
ecapi_worker_reload(void)
{
	return pg_atomic_exchange_u32(&ecapi_slot_myself()->signals[ECAPI_SIGNAL_RELOAD], 0) != 0;
}

bool
ecapi_worker_stops(void)
{
	return pg_atomic_exchange_u32(&ecapi_slot_myself()->signals[ECAPI_SIGNAL_STOPS], 0) != 0;
}

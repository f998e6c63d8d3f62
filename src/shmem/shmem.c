/*
 * shmem.c
 *	  Slots of databases and their workers in shared memory, and waking workers at commit.
 *
 * A slot belongs to a database that has, or may have, the extension.  The life of its
 * lead, which is that of the slot:
 *
 *	 FREE -> WANTED		ecapi_slot_want		a database asks, by what would wake
 *											a worker, or the launcher probes it
 *	 WANTED -> STARTING	ecapi_slot_starting	the launcher registers a worker
 *	 STARTING -> RUNNING ecapi_worker_attach	the worker is there
 *	 RUNNING -> WANTED	detach_worker		the worker ended; start another
 *	 RUNNING -> FREE	ecapi_worker_retire	no extension in this database, or
 *						ecapi_worker_leave	nothing for a worker to do in it
 *	 STARTING -> WANTED	ecapi_slot_failed	it could not be started
 *	 any -> FREE		ecapi_slot_free		the database is gone
 *
 * The life of another worker of the slot:
 *
 *	 FREE -> WANTED		ecapi_workers_want	the lead asks for it
 *	 WANTED -> FREE		ecapi_workers_want	and does so no more
 *	 WANTED -> STARTING -> RUNNING, STARTING -> WANTED	as above
 *	 RUNNING -> WANTED	detach_worker		it ended and is still wanted
 *	 RUNNING -> FREE	detach_worker		it ended and is not; ecapi_worker_retire
 *
 * A slot is given back only when none of its workers runs, so no worker ever finds its
 * slot with another database.
 *
 * A slot may be held by backends that run DDL on its database (DROP, RENAME,
 * SET TABLESPACE, or as template): while held > 0 the launcher starts nothing
 * in it.  A backend remembers its holds and gives them back when the
 * transaction of the DDL ends, or when the backend exits.
 *
 * Locks: shared->lock covers every field of a slot but the atomics, for
 * reading (shared) and writing (exclusive); it is never held across anything
 * that can wait or raise.  procno and the signals are atomics, so that
 * the commit of a transaction takes no lock here.  A latch of a process that has
 * gone meanwhile is still a valid latch: at worst somebody is woken for
 * nothing.
 *
 * Waking: the first emit of a transaction sets a flag in its backend; one
 * transaction callback, registered once, exchanges the signal from 0 to 1 at
 * commit, and only who succeeds sets the latch.  The worker puts it back to 0
 * before it takes its snapshot, so a commit is either in that snapshot or
 * wakes it again.
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
 * Not preloaded, there is no shared memory: every function here then does
 * nothing and says so by its result.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "compat.h"
#include "settings.h"
#include "shmem/shmem.h"

/* What a worker is woken for. */
typedef enum Signal
{
	SIGNAL_WAKE,				/* something was committed */
	SIGNAL_RELOAD,				/* destinations may have changed */
	SIGNAL_STOPS,				/* events may have been stopped */
	SIGNALS
} Signal;

typedef struct Worker
{
	EcapiSlotState state;
	int			pid;
	uint32		generation;
	TimestampTz started_at;
	char		message[ECAPI_MESSAGE_SIZE];
	pg_atomic_uint32 procno;	/* plus one; 0 for none */
	pg_atomic_uint32 signals[SIGNALS];	/* 1: given, and not yet heard */
} Worker;

typedef struct Slot
{
	Oid			database;
	int			holds;			/* backends that hold it */
	pg_atomic_uint32 wanted;	/* workers that shall run, those of lower numbers */
	Worker		workers[ECAPI_WORKERS];
} Slot;

typedef struct Shared
{
	LWLock	   *lock;
	pg_atomic_uint32 launcher;	/* procno plus one; 0 for none */
	pg_atomic_uint32 rescan;	/* the launcher shall look for new databases */
	int			nslots;
	Slot		slots[FLEXIBLE_ARRAY_MEMBER];
} Shared;

static Shared *shared = NULL;

static const EcapiShmemPart *parts[ECAPI_SHMEM_PARTS];
static int	n_parts = 0;

/* What this backend does at commit: signals that it gives, each a bit, and the last. */
#define AT_COMMIT(signal)	(1 << (signal))
#define AT_COMMIT_RESCAN	AT_COMMIT(SIGNALS)

static bool callbacks_registered = false;
static int	at_commit = 0;

static int	my_slot = -1;		/* of this worker */
static int	my_number = 0;
static int	known_slot = 0;		/* of MyDatabaseId when last looked up */

#define MAX_HOLDS 4
static int	my_holds[MAX_HOLDS];
static int	n_my_holds = 0;

static Size
slots_size(void)
{
	return MAXALIGN(add_size(offsetof(Shared, slots),
							 mul_size(ecapi_max_workers, sizeof(Slot))));
}

static Size
part_size(const EcapiShmemPart *part)
{
	return MAXALIGN(mul_size(ecapi_max_workers, part->slot_size));
}

/* The slots, then the parts in their order. */
static Size
shared_size(void)
{
	Size		size = slots_size();

	for (int i = 0; i < n_parts; i++)
		size = add_size(size, part_size(parts[i]));
	return size;
}

void
ecapi_shmem_add(const EcapiShmemPart *part)
{
	if (n_parts == ECAPI_SHMEM_PARTS)
		elog(ERROR, "too many parts of shared memory");
	parts[n_parts++] = part;
}

void
ecapi_shmem_request(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche("ecapi", 1);
}

static void
init_slot(Slot *slot)
{
	pg_atomic_init_u32(&slot->wanted, 1);
	for (int number = 0; number < ECAPI_WORKERS; number++)
	{
		pg_atomic_init_u32(&slot->workers[number].procno, 0);
		for (int signal = 0; signal < SIGNALS; signal++)
			pg_atomic_init_u32(&slot->workers[number].signals[signal], 0);
	}
}

void
ecapi_shmem_startup(void)
{
	bool		found;
	char	   *memory;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("ecapi", shared_size(), &found);
	if (!found)
	{
		MemSet(shared, 0, shared_size());
		shared->lock = &GetNamedLWLockTranche("ecapi")->lock;
		shared->nslots = ecapi_max_workers;
		pg_atomic_init_u32(&shared->launcher, 0);
		pg_atomic_init_u32(&shared->rescan, 1);
		for (int i = 0; i < shared->nslots; i++)
			init_slot(&shared->slots[i]);
	}
	memory = (char *) shared + slots_size();
	for (int i = 0; i < n_parts; i++)
	{
		*parts[i]->memory = memory;
		for (int slot = 0; !found && slot < ecapi_max_workers; slot++)
			parts[i]->init(slot);
		memory += part_size(parts[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
ecapi_shmem_attached(void)
{
	return shared != NULL;
}

static void
set_latch_of(pg_atomic_uint32 *procno)
{
	uint32		n = pg_atomic_read_u32(procno);

	if (n > 0)
		SetLatch(&ProcGlobal->allProcs[n - 1].procLatch);
}

/*
 * The slot of a database, without the lock: an Oid is read whole, and a stale
 * answer costs a needless wake or a tick at the next heartbeat.
 */
static Slot *
slot_of(Oid database)
{
	if (known_slot < shared->nslots &&
		shared->slots[known_slot].database == database)
		return &shared->slots[known_slot];
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].database == database)
		{
			known_slot = i;
			return &shared->slots[i];
		}
	return NULL;
}

/* Give signals, each a bit, to a worker, and wake it if it has yet to hear of one. */
static void
give(Worker *worker, int signals)
{
	bool		asleep = false;

	/* the one that wakes it comes last */
	for (int signal = SIGNALS - 1; signal >= 0; signal--)
		if (signals & AT_COMMIT(signal))
			asleep |= pg_atomic_exchange_u32(&worker->signals[signal], 1) == 0;
	if (asleep)
		set_latch_of(&worker->procno);
}

/* The same, to all workers of this database; it gets a lead if it has none. */
static void
give_all(int signals)
{
	Slot	   *slot = slot_of(MyDatabaseId);
	int			n = slot == NULL ? 0 : (int) pg_atomic_read_u32(&slot->wanted);

	for (int number = 0; number < n; number++)
		give(&slot->workers[number], signals);
	/* no worker, or one that has just left */
	if (slot == NULL || slot->database != MyDatabaseId)
		ecapi_slot_want(MyDatabaseId);
}

void
ecapi_wake_now(void)
{
	if (shared != NULL)
		give_all(AT_COMMIT(SIGNAL_STOPS) | AT_COMMIT(SIGNAL_WAKE));
}

/* Give back every hold of this backend and let the launcher look again. */
static void
release_holds(void)
{
	if (shared == NULL || n_my_holds == 0)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	while (n_my_holds > 0)
		shared->slots[my_holds[--n_my_holds]].holds--;
	LWLockRelease(shared->lock);
	set_latch_of(&shared->launcher);
}

static void
release_holds_at_exit(int code, Datum arg)
{
	release_holds();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	/* the DDL that held a slot is through, one way or the other */
	if (n_my_holds > 0 && (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT))
		release_holds();

	if (at_commit == 0)
		return;

	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (at_commit & AT_COMMIT(SIGNAL_RELOAD))
			{
				Oid			cursors = ecapi_relation("cursor_row", true);

				if (OidIsValid(cursors))
					CacheInvalidateRelcacheByRelid(cursors);
			}
			break;
		case XACT_EVENT_COMMIT:
			if (at_commit & AT_COMMIT_RESCAN)
			{
				pg_atomic_write_u32(&shared->rescan, 1);
				set_latch_of(&shared->launcher);
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
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	callbacks_registered = true;
	RegisterXactCallback(at_transaction_end, NULL);
	before_shmem_exit(release_holds_at_exit, (Datum) 0);
}

static void
do_at_commit(int what)
{
	if (shared == NULL || (at_commit & what) != 0)
		return;
	register_callbacks();
	at_commit |= what;
}

void
ecapi_wake_at_commit(void)
{
	do_at_commit(AT_COMMIT(SIGNAL_WAKE));
}

void
ecapi_reload_at_commit(void)
{
	do_at_commit(AT_COMMIT(SIGNAL_RELOAD));
}

void
ecapi_stops_at_commit(void)
{
	do_at_commit(AT_COMMIT(SIGNAL_STOPS));
}

void
ecapi_rescan_at_commit(void)
{
	do_at_commit(AT_COMMIT_RESCAN);
}

bool
ecapi_slot_read(int i, int number, EcapiSlotInfo *info)
{
	const Slot *slot = &shared->slots[i];
	const Worker *worker = &slot->workers[number];

	LWLockAcquire(shared->lock, LW_SHARED);
	*info = (EcapiSlotInfo) {
		.database = slot->database, .state = worker->state, .pid = worker->pid,
		.held = slot->holds > 0, .generation = worker->generation,
		.started_at = worker->started_at
	};
	strlcpy(info->message, worker->message, ECAPI_MESSAGE_SIZE);
	LWLockRelease(shared->lock);
	return info->state != ECAPI_SLOT_FREE;
}

bool
ecapi_slot_of_database(Oid database, EcapiSlotInfo *info)
{
	Slot	   *slot;

	if (shared == NULL || (slot = slot_of(database)) == NULL)
		return false;
	(void) ecapi_slot_read(slot - shared->slots, 0, info);
	return info->database == database;
}

int
ecapi_slot_number(void)
{
	Slot	   *slot = shared != NULL ? slot_of(MyDatabaseId) : NULL;

	return slot != NULL ? (int) (slot - shared->slots) : -1;
}

bool
ecapi_launcher_running(void)
{
	return shared != NULL && pg_atomic_read_u32(&shared->launcher) != 0;
}

/* Whether a worker of a slot runs; under the lock. */
static bool
any_runs(const Slot *slot)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (slot->workers[number].state == ECAPI_SLOT_RUNNING)
			return true;
	return false;
}

bool
ecapi_hold_database(Oid database)
{
	Slot	   *slot;
	bool		runs = false;

	if (shared == NULL || (slot = slot_of(database)) == NULL ||
		n_my_holds >= MAX_HOLDS)
		return false;
	register_callbacks();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->database == database)
	{
		slot->holds++;
		my_holds[n_my_holds++] = slot - shared->slots;
		runs = any_runs(slot);
	}
	LWLockRelease(shared->lock);
	return runs;
}

static void
detach_launcher(int code, Datum arg)
{
	pg_atomic_write_u32(&shared->launcher, 0);
	/* its successor must look at every database again */
	pg_atomic_write_u32(&shared->rescan, 1);
}

void
ecapi_launcher_attach(void)
{
	pg_atomic_write_u32(&shared->launcher, ecapi_proc_number() + 1);
	before_shmem_exit(detach_launcher, (Datum) 0);
}

bool
ecapi_launcher_rescan(void)
{
	return pg_atomic_exchange_u32(&shared->rescan, 0) != 0;
}

int
ecapi_slot_count(void)
{
	return shared == NULL ? 0 : shared->nslots;
}

Oid
ecapi_slot_database(int i)
{
	return shared->slots[i].database;
}

/* No worker of a slot is wanted but the lead; under the lock. */
static void
clear(Slot *slot, EcapiSlotState lead)
{
	pg_atomic_write_u32(&slot->wanted, 1);
	for (int number = 0; number < ECAPI_WORKERS; number++)
		slot->workers[number].state = ECAPI_SLOT_FREE;
	slot->workers[0].state = lead;
}

/* A free slot is a database's from now on; under the lock. */
static void
give_slot(Slot *slot, Oid database)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
	{
		Worker	   *worker = &slot->workers[number];

		worker->pid = 0;
		worker->started_at = 0;
		for (int signal = 0; signal < SIGNALS; signal++)
			pg_atomic_write_u32(&worker->signals[signal], 0);
		strlcpy(worker->message, "it has yet to be started", ECAPI_MESSAGE_SIZE);
	}
	clear(slot, ECAPI_SLOT_WANTED);
	slot->database = database;
	for (int i = 0; i < n_parts; i++)
		parts[i]->reset((int) (slot - shared->slots), database);
}

bool
ecapi_slot_want(Oid database)
{
	Slot	   *free_slot = NULL;
	bool		done = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots && !done; i++)
	{
		Slot	   *slot = &shared->slots[i];

		if (slot->database == database)
			done = true;
		else if (!OidIsValid(slot->database) && slot->holds == 0 && free_slot == NULL)
			free_slot = slot;
	}
	if (!done && free_slot != NULL)
	{
		give_slot(free_slot, database);
		done = true;
	}
	LWLockRelease(shared->lock);
	set_latch_of(&shared->launcher);
	return done;
}

void
ecapi_slot_starting(int i, int number)
{
	Worker	   *worker = &shared->slots[i].workers[number];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	worker->state = ECAPI_SLOT_STARTING;
	worker->generation++;
	worker->started_at = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

/* What becomes of a worker that ended, or did not come to be; under the lock. */
static void
next_of(Slot *slot, int number)
{
	slot->workers[number].pid = 0;
	slot->workers[number].state = number < (int) pg_atomic_read_u32(&slot->wanted)
		? ECAPI_SLOT_WANTED : ECAPI_SLOT_FREE;
}

void
ecapi_slot_failed(int i, int number, const char *message)
{
	Slot	   *slot = &shared->slots[i];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->workers[number].state == ECAPI_SLOT_STARTING)
	{
		next_of(slot, number);
		strlcpy(slot->workers[number].message, message, ECAPI_MESSAGE_SIZE);
	}
	LWLockRelease(shared->lock);
}

void
ecapi_slot_free(int i)
{
	Slot	   *slot = &shared->slots[i];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (!any_runs(slot))
	{
		clear(slot, ECAPI_SLOT_FREE);
		slot->database = InvalidOid;
	}
	LWLockRelease(shared->lock);
}

static Worker *
myself(void)
{
	return &shared->slots[my_slot].workers[my_number];
}

static void
detach_worker(int code, Datum arg)
{
	Slot	   *slot;
	Worker	   *worker;

	if (my_slot < 0)
		return;
	slot = &shared->slots[my_slot];
	worker = myself();
	pg_atomic_write_u32(&worker->procno, 0);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	next_of(slot, my_number);
	if (worker->message[0] == '\0')
		strlcpy(worker->message, "it ended and will be started again", ECAPI_MESSAGE_SIZE);
	LWLockRelease(shared->lock);
	my_slot = -1;
	set_latch_of(&shared->launcher);
	/* the lead may give its destinations to others */
	if (my_number > 0)
		give(&slot->workers[0], AT_COMMIT(SIGNAL_RELOAD));
}

bool
ecapi_worker_attach(int i, int number, Oid database)
{
	Slot	   *slot = &shared->slots[i];
	Worker	   *worker = &slot->workers[number];
	bool		mine;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	mine = slot->database == database && worker->state == ECAPI_SLOT_STARTING &&
		slot->holds == 0;
	if (mine)
	{
		worker->state = ECAPI_SLOT_RUNNING;
		worker->pid = MyProcPid;
		worker->message[0] = '\0';
		pg_atomic_write_u32(&worker->procno, ecapi_proc_number() + 1);
		my_slot = i;
		my_number = number;
	}
	LWLockRelease(shared->lock);
	if (mine)
		before_shmem_exit(detach_worker, (Datum) 0);
	if (mine && number > 0)
		give(&slot->workers[0], AT_COMMIT(SIGNAL_RELOAD));
	return mine;
}

int
ecapi_worker_number(void)
{
	return my_number;
}

bool
ecapi_worker_leads(void)
{
	return my_number == 0;
}

/* Whether a worker was given any signal. */
static bool
is_woken(Worker *worker)
{
	for (int signal = 0; signal < SIGNALS; signal++)
		if (pg_atomic_read_u32(&worker->signals[signal]) != 0)
			return true;
	return false;
}

void
ecapi_worker_retire(void)
{
	int			i = my_slot;
	Slot	   *slot = &shared->slots[i];

	if (i < 0)
		return;
	detach_worker(0, (Datum) 0);
	if (my_number > 0)
	{
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		if (slot->workers[my_number].state == ECAPI_SLOT_WANTED)
			slot->workers[my_number].state = ECAPI_SLOT_FREE;
		LWLockRelease(shared->lock);
		return;
	}
	ecapi_slot_free(i);
	pg_memory_barrier();
	if (is_woken(&slot->workers[0]))
		ecapi_slot_want(MyDatabaseId);
}

bool
ecapi_worker_leave(void)
{
	Slot	   *slot = &shared->slots[my_slot];
	Worker	   *lead = &slot->workers[0];
	Oid			database = MyDatabaseId;
	bool		leaves;

	if (my_number > 0)
	{
		detach_worker(0, (Datum) 0);
		return true;
	}
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->database = InvalidOid;
	pg_memory_barrier();
	lead->state = ECAPI_SLOT_FREE;
	leaves = slot->holds == 0 && !is_woken(lead) && !any_runs(slot);
	if (leaves)
	{
		clear(slot, ECAPI_SLOT_FREE);
		lead->pid = 0;
		pg_atomic_write_u32(&lead->procno, 0);
		my_slot = -1;
	}
	else
	{
		lead->state = ECAPI_SLOT_RUNNING;
		slot->database = database;
	}
	LWLockRelease(shared->lock);
	/* another database may wait for a slot */
	if (leaves)
		set_latch_of(&shared->launcher);
	return leaves;
}

void
ecapi_workers_want(int n)
{
	Slot	   *slot = &shared->slots[my_slot];
	bool		starts = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	pg_atomic_write_u32(&slot->wanted, n);
	for (int number = 1; number < ECAPI_WORKERS; number++)
	{
		Worker	   *worker = &slot->workers[number];

		if (number < n && worker->state == ECAPI_SLOT_FREE)
		{
			worker->state = ECAPI_SLOT_WANTED;
			starts = true;
			strlcpy(worker->message, "it has yet to be started", ECAPI_MESSAGE_SIZE);
		}
		else if (number >= n && worker->state == ECAPI_SLOT_WANTED)
			worker->state = ECAPI_SLOT_FREE;
	}
	LWLockRelease(shared->lock);
	if (starts)
		set_latch_of(&shared->launcher);
	/* beyond the number nothing wakes them but this */
	for (int number = n; number < ECAPI_WORKERS; number++)
		give(&slot->workers[number], AT_COMMIT(SIGNAL_RELOAD));
}

int
ecapi_workers_wanted(void)
{
	return (int) pg_atomic_read_u32(&shared->slots[my_slot].wanted);
}

bool
ecapi_workers_runs(int number)
{
	bool		runs;

	LWLockAcquire(shared->lock, LW_SHARED);
	runs = shared->slots[my_slot].workers[number].state == ECAPI_SLOT_RUNNING;
	LWLockRelease(shared->lock);
	return runs;
}

static void
give_others(int signals)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (number != my_number)
			give(&shared->slots[my_slot].workers[number], signals);
}

void
ecapi_workers_reload(void)
{
	give_others(AT_COMMIT(SIGNAL_RELOAD));
}

void
ecapi_workers_stops(void)
{
	give_others(AT_COMMIT(SIGNAL_STOPS));
}

void
ecapi_workers_wake(int number)
{
	set_latch_of(&shared->slots[my_slot].workers[number].procno);
}

void
ecapi_worker_message(const char *message)
{
	if (my_slot < 0)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(myself()->message, message, ECAPI_MESSAGE_SIZE);
	LWLockRelease(shared->lock);
}

bool
ecapi_worker_woken(void)
{
	return pg_atomic_exchange_u32(&myself()->signals[SIGNAL_WAKE], 0) != 0;
}

bool
ecapi_worker_wake_pending(void)
{
	return pg_atomic_read_u32(&myself()->signals[SIGNAL_WAKE]) != 0;
}

bool
ecapi_worker_reload(void)
{
	return pg_atomic_exchange_u32(&myself()->signals[SIGNAL_RELOAD], 0) != 0;
}

bool
ecapi_worker_stops(void)
{
	return pg_atomic_exchange_u32(&myself()->signals[SIGNAL_STOPS], 0) != 0;
}

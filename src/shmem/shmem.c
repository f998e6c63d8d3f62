/*
 * shmem.c
 *	  Worker slots in shared memory, and waking a worker at commit.
 *
 * A slot belongs to a database that has, or may have, the extension.  Its
 * life:
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

typedef struct Slot
{
	EcapiSlotInfo info;
	int			holds;			/* backends that hold it */
	pg_atomic_uint32 procno;	/* of the worker, plus one; 0 for none */
	pg_atomic_uint32 signals[SIGNALS];	/* 1: given, and not yet heard */
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
		{
			pg_atomic_init_u32(&shared->slots[i].procno, 0);
			for (int signal = 0; signal < SIGNALS; signal++)
				pg_atomic_init_u32(&shared->slots[i].signals[signal], 0);
		}
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
		shared->slots[known_slot].info.database == database)
		return &shared->slots[known_slot];
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].info.database == database)
		{
			known_slot = i;
			return &shared->slots[i];
		}
	return NULL;
}

void
ecapi_wake_now(void)
{
	Slot	   *slot;

	if (shared == NULL)
		return;
	slot = slot_of(MyDatabaseId);
	if (slot != NULL)
	{
		pg_atomic_write_u32(&slot->signals[SIGNAL_STOPS], 1);
		if (pg_atomic_exchange_u32(&slot->signals[SIGNAL_WAKE], 1) == 0)
			set_latch_of(&slot->procno);
	}
	if (slot == NULL || slot->info.database != MyDatabaseId)
		ecapi_slot_want(MyDatabaseId);
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
			{
				Slot	   *slot = slot_of(MyDatabaseId);
				bool		asleep = false;

				if (at_commit & AT_COMMIT_RESCAN)
				{
					pg_atomic_write_u32(&shared->rescan, 1);
					set_latch_of(&shared->launcher);
				}
				/* the one that wakes it comes last */
				for (int signal = SIGNALS - 1; slot != NULL && signal >= 0; signal--)
					if (at_commit & AT_COMMIT(signal))
						asleep |= pg_atomic_exchange_u32(&slot->signals[signal], 1) == 0;
				if (asleep)
					set_latch_of(&slot->procno);
				/* no worker, or one that has just left */
				if ((at_commit & ~AT_COMMIT_RESCAN) != 0 &&
					(slot == NULL || slot->info.database != MyDatabaseId))
					ecapi_slot_want(MyDatabaseId);
			}
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

static void
copy_out(const Slot *slot, EcapiSlotInfo *info)
{
	LWLockAcquire(shared->lock, LW_SHARED);
	*info = slot->info;
	info->held = slot->holds > 0;
	LWLockRelease(shared->lock);
}

bool
ecapi_slot_of_database(Oid database, EcapiSlotInfo *info)
{
	Slot	   *slot;

	if (shared == NULL || (slot = slot_of(database)) == NULL)
		return false;
	copy_out(slot, info);
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

int
ecapi_hold_database(Oid database)
{
	Slot	   *slot;
	int			pid = 0;

	if (shared == NULL || (slot = slot_of(database)) == NULL ||
		n_my_holds >= MAX_HOLDS)
		return 0;
	register_callbacks();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->info.database == database)
	{
		slot->holds++;
		my_holds[n_my_holds++] = slot - shared->slots;
		pid = slot->info.pid;
	}
	LWLockRelease(shared->lock);
	return pid;
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
	return shared->slots[i].info.database;
}

bool
ecapi_slot_read(int i, EcapiSlotInfo *info)
{
	copy_out(&shared->slots[i], info);
	return info->state != ECAPI_SLOT_FREE;
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

		if (slot->info.database == database)
			done = true;
		else if (slot->info.state == ECAPI_SLOT_FREE && slot->holds == 0 &&
				 free_slot == NULL)
			free_slot = slot;
	}
	if (!done && free_slot != NULL)
	{
		uint32		generation = free_slot->info.generation;

		MemSet(&free_slot->info, 0, sizeof(EcapiSlotInfo));
		free_slot->info.generation = generation;
		for (int signal = 0; signal < SIGNALS; signal++)
			pg_atomic_write_u32(&free_slot->signals[signal], 0);
		free_slot->info.state = ECAPI_SLOT_WANTED;
		free_slot->info.database = database;
		for (int i = 0; i < n_parts; i++)
			parts[i]->reset((int) (free_slot - shared->slots), database);
		strlcpy(free_slot->info.message, "it has yet to be started",
				ECAPI_MESSAGE_SIZE);
		done = true;
	}
	LWLockRelease(shared->lock);
	set_latch_of(&shared->launcher);
	return done;
}

void
ecapi_slot_starting(int i)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->slots[i].info.state = ECAPI_SLOT_STARTING;
	shared->slots[i].info.generation++;
	shared->slots[i].info.started_at = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

void
ecapi_slot_failed(int i, const char *message)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->slots[i].info.state == ECAPI_SLOT_STARTING)
	{
		shared->slots[i].info.state = ECAPI_SLOT_WANTED;
		strlcpy(shared->slots[i].info.message, message, ECAPI_MESSAGE_SIZE);
	}
	LWLockRelease(shared->lock);
}

void
ecapi_slot_free(int i)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->slots[i].info.state != ECAPI_SLOT_RUNNING)
	{
		shared->slots[i].info.state = ECAPI_SLOT_FREE;
		shared->slots[i].info.database = InvalidOid;
	}
	LWLockRelease(shared->lock);
}

static void
detach_worker(int code, Datum arg)
{
	Slot	   *slot;

	if (my_slot < 0)
		return;
	slot = &shared->slots[my_slot];
	pg_atomic_write_u32(&slot->procno, 0);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->info.state = ECAPI_SLOT_WANTED;
	slot->info.pid = 0;
	if (slot->info.message[0] == '\0')
		strlcpy(slot->info.message, "it ended and will be started again",
				ECAPI_MESSAGE_SIZE);
	LWLockRelease(shared->lock);
	my_slot = -1;
	set_latch_of(&shared->launcher);
}

bool
ecapi_worker_attach(int i, Oid database)
{
	Slot	   *slot = &shared->slots[i];
	bool		mine;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	mine = slot->info.database == database &&
		slot->info.state == ECAPI_SLOT_STARTING && slot->holds == 0;
	if (mine)
	{
		slot->info.state = ECAPI_SLOT_RUNNING;
		slot->info.pid = MyProcPid;
		slot->info.message[0] = '\0';
		pg_atomic_write_u32(&slot->procno, ecapi_proc_number() + 1);
		my_slot = i;
	}
	LWLockRelease(shared->lock);
	if (mine)
		before_shmem_exit(detach_worker, (Datum) 0);
	return mine;
}

/* Whether the worker of a slot was given any signal. */
static bool
is_woken(Slot *slot)
{
	for (int signal = 0; signal < SIGNALS; signal++)
		if (pg_atomic_read_u32(&slot->signals[signal]) != 0)
			return true;
	return false;
}

void
ecapi_worker_retire(void)
{
	int			i = my_slot;

	detach_worker(0, (Datum) 0);
	if (i < 0)
		return;
	ecapi_slot_free(i);
	pg_memory_barrier();
	if (is_woken(&shared->slots[i]))
		ecapi_slot_want(MyDatabaseId);
}

bool
ecapi_worker_leave(void)
{
	Slot	   *slot = &shared->slots[my_slot];
	Oid			database = MyDatabaseId;
	bool		leaves;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->info.database = InvalidOid;
	pg_memory_barrier();
	leaves = slot->holds == 0 && !is_woken(slot);
	if (leaves)
	{
		slot->info.state = ECAPI_SLOT_FREE;
		slot->info.pid = 0;
		pg_atomic_write_u32(&slot->procno, 0);
		my_slot = -1;
	}
	else
		slot->info.database = database;
	LWLockRelease(shared->lock);
	/* another database may wait for a slot */
	if (leaves)
		set_latch_of(&shared->launcher);
	return leaves;
}

void
ecapi_worker_message(const char *message)
{
	if (my_slot < 0)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(shared->slots[my_slot].info.message, message, ECAPI_MESSAGE_SIZE);
	LWLockRelease(shared->lock);
}

bool
ecapi_worker_woken(void)
{
	return pg_atomic_exchange_u32(&shared->slots[my_slot].signals[SIGNAL_WAKE], 0) != 0;
}

bool
ecapi_worker_wake_pending(void)
{
	return pg_atomic_read_u32(&shared->slots[my_slot].signals[SIGNAL_WAKE]) != 0;
}

bool
ecapi_worker_reload(void)
{
	return pg_atomic_exchange_u32(&shared->slots[my_slot].signals[SIGNAL_RELOAD], 0) != 0;
}

bool
ecapi_worker_stops(void)
{
	return pg_atomic_exchange_u32(&shared->slots[my_slot].signals[SIGNAL_STOPS], 0) != 0;
}

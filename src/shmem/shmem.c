/*
 * shmem.c
 *	  Slots of databases and their workers in shared memory.
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
 *	 RUNNING -> FREE	detach_worker		it ended and is not
 *
 * A slot is given back only when none of its workers runs, so no worker ever finds its
 * slot with another database.
 *
 * A slot may be held by backends that run DDL on its database (DROP, RENAME,
 * SET TABLESPACE, or as template): while held > 0 the launcher starts nothing
 * in it.  A backend remembers its holds and gives them back when the
 * transaction of the DDL ends, or when the backend exits.
 *
 * Locks: ecapi_slots->lock covers every field of a slot but the atomics, for
 * reading (shared) and writing (exclusive); it is never held across anything
 * that can wait or raise.  procno and the signals are atomics, so that
 * the commit of a transaction takes no lock here (wake.c).
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
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "settings.h"
#include "shmem/shmem.h"
#include "shmem/slots.h"

EcapiSlots *ecapi_slots = NULL;

static const EcapiShmemPart *parts[ECAPI_SHMEM_PARTS];
static int	n_parts = 0;

static int	my_slot = -1;		/* of this worker */
static int	my_number = 0;
static int	known_slot = 0;		/* of MyDatabaseId when last looked up */

#define MAX_HOLDS 4
static int	my_holds[MAX_HOLDS];
static int	n_my_holds = 0;

static Size
slots_size(void)
{
	return MAXALIGN(add_size(offsetof(EcapiSlots, slots),
							 mul_size(ecapi_max_workers, sizeof(EcapiSlot))));
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
init_slot(EcapiSlot *slot)
{
	pg_atomic_init_u32(&slot->wanted, 1);
	for (int number = 0; number < ECAPI_WORKERS; number++)
	{
		pg_atomic_init_u32(&slot->workers[number].procno, 0);
		for (int signal = 0; signal < ECAPI_SIGNALS; signal++)
			pg_atomic_init_u32(&slot->workers[number].signals[signal], 0);
	}
}

void
ecapi_shmem_startup(void)
{
	bool		found;
	char	   *memory;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	ecapi_slots = ShmemInitStruct("ecapi", shared_size(), &found);
	if (!found)
	{
		MemSet(ecapi_slots, 0, shared_size());
		ecapi_slots->lock = &GetNamedLWLockTranche("ecapi")->lock;
		ecapi_slots->nslots = ecapi_max_workers;
		pg_atomic_init_u32(&ecapi_slots->launcher, 0);
		pg_atomic_init_u32(&ecapi_slots->rescan, 1);
		for (int i = 0; i < ecapi_slots->nslots; i++)
			init_slot(&ecapi_slots->slots[i]);
	}
	memory = (char *) ecapi_slots + slots_size();
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
	return ecapi_slots != NULL;
}

EcapiSlot *
ecapi_slot_find(Oid database)
{
	if (known_slot < ecapi_slots->nslots &&
		ecapi_slots->slots[known_slot].database == database)
		return &ecapi_slots->slots[known_slot];
	for (int i = 0; i < ecapi_slots->nslots; i++)
		if (ecapi_slots->slots[i].database == database)
		{
			known_slot = i;
			return &ecapi_slots->slots[i];
		}
	return NULL;
}

/* Give back every hold of this backend and let the launcher look again. */
static void
release_holds(void)
{
	if (ecapi_slots == NULL || n_my_holds == 0)
		return;
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	while (n_my_holds > 0)
		ecapi_slots->slots[my_holds[--n_my_holds]].holds--;
	LWLockRelease(ecapi_slots->lock);
	ecapi_slot_latch(&ecapi_slots->launcher);
}

static void
release_holds_at_exit(int code, Datum arg)
{
	release_holds();
}

/* The DDL that held a slot is through, one way or the other. */
static void
release_holds_at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		release_holds();
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	registered = true;
	RegisterXactCallback(release_holds_at_end, NULL);
	before_shmem_exit(release_holds_at_exit, (Datum) 0);
}

bool
ecapi_slot_read(int i, int number, EcapiSlotInfo *info)
{
	const EcapiSlot *slot = &ecapi_slots->slots[i];
	const EcapiSlotWorker *worker = &slot->workers[number];

	LWLockAcquire(ecapi_slots->lock, LW_SHARED);
	*info = (EcapiSlotInfo) {
		.database = slot->database, .state = worker->state, .pid = worker->pid,
		.held = slot->holds > 0, .generation = worker->generation,
		.started_at = worker->started_at
	};
	strlcpy(info->message, worker->message, ECAPI_MESSAGE_SIZE);
	LWLockRelease(ecapi_slots->lock);
	return info->state != ECAPI_SLOT_FREE;
}

bool
ecapi_slot_of_database(Oid database, EcapiSlotInfo *info)
{
	EcapiSlot  *slot;

	if (ecapi_slots == NULL || (slot = ecapi_slot_find(database)) == NULL)
		return false;
	(void) ecapi_slot_read(slot - ecapi_slots->slots, 0, info);
	return info->database == database;
}

int
ecapi_slot_number(void)
{
	EcapiSlot  *slot;

	/* a worker has its slot until it ends, whatever becomes of the database in it */
	if (my_slot >= 0)
		return my_slot;
	slot = ecapi_slots != NULL ? ecapi_slot_find(MyDatabaseId) : NULL;
	return slot != NULL ? (int) (slot - ecapi_slots->slots) : -1;
}

bool
ecapi_launcher_running(void)
{
	return ecapi_slots != NULL && pg_atomic_read_u32(&ecapi_slots->launcher) != 0;
}

const char *
ecapi_slot_state_name(EcapiSlotState state)
{
	return state == ECAPI_SLOT_RUNNING ? "running" : state == ECAPI_SLOT_STARTING ? "starting" : "stopped";
}

/* Whether a worker of a slot runs; under the lock. */
static bool
any_runs(const EcapiSlot *slot)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (slot->workers[number].state == ECAPI_SLOT_RUNNING)
			return true;
	return false;
}

bool
ecapi_hold_database(Oid database)
{
	EcapiSlot  *slot;
	bool		runs = false;

	if (ecapi_slots == NULL || (slot = ecapi_slot_find(database)) == NULL ||
		n_my_holds >= MAX_HOLDS)
		return false;
	register_callbacks();
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	if (slot->database == database)
	{
		slot->holds++;
		my_holds[n_my_holds++] = slot - ecapi_slots->slots;
		runs = any_runs(slot);
	}
	LWLockRelease(ecapi_slots->lock);
	return runs;
}

static void
detach_launcher(int code, Datum arg)
{
	pg_atomic_write_u32(&ecapi_slots->launcher, 0);
	/* its successor must look at every database again */
	pg_atomic_write_u32(&ecapi_slots->rescan, 1);
}

void
ecapi_launcher_attach(void)
{
	pg_atomic_write_u32(&ecapi_slots->launcher, ecapi_proc_number() + 1);
	before_shmem_exit(detach_launcher, (Datum) 0);
}

bool
ecapi_launcher_rescan(void)
{
	return pg_atomic_exchange_u32(&ecapi_slots->rescan, 0) != 0;
}

int
ecapi_slot_count(void)
{
	return ecapi_slots == NULL ? 0 : ecapi_slots->nslots;
}

Oid
ecapi_slot_database(int i)
{
	return ecapi_slots->slots[i].database;
}

/* No worker of a slot is wanted but the lead; under the lock. */
static void
clear(EcapiSlot *slot, EcapiSlotState lead)
{
	pg_atomic_write_u32(&slot->wanted, 1);
	for (int number = 0; number < ECAPI_WORKERS; number++)
		slot->workers[number].state = ECAPI_SLOT_FREE;
	slot->workers[0].state = lead;
}

/* A free slot is a database's from now on; under the lock. */
static void
give_slot(EcapiSlot *slot, Oid database)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
	{
		EcapiSlotWorker *worker = &slot->workers[number];

		worker->pid = 0;
		worker->generation = 0;
		worker->started_at = 0;
		for (int signal = 0; signal < ECAPI_SIGNALS; signal++)
			pg_atomic_write_u32(&worker->signals[signal], 0);
		strlcpy(worker->message, "it has yet to be started", ECAPI_MESSAGE_SIZE);
	}
	clear(slot, ECAPI_SLOT_WANTED);
	slot->database = database;
	for (int i = 0; i < n_parts; i++)
		parts[i]->reset((int) (slot - ecapi_slots->slots), database);
}

bool
ecapi_slot_want(Oid database)
{
	EcapiSlot  *free_slot = NULL;
	bool		done = false;

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	for (int i = 0; i < ecapi_slots->nslots && !done; i++)
	{
		EcapiSlot  *slot = &ecapi_slots->slots[i];

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
	LWLockRelease(ecapi_slots->lock);
	ecapi_slot_latch(&ecapi_slots->launcher);
	return done;
}

bool
ecapi_slot_starting(int i, int number, Oid database)
{
	EcapiSlot  *slot = &ecapi_slots->slots[i];
	EcapiSlotWorker *worker = &slot->workers[number];
	bool		wanted;

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	/* as it was when it was read */
	wanted = slot->database == database && worker->state == ECAPI_SLOT_WANTED;
	if (wanted)
	{
		worker->state = ECAPI_SLOT_STARTING;
		worker->generation++;
		worker->started_at = GetCurrentTimestamp();
	}
	LWLockRelease(ecapi_slots->lock);
	return wanted;
}

/* What becomes of a worker that ended, or did not come to be; under the lock. */
static void
next_of(EcapiSlot *slot, int number)
{
	slot->workers[number].pid = 0;
	slot->workers[number].ready = false;
	slot->workers[number].state = number < (int) pg_atomic_read_u32(&slot->wanted)
		? ECAPI_SLOT_WANTED : ECAPI_SLOT_FREE;
}

void
ecapi_slot_failed(int i, int number, const char *message)
{
	EcapiSlot  *slot = &ecapi_slots->slots[i];

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	if (slot->workers[number].state == ECAPI_SLOT_STARTING)
	{
		next_of(slot, number);
		strlcpy(slot->workers[number].message, message, ECAPI_MESSAGE_SIZE);
	}
	LWLockRelease(ecapi_slots->lock);
}

void
ecapi_slot_free(int i)
{
	EcapiSlot  *slot = &ecapi_slots->slots[i];

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	if (!any_runs(slot))
	{
		clear(slot, ECAPI_SLOT_FREE);
		slot->database = InvalidOid;
	}
	LWLockRelease(ecapi_slots->lock);
}

EcapiSlotWorker *
ecapi_slot_myself(void)
{
	return &ecapi_slots->slots[my_slot].workers[my_number];
}

static void
detach_worker(int code, Datum arg)
{
	EcapiSlot  *slot;
	EcapiSlotWorker *worker;

	if (my_slot < 0)
		return;
	slot = &ecapi_slots->slots[my_slot];
	worker = ecapi_slot_myself();
	pg_atomic_write_u32(&worker->procno, 0);
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	next_of(slot, my_number);
	if (worker->message[0] == '\0')
		strlcpy(worker->message, "it ended and will be started again", ECAPI_MESSAGE_SIZE);
	LWLockRelease(ecapi_slots->lock);
	my_slot = -1;
	ecapi_slot_latch(&ecapi_slots->launcher);
	/* the lead may give its destinations to others */
	if (my_number > 0)
		ecapi_slot_signal(&slot->workers[0], ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD));
}

bool
ecapi_worker_attach(int i, int number, Oid database)
{
	EcapiSlot  *slot = &ecapi_slots->slots[i];
	EcapiSlotWorker *worker = &slot->workers[number];
	bool		mine;

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
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
	LWLockRelease(ecapi_slots->lock);
	if (mine)
		before_shmem_exit(detach_worker, (Datum) 0);
	return mine;
}

void
ecapi_worker_ready(void)
{
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	ecapi_slot_myself()->ready = true;
	LWLockRelease(ecapi_slots->lock);
	/* the lead may give it destinations */
	if (my_number > 0)
		ecapi_slot_signal(&ecapi_slots->slots[my_slot].workers[0], ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD));
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

void
ecapi_worker_retire(void)
{
	int			i = my_slot;
	EcapiSlot  *slot = &ecapi_slots->slots[i];

	if (i < 0)
		return;
	detach_worker(0, (Datum) 0);
	/* another one is tried again until the lead has retired, too */
	if (my_number > 0)
		return;
	ecapi_slot_free(i);
	pg_memory_barrier();
	if (ecapi_slot_is_woken(&slot->workers[0]))
		ecapi_slot_want(MyDatabaseId);
}

bool
ecapi_worker_leave(void)
{
	EcapiSlot  *slot = &ecapi_slots->slots[my_slot];
	EcapiSlotWorker *lead = &slot->workers[0];
	Oid			database = MyDatabaseId;
	bool		leaves;

	if (my_number > 0)
	{
		detach_worker(0, (Datum) 0);
		return true;
	}
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	lead->state = ECAPI_SLOT_FREE;
	leaves = slot->holds == 0 && !any_runs(slot);
	if (leaves)
	{
		slot->database = InvalidOid;
		pg_memory_barrier();
		leaves = !ecapi_slot_is_woken(lead);
	}
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
	LWLockRelease(ecapi_slots->lock);
	/* another database may wait for a slot */
	if (leaves)
		ecapi_slot_latch(&ecapi_slots->launcher);
	return leaves;
}

void
ecapi_workers_want(int n)
{
	EcapiSlot  *slot = &ecapi_slots->slots[my_slot];
	bool		starts = false;

	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	pg_atomic_write_u32(&slot->wanted, n);
	for (int number = 1; number < ECAPI_WORKERS; number++)
	{
		EcapiSlotWorker *worker = &slot->workers[number];

		if (number < n && worker->state == ECAPI_SLOT_FREE)
		{
			worker->state = ECAPI_SLOT_WANTED;
			starts = true;
			strlcpy(worker->message, "it has yet to be started", ECAPI_MESSAGE_SIZE);
		}
		else if (number >= n && worker->state == ECAPI_SLOT_WANTED)
			worker->state = ECAPI_SLOT_FREE;
	}
	LWLockRelease(ecapi_slots->lock);
	if (starts)
		ecapi_slot_latch(&ecapi_slots->launcher);
	/* beyond the number nothing wakes them but this */
	for (int number = n; number < ECAPI_WORKERS; number++)
		ecapi_slot_signal(&slot->workers[number], ECAPI_SIGNAL(ECAPI_SIGNAL_RELOAD));
}

int
ecapi_workers_wanted(void)
{
	return (int) pg_atomic_read_u32(&ecapi_slots->slots[my_slot].wanted);
}

bool
ecapi_workers_runs(int number)
{
	bool		runs;

	LWLockAcquire(ecapi_slots->lock, LW_SHARED);
	runs = ecapi_slots->slots[my_slot].workers[number].ready;
	LWLockRelease(ecapi_slots->lock);
	return runs;
}

void
ecapi_worker_message(const char *message)
{
	if (my_slot < 0)
		return;
	LWLockAcquire(ecapi_slots->lock, LW_EXCLUSIVE);
	strlcpy(ecapi_slot_myself()->message, message, ECAPI_MESSAGE_SIZE);
	LWLockRelease(ecapi_slots->lock);
}


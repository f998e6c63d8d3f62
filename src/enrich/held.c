/*
 * held.c
 *	  Functions that did not come back, and are not called again.
 *
 * A function that swallows every cancel ends only with its process.  The worker
 * that is started next must not call it again, so who ends is remembered in
 * shared memory: for each worker slot (so for each database) a few functions,
 * each in the version that it had.  Replacing or altering it makes a new row of
 * pg_proc, and the new one is not held.
 *
 * A restart of the server forgets, and so does a crash: then the function is
 * tried once more, and held again.
 *
 * When more are held than there is room for, the oldest is tried again, too.
 *
 * Locks: one spinlock over all of it, never held across anything but copying.
 */
#include "postgres.h"

#include "storage/spin.h"
#include "utils/timestamp.h"

#include "enrich/held.h"
#include "shmem/shmem.h"

/* Functions of one database; one is rare. */
#define HELD_MAX	8

typedef struct HeldSlot
{
	int			next;			/* where the next one is written */
	EcapiHeld	list[HELD_MAX];
} HeldSlot;

typedef struct HeldShared
{
	slock_t		lock;
	HeldSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} HeldShared;

static HeldShared *shared = NULL;

static Size
shared_size(int nslots)
{
	return add_size(offsetof(HeldShared, slots), mul_size(nslots, sizeof(HeldSlot)));
}

/*
 * Take the memory in use; first: no process did so before, so that it is set up.
 * The caller holds AddinShmemInitLock.
 */
static void
attach(void *memory, int nslots, bool first)
{
	shared = memory;
	if (!first)
		return;
	MemSet(shared, 0, shared_size(nslots));
	SpinLockInit(&shared->lock);
}

/* The slot is another database's now; the caller has it to itself. */
static void
reset(int slot)
{
	SpinLockAcquire(&shared->lock);
	MemSet(&shared->slots[slot], 0, sizeof(HeldSlot));
	SpinLockRelease(&shared->lock);
}

const EcapiShmemPart ecapi_held_part = {shared_size, attach, reset};

/* Those of this database; NULL: none can be. */
static HeldSlot *
my_slot(void)
{
	int			slot = shared != NULL ? ecapi_slot_number() : -1;

	return slot >= 0 ? &shared->slots[slot] : NULL;
}

static bool
same_version(const EcapiHeld *a, const EcapiHeld *b)
{
	return a->function == b->function && a->xmin == b->xmin &&
		ItemPointerEquals(unconstify(ItemPointerData *, &a->tid),
						  unconstify(ItemPointerData *, &b->tid));
}

void
ecapi_held_add(const EcapiHeld *held)
{
	HeldSlot   *slot = my_slot();

	TimestampTz now = GetCurrentTimestamp();

	if (slot == NULL || ecapi_held_has(held))
		return;
	SpinLockAcquire(&shared->lock);
	slot->list[slot->next] = *held;
	slot->list[slot->next].since = now;
	slot->next = (slot->next + 1) % HELD_MAX;
	SpinLockRelease(&shared->lock);
}

bool
ecapi_held_has(const EcapiHeld *held)
{
	HeldSlot   *slot = my_slot();
	bool		has = false;

	if (slot == NULL)
		return false;
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < HELD_MAX; i++)
		has |= OidIsValid(slot->list[i].function) && same_version(&slot->list[i], held);
	SpinLockRelease(&shared->lock);
	return has;
}

void
ecapi_held_remove(Oid function, TimestampTz before)
{
	HeldSlot   *slot = my_slot();

	if (slot == NULL)
		return;
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < HELD_MAX; i++)
		if (slot->list[i].function == function && slot->list[i].since < before)
			slot->list[i].function = InvalidOid;
	SpinLockRelease(&shared->lock);
}

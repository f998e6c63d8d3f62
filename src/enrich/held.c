/*
 * held.c
 *	  Functions that did not come back, and are not called again.
 *
 * A function that swallows every cancel ends only with its process.  The process
 * that is started next must not call it again, so which function that was is remembered in
 * shared memory: for each worker slot (so for each database) a few functions,
 * each in the version that it had.  Replacing or altering it makes a new row of
 * pg_proc, and the new one is not held.
 *
 * A restart of the server forgets, and so does a crash: then the function is
 * tried once more, and held again.
 *
 * When more are held than there is room for, the oldest is tried again, too.
 *
 * Locks: a spinlock for each slot, never held across anything but copying.
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
	slock_t		lock;
	int			next;			/* where the next one is written */
	EcapiHeld	list[HELD_MAX];
} HeldSlot;

static HeldSlot *slots = NULL;

static void
init(int slot)
{
	SpinLockInit(&slots[slot].lock);
}

static void
reset(int slot, Oid database)
{
	HeldSlot   *here = &slots[slot];

	SpinLockAcquire(&here->lock);
	here->next = 0;
	MemSet(here->list, 0, sizeof(here->list));
	SpinLockRelease(&here->lock);
}

const EcapiShmemPart ecapi_held_part = {sizeof(HeldSlot), (void **) &slots, init, reset};

/* Those of this database; NULL: none can be. */
static HeldSlot *
my_slot(void)
{
	int			slot = ecapi_slot_number();

	return slot >= 0 ? &slots[slot] : NULL;
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
	SpinLockAcquire(&slot->lock);
	slot->list[slot->next] = *held;
	slot->list[slot->next].since = now;
	slot->next = (slot->next + 1) % HELD_MAX;
	SpinLockRelease(&slot->lock);
}

bool
ecapi_held_has(const EcapiHeld *held)
{
	HeldSlot   *slot = my_slot();
	bool		has = false;

	if (slot == NULL)
		return false;
	SpinLockAcquire(&slot->lock);
	for (int i = 0; i < HELD_MAX; i++)
		has |= OidIsValid(slot->list[i].function) && same_version(&slot->list[i], held);
	SpinLockRelease(&slot->lock);
	return has;
}

void
ecapi_held_remove(Oid function, TimestampTz before)
{
	HeldSlot   *slot = my_slot();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->lock);
	for (int i = 0; i < HELD_MAX; i++)
		if (slot->list[i].function == function && slot->list[i].since < before)
			slot->list[i].function = InvalidOid;
	SpinLockRelease(&slot->lock);
}

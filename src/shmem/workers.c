/*
 * workers.c
 *	  What the workers of a database tell each other through shared memory.
 *
 * Each destination is to be had by one worker: by the lead, unless the lead has given it
 * to another, whose number stands here beside the server.  This is what the lead wants; who
 * has a destination is decided by a lock (pipeline/own.c), so a worker that reads an old
 * entry takes nothing that another has.
 *
 * An entry is a single atomic, so it is read whole; the lead alone writes.  When the lead
 * ends its entries stay, and the next one goes on with them.
 *
 * Locks: none of its own; all fields are atomics, each true by itself.  Who says something that others
 * look for wakes them behind it, which is a barrier (wake.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"

#include "shmem/workers.h"

typedef struct Shared
{
	pg_atomic_uint64 assigned[ECAPI_ASSIGNED];	/* server and number; 0: none */
	pg_atomic_uint64 asked;		/* the last ticket */
	pg_atomic_uint64 settled[ECAPI_WORKERS];	/* each worker's last ticket */
	pg_atomic_uint32 ticks;		/* logged */
	pg_atomic_uint32 watched;
	pg_atomic_uint32 room_short;
} Shared;

/* An entry: the server, and the number of its worker below it. */
#define ENTRY(server, number)	(((uint64) (server) << 8) | (uint64) (number))
#define ENTRY_SERVER(entry)		((Oid) ((entry) >> 8))
#define ENTRY_NUMBER(entry)		((int) ((entry) & 0xff))

static Shared *shared = NULL;	/* for each slot */

static void
init(int slot)
{
	Shared	   *here = &shared[slot];

	for (int i = 0; i < ECAPI_ASSIGNED; i++)
		pg_atomic_init_u64(&here->assigned[i], 0);
	for (int i = 0; i < ECAPI_WORKERS; i++)
		pg_atomic_init_u64(&here->settled[i], 0);
	pg_atomic_init_u64(&here->asked, 0);
	pg_atomic_init_u32(&here->ticks, 0);
	pg_atomic_init_u32(&here->watched, 0);
	pg_atomic_init_u32(&here->room_short, 0);
}

static void
reset(int slot, Oid database)
{
	Shared	   *here = &shared[slot];

	for (int i = 0; i < ECAPI_ASSIGNED; i++)
		pg_atomic_write_u64(&here->assigned[i], 0);
	for (int i = 0; i < ECAPI_WORKERS; i++)
		pg_atomic_write_u64(&here->settled[i], 0);
	pg_atomic_write_u64(&here->asked, 0);
	pg_atomic_write_u32(&here->watched, 0);
	pg_atomic_write_u32(&here->room_short, 0);
}

const EcapiShmemPart ecapi_workers_part = {sizeof(Shared), (void **) &shared, init, reset};

/* What the workers of this database have; NULL: nothing. */
static Shared *
mine(void)
{
	int			slot = ecapi_slot_number();

	return slot < 0 ? NULL : &shared[slot];
}

/* The entry of a server; NULL: it has none. */
static pg_atomic_uint64 *
entry_of(Shared *here, Oid server)
{
	for (int i = 0; here != NULL && i < ECAPI_ASSIGNED; i++)
		if (ENTRY_SERVER(pg_atomic_read_u64(&here->assigned[i])) == server)
			return &here->assigned[i];
	return NULL;
}

int
ecapi_assigned_to(Oid server)
{
	pg_atomic_uint64 *entry = entry_of(mine(), server);
	uint64		value = entry == NULL ? 0 : pg_atomic_read_u64(entry);

	/* it may have changed since it was found */
	return ENTRY_SERVER(value) == server ? ENTRY_NUMBER(value) : 0;
}

bool
ecapi_slot_of_destination(Oid server, EcapiSlotInfo *info)
{
	int			slot = ecapi_slot_number();

	return slot >= 0 &&
		(ecapi_slot_read(slot, ecapi_assigned_to(server), info) || ecapi_slot_read(slot, 0, info)) &&
		info->database == MyDatabaseId;
}

bool
ecapi_assign(Oid server, int number)
{
	Shared	   *here = mine();
	pg_atomic_uint64 *entry = entry_of(here, server);

	uint64		value = number == 0 ? 0 : ENTRY(server, number);

	if (entry == NULL && number > 0)
		entry = entry_of(here, InvalidOid);
	if (entry == NULL || pg_atomic_read_u64(entry) == value)
		return false;
	pg_atomic_write_u64(entry, value);
	return true;
}

void
ecapi_assign_forget(bool (*is_known) (Oid server))
{
	Shared	   *here = mine();

	for (int i = 0; here != NULL && i < ECAPI_ASSIGNED; i++)
	{
		Oid			server = ENTRY_SERVER(pg_atomic_read_u64(&here->assigned[i]));

		if (OidIsValid(server) && !is_known(server))
			pg_atomic_write_u64(&here->assigned[i], 0);
	}
}

uint64
ecapi_settle_ask(void)
{
	uint64		ticket = pg_atomic_add_fetch_u64(&mine()->asked, 1);

	ecapi_workers_stops();
	return ticket;
}

uint64
ecapi_settle_asked(void)
{
	return pg_atomic_read_u64(&mine()->asked);
}

void
ecapi_settle_say(uint64 ticket)
{
	pg_atomic_write_u64(&mine()->settled[ecapi_worker_number()], ticket);
	pg_memory_barrier();
	if (ecapi_worker_number() > 0)
		ecapi_workers_wake(0);
}

bool
ecapi_settle_heard(uint64 ticket)
{
	for (int number = 0; number < ECAPI_WORKERS; number++)
		if (ecapi_workers_runs(number) &&
			pg_atomic_read_u64(&mine()->settled[number]) < ticket)
			return false;
	return true;
}

void
ecapi_tick_log_grew(void)
{
	(void) pg_atomic_fetch_add_u32(&mine()->ticks, 1);
}

uint32
ecapi_tick_log_count(void)
{
	return pg_atomic_read_u32(&mine()->ticks);
}

void
ecapi_room_is_short(bool is_short)
{
	pg_atomic_write_u32(&mine()->room_short, is_short ? 1 : 0);
}

bool
ecapi_room_short(void)
{
	return pg_atomic_read_u32(&mine()->room_short) != 0;
}

void
ecapi_stops_watch(bool on)
{
	/* what was made last is looked at once more; told first, or there would be a gap */
	if (!on)
		ecapi_workers_stops();
	pg_atomic_write_u32(&mine()->watched, on ? 1 : 0);
	pg_memory_barrier();
}

bool
ecapi_stops_watched(void)
{
	return pg_atomic_read_u32(&mine()->watched) != 0;
}

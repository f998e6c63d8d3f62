/*
 * not_carried.c
 *	  How many events of each destination had a field that it does not carry.
 *
 * A platform takes what it has a name for.  What else an event has is missed by nobody
 * until a report is empty; these counters say it before.
 *
 * Shared memory holds places for each worker slot (so for each database), each a
 * destination's, by the oid of its server, with a counter for every field.  A place is
 * taken when something is counted first and given free when the server is gone; a
 * destination that finds none is not counted.  Counters start at zero with the server,
 * and when a slot changes its database.
 *
 * Locks: none.  The one writer of a slot is its worker, so a counter is read, added to
 * and written without a locked instruction.  A reader that finds another server at the
 * place behind its counters than before them lets them go.
 */
#include "postgres.h"

#include "port/atomics.h"

#include "shmem/not_carried.h"

typedef struct Place
{
	pg_atomic_uint32 server;	/* InvalidOid: free */
	pg_atomic_uint64 counts[ECAPI_FIELDS];
} Place;

static Place *places = NULL;	/* ECAPI_NOT_CARRIED_PLACES for each slot */

static Place *
place_of(int slot, int place)
{
	return &places[slot * ECAPI_NOT_CARRIED_PLACES + place];
}

static void
init(int slot)
{
	for (int i = 0; i < ECAPI_NOT_CARRIED_PLACES; i++)
	{
		Place	   *place = place_of(slot, i);

		pg_atomic_init_u32(&place->server, InvalidOid);
		for (int field = 0; field < ECAPI_FIELDS; field++)
			pg_atomic_init_u64(&place->counts[field], 0);
	}
}

static void
reset(int slot)
{
	for (int i = 0; i < ECAPI_NOT_CARRIED_PLACES; i++)
		pg_atomic_write_u32(&place_of(slot, i)->server, InvalidOid);
}

const EcapiShmemPart ecapi_not_carried_part = {
	sizeof(Place) * ECAPI_NOT_CARRIED_PLACES, (void **) &places, init, reset
};

/* Counters are zeroed before they are anybody's. */
static Place *
take(Place *place, Oid server)
{
	for (int field = 0; field < ECAPI_FIELDS; field++)
		pg_atomic_write_u64(&place->counts[field], 0);
	pg_write_barrier();
	pg_atomic_write_u32(&place->server, server);
	return place;
}

/* The place of a server, which is taken if it has none; NULL: all are taken. */
static Place *
find(int slot, Oid server)
{
	static int	last = 0;		/* whose was asked for last */
	Place	   *vacant = NULL;

	if (pg_atomic_read_u32(&place_of(slot, last)->server) == server)
		return place_of(slot, last);
	for (int i = 0; i < ECAPI_NOT_CARRIED_PLACES; i++)
	{
		Place	   *place = place_of(slot, i);
		Oid			owner = pg_atomic_read_u32(&place->server);

		if (owner == server)
		{
			last = i;
			return place;
		}
		if (owner == InvalidOid && vacant == NULL)
			vacant = place;
	}
	return vacant ? take(vacant, server) : NULL;
}

void
ecapi_not_carried_count(Oid server, const EcapiFieldSet *fields)
{
	int			slot = ecapi_slot_number();
	int			field = ecapi_field_set_next(fields, 0);
	Place	   *place;

	if (slot < 0 || field < 0)
		return;
	place = find(slot, server);
	if (place == NULL)
		return;
	for (; field >= 0; field = ecapi_field_set_next(fields, field + 1))
	{
		pg_atomic_uint64 *count = &place->counts[field];

		pg_atomic_write_u64(count, pg_atomic_read_u64(count) + 1);
	}
}

void
ecapi_not_carried_forget(bool (*is_known) (Oid server))
{
	int			slot = ecapi_slot_number();

	if (slot < 0)
		return;
	for (int i = 0; i < ECAPI_NOT_CARRIED_PLACES; i++)
	{
		Place	   *place = place_of(slot, i);
		Oid			server = pg_atomic_read_u32(&place->server);

		if (OidIsValid(server) && !is_known(server))
			pg_atomic_write_u32(&place->server, InvalidOid);
	}
}

bool
ecapi_not_carried_read(int slot, int place, Oid *server, uint64 counts[ECAPI_FIELDS])
{
	Place	   *read = place_of(slot, place);

	Assert(slot >= 0 && slot < ecapi_slot_count());
	*server = pg_atomic_read_u32(&read->server);
	pg_read_barrier();
	for (int field = 0; field < ECAPI_FIELDS; field++)
		counts[field] = pg_atomic_read_u64(&read->counts[field]);
	pg_read_barrier();
	return OidIsValid(*server) && pg_atomic_read_u32(&read->server) == *server;
}

/*
 * not_carried.c
 *	  How many events of each destination had a field that it does not carry.
 *
 * A platform takes what it has a name for.  What else an event has is missed by nobody
 * until a report is empty; these counters say it before.
 *
 * Shared memory holds places (places.c) for each worker slot (so for each database), each
 * a destination's, by the oid of its server, with a counter for every field.  Counters
 * start at zero with the server, and when a slot changes its database.
 *
 * Locks: none; workers add to a counter by a locked instruction.
 */
#include "postgres.h"

#include "shmem/not_carried.h"
#include "shmem/places.h"

#define LENGTH	ECAPI_PLACES_LENGTH(ECAPI_NOT_CARRIED_PLACES, ECAPI_FIELDS)

static const EcapiPlaces shape = {ECAPI_NOT_CARRIED_PLACES, ECAPI_FIELDS};

static pg_atomic_uint64 *places = NULL; /* LENGTH for each slot */

static void
init(int slot)
{
	ecapi_places_init(shape, &places[slot * LENGTH]);
}

static void
reset(int slot, Oid database)
{
	ecapi_places_clear(shape, &places[slot * LENGTH]);
}

const EcapiShmemPart ecapi_not_carried_part = {
	sizeof(pg_atomic_uint64) * LENGTH, (void **) &places, init, reset
};

void
ecapi_not_carried_count(Oid server, const EcapiFieldSet *fields)
{
	int			slot = ecapi_slot_number();
	int			field = ecapi_field_set_next(fields, 0);
	pg_atomic_uint64 *counts;

	if (slot < 0 || field < 0)
		return;
	counts = ecapi_places_take(shape, &places[slot * LENGTH], server);
	if (counts == NULL)
		return;
	for (; field >= 0; field = ecapi_field_set_next(fields, field + 1))
		(void) pg_atomic_fetch_add_u64(&counts[field], 1);
}

void
ecapi_not_carried_forget(bool (*is_known) (Oid server))
{
	int			slot = ecapi_slot_number();

	if (slot >= 0)
		ecapi_places_forget(shape, &places[slot * LENGTH], is_known);
}

bool
ecapi_not_carried_read(int slot, int place, Oid *server, uint64 counts[ECAPI_FIELDS])
{
	Assert(slot >= 0 && slot < ecapi_slot_count());
	return ecapi_places_read(shape, &places[slot * LENGTH], place, server, counts);
}

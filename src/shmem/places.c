/*
 * places.c
 *	  Counters of objects (destinations, tracks) in shared memory, a place for each.
 *
 * A place is taken when something is counted first, and given free when its owner is
 * gone; an owner that finds none is not counted.
 *
 * Locks: none.  A free place has only zeros, so taking one is exchanging its owner from
 * nobody to somebody, which one process of several can do.  Two that take a place for the
 * same owner at the same moment meet at the first free one, and the second finds the
 * owner there; only if a place before it becomes free just then does the owner get two,
 * which readers add up.  A place is zeroed before it is given free; what another process
 * adds between the two, for an owner that has just gone, is counted for the next.  A
 * reader that finds another owner behind the counters than before them lets them go.
 */
#include "postgres.h"

#include "shmem/places.h"

/* The owner of a place, behind which its counters are. */
static pg_atomic_uint64 *
place_of(EcapiPlaces shape, pg_atomic_uint64 *memory, int place)
{
	return memory + (size_t) place * (shape.counters + 1);
}

void
ecapi_places_init(EcapiPlaces shape, pg_atomic_uint64 *memory)
{
	for (int i = 0; i < ECAPI_PLACES_LENGTH(shape.places, shape.counters); i++)
		pg_atomic_init_u64(&memory[i], 0);
}

void
ecapi_places_clear(EcapiPlaces shape, pg_atomic_uint64 *memory)
{
	for (int i = 0; i < ECAPI_PLACES_LENGTH(shape.places, shape.counters); i++)
		pg_atomic_write_u64(&memory[i], 0);
}

pg_atomic_uint64 *
ecapi_places_find(EcapiPlaces shape, pg_atomic_uint64 *memory, Oid owner)
{
	static int	last = 0;		/* where an owner was found last: they come in runs */

	if (last < shape.places && pg_atomic_read_u64(place_of(shape, memory, last)) == owner)
		return place_of(shape, memory, last) + 1;
	for (int i = 0; i < shape.places; i++)
		if (pg_atomic_read_u64(place_of(shape, memory, i)) == owner)
		{
			last = i;
			return place_of(shape, memory, i) + 1;
		}
	return NULL;
}

pg_atomic_uint64 *
ecapi_places_take(EcapiPlaces shape, pg_atomic_uint64 *memory, Oid owner)
{
	pg_atomic_uint64 *counters = ecapi_places_find(shape, memory, owner);

	for (int i = 0; counters == NULL && i < shape.places; i++)
	{
		pg_atomic_uint64 *place = place_of(shape, memory, i);
		uint64		found = InvalidOid;

		if (pg_atomic_read_u64(place) == InvalidOid &&
			(pg_atomic_compare_exchange_u64(place, &found, owner) || found == owner))
			counters = place + 1;
	}
	return counters;
}

void
ecapi_places_forget(EcapiPlaces shape, pg_atomic_uint64 *memory, bool (*is_known) (Oid owner))
{
	for (int i = 0; i < shape.places; i++)
	{
		pg_atomic_uint64 *place = place_of(shape, memory, i);
		Oid			owner = (Oid) pg_atomic_read_u64(place);

		if (!OidIsValid(owner) || is_known(owner))
			continue;
		for (int counter = 1; counter <= shape.counters; counter++)
			pg_atomic_write_u64(place + counter, 0);
		pg_write_barrier();
		pg_atomic_write_u64(place, InvalidOid);
	}
}

bool
ecapi_places_read(EcapiPlaces shape, pg_atomic_uint64 *memory, int number, Oid *owner,
				  uint64 *counts)
{
	pg_atomic_uint64 *place = place_of(shape, memory, number);

	*owner = (Oid) pg_atomic_read_u64(place);
	pg_read_barrier();
	for (int i = 0; i < shape.counters; i++)
		counts[i] = pg_atomic_read_u64(place + 1 + i);
	pg_read_barrier();
	return OidIsValid(*owner) && (Oid) pg_atomic_read_u64(place) == *owner;
}

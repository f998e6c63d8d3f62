/*
 * places.h
 *	  Counters of objects (destinations, tracks) in shared memory, a place for each.
 *
 * Places are an array of 64-bit atomics in memory that a part has (EcapiShmemPart); a
 * place is the oid of its owner and its counters.
 */
#ifndef ECAPI_PLACES_H
#define ECAPI_PLACES_H

#include "postgres.h"

#include "port/atomics.h"

/* How many places there are, and how many counters each has. */
typedef struct EcapiPlaces
{
	int			places;
	int			counters;
} EcapiPlaces;

/* How many atomics they are. */
#define ECAPI_PLACES_LENGTH(places, counters)	((places) * ((counters) + 1))

/* Make all of them free: before any process has used them, and when nobody does. */
extern void ecapi_places_init(EcapiPlaces shape, pg_atomic_uint64 *memory);
extern void ecapi_places_clear(EcapiPlaces shape, pg_atomic_uint64 *memory);

/* The counters of an owner; NULL: it has none. */
extern pg_atomic_uint64 *ecapi_places_find(EcapiPlaces shape, pg_atomic_uint64 *memory,
										   Oid owner);

/* The same of one that takes a place, all zero, if it has none; NULL: none is free. */
extern pg_atomic_uint64 *ecapi_places_take(EcapiPlaces shape, pg_atomic_uint64 *memory,
										   Oid owner);

/* Give free the places of owners that are not known any more; one process at a time. */
extern void ecapi_places_forget(EcapiPlaces shape, pg_atomic_uint64 *memory,
								bool (*is_known) (Oid owner));

/* What is counted at a place (from 0); false when it is free. */
extern bool ecapi_places_read(EcapiPlaces shape, pg_atomic_uint64 *memory, int place,
							  Oid *owner, uint64 *counts);

#endif							/* ECAPI_PLACES_H */

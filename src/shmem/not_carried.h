/*
 * not_carried.h
 *	  How many events of each destination had a field that it does not carry.
 *
 * The worker counts, any backend reads.  Not preloaded, all of this does nothing.
 */
#ifndef ECAPI_NOT_CARRIED_H
#define ECAPI_NOT_CARRIED_H

#include "postgres.h"

#include "event/field_set.h"
#include "shmem/shmem.h"

/*
 * Destinations of a database that are counted at most.  A place takes 856 bytes, so all
 * of them 54 kB for each database; more receivers than there are platforms twice over are
 * many tables' webhooks, which drop nothing and take no place.
 */
#define ECAPI_NOT_CARRIED_PLACES	64

/* What it keeps in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_not_carried_part;

/*
 * An event goes to a destination of this database without these fields.  Only by the
 * database's worker; raises nothing.
 */
extern void ecapi_not_carried_count(Oid server, const EcapiFieldSet *fields);

/* Give free the places of servers that are not known any more; by the worker as well. */
extern void ecapi_not_carried_forget(bool (*is_known) (Oid server));

/*
 * What is counted at a place (from 0) of a slot: counts by the numbers of fields.  False
 * when it is free.
 */
extern bool ecapi_not_carried_read(int slot, int place, Oid *server,
								   uint64 counts[ECAPI_FIELDS]);

#endif							/* ECAPI_NOT_CARRIED_H */

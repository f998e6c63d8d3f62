/*
 * overview.h
 *	  What the lead knows of all destinations, its own and those of other workers.
 *
 * In other workers there is nothing in it.
 */
#ifndef ECAPI_OVERVIEW_H
#define ECAPI_OVERVIEW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * All destinations that a reload has found, a list of EcapiFound.  Outside of a
 * transaction.  Raises nothing but out of memory; then the caller does it again.
 */
extern void ecapi_overview_take(List *all);

/* Whether there is any destination, and whether the server is one. */
extern bool ecapi_overview_any(void);
extern bool ecapi_overview_has(Oid server);

/* Servers of destinations that their guards have stopped, in the current context. */
extern List *ecapi_overview_guarded(void);

/* Whether a destination of another worker has a delay. */
extern bool ecapi_overview_delays(void);

/*
 * Whether a destination is there and takes refunds; then its name, which is good until the
 * next reload.  In a transaction.
 */
extern bool ecapi_overview_takes_refunds(Oid server, const char **name);

/*
 * Have as many workers as there is work for, and spread destinations over those that run,
 * when that is due; once a turn of the lead, which has one each few seconds at least.
 */
extern void ecapi_overview_spread(TimestampTz now);

#endif							/* ECAPI_OVERVIEW_H */

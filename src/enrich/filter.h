/*
 * filter.h
 *	  The option filter of a destination: a condition over the columns of
 *	  ecapi.event.
 *
 * Only columns, literals, and functions, operators, casts and types of pg_catalog
 * that are immutable, or stable for no other reason than time zone, session time
 * or text forms; no sub-select, no aggregate, nothing that returns a set.  So it
 * reads nothing but the event and runs no code of users, in every process that
 * evaluates it (filter_check.c).
 */
#ifndef ECAPI_FILTER_H
#define ECAPI_FILTER_H

#include "postgres.h"

#include "enrich/event_row.h"
#include "enrich/user_sql.h"
#include "event/probed.h"

typedef struct EcapiFilter EcapiFilter;

/*
 * Compile a condition into a struct in the current context, which also holds all
 * that belongs to it.  NULL when it is none, or not allowed: then problem says why.
 * Raises out of memory and cancels only.  In a transaction.
 */
extern ECAPI_PROBED EcapiFilter *ecapi_filter_compile(const char *condition, EcapiUserProblem *problem);

/*
 * Set pass of each event: true where the condition is true, false where it is false
 * or null.  False when evaluating failed or ran out of time; then error says why, and
 * *failed is the index of the event at fault, or -1 when none is known (the
 * condition fails by itself, or the time went into many events); pass is not to be
 * used.  role is the one that it runs as, the server's owner; as it runs no code of
 * users, that may be a superuser.  It sees identifiers as digests unless the role may
 * read the outbox.
 * Transactions as in user_sql.h.
 */
extern ECAPI_PROBED bool ecapi_filter_apply(EcapiFilter *filter, EcapiEnrichedEvent *events,
											int nevents, Oid role, int timeout_ms,
											EcapiUserError *error, int *failed);

#endif							/* ECAPI_FILTER_H */

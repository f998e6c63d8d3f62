/*
 * enrichment.h
 *	  The enrichments of a destination: a list of SQL functions, from a page of
 *	  events to patches.
 */
#ifndef ECAPI_ENRICHMENT_H
#define ECAPI_ENRICHMENT_H

#include "postgres.h"

#include "enrich/event_row.h"
#include "enrich/resolve.h"
#include "enrich/user_sql.h"
#include "event/probed.h"

/* What the patches of one call may take: twice as much as the texts of a page. */
#define ECAPI_PATCHES_BYTES	(4 * 1024 * 1024)

/*
 * Call the functions of a list, in order, on a page of at most 10,000 events, once
 * each: what one patches, the next sees.  Patched events replace those given
 * (trees in arena, which share texts with what was given) and are validated: one
 * that is not valid any more, and one with two patches of a function, keeps what
 * it was before this list and gets a problem.  A patch of NULL is none; one that
 * is not an object is a problem, too.  An unknown seq fails the function.
 *
 * False when a function failed or ran out of time; then error says why, and all
 * events are as they were given, without problems.  Outside of a transaction, or
 * in one that is left as it was; see user_sql.h.  now is in seconds since 1970.
 * Results beyond max_bytes fail the function.
 */
extern ECAPI_PROBED bool ecapi_enrichments_apply(const EcapiEnrichments *list,
												 EcapiEnrichedEvent *events, int nevents,
												 EcapiArena *arena, int64 now, int timeout_ms,
												 size_t max_bytes, EcapiUserError *error);

#endif							/* ECAPI_ENRICHMENT_H */

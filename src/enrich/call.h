/*
 * call.h
 *	  One enrichment, called with one page: what it answers.
 */
#ifndef ECAPI_CALL_H
#define ECAPI_CALL_H

#include "enrich/event_row.h"
#include "enrich/resolve.h"
#include "enrich/user_sql.h"

/* What an enrichment said of one event. */
typedef struct EcapiPatch
{
	const EcapiValue *patch;	/* an object, UTF-8, in the arena; NULL: none */
	bool		given;			/* it gave one */
	const char *problem;		/* a constant: why it cannot be used; or NULL */
} EcapiPatch;

/*
 * Call a function with a page of events (events[], all of whose seqs differ);
 * patches has an element for each, zeroed.  False when it failed; then error
 * says why.  max_bytes and timeout_ms as in enrichment.h.
 */
extern bool ecapi_enrichment_call(const EcapiEnrichment *enrichment,
								  const EcapiEnrichedEvent *events, int nevents,
								  EcapiPatch *patches, EcapiArena *arena,
								  int timeout_ms, size_t max_bytes,
								  EcapiUserError *error);

#endif							/* ECAPI_CALL_H */

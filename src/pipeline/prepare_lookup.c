/*
 * prepare_lookup.c
 *	  Which enrichments a destination has, and as which role its SQL runs: looked up at
 *	  every use.
 *
 * Functions that cannot be found or may not be called are not the fault of events: the
 * destination waits, with any enrich_on_error, until that is fixed.  It is
 * looked at again when a function or role changes, and at its next try.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "utils/memutils.h"

#include "destination/options.h"
#include "enrich/enrichment.h"
#include "enrich/user_sql.h"
#include "pipeline/destination.h"
#include "pipeline/preparing.h"
#include "pipeline/state.h"

/* Resolve the list of a destination; an operator may have asked to release what is held. */
static bool
resolve(EcapiDestination *destination, Oid owner, EcapiUserProblem *problem)
{
	const char *names = destination->options->enrich;
	EcapiEnrichments *list = destination->preparing.list;
	bool		found = ecapi_enrichments_resolve(names, owner, list, problem);

	/* one after the other: a list that is refused names those up to the first */
	for (int tries = 0; !found && destination->preparing.release &&
		 tries < ECAPI_ENRICHMENTS_MAX; tries++)
	{
		for (int i = 0; i < ECAPI_ENRICHMENTS_MAX; i++)
			if (OidIsValid(list->list[i].function))
				ecapi_user_sql_release(list->list[i].function, destination->resumed_at);
		found = ecapi_enrichments_resolve(names, owner, list, problem);
	}
	return found;
}

bool
ecapi_prepare_look_up(EcapiDestination *destination)
{
	EcapiPreparing *preparing = &destination->preparing;
	const EcapiOptions *options = destination->options;
	ForeignServer *server = GetForeignServerExtended(destination->server, FSV_MISSING_OK);
	EcapiUserProblem problem;
	bool		found;

	if (server == NULL)
		return false;			/* it is being dropped */
	if (preparing->list == NULL)
		preparing->list = MemoryContextAllocZero(destination->context,
												 sizeof(EcapiEnrichments));
	MemSet(preparing->list, 0, sizeof(EcapiEnrichments));
	found = options->enrich == NULL ||
		resolve(destination, server->owner, &problem);
	preparing->release = false;
	preparing->role = server->owner;
	if (!found)
		ecapi_prepare_unusable(destination, &problem);
	return found;
}

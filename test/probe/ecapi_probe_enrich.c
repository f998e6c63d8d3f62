/*
 * ecapi_probe_enrich.c
 *	  Enrichments and their merging, seen from SQL.
 *
 * For tests alone; see ecapi_probe.c.
 *
 *	enrich(names, server owner, events jsonb[], timeout_ms, max_bytes)
 *			a row for each event: seq (from 1), event, problem.  What the list or a
 *			function fails with is raised, with its SQLSTATE, and in the detail
 *			whether it ran out of time and the object at fault
 *	volatile_of(names, server owner)	is the last of the list volatile
 *	role_of(server owner, function owner)	whom users' SQL runs as; 0: nobody
 *	rows_of(events jsonb[])				ecapi.event[]
 *	deaf(path)							look for no interrupt while there is that file
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/tree.h"
#include "enrich/enrichment.h"
#include "event/validate.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ecapi_probe_enrich);
PG_FUNCTION_INFO_V1(ecapi_probe_volatile);
PG_FUNCTION_INFO_V1(ecapi_probe_role);
PG_FUNCTION_INFO_V1(ecapi_probe_rows);
PG_FUNCTION_INFO_V1(ecapi_probe_deaf);

static EcapiEnrichedEvent *
events_of(ArrayType *array, EcapiArena *arena, int *nevents)
{
	EcapiEnrichedEvent *events;
	Datum	   *elements;

	deconstruct_array(array, JSONBOID, -1, false, TYPALIGN_INT, &elements, NULL, nevents);
	events = palloc0(sizeof(EcapiEnrichedEvent) * Max(*nevents, 1));
	for (int i = 0; i < *nevents; i++)
	{
		events[i].seq = i + 1;
		events[i].event = ecapi_tree_from_jsonb(arena, DatumGetJsonbP(elements[i]),
												ECAPI_MAX_DEPTH);
		if (events[i].event == NULL)
			elog(ERROR, "event is nested too deeply");
		/* stale: who enriches has to clear it */
		events[i].problem = "?";
	}
	return events;
}

static void
resolve(FunctionCallInfo fcinfo, EcapiEnrichments *list)
{
	EcapiUserProblem problem;

	if (!ecapi_enrichments_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1),
								   list, &problem))
		ereport(ERROR,
				(errcode(problem.sqlerrcode),
				 errmsg("%s", problem.message),
				 problem.hint[0] != '\0' ? errhint("%s", problem.hint) : 0));
}

Datum
ecapi_probe_volatile(PG_FUNCTION_ARGS)
{
	EcapiEnrichments list;

	resolve(fcinfo, &list);
	PG_RETURN_BOOL(list.list[list.n - 1].is_volatile);
}

Datum
ecapi_probe_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(ecapi_user_sql_role(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}

Datum
ecapi_probe_rows(PG_FUNCTION_ARGS)
{
	EcapiArena	arena;
	EcapiEnrichedEvent *events;
	int			nevents;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	events = events_of(PG_GETARG_ARRAYTYPE_P(0), &arena, &nevents);
	PG_RETURN_DATUM(ecapi_event_rows(events, nevents, ECAPI_COLUMNS_ALL));
}

Datum
ecapi_probe_enrich(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EcapiEnrichments list;
	EcapiEnrichedEvent *events;
	EcapiUserError error;
	EcapiArena	arena;
	int			nevents;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	resolve(fcinfo, &list);
	events = events_of(PG_GETARG_ARRAYTYPE_P(2), &arena, &nevents);
	if (!ecapi_enrichments_apply(&list, events, nevents, &arena, (int64) time(NULL),
								 PG_GETARG_INT32(3), PG_GETARG_INT32(4), &error))
	{
		for (int i = 0; i < nevents; i++)
			if (events[i].problem != NULL)
				elog(PANIC, "a page that failed has a problem");
		ereport(ERROR,
				(errcode(error.sqlerrcode),
				 errmsg("%s", error.message),
				 error.timed_out || error.object[0] != '\0' ?
				 errdetail_internal("%s%s", error.timed_out ? "out of time " : "", error.object) : 0));
	}
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < nevents; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int64GetDatum(events[i].seq);
		values[1] = JsonbPGetDatum(ecapi_tree_to_jsonb(events[i].event));
		nulls[2] = events[i].problem == NULL;
		if (!nulls[2])
			values[2] = CStringGetTextDatum(events[i].problem);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Users' SQL that no limit and no signal stops, as long as there is a file of that name. */
Datum
ecapi_probe_deaf(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));

	while (access(path, F_OK) == 0)
		pg_usleep(10000);
	PG_RETURN_VOID();
}

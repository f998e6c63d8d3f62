/*
 * ecapi_probe.c
 *	  Values and images of rows, and what the worker does alone, seen from SQL.
 *
 * For tests alone.  Each function calls one module and shows what it gives;
 * nothing is guarded, so that a test sees the errors.
 *
 *	value(anyelement, form int, max_depth int)	JSON text; NULL: too deep or large
 *	key(anyelement)								part of an id
 *	kind(regtype)								what the type is to us, "guarded"
 *	image(record)								image of a row, JSON text
 *	row_of(anyelement, image jsonb)				row of an image; the type counts
 *	filter(condition, events jsonb, ms int)		see ecapi_probe_filter()
 *	sweep()										failed events of erased ones go; how many stay
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/catalog.h"
#include "base/tree.h"
#include "capture/image.h"
#include "enrich/filter.h"
#include "event/validate.h"
#include "records/erasure.h"
#include "rowsql/datum.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ecapi_probe_value);
PG_FUNCTION_INFO_V1(ecapi_probe_key);
PG_FUNCTION_INFO_V1(ecapi_probe_kind);
PG_FUNCTION_INFO_V1(ecapi_probe_image);
PG_FUNCTION_INFO_V1(ecapi_probe_row);

/* The type of the first argument, looked up once for a call's expression. */
static EcapiDatumType *
argument_type(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			ecapi_datum_type(get_fn_expr_argtype(fcinfo->flinfo, 0), -1,
							 fcinfo->flinfo->fn_mcxt);
	return fcinfo->flinfo->fn_extra;
}

static text *
json_text(const EcapiValue *value)
{
	EcapiBuffer json;

	ecapi_tree_buffer(&json, MaxAllocSize / 2, CurrentMemoryContext);
	ecapi_json_value(&json, value);
	if (json.full)
		elog(ERROR, "out of memory");
	return cstring_to_text_with_len(json.data, (int) json.len);
}

Datum
ecapi_probe_value(PG_FUNCTION_ARGS)
{
	EcapiArena	arena;
	EcapiLosses losses;
	EcapiValue *value;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	value = ecapi_datum_value(&arena, argument_type(fcinfo), PG_GETARG_DATUM(0),
							  PG_GETARG_INT32(1), PG_GETARG_INT32(2), &losses);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(json_text(value));
}

Datum
ecapi_probe_key(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(ecapi_datum_key(argument_type(fcinfo),
													 PG_GETARG_DATUM(0))));
}

Datum
ecapi_probe_kind(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {
		"number", "bool", "text", "time", "local time", "date", "bytes", "json",
		"array", "composite", "other"
	};
	EcapiDatumType *type = ecapi_datum_type(PG_GETARG_OID(0), -1, CurrentMemoryContext);

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s", names[type->kind],
											  type->needs_confining ? ", guarded" : "")));
}

Datum
ecapi_probe_image(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header),
														 HeapTupleHeaderGetTypMod(header));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	HeapTupleData tuple = {0};
	EcapiArena	arena;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	ExecStoreHeapTuple(&tuple, slot, false);
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	PG_RETURN_TEXT_P(json_text(ecapi_image_of(&arena, slot)));
}

Datum
ecapi_probe_row(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(get_fn_expr_argtype(fcinfo->flinfo, 0), -1);
	EcapiArena	arena;
	EcapiValue *image;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	image = ecapi_tree_from_jsonb(&arena, PG_GETARG_JSONB_P(1), ECAPI_MAX_DEPTH);
	PG_RETURN_DATUM(heap_copy_tuple_as_datum(ecapi_image_row(image, descriptor), descriptor));
}

/* ------------------------------------------------------------------- filters */

PG_FUNCTION_INFO_V1(ecapi_probe_filter);

/*
 * filter(condition text, events jsonb, timeout_ms int) returns text: what a
 * filter says to an array of events, as the current role, one word for each;
 * else why it is refused ("SQLSTATE message (hint)"), or how it fails.
 */
Datum
ecapi_probe_filter(PG_FUNCTION_ARGS)
{
	EcapiUserProblem problem;
	EcapiFilter *filter;
	EcapiUserError error;
	EcapiArena	arena;
	EcapiValue *list;
	EcapiEnrichedEvent *events;
	StringInfoData said;
	int			n = 0;
	int			failed;

	initStringInfo(&said);
	filter = ecapi_filter_compile(text_to_cstring(PG_GETARG_TEXT_PP(0)), &problem);
	if (filter == NULL)
	{
		appendStringInfo(&said, "%s %s", unpack_sql_state(problem.sqlerrcode), problem.message);
		if (problem.hint[0] != '\0')
			appendStringInfo(&said, " (%s)", problem.hint);
		PG_RETURN_TEXT_P(cstring_to_text(said.data));
	}

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	list = ecapi_tree_from_jsonb(&arena, PG_GETARG_JSONB_P(1), ECAPI_MAX_DEPTH);
	events = palloc0(sizeof(EcapiEnrichedEvent) * (list->len + 1));
	for (EcapiValue *event = list->first; event; event = event->next, n++)
	{
		events[n].seq = n + 1;
		events[n].event = event;
	}
	if (!ecapi_filter_apply(filter, events, n, GetUserId(), PG_GETARG_INT32(2), &error,
							&failed))
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("fails at %d: %s%s", failed, error.message,
												  error.timed_out ? ", timed out" : "")));
	for (int i = 0; i < n; i++)
		appendStringInfo(&said, "%s%s", i > 0 ? " " : "", events[i].pass ? "yes" : "no");
	PG_RETURN_TEXT_P(cstring_to_text(said.data));
}

PG_FUNCTION_INFO_V1(ecapi_probe_sweep);

/* sweep(destination name) returns bigint */
Datum
ecapi_probe_sweep(PG_FUNCTION_ARGS)
{
	EcapiOwnerScope scope;
	int64		n;

	ecapi_become_owner(&scope);
	n = ecapi_erasure_sweep(NameStr(*PG_GETARG_NAME(0)));
	ecapi_become_caller(&scope);
	PG_RETURN_INT64(n);
}

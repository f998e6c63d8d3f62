/*
 * validateapi.c
 *	  ecapi.validate(): what ecapi_emit() would say of an event.
 *
 * It writes nothing and touches no table.  The outbox keeps identifiers as given, so a
 * telephone number without a country is found only when it is sent: the native format
 * shapes the event here, too.
 *
 * No message holds a value.
 */
#include "postgres.h"

#include <time.h>

#include "access/detoast.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/result.h"
#include "base/tree.h"
#include "destination/formats.h"
#include "destination/options.h"
#include "event/validate.h"
#include "event/violation.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_validate_event);

static void
put_violation(void *arg, const EcapiViolation *violation)
{
	ReturnSetInfo *result = arg;
	Datum		values[5];
	bool		nulls[5];

	values[0] = ecapi_result_text(violation->path, &nulls[0]);
	values[1] = ecapi_result_text(violation->error ? "error" : "warning", &nulls[1]);
	values[2] = ecapi_result_text(ecapi_violation_name(violation->code), &nulls[2]);
	values[3] = ecapi_result_text(violation->message, &nulls[3]);
	values[4] = ecapi_result_text(violation->hint, &nulls[4]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The native format leaves a value out. */
static void
put_left_out(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	EcapiViolation violation = {reason, false, field, ecapi_field_path(field), NULL, NULL};

	if (reason == ECAPI_VIOLATION_COUNTRY)
	{
		violation.message = "telephone number without a country";
		violation.hint = "Begin it with \"+\" and the calling code, give \"country_code\" "
			"in the address, or set \"ecapi.default_country\".";
	}
	else
		violation.message = "cannot be normalized with certainty";
	put_violation(arg, &violation);
}

/* What the worker would read of a tree in the server encoding: UTF-8 again. */
static EcapiValue *
as_delivered(EcapiArena *arena, const EcapiValue *value)
{
	EcapiBuffer json;
	char	   *utf8;
	char		error[128];

	ecapi_tree_buffer(&json, MaxAllocSize / 2, CurrentMemoryContext);
	ecapi_json_value(&json, value);
	if (json.full)
		ecapi_tree_out_of_memory();
	utf8 = pg_server_to_any(json.data, (int) json.len, PG_UTF8);
	return ecapi_tree_parse(arena, utf8, utf8 == json.data ? json.len : strlen(utf8),
							error, sizeof(error));
}

/*
 * Shape the identifiers of a clean event, to see which would be left out.
 * Around them stands what makes any event one that may go.
 */
static void
check_forms(EcapiArena *arena, const EcapiValue *clean, ReturnSetInfo *result)
{
	EcapiOptions options = {0};
	EcapiShape	shape = {.options = &options};
	EcapiValue *user_data = ecapi_value_get(clean, "user_data");
	EcapiValue *event = ecapi_value_new(arena, ECAPI_OBJECT);
	EcapiBuffer body;
	const char *reason;

	user_data = user_data ? as_delivered(arena, user_data) : NULL;
	if (user_data == NULL || event == NULL)
		return;
	options.data_set_id = "-";
	shape.default_country = ecapi_default_country();
	shape.left_out = put_left_out;
	shape.arg = result;
	if (!ecapi_value_set(arena, event, "event_type", 10,
						 ecapi_value_text(arena, ECAPI_STRING, "login", 5)) ||
		!ecapi_value_set(arena, event, "timestamp", 9,
						 ecapi_value_text(arena, ECAPI_NUMBER, "1", 1)) ||
		!ecapi_value_set(arena, event, "user_data", 9, user_data))
		return;
	ecapi_tree_buffer(&body, MaxAllocSize / 2, CurrentMemoryContext);
	(void) ecapi_format_native.add(&shape, arena, event, &body, &reason);
}

/* ecapi_emit() would supply the time of the transaction. */
static void
supply_timestamp(EcapiArena *arena, EcapiValue *event)
{
	const EcapiValue *given = ecapi_value_get(event, "timestamp");

	if (given == NULL || given->type == ECAPI_NULL ||
		(given->type == ECAPI_STRING && given->len == 0))
		(void) ecapi_value_set(arena, event, "timestamp", 9,
							   ecapi_value_text(arena, ECAPI_NUMBER, "1", 1));
}

static void
add_size_violation(EcapiViolations *violations, EcapiArena *arena)
{
	ecapi_violation_add(violations, arena, NULL, NULL, ECAPI_VIOLATION_SIZE, true,
						psprintf("event larger than %d kB", ecapi_max_event_size),
						"Leave out what receivers do not need, or raise \"ecapi.max_event_size\".");
}

/*
 * ecapi.validate(event jsonb): one row for each violation.
 */
Datum
ecapi_validate_event(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	size_t		max_size = (size_t) ecapi_max_event_size * 1024;
	EcapiViolations violations;
	EcapiArena	arena;
	EcapiValue *event;
	EcapiValue *clean;
	EcapiBuffer json;

	InitMaterializedSRF(fcinfo, 0);
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	ecapi_violations_init(&violations, put_violation, result);
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) > max_size * ECAPI_JSONB_BLOAT)
	{
		add_size_violation(&violations, &arena);
		return (Datum) 0;
	}

	event = ecapi_tree_from_jsonb(&arena, PG_GETARG_JSONB_P(0), ECAPI_MAX_DEPTH);
	if (event == NULL && !arena.failed)
	{
		ecapi_violation_add(&violations, &arena, NULL, NULL, ECAPI_VIOLATION_DEPTH, true,
							"nested too deeply", "An event has at most 32 levels.");
		return (Datum) 0;
	}
	if (event && event->type == ECAPI_OBJECT)
		supply_timestamp(&arena, event);
	clean = event ? ecapi_validate_into(&arena, event, (int64) time(NULL), false, false,
										&violations) : NULL;
	if (clean && !arena.failed)
	{
		check_forms(&arena, clean, result);
		ecapi_tree_buffer(&json, max_size, CurrentMemoryContext);
		/* As ecapi_emit(): what was left out counts. */
		ecapi_json_value(&json, violations.left_out > 0 ? event : clean);
		if (json.failed)
			ecapi_tree_out_of_memory();
		if (json.full)
			add_size_violation(&violations, &arena);
	}
	if (arena.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("An event could not be checked.")));
	return (Datum) 0;
}

/*
 * emit.c
 *	  ecapi_emit(): an event by a function call.
 *
 *	CREATE FUNCTION ecapi_emit(
 *		event_type text DEFAULT NULL,
 *		value double precision DEFAULT NULL,
 *		currency_code text DEFAULT NULL,
 *		id text DEFAULT NULL,
 *		user_data jsonb DEFAULT NULL,
 *		properties jsonb DEFAULT NULL,
 *		source text DEFAULT NULL,
 *		custom_event text DEFAULT NULL,
 *		data_set_id text DEFAULT NULL,
 *		occurred_at timestamptz DEFAULT NULL,
 *		ext jsonb DEFAULT NULL,
 *		event jsonb DEFAULT NULL
 *	) RETURNS text
 *	AS 'MODULE_PATHNAME', 'ecapi_emit' LANGUAGE C VOLATILE PARALLEL UNSAFE;
 *
 * The event given as jsonb is merged with the named arguments, which win key
 * by key.  Without an id it gets a random UUID, without a time that of the
 * transaction's start, as now(): the same clock as the columns beside it
 * ("created_at default now()"), so that all rows and events of one
 * transaction have one time, and reconciling them is possible; another moment
 * is passed as occurred_at.  Then it is validated and written to the
 * outbox in the caller's transaction.
 *
 * What cannot be made valid is raised or set aside, as ecapi.on_error says.
 *
 * Memory: one context for the life of the backend, emptied by each call, so
 * that a million calls allocate its first block once.  It is emptied at the
 * start too, for a call that ended in an error.  Calls do not nest: arguments
 * are evaluated before.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "capture/draft.h"
#include "event/validate.h"
#include "outbox/append.h"
#include "rowsql/literal.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_emit);

/* Arguments, in the order of the declaration above. */
enum
{
	ARG_EVENT_TYPE,
	ARG_VALUE,
	ARG_CURRENCY_CODE,
	ARG_ID,
	ARG_USER_DATA,
	ARG_PROPERTIES,
	ARG_SOURCE,
	ARG_CUSTOM_EVENT,
	ARG_DATA_SET_ID,
	ARG_OCCURRED_AT,
	ARG_EXT,
	ARG_EVENT
};

/* What the context keeps over a reset: enough for an event of the usual kind. */
#define EMIT_BLOCK	(32 * 1024)

typedef struct Emit
{
	FunctionCallInfo fcinfo;
	EcapiEmitter emitter;		/* the caller: in a function of a definer, the definer */
	EcapiDraft	draft;			/* what was given, merged */
} Emit;

static void
set_text_argument(Emit *emit, const char *key, int arg)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	text	   *argument;

	if (PG_ARGISNULL(arg))
		return;
	argument = PG_GETARG_TEXT_PP(arg);
	ecapi_tree_check_text(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	ecapi_draft_set(&emit->draft, key,
			   ecapi_value_text(&emit->draft.arena, ECAPI_STRING, VARDATA_ANY(argument),
								VARSIZE_ANY_EXHDR(argument)));
}

static void
set_jsonb_argument(Emit *emit, const char *key, int arg)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	EcapiValue *tree;

	if (PG_ARGISNULL(arg))
		return;
	tree = ecapi_draft_jsonb(&emit->draft, key, PG_GETARG_DATUM(arg), ECAPI_MAX_DEPTH - 1);
	if (tree)
		ecapi_draft_set(&emit->draft, key, tree);
}

/* What is not finite is no JSON number: it stands as a text if set aside. */
static void
set_value_argument(Emit *emit)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	double		value;
	char		text[ECAPI_LITERAL_SIZE];
	int			len;

	if (PG_ARGISNULL(ARG_VALUE))
		return;
	value = PG_GETARG_FLOAT8(ARG_VALUE);
	len = ecapi_literal_double(value, text);
	if (isnan(value) || isinf(value))
		ecapi_draft_fail(&emit->draft, "value", ECAPI_VIOLATION_NUMBER, "value is not finite", NULL);
	ecapi_draft_set(&emit->draft, "value",
			   ecapi_value_text(&emit->draft.arena,
								isnan(value) || isinf(value) ? ECAPI_STRING : ECAPI_NUMBER,
								text, len));
}

/* Put together what was given, with the defaults of id and time. */
static void
merge_arguments(Emit *emit)
{
	FunctionCallInfo fcinfo = emit->fcinfo;

	ecapi_draft_give(&emit->draft, !PG_ARGISNULL(ARG_EVENT), PG_GETARG_DATUM(ARG_EVENT));
	set_text_argument(emit, "event_type", ARG_EVENT_TYPE);
	set_value_argument(emit);
	set_text_argument(emit, "currency_code", ARG_CURRENCY_CODE);
	set_text_argument(emit, "id", ARG_ID);
	set_jsonb_argument(emit, "user_data", ARG_USER_DATA);
	set_jsonb_argument(emit, "properties", ARG_PROPERTIES);
	set_text_argument(emit, "source", ARG_SOURCE);
	set_text_argument(emit, "custom_event", ARG_CUSTOM_EVENT);
	set_text_argument(emit, "data_set_id", ARG_DATA_SET_ID);
	set_jsonb_argument(emit, "ext", ARG_EXT);
	if (!PG_ARGISNULL(ARG_OCCURRED_AT))
		ecapi_draft_set_time(&emit->draft, PG_GETARG_TIMESTAMPTZ(ARG_OCCURRED_AT));
	ecapi_draft_complete(&emit->draft);
}

/*
 * The id that a set-aside event goes by: its own where that is one, else a
 * new one, so that the caller can find it.
 */
static const char *
set_aside_id(Emit *emit)
{
	const EcapiValue *id = ecapi_value_get(emit->draft.given, "id");

	for (int i = 0; i < emit->draft.violations.n; i++)
	{
		if (strcmp(emit->draft.violations.list[i].path, "id") == 0)
			ecapi_draft_set_uuid(&emit->draft);
	}
	id = ecapi_value_get(emit->draft.given, "id");
	if (id->type != ECAPI_STRING || id->len > ECAPI_MAX_ID)
	{
		ecapi_draft_set_uuid(&emit->draft);
		id = ecapi_value_get(emit->draft.given, "id");
	}
	return id->text;
}

/*
 * Put the event aside with the reason, if its emitter may.  Of one that is too large or too deep
 * only the id is kept.  Returns the id, in emit's memory.
 */
static const char *
set_aside(Emit *emit)
{
	static TimestampTz warned = 0;
	const EcapiViolation *first = ecapi_draft_first(&emit->draft);
	const char *id = set_aside_id(emit);
	EcapiBuffer json;
	bool		kept;

	ecapi_tree_buffer(&json, emit->draft.max_size, emit->draft.context);
	ecapi_json_value(&json, emit->draft.given);
	if (json.full && !json.failed)
	{
		ecapi_buffer_truncate(&json, 0);
		ecapi_buffer_str(&json, "{\"id\":");
		ecapi_json_string(&json, id, strlen(id));
		ecapi_buffer_char(&json, '}');
	}
	if (json.full)
		ecapi_draft_out_of_memory();

	kept = ecapi_outbox_set_aside("ecapi_emit", &emit->emitter, id, json.data, (int) json.len,
						   ecapi_violation_sqlstate(first->code),
						   ecapi_draft_reason(&emit->draft), ecapi_outbox_last_seq());

	if (kept && ecapi_draft_warns(&warned))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("invalid event was set aside: %s", first->message),
				 first->path[0] != '\0' ?
				 errdetail("The field is \"%s\".", first->path) : 0,
				 errhint("Set-aside events and their reasons are in ecapi.failed_event.")));
	return id;
}

/*
 * ecapi_emit(...) returns text
 *
 * Returns the event's id.  Raises what INSERT does in a read-only
 * transaction, during recovery and in parallel mode; under ecapi.on_error =
 * raise, an error of the first violation, with all of them in its detail.
 */
Datum
ecapi_emit(PG_FUNCTION_ARGS)
{
	static MemoryContext context = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Emit		emit;
	EcapiAppend append;
	const char *id;
	text	   *result;

	PreventCommandIfReadOnly("ecapi_emit()");
	PreventCommandIfParallelMode("ecapi_emit()");
	PreventCommandDuringRecovery("ecapi_emit()");

	if (context == NULL)
		context = AllocSetContextCreateInternal(TopMemoryContext, "ecapi emit",
												EMIT_BLOCK, EMIT_BLOCK,
												ALLOCSET_DEFAULT_MAXSIZE);
	MemoryContextReset(context);
	MemoryContextSwitchTo(context);

	emit.fcinfo = fcinfo;
	emit.emitter.role = GetUserId();
	emit.emitter.relation = InvalidOid;
	ecapi_draft_begin(&emit.draft, context);
	merge_arguments(&emit);
	if (ecapi_draft_finish(&emit.draft, &append))
	{
		ecapi_outbox_append(&emit.emitter, &append, 1);
		id = ecapi_value_get(emit.draft.clean, "id")->text;
	}
	else
	{
		if (ecapi_on_error == ECAPI_ON_ERROR_RAISE)
			ecapi_draft_raise(&emit.draft);
		id = set_aside(&emit);
	}

	MemoryContextSwitchTo(caller);
	result = cstring_to_text(id);
	MemoryContextReset(context);
	PG_RETURN_TEXT_P(result);
}

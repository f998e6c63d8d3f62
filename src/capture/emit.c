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
 * transaction tell one time, and reconciling them is possible; who means
 * another moment passes occurred_at.  Then it is validated and written to the
 * outbox in the caller's transaction.
 *
 * What cannot be made valid is raised or set aside, as ecapi.on_error says.
 * No message holds a value of the event but an unrecognized event type.
 *
 * Memory: one context for the life of the backend, emptied by each call, so
 * that a million calls allocate its first block once.  It is emptied at the
 * start too, for a call that ended in an error.  Calls do not nest: arguments
 * are evaluated before.
 */
#include "postgres.h"

#include <math.h>
#include <time.h>

#include "access/detoast.h"
#include "access/xact.h"
#include "common/shortest_dec.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "capture/emit.h"
#include "capture/tree.h"
#include "event/validate.h"
#include "event/violation.h"
#include "outbox/append.h"
#include "settings.h"
#include "stats/left_out.h"

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

/* Bytes of a message's list of fields. */
#define MAX_LIST	1024

typedef struct Emit
{
	FunctionCallInfo fcinfo;
	EcapiArena	arena;
	MemoryContext context;
	size_t		max_size;		/* bytes of an event */
	EcapiValue *given;			/* merged, as given; NULL: not readable */
	EcapiViolations violations;
} Emit;

/*
 * One WARNING per statement and kind: warned is the start of the statement
 * that warned last.  A statement is one message of the client, so a function
 * that loops is one.
 */
static bool
first_warning(TimestampTz *warned)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (*warned == statement)
		return false;
	*warned = statement;
	return true;
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("An event could not be put together.")));
}

static void
set_member(Emit *emit, const char *key, EcapiValue *member)
{
	if (member == NULL ||
		!ecapi_value_set(&emit->arena, emit->given, key, strlen(key), member))
		out_of_memory();
}

static void
set_text_argument(Emit *emit, const char *key, int arg)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	text	   *argument;

	if (PG_ARGISNULL(arg))
		return;
	argument = PG_GETARG_TEXT_PP(arg);
	ecapi_tree_check_text(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	set_member(emit, key,
			   ecapi_value_text(&emit->arena, ECAPI_STRING, VARDATA_ANY(argument),
								VARSIZE_ANY_EXHDR(argument)));
}

static void
add_violation(Emit *emit, const char *path, EcapiViolationCode code,
			  const char *message, const char *hint)
{
	EcapiPlace	place = {NULL, path, path ? strlen(path) : 0, 0};

	ecapi_violation_add(&emit->violations, &emit->arena, path ? &place : NULL,
						NULL, code, true, message, hint);
}

static void
add_too_large(Emit *emit)
{
	add_violation(emit, NULL, ECAPI_VIOLATION_SIZE,
				  psprintf("event larger than %d kB", ecapi_max_event_size),
				  "Leave out what receivers do not need, or raise \"ecapi.max_event_size\".");
}

/*
 * The tree of a jsonb argument, at most max_depth deep; NULL with a violation
 * when it is too large or too deep.
 */
static EcapiValue *
jsonb_argument(Emit *emit, const char *key, int arg, int max_depth)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	Jsonb	   *jsonb;
	EcapiValue *tree;

	/* Look at the size before anything is decompressed. */
	if (toast_raw_datum_size(PG_GETARG_DATUM(arg)) > emit->max_size * ECAPI_JSONB_BLOAT)
	{
		add_too_large(emit);
		return NULL;
	}
	jsonb = PG_GETARG_JSONB_P(arg);
	tree = ecapi_tree_from_jsonb(&emit->arena, jsonb, max_depth);
	if (tree == NULL)
	{
		if (emit->arena.failed)
			out_of_memory();
		add_violation(emit, key, ECAPI_VIOLATION_DEPTH, "nested too deeply",
					  "An event has at most 32 levels.");
	}
	return tree;
}

static void
set_jsonb_argument(Emit *emit, const char *key, int arg)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	EcapiValue *tree;

	if (PG_ARGISNULL(arg))
		return;
	tree = jsonb_argument(emit, key, arg, ECAPI_MAX_DEPTH - 1);
	if (tree)
		set_member(emit, key, tree);
}

/* What is not finite is no JSON number: it stands as a text if set aside. */
static void
set_value_argument(Emit *emit)
{
	FunctionCallInfo fcinfo = emit->fcinfo;
	double		value;
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	int			len;

	if (PG_ARGISNULL(ARG_VALUE))
		return;
	value = PG_GETARG_FLOAT8(ARG_VALUE);
	len = double_to_shortest_decimal_buf(value, text);
	if (isnan(value) || isinf(value))
		add_violation(emit, "value", ECAPI_VIOLATION_NUMBER, "value is not finite", NULL);
	set_member(emit, "value",
			   ecapi_value_text(&emit->arena,
								isnan(value) || isinf(value) ? ECAPI_STRING : ECAPI_NUMBER,
								text, len));
}

static void
set_timestamp(Emit *emit, TimestampTz timestamp)
{
	char		text[MAXINT8LEN + 1];
	int			len;
	int64		usecs;
	int64		seconds;

	if (TIMESTAMP_NOT_FINITE(timestamp))
	{
		set_member(emit, "timestamp",
				   ecapi_value_text(&emit->arena, ECAPI_STRING, "infinity", 8));
		return;
	}
	/* Divide first: moving the epoch could overflow in microseconds. */
	usecs = timestamp % USECS_PER_SEC;
	seconds = timestamp / USECS_PER_SEC - (usecs < 0 ? 1 : 0) +
		(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	len = pg_lltoa(seconds, text);
	set_member(emit, "timestamp",
			   ecapi_value_text(&emit->arena, ECAPI_NUMBER, text, len));
}

static bool
is_absent(const EcapiValue *object, const char *key)
{
	const EcapiValue *member = ecapi_value_get(object, key);

	return member == NULL || member->type == ECAPI_NULL ||
		(member->type == ECAPI_STRING && member->len == 0);
}

/*
 * A random UUID (RFC 4122, version 4) as text, 36 bytes.  Random bytes are
 * fetched for many at once, as a fetch costs the same for one.  The store is
 * filled only in the backend that uses it, so no two processes share it.
 */
static void
make_uuid(char text[36])
{
	static uint8 store[64 * UUID_LEN];
	static int	used = sizeof(store);
	static const char digits[] = "0123456789abcdef";
	uint8	   *uuid;
	char	   *at = text;

	if (used == sizeof(store))
	{
		if (!pg_strong_random(store, sizeof(store)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		used = 0;
	}
	uuid = store + used;
	used += UUID_LEN;

	uuid[6] = (uuid[6] & 0x0f) | 0x40;	/* version */
	uuid[8] = (uuid[8] & 0x3f) | 0x80;	/* variant */
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[uuid[i] >> 4];
		*at++ = digits[uuid[i] & 15];
	}
}

static void
set_uuid(Emit *emit)
{
	char		uuid[36];

	make_uuid(uuid);
	set_member(emit, "id",
			   ecapi_value_text(&emit->arena, ECAPI_STRING, uuid, sizeof(uuid)));
}

/* Put together what was given, with the defaults of id and time. */
static void
merge_arguments(Emit *emit)
{
	FunctionCallInfo fcinfo = emit->fcinfo;

	if (!PG_ARGISNULL(ARG_EVENT))
		emit->given = jsonb_argument(emit, NULL, ARG_EVENT, ECAPI_MAX_DEPTH);
	if (emit->given && emit->given->type != ECAPI_OBJECT)
	{
		add_violation(emit, NULL, ECAPI_VIOLATION_TYPE,
					  "event is not a JSON object", NULL);
		emit->given = NULL;
	}
	if (emit->given == NULL)
		emit->given = ecapi_value_new(&emit->arena, ECAPI_OBJECT);
	if (emit->given == NULL)
		out_of_memory();

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
		set_timestamp(emit, PG_GETARG_TIMESTAMPTZ(ARG_OCCURRED_AT));
	else if (is_absent(emit->given, "timestamp"))
		set_timestamp(emit, GetCurrentTransactionStartTimestamp());
	if (is_absent(emit->given, "id"))
		set_uuid(emit);
}

/* Was an earlier violation of the same field?  One is enough to be told. */
static bool
is_told_before(const EcapiViolations *violations, int which)
{
	const EcapiViolation *one = &violations->list[which];

	for (int i = 0; i < which && one->path[0] != '\0'; i++)
		if (violations->list[i].error == one->error &&
			strcmp(violations->list[i].path, one->path) == 0)
			return true;
	return false;
}

/* Is the event as a whole at fault, so that there is nothing to look into? */
static bool
is_unreadable(const EcapiViolations *violations)
{
	for (int i = 0; i < violations->n; i++)
		if (violations->list[i].path[0] == '\0')
			return true;
	return false;
}

/*
 * List violations of one severity: '"path" (message), ...', without the one
 * at index except (-1: all); bounded.  Returns how many are in the list.
 */
static int
list_violations(StringInfo list, const EcapiViolations *violations, bool error,
				int except)
{
	int			listed = 0;
	int			all = error ? violations->errors : violations->left_out;

	if (except >= 0)
		all--;
	for (int i = 0; i < violations->n; i++)
	{
		const EcapiViolation *one = &violations->list[i];

		if (one->error != error || i == except || list->len > MAX_LIST)
			continue;
		if (is_told_before(violations, i))
		{
			all--;
			continue;
		}
		if (listed++ > 0)
			appendStringInfoString(list, ", ");
		if (one->path[0] != '\0')
			appendStringInfo(list, "\"%s\" (%s)", one->path, one->message);
		else
			appendStringInfoString(list, one->message);
	}
	if (listed > 0 && all > listed)
		appendStringInfo(list, ", and %d more", all - listed);
	return listed;
}

static int
first_error(const EcapiViolations *violations)
{
	int			i = 0;

	while (!violations->list[i].error)
		i++;
	return i;
}

static void
raise_violations(const EcapiViolations *violations)
{
	int			which = first_error(violations);
	const EcapiViolation *first = &violations->list[which];
	const char *sqlstate = ecapi_violation_sqlstate(first->code);
	StringInfoData detail;
	StringInfoData others;

	initStringInfo(&detail);
	initStringInfo(&others);
	if (first->path[0] != '\0')
		appendStringInfo(&detail, "The field is \"%s\".", first->path);
	if (list_violations(&others, violations, true, which) > 0)
		appendStringInfo(&detail, "%sInvalid too: %s.",
						 detail.len > 0 ? " " : "", others.data);

	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
								   sqlstate[3], sqlstate[4])),
			 errmsg("invalid event: %s", first->message),
			 detail.len > 0 ? errdetail_internal("%s", detail.data) : 0,
			 first->hint ? errhint("%s", first->hint) : 0));
}

/*
 * The id that a set-aside event goes by: its own where that is one, else a
 * new one, so that the caller can find it.
 */
static const char *
set_aside_id(Emit *emit)
{
	const EcapiValue *id = ecapi_value_get(emit->given, "id");

	for (int i = 0; i < emit->violations.n; i++)
	{
		if (strcmp(emit->violations.list[i].path, "id") == 0)
			set_uuid(emit);
	}
	id = ecapi_value_get(emit->given, "id");
	if (id->type != ECAPI_STRING || id->len > ECAPI_MAX_ID)
	{
		set_uuid(emit);
		id = ecapi_value_get(emit->given, "id");
	}
	return id->text;
}

/*
 * Put the event aside with the reason.  Of one that is too large or too deep
 * only the id is kept.  Returns the id, in emit's memory.
 */
static const char *
set_aside(Emit *emit)
{
	static TimestampTz warned = 0;
	const EcapiViolations *violations = &emit->violations;
	const EcapiViolation *first = &violations->list[first_error(violations)];
	const char *id = set_aside_id(emit);
	EcapiBuffer json;
	StringInfoData reason;

	ecapi_tree_buffer(&json, emit->max_size, emit->context);
	ecapi_json_value(&json, emit->given);
	if (json.full)
	{
		ecapi_buffer_truncate(&json, 0);
		ecapi_buffer_str(&json, "{\"id\":");
		ecapi_json_string(&json, id, strlen(id));
		ecapi_buffer_char(&json, '}');
	}
	if (json.full)
		out_of_memory();

	initStringInfo(&reason);
	list_violations(&reason, violations, true, -1);
	ecapi_outbox_set_aside("ecapi_emit", InvalidOid, id, json.data, (int) json.len,
						   ecapi_violation_sqlstate(first->code), reason.data);

	if (first_warning(&warned))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("invalid event was set aside: %s", first->message),
				 first->path[0] != '\0' ?
				 errdetail("The field is \"%s\".", first->path) : 0,
				 errhint("Set-aside events and their reasons are in ecapi.failed_event.")));
	return id;
}

/* Validation found something: if it does not fail the event, it is counted. */
static void
note_violation(void *arg, const EcapiViolation *violation)
{
	if (!violation->error)
		ecapi_left_out_note(arg, violation->field, violation->code);
}

static void
warn_left_out(const EcapiViolations *violations)
{
	static TimestampTz warned = 0;
	StringInfoData list;

	if (!first_warning(&warned))
		return;
	initStringInfo(&list);
	list_violations(&list, violations, false, -1);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("invalid fields were left out of an event"),
			 errdetail("Left out: %s.", list.data)));
}

/* Validate and append; the id, or NULL with violations. */
static const char *
append_event(Emit *emit)
{
	EcapiViolations *violations = &emit->violations;
	EcapiValue *clean;
	EcapiBuffer json;
	EcapiAppend append;

	/* what merging found is told with all that validation finds */
	if (is_unreadable(violations))
		return NULL;
	clean = ecapi_validate_into(&emit->arena, emit->given, (int64) time(NULL), false,
								violations);
	if (emit->arena.failed)
		out_of_memory();
	if (violations->errors > 0)
		return NULL;

	ecapi_tree_buffer(&json, emit->max_size, emit->context);
	/* What was left out does not make an event that was too large a small one. */
	if (violations->left_out > 0)
	{
		ecapi_json_value(&json, emit->given);
		if (!json.full)
			ecapi_buffer_truncate(&json, 0);
	}
	ecapi_json_value(&json, clean);
	if (json.full)
	{
		add_too_large(emit);
		return NULL;
	}
	if (violations->left_out > 0)
		warn_left_out(violations);
	ecapi_left_out_count();

	append.json = json.data;
	append.len = (int) json.len;
	ecapi_outbox_append(&append, 1);
	return ecapi_value_get(clean, "id")->text;
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
	emit.context = context;
	emit.max_size = (size_t) ecapi_max_event_size * 1024;
	emit.given = NULL;
	ecapi_violations_init(&emit.violations, note_violation, NULL);
	ecapi_left_out_begin();
	ecapi_tree_arena(&emit.arena, context);

	merge_arguments(&emit);
	id = append_event(&emit);
	if (id == NULL)
	{
		if (ecapi_on_error == ECAPI_ON_ERROR_RAISE)
			raise_violations(&emit.violations);
		id = set_aside(&emit);
	}

	MemoryContextSwitchTo(caller);
	result = cstring_to_text(id);
	MemoryContextReset(context);
	PG_RETURN_TEXT_P(result);
}

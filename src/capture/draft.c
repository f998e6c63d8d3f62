/*
 * draft.c
 *	  An event that is being put together, and what becomes of it.
 *
 * No message holds a value of the event but an unrecognized event type.
 */
#include "postgres.h"

#include <time.h>

#include "access/detoast.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/refuse.h"
#include "base/tree.h"
#include "capture/draft.h"
#include "event/violation.h"
#include "rowsql/literal.h"
#include "settings.h"
#include "shmem/left_out.h"

/* Bytes of a message's list of fields. */
#define MAX_LIST	1024

bool
ecapi_draft_warns(TimestampTz *warned)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (*warned == statement)
		return false;
	*warned = statement;
	return true;
}

void
ecapi_draft_out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("An event could not be put together.")));
}

/* Validation found something: if it does not fail the event, it is counted. */
static void
note_violation(void *arg, const EcapiViolation *violation)
{
	if (!violation->error)
		ecapi_left_out_note(arg, violation->field, violation->code);
}

void
ecapi_draft_begin(EcapiDraft *draft, MemoryContext context)
{
	draft->context = context;
	draft->max_size = (size_t) ecapi_max_event_size * 1024;
	draft->given = NULL;
	draft->lenient = false;
	ecapi_violations_init(&draft->violations, note_violation, NULL);
	ecapi_left_out_begin();
	ecapi_tree_stoppable_arena(&draft->arena, context);
}

void
ecapi_draft_set(EcapiDraft *draft, const char *key, EcapiValue *member)
{
	if (member == NULL ||
		!ecapi_value_set(&draft->arena, draft->given, key, strlen(key), member))
		ecapi_draft_out_of_memory();
}

void
ecapi_draft_set_time(EcapiDraft *draft, TimestampTz moment)
{
	char		text[ECAPI_LITERAL_SIZE];
	int			len = ecapi_literal_seconds(moment, text);

	ecapi_draft_set(draft, "timestamp",
					ecapi_value_text(&draft->arena, TIMESTAMP_NOT_FINITE(moment) ?
									 ECAPI_STRING : ECAPI_NUMBER, text, len));
}

bool
ecapi_draft_lacks(const EcapiDraft *draft, const char *key)
{
	const EcapiValue *member = ecapi_value_get(draft->given, key);

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

void
ecapi_draft_set_uuid(EcapiDraft *draft)
{
	char		uuid[36];

	make_uuid(uuid);
	ecapi_draft_set(draft, "id",
					ecapi_value_text(&draft->arena, ECAPI_STRING, uuid, sizeof(uuid)));
}

static void
fail_size(EcapiDraft *draft)
{
	ecapi_draft_fail(draft, NULL, ECAPI_VIOLATION_SIZE,
					 psprintf("event larger than %d kB", ecapi_max_event_size),
					 "Leave out what receivers do not need, or raise \"ecapi.max_event_size\".");
}

EcapiValue *
ecapi_draft_jsonb(EcapiDraft *draft, const char *key, Datum jsonb, int max_depth)
{
	EcapiValue *tree;

	/* Look at the size before anything is decompressed. */
	if (toast_raw_datum_size(jsonb) > draft->max_size * ECAPI_JSONB_BLOAT)
	{
		fail_size(draft);
		return NULL;
	}
	tree = ecapi_tree_from_jsonb(&draft->arena, DatumGetJsonbP(jsonb), max_depth);
	if (tree == NULL)
	{
		if (draft->arena.failed)
			ecapi_draft_out_of_memory();
		ecapi_draft_fail(draft, key, ECAPI_VIOLATION_DEPTH, "nested too deeply",
						 "An event has at most 32 levels.");
	}
	return tree;
}

void
ecapi_draft_give(EcapiDraft *draft, bool has_event, Datum event)
{
	if (has_event)
		draft->given = ecapi_draft_jsonb(draft, NULL, event, ECAPI_MAX_DEPTH);
	if (draft->given && draft->given->type != ECAPI_OBJECT)
	{
		ecapi_draft_fail(draft, NULL, ECAPI_VIOLATION_TYPE, "event is not a JSON object", NULL);
		draft->given = NULL;
	}
	if (draft->given == NULL)
		draft->given = ecapi_value_new(&draft->arena, ECAPI_OBJECT);
	if (draft->given == NULL)
		ecapi_draft_out_of_memory();
}

void
ecapi_draft_complete(EcapiDraft *draft)
{
	if (ecapi_draft_lacks(draft, "timestamp"))
		ecapi_draft_set_time(draft, GetCurrentTransactionStartTimestamp());
	if (ecapi_draft_lacks(draft, "id"))
		ecapi_draft_set_uuid(draft);
}

/* A path of at most this many steps (see ECAPI_MAX_STEPS) is reported in full. */
#define MAX_PLACES	8

/* Add a violation at a path, "user_data.address"; NULL: of the event as a whole. */
static void
add_violation(EcapiDraft *draft, const char *path, const EcapiField *field,
			  EcapiViolationCode code, bool error, const char *message, const char *hint)
{
	EcapiFieldPlace	places[MAX_PLACES];
	const EcapiFieldPlace *place = NULL;

	for (int i = 0; path != NULL && i < MAX_PLACES; i++)
	{
		const char *dot = strchr(path, '.');

		places[i] = (EcapiFieldPlace) {place, path, dot ? dot - path : strlen(path), 0};
		place = &places[i];
		path = dot ? dot + 1 : NULL;
	}
	ecapi_violation_add(&draft->violations, &draft->arena, place, field, code, error,
						message, hint);
}

void
ecapi_draft_fail(EcapiDraft *draft, const char *path, EcapiViolationCode code,
				 const char *message, const char *hint)
{
	add_violation(draft, path, NULL, code, true, message, hint);
}

void
ecapi_draft_lose(EcapiDraft *draft, const char *path, const EcapiField *field,
				 EcapiViolationCode code, const char *message)
{
	add_violation(draft, path, field, code, false, message, NULL);
}

bool
ecapi_draft_is_too_large(const EcapiDraft *draft)
{
	return draft->violations.errors == 1 &&
		ecapi_draft_first(draft)->code == ECAPI_VIOLATION_SIZE;
}

/* Whether an earlier violation was of the same field: one is enough. */
static bool
is_reported_before(const EcapiViolations *violations, int which)
{
	const EcapiViolation *one = &violations->list[which];

	for (int i = 0; i < which && one->path[0] != '\0'; i++)
		if (violations->list[i].error == one->error &&
			strcmp(violations->list[i].path, one->path) == 0)
			return true;
	return false;
}

/* Whether the event as a whole is at fault, so that there is nothing to look into. */
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
		if (is_reported_before(violations, i))
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

const EcapiViolation *
ecapi_draft_first(const EcapiDraft *draft)
{
	return &draft->violations.list[first_error(&draft->violations)];
}

void
ecapi_draft_raise(const EcapiDraft *draft)
{
	const EcapiViolations *violations = &draft->violations;
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
			(errcode(ecapi_sqlstate(sqlstate)),
			 errmsg("invalid event: %s", first->message),
			 detail.len > 0 ? errdetail_internal("%s", detail.data) : 0,
			 first->hint ? errhint("%s", first->hint) : 0));
}

char *
ecapi_draft_reason(const EcapiDraft *draft)
{
	StringInfoData reason;

	initStringInfo(&reason);
	list_violations(&reason, &draft->violations, true, -1);
	return reason.data;
}

static void
warn_left_out(const EcapiViolations *violations)
{
	static TimestampTz warned = 0;
	StringInfoData list;

	if (!ecapi_draft_warns(&warned))
		return;
	initStringInfo(&list);
	list_violations(&list, violations, false, -1);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("invalid fields were left out of an event"),
			 errdetail("Left out: %s.", list.data)));
}

/*
 * Write the event behind room for a varlena's header, so that the outbox takes
 * it without a copy.  False when it is too large.
 */
static bool
write_event(EcapiDraft *draft, const EcapiValue *clean, EcapiAppend *append)
{
	EcapiBuffer json;

	ecapi_tree_buffer(&json, draft->max_size + VARHDRSZ, draft->context);
	ecapi_buffer_add(&json, "\0\0\0", VARHDRSZ);
	/*
	 * What was left out does not make an event that was too large a small one,
	 * but where anybody may have written it.
	 */
	if (draft->violations.left_out > 0 && !draft->lenient)
	{
		ecapi_json_value(&json, draft->given);
		if (!json.full)
			ecapi_buffer_truncate(&json, VARHDRSZ);
	}
	ecapi_json_value(&json, clean);
	if (json.failed)
		ecapi_draft_out_of_memory();
	if (json.full)
		return false;
	append->event = (text *) json.data;
	SET_VARSIZE(append->event, json.len);
	return true;
}

bool
ecapi_draft_check(EcapiDraft *draft, EcapiAppend *append)
{
	EcapiViolations *violations = &draft->violations;
	EcapiValue *clean;

	/* what putting together found is reported with all that validation finds */
	if (is_unreadable(violations))
		return false;
	clean = ecapi_validate_into(&draft->arena, draft->given, (int64) time(NULL), false,
								draft->lenient, violations);
	if (draft->arena.failed)
		ecapi_draft_out_of_memory();
	if (violations->errors > 0)
		return false;
	if (!write_event(draft, clean, append))
	{
		fail_size(draft);
		return false;
	}
	draft->clean = clean;
	return true;
}

bool
ecapi_draft_finish(EcapiDraft *draft, EcapiAppend *append)
{
	if (!ecapi_draft_check(draft, append))
		return false;
	if (draft->violations.left_out > 0)
		warn_left_out(&draft->violations);
	ecapi_left_out_count();
	return true;
}

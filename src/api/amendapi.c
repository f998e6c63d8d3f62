/*
 * amendapi.c
 *	  ecapi.amend(): what an event is worth now.
 *
 * A role that may execute it may amend any event, as one that may execute ecapi_emit may
 * emit any; it runs as the extension's owner, for callers have no right on our tables.
 * It looks up the last amendment of the id by an index and writes one row, so it costs
 * the transaction the same whatever the outbox holds, and takes no lock that another
 * transaction waits for: ten thousand calls are one statement, for which the worker goes
 * through the outbox once.  Rolled back, by the transaction or a savepoint, it never was.
 *
 * The patch is validated as a part of an event here, so that the caller is told; of the
 * event that comes of it, the worker says the rest in the row.
 *
 * records/amendment.c says what the row means.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/tree.h"
#include "capture/draft.h"
#include "event/amend.h"
#include "event/amended.h"
#include "event/buffer.h"
#include "event/digest.h"
#include "outbox/limit.h"
#include "records/amendment.h"
#include "rowsql/text_size.h"
#include "settings.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_amend);

static void
set_text(EcapiDraft *draft, const char *key, const char *text)
{
	ecapi_draft_set(draft, key, ecapi_value_text(&draft->arena, ECAPI_STRING, text,
												 strlen(text)));
}

/*
 * Raise what is wrong with a patch by itself, and warn of what will be left out: it is
 * validated as part of an event that lacks nothing.
 */
static void
check_patch(Datum patch)
{
	EcapiDraft	draft;
	EcapiAppend append;
	const char *refused = NULL;

	ecapi_draft_begin(&draft, CurrentMemoryContext);
	draft.given = ecapi_draft_jsonb(&draft, NULL, patch, ECAPI_MAX_DEPTH);
	if (draft.given == NULL)
		ecapi_draft_raise(&draft);
	refused = ecapi_amend_refuses(draft.given);
	if (refused != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the patch is refused: %s", refused),
				 errhint("An amendment says what became known of an event, such as {\"value\": 41.20} or {\"ext\": {\"predicted_ltv\": 320}}.")));
	set_text(&draft, "event_type", "custom");
	set_text(&draft, "custom_event", "amendment");
	if (ecapi_draft_lacks(&draft, "currency_code"))
		set_text(&draft, "currency_code", "EUR");
	ecapi_draft_complete(&draft);
	if (!ecapi_draft_finish(&draft, &append))
		ecapi_draft_raise(&draft);
}

/*
 * A digest of the patch, as jsonb has it: 1.0 made it of that text, and one that was said
 * before the upgrade is the same after it.  Where numbers would make that text longer than
 * an event may be, they are written with an exponent.
 */
static char *
digest_of(Datum patch)
{
	Size		max = (Size) ecapi_max_event_size * 1024;
	Jsonb	   *jsonb = DatumGetJsonbP(patch);
	char	   *hex = palloc(ECAPI_HEX_SIZE);
	bool		done;

	if (ecapi_text_size(JSONBOID, patch, max) <= max)
	{
		char	   *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));

		done = ecapi_sha256(text, strlen(text), hex);
	}
	else
	{
		EcapiBuffer json;

		ecapi_tree_buffer(&json, max * ECAPI_JSONB_BLOAT, CurrentMemoryContext);
		ecapi_tree_write_jsonb(&json, jsonb);
		done = !json.failed && ecapi_sha256(json.data, json.len, hex);
	}
	if (!done)
		ecapi_tree_out_of_memory();
	hex[ECAPI_AMENDMENT_DIGEST] = '\0';
	return hex;
}

/* The id of the amendment; in place of an id that would make it too long, its digest. */
static char *
name_of(const char *id, int number, const char *digest)
{
	char	   *end = psprintf(ECAPI_AMENDED "%d:%s", number, digest);
	char		hex[ECAPI_HEX_SIZE];

	if (strlen(id) + strlen(end) <= ECAPI_MAX_ID)
		return psprintf("%s%s", id, end);
	if (!ecapi_sha256(id, strlen(id), hex))
		ecapi_tree_out_of_memory();
	return psprintf("%s%s", hex, end);
}

/*
 * Whether the role may emit: rows of ours count as the events that come of them.  If not,
 * it was counted and warned about, as of an event.
 */
static bool
may_emit(const EcapiAmendmentRow *row)
{
	return ecapi_limit_allows(row->emitter, GetCurrentTimestamp(), 1,
							  strlen(row->id) + VARSIZE_ANY(DatumGetPointer(row->patch)));
}

/*
 * Name the amendment, and write its row unless it is the last one once more, or is dropped.
 * As the extension's owner; true when a row was written.
 */
static bool
amend(EcapiAmendmentRow *row, MemoryContext caller)
{
	EcapiLastAmendment last;
	MemoryContext old;

	ecapi_amendment_last(row->id, caller, &last);
	if (last.counts && strcmp(last.digest, row->digest) == 0)
	{
		row->event_id = last.event_id;
		return false;
	}
	old = MemoryContextSwitchTo(caller);
	row->number = last.number + 1;
	row->event_id = name_of(row->id, row->number, row->digest);
	MemoryContextSwitchTo(old);
	if (!may_emit(row))
		return false;
	ecapi_amendment_create(row);
	return true;
}

/*
 * ecapi.amend(id text, patch jsonb, since timestamptz) returns text: the last event of that
 * id that was emitted so far is worth what the patch says.  since, when it was emitted or
 * earlier, spares the worker from looking further back; NULL: it looks at all there is.
 * Returns the id of the event that says it.  Raises an error for what cannot be an id or a
 * patch, and where an INSERT would.
 */
Datum
ecapi_amend(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	EcapiOwnerScope scope;
	EcapiAmendmentRow row = {0};
	Datum		patch;
	bool		written;

	PreventCommandIfReadOnly("ecapi.amend()");
	PreventCommandIfParallelMode("ecapi.amend()");
	PreventCommandDuringRecovery("ecapi.amend()");
	row.id = ecapi_argument_event_id(fcinfo, 0);
	ecapi_argument_required(fcinfo, 1, "patch");
	patch = PG_GETARG_DATUM(1);
	check_patch(patch);
	row.patch = JsonbPGetDatum(DatumGetJsonbP(patch));
	row.digest = digest_of(patch);
	row.since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	row.emitter = GetUserId();
	row.by = GetUserNameFromId(row.emitter, false);

	ecapi_become_owner(&scope);
	written = amend(&row, caller);
	ecapi_become_caller(&scope);
	if (written)
		ecapi_stops_at_commit();
	PG_RETURN_TEXT_P(cstring_to_text(row.event_id));
}

/*
 * previewapi.c
 *	  ecapi.preview(): what a destination would be sent, without sending it.
 *
 *	preview(destination)					the next request, of what waits
 *	preview(destination, id [, send])		one event that was emitted
 *	preview(destination, event [, send])	one that is given, as to ecapi_emit()
 *	preview(destination, since, until)		counts over past events
 *
 * All need ownership of the destination: its owner may have it send these very
 * events anywhere.  Of an event that would not be sent only its id and the
 * reason are shown; of one that would, what leaves, so identifiers as digests.
 *
 * Nothing is written, counted or recorded, and without send => true no byte
 * leaves the server, so all of it works before a destination goes live, while it is
 * paused, without a worker, without shared_preload_libraries, and on a standby.
 *
 * Memory: one page of events at a time, in a context of its own, one body, and one
 * row for each decision and reason; whatever the outbox holds.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/argument.h"
#include "base/result.h"
#include "base/tree.h"
#include "capture/draft.h"
#include "event/violation.h"
#include "pipeline/page.h"
#include "pipeline/server.h"
#include "consent/policy.h"
#include "preview/preview.h"
#include "preview/preview_tally.h"

PG_FUNCTION_INFO_V1(ecapi_preview_waiting);
PG_FUNCTION_INFO_V1(ecapi_preview_stored);
PG_FUNCTION_INFO_V1(ecapi_preview_given);
PG_FUNCTION_INFO_V1(ecapi_preview_past);

/* Events that are looked at for one request: most may be of other types. */
#define LOOKED_AT_MAX	10000

static Datum
id_datum(const EcapiValue *event, bool *isnull)
{
	const EcapiValue *id = event == NULL ? NULL : ecapi_value_get(event, "id");

	*isnull = id == NULL || id->type != ECAPI_STRING;
	return *isnull ? (Datum) 0 : ecapi_result_utf8(id->text, id->len);
}

/* method, url, headers, body: of a body that is ended. */
static void
set_request(EcapiPreview *preview, Datum *values, bool *nulls)
{
	EcapiPreviewRequest request;

	ecapi_preview_describe(preview, &request);
	values[0] = ecapi_result_text(preview->options->format->producer == NULL ? "POST" : "PRODUCE",
								  &nulls[0]);
	values[1] = ecapi_result_text(request.url, &nulls[1]);
	values[2] = ecapi_result_text(request.headers, &nulls[2]);
	values[3] = ecapi_result_utf8(request.body, request.body_len);
	nulls[3] = false;
}

/* ---- preview(destination) ---- */

/* What becomes of events for one reason. */
typedef struct ReasonGroup
{
	EcapiDecision decision;
	const char *reason;			/* NULL: none */
	int64		events;
	ArrayBuildState *ids;
} ReasonGroup;

/* The next request in the making. */
typedef struct Next
{
	EcapiPreview *preview;
	List	   *groups;			/* that of what is sent is the first */
	List	   *patched;		/* paths, of what is sent */
	int			looked_at;
	bool		full;
} Next;

static ReasonGroup *
group_of(Next *next, EcapiDecision decision, const char *reason)
{
	ReasonGroup *group;
	ListCell   *cell;

	foreach(cell, next->groups)
	{
		group = lfirst(cell);
		if (group->decision == decision &&
			(reason == NULL ? group->reason == NULL
			 : group->reason != NULL && strcmp(group->reason, reason) == 0))
			return group;
	}
	group = palloc0(sizeof(ReasonGroup));
	group->decision = decision;
	group->reason = reason == NULL ? NULL : pstrdup(reason);
	if (decision == ECAPI_DECISION_SEND)
		next->groups = lcons(group, next->groups);
	else
		next->groups = lappend(next->groups, group);
	return group;
}

/* The page's context is current. */
static void
take_event(Next *next, EcapiPreviewEvent *event, EcapiArena *arena)
{
	EcapiPreview *preview = next->preview;
	const EcapiValue *enriched = event->event;
	MemoryContext old;
	ReasonGroup *group;
	Datum		id;
	bool		isnull;

	next->looked_at++;
	if (!event->decided)
	{
		EcapiPreviewShaped shaped = ecapi_preview_shape(preview, event, arena);

		next->full = shaped == ECAPI_PREVIEW_FULL;
		if (shaped != ECAPI_PREVIEW_DECIDED)
			return;
	}
	old = MemoryContextSwitchTo(preview->context);
	group = group_of(next, event->decision, event->reason);
	group->events++;
	id = id_datum(event->emitted, &isnull);
	group->ids = accumArrayResult(group->ids, id, isnull, TEXTOID, preview->context);
	if (event->decision == ECAPI_DECISION_SEND)
		next->patched = ecapi_preview_changes(next->patched, event->emitted, enriched);
	MemoryContextSwitchTo(old);
	next->full = preview->body.shape.events >= preview->options->batch_size;
}

static void
gather(Next *next, EcapiPreviewSource *source)
{
	EcapiPreviewPage page;
	int			max_rows = Min(ECAPI_PAGE_ROWS, next->preview->options->batch_size);

	ecapi_preview_page_begin(&page);
	while (!next->full && !source->ended && next->looked_at < LOOKED_AT_MAX)
	{
		int			n = 0;

		ecapi_preview_page_read(&page, source, max_rows);
		for (int i = 0; i < page.rows.nrows; i++)
			ecapi_preview_page_add(&page, &n, &page.rows.rows[i]);
		ecapi_preview_decide(next->preview, page.events, n, &page.arena);
		for (int i = 0; i < n && !next->full; i++)
			take_event(next, &page.events[i], &page.arena);
		MemoryContextSwitchTo(next->preview->context);
	}
	MemoryContextDelete(page.context);
}

static void
put_group(const Next *next, const ReasonGroup *group, ReturnSetInfo *result)
{
	Datum		values[11] = {0};
	bool		nulls[11];

	memset(nulls, true, sizeof(nulls));
	values[0] = ecapi_result_text(ecapi_decision_name(group->decision), &nulls[0]);
	values[1] = ecapi_result_text(group->reason, &nulls[1]);
	values[2] = Int64GetDatum(group->events);
	values[3] = makeArrayResult(group->ids, CurrentMemoryContext);
	nulls[2] = nulls[3] = false;
	if (group->decision == ECAPI_DECISION_SEND)
	{
		values[4] = ecapi_result_texts(next->patched, &nulls[4]);
		values[5] = ecapi_result_texts(ecapi_preview_left_out(next->preview), &nulls[5]);
		values[6] = ecapi_result_texts(ecapi_preview_not_carried(next->preview), &nulls[6]);
		set_request(next->preview, values + 7, nulls + 7);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ecapi.preview(destination name): a row for the next request, and one for each
 * reason for which events before its end are not in it; those of another key go in another
 * request and are in no row.
 */
Datum
ecapi_preview_waiting(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	EcapiPreviewSource source;
	EcapiPreview preview;
	Next		next = {&preview, NIL, NIL, 0, false};
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(&preview, server);
	ecapi_preview_source_waiting(&source, server);
	ecapi_preview_begin_body(&preview);
	gather(&next, &source);
	ecapi_preview_end_body(&preview);
	foreach(cell, next.groups)
		put_group(&next, lfirst(cell), (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* ---- one event ---- */

/* What the event's consent string says to the destination; NULL: it has none, or is not asked. */
static const char *
consent_in_words(const EcapiPreview *preview, const EcapiPreviewEvent *event)
{
	const EcapiConsentTerms *terms = &preview->options->terms;
	EcapiConsentDecision decision;
	char	   *words;

	if (terms->gpp == ECAPI_GPP_IGNORED || event->event == NULL ||
		ecapi_value_get(ecapi_value_get(event->event, "user_data"), "gpp_string") == NULL)
		return NULL;
	decision = ecapi_consent_by_string(terms, event->event);
	words = palloc(ECAPI_CONSENT_WORDS);
	ecapi_consent_words(&decision, words, ECAPI_CONSENT_WORDS);
	return words;
}

/* The row of one event; left_out is what validation left out of it. */
static void
put_event(EcapiPreview *preview, EcapiPreviewEvent *event, Datum id, bool has_id,
		  List *left_out, bool send, ReturnSetInfo *result)
{
	Datum		values[13] = {0};
	bool		nulls[13];
	List	   *patched = NIL;
	EcapiArena	arena;
	char	   *answer;
	int			status;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	ecapi_preview_decide(preview, event, 1, &arena);
	if (event->event != event->emitted)
		patched = ecapi_preview_effects(preview, event);
	ecapi_preview_begin_body(preview);
	if (!event->decided)
		(void) ecapi_preview_shape(preview, event, &arena);
	ecapi_preview_end_body(preview);

	memset(nulls, true, sizeof(nulls));
	values[0] = ecapi_result_text(ecapi_decision_name(event->decision), &nulls[0]);
	values[1] = ecapi_result_text(event->reason, &nulls[1]);
	values[2] = id;
	nulls[2] = !has_id;
	values[3] = ecapi_result_texts(patched, &nulls[3]);
	left_out = list_concat(left_out, ecapi_preview_left_out(preview));
	values[4] = ecapi_result_texts(left_out, &nulls[4]);
	values[12] = ecapi_result_text(consent_in_words(preview, event), &nulls[12]);
	if (event->decision == ECAPI_DECISION_SEND)
	{
		values[5] = ecapi_result_texts(ecapi_preview_not_carried(preview), &nulls[5]);
		set_request(preview, values + 6, nulls + 6);
		if (send)
		{
			status = ecapi_preview_send(preview, &answer);
			nulls[10] = status == 0;
			values[10] = Int32GetDatum(status);
			values[11] = ecapi_result_text(answer, &nulls[11]);
		}
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Open a preview of one event that may be sent. */
static bool
open_for_one(EcapiPreview *preview, FunctionCallInfo fcinfo)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	bool		send = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);

	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(preview, server);
	if (send)
		ecapi_preview_use_test_mode(preview);
	return send;
}

/*
 * ecapi.preview(destination name, id text, send boolean): the newest event of that
 * id, wherever it is.
 */
Datum
ecapi_preview_stored(PG_FUNCTION_ARGS)
{
	EcapiPreview preview;
	EcapiPreviewEvent event;
	bool		send = open_for_one(&preview, fcinfo);
	text	   *id;

	ecapi_argument_required(fcinfo, 1, "id");
	id = PG_GETARG_TEXT_PP(1);
	/* what was given may be an event with a person's address: it is not quoted */
	if (!ecapi_preview_find(preview.server, PointerGetDatum(id), &event))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no event has this id"),
				 errdetail("It is neither in the outbox nor among the failed events of destination \"%s\".",
						   preview.server->servername),
				 errhint("An event that is given itself, and a range of time, are named: event => '{...}', since => '...'.")));
	put_event(&preview, &event, PointerGetDatum(id), true, NIL, send,
			  (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* What validation left out of an event that is given. */
static List *
left_out_of(const EcapiDraft *draft)
{
	List	   *list = NIL;

	for (int i = 0; i < draft->violations.n; i++)
	{
		const EcapiViolation *violation = &draft->violations.list[i];

		if (!violation->error)
			list = lappend(list, psprintf("%s (%s)", violation->path,
										  ecapi_violation_name(violation->code)));
	}
	return list;
}

/*
 * ecapi.preview(destination name, event jsonb, send boolean): an event that is given
 * as to ecapi_emit(event => ...), completed and validated in the same way.
 */
Datum
ecapi_preview_given(PG_FUNCTION_ARGS)
{
	EcapiPreview preview;
	EcapiPreviewEvent event = {0};
	EcapiDraft	draft;
	EcapiAppend append;
	bool		send = open_for_one(&preview, fcinfo);
	bool		no_id;
	const EcapiValue *id;

	ecapi_argument_required(fcinfo, 1, "event");
	ecapi_draft_begin(&draft, CurrentMemoryContext);
	ecapi_draft_give(&draft, true, PG_GETARG_DATUM(1));
	ecapi_draft_complete(&draft);
	if (ecapi_draft_check(&draft, &append))
		event.text = ecapi_window_utf8(VARDATA(append.event), VARSIZE(append.event) - VARHDRSZ,
									   &event.len);
	else
	{
		event.decided = true;
		event.decision = ECAPI_DECISION_REFUSED;
		event.reason = ecapi_draft_reason(&draft);
	}
	/* the draft is in the server's encoding */
	id = ecapi_value_get(draft.given, "id");
	no_id = id == NULL || id->type != ECAPI_STRING;
	put_event(&preview, &event, no_id ? (Datum) 0 : CStringGetTextDatum(id->text), !no_id,
			  left_out_of(&draft), send, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* ---- preview(destination, since, until) ---- */

/* Decide and count the events of a page that lie in [since, until). */
static void
tally_page(EcapiPreview *preview, EcapiPreviewPage *page, TimestampTz since, TimestampTz until,
		   EcapiPreviewTally *tally)
{
	int			n = 0;

	for (int i = 0; i < page->rows.nrows; i++)
		if (page->rows.rows[i].emitted_at >= since && page->rows.rows[i].emitted_at < until)
			ecapi_preview_page_add(page, &n, &page->rows.rows[i]);
	ecapi_preview_decide(preview, page->events, n, &page->arena);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!page->events[i].decided)
		{
			/* each in a body of its own: only whether it can be is asked */
			ecapi_preview_begin_body(preview);
			(void) ecapi_preview_shape(preview, &page->events[i], &page->arena);
		}
		ecapi_preview_tally_add(tally, &page->events[i]);
	}
}

/*
 * ecapi.preview(destination name, since timestamptz, until timestamptz): a row for
 * each decision, reason, event type and currency of the events emitted in
 * [since, until) that the outbox still holds.
 */
Datum
ecapi_preview_past(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	EcapiPreviewSource source;
	EcapiPreview preview;
	EcapiPreviewTally *tally;
	EcapiPreviewPage page;

	ecapi_argument_required(fcinfo, 1, "since");
	ecapi_argument_required(fcinfo, 2, "until");
	if (PG_GETARG_TIMESTAMPTZ(1) >= PG_GETARG_TIMESTAMPTZ(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be before until")));
	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(&preview, server);
	ecapi_preview_source_since(&source, PG_GETARG_TIMESTAMPTZ(1));
	tally = ecapi_preview_tally_create();
	ecapi_preview_page_begin(&page);
	while (!source.ended)
	{
		ecapi_preview_page_read(&page, &source, ECAPI_PAGE_ROWS);
		tally_page(&preview, &page, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2), tally);
		MemoryContextSwitchTo(preview.context);
	}
	MemoryContextDelete(page.context);
	ecapi_preview_tally_put(tally, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

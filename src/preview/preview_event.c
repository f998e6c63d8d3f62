/*
 * preview_event.c
 *	  What becomes of events at a destination: the worker's steps, taken in a
 *	  backend.
 *
 * The steps are those of destination/select.h, in that order and by the same
 * functions as in the worker.  What differs is around them: nothing is sent,
 * counted, recorded or disposed of, and no cursor moves.
 *
 *	 undecided --(unreadable)--> unfit
 *			   --(early, cancelled, a late repeat, late, filter, reduce, format)--> filtered
 *			   --(an amendment whose original was not delivered)--> filtered, or held until it is
 *			   --(enrichment or filter fails)--> held, unfit, or as without it
 *			   --(patch makes it invalid; format cannot express it)--> unfit
 *			   --(in the body)--> send
 *
 * Invariants
 *	(1) Users' SQL runs through enrich/user_sql.c only, so in a subtransaction
 *		that is rolled back, as the role that it would run as in the worker.
 *	(2) No text of a preview but the body holds a value of an event.
 *
 * Memory: a preview lives in the context that was current when it was opened.
 * The memory of a page is the caller's, which resets it.  No locks.
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "destination/select.h"
#include "event/amended.h"
#include "event/fields.h"
#include "event/stored.h"
#include "pipeline/server.h"
#include "preview/preview.h"
#include "settings.h"

/* Calls of users' SQL that fail, before all that is left shares one fate. */
#define FAILURES_MAX	32

const char *
ecapi_decision_name(EcapiDecision decision)
{
	static const char *const names[] = {
		[ECAPI_DECISION_SEND] = "send",
		[ECAPI_DECISION_FILTERED] = "filtered",
		[ECAPI_DECISION_HELD] = "held",
		[ECAPI_DECISION_UNFIT] = "unfit",
		[ECAPI_DECISION_REFUSED] = "refused"
	};

	return names[decision];
}

static void
decide(EcapiPreviewEvent *event, EcapiDecision decision, const char *reason)
{
	event->decided = true;
	event->decision = decision;
	event->reason = reason;
}

/* ---- opening ---- */

/*
 * Look up the destination's users' SQL.  If it cannot be used, the destination would
 * wait: events that reach this step are held.
 */
static void
open_users_sql(EcapiPreview *preview)
{
	const EcapiOptions *options = preview->options;
	EcapiUserProblem problem;
	bool		found = true;

	if (options->enrich != NULL)
		found = ecapi_enrichments_resolve(options->enrich, preview->server->owner,
										  &preview->enrichments, &problem);
	if (found && options->filter != NULL)
	{
		preview->filter = ecapi_filter_compile(options->filter, &problem);
		found = preview->filter != NULL;
	}
	if (found)
		return;
	preview->held = pstrdup(problem.message);
	ereport(NOTICE,
			(errcode(problem.sqlerrcode),
			 errmsg("destination \"%s\" would wait: %s", preview->server->servername,
					problem.message),
			 problem.hint[0] != '\0' ? errhint("%s", problem.hint) : 0));
}

static void
note_left_out(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	EcapiPreview *preview = arg;

	if (field != NULL)
		preview->left_out[ecapi_field_number(field)][reason] = true;
}

void
ecapi_preview_open(EcapiPreview *preview, const ForeignServer *server)
{
	char		error[512];

	memset(preview, 0, sizeof(*preview));
	preview->context = CurrentMemoryContext;
	preview->server = server;
	preview->now = (int64) time(NULL);
	preview->options = ecapi_options_of(server, error, sizeof(error));
	if (preview->options == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" cannot be previewed: %s",
						server->servername, error)));
	ecapi_options_measure(server, preview->options);
	open_users_sql(preview);
	preview->body.shape.options = preview->options;
	preview->body.shape.now = preview->now;
	preview->body.shape.default_country = ecapi_default_country();
	preview->body.shape.left_out = note_left_out;
	preview->body.shape.arg = preview;
	ecapi_tree_buffer(&preview->body.buffer, 0, preview->context);
}

/* ---- steps 1 to 4 ---- */

static void
raise_out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("An event could not be previewed.")));
}

static void
parse_event(EcapiPreviewEvent *event, EcapiArena *arena)
{
	const char *problem;
	char		error[128];

	event->type = -1;
	event->emitted = event->event = NULL;
	if (event->text == NULL)
	{
		decide(event, ECAPI_DECISION_UNFIT, ECAPI_STORED_NOT_UTF8);
		return;
	}
	event->emitted = ecapi_tree_parse(arena, event->text, event->len, error, sizeof(error));
	problem = ecapi_stored_problem(event->emitted, error);
	if (problem != NULL)
	{
		decide(event, ECAPI_DECISION_UNFIT, pstrdup(problem));
		event->emitted = NULL;
		return;
	}
	event->event = event->emitted;
	event->type = ecapi_stored_type(event->event);
}

/* The moment from which an event's age is measured. */
static int64
moment_of(const EcapiPreview *preview, const EcapiPreviewEvent *event)
{
	return preview->as_emitted && event->emitted_at != 0 ? event->emitted_at : preview->now;
}

static void
decide_early(EcapiPreview *preview, EcapiPreviewEvent *event, EcapiArena *arena)
{
	EcapiAddressee self = {preview->server->serverid, preview->server->servername};
	const char *reason;

	if (event->decided)
		return;
	parse_event(event, arena);
	if (event->decided)
		return;
	reason = ecapi_select_early(preview->options, self, event->event, event->type,
								moment_of(preview, event));
	if (reason == NULL && ecapi_stored_is_erased(event->event))
		reason = ECAPI_REASON_ERASED;
	if (reason != NULL)
		decide(event, ECAPI_DECISION_FILTERED, reason);
}

/* The events that are undecided, as users' SQL takes them. */
typedef struct Undecided
{
	int			n;
	EcapiEnrichedEvent *rows;
	EcapiPreviewEvent **events; /* of each row */
} Undecided;

static void enrich(EcapiPreview *preview, Undecided *undecided, int from, int n,
				   EcapiArena *arena);

static void
collect_undecided(Undecided *undecided, EcapiPreviewEvent *events, int nevents)
{
	undecided->n = 0;
	for (int i = 0; i < nevents; i++)
	{
		if (events[i].decided)
			continue;
		undecided->rows[undecided->n] = (EcapiEnrichedEvent) {
			events[i].seq, events[i].event, true, NULL
		};
		undecided->events[undecided->n++] = &events[i];
	}
}

static void
decide_stopped(EcapiPreview *preview, Undecided *undecided)
{
	const char **reasons = palloc(sizeof(char *) * Max(undecided->n, 1));

	ecapi_preview_find_stopped(preview, undecided->events, undecided->n, reasons);
	for (int i = 0; i < undecided->n; i++)
		if (reasons[i] != NULL)
			decide(undecided->events[i], ECAPI_DECISION_FILTERED, reasons[i]);
}

static void
decide_repeats(EcapiPreview *preview, Undecided *undecided)
{
	int64	   *sent_at;

	if (preview->as_emitted)
		return;
	sent_at = palloc(sizeof(int64) * Max(undecided->n, 1));
	ecapi_preview_find_sent(preview, undecided->events, undecided->n, sent_at);
	for (int i = 0; i < undecided->n; i++)
	{
		const char *reason = ecapi_select_repeat(preview->options,
														 undecided->events[i]->event,
														 sent_at[i], preview->now);

		if (reason != NULL)
			decide(undecided->events[i], ECAPI_DECISION_FILTERED, reason);
	}
}

/* Amendments go where their originals are; see pipeline/amend_wait.c. */
static void
decide_amendments(EcapiPreview *preview, Undecided *undecided)
{
	EcapiPreviewEvent **amendments = palloc(sizeof(EcapiPreviewEvent *) * Max(undecided->n, 1));
	EcapiOriginalState *states;
	int			n = 0;

	for (int i = 0; i < undecided->n; i++)
		if (ecapi_amend_original(undecided->events[i]->event) != NULL)
			amendments[n++] = undecided->events[i];
	if (n == 0)
		return;
	states = palloc(sizeof(EcapiOriginalState) * n);
	ecapi_preview_find_originals(preview, amendments, n, states);
	for (int i = 0; i < n; i++)
		if (!states[i].delivered)
			decide(amendments[i], states[i].next_try != 0 ? ECAPI_DECISION_HELD
				   : ECAPI_DECISION_FILTERED,
				   states[i].next_try != 0 ? ECAPI_REASON_ORIGINAL_WAITS : ECAPI_REASON_NO_ORIGINAL);
}

/* A decision about some of the events. */
static void
decide_all(Undecided *undecided, int from, int n, EcapiDecision decision, const char *reason)
{
	for (int i = from; i < from + n; i++)
		decide(undecided->events[i], decision, reason);
}

/* Events go without patches: what the option says, reported once. */
static void
report_skipped(EcapiPreview *preview, const char *reason)
{
	if (preview->skipped)
		return;
	preview->skipped = true;
	ereport(NOTICE,
			(errcode(ERRCODE_WARNING),
			 errmsg("events go without a patch: %s", reason),
			 errdetail("The option \"enrich_on_error\" says so.")));
}

/*
 * Enrichments have failed, which a preview takes for good.  Unless the destination
 * would wait, halves are tried, so that only the events at fault go without the patch
 * or to failed_event; not after a timeout, and not beyond FAILURES_MAX calls.
 */
static void
enrichment_failed(EcapiPreview *preview, Undecided *undecided, int from, int n,
				  EcapiArena *arena, const EcapiUserError *error)
{
	EcapiDecision decision = ecapi_select_failing(preview->options, ECAPI_FAILING_ENRICH);

	if (decision != ECAPI_DECISION_HELD && n > 1 && !error->timed_out &&
		++preview->failures < FAILURES_MAX)
	{
		enrich(preview, undecided, from, n / 2, arena);
		enrich(preview, undecided, from + n / 2, n - n / 2, arena);
	}
	else if (decision == ECAPI_DECISION_SEND)
		report_skipped(preview, error->message);
	else
		decide_all(undecided, from, n, decision, pstrdup(error->message));
}

static void
enrich(EcapiPreview *preview, Undecided *undecided, int from, int n, EcapiArena *arena)
{
	EcapiDecision decision = ecapi_select_failing(preview->options, ECAPI_FAILING_PATCH);
	EcapiUserError error;

	if (!ecapi_enrichments_apply(&preview->enrichments, undecided->rows + from, n, arena,
								 preview->now, ecapi_enrich_timeout_ms,
								 ECAPI_PATCHES_BYTES, &error))
	{
		enrichment_failed(preview, undecided, from, n, arena, &error);
		return;
	}
	for (int i = from; i < from + n; i++)
	{
		undecided->events[i]->event = undecided->rows[i].event;
		if (undecided->rows[i].problem == NULL)
			continue;
		if (decision == ECAPI_DECISION_SEND)
			report_skipped(preview, undecided->rows[i].problem);
		else
			decide(undecided->events[i], decision, undecided->rows[i].problem);
	}
}

/* One event at fault is decided by itself, and the others are judged again. */
static void
filter(EcapiPreview *preview, Undecided *undecided)
{
	EcapiDecision decision = ecapi_select_failing(preview->options, ECAPI_FAILING_FILTER);
	EcapiUserError error;
	int			failed;

	while (undecided->n > 0 &&
		   !ecapi_filter_apply(preview->filter, undecided->rows, undecided->n,
							   preview->server->owner, ecapi_enrich_timeout_ms, &error,
							   &failed))
	{
		bool		alone = failed >= 0 && decision != ECAPI_DECISION_HELD &&
			++preview->failures < FAILURES_MAX;
		const char *reason = pstrdup(error.message);

		if (!alone)
		{
			decide_all(undecided, 0, undecided->n, decision, reason);
			return;
		}
		decide(undecided->events[failed], decision, reason);
		undecided->n--;
		undecided->rows[failed] = undecided->rows[undecided->n];
		undecided->events[failed] = undecided->events[undecided->n];
	}
	for (int i = 0; i < undecided->n; i++)
		if (!undecided->rows[i].pass)
			decide(undecided->events[i], ECAPI_DECISION_FILTERED, ECAPI_REASON_FILTER);
}

void
ecapi_preview_decide(EcapiPreview *preview, EcapiPreviewEvent *events, int nevents,
					 EcapiArena *arena)
{
	Undecided	undecided;

	undecided.rows = palloc(sizeof(EcapiEnrichedEvent) * Max(nevents, 1));
	undecided.events = palloc(sizeof(EcapiPreviewEvent *) * Max(nevents, 1));
	for (int i = 0; i < nevents; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decide_early(preview, &events[i], arena);
	}

	collect_undecided(&undecided, events, nevents);
	decide_stopped(preview, &undecided);
	collect_undecided(&undecided, events, nevents);
	decide_repeats(preview, &undecided);
	collect_undecided(&undecided, events, nevents);
	decide_amendments(preview, &undecided);
	collect_undecided(&undecided, events, nevents);
	if (preview->held != NULL)
		decide_all(&undecided, 0, undecided.n, ECAPI_DECISION_HELD, preview->held);
	else if (preview->enrichments.n > 0 && undecided.n > 0)
		enrich(preview, &undecided, 0, undecided.n, arena);

	for (int i = 0; i < nevents; i++)
	{
		const char *reason = events[i].decided ? NULL
			: ecapi_select_late(preview->options, events[i].event,
								preview->body.shape.default_country, &events[i].restriction);

		if (reason != NULL)
			decide(&events[i], ECAPI_DECISION_FILTERED, reason);
	}

	collect_undecided(&undecided, events, nevents);
	if (preview->filter != NULL && undecided.n > 0)
		filter(preview, &undecided);
	if (arena->failed)
		raise_out_of_memory();
}

/* ---- steps 5 and 6 ---- */

void
ecapi_preview_begin_body(EcapiPreview *preview)
{
	ecapi_buffer_truncate(&preview->body.buffer, 0);
	memset(preview->left_out, 0, sizeof(preview->left_out));
	memset(&preview->not_carried, 0, sizeof(preview->not_carried));
	preview->keys.n = 0;
	ecapi_body_open(&preview->body);
}

/* seen is an event as the format was given it. */
static void
note_not_carried(EcapiPreview *preview, const EcapiValue *seen)
{
	EcapiFieldSet lost = ecapi_field_set_without(ecapi_field_set_of(seen),
												 &preview->options->carried);

	ecapi_field_set_join(&preview->not_carried, &lost);
}

EcapiPreviewShaped
ecapi_preview_shape(EcapiPreview *preview, EcapiPreviewEvent *event, EcapiArena *arena)
{
	bool		left_out[ECAPI_FIELDS][ECAPI_VIOLATION_CODES];
	const char *reason;
	const EcapiValue *seen;
	EcapiShaped shaped;

	memcpy(left_out, preview->left_out, sizeof(left_out));
	preview->body.shape.now = moment_of(preview, event);
	shaped = ecapi_body_add(&preview->body, arena, event->event, event->restriction != NULL, &seen,
							&reason);
	if (seen != NULL)
		event->event = seen;
	else
		memcpy(preview->left_out, left_out, sizeof(left_out));
	switch (shaped)
	{
		case ECAPI_SHAPED:
			note_not_carried(preview, seen);
			decide(event, ECAPI_DECISION_SEND, NULL);
			break;
		case ECAPI_FILTERED:
			decide(event, ECAPI_DECISION_FILTERED, reason);
			break;
		case ECAPI_UNFIT:
			decide(event, ECAPI_DECISION_UNFIT, reason);
			break;
		case ECAPI_LACKING:
			decide(event, ECAPI_DECISION_HELD, reason);
			break;
		case ECAPI_BODY_FULL:
			return ECAPI_PREVIEW_FULL;
		case ECAPI_BODY_OTHER_KEY:
			return ecapi_body_place_key(&preview->keys, preview->options,
										preview->body.shape.other_key) < 0
				? ECAPI_PREVIEW_FULL : ECAPI_PREVIEW_OTHER;
		case ECAPI_BODY_NO_MEMORY:
			raise_out_of_memory();
	}
	return ECAPI_PREVIEW_DECIDED;
}

void
ecapi_preview_end_body(EcapiPreview *preview)
{
	if (!ecapi_body_close(&preview->body))
		raise_out_of_memory();
}

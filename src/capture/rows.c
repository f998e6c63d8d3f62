/*
 * rows.c
 *	  Rows become events: evaluated confined, validated, appended; what
 *	  fails is set aside.
 *
 * Rows are taken in pages:
 *	  1. Evaluate.  Each row is asked whether it fires, its event is put
 *		 together, validated and kept as text.  A failing row is kept with its
 *		 reason.
 *	  2. Append the events, then set the failing rows aside.
 *
 * Step 1 runs confined (confine.c), once for the whole page, so a subtransaction
 * costs a page and not a row, and writes nothing.  An error ends the run: the
 * rows before are done and kept, the one at fault is known (it is the last that
 * next gave), and a new run goes on behind it.  Where neither the condition nor
 * the mapping can raise an error or run code of users nothing is confined at
 * all, nor is it before the first row that fires.
 *
 * Invariant: what is kept of a page lives in a context that no subtransaction
 * owns, so it survives the end of a run either way.
 *
 * The reason of a failure names a field and an SQLSTATE or what validation
 * said; never what SQL said, for that may quote the row.  A set-aside row is
 * kept as the image of its columns, so that ecapi.recapture() can try it again
 * when the mapping is fixed:
 *	  {"new": image, "old": image, "context": fragment, "captured_at": seconds}
 *
 * A page, its rows and their failures are one state, which no other file sees; so this
 * one has more than 500 lines of code.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/refuse.h"
#include "base/tree.h"
#include "capture/context.h"
#include "capture/draft.h"
#include "capture/image.h"
#include "capture/rows.h"
#include "outbox/append.h"
#include "outbox/limit.h"
#include "records/stops.h"
#include "rowsql/confine.h"
#include "rowsql/expression.h"
#include "stat/stat_track.h"

/*
 * A page.  This many events are enough to make the costs of a page small beside
 * those of its rows; the bytes bound it when events are large.
 */
#define PAGE_ROWS		512
#define PAGE_BYTES		(512 * 1024)

/* What a row's context keeps over a reset: enough for an event of the usual kind. */
#define ROW_BLOCK		(16 * 1024)

/* 2000 in seconds since 1970. */
#define EPOCH	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* A row that failed. */
typedef struct Failure
{
	const char *image;			/* JSON; NULL: not made yet */
	int			len;
	const char *id;				/* or NULL */
	int64		after_seq;		/* of the row; -1: now */
	char		sqlstate[6];
	const char *reason;
} Failure;

typedef struct RowPage
{
	const EcapiRowCapture *rows;
	EcapiProgram *program;		/* of rows; NULL: it does not compile */
	EcapiRowsResult *result;
	MemoryContext caller;
	MemoryContext context;		/* events and failures of the page */
	MemoryContext run_context;	/* the program's state while it runs */
	MemoryContext row_context;	/* one row's work */
	int			nevents;
	EcapiAppend *events;
	EcapiStopQuery *stops;		/* of each event; NULL: not asked */
	size_t		bytes;
	int			nfailures;
	Failure    *failures;
	const EcapiValue *fragment; /* ecapi.context; SQL of the track cannot set it */
	EcapiTableRow	row;			/* the current one */
	bool		holds;			/* it fires; else only a sink sees it */
	bool		pending;		/* it is not put together yet */
	bool		at_end;
	bool		is_error;		/* the last failure is an SQL error, no violation */
	EcapiDraft	draft;			/* of the current row */
	EcapiTrackCounts counts;	/* of the page, for statistics */
} RowPage;

static int64
now_in_seconds(void)
{
	return GetCurrentTransactionStartTimestamp() / USECS_PER_SEC + EPOCH;
}

static bool
is_full(const RowPage *page)
{
	return page->nevents + page->nfailures >= PAGE_ROWS || page->bytes >= PAGE_BYTES;
}

/* ------------------------------------------------------------------------
 * Failures
 * ------------------------------------------------------------------------
 */

static void
set_member(EcapiArena *arena, EcapiValue *object, const char *key, EcapiValue *member)
{
	if (member == NULL || !ecapi_value_set(arena, object, key, strlen(key), member))
		ecapi_draft_out_of_memory();
}

/*
 * The image of the current row for the last failure, as JSON in the page's
 * memory; see above.
 */
static void
make_image(void *arg)
{
	RowPage    *page = arg;
	Failure    *failure = &page->failures[page->nfailures - 1];
	const EcapiTableRow *row = &page->row;
	EcapiArena	arena;
	EcapiValue *object;
	EcapiBuffer json;
	char		seconds[MAXINT8LEN + 1];
	int			len;

	ecapi_tree_arena(&arena, page->row_context);
	object = ecapi_value_new(&arena, ECAPI_OBJECT);
	if (object == NULL)
		ecapi_draft_out_of_memory();
	set_member(&arena, object, "new", ecapi_image_of(&arena, row->new));
	if (row->old)
		set_member(&arena, object, "old", ecapi_image_of(&arena, row->old));
	if (row->context)
		set_member(&arena, object, "context", ecapi_value_copy(&arena, row->context));
	len = pg_lltoa(row->captured_at, seconds);
	set_member(&arena, object, "captured_at",
			   ecapi_value_text(&arena, ECAPI_NUMBER, seconds, len));

	ecapi_tree_buffer(&json, MaxAllocSize, page->context);
	ecapi_json_value(&json, object);
	if (json.full)
		ecapi_draft_out_of_memory();
	failure->image = json.data;
	failure->len = json.len;
}

/* A new failure of the current row. */
static Failure *
add_failure(RowPage *page)
{
	Failure    *failure = &page->failures[page->nfailures++];

	memset(failure, 0, sizeof(*failure));
	failure->after_seq = page->row.written.xid != 0 ? page->row.written.after_seq : -1;
	return failure;
}

static void
describe_error(const RowPage *page, const EcapiConfinedError *error, Failure *failure)
{
	const char *place = page->program->place;
	const char *object = error->object ? psprintf(" in %s", error->object) : "";

	strlcpy(failure->sqlstate, error->sqlstate, sizeof(failure->sqlstate));
	failure->reason = MemoryContextStrdup(page->context, error->own ?
										  psprintf("\"%s\" (%s)", place, error->own) :
										  psprintf("\"%s\" (SQL error %s%s)", place,
												   error->sqlstate, object));
}

/*
 * Why the current row's event is not valid.  A time that is to come is the
 * local time of somewhere in the east, as a rule, where the track takes it for
 * that of another zone.
 */
static const char *
reason_of(const RowPage *page)
{
	const char *reason = ecapi_draft_reason(&page->draft);

	if (strstr(reason, ECAPI_TIME_TO_COME) == NULL ||
		!ecapi_program_names_zone(page->program))
		return reason;
	return psprintf("%s; the column may be in local time: name its zone in the mapping",
					reason);
}

/* The current row's event is not valid: keep the reason, and the row. */
static void
keep_violations(RowPage *page)
{
	Failure    *failure = add_failure(page);
	const EcapiViolation *first = ecapi_draft_first(&page->draft);
	const EcapiValue *id = page->draft.given ?
		ecapi_value_get(page->draft.given, "id") : NULL;

	strlcpy(failure->sqlstate, ecapi_violation_sqlstate(first->code),
			sizeof(failure->sqlstate));
	failure->reason = MemoryContextStrdup(page->context, reason_of(page));
	if (id && id->type == ECAPI_STRING && id->len <= ECAPI_MAX_ID)
		failure->id = MemoryContextStrdup(page->context, id->text);
}

/* ------------------------------------------------------------------------
 * A page
 * ------------------------------------------------------------------------
 */

/* The next row, with what is known of when it was captured. */
static bool
next_row(RowPage *page)
{
	MemoryContextReset(page->row_context);
	page->row.context = NULL;
	page->row.captured_at = 0;
	memset(&page->row.written, 0, sizeof(page->row.written));
	if (!page->rows->next(page->rows->arg, &page->row))
	{
		page->at_end = true;
		return false;
	}
	page->result->rows++;
	page->counts.rows++;
	if (page->rows->mode == ECAPI_ROWS_LIVE)
	{
		if (!page->rows->has_context)
			page->row.context = page->fragment;
		page->row.captured_at = now_in_seconds();
	}
	return true;
}

/*
 * Whether the current row is to be put together: it fires, or a sink sees it.  A
 * condition that fails leaves a row that holds, so it is a failure.
 */
static bool
fires(RowPage *page)
{
	bool		is_history = page->rows->mode == ECAPI_ROWS_HISTORY;

	page->holds = true;
	page->holds = ecapi_program_fires(page->program, page->row.new, page->row.old,
									  is_history);
	if (is_history && !page->holds)
		page->result->condition_false++;
	page->counts.condition_false += !page->holds;
	return page->holds || page->rows->sink != NULL;
}

/* The time of an event that is valid, in seconds since 1970. */
static int64
seconds_of(const EcapiDraft *draft)
{
	return strtoll(ecapi_value_get(draft->clean, "timestamp")->text, NULL, 10);
}

/*
 * HISTORY: whether the event is outside of the span that was asked for.  One without
 * a time is in none: see make_event().
 */
static bool
is_outside(const RowPage *page, const EcapiDraft *draft)
{
	int64		seconds;

	if (page->rows->mode != ECAPI_ROWS_HISTORY)
		return false;
	seconds = seconds_of(draft);
	return seconds < page->rows->since || seconds >= page->rows->until;
}

/* Begin the current row's event; mapped_only: without what anybody may have written. */
static void
fill_draft(RowPage *page, bool mapped_only)
{
	EcapiDraft *draft = &page->draft;

	ecapi_draft_begin(draft, page->row_context);
	ecapi_program_fill(page->program, draft, page->row.new, page->row.old,
					   page->row.context, page->row.captured_at, mapped_only);
	if (mapped_only)
		ecapi_draft_lose(draft, "*", NULL, ECAPI_VIOLATION_SIZE, "the event would be too large");
}

/* What a sink sees is emitted nowhere, so nothing of it is counted or warned about. */
static bool
check_draft(RowPage *page, EcapiAppend *append)
{
	return page->rows->sink != NULL ? ecapi_draft_check(&page->draft, append) :
		ecapi_draft_finish(&page->draft, append);
}

/*
 * Finish it.  If it is too large, and there is a fragment or a context in it, that
 * alone is left out.
 */
static bool
finish_draft(RowPage *page, EcapiAppend *append)
{
	if (check_draft(page, append))
		return true;
	if (!ecapi_draft_is_too_large(&page->draft) ||
		(page->row.context == NULL && page->program->fragment == NULL))
		return false;
	fill_draft(page, true);
	return check_draft(page, append);
}

/* What to ask of the event that joins the page; confined. */
static void
note_stop(RowPage *page)
{
	EcapiStopQuery *stop = &page->stops[page->nevents];
	const EcapiWritten *written = &page->row.written;
	const EcapiValue *id = ecapi_value_get(page->draft.clean, "id");

	memset(stop, 0, sizeof(*stop));
	stop->id = MemoryContextStrdup(page->context, id->text);
	stop->id_len = id->len;
	stop->is_server = true;
	stop->xid = written->is_history ? PG_UINT64_MAX : written->xid;
	stop->seq = written->after_seq;
	stop->is_history = written->is_history;
	stop->happened = (seconds_of(&page->draft) - EPOCH) * USECS_PER_SEC;
}

/* Put the current row's event together; it joins the page, or its failures. */
static void
make_event(RowPage *page)
{
	EcapiDraft *draft = &page->draft;
	const EcapiRowsSink *sink = page->rows->sink;
	EcapiAppend append;

	fill_draft(page, false);
	if (page->rows->mode == ECAPI_ROWS_HISTORY && ecapi_draft_lacks(draft, "timestamp"))
	{
		page->result->outside++;
		if (sink != NULL && page->holds)
			sink->note(sink->arg, draft->given, ECAPI_ROW_UNTIMED);
		return;
	}
	if (!finish_draft(page, &append))
	{
		/* its image is made later, see handle_failure() */
		keep_violations(page);
		return;
	}
	if (is_outside(page, draft))
	{
		page->result->outside++;
		return;
	}
	if (sink != NULL)
	{
		sink->note(sink->arg, draft->clean,
				   page->holds ? ECAPI_ROW_DUE : ECAPI_ROW_FALSE);
		page->result->events += page->holds;
		return;
	}
	if (page->rows->forgotten != NULL)
		ecapi_forgotten_note(page->rows->forgotten, draft->clean, page->nevents);
	if (page->stops != NULL)
		note_stop(page);
	page->events[page->nevents].event =
		(text *) MemoryContextAlloc(page->context, VARSIZE(append.event));
	memcpy(page->events[page->nevents].event, append.event, VARSIZE(append.event));
	page->bytes += VARSIZE(append.event);
	page->nevents++;
}

static void
start_program(RowPage *page)
{
	MemoryContextSwitchTo(page->run_context);
	ecapi_expressions_start(page->program->expressions);
	MemoryContextSwitchTo(page->row_context);
}

/*
 * Evaluate rows until the page is full, one fails, or there are no more.  The
 * program is started here, as the role whose SQL it is, and not used again
 * after an error.
 */
static void
fill_page(void *arg)
{
	RowPage    *page = arg;
	int			nfailures = page->nfailures;

	start_program(page);
	while (page->nfailures == nfailures && !is_full(page))
	{
		if (!page->pending)
		{
			if (!next_row(page))
				break;
			CHECK_FOR_INTERRUPTS();
			if (!fires(page))
				continue;
		}
		page->pending = false;
		make_event(page);
	}
	ecapi_expressions_stop(page->program->expressions);
}

/* The same up to the first row that is put together, which then is pending. */
static void
find_firing(RowPage *page)
{
	start_program(page);
	while (!page->pending && next_row(page))
		page->pending = fires(page);
	ecapi_expressions_stop(page->program->expressions);
}

/* The track does not compile: the next row fails for that. */
static bool
fail_row(RowPage *page)
{
	const EcapiCompiled *compiled = page->rows->compiled;
	Failure    *failure;

	if (!next_row(page))
		return true;
	page->holds = true;
	failure = add_failure(page);
	strlcpy(failure->sqlstate, compiled->sqlstate, sizeof(failure->sqlstate));
	failure->reason = compiled->problem;
	page->is_error = true;
	return false;
}

/*
 * Evaluate more rows, confined where that is needed.  False: the current
 * row failed, and is the last of the page's failures.
 */
static bool
evaluate(RowPage *page)
{
	const EcapiProgram *program = page->program;
	int			nfailures = page->nfailures;
	EcapiConfinedError error;

	if (program == NULL)
		return fail_row(page);
	MemoryContextReset(page->run_context);
	if (!program->confines_fires && !program->confines_fill)
		fill_page(page);
	else
	{
		if (!program->confines_fires && !page->pending)
			find_firing(page);
		if (page->at_end)
			return true;
		if (!ecapi_confined_run(fill_page, page, page->rows->compiled->role, &error))
		{
			page->pending = false;
			describe_error(page, &error, add_failure(page));
			page->is_error = true;
			return false;
		}
	}
	page->is_error = false;
	return page->nfailures == nfailures;
}

/* The id of the current row for the last failure, where its columns give it. */
static void
name_failure(void *arg)
{
	RowPage    *page = arg;
	const EcapiProgram *program = page->program;
	AttrNumber	columns[ECAPI_ID_COLUMNS];
	Datum		values[ECAPI_ID_COLUMNS];
	bool		nulls[ECAPI_ID_COLUMNS];
	int			n = ecapi_program_id_columns(program, columns);
	char	   *id;

	for (int i = 0; i < n; i++)
		values[i] = slot_getattr(page->row.new, columns[i], &nulls[i]);
	/* as many as fit may be less than there are */
	id = n == 0 || n == ECAPI_ID_COLUMNS ? NULL : ecapi_program_id(program, values, nulls);
	if (id != NULL)
		page->failures[page->nfailures - 1].id = MemoryContextStrdup(page->context, id);
}

/* Report the current row, which failed, to the sink; it is no failure of the page. */
static void
report_failure(RowPage *page)
{
	const EcapiRowCapture *rows = page->rows;
	Failure    *failure = &page->failures[page->nfailures - 1];
	EcapiConfinedError error;

	if (failure->id == NULL && page->program != NULL)
		(void) ecapi_confined_run(name_failure, page, rows->compiled->role, &error);
	rows->sink->fail(rows->sink->arg, page->holds ? ECAPI_ROW_FAILING : ECAPI_ROW_FALSE,
					 failure->id, page->holds ? failure->reason : NULL);
	page->result->set_aside += page->holds;
	page->nfailures--;
}

/*
 * The current row failed, and its failure is the last of the page: raise it,
 * or keep what recapture needs of the row.
 */
static void
handle_failure(RowPage *page)
{
	const EcapiRowCapture *rows = page->rows;
	Failure    *failure = &page->failures[page->nfailures - 1];
	EcapiConfinedError error;

	if (rows->mode == ECAPI_ROWS_AGAIN)
	{
		strlcpy(page->result->sqlstate, failure->sqlstate, sizeof(failure->sqlstate));
		page->result->reason = MemoryContextStrdup(page->caller, failure->reason);
		page->nfailures--;
		return;
	}
	if (rows->sink != NULL)
	{
		report_failure(page);
		return;
	}
	if (rows->compiled->on_error == ECAPI_ON_ERROR_RAISE)
	{
		if (!page->is_error)
			ecapi_draft_raise(&page->draft);
		ereport(ERROR,
				(errcode(ecapi_sqlstate(failure->sqlstate)),
				 errmsg("track \"%s\" could not capture a row: %s", rows->trigger,
						failure->reason)));
	}
	if (!ecapi_confined_run(make_image, page, rows->compiled->role, &error))
	{
		/* not even its columns can be read: nothing to try again, but counted */
		failure->image = "{}";
		failure->len = 2;
	}
}

/* Take events out of the page; returns how many stay. */
static int
leave_out(RowPage *page, const bool *is_out)
{
	int			kept = 0;

	for (int i = 0; i < page->nevents; i++)
	{
		if (is_out[i])
			continue;
		if (page->stops != NULL)
			page->stops[kept] = page->stops[i];
		page->events[kept++] = page->events[i];
	}
	return kept;
}

/* Those of persons who are forgotten, and those that were cancelled after their rows. */
static void
leave_out_stopped(RowPage *page)
{
	bool		is_out[PAGE_ROWS];

	if (page->rows->forgotten != NULL)
	{
		page->result->forgotten += ecapi_forgotten_ask(page->rows->forgotten,
													   page->nevents, is_out);
		page->nevents = leave_out(page, is_out);
	}
	if (page->stops == NULL || page->nevents == 0)
		return;
	page->result->cancelled += ecapi_stops_again(page->stops, page->nevents);
	for (int i = 0; i < page->nevents; i++)
		is_out[i] = page->stops[i].stopped;
	page->nevents = leave_out(page, is_out);
}

/* Warn of a row that was set aside, once per statement. */
static void
warn_set_aside(const char *trigger, const char *reason)
{
	static TimestampTz warned = 0;

	if (ecapi_draft_warns(&warned))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("track \"%s\" set a row aside: %s", trigger, reason),
				 errhint("Fix the track, then call ecapi.recapture(); set-aside rows are in ecapi.failed_event.")));
}

static void
write_page(RowPage *page)
{
	const EcapiRowCapture *rows = page->rows;
	EcapiEmitter emitter;
	uint64		dropped = ecapi_limit_dropped();
	bool		kept = false;

	emitter.relation = rows->compiled->root;
	emitter.role = ecapi_relation_owner(emitter.relation);
	/* a temporary table takes rows where an outbox does not */
	if (page->nevents + page->nfailures > 0)
		PreventCommandIfReadOnly("capture");
	leave_out_stopped(page);
	if (page->nevents > 0)
		ecapi_outbox_append(&emitter, page->events, page->nevents);
	page->counts.dropped = ecapi_limit_dropped() - dropped;
	for (int i = 0; i < page->nfailures; i++)
	{
		const Failure *failure = &page->failures[i];

		kept |= ecapi_outbox_set_aside(rows->trigger, &emitter, failure->id, failure->image,
							   failure->len, failure->sqlstate, failure->reason,
							   failure->after_seq >= 0 ? failure->after_seq
							   : ecapi_outbox_last_seq());
	}
	if (kept)
		warn_set_aside(rows->trigger, page->failures[0].reason);
}

/* Backfills and recaptures have counts of their own. */
static void
count_page(RowPage *page)
{
	EcapiTrackCounts *counts = &page->counts;

	counts->events = page->nevents - counts->dropped;
	counts->set_aside = page->nfailures;
	if (page->rows->mode == ECAPI_ROWS_LIVE)
		ecapi_stat_track_count(page->rows->compiled->root_trigger, counts);
	memset(counts, 0, sizeof(*counts));
}

/*
 * Write what the page holds, unless there is a sink, and forget it, with what inserting
 * took: the server frees neither copies of rows nor what it stored beside them.
 */
static void
flush_page(RowPage *page)
{
	MemoryContext caller = MemoryContextSwitchTo(page->context);

	if (page->rows->sink == NULL)
		write_page(page);
	MemoryContextSwitchTo(caller);
	page->result->events += page->nevents;
	page->result->set_aside += page->nfailures;
	count_page(page);
	page->nevents = page->nfailures = 0;
	page->bytes = 0;
	MemoryContextReset(page->context);
}

static void
make_page(RowPage *page, MemoryContext work)
{
	page->context = AllocSetContextCreate(work, "ecapi page", ALLOCSET_DEFAULT_SIZES);
	page->run_context = AllocSetContextCreate(work, "ecapi run", ALLOCSET_SMALL_SIZES);
	page->row_context = AllocSetContextCreateInternal(work, "ecapi row", ROW_BLOCK,
													  ROW_BLOCK, ALLOCSET_DEFAULT_MAXSIZE);
	page->events = MemoryContextAlloc(work, sizeof(EcapiAppend) * PAGE_ROWS);
	page->failures = MemoryContextAlloc(work, sizeof(Failure) * PAGE_ROWS);
	if (page->rows->may_be_cancelled)
		page->stops = MemoryContextAlloc(work, sizeof(EcapiStopQuery) * PAGE_ROWS);
}

void
ecapi_rows_capture(const EcapiRowCapture *rows, EcapiRowsResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "ecapi capture",
											   ALLOCSET_DEFAULT_SIZES);
	RowPage		page = {0};

	memset(result, 0, sizeof(*result));
	page.rows = rows;
	page.program = rows->compiled->program;
	page.result = result;
	page.caller = caller;
	if (rows->mode == ECAPI_ROWS_LIVE && !rows->has_context)
		page.fragment = ecapi_context();
	make_page(&page, work);
	while (!page.at_end)
	{
		MemoryContextSwitchTo(page.row_context);
		if (!evaluate(&page))
			handle_failure(&page);
		MemoryContextSwitchTo(work);
		if (page.at_end || is_full(&page))
			flush_page(&page);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

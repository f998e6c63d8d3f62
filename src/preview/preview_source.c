/*
 * preview_source.c
 *	  The events that a preview is about: read from the outbox in the caller's
 *	  transaction, without moving a cursor.
 *
 * A source is a window as the worker reads it (outbox/window.c), from a cursor or
 * from a logged tick up to the snapshot of the caller's statement.  It is cut at
 * logged ticks where the worker's windows are, so what waits comes in the order in
 * which it will be sent.
 *
 * The statement's snapshot does not have the caller's own transaction as decided; here
 * it counts as such, so that a transaction that emits and previews sees what its
 * commit would send.  Transactions between, which then count as decided, too, have no
 * row that the statement can see.
 *
 * Isolation: a slot of the ring may have been emptied since an old snapshot was
 * taken, so REPEATABLE READ is refused.  Reading writes nothing, so all of it
 * works in read-only transactions and on a standby.
 *
 * Rights: callers have none on our tables, so the statements run as the extension's
 * owner; they are fixed, and nothing of the users' runs meanwhile.
 *
 * Locks: AccessShare on the outbox until the transaction ends, so no slot is
 * emptied under a preview.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "destination/select.h"
#include "event/amended.h"
#include "outbox/cursor.h"
#include "outbox/ring.h"
#include "preview/preview.h"
#include "records/record.h"
#include "records/replay.h"
#include "records/sent.h"
#include "records/stop_list.h"
#include "records/stops.h"

/* Logged ticks that are looked at to find the next. */
#define TICKS_AHEAD		8

static EcapiStatement of_outbox = {
	"SELECT o.seq, o.event, o.xid FROM ecapi.outbox o"
	" WHERE ecapi_internal.event_id(o.event) OPERATOR(pg_catalog.=) $1"
	" ORDER BY o.xid DESC, o.seq DESC LIMIT 1",
	1, {TEXTOID}, NULL
};

static EcapiStatement of_failed = {
	"SELECT f.seq, f.event, f.xid, f.state, f.reason FROM ecapi.failed_event f"
	" WHERE f.event_id OPERATOR(pg_catalog.=) $1"
	" AND (f.destination OPERATOR(pg_catalog.=) $2 OR f.destination IS NULL)"
	" ORDER BY f.destination IS NULL, f.failed_id DESC LIMIT 1",
	2, {TEXTOID, NAMEOID}, NULL
};

/*
 * Become the extension's owner, and let the outbox be read by its index whatever
 * statistics say, as the worker does (outbox/window.c).
 */
static void
become_reader(EcapiOwnerScope *scope)
{
	static const char *const settings[][2] = {
		{"plan_cache_mode", "force_generic_plan"},
		{"max_parallel_workers_per_gather", "0"},
		{"enable_seqscan", "off"},
		{"enable_bitmapscan", "off"},
		{"enable_sort", "off"},
		{"enable_incremental_sort", "off"},
		{"jit", "off"}
	};

	ecapi_become_owner(scope);
	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	ecapi_ring_check();
}

static void
refuse_old_snapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot preview events of the outbox in isolation level REPEATABLE READ or SERIALIZABLE"),
				 errdetail("The outbox is emptied slot by slot; an old snapshot may find a slot empty whose events it should see."),
				 errhint("Use READ COMMITTED, or give the event itself.")));
}

/* What the statement sees, and what this transaction did before it. */
static EcapiSnapshot *
moment_of_statement(void)
{
	EcapiSnapshot *moment = ecapi_snapshot_from(GetActiveSnapshot());
	FullTransactionId own = GetTopFullTransactionIdIfAny();

	if (FullTransactionIdIsValid(own) && U64FromFullTransactionId(own) >= moment->xmax)
		moment->xmax = U64FromFullTransactionId(own) + 1;
	return moment;
}

static void
begin_source(EcapiPreviewSource *source)
{
	refuse_old_snapshot();
	memset(source, 0, sizeof(*source));
	source->context = CurrentMemoryContext;
	source->end = moment_of_statement();
}

static EcapiSnapshot *
keep(EcapiPreviewSource *source, const EcapiSnapshot *snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);
	EcapiSnapshot *result = ecapi_snapshot_copy(snapshot);

	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Where the window ends that begins at source->from: at the next logged tick, or
 * at the end of all.  Sets ended where none begins there.  SPI is connected.
 */
static void
open_window(EcapiPreviewSource *source)
{
	EcapiSnapshot *ticks[TICKS_AHEAD];
	int			n;

	source->position = (EcapiPosition) {0, 0, 0};
	source->to = source->end;
	if (ecapi_snapshot_equal(source->from, source->end) ||
		!ecapi_snapshot_within(source->from, source->end))
	{
		source->ended = true;
		return;
	}
	n = ecapi_record_ticks_after(source->from, TICKS_AHEAD, ticks);
	for (int i = 0; i < n; i++)
	{
		if (ecapi_snapshot_equal(ticks[i], source->from) ||
			!ecapi_snapshot_within(ticks[i], source->end))
			continue;
		source->to = keep(source, ticks[i]);
		return;
	}
}

static const EcapiCursor *
find_cursor(const ForeignServer *server)
{
	ListCell   *cell;

	foreach(cell, ecapi_cursor_load(CurrentMemoryContext))
		if (((EcapiCursor *) lfirst(cell))->server == server->serverid)
			return lfirst(cell);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("destination \"%s\" has no cursor", server->servername),
			 errhint("The worker gives it one when it starts.")));
}

void
ecapi_preview_source_waiting(EcapiPreviewSource *source, const ForeignServer *server)
{
	EcapiOwnerScope scope;
	const EcapiCursor *cursor;

	begin_source(source);
	become_reader(&scope);
	cursor = find_cursor(server);
	if (cursor->problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cursor of destination \"%s\" was changed by hand: %s",
						server->servername, cursor->problem),
				 errhint("Call ecapi.rebase() to start it again.")));
	source->from = keep(source, cursor->from);
	if (cursor->to == NULL)
		open_window(source);
	else
	{
		source->to = keep(source, cursor->to);
		source->position = cursor->position;
	}
	ecapi_become_caller(&scope);
}

void
ecapi_preview_source_since(EcapiPreviewSource *source, TimestampTz since)
{
	EcapiOwnerScope scope;

	begin_source(source);
	become_reader(&scope);
	source->from = keep(source, ecapi_replay_start(since));
	open_window(source);
	ecapi_become_caller(&scope);
}

void
ecapi_preview_source_read(EcapiPreviewSource *source, EcapiRows *rows)
{
	EcapiOwnerScope scope;

	become_reader(&scope);
	while (!source->ended && rows->nrows < rows->max_rows && rows->bytes < rows->max_bytes)
	{
		CHECK_FOR_INTERRUPTS();
		if (!ecapi_window_read(source->from, source->to, &source->position, rows))
			continue;
		source->from = source->to;
		open_window(source);
	}
	ecapi_become_caller(&scope);
}

/* Give those events their reason that are withdrawn from the destination. */
static void
find_withdrawn(const EcapiPreview *preview, EcapiPreviewEvent *const *events, int n,
			   const char **reasons)
{
	int64	   *seqs = palloc(sizeof(int64) * n);
	EcapiStop  *stops;
	int			nstops;

	for (int i = 0; i < n; i++)
		seqs[i] = events[i]->seq;
	stops = ecapi_stop_list_of(seqs, n, &nstops);
	for (int i = 0; i < nstops; i++)
		if (stops[i].server == InvalidOid || stops[i].server == preview->server->serverid)
			reasons[stops[i].which] = stops[i].reason;
}

void
ecapi_preview_find_stopped(const EcapiPreview *preview, EcapiPreviewEvent *const *events,
						   int n, const char **reasons)
{
	/* of an amendment its own id, and that of its original */
	EcapiStopQuery *queries = palloc0(sizeof(EcapiStopQuery) * 2 * Max(n, 1));
	int		   *asked = palloc(sizeof(int) * 2 * Max(n, 1));
	int			nasked = 0;
	EcapiOwnerScope scope;
	uint64		newest;
	bool		any = false;

	memset(reasons, 0, sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		any |= events[i]->xid != 0;
	if (!any)
		return;					/* what is given was not emitted */

	become_reader(&scope);
	if (ecapi_stop_list_newest() != 0)
		find_withdrawn(preview, events, n, reasons);
	newest = ecapi_stops_newest();
	for (int i = 0; i < n && newest != 0; i++)
	{
		const EcapiValue *id = ecapi_value_get(events[i]->event, "id");

		if (events[i]->xid == 0)
			continue;
		if (events[i]->type == ECAPI_EVENT_refund && ecapi_stops_refund(events[i]->event))
			reasons[i] = ECAPI_REASON_CANCELLED;
		if (ecapi_stops_original(events[i]->event, &queries[nasked]))
			asked[nasked++] = i;
		if (reasons[i] != NULL || events[i]->xid >= newest || id == NULL || id->type != ECAPI_STRING)
			continue;
		queries[nasked] = (EcapiStopQuery) {
			.id = id->text, .id_len = (int) id->len,
			.xid = events[i]->xid, .seq = events[i]->seq
		};
		asked[nasked++] = i;
	}
	if (nasked > 0)
		ecapi_stops_cancelled(queries, nasked);
	for (int i = 0; i < nasked; i++)
		if (queries[i].stopped)
			reasons[asked[i]] = ECAPI_REASON_CANCELLED;
	ecapi_become_caller(&scope);
}

/* The first and the last seq of emitted events; false: none was emitted. */
static bool
find_bounds(EcapiPreviewEvent *const *events, int n, int64 *first, int64 *last)
{
	*first = PG_INT64_MAX;
	*last = 0;
	for (int i = 0; i < n; i++)
	{
		if (events[i]->xid == 0 || events[i]->seq <= 0)
			continue;
		*first = Min(*first, events[i]->seq);
		*last = Max(*last, events[i]->seq);
	}
	return *first <= *last;
}

void
ecapi_preview_find_sent(const EcapiPreview *preview, EcapiPreviewEvent *const *events, int n,
						int64 *sent_at)
{
	MemoryContext context = CurrentMemoryContext;
	EcapiSentRange *ranges;
	EcapiOwnerScope scope;
	int64		first;
	int64		last;
	int			nranges;

	memset(sent_at, 0, sizeof(int64) * n);
	if (preview->options->format->dedupe_s <= 0 || !find_bounds(events, n, &first, &last))
		return;
	become_reader(&scope);
	nranges = ecapi_sent_load(preview->server->serverid, preview->server->servername,
							  first, last, context, &ranges);
	ecapi_become_caller(&scope);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < nranges && events[i]->xid != 0; k++)
		{
			int64		at = timestamptz_to_time_t(ranges[k].at);

			if (events[i]->seq >= ranges[k].first && events[i]->seq <= ranges[k].last &&
				(sent_at[i] == 0 || at < sent_at[i]))
				sent_at[i] = at;
		}
	pfree(ranges);
}

void
ecapi_preview_find_originals(const EcapiPreview *preview, EcapiPreviewEvent *const *events,
							 int n, EcapiOriginalState *states)
{
	int64	   *seqs = palloc(sizeof(int64) * n);
	EcapiAmended original;
	EcapiOwnerScope scope;

	for (int i = 0; i < n; i++)
		seqs[i] = ecapi_amend_of(events[i]->event, &original) ? original.seq : 0;
	become_reader(&scope);
	ecapi_original_load(preview->server->serverid, preview->server->servername, seqs, n, states);
	ecapi_become_caller(&scope);
}

/* ---- one event ---- */

/* Fill in an event from the first row of the last statement; seq may be null. */
static void
take_event(EcapiPreviewEvent *event, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	event->seq = ecapi_column_int8(0, 1);
	event->text = ecapi_window_stored_utf8(ecapi_column_datum(0, 2), &event->len);
	event->xid = ecapi_column_xid8(0, 3);
	MemoryContextSwitchTo(old);
}

/* One that capture set aside never became an event; its reason says why. */
static void
take_set_aside(EcapiPreviewEvent *event, MemoryContext context)
{
	HeapTuple	tuple = SPI_tuptable->vals[0];
	TupleDesc	desc = SPI_tuptable->tupdesc;
	char	   *state = SPI_getvalue(tuple, desc, 4);
	char	   *reason = SPI_getvalue(tuple, desc, 5);

	if (strcmp(state, "set_aside") != 0)
		return;
	event->decided = true;
	event->decision = ECAPI_DECISION_REFUSED;
	event->reason = MemoryContextStrdup(context, reason);
	event->type = -1;
}

bool
ecapi_preview_find(const ForeignServer *server, Datum id, EcapiPreviewEvent *event)
{
	MemoryContext context = CurrentMemoryContext;
	EcapiOwnerScope scope;
	bool		found;

	refuse_old_snapshot();
	memset(event, 0, sizeof(*event));
	become_reader(&scope);
	found = ecapi_query(&of_outbox, ecapi_arg(id)) > 0;
	if (found)
		take_event(event, context);
	else if (ecapi_query(&of_failed, ecapi_arg(id), ecapi_arg_name(server->servername)) > 0)
	{
		found = true;
		take_event(event, context);
		take_set_aside(event, context);
	}
	ecapi_become_caller(&scope);
	return found;
}

/*
 * journal.c
 *	  What is to be recorded, and recording it: a few times a second, in one
 *	  short transaction.
 *
 * For each destination the journal collects request rows, what was filtered,
 * failed events and the counts of the ledger in a context of its own.  A write
 * brings them and the cursor to the tables together, so that for what is on
 * disk the cursor's invariant holds: before it everything is delivered, filtered
 * or copied to failed_event, the request log names it, and the ledger counts it.  A
 * destination whose row is locked by someone's open DDL keeps its journal
 * until the next write.  Nothing is dropped from a journal before the
 * transaction that wrote it has committed.
 *
 * The commit is asynchronous: a crash repeats what was sent since the last
 * write that reached the disk, under the same ids.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "outbox/record.h"
#include "worker/internal.h"

/* Often enough for a view, seldom enough not to cost. */
#define RECORD_INTERVAL_MS	250

/* After an error; the same for writing and for everything that waits for it. */
#define RECORD_RETRY_MS		1000

/*
 * Events that ended without being sent, or in failed_event, since the last write:
 * one row for each end, for a row for each stretch would cost a destination that
 * takes little more than it is worth.
 */
typedef struct EndedRow
{
	const EcapiEnd *end;
	int			events;
	EcapiSeqs	seqs;
} EndedRow;

/* So many make a row of their own, so that no row grows out of proportion. */
#define ENDED_MAX	100000

/*
 * Note a request, or a batch that was kept back (answer NULL); outcome is a
 * constant.
 */
void
ecapi_journal_request(EcapiBatch *batch, const char *outcome,
					  const EcapiAnswer *answer, const char *error)
{
	EcapiDestination *destination = batch->destination;
	MemoryContext old = MemoryContextSwitchTo(destination->journal);
	EcapiRequestRow *row = palloc0(sizeof(EcapiRequestRow));

	ecapi_seqs_init(&row->seqs, destination->journal);
	for (int i = 0; i < batch->nitems; i++)
		ecapi_seqs_add(&row->seqs, ecapi_item_event(batch->items[i])->seq);
	row->sent_at = batch->sent_at;
	row->events = batch->nitems;
	row->attempt = batch->attempts;
	row->outcome = outcome;
	row->latency_ms = -1;
	if (answer != NULL)
	{
		row->status = answer->status;
		row->latency_ms = answer->elapsed_us / 1000.0;
		row->receiver_request_id = pstrdup(answer->request_id);
	}
	row->error = error == NULL ? NULL : pstrdup(error);
	destination->request_rows = lappend(destination->request_rows, row);
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

/* Note an event in the row of its end; the journal's context is current. */
static void
note_ended(EcapiDestination *destination, const EcapiPageEvent *event, const EcapiEnd *end)
{
	EndedRow   *row = NULL;
	ListCell   *cell;

	foreach(cell, destination->ended_rows)
	{
		row = lfirst(cell);
		if (row->events < ENDED_MAX && row->end == end)
			break;
	}
	if (cell == NULL)
	{
		row = palloc0(sizeof(EndedRow));
		row->end = end;
		ecapi_seqs_init(&row->seqs, destination->journal);
		destination->ended_rows = lappend(destination->ended_rows, row);
	}
	row->events++;
	ecapi_seqs_add(&row->seqs, event->seq);
}

/*
 * The cursor has passed an event, which ended so: count it.  With this, each event
 * that the cursor has passed stands in a row of the request log that says how.
 */
void
ecapi_journal_passed(EcapiDestination *destination, const EcapiPageEvent *event,
					 const EcapiEnd *end)
{
	MemoryContext old = MemoryContextSwitchTo(destination->journal);

	ecapi_ledger_add(destination, event, end);
	switch (end->outcome)
	{
		case ECAPI_OUTCOME_DELIVERED:
			destination->delivered++;
			break;
		case ECAPI_OUTCOME_SHADOW:
			destination->filtered++;
			break;
		case ECAPI_OUTCOME_FILTERED:
			note_ended(destination, event, end);
			destination->filtered++;
			break;
		case ECAPI_OUTCOME_FAILED:
			note_ended(destination, event, end);
			destination->failed++;
			break;
	}
	MemoryContextSwitchTo(old);
}

/* Note an event that failed for good, and dispose of it.  reason is a constant, or its problem. */
void
ecapi_journal_failed(EcapiDestination *destination, EcapiItem item,
					 const char *reason, const EcapiAnswer *answer, int attempts)
{
	MemoryContext old = MemoryContextSwitchTo(destination->journal);
	EcapiFailedRow *row = palloc0(sizeof(EcapiFailedRow));
	EcapiPageEvent *event = ecapi_item_event(item);

	row->xid = event->xid;
	row->seq = event->seq;
	row->reason = pstrdup(reason);
	row->attempts = attempts;
	if (answer != NULL)
	{
		row->status = answer->status;
		row->answer = pnstrdup(answer->body == NULL ? "" : answer->body,
							   Min(answer->body_len, ECAPI_ANSWER_KEPT));
	}
	destination->failed_rows = lappend(destination->failed_rows, row);
	MemoryContextSwitchTo(old);
	/* what is wrong with a text varies; the ledger counts kinds */
	ecapi_stretch_dispose(destination, item, ECAPI_OUTCOME_FAILED,
						  event->problem != NULL ? "cannot be read" : reason);
}

static bool
anything_to_write(void)
{
	dlist_iter	iter;

	if (ecapi_me.tick_to_log != NULL)
		return true;
	dlist_foreach(iter, &ecapi_me.destinations)
		if (dlist_container(EcapiDestination, node, iter.cur)->dirty)
			return true;
	return false;
}

/*
 * Is a write due?  If not, *wait_ms is lowered to the time until one is.
 */
bool
ecapi_journal_due(TimestampTz now, long *wait_ms)
{
	long		left;

	if (!anything_to_write())
		return false;
	left = ecapi_me.record_failed_at != 0
		? RECORD_RETRY_MS - (now - ecapi_me.record_failed_at) / 1000
		: RECORD_INTERVAL_MS - (now - ecapi_me.recorded_at) / 1000;
	/* a clock that was set back must not hold the journal */
	if (left <= 0 || left > RECORD_RETRY_MS)
		return true;
	if (*wait_ms < 0 || left < *wait_ms)
		*wait_ms = left;
	return false;
}

static void
write_ended(EcapiDestination *destination, TimestampTz now)
{
	ListCell   *cell;

	foreach(cell, destination->ended_rows)
	{
		EndedRow   *ended = lfirst(cell);
		EcapiRequestRow row = {0};

		row.destination = NameStr(destination->name);
		row.server = destination->server;
		row.sent_at = now;
		row.events = ended->events;
		row.outcome = ended->end->outcome == ECAPI_OUTCOME_FAILED ? "failed" : "filtered";
		row.reason = ended->end->reason;
		row.latency_ms = -1;
		row.seqs = ended->seqs;
		ecapi_record_request(&row);
	}
}

static void
write_destination(EcapiDestination *destination, TimestampTz now)
{
	EcapiCursor cursor = {0};
	ListCell   *cell;

	cursor.server = destination->server;
	cursor.state = ecapi_state_name(destination);
	cursor.last_error = destination->last_error;
	cursor.last_error_at = destination->last_error_at;
	if (destination->guarded)
	{
		ecapi_cursor_write_state(&cursor);
		return;
	}
	foreach(cell, destination->request_rows)
	{
		EcapiRequestRow *row = lfirst(cell);

		row->destination = NameStr(destination->name);
		row->server = destination->server;
		ecapi_record_request(row);
	}
	foreach(cell, destination->failed_rows)
	{
		EcapiFailedRow *row = lfirst(cell);

		row->destination = NameStr(destination->name);
		ecapi_record_failed(row);
	}
	write_ended(destination, now);
	ecapi_ledger_write(destination, now);
	cursor.from = destination->done.from->snapshot;
	cursor.to = destination->done.to == NULL ? NULL : destination->done.to->snapshot;
	cursor.position = destination->done.position;
	cursor.delivered = destination->delivered;
	cursor.filtered = destination->filtered;
	cursor.failed = destination->failed;
	cursor.has_stopped_options = destination->has_stopped_options;
	cursor.stopped_options = destination->stopped_options;
	cursor.next_try = destination->next_try;
	ecapi_cursor_write(&cursor);
}

/*
 * Write all journals, in a transaction of its own.  Raises what SQL raises;
 * then nothing was written and nothing is forgotten.
 */
void
ecapi_journal_write(void)
{
	dlist_iter	iter;
	TimestampTz now = GetCurrentTimestamp();
	List	   *written = NIL;
	ListCell   *cell;
	bool		tick_written = false;

	/* put right at the end: an error on the way leaves it set */
	ecapi_me.record_failed_at = now;

	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (ecapi_me.tick_to_log != NULL)
	{
		ecapi_record_tick(ecapi_me.tick_to_log->snapshot, ecapi_me.tick_to_log_at);
		tick_written = true;
	}
	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);
		MemoryContext old;

		if (!destination->dirty || !ecapi_cursor_lock(destination->server))
			continue;
		write_destination(destination, now);
		old = MemoryContextSwitchTo(ecapi_me.context);
		written = lappend(written, destination);
		MemoryContextSwitchTo(old);
	}
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);

	foreach(cell, written)
	{
		EcapiDestination *destination = lfirst(cell);

		destination->dirty = false;
		destination->request_rows = NIL;
		destination->failed_rows = NIL;
		destination->ended_rows = NIL;
		destination->ledger = NULL;
		MemoryContextReset(destination->journal);
	}
	list_free(written);
	if (tick_written)
	{
		ecapi_tick_logged(ecapi_me.tick_to_log);
		ecapi_me.tick_logged_at = ecapi_me.tick_to_log_at;
		ecapi_tick_drop(ecapi_me.tick_to_log);
		ecapi_me.tick_to_log = NULL;
	}
	ecapi_me.recorded_at = now;
	ecapi_me.record_failed_at = 0;
}

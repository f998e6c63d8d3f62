/*
 * journal.c
 *	  What is to be recorded, and recording it: a few times a second, in one
 *	  short transaction.
 *
 * For each destination the journal collects request rows, what was filtered,
 * failed events, changes of those that were tried again, and the counts of the
 * ledger.  A write brings them and the cursor to the tables together, so that
 * for what is on disk the cursor's invariant holds: before it everything is
 * delivered, filtered or copied to failed_event, the request log names it, and
 * the ledger counts it.  That somebody's open DDL holds a cursor's row keeps nobody
 * from recording (outbox/cursor.c); only changes of failed events wait while an
 * operator's open transaction holds their rows.  Nothing is dropped from a journal
 * before the transaction that wrote it has committed.
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

#include "delivery/request.h"
#include "outbox/cursor.h"
#include "pipeline/destinations.h"
#include "pipeline/failed_feed.h"
#include "pipeline/gather.h"
#include "pipeline/journal.h"
#include "pipeline/ledger.h"
#include "pipeline/pages.h"
#include "pipeline/replay_feed.h"
#include "pipeline/state.h"
#include "pipeline/slice.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"
#include "records/record.h"
#include "records/seqs.h"

/* Often enough for a view, seldom enough not to cost. */
#define RECORD_INTERVAL_MS	250

/* Of destinations that nothing was for; see passed_due. */
#define PASSED_INTERVAL_MS	5000

/* After an error; the same for writing and for everything that waits for it. */
#define RECORD_RETRY_MS		1000

/*
 * Events that ended without being sent, or in failed_event, since the last write:
 * one row for each end, for a row for each slice would cost a destination that
 * takes little more than it is worth.
 */
typedef struct EndedRow
{
	const EcapiEnd *end;
	int			events;
	EcapiSeqs	seqs;
} EndedRow;

/* That many make a row of their own, so that no row grows out of proportion. */
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
	if (batch->feed->kind == ECAPI_FEED_REPLAY)
		row->replay = destination->replaying.id;
	row->retried = batch->feed->kind == ECAPI_FEED_FAILED;
	destination->request_rows = lappend(destination->request_rows, row);
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

/* The row of an end that events may still be noted in; the journal's context is current. */
static EndedRow *
ended_row(EcapiDestination *destination, const EcapiEnd *end)
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
	return row;
}

/* Note an event in the row of its end; the journal's context is current. */
static void
note_ended(EcapiDestination *destination, const EcapiPageEvent *event, const EcapiEnd *end)
{
	EndedRow   *row = ended_row(destination, end);

	row->events++;
	ecapi_seqs_add(&row->seqs, event->seq);
}

/*
 * Count an event of the live feed.  With this, each event that the cursor has
 * passed stands in a row of the request log that says how it ended.
 */
static void
count_live(EcapiDestination *destination, const EcapiPageEvent *event,
		   const EcapiEnd *end)
{
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
			destination->failed_events++;
			break;
		case ECAPI_OUTCOME_GIVEN_UP:
			note_ended(destination, event, end);
			destination->given_up++;
			break;
		case ECAPI_OUTCOME_ERASED:
			note_ended(destination, event, end);
			destination->filtered++;
			break;
		case ECAPI_OUTCOME_NONE:
			break;
	}
}

/* Count an event of a replay. */
static void
count_replayed(EcapiReplay *replaying, const EcapiEnd *end)
{
	if (end->outcome == ECAPI_OUTCOME_DELIVERED)
		replaying->delivered++;
	else if (end->outcome == ECAPI_OUTCOME_FAILED)
		replaying->failed++;
	else
		replaying->filtered++;
}

/*
 * The place of a feed has passed an event, which ended so: count it.  Failed
 * events have no place; a delivered one is counted by itself.
 */
void
ecapi_journal_passed(EcapiFeed *feed, const EcapiPageEvent *event, const EcapiEnd *end)
{
	EcapiDestination *destination = feed->destination;
	MemoryContext old;

	if (end->outcome == ECAPI_OUTCOME_NONE || feed->kind == ECAPI_FEED_FAILED)
		return;
	old = MemoryContextSwitchTo(destination->journal);
	ecapi_ledger_add(destination, event, end);
	if (feed->kind == ECAPI_FEED_REPLAY)
		count_replayed(&destination->replaying, end);
	else
		count_live(destination, event, end);
	MemoryContextSwitchTo(old);
}

/*
 * The live feed passes over a page that holds nothing for the destination: count
 * the events of one kind, and what they are worth together (tally.c).
 */
void
ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
						  int events, int type, const char *currency,
						  bool has_value, int64 millionths)
{
	const EcapiEnd *end = ecapi_slice_end(destination, ECAPI_OUTCOME_FILTERED, reason);
	MemoryContext old = MemoryContextSwitchTo(destination->journal);

	ecapi_ledger_add_many(destination, type, currency, end, events, has_value, millionths);
	destination->filtered += events;
	ecapi_me.passed_at = GetCurrentTimestamp();
	if (destination->passed_since == 0)
		destination->passed_since = ecapi_me.passed_at;
	MemoryContextSwitchTo(old);
}

/* Note which events those were. */
void
ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
						int events, const EcapiSeqs *seqs)
{
	const EcapiEnd *end = ecapi_slice_end(destination, ECAPI_OUTCOME_FILTERED, reason);
	MemoryContext old = MemoryContextSwitchTo(destination->journal);
	EndedRow   *row = ended_row(destination, end);

	row->events += events;
	ecapi_seqs_add_all(&row->seqs, seqs);
	MemoryContextSwitchTo(old);
}

/* A row to be changed: of an event of the feed of failed ones. */
static EcapiFailedRow *
new_change(EcapiDestination *destination, const EcapiDue *due)
{
	EcapiFailedRow *row = palloc0(sizeof(EcapiFailedRow));

	row->failed_id = due->failed_id;
	destination->failed_changes = lappend(destination->failed_changes, row);
	return row;
}

/* Note that an event was delivered, and dispose of it. */
void
ecapi_journal_delivered(EcapiItem item)
{
	EcapiDestination *destination = item.slice->feed->destination;
	const EcapiDue *due = item.slice->page->due;
	static const EcapiEnd end = {ECAPI_OUTCOME_DELIVERED, NULL};

	if (due != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(destination->changes_context);

		new_change(destination, &due[item.index])->delivered = true;
		if (item.slice->prepared != NULL &&
			item.slice->prepared[item.index] == ECAPI_PREPARED_UNPATCHED)
			destination->enrich_skipped++;
		MemoryContextSwitchTo(destination->journal);
		ecapi_ledger_add(destination, ecapi_item_event(item), &end);
		destination->delivered++;
		MemoryContextSwitchTo(old);
	}
	ecapi_slice_dispose(item, ECAPI_OUTCOME_DELIVERED, NULL);
}

/* A row, new or changed, that says how an event failed; see ecapi_journal_failed. */
static void
note_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
			int attempts, bool retry)
{
	EcapiDestination *destination = item.slice->feed->destination;
	EcapiPageEvent *event = ecapi_item_event(item);
	const EcapiDue *due = item.slice->page->due;
	MemoryContext old = MemoryContextSwitchTo(due != NULL ? destination->changes_context
											  : destination->journal);
	EcapiFailedRow *row;
	TimestampTz since = GetCurrentTimestamp();

	if (due != NULL)
	{
		row = new_change(destination, &due[item.index]);
		attempts += due[item.index].attempts;
		since = due[item.index].retry_since;
	}
	else
	{
		row = palloc0(sizeof(EcapiFailedRow));
		row->xid = event->xid;
		row->seq = event->seq;
		destination->failed_rows = lappend(destination->failed_rows, row);
	}
	row->reason = pstrdup(reason);
	row->attempts = attempts;
	row->next_try = retry ? ecapi_failed_next_try(destination, Max(attempts, 1), since) : 0;
	if (answer != NULL)
	{
		row->status = answer->status;
		row->answer = pnstrdup(answer->body == NULL ? "" : answer->body,
							   Min(answer->body_len, ECAPI_ANSWER_KEPT));
	}
	MemoryContextSwitchTo(old);
}

/*
 * Note that an event failed, and dispose of it: it is copied to failed_event,
 * or its row there is changed.  reason is a constant; attempts is how often it
 * was sent just now; retry: another try makes sense, else it is dead.
 */
void
ecapi_journal_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
					 int attempts, bool retry)
{
	note_failed(item, reason, answer, attempts, retry);
	/* what is wrong with a text varies; the ledger counts kinds */
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FAILED,
						  ecapi_item_event(item)->problem != NULL ? "cannot be read" : reason);
}

/*
 * The same for one that users' SQL has failed on: reason is the constant it is
 * counted by, problem what its row says.
 */
void
ecapi_journal_refused(EcapiItem item, const char *reason, const char *problem, bool retry)
{
	note_failed(item, problem, NULL, 1, retry);
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FAILED, reason);
}

/*
 * Is it time to write that a destination passed over pages?  Nothing was sent, so
 * if it is forgotten it is only counted once more: seldom will do, while
 * there are always more of them.  At rest, soon, for a view.
 */
static bool
passed_due(const EcapiDestination *destination, TimestampTz now)
{
	return destination->passed_since != 0 &&
		(now - destination->passed_since >= PASSED_INTERVAL_MS * INT64CONST(1000) ||
		 now < destination->passed_since ||
		 now - ecapi_me.passed_at >= RECORD_INTERVAL_MS * INT64CONST(1000));
}

/*
 * Is a write due?  If not, *wait_ms is lowered to the time until one may be.
 */
bool
ecapi_journal_due(TimestampTz now, long *wait_ms)
{
	long		left;
	bool		something = ecapi_me.tick_to_log != NULL;
	bool		passed = false;
	dlist_iter	iter;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		something |= destination->dirty || passed_due(destination, now);
		passed |= destination->passed_since != 0;
	}
	if (!something && passed && (*wait_ms < 0 || *wait_ms > RECORD_INTERVAL_MS))
		*wait_ms = RECORD_INTERVAL_MS;
	if (!something)
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
		row.outcome = ecapi_outcome_name(ended->end->outcome);
		row.reason = ended->end->reason;
		row.latency_ms = -1;
		row.seqs = ended->seqs;
		ecapi_record_request(&row);
	}
}

static void
write_destination(EcapiDestination *destination, TimestampTz now)
{
	const EcapiPlace *place = &destination->live.done;
	EcapiCursor cursor = {0};
	ListCell   *cell;

	cursor.server = destination->server;
	cursor.state = ecapi_state_name(destination);
	cursor.last_error = destination->last_error;
	cursor.last_error_at = destination->last_error_at;
	destination->changes_written = false;
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
		ecapi_failed_insert(row);
	}
	destination->changes_written = destination->failed_changes != NIL &&
		ecapi_failed_lock(destination->failed_changes);
	if (destination->changes_written)
		foreach(cell, destination->failed_changes)
			ecapi_failed_change(lfirst(cell));
	ecapi_replay_record(destination);
	write_ended(destination, now);
	ecapi_ledger_write(destination, now);
	cursor.from = place->from->snapshot;
	cursor.to = place->to == NULL ? NULL : place->to->snapshot;
	cursor.position = place->position;
	cursor.delivered = destination->delivered;
	cursor.filtered = destination->filtered;
	cursor.failed = destination->failed_events;
	cursor.given_up = destination->given_up;
	cursor.enrich_skipped = destination->enrich_skipped;
	cursor.test_since = destination->test_since;
	cursor.has_stopped_options = destination->has_stopped_options;
	cursor.stopped_options = destination->stopped_options;
	cursor.next_try = destination->next_try;
	ecapi_cursor_write(&cursor);
}

/* What a destination's journal held is on its way to the disk. */
static void
forget_written(EcapiDestination *destination)
{
	/* look when they are due */
	if (destination->failed_rows != NIL || destination->changes_written)
		ecapi_failed_look_again(destination);
	destination->request_rows = NIL;
	destination->failed_rows = NIL;
	destination->ended_rows = NIL;
	destination->ledger = NULL;
	MemoryContextReset(destination->journal);
	if (destination->changes_written)
	{
		destination->failed_changes = NIL;
		MemoryContextReset(destination->changes_context);
	}
	destination->changes_written = false;
	destination->passed_since = 0;
	ecapi_replay_recorded(destination);
	destination->dirty = destination->failed_changes != NIL ||
		(destination->replaying.id != 0 && destination->replaying.dirty);
}

/*
 * Write the journals, in a transaction of its own; all: those, too, that can wait.
 * Raises what SQL raises;
 * then nothing was written and nothing is forgotten.
 */
void
ecapi_journal_write(bool all)
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

		if (!destination->dirty && !passed_due(destination, now) &&
			!(all && destination->passed_since != 0))
			continue;
		if (!ecapi_cursor_lock(destination->server, !destination->guarded))
		{
			/* of a guarded one only the state is written, which can wait */
			if (!ecapi_cursor_exists(destination->server))
				ecapi_me.cursor_lost = true;
			continue;
		}
		write_destination(destination, now);
		old = MemoryContextSwitchTo(ecapi_me.context);
		written = lappend(written, destination);
		MemoryContextSwitchTo(old);
	}
	ecapi_cursor_tidy(now);
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);

	foreach(cell, written)
	{
		EcapiDestination *destination = lfirst(cell);

		forget_written(destination);
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

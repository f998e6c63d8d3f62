/*
 * journal.c
 *	  What is to be recorded, and recording it: a few times a second, in one
 *	  short transaction.
 *
 * For each destination the journal collects request rows and failed events in
 * a context of its own.  A write brings them and the cursor to the tables
 * together, so that for what is on disk the cursor's invariant holds: before
 * it everything is delivered, filtered or copied to failed_event.  A
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
#include "lib/stringinfo.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "outbox/record.h"
#include "worker/internal.h"

/* Often enough for a view, seldom enough not to cost. */
#define RECORD_INTERVAL_MS	250

/* After an error; the same for writing and for everything that waits for it. */
#define RECORD_RETRY_MS		1000

/* A row that spans these events; the journal's context is current. */
static EcapiRequestRow *
new_request_row(EcapiDestination *destination, EcapiItem first, EcapiItem last)
{
	EcapiRequestRow *row = palloc0(sizeof(EcapiRequestRow));

	row->first_xid = ecapi_item_event(first)->xid;
	row->first_seq = ecapi_item_event(first)->seq;
	row->last_xid = ecapi_item_event(last)->xid;
	row->last_seq = ecapi_item_event(last)->seq;
	row->latency_ms = -1;
	destination->request_rows = lappend(destination->request_rows, row);
	destination->dirty = true;
	return row;
}

/*
 * Note a request, or a batch that was kept back (answer NULL): outcome is a
 * constant, filtered a JSON text or NULL.
 */
void
ecapi_journal_request(EcapiBatch *batch, const char *outcome,
					  const EcapiAnswer *answer, const char *error,
					  const char *filtered)
{
	EcapiDestination *destination = batch->destination;
	MemoryContext old = MemoryContextSwitchTo(destination->journal);
	EcapiRequestRow *row = new_request_row(destination, batch->items[0],
										   batch->items[batch->nitems - 1]);

	row->sent_at = batch->sent_at;
	row->events = batch->nitems;
	row->attempt = batch->attempts;
	row->outcome = outcome;
	if (answer != NULL)
	{
		row->status = answer->status;
		row->latency_ms = answer->elapsed_us / 1000.0;
		row->receiver_request_id = pstrdup(answer->request_id);
	}
	row->error = error == NULL ? NULL : pstrdup(error);
	row->filtered = filtered == NULL ? NULL : pstrdup(filtered);
	MemoryContextSwitchTo(old);
}

/* Note events between ends[0] and ends[1] that were all filtered. */
void
ecapi_journal_filtered(EcapiDestination *destination, const EcapiItem *ends,
					   const char *filtered)
{
	MemoryContext old = MemoryContextSwitchTo(destination->journal);
	EcapiRequestRow *row = new_request_row(destination, ends[0], ends[1]);

	row->sent_at = GetCurrentTimestamp();
	row->outcome = "filtered";
	row->filtered = pstrdup(filtered);
	MemoryContextSwitchTo(old);
}

/*
 * Note an event that is given up, and dispose of it.  reason is a constant.
 * Those that are given up one after another share a row.
 */
void
ecapi_journal_given_up(EcapiDestination *destination, EcapiItem item, const char *reason)
{
	EcapiPageEvent *event = ecapi_item_event(item);
	EcapiRequestRow *row = destination->request_rows == NIL ? NULL
		: llast(destination->request_rows);

	if (row == NULL || row->error != reason)
	{
		MemoryContext old = MemoryContextSwitchTo(destination->journal);

		row = new_request_row(destination, item, item);
		row->sent_at = GetCurrentTimestamp();
		row->outcome = "given_up";
		row->error = reason;
		MemoryContextSwitchTo(old);
	}
	row->last_xid = event->xid;
	row->last_seq = event->seq;
	row->events++;
	destination->given_up++;
	ecapi_stretch_dispose(destination, item);
}

/* Note an event that failed for good, and dispose of it.  reason is a constant. */
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
	destination->failed++;
	MemoryContextSwitchTo(old);
	ecapi_stretch_dispose(destination, item);
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
write_destination(EcapiDestination *destination)
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
		ecapi_record_request(row);
	}
	foreach(cell, destination->failed_rows)
	{
		EcapiFailedRow *row = lfirst(cell);

		row->destination = NameStr(destination->name);
		ecapi_record_failed(row);
	}
	cursor.from = destination->done.from->snapshot;
	cursor.to = destination->done.to == NULL ? NULL : destination->done.to->snapshot;
	cursor.position = destination->done.position;
	cursor.delivered = destination->delivered;
	cursor.filtered = destination->filtered;
	cursor.failed = destination->failed;
	cursor.given_up = destination->given_up;
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

		if (!destination->dirty)
			continue;
		if (!ecapi_cursor_lock(destination->server))
		{
			if (!ecapi_cursor_exists(destination->server))
				ecapi_me.cursor_lost = true;
			continue;
		}
		write_destination(destination);
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

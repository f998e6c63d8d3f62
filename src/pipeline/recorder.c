/*
 * recorder.c
 *	  Recording what the journals hold: a few times a second, in one short transaction.
 *
 * A write brings the journals and the cursors to the tables together, so that for what is
 * on disk the cursor's invariant holds: before it everything is delivered, filtered or
 * copied to failed_event, the request log names it, and the ledger counts it.  A cursor
 * whose row is locked by open DDL does not keep the others from being recorded
 * (outbox/cursor.c); only changes of failed events wait while an operator's open
 * transaction holds their rows.  Nothing is dropped from a journal before the transaction
 * that wrote it has committed.
 *
 * The commit is asynchronous: a crash repeats what was sent since the last write that
 * reached the disk, under the same ids.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/cursor.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/journal.h"
#include "pipeline/ledger.h"
#include "pipeline/overview.h"
#include "pipeline/receipts.h"
#include "pipeline/recorder.h"
#include "pipeline/replay_feed.h"
#include "pipeline/state.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"
#include "records/receipt.h"
#include "records/record.h"
#include "shmem/shmem.h"
#include "stat/stat_worker.h"

/* Often enough for a view, and rare enough to cost next to nothing. */
#define RECORD_INTERVAL_MS	250

/* The same, of destinations for which there was nothing. */
#define PASSED_INTERVAL_MS	5000

/* After an error; the same for writing and for everything that waits for it. */
#define RECORD_RETRY_MS		1000

/*
 * Whether it is time to write that a destination passed over pages.  Nothing was sent,
 * so a crash has them read and counted again, and no more: while pages keep coming, a
 * write now and then will do; at rest it follows soon, for a view.
 */
static bool
passed_due(const EcapiDestination *destination, TimestampTz now)
{
	return destination->journal.passed_since != 0 &&
		(now - destination->journal.passed_since >= PASSED_INTERVAL_MS * INT64CONST(1000) ||
		 now < destination->journal.passed_since ||
		 now - ecapi_me.passed_at >= RECORD_INTERVAL_MS * INT64CONST(1000));
}

bool
ecapi_recorder_due(TimestampTz now, long *wait_ms)
{
	long		left;
	bool		something = ecapi_me.tick_to_log != NULL;
	bool		passed = false;

	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		something |= destination->dirty || passed_due(destination, now);
		passed |= destination->journal.passed_since != 0;
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

/* Write rows of the request log. */
static void
write_rows(const EcapiDestination *destination, List *rows)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		EcapiRequestRow *row = lfirst(cell);

		row->destination = NameStr(destination->name);
		row->server = destination->server;
		ecapi_record_request(row);
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
	destination->journal.changes_written = false;
	if (destination->guarded)
	{
		ecapi_cursor_write_state(&cursor);
		return;
	}
	write_rows(destination, destination->journal.requests);
	foreach(cell, destination->journal.failed)
	{
		EcapiFailedRow *row = lfirst(cell);

		row->destination = NameStr(destination->name);
		ecapi_failed_insert(row);
	}
	foreach(cell, destination->journal.receipts)
		ecapi_receipt_insert(NameStr(destination->name), lfirst(cell));
	foreach(cell, destination->journal.receipt_changes)
		ecapi_receipt_change(NameStr(destination->name), lfirst(cell));
	destination->journal.changes_written = destination->journal.changes != NIL &&
		ecapi_failed_lock(destination->journal.changes);
	if (destination->journal.changes_written)
		foreach(cell, destination->journal.changes)
			ecapi_failed_change(lfirst(cell));
	ecapi_replay_record(destination);
	foreach(cell, destination->journal.ended)
		((EcapiRequestRow *) lfirst(cell))->sent_at = now;
	write_rows(destination, destination->journal.ended);
	ecapi_ledger_write(destination, now);
	cursor.from = place->from->snapshot;
	cursor.to = place->to == NULL ? NULL : place->to->snapshot;
	cursor.position = place->position;
	cursor.delivered = destination->counts.delivered;
	cursor.filtered = destination->counts.filtered;
	cursor.failed = destination->counts.failed;
	cursor.given_up = destination->counts.given_up;
	cursor.enrich_skipped = destination->counts.enrich_skipped;
	cursor.test_since = destination->test_since;
	cursor.has_stopped_options = destination->has_stopped_options;
	cursor.stopped_options = destination->stopped_options;
	cursor.next_try = destination->next_try;
	destination->next_token = ecapi_cursor_write(&cursor);
}

/* What a destination's journal held is on its way to the disk. */
static void
forget_written(EcapiDestination *destination)
{
	destination->token = destination->next_token;
	if (destination->journal.receipts != NIL || destination->journal.receipt_changes != NIL)
		ecapi_receipts_recorded(destination);
	/* look when they are due */
	if (destination->journal.failed != NIL || destination->journal.changes_written)
		ecapi_failed_look_again(destination);
	ecapi_journal_forget(destination);
	ecapi_replay_recorded(destination);
	destination->dirty = destination->journal.changes != NIL ||
		(destination->replaying.id != 0 && destination->replaying.dirty);
}

void
ecapi_recorder_write(bool all)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *written = NIL;
	ListCell   *cell;
	static bool had_others = false;
	bool		tick_written = false;
	EcapiPhase	before = ecapi_stat_phase(ECAPI_PHASE_RECORDING);

	/* cleared at the end: an error on the way leaves it set */
	ecapi_me.record_failed_at = now;

	ecapi_worker_begin(false);
	if (ecapi_me.tick_to_log != NULL)
	{
		ecapi_record_tick(ecapi_me.tick_to_log->snapshot, ecapi_me.tick_to_log_at);
		tick_written = true;
	}
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		MemoryContext old;

		if (!destination->dirty && !passed_due(destination, now) &&
			!(all && destination->journal.passed_since != 0))
			continue;
		switch (ecapi_cursor_lock(destination->server, destination->token,
								  !destination->guarded))
		{
			case ECAPI_CURSOR_LOCKED:
				break;
			case ECAPI_CURSOR_HELD:
				/* of a guarded one only the state is written, which can wait */
				if (!ecapi_cursor_exists(destination->server))
					ecapi_me.cursor_lost = true;
				continue;
			case ECAPI_CURSOR_TAKEN:
				destination->lost = true;
				continue;
		}
		write_destination(destination, now);
		old = MemoryContextSwitchTo(ecapi_me.scratch);
		written = lappend(written, destination);
		MemoryContextSwitchTo(old);
	}
	/* what others wrote beside stays when they are gone */
	had_others |= ecapi_workers_wanted() > 1;
	if (ecapi_worker_leads())
		ecapi_cursor_tidy(now, had_others);
	ecapi_worker_end();

	foreach(cell, written)
	{
		EcapiDestination *destination = lfirst(cell);

		forget_written(destination);
	}
	list_free(written);
	if (tick_written)
	{
		ecapi_tick_logged(ecapi_me.tick_to_log);
		/* others wait for it, or for their heartbeat */
		if (ecapi_overview_delays())
			ecapi_workers_wake_others();
		ecapi_me.tick_logged_at = ecapi_me.tick_to_log_at;
		ecapi_tick_drop(ecapi_me.tick_to_log);
		ecapi_me.tick_to_log = NULL;
	}
	ecapi_me.recorded_at = now;
	ecapi_me.record_failed_at = 0;
	(void) ecapi_stat_phase(before);
}

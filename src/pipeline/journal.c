/*
 * journal.c
 *	  The journal of a destination: what is to be recorded of it, in memory until the
 *	  next write.
 *
 * It collects rows of the request log, of new failed events, and changes of those that
 * were tried again, and counts events in the ledger and for the cursor.  recorder.c
 * writes all of it together with the cursor, and only drops what has been committed.
 *
 * Memory: what a write takes as a whole is in destination->journal.context.  Changes of
 * failed events may have to wait while another transaction holds their rows, so they
 * have a context of their own.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "destination/options.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/journal.h"
#include "pipeline/ledger.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"
#include "records/record.h"
#include "records/seqs.h"

/* Events of a row at most, so that no row grows out of proportion. */
#define ENDED_MAX	100000

/*
 * A row for those events of a batch that left says (true: they leave the row; NULL: all
 * stay), or for the others; none for no event.
 */
static void
add_request(EcapiBatch *batch, const bool *left, bool of_left, const char *outcome,
			const EcapiAnswer *answer, const char *error, bool arrived)
{
	EcapiDestination *destination = batch->destination;
	MemoryContext old = MemoryContextSwitchTo(destination->journal.context);
	EcapiRequestRow *row = palloc0(sizeof(EcapiRequestRow));

	ecapi_seqs_init(&row->seqs, destination->journal.context);
	for (int i = 0; i < batch->nitems; i++)
	{
		if (left != NULL && left[i] != of_left)
			continue;
		ecapi_seqs_add(&row->seqs, ecapi_item_event(batch->items[i])->seq);
		row->events++;
	}
	row->sent_at = batch->sent_at;
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
	row->arrived = arrived && !batch->uncounted;
	if (row->events > 0)
		destination->journal.requests = lappend(destination->journal.requests, row);
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_request(EcapiBatch *batch, const char *outcome,
					  const EcapiAnswer *answer, const char *error, bool arrived)
{
	add_request(batch, NULL, false, outcome, answer, error, arrived);
}

void
ecapi_journal_some(EcapiBatch *batch, const EcapiAnswer *answer, const EcapiJudgement *judgement)
{
	bool	   *left = palloc(sizeof(bool) * batch->nitems);

	memset(left, true, sizeof(bool) * batch->nitems);
	for (int i = 0; i < judgement->nnamed; i++)
		left[judgement->named[i].index] = false;
	add_request(batch, left, false, "delivered", answer, NULL, true);
	pfree(left);
}

void
ecapi_journal_taken(EcapiBatch *batch, const EcapiAnswer *answer,
					const EcapiJudgement *judgement)
{
	bool	   *left;

	if (judgement->nnamed == 0)
	{
		add_request(batch, NULL, false, "delivered", answer, judgement->words, true);
		return;
	}
	left = palloc0(sizeof(bool) * batch->nitems);
	for (int i = 0; i < judgement->nnamed; i++)
		left[judgement->named[i].index] =
			judgement->named[i].outcome != ECAPI_NAMED_DELIVERED;
	add_request(batch, left, false, "delivered", answer, judgement->words, true);
	add_request(batch, left, true, "rejected", answer, judgement->words, false);
	pfree(left);
}

/*
 * The row for events with the same end that were not sent, or failed, since the last
 * write: one for each slice would cost a destination that takes little more than it is
 * worth.  The journal's context is current.
 */
static EcapiRequestRow *
ended_row(EcapiDestination *destination, const EcapiEnd *end)
{
	const char *outcome = ecapi_outcome_name(end->outcome);
	EcapiRequestRow *row;
	ListCell   *cell;

	foreach(cell, destination->journal.ended)
	{
		row = lfirst(cell);
		if (row->events < ENDED_MAX && row->outcome == outcome && row->reason == end->reason)
			return row;
	}
	row = palloc0(sizeof(EcapiRequestRow));
	row->outcome = outcome;
	row->reason = end->reason;
	row->latency_ms = -1;
	ecapi_seqs_init(&row->seqs, destination->journal.context);
	destination->journal.ended = lappend(destination->journal.ended, row);
	return row;
}

/*
 * Count an event of the live feed, or a failed one that has ended.  With this, each event that the cursor has
 * passed stands in a row of the request log that says how it ended: a request's, or
 * one for its end.
 */
static void
count_live(EcapiDestination *destination, const EcapiPageEvent *event,
		   const EcapiEnd *end)
{
	if (end->outcome != ECAPI_OUTCOME_DELIVERED && end->outcome != ECAPI_OUTCOME_SHADOW)
	{
		EcapiRequestRow *row = ended_row(destination, end);

		row->events++;
		ecapi_seqs_add(&row->seqs, event->seq);
	}
	if (end->outcome == ECAPI_OUTCOME_DELIVERED)
		destination->counts.delivered++;
	else if (end->outcome == ECAPI_OUTCOME_FAILED)
		destination->counts.failed++;
	else if (end->outcome == ECAPI_OUTCOME_GIVEN_UP)
		destination->counts.given_up++;
	else
		destination->counts.filtered++;
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

/* Whether an event goes without the patch of an enrichment that failed. */
static bool
is_unpatched(const EcapiSlice *slice, int i)
{
	return slice->prepared != NULL && slice->prepared[i] == ECAPI_PREPARED_UNPATCHED;
}

void
ecapi_journal_passed(const EcapiSlice *slice, int i, const EcapiEnd *end)
{
	EcapiDestination *destination = slice->feed->destination;
	const EcapiPageEvent *event = &slice->page->events[i];
	MemoryContext old;

	if (end->outcome == ECAPI_OUTCOME_NONE || slice->feed->kind == ECAPI_FEED_FAILED)
		return;
	if (is_unpatched(slice, i) &&
		(end->outcome == ECAPI_OUTCOME_DELIVERED || end->outcome == ECAPI_OUTCOME_SHADOW))
		destination->counts.enrich_skipped++;
	old = MemoryContextSwitchTo(destination->journal.context);
	ecapi_ledger_add(destination, event, end);
	if (slice->feed->kind == ECAPI_FEED_REPLAY)
		count_replayed(&destination->replaying, end);
	else
		count_live(destination, event, end);
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
						  int events, int type, const char *currency,
						  bool has_value, int64 millionths)
{
	const EcapiEnd end = {ECAPI_OUTCOME_FILTERED, reason};
	MemoryContext old = MemoryContextSwitchTo(destination->journal.context);

	ecapi_ledger_add_many(destination, type, currency, &end, events, has_value, millionths);
	destination->counts.filtered += events;
	ecapi_me.passed_at = GetCurrentTimestamp();
	if (destination->journal.passed_since == 0)
		destination->journal.passed_since = ecapi_me.passed_at;
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
						int events, const EcapiSeqs *seqs)
{
	const EcapiEnd end = {ECAPI_OUTCOME_FILTERED, reason};
	MemoryContext old = MemoryContextSwitchTo(destination->journal.context);
	EcapiRequestRow *row = ended_row(destination, &end);

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
	destination->journal.changes = lappend(destination->journal.changes, row);
	return row;
}

void
ecapi_journal_ended(EcapiItem item, const EcapiEnd *end)
{
	EcapiDestination *destination = item.slice->feed->destination;
	MemoryContext old = MemoryContextSwitchTo(destination->journal.changes_context);

	new_change(destination, &item.slice->page->due[item.index])->ended = true;
	MemoryContextSwitchTo(destination->journal.context);
	ecapi_ledger_add(destination, ecapi_item_event(item), end);
	count_live(destination, ecapi_item_event(item), end);
	if (end->outcome == ECAPI_OUTCOME_DELIVERED)
		destination->counts.enrich_skipped += is_unpatched(item.slice, item.index);
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_sent(EcapiItem item, TimestampTz at)
{
	EcapiDestination *destination = item.slice->feed->destination;
	MemoryContext old = MemoryContextSwitchTo(destination->journal.changes_context);
	EcapiFailedRow *row = new_change(destination, &item.slice->page->due[item.index]);

	row->only_sent = true;
	row->sent_at = at;
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

/*
 * When an event is tried again that was tried attempts times, the first time at since;
 * 0: never, for retry_for is over.  The last try is at its end.
 */
static TimestampTz
next_try(const EcapiDestination *destination, int attempts, TimestampTz since, int wait_s)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		wait_ms = wait_s > 0 ? wait_s * INT64CONST(1000) :
		ecapi_policy_retry_wait(attempts, pg_prng_double(&pg_global_prng_state));
	TimestampTz next = TimestampTzPlusMilliseconds(now, wait_ms);
	TimestampTz end;

	if (destination->options == NULL)
		return next;
	end = since + destination->options->retry_for_s * USECS_PER_SEC;
	return end <= now ? 0 : Min(next, end);
}

void
ecapi_journal_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
					 int attempts, bool retry, int wait_s)
{
	EcapiDestination *destination = item.slice->feed->destination;
	EcapiPageEvent *event = ecapi_item_event(item);
	const EcapiDue *due = item.slice->page->due;
	MemoryContext old = MemoryContextSwitchTo(due != NULL ? destination->journal.changes_context
											  : destination->journal.context);
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
		destination->journal.failed = lappend(destination->journal.failed, row);
	}
	row->reason = pstrdup(reason);
	row->attempts = attempts;
	row->sent_at = item.slice->sent == NULL ? 0 : item.slice->sent[item.index].at;
	row->next_try = retry ? next_try(destination, Max(attempts, 1), since, wait_s) : 0;
	if (answer != NULL)
	{
		row->status = answer->status;
		row->answer = pnstrdup(answer->body == NULL ? "" : answer->body,
							   Min(answer->body_len, ECAPI_ANSWER_KEPT));
	}
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_late(EcapiDestination *destination, const EcapiLateEvent *late)
{
	const EcapiEnd end = {ECAPI_OUTCOME_FAILED, late->reason};
	MemoryContext old = MemoryContextSwitchTo(destination->journal.context);
	EcapiFailedRow *failed = palloc0(sizeof(EcapiFailedRow));
	EcapiRequestRow *row = ended_row(destination, &end);

	failed->xid = late->xid;
	failed->seq = late->seq;
	failed->reason = late->reason;
	failed->answer = late->words == NULL ? NULL : pstrdup(late->words);
	failed->attempts = 1;
	failed->next_try = late->wait_s == 0 ? 0 :
		next_try(destination, 1, GetCurrentTimestamp(), late->wait_s);
	destination->journal.failed = lappend(destination->journal.failed, failed);
	row->events++;
	ecapi_seqs_add(&row->seqs, late->seq);
	ecapi_ledger_add_late(destination, late->type, late->currency, late->value, &end);
	destination->counts.failed++;
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

void
ecapi_journal_forget(EcapiDestination *destination)
{
	EcapiJournal *journal = &destination->journal;

	MemoryContextReset(journal->context);
	journal->requests = journal->ended = journal->failed = NIL;
	journal->receipts = journal->receipt_changes = NIL;
	journal->ledger = NULL;
	journal->passed_since = 0;
	if (!journal->changes_written)
		return;
	MemoryContextReset(journal->changes_context);
	journal->changes = NIL;
	journal->changes_written = false;
}

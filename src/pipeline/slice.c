/*
 * slice.c
 *	  What a feed holds, and how far it is disposed of.
 *
 * A feed holds slices in the order of its places.  Their events are taken in order, but
 * end in any order when several requests are on their way; the feed's place moves only
 * over the contiguous disposed prefix.  When the last event of a slice is disposed of,
 * the slice is freed.  Failed events have no order, so their feed has no place.
 *
 * A page that holds nothing for a destination is passed over in one step: at once when
 * the feed holds nothing, else by a slice without events, its summary, which waits
 * for the slices before it (tally.c).
 *
 * An event is counted when the place passes it, not when it ends: one that ended behind
 * another that is still on its way is sent again after a crash, and would be counted
 * twice.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "destination/select.h"
#include "outbox/window.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/journal.h"
#include "pipeline/keep.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "pipeline/prepare_call.h"
#include "pipeline/repeats.h"
#include "pipeline/slice.h"
#include "pipeline/tally.h"
#include "pipeline/tick.h"
#include "pipeline/view.h"

void
ecapi_feed_init(EcapiFeed *feed, EcapiFeedKind kind, EcapiDestination *destination)
{
	feed->kind = kind;
	feed->destination = destination;
	dlist_init(&feed->slices);
	dlist_init(&feed->ready);
}

void
ecapi_feed_begin(EcapiFeed *feed, const EcapiSnapshot *from, const EcapiSnapshot *to,
				 EcapiPosition position)
{
	EcapiTick  *from_tick = ecapi_tick_intern(from);
	EcapiTick  *to_tick = to == NULL ? NULL : ecapi_tick_intern(to);

	ecapi_place_set(&feed->done, from_tick, to_tick, position);
	ecapi_place_copy(&feed->read, &feed->done);
	ecapi_repeats_expect(feed);
	ecapi_tick_drop(from_tick);
	ecapi_tick_drop(to_tick);
}

static bool
has_events(EcapiFeed *feed)
{
	return (feed->unsent > 0 && feed->amend == 0) || !dlist_is_empty(&feed->ready);
}

bool
ecapi_feed_can_probe(EcapiDestination *destination)
{
	return has_events(&destination->live) || has_events(&destination->replay);
}

bool
ecapi_feed_in_order(EcapiFeed *feed)
{
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		for (int i = slice->disposed; i < slice->page->nevents; i++)
			if (slice->fate[i] >= ECAPI_FATE_DISPOSED)
				return false;
	}
	return true;
}

bool
ecapi_destination_rests(EcapiDestination *destination)
{
	return ecapi_is_leaving(destination) && ecapi_feed_in_order(&destination->live) &&
		ecapi_feed_in_order(&destination->replay);
}

static void
drop_slice(EcapiSlice *slice)
{
	EcapiCall  *call = slice->feed->destination->preparing.call;

	if (call != NULL && call->slice == slice)
		ecapi_call_abandon(call);
	dlist_delete(&slice->node);
	if (slice->view != NULL)
		ecapi_view_drop(slice->view);
	ecapi_keep_drop(slice->page);
	if (slice->prepared != NULL)
		pfree(slice->prepared);
	if (slice->sent != NULL)
		pfree(slice->sent);
	if (slice->amend != NULL)
		pfree(slice->amend);
	pfree(slice->fate);
	pfree(slice);
}

void
ecapi_feed_drop(EcapiFeed *feed)
{
	while (!dlist_is_empty(&feed->slices))
		drop_slice(dlist_head_element(EcapiSlice, node, &feed->slices));
	ecapi_repeats_expect(feed);
	feed->unsent = 0;
	feed->amend = 0;
}

static void
place_after(EcapiPlace *place, const EcapiPage *page)
{
	static const EcapiPosition start = {0, 0, 0};

	if (page->due != NULL)
		return;
	if (page->last)
		ecapi_place_set(place, page->start.to, NULL, start);
	else
		ecapi_place_set(place, page->start.from, page->start.to, page->end);
}

/* The page holds nothing for the destination, which keeps its summary instead. */
static EcapiPage *
keep_summary(EcapiPage *page, EcapiPage *summary)
{
	summary->refs++;
	ecapi_keep_drop(page);
	return summary;
}

/* A slice over a page, or its summary, in no feed yet; takes over no reference. */
static EcapiSlice *
new_slice(EcapiFeed *feed, EcapiPage *page)
{
	MemoryContext context = feed->destination->context;
	EcapiFirstSent *sent = ecapi_repeats_find(feed, page);
	EcapiSlice *slice = MemoryContextAllocZero(context, sizeof(EcapiSlice));

	slice->feed = feed;
	slice->page = page;
	slice->sent = sent;
	slice->fate = MemoryContextAllocZero(context, Max(page->nevents, 1));
	if (page->nevents > 0 && ecapi_prepares(feed->destination))
	{
		slice->prepared = MemoryContextAllocZero(context, page->nevents);
		slice->unprepared = page->nevents;
	}
	return slice;
}

/*
 * Everything that adding a page allocates or looks up: its summary, when it holds nothing
 * for the destination, and a slice, when the feed will hold one.  NULL: it will not, and
 * the summary is counted.  On an error the page is dropped and the feed is as it was, so the page is read again; part of a summary may then be counted twice.
 */
static EcapiSlice *
prepare_slice(EcapiFeed *feed, EcapiPage *page, bool may_pass, EcapiPage **summary)
{
	EcapiDestination *destination = feed->destination;
	EcapiSlice *volatile slice = NULL;

	*summary = NULL;
	PG_TRY();
	{
		if (may_pass && feed->kind == ECAPI_FEED_LIVE && destination->giving_up.to == NULL)
			*summary = ecapi_tally_excludes(page, destination->options);
		if (page->nevents > 0 && (*summary == NULL || !dlist_is_empty(&feed->slices)))
			slice = new_slice(feed, *summary != NULL ? *summary : page);
		else if (*summary != NULL)
			ecapi_tally_pass(destination, *summary);
	}
	PG_CATCH();
	{
		ecapi_keep_drop(page);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return slice;
}

void
ecapi_slice_add(EcapiFeed *feed, EcapiPage *page, bool may_pass)
{
	EcapiDestination *destination = feed->destination;
	EcapiPage  *summary;
	EcapiSlice *slice = prepare_slice(feed, page, may_pass, &summary);

	/* only now: an error must not leave the page behind the place, to be read no more */
	place_after(&feed->read, page);
	feed->passing = summary != NULL;
	if (summary != NULL)
		feed->passed_at = GetCurrentTimestamp();
	/* a page without a slice, behind no other, is disposed of */
	if (slice == NULL && dlist_is_empty(&feed->slices))
		ecapi_place_copy(&feed->done, &feed->read);
	if (page->nevents == 0 && feed->kind == ECAPI_FEED_REPLAY)
		destination->dirty = destination->replaying.dirty = true;
	if (slice == NULL)
	{
		ecapi_keep_drop(page);
		return;
	}
	if (summary != NULL)
		page = keep_summary(page, summary);
	feed->unsent += page->nevents;
	dlist_push_tail(&feed->slices, &slice->node);
}

void
ecapi_feed_put_back(EcapiFeed *feed)
{
	EcapiCall  *call = feed->destination->preparing.call;

	while (!dlist_is_empty(&feed->slices))
	{
		EcapiSlice *slice = dlist_tail_element(EcapiSlice, node, &feed->slices);

		/* what users' SQL is at work on comes back soon, and would have to be asked again */
		if (slice->next > 0 || (call != NULL && call->slice == slice))
			return;
		feed->unsent -= slice->page->nevents;
		ecapi_place_copy(&feed->read, &slice->page->start);
		drop_slice(slice);
	}
}

void
ecapi_slice_dispose(EcapiItem item, EcapiOutcome outcome, const char *reason)
{
	EcapiDestination *destination = item.slice->feed->destination;

	Assert(item.slice->fate[item.index] < ECAPI_FATE_DISPOSED);
	item.slice->fate[item.index] = ECAPI_FATE_DISPOSED +
		ecapi_end_number(&destination->ends, outcome, reason);
	destination->dirty = true;
	if (item.slice->feed->kind == ECAPI_FEED_REPLAY)
		destination->replaying.dirty = true;
}

/* Whether an event that ends as it should was sent, or would be, with what tells its person. */
static void
count_person(EcapiItem item)
{
	if (item.identified != ECAPI_IDENTIFIED_UNSEEN)
		ecapi_stat_matched(&item.slice->feed->destination->stat, item.identified == ECAPI_IDENTIFIED);
}

void
ecapi_slice_delivered(EcapiItem item)
{
	EcapiEnd	end = {ECAPI_OUTCOME_DELIVERED, item.restriction};
	EcapiFeed  *feed = item.slice->feed;

	count_person(item);
	/* a replay's events are as old as it asks for; of failed ones it was not kept when they came */
	if (feed->kind == ECAPI_FEED_LIVE)
		ecapi_stat_delivered(&feed->destination->stat, ecapi_item_event(item)->emitted_at);
	if (item.slice->page->due != NULL)
		ecapi_journal_ended(item, &end);
	ecapi_slice_dispose(item, ECAPI_OUTCOME_DELIVERED, item.restriction);
}

void
ecapi_slice_withdrawn(EcapiItem item)
{
	static const EcapiEnd end = {ECAPI_OUTCOME_FILTERED, ECAPI_REASON_WITHDRAWN};

	if (item.slice->page->due != NULL)
		ecapi_journal_ended(item, &end);
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FILTERED, ECAPI_REASON_WITHDRAWN);
}

void
ecapi_slice_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
				   int attempts, bool retry)
{
	ecapi_journal_failed(item, reason, answer, attempts, retry, 0);
	/* a text's problem varies; the ledger counts by constants */
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FAILED,
						ecapi_item_event(item)->problem != NULL ? "cannot be read" : reason);
}

void
ecapi_slice_put_off(EcapiItem item, const char *reason, const EcapiAnswer *answer,
					int attempts, int wait_s)
{
	ecapi_journal_failed(item, reason, answer, attempts, true, wait_s);
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FAILED, reason);
}

void
ecapi_slice_refused(EcapiItem item, const char *reason, const char *problem, bool retry)
{
	ecapi_journal_failed(item, problem, NULL, 1, retry, 0);
	ecapi_slice_dispose(item, ECAPI_OUTCOME_FAILED, reason);
}

void
ecapi_slice_advance(EcapiFeed *feed)
{
	const EcapiEnds *ends = &feed->destination->ends;

	while (!dlist_is_empty(&feed->slices))
	{
		EcapiSlice *slice = dlist_head_element(EcapiSlice, node,
												   &feed->slices);
		EcapiPage  *page = slice->page;
		int			before = slice->disposed;

		for (; slice->disposed < page->nevents &&
			 slice->fate[slice->disposed] >= ECAPI_FATE_DISPOSED; slice->disposed++)
			ecapi_journal_passed(slice, slice->disposed,
								 &ends->list[slice->fate[slice->disposed] - ECAPI_FATE_DISPOSED]);
		if (slice->disposed < page->nevents)
		{
			if (slice->disposed > before && page->due == NULL)
			{
				EcapiPageEvent *event = &page->events[slice->disposed - 1];

				ecapi_place_set(&feed->done, page->start.from, page->start.to,
								ecapi_tick_position(page->start.from, event->xid, event->seq));
			}
			return;
		}
		if (page->tally != NULL)
			ecapi_tally_pass(feed->destination, page);
		place_after(&feed->done, page);
		drop_slice(slice);
	}
	/* empty pages behind the last slice are disposed of with it */
	if (feed->read.from != NULL)
		ecapi_place_copy(&feed->done, &feed->read);
}

void
ecapi_slice_end_batch(EcapiBatch *batch)
{
	EcapiFeed  *feed = batch->feed;

	ecapi_batch_free(batch);
	ecapi_slice_advance(feed);
}

void
ecapi_slice_dispose_batch(EcapiBatch *batch, EcapiOutcome outcome)
{
	for (int i = 0; i < batch->nitems; i++)
	{
		if (outcome == ECAPI_OUTCOME_SHADOW)
			count_person(batch->items[i]);
		ecapi_slice_dispose(batch->items[i], outcome, outcome == ECAPI_OUTCOME_SHADOW ?
							batch->items[i].restriction : NULL);
	}
	ecapi_slice_end_batch(batch);
}

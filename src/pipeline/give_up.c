/*
 * give_up.c
 *	  Giving up what a destination does not take, before it costs the others.
 *
 * Events wait for a destination that is down, stopped or paused, and keep their slots of
 * the ring.  Two limits end that:
 *
 *	 age	ecapi.retention_limit: events that were committed longer ago are given up.
 *			The log of ticks says how long ago; an event is given up with its window,
 *			so up to about a second late.
 *	 size	when the outbox is near ecapi.outbox_limit (outbox/limit.c), the oldest
 *			slot that holds events must go.  Slots that no destination needs are
 *			emptied first, before the retention (outbox/rotation.c); only if there is
 *			none, each destination gives up what is before the first tick that sees
 *			all of the oldest slot.  A slot that another transaction has read or
 *			written cannot be emptied: the next one counts then, and if all are
 *			held nothing is given up, because it would make no room.  If the oldest is
 *			the slot in use, everything up to the live tick goes, but only of
 *			destinations that deliver nothing now: one that keeps up is a moment
 *			behind, and would lose events in vain.
 *
 * A plan sets giving_up.to, a tick.  From then on the destination neither reads nor
 * sends. When none of its requests is on its way any more, each step reads a few pages
 * as delivery would, and disposes of every event in them.  So the cursor moves over a
 * disposed prefix, as always, and the count is exact: what was delivered, filtered or
 * failed ahead of the cursor is not counted again.  Nothing is given up silently: it is
 * counted in ecapi.destination, has rows in ecapi.request with the outcome given_up, and
 * the log has a line when a run ends.
 *
 * A destination that its guard has stopped is left alone: its cursor is not to be moved,
 * and at the limits it keeps nothing (outbox/rotation.c).  Nothing is given up while
 * ecapi.delivery is off.
 *
 * The planning and the steps are called in a transaction with an active snapshot, SPI
 * connected, that writes nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "outbox/rotation.h"
#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/give_up.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/slice.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/record.h"
#include "settings.h"

/* Pages of a step; other destinations have their turn between two. */
#define PAGES_A_STEP	16

/* Logged ticks that one plan looks ahead; what is beyond has the next plan. */
#define TICKS_A_PLAN	64

/* One line a minute, as writers log about a full outbox. */
#define HELD_INTERVAL_US	USECS_PER_MINUTE

static const char reason_age[] = "older than ecapi.retention_limit";
static const char reason_size[] = "the outbox was near ecapi.outbox_limit";

/* ---- planning ---- */

static bool
lies_before(const EcapiDestination *destination, const EcapiTick *tick)
{
	const EcapiSnapshot *from = destination->live.done.from->snapshot;

	return ecapi_snapshot_within(from, tick->snapshot) &&
		!ecapi_snapshot_equal(from, tick->snapshot);
}

/* Takes over the caller's reference to the tick. */
static void
plan(EcapiDestination *destination, EcapiTick *tick, const char *reason)
{
	if (!lies_before(destination, tick))
	{
		ecapi_tick_drop(tick);
		return;
	}
	destination->giving_up.to = tick;
	destination->giving_up.reason = reason;
	destination->giving_up.events = 0;
}

/* The last of the next ticks behind a destination that is older than a moment. */
static void
plan_age(EcapiDestination *destination, TimestampTz before)
{
	const EcapiSnapshot *from = destination->live.done.from->snapshot;
	EcapiSnapshot *ticks[TICKS_A_PLAN];
	int			n = ecapi_record_ticks_before(from, before, TICKS_A_PLAN, ticks);

	if (n > 0)
		plan(destination, ecapi_tick_intern(ticks[n - 1]), reason_age);
}

static void
plan_size(int slot, bool in_use)
{
	EcapiTick  *tick = ecapi_me.live;

	if (!in_use)
	{
		EcapiSnapshot *snapshot = ecapi_record_tick_over(slot);

		if (snapshot == NULL)
			return;
		tick = ecapi_tick_intern(snapshot);
	}
	else if (tick != NULL)
		tick->refs++;
	if (tick == NULL)
		return;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (destination->guarded || destination->giving_up.to != NULL ||
			(in_use && destination->state == ECAPI_RUNNING && destination->failures == 0))
			continue;
		tick->refs++;
		plan(destination, tick, reason_size);
	}
	ecapi_tick_drop(tick);
}

/* Giving up would make no room: every slot with events is held by a transaction. */
static void
log_held(TimestampTz now)
{
	static TimestampTz logged_at = 0;

	if (logged_at != 0 && now >= logged_at && now - logged_at < HELD_INTERVAL_US)
		return;
	logged_at = now;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("outbox is near ecapi.outbox_limit and cannot be emptied"),
			 errdetail("A transaction that has read the outbox is still open."),
			 errhint("ecapi.check() names the process.")));
}

void
ecapi_give_up_plan(TimestampTz now, bool near_limit)
{
	int64		age = Max((int64) ecapi_retention_limit * SECS_PER_MINUTE,
						  (int64) ecapi_retention_s) * USECS_PER_SEC;
	bool		in_use;
	bool		held;
	int			slot = near_limit ? ecapi_rotation_removable(&in_use, &held) : -1;

	if (slot >= 0)
		plan_size(slot, in_use);
	else if (near_limit && held)
		log_held(now);
	if (ecapi_retention_limit == 0)
		return;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (!destination->guarded && destination->giving_up.to == NULL)
			plan_age(destination, now - age);
	}
}

/* ---- a step ---- */

static void
give_up_slice(EcapiDestination *destination, EcapiSlice *slice)
{
	int			nevents = slice->page->nevents;

	for (int i = slice->disposed; i < nevents; i++)
	{
		EcapiItem	item = {.slice = slice, .index = i};

		if (slice->fate[i] >= ECAPI_FATE_DISPOSED)
			continue;
		ecapi_slice_dispose(item, ECAPI_OUTCOME_GIVEN_UP, destination->giving_up.reason);
		destination->giving_up.events++;
	}
	destination->live.unsent -= nevents - slice->next;
	slice->next = nevents;
}

/* Take what was given up out of a batch; false when that was all of it. */
static bool
thin_out(EcapiBatch *batch)
{
	int			kept = 0;

	for (int i = 0; i < batch->nitems; i++)
	{
		EcapiItem	item = batch->items[i];

		if (item.slice->fate[item.index] < ECAPI_FATE_DISPOSED)
			batch->items[kept++] = item;
	}
	batch->nitems = kept;
	return kept > 0;
}

static void
thin_out_list(dlist_head *list)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		EcapiBatch *batch = dlist_container(EcapiBatch, node, iter.cur);

		if (thin_out(batch))
			continue;
		dlist_delete(&batch->node);
		ecapi_batch_free(batch);
	}
}

/* Give up what was read and is before the tick. */
static void
give_up_in_hand(EcapiDestination *destination)
{
	ecapi_foreach(EcapiSlice, slice, &destination->live.slices)
	{
		if (!ecapi_snapshot_within(slice->page->start.to->snapshot,
								   destination->giving_up.to->snapshot))
			break;
		give_up_slice(destination, slice);
	}
	/* batches point into slices, so they go first */
	thin_out_list(&destination->live.ready);
	thin_out_list(&destination->bisection.suspects);
	ecapi_slice_advance(&destination->live);
}

/*
 * Open the next window for reading, if it has to go.  One that is open beyond
 * the tick and was read in part cannot be cut there: then the tick moves to its
 * end, about a second further.
 */
static bool
open_window(EcapiDestination *destination)
{
	static const EcapiPosition start = {0, 0, 0};
	EcapiPlace *read = &destination->live.read;
	EcapiTick  *next;
	bool		within;

	if (read->to != NULL &&
		!ecapi_snapshot_within(read->to->snapshot, destination->giving_up.to->snapshot))
	{
		if (ecapi_position_compare(&read->position, &start) == 0)
			ecapi_place_set(read, read->from, NULL, start);
		else
		{
			read->to->refs++;
			ecapi_tick_drop(destination->giving_up.to);
			destination->giving_up.to = read->to;
		}
	}
	if (read->to != NULL)
		return true;
	if (!ecapi_snapshot_within(read->from->snapshot, destination->giving_up.to->snapshot) ||
		ecapi_snapshot_equal(read->from->snapshot, destination->giving_up.to->snapshot))
		return false;
	next = ecapi_tick_next(read->from);
	if (next == NULL)
		return false;
	within = ecapi_snapshot_within(next->snapshot, destination->giving_up.to->snapshot);
	if (within)
		ecapi_place_set(read, read->from, next, start);
	ecapi_tick_drop(next);
	return within;
}

/* Read on and give up.  True when all that must go has gone. */
static bool
give_up_unread(EcapiDestination *destination)
{
	for (int i = 0; i < PAGES_A_STEP; i++)
	{
		EcapiPage  *page;

		if (!dlist_is_empty(&destination->live.slices) || !open_window(destination))
			return true;
		page = ecapi_page_at(&destination->live.read, ECAPI_PAGE_BYTES);
		ecapi_slice_add(&destination->live, page, false);
		if (!dlist_is_empty(&destination->live.slices))
		{
			give_up_slice(destination, dlist_head_element(EcapiSlice, node,
															&destination->live.slices));
			ecapi_slice_advance(&destination->live);
		}
	}
	return false;
}

static void
finish(EcapiDestination *destination)
{
	if (destination->giving_up.events > 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("destination \"%s\" gave up " INT64_FORMAT " events: %s",
						NameStr(destination->name), destination->giving_up.events,
						destination->giving_up.reason)));
	ecapi_tick_drop(destination->giving_up.to);
	destination->giving_up.to = NULL;
}

bool
ecapi_give_up_step(EcapiDestination *destination)
{
	bool		through;

	/* answers first: what they deliver is not given up */
	if (destination->giving_up.to == NULL || destination->nflying > 0)
		return false;
	give_up_in_hand(destination);
	through = give_up_unread(destination);
	destination->dirty = true;
	if (through)
		finish(destination);
	return !through;
}

/*
 * replay_feed.c
 *	  The feed of a replay: events of the ring once more, beside live traffic.
 *
 * records/replay.c says what a replay is.  A destination takes up the oldest one that it
 * has, one at a time; the feed reads its window from its own place and is sent like any
 * other (pipeline.c).  Place and counts are written with the journal, so a crash repeats
 * what was sent since the last write and skips nothing.
 *
 * A window is read only when the live tick sees all of it: then its WAL is flushed, and
 * no event goes out that a crash could undo.
 *
 * Cancelled while requests are on their way: nothing new is sent, the answers are noted,
 * and the next replay is taken up when the last of them is in.
 *
 * A replay of a stopped, waiting or paused destination waits with it.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "destination/options.h"
#include "outbox/snapshot.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "pipeline/replay_feed.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/worker_state.h"
#include "records/replay.h"

/* Take up a replay at the place where it was left. */
static void
take_up(EcapiDestination *destination, const EcapiReplayRow *row)
{
	EcapiReplay *replay = &destination->replaying;
	EcapiOptionProblem problem;

	MemSet(replay, 0, sizeof(EcapiReplay));
	replay->since = row->since;
	replay->until = row->until;
	replay->delivered = row->delivered;
	replay->filtered = row->filtered;
	replay->failed = row->failed;
	replay->passed_over = row->passed_over;
	if (row->event_types != NULL &&
		!ecapi_options_event_types(row->event_types, &replay->event_types, &problem))
		replay->event_types = UINT64CONST(1) << 63; /* none that there is */
	ecapi_feed_begin(&destination->replay, row->from, row->to, row->position);
	replay->id = row->id;
	replay->dirty = destination->dirty = true;	/* it runs */
}

static void
abandon_list(EcapiDestination *destination, dlist_head *list)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		EcapiBatch *batch = dlist_container(EcapiBatch, node, iter.cur);

		if (batch->feed != &destination->replay)
			continue;
		dlist_delete(&batch->node);
		ecapi_slice_dispose_batch(batch, ECAPI_OUTCOME_NONE);
	}
}

/* When nothing of a cancelled replay is left, it is over. */
static void
close_if_empty(EcapiDestination *destination)
{
	if (!dlist_is_empty(&destination->replay.slices))
		return;
	destination->replaying.id = 0;
	destination->replaying.closing = destination->replaying.held = false;
	ecapi_me.replay_ended = true;
}

/* The replay was cancelled. */
static void
close_replay(EcapiDestination *destination)
{
	EcapiFeed  *feed = &destination->replay;

	destination->replaying.closing = true;
	abandon_list(destination, &feed->ready);
	abandon_list(destination, &destination->bisection.suspects);
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		/* what was taken is on its way */
		for (int i = slice->next; i < slice->page->nevents; i++)
		{
			EcapiItem	item = {.slice = slice, .index = i};

			ecapi_slice_dispose(item, ECAPI_OUTCOME_NONE, NULL);
		}
		slice->next = slice->page->nevents;
	}
	feed->unsent = 0;
	ecapi_slice_advance(feed);
	/* the counts are written once more, then it is over */
	destination->replaying.dirty = destination->dirty = true;
}

static const EcapiReplayRow *
find_row(List *rows, const EcapiDestination *destination, int64 id)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const EcapiReplayRow *row = lfirst(cell);

		if (strcmp(NameStr(row->destination), NameStr(destination->name)) == 0 &&
			(id == 0 || row->id == id))
			return row;
	}
	return NULL;
}

/* Whether all of the window has been disposed of. */
static bool
at_end(const EcapiDestination *destination)
{
	return destination->replay.done.to == NULL &&
		dlist_is_empty(unconstify(dlist_head *, &destination->replay.slices));
}

void
ecapi_replay_take(List *rows)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		EcapiReplay *replay = &destination->replaying;
		const EcapiReplayRow *row;

		if (replay->id != 0 && !replay->closing &&
			find_row(rows, destination, replay->id) == NULL)
			close_replay(destination);
		if (replay->id == 0 && !destination->guarded &&
			(row = find_row(rows, destination, 0)) != NULL)
			take_up(destination, row);
	}
}

bool
ecapi_replay_may_read(EcapiFeed *feed)
{
	EcapiReplay *replay = &feed->destination->replaying;

	return replay->id != 0 && !replay->closing && feed->read.to != NULL &&
		ecapi_feed_wants(feed) && ecapi_me.live != NULL &&
		ecapi_snapshot_within(feed->read.to->snapshot, ecapi_me.live->snapshot) &&
		ecapi_share_page(feed) > 0;
}

bool
ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed)
{
	EcapiReplay *replay = &feed->destination->replaying;

	if (event->emitted_at < replay->since || event->emitted_at >= replay->until)
		return false;
	return !typed || replay->event_types == 0 ||
		(event->type >= 0 &&
		 (replay->event_types & (UINT64CONST(1) << event->type)) != 0);
}

void
ecapi_replay_pass_over(EcapiItem item)
{
	item.slice->feed->destination->replaying.passed_over++;
	ecapi_slice_dispose(item, ECAPI_OUTCOME_NONE, NULL);
}

bool
ecapi_replay_let_go(EcapiBatch *batch)
{
	if (batch->feed->kind != ECAPI_FEED_REPLAY || !batch->destination->replaying.closing)
		return false;
	ecapi_slice_dispose_batch(batch, ECAPI_OUTCOME_NONE);
	return true;
}

void
ecapi_replay_record(EcapiDestination *destination)
{
	EcapiReplay *replay = &destination->replaying;
	EcapiReplayRow row = {0};

	replay->written = replay->held = false;
	if (replay->id == 0 || !replay->dirty)
		return;
	row.id = replay->id;
	row.position = destination->replay.done.position;
	row.delivered = replay->delivered;
	row.filtered = replay->filtered;
	row.failed = replay->failed;
	row.passed_over = replay->passed_over;
	row.finished = at_end(destination);
	replay->written = ecapi_replay_write(&row);
	replay->held = !replay->written;
}

void
ecapi_replay_recorded(EcapiDestination *destination)
{
	EcapiReplay *replay = &destination->replaying;

	if (replay->id == 0)
		return;
	if (replay->closing)
	{
		close_if_empty(destination);
		return;
	}
	if (!replay->written)
		return;
	replay->written = replay->dirty = false;
	if (at_end(destination))
	{
		replay->id = 0;
		ecapi_me.replay_ended = true;
	}
}

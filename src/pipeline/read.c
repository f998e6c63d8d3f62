/*
 * read.c
 *	  Reading pages for the feeds of destinations, so that those that stand together share
 *	  them.
 *
 * Feeds read in rounds, a page each, so what one reads the others find in memory.  Three
 * rules keep those together that gain by it; all are bounded, so that no destination
 * holds up another one for long:
 *  - a feed that is ahead of others holds the events of one request instead of two;
 *  - a feed for which there was nothing lately waits for a leader: a feed that holds
 *    events and will read the same page next;
 *  - a feed that is a page ahead of another one with the same enrichments waits for it
 *    about as long as a call takes.
 *
 * A destination with a delay reads up to logged ticks that are old enough (tick.c), so
 * its events are held by at most about a second more.
 *
 * Everything that reads is in a transaction with an active snapshot, SPI connected.
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/timestamp.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/keep.h"
#include "pipeline/page.h"
#include "pipeline/overview.h"
#include "pipeline/pages.h"
#include "pipeline/read.h"
#include "pipeline/replay_feed.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"

/* Pages that one destination reads in one transaction; most are empty. */
#define PAGES_A_TURN		64

/* Time after which no further page is read in a transaction. */
#define READ_US				(50 * INT64CONST(1000))

/*
 * How long a feed for which there was nothing waits for another one to read the next
 * page, and how many others it looks at: more would cost more than they save.
 */
#define FOLLOW_MS				500
#define LEADERS				8

/*
 * How long a feed that is a page ahead of another one with the same enrichments waits
 * for it, so that one call does for both: up to the time of AWAIT_CALLS calls, and
 * AWAIT_MS.
 */
#define AWAIT_CALLS			4
#define AWAIT_MS			1000

/* How often to look for logged ticks that are old enough for a delay. */
#define DELAY_LOOK_MS		500

static EcapiFeed *leaders[LEADERS];	/* of this turn */
static int	nleaders = 0;

void
ecapi_read_begin(void)
{
	nleaders = 0;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (destination->state == ECAPI_RUNNING && nleaders < LEADERS &&
			!dlist_is_empty(&destination->live.slices))
			leaders[nleaders++] = &destination->live;
	}
}

/*
 * Whether a feed follows a leader.  One for which there was nothing lately would run
 * ahead through a backlog, and the leader would read all of it again behind it.  It waits
 * for the leader, but not long, as there may be something for it further on.
 */
static bool
follows(EcapiFeed *feed)
{
	if (!feed->passing || !dlist_is_empty(&feed->slices))
		return false;
	for (int i = 0; i < nleaders; i++)
		if (ecapi_place_equal(&leaders[i]->read, &feed->read))
			return true;
	return false;
}

/*
 * The milliseconds that a feed waits at most for others to be where it is: for a leader,
 * or for a feed that is a page behind it; 0: it reads.
 */
static long
waits_for_others(EcapiFeed *feed, TimestampTz now)
{
	int64		passed_us = GetCurrentTimestamp() - feed->passed_at;
	int64		read_us = now - feed->read_at;
	int64		await_us = Min(feed->destination->preparing.call_us * AWAIT_CALLS,
							   AWAIT_MS * INT64CONST(1000));
	bool		may_follow = feed->passing && nleaders > 0 &&
		passed_us >= 0 && passed_us < FOLLOW_MS * 1000;
	bool		may_await = read_us >= 0 && read_us < await_us;

	if (feed->kind != ECAPI_FEED_LIVE || (!may_follow && !may_await) ||
		ecapi_page_known(&feed->read) != NULL)
		return 0;
	if (may_follow && follows(feed))
		return FOLLOW_MS - (long) (passed_us / 1000);
	if (may_await && ecapi_keep_awaits(feed))
		return (long) ((await_us - read_us) / 1000) + 1;
	return 0;
}

/*
 * Whether a feed holds enough: the events of one request while others are behind it, so that
 * fewer pages are in memory between it and them.  It loses nothing by that.
 */
static bool
has_enough(EcapiFeed *feed, TimestampTz now)
{
	return feed->kind == ECAPI_FEED_LIVE &&
		feed->unsent >= feed->destination->options->batch_size &&
		ecapi_keep_is_ahead(feed, now) && ecapi_page_known(&feed->read) == NULL;
}

/* The end of the window that a leader opened at a tick, with a reference; or NULL. */
static EcapiTick *
leaders_tick(EcapiTick *from)
{
	for (int i = 0; i < nleaders; i++)
		ecapi_foreach(EcapiSlice, slice, &leaders[i]->slices)
		{
			EcapiPlace *start = &slice->page->start;

			if (start->from == from)
			{
				start->to->refs++;
				return start->to;
			}
		}
	return NULL;
}

/* The end of the next window of a feed, with a reference; NULL: none yet. */
static EcapiTick *
next_tick(EcapiFeed *feed, TimestampTz now)
{
	EcapiDestination *destination = feed->destination;
	EcapiTick  *next;

	if (destination->options->delay_ms <= 0)
	{
		next = feed->passing ? leaders_tick(feed->read.from) : NULL;
		return next != NULL ? next : ecapi_tick_next(feed->read.from);
	}
	next = ecapi_tick_next_before(feed->read.from,
								  now - destination->options->delay_ms * INT64CONST(1000));
	destination->delay_look = next != NULL ? 0
		: TimestampTzPlusMilliseconds(now, DELAY_LOOK_MS);
	return next;
}

/* Read the next page for a feed; false when there is none, or not now. */
static bool
read_one(EcapiFeed *feed, TimestampTz now, const bool *stale)
{
	EcapiPage  *page;
	size_t		bytes;

	if (feed->read.to == NULL)
	{
		EcapiTick  *from = feed->read.from;
		EcapiTick  *next = feed->kind == ECAPI_FEED_REPLAY ? NULL	/* its window ends there */
			: next_tick(feed, now);

		if (next == NULL)
			return false;
		ecapi_place_set(&feed->read, from, next, (EcapiPosition) {0, 0, 0});
		ecapi_tick_drop(next);
	}
	if (waits_for_others(feed, now) > 0 || has_enough(feed, now))
		return false;
	bytes = ecapi_share_page(feed);
	if (bytes == 0)
		return false;
	page = ecapi_page_at(&feed->read, bytes);
	feed->read_at = now;
	/* options that were changed before an event was emitted apply to it */
	AcceptInvalidationMessages();
	ecapi_slice_add(feed, page, !*stale);
	return true;
}

bool
ecapi_read_may(EcapiFeed *feed, TimestampTz now)
{
	EcapiTick  *from = feed->read.from;
	EcapiDestination *destination = feed->destination;

	if (feed->kind == ECAPI_FEED_REPLAY)
		return ecapi_replay_may_read(feed);
	if (!ecapi_feed_wants(feed) || waits_for_others(feed, now) > 0 || has_enough(feed, now))
		return false;
	if (feed->read.to != NULL)
		return ecapi_share_page(feed) > 0;
	if (ecapi_me.live == NULL || from == ecapi_me.live ||
		!ecapi_snapshot_within(from->snapshot, ecapi_me.live->snapshot))
		return false;
	return (destination->options->delay_ms <= 0 ||
			(destination->delay_look <= now && !ecapi_tick_is_last(from))) &&
		ecapi_share_page(feed) > 0;
}

long
ecapi_read_wait_ms(EcapiFeed *feed, TimestampTz now)
{
	EcapiDestination *destination = feed->destination;
	long		others_ms = waits_for_others(feed, now);

	if (!ecapi_feed_wants(feed))
		return -1;
	if (feed->read.to != NULL || others_ms > 0)
		return others_ms > 0 ? others_ms : -1;
	if (destination->options->delay_ms <= 0 || ecapi_tick_is_last(feed->read.from) ||
		destination->delay_look <= now)
		return -1;
	return (long) Min((destination->delay_look - now) / 1000 + 1, DELAY_LOOK_MS);
}

void
ecapi_read_pages(TimestampTz now, const bool *stale)
{
	bool		more = true;

	/* one page in any case: batches wait for it */
	for (int i = 0; i < PAGES_A_TURN && more &&
		 (i == 0 || GetCurrentTimestamp() - now < READ_US); i++)
	{
		more = false;
		ecapi_read_begin();
		ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		{
			if (ecapi_read_may(&destination->live, now))
				more |= read_one(&destination->live, now, stale);
			if (ecapi_read_may(&destination->replay, now))
				more |= read_one(&destination->replay, now, stale);
		}
	}
}

bool
ecapi_read_delays(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (destination->options != NULL && destination->options->delay_ms > 0)
			return true;
	/* the lead logs ticks for all */
	return ecapi_overview_delays();
}

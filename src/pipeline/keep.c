/*
 * keep.c
 *	  Which pages stay in memory, and which of them keep their trees.
 *
 * Destinations that go through the same events at about the same speed share pages: the
 * first one reads a page, and it stays for the others though no slice holds it any more.
 * A page is wanted by
 *  - a destination that stands right before it, and
 *  - one that is behind it in the same window, or in the one before, if it answers and
 *	  has read a page within KEEP_US: what a slow, mute or failing one will read is read
 *	  again when it comes to that.
 * The trees of a page are needed until every slice has taken its events, and while the
 * page is wanted.  A request that is made again parses them again.
 *
 * What is in memory for those that are behind alone takes KEEP_BYTES at most, and nothing
 * that is guaranteed to a destination (share.c); the oldest pages stay, because they are
 * read soonest.
 *
 * In memory of the worker alone; no locks.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "enrich/enrichment.h"
#include "outbox/window.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/keep.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/share.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"

/* One or two full pages with their trees, or about ten without. */
#define KEEP_BYTES		(ECAPI_BUDGET / 4)

/* A destination that reads on, even from a receiver that is far away, does so in this time. */
#define KEEP_US			USECS_PER_SEC

/* Waiting for the reader of a smaller page takes longer than reading it twice. */
#define AWAITED_EVENTS	500

/* ---- who will read a page ---- */

/* Whether two destinations have the same enrichments, and any at all. */
static bool
same_list(const EcapiDestination *a, const EcapiDestination *b)
{
	const EcapiEnrichments *list = a->preparing.list;

	return list != NULL && list->n > 0 && b->preparing.list != NULL &&
		ecapi_enrichments_equal(list, b->preparing.list);
}

static bool
reads_on(const EcapiDestination *destination)
{
	return destination->state == ECAPI_RUNNING && destination->giving_up.to == NULL;
}

/*
 * Whether a destination will read this page next, one with the same enrichments as like.
 */
static bool
is_wanted_next(const EcapiPage *page, const EcapiDestination *like)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (reads_on(destination) &&
			ecapi_place_equal(&destination->live.read, &page->start) &&
			same_list(like, destination))
			return true;
	return false;
}

/* Whether a feed has read a page lately. */
static bool
is_prompt(const EcapiFeed *feed, TimestampTz now)
{
	int64		idle_us = now - feed->read_at;

	return idle_us >= 0 && idle_us < KEEP_US;
}

/* Whether a destination that goes on is before a place in its window, or in that before. */
static bool
is_behind(const EcapiDestination *destination, const EcapiPlace *place, TimestampTz now)
{
	const EcapiPlace *read = &destination->live.read;

	if (!reads_on(destination) || !is_prompt(&destination->live, now) ||
		!ecapi_share_lends_to(destination))
		return false;
	if (read->from == place->from && (read->to == place->to || read->to == NULL))
		return ecapi_position_compare(&read->position, &place->position) < 0;
	return read->to != NULL && read->to == place->from;
}

static bool
will_read(EcapiDestination *destination, const EcapiPage *page, TimestampTz now)
{
	EcapiFeed  *feed = &destination->live;

	if (ecapi_place_equal(&feed->read, &page->start))
		return reads_on(destination) &&
			(is_prompt(feed, now) || dlist_is_empty(&feed->slices));
	return is_behind(destination, &page->start, now);
}

static bool
is_wanted(const EcapiPage *page, TimestampTz now)
{
	if (page->due != NULL)
		return false;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (will_read(destination, page, now))
			return true;
	return false;
}

bool
ecapi_keep_is_ahead(const EcapiFeed *feed, TimestampTz now)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (destination != feed->destination && is_behind(destination, &feed->read, now))
			return true;
	return false;
}

bool
ecapi_keep_awaits(const EcapiFeed *feed)
{
	const EcapiPlace *place = &feed->read;

	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		bool		ends_there;

		if (page->due != NULL || page->nevents < AWAITED_EVENTS)
			continue;
		ends_there = page->last ? place->from == page->start.to && place->to == NULL
			: place->from == page->start.from && place->to == page->start.to &&
			ecapi_position_compare(&place->position, &page->end) == 0;
		if (ends_there)
			return is_wanted_next(page, feed->destination);
	}
	return false;
}

/* ---- pages ---- */

/* Free the pages that no slice holds and that are not kept. */
static void
free_others(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ecapi_me.pages)
	{
		EcapiPage  *page = dlist_container(EcapiPage, node, iter.cur);

		if (page->refs == 0 && !page->kept)
			ecapi_page_free(page);
	}
}

/*
 * Go through the pages that are in memory for others alone, the oldest first: those that
 * no slice holds and, with trees, those whose events every slice has taken.
 */
static void
go_through(bool trees)
{
	TimestampTz now = GetCurrentTimestamp();
	size_t		kept = 0;
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &ecapi_me.pages)
	{
		EcapiPage  *page = dlist_container(EcapiPage, node, iter.cur);

		if (page->refs > 0 && (page->untaken || !trees))
			continue;
		/* one always may: else each of many that pass over a page would read it again */
		page->kept = (kept == 0 || kept + page->bytes <= KEEP_BYTES) && is_wanted(page, now);
		if (page->kept)
			kept += page->bytes;
		else if (page->refs > 0)
			ecapi_page_forget_trees(page);
	}
	free_others();
}

void
ecapi_keep_drop(EcapiPage *page)
{
	if (--page->refs > 0)
		return;
	if (page->tally == NULL && is_wanted(page, GetCurrentTimestamp()))
		go_through(false);		/* it stays, perhaps instead of another one */
	else
		ecapi_page_free(page);
}

void
ecapi_keep_free(size_t bytes)
{
	size_t		freed = 0;

	if (bytes == 0)
		return;
	/* the newest first */
	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		if (page->refs > 0)
			continue;
		page->kept = freed >= bytes;
		if (!page->kept)
			freed += page->bytes;
	}
	free_others();
}

/* ---- trees ---- */

static void
note_untaken(EcapiFeed *feed)
{
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
		slice->page->untaken |= slice->next < slice->page->nevents;
}

void
ecapi_keep_end_turn(void)
{
	if (dlist_is_empty(&ecapi_me.pages))
		return;
	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
		page->untaken = false;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		note_untaken(&destination->live);
		note_untaken(&destination->replay);
		note_untaken(&destination->failed);
	}
	go_through(true);
}

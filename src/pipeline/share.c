/*
 * share.c
 *	  How much of the worker's memory and of its connections a destination may take, so
 *	  that a slow one starves no other.
 *
 * Half of the budget is guaranteed to the destinations in equal shares: a destination's
 * share is always there for it, whatever the others hold.  The other half is lent: a
 * destination may hold as much beyond its share as is then left to lend ("dynamic
 * thresholds", as switches share a buffer; Choudhury and Hahne 1998).  So a single one
 * gets half of what is lent; of nine slow ones each gets a tenth, and as much is left
 * for the next that comes.  A loan shrinks by itself: the more destinations borrow, the
 * less each may hold, and one that holds more gets nothing until it is below that
 * again.  Nothing is lent to a destination whose receiver has not yet answered, or
 * failed last, because it would be given back late.  Pages from which nothing was taken
 * are given back at once when the budget is exceeded (ecapi_share_is_over), but for the one
 * that users' SQL is at work on.
 *
 * Connections likewise: one is guaranteed to each, the others are lent.  What a request
 * has taken is free again with its answer, or at its time-out, which runs from the moment
 * it was sent: nothing waits inside the HTTP client, where no clock would run.
 *
 * A page, with its trees and views, counts in equal parts for the destinations that hold
 * it; a body counts for its destination.  So a page that several destinations are about
 * to read may be as large as what they have left together allows: with a dozen of them a
 * page by the share of one would hold a hundred events, and so would their requests.
 * Pages that no destination holds are kept for those that will read them (keep.c), out of
 * what is lent alone.
 *
 * What comes back with an answer, or is lent, comes in small pieces.  A destination that
 * has requests on their way does not take them one by one, which would make many small
 * pages and bodies of what one holds: it waits until a decent part is free (as a TCP
 * receiver does with its window; Clark, RFC 813).
 *
 * With many destinations or large events a share may be smaller than one event.  A
 * destination that holds nothing may then take one event, and send one, as long as the
 * budget as a whole is not used up; else it waits, which ecapi.destination shows, and
 * goes first when something is free.  The same holds with more destinations than
 * connections.
 *
 * Invariant: unmet is the sum of what destinations have not taken of their shares, as
 * they were counted last: all at the beginning of a turn, each when it takes something.
 */
#include "postgres.h"

#include "destination/options.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/share.h"
#include "pipeline/tick.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"

/*
 * What the texts of a page take: themselves and their trees, up to three times as much,
 * and that twice, so that a second page is read while the first is on its way; and at
 * each destination a body, in a buffer that grows by doubling.
 */
#define COST_OF_PAGE	8
#define COST_OF_BODY	2

/*
 * With less room no page is read beside another one, and no second body is made; nor with
 * less than half a share, up to DECENT_ROOM.  A page that is read ahead, while the events
 * of a request are there, waits for that in any case: each page costs a statement,
 * whatever it holds.
 */
#define PAGE_ROOM	(256 * 1024)
#define BODY_ROOM	(64 * 1024)
#define DECENT_ROOM	(4 * 1024 * 1024)

/* The shares, as counted at the beginning of the turn. */
static size_t share = ECAPI_BUDGET / 2;
static size_t unmet = 0;		/* bytes */
static int	flying = 0;			/* requests */
static int	unmet_flights = 0;	/* destinations without any */

/* Whether a destination takes part.  One that is paused or stopped holds nothing. */
static bool
takes_part(const EcapiDestination *destination)
{
	return destination->state != ECAPI_PAUSED && destination->state != ECAPI_STOPPED;
}

static size_t
held_by_feed(EcapiFeed *feed)
{
	size_t		bytes = 0;

	ecapi_foreach(EcapiSlice, slice, &feed->slices)
		bytes += slice->page->bytes / Max(slice->page->refs, 1);
	return bytes;
}

static size_t
held(EcapiDestination *destination)
{
	return destination->body_bytes + held_by_feed(&destination->live) +
		held_by_feed(&destination->replay) + held_by_feed(&destination->failed);
}

static size_t
unmet_of(const EcapiDestination *destination)
{
	size_t		held = destination->share.held;

	return takes_part(destination) && held < share ? share - held : 0;
}

static size_t
used(void)
{
	return ecapi_me.page_bytes + ecapi_me.body_bytes;
}

size_t
ecapi_share_count(void)
{
	int			n = 0;

	if (used() > ECAPI_BUDGET / 2)
		ecapi_views_trim();
	unmet = flying = unmet_flights = 0;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		n += takes_part(destination);
	share = ECAPI_BUDGET / 2 / Max(n, 1);
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		destination->share.held = held(destination);
		unmet += unmet_of(destination);
		flying += destination->nflying + destination->nerrands;
		unmet_flights += takes_part(destination) && destination->nflying == 0;
		destination->share.short_of = NULL;
	}
	/* pages that no slice holds count for no destination: nothing guaranteed goes to them */
	return used() + unmet > ECAPI_BUDGET ? used() + unmet - ECAPI_BUDGET : 0;
}

/* In shadow mode nothing is sent, so a loan is given back soon. */
bool
ecapi_share_lends_to(const EcapiDestination *destination)
{
	return (destination->passes > 0 && destination->failures == 0) ||
		(destination->options != NULL && destination->options->mode == ECAPI_MODE_SHADOW);
}

/* The bytes that a destination may take now: of its share, and as a loan. */
static size_t
left_for(EcapiDestination *destination)
{
	size_t		lent;
	size_t		to_lend;

	unmet -= unmet_of(destination);
	destination->share.held = held(destination);
	unmet += unmet_of(destination);
	lent = destination->share.held > share ? destination->share.held - share : 0;
	to_lend = ecapi_share_lends_to(destination) && used() + unmet < ECAPI_BUDGET
		? ECAPI_BUDGET - used() - unmet : 0;
	return unmet_of(destination) + (to_lend > lent ? (to_lend - lent) / 2 : 0);
}

/* Less than this is not worth a page or body of its own, of which least is the least. */
static size_t
decent(size_t least)
{
	return Max(least, Min(share / 2, DECENT_ROOM));
}

/*
 * What the other destinations have left of their shares that are about to read the page
 * at a feed's place; readers is how many they are.
 */
static size_t
left_of_others(const EcapiFeed *feed, int *readers)
{
	size_t		left = 0;

	*readers = 0;
	if (feed->kind != ECAPI_FEED_LIVE)
		return 0;
	ecapi_foreach(EcapiDestination, other, &ecapi_me.destinations)
	{
		if (other == feed->destination || !ecapi_place_equal(&other->live.read, &feed->read) ||
			!ecapi_feed_wants(&other->live))
			continue;
		left += unmet_of(other);
		(*readers)++;
	}
	return left;
}

/* How many bytes of texts a page may have that a feed with so much left reads. */
static size_t
page_bytes(const EcapiFeed *feed, size_t left)
{
	int			others;
	size_t		together = left + left_of_others(feed, &others);

	if (used() < ECAPI_BUDGET)
		together = Min(together, ECAPI_BUDGET - used());
	return Min(Max(left, together) / (COST_OF_PAGE + COST_OF_BODY * (1 + others)) + 1,
			   ECAPI_PAGE_BYTES);
}

size_t
ecapi_share_page(EcapiFeed *feed)
{
	size_t		left = left_for(feed->destination);
	const EcapiPage *page = ecapi_page_known(&feed->read);
	bool		ahead = feed->unsent >= feed->destination->options->batch_size;
	size_t		needed = ahead ? DECENT_ROOM : decent(PAGE_ROOM);

	/* of a page that is in memory it takes a part, and relieves those that hold it */
	if (page != NULL)
		needed = Min(needed, page->bytes / (page->refs + 1));
	if (dlist_is_empty(&feed->slices) ? left > 0 || used() < ECAPI_BUDGET : left >= needed)
		return page_bytes(feed, left);
	if (feed->unsent == 0)
		feed->destination->share.short_of = ECAPI_SHORT_OF_MEMORY;
	return 0;
}

size_t
ecapi_share_body(EcapiDestination *destination)
{
	size_t		left = left_for(destination);
	size_t		free = used() < ECAPI_BUDGET ? ECAPI_BUDGET - used() : 0;

	if (left >= decent(BODY_ROOM))
		return left / 2 + 1;
	/*
	 * It may hold more than its share in a page alone, which sending gives back; half of what
	 * is free stays for the others.
	 */
	if (destination->nflying == 0 && (left > 0 || free > 0 || ecapi_me.body_bytes == 0))
		return Max(left, Min(free / 2, share)) / 2 + 1;
	destination->share.short_of = ECAPI_SHORT_OF_MEMORY;
	return 0;
}

bool
ecapi_share_connection(EcapiDestination *destination)
{
	int			lent = destination->nflying - 1;
	int			to_lend = ecapi_me.connections - flying - unmet_flights;

	if (destination->nflying == 0 ? flying < ecapi_me.connections : lent + 1 < to_lend)
		return true;
	destination->share.short_of = ECAPI_SHORT_OF_CONNECTIONS;
	return false;
}

void
ecapi_share_sent(const EcapiDestination *destination)
{
	flying++;
	if (destination->nflying == 1)
		unmet_flights--;
}

void
ecapi_share_errand_sent(void)
{
	flying++;
}

bool
ecapi_share_is_over(EcapiDestination *destination)
{
	return used() > ECAPI_BUDGET && held(destination) > share;
}

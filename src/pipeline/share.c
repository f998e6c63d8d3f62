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
 * are given back at once when the budget is exceeded (ecapi_share_is_over).
 *
 * Connections likewise: one is guaranteed to each, the others are lent.  What a request
 * has taken is free again with its answer, or at its time-out, which runs from the moment
 * it was sent: nothing waits inside the HTTP client, where no clock would run.
 *
 * A page, with its trees and views, counts in equal parts for the destinations that hold
 * it; a body counts for its destination.  Pages that no destination holds are kept for
 * those that will read them (keep.c), out of what is lent alone.
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
#include "pipeline/share.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"

/*
 * What an event of a page takes besides its text: its tree, up to
 * three times as much, and its body in a buffer that grows by doubling.  Twice that,
 * so that a second page is read while the first is on its way.
 */
#define COST_OF_TEXT	12

/*
 * With less room no page is read beside another one, and no second body is made.  A page
 * that is read ahead, while the events of a request are there, waits for more room: each
 * page costs a statement, whatever it holds.
 */
#define PAGE_ROOM	(256 * 1024)
#define AHEAD_ROOM	(4 * 1024 * 1024)
#define BODY_ROOM	(64 * 1024)

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

size_t
ecapi_share_page(EcapiFeed *feed)
{
	size_t		left = left_for(feed->destination);
	bool		ahead = feed->unsent >= Min(feed->destination->options->batch_size,
										   ECAPI_PAGE_ROWS);

	if (dlist_is_empty(&feed->slices) ? left > 0 || used() < ECAPI_BUDGET
		: left >= (ahead ? AHEAD_ROOM : PAGE_ROOM))
		return Min(left / COST_OF_TEXT + 1, ECAPI_PAGE_BYTES);
	if (feed->unsent == 0)
		feed->destination->share.short_of = ECAPI_SHORT_OF_MEMORY;
	return 0;
}

size_t
ecapi_share_body(EcapiDestination *destination)
{
	size_t		left = left_for(destination);

	if (left >= BODY_ROOM ||
		(destination->nflying == 0 &&
		 (left > 0 || used() < ECAPI_BUDGET || ecapi_me.body_bytes == 0)))
		return left / 2 + 1;
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

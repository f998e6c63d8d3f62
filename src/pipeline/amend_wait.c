/*
 * amend_wait.c
 *	  An amendment waits until it is known whether its original was delivered.
 *
 * In every feed an amendment stands behind its original, as it was emitted when that was
 * committed.  When gathering comes to one, the original was taken before:
 *
 *	 it is on its way, or is to be sent again	--> the feed waits with it, and with what
 *							is behind it; an answer ends that
 *	 it was delivered, by any feed	--> the amendment goes
 *	 it failed and is tried again	--> the amendment is put off as a failed event of its own,
 *							until the original's next try is over; there it is
 *							asked about again, and never held, since failed events
 *							have no order
 *	 anything else				--> the amendment is filtered
 *
 * A request that was never answered does not count as delivered: nobody knows.
 *
 * A feed that comes to an amendment stops (feed->amend) and asks; in the next turn the
 * originals of all amendments that it holds in that page are looked for together, in
 * memory, in the journal, then in the log, and the answers are noted beside the events
 * (slice->amend).  So a feed with many amendments asks once for each page, and one without
 * any pays a look at ext of each event.
 *
 * Errors: what SQL raises ends the turn before anything was shaped; the feeds ask again.
 *
 * Ownership: the notes belong to the slice.  No locks.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/select.h"
#include "event/amended.h"
#include "pipeline/amend_wait.h"
#include "pipeline/destination.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare.h"
#include "pipeline/slice.h"
#include "pipeline/stopped.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"
#include "records/original.h"
#include "records/record.h"

/* Notes beside events; above 0: the original is tried again in that number of seconds. */
#define NOTE_NONE		0
#define NOTE_GOES		(-1)
#define NOTE_ALONE		(-2)

/* An amendment is put off for so long at most, as its original may be tried earlier. */
#define PUT_OFF_MAX_S	SECS_PER_HOUR

/* What feed->amend says. */
#define FEED_ASKS		1		/* nobody has looked yet */
#define FEED_WAITS		2		/* the original is on its way */

static bool asks = false;

/* An amendment of a page, and what it is of. */
typedef struct Wanted
{
	int			index;			/* of the amendment in its page */
	uint64		xid;			/* of the original */
	int64		seq;
	bool		on_its_way;
	bool		delivered;
	TimestampTz next_try;		/* 0: none */
} Wanted;

/* ---- when gathering comes to one ---- */

/* Whether what comes first decides about it: then it is as any event. */
static bool
is_decided(EcapiItem item, const EcapiValue *tree, pg_time_t now)
{
	EcapiPageEvent *event = ecapi_item_event(item);
	EcapiDestination *destination = item.slice->feed->destination;

	return ecapi_page_stopped(event, destination->server) != NULL ||
		ecapi_prepare_select(destination, tree, event->type, now) != NULL;
}

EcapiAmendTurn
ecapi_amend_turn(EcapiItem item, const EcapiValue *tree, pg_time_t now)
{
	EcapiSlice *slice = item.slice;
	int			note;

	if (ecapi_amend_original(tree) == NULL || is_decided(item, tree, now))
		return ECAPI_AMEND_GOES;
	note = slice->amend == NULL ? NOTE_NONE : slice->amend[item.index];
	switch (note)
	{
		case NOTE_GOES:
			return ECAPI_AMEND_GOES;
		case NOTE_ALONE:
			return ECAPI_AMEND_ALONE;
		case NOTE_NONE:
			if (slice->feed->amend == 0)
				slice->feed->amend = FEED_ASKS;
			asks = true;
			return ECAPI_AMEND_WAITS;
	}
	ecapi_slice_put_off(item, ECAPI_REASON_ORIGINAL_WAITS, NULL, 0, note);
	return ECAPI_AMEND_PUT_OFF;
}

bool
ecapi_amend_asks(void)
{
	return asks;
}

/* ---- finding originals ---- */

static int
compare_wanted(const void *a, const void *b)
{
	const Wanted *left = a;
	const Wanted *right = b;

	return left->seq < right->seq ? -1 : left->seq > right->seq ? 1 : 0;
}

/* The first that wants an event, or n. */
static int
first_wanting(const Wanted *wanted, int n, int64 seq)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (wanted[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The amendments of a slice that are not decided yet, from the next event on: by the form
 * of their ids, so that others are not parsed, and the next one by what it is.
 */
static int
find_amendments(EcapiSlice *slice, Wanted *wanted)
{
	EcapiPage  *page = slice->page;
	EcapiArena	scratch;
	int			n = 0;

	ecapi_tree_arena(&scratch, CurrentMemoryContext);
	for (int i = slice->next; i < page->nevents; i++)
	{
		const EcapiValue *tree;
		EcapiAmended original;

		if (slice->amend[i] != NOTE_NONE ||
			(i > slice->next && !ecapi_stops_names_amendment(&page->events[i])))
			continue;
		tree = ecapi_page_tree(page, i, &scratch);
		if (tree == NULL || ecapi_amend_original(tree) == NULL)
			continue;
		if (!ecapi_amend_of(tree, &original))
			slice->amend[i] = NOTE_ALONE;
		else
			wanted[n++] = (Wanted) {.index = i, .xid = original.xid, .seq = original.seq};
	}
	qsort(wanted, n, sizeof(Wanted), compare_wanted);
	return n;
}

/* Originals that a feed holds and has not disposed of. */
static void
look_in_memory(EcapiFeed *feed, Wanted *wanted, int n)
{
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		for (int i = slice->disposed; i < slice->page->nevents; i++)
		{
			const EcapiPageEvent *event = &slice->page->events[i];

			if (slice->fate[i] >= ECAPI_FATE_DISPOSED)
				continue;
			for (int k = first_wanting(wanted, n, event->seq);
				 k < n && wanted[k].seq == event->seq; k++)
				wanted[k].on_its_way |= wanted[k].xid == event->xid;
		}
	}
}

/* What is not written yet. */
static void
look_in_journal(const EcapiDestination *destination, Wanted *wanted, int n)
{
	ListCell   *cell;

	foreach(cell, destination->journal.requests)
	{
		const EcapiRequestRow *row = lfirst(cell);

		for (int i = 0; strcmp(row->outcome, "delivered") == 0 && i < row->seqs.nranges; i++)
			for (int k = first_wanting(wanted, n, row->seqs.ranges[i].first);
				 k < n && wanted[k].seq <= row->seqs.ranges[i].last; k++)
				wanted[k].delivered = true;
	}
	foreach(cell, destination->journal.failed)
	{
		const EcapiFailedRow *row = lfirst(cell);

		for (int k = first_wanting(wanted, n, row->seq); k < n && wanted[k].seq == row->seq; k++)
			wanted[k].next_try = row->next_try;
	}
}

/* In a transaction of its own. */
static void
look_in_log(const EcapiDestination *destination, Wanted *wanted, int n)
{
	int64	   *seqs = palloc(sizeof(int64) * n);
	EcapiOriginalState *states = palloc(sizeof(EcapiOriginalState) * n);

	ecapi_worker_begin(true);
	for (int i = 0; i < n; i++)
		seqs[i] = wanted[i].seq;
	ecapi_original_load(destination->server, NameStr(destination->name), seqs, n, states);
	for (int i = 0; i < n; i++)
	{
		wanted[i].delivered |= states[i].delivered;
		if (wanted[i].next_try == 0)
			wanted[i].next_try = states[i].next_try;
	}
	ecapi_worker_end();
}

/* Seconds until the original's next try is over. */
static int
seconds_until(TimestampTz next_try, TimestampTz now)
{
	int64		ms = next_try <= now ? 0 : TimestampDifferenceMilliseconds(now, next_try);

	return (int) Min(ms / 1000 + 1, PUT_OFF_MAX_S);
}

static int
note_of(const Wanted *wanted, const EcapiFeed *feed, TimestampTz now)
{
	if (wanted->on_its_way)
		return feed->kind == ECAPI_FEED_FAILED ? 1 : NOTE_NONE;
	if (wanted->delivered)
		return NOTE_GOES;
	return wanted->next_try == 0 ? NOTE_ALONE : seconds_until(wanted->next_try, now);
}

/* The slice whose event is next; NULL: none waits. */
static EcapiSlice *
slice_of_next(EcapiFeed *feed)
{
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		if (slice->next < slice->page->nevents)
			return slice;
	}
	return NULL;
}

/* Whether the original of the next event is on its way. */
static bool
waits(const EcapiFeed *feed, const EcapiSlice *slice, const Wanted *wanted, int n)
{
	for (int i = 0; i < n; i++)
		if (wanted[i].index == slice->next)
			return wanted[i].on_its_way && feed->kind != ECAPI_FEED_FAILED;
	return false;
}

/*
 * Note what is known of the originals, unless that of the next event is on its way: then
 * true, and nothing is asked.
 */
static bool
look(EcapiFeed *feed, EcapiSlice *slice, TimestampTz now)
{
	EcapiDestination *destination = feed->destination;
	Wanted	   *wanted = palloc(sizeof(Wanted) * slice->page->nevents);
	int			n;

	if (slice->amend == NULL)
		slice->amend = MemoryContextAllocZero(destination->context,
											  sizeof(int) * slice->page->nevents);
	n = find_amendments(slice, wanted);
	if (n == 0)
		return false;
	look_in_memory(feed, wanted, n);
	/* a failed event is never held, so it may have overtaken what is in the live feed */
	if (feed->kind == ECAPI_FEED_FAILED)
		look_in_memory(&destination->live, wanted, n);
	if (waits(feed, slice, wanted, n))
		return true;
	look_in_journal(destination, wanted, n);
	look_in_log(destination, wanted, n);
	for (int i = 0; i < n; i++)
		slice->amend[wanted[i].index] = note_of(&wanted[i], feed, now);
	return false;
}

static void
find_originals(EcapiFeed *feed, TimestampTz now)
{
	EcapiSlice *slice;

	if (feed->amend == 0)
		return;
	slice = slice_of_next(feed);
	feed->amend = slice != NULL && look(feed, slice, now) ? FEED_WAITS : 0;
}

void
ecapi_amend_find_originals(TimestampTz now)
{
	asks = false;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		find_originals(&destination->live, now);
		find_originals(&destination->replay, now);
		find_originals(&destination->failed, now);
	}
}

/*
 * repeats.c
 *	  When events were sent before.
 *
 * A platform recognises a repeat for a time (dedupe_s of its format), and counts one that
 * comes later as another event (late_repeat.c).  That time runs from the first request that
 * may have arrived: one that was answered with success or a server error, or whose answer
 * did not come.  A request that was not sent, or was refused, is none.
 *
 * When that was is known
 *	 - of what this process has sent, beside the event in its slice (ecapi_repeats_note);
 *	 - of what was sent before it was read, from the request log: events of a replay, failed
 *	   events, and those of the live feed that are older than this process or were put
 *	   down by it (feed->sent_before);
 *	 - of failed events, from their rows, which last longer than the log.
 * The log is written with the cursor, so a crash forgets what was on its way, and about
 * the last second; the first request after it counts as the first.
 *
 * No locks, no state but the slices' own.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/memutils.h"

#include "destination/options.h"
#include "pipeline/destination.h"
#include "pipeline/journal.h"
#include "pipeline/page.h"
#include "pipeline/repeats.h"
#include "records/record.h"
#include "records/sent.h"

/* An event of a page by its seq. */
typedef struct Wanted
{
	int64		seq;
	int			index;
} Wanted;

/* The events of a page that may have been sent, in the order of their seqs. */
typedef struct Search
{
	int			n;
	Wanted	   *wanted;
	EcapiFirstSent *sent;		/* of each event of the page; NULL: none found yet */
	int			nevents;
	MemoryContext context;		/* of sent */
} Search;

/* Whether it matters to the destination's platform when an event was first sent. */
static bool
matters(const EcapiDestination *destination)
{
	return destination->options != NULL && destination->options->format->dedupe_s > 0;
}

void
ecapi_repeats_expect(EcapiFeed *feed)
{
	feed->sent_before = U64FromFullTransactionId(ReadNextFullTransactionId());
}

static int
compare_wanted(const void *a, const void *b)
{
	int64		left = ((const Wanted *) a)->seq;
	int64		right = ((const Wanted *) b)->seq;

	return left < right ? -1 : left > right ? 1 : 0;
}

static EcapiFirstSent *
new_sent(MemoryContext context, int nevents)
{
	return MemoryContextAllocZero(context, sizeof(EcapiFirstSent) * nevents);
}

static void
found(Search *search, int index, TimestampTz at, bool delivered)
{
	EcapiFirstSent *sent;

	if (search->sent == NULL)
		search->sent = new_sent(search->context, search->nevents);
	sent = &search->sent[index];
	if (sent->at == 0 || at < sent->at)
		sent->at = at;
	sent->delivered |= delivered;
}

/* Events from first to last were sent. */
static void
found_range(Search *search, int64 first, int64 last, TimestampTz at, bool delivered)
{
	int			low = 0;
	int			high = search->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (search->wanted[middle].seq < first)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < search->n && search->wanted[low].seq <= last; low++)
		found(search, search->wanted[low].index, at, delivered);
}

/* What the log says. */
static void
ask_log(Search *search, const EcapiDestination *destination)
{
	EcapiSentRange *ranges;
	int			n = ecapi_sent_load(destination->server, NameStr(destination->name),
									search->wanted[0].seq, search->wanted[search->n - 1].seq,
									CurrentMemoryContext, &ranges);

	for (int i = 0; i < n; i++)
		found_range(search, ranges[i].first, ranges[i].last, ranges[i].at,
					ranges[i].delivered);
	pfree(ranges);
}

/* What is not in the log yet. */
static void
ask_journal(Search *search, const EcapiDestination *destination)
{
	ListCell   *cell;

	foreach(cell, destination->journal.requests)
	{
		const EcapiRequestRow *row = lfirst(cell);

		for (int i = 0; row->arrived && i < row->seqs.nranges; i++)
			found_range(search, row->seqs.ranges[i].first, row->seqs.ranges[i].last,
						row->sent_at, strcmp(row->outcome, "delivered") == 0);
	}
}

/* What rows of failed_event say. */
static void
ask_rows(Search *search, const EcapiPage *page)
{
	for (int i = 0; page->due != NULL && i < page->nevents; i++)
		if (page->due[i].sent_at != 0)
			found(search, i, page->due[i].sent_at, false);
}

EcapiFirstSent *
ecapi_repeats_find(EcapiFeed *feed, const EcapiPage *page)
{
	EcapiDestination *destination = feed->destination;
	Search		search = {.nevents = page->nevents, .context = destination->context};

	if (!matters(destination) || page->nevents == 0)
		return NULL;
	search.wanted = palloc(sizeof(Wanted) * page->nevents);
	for (int i = 0; i < page->nevents; i++)
		if (feed->kind != ECAPI_FEED_LIVE || page->events[i].xid < feed->sent_before)
			search.wanted[search.n++] = (Wanted) {page->events[i].seq, i};
	if (search.n > 0)
	{
		qsort(search.wanted, search.n, sizeof(Wanted), compare_wanted);
		ask_log(&search, destination);
		ask_journal(&search, destination);
		ask_rows(&search, page);
	}
	pfree(search.wanted);
	return search.sent;
}

void
ecapi_repeats_note(EcapiBatch *batch)
{
	EcapiDestination *destination = batch->destination;

	if (batch->uncounted || batch->body.shape.format->dedupe_s <= 0)
		return;
	for (int i = 0; i < batch->nitems; i++)
	{
		EcapiSlice *slice = batch->items[i].slice;
		EcapiFirstSent *sent;

		if (slice->sent == NULL)
			slice->sent = new_sent(destination->context, slice->page->nevents);
		sent = &slice->sent[batch->items[i].index];
		if (sent->at == 0)
			sent->at = batch->sent_at;
	}
}

void
ecapi_repeats_keep(EcapiBatch *batch)
{
	for (int i = 0; i < batch->nitems; i++)
	{
		EcapiItem	item = batch->items[i];
		const EcapiSlice *slice = item.slice;

		if (slice->sent != NULL && slice->sent[item.index].at != 0 &&
			slice->page->due[item.index].sent_at == 0)
			ecapi_journal_sent(item, slice->sent[item.index].at);
	}
}

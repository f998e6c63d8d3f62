/*
 * person_stops.c
 *	  Marking events in memory whose person was forgotten, or has withdrawn consent.
 *
 * ecapi.forget() changes stored events and commits; events that the worker read before
 * are still in its pages.  ecapi.withdraw() changes none.  Both name events in ecapi.stop
 * and set the flag that cancellations set (stopped.c), so that the worker looks here
 * before anything else is shaped.  Which rows are new since the last look follows from
 * snapshots, as for windows of the outbox: a row that the snapshot of the last look did
 * not see.
 *
 * A look that finds some also goes through failed events.  Those that were copied from the
 * outbox under a snapshot older than an erasure are deleted: by the lead all of them, those of
 * destinations that are gone, too, and by another worker those of the destinations that it
 * has, which no other process inserts.  Each copy made from now on is
 * made of what is left of the event.  A worker that takes a destination over looks once more
 * at all stops there are, for the last owner may have copied some since it looked.
 * Those that are withdrawn are due, so that their feed disposes of them.
 *
 * Ownership: the snapshot of the last look is in the worker's context.  Locks: rows of
 * failed_event that no other transaction holds, for one transaction.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "destination/select.h"
#include "outbox/snapshot.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/page.h"
#include "pipeline/person_stops.h"
#include "pipeline/worker_state.h"
#include "records/erasure.h"
#include "records/stop_list.h"
#include "shmem/shmem.h"

static EcapiSnapshot *looked = NULL;	/* of the last look; NULL: there was none */

/* An event is stopped for all destinations, or for one. */
static void
mark(EcapiPage *page, const EcapiStop *stop)
{
	EcapiPageEvent *event = &page->events[stop->which];
	MemoryContext old;

	if (stop->server == InvalidOid)
	{
		/* what is erased stays so */
		if (event->stopped == NULL || strcmp(stop->reason, ECAPI_REASON_ERASED) == 0)
			event->stopped = stop->reason;
		return;
	}
	old = MemoryContextSwitchTo(page->context);
	event->withdrawn = list_append_unique_oid(event->withdrawn, stop->server);
	MemoryContextSwitchTo(old);
}

void
ecapi_person_stops_mark(EcapiPage *page)
{
	int64	   *seqs = palloc(sizeof(int64) * Max(page->nevents, 1));
	EcapiStop  *stops;
	int			n;

	for (int i = 0; i < page->nevents; i++)
		seqs[i] = page->events[i].seq;
	stops = ecapi_stop_list_of(seqs, page->nevents, &n);
	for (int i = 0; i < n; i++)
		mark(page, &stops[i]);
	pfree(stops);
	pfree(seqs);
}

void
ecapi_person_stops_refresh(void)
{
	EcapiSnapshot *now;
	bool		found;
	int64		left = 0;

	ecapi_worker_begin(false);
	now = ecapi_snapshot_from(GetActiveSnapshot());
	found = ecapi_stop_list_since(looked);
	if (found)
	{
		ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
			ecapi_person_stops_mark(page);
		if (ecapi_worker_leads())
			left = ecapi_erasure_sweep(NULL);
		else
			ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
				left += ecapi_erasure_sweep(NameStr(destination->name));
		left += ecapi_stop_list_due();
	}
	MemoryContextSwitchTo(ecapi_me.context);
	now = ecapi_snapshot_copy(now);
	ecapi_worker_end();

	if (found)
		ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
			ecapi_failed_look_at_all(destination);
	/* with rows left, the next look finds the same */
	if (left > 0)
	{
		pfree(now);
		return;
	}
	if (looked != NULL)
		pfree(looked);
	looked = now;
}

void
ecapi_person_stops_again(void)
{
	if (looked != NULL)
		pfree(looked);
	looked = NULL;
}

/*
 * erased.c
 *	  Marking events in memory whose person was forgotten.
 *
 * ecapi.forget() changes stored events and commits; events that the worker read before
 * are still in its pages.  It names those events in ecapi.erased and sets the flag that
 * cancellations set (stopped.c), so that the worker looks here before anything else is
 * shaped.  Which rows are new since the last look follows from snapshots, as for windows
 * of the outbox: an erasure that the snapshot of the last look did not see.
 *
 * A look that finds some also deletes failed events that this process copied from the
 * outbox under an older snapshot: no other process inserts them, and each copy made from
 * now on is made of what is left of the event.
 *
 * Ownership: the snapshot of the last look is in the worker's context.  Locks: rows of
 * failed_event that no other transaction holds, for one transaction.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "destination/select.h"
#include "outbox/snapshot.h"
#include "pipeline/erased.h"
#include "pipeline/page.h"
#include "pipeline/worker_state.h"
#include "records/erasure.h"

static EcapiSnapshot *looked = NULL;	/* of the last look; NULL: there was none */

static void
mark(EcapiPage *page)
{
	int64	   *seqs = palloc(sizeof(int64) * Max(page->nevents, 1));
	bool	   *erased = palloc0(sizeof(bool) * Max(page->nevents, 1));

	for (int i = 0; i < page->nevents; i++)
		seqs[i] = page->events[i].seq;
	ecapi_erasure_which(seqs, page->nevents, erased);
	for (int i = 0; i < page->nevents; i++)
		if (erased[i])
			page->events[i].stopped = ECAPI_REASON_ERASED;
	pfree(seqs);
	pfree(erased);
}

void
ecapi_erased_refresh(void)
{
	EcapiSnapshot *now;
	int64		left = 0;

	ecapi_worker_begin(false);
	now = ecapi_snapshot_from(GetActiveSnapshot());
	if (ecapi_erasure_since(looked))
	{
		ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
			mark(page);
		left = ecapi_erasure_sweep();
	}
	MemoryContextSwitchTo(ecapi_me.context);
	now = ecapi_snapshot_copy(now);
	ecapi_worker_end();

	/* with copies left, the next look finds the same erasures */
	if (left > 0)
	{
		pfree(now);
		return;
	}
	if (looked != NULL)
		pfree(looked);
	looked = now;
}

/*
 * failed_feed.c
 *	  The feed of failed events: those whose next try has come.
 *
 * Rows of ecapi.failed_event that wait and are due are read in small pages and sent in
 * requests of their own.  What became of an event changes or deletes its row, in the
 * transaction that writes the request's row; until that has committed nothing is read, so
 * no row is held twice.
 *
 *	 waiting --(2xx)---------------------------> row deleted
 *	 waiting --(rejected alone, or the receiver fails on it)--> waiting, later
 *	 waiting --(retry_for is over)-------------> dead, at its last try
 *	 waiting --(too old, too large, filtered, a repeat too late)--> dead
 *	 waiting --(the receiver asks for time or is gone, credentials refused)-->
 *				waiting, as before: the destination is at fault, not the event
 *	 waiting, dead --(ecapi.retry)--> waiting, due
 *	 waiting, dead --(ecapi.discard)--> row deleted
 *
 * A failed event that fails again says nothing about the destination: it is no evidence
 * in a bisection, starts no wait and stops nothing; only after other events have failed
 * it is a probe like any other.  One that passes is evidence that the receiver takes
 * events.
 *
 * Rows that were tried leave dead entries in the index of those that wait, so a look
 * begins where the last one ended (look.from): what this process has written since waits
 * for a later time.  What other processes have written (a retry, a rename) may be
 * earlier; they have the destinations reloaded, and then, and once an hour, a look
 * begins at the start.
 *
 * The time of the next look (look.due) is kept in memory: the next_try of the next row,
 * as read last; at once after a write of this process, an operator's call, or a start.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "destination/options.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/outcome.h"
#include "pipeline/pages.h"
#include "pipeline/repeats.h"
#include "pipeline/slice.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

/* A page of failed events: small, because requests of them are, too. */
#define DUE_ROWS	100
#define DUE_BYTES	(256 * 1024)

/* For rows that were changed by hand, without a reload; rare enough for a long walk. */
#define LOOK_AT_ALL_US	USECS_PER_HOUR

/* Whether the destination may have failed events that can be sent now. */
static bool
could_read(EcapiDestination *destination)
{
	return destination->state == ECAPI_RUNNING && destination->options != NULL &&
		!ecapi_reads_no_more(destination) && destination->options->mode != ECAPI_MODE_SHADOW &&
		dlist_is_empty(&destination->failed.slices) &&
		destination->journal.failed == NIL && destination->journal.changes == NIL;
}

bool
ecapi_failed_wanted(EcapiDestination *destination, TimestampTz now)
{
	return could_read(destination) && destination->look.due <= now;
}

long
ecapi_failed_wait_ms(EcapiDestination *destination, TimestampTz now)
{
	if (!could_read(destination) || destination->look.due == DT_NOEND)
		return -1;
	return destination->look.due <= now ? 0
		: (long) Min((destination->look.due - now) / 1000 + 1, PG_INT32_MAX);
}

void
ecapi_failed_look_at_all(EcapiDestination *destination)
{
	destination->look.due = 0;
}

void
ecapi_failed_look_again(EcapiDestination *destination)
{
	if (destination->look.due != 0)
		destination->look.due = DT_NOBEGIN;
}

/* Note where a look begins, as the head of this file says. */
static void
begin_look(EcapiDestination *destination, TimestampTz now)
{
	/* after a clock was set back, times that were written are earlier */
	if (destination->look.due == 0 || now < destination->look.at ||
		now - destination->look.all_at >= LOOK_AT_ALL_US)
	{
		destination->look.from = DT_NOBEGIN;
		destination->look.all_at = now;
	}
	destination->look.from_before = destination->look.from;
	destination->look.at = now;
}

void
ecapi_failed_read(EcapiDestination *destination, TimestampTz now)
{
	EcapiDueRows due = {0};

	begin_look(destination, now);
	due.context = AllocSetContextCreate(ecapi_me.scratch, "ecapi page",
										ALLOCSET_DEFAULT_SIZES);
	due.max_rows = DUE_ROWS;
	due.max_bytes = DUE_BYTES;
	due.rows = MemoryContextAlloc(due.context, sizeof(EcapiDue) * due.max_rows);
	ecapi_failed_due(NameStr(destination->name), destination->look.from, now, &due);

	if (due.nrows > 0)
		ecapi_slice_add(&destination->failed, ecapi_page_of_due(&due), false);
	else
		MemoryContextDelete(due.context);
	destination->look.due = due.next == 0 ? DT_NOEND : due.next;
	destination->look.from = due.next == 0 ? destination->look.at :
		Min(due.next, destination->look.at);
}

void
ecapi_failed_again(EcapiBatch *batch, const char *reason, const EcapiAnswer *answer,
				   bool retry)
{
	for (int i = 0; i < batch->nitems; i++)
		ecapi_slice_failed(batch->items[i], reason, answer, batch->attempts, retry);
	ecapi_slice_end_batch(batch);
}

void
ecapi_failed_put_back(EcapiBatch *batch)
{
	EcapiFailedLook *look = &batch->destination->look;

	ecapi_failed_look_again(batch->destination);
	look->from = look->from_before;
	ecapi_repeats_keep(batch);
	ecapi_slice_dispose_batch(batch, ECAPI_OUTCOME_NONE);
}

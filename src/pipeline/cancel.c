/*
 * cancel.c
 *	  What has left before it was cancelled is taken back by a refund.
 *
 * records/cancellation.c has the states of a cancellation.  Here open ones
 * ("stopping") are resolved, all that there are in one job, up to a number:
 *
 *	 idle --(there are open ones)--> settling
 *	 settling --(in every worker, each request that was on its way when all its pages had
 *			been marked is answered, and the answer recorded (settle.c))--> scanning
 *	 scanning --(the outbox is read up to the newest of them)--> linking, resolving
 *	 linking --(each has the order that it is about)--> settling, refunds
 *	 refunds --(the outbox is read for refunds of these orders)--> resolving
 *	 resolving --(each has its state)--> idle
 *
 * Linking and refunds are skipped when none of the events was delivered and none
 * names its order.  From the links on no refund of such an order can leave, as from the
 * marks on no cancelled event can; so the second settling waits for those that were
 * under way, and what arrived of them is known for good (take_back.c).
 *
 * Only the lead does this, for the destinations of all workers.
 *
 * Settling comes first because from the marks on no request can carry a cancelled event:
 * when the earlier ones are answered, the request log says for good where the event was
 * delivered.
 *
 *	delivered		by any feed, a replay's and a failed event's, too: refund
 *	shadow			never left: none
 *	no answer		a timeout, a lost connection: not known.  The event is not sent
 *					again, and there is no refund of what may never have been counted;
 *					the row counts such destinations (unanswered).  The same holds,
 *					uncounted, for what a crash of the server took out of the log
 *	dropped			its log rows name a server that is gone: none
 *	paused, stopped, down		the refund waits in the outbox as any event
 *
 * Scanning reads the outbox from the smallest "since" on, a page a turn (outbox_scan.c;
 * cancel_set.c says what matches).  An event in a transaction that has yet to commit was
 * never sent.
 *
 * Resolving appends the refund and writes the state in one transaction, under a lock
 * of the row: exactly one of each, through any crash.  A job is in memory alone; one
 * that an error or a crash ends leaves rows as they were, for the next.
 *
 * Of several cancellations of one id in a job the widest is resolved, the others are
 * repeated; and of one that comes later only what no resolved one was about.
 *
 * What was resolved leaves a dead entry in the index of open ones, and an old snapshot
 * keeps those.  So a job takes up what the snapshot of the last one did not see,
 * unless that one left some of them.
 *
 * Between jobs the worker rests as long as the last one read, so that a shop which
 * cancels all the time costs half a process at most, and its cancellations share
 * scans.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "event/refund.h"
#include "event/value.h"
#include "outbox/snapshot.h"
#include "pipeline/cancel.h"
#include "pipeline/cancel_set.h"
#include "pipeline/outbox_scan.h"
#include "pipeline/stopped.h"
#include "pipeline/take_back.h"
#include "pipeline/worker_state.h"
#include "records/cancellation.h"
#include "records/event_id.h"
#include "records/forgotten.h"
#include "settings.h"
#include "shmem/workers.h"

/* Cancellations of one job; with ids of the usual length two megabytes. */
#define JOB_MAX			10000

/* Cancellations resolved in one transaction. */
#define RESOLVE_MAX		100

/* Before the next look whether a person is still being forgotten. */
#define FORGETTING_MS	1000

/* The longest rest between two jobs. */
#define REST_MAX_US		USECS_PER_MINUTE

/* After an error. */
#define RETRY_US		USECS_PER_MINUTE

typedef enum Phase
{
	IDLE,
	SETTLING,
	SCANNING,
	LINKING,
	REFUNDS,
	RESOLVING
} Phase;

static struct
{
	Phase		phase;
	MemoryContext context;		/* of all below; NULL when idle */
	EcapiCancelSet set;
	bool		linked;			/* the second time round */
	uint64		ticket;			/* by which the workers say that they have settled */
	TimestampTz started_at;		/* of the scan */
	EcapiOutboxScan scan;
	int			done;			/* entries linked, then resolved */
	EcapiSnapshot *seen;		/* it has taken up all that this sees; NULL: not all */
}			job;

static EcapiSnapshot *taken = NULL;	/* nothing that this sees is open; NULL: not known */

static uint64 looks_seen = 0;	/* when open ones were last asked for */
static TimestampTz rest_until = 0;
static TimestampTz retry_at = 0;

/* The next job looks at all there is, or at what seen does not see; takes a copy. */
static void
begin_behind(const EcapiSnapshot *seen)
{
	MemoryContext old = MemoryContextSwitchTo(ecapi_me.context);
	EcapiSnapshot *copy = seen == NULL ? NULL : ecapi_snapshot_copy(seen);

	MemoryContextSwitchTo(old);
	if (taken != NULL)
		pfree(taken);
	taken = copy;
}

static void
drop_job(void)
{
	if (job.context != NULL)
		MemoryContextDelete(job.context);
	ecapi_outbox_scan_close(&job.scan);
	MemSet(&job, 0, sizeof(job));
}

/* ---- idle: collect ---- */

/* Take up open cancellations, if there are any. */
static void
collect(void)
{
	EcapiCancellation *rows;
	MemoryContext old;
	int			n;

	job.context = AllocSetContextCreate(ecapi_me.context, "ecapi cancellations",
										ALLOCSET_DEFAULT_SIZES);
	ecapi_worker_begin(true);
	n = ecapi_cancellation_load(taken, JOB_MAX, job.context, &rows);
	old = MemoryContextSwitchTo(job.context);
	if (n < JOB_MAX)
		job.seen = ecapi_snapshot_from(GetActiveSnapshot());
	MemoryContextSwitchTo(old);
	if (n > 0)
		ecapi_cancel_set_fill(&job.set, job.context, rows, n);
	ecapi_worker_end();
	if (n == 0)
	{
		begin_behind(job.seen);
		drop_job();
		return;
	}
	job.ticket = ecapi_settle_ask();
	job.phase = SETTLING;
}

/* ---- settling ---- */

static void
settle(TimestampTz now)
{
	if (!ecapi_settle_heard(job.ticket))
		return;
	ecapi_outbox_scan_open(&job.scan, job.set.since);
	if (!job.linked)
		job.started_at = now;
	job.phase = job.linked ? REFUNDS : SCANNING;
}

/* ---- scanning ---- */

static void
match(void *arg, const EcapiRows *rows)
{
	ecapi_cancel_set_match(arg, rows, job.linked);
}

/* Read a page of the outbox; true at the end. */
static bool
scan(void)
{
	return ecapi_outbox_scan_page(&job.scan, match, &job.set);
}

/* Read a page; then go on, when that was all. */
static void
scan_events(void)
{
	bool		wanted = false;

	if (!scan() && !ecapi_outbox_scan_passed(&job.scan, job.set.before_xid))
		return;
	for (int i = 0; i < job.set.n; i++)
		wanted |= job.set.entries[i].back.sold != NIL ||
			job.set.entries[i].back.order.transaction_id != NULL;
	job.phase = wanted ? LINKING : RESOLVING;
}

/* ---- linking ---- */

static void
link_some(void)
{
	int			until = Min(job.set.n, job.done + RESOLVE_MAX);

	ecapi_worker_begin(false);
	for (; job.done < until; job.done++)
		ecapi_cancel_set_link(&job.set, job.done);
	ecapi_worker_end();
	if (job.done < job.set.n)
		return;
	job.done = 0;
	job.linked = true;
	job.ticket = ecapi_settle_ask();
	job.phase = SETTLING;
}

/* ---- resolving ---- */

static void
resolve(EcapiCancelEntry *entry)
{
	EcapiTakeBack *back = &entry->back;
	int64		id = entry->row->cancel_id;
	List	   *delivered = NIL;
	ListCell   *cell;
	int			refunds;
	bool		gone;
	EcapiCancelled how = ECAPI_CANCELLED_NOTHING;

	if (!ecapi_cancellation_lock(id))
	{
		job.seen = NULL;
		return;
	}
	foreach(cell, back->sold)
		delivered = lappend_oid(delivered, ((EcapiSold *) lfirst(cell))->server);
	back->row = entry->row;
	refunds = ecapi_take_back(back, &gone);
	if (refunds > 0)
		how = ECAPI_CANCELLED_REFUNDED;
	else if (entry->repeated || (!entry->found && entry->row->resolved.before_xid != 0))
		how = ECAPI_CANCELLED_REPEATED;
	else if (!entry->found || gone)
		how = ECAPI_CANCELLED_NOT_FOUND;
	ecapi_cancellation_resolve(id, how, list_length(delivered), refunds,
							   list_length(list_difference_oid(back->unanswered, delivered)));
	ecapi_cancellation_supersede(id, GetCurrentTimestamp() -
								 (int64) ecapi_retention_s * USECS_PER_SEC);
}

/*
 * A refund is made of what the outbox says of the person.  While a person is being
 * forgotten it could keep what is erased at the same time, so it waits.
 */
static long
resolve_some(TimestampTz now)
{
	int			until = Min(job.set.n, job.done + RESOLVE_MAX);
	bool		may_read;

	ecapi_worker_begin(false);
	may_read = ecapi_forgotten_share_now();
	for (; may_read && job.done < until; job.done++)
		resolve(&job.set.entries[job.done]);
	ecapi_worker_end();
	if (!may_read)
		return FORGETTING_MS;
	if (job.done < job.set.n)
		return 0;
	rest_until = now + Min(Max(now - job.started_at, 0), REST_MAX_US);
	/* there may be more of them */
	looks_seen = 0;
	begin_behind(job.seen);
	drop_job();
	return 0;
}

/* ---- the whole ---- */

static long
step(TimestampTz now)
{
	switch (job.phase)
	{
		case IDLE:
			if (looks_seen == ecapi_stops_looks())
				return -1;
			if (ecapi_is_before(now, rest_until, REST_MAX_US))
				return TimestampDifferenceMilliseconds(now, rest_until);
			looks_seen = ecapi_stops_looks();
			collect();
			return job.phase == IDLE ? -1 : 0;
		case SETTLING:
			settle(now);
			return job.phase == SETTLING ? -1 : 0;
		case SCANNING:
			scan_events();
			return 0;
		case LINKING:
			link_some();
			return 0;
		case REFUNDS:
			if (scan())
				job.phase = RESOLVING;
			return 0;
		case RESOLVING:
			return resolve_some(now);
	}
	return -1;
}

long
ecapi_cancel_step(TimestampTz now)
{
	volatile long wait_ms = -1;

	/* what cannot be recorded cannot be settled */
	if (!ecapi_delivery || ecapi_me.record_failed_at != 0 || ecapi_me.live == NULL)
		return -1;
	if (ecapi_is_before(now, retry_at, RETRY_US))
		return TimestampDifferenceMilliseconds(now, retry_at);
	PG_TRY();
	{
		wait_ms = step(now);
	}
	PG_CATCH();
	{
		begin_behind(NULL);
		drop_job();
		looks_seen = 0;
		retry_at = now + RETRY_US;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return wait_ms;
}

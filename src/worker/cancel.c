/*
 * cancel.c
 *	  What has left before it was cancelled is taken back by a refund.
 *
 * outbox/cancellation.c has the states of a cancellation.  Here open ones
 * ("stopping") are resolved, all that there are in one job, up to a number:
 *
 *	 idle --(there are open ones)--> settling
 *	 settling --(every request that was on its way when all pages in memory had been
 *			marked (stops.c) is answered, and the answer recorded)--> scanning
 *	 scanning --(the outbox is read up to the newest of them)--> resolving
 *	 resolving --(each has its state)--> idle
 *
 * Why settle: from the marks on no request can carry a cancelled event, so when the
 * earlier ones are in, the request log says for good where the event was delivered.
 *
 *	delivered		by any feed, a replay's and a failed event's, too: refund
 *	shadow			never left: none
 *	no answer		a timeout, a lost connection: nobody knows.  The event is not sent
 *					again, and no refund of what may never have been counted; the row
 *					counts such destinations (unanswered).  The same holds, uncounted,
 *					for what a crash of the server took out of the log
 *	dropped			its log rows name a server that is no more: none
 *	paused, stopped, down		the refund waits in the outbox as any event
 *
 * Scanning reads events by (xid, seq), from where the smallest "since" lies in the
 * log of ticks, without it from the oldest, in pages of their own transactions: one
 * a turn, so that others have their turn between, and no snapshot is held longer.
 * Ids are compared in memory; the request log is asked, by its index, only about
 * events that match.  Slots that are emptied meanwhile hold nothing that could be
 * found, and an event in a transaction that has yet to commit was never sent.
 *
 * Resolving appends the refund and writes the state in one transaction, under a lock
 * of the row: exactly one of each, whatever crashes.  A job lives in memory alone; one
 * that an error or a crash ends leaves rows as they were, for the next.
 *
 * Of several cancellations of one id in a job the widest is resolved, the others are
 * repeated; and of one that comes later only what no resolved one was about.
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

#include "event/digest.h"
#include "event/refund.h"
#include "event/validate.h"
#include "outbox/append.h"
#include "outbox/cancellation.h"
#include "outbox/limit.h"
#include "outbox/record.h"
#include "outbox/ring.h"
#include "settings.h"
#include "tree.h"
#include "worker/internal.h"

/* Cancellations of one job; with ids of the usual length two megabytes. */
#define JOB_MAX			10000

/* Cancellations resolved in one transaction. */
#define RESOLVE_MAX		100

#define REST_MAX_US		USECS_PER_MINUTE
#define RETRY_US		USECS_PER_MINUTE

/* What ids of refunds end in. */
#define REFUND_SUFFIX	":refund"

typedef enum Phase
{
	IDLE,
	SETTLING,
	SCANNING,
	RESOLVING
} Phase;

/* A cancellation in the job, and what was found of its event. */
typedef struct Entry
{
	EcapiCancellation *row;
	int			next;			/* in its bucket; -1: none */
	bool		repeated;		/* a wider one of the job has its id */
	bool		found;			/* an event of its id, of whatever kind */
	uint64		xid;			/* the last event that was delivered; */
	int64		seq;			/* 0: none */
	List	   *delivered;		/* oids of servers */
	List	   *unanswered;
} Entry;

static struct
{
	Phase		phase;
	MemoryContext context;		/* of all below; NULL when idle */
	int			nentries;
	Entry	   *entries;
	uint32		nbuckets;		/* a power of two */
	int		   *buckets;		/* entry by the hash of its id; -1: none */
	uint64		before_xid;		/* the newest: none is about what is behind */
	TimestampTz since;			/* the smallest; DT_NOBEGIN: all there is */
	uint64		looks;			/* see stops.c, when it was collected */
	TimestampTz known_at;		/* no later request carries a cancelled event; 0: not yet */
	TimestampTz started_at;		/* of the scan */
	EcapiTick  *from;			/* references */
	EcapiTick  *to;
	EcapiPosition position;
	int			resolved;		/* entries done with */
}			job;

static uint64 looks_seen = 0;	/* when open ones were last asked for */
static TimestampTz rest_until = 0;
static TimestampTz retry_at = 0;

static void
drop_job(void)
{
	if (job.context != NULL)
		MemoryContextDelete(job.context);
	ecapi_tick_drop(job.from);
	ecapi_tick_drop(job.to);
	MemSet(&job, 0, sizeof(job));
}

/* Is the moment not far off?  One that lies beyond reach is of a clock set back. */
static bool
is_before(TimestampTz now, TimestampTz moment, int64 reach_us)
{
	return now < moment && moment - now <= reach_us;
}

static long
ms_until(TimestampTz moment, TimestampTz now)
{
	return (long) ((moment - now) / 1000) + 1;
}

/* ---- the entries, by id ---- */

static uint32
bucket_of(const char *id, int len)
{
	return DatumGetUInt32(hash_any((const unsigned char *) id, len)) & (job.nbuckets - 1);
}

static Entry *
find_entry(const char *id, int len)
{
	for (int i = job.buckets[bucket_of(id, len)]; i >= 0; i = job.entries[i].next)
	{
		const char *other = job.entries[i].row->id;

		if (strncmp(other, id, len) == 0 && other[len] == '\0')
			return &job.entries[i];
	}
	return NULL;
}

static bool
is_wider(const EcapiCover *a, const EcapiCover *b)
{
	if (a->before_xid != b->before_xid)
		return a->before_xid > b->before_xid;
	return a->seq > b->seq;
}

/* An id has one entry in the buckets: its widest. */
static void
insert_entry(int i)
{
	Entry	   *entry = &job.entries[i];
	int			len = strlen(entry->row->id);
	Entry	   *other = find_entry(entry->row->id, len);
	int		   *bucket = &job.buckets[bucket_of(entry->row->id, len)];

	job.before_xid = Max(job.before_xid, entry->row->cover.before_xid);
	job.since = i == 0 ? entry->row->since : Min(job.since, entry->row->since);
	if (other != NULL && is_wider(&entry->row->cover, &other->row->cover))
	{
		EcapiCancellation *row = other->row;

		other->row = entry->row;
		entry->row = row;
	}
	if (other != NULL)
	{
		entry->repeated = true;
		return;
	}
	entry->next = *bucket;
	*bucket = i;
}

/* ---- idle: collect ---- */

static void
index_entries(EcapiCancellation *rows, int n)
{
	job.nbuckets = 16;
	while (job.nbuckets < (uint32) n)
		job.nbuckets *= 2;
	job.buckets = MemoryContextAlloc(job.context, sizeof(int) * job.nbuckets);
	for (uint32 i = 0; i < job.nbuckets; i++)
		job.buckets[i] = -1;
	job.entries = MemoryContextAllocZero(job.context, sizeof(Entry) * n);
	job.nentries = n;
	for (int i = 0; i < n; i++)
		job.entries[i].row = &rows[i];
	for (int i = 0; i < n; i++)
		insert_entry(i);
}

/* Take up open cancellations, if there are any. */
static void
collect(void)
{
	EcapiCancellation *rows;
	int			n;

	job.context = AllocSetContextCreate(ecapi_me.context, "ecapi cancellations",
										ALLOCSET_DEFAULT_SIZES);
	ecapi_worker_begin(true);
	n = ecapi_cancellation_load(JOB_MAX, job.context, &rows);
	if (n > 0)
		index_entries(rows, n);
	ecapi_worker_end();
	if (n == 0)
	{
		drop_job();
		return;
	}
	/* some of them may be newer than the last look */
	ecapi_stops_look_again();
	job.looks = ecapi_stops_looks();
	job.phase = SETTLING;
}

/* ---- settling ---- */

/* The last moment at which anything was sent that is not recorded, now at least. */
static TimestampTz
last_sent(TimestampTz now)
{
	TimestampTz last = now;
	dlist_iter	iter;
	dlist_iter	inner;
	ListCell   *cell;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		dlist_foreach(inner, &destination->flying)
			last = Max(last, dlist_container(EcapiBatch, node, inner.cur)->sent_at);
		foreach(cell, destination->request_rows)
			last = Max(last, ((EcapiRequestRow *) lfirst(cell))->sent_at);
	}
	return last;
}

/* Is every request that was sent up to known_at answered and recorded? */
static bool
requests_are_over(void)
{
	dlist_iter	iter;
	dlist_iter	inner;
	ListCell   *cell;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		dlist_foreach(inner, &destination->flying)
			if (dlist_container(EcapiBatch, node, inner.cur)->sent_at <= job.known_at)
				return false;
		foreach(cell, destination->request_rows)
			if (((EcapiRequestRow *) lfirst(cell))->sent_at <= job.known_at)
				return false;
	}
	return true;
}

/*
 * Open the window to scan: up to now, for an event that no tick has seen yet is found,
 * too, if only to say so; from where nothing emitted at since lies before.
 */
static void
open_window(void)
{
	EcapiSnapshot *from;
	EcapiSnapshot *to;

	ecapi_worker_begin(true);
	to = ecapi_snapshot_from(GetActiveSnapshot());
	from = ecapi_replay_start(job.since);
	job.to = ecapi_tick_intern(to);
	job.from = ecapi_tick_intern(ecapi_snapshot_within(from, to) ? from : to);
	ecapi_worker_end();
}

/* What ends the wait, an answer or a write of the journal, has its own turn. */
static void
settle(TimestampTz now)
{
	/* of a clock that was set back: by it, what is sent later might count as earlier */
	if (job.known_at != 0 && now < job.known_at)
	{
		job.known_at = 0;
		ecapi_stops_look_again();
		job.looks = ecapi_stops_looks();
	}
	if (job.known_at == 0 && ecapi_stops_looks() != job.looks)
		job.known_at = last_sent(now);
	if (job.known_at == 0 || !requests_are_over())
		return;
	open_window();
	job.started_at = now;
	job.phase = SCANNING;
}

/* ---- scanning ---- */

/* Events of a page that match, and their entries. */
typedef struct Matches
{
	int			n;
	Entry	  **entries;
	uint64	   *xids;
	int64	   *seqs;
} Matches;

/* Could the event have been paid?  What cannot be read was never delivered. */
static bool
is_refundable(const EcapiRow *row)
{
	EcapiArena	arena;
	const EcapiValue *event;
	char		error[128];

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	event = ecapi_tree_parse(&arena, row->event, row->len, error, sizeof(error));
	return event != NULL && ecapi_refund_possible(event);
}

static void
match(const EcapiRow *row, Matches *matches)
{
	const char *id;
	int			id_len;
	Entry	   *entry;

	if (!ecapi_stops_id(row->event, row->len, &id, &id_len))
		return;
	entry = find_entry(id, id_len);
	if (entry == NULL || !ecapi_cover_holds(&entry->row->cover, row->xid, row->seq) ||
		ecapi_cover_holds(&entry->row->resolved, row->xid, row->seq))
		return;
	entry->found = true;
	if (!is_refundable(row))
		return;
	matches->entries[matches->n] = entry;
	matches->xids[matches->n] = row->xid;
	matches->seqs[matches->n++] = row->seq;
}

/* Note where the events of a page that match were sent. */
static void
note_sent(const Matches *matches)
{
	MemoryContext old;
	int			nsent;
	EcapiSent  *sent = ecapi_cancellation_sent(matches->seqs, matches->n,
											   CurrentMemoryContext, &nsent);

	old = MemoryContextSwitchTo(job.context);
	for (int i = 0; i < nsent; i++)
	{
		Entry	   *entry = matches->entries[sent[i].which];

		if (!sent[i].delivered)
		{
			entry->unanswered = list_append_unique_oid(entry->unanswered, sent[i].server);
			continue;
		}
		entry->delivered = list_append_unique_oid(entry->delivered, sent[i].server);
		entry->xid = matches->xids[sent[i].which];
		entry->seq = matches->seqs[sent[i].which];
	}
	MemoryContextSwitchTo(old);
}

/* Read a page of the outbox. */
static void
scan(void)
{
	EcapiRows	rows = {0};
	Matches		matches = {0};
	bool		last;

	ecapi_worker_begin(true);
	ecapi_ring_check();
	rows.context = CurrentMemoryContext;
	rows.max_rows = ECAPI_PAGE_ROWS;
	rows.max_bytes = ECAPI_PAGE_BYTES;
	rows.rows = palloc(sizeof(EcapiRow) * rows.max_rows);
	last = ecapi_window_read(job.from->snapshot, job.to->snapshot, &job.position, &rows);
	matches.entries = palloc(sizeof(Entry *) * Max(rows.nrows, 1));
	matches.xids = palloc(sizeof(uint64) * Max(rows.nrows, 1));
	matches.seqs = palloc(sizeof(int64) * Max(rows.nrows, 1));
	for (int i = 0; i < rows.nrows; i++)
		if (rows.rows[i].event != NULL)
			match(&rows.rows[i], &matches);
	if (matches.n > 0)
		note_sent(&matches);
	ecapi_worker_end();
	if (last || (job.position.arm == 1 && job.position.xid >= job.before_xid))
		job.phase = RESOLVING;
}

/* ---- resolving ---- */

static bool
takes_refunds(const EcapiDestination *destination)
{
	/* with options that cannot be used, it decides when they can */
	return destination->options == NULL ||
		(destination->options->event_types & (UINT64CONST(1) << ECAPI_EVENT_refund)) != 0;
}

/* Address a refund to the destinations that shall have it; returns how many. */
static int
address(EcapiArena *arena, EcapiValue *refund, const Entry *entry)
{
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);
		const char *name = NameStr(destination->name);

		if (!list_member_oid(entry->delivered, destination->server) ||
			!takes_refunds(destination))
			continue;
		(void) ecapi_refund_address(arena, refund, destination->server,
									pg_server_to_any(name, strlen(name), PG_UTF8));
		n++;
	}
	return n;
}

/* The id of the refund: always the same; in place of one too long, its digest. */
static char *
refund_id(const char *id)
{
	char		hex[ECAPI_HEX_SIZE];

	if (strlen(id) + strlen(REFUND_SUFFIX) <= ECAPI_MAX_ID ||
		!ecapi_sha256(id, strlen(id), hex))
		return psprintf("%s%s", id, REFUND_SUFFIX);
	return psprintf("%s%s", hex, REFUND_SUFFIX);
}

/* Append a refund, in the server's encoding; raises an error when it is dropped. */
static void
append(const EcapiValue *refund)
{
	EcapiBuffer json;
	EcapiAppend row;
	uint64		dropped = ecapi_limit_dropped();

	ecapi_tree_buffer(&json, MaxAllocSize, CurrentMemoryContext);
	ecapi_json_value(&json, refund);
	if (json.full)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	row.event = cstring_to_text(pg_any_to_server(json.data, json.len, PG_UTF8));
	ecapi_outbox_append(&row, 1);
	ecapi_limit_refuse_loss(dropped);
}

/* Emit the refund of an entry; returns to how many destinations it goes. */
static int
refund(const Entry *entry, bool *gone)
{
	EcapiArena	arena;
	const EcapiValue *event = NULL;
	EcapiValue *tree;
	const char *id = refund_id(entry->row->id);
	int			len;
	char	   *text = ecapi_cancellation_event(entry->xid, entry->seq, &len);
	char		error[128];
	int			n;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	if (text != NULL)
		event = ecapi_tree_parse(&arena, text, len, error, sizeof(error));
	*gone = event == NULL;
	if (*gone)
		return 0;
	tree = ecapi_refund_make(&arena, event, id, strlen(id),
							 timestamptz_to_time_t(entry->row->cancelled_at));
	n = tree == NULL ? 0 : address(&arena, tree, entry);
	if (arena.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (n > 0)
		append(tree);
	return n;
}

static void
resolve(const Entry *entry)
{
	int64		id = entry->row->cancel_id;
	int			refunds = 0;
	bool		gone = false;
	EcapiCancelled how = ECAPI_CANCELLED_NOTHING;

	if (!ecapi_cancellation_lock(id))
		return;
	if (entry->delivered != NIL)
		refunds = refund(entry, &gone);
	if (refunds > 0)
		how = ECAPI_CANCELLED_REFUNDED;
	else if (entry->repeated || (!entry->found && entry->row->resolved.before_xid != 0))
		how = ECAPI_CANCELLED_REPEATED;
	else if (!entry->found || gone)
		how = ECAPI_CANCELLED_NOT_FOUND;
	ecapi_cancellation_resolve(id, how, list_length(entry->delivered), refunds,
							   list_length(list_difference_oid(entry->unanswered,
															   entry->delivered)));
	ecapi_cancellation_supersede(id, GetCurrentTimestamp() -
								 (int64) ecapi_retention_s * USECS_PER_SEC);
}

static void
resolve_some(TimestampTz now)
{
	int			until = Min(job.nentries, job.resolved + RESOLVE_MAX);

	ecapi_worker_begin(false);
	for (; job.resolved < until; job.resolved++)
		resolve(&job.entries[job.resolved]);
	ecapi_worker_end();
	if (job.resolved < job.nentries)
		return;
	rest_until = now + Min(Max(now - job.started_at, 0), REST_MAX_US);
	/* there may be more of them */
	looks_seen = 0;
	drop_job();
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
			if (is_before(now, rest_until, REST_MAX_US))
				return ms_until(rest_until, now);
			looks_seen = ecapi_stops_looks();
			collect();
			return job.phase == IDLE ? -1 : 0;
		case SETTLING:
			settle(now);
			return job.phase == SETTLING ? -1 : 0;
		case SCANNING:
			scan();
			return 0;
		case RESOLVING:
			resolve_some(now);
			return 0;
	}
	return -1;
}

/*
 * A step of what is to be done about cancellations: at most a page of the outbox
 * read, or a few rows written, in a transaction of its own; at the end of a turn.
 * Returns the milliseconds until the next, -1 for when something happens.  Raises
 * what SQL raises; then it starts anew after a while.
 */
long
ecapi_cancel_step(TimestampTz now)
{
	volatile long wait_ms = -1;

	/* what cannot be recorded cannot be settled */
	if (!ecapi_delivery || ecapi_me.record_failed_at != 0 || ecapi_me.live == NULL)
		return -1;
	if (is_before(now, retry_at, RETRY_US))
		return ms_until(retry_at, now);
	PG_TRY();
	{
		wait_ms = step(now);
	}
	PG_CATCH();
	{
		drop_job();
		looks_seen = 0;
		retry_at = now + RETRY_US;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return wait_ms;
}

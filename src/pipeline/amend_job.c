/*
 * amend_job.c
 *	  Making the events that say what others are worth now.
 *
 * records/amendment.c has the states of an amendment.  Here open ones are resolved, all
 * that there are in one job, up to a number:
 *
 *	 idle --(there are open ones)--> scanning
 *	 scanning --(the outbox is read up to the newest of them)--> resolving
 *	 resolving --(each has its state)--> idle
 *
 * So a statement that amends ten thousand events costs one way through the outbox
 * (outbox_scan.c), which looks at the id of each event and at nothing else.  Of several
 * events of an id the last one before the call counts, as receivers know the last one.
 *
 * Resolving appends the event and writes the state in one transaction, under a lock of
 * the row: one event of each, through any crash.  A job is in memory alone; one that an
 * error or a crash ends leaves rows as they were, for the next.
 *
 * The event stands behind its original in the outbox, so every destination meets it
 * behind that, and decides about it when it comes to it (amend_wait.c): nothing waits here
 * for one that lags or is paused.
 *
 * Originals that were cancelled, or whose person was forgotten or has withdrawn consent,
 * are not amended; while a person is being forgotten, nothing is made of what the outbox
 * says.  What is withdrawn for some destinations stays so for the amendment.
 *
 * Only the lead does this.  Other workers may read an amendment before they hear of what it
 * inherits, so they look in each turn from before the first one is made until behind the
 * last (ecapi_stops_watch).
 *
 * Between jobs the worker rests as long as the last one read, so that a shop which amends
 * all the time costs half a process at most, and its amendments share scans.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/select.h"
#include "event/amend.h"
#include "event/json.h"
#include "event/stored.h"
#include "event/validate.h"
#include "outbox/append.h"
#include "outbox/limit.h"
#include "pipeline/amend_job.h"
#include "pipeline/outbox_scan.h"
#include "pipeline/stopped.h"
#include "pipeline/worker_state.h"
#include "records/amendment.h"
#include "records/forgotten.h"
#include "records/stop_list.h"
#include "records/stops.h"
#include "settings.h"
#include "shmem/workers.h"

/* Amendments of one job; with ids of the usual length two megabytes. */
#define JOB_MAX			10000

/* Amendments resolved in one transaction. */
#define RESOLVE_MAX		100

/* Before the next look whether a person is still being forgotten. */
#define FORGETTING_MS	1000

/* The longest rest between two jobs. */
#define REST_MAX_US		USECS_PER_MINUTE

/* After an error. */
#define RETRY_US		USECS_PER_MINUTE

/* What an original that is not there, and a refused patch, ask of the caller. */
#define NOT_FOUND_HINT \
	"emit an event of your own with ext.original, or amend within the outbox's retention"

typedef enum Phase
{
	IDLE,
	SCANNING,
	RESOLVING
} Phase;

/* An open amendment, and the last event that it may be about. */
typedef struct Entry
{
	EcapiAmendment *row;
	bool		found;
	uint64		xid;
	int64		seq;
	bool		cancelled;		/* the event is */
	bool		withdrawn;		/* from all destinations, or erased */
	bool		stopped;		/* from some destinations at least */
} Entry;

static struct
{
	Phase		phase;
	MemoryContext context;		/* of all below; NULL when idle */
	Entry	   *entries;		/* by id */
	int			n;
	bool		all;			/* there are no others */
	uint64		before_xid;		/* the newest: none is about what is behind */
	TimestampTz since;			/* the smallest; DT_NOBEGIN: all there is */
	TimestampTz started_at;
	EcapiOutboxScan scan;
	int			done;			/* entries resolved */
}			job;

static uint64 looks_seen = 0;	/* when open ones were last asked for */
static TimestampTz rest_until = 0;
static TimestampTz retry_at = 0;

static void
drop_job(void)
{
	if (job.context != NULL)
		MemoryContextDelete(job.context);
	ecapi_outbox_scan_close(&job.scan);
	MemSet(&job, 0, sizeof(job));
}

/* ---- idle: collect ---- */

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const Entry *) a)->row->id, ((const Entry *) b)->row->id);
}

/* Take up open amendments, if there are any. */
static void
collect(TimestampTz now)
{
	EcapiAmendment *rows;

	job.context = AllocSetContextCreate(ecapi_me.context, "ecapi amendments",
										ALLOCSET_DEFAULT_SIZES);
	ecapi_worker_begin(true);
	job.n = ecapi_amendment_load(JOB_MAX, job.context, &rows);
	ecapi_worker_end();
	if (job.n == 0)
	{
		drop_job();
		return;
	}
	job.all = job.n < JOB_MAX;
	job.entries = MemoryContextAllocZero(job.context, sizeof(Entry) * job.n);
	job.since = rows[0].since;
	for (int i = 0; i < job.n; i++)
	{
		job.entries[i].row = &rows[i];
		job.before_xid = Max(job.before_xid, rows[i].cover.before_xid);
		job.since = Min(job.since, rows[i].since);
	}
	qsort(job.entries, job.n, sizeof(Entry), compare_entries);
	job.started_at = now;
	ecapi_outbox_scan_open(&job.scan, job.since);
	job.phase = SCANNING;
}

/* ---- scanning ---- */

/* The first entry of an id; job.n when there is none. */
static int
find_entry(const char *id, int len)
{
	int			low = 0;
	int			high = job.n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const char *other = job.entries[middle].row->id;
		int			order = strncmp(other, id, len);

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < job.n && strncmp(job.entries[low].row->id, id, len) == 0 &&
		job.entries[low].row->id[len] == '\0' ? low : job.n;
}

static void
match_row(const EcapiRow *row)
{
	const char *id;
	int			len;

	if (!ecapi_stops_id(row->event, row->len, &id, &len))
		return;
	for (int i = find_entry(id, len); i < job.n; i++)
	{
		Entry	   *entry = &job.entries[i];

		if (strncmp(entry->row->id, id, len) != 0 || entry->row->id[len] != '\0')
			return;
		if (!ecapi_cover_holds(&entry->row->cover, row->xid, row->seq))
			continue;
		entry->found = true;
		entry->xid = row->xid;
		entry->seq = row->seq;
	}
}

static void
match(void *arg, const EcapiRows *rows)
{
	for (int i = 0; i < rows->nrows; i++)
		if (rows->rows[i].event != NULL)
			match_row(&rows->rows[i]);
}

/* ---- resolving ---- */

/* Mark those of n entries whose originals may not be amended, or not everywhere. */
static void
find_stopped(Entry *entries, int n)
{
	EcapiStopQuery *queries = palloc0(sizeof(EcapiStopQuery) * n);
	int64	   *seqs = palloc(sizeof(int64) * n);
	EcapiStop  *stops;
	int			nstops;

	for (int i = 0; i < n; i++)
	{
		queries[i] = (EcapiStopQuery) {
			.id = entries[i].row->id, .id_len = strlen(entries[i].row->id),
			.xid = entries[i].xid, .seq = entries[i].seq
		};
		seqs[i] = entries[i].seq;
	}
	ecapi_stops_cancelled(queries, n);
	for (int i = 0; i < n; i++)
		entries[i].cancelled = entries[i].found && queries[i].stopped;
	stops = ecapi_stop_list_of(seqs, n, &nstops);
	for (int i = 0; i < nstops; i++)
	{
		entries[stops[i].which].stopped = true;
		entries[stops[i].which].withdrawn |= stops[i].server == InvalidOid;
	}
}

/* Append the event; false when it was dropped. */
static bool
append(const Entry *entry, const EcapiBuffer *json)
{
	EcapiEmitter emitter = {entry->row->emitter, InvalidOid};
	uint64		dropped = ecapi_limit_dropped();
	EcapiAppend row;

	row.event = cstring_to_text(pg_any_to_server(json->data, json->len, PG_UTF8));
	ecapi_outbox_append(&emitter, &row, 1);
	if (ecapi_limit_dropped() != dropped)
		return false;
	if (entry->stopped)
		ecapi_stop_list_inherit(entry->seq,
								U64FromFullTransactionId(GetTopFullTransactionId()),
								ecapi_outbox_last_seq());
	return true;
}

/* Why the amendment is no valid event: the first violation, by its path. */
static const char *
first_error(const EcapiViolations *violations)
{
	for (int i = 0; i < violations->n; i++)
		if (violations->list[i].error)
			return psprintf("%s%s%s", violations->list[i].path,
							violations->list[i].path[0] == '\0' ? "" : ": ",
							violations->list[i].message);
	return "it is no valid event";
}

/* Make the amendment of an event by a patch, and append it. */
static EcapiAmendmentEnd
emit(const Entry *entry, EcapiArena *arena, const EcapiValue *event, const EcapiValue *patch,
	 const char **reason)
{
	const EcapiAmendment *row = entry->row;
	int64		at = timestamptz_to_time_t(row->amended_at);
	EcapiViolations violations;
	EcapiValue *amendment = ecapi_amend_make(arena, event, patch, row->event_id,
											 strlen(row->event_id), at, entry->xid,
											 entry->seq, reason);
	EcapiBuffer json;

	if (amendment == NULL && *reason != NULL)
		return ECAPI_AMENDMENT_REFUSED;
	if (amendment != NULL)
		amendment = ecapi_validate(arena, amendment, at, false, &violations);
	if (arena->failed)
		ecapi_tree_out_of_memory();
	if (amendment == NULL)
	{
		*reason = first_error(&violations);
		return ECAPI_AMENDMENT_REFUSED;
	}
	ecapi_tree_buffer(&json, (size_t) ecapi_max_event_size * 1024, CurrentMemoryContext);
	ecapi_json_value(&json, amendment);
	if (json.failed)
		ecapi_tree_out_of_memory();
	if (json.full)
	{
		*reason = "the event would be larger than ecapi.max_event_size";
		return ECAPI_AMENDMENT_REFUSED;
	}
	return append(entry, &json) ? ECAPI_AMENDMENT_EMITTED : ECAPI_AMENDMENT_DROPPED;
}

static const EcapiValue *
parse(EcapiArena *arena, const char *text, int len)
{
	char		error[128];
	const EcapiValue *value = text == NULL ? NULL
		: ecapi_tree_parse(arena, text, len, error, sizeof(error));

	return value != NULL && value->type == ECAPI_OBJECT ? value : NULL;
}

/* How an amendment with that patch ends. */
static EcapiAmendmentEnd
end_of(const Entry *entry, const char *patch_text, int patch_len, const char **reason)
{
	EcapiArena	arena;
	const EcapiValue *event;
	const EcapiValue *patch;
	char	   *text;
	int			len;

	*reason = NOT_FOUND_HINT;
	if (!entry->found || (text = ecapi_cancellation_event(entry->xid, entry->seq, &len)) == NULL)
		return ECAPI_AMENDMENT_NOT_FOUND;
	*reason = NULL;
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	event = parse(&arena, text, len);
	patch = parse(&arena, patch_text, patch_len);
	if (event != NULL && ecapi_stored_is_erased(event))
		return ECAPI_AMENDMENT_ERASED;
	if (entry->cancelled)
		return ECAPI_AMENDMENT_CANCELLED;
	if (entry->withdrawn)
		return ECAPI_AMENDMENT_WITHDRAWN;
	*reason = event == NULL || patch == NULL ? "it cannot be read"
		: ecapi_amend_impossible(event);
	if (*reason != NULL)
		return ECAPI_AMENDMENT_REFUSED;
	return emit(entry, &arena, event, patch, reason);
}

/* In the memory of one amendment. */
static void
resolve(const Entry *entry)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi amendment",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		id = entry->row->amend_id;
	const char *reason = NULL;
	int			len = 0;
	bool		emitted = false;
	char	   *patch = ecapi_amendment_lock(id, &len, &emitted);

	if (patch != NULL)
	{
		EcapiAmendmentEnd how = emitted ? ECAPI_AMENDMENT_EMITTED
			: end_of(entry, patch, len, &reason);

		ecapi_amendment_resolve(id, how, reason == NULL ? NULL
								: pg_any_to_server(reason, strlen(reason), PG_UTF8));
	}
	else
		job.all = false;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Other amendments may have come, or some of these be left. */
static void
finish(TimestampTz now)
{
	if (!job.all)
		looks_seen = 0;
	rest_until = now + Min(Max(now - job.started_at, 0), REST_MAX_US);
	drop_job();
	ecapi_stops_watch(false);
}

static long
resolve_some(TimestampTz now)
{
	int			until = Min(job.n, job.done + RESOLVE_MAX);
	bool		may_read;

	ecapi_worker_begin(false);
	may_read = ecapi_forgotten_share_now();
	if (may_read)
		find_stopped(job.entries + job.done, until - job.done);
	for (; may_read && job.done < until; job.done++)
		resolve(&job.entries[job.done]);
	if (may_read && job.done == job.n)
		ecapi_amendment_clean(now - (int64) ecapi_retention_s * USECS_PER_SEC);
	ecapi_worker_end();
	if (!may_read)
		return FORGETTING_MS;
	/* events that came of them may be withdrawn from some destinations */
	ecapi_stops_look_again();
	if (job.done == job.n)
		finish(now);
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
			collect(now);
			return job.phase == IDLE ? -1 : 0;
		case SCANNING:
			if (ecapi_outbox_scan_page(&job.scan, match, NULL) ||
				ecapi_outbox_scan_passed(&job.scan, job.before_xid))
			{
				ecapi_stops_watch(true);
				job.phase = RESOLVING;
			}
			return 0;
		case RESOLVING:
			return resolve_some(now);
	}
	return -1;
}

long
ecapi_amend_step(TimestampTz now)
{
	volatile long wait_ms = -1;

	if (!ecapi_delivery || ecapi_me.live == NULL)
		return -1;
	if (ecapi_is_before(now, retry_at, RETRY_US))
		return TimestampDifferenceMilliseconds(now, retry_at);
	PG_TRY();
	{
		wait_ms = step(now);
	}
	PG_CATCH();
	{
		drop_job();
		looks_seen = 0;
		retry_at = now + RETRY_US;
		ecapi_stops_watch(false);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return wait_ms;
}

/*
 * erasure.c
 *	  Taking a person's events out of the outbox and of failed events.
 *
 * An event of the outbox is replaced by what is left of it without the person:
 *	 {"id": ..., "timestamp": ..., "event_type": ..., "value": ...,
 *	  "currency_code": ..., "erased": true}
 * "erased" is no field of the standard, so no emitted event has it.
 *
 * Invariants
 *	(1) xid, seq and slot of a row never change, and no row goes: each cursor
 *		meets it at its place, and disposes of it as erased.
 *	(2) A snapshot sees either the event or what is left of it, never both.
 *	(3) What is left is written by the server's json functions from the stored
 *		text: a value keeps its spelling, so ledgers keep their sums.
 *	(4) A failed event that goes is counted in the ledger as erased, in the same
 *		transaction.  What the outbox holds is counted by the worker, when a
 *		cursor passes it.
 *	(5) A failed event of somebody else stays, and is tried again; a receiver's
 *		answer to it that names the person is replaced by "***".
 *
 * Three places may hold a copy that this transaction does not see, and each has
 * its keeper: events of transactions that still run (the caller is warned), pages in
 * the worker's memory (ecapi.erased names the events), and failed events that the
 * worker copied under an older snapshot (ecapi_erasure_sweep(), for the worker
 * alone inserts them).
 *
 * Rows are read through cursors, a few at a time, and changed in chunks, so memory
 * is bounded whatever the tables hold.  The request log is asked once for each
 * chunk, by its index on the events of a row.
 *
 * Rows of the ledger that a caller writes differ from the worker's, the
 * sweep's among them, by their reason: else it would wait for the caller's
 * transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/sql_scope.h"
#include "base/statement.h"
#include "outbox/ring.h"
#include "outbox/window.h"
#include "records/erasure.h"
#include "settings.h"

/* Rows in memory at once; each holds up to ecapi.max_event_size. */
#define READ_ROWS	50

/* Events that are erased by one statement. */
#define CHUNK_ROWS	10000

/* Columns of ecapi.forget(). */
#define RESULT_COLUMNS	7

/* What a search looks at and erases. */
typedef enum Target
{
	TARGET_EVENTS,				/* of the outbox */
	TARGET_FAILED,				/* rows of failed_event */
	TARGET_ANSWERS				/* in rows of failed_event that stay */
} Target;

/* What is to be erased next. */
typedef struct Chunk
{
	MemoryContext context;
	int			n;
	Datum	   *xids;
	Datum	   *ids;			/* seqs, or failed_ids */
} Chunk;

/*
 * Where copies are: the last request that delivered an event to a destination, or
 * one that was sent and never answered.  Both statements below read it so.
 */
#define SENT_SQL \
" sent AS (" \
"  SELECT DISTINCT ON (d.seq, 2) d.seq, coalesce(c.destination, q.destination) AS destination," \
"   CASE q.outcome WHEN 'delivered' THEN 'delivered' ELSE 'unanswered' END AS outcome," \
"   CASE q.outcome WHEN 'delivered' THEN q.sent_at END AS delivered_at, q.receiver_request_id" \
"  FROM ecapi.request q JOIN done d ON q.seqs @> d.seq" \
"   LEFT JOIN ecapi.cursor c ON c.server = q.server AND q.sent_at >= c.started_at" \
"  WHERE q.seqs && (SELECT range_agg(int8range(m.seq, m.seq, '[]')) FROM done m)" \
"   AND (q.outcome = 'delivered' OR q.outcome = 'retry' AND q.status IS NULL" \
"    AND q.error !~ '^could not (connect|look up|verify)')" \
"  ORDER BY d.seq, 2, q.outcome = 'delivered' DESC, q.sent_at DESC" \
" )" \
" SELECT d.event_id, d.event_type, d.emitted_at, s.destination, coalesce(s.outcome, 'erased')," \
"  s.delivered_at, s.receiver_request_id" \
" FROM done d LEFT JOIN sent s ON s.seq = d.seq" \
" ORDER BY d.emitted_at, d.seq, s.destination"

static const char read_events[] =
"SELECT o.event, 0, o.seq, o.xid FROM ecapi.outbox o";

static const char read_failed[] =
"SELECT f.event, CASE WHEN f.state <> 'set_aside' THEN 0 WHEN f.relation IS NULL THEN 1 ELSE 2 END,"
" f.failed_id, f.xid FROM ecapi.failed_event f";

/* Receivers answer a request of many events, and name any of them. */
static const char read_answers[] =
"SELECT f.answer, 3, f.failed_id, f.xid FROM ecapi.failed_event f WHERE f.answer IS NOT NULL";

static EcapiStatement erase_events = {
	"WITH done AS ("
	"  UPDATE ecapi.outbox o SET event = json_strip_nulls(json_build_object('id', o.event -> 'id',"
	"   'timestamp', o.event -> 'timestamp', 'event_type', o.event -> 'event_type',"
	"   'value', o.event -> 'value', 'currency_code', o.event -> 'currency_code', 'erased', true))"
	"  FROM unnest($1, $2) m (xid, seq) WHERE o.xid = m.xid AND o.seq = m.seq"
	"  RETURNING o.seq, o.xid, o.emitted_at, o.event ->> 'id' AS event_id,"
	"   o.event ->> 'event_type' AS event_type"
	" ), noted AS ("
	"  INSERT INTO ecapi.erased (seq, xid, erased_by, erased_at)"
	"  SELECT d.seq, d.xid, pg_current_xact_id(), clock_timestamp() FROM done d"
	"  ON CONFLICT DO NOTHING"
	" )," SENT_SQL,
	2, {XID8ARRAYOID, INT8ARRAYOID}, NULL
};

/* Rows that go, as the ledger counts them. */
#define GONE_SQL(which, reason) \
"WITH gone AS (" \
"  DELETE FROM ecapi.failed_event f WHERE " which \
"  RETURNING f.failed_id, f.seq, f.destination, f.state, f.source, f.event_id, f.failed_at," \
"   CASE WHEN f.source IS NULL OR f.source = 'ecapi_emit' THEN f.event ->> 'event_type' END AS event_type," \
"   CASE WHEN f.event ->> 'currency_code' ~ '^[A-Z]{3}$' AND json_typeof(f.event -> 'value') = 'number'" \
"     AND length(f.event ->> 'value') <= 400 THEN f.event ->> 'currency_code' END AS currency," \
"   CASE WHEN json_typeof(f.event -> 'value') = 'number' THEN f.event ->> 'value' END AS value" \
" ), counted AS (" \
"  INSERT INTO ecapi.ledger AS l (hour, destination, event_type, currency, outcome, reason, events, value, written)" \
"  SELECT s.*, coalesce((SELECT n.written FROM ecapi.ledger n WHERE n.hour = s.hour" \
"    AND n.destination = s.destination AND n.outcome = s.outcome" \
"    AND coalesce(n.event_type, '') = coalesce(s.event_type, '')" \
"    AND coalesce(n.currency, '') = coalesce(s.currency, '')" \
"    AND coalesce(n.reason, '') = coalesce(s.reason, '') ORDER BY n.generation DESC LIMIT 1), 0)" \
"  FROM (SELECT date_trunc('hour', clock_timestamp(), 'UTC') AS hour, g.destination, g.event_type, g.currency," \
"    'erased' AS outcome, " reason " AS reason, count(*) AS events," \
"    sum(CASE WHEN g.currency IS NOT NULL THEN g.value::numeric END) AS value" \
"   FROM gone g WHERE g.destination IS NOT NULL GROUP BY g.destination, g.event_type, g.currency) s" \
"  ON CONFLICT (hour, destination, outcome, coalesce(event_type, ''), coalesce(currency, '')," \
"   coalesce(reason, ''), generation) DO UPDATE" \
"  SET events = l.events + excluded.events, value = coalesce(l.value + excluded.value, l.value, excluded.value)" \
" )"

/* An event that the outbox still had was reported before. */
static EcapiStatement erase_failed = {
	GONE_SQL("f.failed_id = ANY ($1)", "'failed event'")
	", done AS ("
	"  SELECT DISTINCT ON (coalesce(g.seq, -g.failed_id)) coalesce(g.seq, -g.failed_id) AS seq, g.event_id,"
	"   g.event_type, CASE WHEN g.seq IS NULL THEN g.failed_at END AS emitted_at"
	"  FROM gone g WHERE NOT EXISTS (SELECT FROM ecapi.erased e WHERE e.seq = g.seq)"
	" )," SENT_SQL,
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement erase_answers = {
	"UPDATE ecapi.failed_event SET answer = '***' WHERE failed_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement sweep_failed = {
	GONE_SQL("f.failed_id IN (SELECT b.failed_id FROM ecapi.failed_event b"
			 "   JOIN ecapi.erased e ON e.seq = b.seq WHERE b.destination IS NOT NULL"
			 "   FOR UPDATE OF b SKIP LOCKED)", "NULL::text")
	" SELECT (SELECT count(*) FROM ecapi.failed_event b JOIN ecapi.erased e ON e.seq = b.seq"
	"  WHERE b.destination IS NOT NULL) - (SELECT count(*) FROM gone)",
	0, {0}, NULL
};

static EcapiStatement since = {
	"SELECT FROM ecapi.erased"
	" WHERE erased_by OPERATOR(pg_catalog.>=) coalesce(pg_catalog.pg_snapshot_xmin($1), '0')"
	" AND coalesce(NOT pg_catalog.pg_visible_in_snapshot(erased_by, $1), true) LIMIT 1",
	1, {PG_SNAPSHOTOID}, NULL
};

static EcapiStatement which = {
	"SELECT a.n FROM pg_catalog.unnest($1) WITH ORDINALITY a (seq, n)"
	" CROSS JOIN LATERAL (SELECT 1 FROM ecapi.erased e"
	"  WHERE e.seq OPERATOR(pg_catalog.=) a.seq LIMIT 1) e",
	1, {INT8ARRAYOID}, NULL
};

/* No worker holds a page for so long. */
static EcapiStatement forget_old = {
	"DELETE FROM ecapi.erased WHERE erased_at < $1", 1, {TIMESTAMPTZOID}, NULL
};

/* ---- chunks ---- */

static void
init_chunk(Chunk *chunk)
{
	chunk->context = AllocSetContextCreate(CurrentMemoryContext, "ecapi erasure chunk",
										   ALLOCSET_DEFAULT_SIZES);
	chunk->n = 0;
	chunk->xids = palloc(sizeof(Datum) * CHUNK_ROWS);
	chunk->ids = palloc(sizeof(Datum) * CHUNK_ROWS);
}

static NullableDatum
ids_of(const Chunk *chunk)
{
	return ecapi_arg_array(chunk->ids, chunk->n, INT8OID);
}

/* Report what the last statement erased, in the columns of ecapi.forget(). */
static void
report_erased(EcapiErasure *erasure)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		columns[RESULT_COLUMNS];
		bool		nulls[RESULT_COLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
		tuplestore_putvalues(erasure->result, erasure->result_desc, columns, nulls);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Erase what a chunk holds, and report events. */
static void
erase_chunk(EcapiErasure *erasure, Chunk *chunk, Target target)
{
	MemoryContext old = MemoryContextSwitchTo(chunk->context);

	if (chunk->n > 0)
		switch (target)
		{
			case TARGET_EVENTS:
				ecapi_execute(&erase_events,
							  ecapi_arg_array(chunk->xids, chunk->n, XID8OID),
							  ids_of(chunk));
				report_erased(erasure);
				erasure->events += chunk->n;
				break;
			case TARGET_FAILED:
				ecapi_execute(&erase_failed, ids_of(chunk));
				report_erased(erasure);
				erasure->failed += chunk->n;
				break;
			case TARGET_ANSWERS:
				ecapi_execute(&erase_answers, ids_of(chunk));
				break;
		}
	chunk->n = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(chunk->context);
}

/* ---- the search ---- */

/* Whether a row is about the person. */
static bool
is_about(EcapiErasure *erasure, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	int			len;
	char	   *utf8 = ecapi_window_stored_utf8(SPI_getbinval(row, desc, 1, &isnull), &len);

	if (utf8 == NULL)
	{
		erasure->unreadable++;
		return false;
	}
	return erasure->is_about(erasure->arg, utf8, len,
							 (EcapiStored) DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull)));
}

/* Search all that a query reads, under one snapshot, and erase what is found. */
static void
search(EcapiErasure *erasure, const char *query, Target target)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext row_context = AllocSetContextCreate(caller, "ecapi erasure row",
													  ALLOCSET_DEFAULT_SIZES);
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	Portal		portal;
	Chunk		chunk;

	if (plan == NULL)
		elog(ERROR, "could not prepare a search: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	init_chunk(&chunk);
	for (;;)
	{
		SPITupleTable *rows;
		uint64		n;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, READ_ROWS);
		rows = SPI_tuptable;
		n = SPI_processed;
		for (uint64 i = 0; i < n; i++)
		{
			bool		isnull;
			bool		found;

			MemoryContextSwitchTo(row_context);
			found = is_about(erasure, rows->vals[i], rows->tupdesc);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(row_context);
			if (!found)
				continue;
			chunk.ids[chunk.n] = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull);
			chunk.xids[chunk.n++] = SPI_getbinval(rows->vals[i], rows->tupdesc, 4, &isnull);
			if (chunk.n == CHUNK_ROWS)
				erase_chunk(erasure, &chunk, target);
		}
		SPI_freetuptable(rows);
		if (n == 0)
			break;
	}
	erase_chunk(erasure, &chunk, target);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	MemoryContextDelete(row_context);
}

/*
 * Events are found by their key: the planner does not know how few they are.  The
 * owner's scope puts the settings back.
 */
static void
plan_for_few(void)
{
	static const char *const settings[] = {"enable_hashjoin", "enable_mergejoin", "jit"};

	for (int i = 0; i < lengthof(settings); i++)
		ecapi_sql_set(settings[i], "off");
}

void
ecapi_erasure_run(EcapiErasure *erasure)
{
	plan_for_few();
	ecapi_ring_check();
	ecapi_execute(&forget_old, ecapi_arg_time(GetCurrentTimestamp() -
											  (int64) ecapi_retention_s * USECS_PER_SEC));
	search(erasure, read_events, TARGET_EVENTS);
	search(erasure, read_failed, TARGET_FAILED);
	search(erasure, read_answers, TARGET_ANSWERS);
}

bool
ecapi_erasure_since(const EcapiSnapshot *seen)
{
	return ecapi_query(&since, ecapi_arg_snapshot(seen)) > 0;
}

void
ecapi_erasure_which(const int64 *seqs, int n, bool *erased)
{
	uint64		found = ecapi_query(&which, ecapi_arg_int8s(seqs, n));

	for (uint64 i = 0; i < found; i++)
		erased[ecapi_column_int8(i, 1) - 1] = true;
	SPI_freetuptable(SPI_tuptable);
}

int64
ecapi_erasure_sweep(void)
{
	ecapi_execute(&sweep_failed);
	return ecapi_column_int8(0, 1);
}

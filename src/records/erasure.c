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
 * the worker's memory (ecapi.stop names the events), and failed events that the
 * worker copied under an older snapshot (ecapi_erasure_sweep(), for the worker that
 * has a destination alone inserts them).
 *
 * What is found comes in chunks (person_search.c).  The request log is asked once for
 * each chunk, by its index on the events of a row.
 *
 * Rows of the ledger that a caller writes differ from the worker's, the
 * sweep's among them, by their reason: else it would wait for the caller's
 * transaction.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "records/erasure.h"
#include "records/stop_list.h"

/* What is reported of done, in the columns of ecapi.forget(). */
#define REPORT_SQL \
" SELECT d.event_id, d.event_type, d.emitted_at, s.destination, coalesce(s.outcome, 'erased')," \
"  s.delivered_at, s.receiver_request_id" \
" FROM done d LEFT JOIN sent s ON s.seq = d.seq" \
" ORDER BY d.emitted_at, d.seq, s.destination"

static EcapiStatement erase_events = {
	"WITH done AS ("
	"  UPDATE ecapi.outbox o SET event = json_strip_nulls(json_build_object('id', o.event -> 'id',"
	"   'timestamp', o.event -> 'timestamp', 'event_type', o.event -> 'event_type',"
	"   'value', o.event -> 'value', 'currency_code', o.event -> 'currency_code', 'erased', true))"
	"  FROM unnest($1, $2) m (xid, seq) WHERE o.xid = m.xid AND o.seq = m.seq"
	"  RETURNING o.seq, o.xid, o.emitted_at, o.event ->> 'id' AS event_id,"
	"   o.event ->> 'event_type' AS event_type"
	" ), noted AS ("
	"  INSERT INTO ecapi.stop (seq, xid, reason, stopped_by, stopped_at)"
	"  SELECT d.seq, d.xid, 'erased', pg_current_xact_id(), clock_timestamp() FROM done d"
	"  ON CONFLICT DO NOTHING"
	" )," ECAPI_COPIES_SQL REPORT_SQL,
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
	"  FROM gone g WHERE NOT EXISTS (SELECT FROM ecapi.stop e WHERE e.seq = g.seq AND e.reason = 'erased')"
	" )," ECAPI_COPIES_SQL REPORT_SQL,
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement erase_answers = {
	"UPDATE ecapi.failed_event SET answer = '***' WHERE failed_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement sweep_failed = {
	GONE_SQL("f.failed_id IN (SELECT b.failed_id FROM ecapi.failed_event b"
			 "   JOIN ecapi.stop e ON e.seq = b.seq AND e.reason = 'erased'"
			 "   WHERE b.destination IS NOT NULL AND ($1 IS NULL OR b.destination = $1)"
			 "   FOR UPDATE OF b SKIP LOCKED)", "NULL::text")
	" SELECT (SELECT count(*) FROM ecapi.failed_event b JOIN ecapi.stop e ON e.seq = b.seq AND e.reason = 'erased'"
	"  WHERE b.destination IS NOT NULL AND ($1 IS NULL OR b.destination = $1)) - (SELECT count(*) FROM gone)",
	1, {NAMEOID}, NULL
};

static void
erase_found_events(EcapiPersonSearch *search, const EcapiFoundRows *found)
{
	ecapi_execute(&erase_events, ecapi_arg_found_xids(found), ecapi_arg_found_ids(found));
	ecapi_person_search_report(search);
	search->events += found->n;
}

static void
erase_found_failed(EcapiPersonSearch *search, const EcapiFoundRows *found)
{
	ecapi_execute(&erase_failed, ecapi_arg_found_ids(found));
	ecapi_person_search_report(search);
	search->failed += found->n;
}

static void
erase_found_answers(EcapiPersonSearch *search, const EcapiFoundRows *found)
{
	ecapi_execute(&erase_answers, ecapi_arg_found_ids(found));
}

void
ecapi_erasure_run(EcapiPersonSearch *search)
{
	ecapi_person_search_begin();
	ecapi_stop_list_clean();
	ecapi_person_search(search, ECAPI_SEARCH_EVENTS, erase_found_events);
	ecapi_person_search(search, ECAPI_SEARCH_FAILED, erase_found_failed);
	ecapi_person_search(search, ECAPI_SEARCH_ANSWERS, erase_found_answers);
}

int64
ecapi_erasure_sweep(const char *destination)
{
	ecapi_execute(&sweep_failed, destination == NULL ? ecapi_arg_null_if(true, (Datum) 0)
				  : ecapi_arg_name(destination));
	return ecapi_column_int8(0, 1);
}

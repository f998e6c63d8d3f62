/*
 * withdrawal.c
 *	  Stopping the events of a person who withdraws consent.
 *
 * Nothing is erased and no event is touched: each that is found gets rows in ecapi.stop
 * (stop_list.c), from which the worker learns what may not leave.  What it holds back it
 * counts itself, when a cursor, a replay or a retry comes to it, so the caller's
 * transaction holds no row that the worker waits for.
 *
 * An event is reported
 *	 delivered, unanswered	where it went, or may have gone
 *	 withdrawn				where it had not come to an end, or waits in failed_event, and
 *							no earlier withdrawal has stopped it
 *
 * A row that was set aside is of no destination; it is reported as withdrawn once.
 *
 * Locks: those of an insert.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "destination/select.h"
#include "records/stop_list.h"
#include "records/withdrawal.h"

/*
 * Behind a WITH that has done (seq, xid, event_id, event_type, emitted_at, is_aside):
 * note its stops, and report.  $1 are the names.
 */
#define WITHDRAW_SQL \
" noted AS (" \
"  INSERT INTO ecapi.stop (seq, xid, reason, destination, server, stopped_by, stopped_at)" \
"  SELECT d.seq, d.xid, '" ECAPI_REASON_WITHDRAWN "', n.destination, n.server, pg_current_xact_id()," \
"   clock_timestamp()" \
"  FROM done d CROSS JOIN (SELECT NULL::name AS destination, NULL::oid AS server WHERE $1 IS NULL" \
"   UNION ALL SELECT c.destination, c.server FROM ecapi.cursor c WHERE c.destination = ANY ($1)) n" \
"  ON CONFLICT DO NOTHING" \
" ), before AS MATERIALIZED (" \
"  SELECT s.seq, s.destination, s.server FROM ecapi.stop s JOIN done d ON d.seq = s.seq" \
" )," ECAPI_COPIES_SQL \
" SELECT r.event_id, r.event_type, r.emitted_at, r.destination, r.outcome, r.delivered_at," \
"  r.receiver_request_id FROM (" \
"  SELECT d.*, s.destination, s.outcome, s.delivered_at, s.receiver_request_id" \
"  FROM done d JOIN sent s ON s.seq = d.seq WHERE $1 IS NULL OR s.destination = ANY ($1)" \
"  UNION ALL" \
"  SELECT d.*, c.destination, 'withdrawn', NULL, NULL FROM done d CROSS JOIN ecapi.cursor c" \
"  WHERE NOT d.is_aside AND ($1 IS NULL OR c.destination = ANY ($1))" \
"   AND NOT EXISTS (SELECT FROM sent s WHERE s.seq = d.seq AND s.destination = c.destination)" \
"   AND NOT EXISTS (SELECT FROM before b WHERE b.seq = d.seq" \
"    AND (b.destination IS NULL OR b.server = c.server OR b.destination = c.destination))" \
"   AND (EXISTS (SELECT FROM ecapi.failed_event f WHERE f.seq = d.seq AND f.destination = c.destination)" \
"    OR NOT ecapi_internal.is_disposed(c, d.xid, d.seq)" \
"     AND NOT EXISTS (SELECT FROM ecapi.request q WHERE q.seqs @> d.seq" \
"      AND q.server = c.server AND q.sent_at >= c.started_at" \
"      AND q.outcome IN ('delivered', 'shadow', 'filtered', 'failed', 'given_up', 'erased')))" \
"  UNION ALL" \
"  SELECT d.*, NULL, 'withdrawn', NULL, NULL FROM done d" \
"  WHERE d.is_aside AND NOT EXISTS (SELECT FROM before b WHERE b.seq = d.seq" \
"   AND (b.destination IS NULL OR b.destination = ANY ($1)))" \
" ) r ORDER BY r.emitted_at, r.seq, r.destination"

static EcapiStatement unknown_name = {
	"SELECT n.n FROM unnest($1) n (n)"
	" WHERE NOT EXISTS (SELECT FROM ecapi.cursor c WHERE c.destination = n.n) LIMIT 1",
	1, {NAMEARRAYOID}, NULL
};

static EcapiStatement withdraw_events = {
	"WITH done AS MATERIALIZED ("
	"  SELECT o.seq, o.xid, o.event ->> 'id' AS event_id, o.event ->> 'event_type' AS event_type,"
	"   o.emitted_at, false AS is_aside"
	"  FROM unnest($2, $3) m (xid, seq) JOIN ecapi.outbox o ON o.xid = m.xid AND o.seq = m.seq"
	" )," WITHDRAW_SQL,
	3, {NAMEARRAYOID, XID8ARRAYOID, INT8ARRAYOID}, NULL
};

/* An event that the outbox has was found there. */
static EcapiStatement withdraw_failed = {
	"WITH done AS MATERIALIZED ("
	"  SELECT DISTINCT ON (1) coalesce(f.seq, -f.failed_id) AS seq, f.xid, f.event_id,"
	"   CASE WHEN f.source IS NULL OR f.source = 'ecapi_emit' THEN f.event ->> 'event_type' END AS event_type,"
	"   f.failed_at AS emitted_at, f.seq IS NULL AS is_aside"
	"  FROM ecapi.failed_event f WHERE f.failed_id = ANY ($2)"
	"   AND NOT EXISTS (SELECT FROM ecapi.outbox o WHERE o.xid = f.xid AND o.seq = f.seq)"
	" )," WITHDRAW_SQL,
	2, {NAMEARRAYOID, INT8ARRAYOID}, NULL
};

static void
check_names(NullableDatum names)
{
	if (names.isnull || ecapi_execute(&unknown_name, names) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("destination \"%s\" does not exist", ecapi_column_name(0, 1))));
}

static void
withdraw_found_events(EcapiPersonSearch *search, const EcapiFoundRows *found)
{
	ecapi_execute(&withdraw_events, search->names, ecapi_arg_found_xids(found),
				  ecapi_arg_found_ids(found));
	ecapi_person_search_report(search);
	search->events += found->n;
}

static void
withdraw_found_failed(EcapiPersonSearch *search, const EcapiFoundRows *found)
{
	ecapi_execute(&withdraw_failed, search->names, ecapi_arg_found_ids(found));
	ecapi_person_search_report(search);
	search->failed += found->n;
}

void
ecapi_withdrawal_run(EcapiPersonSearch *search)
{
	check_names(search->names);
	ecapi_person_search_begin();
	ecapi_stop_list_clean();
	ecapi_person_search(search, ECAPI_SEARCH_EVENTS, withdraw_found_events);
	ecapi_person_search(search, ECAPI_SEARCH_FAILED, withdraw_found_failed);
}

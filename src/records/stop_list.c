/*
 * stop_list.c
 *	  Which events of a person may not leave any more: rows of ecapi.stop.
 *
 * A row names an event by its seq, and says why: its person was forgotten ("erased"), or
 * has withdrawn consent; and from which destination, or from all, those to come
 * included.  It holds numbers and names of destinations only.  A row that was set aside
 * has no seq yet; the negative of its failed_id stands for it, and the event that is
 * made of it inherits its stops.
 *
 * Of an erased event nothing is left that could leave, so its row is for copies alone: in
 * the worker's memory, and in failed events that were not committed yet.  A withdrawn one
 * is in the outbox as before, so its row stays as long as the event, in the outbox or in
 * failed_event, for a lagging destination or a replay.
 *
 * A destination is known by its server, or by its name: pg_upgrade gives out new oids, and
 * a new destination of an old name is the same to a person.
 *
 * Locks: rows of failed_event that no other transaction holds, for one transaction.  All
 * functions want a transaction, SPI connected (a snapshot, where they are read-only), and
 * raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "destination/select.h"
#include "records/stop_list.h"
#include "settings.h"

/* Whether a stop s is about the destination with the cursor c. */
#define IS_FOR \
" (s.server OPERATOR(pg_catalog.=) c.server OR s.destination OPERATOR(pg_catalog.=) c.destination)"

static EcapiStatement since = {
	"SELECT FROM ecapi.stop"
	" WHERE stopped_by OPERATOR(pg_catalog.>=) coalesce(pg_catalog.pg_snapshot_xmin($1), '0')"
	" AND coalesce(NOT pg_catalog.pg_visible_in_snapshot(stopped_by, $1), true) LIMIT 1",
	1, {PG_SNAPSHOTOID}, NULL
};

static EcapiStatement newest = {
	"SELECT (SELECT s.xid FROM ecapi.stop s WHERE s.reason OPERATOR(pg_catalog.=) '"
	ECAPI_REASON_WITHDRAWN "' ORDER BY s.xid DESC LIMIT 1),"
	" EXISTS (SELECT FROM ecapi.stop s WHERE s.seq OPERATOR(pg_catalog.<) 0)",
	0, {0}, NULL
};

static EcapiStatement of_events = {
	"WITH c AS MATERIALIZED (SELECT k.server, k.destination FROM ecapi.cursor k)"
	" SELECT e.i, e.reason OPERATOR(pg_catalog.=) 'erased', c.server"
	" FROM (SELECT a.i, s.reason, s.destination, s.server"
	"  FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY a (seq, i)"
	"  CROSS JOIN LATERAL (SELECT k.* FROM ecapi.stop k"
	"   WHERE k.seq OPERATOR(pg_catalog.=) a.seq OFFSET 0) s OFFSET 0) e"
	" LEFT JOIN c ON e.server OPERATOR(pg_catalog.=) c.server"
	"  OR e.destination OPERATOR(pg_catalog.=) c.destination"
	" WHERE e.destination IS NULL OR c.server IS NOT NULL",
	1, {INT8ARRAYOID}, NULL
};

/* Failed events, as f, that are withdrawn from their destination, which exists. */
#define WITHDRAWN_SQL \
" FROM ecapi.failed_event f JOIN ecapi.cursor c ON c.destination OPERATOR(pg_catalog.=) f.destination" \
" WHERE (f.state OPERATOR(pg_catalog.=) 'dead' OR f.next_try OPERATOR(pg_catalog.>) pg_catalog.now())" \
" AND EXISTS (SELECT FROM ecapi.stop s WHERE s.seq OPERATOR(pg_catalog.=) f.seq" \
"  AND s.reason OPERATOR(pg_catalog.=) '" ECAPI_REASON_WITHDRAWN "'" \
"  AND (s.destination IS NULL OR" IS_FOR "))"

static EcapiStatement make_due = {
	"WITH due AS (UPDATE ecapi.failed_event SET state = 'waiting', next_try = pg_catalog.now(),"
	"  retry_since = pg_catalog.now()"
	" WHERE failed_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT f.failed_id" WITHDRAWN_SQL
	"  FOR UPDATE OF f SKIP LOCKED)) RETURNING 1)"
	" SELECT (SELECT pg_catalog.count(*)" WITHDRAWN_SQL ")"
	" OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*) FROM due)",
	0, {0}, NULL
};

static EcapiStatement inherit = {
	"INSERT INTO ecapi.stop (seq, xid, reason, destination, server, stopped_by, stopped_at)"
	" SELECT $3, $2, s.reason, s.destination, s.server, $2, pg_catalog.clock_timestamp()"
	" FROM ecapi.stop s WHERE s.seq OPERATOR(pg_catalog.=) $1"
	" ON CONFLICT DO NOTHING",
	3, {INT8OID, XID8OID, INT8OID}, NULL
};

/* Of an erased event: no worker holds a page for so long. */
static EcapiStatement clean = {
	"DELETE FROM ecapi.stop s WHERE s.stopped_at OPERATOR(pg_catalog.<) $1"
	" AND (s.reason OPERATOR(pg_catalog.=) 'erased' OR NOT EXISTS (SELECT FROM ecapi.outbox o"
	"  WHERE o.xid OPERATOR(pg_catalog.=) s.xid AND o.seq OPERATOR(pg_catalog.=) s.seq)"
	" AND NOT EXISTS (SELECT FROM ecapi.failed_event f WHERE f.seq OPERATOR(pg_catalog.=) s.seq)"
	" AND NOT EXISTS (SELECT FROM ecapi.failed_event f"
	"  WHERE f.failed_id OPERATOR(pg_catalog.=) OPERATOR(pg_catalog.-) s.seq))",
	1, {TIMESTAMPTZOID}, NULL
};

bool
ecapi_stop_list_since(const EcapiSnapshot *seen)
{
	return ecapi_query(&since, ecapi_arg_snapshot(seen)) > 0;
}

uint64
ecapi_stop_list_newest(void)
{
	ecapi_query(&newest);
	/* the event that is made of a row that was set aside is yet to come */
	if (ecapi_column_bool(0, 2))
		return PG_UINT64_MAX;
	return ecapi_column_is_null(0, 1) ? 0 : ecapi_column_xid8(0, 1) + 1;
}

EcapiStop *
ecapi_stop_list_of(const int64 *seqs, int n, int *nstops)
{
	MemoryContext context = CurrentMemoryContext;
	uint64		rows = ecapi_query(&of_events, ecapi_arg_int8s(seqs, n));
	EcapiStop  *stops = MemoryContextAlloc(context, sizeof(EcapiStop) * Max(rows, 1));

	for (uint64 i = 0; i < rows; i++)
	{
		stops[i].which = (int) ecapi_column_int8(i, 1) - 1;
		stops[i].reason = ecapi_column_bool(i, 2) ? ECAPI_REASON_ERASED : ECAPI_REASON_WITHDRAWN;
		stops[i].server = ecapi_column_is_null(i, 3) ? InvalidOid : ecapi_column_oid(i, 3);
	}
	SPI_freetuptable(SPI_tuptable);
	*nstops = (int) rows;
	return stops;
}

int64
ecapi_stop_list_due(void)
{
	ecapi_execute(&make_due);
	return ecapi_column_int8(0, 1);
}

void
ecapi_stop_list_inherit(int64 from, uint64 xid, int64 seq)
{
	ecapi_execute(&inherit, ecapi_arg_int8(from), ecapi_arg_xid8(xid),
				  ecapi_arg_int8(seq));
}

void
ecapi_stop_list_clean(void)
{
	ecapi_execute(&clean, ecapi_arg_time(GetCurrentTimestamp() -
										 (int64) ecapi_retention_s * USECS_PER_SEC));
}

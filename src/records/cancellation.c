/*
 * cancellation.c
 *	  Cancellations of events: rows of ecapi.cancellation.
 *
 * ecapi.cancel(id) appends a row, whatever the outbox holds; its cost does not go
 * with anything.  What is cancelled is what was emitted before, under that id, and
 * "before" is the moment of the call, in transactions: before_xid is the next
 * transaction id there was then.  An event of a transaction below it is cancelled,
 * one of a later transaction is a new order under an old id and is not.
 *
 *	(1)	Comparing with the caller's own id would not do: a transaction that began
 *		long ago may cancel an order that was placed since.
 *	(2) Nor would its snapshot: an order in a prepared transaction is cancelled
 *		before anyone can see it, and must not be sent when it is committed.
 *	(3)	What a transaction emits counts as before if the transaction had written
 *		anything before, even when the event itself came later.  In the caller's own
 *		transaction, seq tells: what it emits after the call is not cancelled.
 *
 * States of a row; the arrows are the worker's (pipeline/cancel.c), in the
 * transaction that appends the refund, if there is one:
 *
 *	 stopping			stops what has not left; what has left is yet to be found
 *	   --> refunded		it was delivered, and a refund was emitted
 *	   --> nothing to refund	it is in the outbox, but was delivered to nobody that
 *						takes refunds, or is of a kind that has none
 *	   --> not found	it is not in the outbox: there never was one, or it is older
 *						than what the outbox keeps
 *	   --> repeated		an earlier cancellation of the id was about the same
 *
 * In every state a row goes on stopping events: a destination may lag, a prepared
 * transaction may be committed, a replay may be asked for, a row that was set aside
 * be captured, history be emitted a year later.  So it is kept, as the ledger is; it
 * goes when it is as old as the retention and a later one of its id is resolved
 * that is about all that it is about.
 *
 * Locks: the worker takes rows with SKIP LOCKED, so it never waits for somebody's
 * open transaction.  All functions want a transaction, SPI connected (a snapshot,
 * where they are read-only), and raise what SQL raises.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "outbox/append.h"
#include "outbox/window.h"
#include "records/cancellation.h"

static const char *const states[] = {
	"refunded", "nothing to refund", "not found", "repeated"
};

static EcapiStatement create = {
	"INSERT INTO ecapi.cancellation (id, xid, before_xid, seq, since, cancelled_at,"
	" cancelled_by, value)"
	" VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp(), $6, $7)",
	7, {TEXTOID, XID8OID, XID8OID, INT8OID, TIMESTAMPTZOID, NAMEOID, NUMERICOID}, NULL
};

static EcapiStatement load = {
	"SELECT c.cancel_id, c.id, c.xid, c.before_xid, c.seq, c.since, c.cancelled_at,"
	" r.xid, r.before_xid, r.seq, c.value::pg_catalog.text"
	" FROM (SELECT k.* FROM (SELECT * FROM ecapi.cancellation"
	" WHERE state OPERATOR(pg_catalog.=) 'stopping'"
	" AND xid OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmax($2)"
	" UNION ALL SELECT s.* FROM pg_catalog.pg_snapshot_xip($2) x JOIN ecapi.cancellation s"
	" ON s.xid OPERATOR(pg_catalog.=) x AND s.state OPERATOR(pg_catalog.=) 'stopping') k"
	" ORDER BY k.cancel_id LIMIT $1) c"
	" LEFT JOIN LATERAL (SELECT k.xid, k.before_xid, k.seq FROM ecapi.cancellation k"
	" WHERE k.id OPERATOR(pg_catalog.=) c.id AND k.state OPERATOR(pg_catalog.<>) 'stopping'"
	" ORDER BY k.before_xid DESC LIMIT 1) r ON true"
	" ORDER BY c.cancel_id",
	2, {INT8OID, PG_SNAPSHOTOID}, NULL
};

/* A destination that was renamed is known by its server, one that pg_upgrade has
 * given a new oid by its name; see ecapi.trace(). */
static EcapiStatement sent = {
	"SELECT e.i, k.server, k.delivered"
	" FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY e (seq, i)"
	" CROSS JOIN LATERAL (SELECT c.server,"
	" pg_catalog.bool_or(r.outcome OPERATOR(pg_catalog.=) 'delivered') AS delivered"
	" FROM ecapi.request r JOIN ecapi.cursor c"
	" ON r.sent_at OPERATOR(pg_catalog.>=) c.started_at"
	" AND (c.server OPERATOR(pg_catalog.=) r.server"
	" OR c.destination OPERATOR(pg_catalog.=) r.destination)"
	" WHERE r.seqs OPERATOR(pg_catalog.@>) e.seq"
	" AND (r.outcome OPERATOR(pg_catalog.=) 'delivered'"
	" OR r.outcome OPERATOR(pg_catalog.=) 'retry' AND r.status IS NULL)"
	" GROUP BY c.server) k",
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement event_text = {
	"SELECT event::pg_catalog.text FROM ecapi.outbox"
	" WHERE xid OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.=) $2",
	2, {XID8OID, INT8OID}, NULL
};

static EcapiStatement lock = {
	"SELECT 1 FROM ecapi.cancellation WHERE cancel_id OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) 'stopping' FOR UPDATE SKIP LOCKED",
	1, {INT8OID}, NULL
};

static EcapiStatement resolve = {
	"UPDATE ecapi.cancellation SET state = $2, delivered = $3, refunds = $4,"
	" unanswered = $5, resolved_at = pg_catalog.clock_timestamp()"
	" WHERE cancel_id OPERATOR(pg_catalog.=) $1",
	5, {INT8OID, TEXTOID, INT4OID, INT4OID, INT4OID}, NULL
};

static EcapiStatement link_order = {
	"UPDATE ecapi.cancellation SET transaction_id = $2, data_set_id = $3, route = $4"
	" WHERE cancel_id OPERATOR(pg_catalog.=) $1",
	4, {INT8OID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

static EcapiStatement supersede = {
	"DELETE FROM ecapi.cancellation WHERE cancel_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.cancel_id FROM ecapi.cancellation c JOIN ecapi.cancellation o"
	" ON o.id OPERATOR(pg_catalog.=) c.id AND o.before_xid OPERATOR(pg_catalog.<=) c.xid"
	" WHERE c.cancel_id OPERATOR(pg_catalog.=) $1"
	" AND o.state OPERATOR(pg_catalog.<>) 'stopping'"
	" AND o.cancelled_at OPERATOR(pg_catalog.<) $2 FOR UPDATE OF o SKIP LOCKED))",
	2, {INT8OID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement forget_later = {
	"DELETE FROM ecapi.cancellation WHERE xid OPERATOR(pg_catalog.>=)"
	" pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
	" AND xid OPERATOR(pg_catalog.<>) pg_catalog.pg_current_xact_id()",
	0, {0}, NULL
};

static EcapiStatement any = {
	"SELECT 1 FROM ecapi.cancellation LIMIT 1",
	0, {0}, NULL
};

static uint64 last_xid = 0;		/* of the last transaction here that cancelled */

bool
ecapi_cover_holds(const EcapiCover *cover, uint64 xid, int64 seq)
{
	return xid < cover->before_xid && (xid != cover->xid || seq < cover->seq);
}

EcapiCover
ecapi_cover_now(void)
{
	EcapiCover	cover;

	/* first our own, so that it lies below the next one */
	cover.xid = U64FromFullTransactionId(GetTopFullTransactionId());
	cover.before_xid = U64FromFullTransactionId(ReadNextFullTransactionId());
	cover.seq = ecapi_outbox_next_seq(ecapi_relations()->outbox_seq);
	return cover;
}

void
ecapi_cancellation_create(const char *id, TimestampTz since, Numeric value, const char *by)
{
	EcapiCover	cover = ecapi_cover_now();

	last_xid = cover.xid;
	ecapi_fire_own_triggers();
	ecapi_execute(&create, ecapi_arg_text(id), ecapi_arg_xid8(cover.xid),
				  ecapi_arg_xid8(cover.before_xid), ecapi_arg_int8(cover.seq),
				  ecapi_arg_null_if(since == DT_NOBEGIN, TimestampTzGetDatum(since)),
				  ecapi_arg_name(by),
				  ecapi_arg_null_if(value == NULL, NumericGetDatum(value)));
}

bool
ecapi_cancellation_is_ours(void)
{
	return last_xid != 0 &&
		last_xid == U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
}

/* Three columns of a row; none when they are null. */
static EcapiCover
cover_of_row(uint64 row, int i)
{
	return (EcapiCover) {
		.xid = ecapi_column_xid8(row, i),
		.before_xid = ecapi_column_xid8(row, i + 1),
		.seq = ecapi_column_int8(row, i + 2)
	};
}

int
ecapi_cancellation_load(const EcapiSnapshot *seen, int max, MemoryContext context,
						EcapiCancellation **list)
{
	static const EcapiSnapshot nothing = {.xmin = 1, .xmax = 1};
	uint64		n = ecapi_query(&load, ecapi_arg_int8(max),
								ecapi_arg_snapshot(seen == NULL ? &nothing : seen));
	MemoryContext old = MemoryContextSwitchTo(context);

	*list = palloc0(sizeof(EcapiCancellation) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		EcapiCancellation *one = &(*list)[i];
		char	   *id = ecapi_column_text(i, 2);

		one->cancel_id = ecapi_column_int8(i, 1);
		one->id = pg_server_to_any(id, strlen(id), PG_UTF8);
		one->cover = cover_of_row(i, 3);
		one->since = ecapi_column_is_null(i, 6) ? DT_NOBEGIN : ecapi_column_time(i, 6);
		one->cancelled_at = ecapi_column_time(i, 7);
		one->resolved = cover_of_row(i, 8);
		one->value = ecapi_column_text(i, 11);
	}
	MemoryContextSwitchTo(old);
	return (int) n;
}

EcapiSent *
ecapi_cancellation_sent(const int64 *seqs, int n, MemoryContext context, int *nsent)
{
	uint64		rows = ecapi_query(&sent, ecapi_arg_int8s(seqs, n));
	EcapiSent  *result = MemoryContextAlloc(context, sizeof(EcapiSent) * Max(rows, 1));

	for (uint64 i = 0; i < rows; i++)
	{
		result[i].which = (int) ecapi_column_int8(i, 1) - 1;
		result[i].server = ecapi_column_oid(i, 2);
		result[i].delivered = ecapi_column_bool(i, 3);
	}
	SPI_freetuptable(SPI_tuptable);
	*nsent = (int) rows;
	return result;
}

char *
ecapi_cancellation_event(uint64 xid, int64 seq, int *len)
{
	if (ecapi_query(&event_text, ecapi_arg_xid8(xid), ecapi_arg_int8(seq)) == 0)
		return NULL;
	return ecapi_window_stored_utf8(ecapi_column_datum(0, 1), len);
}

void
ecapi_cancellation_link(int64 cancel_id, const EcapiOrder *order)
{
	ecapi_execute(&link_order, ecapi_arg_int8(cancel_id),
				  ecapi_arg_utf8(order->transaction_id), ecapi_arg_utf8(order->data_set_id),
				  ecapi_arg_utf8(order->route));
}

bool
ecapi_cancellation_lock(int64 cancel_id)
{
	return ecapi_execute(&lock, ecapi_arg_int8(cancel_id)) > 0;
}

void
ecapi_cancellation_resolve(int64 cancel_id, EcapiCancelled how, int delivered, int refunds,
						   int unanswered)
{
	ecapi_execute(&resolve, ecapi_arg_int8(cancel_id), ecapi_arg_text(states[how]),
				  ecapi_arg_int4(delivered), ecapi_arg_int4(refunds),
				  ecapi_arg_int4(unanswered));
}

void
ecapi_cancellation_supersede(int64 cancel_id, TimestampTz before)
{
	ecapi_execute(&supersede, ecapi_arg_int8(cancel_id), ecapi_arg_time(before));
}

void
ecapi_cancellation_forget_later(void)
{
	ecapi_execute(&forget_later);
}

bool
ecapi_cancellation_any(void)
{
	return ecapi_query(&any) > 0;
}

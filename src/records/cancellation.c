/*
 * cancellation.c
 *	  Cancellations of events: rows of ecapi.cancellation.
 *
 * ecapi.cancel(id) appends a row, whatever the outbox holds; its cost does not go
 * with anything.  What is cancelled is what was emitted before, under that id, and
 * "before" is the moment of the call, told by transactions: before_xid is the next
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
#include "commands/trigger.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
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

static Datum
column(uint64 row, int i, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i, isnull);
}

static Datum
xid8_datum(uint64 xid)
{
	return FullTransactionIdGetDatum(FullTransactionIdFromU64(xid));
}

bool
ecapi_cover_holds(const EcapiCover *cover, uint64 xid, int64 seq)
{
	return xid < cover->before_xid && (xid != cover->xid || seq < cover->seq);
}

void
ecapi_cancellation_create(const char *id, TimestampTz since, Numeric value, const char *by)
{
	/* first our own, so that it lies below the next one */
	FullTransactionId own = GetTopFullTransactionId();
	NameData	role;
	Datum		values[7];
	bool		nulls[7] = {false};

	last_xid = U64FromFullTransactionId(own);
	namestrcpy(&role, by);
	values[0] = CStringGetTextDatum(id);
	values[1] = FullTransactionIdGetDatum(own);
	values[2] = FullTransactionIdGetDatum(ReadNextFullTransactionId());
	values[3] = Int64GetDatum(ecapi_outbox_next_seq(ecapi_relations()->outbox_seq));
	values[4] = TimestampTzGetDatum(since);
	nulls[4] = since == DT_NOBEGIN;
	values[5] = NameGetDatum(&role);
	nulls[6] = value == NULL;
	values[6] = NumericGetDatum(value);
	/* in the replica role our triggers keep rows out; see the install script */
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	ecapi_statement_execute(&create, values, nulls, false);
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
	EcapiCover	cover = {0};
	bool		isnull;
	Datum		xid = column(row, i, &isnull);

	if (isnull)
		return cover;
	cover.xid = U64FromFullTransactionId(DatumGetFullTransactionId(xid));
	cover.before_xid =
		U64FromFullTransactionId(DatumGetFullTransactionId(column(row, i + 1, &isnull)));
	cover.seq = DatumGetInt64(column(row, i + 2, &isnull));
	return cover;
}

int
ecapi_cancellation_load(const EcapiSnapshot *seen, int max, MemoryContext context,
						EcapiCancellation **list)
{
	static const EcapiSnapshot nothing = {.xmin = 1, .xmax = 1};
	Datum		values[2];
	uint64		n;
	MemoryContext old;

	values[0] = Int64GetDatum(max);
	values[1] = ecapi_snapshot_datum(seen == NULL ? &nothing : seen);
	n = ecapi_statement_execute(&load, values, NULL, true);
	old = MemoryContextSwitchTo(context);
	*list = palloc0(sizeof(EcapiCancellation) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		EcapiCancellation *one = &(*list)[i];
		bool		isnull;
		char	   *id;
		Datum		value;

		one->cancel_id = DatumGetInt64(column(i, 1, &isnull));
		id = TextDatumGetCString(column(i, 2, &isnull));
		one->id = pg_server_to_any(id, strlen(id), PG_UTF8);
		one->cover = cover_of_row(i, 3);
		one->since = DatumGetTimestampTz(column(i, 6, &isnull));
		if (isnull)
			one->since = DT_NOBEGIN;
		one->cancelled_at = DatumGetTimestampTz(column(i, 7, &isnull));
		one->resolved = cover_of_row(i, 8);
		value = column(i, 11, &isnull);
		one->value = isnull ? NULL : TextDatumGetCString(value);
	}
	MemoryContextSwitchTo(old);
	return (int) n;
}

EcapiSent *
ecapi_cancellation_sent(const int64 *seqs, int n, MemoryContext context, int *nsent)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);
	Datum		values[1];
	uint64		rows;
	EcapiSent  *result;

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(seqs[i]);
	values[0] = PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	rows = ecapi_statement_execute(&sent, values, NULL, true);
	result = MemoryContextAlloc(context, sizeof(EcapiSent) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;

		result[i].which = (int) DatumGetInt64(column(i, 1, &isnull)) - 1;
		result[i].server = DatumGetObjectId(column(i, 2, &isnull));
		result[i].delivered = DatumGetBool(column(i, 3, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	pfree(elements);
	*nsent = (int) rows;
	return result;
}

char *
ecapi_cancellation_event(uint64 xid, int64 seq, int *len)
{
	Datum		values[2];
	bool		isnull;
	text	   *event;

	values[0] = xid8_datum(xid);
	values[1] = Int64GetDatum(seq);
	if (ecapi_statement_execute(&event_text, values, NULL, true) == 0)
		return NULL;
	event = DatumGetTextPP(column(0, 1, &isnull));
	return ecapi_window_utf8(VARDATA_ANY(event), VARSIZE_ANY_EXHDR(event), len);
}

static Datum
server_text(const char *utf8, bool *isnull)
{
	*isnull = utf8 == NULL;
	return *isnull ? (Datum) 0
		: CStringGetTextDatum(pg_any_to_server(utf8, strlen(utf8), PG_UTF8));
}

void
ecapi_cancellation_link(int64 cancel_id, const EcapiOrder *order)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = Int64GetDatum(cancel_id);
	values[1] = server_text(order->transaction_id, &nulls[1]);
	values[2] = server_text(order->data_set_id, &nulls[2]);
	values[3] = server_text(order->route, &nulls[3]);
	ecapi_statement_execute(&link_order, values, nulls, false);
}

bool
ecapi_cancellation_lock(int64 cancel_id)
{
	Datum		values[1];

	values[0] = Int64GetDatum(cancel_id);
	return ecapi_statement_execute(&lock, values, NULL, false) > 0;
}

void
ecapi_cancellation_resolve(int64 cancel_id, EcapiCancelled how, int delivered, int refunds,
						   int unanswered)
{
	Datum		values[5];

	values[0] = Int64GetDatum(cancel_id);
	values[1] = CStringGetTextDatum(states[how]);
	values[2] = Int32GetDatum(delivered);
	values[3] = Int32GetDatum(refunds);
	values[4] = Int32GetDatum(unanswered);
	ecapi_statement_execute(&resolve, values, NULL, false);
}

void
ecapi_cancellation_supersede(int64 cancel_id, TimestampTz before)
{
	Datum		values[2];

	values[0] = Int64GetDatum(cancel_id);
	values[1] = TimestampTzGetDatum(before);
	ecapi_statement_execute(&supersede, values, NULL, false);
}

void
ecapi_cancellation_forget_later(void)
{
	ecapi_statement_execute(&forget_later, NULL, NULL, false);
}

bool
ecapi_cancellation_any(void)
{
	return ecapi_statement_execute(&any, NULL, NULL, true) > 0;
}

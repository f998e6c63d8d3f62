/*
 * stops.c
 *	  Which events may not leave any more, or be made again, because they were
 *	  cancelled.
 *
 * A cancellation is a row with an event's id and the point from which on events
 * of that id are no longer meant; records/cancellation.c says what the point is.
 * An event of transaction x, number s, is stopped by a row (id, xid, before_xid,
 * seq) of its id when
 *
 *	 x < before_xid, and
 *	 x is not xid, or s < seq	(of the cancelling transaction itself)
 *
 * An event that is made again is one of a new transaction, so it is judged by when it
 * came about.  Of a row that was set aside or waits for its commit that is when it was
 * written, (x, s) of then.  History knows no transactions: there the event is stopped
 * by a cancellation that came at or after its timestamp.  A timestamp behind every
 * cancellation is that of a new order under an old id.
 *
 * A refund that the shop made itself is stopped by a cancellation of what it refunds,
 * whenever it was emitted: the cancellation refunds what is left, and both together
 * would be too much (pipeline/take_back.c).
 *
 * A reader of events that are all newer than the newest row need not ask, which
 * is what live traffic is: see pipeline/stopped.c.
 *
 * The statements ask the index on (id, before_xid) once for each event; LIMIT
 * keeps the planner from joining the other way round.  All raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/tree.h"
#include "event/refund.h"
#include "records/stops.h"

static EcapiStatement newest = {
	"SELECT before_xid FROM ecapi.cancellation ORDER BY before_xid DESC LIMIT 1",
	0, {0}, NULL
};

static EcapiStatement cancelled = {
	"SELECT e.i FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4)) WITH ORDINALITY e (id, xid, seq, happened, i)"
	" CROSS JOIN LATERAL (SELECT 1 FROM ecapi.cancellation c"
	" WHERE c.id OPERATOR(pg_catalog.=) e.id"
	" AND (c.before_xid OPERATOR(pg_catalog.>) e.xid"
	" AND (c.xid OPERATOR(pg_catalog.<>) e.xid OR c.seq OPERATOR(pg_catalog.>) e.seq)"
	" OR c.cancelled_at OPERATOR(pg_catalog.>=) e.happened)"
	" LIMIT 1) k",
	4, {TEXTARRAYOID, XID8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

/* $1 ids that it may be named after, $2 to $4 its order. */
static EcapiStatement of_cancelled = {
	"SELECT 1 FROM (SELECT c.transaction_id, c.data_set_id, c.route FROM ecapi.cancellation c"
	" WHERE c.id OPERATOR(pg_catalog.=) ANY ($1)"
	" UNION ALL SELECT c.transaction_id, c.data_set_id, c.route FROM ecapi.cancellation c"
	" WHERE c.transaction_id OPERATOR(pg_catalog.=) $2) c"
	" WHERE coalesce(c.transaction_id OPERATOR(pg_catalog.=) $2, true)"
	" AND coalesce(c.data_set_id OPERATOR(pg_catalog.=) $3, true)"
	" AND coalesce(c.route OPERATOR(pg_catalog.=) $4, true) LIMIT 1",
	4, {TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

uint64
ecapi_stops_newest(void)
{
	bool		isnull;

	if (ecapi_statement_execute(&newest, NULL, NULL, true) == 0)
		return 0;
	return U64FromFullTransactionId(DatumGetFullTransactionId(
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
}

/* The texts are in the server's encoding again: that is where they come from. */
static Datum
id_datum(const EcapiStopQuery *query)
{
	char	   *id;

	if (query->is_server)
		return PointerGetDatum(cstring_to_text_with_len(query->id, query->id_len));
	id = pg_any_to_server(query->id, query->id_len, PG_UTF8);
	if (id == query->id)
		return PointerGetDatum(cstring_to_text_with_len(query->id, query->id_len));
	return CStringGetTextDatum(id);
}

static Datum
array_of(Datum *elements, int n, Oid type)
{
	return PointerGetDatum(type == TEXTOID
						   ? construct_array(elements, n, type, -1, false, TYPALIGN_INT)
						   : construct_array(elements, n, type, sizeof(int64),
											 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void
ecapi_stops_cancelled(EcapiStopQuery *queries, int n)
{
	static const Oid types[] = {TEXTOID, XID8OID, INT8OID, TIMESTAMPTZOID};
	Datum	   *columns[lengthof(types)];
	Datum		values[lengthof(types)];
	uint64		found;

	for (int i = 0; i < lengthof(types); i++)
		columns[i] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = id_datum(&queries[i]);
		columns[1][i] = FullTransactionIdGetDatum(FullTransactionIdFromU64(queries[i].xid));
		columns[2][i] = Int64GetDatum(queries[i].seq);
		columns[3][i] = TimestampTzGetDatum(queries[i].is_history ? queries[i].happened
											: DT_NOEND);
	}
	for (int i = 0; i < lengthof(types); i++)
		values[i] = array_of(columns[i], n, types[i]);
	found = ecapi_statement_execute(&cancelled, values, NULL, true);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		int64		which = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
														SPI_tuptable->tupdesc, 1, &isnull));

		queries[which - 1].stopped = true;
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < lengthof(types); i++)
		pfree(columns[i]);
}

static Datum
utf8_datum(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return *isnull ? (Datum) 0
		: CStringGetTextDatum(pg_any_to_server(text, strlen(text), PG_UTF8));
}

bool
ecapi_stops_refund(const EcapiValue *refund)
{
	const char *names[ECAPI_REFUND_NAMES];
	Datum		elements[ECAPI_REFUND_NAMES];
	Datum		values[4];
	bool		nulls[4] = {false};
	EcapiOrder	order;
	EcapiArena	arena;
	int			n;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	n = ecapi_refund_names(&arena, refund, names);
	for (int i = 0; i < n; i++)
		elements[i] = utf8_datum(names[i], &nulls[0]);
	values[0] = array_of(elements, n, TEXTOID);
	ecapi_refund_order(refund, &order);
	values[1] = utf8_datum(order.transaction_id, &nulls[1]);
	values[2] = utf8_datum(order.data_set_id, &nulls[2]);
	values[3] = utf8_datum(order.route, &nulls[3]);
	return ecapi_statement_execute(&of_cancelled, values, nulls, true) > 0;
}

bool
ecapi_stops_any(void)
{
	EcapiOwnerScope scope;
	bool		any;

	ecapi_become_owner(&scope);
	PushActiveSnapshot(GetLatestSnapshot());
	any = ecapi_stops_newest() != 0;
	PopActiveSnapshot();
	ecapi_become_caller(&scope);
	return any;
}

int
ecapi_stops_again(EcapiStopQuery *queries, int n)
{
	EcapiOwnerScope scope;
	int			stopped = 0;

	ecapi_become_owner(&scope);
	PushActiveSnapshot(GetLatestSnapshot());
	ecapi_stops_cancelled(queries, n);
	PopActiveSnapshot();
	ecapi_become_caller(&scope);
	for (int i = 0; i < n; i++)
		stopped += queries[i].stopped ? 1 : 0;
	return stopped;
}

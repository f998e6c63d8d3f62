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
 * An amendment is stopped by a cancellation of its original, as that one is, whenever it
 * was emitted itself.
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
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "base/tree.h"
#include "event/amended.h"
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
	return ecapi_query(&newest) == 0 ? 0 : ecapi_column_xid8(0, 1);
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

void
ecapi_stops_cancelled(EcapiStopQuery *queries, int n)
{
	Datum	   *columns[4];
	uint64		found;

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = id_datum(&queries[i]);
		columns[1][i] = UInt64GetDatum(queries[i].xid);
		columns[2][i] = Int64GetDatum(queries[i].seq);
		columns[3][i] = TimestampTzGetDatum(queries[i].is_history ? queries[i].happened
											: DT_NOEND);
	}
	found = ecapi_query(&cancelled, ecapi_arg_array(columns[0], n, TEXTOID),
						ecapi_arg_array(columns[1], n, XID8OID),
						ecapi_arg_array(columns[2], n, INT8OID),
						ecapi_arg_array(columns[3], n, TIMESTAMPTZOID));
	for (uint64 i = 0; i < found; i++)
		queries[ecapi_column_int8(i, 1) - 1].stopped = true;
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < lengthof(columns); i++)
		pfree(columns[i]);
}

bool
ecapi_stops_refund(const EcapiValue *refund)
{
	const char *names[ECAPI_REFUND_NAMES];
	Datum		elements[ECAPI_REFUND_NAMES];
	EcapiOrder	order;
	EcapiArena	arena;
	int			n;

	if (ecapi_refund_is_addressed(refund))
		return false;
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	n = ecapi_refund_names(&arena, refund, names);
	for (int i = 0; i < n; i++)
		elements[i] = ecapi_arg_utf8(names[i]).value;
	ecapi_refund_order(refund, &order);
	return ecapi_query(&of_cancelled, ecapi_arg_array(elements, n, TEXTOID),
					   ecapi_arg_utf8(order.transaction_id),
					   ecapi_arg_utf8(order.data_set_id), ecapi_arg_utf8(order.route)) > 0;
}

bool
ecapi_stops_original(const EcapiValue *amendment, EcapiStopQuery *query)
{
	EcapiAmended original;

	if (!ecapi_amend_of(amendment, &original) || original.id == NULL)
		return false;
	*query = (EcapiStopQuery) {
		.id = original.id->text, .id_len = (int) original.id->len,
		.xid = original.xid, .seq = original.seq
	};
	return true;
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

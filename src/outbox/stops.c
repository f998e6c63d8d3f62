/*
 * stops.c
 *	  Which events may not leave any more, because they were cancelled.
 *
 * A cancellation is a row with an event's id and the point from which on events
 * of that id are no longer meant; outbox/cancellation.c says what the point is.
 * An event of transaction x, number s, is stopped by a row (id, xid, before_xid,
 * seq) of its id when
 *
 *	 x < before_xid, and
 *	 x is not xid, or s < seq	(of the cancelling transaction itself)
 *
 * so a reader of events that are all newer than the newest row need not ask, which
 * is what live traffic is: see worker/stops.c.
 *
 * The statements ask the index on (id, before_xid) once for each event; LIMIT
 * keeps the planner from joining the other way round.  Both functions want a
 * transaction with an active snapshot, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/xid8.h"

#include "catalog.h"
#include "outbox/stops.h"

static EcapiStatement newest = {
	"SELECT before_xid FROM ecapi.cancellation ORDER BY before_xid DESC LIMIT 1",
	0, {0}, NULL
};

static EcapiStatement cancelled = {
	"SELECT e.i FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3)) WITH ORDINALITY e (id, xid, seq, i)"
	" CROSS JOIN LATERAL (SELECT 1 FROM ecapi.cancellation c"
	" WHERE c.id OPERATOR(pg_catalog.=) e.id"
	" AND c.before_xid OPERATOR(pg_catalog.>) e.xid"
	" AND (c.xid OPERATOR(pg_catalog.<>) e.xid OR c.seq OPERATOR(pg_catalog.>) e.seq)"
	" LIMIT 1) k",
	3, {TEXTARRAYOID, XID8ARRAYOID, INT8ARRAYOID}, NULL
};

/* See stops.h. */
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
	char	   *id = pg_any_to_server(query->id, query->id_len, PG_UTF8);

	if (id == query->id)
		return PointerGetDatum(cstring_to_text_with_len(query->id, query->id_len));
	return CStringGetTextDatum(id);
}

/* See stops.h. */
void
ecapi_stops_cancelled(EcapiStopQuery *queries, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *xids = palloc(sizeof(Datum) * n);
	Datum	   *seqs = palloc(sizeof(Datum) * n);
	Datum		values[3];
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		ids[i] = id_datum(&queries[i]);
		xids[i] = FullTransactionIdGetDatum(FullTransactionIdFromU64(queries[i].xid));
		seqs[i] = Int64GetDatum(queries[i].seq);
	}
	values[0] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(xids, n, XID8OID, sizeof(uint64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[2] = PointerGetDatum(construct_array(seqs, n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	found = ecapi_statement_execute(&cancelled, values, NULL, true);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		int64		which = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
														SPI_tuptable->tupdesc, 1, &isnull));

		queries[which - 1].stopped = true;
	}
	SPI_freetuptable(SPI_tuptable);
	pfree(ids);
	pfree(xids);
	pfree(seqs);
}

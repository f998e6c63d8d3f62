/*
 * record.c
 *	  What the worker writes down: ticks and requests.
 *
 * Ticks and requests lie in rings like the outbox, slot by the clock, and are
 * truncated with it.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "records/record.h"

static EcapiStatement insert_request = {
	"INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status,"
	" slot, server, destination, outcome, reason, error, receiver_request_id, seqs,"
	" replay, retried)"
	" VALUES (pg_catalog.nextval('ecapi.request_seq'), $1, $2, $3, $4, $5, $6, $7,"
	" $8, $9, $10, $11, $12, $13, $14, $15)",
	15, {TIMESTAMPTZOID, FLOAT8OID, INT4OID, INT4OID, INT4OID, INT2OID, OIDOID, NAMEOID, TEXTOID,
	TEXTOID, TEXTOID, TEXTOID, INT8MULTIRANGEOID, INT8OID, BOOLOID}, NULL
};

static EcapiStatement insert_tick = {
	"INSERT INTO ecapi.tick (tick_id, ticked_at, newest, slot, snapshot)"
	" VALUES (pg_catalog.nextval('ecapi.tick_seq'), $1, $2, $3, $4)",
	4, {TIMESTAMPTZOID, XID8OID, INT2OID, PG_SNAPSHOTOID}, NULL
};

static EcapiStatement ticks_after = {
	"SELECT snapshot FROM ecapi.tick WHERE newest OPERATOR(pg_catalog.>=) $1"
	" ORDER BY newest, tick_id LIMIT $2",
	2, {XID8OID, INT8OID}, NULL
};

static EcapiStatement ticks_before = {
	"SELECT snapshot, ticked_at OPERATOR(pg_catalog.<=) $3 FROM ecapi.tick"
	" WHERE newest OPERATOR(pg_catalog.>=) $1 ORDER BY newest, tick_id LIMIT $2",
	3, {XID8OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static Datum
xid8_datum(uint64 xid)
{
	return FullTransactionIdGetDatum(FullTransactionIdFromU64(xid));
}

/* A text datum; NULL and "" are null. */
static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL || text[0] == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Write one row of the request log. */
void
ecapi_record_request(EcapiRequestRow *row)
{
	NameData	destination;
	Datum		values[15];
	bool		nulls[15] = {false};

	namestrcpy(&destination, row->destination);
	values[0] = TimestampTzGetDatum(row->sent_at);
	nulls[1] = row->latency_ms < 0;
	values[1] = Float8GetDatum(row->latency_ms);
	values[2] = Int32GetDatum(row->events);
	values[3] = Int32GetDatum(row->attempt);
	nulls[4] = row->status == 0;
	values[4] = Int32GetDatum(row->status);
	values[5] = Int16GetDatum(ecapi_ring_slot(row->sent_at));
	values[6] = ObjectIdGetDatum(row->server);
	values[7] = NameGetDatum(&destination);
	values[8] = CStringGetTextDatum(row->outcome);
	values[9] = text_or_null(row->reason, &nulls[9]);
	values[10] = text_or_null(row->error, &nulls[10]);
	values[11] = text_or_null(row->receiver_request_id, &nulls[11]);
	values[12] = ecapi_seqs_datum(&row->seqs);
	nulls[13] = row->replay == 0;
	values[13] = Int64GetDatum(row->replay);
	values[14] = BoolGetDatum(row->retried);
	ecapi_statement_execute(&insert_request, values, nulls, false);
}

/* Log a tick. */
void
ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at)
{
	Datum		values[4];

	values[0] = TimestampTzGetDatum(at);
	values[1] = xid8_datum(snapshot->xmax);
	values[2] = Int16GetDatum(ecapi_ring_slot(at));
	values[3] = ecapi_snapshot_datum(snapshot);
	ecapi_statement_execute(&insert_tick, values, NULL, false);
}

/*
 * The logged ticks that are not earlier than a snapshot, in order, at most
 * max.  Fills ticks with palloc'd snapshots (in SPI's context) and returns
 * how many.
 */
int
ecapi_record_ticks_after(const EcapiSnapshot *from, int max, EcapiSnapshot **ticks)
{
	Datum		values[2];
	uint64		n;
	int			kept = 0;

	values[0] = xid8_datum(from->xmax);
	values[1] = Int64GetDatum(max);
	n = ecapi_statement_execute(&ticks_after, values, NULL, true);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		EcapiSnapshot *tick =
			ecapi_snapshot_of_datum(SPI_getbinval(SPI_tuptable->vals[i],
												  SPI_tuptable->tupdesc, 1, &isnull));

		if (ecapi_snapshot_within(from, tick))
			ticks[kept++] = tick;
	}
	return kept;
}

/*
 * Of the next max logged ticks that are not earlier than a snapshot, those that
 * were taken at or before a moment and stand before any that was not.  As
 * ecapi_record_ticks_after().
 */
int
ecapi_record_ticks_before(const EcapiSnapshot *from, TimestampTz before, int max,
						  EcapiSnapshot **ticks)
{
	Datum		values[3];
	uint64		n;
	int			kept = 0;

	values[0] = xid8_datum(from->xmax);
	values[1] = Int64GetDatum(max);
	values[2] = TimestampTzGetDatum(before);
	n = ecapi_statement_execute(&ticks_before, values, NULL, true);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		EcapiSnapshot *tick;

		if (!DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)))
			break;
		tick = ecapi_snapshot_of_datum(SPI_getbinval(row, desc, 1, &isnull));
		if (ecapi_snapshot_within(from, tick))
			ticks[kept++] = tick;
	}
	return kept;
}

/*
 * The first logged tick that sees every committed event of a slot, palloc'd in
 * SPI's context; NULL when there is none.
 */
EcapiSnapshot *
ecapi_record_tick_over(int slot)
{
	StringInfoData sql;
	EcapiSnapshot *result = NULL;
	bool		isnull;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT t.snapshot FROM ecapi.tick t WHERE t.newest OPERATOR(pg_catalog.>)"
					 " (SELECT o.xid FROM ecapi.outbox_%1$d o ORDER BY o.xid DESC, o.seq DESC LIMIT 1)"
					 " AND NOT EXISTS (SELECT FROM pg_catalog.pg_snapshot_xip(t.snapshot) x,"
					 " ecapi.outbox_%1$d o WHERE o.xid OPERATOR(pg_catalog.=) x)"
					 " ORDER BY t.newest, t.tick_id LIMIT 1", slot);
	if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the log of ticks");
	if (SPI_processed == 1)
		result = ecapi_snapshot_of_datum(SPI_getbinval(SPI_tuptable->vals[0],
													   SPI_tuptable->tupdesc, 1, &isnull));
	pfree(sql.data);
	return result;
}

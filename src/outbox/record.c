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

#include "catalog.h"
#include "outbox/record.h"

static EcapiStatement insert_request = {
	"INSERT INTO ecapi.request (request_id, sent_at, first_xid, first_seq, last_xid,"
	" last_seq, latency_ms, events, attempt, status, slot, destination, outcome,"
	" error, receiver_request_id, filtered, retried, replay)"
	" VALUES (pg_catalog.nextval('ecapi.request_seq'), $1, $2, $3, $4, $5, $6, $7,"
	" $8, $9, $10, $11, $12, $13, $14, $15::pg_catalog.jsonb,"
	" $16::pg_catalog.int8[], $17)",
	17, {TIMESTAMPTZOID, XID8OID, INT8OID, XID8OID, INT8OID, FLOAT8OID, INT4OID,
	INT4OID, INT4OID, INT2OID, NAMEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	INT8OID}, NULL
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
ecapi_record_request(const EcapiRequestRow *row)
{
	NameData	destination;
	Datum		values[17];
	bool		nulls[17] = {false};

	namestrcpy(&destination, row->destination);
	values[0] = TimestampTzGetDatum(row->sent_at);
	values[1] = xid8_datum(row->first_xid);
	values[2] = Int64GetDatum(row->first_seq);
	values[3] = xid8_datum(row->last_xid);
	values[4] = Int64GetDatum(row->last_seq);
	nulls[5] = row->latency_ms < 0;
	values[5] = Float8GetDatum(row->latency_ms);
	values[6] = Int32GetDatum(row->events);
	values[7] = Int32GetDatum(row->attempt);
	nulls[8] = row->status == 0;
	values[8] = Int32GetDatum(row->status);
	values[9] = Int16GetDatum(ecapi_ring_slot(row->sent_at));
	values[10] = NameGetDatum(&destination);
	values[11] = CStringGetTextDatum(row->outcome);
	values[12] = text_or_null(row->error, &nulls[12]);
	values[13] = text_or_null(row->receiver_request_id, &nulls[13]);
	values[14] = text_or_null(row->filtered, &nulls[14]);
	values[15] = text_or_null(row->retried, &nulls[15]);
	nulls[16] = row->replay == 0;
	values[16] = Int64GetDatum(row->replay);
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

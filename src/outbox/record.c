/*
 * record.c
 *	  What the worker writes down: ticks, requests, failed events.
 *
 * Ticks and requests lie in rings like the outbox, slot by the clock, and are
 * truncated with it.  A failed event is copied from the outbox by its key, so
 * what is kept is what was emitted, to the byte.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "catalog.h"
#include "outbox/record.h"

static EcapiStatement insert_request = {
	"INSERT INTO ecapi.request (request_id, sent_at, first_xid, first_seq, last_xid,"
	" last_seq, latency_ms, events, attempt, status, slot, destination, outcome,"
	" error, receiver_request_id, filtered)"
	" VALUES (pg_catalog.nextval('ecapi.request_seq'), $1, $2, $3, $4, $5, $6, $7,"
	" $8, $9, $10, $11, $12, $13, $14, $15::pg_catalog.jsonb)",
	15, {TIMESTAMPTZOID, XID8OID, INT8OID, XID8OID, INT8OID, FLOAT8OID, INT4OID,
	INT4OID, INT4OID, INT2OID, NAMEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

static EcapiStatement insert_failed = {
	"INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id,"
	" event, status, answer, attempts, failed_at)"
	" SELECT $1, 'dead', $2, o.xid, o.seq,"
	" o.event OPERATOR(pg_catalog.->>) 'id', o.event, $5, $6, $7,"
	" pg_catalog.clock_timestamp()"
	" FROM ecapi.outbox o"
	" WHERE o.xid OPERATOR(pg_catalog.=) $3 AND o.seq OPERATOR(pg_catalog.=) $4",
	7, {NAMEOID, TEXTOID, XID8OID, INT8OID, INT4OID, TEXTOID, INT4OID}, NULL
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

/*
 * The first part of an answer as text of the server's encoding: what is not
 * printable there becomes a question mark.
 */
static char *
answer_text(const char *answer)
{
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;
	char	   *result = palloc(ECAPI_ANSWER_KEPT + 1);
	int			n = 0;

	while (*answer != '\0')
	{
		unsigned char c = (unsigned char) *answer;
		int			len = pg_utf_mblen((const unsigned char *) answer);
		bool		whole = strnlen(answer, len) == (size_t) len;

		if (n + len > ECAPI_ANSWER_KEPT)
			break;
		if (len > 1 && utf8 && whole &&
			pg_utf8_islegal((const unsigned char *) answer, len))
		{
			memcpy(result + n, answer, len);
			n += len;
			answer += len;
			continue;
		}
		result[n++] = c < 0x80 && (c >= ' ' || c == '\n' || c == '\t') ? (char) c : '?';
		answer++;
	}
	result[n] = '\0';
	return result;
}

/* Write one row of the request log. */
void
ecapi_record_request(const EcapiRequestRow *row)
{
	NameData	destination;
	Datum		values[15];
	bool		nulls[15] = {false};

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
	ecapi_statement_execute(&insert_request, values, nulls, false);
}

/* Copy an event of the outbox to failed_event. */
void
ecapi_record_failed(const EcapiFailedRow *row)
{
	NameData	destination;
	Datum		values[7];
	bool		nulls[7] = {false};

	namestrcpy(&destination, row->destination);
	values[0] = NameGetDatum(&destination);
	values[1] = CStringGetTextDatum(row->reason);
	values[2] = xid8_datum(row->xid);
	values[3] = Int64GetDatum(row->seq);
	nulls[4] = row->status == 0;
	values[4] = Int32GetDatum(row->status);
	nulls[5] = row->answer == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(answer_text(row->answer));
	values[6] = Int32GetDatum(row->attempts);
	ecapi_statement_execute(&insert_failed, values, nulls, false);
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

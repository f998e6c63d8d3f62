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

#include "base/catalog.h"
#include "base/statement.h"
#include "outbox/ring.h"
#include "records/record.h"

static EcapiStatement insert_request = {
	"INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status,"
	" slot, server, destination, outcome, reason, error, receiver_request_id, seqs,"
	" replay, retried, arrived)"
	" VALUES (pg_catalog.nextval('ecapi.request_seq'), $1, $2, $3, $4, $5, $6, $7,"
	" $8, $9, $10, $11, $12, $13, $14, $15, $16)",
	16, {TIMESTAMPTZOID, FLOAT8OID, INT4OID, INT4OID, INT4OID, INT2OID, OIDOID, NAMEOID, TEXTOID,
	TEXTOID, TEXTOID, TEXTOID, INT8MULTIRANGEOID, INT8OID, BOOLOID, BOOLOID}, NULL
};

static EcapiStatement insert_tick = {
	"INSERT INTO ecapi.tick (tick_id, ticked_at, newest, slot, snapshot)"
	" VALUES (pg_catalog.nextval('ecapi.tick_seq'), $1, $2, $3, $4)",
	4, {TIMESTAMPTZOID, XID8OID, INT2OID, PG_SNAPSHOTOID}, NULL
};

static EcapiStatement ticks_before = {
	"SELECT snapshot, ticked_at OPERATOR(pg_catalog.<=) $3 FROM ecapi.tick"
	" WHERE newest OPERATOR(pg_catalog.>=) $1 ORDER BY newest, tick_id LIMIT $2",
	3, {XID8OID, INT8OID, TIMESTAMPTZOID}, NULL
};

/* NULL and "" are null. */
static NullableDatum
text_or_null(const char *text)
{
	return ecapi_arg_text(text == NULL || text[0] == '\0' ? NULL : text);
}

void
ecapi_record_request(EcapiRequestRow *row)
{
	ecapi_execute(&insert_request, ecapi_arg_time(row->sent_at),
				  ecapi_arg_null_if(row->latency_ms < 0, Float8GetDatum(row->latency_ms)),
				  ecapi_arg_int4(row->events), ecapi_arg_int4(row->attempt),
				  ecapi_arg_null_if(row->status == 0, Int32GetDatum(row->status)),
				  ecapi_arg_int2(ecapi_ring_slot(row->sent_at)),
				  ecapi_arg_oid(row->server), ecapi_arg_name(row->destination),
				  ecapi_arg_text(row->outcome), text_or_null(row->reason),
				  text_or_null(row->error), text_or_null(row->receiver_request_id),
				  ecapi_arg(ecapi_seqs_datum(&row->seqs)),
				  ecapi_arg_null_if(row->replay == 0, Int64GetDatum(row->replay)),
				  ecapi_arg_bool(row->retried), ecapi_arg_bool(row->arrived));
}

void
ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at)
{
	ecapi_execute(&insert_tick, ecapi_arg_time(at), ecapi_arg_xid8(snapshot->xmax),
				  ecapi_arg_int2(ecapi_ring_slot(at)), ecapi_arg_snapshot(snapshot));
}

int
ecapi_record_ticks_after(const EcapiSnapshot *from, int max, EcapiSnapshot **ticks)
{
	return ecapi_record_ticks_before(from, DT_NOEND, max, ticks);
}

int
ecapi_record_ticks_before(const EcapiSnapshot *from, TimestampTz before, int max,
						  EcapiSnapshot **ticks)
{
	uint64		n = ecapi_query(&ticks_before, ecapi_arg_xid8(from->xmax),
								ecapi_arg_int8(max), ecapi_arg_time(before));
	int			kept = 0;

	for (uint64 i = 0; i < n && ecapi_column_bool(i, 2); i++)
	{
		EcapiSnapshot *tick = ecapi_column_snapshot(i, 1);

		if (ecapi_snapshot_within(from, tick))
			ticks[kept++] = tick;
	}
	return kept;
}

EcapiSnapshot *
ecapi_record_tick_over(int slot)
{
	StringInfoData sql;
	EcapiSnapshot *result = NULL;

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
		result = ecapi_column_snapshot(0, 1);
	pfree(sql.data);
	return result;
}

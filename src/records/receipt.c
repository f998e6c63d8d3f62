/*
 * receipt.c
 *	  Requests that were accepted, whose outcome is yet to be asked for: ecapi.receipt.
 *
 * A row is written in the transaction that moves the cursor over its events, so whatever
 * has been accepted and counted is asked about, also after a crash.  It says which events
 * the request held, in its order, because platforms name events by their place.
 *
 * A row goes when the outcome is known and recorded, in one transaction.  One whose
 * outcome never came stays, with the problem, for a while: a person may look it up at the
 * platform by it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "records/receipt.h"

static EcapiStatement insert = {
	"INSERT INTO ecapi.receipt (destination, receipt, sent_at, next_ask, events, xids, seqs)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)",
	7, {NAMEOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, XID8ARRAYOID,
	INT8ARRAYOID}, NULL
};

static EcapiStatement again = {
	"UPDATE ecapi.receipt SET next_ask = $2, asks = asks OPERATOR(pg_catalog.+) 1, problem = $3"
	" WHERE receipt_id OPERATOR(pg_catalog.=) $1",
	3, {INT8OID, TIMESTAMPTZOID, TEXTOID}, NULL
};

static EcapiStatement done = {
	"DELETE FROM ecapi.receipt WHERE receipt_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}, NULL
};

/*
 * A row of the request log said of events that they were delivered, so whatever asks it
 * (a cancellation, a reconciliation) took them for that.  They go to a row of their own.
 */
static EcapiStatement accepted_only = {
	"WITH said AS (SELECT * FROM ecapi.request WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND sent_at OPERATOR(pg_catalog.=) $2 AND receiver_request_id OPERATOR(pg_catalog.=) $3"
	" AND outcome OPERATOR(pg_catalog.=) 'delivered' LIMIT 1),"
	" corrected AS (UPDATE ecapi.request r SET seqs = r.seqs OPERATOR(pg_catalog.-) $4,"
	" events = r.events OPERATOR(pg_catalog.-) $5 FROM said s"
	" WHERE r.slot OPERATOR(pg_catalog.=) s.slot AND r.request_id OPERATOR(pg_catalog.=) s.request_id)"
	" INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status,"
	" slot, server, destination, outcome, receiver_request_id, seqs, replay, retried)"
	" SELECT pg_catalog.nextval('ecapi.request_seq'), s.sent_at, s.latency_ms, $5, s.attempt,"
	" s.status, s.slot, s.server, s.destination, 'accepted', s.receiver_request_id, $4,"
	" s.replay, s.retried FROM said s",
	5, {NAMEOID, TIMESTAMPTZOID, TEXTOID, INT8MULTIRANGEOID, INT4OID}, NULL
};

/* Platforms' own reports of what they took reach back no further. */
static EcapiStatement tidy = {
	"DELETE FROM ecapi.receipt WHERE problem IS NOT NULL AND sent_at OPERATOR(pg_catalog.<)"
	" (pg_catalog.now() OPERATOR(pg_catalog.-) interval '90 days')",
	0, {InvalidOid}, NULL
};

static EcapiStatement due = {
	"SELECT receipt_id, receipt, sent_at, next_ask, asks, xids, seqs FROM ecapi.receipt"
	" WHERE destination OPERATOR(pg_catalog.=) $1 AND next_ask IS NOT NULL"
	" ORDER BY next_ask LIMIT 1",
	1, {NAMEOID}, NULL
};

static EcapiStatement rename_rows = {
	"UPDATE ecapi.receipt SET destination = $2 WHERE destination OPERATOR(pg_catalog.=) $1",
	2, {NAMEOID, NAMEOID}, NULL
};

static EcapiStatement end_rows = {
	"DELETE FROM ecapi.receipt WHERE destination OPERATOR(pg_catalog.=) $1",
	1, {NAMEOID}, NULL
};

static EcapiStatement event_of = {
	"SELECT o.event OPERATOR(pg_catalog.->>) 'event_type',"
	" o.event OPERATOR(pg_catalog.->>) 'currency_code', o.event OPERATOR(pg_catalog.->>) 'value'"
	" FROM ecapi.outbox o WHERE o.xid OPERATOR(pg_catalog.=) $1"
	" AND o.seq OPERATOR(pg_catalog.=) $2",
	2, {XID8OID, INT8OID}, NULL
};

static NullableDatum
xids_argument(const EcapiReceipt *receipt)
{
	Datum	   *xids = palloc(sizeof(Datum) * receipt->nevents);

	for (int i = 0; i < receipt->nevents; i++)
		xids[i] = UInt64GetDatum(receipt->xids[i]);
	return ecapi_arg_array(xids, receipt->nevents, XID8OID);
}

void
ecapi_receipt_insert(const char *destination, const EcapiReceipt *receipt)
{
	ecapi_execute(&insert, ecapi_arg_name(destination), ecapi_arg_text(receipt->receipt),
				  ecapi_arg_time(receipt->sent_at),
				  ecapi_arg_time(receipt->next_ask), ecapi_arg_int4(receipt->nevents),
				  xids_argument(receipt), ecapi_arg_int8s(receipt->seqs, receipt->nevents));
}

void
ecapi_receipt_change(const char *destination, EcapiReceiptChange *change)
{
	if (change->nlate > 0)
		ecapi_execute(&accepted_only, ecapi_arg_name(destination),
					  ecapi_arg_time(change->sent_at), ecapi_arg_text(change->receipt),
					  ecapi_arg(ecapi_seqs_datum(&change->late)), ecapi_arg_int4(change->nlate));
	if (change->next_ask == 0 && change->problem == NULL)
	{
		ecapi_execute(&done, ecapi_arg_int8(change->receipt_id));
		return;
	}
	if (change->problem != NULL)
		ecapi_execute(&tidy);
	ecapi_execute(&again, ecapi_arg_int8(change->receipt_id),
				  ecapi_arg_time_if_set(change->next_ask), ecapi_arg_text(change->problem));
}

/* The 64-bit elements of an array column, in context. */
static uint64 *
numbers_of(int column, MemoryContext context, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(ecapi_column_datum(0, column));
	uint64	   *numbers;

	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	numbers = MemoryContextAlloc(context, sizeof(uint64) * Max(*n, 1));
	memcpy(numbers, ARR_DATA_PTR(array), sizeof(uint64) * *n);
	return numbers;
}

bool
ecapi_receipt_due(const char *destination, TimestampTz now, MemoryContext context,
				  EcapiReceipt *receipt, TimestampTz *next)
{
	int			nseqs;

	*next = DT_NOEND;
	if (ecapi_query(&due, ecapi_arg_name(destination)) == 0)
		return false;
	receipt->next_ask = DatumGetTimestampTz(ecapi_column_datum(0, 4));
	*next = receipt->next_ask;
	if (receipt->next_ask > now)
		return false;
	receipt->receipt_id = DatumGetInt64(ecapi_column_datum(0, 1));
	receipt->receipt = MemoryContextStrdup(context, TextDatumGetCString(ecapi_column_datum(0, 2)));
	receipt->sent_at = DatumGetTimestampTz(ecapi_column_datum(0, 3));
	receipt->asks = DatumGetInt32(ecapi_column_datum(0, 5));
	receipt->xids = numbers_of(6, context, &receipt->nevents);
	receipt->seqs = (int64 *) numbers_of(7, context, &nseqs);
	receipt->nevents = Min(receipt->nevents, nseqs);
	return true;
}

static char *
text_of(int column)
{
	bool		isnull;
	Datum		value = ecapi_column(0, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

void
ecapi_receipt_event(uint64 xid, int64 seq, EcapiReceiptEvent *event)
{
	MemSet(event, 0, sizeof(EcapiReceiptEvent));
	if (ecapi_query(&event_of, ecapi_arg_xid8(xid), ecapi_arg_int8(seq)) == 0)
		return;
	event->type = text_of(1);
	event->currency = text_of(2);
	event->value = text_of(3);
}

void
ecapi_receipt_rename(const char *from, const char *to)
{
	ecapi_execute(&rename_rows, ecapi_arg_name(from), ecapi_arg_name(to));
}

void
ecapi_receipt_end(const char *destination)
{
	ecapi_execute(&end_rows, ecapi_arg_name(destination));
}

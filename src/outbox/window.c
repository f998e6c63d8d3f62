/*
 * window.c
 *	  Reading the events that became visible between two snapshots, in pages.
 *
 * Let W(S, T) be the events visible in T and not visible in S.  An event
 * belongs to the top-level transaction x that emitted it, and a transaction,
 * once decided, stays decided in every later snapshot.  So with
 * S <= T <= U <= ... each committed event lies in exactly one window: that of
 * the first snapshot that sees x.  A reader that goes from window to window
 * skips nothing and repeats nothing, in whatever order transactions commit.
 *
 * W is read by key (xid, seq) over all slots of the ring, never sorted:
 *
 *	 arm 0	each x of xip(S) that T sees, one at a time;
 *	 arm 1	[xmax(S), xmax(T)), cut at each y of xip(T): y still runs, so its
 *			rows, however many, are never walked over.
 *
 * The statements run under a snapshot that is at least as late as T, so of a
 * decided transaction they see all rows or, when it was rolled back, none; no
 * visibility function is called.  Both statements are merge-appends of index
 * scans under LIMIT (the worker switches the alternatives off and forces
 * generic plans: without statistics of this minute the planner would sort).
 *
 * Rows arrive in a receiver of our own that stops the scan when the page has
 * its bytes, so memory is bounded by one page and one event, whatever the
 * outbox holds.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "tcop/dest.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/statement.h"
#include "outbox/window.h"

typedef struct PageReceiver
{
	DestReceiver pub;
	EcapiRows  *rows;
} PageReceiver;

static EcapiStatement one_xid = {
	"SELECT xid, seq, emitted_at, event FROM ecapi.outbox"
	" WHERE xid OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.>) $2"
	" ORDER BY xid, seq LIMIT $3",
	3, {XID8OID, INT8OID, INT8OID}, NULL
};

static EcapiStatement range = {
	"SELECT xid, seq, emitted_at, event FROM ecapi.outbox"
	" WHERE (xid, seq) OPERATOR(pg_catalog.>) ($1, $2)"
	" AND xid OPERATOR(pg_catalog.<) $3"
	" ORDER BY xid, seq LIMIT $4",
	4, {XID8OID, INT8OID, XID8OID, INT8OID}, NULL
};

char *
ecapi_window_utf8(const char *text, int len, int *utf8_len)
{
	int			encoding = GetDatabaseEncoding();
	char	   *copy;
	Oid			conversion;
	int			size;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
	{
		if (encoding == PG_SQL_ASCII && !pg_verify_mbstr(PG_UTF8, text, len, true))
			return NULL;
		*utf8_len = len;
		return memcpy(palloc(len + 1), text, len);
	}
	conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(conversion))
		return NULL;
	size = len * MAX_CONVERSION_GROWTH + 1;
	copy = palloc(size);
	if (pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
									  (unsigned char *) unconstify(char *, text), len,
									  (unsigned char *) copy, size, true) != len)
		return NULL;
	*utf8_len = strlen(copy);
	return copy;
}

char *
ecapi_window_stored_utf8(Datum stored, int *utf8_len)
{
	text	   *whole = DatumGetTextPP(stored);
	char	   *utf8 = ecapi_window_utf8(VARDATA_ANY(whole), VARSIZE_ANY_EXHDR(whole), utf8_len);

	if ((Pointer) whole != DatumGetPointer(stored))
		pfree(whole);			/* a detoasted copy */
	return utf8;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	EcapiRows  *rows = ((PageReceiver *) self)->rows;
	EcapiRow   *row = &rows->rows[rows->nrows];
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	slot_getallattrs(slot);
	row->xid = U64FromFullTransactionId(DatumGetFullTransactionId(slot->tts_values[0]));
	row->seq = DatumGetInt64(slot->tts_values[1]);
	row->emitted_at = DatumGetTimestampTz(slot->tts_values[2]);
	row->len = 0;
	row->event = ecapi_window_stored_utf8(slot->tts_values[3], &row->len);
	rows->nrows++;
	rows->bytes += row->len;
	MemoryContextSwitchTo(old);
	return rows->nrows < rows->max_rows && rows->bytes < rows->max_bytes;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc type)
{
}

static void
receiver_nothing(DestReceiver *self)
{
}

static bool
page_full(const EcapiRows *rows)
{
	return rows->nrows >= rows->max_rows || rows->bytes >= rows->max_bytes;
}

/*
 * Run one statement into rows.  The last argument is the LIMIT: what the page
 * still takes.
 */
static void
fetch(EcapiStatement *statement, Datum *values, EcapiRows *rows)
{
	PageReceiver receiver = {
		.pub = {
			.receiveSlot = receive_row,
			.rStartup = receiver_startup,
			.rShutdown = receiver_nothing,
			.rDestroy = receiver_nothing,
			.mydest = DestNone
		},
		.rows = rows
	};
	SPIExecuteOptions options = {0};
	int			result;

	values[statement->nargs - 1] = Int64GetDatum(rows->max_rows - rows->nrows);
	options.params = ecapi_params(statement->nargs, statement->argtypes, values, NULL);
	options.read_only = true;
	options.dest = &receiver.pub;

	ecapi_statement_prepare(statement);
	result = SPI_execute_plan_extended(statement->plan, &options);
	if (result < 0)
		elog(ERROR, "could not read the outbox: %s", SPI_result_code_string(result));
	pfree(options.params);
}

/* Arm 0; false when the page is full before its end. */
static bool
read_decided(const EcapiSnapshot *from, const EcapiSnapshot *to,
			 EcapiPosition *position, EcapiRows *rows)
{
	for (int i = 0; i < from->nxip; i++)
	{
		uint64		x = from->xip[i];
		Datum		values[3];
		int			before = rows->nrows;

		if (x < position->xid || !ecapi_snapshot_sees(to, x) ||
			(x == position->xid && position->seq == PG_INT64_MAX))
			continue;
		if (page_full(rows))
			return false;

		values[0] = FullTransactionIdGetDatum(FullTransactionIdFromU64(x));
		values[1] = Int64GetDatum(x == position->xid ? position->seq : 0);
		fetch(&one_xid, values, rows);

		position->xid = x;
		if (page_full(rows))
		{
			if (rows->nrows > before)
				position->seq = rows->rows[rows->nrows - 1].seq;
			return false;
		}
		position->seq = PG_INT64_MAX;
	}
	position->arm = 1;
	position->xid = from->xmax;
	position->seq = 0;
	return true;
}

/* The first transaction beyond a position that still ran at to, or its xmax. */
static uint64
next_cut(const EcapiSnapshot *to, const EcapiPosition *position)
{
	for (int i = 0; i < to->nxip; i++)
		if (to->xip[i] > position->xid ||
			(to->xip[i] == position->xid && position->seq != PG_INT64_MAX))
			return to->xip[i];
	return to->xmax;
}

/* Arm 1; false when the page is full before its end. */
static bool
read_range(const EcapiSnapshot *to, EcapiPosition *position, EcapiRows *rows)
{
	for (;;)
	{
		uint64		cut = next_cut(to, position);
		Datum		values[4];
		int			before = rows->nrows;

		if (page_full(rows))
			return false;
		/* a position at (x, max) has nothing before x + 1 */
		if (position->xid + (position->seq == PG_INT64_MAX ? 1 : 0) < cut)
		{
			values[0] = FullTransactionIdGetDatum(FullTransactionIdFromU64(position->xid));
			values[1] = Int64GetDatum(position->seq);
			values[2] = FullTransactionIdGetDatum(FullTransactionIdFromU64(cut));
			fetch(&range, values, rows);
			if (page_full(rows))
			{
				if (rows->nrows > before)
				{
					position->xid = rows->rows[rows->nrows - 1].xid;
					position->seq = rows->rows[rows->nrows - 1].seq;
				}
				return false;
			}
		}
		if (cut >= to->xmax)
			return true;
		position->xid = cut;
		position->seq = PG_INT64_MAX;
	}
}

bool
ecapi_window_read(const EcapiSnapshot *from, const EcapiSnapshot *to,
				  EcapiPosition *position, EcapiRows *rows)
{
	if (position->arm == 0 && !read_decided(from, to, position, rows))
		return false;
	return read_range(to, position, rows);
}

/* Order of places in one window. */
int
ecapi_position_compare(const EcapiPosition *a, const EcapiPosition *b)
{
	if (a->arm != b->arm)
		return a->arm < b->arm ? -1 : 1;
	if (a->xid != b->xid)
		return a->xid < b->xid ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

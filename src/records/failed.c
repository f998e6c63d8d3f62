/*
 * failed.c
 *	  Events that a destination failed on: rows of ecapi.failed_event.
 *
 * A failed event is copied from the outbox by its key, so what is kept, and
 * sent again, is what was emitted, to the byte.  What was erased meanwhile is not
 * kept.
 *
 *	 waiting	is tried again at next_try
 *	 dead		is not, until an operator asks for it: its time is over, or
 *				trying again makes no sense
 *	 set_aside	belongs to capture; nothing here touches it
 *
 * A waiting event that is delivered at last has its row deleted; the request
 * log tells of it.  Rows are keyed by the destination's name, as the request
 * log is; they follow a rename and die with their destination, so that a new
 * one of the same name does not send them by itself.
 *
 * An event stands once for a destination.  It may fail twice: its row is written
 * when it fails, but the cursor passes it only when all before it have ended, so a
 * crash between the two has it sent again; and a replay may fail on it.  Only
 * the worker of the database writes such rows, so looking before is enough.
 *
 * Locks: an operator's open transaction may hold rows (a retry, a discard).
 * The worker must not wait for it, so it locks with SKIP LOCKED, and changes
 * all the rows it has in hand or none.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "outbox/window.h"
#include "records/failed.h"

static EcapiStatement insert = {
	"INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id,"
	" event, emitter, relation, status, answer, attempts, failed_at, retry_since, next_try)"
	" SELECT $1, CASE WHEN $8 IS NULL THEN 'dead' ELSE 'waiting' END, $2, o.xid, o.seq,"
	" o.event OPERATOR(pg_catalog.->>) 'id', o.event, o.emitter, o.relation, $5, $6, $7,"
	" pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), $8"
	" FROM ecapi.outbox o"
	" WHERE o.xid OPERATOR(pg_catalog.=) $3 AND o.seq OPERATOR(pg_catalog.=) $4"
	" AND o.event OPERATOR(pg_catalog.->>) 'erased' IS NULL"
	" AND NOT EXISTS (SELECT FROM ecapi.failed_event f"
	" WHERE f.destination OPERATOR(pg_catalog.=) $1 AND f.seq OPERATOR(pg_catalog.=) $4"
	" AND f.xid OPERATOR(pg_catalog.=) $3)",
	8, {NAMEOID, TEXTOID, XID8OID, INT8OID, INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID}, NULL
};

/* Rows that are there, and those of them that nobody else has locked. */
static EcapiStatement count_rows = {
	"SELECT pg_catalog.count(*) FROM ecapi.failed_event"
	" WHERE failed_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement lock_rows = {
	"SELECT failed_id FROM ecapi.failed_event"
	" WHERE failed_id OPERATOR(pg_catalog.=) ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	1, {INT8ARRAYOID}, NULL
};

static EcapiStatement change = {
	"UPDATE ecapi.failed_event SET"
	" state = CASE WHEN $6 IS NULL THEN 'dead' ELSE 'waiting' END,"
	" reason = $2, status = $3, answer = $4, attempts = $5, next_try = $6"
	" WHERE failed_id OPERATOR(pg_catalog.=) $1",
	6, {INT8OID, TEXTOID, INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement done = {
	"DELETE FROM ecapi.failed_event WHERE failed_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}, NULL
};

static EcapiStatement due_rows = {
	"SELECT failed_id, xid, seq, attempts, retry_since, next_try, event"
	" FROM ecapi.failed_event"
	" WHERE destination OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'waiting'"
	" ORDER BY next_try LIMIT $2",
	2, {NAMEOID, INT8OID}, NULL
};

/*
 * Each try moves a row on in the index and leaves a dead entry behind; while an old
 * snapshot keeps those, a look from the start walks over all of them.
 */
static EcapiStatement due_rows_from = {
	"SELECT failed_id, xid, seq, attempts, retry_since, next_try, event"
	" FROM ecapi.failed_event"
	" WHERE destination OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'waiting'"
	" AND next_try OPERATOR(pg_catalog.>=) $3 ORDER BY next_try LIMIT $2",
	3, {NAMEOID, INT8OID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement rename_rows = {
	"UPDATE ecapi.failed_event SET destination = $2"
	" WHERE destination OPERATOR(pg_catalog.=) $1",
	2, {NAMEOID, NAMEOID}, NULL
};

static EcapiStatement end_rows = {
	"UPDATE ecapi.failed_event SET state = 'dead', next_try = NULL"
	" WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) 'waiting'",
	1, {NAMEOID}, NULL
};

char *
ecapi_failed_answer(const char *answer)
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

/* Status, answer, next try: where a row says them. */
static void
set_outcome(const EcapiFailedRow *row, Datum *status, bool *no_status,
			Datum *answer, bool *no_answer, Datum *next_try, bool *no_next_try)
{
	*no_status = row->status == 0;
	*status = Int32GetDatum(row->status);
	*no_answer = row->answer == NULL;
	*answer = *no_answer ? (Datum) 0 : CStringGetTextDatum(ecapi_failed_answer(row->answer));
	*no_next_try = row->next_try == 0;
	*next_try = TimestampTzGetDatum(row->next_try);
}

/* Copy an event of the outbox to failed_event, unless it is there. */
void
ecapi_failed_insert(const EcapiFailedRow *row)
{
	NameData	destination;
	Datum		values[8];
	bool		nulls[8] = {false};

	namestrcpy(&destination, row->destination);
	values[0] = NameGetDatum(&destination);
	values[1] = CStringGetTextDatum(row->reason);
	values[2] = FullTransactionIdGetDatum(FullTransactionIdFromU64(row->xid));
	values[3] = Int64GetDatum(row->seq);
	set_outcome(row, &values[4], &nulls[4], &values[5], &nulls[5], &values[7], &nulls[7]);
	values[6] = Int32GetDatum(row->attempts);
	ecapi_statement_execute(&insert, values, nulls, false);
}

/*
 * Lock the rows that these (a list of EcapiFailedRow) change, without waiting.
 * False when another transaction holds one of them; rows that are gone do not
 * count.
 */
bool
ecapi_failed_lock(List *rows)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(list_length(rows), 1));
	Datum		values[1];
	ListCell   *cell;
	int			n = 0;
	int64		there;
	bool		isnull;

	foreach(cell, rows)
		ids[n++] = Int64GetDatum(((EcapiFailedRow *) lfirst(cell))->failed_id);
	values[0] = PointerGetDatum(construct_array(ids, n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	ecapi_statement_execute(&count_rows, values, NULL, false);
	there = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										1, &isnull));
	return (int64) ecapi_statement_execute(&lock_rows, values, NULL, false) == there;
}

/* Change or delete the row of an event that was tried again, if it is there. */
void
ecapi_failed_change(const EcapiFailedRow *row)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = Int64GetDatum(row->failed_id);
	if (row->delivered)
	{
		ecapi_statement_execute(&done, values, NULL, false);
		return;
	}
	values[1] = CStringGetTextDatum(row->reason);
	set_outcome(row, &values[2], &nulls[2], &values[3], &nulls[3], &values[5], &nulls[5]);
	values[4] = Int32GetDatum(row->attempts);
	ecapi_statement_execute(&change, values, nulls, false);
}

static void
take_due(HeapTuple tuple, TupleDesc desc, EcapiDueRows *due)
{
	MemoryContext old = MemoryContextSwitchTo(due->context);
	EcapiDue   *row = &due->rows[due->nrows++];
	bool		isnull;
	Datum		event = SPI_getbinval(tuple, desc, 7, &isnull);
	text	   *stored = DatumGetTextPP(event);
	Datum		seq = SPI_getbinval(tuple, desc, 3, &isnull);

	row->seq = isnull ? 0 : DatumGetInt64(seq);
	row->failed_id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	row->xid = U64FromFullTransactionId(
		DatumGetFullTransactionId(SPI_getbinval(tuple, desc, 2, &isnull)));
	row->attempts = DatumGetInt32(SPI_getbinval(tuple, desc, 4, &isnull));
	row->retry_since = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 5, &isnull));
	if (isnull)
		row->retry_since = 0;
	row->len = 0;
	row->event = ecapi_window_utf8(VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored),
								   &row->len);
	if ((Pointer) stored != DatumGetPointer(event))
		pfree(stored);			/* a detoasted copy */
	due->bytes += row->len;
	MemoryContextSwitchTo(old);
}

void
ecapi_failed_due(const char *destination, TimestampTz from, TimestampTz now,
				 EcapiDueRows *due)
{
	NameData	name;
	Datum		values[3];
	uint64		n;

	namestrcpy(&name, destination);
	values[0] = NameGetDatum(&name);
	values[1] = Int64GetDatum(due->max_rows + 1);
	values[2] = TimestampTzGetDatum(from);
	n = ecapi_statement_execute(from == DT_NOBEGIN ? &due_rows : &due_rows_from, values,
								NULL, true);
	due->next = 0;
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		datum = SPI_getbinval(tuple, desc, 6, &isnull);
		TimestampTz next_try = isnull ? now : DatumGetTimestampTz(datum);

		if (next_try > now || due->nrows >= due->max_rows || due->bytes >= due->max_bytes)
		{
			due->next = next_try;
			break;
		}
		take_due(tuple, desc, due);
	}
}

/* A destination has a new name. */
void
ecapi_failed_rename(const char *old_name, const char *new_name)
{
	NameData	from;
	NameData	to;
	Datum		values[2];

	namestrcpy(&from, old_name);
	namestrcpy(&to, new_name);
	values[0] = NameGetDatum(&from);
	values[1] = NameGetDatum(&to);
	ecapi_statement_execute(&rename_rows, values, NULL, false);
}

/* A destination is gone: nothing of it is tried again. */
void
ecapi_failed_end(const char *destination)
{
	NameData	name;
	Datum		values[1];

	namestrcpy(&name, destination);
	values[0] = NameGetDatum(&name);
	ecapi_statement_execute(&end_rows, values, NULL, false);
}

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
 * A waiting event that is delivered at last, or whose person has withdrawn consent, has
 * its row deleted; the request log reports it.  Rows are keyed by the destination's name, as the request
 * log is; they follow a rename and die with their destination, so that a new
 * one of the same name does not send them by itself.
 *
 * An event stands once for a destination.  It may fail twice: its row is written
 * when it fails, but the cursor passes it only when all before it have ended, so a
 * crash between the two has it sent again; and a replay may fail on it.  Only
 * the worker of a destination writes its rows, so looking before is enough.
 *
 * Locks: an operator's open transaction may hold rows (a retry, a discard).
 * The worker must not wait for it, so it locks with SKIP LOCKED, and changes
 * all the rows it holds or none.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "base/statement.h"
#include "outbox/window.h"
#include "records/failed.h"

static EcapiStatement insert = {
	"INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id,"
	" event, emitter, relation, status, answer, attempts, failed_at, retry_since, next_try,"
	" sent_at)"
	" SELECT $1, CASE WHEN $8 IS NULL THEN 'dead' ELSE 'waiting' END, $2, o.xid, o.seq,"
	" o.event OPERATOR(pg_catalog.->>) 'id', o.event, o.emitter, o.relation, $5, $6, $7,"
	" pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), $8, $9"
	" FROM ecapi.outbox o"
	" WHERE o.xid OPERATOR(pg_catalog.=) $3 AND o.seq OPERATOR(pg_catalog.=) $4"
	" AND o.event OPERATOR(pg_catalog.->>) 'erased' IS NULL"
	" AND NOT EXISTS (SELECT FROM ecapi.failed_event f"
	" WHERE f.destination OPERATOR(pg_catalog.=) $1 AND f.seq OPERATOR(pg_catalog.=) $4"
	" AND f.xid OPERATOR(pg_catalog.=) $3)",
	9, {NAMEOID, TEXTOID, XID8OID, INT8OID, INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID,
	TIMESTAMPTZOID}, NULL
};

/* Of a row that was there, what was sent later still tells when it may have arrived. */
static EcapiStatement sent_again = {
	"UPDATE ecapi.failed_event SET sent_at = $4 WHERE failed_id OPERATOR(pg_catalog.=)"
	" (SELECT f.failed_id FROM ecapi.failed_event f"
	" WHERE f.destination OPERATOR(pg_catalog.=) $1 AND f.seq OPERATOR(pg_catalog.=) $3"
	" AND f.xid OPERATOR(pg_catalog.=) $2 AND f.sent_at IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED)",
	4, {NAMEOID, XID8OID, INT8OID, TIMESTAMPTZOID}, NULL
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
	" reason = $2, status = $3, answer = $4, attempts = $5, next_try = $6,"
	" sent_at = coalesce(sent_at, $7)"
	" WHERE failed_id OPERATOR(pg_catalog.=) $1",
	7, {INT8OID, TEXTOID, INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement change_sent = {
	"UPDATE ecapi.failed_event SET sent_at = coalesce(sent_at, $2)"
	" WHERE failed_id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement done = {
	"DELETE FROM ecapi.failed_event WHERE failed_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}, NULL
};

static EcapiStatement due_rows = {
	"SELECT failed_id, xid, seq, attempts, retry_since, next_try, event, sent_at"
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
	"SELECT failed_id, xid, seq, attempts, retry_since, next_try, event, sent_at"
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

/* The answer of a row as it is kept. */
static NullableDatum
answer_of(const EcapiFailedRow *row)
{
	return ecapi_arg_text(row->answer == NULL ? NULL : ecapi_failed_answer(row->answer));
}

void
ecapi_failed_insert(const EcapiFailedRow *row)
{
	uint64		inserted =
		ecapi_execute(&insert, ecapi_arg_name(row->destination), ecapi_arg_text(row->reason),
					  ecapi_arg_xid8(row->xid), ecapi_arg_int8(row->seq),
					  ecapi_arg_null_if(row->status == 0, Int32GetDatum(row->status)),
					  answer_of(row), ecapi_arg_int4(row->attempts),
					  ecapi_arg_time_if_set(row->next_try),
					  ecapi_arg_time_if_set(row->sent_at));

	if (inserted == 0 && row->sent_at != 0)
		ecapi_execute(&sent_again, ecapi_arg_name(row->destination), ecapi_arg_xid8(row->xid),
					  ecapi_arg_int8(row->seq), ecapi_arg_time(row->sent_at));
}

bool
ecapi_failed_lock(List *rows)
{
	int64	   *ids = palloc(sizeof(int64) * Max(list_length(rows), 1));
	NullableDatum array;
	ListCell   *cell;
	int			n = 0;
	uint64		there;

	foreach(cell, rows)
		ids[n++] = ((EcapiFailedRow *) lfirst(cell))->failed_id;
	array = ecapi_arg_int8s(ids, n);
	ecapi_execute(&count_rows, array);
	there = (uint64) ecapi_column_int8(0, 1);
	return ecapi_execute(&lock_rows, array) == there;
}

void
ecapi_failed_change(const EcapiFailedRow *row)
{
	if (row->ended)
		ecapi_execute(&done, ecapi_arg_int8(row->failed_id));
	else if (row->only_sent)
		ecapi_execute(&change_sent, ecapi_arg_int8(row->failed_id),
					  ecapi_arg_time(row->sent_at));
	else
		ecapi_execute(&change, ecapi_arg_int8(row->failed_id), ecapi_arg_text(row->reason),
					  ecapi_arg_null_if(row->status == 0, Int32GetDatum(row->status)),
					  answer_of(row), ecapi_arg_int4(row->attempts),
					  ecapi_arg_time_if_set(row->next_try),
					  ecapi_arg_time_if_set(row->sent_at));
}

static void
take_due(uint64 i, EcapiDueRows *due)
{
	MemoryContext old = MemoryContextSwitchTo(due->context);
	EcapiDue   *row = &due->rows[due->nrows++];

	row->failed_id = ecapi_column_int8(i, 1);
	row->xid = ecapi_column_xid8(i, 2);
	row->seq = ecapi_column_int8(i, 3);
	row->attempts = ecapi_column_int4(i, 4);
	row->retry_since = ecapi_column_time(i, 5);
	row->sent_at = ecapi_column_time(i, 8);
	row->len = 0;
	row->event = ecapi_window_stored_utf8(ecapi_column_datum(i, 7), &row->len);
	due->bytes += row->len;
	MemoryContextSwitchTo(old);
}

void
ecapi_failed_due(const char *destination, TimestampTz from, TimestampTz now,
				 EcapiDueRows *due)
{
	NullableDatum name = ecapi_arg_name(destination);
	NullableDatum limit = ecapi_arg_int8(due->max_rows + 1);
	uint64		n = from == DT_NOBEGIN ? ecapi_query(&due_rows, name, limit) :
		ecapi_query(&due_rows_from, name, limit, ecapi_arg_time(from));

	due->next = 0;
	for (uint64 i = 0; i < n; i++)
	{
		TimestampTz next_try = ecapi_column_is_null(i, 6) ? now : ecapi_column_time(i, 6);

		if (next_try > now || due->nrows >= due->max_rows || due->bytes >= due->max_bytes)
		{
			due->next = next_try;
			break;
		}
		take_due(i, due);
	}
}

/* A destination has a new name. */
void
ecapi_failed_rename(const char *old_name, const char *new_name)
{
	ecapi_execute(&rename_rows, ecapi_arg_name(old_name), ecapi_arg_name(new_name));
}

/* A destination is gone: nothing of it is tried again. */
void
ecapi_failed_end(const char *destination)
{
	ecapi_execute(&end_rows, ecapi_arg_name(destination));
}

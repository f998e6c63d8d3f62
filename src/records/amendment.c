/*
 * amendment.c
 *	  What events are worth now: rows of ecapi.amendment.
 *
 * ecapi.amend(id, patch) appends a row, whatever the outbox holds.  What is amended, the
 * original, is the last event of that id that was emitted before the call; "before" is
 * what it is for cancellations (EcapiCover).
 *
 * The amendments of an id are numbered.  An amendment's own id is that of the original,
 * ":amended:", the number and a digest of the patch.  So
 *	(1)	the same call once more is one amendment: its digest is that of the last one;
 *	(2)	a value that changes and changes back makes a third amendment, with an id of its
 *		own, as receivers keep one event of an id;
 *	(3)	two transactions that amend an id at the same time take the same number: with
 *		the same patch they name one event, which is emitted once, with others two.
 *
 * States of a row; the arrows are the worker's (pipeline/amend_job.c), in the transaction
 * that appends the event, if there is one:
 *
 *	 open				the original is yet to be found
 *	   --> emitted			the event is in the outbox; what becomes of it is decided at
 *						each destination when its turn comes (pipeline/amend_wait.c)
 *	   --> not found		the original is not in the outbox: there never was one, or it
 *						is older than what the outbox keeps
 *	   --> cancelled, erased, consent withdrawn		the original is
 *	   --> refused		it is of a kind that cannot be amended, or the patch would make
 *						an invalid event of it
 *	   --> dropped		the outbox was full, or the role's share of it
 *
 * The patch stays in the row while that is open, so what it says of a person is forgotten
 * with the event that is made of it.  A row goes when it is as old as the retention.
 * It is jsonb, where a number of a few bytes may have a text of 131 kB, so no statement
 * casts it to text.
 *
 * Locks: the worker takes rows with SKIP LOCKED, so it never waits for somebody's open
 * transaction.  All functions want a transaction, SPI connected (a snapshot, where they
 * are read-only), but for the first two, which backends call as the extension's owner;
 * and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "base/tree.h"
#include "event/buffer.h"
#include "outbox/window.h"
#include "records/amendment.h"
#include "settings.h"

static const char *const states[] = {
	"emitted", "not found", "cancelled", "erased", "consent withdrawn", "refused", "dropped"
};

static EcapiStatement last_of_id = {
	"SELECT number, event_id, digest, state OPERATOR(pg_catalog.=) ANY ('{open,emitted}')"
	" FROM ecapi.amendment WHERE id OPERATOR(pg_catalog.=) $1 ORDER BY amend_id DESC LIMIT 1",
	1, {TEXTOID}, NULL
};

static EcapiStatement create = {
	"INSERT INTO ecapi.amendment (id, number, event_id, digest, patch, xid, before_xid, seq,"
	" since, emitter, amended_at, amended_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, pg_catalog.clock_timestamp(), $11)",
	11, {TEXTOID, INT4OID, TEXTOID, TEXTOID, JSONBOID, XID8OID, XID8OID, INT8OID,
	TIMESTAMPTZOID, OIDOID, NAMEOID}, NULL
};

static EcapiStatement load = {
	"SELECT amend_id, id, event_id, xid, before_xid, seq, since, amended_at, emitter"
	" FROM ecapi.amendment WHERE state OPERATOR(pg_catalog.=) 'open' ORDER BY amend_id LIMIT $1",
	1, {INT8OID}, NULL
};

static EcapiStatement lock = {
	"SELECT a.patch, EXISTS (SELECT FROM ecapi.amendment o"
	"  WHERE o.id OPERATOR(pg_catalog.=) a.id AND o.event_id OPERATOR(pg_catalog.=) a.event_id"
	"  AND o.state OPERATOR(pg_catalog.=) 'emitted')"
	" FROM ecapi.amendment a WHERE a.amend_id OPERATOR(pg_catalog.=) $1"
	" AND a.state OPERATOR(pg_catalog.=) 'open' FOR UPDATE OF a SKIP LOCKED",
	1, {INT8OID}, NULL
};

static EcapiStatement resolve = {
	"UPDATE ecapi.amendment SET state = $2, reason = $3, patch = NULL,"
	" resolved_at = pg_catalog.clock_timestamp() WHERE amend_id OPERATOR(pg_catalog.=) $1",
	3, {INT8OID, TEXTOID, TEXTOID}, NULL
};

/* The oldest are looked at, so that it costs little where nothing is to go. */
static EcapiStatement clean = {
	"DELETE FROM ecapi.amendment WHERE amend_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.amend_id FROM (SELECT amend_id, resolved_at FROM ecapi.amendment"
	" ORDER BY amend_id LIMIT 10000) o WHERE o.resolved_at OPERATOR(pg_catalog.<) $1))",
	1, {TIMESTAMPTZOID}, NULL
};

void
ecapi_amendment_last(const char *id, MemoryContext context, EcapiLastAmendment *last)
{
	MemoryContext old;

	MemSet(last, 0, sizeof(*last));
	if (ecapi_execute(&last_of_id, ecapi_arg_text(id)) == 0)
		return;
	old = MemoryContextSwitchTo(context);
	last->number = ecapi_column_int4(0, 1);
	last->event_id = ecapi_column_text(0, 2);
	last->digest = ecapi_column_text(0, 3);
	last->counts = ecapi_column_bool(0, 4);
	MemoryContextSwitchTo(old);
}

void
ecapi_amendment_create(const EcapiAmendmentRow *row)
{
	EcapiCover	cover = ecapi_cover_now();

	ecapi_fire_own_triggers();
	ecapi_execute(&create, ecapi_arg_text(row->id), ecapi_arg_int4(row->number),
				  ecapi_arg_text(row->event_id), ecapi_arg_text(row->digest),
				  ecapi_arg(row->patch), ecapi_arg_xid8(cover.xid),
				  ecapi_arg_xid8(cover.before_xid), ecapi_arg_int8(cover.seq),
				  ecapi_arg_null_if(row->since == DT_NOBEGIN, TimestampTzGetDatum(row->since)),
				  ecapi_arg_oid(row->emitter), ecapi_arg_name(row->by));
}

/* A text column in UTF-8, in the current context. */
static char *
utf8_column(uint64 row, int column)
{
	char	   *text = ecapi_column_text(row, column);

	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

int
ecapi_amendment_load(int max, MemoryContext context, EcapiAmendment **list)
{
	uint64		n = ecapi_query(&load, ecapi_arg_int8(max));
	MemoryContext old = MemoryContextSwitchTo(context);

	*list = palloc0(sizeof(EcapiAmendment) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		EcapiAmendment *one = &(*list)[i];

		one->amend_id = ecapi_column_int8(i, 1);
		one->id = utf8_column(i, 2);
		one->event_id = utf8_column(i, 3);
		one->cover.xid = ecapi_column_xid8(i, 4);
		one->cover.before_xid = ecapi_column_xid8(i, 5);
		one->cover.seq = ecapi_column_int8(i, 6);
		one->since = ecapi_column_is_null(i, 7) ? DT_NOBEGIN : ecapi_column_time(i, 7);
		one->amended_at = ecapi_column_time(i, 8);
		one->emitter = ecapi_column_oid(i, 9);
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	return (int) n;
}

char *
ecapi_amendment_lock(int64 amend_id, int *len, bool *emitted)
{
	EcapiBuffer json;
	char	   *patch;

	*len = 0;
	if (ecapi_execute(&lock, ecapi_arg_int8(amend_id)) == 0)
		return NULL;
	*emitted = ecapi_column_bool(0, 2);
	ecapi_tree_buffer(&json, (size_t) ecapi_max_event_size * 1024 * ECAPI_JSONB_BLOAT,
					  CurrentMemoryContext);
	ecapi_tree_write_jsonb(&json, DatumGetJsonbP(ecapi_column_datum(0, 1)));
	if (json.failed)
		ecapi_tree_out_of_memory();
	patch = json.full ? NULL : ecapi_window_utf8(json.data, json.len, len);
	return patch == NULL ? pstrdup("") : patch;
}

void
ecapi_amendment_resolve(int64 amend_id, EcapiAmendmentEnd how, const char *reason)
{
	ecapi_execute(&resolve, ecapi_arg_int8(amend_id), ecapi_arg_text(states[how]),
				  ecapi_arg_text(reason));
}

void
ecapi_amendment_clean(TimestampTz before)
{
	ecapi_execute(&clean, ecapi_arg_time(before));
}

/*
 * replay.c
 *	  Replays of a destination: rows of ecapi.replay_cursor.
 *
 * A replay sends a destination events of the ring again, under the same ids.
 * It reads one window (S, T] with a position of its own, beside the cursor:
 *
 *	 S	the newest logged tick before which no tick was later than since.  An
 *		event that was emitted at since or later belongs to a transaction that
 *		was undecided at that tick, so it lies in the window, however late it
 *		committed.  Without such a tick, S sees nothing at all
 *	 T	the moment of the request, without the requesting transaction
 *
 * Invariants
 *	(1) Every event that T sees, that is still in the ring, and was emitted in
 *		[since, until), is sent again or filtered; position moves only over a
 *		contiguous disposed prefix.
 *	(2) Rotation respects a replay that is not at its end as it respects a
 *		cursor (rotation.c): nothing between position and T is truncated.
 *
 *	 waiting --(the worker takes it up; one at a time, oldest first)--> running
 *	 running --(position at the end of the window)--> finished
 *	 waiting, running --(ecapi.cancel_replay, adopt, rebase)--> cancelled
 *
 * A row is found from the top of its index, as a cursor's is (cursor.c), so that no
 * write walks over dead versions of it.
 *
 * Locks: an operator's open transaction may hold a row; the worker skips it and
 * writes the position another time.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "records/replay.h"

/* The address of a replay's row. */
#define NEWEST \
	"(SELECT n.ctid FROM ecapi.replay_cursor n WHERE n.replay_id OPERATOR(pg_catalog.=) $1" \
	" ORDER BY n.generation DESC LIMIT 1)"

static EcapiStatement load = {
	"SELECT replay_id, destination, since, until, event_types, snapshot, window_end,"
	" arm, xid, seq, delivered, filtered, failed, passed_over"
	" FROM ecapi_internal.newest_replay WHERE state OPERATOR(pg_catalog.=) ANY ('{waiting,running}')"
	" ORDER BY replay_id",
	0, {0}, NULL
};

static EcapiStatement lock = {
	"SELECT 1 FROM ecapi.replay_cursor WHERE ctid OPERATOR(pg_catalog.=) " NEWEST
	" AND replay_id OPERATOR(pg_catalog.=) $1 FOR UPDATE SKIP LOCKED",
	1, {INT8OID}, NULL
};

static EcapiStatement write_row = {
	"UPDATE ecapi.replay_cursor SET arm = $2, xid = $3, seq = $4, delivered = $5,"
	" filtered = $6, failed = $7, passed_over = $8,"
	" state = CASE WHEN state OPERATOR(pg_catalog.=) 'cancelled' THEN state"
	" WHEN $9 THEN 'finished' ELSE 'running' END,"
	" finished_at = CASE WHEN $9 THEN coalesce(finished_at, pg_catalog.clock_timestamp())"
	" ELSE finished_at END,"
	" written = written OPERATOR(pg_catalog.+) 1,"
	" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16,"
	" recorded_at = pg_catalog.clock_timestamp()"
	" WHERE ctid OPERATOR(pg_catalog.=) " NEWEST,
	9, {INT8OID, INT2OID, XID8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, BOOLOID}, NULL
};

static EcapiStatement create = {
	"INSERT INTO ecapi.replay_cursor (destination, since, until, event_types, snapshot,"
	" window_end, requested_at, requested_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7)"
	" RETURNING replay_id",
	7, {NAMEOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, PG_SNAPSHOTOID, PG_SNAPSHOTOID,
	NAMEOID}, NULL
};

/* A clock that was set back leaves later ticks before earlier ones. */
static EcapiStatement start_tick = {
	"WITH later AS MATERIALIZED (SELECT newest, tick_id FROM ecapi.tick"
	" WHERE ticked_at OPERATOR(pg_catalog.>) $1 ORDER BY newest, tick_id LIMIT 1)"
	" SELECT t.snapshot FROM ecapi.tick t WHERE NOT EXISTS (SELECT FROM later l"
	" WHERE (l.newest, l.tick_id) OPERATOR(pg_catalog.<=) (t.newest, t.tick_id))"
	" ORDER BY t.newest DESC, t.tick_id DESC LIMIT 1",
	1, {TIMESTAMPTZOID}, NULL
};

static EcapiStatement oldest = {
	"SELECT emitted_at FROM ecapi.outbox ORDER BY xid, seq LIMIT 1",
	0, {0}, NULL
};

static EcapiStatement cancel = {
	"UPDATE ecapi.replay_cursor SET state = 'cancelled',"
	" finished_at = pg_catalog.clock_timestamp()"
	" WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) ANY ('{waiting,running}')"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR replay_id OPERATOR(pg_catalog.=) $2)",
	2, {NAMEOID, INT8OID}, NULL
};

static EcapiStatement rename_rows = {
	"UPDATE ecapi.replay_cursor SET destination = $2"
	" WHERE destination OPERATOR(pg_catalog.=) $1",
	2, {NAMEOID, NAMEOID}, NULL
};

static EcapiStatement forget = {
	"DELETE FROM ecapi.replay_cursor WHERE destination OPERATOR(pg_catalog.=) $1",
	1, {NAMEOID}, NULL
};

static Datum
column(int row, int i, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i, isnull);
}

static EcapiReplayRow *
replay_of_row(int row)
{
	EcapiReplayRow *replay = palloc0(sizeof(EcapiReplayRow));
	bool		isnull;
	Datum		datum;

	replay->id = DatumGetInt64(column(row, 1, &isnull));
	replay->destination = *DatumGetName(column(row, 2, &isnull));
	replay->since = DatumGetTimestampTz(column(row, 3, &isnull));
	replay->until = DatumGetTimestampTz(column(row, 4, &isnull));
	datum = column(row, 5, &isnull);
	replay->event_types = isnull ? NULL : TextDatumGetCString(datum);
	replay->from = ecapi_snapshot_of_datum(column(row, 6, &isnull));
	replay->to = ecapi_snapshot_of_datum(column(row, 7, &isnull));
	replay->position.arm = DatumGetInt16(column(row, 8, &isnull));
	replay->position.xid =
		U64FromFullTransactionId(DatumGetFullTransactionId(column(row, 9, &isnull)));
	replay->position.seq = DatumGetInt64(column(row, 10, &isnull));
	replay->delivered = DatumGetInt64(column(row, 11, &isnull));
	replay->filtered = DatumGetInt64(column(row, 12, &isnull));
	replay->failed = DatumGetInt64(column(row, 13, &isnull));
	replay->passed_over = DatumGetInt64(column(row, 14, &isnull));
	return replay;
}

/*
 * All replays that are not at their end, oldest first, as a list of
 * EcapiReplayRow in a context of the caller's.
 */
List *
ecapi_replay_load(MemoryContext context)
{
	List	   *result = NIL;
	uint64		n = ecapi_statement_execute(&load, NULL, NULL, true);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < n; i++)
		result = lappend(result, replay_of_row(i));
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Write position and counts; a cancelled replay stays so.  False when another
 * transaction holds the row, or it is gone.
 */
bool
ecapi_replay_write(const EcapiReplayRow *row)
{
	Datum		values[9];

	values[0] = Int64GetDatum(row->id);
	if (ecapi_statement_execute(&lock, values, NULL, false) == 0)
		return false;
	values[1] = Int16GetDatum(row->position.arm);
	values[2] = FullTransactionIdGetDatum(FullTransactionIdFromU64(row->position.xid));
	values[3] = Int64GetDatum(row->position.seq);
	values[4] = Int64GetDatum(row->delivered);
	values[5] = Int64GetDatum(row->filtered);
	values[6] = Int64GetDatum(row->failed);
	values[7] = Int64GetDatum(row->passed_over);
	values[8] = BoolGetDatum(row->finished);
	ecapi_statement_execute(&write_row, values, NULL, false);
	return true;
}

/* A new replay, at the start of its window; returns its id. */
int64
ecapi_replay_create(const EcapiReplayRow *row, const char *user)
{
	NameData	requested_by;
	Datum		values[7];
	bool		nulls[7] = {false};
	bool		isnull;

	namestrcpy(&requested_by, user);
	values[0] = NameGetDatum(&row->destination);
	values[1] = TimestampTzGetDatum(row->since);
	values[2] = TimestampTzGetDatum(row->until);
	nulls[3] = row->event_types == NULL;
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(row->event_types);
	values[4] = ecapi_snapshot_datum(row->from);
	values[5] = ecapi_snapshot_datum(row->to);
	values[6] = NameGetDatum(&requested_by);
	ecapi_statement_execute(&create, values, nulls, false);
	return DatumGetInt64(column(0, 1, &isnull));
}

/* Where a window begins that holds every event emitted at since or later. */
EcapiSnapshot *
ecapi_replay_start(TimestampTz since)
{
	Datum		values[1];
	EcapiSnapshot *nothing;
	bool		isnull;

	values[0] = TimestampTzGetDatum(since);
	if (ecapi_statement_execute(&start_tick, values, NULL, false) > 0)
		return ecapi_snapshot_of_datum(column(0, 1, &isnull));
	nothing = palloc0(sizeof(EcapiSnapshot) + sizeof(uint64));
	nothing->xmin = nothing->xmax = 1;
	return nothing;
}

/* When the oldest event was emitted that the ring still holds; 0: it is empty. */
TimestampTz
ecapi_replay_oldest(void)
{
	bool		isnull;

	if (ecapi_statement_execute(&oldest, NULL, NULL, false) == 0)
		return 0;
	return DatumGetTimestampTz(column(0, 1, &isnull));
}

static Datum
name_datum(NameData *buffer, const char *name)
{
	namestrcpy(buffer, name);
	return NameGetDatum(buffer);
}

/* Cancel a replay, or, with id 0, all of a destination; returns how many. */
int64
ecapi_replay_cancel(const char *destination, int64 id)
{
	NameData	name;
	Datum		values[2];

	values[0] = name_datum(&name, destination);
	values[1] = Int64GetDatum(id);
	return (int64) ecapi_statement_execute(&cancel, values, NULL, false);
}

/* A destination has a new name. */
void
ecapi_replay_rename(const char *old_name, const char *new_name)
{
	NameData	from;
	NameData	to;
	Datum		values[2];

	values[0] = name_datum(&from, old_name);
	values[1] = name_datum(&to, new_name);
	ecapi_statement_execute(&rename_rows, values, NULL, false);
}

/* A destination is gone, and its replays with it. */
void
ecapi_replay_forget(const char *destination)
{
	NameData	name;
	Datum		values[1];

	values[0] = name_datum(&name, destination);
	ecapi_statement_execute(&forget, values, NULL, false);
}

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
#include "utils/builtins.h"

#include "base/statement.h"
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

static EcapiReplayRow *
replay_of_row(uint64 row)
{
	EcapiReplayRow *replay = palloc0(sizeof(EcapiReplayRow));

	replay->id = ecapi_column_int8(row, 1);
	namestrcpy(&replay->destination, ecapi_column_name(row, 2));
	replay->since = ecapi_column_time(row, 3);
	replay->until = ecapi_column_time(row, 4);
	replay->event_types = ecapi_column_text(row, 5);
	replay->from = ecapi_column_snapshot(row, 6);
	replay->to = ecapi_column_snapshot(row, 7);
	replay->position.arm = ecapi_column_int2(row, 8);
	replay->position.xid = ecapi_column_xid8(row, 9);
	replay->position.seq = ecapi_column_int8(row, 10);
	replay->delivered = ecapi_column_int8(row, 11);
	replay->filtered = ecapi_column_int8(row, 12);
	replay->failed = ecapi_column_int8(row, 13);
	replay->passed_over = ecapi_column_int8(row, 14);
	return replay;
}

List *
ecapi_replay_load(MemoryContext context)
{
	List	   *result = NIL;
	uint64		n = ecapi_query(&load);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < n; i++)
		result = lappend(result, replay_of_row(i));
	MemoryContextSwitchTo(old);
	return result;
}

bool
ecapi_replay_write(const EcapiReplayRow *row)
{
	if (ecapi_execute(&lock, ecapi_arg_int8(row->id)) == 0)
		return false;
	ecapi_execute(&write_row, ecapi_arg_int8(row->id),
				  ecapi_arg_int2(row->position.arm), ecapi_arg_xid8(row->position.xid),
				  ecapi_arg_int8(row->position.seq), ecapi_arg_int8(row->delivered),
				  ecapi_arg_int8(row->filtered), ecapi_arg_int8(row->failed),
				  ecapi_arg_int8(row->passed_over), ecapi_arg_bool(row->finished));
	return true;
}

int64
ecapi_replay_create(const EcapiReplayRow *row, const char *user)
{
	ecapi_execute(&create, ecapi_arg_name(NameStr(row->destination)),
				  ecapi_arg_time(row->since), ecapi_arg_time(row->until),
				  ecapi_arg_text(row->event_types), ecapi_arg_snapshot(row->from),
				  ecapi_arg_snapshot(row->to), ecapi_arg_name(user));
	return ecapi_column_int8(0, 1);
}

EcapiSnapshot *
ecapi_replay_start(TimestampTz since)
{
	EcapiSnapshot *nothing;

	if (ecapi_execute(&start_tick, ecapi_arg_time(since)) > 0)
		return ecapi_column_snapshot(0, 1);
	nothing = palloc0(sizeof(EcapiSnapshot) + sizeof(uint64));
	nothing->xmin = nothing->xmax = 1;
	return nothing;
}

TimestampTz
ecapi_replay_oldest(void)
{
	return ecapi_execute(&oldest) == 0 ? 0 : ecapi_column_time(0, 1);
}

int64
ecapi_replay_cancel(const char *destination, int64 id)
{
	return (int64) ecapi_execute(&cancel, ecapi_arg_name(destination), ecapi_arg_int8(id));
}

void
ecapi_replay_rename(const char *old_name, const char *new_name)
{
	ecapi_execute(&rename_rows, ecapi_arg_name(old_name), ecapi_arg_name(new_name));
}

void
ecapi_replay_forget(const char *destination)
{
	ecapi_execute(&forget, ecapi_arg_name(destination));
}

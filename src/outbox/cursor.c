/*
 * cursor.c
 *	  How far each destination has disposed of the outbox: rows of ecapi.cursor.
 *
 * The worker that has a destination is the only one that moves its cursor.  It reads a row
 * when it
 * starts or meets a new destination, keeps the truth in memory, and writes it
 * a few times a second and at rest, so a crash repeats little.
 *
 * While somebody holds an old snapshot each write leaves a version that nothing
 * can remove.  A row is found from the top of the index (server, generation), where
 * its newest version is, so no write and no look at the view walks over dead ones;
 * the install script says how.
 *
 * Locks: DDL of an open transaction may hold a cursor's row (a rename, a drop, an
 * adoption), a prepared one for days.  The worker must not wait for it, and it must
 * not stop recording either: the place on the disk is what keeps slots of the ring,
 * and the journal would grow.  So it writes a row beside the one that is held, of
 * the next generation.  The newest row of a server is its cursor; when the others
 * are free, they are deleted, and the newest takes over the name that DDL gave them.
 *
 *	 one row --(held by another at a write)--> two, the worker writes the newer
 *	 two rows --(the older is free)-----------> one
 *
 * A cursor has one writer at any time: the worker that has its destination
 * (pipeline/own.c).  Its fencing token is how often the row was written, which grows with
 * each write.  A worker that takes a cursor writes it, unless another transaction holds the
 * row, and before each further write looks, under the row's lock, whether the number is
 * still the same.  So a worker that another one has followed, by whatever mistake, writes
 * nothing more.
 *
 * The cursor and what belongs to its movement (failed events, request log) are
 * written in one transaction, or not at all.
 *
 * All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "outbox/cursor.h"

/* The address of a cursor: that of the newest row of its server. */
#define NEWEST(server) \
	"(SELECT n.ctid FROM ecapi.cursor_row n WHERE n.server OPERATOR(pg_catalog.=) " server \
	" ORDER BY n.generation DESC LIMIT 1)"

/*
 * A name that DDL gave to an older row, which it held, counts as given: what else
 * goes by the name was renamed with it.
 */
static EcapiStatement load = {
	"SELECT CASE WHEN c.destination OPERATOR(pg_catalog.<>) s.srvname AND EXISTS ("
	"SELECT FROM ecapi.cursor_row r WHERE r.server OPERATOR(pg_catalog.=) c.server"
	" AND r.destination OPERATOR(pg_catalog.=) s.srvname)"
	" THEN s.srvname ELSE c.destination END,"
	" c.server, c.snapshot, c.window_end, c.arm, c.xid, c.seq,"
	" c.system_identifier, c.database, c.delivered, c.filtered, c.failed, c.state,"
	" c.stopped_options, c.last_error, c.last_error_at, c.next_try, c.given_up,"
	" c.enrich_skipped, c.test_since"
	" FROM ecapi.cursor c LEFT JOIN pg_catalog.pg_foreign_server s"
	" ON s.oid OPERATOR(pg_catalog.=) c.server ORDER BY 1",
	0, {0}, NULL
};

/* The server again: a change of the row meanwhile may have given it another. */
static EcapiStatement lock = {
	"SELECT c.written FROM ecapi.cursor_row c WHERE c.ctid OPERATOR(pg_catalog.=) " NEWEST("$1")
	" AND c.server OPERATOR(pg_catalog.=) $1 FOR UPDATE SKIP LOCKED",
	1, {OIDOID}, NULL
};

static EcapiStatement take = {
	"UPDATE ecapi.cursor_row SET written = written OPERATOR(pg_catalog.+) 1,"
	" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16"
	" WHERE ctid OPERATOR(pg_catalog.=) " NEWEST("$1") " RETURNING written",
	1, {OIDOID}, NULL
};

static EcapiStatement exists = {
	"SELECT written FROM ecapi.cursor_row WHERE ctid OPERATOR(pg_catalog.=) " NEWEST("$1"),
	1, {OIDOID}, NULL
};

static EcapiStatement write_beside = {
	"INSERT INTO ecapi.cursor_row (destination, server, snapshot, window_end, arm, xid, seq,"
	" system_identifier, database, started_at, delivered, filtered, failed, given_up,"
	" enrich_skipped, state, stopped_options, test_since, last_error, last_error_at,"
	" next_try, recorded_at, written, generation)"
	" SELECT destination, server, snapshot, window_end, arm, xid, seq, system_identifier,"
	" database, started_at, delivered, filtered, failed, given_up, enrich_skipped, state,"
	" stopped_options, test_since, last_error, last_error_at, next_try, recorded_at,"
	" (generation OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog.*) 16,"
	" generation OPERATOR(pg_catalog.+) 1"
	" FROM ecapi.cursor_row c WHERE c.ctid OPERATOR(pg_catalog.=) " NEWEST("$1"),
	1, {OIDOID}, NULL
};

static EcapiStatement tidy = {
	"WITH gone AS (DELETE FROM ecapi.cursor_row WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.ctid FROM ecapi.cursor_row o WHERE EXISTS (SELECT FROM ecapi.cursor_row n"
	" WHERE n.server OPERATOR(pg_catalog.=) o.server"
	" AND n.generation OPERATOR(pg_catalog.>) o.generation)"
	" FOR UPDATE OF o SKIP LOCKED)) RETURNING server, destination)"
	", kept AS (UPDATE ecapi.cursor_row c SET destination = s.srvname"
	" FROM gone g JOIN pg_catalog.pg_foreign_server s ON s.oid OPERATOR(pg_catalog.=) g.server"
	" AND s.srvname OPERATOR(pg_catalog.=) g.destination"
	" WHERE c.ctid OPERATOR(pg_catalog.=) " NEWEST("g.server")
	" AND c.server OPERATOR(pg_catalog.=) g.server)"
	" SELECT EXISTS (SELECT FROM ecapi.cursor_row o JOIN ecapi.cursor_row n"
	" ON n.server OPERATOR(pg_catalog.=) o.server"
	" AND n.generation OPERATOR(pg_catalog.>) o.generation"
	" WHERE NOT EXISTS (SELECT FROM gone g WHERE g.server OPERATOR(pg_catalog.=) o.server))",
	0, {0}, NULL
};

static EcapiStatement write_row = {
	"UPDATE ecapi.cursor_row SET snapshot = $2, window_end = $3, arm = $4, xid = $5,"
	" seq = $6, delivered = $7, filtered = $8, failed = $9, state = $10,"
	" stopped_options = $11, last_error = $12, last_error_at = $13,"
	" next_try = $14, given_up = $15, enrich_skipped = $16, test_since = $17,"
	" written = written OPERATOR(pg_catalog.+) 1,"
	" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16,"
	" recorded_at = pg_catalog.clock_timestamp()"
	" WHERE ctid OPERATOR(pg_catalog.=) " NEWEST("$1") " RETURNING written",
	17, {OIDOID, PG_SNAPSHOTOID, PG_SNAPSHOTOID, INT2OID, XID8OID, INT8OID, INT8OID,
	INT8OID, INT8OID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INT8OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement write_state = {
	"UPDATE ecapi.cursor_row SET state = $2, last_error = $3, last_error_at = $4,"
	" written = written OPERATOR(pg_catalog.+) 1,"
	" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16,"
	" recorded_at = pg_catalog.clock_timestamp()"
	" WHERE ctid OPERATOR(pg_catalog.=) " NEWEST("$1"),
	4, {OIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement create = {
	"INSERT INTO ecapi.cursor_row (destination, server, snapshot, system_identifier,"
	" database, started_at) VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())",
	5, {NAMEOID, OIDOID, PG_SNAPSHOTOID, INT8OID, OIDOID}, NULL
};

/* A new server of the same name keeps what an operator wanted of it. */
static EcapiStatement drop = {
	"WITH gone AS (DELETE FROM ecapi.cursor_row WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND server OPERATOR(pg_catalog.=) $2 RETURNING destination)"
	" DELETE FROM ecapi.control c USING gone"
	" WHERE c.destination OPERATOR(pg_catalog.=) gone.destination"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_server s"
	" WHERE s.srvname OPERATOR(pg_catalog.=) gone.destination)",
	2, {NAMEOID, OIDOID}, NULL
};

static EcapiStatement bind = {
	"UPDATE ecapi.cursor_row SET destination = $4, server = $3"
	" WHERE server OPERATOR(pg_catalog.=) $1"
	" AND destination OPERATOR(pg_catalog.=) $2",
	4, {OIDOID, NAMEOID, OIDOID, NAMEOID}, NULL
};

static EcapiStatement last_xid = {
	"SELECT xid FROM ecapi.outbox ORDER BY xid DESC, seq DESC LIMIT 1",
	0, {0}, NULL
};

/* It reads every version that there is, and a row is seldom held for long. */
#define TIDY_INTERVAL_US	USECS_PER_MINUTE

/* Whether a position lies in the open window of its cursor. */
static bool
position_is_sound(const EcapiCursor *cursor)
{
	const EcapiPosition *at = &cursor->position;

	if (at->seq < 0)
		return false;
	if (at->arm == 0)
		return (at->xid == 0 && at->seq == 0) ||
			(at->xid < cursor->from->xmax &&
			 !ecapi_snapshot_sees(cursor->from, at->xid) &&
			 ecapi_snapshot_sees(cursor->to, at->xid));
	return at->arm == 1 && at->xid >= cursor->from->xmax && at->xid <= cursor->to->xmax;
}

/* What is wrong with a row that only the worker should write; NULL: nothing. */
static const char *
find_problem(const EcapiCursor *cursor, bool missing)
{
	if (missing)
		return "a column is null";
	if (cursor->to == NULL)
		return NULL;
	if (!ecapi_snapshot_within(cursor->from, cursor->to))
		return "its window ends before it begins";
	if (!position_is_sound(cursor))
		return "its position lies outside of its window";
	return NULL;
}

static EcapiCursor *
cursor_of_row(uint64 row)
{
	/* the install script made them NOT NULL; when that was undone, they read as 0 */
	static const int required[] = {2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19};
	EcapiCursor *cursor = palloc0(sizeof(EcapiCursor));
	bool		missing = false;

	for (int i = 0; i < lengthof(required); i++)
		missing |= ecapi_column_is_null(row, required[i]);
	namestrcpy(&cursor->destination, ecapi_column_name(row, 1));
	cursor->server = ecapi_column_oid(row, 2);
	cursor->from = ecapi_column_snapshot(row, 3);
	if (cursor->from == NULL)
		cursor->from = palloc0(sizeof(EcapiSnapshot));
	cursor->to = ecapi_column_snapshot(row, 4);
	cursor->position.arm = ecapi_column_int2(row, 5);
	cursor->position.xid = ecapi_column_xid8(row, 6);
	cursor->position.seq = ecapi_column_int8(row, 7);
	cursor->system_identifier = (uint64) ecapi_column_int8(row, 8);
	cursor->database = ecapi_column_oid(row, 9);
	cursor->delivered = ecapi_column_int8(row, 10);
	cursor->filtered = ecapi_column_int8(row, 11);
	cursor->failed = ecapi_column_int8(row, 12);
	cursor->state = ecapi_column_text(row, 13);
	if (cursor->state == NULL)
		cursor->state = "starting";
	cursor->has_stopped_options = !ecapi_column_is_null(row, 14);
	cursor->stopped_options = ecapi_column_int8(row, 14);
	cursor->last_error = ecapi_column_text(row, 15);
	cursor->last_error_at = ecapi_column_time(row, 16);
	cursor->next_try = ecapi_column_time(row, 17);
	cursor->given_up = ecapi_column_int8(row, 18);
	cursor->enrich_skipped = ecapi_column_int8(row, 19);
	cursor->test_since = ecapi_column_time(row, 20);
	cursor->problem = find_problem(cursor, missing);
	return cursor;
}

List *
ecapi_cursor_load(MemoryContext context)
{
	List	   *result = NIL;
	uint64		n = ecapi_query(&load);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < n; i++)
		result = lappend(result, cursor_of_row(i));
	MemoryContextSwitchTo(old);
	return result;
}

/* Whether a server may have older rows.  At start nobody knows. */
static bool beside = true;
static TimestampTz tidied_at = 0;

EcapiCursorLock
ecapi_cursor_lock(Oid server, int64 token, bool aside)
{
	bool		locked = ecapi_execute(&lock, ecapi_arg_oid(server)) > 0;

	/* of a row that another transaction holds, what is committed counts */
	if (!locked && (!aside || ecapi_execute(&exists, ecapi_arg_oid(server)) == 0))
		return ECAPI_CURSOR_HELD;
	if (token != 0 && ecapi_column_int8(0, 1) != token)
		return ECAPI_CURSOR_TAKEN;
	if (locked)
		return ECAPI_CURSOR_LOCKED;
	if (ecapi_execute(&write_beside, ecapi_arg_oid(server)) == 0)
		return ECAPI_CURSOR_HELD;
	beside = true;
	return ECAPI_CURSOR_LOCKED;
}

int64
ecapi_cursor_take(Oid server)
{
	/* no row beside: there is nothing to record, and the other may be about to drop it */
	bool		held = ecapi_cursor_lock(server, 0, false) != ECAPI_CURSOR_LOCKED;

	if (ecapi_execute(held ? &exists : &take, ecapi_arg_oid(server)) == 0)
		return -1;
	return ecapi_column_int8(0, 1);
}

bool
ecapi_cursor_exists(Oid server)
{
	return ecapi_query(&exists, ecapi_arg_oid(server)) > 0;
}

void
ecapi_cursor_tidy(TimestampTz now, bool others)
{
	/* a clock that was set back counts as elapsed */
	if ((!beside && !others) || (now >= tidied_at && now - tidied_at < TIDY_INTERVAL_US))
		return;
	tidied_at = now;
	ecapi_execute(&tidy);
	beside = ecapi_column_bool(0, 1);
}

int64
ecapi_cursor_write(const EcapiCursor *cursor)
{
	ecapi_execute(&write_row,
				  ecapi_arg_oid(cursor->server),
				  ecapi_arg_snapshot(cursor->from),
				  ecapi_arg_snapshot(cursor->to),
				  ecapi_arg_int2(cursor->position.arm),
				  ecapi_arg_xid8(cursor->position.xid),
				  ecapi_arg_int8(cursor->position.seq),
				  ecapi_arg_int8(cursor->delivered),
				  ecapi_arg_int8(cursor->filtered),
				  ecapi_arg_int8(cursor->failed),
				  ecapi_arg_text(cursor->state),
				  ecapi_arg_null_if(!cursor->has_stopped_options,
									Int64GetDatum(cursor->stopped_options)),
				  ecapi_arg_text(cursor->last_error),
				  ecapi_arg_time_if_set(cursor->last_error_at),
				  ecapi_arg_time_if_set(cursor->next_try),
				  ecapi_arg_int8(cursor->given_up),
				  ecapi_arg_int8(cursor->enrich_skipped),
				  ecapi_arg_time_if_set(cursor->test_since));
	return ecapi_column_int8(0, 1);
}

void
ecapi_cursor_write_state(const EcapiCursor *cursor)
{
	ecapi_execute(&write_state, ecapi_arg_oid(cursor->server), ecapi_arg_text(cursor->state),
				  ecapi_arg_text(cursor->last_error),
				  ecapi_arg_time_if_set(cursor->last_error_at));
}

void
ecapi_cursor_create(const EcapiCursor *cursor)
{
	ecapi_execute(&create, ecapi_arg_name(NameStr(cursor->destination)),
				  ecapi_arg_oid(cursor->server), ecapi_arg_snapshot(cursor->from),
				  ecapi_arg_int8(cursor->system_identifier), ecapi_arg_oid(cursor->database));
}

void
ecapi_cursor_delete(const char *destination, Oid server)
{
	ecapi_execute(&drop, ecapi_arg_name(destination), ecapi_arg_oid(server));
}

void
ecapi_cursor_bind(Oid old_server, const char *old_name, Oid server, const char *new_name)
{
	ecapi_execute(&bind, ecapi_arg_oid(old_server), ecapi_arg_name(old_name),
				  ecapi_arg_oid(server), ecapi_arg_name(new_name));
}

uint64
ecapi_outbox_last_xid(void)
{
	return ecapi_execute(&last_xid) == 0 ? 0 : ecapi_column_xid8(0, 1);
}

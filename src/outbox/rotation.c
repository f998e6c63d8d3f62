/*
 * rotation.c
 *	  Emptying slots of the ring that nobody needs any more.
 *
 * A slot may be truncated when
 *	 (a) no cursor, and no replay, has yet to dispose of a row in it, and
 *	 (b) no row in it is younger than the retention,
 * both looked at with a snapshot that was taken after an AccessExclusive lock
 * on it was granted, so that no writer can be between our look and the
 * truncation, whichever slot the clock or an old snapshot chose.  Choice of
 * slot is never relied on.
 *
 * (a) is two probes a cursor: a row at or beyond xmax(S), a row of xip(S).
 * A replay is a cursor with an end: of a row in its window beyond its position
 * (in arm 1 it has done with xip(S) and with what lies before that).
 * Those of an open CREATE SERVER or ecapi.replay(), which our snapshot cannot see,
 * are looked at before it is taken (pins.c says why that order), and no transaction
 * that is left open keeps the ring from turning.  What the worker has disposed of
 * but not recorded counts as undisposed, which only delays.
 *
 * (b) looks at the rows with the highest key: rows of a slot stem from turns of
 * that slot, emitted_at chose it, so the row with the highest key is of the
 * last turn, and a turn is what retention is counted in.  Ticks and requests of
 * the slot are truncated with it, and are looked at, too: there may be requests
 * where there are no events.
 *
 * When the outbox is near its limit (b) gives way for events: delivered ones
 * that are kept for a while must not cost new ones.  Of (a) a committed cursor never
 * does.  Ticks and requests stay then, for they say what became of the events.  A
 * replay is a repetition on request, so it gives way to events that
 * were never sent: it is cancelled when it pins the slot that must go.  What an open
 * transaction holds or has yet to commit can be neither cancelled nor made to give
 * up events; so beyond the limits, of size and of age (ecapi.retention_limit), it is
 * passed over, and a destination that comes to be later starts with what is left.
 * So is the cursor of a destination that its guard has stopped: nobody may move it,
 * and adopt and rebase begin with what commits after them, or, after pg_upgrade, with what
 * is left.
 *
 * Locks: taken conditionally, all of them; if one is not to be had the slot
 * stays until next time.  Nobody ever waits for a rotation longer than the
 * truncation itself takes.  A slot that somebody's transaction has read or written
 * cannot be truncated while that lasts, so nothing is given up for its sake.
 *
 * The truncation is not written for logical decoding: a replicated one would
 * empty the subscriber's own outbox.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "compat.h"
#include "outbox/pins.h"
#include "outbox/ring.h"
#include "outbox/rotation.h"
#include "settings.h"

/* The rings; that of the outbox is the first. */
static const char *const rings[] = {"outbox", "tick", "request"};

static Oid
ring_relation(int ring, int slot)
{
	char		name[NAMEDATALEN];

	snprintf(name, sizeof(name), "%s_%d", rings[ring], slot);
	return ecapi_relation(name, false);
}

/* Lock a slot of the first that many rings; false when one is not to be had. */
static bool
lock_slot(int slot, int nrings, List **rels)
{
	for (int i = 0; i < nrings; i++)
	{
		Oid			relid = ring_relation(i, slot);

		if (!ConditionalLockRelationOid(relid, AccessExclusiveLock))
			return false;
		*rels = lappend(*rels, table_open(relid, NoLock));
	}
	return true;
}

/* Whether another has a lock on it, for which truncation would have to wait. */
static bool
is_held(Oid relid)
{
	LOCKTAG		tag;
	VirtualTransactionId *holders;
	int			nholders;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	holders = GetLockConflicts(&tag, AccessExclusiveLock, &nholders);
	pfree(holders);
	return nholders > 0;
}

static bool
slot_is_empty(int slot, int nrings)
{
	bool		empty = true;

	for (int i = 0; i < nrings && empty; i++)
	{
		Relation	rel = table_open(ring_relation(i, slot), AccessShareLock);

		empty = RelationGetNumberOfBlocks(rel) == 0;
		table_close(rel, AccessShareLock);
	}
	return empty;
}

/* Whether the replay c has yet to dispose of a row of slot %1$d in its window. */
#define REPLAY_NEEDS \
	"(c.state OPERATOR(pg_catalog.=) ANY ('{waiting,running}') AND" \
	" (EXISTS (SELECT FROM ecapi.outbox_%1$d o WHERE o.xid OPERATOR(pg_catalog.>=)" \
	" CASE WHEN c.arm OPERATOR(pg_catalog.=) 1 THEN c.xid" \
	" ELSE pg_catalog.pg_snapshot_xmax(c.snapshot) END" \
	" AND o.xid OPERATOR(pg_catalog.<) pg_catalog.pg_snapshot_xmax(c.window_end))" \
	" OR (c.arm OPERATOR(pg_catalog.=) 0 AND EXISTS (" \
	"SELECT FROM pg_catalog.pg_snapshot_xip(c.snapshot) x, ecapi.outbox_%1$d o" \
	" WHERE o.xid OPERATOR(pg_catalog.=) x))))"

static Datum
xid8_array(const uint64 *xids, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = FullTransactionIdGetDatum(FullTransactionIdFromU64(xids[i]));
	return PointerGetDatum(construct_array(elements, n, XID8OID, sizeof(uint64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
oid_array(const List *oids)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	ListCell   *cell;

	foreach(cell, oids)
		elements[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(elements, list_length(oids), OIDOID, sizeof(Oid),
										   true, TYPALIGN_INT));
}

/*
 * Conditions (a) and (b): no row is younger.  passed_over: NULL, or the servers whose
 * cursors do not count; then what open transactions hold or have yet to commit does
 * not count either.
 */
static bool
slot_is_done(int slot, TimestampTz younger, const EcapiPassedOver *passed_over)
{
	bool		open = passed_over == NULL;
	StringInfoData sql;
	EcapiPins	pins = {PG_UINT64_MAX, 0, NULL};
	Datum		values[5];
	Oid			types[5] = {TIMESTAMPTZOID, XID8OID, XID8ARRAYOID, BOOLOID, OIDARRAYOID};
	bool		done;

	if (open)
		ecapi_pins_look(&pins);
	values[0] = TimestampTzGetDatum(younger);
	values[1] = FullTransactionIdGetDatum(FullTransactionIdFromU64(pins.least));
	values[2] = xid8_array(pins.running, pins.nrunning);
	values[3] = BoolGetDatum(open);
	values[4] = oid_array(open ? NIL : passed_over->servers);
	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT 1 WHERE NOT EXISTS (SELECT FROM ecapi.cursor c WHERE"
					 " c.server OPERATOR(pg_catalog.<>) ALL ($5) AND"
					 " (EXISTS (SELECT FROM ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmax(c.snapshot))"
					 " OR EXISTS (SELECT FROM pg_catalog.pg_snapshot_xip(c.snapshot) x, ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.=) x)))"
					 " AND NOT EXISTS (SELECT FROM ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.>=) $2)"
					 " AND NOT EXISTS (SELECT FROM pg_catalog.unnest($3) x, ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.=) x)"
					 " AND NOT ($4 AND EXISTS (SELECT FROM ecapi_internal.newest_replay c"
					 " WHERE " REPLAY_NEEDS "))"
					 " AND NOT EXISTS (SELECT FROM (SELECT emitted_at FROM ecapi.outbox_%1$d"
					 " ORDER BY xid DESC, seq DESC LIMIT 1) o"
					 " WHERE o.emitted_at OPERATOR(pg_catalog.>) $1)"
					 " AND NOT EXISTS (SELECT FROM (SELECT ticked_at FROM ecapi.tick_%1$d"
					 " ORDER BY newest DESC, tick_id DESC LIMIT 1) t"
					 " WHERE t.ticked_at OPERATOR(pg_catalog.>) $1)"
					 " AND NOT EXISTS (SELECT FROM ecapi.request_%1$d r"
					 " WHERE r.sent_at OPERATOR(pg_catalog.>) $1)",
					 slot);
	PushActiveSnapshot(GetTransactionSnapshot());
	done = ecapi_execute_text(sql.data, lengthof(types), types, values, NULL, true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1;
	PopActiveSnapshot();
	pfree(sql.data);
	return done;
}

/*
 * Empty a slot of the first that many rings, if that is allowed and nobody is in
 * the way.
 */
static bool
empty_slot(int slot, int nrings, TimestampTz younger, const EcapiPassedOver *passed_over)
{
	List	   *rels = NIL;
	List	   *relids = NIL;
	ListCell   *cell;
	bool		emptied = false;

	if (slot_is_empty(slot, nrings))
		return false;
	/* a look without locks first: most slots have rows to keep */
	if (!slot_is_done(slot, younger, passed_over))
		return false;
	if (lock_slot(slot, nrings, &rels) && slot_is_done(slot, younger, passed_over))
	{
		foreach(cell, rels)
			relids = lappend_oid(relids, RelationGetRelid((Relation) lfirst(cell)));
		/* for the triggers that keep others from truncating */
		PushActiveSnapshot(GetTransactionSnapshot());
		ecapi_truncate_locally(rels, relids);
		PopActiveSnapshot();
		emptied = true;
	}
	foreach(cell, rels)
		table_close((Relation) lfirst(cell), NoLock);
	return emptied;
}

int
ecapi_rotation_run(const EcapiPassedOver *beyond)
{
	TimestampTz now = GetCurrentTimestamp();
	int			current = ecapi_ring_slot(now);
	int64		limit_s = Max((int64) ecapi_retention_limit * SECS_PER_MINUTE,
							  (int64) ecapi_retention_s);
	int			emptied = 0;

	SPI_connect();
	for (int i = 1; i < ECAPI_SLOTS; i++)
	{
		int			slot = (current + i) % ECAPI_SLOTS;

		if (empty_slot(slot, lengthof(rings),
					   now - (int64) ecapi_retention_s * USECS_PER_SEC, NULL) ||
			(ecapi_retention_limit > 0 &&
			 empty_slot(slot, lengthof(rings), now - limit_s * USECS_PER_SEC, beyond)))
			emptied++;
	}
	SPI_finish();
	return emptied;
}

bool
ecapi_rotation_make_room(const EcapiPassedOver *passed_over)
{
	int			current = ecapi_ring_slot(GetCurrentTimestamp());
	bool		emptied = false;

	SPI_connect();
	for (int i = 1; i <= ECAPI_SLOTS && !emptied; i++)
		emptied = empty_slot((current + i) % ECAPI_SLOTS, 1, DT_NOEND, passed_over);
	SPI_finish();
	return emptied;
}

int
ecapi_rotation_end_replays(void)
{
	bool		in_use;
	bool		held;
	int			slot = ecapi_rotation_removable(&in_use, &held);
	int			ended = 0;

	if (slot < 0)
		return 0;
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute(psprintf("UPDATE ecapi.replay_cursor SET state = 'cancelled',"
							 " finished_at = pg_catalog.clock_timestamp()"
							 " WHERE replay_id OPERATOR(pg_catalog.=) ANY (ARRAY("
							 "SELECT c.replay_id FROM ecapi.replay_cursor c WHERE " REPLAY_NEEDS
							 " FOR UPDATE SKIP LOCKED))", slot),
					false, 0) == SPI_OK_UPDATE)
		ended = (int) SPI_processed;
	PopActiveSnapshot();
	SPI_finish();
	return ended;
}

bool
ecapi_rotation_empty(void)
{
	bool		empty = true;

	for (int i = 0; i < ECAPI_SLOTS && empty; i++)
		empty = slot_is_empty(i, lengthof(rings));
	return empty;
}

/*
 * Of the slot in use the table above it is looked at: readers come
 * by way of that, and writers, who are always there and soon gone, do not.
 */
int
ecapi_rotation_removable(bool *in_use, bool *held)
{
	int			current = ecapi_ring_slot(GetCurrentTimestamp());

	*held = false;
	for (int i = 1; i <= ECAPI_SLOTS; i++)
	{
		int			slot = (current + i) % ECAPI_SLOTS;

		if (slot_is_empty(slot, 1))
			continue;
		*in_use = slot == current;
		if (!is_held(*in_use ? ecapi_relation(rings[0], false) : ring_relation(0, slot)))
			return slot;
		*held = true;
	}
	return -1;
}

/*
 * rotation.c
 *	  Emptying slots of the ring that nobody needs any more.
 *
 * A slot may be truncated when
 *	 (a) no cursor, and no replay, has yet to dispose of a row in it, and
 *	 (b) no row in it is younger than the retention,
 * both looked at with a snapshot that was taken after an AccessExclusive lock
 * on it was granted, so that no writer can be between our look and the
 * truncation, whichever slot his clock or his old snapshot chose.  Choice of
 * slot is never relied on.
 *
 * (a) is two probes a cursor: a row at or beyond xmax(S), a row of xip(S).
 * A replay is a cursor with an end: of a row in its window beyond its position
 * (in arm 1 it has done with xip(S) and with what lies before that).
 * The tables of both are locked in ShareLock meanwhile: an uncommitted CREATE
 * SERVER or ecapi.replay(), whose row our snapshot cannot see, holds a
 * conflicting lock on its table.  What the worker has disposed of but not recorded counts as undisposed,
 * which only delays.
 *
 * (b) looks at the row with the highest key: rows of a slot stem from turns of
 * that slot, emitted_at chose it, so the row with the highest key is of the
 * last turn, and a turn is what retention is counted in.
 *
 * Locks: taken conditionally, all of them; if one is not to be had the slot
 * stays until next time.  Nobody ever waits for a rotation longer than the
 * truncation itself takes.
 *
 * The truncation is not written for logical decoding: a replicated one would
 * empty the subscriber's own outbox.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "compat.h"
#include "outbox/rotation.h"
#include "settings.h"

static bool
lock_slot(int slot, Relation *rels)
{
	static const char *const rings[] = {"outbox", "tick", "request"};

	for (int i = 0; i < lengthof(rings); i++)
	{
		char		name[NAMEDATALEN];
		Oid			relid;

		snprintf(name, sizeof(name), "%s_%d", rings[i], slot);
		relid = ecapi_relation(name, false);
		if (!ConditionalLockRelationOid(relid, AccessExclusiveLock))
			return false;
		rels[i] = table_open(relid, NoLock);
	}
	return true;
}

static bool
slot_is_empty(int slot)
{
	Oid			relid = ecapi_relations()->outbox[slot];
	Relation	rel = table_open(relid, AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, AccessShareLock);
	return empty;
}

/* Conditions (a) and (b), under a snapshot of now. */
static bool
slot_is_done(int slot)
{
	StringInfoData sql;
	Datum		values[1];
	Oid			types[1] = {TIMESTAMPTZOID};
	bool		done;

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp() -
									(int64) ecapi_retention_s * USECS_PER_SEC);
	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT 1 WHERE NOT EXISTS (SELECT FROM ecapi.cursor c WHERE"
					 " EXISTS (SELECT FROM ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmax(c.snapshot))"
					 " OR EXISTS (SELECT FROM pg_catalog.pg_snapshot_xip(c.snapshot) x, ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.=) x))"
					 " AND NOT EXISTS (SELECT FROM ecapi.replay_cursor c"
					 " WHERE c.state OPERATOR(pg_catalog.=) ANY ('{waiting,running}') AND"
					 " (EXISTS (SELECT FROM ecapi.outbox_%1$d o WHERE o.xid OPERATOR(pg_catalog.>=)"
					 " CASE WHEN c.arm OPERATOR(pg_catalog.=) 1 THEN c.xid"
					 " ELSE pg_catalog.pg_snapshot_xmax(c.snapshot) END"
					 " AND o.xid OPERATOR(pg_catalog.<) pg_catalog.pg_snapshot_xmax(c.window_end))"
					 " OR (c.arm OPERATOR(pg_catalog.=) 0 AND EXISTS ("
					 "SELECT FROM pg_catalog.pg_snapshot_xip(c.snapshot) x, ecapi.outbox_%1$d o"
					 " WHERE o.xid OPERATOR(pg_catalog.=) x))))"
					 " AND NOT EXISTS (SELECT FROM (SELECT emitted_at FROM ecapi.outbox_%1$d"
					 " ORDER BY xid DESC, seq DESC LIMIT 1) o"
					 " WHERE o.emitted_at OPERATOR(pg_catalog.>) $1)",
					 slot);
	PushActiveSnapshot(GetTransactionSnapshot());
	done = SPI_execute_with_args(sql.data, 1, types, values, NULL, true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1;
	PopActiveSnapshot();
	pfree(sql.data);
	return done;
}

int
ecapi_rotation_run(void)
{
	int			current = ecapi_ring_slot(GetCurrentTimestamp());
	int			emptied = 0;

	SPI_connect();
	for (int i = 1; i < ECAPI_SLOTS; i++)
	{
		int			slot = (current + i) % ECAPI_SLOTS;
		Relation	rels[3] = {NULL, NULL, NULL};

		if (slot_is_empty(slot))
			continue;
		/* a look without locks first: most slots have rows to keep */
		if (!slot_is_done(slot))
			continue;
		if (ConditionalLockRelationOid(ecapi_relation("cursor", false), ShareLock) &&
			ConditionalLockRelationOid(ecapi_relation("replay_cursor", false), ShareLock) &&
			lock_slot(slot, rels) && slot_is_done(slot))
		{
			List	   *list = NIL;
			List	   *relids = NIL;

			for (int r = 0; r < lengthof(rels); r++)
			{
				list = lappend(list, rels[r]);
				relids = lappend_oid(relids, RelationGetRelid(rels[r]));
			}
			ecapi_truncate_locally(list, relids);
			emptied++;
		}
		for (int r = 0; r < lengthof(rels); r++)
			if (rels[r] != NULL)
				table_close(rels[r], NoLock);
	}
	SPI_finish();
	return emptied;
}

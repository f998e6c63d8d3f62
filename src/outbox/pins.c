/*
 * pins.c
 *	  What of the ring cursors and replays need that are not committed yet.
 *
 * CREATE SERVER writes a cursor in its own transaction, which may stay open for
 * hours, or be prepared and forgotten.  When it commits, the destination must find
 * every event that committed since.  So the process that empties slots of the ring has to
 * know of the cursor before anybody can see it; and must not wait for it, for all
 * others would lose their events to a full outbox meanwhile.
 *
 * The row itself is the place where it can be seen: a dirty snapshot shows what a
 * running transaction has inserted.  It is there as long as the transaction is,
 * prepared or not, across crashes, and gone when that is rolled back; there is
 * nothing to clean up.
 *
 * Invariant.  Let D be a look here, and M an ordinary snapshot that is taken after
 * it, both while a slot is locked against all writers.  Then each cursor that needs
 * an event of the slot is seen by D or by M:
 *	(1) its transaction had inserted its row before D: D sees the row if the
 *		transaction still runs, and M sees it if it has committed by then;
 *	(2) it inserts its row later.  Then the snapshot that it starts with, which is
 *		taken after the row was inserted (the install script inserts with one and
 *		sets another), sees whatever the slot holds: the writers of all that have
 *		ended, for the lock was granted.
 *
 * Rows are found from the top of the primary key, as others find them (the install
 * script says why): of each server or replay its rows down to the newest committed
 * one.  A committed row is M's to see.
 *
 * Locks: AccessShare on the two tables and their keys, which only DDL on them holds
 * up.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "base/catalog.h"
#include "compat.h"
#include "outbox/pins.h"
#include "outbox/snapshot.h"

/* One of the two tables: its key (a column beside generation) as a scan wants it. */
typedef struct Keyed
{
	const char *table;
	const char *key;
	RegProcedure at_most;
	RegProcedure less;
	Datum		greatest;
} Keyed;

static void
add_pin(EcapiPins *pins, TupleTableSlot *slot, AttrNumber attnum)
{
	bool		isnull;
	Datum		datum = slot_getattr(slot, attnum, &isnull);
	EcapiSnapshot *snapshot;

	if (isnull)
		return;
	snapshot = ecapi_snapshot_of_datum(datum);
	pins->least = Min(pins->least, snapshot->xmax);
	if (snapshot->nxip > 0)
	{
		size_t		size = sizeof(uint64) * (pins->nrunning + snapshot->nxip);

		pins->running = pins->running == NULL ? palloc(size) : repalloc(pins->running, size);
		memcpy(pins->running + pins->nrunning, snapshot->xip, sizeof(uint64) * snapshot->nxip);
		pins->nrunning += snapshot->nxip;
	}
	pfree(snapshot);
}

/*
 * Read on from the newest row of the keys below one; true, and *key, when there is
 * a key whose newest committed row was met: the next read begins below it.
 */
static bool
look_at_key(IndexScanDesc scan, SnapshotData *dirty, TupleTableSlot *slot,
			AttrNumber key_attnum, AttrNumber snapshot_attnum, EcapiPins *pins, Datum *key)
{
	bool		isnull;

	while (index_getnext_slot(scan, BackwardScanDirection, slot))
	{
		/* the transaction that has inserted it, if that still runs */
		if (TransactionIdIsValid(dirty->xmin))
		{
			add_pin(pins, slot, snapshot_attnum);
			continue;
		}
		*key = slot_getattr(slot, key_attnum, &isnull);
		return true;
	}
	return false;
}

static void
look_at(const Keyed *keyed, EcapiPins *pins)
{
	Relation	rel = table_open(ecapi_relation(keyed->table, false), AccessShareLock);
	Oid			primary = ecapi_primary_key(rel);
	AttrNumber	key_attnum = get_attnum(RelationGetRelid(rel), keyed->key);
	AttrNumber	snapshot_attnum = get_attnum(RelationGetRelid(rel), "snapshot");
	Relation	index;
	SnapshotData dirty;
	TupleTableSlot *slot;
	IndexScanDesc scan;
	ScanKeyData below;
	Datum		key = keyed->greatest;
	bool		first = true;

	if (!OidIsValid(primary) || key_attnum == InvalidAttrNumber ||
		snapshot_attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" is not as the extension made it", keyed->table)));
	index = index_open(primary, AccessShareLock);
	slot = table_slot_create(rel, NULL);
	InitDirtySnapshot(dirty);
	scan = ecapi_index_scan(rel, index, &dirty, 1);
	do
	{
		CHECK_FOR_INTERRUPTS();
		ScanKeyInit(&below, 1, first ? BTLessEqualStrategyNumber : BTLessStrategyNumber,
					first ? keyed->at_most : keyed->less, key);
		index_rescan(scan, &below, 1, NULL, 0);
		first = false;
	} while (look_at_key(scan, &dirty, slot, key_attnum, snapshot_attnum, pins, &key));
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
}

void
ecapi_pins_look(EcapiPins *pins)
{
	Keyed		cursors = {"cursor_row", "server", F_OIDLE, F_OIDLT, ObjectIdGetDatum(OID_MAX)};
	Keyed		replays = {"replay_cursor", "replay_id", F_INT8LE, F_INT8LT,
	Int64GetDatum(PG_INT64_MAX)};

	pins->least = PG_UINT64_MAX;
	pins->nrunning = 0;
	pins->running = NULL;
	look_at(&cursors, pins);
	look_at(&replays, pins);
}

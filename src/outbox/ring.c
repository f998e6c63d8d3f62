/*
 * ring.c
 *	  Whether the ring of the outbox is as the extension made it, and where the clock is.
 *
 * Rows are written and slots emptied below the executor, so a slot that was
 * detached, or whose columns or index were changed, would not be noticed by
 * itself: its events would lie where no reader looks.  Writers check the slot
 * they append to (a few comparisons), readers check all slots, once after each
 * change of which the relation cache is informed.
 *
 * Locks: ecapi_ring_check takes AccessShare on the outbox and keeps it to the
 * end of the transaction, so no slot can be detached between the check and the
 * reads of that transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/sql_version.h"
#include "outbox/ring.h"
#include "settings.h"

static const Oid column_types[ECAPI_OUTBOX_COLUMNS] = {
	INT8OID, XID8OID, TIMESTAMPTZOID, REGROLEOID, REGCLASSOID, INT2OID, JSONOID
};

static bool checked = false;
static bool watched = false;
static Oid	parent = InvalidOid;
static Oid	slots[ECAPI_SLOTS];

static void
forget(Datum arg, Oid relid)
{
	bool		ours = !OidIsValid(relid) || relid == parent;

	for (int i = 0; i < ECAPI_SLOTS && !ours; i++)
		ours = relid == slots[i];
	if (ours)
		checked = false;
}

/*
 * Whether an index of a slot is the one over (xid, seq), or a copy of it: REINDEX
 * CONCURRENTLY makes one, and one that was broken off leaves it behind.  Of all others
 * the writers know nothing.  *valid becomes true for one that is complete.
 */
static bool
is_key(Oid index, bool *valid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		key;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	key = form->indnatts == 2 && !form->indisunique &&
		form->indkey.values[0] == ECAPI_OUTBOX_XID + 1 &&
		form->indkey.values[1] == ECAPI_OUTBOX_SEQ + 1 &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	if (key && form->indisvalid && form->indisready)
		*valid = true;
	ReleaseSysCache(tuple);
	return key;
}

bool
ecapi_ring_is_sound(Relation slot)
{
	TupleDesc	columns = RelationGetDescr(slot);
	List	   *indexes = RelationGetIndexList(slot);
	bool		sound = slot->rd_rel->relispartition && columns->natts == ECAPI_OUTBOX_COLUMNS;
	bool		valid = false;
	ListCell   *cell;

	for (int i = 0; i < ECAPI_OUTBOX_COLUMNS && sound; i++)
		sound = TupleDescAttr(columns, i)->atttypid == column_types[i];
	foreach(cell, indexes)
		sound = sound && is_key(lfirst_oid(cell), &valid);
	list_free(indexes);
	return sound && valid;
}

void
ecapi_ring_check_slot(Relation slot)
{
	if (ecapi_ring_is_sound(slot))
		return;
	ecapi_sql_check_known();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("relation \"%s\" is not as the extension made it",
					RelationGetRelationName(slot)),
			 errhint("Columns, indexes and partitions of schema ecapi must not be changed.")));
}

void
ecapi_ring_check(void)
{
	if (!watched)
	{
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
		watched = true;
	}
	if (!checked)
		parent = ecapi_relation("outbox", false);
	LockRelationOid(parent, AccessShareLock);
	if (checked)
		return;

	memcpy(slots, ecapi_relations()->outbox, sizeof(slots));
	/* a change from here on is heard of as one after the check */
	checked = true;
	for (int i = 0; i < ECAPI_SLOTS; i++)
	{
		Relation	slot;

		PG_TRY();
		{
			slot = table_open(slots[i], AccessShareLock);
			ecapi_ring_check_slot(slot);
			table_close(slot, AccessShareLock);
		}
		PG_CATCH();
		{
			checked = false;
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
}

/*
 * Which slot rows written at a moment go to.  A slot serves for a period of
 * retention / (slots - 2), so that when the clock comes round to it again the
 * events in it are older than the retention, with a period to spare in which
 * to truncate it.
 */
int
ecapi_ring_slot(TimestampTz moment)
{
	int64		period = (int64) ecapi_retention_s * USECS_PER_SEC /
		(ECAPI_SLOTS - 2);
	int64		turn = moment / period;

	return (int) (((turn % ECAPI_SLOTS) + ECAPI_SLOTS) % ECAPI_SLOTS);
}

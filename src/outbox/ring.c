/*
 * ring.c
 *	  Whether the ring of the outbox is as the extension made it.
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

#include "access/table.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "outbox/ring.h"

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

bool
ecapi_ring_is_sound(Relation slot)
{
	TupleDesc	columns = RelationGetDescr(slot);
	List	   *indexes = RelationGetIndexList(slot);
	bool		sound = slot->rd_rel->relispartition && list_length(indexes) == 1 &&
		columns->natts == ECAPI_OUTBOX_COLUMNS;

	for (int i = 0; i < ECAPI_OUTBOX_COLUMNS && sound; i++)
		sound = TupleDescAttr(columns, i)->atttypid == column_types[i];
	list_free(indexes);
	return sound;
}

void
ecapi_ring_check_slot(Relation slot)
{
	if (!ecapi_ring_is_sound(slot))
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

/*
 * append.c
 *	  Writing events into the outbox, inside the caller's transaction.
 *
 * Rows go straight into the leaf of the ring and its one index, below the
 * executor: no plan, no trigger, no privilege check.  That is what makes an
 * emit cost no more than a plain insert, and what lets a writer emit who has
 * no right on the outbox.
 *
 * The xid stored is the top-level one, whatever subtransaction writes the
 * row: readers order and cut by it (see window.c), while the heap's own xmin
 * makes a rolled-back savepoint's rows vanish as usual.  seq comes from a
 * sequence, so it grows within a transaction; nothing depends on its order
 * between transactions.
 *
 * emitted_at is the clock at the append and also chooses the slot, so the
 * rows of a slot are exactly as old as the slot's turn (rotation.c needs
 * that).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "catalog.h"
#include "outbox/append.h"
#include "shmem.h"

/* columns of ecapi.outbox */
enum
{
	COLUMN_SEQ,
	COLUMN_XID,
	COLUMN_EMITTED_AT,
	COLUMN_SLOT,
	COLUMN_EVENT,
	COLUMNS
};

static void insert_row(Relation leaf, Relation index, IndexInfo *info,
					   Datum *values);

/*
 * Append events in this order, in the current (sub)transaction, and wake the
 * worker at commit.  The caller has refused read-only transactions, recovery
 * and parallel mode.  Raises an error when the extension is not installed, or
 * what any insert raises.
 */
void
ecapi_outbox_append(const EcapiAppend *events, int nevents)
{
	const EcapiRelations *relations = ecapi_relations();
	TimestampTz now = GetCurrentTimestamp();
	int			slot = ecapi_ring_slot(now);
	Oid			seq_relid = relations->outbox_seq;
	Relation	leaf = table_open(relations->outbox[slot], RowExclusiveLock);
	List	   *indexes = RelationGetIndexList(leaf);
	Relation	index;
	IndexInfo  *info;
	Datum		values[COLUMNS];

	/* a dropped or added index would make our rows invisible or it corrupt */
	if (RelationGetNumberOfAttributes(leaf) != COLUMNS || list_length(indexes) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" is not as the extension made it",
						RelationGetRelationName(leaf)),
				 errhint("Columns and indexes of schema ecapi must not be changed.")));
	index = index_open(linitial_oid(indexes), RowExclusiveLock);
	info = BuildIndexInfo(index);

	values[COLUMN_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[COLUMN_EMITTED_AT] = TimestampTzGetDatum(now);
	values[COLUMN_SLOT] = Int16GetDatum(slot);
	for (int i = 0; i < nevents; i++)
	{
		text	   *event = cstring_to_text_with_len(events[i].json, events[i].len);

		values[COLUMN_SEQ] = Int64GetDatum(nextval_internal(seq_relid, false));
		values[COLUMN_EVENT] = PointerGetDatum(event);
		insert_row(leaf, index, info, values);
		pfree(event);
	}

	pfree(info);
	list_free(indexes);
	index_close(index, RowExclusiveLock);
	table_close(leaf, RowExclusiveLock);
	ecapi_wake_at_commit();
}

static void
insert_row(Relation leaf, Relation index, IndexInfo *info, Datum *values)
{
	bool		nulls[COLUMNS] = {false};
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(leaf), values, nulls);
	Datum		keys[2];

	tuple->t_tableOid = RelationGetRelid(leaf);
	heap_insert(leaf, tuple, GetCurrentCommandId(true), 0, NULL);
	keys[0] = values[COLUMN_XID];
	keys[1] = values[COLUMN_SEQ];
	index_insert(index, keys, nulls, &tuple->t_self, leaf, UNIQUE_CHECK_NO,
				 false, info);
	heap_freetuple(tuple);
}

/*
 * Keep an event that could not be made valid: a row of failed_event that
 * belongs to no destination.  Runs as the extension's owner, for the caller
 * has no right on that table.  Raises what an insert raises.
 */
void
ecapi_outbox_set_aside(const char *source, Oid relation, const char *event_id,
					   const char *event, int event_len,
					   const char *sqlstate, const char *reason)
{
	static EcapiStatement insert = {
		"INSERT INTO ecapi.failed_event (source, state, reason, xid, event_id,"
		" event, sqlstate, relation, failed_at)"
		" VALUES ($1, 'set_aside', $2, pg_catalog.pg_current_xact_id(), $3,"
		" $4::pg_catalog.json, $5, $6, pg_catalog.clock_timestamp())",
		6, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, REGCLASSOID}, NULL
	};
	Datum		values[6];
	bool		nulls[6] = {false};
	Oid			user;
	int			context;
	int			nest;

	values[0] = CStringGetTextDatum(source);
	values[1] = CStringGetTextDatum(reason);
	values[2] = event_id == NULL ? (Datum) 0 : CStringGetTextDatum(event_id);
	nulls[2] = event_id == NULL;
	values[3] = PointerGetDatum(cstring_to_text_with_len(event, event_len));
	values[4] = CStringGetTextDatum(sqlstate);
	values[5] = ObjectIdGetDatum(relation);
	nulls[5] = !OidIsValid(relation);

	/* in the replica role our triggers keep rows out; see the install script */
	nest = NewGUCNestLevel();
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(ecapi_owner(),
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	SPI_connect();
	ecapi_statement_execute(&insert, values, nulls, false);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(true, nest);
}

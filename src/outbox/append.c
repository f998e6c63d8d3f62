/*
 * append.c
 *	  Writing events into the outbox, inside the caller's transaction.
 *
 * Rows go straight into the leaf of the ring and its index, below the
 * executor: no plan, no trigger, no privilege check.  That is what makes an
 * emit cost no more than a plain insert, and what lets a writer emit who has
 * no right on the outbox.
 *
 * While REINDEX CONCURRENTLY is at work the index has a copy, and each row goes into
 * both.
 *
 * Locks: RowExclusive on the leaf until the end of the transaction, as of any INSERT.
 * Who empties a slot, or builds an index without a lock on writers, waits for that
 * lock, or passes on, and would otherwise not know of rows that nobody sees yet.
 *
 * The xid stored is the top-level one, whatever subtransaction writes the
 * row: readers order and cut by it (see window.c), while the heap's own xmin
 * makes a rolled-back savepoint's rows vanish as usual.  seq comes from a
 * sequence, so it grows within a transaction; nothing depends on its order
 * between transactions.
 *
 * Beyond ecapi.outbox_limit, or a role's share of it, events are dropped instead: see
 * limit.c and quota.c.
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
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "outbox/append.h"
#include "outbox/limit.h"
#include "outbox/quota.h"
#include "outbox/ring.h"
#include "shmem/shmem.h"

/* From that many events on, rows are inserted together, at most that many at once. */
#define MULTI_MIN	4
#define MULTI_MAX	64

/* Indexes of a leaf that take entries. */
typedef struct Indexes
{
	int			n;
	Relation   *relations;
	IndexInfo **infos;
} Indexes;

/* What the rows of one call share. */
typedef struct Row
{
	Oid			seq_relid;
	Datum		values[ECAPI_OUTBOX_COLUMNS];
	bool		nulls[ECAPI_OUTBOX_COLUMNS];
} Row;

static HeapTuple form_row(Relation leaf, Row *row, const EcapiAppend *event);
static void open_indexes(Relation leaf, Indexes *indexes);
static void close_indexes(Indexes *indexes);
static void insert_row(Relation leaf, const Indexes *indexes, HeapTuple tuple);
static void insert_rows(Relation leaf, const Indexes *indexes, Row *row,
						const EcapiAppend *events, int nevents);

static int64 last_seq = 0;

int64
ecapi_outbox_next_seq(Oid seq_relid)
{
	return last_seq = nextval_internal(seq_relid, false);
}

int64
ecapi_outbox_last_seq(void)
{
	return last_seq;
}

/*
 * Append events in this order, in the current (sub)transaction, and wake the
 * worker at commit.  The caller has refused read-only transactions, recovery
 * and parallel mode.  When the outbox is full the events are dropped, counted
 * and warned about.  Raises an error when the extension is not installed, or
 * what any insert raises.
 */
void
ecapi_outbox_append(const EcapiEmitter *emitter, const EcapiAppend *events, int nevents)
{
	TimestampTz now = GetCurrentTimestamp();
	int			slot = ecapi_ring_slot(now);
	Size		bytes = 0;
	const EcapiRelations *relations;
	Relation	leaf;
	Indexes		indexes;
	Row			row = {0};

	for (int i = 0; i < nevents; i++)
		bytes += VARSIZE(events[i].event);
	if (!ecapi_limit_allows(emitter->role, now, nevents, bytes))
		return;

	relations = ecapi_relations();
	row.seq_relid = relations->outbox_seq;
	leaf = table_open(relations->outbox[slot], RowExclusiveLock);

	ecapi_ring_check_slot(leaf);
	open_indexes(leaf, &indexes);

	row.values[ECAPI_OUTBOX_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	row.values[ECAPI_OUTBOX_EMITTED_AT] = TimestampTzGetDatum(now);
	row.values[ECAPI_OUTBOX_EMITTER] = ObjectIdGetDatum(emitter->role);
	row.values[ECAPI_OUTBOX_RELATION] = ObjectIdGetDatum(emitter->relation);
	row.nulls[ECAPI_OUTBOX_RELATION] = !OidIsValid(emitter->relation);
	row.values[ECAPI_OUTBOX_SLOT] = Int16GetDatum(slot);
	if (nevents < MULTI_MIN)
		for (int i = 0; i < nevents; i++)
			insert_row(leaf, &indexes, form_row(leaf, &row, &events[i]));
	else
		insert_rows(leaf, &indexes, &row, events, nevents);

	close_indexes(&indexes);
	table_close(leaf, NoLock);
	ecapi_wake_at_commit();
}

/* One that is being built takes entries as soon as it is ready for them. */
static void
open_indexes(Relation leaf, Indexes *indexes)
{
	List	   *oids = RelationGetIndexList(leaf);
	ListCell   *cell;

	indexes->n = 0;
	indexes->relations = palloc(sizeof(Relation) * list_length(oids));
	indexes->infos = palloc(sizeof(IndexInfo *) * list_length(oids));
	foreach(cell, oids)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);

		if (!index->rd_index->indisready)
		{
			index_close(index, RowExclusiveLock);
			continue;
		}
		indexes->relations[indexes->n] = index;
		indexes->infos[indexes->n++] = BuildIndexInfo(index);
	}
	list_free(oids);
}

static void
close_indexes(Indexes *indexes)
{
	for (int i = 0; i < indexes->n; i++)
	{
		pfree(indexes->infos[i]);
		index_close(indexes->relations[i], RowExclusiveLock);
	}
	pfree(indexes->infos);
	pfree(indexes->relations);
}

/* The row of an event, under the next seq. */
static HeapTuple
form_row(Relation leaf, Row *row, const EcapiAppend *event)
{
	HeapTuple	tuple;

	row->values[ECAPI_OUTBOX_SEQ] = Int64GetDatum(ecapi_outbox_next_seq(row->seq_relid));
	row->values[ECAPI_OUTBOX_EVENT] = PointerGetDatum(event->event);
	tuple = heap_form_tuple(RelationGetDescr(leaf), row->values, row->nulls);
	tuple->t_tableOid = RelationGetRelid(leaf);
	return tuple;
}

static void
insert_entries(Relation leaf, const Indexes *indexes, HeapTuple tuple, ItemPointer tid)
{
	bool		nulls[2] = {false};
	TupleDesc	descriptor = RelationGetDescr(leaf);
	Datum		keys[2];
	bool		isnull;

	keys[0] = heap_getattr(tuple, ECAPI_OUTBOX_XID + 1, descriptor, &isnull);
	keys[1] = heap_getattr(tuple, ECAPI_OUTBOX_SEQ + 1, descriptor, &isnull);
	for (int i = 0; i < indexes->n; i++)
		index_insert(indexes->relations[i], keys, nulls, tid, leaf, UNIQUE_CHECK_NO, false,
					 indexes->infos[i]);
}

static void
insert_row(Relation leaf, const Indexes *indexes, HeapTuple tuple)
{
	heap_insert(leaf, tuple, GetCurrentCommandId(true), 0, NULL);
	insert_entries(leaf, indexes, tuple, &tuple->t_self);
	heap_freetuple(tuple);
}

/*
 * Many rows: heap_multi_insert() locks and logs a page once for all rows that
 * go into it.
 */
static void
insert_rows(Relation leaf, const Indexes *indexes, Row *row,
			const EcapiAppend *events, int nevents)
{
	TupleTableSlot *slots[MULTI_MAX];
	CommandId	command = GetCurrentCommandId(true);

	for (int i = 0; i < Min(nevents, MULTI_MAX); i++)
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(leaf), &TTSOpsHeapTuple);
	for (int done = 0, n; done < nevents; done += n)
	{
		n = Min(nevents - done, MULTI_MAX);
		for (int i = 0; i < n; i++)
			ExecStoreHeapTuple(form_row(leaf, row, &events[done + i]), slots[i], true);
		heap_multi_insert(leaf, slots, n, command, 0, NULL);
		for (int i = 0; i < n; i++)
			insert_entries(leaf, indexes, ExecFetchSlotHeapTuple(slots[i], false, NULL),
						   &slots[i]->tts_tid);
	}
	for (int i = 0; i < Min(nevents, MULTI_MAX); i++)
		ExecDropSingleTupleTableSlot(slots[i]);
}

/*
 * Keep an event that could not be made valid: a row of failed_event that
 * belongs to no destination.  Runs as the extension's owner, for the caller
 * has no right on that table.  False: the emitter has used up what it may set aside, and
 * the event is counted instead, with a warning now and then.  Raises what an insert raises.
 */
bool
ecapi_outbox_set_aside(const char *source, const EcapiEmitter *emitter,
					   const char *event_id, const char *event, int event_len,
					   const char *sqlstate, const char *reason, int64 after_seq)
{
	static EcapiStatement insert = {
		"INSERT INTO ecapi.failed_event (source, state, reason, xid, event_id,"
		" event, sqlstate, relation, after_seq, emitter, failed_at)"
		" VALUES ($1, 'set_aside', $2, pg_catalog.pg_current_xact_id(), $3,"
		" $4::pg_catalog.json, $5, $6, $7, $8, pg_catalog.clock_timestamp())",
		8, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, REGCLASSOID, INT8OID, REGROLEOID}, NULL
	};
	EcapiOwnerScope scope;

	if (!ecapi_quota_may_set_aside(emitter->role, event_len))
		return false;
	ecapi_become_owner_to_keep(&scope);
	ecapi_fire_own_triggers();
	ecapi_execute(&insert, ecapi_arg_text(source), ecapi_arg_text(reason),
				  ecapi_arg_text(event_id),
				  ecapi_arg(PointerGetDatum(cstring_to_text_with_len(event, event_len))),
				  ecapi_arg_text(sqlstate),
				  ecapi_arg_null_if(!OidIsValid(emitter->relation),
									ObjectIdGetDatum(emitter->relation)),
				  ecapi_arg_int8(after_seq), ecapi_arg_oid(emitter->role));
	ecapi_become_caller(&scope);
	return true;
}

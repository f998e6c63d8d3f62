/*
 * moved.c
 *	  Rows on their way from one partition to another.
 *
 * An UPDATE that moves a row to another partition reaches row triggers as a
 * DELETE there and an INSERT here, one behind the other.  All tracks of the
 * table see both: first each sees the DELETE, then each the INSERT.  So the row
 * that left is remembered, and the INSERT that follows is judged as an update
 * from it.
 *
 * The two belong together when
 *	  1. the row that left says in its ctid that it was moved.  The apply worker
 *		 of a subscription leaves no such mark, but does nothing else in one
 *		 command that deletes and inserts;
 *	  2. both are of the same partitioned table, and the same command of the same
 *		 (sub)transaction deleted the one and inserted the other, as their
 *		 headers say.  A foreign partition keeps no header: there the
 *		 transaction must do;
 *	  3. no other row left or came in between.  If a BEFORE trigger of the new
 *		 partition suppresses the row, the next INSERT of the same command is
 *		 misjudged; only MERGE and writable CTEs have such.
 *
 * Triggers write to the same table while others of the row have yet to fire.
 * What they move is of a deeper level, so each level of triggers has a move of
 * its own.
 *
 * Rows of foreign partitions have no place: all of them have the same, which is
 * none.
 *
 * Moves live in TopTransactionContext and are found by the transaction's local
 * id to be stale.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "replication/logicalworker.h"
#include "storage/itemptr.h"
#include "storage/proc.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "capture/moved.h"
#include "compat.h"

/* A move at one level of triggers; moved.tuple is NULL where there is none. */
typedef struct Move
{
	EcapiMoved	moved;
	Oid			root;			/* the partitioned table */
	TransactionId xid;			/* who moved it */
	CommandId	command;
	bool		arrived;		/* the INSERT was seen, by one track at least */
	Oid			to;				/* where it is now */
	ItemPointerData to_tid;
} Move;

/* By level; in TopTransactionContext of the transaction moves_in. */
static Move *moves = NULL;
static int	levels = 0;
static LocalTransactionId moves_in = InvalidLocalTransactionId;

/* The move of the level that runs; NULL: it has none, and was not asked to make one. */
static Move *
current_move(bool make)
{
	int			level = DatumGetInt32(pg_trigger_depth(NULL)) - 1;
	int			old = levels;

	if (moves_in != ecapi_local_xid())
	{
		moves = NULL;
		levels = old = 0;
		moves_in = ecapi_local_xid();
	}
	if (level < levels)
		return &moves[level];
	if (!make)
		return NULL;

	if (moves == NULL)
		moves = MemoryContextAlloc(TopTransactionContext, (level + 1) * sizeof(Move));
	else
		moves = repalloc(moves, (level + 1) * sizeof(Move));
	levels = level + 1;
	memset(&moves[old], 0, (levels - old) * sizeof(Move));
	return &moves[level];
}

static void
forget(Move *move)
{
	if (move->moved.tuple)
		heap_freetuple(move->moved.tuple);
	memset(move, 0, sizeof(*move));
}

/* A row that is kept elsewhere has no place, so they may be invalid. */
static bool
same_place(ItemPointer a, ItemPointer b)
{
	return ItemPointerCompare(a, b) == 0;
}

void
ecapi_moved_left(const TriggerData *data, const EcapiCompiled *compiled)
{
	Oid			partition = RelationGetRelid(data->tg_relation);
	HeapTupleHeader header = data->tg_trigtuple->t_data;
	Move	   *move = current_move(false);
	MemoryContext caller;

	/* another track has seen it */
	if (move && move->moved.tuple && !move->arrived &&
		move->moved.version.relation == partition && move->root == compiled->root &&
		same_place(&move->moved.tuple->t_self, &data->tg_trigtuple->t_self) &&
		move->xid == HeapTupleHeaderGetUpdateXid(header))
		return;
	if (move)
		forget(move);
	if (data->tg_relation->rd_rel->relkind != RELKIND_RELATION ||
		!(ItemPointerIndicatesMovedPartitions(&header->t_ctid) || IsLogicalWorker()))
		return;

	move = current_move(true);
	caller = MemoryContextSwitchTo(TopTransactionContext);
	move->moved.tuple = heap_copytuple(data->tg_trigtuple);
	MemoryContextSwitchTo(caller);
	move->moved.version = ecapi_version_of_tuple(data->tg_relation, data->tg_trigtuple);
	move->root = compiled->root;
	move->xid = HeapTupleHeaderGetUpdateXid(header);
	move->command = HeapTupleHeaderGetCmax(header);
}

/* Whether the command that deleted the one inserted the other. */
static bool
same_command(const Move *move, const TriggerData *data)
{
	HeapTupleHeader header = data->tg_trigtuple->t_data;

	if (data->tg_relation->rd_rel->relkind != RELKIND_RELATION)
		return move->xid == GetCurrentTransactionIdIfAny();
	return move->xid == HeapTupleHeaderGetXmin(header) &&
		move->command == HeapTupleHeaderGetCmin(header);
}

const EcapiMoved *
ecapi_moved_from(const TriggerData *data, const EcapiCompiled *compiled)
{
	Move	   *move = current_move(false);
	ItemPointer tid = &data->tg_trigtuple->t_self;

	if (move == NULL || move->moved.tuple == NULL)
		return NULL;
	if (!move->arrived && move->root == compiled->root && same_command(move, data))
	{
		move->arrived = true;
		move->to = RelationGetRelid(data->tg_relation);
		move->to_tid = *tid;
		return &move->moved;
	}
	/* the same row, seen by another track */
	if (move->arrived && move->root == compiled->root &&
		move->to == RelationGetRelid(data->tg_relation) &&
		same_place(&move->to_tid, tid) && same_command(move, data))
		return &move->moved;
	forget(move);
	return NULL;
}

/* A tuple of a partition as one of another; whole: with what is stored beside the row. */
static HeapTuple
convert(HeapTuple tuple, Oid from, Relation to, bool whole)
{
	/* the statement holds a lock on it */
	Relation	partition = table_open(from, NoLock);
	TupleConversionMap *map = convert_tuples_by_name(RelationGetDescr(partition),
													 RelationGetDescr(to));

	if (whole && HeapTupleHasExternal(tuple))
		tuple = toast_flatten_tuple(tuple, RelationGetDescr(partition));
	if (map)
		tuple = execute_attr_map_tuple(tuple, map);
	table_close(partition, NoLock);
	return tuple;
}

HeapTuple
ecapi_moved_convert(HeapTuple tuple, Oid from, Relation to)
{
	return convert(tuple, from, to, true);
}

TupleTableSlot *
ecapi_moved_slot(const EcapiMoved *moved, Relation relation)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsHeapTuple);

	ExecStoreHeapTuple(convert(moved->tuple, moved->version.relation, relation, false), slot, false);
	return slot;
}

/*
 * trigger.c
 *	  ecapi.capture(): the trigger function of every track.
 *
 * Three kinds of trigger call it (track.c chooses):
 *	  - a statement trigger with the transition table of what was inserted.  A
 *		COPY of a million rows is one call, evaluated page by page;
 *	  - a row trigger, where the track needs old, or the table is partitioned
 *		(a write that names a partition fires none of the root's statement
 *		triggers), or rows are captured at a subscriber (which fires no statement
 *		triggers);
 *	  - a row trigger that only notes the row, for capture at commit; see
 *		pending.c.
 *
 * An UPDATE that moves a row to another partition reaches row triggers as a
 * DELETE there and an INSERT here, one behind the other.  A tuple that was
 * moved says so in its ctid.  So the DELETE of a moved row is remembered, and
 * the INSERT that follows in the same subtransaction is judged as an update
 * from it.  (If a BEFORE trigger of the new partition suppresses that INSERT,
 * the next one of the same statement is misjudged; only MERGE has such.)
 *
 * The shop's statement wins: nothing here raises an error but what any trigger
 * would (cancel, out of memory), unless the track says on_error raise.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "storage/itemptr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "capture/pending.h"
#include "capture/program_cache.h"
#include "capture/rows.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_capture);

/* A row that is on its way from one partition to another, if any is. */
static EcapiMoved moved;		/* tuple in TopTransactionContext */
static SubTransactionId moved_in = InvalidSubTransactionId;

static void
protocol_error(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function \"%s\" %s", "ecapi.capture", message),
			 errhint("Declare tracks by ecapi.track().")));
}

/* The next row of a transition table. */
typedef struct Transition
{
	Tuplestorestate *store;
	TupleTableSlot *slot;
} Transition;

static bool
next_inserted(void *arg, EcapiRow *row)
{
	Transition *transition = arg;
	MemoryContext caller = MemoryContextSwitchTo(transition->slot->tts_mcxt);
	bool		found;

	/* a row that comes from disk is the slot's, and lives until the next */
	row->new = transition->slot;
	row->old = NULL;
	found = tuplestore_gettupleslot(transition->store, true, false, transition->slot);
	MemoryContextSwitchTo(caller);
	return found;
}

static void
capture_statement(const TriggerData *data, EcapiRows *rows)
{
	Transition	transition;
	EcapiRowsResult result;
	int			before;

	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event) || data->tg_newtable == NULL)
		protocol_error("works for a statement only with the table of what was inserted");

	/* other triggers read the same store, each at a place of its own */
	transition.store = data->tg_newtable;
	before = tuplestore_alloc_read_pointer(transition.store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(transition.store, before);
	tuplestore_rescan(transition.store);
	transition.slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation),
											   &TTSOpsMinimalTuple);
	rows->next = next_inserted;
	rows->arg = &transition;
	ecapi_rows_capture(rows, &result);
	ExecDropSingleTupleTableSlot(transition.slot);
}

/* Gives one row, once. */
typedef struct OneRow
{
	TupleTableSlot *new;
	TupleTableSlot *old;
	bool		given;
} OneRow;

static bool
next_one(void *arg, EcapiRow *row)
{
	OneRow	   *one = arg;

	if (one->given)
		return false;
	one->given = true;
	row->new = one->new;
	row->old = one->old;
	return true;
}

/* A row was deleted: remember it if it is on its way to another partition. */
static void
note_move(const TriggerData *data, const EcapiCompiled *compiled)
{
	HeapTupleHeader header = data->tg_trigtuple->t_data;
	MemoryContext caller;

	moved_in = InvalidSubTransactionId;
	if (!ItemPointerIndicatesMovedPartitions(&header->t_ctid))
		return;
	caller = MemoryContextSwitchTo(TopTransactionContext);
	moved.tuple = heap_copytuple(data->tg_trigtuple);
	MemoryContextSwitchTo(caller);
	moved.root_trigger = compiled->root_trigger;
	moved.partition = RelationGetRelid(data->tg_relation);
	moved.is_ours = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(header));
	moved_in = GetCurrentSubTransactionId();
}

/* Did a row that is inserted come from another partition? */
static bool
has_moved(const EcapiCompiled *compiled)
{
	bool		answer = moved_in == GetCurrentSubTransactionId() &&
		moved.root_trigger == compiled->root_trigger;

	moved_in = InvalidSubTransactionId;
	return answer;
}

/* What it was there, in a slot of this partition's descriptor. */
static TupleTableSlot *
moved_slot(Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	Relation	partition;
	TupleConversionMap *map;
	HeapTuple	tuple = moved.tuple;

	/* the statement holds a lock on it */
	partition = table_open(moved.partition, NoLock);
	map = convert_tuples_by_name(RelationGetDescr(partition), descriptor);
	if (map)
		tuple = execute_attr_map_tuple(tuple, map);
	ExecStoreHeapTuple(tuple, slot, false);
	table_close(partition, NoLock);
	return slot;
}

static void
capture_row(const TriggerData *data, EcapiRows *rows)
{
	const EcapiCompiled *compiled = rows->compiled;
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	bool		came = false;
	EcapiRowsResult result;
	OneRow		one = {0};

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		note_move(data, compiled);
		return;
	}
	one.old = is_update ? data->tg_trigslot : NULL;
	one.new = is_update ? data->tg_newslot : data->tg_trigslot;
	if (!is_update)
		came = has_moved(compiled);

	if (compiled->program && ecapi_program_track(compiled->program)->at_commit)
	{
		ecapi_pending_add(data, compiled, one.new, one.old, came ? &moved : NULL);
		return;
	}
	if (came)
		one.old = moved_slot(data->tg_relation);
	rows->next = next_one;
	rows->arg = &one;
	ecapi_rows_capture(rows, &result);
	if (came)
		ExecDropSingleTupleTableSlot(one.old);
}

/*
 * ecapi.capture() returns trigger
 *
 * Takes the track as its one argument, see mapping.h.
 */
Datum
ecapi_capture(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	EcapiRows	rows = {0};

	if (!CALLED_AS_TRIGGER(fcinfo))
		protocol_error("was not called by a trigger");
	if (!TRIGGER_FIRED_AFTER(data->tg_event))
		protocol_error("must be called after the event");
	if (!ecapi_capture_enabled)
		return PointerGetDatum(NULL);

	rows.mode = ECAPI_ROWS_LIVE;
	rows.compiled = ecapi_program_of_trigger(data->tg_relation, data->tg_trigger);
	rows.trigger = data->tg_trigger->tgname;
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
		capture_row(data, &rows);
	else
		capture_statement(data, &rows);
	return PointerGetDatum(NULL);
}

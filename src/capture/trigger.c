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
 * A row that moves to another partition comes as a DELETE and an INSERT, and is
 * judged as an update; see moved.c.
 *
 * The shop's statement wins: nothing here raises an error but what any trigger
 * would (cancel, out of memory), unless the track says on_error raise.
 *
 * data->tg_trigger is the executor's copy, made when the statement began, so it
 * outlives every invalidation.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "capture/moved.h"
#include "capture/pending.h"
#include "capture/program_cache.h"
#include "capture/rows.h"
#include "rowsql/confine.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_capture);

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
next_inserted(void *arg, EcapiTableRow *row)
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
capture_statement(const TriggerData *data, EcapiRowCapture *rows)
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
next_one(void *arg, EcapiTableRow *row)
{
	OneRow	   *one = arg;

	if (one->given)
		return false;
	one->given = true;
	row->new = one->new;
	row->old = one->old;
	return true;
}

static void
capture_row(const TriggerData *data, EcapiRowCapture *rows)
{
	const EcapiCompiled *compiled = rows->compiled;
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	const EcapiMoved *moved = NULL;
	EcapiRowsResult result;
	OneRow		one = {0};

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		ecapi_moved_left(data, compiled);
		return;
	}
	one.old = is_update ? data->tg_trigslot : NULL;
	one.new = is_update ? data->tg_newslot : data->tg_trigslot;
	if (!is_update)
		moved = ecapi_moved_from(data, compiled);

	/* a row that is kept elsewhere could not be found again at commit */
	if (compiled->program && compiled->program->track->at_commit &&
		data->tg_relation->rd_rel->relkind == RELKIND_RELATION)
	{
		ecapi_pending_add(data, compiled, one.new, one.old, moved);
		return;
	}
	if (moved)
		one.old = ecapi_moved_slot(moved, data->tg_relation);
	rows->next = next_one;
	rows->arg = &one;
	ecapi_rows_capture(rows, &result);
	if (moved)
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
	EcapiRowCapture	rows = {0};

	if (!CALLED_AS_TRIGGER(fcinfo))
		protocol_error("was not called by a trigger");
	if (!TRIGGER_FIRED_AFTER(data->tg_event))
		protocol_error("must be called after the event");
	if (!ecapi_capture_enabled)
		return PointerGetDatum(NULL);
	if (ecapi_confined_runs())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows that the SQL of a track writes are not captured")));

	rows.mode = ECAPI_ROWS_LIVE;
	rows.compiled = ecapi_program_of_trigger(data->tg_relation, data->tg_trigger);
	rows.trigger = data->tg_trigger->tgname;
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
		capture_row(data, &rows);
	else
		capture_statement(data, &rows);
	return PointerGetDatum(NULL);
}

/*
 * pending.c
 *	  Rows that become events when their transaction commits.
 *
 * An order is inserted first and its items after it, or its total is filled in
 * by a later statement.  With at_commit the row trigger only notes where the
 * row lies; before the transaction commits (or is prepared) each noted row is
 * looked up as it is then, and captured by its track.
 *
 * Of these rows notes.c keeps which they are, and what they were before the transaction.
 *	  1. The chain does not survive a rewrite of the table.  So what waits is
 *		 captured when ALTER TABLE begins, by an event trigger (one on the rewrite
 *		 itself is too late: the columns have their new types, the rows not yet).
 *		 Notes whose row was an event stay, as captured in the subtransaction
 *		 that was current (notes.c); if that is rolled back they wait again.  After
 *		 TRUNCATE there are no rows; where it empties in place a file that this
 *		 transaction has made, others may be in their places (version.c).  Rows that
 *		 the same transaction CLUSTERs after writing them are not captured.  What is
 *		 updated after either is judged from what it was when that ended.
 *	  2. Rows of foreign partitions have no place that could be noted: trigger.c
 *		 captures them at once.  Nor are those captured whose partition is
 *		 detached, or whose track is dropped, in the same transaction.
 *	  3. A row that is noted counts as emitted when it was: a cancellation that the
 *		 same transaction makes later stops it (records/stops.c), one that it made
 *		 before does not.
 *
 * The callback runs after all deferred triggers have fired and before anything
 * of the commit is decided: an error still rolls the transaction back.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/refuse.h"
#include "capture/notes.h"
#include "capture/pending.h"
#include "capture/rows.h"
#include "compat.h"
#include "records/cancellation.h"

PG_FUNCTION_INFO_V1(ecapi_capture_pending);

/* Notes of one track of one relation, one behind the other. */
typedef struct Run
{
	const EcapiNote *next;
	const EcapiNote *end;
	EcapiNotes	all;
	HTAB	   *seen;			/* last versions, where two notes may lead to one row */
	uint64		xid;			/* of this transaction */
	Relation	relation;
	TableScanDesc scan;			/* under the snapshot that sees the last versions */
	Snapshot	snapshot;
	TupleTableSlot *new;
	TupleTableSlot *old;
} Run;

/*
 * Whether the version that was noted is where it was.  Only a file that this transaction
 * has made can be emptied in place.
 */
static bool
is_there(Run *run, const EcapiNote *note)
{
	ItemPointerData tid = note->version.tid;
	EcapiVersion version;

	if (!table_tuple_tid_valid(run->scan, &tid))
		return false;
	if (!ecapi_file_is_new(run->relation))
		return true;
	if (!table_tuple_fetch_row_version(run->relation, &tid, SnapshotAny, run->new))
		return false;
	version = ecapi_version_of(run->relation, run->new);
	/* a pin that is taken in a subtransaction must not outlive it, see below */
	ExecClearTuple(run->new);
	if (!ecapi_version_same(&version, &note->version))
		return false;
	return version.command != InvalidCommandId ||
		!ecapi_notes_are_others(&run->all, note, &version);
}

/*
 * The last version of a noted row, if there is one.  It is copied at once: the row may be
 * fetched in a subtransaction and let go of outside, or the other way round, and a pin of its
 * buffer belongs to only one of the two.
 */
static bool
fetch_last(Run *run, const EcapiNote *note)
{
	ItemPointerData tid = note->version.tid;

	if (!is_there(run, note))
		return false;
	table_tuple_get_latest_tid(run->scan, &tid);
	if (!table_tuple_fetch_row_version(run->relation, &tid, run->snapshot, run->new))
		return false;
	ExecMaterializeSlot(run->new);
	return true;
}

static bool
next_noted(void *arg, EcapiTableRow *row)
{
	Run		   *run = arg;

	while (run->next < run->end)
	{
		const EcapiNote *note = run->next++;
		EcapiVersion last;

		if (note->link > 0 || (note->captured && !run->all.has_late) ||
			note->version.file != ecapi_file_number(run->relation) || !fetch_last(run, note))
			continue;
		last = ecapi_version_of(run->relation, run->new);
		if (run->all.has_late && ecapi_notes_seen(&run->seen, note->root_trigger, &last))
			continue;
		if (note->captured)
			continue;
		row->new = run->new;
		row->written.xid = run->xid;
		row->written.after_seq = note->after_seq;
		row->old = NULL;
		row->context = ecapi_notes_context(&run->all, &last);
		if (note->old)
		{
			ExecForceStoreHeapTuple(note->old, run->old, false);
			row->old = run->old;
		}
		return true;
	}
	return false;
}

/* Returns how many of its rows became an event, or were set aside. */
static int64
capture_run(Run *run)
{
	const EcapiNote *first = run->next;
	Relation	relation = try_relation_open(first->version.relation, RowExclusiveLock);
	const Trigger *trigger;
	EcapiRowCapture	rows = {0};
	EcapiRowsResult result = {0};

	if (relation == NULL)
		return 0;
	trigger = ecapi_trigger_of(relation, first->trigger);
	if (trigger)
	{
		run->relation = relation;
		run->scan = table_beginscan_tid(relation, run->snapshot);
		run->new = table_slot_create(relation, NULL);
		run->old = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
		rows.mode = ECAPI_ROWS_LIVE;
		rows.compiled = ecapi_program_of_trigger(relation, trigger);
		rows.trigger = trigger->tgname;
		rows.next = next_noted;
		rows.arg = run;
		rows.has_context = true;
		rows.may_be_cancelled = ecapi_cancellation_is_ours();
		run->xid = U64FromFullTransactionId(GetTopFullTransactionId());
		ecapi_rows_capture(&rows, &result);
		ExecDropSingleTupleTableSlot(run->old);
		ExecDropSingleTupleTableSlot(run->new);
		table_endscan(run->scan);
	}
	relation_close(relation, NoLock);
	return result.events + result.set_aside;
}

/*
 * Capture the rows of notes that wait: one run of a track after the other, or,
 * to mark those that were captured, one by one.  Capturing writes no rows of
 * tables, so nothing is noted meanwhile.
 */
static void
capture_notes(EcapiNotes all, bool mark)
{
	Run			run = {.all = all};
	EcapiNote  *note = all.list;
	const EcapiNote *end = all.list + all.n;
	bool		was_read_only = XactReadOnly;

	if (all.n == 0)
		return;
	/* it may have been made read-only after the rows were written */
	XactReadOnly = false;
	CommandCounterIncrement();
	run.snapshot = GetTransactionSnapshot();
	PushActiveSnapshot(run.snapshot);
	run.snapshot = GetActiveSnapshot();
	while (note < end)
	{
		EcapiNote  *first = note++;

		while (!mark && note < end && note->version.relation == first->version.relation &&
			   note->trigger == first->trigger)
			note++;
		run.next = first;
		run.end = note;
		if (capture_run(&run) > 0 && mark)
			ecapi_notes_mark(first);
	}
	PopActiveSnapshot();
	if (run.seen)
		hash_destroy(run.seen);
	XactReadOnly = was_read_only;
}

/*
 * ecapi_internal.capture_pending() returns void
 *
 * For the event trigger of ALTER TABLE, see rule 1 above.
 */
Datum
ecapi_capture_pending(PG_FUNCTION_ARGS)
{
	ErrorContextCallback *stack = ecapi_frames_hide();

	capture_notes(ecapi_notes(), true);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/* The transaction is about to be decided. */
static void
capture_last(void)
{
	EcapiNotes	all = ecapi_notes();

	ecapi_notes_forget();
	capture_notes(all, false);
}

static void
on_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			capture_last();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			ecapi_notes_forget();
			break;
		default:
			break;
	}
}

void
ecapi_pending_add(const TriggerData *data, const EcapiCompiled *compiled,
				  TupleTableSlot *new, TupleTableSlot *old,
				  const EcapiMoved *moved)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_transaction, NULL);
		registered = true;
	}
	ecapi_notes_add(data, compiled, new, old, moved);
}

/*
 * pending.c
 *	  Rows that become events when their transaction commits.
 *
 * An order is inserted first and its items after it, or its total is filled in
 * by a later statement.  With at_commit the row trigger only notes where the
 * row lies; before the transaction commits (or is prepared) each noted row is
 * looked up as it is then, and captured by its track.
 *
 * A note is the place of the first version that the transaction wrote, and a
 * copy of the row as it was before the transaction (none if it is new).
 *	  1. An update of a row that this transaction wrote adds no note: the first
 *		 version leads to the last through the chain of ctids.  So a row has one
 *		 note, is captured once, and "before" is before the transaction.
 *	  2. A note belongs to the subtransaction that wrote the row.  It goes when
 *		 that is rolled back, and passes to the parent when it is released, so
 *		 the notes of a running subtransaction are the last ones of the list.  So it is
 *		 with the list of those that were captured before the commit.
 *	  3. A row that moves to another partition has a note with its partition; the
 *		 note of the place it left leads to nothing visible, and is passed over.
 *		 What it was before goes with it, also if it was new, and needs nothing of
 *		 the partition that it left, which may be dropped or emptied by then.
 *	  4. The chain does not survive a rewrite of the table.  So what waits is
 *		 captured when ALTER TABLE begins, by an event trigger (one on the rewrite
 *		 itself is too late: the columns have their new types, the rows not yet).
 *		 Notes whose row was an event stay, as captured in the subtransaction
 *		 that was current (rule 2); if that is rolled back they wait again.  After
 *		 TRUNCATE there are no rows; where it empties in place a file that this
 *		 transaction has made, others may be in their places (version.c).  Rows that
 *		 the same transaction CLUSTERs after writing them are not captured.
 *	  5. A version of a row has the setting ecapi.context under which it was
 *		 written, and the event that of the last version: at commit the setting
 *		 may be another visitor's, or none.
 *	  6. Rows of foreign partitions have no place that could be noted: trigger.c
 *		 captures them at once.  Nor are those captured whose partition is
 *		 detached, or whose track is dropped, in the same transaction.
 *
 *	  7. A row that is noted counts as emitted when it was: a cancellation that the
 *		 same transaction makes later stops it (records/stops.c), one that it made
 *		 before does not.
 *
 * The callback runs after all deferred triggers have fired and before anything
 * of the commit is decided: an error still rolls the transaction back.
 *
 * Everything lives in TopTransactionContext; the list is dropped with it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/refuse.h"
#include "capture/context.h"
#include "capture/pending.h"
#include "capture/rows.h"
#include "capture/version.h"
#include "compat.h"
#include "outbox/append.h"
#include "records/cancellation.h"

PG_FUNCTION_INFO_V1(ecapi_capture_pending);

typedef struct Note
{
	SubTransactionId subtransaction;
	EcapiVersion version;
	Oid			trigger;
	Oid			root_trigger;
	int64		after_seq;		/* the last seq of this session when it was written */
	HeapTuple	old;			/* before the transaction, as a row of this relation;
								 * NULL: it is new */
	bool		captured;		/* it does not wait */
} Note;

/* A note that was captured before the commit, and where; if that is undone it waits again. */
typedef struct Captured
{
	SubTransactionId subtransaction;
	int			note;			/* its number */
} Captured;

/* Where a version of a row is; of one track, or (root_trigger invalid) of all. */
typedef struct VersionKey
{
	Oid			relation;
	Oid			root_trigger;
	ItemPointerData tid;
} VersionKey;

typedef struct Version
{
	VersionKey	key;
	union
	{
		int			note;		/* its number; of a row in a partition */
		const EcapiValue *context;	/* ecapi.context when it was written; NULL: none */
	}			of;
} Version;

static HTAB *versions = NULL;	/* that have a note, in partitions */
static HTAB *contexts = NULL;	/* NULL: no row had one */
static Note *notes = NULL;
static int	nnotes = 0;
static int	room = 0;
static Captured *captures = NULL;
static int	ncaptures = 0;
static int	captures_room = 0;

static void on_transaction(XactEvent event, void *arg);
static void on_subtransaction(SubXactEvent event, SubTransactionId own,
							  SubTransactionId parent, void *arg);

static void
forget_notes(void)
{
	notes = NULL;
	versions = NULL;
	contexts = NULL;
	captures = NULL;
	nnotes = room = 0;
	ncaptures = captures_room = 0;
}

static Note *
new_note(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_transaction, NULL);
		RegisterSubXactCallback(on_subtransaction, NULL);
		registered = true;
	}
	if (notes == NULL)
	{
		room = 64;
		notes = MemoryContextAlloc(TopTransactionContext, room * sizeof(Note));
	}
	else if (nnotes == room)
	{
		room *= 2;
		notes = repalloc_huge(notes, room * sizeof(Note));
	}
	return &notes[nnotes];
}

/* Whether this transaction wrote that version of the row; then it has a note. */
static bool
is_ours(TupleTableSlot *slot)
{
	bool		should_free;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	bool		ours;

	ours = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	if (should_free)
		heap_freetuple(tuple);
	return ours;
}

/* ------------------------------------------------------------------------
 * Notes of rows in partitions, by the places where their versions lie
 *
 * What a row was before the transaction must go with it when it moves, so its
 * note is looked up by the version that left.  A place that a rolled back
 * version had is found only if it was used again, and then says so again.
 * ------------------------------------------------------------------------
 */

static Version *
look_up(HTAB **table, Oid relation, Oid root_trigger, const ItemPointerData *tid,
		HASHACTION action)
{
	VersionKey	key;

	if (*table == NULL && action == HASH_FIND)
		return NULL;
	if (*table == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(VersionKey);
		control.entrysize = sizeof(Version);
		control.hcxt = TopTransactionContext;
		*table = hash_create("ecapi versions of rows", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.relation = relation;
	key.root_trigger = root_trigger;
	key.tid = *tid;
	return hash_search(*table, &key, action, NULL);
}

/* The number of a version's note, or -1. */
static int
find_version(Oid relation, Oid root_trigger, const ItemPointerData *tid)
{
	Version    *version = look_up(&versions, relation, root_trigger, tid, HASH_FIND);

	return version && version->of.note < nnotes ? version->of.note : -1;
}

static void
add_version(Oid relation, Oid root_trigger, const ItemPointerData *tid, int note)
{
	look_up(&versions, relation, root_trigger, tid, HASH_ENTER)->of.note = note;
}

/* A row that this transaction wrote has a new version in its partition. */
static void
follow_version(Relation relation, Oid root_trigger, TupleTableSlot *new,
			   TupleTableSlot *old)
{
	int			note;

	if (!relation->rd_rel->relispartition)
		return;
	note = find_version(RelationGetRelid(relation), root_trigger, &old->tts_tid);
	if (note >= 0)
		add_version(RelationGetRelid(relation), root_trigger, &new->tts_tid, note);
}

/* The note of a row that this transaction wrote before it moved; or NULL. */
static const Note *
find_note(const EcapiMoved *moved, Oid root_trigger)
{
	int			note = find_version(moved->partition, root_trigger, &moved->tuple->t_self);

	return note >= 0 ? &notes[note] : NULL;
}

/* ------------------------------------------------------------------------
 * Contexts of versions
 * ------------------------------------------------------------------------
 */

/*
 * Keep the context of a version that was just written.  Where none had one, an
 * absent entry says so; a place that is used again says it again.
 */
static void
keep_context(Oid relation, const ItemPointerData *tid)
{
	const EcapiValue *context = ecapi_context_to_keep();

	if (contexts != NULL || context != NULL)
		look_up(&contexts, relation, InvalidOid, tid, HASH_ENTER)->of.context = context;
}

static const EcapiValue *
find_context(HTAB *table, Oid relation, const ItemPointerData *tid)
{
	Version    *version = look_up(&table, relation, InvalidOid, tid, HASH_FIND);

	return version ? version->of.context : NULL;
}

/* For the rest of the transaction. */
static HeapTuple
keep(HeapTuple tuple)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	HeapTuple	copy = heap_copytuple(tuple);

	MemoryContextSwitchTo(caller);
	return copy;
}

/* What is kept, for a partition that the row moved to: by COMMIT the first may be gone. */
static HeapTuple
carry(HeapTuple kept, Oid from, Relation to)
{
	HeapTuple	tuple = ecapi_moved_convert(kept, from, to);

	return tuple == kept ? kept : keep(tuple);
}

void
ecapi_pending_add(const TriggerData *data, const EcapiCompiled *compiled,
				  TupleTableSlot *new, TupleTableSlot *old,
				  const EcapiMoved *moved)
{
	const Note *before;
	Note		note = {0};

	keep_context(RelationGetRelid(data->tg_relation), &new->tts_tid);
	if (old && is_ours(old))
	{
		follow_version(data->tg_relation, compiled->root_trigger, new, old);
		return;
	}
	note.subtransaction = GetCurrentSubTransactionId();
	note.version = ecapi_version_of(data->tg_relation, new);
	note.trigger = data->tg_trigger->tgoid;
	note.root_trigger = compiled->root_trigger;
	note.after_seq = ecapi_outbox_last_seq();
	if (old)
		note.old = keep(ExecFetchSlotHeapTuple(old, false, NULL));
	else if (moved && !moved->is_ours)
		note.old = keep(ecapi_moved_convert(moved->tuple, moved->partition, data->tg_relation));
	else if (moved && (before = find_note(moved, compiled->root_trigger)) != NULL)
	{
		if (before->old)
			note.old = carry(before->old, moved->partition, data->tg_relation);
		note.after_seq = before->after_seq;
	}
	*new_note() = note;
	if (data->tg_relation->rd_rel->relispartition)
		add_version(note.version.relation, note.root_trigger, &note.version.tid, nnotes);
	nnotes++;
}

/* ------------------------------------------------------------------------
 * At commit
 * ------------------------------------------------------------------------
 */

/* Notes of one track of one relation, one behind the other. */
typedef struct Run
{
	const Note *next;
	const Note *end;
	HTAB	   *contexts;		/* of the versions; NULL: they had none */
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
is_there(Run *run, const Note *note)
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
	return ecapi_version_same(&version, &note->version);
}

/*
 * The last version of a noted row, if there is one.  It is copied at once: the row may be
 * fetched in a subtransaction and let go of outside, or the other way round, and a pin of its
 * buffer belongs to only one of the two.
 */
static bool
fetch_last(Run *run, const Note *note)
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
		const Note *note = run->next++;

		if (note->captured || note->version.file != ecapi_file_number(run->relation) ||
			!fetch_last(run, note))
			continue;
		row->new = run->new;
		row->written.xid = run->xid;
		row->written.after_seq = note->after_seq;
		row->old = NULL;
		row->context = find_context(run->contexts, note->version.relation, &run->new->tts_tid);
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
	const Note *first = run->next;
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

static void
mark_captured(Note *note)
{
	if (captures == NULL)
	{
		captures_room = 64;
		captures = MemoryContextAlloc(TopTransactionContext, captures_room * sizeof(Captured));
	}
	else if (ncaptures == captures_room)
	{
		captures_room *= 2;
		captures = repalloc_huge(captures, captures_room * sizeof(Captured));
	}
	note->captured = true;
	captures[ncaptures].subtransaction = GetCurrentSubTransactionId();
	captures[ncaptures++].note = note - notes;
}

/*
 * Capture the rows of notes that wait: one run of a track after the other, or,
 * to mark those that were captured, one by one.  Capturing writes no rows of
 * tables, so nothing is noted meanwhile.
 */
static void
capture_notes(Note *note, const Note *end, HTAB *written, bool mark)
{
	Run			run = {.contexts = written};
	bool		was_read_only = XactReadOnly;

	if (note == end)
		return;
	/* it may have been made read-only after the rows were written */
	XactReadOnly = false;
	CommandCounterIncrement();
	run.snapshot = GetTransactionSnapshot();
	PushActiveSnapshot(run.snapshot);
	run.snapshot = GetActiveSnapshot();
	while (note < end)
	{
		Note	   *first = note++;

		while (!mark && note < end && note->version.relation == first->version.relation &&
			   note->trigger == first->trigger)
			note++;
		run.next = first;
		run.end = note;
		if (capture_run(&run) > 0 && mark)
			mark_captured(first);
	}
	PopActiveSnapshot();
	XactReadOnly = was_read_only;
}

/*
 * ecapi_internal.capture_pending() returns void
 *
 * For the event trigger of ALTER TABLE, see rule 4 above.
 */
Datum
ecapi_capture_pending(PG_FUNCTION_ARGS)
{
	ErrorContextCallback *stack = ecapi_frames_hide();

	capture_notes(notes, notes + nnotes, contexts, true);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/* The transaction is about to be decided. */
static void
capture_last(void)
{
	Note	   *first = notes;
	const Note *end = notes + nnotes;
	HTAB	   *written = contexts;

	forget_notes();
	capture_notes(first, end, written, false);
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
			forget_notes();
			break;
		default:
			break;
	}
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId own, SubTransactionId parent,
				  void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (ncaptures > 0 && captures[ncaptures - 1].subtransaction == own)
			notes[captures[--ncaptures].note].captured = false;
		while (nnotes > 0 && notes[nnotes - 1].subtransaction == own)
			nnotes--;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = ncaptures - 1; i >= 0 && captures[i].subtransaction == own; i--)
			captures[i].subtransaction = parent;
		for (int i = nnotes - 1; i >= 0 && notes[i].subtransaction == own; i--)
			notes[i].subtransaction = parent;
	}
}

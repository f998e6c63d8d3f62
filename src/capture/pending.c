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
 *	  1. An update of a row that has a note adds none: the first version leads to
 *		 the last through the chain of ctids.  So a row has one note, is captured
 *		 once, and "before" is before the transaction.  A version that this
 *		 transaction wrote may have none: ALTER TABLE wrote it, or nothing was
 *		 captured then (ecapi.capture, the replica role, no track yet).  So whether
 *		 it has one is looked up by its place; see the index below.
 *	  2. A note belongs to the subtransaction that wrote the row.  It goes when
 *		 that is rolled back, and passes to the parent when it is released, so
 *		 the notes of a running subtransaction are the last ones of the list.  So it is
 *		 with the list of those that were captured before the commit.
 *	  3. A row that moves to another partition is noted there; what it was before
 *		 goes with it, also if it was new, and needs nothing of the partition that
 *		 it left, which may be dropped or emptied by then.  A note of the place it
 *		 left leads to nothing visible, and is passed over.
 *	  4. The chain does not survive a rewrite of the table.  So what waits is
 *		 captured when ALTER TABLE begins, by an event trigger (one on the rewrite
 *		 itself is too late: the columns have their new types, the rows not yet).
 *		 Notes whose row was an event stay, as captured in the subtransaction
 *		 that was current (rule 2); if that is rolled back they wait again.  After
 *		 TRUNCATE there are no rows; where it empties in place a file that this
 *		 transaction has made, others may be in their places (version.c).  Rows that
 *		 the same transaction CLUSTERs after writing them are not captured.  What is
 *		 updated after either is judged from what it was when that ended.
 *	  5. A version of a row has the setting ecapi.context under which it was
 *		 written, and the event that of the last version: at commit the setting
 *		 may be another visitor's, or none.
 *	  6. Rows of foreign partitions have no place that could be noted: trigger.c
 *		 captures them at once.  Nor are those captured whose partition is
 *		 detached, or whose track is dropped, in the same transaction.
 *	  7. A version may be reported before the one that it came from: a trigger that
 *		 fires before ours updates the row.  Then the note of the later one is late,
 *		 and is completed when the earlier one is reported.  One that stays late was
 *		 made of a version that had no note; if that came from one that had, two
 *		 notes lead to one row, of which the first is captured.
 *	  8. A row that is noted counts as emitted when it was: a cancellation that the
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
	uint32		serial;			/* of no other note of the transaction */
	int			link;			/* n > 0: note n - 1 is the row's, not this one; n < 0: it
								 * goes on for note -n - 1, which was late */
	bool		captured;		/* it does not wait */
	bool		late;			/* old is a version of this transaction that has no note */
	bool		followed;		/* a link says so */
	bool		apart;			/* a row that moved: no chain leads here from old */
	int64		after_seq;		/* the last seq of this session when it was written */
	HeapTuple	old;			/* before the transaction, as a row of this relation;
								 * NULL: it is new */
} Note;

/* A note that was captured before the commit, and where; if that is undone it waits again. */
typedef struct Captured
{
	SubTransactionId subtransaction;
	int			note;			/* its number */
} Captured;

/* Where a version of a row is; of one track, or (root_trigger invalid) of all. */
typedef struct PlaceKey
{
	Oid			relation;
	Oid			file;
	Oid			root_trigger;
	ItemPointerData tid;
} PlaceKey;

typedef struct Place
{
	PlaceKey	key;
	union
	{
		struct
		{
			int			number;
			uint32		serial;
			CommandId	command;	/* that wrote the version here */
		}			note;
		const EcapiValue *context;	/* ecapi.context when it was written; NULL: none */
	}			of;
} Place;

static HTAB *noted = NULL;		/* the index; while it is not needed NULL */
static HTAB *contexts = NULL;	/* NULL: no row had one */
static Note *notes = NULL;
static int	nnotes = 0;
static int	room = 0;
static int	nlate = 0;			/* notes that are late */
static uint32 last_serial = 0;
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
	noted = NULL;
	contexts = NULL;
	captures = NULL;
	nnotes = room = nlate = 0;
	ncaptures = captures_room = 0;
}

static void
append_note(const Note *note)
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
	notes[nnotes] = *note;
	notes[nnotes].serial = ++last_serial;
	nlate += note->late;
	nnotes++;
}

static Place *
look_up(HTAB **table, const EcapiVersion *at, Oid root_trigger, HASHACTION action, bool *found)
{
	PlaceKey	key;

	if (*table == NULL)
	{
		HASHCTL		control = {0};

		if (action != HASH_ENTER)
			return NULL;
		control.keysize = sizeof(PlaceKey);
		control.entrysize = sizeof(Place);
		control.hcxt = TopTransactionContext;
		*table = hash_create("ecapi places of rows", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.relation = at->relation;
	key.file = at->file;
	key.root_trigger = root_trigger;
	key.tid = at->tid;
	return hash_search(*table, &key, action, found);
}

/* ------------------------------------------------------------------------
 * The index: notes by the places where versions of their rows are
 *
 * It is made when a row is updated that this transaction wrote.  Till then each
 * row has one version, which its note names; from then on each version that is
 * reported is added.  The place of one that is no longer the last is taken out,
 * where no rollback can make it the last again: both are of one subtransaction;
 * but not of a frozen one, whose place is all that tells whose it is.  So there is a place for each note and for each version of a subtransaction.
 *
 * A place says which command wrote the version, for it can be used again
 * (version.c), and the serial of the note, for a number is used again after
 * a rollback.
 * ------------------------------------------------------------------------
 */

static void
add_place(const EcapiVersion *at, int number)
{
	Place	   *place = look_up(&noted, at, notes[number].root_trigger, HASH_ENTER, NULL);

	place->of.note.number = number;
	place->of.note.serial = notes[number].serial;
	place->of.note.command = at->command;
}

static void
make_index(void)
{
	if (noted == NULL)
		for (int i = 0; i < nnotes; i++)
			add_place(&notes[i].version, i);
}

/* The number of a version's note, or -1. */
static int
find_note(const EcapiVersion *at, Oid root_trigger)
{
	Place	   *place = look_up(&noted, at, root_trigger, HASH_FIND, NULL);
	const Note *note;

	if (place == NULL || place->of.note.number >= nnotes ||
		place->of.note.serial != notes[place->of.note.number].serial ||
		!ecapi_version_same_command(place->of.note.command, at->command))
		return -1;
	note = &notes[place->of.note.number];
	return note->link > 0 ? note->link - 1 : place->of.note.number;
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
keep_context(const EcapiVersion *at)
{
	const EcapiValue *context = ecapi_context_to_keep();

	if (contexts != NULL || context != NULL)
		look_up(&contexts, at, InvalidOid, HASH_ENTER, NULL)->of.context = context;
}

static const EcapiValue *
find_context(HTAB *table, const EcapiVersion *at)
{
	Place	   *place = look_up(&table, at, InvalidOid, HASH_FIND, NULL);

	return place ? place->of.context : NULL;
}

/* ------------------------------------------------------------------------
 * Notes
 * ------------------------------------------------------------------------
 */

/* For the rest of the transaction. */
static HeapTuple
keep(HeapTuple tuple)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	HeapTuple	copy = heap_copytuple(tuple);

	MemoryContextSwitchTo(caller);
	return copy;
}

/* The row of a note has a new version, in its partition. */
static void
follow(int number, const EcapiVersion *was, const EcapiVersion *at)
{
	add_place(at, number);
	if (was->xid == at->xid && was->command != InvalidCommandId)
		look_up(&noted, was, notes[number].root_trigger, HASH_REMOVE, NULL);
}

/*
 * The row of a note has moved: the note goes with it, or, where a rollback could bring the row
 * back, another one follows.  Returns the number of the row's note.
 */
static int
follow_move(int number, Note *here, const EcapiMoved *moved, Relation to)
{
	Note	   *note = &notes[number];

	if (note->old)
		here->old = keep(ecapi_moved_convert(note->old, moved->version.relation, to));
	here->after_seq = note->after_seq;
	here->captured = note->captured;
	here->link = note->link;
	if (note->subtransaction == here->subtransaction)
	{
		if (note->old)
			heap_freetuple(note->old);
		here->late = note->late;
		here->followed = note->followed;
		here->apart = true;
		here->serial = note->serial;
		*note = *here;
	}
	else
	{
		if (note->late)
		{
			note->followed = true;
			here->link = -number - 1;
		}
		append_note(here);
		number = nnotes - 1;
	}
	add_place(&here->version, number);
	return number;
}

/* What another note's row was, as one of the note's partition; NULL: it was none. */
static HeapTuple
old_of(const Note *note, const Note *other)
{
	Relation	relation;
	HeapTuple	old = other->old;

	if (old == NULL || other->version.relation == note->version.relation)
		return old ? keep(old) : NULL;
	/* the row has been in both in this transaction, which so holds locks */
	relation = relation_open(note->version.relation, NoLock);
	old = keep(ecapi_moved_convert(old, other->version.relation, relation));
	relation_close(relation, NoLock);
	return old;
}

/* What the row of a late note was is known now, from another note. */
static void
tell_followers(int late, const Note *other)
{
	if (notes[late].followed)
		for (int i = late + 1; i < nnotes; i++)
			if (notes[i].link == -late - 1)
				notes[i].old = old_of(&notes[i], other);
}

/*
 * The version that a late note came from is reported itself.  before: what would be its note;
 * was: what it came from, if before is late, too.
 */
static void
complete(int late, const Note *before, const EcapiVersion *was)
{
	Note	   *note = &notes[late];

	heap_freetuple(note->old);
	note->old = old_of(note, before);
	tell_followers(late, before);
	if (!note->apart)
		note->version = before->version;
	note->apart |= before->apart;
	note->late = before->late;
	if (note->late)
		add_place(was, late);
	else
		nlate--;
}

/* The row of a late note has another one, which leads to it if the row has not moved since. */
static void
replace(int late, int number)
{
	Note	   *note = &notes[late];
	const Note *other = &notes[number];

	tell_followers(late, other);
	if (note->apart)
	{
		heap_freetuple(note->old);
		note->old = old_of(note, other);
		note->after_seq = other->after_seq;
		note->captured = other->captured;
	}
	else
		note->link = number + 1;
	note->late = false;
	nlate--;
}

/* The note of a later version of the row that was reported before this one, or -1. */
static int
find_late(const Note *note)
{
	int			number = nlate > 0 ? find_note(&note->version, note->root_trigger) : -1;

	return number >= 0 && notes[number].late ? number : -1;
}

void
ecapi_pending_add(const TriggerData *data, const EcapiCompiled *compiled,
				  TupleTableSlot *new, TupleTableSlot *old,
				  const EcapiMoved *moved)
{
	EcapiVersion was = {0};
	Note		note = {0};
	int			known = -1;
	int			late;

	note.subtransaction = GetCurrentSubTransactionId();
	note.version = ecapi_version_of(data->tg_relation, new);
	note.trigger = data->tg_trigger->tgoid;
	note.root_trigger = compiled->root_trigger;
	note.after_seq = ecapi_outbox_last_seq();
	keep_context(&note.version);
	if (old)
		was = ecapi_version_of(data->tg_relation, old);
	else if (moved)
		was = moved->version;
	if (was.is_ours)
	{
		make_index();
		known = find_note(&was, note.root_trigger);
	}
	late = find_late(&note);
	if (known >= 0)
	{
		if (old)
			follow(known, &was, &note.version);
		else
			known = follow_move(known, &note, moved, data->tg_relation);
		if (late >= 0 && late != known)
			replace(late, known);
		return;
	}
	if (old)
		note.old = ExecFetchSlotHeapTuple(old, false, NULL);
	else if (moved)
		note.old = ecapi_moved_convert(moved->tuple, was.relation, data->tg_relation);
	note.late = was.is_ours;
	note.apart = moved != NULL;
	if (late >= 0)
	{
		complete(late, &note, &was);
		return;
	}
	if (note.old)
		note.old = keep(note.old);
	append_note(&note);
	if (noted != NULL || note.late)
		add_place(&note.version, nnotes - 1);
	if (note.late)
		add_place(&was, nnotes - 1);
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
	HTAB	   *noted;			/* the index, or NULL */
	HTAB	   *contexts;		/* of the versions; NULL: they had none */
	bool		has_late;		/* some of the notes are late, so two may lead to one row */
	HTAB	   *seen;			/* if so: last versions of notes, by the track */
	uint64		xid;			/* of this transaction */
	Relation	relation;
	TableScanDesc scan;			/* under the snapshot that sees the last versions */
	Snapshot	snapshot;
	TupleTableSlot *new;
	TupleTableSlot *old;
} Run;

static Run
new_run(void)
{
	return (Run) {.noted = noted, .contexts = contexts, .has_late = nlate > 0};
}

/*
 * Whether the version that was noted is where it was.  Only a file that this transaction
 * has made can be emptied in place.
 */
static bool
is_there(Run *run, const Note *note)
{
	ItemPointerData tid = note->version.tid;
	EcapiVersion version;
	Place	   *place;

	if (!table_tuple_tid_valid(run->scan, &tid))
		return false;
	if (!ecapi_file_is_new(run->relation))
		return true;
	if (!table_tuple_fetch_row_version(run->relation, &tid, SnapshotAny, run->new))
		return false;
	version = ecapi_version_of(run->relation, run->new);
	if (!ecapi_version_same(&version, &note->version))
		return false;
	if (version.command != InvalidCommandId)
		return true;
	/* it was updated, so there is an index if that was captured */
	place = look_up(&run->noted, &version, note->root_trigger, HASH_FIND, NULL);
	return place == NULL || place->of.note.serial == note->serial;
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

/* Whether another note of the track has led to the same row. */
static bool
was_seen(Run *run, const Note *note, const EcapiVersion *last)
{
	bool		found = false;

	if (run->has_late)
		look_up(&run->seen, last, note->root_trigger, HASH_ENTER, &found);
	return found;
}

static bool
next_noted(void *arg, EcapiTableRow *row)
{
	Run		   *run = arg;

	while (run->next < run->end)
	{
		const Note *note = run->next++;
		EcapiVersion last;

		if (note->link > 0 || (note->captured && !run->has_late) ||
			note->version.file != ecapi_file_number(run->relation) || !fetch_last(run, note))
			continue;
		last = ecapi_version_of(run->relation, run->new);
		if (was_seen(run, note, &last) || note->captured)
			continue;
		row->new = run->new;
		row->written.xid = run->xid;
		row->written.after_seq = note->after_seq;
		row->old = NULL;
		row->context = find_context(run->contexts, &last);
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
capture_notes(Note *note, const Note *end, Run run, bool mark)
{
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
	if (run.seen)
		hash_destroy(run.seen);
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

	capture_notes(notes, notes + nnotes, new_run(), true);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/* The transaction is about to be decided. */
static void
capture_last(void)
{
	Note	   *first = notes;
	const Note *end = notes + nnotes;
	Run			run = new_run();

	forget_notes();
	capture_notes(first, end, run, false);
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
			nlate -= notes[--nnotes].late;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = ncaptures - 1; i >= 0 && captures[i].subtransaction == own; i--)
			captures[i].subtransaction = parent;
		for (int i = nnotes - 1; i >= 0 && notes[i].subtransaction == own; i--)
			notes[i].subtransaction = parent;
	}
}

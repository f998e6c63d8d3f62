/*
 * notes.c
 *	  Rows that wait for the commit of their transaction, and what they were before it.
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
 *		 the notes of a running subtransaction are the last ones of the list.  The
 *		 same holds for the list of those that were captured before the commit.
 *	  3. A row that moves to another partition is noted there; what it was before
 *		 goes with it, also if it was new, and needs nothing of the partition that
 *		 it left, which may be dropped or emptied by then.  A note of the place it
 *		 left leads to nothing visible, and is passed over.
 *	  4. A version may be reported before the one that it came from: a trigger that
 *		 fires before ours updates the row.  Then the note of the later one is late,
 *		 and is completed when the earlier one is reported.  One that stays late was
 *		 made of a version that had no note; if that came from one that had, two
 *		 notes lead to one row, of which the first is captured.
 *	  5. A version of a row has the setting ecapi.context under which it was
 *		 written, and the event that of the last version: at commit the setting
 *		 may be another visitor's, or none.
 *
 * Everything lives in TopTransactionContext, and is dropped with it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "capture/context.h"
#include "capture/notes.h"
#include "outbox/append.h"

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

static void on_subtransaction(SubXactEvent event, SubTransactionId own,
							  SubTransactionId parent, void *arg);

static HTAB *noted = NULL;		/* the index; while it is not needed NULL */
static HTAB *contexts = NULL;	/* NULL: no row had one */
static EcapiNote *notes = NULL;
static int	nnotes = 0;
static int	room = 0;
static int	nlate = 0;			/* notes that are late */
static uint32 last_serial = 0;
static Captured *captures = NULL;
static int	ncaptures = 0;
static int	captures_room = 0;

void
ecapi_notes_forget(void)
{
	notes = NULL;
	noted = NULL;
	contexts = NULL;
	captures = NULL;
	nnotes = room = nlate = 0;
	ncaptures = captures_room = 0;
}

static void
append_note(const EcapiNote *note)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterSubXactCallback(on_subtransaction, NULL);
		registered = true;
	}
	if (notes == NULL)
	{
		room = 64;
		notes = MemoryContextAlloc(TopTransactionContext, room * sizeof(EcapiNote));
	}
	else if (nnotes == room)
	{
		/* the size last: a failure that a savepoint undoes leaves the smaller array */
		notes = repalloc_huge(notes, 2 * (Size) room * sizeof(EcapiNote));
		room *= 2;
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
 * reported is added.  The place of one that is no longer the last is taken out
 * where no rollback can make it the last again, for both are of one
 * subtransaction.  So there is one for each note, and one more for each further
 * subtransaction that wrote the row.  That of a frozen version stays: it is all that
 * tells whose the version is.
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
	int			number;

	if (place == NULL || place->of.note.number >= nnotes ||
		place->of.note.serial != notes[place->of.note.number].serial ||
		!ecapi_version_same_command(place->of.note.command, at->command))
		return -1;
	number = place->of.note.number;
	while (notes[number].link > 0)
		number = notes[number].link - 1;
	return number;
}

bool
ecapi_notes_are_others(const EcapiNotes *all, const EcapiNote *note, const EcapiVersion *there)
{
	HTAB	   *index = all->index;
	Place	   *place = look_up(&index, there, note->root_trigger, HASH_FIND, NULL);

	return place != NULL && place->of.note.serial != note->serial;
}

bool
ecapi_notes_seen(HTAB **seen, Oid root_trigger, const EcapiVersion *at)
{
	bool		found;

	(void) look_up(seen, at, root_trigger, HASH_ENTER, &found);
	return found;
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

const EcapiValue *
ecapi_notes_context(const EcapiNotes *all, const EcapiVersion *at)
{
	HTAB	   *table = all->contexts;
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
follow_move(int number, EcapiNote *here, const EcapiMoved *moved, Relation to)
{
	EcapiNote  *note = &notes[number];

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
old_of(const EcapiNote *note, const EcapiNote *other)
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
tell_followers(int late, const EcapiNote *other)
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
complete(int late, const EcapiNote *before, const EcapiVersion *was)
{
	EcapiNote  *note = &notes[late];

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
	EcapiNote  *note = &notes[late];
	const EcapiNote *other = &notes[number];

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
find_late(const EcapiNote *note)
{
	int			number = nlate > 0 ? find_note(&note->version, note->root_trigger) : -1;

	return number >= 0 && notes[number].late ? number : -1;
}

void
ecapi_notes_add(const TriggerData *data, const EcapiCompiled *compiled,
				TupleTableSlot *new, TupleTableSlot *old, const EcapiMoved *moved)
{
	EcapiVersion was = {0};
	EcapiNote	note = {0};
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

EcapiNotes
ecapi_notes(void)
{
	return (EcapiNotes) {notes, nnotes, nlate > 0, noted, contexts};
}

void
ecapi_notes_mark(EcapiNote *note)
{
	if (captures == NULL)
	{
		captures_room = 64;
		captures = MemoryContextAlloc(TopTransactionContext, captures_room * sizeof(Captured));
	}
	else if (ncaptures == captures_room)
	{
		captures = repalloc_huge(captures, 2 * (Size) captures_room * sizeof(Captured));
		captures_room *= 2;
	}
	note->captured = true;
	captures[ncaptures].subtransaction = GetCurrentSubTransactionId();
	captures[ncaptures++].note = note - notes;
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

/*
 * notes.h
 *	  Rows that wait for the commit of their transaction, and what they were before it.
 */
#ifndef ECAPI_NOTES_H
#define ECAPI_NOTES_H

#include "postgres.h"

#include "commands/trigger.h"
#include "utils/hsearch.h"

#include "capture/moved.h"
#include "capture/program_cache.h"
#include "capture/version.h"
#include "event/value.h"

typedef struct EcapiNote
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
} EcapiNote;

/* All of the transaction, in the order in which they were made. */
typedef struct EcapiNotes
{
	EcapiNote  *list;
	int			n;
	bool		has_late;		/* some are late, so two may lead to one row */
	HTAB	   *index;			/* for ecapi_notes_are_others() */
	HTAB	   *contexts;		/* for ecapi_notes_context() */
} EcapiNotes;

/*
 * A row was inserted (old is NULL) or updated.  moved is not NULL for an inserted row that
 * comes from another partition; nothing of it is kept.
 */
extern void ecapi_notes_add(const TriggerData *data, const EcapiCompiled *compiled,
							TupleTableSlot *new, TupleTableSlot *old,
							const EcapiMoved *moved);

/* Those there are; valid until the next row is noted, or a subtransaction that noted some is undone. */
extern EcapiNotes ecapi_notes(void);

/* There are none any more.  What was returned stays until the end of the transaction. */
extern void ecapi_notes_forget(void);

/* A note was captured in this subtransaction, and does not wait unless that is undone. */
extern void ecapi_notes_mark(EcapiNote *note);

/* Whether the version in the place of a note is known to be of another one's row. */
extern bool ecapi_notes_are_others(const EcapiNotes *notes, const EcapiNote *note,
								   const EcapiVersion *there);

/* The setting ecapi.context under which a version was written; NULL: there was none. */
extern const EcapiValue *ecapi_notes_context(const EcapiNotes *notes, const EcapiVersion *at);

/*
 * Whether a version of a row was asked for before, for this track.  seen is NULL at first; the
 * caller destroys it.
 */
extern bool ecapi_notes_seen(HTAB **seen, Oid root_trigger, const EcapiVersion *at);

#endif							/* ECAPI_NOTES_H */

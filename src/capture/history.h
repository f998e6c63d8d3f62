/*
 * history.h
 *	  The rows that a table has, page by page, as events of one of its tracks.
 */
#ifndef ECAPI_HISTORY_H
#define ECAPI_HISTORY_H

#include "postgres.h"

#include "capture/find.h"
#include "capture/progress.h"
#include "capture/rows.h"
#include "datatype/timestamp.h"
#include "utils/rel.h"

/* The columns that rows are ordered by: those of a unique index. */
typedef struct EcapiHistoryKey
{
	int			n;
	AttrNumber	columns[INDEX_MAX_KEYS];
	const char *names[INDEX_MAX_KEYS];
	Oid			less[INDEX_MAX_KEYS];	/* operators of the index */
	Oid			greater[INDEX_MAX_KEYS];
} EcapiHistoryKey;

/*
 * Refuse, with an error that gives the reason, a track that says nothing about
 * rows as they are now: one without a timestamp, with a condition that looks at
 * the old row, or with on_change and no condition.  reconcile: that is what was
 * asked for, not a backfill.
 */
extern void ecapi_history_check(Relation relation, const EcapiFoundTrack *found,
								bool reconcile);

/*
 * The primary key of an open relation, else a unique index over columns that
 * are never null; raises an error when there is neither.  Names live in the
 * current context.
 */
extern void ecapi_history_key(Relation relation, EcapiHistoryKey *key);

/*
 * Capture the next rows behind progress->last_key, at most page_size, and add
 * to progress what became of them; the new last_key lives in context.  Returns
 * how many rows were read: fewer than page_size at the end of the table.  The
 * caller has an active snapshot.  Events go to sink; without one they are
 * captured, but for those of forgotten persons, the caller is in a transaction that
 * may write, and progress was begun for this relation.
 */
extern int	ecapi_history_page(EcapiProgress *progress, const char *event_type,
							   int page_size, const EcapiRowsSink *sink,
							   MemoryContext context);

#endif							/* ECAPI_HISTORY_H */

/*
 * progress.h
 *	  How far backfills have come: the table ecapi.backfill_progress.
 */
#ifndef ECAPI_PROGRESS_H
#define ECAPI_PROGRESS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "history/history_key.h"
#include "utils/rel.h"

/* What a backfill has read and made so far. */
typedef struct EcapiBackfillCounts
{
	int64		rows;
	int64		events;
	int64		set_aside;
	int64		outside;		/* not in [since, until) */
	int64		forgotten;		/* of persons who are forgotten */
	int64		cancelled;		/* events that were cancelled */
	int64		condition_false;	/* rows that are no events now */
	int64		skipped;		/* rows not read: their time is not in the range, or
								 * null; known at the end */
} EcapiBackfillCounts;

/* One backfill: a row of the table. */
typedef struct EcapiProgress
{
	/* given */
	Oid			relation;
	Oid			trigger;
	const char *track;			/* the trigger's name */
	bool		plain;			/* reads in another's session: runs no SQL of the table's owner */
	TimestampTz since;
	bool		has_until;
	TimestampTz until;			/* without has_until: found, or now */
	EcapiHistoryKey key;		/* what rows are ordered by; a scan finds it at its first page */

	/* found */
	int64		id;
	char	  **last_key;		/* text forms of the last row's key, key.n of them; NULL:
								 * none yet */
	EcapiBackfillCounts counts;
} EcapiProgress;

/*
 * Begin a backfill, or go on with one of the same relation, track, since and
 * until that has not finished (restart: begin again).  What is found lives in
 * context; its key is that of the one to go on with.  relation is open, and the caller holds
 * the lock of the track.  Raises an error when no index has that key any more.
 */
extern void ecapi_progress_begin(EcapiProgress *progress, Relation relation, bool restart,
								 MemoryContext context);

/*
 * Write down counts and last_key, in the transaction of the page itself; and
 * how long the page took, in seconds.
 */
extern void ecapi_progress_advance(const EcapiProgress *progress, double seconds);

/*
 * Close a backfill: state is "finished", "failed" or "interrupted"; sqlstate is
 * NULL or why.  Writes down counts.skipped, too, which no page knows.
 */
extern void ecapi_progress_end(const EcapiProgress *progress, const char *state,
							   const char *sqlstate);

#endif							/* ECAPI_PROGRESS_H */

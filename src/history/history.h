/*
 * history.h
 *	  The rows that a table has, page by page, as events of one of its tracks.
 */
#ifndef ECAPI_HISTORY_H
#define ECAPI_HISTORY_H

#include "postgres.h"

#include "capture/find.h"
#include "capture/rows.h"
#include "datatype/timestamp.h"
#include "history/progress.h"
#include "utils/rel.h"

/*
 * Why a track says nothing about rows as they are now: one without a timestamp,
 * with a condition that looks at the old row, or with on_change and no condition;
 * or why its table cannot be read: a superuser's that would run code of users.
 * NULL: it does.  hint gets what to do.  Both are sentences, in the current context.
 */
extern const char *ecapi_history_problem(Relation relation, const EcapiFoundTrack *found,
										 const char **hint);

/*
 * Whether reading rows through a track runs SQL as the table's owner: that of the track, or
 * of row security that is forced on the owner.
 */
extern bool ecapi_history_runs_sql(Relation relation, const EcapiProgram *program);

/* Refuse, with an error that gives the reason, to backfill by such a track. */
extern void ecapi_history_check(Relation relation, const EcapiFoundTrack *found);

/*
 * The column that an event's timestamp is, when it is just a timestamptz column;
 * else NULL.  Lives as long as the track.
 */
extern const char *ecapi_history_time_column(Relation relation, const EcapiTrack *track);

/*
 * Capture the next rows behind progress->last_key, at most page_size, and add
 * to progress what became of them; the new last_key lives in context.  Returns
 * how many rows were read: fewer than page_size at the end of the table.  The
 * caller has an active snapshot.  At the end, rows that no page read for their time
 * are counted.  Rows go to sink, those without a time among them;
 * without one their events are captured, but for those of forgotten persons, the
 * caller is in a transaction that may write, and progress was begun for this relation.
 */
extern int	ecapi_history_page(EcapiProgress *progress, const char *event_type,
							   int page_size, const EcapiRowsSink *sink,
							   MemoryContext context);

#endif							/* ECAPI_HISTORY_H */

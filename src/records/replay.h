/*
 * replay.h
 *	  Replays of a destination: rows of ecapi.replay_cursor.
 */
#ifndef ECAPI_REPLAY_H
#define ECAPI_REPLAY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"

/*
 * Of the window (from, to], what lies up to position is disposed of: events
 * outside [since, until) or of other types were passed over, all others
 * delivered, filtered, or copied to failed_event.
 */
typedef struct EcapiReplayRow
{
	int64		id;
	NameData	destination;
	TimestampTz since;
	TimestampTz until;
	const char *event_types;	/* as the option of that name; NULL: all */
	EcapiSnapshot *from;
	EcapiSnapshot *to;
	EcapiPosition position;
	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		passed_over;
	bool		finished;		/* for writing */
} EcapiReplayRow;

/*
 * All replays that are not at their end, oldest first, as a list of
 * EcapiReplayRow in a context of the caller's.
 */
extern List *ecapi_replay_load(MemoryContext context);

/*
 * Write position and counts; a cancelled replay stays so.  False when another
 * transaction holds the row, or it is gone.
 */
extern bool ecapi_replay_write(const EcapiReplayRow *row);

/* A new replay, at the start of its window; returns its id. */
extern int64 ecapi_replay_create(const EcapiReplayRow *row, const char *user);

/* Where a window begins that holds every event emitted at since or later. */
extern EcapiSnapshot *ecapi_replay_start(TimestampTz since);

/* When the oldest event was emitted that the ring still holds; 0: it is empty. */
extern TimestampTz ecapi_replay_oldest(void);

/* Cancel a replay, or, with id 0, all of a destination; returns how many. */
extern int64 ecapi_replay_cancel(const char *destination, int64 id);

/* A destination has a new name. */
extern void ecapi_replay_rename(const char *old_name, const char *new_name);

/* A destination is gone, and its replays with it. */
extern void ecapi_replay_forget(const char *destination);

#endif							/* ECAPI_REPLAY_H */

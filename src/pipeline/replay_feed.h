/*
 * replay_feed.h
 *	  The feed of a replay.
 */
#ifndef ECAPI_REPLAY_FEED_H
#define ECAPI_REPLAY_FEED_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "pipeline/batch.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/page.h"

/*
 * Take over the replays there are, as ecapi_replay_load gave them: take up new
 * ones, drop cancelled ones.  Destinations were taken over before.  Raises nothing
 * but out of memory; then it is to be done again.
 */
extern void ecapi_replay_take(List *rows);

/* May the feed read on? */
extern bool ecapi_replay_may_read(EcapiFeed *feed);

/* Is an event of the feed one to send?  typed: its type is known. */
extern bool ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed);

/* An event that is not one to send is disposed of. */
extern void ecapi_replay_pass_over(EcapiItem item);

/*
 * A batch was not delivered: if it is of a cancelled replay, it is not sent
 * again.  True when it was taken over.
 */
extern bool ecapi_replay_let_go(EcapiBatch *batch);

/*
 * Write place and counts, in the journal's transaction.  A row that somebody
 * holds is written another time: until then a crash repeats a little more.
 */
extern void ecapi_replay_record(EcapiDestination *destination);

/* The journal's transaction has committed. */
extern void ecapi_replay_recorded(EcapiDestination *destination);

#endif							/* ECAPI_REPLAY_FEED_H */

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
 * but out of memory; then the caller does it again.
 */
extern void ecapi_replay_take(List *rows);

/* Whether the feed may read on. */
extern bool ecapi_replay_may_read(EcapiFeed *feed);

/* Whether an event of the feed is one to send; typed: its type is known. */
extern bool ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed);

/* Dispose of an event that is not one to send. */
extern void ecapi_replay_pass_over(EcapiItem item);

/*
 * A batch was not delivered: one of a cancelled replay is not sent again.  True when it
 * was taken over.
 */
extern bool ecapi_replay_let_go(EcapiBatch *batch);

/*
 * Write place and counts, in the recorder's transaction.  A row that another transaction
 * has locked is written another time: until then a crash repeats a little more.
 */
extern void ecapi_replay_record(EcapiDestination *destination);

/* The recorder's transaction has committed. */
extern void ecapi_replay_recorded(EcapiDestination *destination);

#endif							/* ECAPI_REPLAY_FEED_H */

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

extern void ecapi_replay_take(List *rows);
extern bool ecapi_replay_may_read(EcapiFeed *feed);
extern bool ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed);
extern void ecapi_replay_pass_over(EcapiItem item);
extern bool ecapi_replay_let_go(EcapiBatch *batch);
extern void ecapi_replay_record(EcapiDestination *destination);
extern void ecapi_replay_recorded(EcapiDestination *destination);

#endif							/* ECAPI_REPLAY_FEED_H */

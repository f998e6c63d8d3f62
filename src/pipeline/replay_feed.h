/*
 * replay_feed.h
 *	  The feed of a replay.
 */
#ifndef ECAPI_REPLAY_FEED_H
#define ECAPI_REPLAY_FEED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "pipeline/forward.h"
#include "pipeline/gather.h"
#include "pipeline/pages.h"
#include "pipeline/slice.h"

/* The replay that a destination's feed of that kind carries out. */
typedef struct EcapiReplay
{
	int64		id;				/* 0: none */
	TimestampTz since;
	TimestampTz until;
	uint64		event_types;	/* as in the options; 0: all of the destination's */
	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		passed_over;
	bool		dirty;			/* place or counts are to be written */
	bool		written;		/* in the transaction that is open */
	bool		closing;		/* cancelled; only what flies is waited for */
} EcapiReplay;

extern void ecapi_replay_take(List *rows);
extern bool ecapi_replay_may_read(EcapiFeed *feed);
extern bool ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed);
extern void ecapi_replay_pass_over(EcapiItem item);
extern bool ecapi_replay_let_go(EcapiBatch *batch);
extern void ecapi_replay_record(EcapiDestination *destination);
extern void ecapi_replay_recorded(EcapiDestination *destination);

#endif							/* ECAPI_REPLAY_FEED_H */

/*
 * stat_track.h
 *	  Statistics of tracks: sessions that write count, any backend reads.
 */
#ifndef ECAPI_STAT_TRACK_H
#define ECAPI_STAT_TRACK_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "stat/stat_area.h"

/* Rows of a statement, or of a page of it. */
typedef struct EcapiTrackCounts
{
	int64		rows;			/* seen */
	int64		events;			/* written into the outbox */
	int64		condition_false;
	int64		set_aside;
	int64		dropped;		/* events, because the outbox was full */
} EcapiTrackCounts;

/* Add to what is counted of a track, by the oid of its trigger.  Raises nothing. */
extern void ecapi_stat_track_count(Oid trigger, const EcapiTrackCounts *counts);

/* Give free the places of triggers that are gone; by the worker. */
extern void ecapi_stat_track_forget(bool (*is_known) (Oid trigger));

/* What is counted at a place of this database, by EcapiTrackStat; false: it is free. */
extern bool ecapi_stat_track_read(int place, Oid *trigger, uint64 counts[ECAPI_TRACK_STATS]);

/* Begin at zero with all. */
extern void ecapi_stat_track_reset(TimestampTz now);

#endif							/* ECAPI_STAT_TRACK_H */

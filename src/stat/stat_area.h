/*
 * stat_area.h
 *	  The statistics of each database in shared memory, and over a clean restart.
 *
 * Counters have 64 bits and are added to by locked instructions, without a lock; one that
 * reaches 2^64 begins at 0, which takes 584 years of nanoseconds.  Times are in
 * microseconds, but in the worker's, which are in nanoseconds.
 */
#ifndef ECAPI_STAT_AREA_H
#define ECAPI_STAT_AREA_H

#include "postgres.h"

#include "port/atomics.h"

#include "shmem/places.h"
#include "shmem/shmem.h"

/* What the worker does with its time; the first counters of its section. */
typedef enum EcapiPhase
{
	ECAPI_PHASE_OTHER,			/* and what it cannot tell apart */
	ECAPI_PHASE_SQL,			/* statements over our own tables */
	ECAPI_PHASE_USERS_SQL,		/* enrichments and filters, in processes of their own */
	ECAPI_PHASE_SHAPING,		/* events become requests */
	ECAPI_PHASE_RECORDING,		/* writing cursors and logs, with its SQL */
	ECAPI_PHASE_WAITING,		/* for the latch, a socket, or time */
	ECAPI_PHASES
} EcapiPhase;

/* The worker's other counters; from the first gauge on they are what is now. */
typedef enum EcapiWorkerStat
{
	ECAPI_WORKER_TURNS = ECAPI_PHASES,
	ECAPI_WORKER_RESET_AT,		/* TimestampTz */
	ECAPI_WORKER_PAGES,
	ECAPI_WORKER_PAGE_BYTES,
	ECAPI_WORKER_BODY_BYTES,
	ECAPI_WORKER_BUDGET,
	ECAPI_WORKER_REQUESTS,		/* on their way */
	ECAPI_WORKER_TICKS,
	ECAPI_WORKER_QUEUED,		/* events in memory that were not sent yet */
	ECAPI_WORKER_STATS
} EcapiWorkerStat;

#define ECAPI_WORKER_GAUGES		ECAPI_WORKER_PAGES

/* Why events were filtered, as far as statistics tell it apart; stat_destination.c. */
#define ECAPI_STAT_REASONS		17

/* How a request went. */
typedef enum EcapiRequestOutcome
{
	ECAPI_REQUEST_TAKEN,		/* all its events */
	ECAPI_REQUEST_PARTLY_TAKEN, /* but for events that the answer names */
	ECAPI_REQUEST_REFUSED,		/* 4xx but 429 */
	ECAPI_REQUEST_THROTTLED,	/* 429 */
	ECAPI_REQUEST_FAILED,		/* 5xx */
	ECAPI_REQUEST_UNANSWERED,	/* sent, and timed out or cut */
	ECAPI_REQUEST_UNSENT,		/* no connection, or none to be trusted */
	ECAPI_REQUEST_OTHER,		/* 3xx, or a 2xx that is no success */
	ECAPI_REQUEST_OUTCOMES
} EcapiRequestOutcome;

/* States as the view ecapi.destination shows them; 0 of a place: not known yet. */
typedef enum EcapiStatState
{
	ECAPI_STAT_UNKNOWN,
	ECAPI_STAT_STARTING,
	ECAPI_STAT_IDLE,
	ECAPI_STAT_DELIVERING,
	ECAPI_STAT_WAITING,
	ECAPI_STAT_PAUSED,
	ECAPI_STAT_STOPPED,
	ECAPI_STAT_STATES
} EcapiStatState;

/* Buckets of the two histograms; the last has no upper bound. */
#define ECAPI_LATENCY_BUCKETS	14
#define ECAPI_AGE_BUCKETS		15

/* Ends of events, in the order of EcapiOutcome (pipeline/outcome.h) but for the last. */
#define ECAPI_STAT_ENDS			6

/* What is counted of a destination; from the first gauge on it is what is now. */
typedef enum EcapiDestinationStat
{
	ECAPI_DESTINATION_ENDS,
	ECAPI_DESTINATION_REJECTED = ECAPI_DESTINATION_ENDS + ECAPI_STAT_ENDS,
	ECAPI_DESTINATION_RETRIED,	/* sent again */
	ECAPI_DESTINATION_BYTES,
	ECAPI_DESTINATION_IDENTIFIED,	/* sent with what tells the person from others */
	ECAPI_DESTINATION_UNIDENTIFIED, /* and without, or not sent for want of it */
	ECAPI_DESTINATION_REASONS,
	ECAPI_DESTINATION_REQUESTS = ECAPI_DESTINATION_REASONS + ECAPI_STAT_REASONS,
	ECAPI_DESTINATION_TIMES = ECAPI_DESTINATION_REQUESTS + ECAPI_REQUEST_OUTCOMES,
	ECAPI_DESTINATION_LATENCIES = ECAPI_DESTINATION_TIMES + ECAPI_STAT_STATES,
	ECAPI_DESTINATION_LATENCY_SUM = ECAPI_DESTINATION_LATENCIES + ECAPI_LATENCY_BUCKETS,
	ECAPI_DESTINATION_AGES,
	ECAPI_DESTINATION_AGE_SUM = ECAPI_DESTINATION_AGES + ECAPI_AGE_BUCKETS,
	ECAPI_DESTINATION_RESET_AT, /* TimestampTz */
	ECAPI_DESTINATION_STATE,	/* EcapiStatState */
	ECAPI_DESTINATION_STATE_SINCE,	/* TimestampTz */
	ECAPI_DESTINATION_QUEUED,	/* events in memory that were not sent yet */
	ECAPI_DESTINATION_ON_WAY,	/* requests */
	ECAPI_DESTINATION_STATS
} EcapiDestinationStat;

#define ECAPI_DESTINATION_GAUGES	ECAPI_DESTINATION_STATE

/* What is counted of a track. */
typedef enum EcapiTrackStat
{
	ECAPI_TRACK_ROWS,
	ECAPI_TRACK_EVENTS,
	ECAPI_TRACK_FALSE,
	ECAPI_TRACK_SET_ASIDE,
	ECAPI_TRACK_DROPPED,
	ECAPI_TRACK_RESET_AT,		/* TimestampTz */
	ECAPI_TRACK_STATS
} EcapiTrackStat;

/*
 * Destinations and tracks of a database that are counted at most: far more than there
 * are platforms, and a few hundred tables.  All of it takes 97 kB a database.
 */
#define ECAPI_STAT_DESTINATIONS	128
#define ECAPI_STAT_TRACKS		256

extern const EcapiPlaces ecapi_stat_destinations;
extern const EcapiPlaces ecapi_stat_tracks;

/* The sections of an area. */
typedef enum EcapiStatSection
{
	ECAPI_SECTION_WORKER,
	ECAPI_SECTION_DESTINATIONS,
	ECAPI_SECTION_TRACKS
} EcapiStatSection;

/* What they keep in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_stat_part;

/*
 * Read what the last clean shutdown has kept, and keep it at the next; behind
 * ecapi_shmem_startup().  Raises nothing: a file that cannot be used is logged.
 */
extern void ecapi_stat_start(void);

/* A section of this database's area; NULL: it has none, or nothing is to be counted. */
extern pg_atomic_uint64 *ecapi_stat_section(EcapiStatSection section);

/* Add to a counter. */
static inline void
ecapi_stat_add(pg_atomic_uint64 *counter, uint64 n)
{
	if (n != 0)
		(void) pg_atomic_fetch_add_u64(counter, (int64) n);
}

#endif							/* ECAPI_STAT_AREA_H */

/*
 * stat_destination.h
 *	  Statistics of destinations: the worker counts, any backend reads.
 */
#ifndef ECAPI_STAT_DESTINATION_H
#define ECAPI_STAT_DESTINATION_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "stat/stat_area.h"

/* How the worker reaches the counters of a destination; zeroed: it is not counted. */
typedef struct EcapiDestinationCounters
{
	pg_atomic_uint64 *counters; /* NULL: it has no place */
	TimestampTz counted_at;		/* the time in its state is counted up to then; 0: not yet */
} EcapiDestinationCounters;

/* A destination as it is now. */
typedef struct EcapiDestinationNow
{
	EcapiStatState state;
	int			queued;			/* events in memory that were not sent yet */
	int			on_way;			/* requests */
} EcapiDestinationNow;

/* An answer, or that none came. */
typedef struct EcapiAnswered
{
	EcapiRequestOutcome outcome;
	int			events;
	bool		again;			/* they were sent before */
	size_t		bytes;			/* of the body */
	int64		latency_us;
} EcapiAnswered;

/* by the worker; none of them raises an error */

/* A destination of this database gets its place, if it has none. */
extern void ecapi_stat_destination_take(EcapiDestinationCounters *self, Oid server);

/* Give free the places of servers that are not known any more. */
extern void ecapi_stat_destination_forget(bool (*is_known) (Oid server));

/*
 * Events ended, by the number of the end below ECAPI_STAT_ENDS (others are not counted);
 * reason is a constant, or NULL.
 */
extern void ecapi_stat_ended(EcapiDestinationCounters *self, int end, const char *reason,
							 int events);

/* A request was answered, or it is known that it will not be. */
extern void ecapi_stat_answered(EcapiDestinationCounters *self, const EcapiAnswered *answered);

/* An event that was emitted then is delivered now. */
extern void ecapi_stat_delivered(EcapiDestinationCounters *self, TimestampTz emitted_at);

/*
 * An event was made into what a receiver gets, with what tells its person from others or
 * without; or it could not be, for want of that.
 */
extern void ecapi_stat_matched(EcapiDestinationCounters *self, bool identified);

/* A turn ends, with the destination as it is. */
extern void ecapi_stat_destination_now(EcapiDestinationCounters *self, TimestampTz now,
									   const EcapiDestinationNow *is);

/* by any backend */

/* What is counted at a place of this database, by EcapiDestinationStat; false: it is free. */
extern bool ecapi_stat_destination_read(int place, Oid *server,
										uint64 counts[ECAPI_DESTINATION_STATS]);

/* Begin at zero with a destination, or with all (InvalidOid). */
extern void ecapi_stat_destination_reset(Oid server, TimestampTz now);

/* Names of what is counted by numbers; constants. */
extern const char *ecapi_stat_end_name(int end);
extern const char *ecapi_stat_reason_name(int reason);
extern const char *ecapi_stat_request_name(int outcome);
extern const char *ecapi_stat_state_name(int state);

/* Upper bounds of the buckets in microseconds, one less than there are buckets. */
extern const int64 ecapi_stat_latencies[ECAPI_LATENCY_BUCKETS - 1];
extern const int64 ecapi_stat_ages[ECAPI_AGE_BUCKETS - 1];

#endif							/* ECAPI_STAT_DESTINATION_H */

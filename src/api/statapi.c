/*
 * statapi.c
 *	  Statistics as rows, for the views ecapi.stat_...; and their reset.
 *
 * No locks: counters are read one by one while they go on.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "pipeline/server.h"
#include "stat/stat_destination.h"
#include "stat/stat_track.h"
#include "stat/stat_worker.h"

PG_FUNCTION_INFO_V1(ecapi_stat_destination_rows);
PG_FUNCTION_INFO_V1(ecapi_stat_filtered_rows);
PG_FUNCTION_INFO_V1(ecapi_stat_histogram_rows);
PG_FUNCTION_INFO_V1(ecapi_stat_track_rows);
PG_FUNCTION_INFO_V1(ecapi_stat_worker_row);
PG_FUNCTION_INFO_V1(ecapi_stat_reset_counters);

/* ends, rejected, retried, bytes; requests; their time; times; state; gauges; reset */
#define DESTINATION_COLUMNS \
	(1 + ECAPI_DESTINATION_REASONS + ECAPI_REQUEST_OUTCOMES + 2 + (ECAPI_STAT_STATES - 1) + 2 + 2 + 1)

static Datum
milliseconds(uint64 number, double in_a_millisecond)
{
	return Float8GetDatum((double) number / in_a_millisecond);
}

/* A moment; 0 is null. */
static Datum
moment(uint64 at, bool *isnull)
{
	*isnull = at == 0;
	return TimestampTzGetDatum((TimestampTz) at);
}

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ecapi_internal.stat_destinations(): a row for each, as the view has it. */
Datum
ecapi_stat_destination_rows(PG_FUNCTION_ARGS)
{
	uint64		counts[ECAPI_DESTINATION_STATS];
	Oid			server;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
	{
		Datum		values[DESTINATION_COLUMNS];
		bool		nulls[DESTINATION_COLUMNS] = {false};
		int			n = 0;

		if (!ecapi_stat_destination_read(place, &server, counts))
			continue;
		values[n++] = ObjectIdGetDatum(server);
		for (int i = 0; i < ECAPI_DESTINATION_REASONS; i++)
			values[n++] = Int64GetDatum((int64) counts[i]);
		for (int i = 0; i < ECAPI_REQUEST_OUTCOMES; i++)
			values[n++] = Int64GetDatum((int64) counts[ECAPI_DESTINATION_REQUESTS + i]);
		values[n++] = milliseconds(counts[ECAPI_DESTINATION_LATENCY_SUM], 1e3);
		values[n++] = milliseconds(counts[ECAPI_DESTINATION_AGE_SUM], 1e3);
		for (int i = ECAPI_STAT_STARTING; i < ECAPI_STAT_STATES; i++)
			values[n++] = milliseconds(counts[ECAPI_DESTINATION_TIMES + i], 1e3);
		values[n++] = CStringGetTextDatum(ecapi_stat_state_name(counts[ECAPI_DESTINATION_STATE]));
		values[n] = moment(counts[ECAPI_DESTINATION_STATE_SINCE], &nulls[n]);
		n++;
		values[n++] = Int64GetDatum((int64) counts[ECAPI_DESTINATION_QUEUED]);
		values[n++] = Int64GetDatum((int64) counts[ECAPI_DESTINATION_ON_WAY]);
		values[n] = moment(counts[ECAPI_DESTINATION_RESET_AT], &nulls[n]);
		n++;
		Assert(n == DESTINATION_COLUMNS);
		put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* ecapi_internal.stat_filtered(): a row for each reason that was met. */
Datum
ecapi_stat_filtered_rows(PG_FUNCTION_ARGS)
{
	uint64		counts[ECAPI_DESTINATION_STATS];
	Oid			server;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
	{
		if (!ecapi_stat_destination_read(place, &server, counts))
			continue;
		for (int i = 0; i < ECAPI_STAT_REASONS; i++)
		{
			Datum		values[3];
			bool		nulls[3] = {false};

			if (counts[ECAPI_DESTINATION_REASONS + i] == 0)
				continue;
			values[0] = ObjectIdGetDatum(server);
			values[1] = CStringGetTextDatum(ecapi_stat_reason_name(i));
			values[2] = Int64GetDatum((int64) counts[ECAPI_DESTINATION_REASONS + i]);
			put_row(fcinfo, values, nulls);
		}
	}
	return (Datum) 0;
}

/* A row for each bucket: what is not above its bound, which is null for the last. */
static void
put_histogram(FunctionCallInfo fcinfo, Oid server, const char *what, const int64 *bounds,
			  int nbounds, const uint64 *counts)
{
	uint64		all = 0;

	for (int i = 0; i <= nbounds; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		all += counts[i];
		values[0] = ObjectIdGetDatum(server);
		values[1] = CStringGetTextDatum(what);
		values[2] = i < nbounds ? milliseconds(bounds[i], 1e3) : (Datum) 0;
		nulls[2] = i == nbounds;
		values[3] = Int64GetDatum((int64) all);
		put_row(fcinfo, values, nulls);
	}
}

/* ecapi_internal.stat_histograms(): the two of each destination. */
Datum
ecapi_stat_histogram_rows(PG_FUNCTION_ARGS)
{
	uint64		counts[ECAPI_DESTINATION_STATS];
	Oid			server;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
	{
		if (!ecapi_stat_destination_read(place, &server, counts))
			continue;
		put_histogram(fcinfo, server, "request_time", ecapi_stat_latencies,
					  lengthof(ecapi_stat_latencies), &counts[ECAPI_DESTINATION_LATENCIES]);
		put_histogram(fcinfo, server, "delivery_age", ecapi_stat_ages,
					  lengthof(ecapi_stat_ages), &counts[ECAPI_DESTINATION_AGES]);
	}
	return (Datum) 0;
}

/* ecapi_internal.stat_tracks(): a row for each place, by the trigger. */
Datum
ecapi_stat_track_rows(PG_FUNCTION_ARGS)
{
	uint64		counts[ECAPI_TRACK_STATS];
	Oid			trigger;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; place < ECAPI_STAT_TRACKS; place++)
	{
		Datum		values[1 + ECAPI_TRACK_STATS];
		bool		nulls[1 + ECAPI_TRACK_STATS] = {false};

		if (!ecapi_stat_track_read(place, &trigger, counts))
			continue;
		values[0] = ObjectIdGetDatum(trigger);
		for (int i = 0; i < ECAPI_TRACK_RESET_AT; i++)
			values[1 + i] = Int64GetDatum((int64) counts[i]);
		values[1 + ECAPI_TRACK_RESET_AT] =
			moment(counts[ECAPI_TRACK_RESET_AT], &nulls[1 + ECAPI_TRACK_RESET_AT]);
		put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* ecapi_internal.stat_worker(): one row, or none where nothing is counted. */
Datum
ecapi_stat_worker_row(PG_FUNCTION_ARGS)
{
	uint64		counts[ECAPI_WORKER_STATS];
	Datum		values[ECAPI_WORKER_STATS];
	bool		nulls[ECAPI_WORKER_STATS] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (!ecapi_stat_worker_read(counts))
		return (Datum) 0;
	for (int i = 0; i < ECAPI_PHASES; i++)
		values[i] = milliseconds(counts[i], 1e6);
	for (int i = ECAPI_WORKER_TURNS; i < ECAPI_WORKER_STATS; i++)
		values[i] = Int64GetDatum((int64) counts[i]);
	values[ECAPI_WORKER_RESET_AT] =
		moment(counts[ECAPI_WORKER_RESET_AT], &nulls[ECAPI_WORKER_RESET_AT]);
	put_row(fcinfo, values, nulls);
	return (Datum) 0;
}

/*
 * ecapi.stat_reset(destination): of that one, or (NULL) all of this database.  Who may
 * call it may reset any.  Raises undefined_object.
 */
Datum
ecapi_stat_reset_counters(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!PG_ARGISNULL(0))
	{
		ForeignServer *server = ecapi_named_destination(NameStr(*PG_GETARG_NAME(0)));

		ecapi_stat_destination_reset(server->serverid, now);
		PG_RETURN_VOID();
	}
	ecapi_stat_destination_reset(InvalidOid, now);
	ecapi_stat_track_reset(now);
	ecapi_stat_worker_reset(now);
	PG_RETURN_VOID();
}

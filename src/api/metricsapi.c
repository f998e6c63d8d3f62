/*
 * metricsapi.c
 *	  ecapi.metrics(): all statistics of this database as text for Prometheus.
 *
 * Counters come from shared memory.  What is asked of tables costs the same however many
 * events wait or have failed: of the backlog, and of failed events, GAUGE_ROWS are counted
 * for each destination at most (ecapi_internal.stat_gauges), by index, and the first that
 * waits says how old it is.  Values left out are as many samples as were met: fields of
 * the standard by a few reasons, and none that an event names.  What ecapi.check() finds is
 * not among the metrics, because it looks at much more than that.
 *
 * Names of destinations, tables and tracks are labels; no value or id of an event, no
 * secret and no URL is in the text, for none is asked for.
 *
 * Statements run as the extension's owner: who may call the function sees all
 * destinations and tracks, as in the views ecapi.stat_...
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/result.h"
#include "base/statement.h"
#include "base/tree.h"
#include "shmem/shmem.h"
#include "shmem/workers.h"
#include "stat/openmetrics.h"
#include "stat/stat_destination.h"
#include "stat/stat_worker.h"

PG_FUNCTION_INFO_V1(ecapi_metrics);

/* Waiting events, and failed ones, that are counted at most; a hundred destinations cost 10 ms. */
#define GAUGE_ROWS		1000

/* Digits behind the point of what is counted in microseconds and nanoseconds. */
#define MICRO			6
#define NANO			9

typedef struct Destination
{
	const char *name;			/* UTF-8 */
	bool		is_counted;
	bool		has_worker;
	uint64		counts[ECAPI_DESTINATION_STATS];
	uint64		backlog;
	uint64		oldest_us;		/* how long the first has waited */
	uint64		failed_waiting;
	uint64		failed_dead;
} Destination;

typedef struct Track
{
	const char *relation;		/* UTF-8, as all texts */
	const char *name;
	uint64		counts[ECAPI_TRACK_STATS];
} Track;

/* Values that were left out of events. */
typedef struct LeftOut
{
	const char *path;
	const char *reason;
	uint64		count;
} LeftOut;

typedef struct Exposed
{
	EcapiExposition metrics;
	MemoryContext context;
	int			ndestinations;
	Destination *destinations;
	int			ntracks;
	Track	   *tracks;
	bool		worker_up;		/* the lead is */
	uint64		workers[ECAPI_SLOT_RUNNING + 1];	/* by state; 0 for those that shall not run */
	bool		worker_counts;
	uint64		worker[ECAPI_WORKER_STATS];
	uint64		outbox_bytes;
	uint64		outbox_limit;	/* 0: none */
	bool		outbox_full;
	uint64		outbox_dropped;
	uint64		outbox_held_us;
	int			nleft_out;
	LeftOut    *left_out;
} Exposed;

/* ---- reading ---- */

/* A name as UTF-8, in the caller's memory; what is no text in a database without encoding stays. */
static const char *
as_utf8(const Exposed *exposed, const char *text)
{
	int			len = strlen(text);
	char	   *utf8 = GetDatabaseEncoding() == PG_SQL_ASCII ? unconstify(char *, text)
		: pg_server_to_any(text, len, PG_UTF8);

	return MemoryContextStrdup(exposed->context, utf8);
}

static void
read_destinations(Exposed *exposed)
{
	static EcapiStatement gauges = {
		"SELECT server, destination, backlog, oldest, failed_waiting, failed_dead"
		" FROM ecapi_internal.stat_gauges($1) ORDER BY destination",
		1, {INT4OID}, NULL
	};
	TimestampTz now = GetCurrentTimestamp();
	Oid			servers[ECAPI_STAT_DESTINATIONS];
	uint64		counts[ECAPI_DESTINATION_STATS];
	uint64		n = ecapi_query(&gauges, ecapi_arg_int4(GAUGE_ROWS));

	for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
		if (!ecapi_stat_destination_read(place, &servers[place], counts))
			servers[place] = InvalidOid;
	exposed->destinations = MemoryContextAllocZero(exposed->context, sizeof(Destination) * Max(n, 1));
	for (uint64 row = 0; row < n; row++)
	{
		Destination *destination = &exposed->destinations[exposed->ndestinations++];
		TimestampTz oldest = ecapi_column_time(row, 4);
		Oid			server = ecapi_column_oid(row, 1);
		EcapiSlotInfo worker;
		Oid			owner;

		destination->name = as_utf8(exposed, ecapi_column_name(row, 2));
		destination->has_worker = ecapi_slot_of_destination(server, &worker) && worker.state == ECAPI_SLOT_RUNNING;
		destination->backlog = ecapi_column_int8(row, 3);
		destination->oldest_us = oldest != 0 && oldest < now ? now - oldest : 0;
		destination->failed_waiting = ecapi_column_int8(row, 5);
		destination->failed_dead = ecapi_column_int8(row, 6);
		for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
			if (servers[place] == server)
				destination->is_counted =
					ecapi_stat_destination_read(place, &owner, destination->counts) && owner == server;
	}
}

static void
read_tracks(Exposed *exposed)
{
	static EcapiStatement tracks = {
		"SELECT relation::pg_catalog.text, name, rows_seen, events, condition_false, set_aside, dropped"
		" FROM ecapi.stat_track ORDER BY 1, 2",
		0, {0}, NULL
	};
	uint64		n = ecapi_query(&tracks);

	exposed->tracks = MemoryContextAllocZero(exposed->context, sizeof(Track) * Max(n, 1));
	for (uint64 row = 0; row < n; row++)
	{
		Track	   *track = &exposed->tracks[exposed->ntracks++];

		track->relation = as_utf8(exposed, ecapi_column_text(row, 1));
		track->name = as_utf8(exposed, ecapi_column_text(row, 2));
		for (int i = 0; i < ECAPI_TRACK_RESET_AT; i++)
			track->counts[i] = ecapi_column_int8(row, 3 + i);
	}
}

static void
read_outbox(Exposed *exposed)
{
	static EcapiStatement use = {
		"SELECT bytes, bytes_limit, is_full, dropped, held_time FROM ecapi.stat_outbox",
		0, {0}, NULL
	};

	(void) ecapi_query(&use);
	exposed->outbox_bytes = ecapi_column_int8(0, 1);
	exposed->outbox_limit = ecapi_column_int8(0, 2);
	exposed->outbox_full = ecapi_column_bool(0, 3);
	exposed->outbox_dropped = ecapi_column_int8(0, 4);
	exposed->outbox_held_us = (uint64) (DatumGetFloat8(ecapi_column_datum(0, 5)) * 1000.0);
}

static void
read_left_out(Exposed *exposed)
{
	static EcapiStatement left_out = {
		"SELECT path, reason, count FROM ecapi.left_out ORDER BY 1, 2",
		0, {0}, NULL
	};
	uint64		n = ecapi_query(&left_out);

	exposed->left_out = MemoryContextAllocZero(exposed->context, sizeof(LeftOut) * Max(n, 1));
	for (uint64 row = 0; row < n; row++)
	{
		LeftOut    *values = &exposed->left_out[exposed->nleft_out++];

		values->path = as_utf8(exposed, ecapi_column_text(row, 1));
		values->reason = as_utf8(exposed, ecapi_column_text(row, 2));
		values->count = ecapi_column_int8(row, 3);
	}
}

static void
read_workers(Exposed *exposed)
{
	int			slot = ecapi_slot_number();
	EcapiSlotInfo info;

	exposed->worker_up = ecapi_slot_of_database(MyDatabaseId, &info) &&
		info.state == ECAPI_SLOT_RUNNING;
	for (int number = 0; slot >= 0 && number < ECAPI_WORKERS; number++)
		if (ecapi_slot_read(slot, number, &info) && info.database == MyDatabaseId)
			exposed->workers[info.state]++;
	exposed->worker_counts = ecapi_stat_worker_read(exposed->worker);
}

/* ---- writing ---- */

static void
label(Exposed *exposed, const char *name, const char *value)
{
	ecapi_metrics_label(&exposed->metrics, name, value, strlen(value));
}

static void
begin(Exposed *exposed, const Destination *destination, const char *suffix)
{
	ecapi_metrics_sample(&exposed->metrics, suffix);
	label(exposed, "destination", destination->name);
}

/*
 * A counter of each destination, or several with a label, whose values name() has, from
 * number from on.
 */
static void
write_counters(Exposed *exposed, int first, int from, int n, const char *key,
			   const char *(*name) (int), int digits)
{
	for (int i = 0; i < exposed->ndestinations; i++)
		for (int k = from; exposed->destinations[i].is_counted && k < n; k++)
		{
			begin(exposed, &exposed->destinations[i], "_total");
			if (key != NULL)
				label(exposed, key, name(k));
			ecapi_metrics_value(&exposed->metrics, exposed->destinations[i].counts[first + k], digits);
		}
}

static void
write_events(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	ecapi_metrics_family(metrics, "ecapi_events", "counter", NULL,
						 "Events by what became of them at a destination, as the ledger counts them.");
	write_counters(exposed, ECAPI_DESTINATION_ENDS, 0, ECAPI_STAT_ENDS, "outcome", ecapi_stat_end_name, 0);
	ecapi_metrics_family(metrics, "ecapi_filtered_events", "counter", NULL,
						 "Events that a destination did not want, by the reason.");
	write_counters(exposed, ECAPI_DESTINATION_REASONS, 0, ECAPI_STAT_REASONS, "reason", ecapi_stat_reason_name, 0);
	ecapi_metrics_family(metrics, "ecapi_rejected_events", "counter", NULL,
						 "Failed events that the receiver has refused.");
	write_counters(exposed, ECAPI_DESTINATION_REJECTED, 0, 1, NULL, NULL, 0);
	ecapi_metrics_family(metrics, "ecapi_retried_events", "counter", NULL,
						 "Events that were sent again, once for each further try.");
	write_counters(exposed, ECAPI_DESTINATION_RETRIED, 0, 1, NULL, NULL, 0);
	ecapi_metrics_family(metrics, "ecapi_identified_events", "counter", NULL,
						 "Events that were sent, or would be, with an email address, a click id or another identifier that tells their person from others.");
	write_counters(exposed, ECAPI_DESTINATION_IDENTIFIED, 0, 1, NULL, NULL, 0);
	ecapi_metrics_family(metrics, "ecapi_unidentified_events", "counter", NULL,
						 "The same without, and those that were not sent because the platform wants one.");
	write_counters(exposed, ECAPI_DESTINATION_UNIDENTIFIED, 0, 1, NULL, NULL, 0);
}

static void
write_histograms(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	ecapi_metrics_family(metrics, "ecapi_request_duration_seconds", "histogram", "seconds",
						 "From the begin of a request to its answer, or to the end of waiting for it.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		const Destination *destination = &exposed->destinations[i];

		if (destination->is_counted)
			ecapi_metrics_histogram(metrics, "destination", destination->name, ecapi_stat_latencies,
									lengthof(ecapi_stat_latencies),
									&destination->counts[ECAPI_DESTINATION_LATENCIES],
									destination->counts[ECAPI_DESTINATION_LATENCY_SUM]);
	}
	ecapi_metrics_family(metrics, "ecapi_delivery_age_seconds", "histogram", "seconds",
						 "Age of an event when it was delivered, without those of replays and of failed events.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		const Destination *destination = &exposed->destinations[i];

		if (destination->is_counted)
			ecapi_metrics_histogram(metrics, "destination", destination->name, ecapi_stat_ages,
									lengthof(ecapi_stat_ages),
									&destination->counts[ECAPI_DESTINATION_AGES],
									destination->counts[ECAPI_DESTINATION_AGE_SUM]);
	}
}

static void
write_requests(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	ecapi_metrics_family(metrics, "ecapi_requests", "counter", NULL,
						 "Requests with events, by how they went.");
	write_counters(exposed, ECAPI_DESTINATION_REQUESTS, 0, ECAPI_REQUEST_OUTCOMES, "outcome", ecapi_stat_request_name, 0);
	ecapi_metrics_family(metrics, "ecapi_sent_bytes", "counter", "bytes",
						 "Bodies of requests, as they were sent.");
	write_counters(exposed, ECAPI_DESTINATION_BYTES, 0, 1, NULL, NULL, 0);
	write_histograms(exposed);
}

/* A destination is in one of its states, or has no worker. */
static void
write_states(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	ecapi_metrics_family(metrics, "ecapi_destination_state", "stateset", NULL,
						 "The state of a destination, as the view ecapi.destination shows it.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		const Destination *destination = &exposed->destinations[i];
		uint64		state = destination->is_counted && destination->has_worker
			? destination->counts[ECAPI_DESTINATION_STATE] : ECAPI_STAT_UNKNOWN;

		for (int k = ECAPI_STAT_UNKNOWN; k < ECAPI_STAT_STATES; k++)
		{
			begin(exposed, destination, "");
			label(exposed, "ecapi_destination_state",
				  k == ECAPI_STAT_UNKNOWN ? "no_worker" : ecapi_stat_state_name(k));
			ecapi_metrics_value(metrics, state == k, 0);
		}
	}
	ecapi_metrics_family(metrics, "ecapi_destination_state_seconds", "counter", "seconds",
						 "Time that a destination was in each state while a worker ran.");
	write_counters(exposed, ECAPI_DESTINATION_TIMES, ECAPI_STAT_STARTING, ECAPI_STAT_STATES, "state", ecapi_stat_state_name, MICRO);
}

static void
write_gauges(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	ecapi_metrics_family(metrics, "ecapi_backlog_events", "gauge", NULL,
						 "Events that wait for a destination; 1000 stands for 1000 and more.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		begin(exposed, &exposed->destinations[i], "");
		ecapi_metrics_value(metrics, exposed->destinations[i].backlog, 0);
	}
	ecapi_metrics_family(metrics, "ecapi_oldest_waiting_seconds", "gauge", "seconds",
						 "Age of the oldest among the first of these; 0 when none waits.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		begin(exposed, &exposed->destinations[i], "");
		ecapi_metrics_value(metrics, exposed->destinations[i].oldest_us, MICRO);
	}
	ecapi_metrics_family(metrics, "ecapi_failed_events", "gauge", NULL,
						 "Failed events of a destination: waiting for another try, 1000 at most, and dead ones among the newest 1000.");
	for (int i = 0; i < exposed->ndestinations; i++)
	{
		begin(exposed, &exposed->destinations[i], "");
		label(exposed, "state", "waiting");
		ecapi_metrics_value(metrics, exposed->destinations[i].failed_waiting, 0);
		begin(exposed, &exposed->destinations[i], "");
		label(exposed, "state", "dead");
		ecapi_metrics_value(metrics, exposed->destinations[i].failed_dead, 0);
	}
}

static void
write_track(Exposed *exposed, const char *family, int number, const char *help)
{
	ecapi_metrics_family(&exposed->metrics, family, "counter", NULL, help);
	for (int i = 0; i < exposed->ntracks; i++)
	{
		ecapi_metrics_sample(&exposed->metrics, "_total");
		label(exposed, "relation", exposed->tracks[i].relation);
		label(exposed, "track", exposed->tracks[i].name);
		ecapi_metrics_value(&exposed->metrics, exposed->tracks[i].counts[number], 0);
	}
}

static void
write_tracks(Exposed *exposed)
{
	write_track(exposed, "ecapi_track_rows", ECAPI_TRACK_ROWS, "Rows that a track has seen.");
	write_track(exposed, "ecapi_track_events", ECAPI_TRACK_EVENTS, "Events that it wrote into the outbox.");
	write_track(exposed, "ecapi_track_false_rows", ECAPI_TRACK_FALSE, "Rows of which its condition was false.");
	write_track(exposed, "ecapi_track_set_aside_rows", ECAPI_TRACK_SET_ASIDE, "Rows of which no event could be made.");
	write_track(exposed, "ecapi_track_dropped_events", ECAPI_TRACK_DROPPED, "Events that were dropped because the outbox was full.");
}

static void
write_gauge(Exposed *exposed, const char *family, const char *unit, const char *help, uint64 value)
{
	ecapi_metrics_family(&exposed->metrics, family, "gauge", unit, help);
	ecapi_metrics_sample(&exposed->metrics, "");
	ecapi_metrics_value(&exposed->metrics, value, 0);
}

static void
write_workers(Exposed *exposed)
{
	EcapiExposition *metrics = &exposed->metrics;

	write_gauge(exposed, "ecapi_worker_up", NULL,
				"Whether the worker of this database runs, or of several the lead.", exposed->worker_up);
	ecapi_metrics_family(metrics, "ecapi_workers_wanted", "gauge", NULL,
						 "Workers of this database that shall run, by whether they do.");
	for (int state = ECAPI_SLOT_WANTED; state <= ECAPI_SLOT_RUNNING; state++)
	{
		ecapi_metrics_sample(metrics, "");
		label(exposed, "state", ecapi_slot_state_name(state));
		ecapi_metrics_value(metrics, exposed->workers[state], 0);
	}
	if (!exposed->worker_counts)
		return;
	ecapi_metrics_family(metrics, "ecapi_worker_turns", "counter", NULL,
						 "Turns of the worker's loop; this and what follows is of all workers together.");
	ecapi_metrics_sample(metrics, "_total");
	ecapi_metrics_value(metrics, exposed->worker[ECAPI_WORKER_TURNS], 0);
	ecapi_metrics_family(metrics, "ecapi_worker_seconds", "counter", "seconds",
						 "What the worker's time went to.");
	for (int i = 0; i < ECAPI_PHASES; i++)
	{
		ecapi_metrics_sample(metrics, "_total");
		label(exposed, "phase", ecapi_stat_phase_name(i));
		ecapi_metrics_value(metrics, exposed->worker[i], NANO);
	}
	write_gauge(exposed, "ecapi_worker_pages", NULL, "Pages of events in the worker's memory.",
				exposed->worker[ECAPI_WORKER_PAGES]);
	ecapi_metrics_family(metrics, "ecapi_worker_memory_bytes", "gauge", "bytes",
						 "Memory of events and of the bodies of requests.");
	ecapi_metrics_sample(metrics, "");
	label(exposed, "kind", "pages");
	ecapi_metrics_value(metrics, exposed->worker[ECAPI_WORKER_PAGE_BYTES], 0);
	ecapi_metrics_sample(metrics, "");
	label(exposed, "kind", "bodies");
	ecapi_metrics_value(metrics, exposed->worker[ECAPI_WORKER_BODY_BYTES], 0);
	write_gauge(exposed, "ecapi_worker_memory_limit_bytes", "bytes", "What both may take together.",
				exposed->worker[ECAPI_WORKER_BUDGET]);
	write_gauge(exposed, "ecapi_worker_requests", NULL, "Requests on their way.",
				exposed->worker[ECAPI_WORKER_REQUESTS]);
	write_gauge(exposed, "ecapi_worker_ticks", NULL, "Snapshots that destinations stand at.",
				exposed->worker[ECAPI_WORKER_TICKS]);
	write_gauge(exposed, "ecapi_worker_queued_events", NULL,
				"Events that were read and not sent yet, for each destination once.",
				exposed->worker[ECAPI_WORKER_QUEUED]);
}

static void
write_outbox(Exposed *exposed)
{
	write_gauge(exposed, "ecapi_outbox_bytes", "bytes", "Size of the outbox.", exposed->outbox_bytes);
	if (exposed->outbox_limit != 0)
		write_gauge(exposed, "ecapi_outbox_limit_bytes", "bytes", "The setting ecapi.outbox_limit.",
					exposed->outbox_limit);
	write_gauge(exposed, "ecapi_outbox_full", NULL, "Whether events are dropped now.", exposed->outbox_full);
	ecapi_metrics_family(&exposed->metrics, "ecapi_outbox_dropped_events", "counter", NULL,
						 "Events that were dropped because the outbox was full, or its emitter's share.");
	ecapi_metrics_sample(&exposed->metrics, "_total");
	ecapi_metrics_value(&exposed->metrics, exposed->outbox_dropped, 0);
	ecapi_metrics_family(&exposed->metrics, "ecapi_outbox_held_seconds", "gauge", "seconds",
						 "Age of the oldest transaction that keeps the outbox from being emptied; 0 when there is none.");
	ecapi_metrics_sample(&exposed->metrics, "");
	ecapi_metrics_value(&exposed->metrics, exposed->outbox_held_us, MICRO);
}

static void
write_left_out(Exposed *exposed)
{
	ecapi_metrics_family(&exposed->metrics, "ecapi_left_out_values", "counter", NULL,
						 "Values that were left out of events, by field and reason.");
	for (int i = 0; i < exposed->nleft_out; i++)
	{
		ecapi_metrics_sample(&exposed->metrics, "_total");
		label(exposed, "path", exposed->left_out[i].path);
		label(exposed, "reason", exposed->left_out[i].reason);
		ecapi_metrics_value(&exposed->metrics, exposed->left_out[i].count, 0);
	}
}

/* Whether the older form is asked for. */
static bool
older_form(const text *format)
{
	const char *name = VARDATA_ANY(format);
	size_t		len = VARSIZE_ANY_EXHDR(format);

	if (len == 11 && memcmp(name, "openmetrics", len) == 0)
		return false;
	if (len == 10 && memcmp(name, "prometheus", len) == 0)
		return true;
	ecapi_argument_refuse("format of metrics is unknown", "It is \"openmetrics\" or \"prometheus\".");
}

/*
 * ecapi.metrics(format): raises 22023 for another format, what reading raises, and out of
 * memory.
 */
Datum
ecapi_metrics(PG_FUNCTION_ARGS)
{
	Exposed		exposed = {.context = CurrentMemoryContext};
	EcapiOwnerScope scope;
	EcapiBuffer out;

	exposed.metrics.older = older_form(PG_GETARG_TEXT_PP(0));
	ecapi_become_owner(&scope);
	read_destinations(&exposed);
	read_tracks(&exposed);
	read_outbox(&exposed);
	read_left_out(&exposed);
	exposed.metrics.database = as_utf8(&exposed, get_database_name(MyDatabaseId));
	ecapi_become_caller(&scope);
	read_workers(&exposed);

	ecapi_tree_buffer(&out, MaxAllocSize, CurrentMemoryContext);
	exposed.metrics.out = &out;
	write_workers(&exposed);
	write_events(&exposed);
	write_requests(&exposed);
	write_states(&exposed);
	write_gauges(&exposed);
	write_tracks(&exposed);
	write_outbox(&exposed);
	write_left_out(&exposed);
	ecapi_metrics_end(&exposed.metrics);
	if (out.full)
		ecapi_tree_out_of_memory();
	PG_RETURN_DATUM(ecapi_result_utf8(out.data, out.len));
}

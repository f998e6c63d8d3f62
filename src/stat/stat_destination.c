/*
 * stat_destination.c
 *	  Statistics of destinations: the worker counts, any backend reads.
 *
 * Events are counted by their ends where the ledger counts them (pipeline/ledger.c), so
 * the figures are those of the ledger, and requests where their answers are taken.  A place
 * is a destination's from when the worker first sees it until its server is gone.
 *
 * Reasons are texts, and a destination may meet more of them than there is room for: all
 * rules of consent are one here, and what formats say of their platforms is "other".
 *
 * A bucket of a histogram has what is above the bound before it and not above its own.
 *
 * Locks: none.  Counters are added to by locked instructions, because a backend that
 * resets them writes, too.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "stat/stat_destination.h"

/* Seconds and what is less in microseconds. */
#define MS(n)	((n) * INT64CONST(1000))
#define S(n)	((n) * INT64CONST(1000000))

const int64 ecapi_stat_latencies[ECAPI_LATENCY_BUCKETS - 1] = {
	MS(5), MS(10), MS(25), MS(50), MS(100), MS(250), MS(500), S(1), MS(2500), S(5), S(10), S(30), S(60)
};

const int64 ecapi_stat_ages[ECAPI_AGE_BUCKETS - 1] = {
	MS(10), MS(50), MS(100), MS(500), S(1), S(5), S(30), S(60), S(300), S(1800), S(3600),
	S(21600), S(86400), S(604800)
};

/* By the first words of a reason; the one that fits first counts. */
static const struct
{
	const char *begins;
	const char *name;
}			reasons[ECAPI_STAT_REASONS] = {
	{"event_type", "event_type"},
	{"route", "route"},
	{"data_set_id", "data_set_id"},
	{"expired", "expired"},
	{"in the future", "in the future"},
	{"not delivered", "not delivered"},
	{"not amendable", "not amendable"},
	{"original too old", "original too old"},
	{"original not delivered", "original not delivered"},
	{"consent withdrawn", "consent withdrawn"},
	{"consent", "consent"},
	{"sample", "sample"},
	{"filter failed", "filter failed"},
	{"filter", "filter"},
	{"cancelled", "cancelled"},
	{"dedupe window", "dedupe window"},
	{"", "other"}
};

static const char *const ends[ECAPI_STAT_ENDS] = {
	"delivered", "shadow", "filtered", "failed", "given_up", "erased"
};

#define FILTERED	2			/* of the ends */
#define FAILED		3

static const char *const requests[ECAPI_REQUEST_OUTCOMES] = {
	[ECAPI_REQUEST_TAKEN] = "taken",
	[ECAPI_REQUEST_PARTLY_TAKEN] = "partly_taken",
	[ECAPI_REQUEST_REFUSED] = "refused",
	[ECAPI_REQUEST_THROTTLED] = "throttled",
	[ECAPI_REQUEST_FAILED] = "failed",
	[ECAPI_REQUEST_UNANSWERED] = "unanswered",
	[ECAPI_REQUEST_UNSENT] = "unsent",
	[ECAPI_REQUEST_OTHER] = "other"
};

static const char *const states[ECAPI_STAT_STATES] = {
	[ECAPI_STAT_UNKNOWN] = "unknown",
	[ECAPI_STAT_STARTING] = "starting",
	[ECAPI_STAT_IDLE] = "idle",
	[ECAPI_STAT_DELIVERING] = "delivering",
	[ECAPI_STAT_WAITING] = "waiting",
	[ECAPI_STAT_PAUSED] = "paused",
	[ECAPI_STAT_STOPPED] = "stopped"
};

const char *
ecapi_stat_end_name(int end)
{
	return ends[end];
}

const char *
ecapi_stat_reason_name(int reason)
{
	return reasons[reason].name;
}

const char *
ecapi_stat_request_name(int outcome)
{
	return requests[outcome];
}

const char *
ecapi_stat_state_name(int state)
{
	return states[state];
}

/* ---- counting ---- */

void
ecapi_stat_destination_take(EcapiDestinationCounters *self, Oid server)
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_DESTINATIONS);

	if (self->counters != NULL || memory == NULL)
		return;
	self->counters = ecapi_places_take(ecapi_stat_destinations, memory, server);
	if (self->counters != NULL &&
		pg_atomic_read_u64(&self->counters[ECAPI_DESTINATION_RESET_AT]) == 0)
		pg_atomic_write_u64(&self->counters[ECAPI_DESTINATION_RESET_AT], GetCurrentTimestamp());
}

void
ecapi_stat_destination_forget(bool (*is_known) (Oid server))
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_DESTINATIONS);

	if (memory != NULL)
		ecapi_places_forget(ecapi_stat_destinations, memory, is_known);
}

static int
number_of(const char *reason)
{
	static const char *last_reason = NULL;
	static int	last = 0;

	/* reasons are constants, and come in runs */
	if (reason == NULL)
		return ECAPI_STAT_REASONS - 1;
	if (reason != last_reason)
	{
		for (last = 0; strncmp(reason, reasons[last].begins, strlen(reasons[last].begins)) != 0;)
			last++;
		last_reason = reason;
	}
	return last;
}

void
ecapi_stat_ended(EcapiDestinationCounters *self, int end, const char *reason, int events)
{
	pg_atomic_uint64 *counters = self->counters;

	if (counters == NULL || end >= ECAPI_STAT_ENDS)
		return;
	ecapi_stat_add(&counters[ECAPI_DESTINATION_ENDS + end], events);
	if (end == FILTERED)
		ecapi_stat_add(&counters[ECAPI_DESTINATION_REASONS + number_of(reason)], events);
	if (end == FAILED && reason != NULL &&
		(strcmp(reason, "rejected by the receiver") == 0 || strcmp(reason, "too large for the receiver") == 0))
		ecapi_stat_add(&counters[ECAPI_DESTINATION_REJECTED], events);
}

/* Count a time into a histogram; a clock that was set back makes it 0. */
static void
count_time(pg_atomic_uint64 *buckets, const int64 *bounds, int nbounds,
		   pg_atomic_uint64 *sum, int64 us)
{
	int			i = 0;

	us = Max(us, 0);
	while (i < nbounds && us > bounds[i])
		i++;
	ecapi_stat_add(&buckets[i], 1);
	ecapi_stat_add(sum, us);
}

void
ecapi_stat_answered(EcapiDestinationCounters *self, const EcapiAnswered *answered)
{
	pg_atomic_uint64 *counters = self->counters;

	if (counters == NULL)
		return;
	ecapi_stat_add(&counters[ECAPI_DESTINATION_REQUESTS + answered->outcome], 1);
	if (answered->again)
		ecapi_stat_add(&counters[ECAPI_DESTINATION_RETRIED], answered->events);
	ecapi_stat_add(&counters[ECAPI_DESTINATION_BYTES], answered->bytes);
	count_time(&counters[ECAPI_DESTINATION_LATENCIES], ecapi_stat_latencies,
			   lengthof(ecapi_stat_latencies), &counters[ECAPI_DESTINATION_LATENCY_SUM],
			   answered->latency_us);
}

void
ecapi_stat_delivered(EcapiDestinationCounters *self, TimestampTz emitted_at)
{
	pg_atomic_uint64 *counters = self->counters;

	if (counters != NULL)
		count_time(&counters[ECAPI_DESTINATION_AGES], ecapi_stat_ages, lengthof(ecapi_stat_ages),
				   &counters[ECAPI_DESTINATION_AGE_SUM], GetCurrentTimestamp() - emitted_at);
}

void
ecapi_stat_matched(EcapiDestinationCounters *self, bool identified)
{
	if (self->counters != NULL)
		ecapi_stat_add(&self->counters[identified ? ECAPI_DESTINATION_IDENTIFIED :
									   ECAPI_DESTINATION_UNIDENTIFIED], 1);
}

void
ecapi_stat_destination_now(EcapiDestinationCounters *self, TimestampTz now,
						   const EcapiDestinationNow *is)
{
	pg_atomic_uint64 *counters = self->counters;
	uint64		state;

	if (counters == NULL)
		return;
	state = Min(pg_atomic_read_u64(&counters[ECAPI_DESTINATION_STATE]), ECAPI_STAT_STATES - 1);
	/* what it was in until now; not in a time without worker */
	if (self->counted_at != 0 && self->counted_at < now)
		ecapi_stat_add(&counters[ECAPI_DESTINATION_TIMES + state], now - self->counted_at);
	if (self->counted_at == 0 || state != is->state)
	{
		pg_atomic_write_u64(&counters[ECAPI_DESTINATION_STATE], is->state);
		pg_atomic_write_u64(&counters[ECAPI_DESTINATION_STATE_SINCE], now);
	}
	self->counted_at = now;
	pg_atomic_write_u64(&counters[ECAPI_DESTINATION_QUEUED], is->queued);
	pg_atomic_write_u64(&counters[ECAPI_DESTINATION_ON_WAY], is->on_way);
}

/* ---- reading ---- */

bool
ecapi_stat_destination_read(int place, Oid *server, uint64 counts[ECAPI_DESTINATION_STATS])
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_DESTINATIONS);

	if (memory == NULL ||
		!ecapi_places_read(ecapi_stat_destinations, memory, place, server, counts))
		return false;
	/* it may come from a file */
	if (counts[ECAPI_DESTINATION_STATE] >= ECAPI_STAT_STATES)
		counts[ECAPI_DESTINATION_STATE] = ECAPI_STAT_UNKNOWN;
	return true;
}

void
ecapi_stat_destination_reset(Oid server, TimestampTz now)
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_DESTINATIONS);
	uint64		counts[ECAPI_DESTINATION_STATS];
	Oid			owner;

	for (int place = 0; memory != NULL && place < ECAPI_STAT_DESTINATIONS; place++)
	{
		pg_atomic_uint64 *counters;

		if (!ecapi_places_read(ecapi_stat_destinations, memory, place, &owner, counts) ||
			(OidIsValid(server) && owner != server))
			continue;
		counters = ecapi_places_find(ecapi_stat_destinations, memory, owner);
		if (counters == NULL)
			continue;
		for (int i = 0; i < ECAPI_DESTINATION_GAUGES; i++)
			pg_atomic_write_u64(&counters[i], 0);
		pg_atomic_write_u64(&counters[ECAPI_DESTINATION_RESET_AT], now);
	}
}

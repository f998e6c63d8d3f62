/*
 * request_log.c
 *	  What the log of requests says of a span: times to the answer, and errors.
 *
 * The log may have a row for each event, so it is read once, in pages, whatever a report
 * shows of it; it has no index by time alone.  The statement is planned for the span at
 * hand: of one that is not known the planner would think that it is short.
 *
 * Percentiles are exact, as percentile_disc() has them, up to SAMPLE times.  Of a log that has
 * more, the destination with most times keeps each second one, fourth one, and so on.
 *
 * Bounded: SAMPLE times in all destinations, of 8 bytes each, and KINDS errors of each
 * destination.  An array keeps the room that it once had, and has two while it grows.
 *
 * Locks: AccessShareLock on ecapi.request.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "html/quantile.h"
#include "report/request_log.h"

#define SAMPLE	(4 * 1024 * 1024)
#define KINDS	64
#define FETCH	5000

/* Columns that are fixed in size stand first: they are found without a walk. */
static const char read_log[] =
"SELECT destination, events, latency_ms, sent_at, outcome, error FROM ecapi_internal.report_requests($1, $2)";

enum
{
	DESTINATION = 1,
	EVENTS,
	LATENCY,
	SENT_AT,
	OUTCOME,
	ERROR_LINE
};

/* What was read of one destination; the key is a name, which is padded with zeros. */
typedef struct Lane
{
	NameData	name;
	EcapiAnswerTimes times;
	double	   *sample;			/* one time of times.every, in the order of the log */
	size_t		n;
	size_t		room;
	EcapiRequestError kinds[KINDS];
	int			nkinds;
	int			last;			/* the kind that came last */
} Lane;

typedef struct Reading
{
	MemoryContext context;
	HTAB	   *lanes;
	Lane	   *last;			/* that of the row before */
	size_t		sampled;		/* times of all lanes */
	int64		other_errors;
} Reading;

static Lane *
lane_of(Reading *reading, Name name)
{
	bool		found;
	Lane	   *lane = reading->last;

	if (lane != NULL && memcmp(NameStr(lane->name), NameStr(*name), NAMEDATALEN) == 0)
		return lane;
	lane = hash_search(reading->lanes, name, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) lane + sizeof(NameData), 0, sizeof(Lane) - sizeof(NameData));
		lane->times.every = 1;
	}
	reading->last = lane;
	return lane;
}

/* ---- times ---- */

/* Of the longest sample keep each second time. */
static void
halve_longest(Reading *reading)
{
	HASH_SEQ_STATUS scan;
	Lane	   *lane;
	Lane	   *longest = reading->last;

	hash_seq_init(&scan, reading->lanes);
	while ((lane = hash_seq_search(&scan)) != NULL)
		if (lane->n > longest->n)
			longest = lane;
	reading->sampled -= longest->n;
	longest->n = ecapi_every_second(longest->sample, longest->n);
	longest->times.every *= 2;
	reading->sampled += longest->n;
}

static void
add_time(Reading *reading, Lane *lane, double ms, int64 events)
{
	if (isnan(ms))
		return;
	lane->times.longest = lane->times.requests == 0 ? ms : Max(lane->times.longest, ms);
	lane->times.requests++;
	lane->times.events += events;
	if (lane->times.requests % lane->times.every != 0)
		return;
	if (lane->n == lane->room)
	{
		lane->room = lane->room == 0 ? 256 : lane->room * 2;
		lane->sample = lane->sample == NULL ? MemoryContextAlloc(reading->context, lane->room * sizeof(double)) :
			repalloc_huge(lane->sample, lane->room * sizeof(double));
	}
	lane->sample[lane->n++] = ms;
	if (++reading->sampled == SAMPLE)
		halve_longest(reading);
}

/* ---- errors ---- */

static bool
is_text(const char *known, text *value)
{
	return strlen(known) == VARSIZE_ANY_EXHDR(value) &&
		memcmp(known, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) == 0;
}

static bool
is_kind(const EcapiRequestError *kind, text *outcome, text *error)
{
	return is_text(kind->error, error) && is_text(kind->outcome, outcome);
}

/* NULL: one too many. */
static EcapiRequestError *
kind_of(Reading *reading, Lane *lane, text *outcome, text *error)
{
	MemoryContext old;
	EcapiRequestError *kind;

	if (lane->nkinds > 0 && is_kind(&lane->kinds[lane->last], outcome, error))
		return &lane->kinds[lane->last];
	for (int i = 0; i < lane->nkinds; i++)
		if (is_kind(&lane->kinds[i], outcome, error))
		{
			lane->last = i;
			return &lane->kinds[i];
		}
	if (lane->nkinds == KINDS)
		return NULL;
	lane->last = lane->nkinds;
	kind = &lane->kinds[lane->nkinds++];
	old = MemoryContextSwitchTo(reading->context);
	kind->outcome = text_to_cstring(outcome);
	kind->error = text_to_cstring(error);
	MemoryContextSwitchTo(old);
	return kind;
}

static void
add_error(Reading *reading, Lane *lane, text *outcome, text *error, TimestampTz at)
{
	EcapiRequestError *kind = kind_of(reading, lane, outcome, error);

	if (kind == NULL)
	{
		reading->other_errors++;
		return;
	}
	kind->last_at = kind->requests == 0 ? at : Max(kind->last_at, at);
	kind->requests++;
}

/* ---- the walk ---- */

static void
take(Reading *reading, uint64 row)
{
	Lane	   *lane = lane_of(reading, DatumGetName(ecapi_column_datum(row, DESTINATION)));
	bool		isnull;
	Datum		value = ecapi_column(row, LATENCY, &isnull);

	if (!isnull)
		add_time(reading, lane, DatumGetFloat8(value), ecapi_column_int4(row, EVENTS));
	value = ecapi_column(row, ERROR_LINE, &isnull);
	if (!isnull)
		add_error(reading, lane, DatumGetTextPP(ecapi_column_datum(row, OUTCOME)), DatumGetTextPP(value),
				  ecapi_column_time(row, SENT_AT));
}

static void
walk(Reading *reading, TimestampTz since, TimestampTz until)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(since), TimestampTzGetDatum(until)};
	MemoryContext page = AllocSetContextCreate(reading->context, "ecapi requests", ALLOCSET_DEFAULT_SIZES);
	Portal		portal = SPI_cursor_open_with_args(NULL, read_log, lengthof(types), types, values, NULL, true, 0);

	do
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH);
		old = MemoryContextSwitchTo(page);
		for (uint64 row = 0; row < SPI_processed; row++)
			take(reading, row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(page);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextDelete(page);
}

/* ---- what a section shows ---- */

static int
by_destination(const void *a, const void *b)
{
	return strcmp(((const EcapiAnswerTimes *) a)->destination, ((const EcapiAnswerTimes *) b)->destination);
}

static int
by_requests(const void *a, const void *b)
{
	const EcapiRequestError *one = a;
	const EcapiRequestError *other = b;
	int			order = strcmp(one->destination, other->destination);

	if (one->requests != other->requests)
		return one->requests > other->requests ? -1 : 1;
	if (order == 0)
		order = strcmp(one->outcome, other->outcome);
	return order != 0 ? order : strcmp(one->error, other->error);
}

static void
end_lane(EcapiRequestLog *log, Lane *lane)
{
	char	   *destination = ecapi_sheet_utf8(pstrdup(NameStr(lane->name)));

	if (lane->times.requests > 0)
	{
		EcapiAnswerTimes *times = &log->times[log->ntimes++];

		*times = lane->times;
		times->destination = destination;
		times->p50 = ecapi_quantile(lane->sample, lane->n, 0.5);
		times->p90 = ecapi_quantile(lane->sample, lane->n, 0.9);
		times->p99 = ecapi_quantile(lane->sample, lane->n, 0.99);
	}
	for (int i = 0; i < lane->nkinds; i++)
	{
		EcapiRequestError *error = &log->errors[log->nerrors++];

		*error = lane->kinds[i];
		error->destination = destination;
		error->outcome = ecapi_sheet_utf8(error->outcome);
		error->error = ecapi_sheet_utf8(error->error);
	}
}

static EcapiRequestLog *
read_span(TimestampTz since, TimestampTz until)
{
	HASHCTL		control = {.keysize = sizeof(NameData), .entrysize = sizeof(Lane), .hcxt = CurrentMemoryContext};
	Reading		reading = {.context = CurrentMemoryContext};
	EcapiRequestLog *log = palloc0(sizeof(EcapiRequestLog));
	HASH_SEQ_STATUS scan;
	Lane	   *lane;
	long		n;

	reading.lanes = hash_create("ecapi requests", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	walk(&reading, since, until);
	n = hash_get_num_entries(reading.lanes);
	log->times = palloc0(sizeof(EcapiAnswerTimes) * (n + 1));
	log->errors = palloc0(sizeof(EcapiRequestError) * (n * KINDS + 1));
	log->other_errors = reading.other_errors;
	hash_seq_init(&scan, reading.lanes);
	while ((lane = hash_seq_search(&scan)) != NULL)
		end_lane(log, lane);
	hash_destroy(reading.lanes);
	qsort(log->times, log->ntimes, sizeof(EcapiAnswerTimes), by_destination);
	qsort(log->errors, log->nerrors, sizeof(EcapiRequestError), by_requests);
	return log;
}

const EcapiRequestLog *
ecapi_request_log(EcapiSheet *sheet)
{
	if (sheet->requests == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(sheet->context);

		sheet->requests = read_span(sheet->since, sheet->until);
		MemoryContextSwitchTo(old);
	}
	return sheet->requests;
}

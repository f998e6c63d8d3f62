/*
 * matchapi.c
 *	  ecapi.match_quality(): which identifiers the events of a destination carry.
 *
 * It walks over the outbox as ecapi.preview() does, and takes its steps; each event is
 * judged as of when it was emitted.  It needs ownership of the destination, and returns
 * nothing of a person.
 *
 * Bounded by a sample.  When more events lie in the span than the sample may have, the span
 * is divided into PARTS equal parts, and of each the first events are taken, up to its share;
 * what parts with few events leave of theirs is divided among the others.  So no part of
 * a day is left out, and what is asked for costs the same whatever the outbox holds.
 *
 * Events are counted first, which is cheap, and judged then.  The outbox is in the order of
 * commits, and an event has the time of its statement.  Reading a part ends with the first
 * page of which each event was emitted after the part: where as many were committed
 * meanwhile as a page has (PAGE_MIN at least), an event whose transaction went on that long
 * after its part is missed.  A sample needs no more, and to look for such transactions would
 * be to read all of the outbox for each part.
 *
 * Memory: a page, and what match_quality.c keeps.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "destination/reduce.h"
#include "pipeline/page.h"
#include "pipeline/server.h"
#include "preview/match_quality.h"
#include "preview/preview.h"
#include "records/replay.h"

PG_FUNCTION_INFO_V1(ecapi_match_quality);

#define PARTS		50

/* Rows that are read at once, at most and at least. */
#define PAGE		ECAPI_PAGE_ROWS
#define PAGE_MIN	100

typedef struct Walk
{
	EcapiPreview *preview;
	EcapiMatchQuality *quality;
} Walk;

/* A part of the span. */
typedef struct Part
{
	TimestampTz since;
	TimestampTz until;
	int			most;			/* events to take */
} Part;

/* Take the events of a page that lie in a part, up to most of them; or (without a walk) count them. */
static int
take_page(Walk *walk, EcapiPreviewPage *page, const Part *part, int most)
{
	int			n = 0;

	for (int i = 0; i < page->rows.nrows && n < most; i++)
		if (page->rows.rows[i].emitted_at >= part->since && page->rows.rows[i].emitted_at < part->until)
			ecapi_preview_page_add(page, &n, &page->rows.rows[i]);
	if (walk == NULL)
		return n;
	ecapi_preview_decide(walk->preview, page->events, n, &page->arena);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ecapi_match_quality_add(walk->quality, &page->events[i], &page->arena);
	}
	return n;
}

/* Whether all rows of a page were emitted after a part. */
static bool
is_behind(const EcapiPreviewPage *page, const Part *part)
{
	for (int i = 0; i < page->rows.nrows; i++)
		if (page->rows.rows[i].emitted_at < part->until)
			return false;
	return page->rows.nrows > 0;
}

/* Take the events of a part, up to its most; or count them.  Returns how many. */
static int
take_part(Walk *walk, const Part *part)
{
	MemoryContext context = CurrentMemoryContext;
	EcapiPreviewSource source;
	EcapiPreviewPage page;
	bool		behind = false;
	int			taken = 0;

	ecapi_preview_source_since(&source, part->since);
	ecapi_preview_page_begin(&page);
	while (!source.ended && taken < part->most && !behind)
	{
		ecapi_preview_page_read(&page, &source, Min(PAGE, Max(part->most + 1, PAGE_MIN)));
		taken += take_page(walk, &page, part, part->most - taken);
		behind = is_behind(&page, part);
		MemoryContextSwitchTo(context);
	}
	MemoryContextDelete(page.context);
	return taken;
}

/*
 * Divide a span that holds more than the sample: parts have their share, and those that are
 * full, what others leave.
 */
static void
divide(Part *parts, int n, TimestampTz since, TimestampTz until, int sample)
{
	int			share = sample / n;
	int			left = sample - share * n;
	int			full = 0;

	for (int i = 0; i < n; i++)
	{
		parts[i].since = since + (until - since) / n * i;
		parts[i].until = i == n - 1 ? until : since + (until - since) / n * (i + 1);
		parts[i].most = share + 1;
		parts[i].most = take_part(NULL, &parts[i]);
		if (parts[i].most > share)
			full++;
		else
			left += share - parts[i].most;
	}
	for (int i = 0; i < n; i++)
		if (parts[i].most > share)
			parts[i].most = share + left / full;
}

/* All events of a span, or a sample of that size. */
static void
take_sample(Walk *walk, TimestampTz since, TimestampTz until, int sample)
{
	Part		whole = {since, until, sample + 1};
	Part		parts[PARTS];
	int			n = Min(PARTS, sample);

	whole.most = take_part(NULL, &whole);
	if (whole.most <= sample)
	{
		(void) take_part(walk, &whole);
		return;
	}
	divide(parts, n, since, until, sample);
	for (int i = 0; i < n; i++)
		(void) take_part(walk, &parts[i]);
}

/* When the outbox begins; 0: it is empty. */
static TimestampTz
oldest_event(void)
{
	EcapiOwnerScope scope;
	TimestampTz oldest;

	ecapi_become_owner(&scope);
	oldest = ecapi_replay_oldest();
	ecapi_become_caller(&scope);
	return oldest;
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	ecapi_argument_required(fcinfo, 1, "since");
	ecapi_argument_required(fcinfo, 2, "until");
	ecapi_argument_required(fcinfo, 3, "sample");
	if (PG_GETARG_TIMESTAMPTZ(1) >= PG_GETARG_TIMESTAMPTZ(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be before until")));
	if (PG_GETARG_INT32(3) < 1 || PG_GETARG_INT32(3) > ECAPI_MATCH_SAMPLE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be from 1 to %d", ECAPI_MATCH_SAMPLE_MAX)));
}

/*
 * ecapi.match_quality(destination name, since timestamptz, until timestamptz, sample int)
 */
Datum
ecapi_match_quality(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	EcapiPreview preview;
	Walk		walk = {&preview, NULL};
	TimestampTz oldest;
	TimestampTz since;
	TimestampTz until;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(&preview, server);
	if (ecapi_reduce_lacks(preview.options) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" sends nothing: %s", server->servername,
						ecapi_reduce_lacks(preview.options))));
	preview.as_emitted = true;
	walk.quality = ecapi_match_quality_begin(&preview);
	oldest = oldest_event();
	since = Max(PG_GETARG_TIMESTAMPTZ(1), oldest);
	until = Min(PG_GETARG_TIMESTAMPTZ(2), GetCurrentTimestamp());
	if (since < until)
		take_sample(&walk, since, until, PG_GETARG_INT32(3));
	if (ecapi_match_quality_put(walk.quality, (ReturnSetInfo *) fcinfo->resultinfo) == 0)
		ereport(NOTICE,
				(errcode(ERRCODE_WARNING),
				 errmsg("destination \"%s\" would have been sent no event of that span", server->servername),
				 oldest == 0 ? errdetail("The outbox is empty.") : 0));
	return (Datum) 0;
}

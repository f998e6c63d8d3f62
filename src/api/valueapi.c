/*
 * valueapi.c
 *	  ecapi.measure_values() and ecapi.value_eligibility(): what values a destination is
 *	  sent.
 *
 * Both walk over the outbox as ecapi.preview() does, and take its steps, so what they
 * count is what the destination would have been sent; each event is judged as of when it
 * was emitted, and that it has been sent since does not count against it.
 *
 * Both need ownership of the destination, and can be cancelled.  Neither returns anything
 * of a person.  Memory: a page, and what quantiles.c and eligibility.c keep.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/result.h"
#include "destination/reduce.h"
#include "event/event_type.h"
#include "pipeline/page.h"
#include "pipeline/server.h"
#include "preview/eligibility.h"
#include "preview/preview.h"
#include "preview/quantiles.h"
#include "records/measure.h"
#include "records/replay.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_measure_values);
PG_FUNCTION_INFO_V1(ecapi_value_eligibility);

/* Take a decided event; the page's context is current. */
typedef void TakeEvent(EcapiPreview *preview, EcapiPreviewEvent *event, EcapiArena *arena, void *arg);

/* Walk over the events that were emitted since, up to now. */
static void
walk(EcapiPreview *preview, TimestampTz since, TakeEvent *take, void *arg)
{
	EcapiPreviewSource source;
	EcapiPreviewPage page;

	preview->as_emitted = true;
	ecapi_preview_source_since(&source, since);
	ecapi_preview_page_begin(&page);
	while (!source.ended)
	{
		int			n = 0;

		ecapi_preview_page_read(&page, &source, ECAPI_PAGE_ROWS);
		for (int i = 0; i < page.rows.nrows; i++)
			if (page.rows.rows[i].emitted_at >= since)
				ecapi_preview_page_add(&page, &n, &page.rows.rows[i]);
		ecapi_preview_decide(preview, page.events, n, &page.arena);
		for (int i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			take(preview, &page.events[i], &page.arena, arg);
		}
		MemoryContextSwitchTo(preview->context);
	}
	MemoryContextDelete(page.context);
}

/* ---- measure_values ---- */

/* Add the value of an event that the destination takes. */
static void
measure_event(EcapiPreview *preview, EcapiPreviewEvent *event, EcapiArena *arena, void *arg)
{
	const EcapiValue *currency;
	const EcapiValue *value;
	const char *reason;

	/* refunds do not leave, see reduce.c */
	if (event->decided || event->type < 0 || event->type == ECAPI_EVENT_refund)
		return;
	currency = ecapi_value_get(event->event, "currency_code");
	value = ecapi_reduce_source(preview->options, event->event, &reason);
	if (value == NULL || currency == NULL || currency->type != ECAPI_STRING ||
		currency->len != 3 || strspn(currency->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return;
	ecapi_quantiles_add(arg, event->type, currency->text, value);
}

static void
refuse_unless_measured(const EcapiPreview *preview)
{
	if (ecapi_transform_is_measured(preview->options->transform))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("destination \"%s\" has no value_transform that needs a measurement",
					preview->server->servername),
			 errdetail("Caps and buckets need one."),
			 errhint("ALTER SERVER %s OPTIONS (%s value_transform 'cap 99%%'), in the same transaction.",
					 quote_identifier(preview->server->servername),
					 preview->options->transform.kind == ECAPI_TRANSFORM_NONE ? "ADD" : "SET")));
}

/* Without one event type and currency that is known, nothing would leave. */
static void
refuse_too_few(const EcapiPreview *preview, const EcapiMeasureRow *rows, int n)
{
	int64		needed = ecapi_transform_values_min(preview->options->transform);
	int64		most = 0;

	for (int i = 0; i < n; i++)
		most = Max(most, rows[i].events);
	if (most >= needed)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("destination \"%s\" has too few values to measure", preview->server->servername),
			 errdetail("It takes %lld events of one event type and currency; there are %lld at most.",
					   (long long) needed, (long long) most),
			 errhint("Wait for more events, give an earlier since, or choose a lower cap or fewer buckets.")));
}

static void
put_measured(const EcapiMeasureRow *row, int64 needed, ReturnSetInfo *result)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = ecapi_result_text(ecapi_event_type_name(row->type), &nulls[0]);
	values[1] = CStringGetTextDatum(row->currency);
	values[2] = Int64GetDatum(row->events);
	values[3] = Int64GetDatum(needed);
	values[4] = row->bounds;
	values[5] = row->amounts;
	nulls[4] = nulls[5] = row->amounts == 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ecapi.measure_values(destination name, since timestamptz): measure the values of the
 * events that a destination would have been sent of those emitted since, for its
 * value_transform; a row for each event type and currency.  It counts at commit.
 */
Datum
ecapi_measure_values(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	char		transform[ECAPI_TRANSFORM_SIZE];
	EcapiMeasurement head = {.destination = server->servername};
	EcapiQuantiles *quantiles;
	EcapiMeasureRow *rows;
	EcapiPreview preview;
	EcapiOwnerScope scope;
	int			n;

	ecapi_argument_required(fcinfo, 1, "since");
	PreventCommandIfReadOnly("ecapi.measure_values()");
	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(&preview, server);
	refuse_unless_measured(&preview);
	quantiles = ecapi_quantiles_begin(preview.options->transform);
	walk(&preview, PG_GETARG_TIMESTAMPTZ(1), measure_event, quantiles);
	rows = ecapi_quantiles_end(quantiles, &n);
	refuse_too_few(&preview, rows, n);

	ecapi_transform_print(preview.options->transform, transform);
	head.transform = transform;
	head.value_field = ecapi_measure_field(preview.options);
	head.measured_at = GetCurrentTimestamp();
	ecapi_become_owner(&scope);
	ecapi_measure_replace(&head, PG_GETARG_TIMESTAMPTZ(1), rows, n);
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
	for (int i = 0; i < n; i++)
		put_measured(&rows[i], ecapi_transform_values_min(preview.options->transform),
					 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* ---- value_eligibility ---- */

static void
look_at_event(EcapiPreview *preview, EcapiPreviewEvent *event, EcapiArena *arena, void *arg)
{
	if (!event->decided)
	{
		/* each in a body of its own: only whether it can be is asked, and with which value */
		ecapi_preview_begin_body(preview);
		(void) ecapi_preview_shape(preview, event, arena);
	}
	ecapi_eligibility_add(arg, event);
}

/* Whether the outbox goes back that far. */
static bool
outbox_reaches(TimestampTz since)
{
	EcapiOwnerScope scope;
	TimestampTz oldest;

	ecapi_become_owner(&scope);
	oldest = ecapi_replay_oldest();
	ecapi_become_caller(&scope);
	return oldest != 0 && oldest <= since;
}

/*
 * ecapi.value_eligibility(destination name): whether the events of the last 7 days, as a
 * destination would be sent them, are what its platform asks of values; a row for each
 * rule, event type and currency.
 */
Datum
ecapi_value_eligibility(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = ecapi_destination_argument(fcinfo);
	TimestampTz since = GetCurrentTimestamp() - ECAPI_ELIGIBILITY_DAYS * USECS_PER_DAY;
	EcapiEligibility *eligibility;
	EcapiPreview preview;
	const char *format;

	InitMaterializedSRF(fcinfo, 0);
	ecapi_preview_open(&preview, server);
	format = preview.options->format->name;
	if (!ecapi_eligibility_is_known(format))
	{
		ereport(NOTICE,
				(errcode(ERRCODE_WARNING),
				 errmsg("nothing is known of what receivers of the format \"%s\" ask of values", format)));
		return (Datum) 0;
	}
	if (ecapi_reduce_lacks(preview.options) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" sends nothing: %s", server->servername,
						ecapi_reduce_lacks(preview.options))));
	eligibility = ecapi_eligibility_begin(format);
	walk(&preview, since, look_at_event, eligibility);
	if (ecapi_eligibility_put(eligibility, outbox_reaches(since),
							  (ReturnSetInfo *) fcinfo->resultinfo) == 0)
		ereport(NOTICE,
				(errcode(ERRCODE_WARNING),
				 errmsg("destination \"%s\" would have been sent no value in the last %d days",
						server->servername, ECAPI_ELIGIBILITY_DAYS)));
	return (Datum) 0;
}

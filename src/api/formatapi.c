/*
 * formatapi.c
 *	  ecapi.formats(): what each format takes, a row for each.
 *
 * All of it is data of the rows that delivery itself goes by (destination/format.h), so
 * it cannot differ from what is done.  No table is touched, nothing is written.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "destination/format.h"

PG_FUNCTION_INFO_V1(ecapi_list_formats);

#define COLUMNS		22

/* A row in the making. */
typedef struct Row
{
	int			n;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
} Row;

static void
add(Row *row, Datum value)
{
	Assert(row->n < COLUMNS);
	row->values[row->n++] = value;
}

/* A text, or null where it is NULL. */
static void
add_text(Row *row, const char *text)
{
	row->nulls[row->n] = text == NULL;
	add(row, text == NULL ? (Datum) 0 : CStringGetTextDatum(text));
}

/* A number; 0 stands for no limit. */
static void
add_number(Row *row, int number)
{
	row->nulls[row->n] = number <= 0;
	add(row, Int32GetDatum(number));
}

/* A time in seconds, as days and what is left of one; 0 stands for no limit. */
static void
add_seconds(Row *row, int seconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->day = seconds / SECS_PER_DAY;
	interval->time = seconds % SECS_PER_DAY * USECS_PER_SEC;
	row->nulls[row->n] = seconds <= 0;
	add(row, IntervalPGetDatum(interval));
}

/* The options without which a server cannot be created, or events not be sent. */
static void
add_options(Row *row, const EcapiFormat *format)
{
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	if (format->url == NULL)
		names = accumArrayResult(names, CStringGetTextDatum("url"), false, TEXTOID,
								 CurrentMemoryContext);
	if (format->needs_data_set)
		names = accumArrayResult(names, CStringGetTextDatum("data_set_id"), false, TEXTOID,
								 CurrentMemoryContext);
	for (int i = 0; i < format->nown; i++)
		if (format->own[i].required && !format->own[i].secret)
			names = accumArrayResult(names, CStringGetTextDatum(format->own[i].name), false,
									 TEXTOID, CurrentMemoryContext);
	if (format->needs != NULL)
		names = accumArrayResult(names, CStringGetTextDatum(format->needs), false, TEXTOID,
								 CurrentMemoryContext);
	add(row, makeArrayResult(names, CurrentMemoryContext));
}

static const char *
dedupe_key(const EcapiFormat *format)
{
	return format->dedupe_key == ECAPI_DEDUPE_TRANSACTION ? "properties.transaction_id" : "id";
}

static const char *
outcomes(const EcapiFormat *format)
{
	static const char *const names[] = {
		[ECAPI_OUTCOMES_WHOLE] = "whole",
		[ECAPI_OUTCOMES_INDEX] = "index",
		[ECAPI_OUTCOMES_EACH] = "each",
		[ECAPI_OUTCOMES_NONE] = "none"
	};

	return names[format->outcomes];
}

/* NULL: it takes no amendments. */
static const char *
amend(const EcapiFormat *format)
{
	static const char *const names[] = {
		[ECAPI_AMEND_NONE] = NULL,
		[ECAPI_AMEND_APPEND] = "append",
		[ECAPI_AMEND_RESTATE] = "restate",
		[ECAPI_AMEND_MESSAGE] = "message"
	};

	return names[format->amend];
}

static void
fill(Row *row, const EcapiFormat *format)
{
	memset(row, 0, sizeof(Row));
	add_text(row, format->name);
	add_text(row, format->what);
	add_number(row, format->default_batch);
	add_number(row, format->max_batch);
	add_number(row, format->max_test_batch > 0 ? format->max_test_batch
			   : format->has_test_mode ? format->max_batch : 0);
	add_number(row, (int) format->max_body);
	add_seconds(row, ecapi_format_default_age(format));
	add_seconds(row, format->max_age_s);
	add_seconds(row, format->future_s);
	add_number(row, format->requests_a_minute);
	add_number(row, format->requests_a_day);
	add_text(row, dedupe_key(format));
	add_seconds(row, format->dedupe_s);
	add_text(row, format->identifiers);
	add_text(row, outcomes(format));
	add_seconds(row, format->later == NULL ? 0 : format->later->last_s);
	add(row, BoolGetDatum(format->has_test_mode));
	row->nulls[row->n] = !format->has_test_mode;
	add(row, BoolGetDatum(format->test_counts));
	add_options(row, format);
	add_text(row, format->credentials);
	add_text(row, amend(format));
	add_seconds(row, format->amend_s);
}

/* ecapi.formats(): the formats, in the order of the registry. */
Datum
ecapi_list_formats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const EcapiFormat *format;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (format = ecapi_format_nth(i)) != NULL; i++)
	{
		Row			row;

		fill(&row, format);
		Assert(row.n == result->setDesc->natts);
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
	}
	return (Datum) 0;
}

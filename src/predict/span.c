/*
 * span.c
 *	  The history of a table as sums by customer, over the span of its orders.
 *
 * One query gives all orders, by customer, day and hour; the server sorts them, on disk where
 * they are many, and each row carries the span's ends.  So one pass is enough, and of a
 * customer there are only sums.
 *
 * A day is one of the session's time zone, as a shop's day is.  The span ends with the
 * newest order, or with "until": a customer's silence counts up to there.
 *
 * No locks but those of ecapi.history().
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "predict/control.h"
#include "predict/span.h"

/* Rows that are fetched at a time: little memory, and few calls. */
#define FETCH	1000

/* A span of fewer days has no two weeks to compare. */
#define SHORTEST	14

const char *const ecapi_span_kinds[ECAPI_SPAN_KINDS] = {
	"taken", "that cannot be events", "without a customer", "without a value", "of a negative value",
	"in another currency"
};

/*
 * $1 relation, $2 track, $3 until, $4 digest, $5 currency.  An amount beyond 1e15 is none
 * of any currency, and sums of such would lose their last digits.
 */
static const char orders[] =
"WITH h AS (SELECT CASE WHEN $4 THEN ecapi.digest(h.customer_field, h.customer) ELSE h.customer END AS customer,"
" (h.occurred_at::date - '2000-01-01'::date) AS day, extract(hour FROM h.occurred_at)::int AS hour,"
" CASE WHEN abs(h.value) <= 1e15 THEN h.value::float8 END AS value, h.currency_code AS currency, h.items,"
" h.problem IS NOT NULL AS is_refused, h.customer_field IN ('user_data.email_address', 'user_data.phone_numbers') AS by_address"
" FROM ecapi.history($1, $2, NULL, $3) h),"
" k AS (SELECT h.*, CASE WHEN h.is_refused THEN 1 WHEN h.customer IS NULL THEN 2"
" WHEN h.value IS NULL OR h.currency IS NULL THEN 3 WHEN h.value < 0 THEN 4"
" WHEN h.currency <> $5 THEN 5 ELSE 0 END AS kind FROM h)"
" SELECT k.kind, k.customer, k.day, k.hour, k.value, k.items, k.currency, k.by_address,"
" min(k.day) FILTER (WHERE k.kind = 0) OVER (), coalesce(($3 - interval '1 microsecond')::date - '2000-01-01'::date,"
" max(k.day) FILTER (WHERE k.kind = 0) OVER ())"
" FROM k ORDER BY k.kind, k.customer COLLATE \"C\", k.day, k.hour";

/* The columns of that. */
enum
{
	COLUMN_KIND = 1,
	COLUMN_CUSTOMER,
	COLUMN_DAY,
	COLUMN_HOUR,
	COLUMN_VALUE,
	COLUMN_ITEMS,
	COLUMN_CURRENCY,
	COLUMN_BY_ADDRESS,
	COLUMN_BEGIN,
	COLUMN_END
};

/* What is being read. */
typedef struct Reading
{
	const EcapiSpanQuery *query;
	EcapiOrders  *span;
	size_t		room;
	MemoryContext context;		/* of customers */
	MemoryContext keys;
	bool		begun;			/* the ends are known */
	int			ncurrencies;	/* met; the first ECAPI_SPAN_CURRENCIES are in */
	char		currencies[ECAPI_SPAN_CURRENCIES][4];
	int64		by_currency[ECAPI_SPAN_CURRENCIES];
} Reading;

char *
ecapi_span_day(int32 day)
{
	int			year;
	int			month;
	int			of_month;

	/* the same in every session, whatever its DateStyle */
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
	return psprintf("%04d-%02d-%02d", year, month, of_month);
}

int
ecapi_span_weekday(int32 day)
{
	return j2day(day + POSTGRES_EPOCH_JDATE);
}

/* ---- the ends of the span ---- */

static void
refuse_short(const EcapiOrders *span, int32 length)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the span of the orders, %d days from %s to %s, is too short",
					length, ecapi_span_day(span->begin), ecapi_span_day(span->end)),
			 span->holdout >= SHORTEST
			 ? errdetail("%d days are to be held out, and as many as %d must be left to learn from.",
						 span->holdout, SHORTEST)
			 : errdetail("At least %d days are needed.", 2 * SHORTEST),
			 errhint("Give a shorter holdout, or come back when there is more history.")));
}

static void
begin(Reading *reading, uint64 row)
{
	EcapiOrders  *span = reading->span;
	int32		length;

	reading->begun = true;
	span->begin = ecapi_column_int4(row, COLUMN_BEGIN);
	span->end = ecapi_column_int4(row, COLUMN_END);
	span->horizon = (int32) rint(reading->query->horizon);
	/* days from the first to the last order, as models count them */
	length = span->end - span->begin;
	span->holdout = reading->query->holdout > 0 ? (int32) rint(reading->query->holdout)
		: Min(span->horizon, length / 2);
	if (span->holdout < 1 || length - span->holdout < SHORTEST)
		refuse_short(span, length);
	span->cut = span->end - span->holdout;
}

/* ---- an order ---- */

static EcapiSpanCustomer *
add_customer(Reading *reading, const char *key, int32 day, int32 hour)
{
	EcapiOrders  *span = reading->span;
	EcapiSpanCustomer *customer;

	if (span->n == reading->room)
	{
		MemoryContext old = MemoryContextSwitchTo(reading->context);
		EcapiSpanCustomer *more;

		reading->room = reading->room == 0 ? 1024 : 2 * reading->room;
		more = ecapi_control_array(reading->room, sizeof(EcapiSpanCustomer));
		if (span->n > 0)
		{
			memcpy(more, span->customers, sizeof(EcapiSpanCustomer) * span->n);
			pfree(span->customers);
		}
		span->customers = more;
		MemoryContextSwitchTo(old);
	}
	customer = &span->customers[span->n++];
	customer->key = MemoryContextStrdup(reading->keys, key);
	customer->first = customer->last = customer->cut_last = day;
	customer->first_hour = hour;
	customer->first_items = NAN;
	return customer;
}

/* The value of an order in the days behind the first one. */
static void
add_follow_up(const EcapiOrders *span, EcapiSpanCustomer *customer, int32 age, double value)
{
	int32		behind = age - ECAPI_SPAN_EARLY;

	if (age <= span->holdout)
		customer->after_first += value;
	if (behind <= 0)
		customer->early_value += value;
	else if (behind <= span->holdout)
		customer->after_early += value;
}

/* is_new: no order of the customer on that day was met before. */
static void
add_order(EcapiOrders *span, EcapiSpanCustomer *customer, int32 day, bool is_new,
		  double value, bool has_items, double items)
{
	int32		age = day - customer->first;
	int32		one = is_new ? 1 : 0;

	customer->last = day;
	if (day > span->end - ECAPI_SPAN_DAILY && day <= span->end)
		span->daily[span->end - day] += one;
	if (age == 0)
	{
		customer->first_value += value;
		if (has_items)
			customer->first_items = isnan(customer->first_items) ? items : customer->first_items + items;
	}
	else
	{
		customer->repeats += one;
		customer->value += value;
		if (age <= ECAPI_SPAN_EARLY)
			customer->early_repeats += one;
		add_follow_up(span, customer, age, value);
	}
	if (day > span->cut)
	{
		customer->held_orders += one;
		customer->held_value += value;
		return;
	}
	customer->cut_last = day;
	customer->latest_value = is_new ? value : customer->latest_value + value;
	if (age > 0)
	{
		customer->cut_repeats += one;
		customer->cut_value += value;
	}
	if (day > span->cut - span->holdout)
	{
		customer->again_orders += one;
		customer->again_value += value;
	}
}

static void
count_currency(Reading *reading, const char *currency)
{
	for (int i = 0; i < Min(reading->ncurrencies, ECAPI_SPAN_CURRENCIES); i++)
		if (strcmp(reading->currencies[i], currency) == 0)
		{
			reading->by_currency[i]++;
			return;
		}
	if (reading->ncurrencies < ECAPI_SPAN_CURRENCIES)
	{
		strlcpy(reading->currencies[reading->ncurrencies], currency, 4);
		reading->by_currency[reading->ncurrencies] = 1;
	}
	reading->ncurrencies++;
}

static void
take(Reading *reading, uint64 row)
{
	EcapiOrders  *span = reading->span;
	EcapiSpanKind kind = ecapi_column_int4(row, COLUMN_KIND);
	EcapiSpanCustomer *customer = span->n == 0 ? NULL : &span->customers[span->n - 1];
	char	   *key;
	int32		day;
	bool		is_new;

	span->counts[kind]++;
	if (kind != ECAPI_SPAN_TAKEN)
		return;
	if (!reading->begun)
		begin(reading, row);
	key = ecapi_column_text(row, COLUMN_CUSTOMER);
	day = ecapi_column_int4(row, COLUMN_DAY);
	is_new = true;
	if (customer == NULL || strcmp(customer->key, key) != 0)
		customer = add_customer(reading, key, day, ecapi_column_int4(row, COLUMN_HOUR));
	else
		is_new = day != customer->last;
	add_order(span, customer, day, is_new, DatumGetFloat8(ecapi_column_datum(row, COLUMN_VALUE)),
			  !ecapi_column_is_null(row, COLUMN_ITEMS),
			  ecapi_column_is_null(row, COLUMN_ITEMS) ? 0
			  : DatumGetFloat8(ecapi_column_datum(row, COLUMN_ITEMS)));
	count_currency(reading, ecapi_column_text(row, COLUMN_CURRENCY));
	if (ecapi_column_bool(row, COLUMN_BY_ADDRESS))
		span->by_address = true;
	else
		span->by_number = true;
}

/* ---- all of them ---- */

static Portal
open_orders(const EcapiSpanQuery *query)
{
	Oid			types[] = {REGCLASSOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, TEXTOID};
	Datum		values[lengthof(types)] = {0};
	char		nulls[lengthof(types) + 1] = "     ";

	values[0] = ObjectIdGetDatum(query->relation);
	if (query->track != NULL)
		values[1] = CStringGetTextDatum(query->track);
	else
		nulls[1] = 'n';
	if (query->has_until)
		values[2] = TimestampTzGetDatum(query->until);
	else
		nulls[2] = 'n';
	values[3] = BoolGetDatum(query->digest);
	if (query->currency != NULL)
		values[4] = CStringGetTextDatum(query->currency);
	else
		nulls[4] = 'n';
	return SPI_cursor_open_with_args(NULL, orders, lengthof(types), types, values, nulls, true, 0);
}

/* What was left out, as a sentence; NULL: nothing was. */
static char *
left_out(const EcapiOrders *span)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 1; i < ECAPI_SPAN_KINDS; i++)
		if (span->counts[i] > 0)
			appendStringInfo(&text, "%s" INT64_FORMAT " %s", text.len > 0 ? ", " : "",
							 span->counts[i], ecapi_span_kinds[i]);
	if (text.len == 0)
		return NULL;
	return psprintf("Left out: %s.", text.data);
}

static void
refuse_empty(const EcapiOrders *span)
{
	char	   *detail = left_out(span);

	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("the history has no orders of customers"),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 errhint("SELECT * FROM ecapi.history(...) shows what the rows of the table are.")));
}

static void
refuse_currencies(const Reading *reading)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < Min(reading->ncurrencies, ECAPI_SPAN_CURRENCIES); i++)
		appendStringInfo(&text, "%s%s (" INT64_FORMAT " orders)", i > 0 ? ", " : "",
						 reading->currencies[i], reading->by_currency[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the history has several currencies"),
			 errdetail("%s%s.", text.data,
					   reading->ncurrencies > ECAPI_SPAN_CURRENCIES ? ", and more" : ""),
			 errhint("Name one with currency => '%s', or map \"value\" and \"currency_code\" to amounts in one.",
					 reading->currencies[0])));
}

void
ecapi_span_read(const EcapiSpanQuery *query, EcapiOrders *span)
{
	Reading		reading = {.query = query, .span = span};
	MemoryContext page = AllocSetContextCreate(CurrentMemoryContext, "ecapi orders",
											   ALLOCSET_DEFAULT_SIZES);
	Portal		portal;

	memset(span, 0, sizeof(*span));
	reading.context = CurrentMemoryContext;
	reading.keys = AllocSetContextCreate(CurrentMemoryContext, "ecapi customers",
										 ALLOCSET_DEFAULT_SIZES);
	portal = open_orders(query);
	do
	{
		MemoryContext old;

		SPI_cursor_fetch(portal, true, FETCH);
		old = MemoryContextSwitchTo(page);
		for (uint64 row = 0; row < SPI_processed; row++)
			take(&reading, row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(page);
		SPI_freetuptable(SPI_tuptable);
		ecapi_control_check(false);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextDelete(page);

	if (span->n == 0)
		refuse_empty(span);
	if (reading.ncurrencies > 1)
		refuse_currencies(&reading);
	strlcpy(span->currency, reading.currencies[0], sizeof(span->currency));
}

/* ---- as models take them ---- */

static EcapiCustomer
history_of(int32 first, int32 last, int32 end, int32 repeats, double value)
{
	EcapiCustomer history = {0};

	history.x = repeats;
	history.t_x = repeats > 0 ? (last - first) / 7.0 : 0;
	history.T = (end - first) / 7.0;
	history.m_x = repeats > 0 ? value / repeats : 0;
	return history;
}

EcapiCustomer
ecapi_span_history(const EcapiSpanCustomer *customer, const EcapiOrders *span)
{
	return history_of(customer->first, customer->cut_last, span->cut, customer->cut_repeats,
					  customer->cut_value);
}

EcapiCustomer *
ecapi_span_calibration(const EcapiOrders *span, size_t *n, const EcapiSpanCustomer ***which)
{
	EcapiCustomer *histories = ecapi_control_array(span->n, sizeof(EcapiCustomer));

	*which = ecapi_control_array(span->n, sizeof(EcapiSpanCustomer *));
	*n = 0;
	for (size_t i = 0; i < span->n; i++)
	{
		const EcapiSpanCustomer *customer = &span->customers[i];

		if (customer->first > span->cut)
			continue;
		(*which)[*n] = customer;
		histories[(*n)++] = ecapi_span_history(customer, span);
	}
	return histories;
}

double
ecapi_span_mean_value(const EcapiOrders *span, bool calibration)
{
	double		orders = 0;
	double		value = 0;
	double		first = 0;
	size_t		n = 0;

	for (size_t i = 0; i < span->n; i++)
	{
		const EcapiSpanCustomer *customer = &span->customers[i];

		if (calibration && customer->first > span->cut)
			continue;
		orders += calibration ? customer->cut_repeats : customer->repeats;
		value += calibration ? customer->cut_value : customer->value;
		first += customer->first_value;
		n++;
	}
	return orders > 0 ? value / orders : first / n;
}

EcapiCustomer *
ecapi_span_whole(const EcapiOrders *span)
{
	EcapiCustomer *histories = ecapi_control_array(span->n, sizeof(EcapiCustomer));

	for (size_t i = 0; i < span->n; i++)
	{
		const EcapiSpanCustomer *customer = &span->customers[i];

		histories[i] = history_of(customer->first, customer->last, span->end,
								  customer->repeats, customer->value);
	}
	return histories;
}

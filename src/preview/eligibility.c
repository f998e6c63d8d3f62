/*
 * eligibility.c
 *	  Whether what a destination would be sent is what its platform asks of values.
 *
 * A bidder that learns from values asks for some that it can learn from.  The rules are a
 * table; each is about one figure, which is counted over the events of a week, as they
 * would leave: after value_field, value_transform, value_factor and value_digits.
 *
 * Where the rules come from.  Meta's guide to value optimization
 * (developers.facebook.com/documentation/ads-commerce/conversions-api/guides/value-optimization,
 * of 2026-01-30) asks for value and currency in every event of the type that is optimized
 * for, and works for any type.  That event_time lies at most 7 days back is of Meta's
 * reference of the Conversions API.  The four numbers of values and events are known at
 * second hand only, and said to be so.  Snap's value with currency in every purchase is
 * of integrations that send to it.  Of other platforms nothing is known.
 *
 * Amounts of different currencies are never compared.  Figures are doubles: no rule is
 * finer.  Rows hold counts and amounts, and nothing of a person.
 *
 * Memory: one entry for each event type and currency, with at most DISTINCT_MAX numbers.
 * No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/result.h"
#include "destination/select.h"
#include "event/fields.h"
#include "event/stored.h"
#include "preview/eligibility.h"

/* Values are told apart up to that many: far more than a rule asks for. */
#define DISTINCT_MAX	100

/* What a rule is about. */
typedef enum Figure
{
	WITHOUT_VALUE,				/* events without value or currency, at most */
	DISTINCT_VALUES,			/* at least; from here on of one currency ... */
	NOT_ABOVE_ZERO,				/* values, at most */
	SPREAD,						/* the largest through the smallest, at least */
	EVENTS,						/* at least; ... and from here on of all */
	LATE						/* events that are too old for the platform, at most */
} Figure;

typedef struct Rule
{
	const char *format;
	uint64		types;			/* of events, bit by bit */
	Figure		figure;
	double		bound;
	const char *text;
	const char *source;
} Rule;

#define ANY_TYPE	ECAPI_ALL_EVENT_TYPES
#define ONLY(type)	(UINT64CONST(1) << ECAPI_EVENT_##type)
#define GUIDE		"Meta: Integration Guidance, Value Optimization"
#define TOLD		"Meta: eligibility for value optimization, at second hand"

static const Rule rules[] = {
	{"meta", ANY_TYPE, WITHOUT_VALUE, 0, "every event has value and currency", GUIDE},
	{"meta", ANY_TYPE, DISTINCT_VALUES, 5, "at least 5 different values", TOLD},
	{"meta", ANY_TYPE, NOT_ABOVE_ZERO, 0, "every value is above 0", TOLD},
	{"meta", ANY_TYPE, SPREAD, 3, "the largest value is at least 3 times the smallest", TOLD},
	{"meta", ANY_TYPE, EVENTS, 100, "at least 100 events in 7 days", TOLD},
	{"meta", ANY_TYPE, LATE, 0, "every event is sent within 7 days", "Meta: Conversions API, event_time"},
	{"snap", ONLY(purchase), WITHOUT_VALUE, 0, "every event has value and currency",
	"Snap: Conversions API, custom_data, at second hand"},
};

/* The values of an event type in one currency. */
typedef struct Amounts
{
	char		currency[4];
	double		distinct[DISTINCT_MAX]; /* rising */
	int			ndistinct;
	int64		not_above_zero;
	double		smallest;
	double		largest;
} Amounts;

typedef struct OfType
{
	int64		events;			/* that would be sent */
	int64		with_value;
	int64		late;
	List	   *amounts;		/* Amounts */
} OfType;

struct EcapiEligibility
{
	MemoryContext context;
	const char *format;
	OfType		types[ECAPI_EVENT_TYPES];
};

bool
ecapi_eligibility_is_known(const char *format)
{
	for (int i = 0; i < lengthof(rules); i++)
		if (strcmp(rules[i].format, format) == 0)
			return true;
	return false;
}

EcapiEligibility *
ecapi_eligibility_begin(const char *format)
{
	EcapiEligibility *eligibility = palloc0(sizeof(EcapiEligibility));

	eligibility->context = CurrentMemoryContext;
	eligibility->format = format;
	return eligibility;
}

/* ---- counting ---- */

static Amounts *
amounts_of(EcapiEligibility *eligibility, OfType *of_type, const char *currency)
{
	MemoryContext old;
	Amounts    *amounts;
	ListCell   *cell;

	foreach(cell, of_type->amounts)
	{
		amounts = lfirst(cell);
		if (strcmp(amounts->currency, currency) == 0)
			return amounts;
	}
	old = MemoryContextSwitchTo(eligibility->context);
	amounts = palloc0(sizeof(Amounts));
	strlcpy(amounts->currency, currency, sizeof(amounts->currency));
	of_type->amounts = lappend(of_type->amounts, amounts);
	MemoryContextSwitchTo(old);
	return amounts;
}

static void
add_amount(Amounts *amounts, double value)
{
	int			at = 0;

	if (amounts->ndistinct == 0 || value < amounts->smallest)
		amounts->smallest = value;
	if (amounts->ndistinct == 0 || value > amounts->largest)
		amounts->largest = value;
	amounts->not_above_zero += value <= 0;
	while (at < amounts->ndistinct && amounts->distinct[at] < value)
		at++;
	if (amounts->ndistinct == DISTINCT_MAX ||
		(at < amounts->ndistinct && amounts->distinct[at] == value))
		return;
	memmove(&amounts->distinct[at + 1], &amounts->distinct[at],
			sizeof(double) * (amounts->ndistinct - at));
	amounts->distinct[at] = value;
	amounts->ndistinct++;
}

void
ecapi_eligibility_add(EcapiEligibility *eligibility, const EcapiPreviewEvent *event)
{
	const char *currency;
	const EcapiValue *value;
	OfType	   *of_type;

	if (event->type < 0)
		return;
	of_type = &eligibility->types[event->type];
	if (event->decision == ECAPI_DECISION_FILTERED && event->reason != NULL &&
		strcmp(event->reason, ECAPI_REASON_EXPIRED) == 0)
		of_type->late++;
	if (event->decision != ECAPI_DECISION_SEND)
		return;
	of_type->events++;
	value = ecapi_stored_money(event->event, &currency);
	if (value == NULL)
		return;
	of_type->with_value++;
	add_amount(amounts_of(eligibility, of_type, currency), strtod(value->text, NULL));
}

/* ---- judging ---- */

/* The figure that a rule is about; amounts is NULL where it is about all currencies. */
static double
figure_of(const Rule *rule, const OfType *of_type, const Amounts *amounts)
{
	switch (rule->figure)
	{
		case WITHOUT_VALUE:
			return (double) (of_type->events - of_type->with_value);
		case DISTINCT_VALUES:
			return amounts->ndistinct;
		case NOT_ABOVE_ZERO:
			return (double) amounts->not_above_zero;
		case SPREAD:
			return amounts->smallest > 0 ? amounts->largest / amounts->smallest : 0;
		case EVENTS:
			return (double) of_type->events;
		case LATE:
			return (double) of_type->late;
	}
	return 0;
}

static bool
is_least(Figure figure)
{
	return figure == DISTINCT_VALUES || figure == SPREAD || figure == EVENTS;
}

static bool
is_of_one_currency(Figure figure)
{
	return figure == DISTINCT_VALUES || figure == NOT_ABOVE_ZERO || figure == SPREAD;
}

static Datum
two_decimals(double figure)
{
	return DirectFunctionCall2(numeric_round, DirectFunctionCall1(float8_numeric, Float8GetDatum(figure)),
							   Int32GetDatum(2));
}

static void
put_row(const Rule *rule, int type, const OfType *of_type, const Amounts *amounts, bool whole,
		ReturnSetInfo *result)
{
	double		figure = figure_of(rule, of_type, amounts);
	bool		met = is_least(rule->figure) ? figure >= rule->bound : figure <= rule->bound;
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = CStringGetTextDatum(rule->format);
	values[1] = ecapi_result_text(ecapi_event_type_name(type), &nulls[1]);
	values[2] = ecapi_result_text(amounts == NULL ? NULL : amounts->currency, &nulls[2]);
	values[3] = CStringGetTextDatum(rule->text);
	values[4] = DirectFunctionCall1(numeric_trim_scale, two_decimals(figure));
	values[5] = BoolGetDatum(met);
	/* in a part of the week there may be too few, and enough in all of it */
	nulls[5] = rule->figure == EVENTS && !met && !whole;
	values[6] = CStringGetTextDatum(rule->source);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static int
compare_currencies(const ListCell *a, const ListCell *b)
{
	return strcmp(((Amounts *) lfirst(a))->currency, ((Amounts *) lfirst(b))->currency);
}

/* The rows of a rule for an event type. */
static int
put_rule(const Rule *rule, int type, const OfType *of_type, bool whole, ReturnSetInfo *result)
{
	ListCell   *cell;

	if (!is_of_one_currency(rule->figure))
	{
		put_row(rule, type, of_type, NULL, whole, result);
		return 1;
	}
	foreach(cell, of_type->amounts)
		put_row(rule, type, of_type, lfirst(cell), whole, result);
	return list_length(of_type->amounts);
}

int
ecapi_eligibility_put(EcapiEligibility *eligibility, bool whole, ReturnSetInfo *result)
{
	int			n = 0;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		OfType	   *of_type = &eligibility->types[type];

		if (of_type->with_value == 0)
			continue;
		list_sort(of_type->amounts, compare_currencies);
		for (int i = 0; i < lengthof(rules); i++)
			if (strcmp(rules[i].format, eligibility->format) == 0 &&
				(rules[i].types & (UINT64CONST(1) << type)) != 0)
				n += put_rule(&rules[i], type, of_type, whole, result);
	}
	return n;
}

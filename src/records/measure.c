/*
 * measure.c
 *	  What was measured of the values of destinations: ecapi.value_measure.
 *
 * A row says where the quantiles of one event type and currency lie.  It is about the
 * values that one value_field gives, for one value_transform; after either option has
 * changed it is no measurement any more, and the destination has none until it is
 * measured again.  So the worker and a preview, which both give options what was
 * measured for them by ecapi_measure_give(), cannot apply one to the other.
 *
 * A measurement replaces the one before in the caller's transaction.  Rows hold amounts
 * that stand for ten events or more, and nothing of a person.
 *
 * Locks: rows, until the transaction ends.  Two sessions that measure the same destination
 * write the rows in one order, so the second waits for the first and then counts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "event/event_type.h"
#include "records/measure.h"

static EcapiStatement load_rows = {
	"SELECT destination, value_field, value_transform, measured_at, event_type, currency,"
	" bounds::pg_catalog.text[], amounts::pg_catalog.text[] FROM ecapi.value_measure"
	" WHERE $1 IS NULL OR destination OPERATOR(pg_catalog.=) $1"
	" ORDER BY destination, event_type, currency",
	1, {NAMEOID}, NULL
};

static EcapiStatement upsert_row = {
	"INSERT INTO ecapi.value_measure (destination, event_type, currency, value_field,"
	" value_transform, since, measured_at, events, bounds, amounts)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (destination, event_type, currency) DO UPDATE SET"
	" value_field = excluded.value_field, value_transform = excluded.value_transform,"
	" since = excluded.since, measured_at = excluded.measured_at, events = excluded.events,"
	" bounds = excluded.bounds, amounts = excluded.amounts",
	10, {NAMEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
	NUMERICARRAYOID, NUMERICARRAYOID}, NULL
};

static EcapiStatement delete_others = {
	"DELETE FROM ecapi.value_measure WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND measured_at OPERATOR(pg_catalog.<>) $2",
	2, {NAMEOID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement rename_rows = {
	"UPDATE ecapi.value_measure SET destination = $2"
	" WHERE destination OPERATOR(pg_catalog.=) $1",
	2, {NAMEOID, NAMEOID}, NULL
};

static EcapiStatement end_rows = {
	"DELETE FROM ecapi.value_measure WHERE destination OPERATOR(pg_catalog.=) $1",
	1, {NAMEOID}, NULL
};

/* ---- reading ---- */

/* The texts of an array column of a row, in the current context; NULL: it is null. */
static char **
texts_of(uint64 row, int column, int *n)
{
	ArrayType  *array;
	Datum	   *elements;
	char	  **texts;

	*n = 0;
	if (ecapi_column_is_null(row, column))
		return NULL;
	array = DatumGetArrayTypeP(ecapi_column_datum(row, column));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = TextDatumGetCString(elements[i]);
	return texts;
}

static void
take_kind(EcapiMeasuredKind *kind, int type, uint64 row)
{
	int			nbounds;
	int			namounts;
	char	  **bounds = texts_of(row, 7, &nbounds);
	char	  **amounts = texts_of(row, 8, &namounts);
	double	   *numbers = palloc(sizeof(double) * Max(nbounds, 1));

	for (int i = 0; i < nbounds; i++)
		numbers[i] = strtod(bounds[i], NULL);
	kind->type = type;
	strlcpy(kind->currency, TextDatumGetCString(ecapi_column_datum(row, 6)),
			sizeof(kind->currency));
	kind->nbounds = nbounds;
	kind->bounds = numbers;
	kind->namounts = namounts;
	kind->amounts = (const char *const *) amounts;
}

/* The measurement of the destination that a row is of, the last of the list or a new one. */
static EcapiMeasurement *
measurement_of(List **all, const char *destination, uint64 row, uint64 nrows)
{
	EcapiMeasurement *last = *all == NIL ? NULL : llast(*all);

	if (last != NULL && strcmp(last->destination, destination) == 0)
		return last;
	last = palloc0(sizeof(EcapiMeasurement));
	last->destination = pstrdup(destination);
	last->value_field = TextDatumGetCString(ecapi_column_datum(row, 2));
	last->transform = TextDatumGetCString(ecapi_column_datum(row, 3));
	last->measured_at = ecapi_column_time(row, 4);
	last->measured.kinds = palloc0(sizeof(EcapiMeasuredKind) * (nrows - row));
	*all = lappend(*all, last);
	return last;
}

List *
ecapi_measure_load(const char *destination, MemoryContext context)
{
	/* what this transaction has renamed is to be seen, too */
	uint64		n = ecapi_execute(&load_rows, ecapi_arg_name(destination));
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *all = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = TextDatumGetCString(ecapi_column_datum(i, 5));
		int			type = ecapi_event_type_lookup(name, strlen(name));
		EcapiMeasurement *of = measurement_of(&all, ecapi_column_name(i, 1), i, n);

		if (type >= 0)
			take_kind((EcapiMeasuredKind *) &of->measured.kinds[of->measured.nkinds++], type, i);
	}
	MemoryContextSwitchTo(old);
	return all;
}

/* NULL: there is none. */
static const EcapiMeasurement *
find_measurement(const char *destination, const List *all)
{
	ListCell   *cell;

	foreach(cell, all)
		if (strcmp(((EcapiMeasurement *) lfirst(cell))->destination, destination) == 0)
			return lfirst(cell);
	return NULL;
}

TimestampTz
ecapi_measure_at(const char *destination, const List *all)
{
	const EcapiMeasurement *found = find_measurement(destination, all);

	return found == NULL ? 0 : found->measured_at;
}

static void
copy_kind(EcapiMeasuredKind *to, const EcapiMeasuredKind *from)
{
	double	   *bounds = palloc(sizeof(double) * Max(from->nbounds, 1));
	char	  **amounts = palloc(sizeof(char *) * Max(from->namounts, 1));

	*to = *from;
	memcpy(bounds, from->bounds, sizeof(double) * from->nbounds);
	to->bounds = bounds;
	for (int i = 0; i < from->namounts; i++)
		amounts[i] = pstrdup(from->amounts[i]);
	to->amounts = (const char *const *) amounts;
}

void
ecapi_measure_give(EcapiOptions *options, const char *destination, const List *all)
{
	const EcapiMeasurement *found = find_measurement(destination, all);
	char		transform[ECAPI_TRANSFORM_SIZE];
	EcapiMeasuredKind *kinds;
	EcapiMeasured *measured;

	if (found == NULL || !ecapi_transform_is_measured(options->transform))
		return;
	ecapi_transform_print(options->transform, transform);
	if (strcmp(found->transform, transform) != 0 ||
		strcmp(found->value_field, ecapi_measure_field(options)) != 0)
		return;
	measured = palloc(sizeof(EcapiMeasured));
	kinds = palloc(sizeof(EcapiMeasuredKind) * Max(found->measured.nkinds, 1));
	for (int i = 0; i < found->measured.nkinds; i++)
		copy_kind(&kinds[i], &found->measured.kinds[i]);
	measured->nkinds = found->measured.nkinds;
	measured->kinds = kinds;
	options->measured = measured;
}

const char *
ecapi_measure_field(const EcapiOptions *options)
{
	return options->value_field == NULL || strcmp(options->value_field, "value") == 0 ? ""
		: options->value_field;
}

/* ---- writing ---- */

void
ecapi_measure_replace(const EcapiMeasurement *head, TimestampTz since,
					  const EcapiMeasureRow *rows, int n)
{
	NullableDatum destination = ecapi_arg_name(head->destination);

	for (int i = 0; i < n; i++)
	{
		const EcapiMeasureRow *row = &rows[i];

		ecapi_execute(&upsert_row, destination, ecapi_arg_text(ecapi_event_type_name(row->type)),
					  ecapi_arg_text(row->currency), ecapi_arg_text(head->value_field),
					  ecapi_arg_text(head->transform), ecapi_arg_time(since),
					  ecapi_arg_time(head->measured_at), ecapi_arg_int8(row->events),
					  ecapi_arg_null_if(row->bounds == 0, row->bounds),
					  ecapi_arg_null_if(row->amounts == 0, row->amounts));
	}
	ecapi_execute(&delete_others, destination, ecapi_arg_time(head->measured_at));
}

void
ecapi_measure_rename(const char *from, const char *to)
{
	ecapi_execute(&rename_rows, ecapi_arg_name(from), ecapi_arg_name(to));
}

void
ecapi_measure_end(const char *destination)
{
	ecapi_execute(&end_rows, ecapi_arg_name(destination));
}

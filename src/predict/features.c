/*
 * features.c
 *	  What a shop's own function says of customers, as columns beside those of the orders.
 *
 * The function is called once, in a cursor, so that its rows are in memory page by page.
 * The customer of a row is found by its key, by which customers of a span are sorted.  Of a
 * category each text is kept once.
 *
 * What a row says is taken as known at the first order: whether it was is the shop's to
 * see to, because nothing in a value tells.
 *
 * No locks of its own; no value of a row reaches a message.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "predict/control.h"
#include "predict/features.h"

/* Rows of a page. */
#define FETCH	1000

/* A text of a category; what is longer is one of "other" texts to the design, cut or not. */
#define TEXT_SIZE	(ECAPI_DESIGN_TEXT + 4)

/* What a column of the result is. */
typedef enum Kind
{
	KIND_CUSTOMER,
	KIND_NUMERIC,
	KIND_CATEGORY
} Kind;

typedef struct Reading
{
	const EcapiOrders *span;
	EcapiFeatures *features;
	MemoryContext context;		/* of the result */
	HTAB	   *known;			/* texts of categories */
	bool	   *seen;			/* customers that had a row */
	Kind	   *kinds;			/* a column each */
} Reading;

/* ---- the function and its columns ---- */

/* The call, as SQL; raises when the function is not one of rows without arguments. */
static char *
call_of(Oid function, EcapiFeatures *features)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	char	   *sql;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	features->function = MemoryContextStrdup(CurrentMemoryContext,
											 quote_qualified_identifier(get_namespace_name(proc->pronamespace),
																		NameStr(proc->proname)));
	if (proc->prokind != PROKIND_FUNCTION || proc->pronargs > 0 || !proc->proretset)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is no function of features", features->function),
				 errdetail("Features come from a function without arguments that returns rows."),
				 errhint("Write it as RETURNS TABLE (customer text, channel text, ...).")));
	sql = psprintf("SELECT * FROM %s()", features->function);
	ReleaseSysCache(tuple);
	return sql;
}

static Kind
kind_of(const char *name, Oid type)
{
	char		category;
	bool		preferred;

	if (strcmp(name, "customer") == 0)
		return KIND_CUSTOMER;
	get_type_category_preferred(getBaseType(type), &category, &preferred);
	return category == TYPCATEGORY_NUMERIC || category == TYPCATEGORY_BOOLEAN
		? KIND_NUMERIC : KIND_CATEGORY;
}

static void
refuse_columns(const EcapiFeatures *features, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the columns that %s returns are no features", features->function),
			 errdetail("%s", detail),
			 errhint("Write it as RETURNS TABLE (customer text, channel text, ...).")));
}

/* What each column is; names are copied. */
static void
look_at_columns(Reading *reading, TupleDesc desc)
{
	EcapiFeatures *features = reading->features;
	int			customers = 0;

	reading->kinds = MemoryContextAlloc(reading->context, sizeof(Kind) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		reading->kinds[i] = kind_of(name, TupleDescAttr(desc, i)->atttypid);
		name = MemoryContextStrdup(reading->context, name);
		switch (reading->kinds[i])
		{
			case KIND_CUSTOMER:
				customers++;
				break;
			case KIND_NUMERIC:
				if (features->numerics == ECAPI_FEATURES_NUMERIC)
					refuse_columns(features, "There are more than 24 columns of numbers.");
				features->numeric[features->numerics++] = name;
				break;
			case KIND_CATEGORY:
				if (features->categories == ECAPI_FEATURES_CATEGORIES)
					refuse_columns(features, "There are more than 16 columns of texts.");
				features->category[features->categories++] = name;
				break;
		}
	}
	StaticAssertStmt(ECAPI_FEATURES_NUMERIC == 24 && ECAPI_FEATURES_CATEGORIES == 16,
					 "the messages above say these numbers");
	if (customers != 1)
		refuse_columns(features, "None of them is called \"customer\".");
	if (features->numerics + features->categories == 0)
		refuse_columns(features, "There is none but \"customer\".");
}

/* Room for all customers, of whom nothing is known yet. */
static void
make_room(Reading *reading)
{
	EcapiFeatures *features = reading->features;
	size_t		n = reading->span->n;
	HASHCTL		texts = {.keysize = TEXT_SIZE, .entrysize = TEXT_SIZE, .hcxt = reading->context};

	features->numbers = ecapi_control_array(n, Max(features->numerics, 1) * sizeof(double));
	features->texts = ecapi_control_array(n, Max(features->categories, 1) * sizeof(char *));
	reading->seen = ecapi_control_array(n, sizeof(bool));
	for (size_t i = 0; i < n * features->numerics; i++)
		features->numbers[i] = NAN;
	reading->known = hash_create("ecapi features", 256, &texts,
								 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* ---- rows ---- */

static int
compare_customer(const void *key, const void *customer)
{
	return strcmp(key, ((const EcapiSpanCustomer *) customer)->key);
}

/* The number of a value; NaN: there is none, as of an infinite one. */
static double
number_of(Datum value, Oid type)
{
	Oid			output;
	bool		varlena;
	char	   *text;
	char	   *end;
	double		number;

	if (getBaseType(type) == BOOLOID)
		return DatumGetBool(value) ? 1 : 0;
	getTypeOutputInfo(type, &output, &varlena);
	text = OidOutputFunctionCall(output, value);
	number = strtod(text, &end);
	/* money, an alias of OIDs and the like are no plain numbers: then nothing is known */
	if (end == text || *end != '\0' || !isfinite(number))
		number = NAN;
	pfree(text);
	return number;
}

/* The one copy of a text. */
static const char *
text_of(Reading *reading, Datum value, Oid type)
{
	char		key[TEXT_SIZE];
	Oid			output;
	bool		varlena;
	bool		found;

	getTypeOutputInfo(type, &output, &varlena);
	strlcpy(key, OidOutputFunctionCall(output, value), sizeof(key));
	return hash_search(reading->known, key, HASH_ENTER, &found);
}

static void
take_row(Reading *reading, HeapTuple row, TupleDesc desc)
{
	EcapiFeatures *features = reading->features;
	const EcapiSpanCustomer *customer = NULL;
	double		numbers[ECAPI_FEATURES_NUMERIC];
	const char *texts[ECAPI_FEATURES_CATEGORIES];
	int			nnumbers = 0;
	int			ntexts = 0;
	size_t		place;

	for (int i = 0; i < desc->natts; i++)
	{
		Oid			type = TupleDescAttr(desc, i)->atttypid;
		bool		isnull;
		Datum		value = SPI_getbinval(row, desc, i + 1, &isnull);

		if (reading->kinds[i] == KIND_NUMERIC)
			numbers[nnumbers++] = isnull ? NAN : number_of(value, type);
		else if (reading->kinds[i] == KIND_CATEGORY)
			texts[ntexts++] = isnull ? NULL : text_of(reading, value, type);
		else if (!isnull)
			customer = bsearch(SPI_getvalue(row, desc, i + 1), reading->span->customers, reading->span->n,
							   sizeof(EcapiSpanCustomer), compare_customer);
	}
	if (customer == NULL)
		return;
	place = customer - reading->span->customers;
	if (reading->seen[place])
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%s returns a customer twice", features->function),
				 errhint("Return a row for each, by GROUP BY or DISTINCT ON.")));
	reading->seen[place] = true;
	features->known++;
	memcpy(features->numbers + place * nnumbers, numbers, nnumbers * sizeof(double));
	memcpy(features->texts + place * ntexts, texts, ntexts * sizeof(char *));
}

static Portal
open_rows(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not prepare the call of features: %s",
						SPI_result_code_string(SPI_result))));
	return SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

void
ecapi_features_read(Oid function, const EcapiOrders *span, EcapiFeatures *features)
{
	Reading		reading = {.span = span, .features = features, .context = CurrentMemoryContext};
	MemoryContext page;
	Portal		portal;

	memset(features, 0, sizeof(*features));
	if (!OidIsValid(function))
		return;
	portal = open_rows(call_of(function, features));
	look_at_columns(&reading, portal->tupDesc);
	make_room(&reading);
	page = AllocSetContextCreate(CurrentMemoryContext, "ecapi features", ALLOCSET_DEFAULT_SIZES);
	do
	{
		MemoryContext old;

		SPI_cursor_fetch(portal, true, FETCH);
		old = MemoryContextSwitchTo(page);
		for (uint64 row = 0; row < SPI_processed; row++)
			take_row(&reading, SPI_tuptable->vals[row], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(old);
		MemoryContextReset(page);
		SPI_freetuptable(SPI_tuptable);
		ecapi_control_check(false);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextDelete(page);
}

const double *
ecapi_features_numbers(const EcapiFeatures *features, size_t customer)
{
	return features->numerics == 0 ? NULL : features->numbers + customer * features->numerics;
}

const char *const *
ecapi_features_texts(const EcapiFeatures *features, size_t customer)
{
	return features->categories == 0 ? NULL
		: (const char *const *) features->texts + customer * features->categories;
}

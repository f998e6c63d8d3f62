/*
 * suggest_source.c
 *	  Does a column fit a field, and how is it written as its source?
 *
 * A column that fits as it is stands by its name, or by its foreign-key path.
 * SQL is written only where a value must be changed: local times, dates and
 * minor units.  What is assumed then is said in a NOTICE.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "capture/datum.h"
#include "capture/suggest_internal.h"

static bool
is_text(Oid type)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM;
}

static bool
is_whole_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Is the field of that path a list?  Inside an ext there are none. */
static bool
takes_many(const char *path)
{
	const EcapiField *field = ecapi_field_named(path, strlen(path));

	return field != NULL && field->cardinality == ECAPI_MANY;
}

static bool
fits_class(EcapiSuggestClass class, const char *path, Oid type)
{
	Oid			element = get_element_type(type);

	switch (class)
	{
		case ECAPI_SUGGEST_TEXT:
			return is_text(OidIsValid(element) && takes_many(path) ?
						   getBaseType(element) : type);
		case ECAPI_SUGGEST_IDENTIFIER:
		case ECAPI_SUGGEST_PRIMARY_KEY:
			return is_text(type) || is_whole_number(type) || type == NUMERICOID ||
				type == UUIDOID;
		case ECAPI_SUGGEST_NETWORK:
			return is_text(type) || type == INETOID;
		case ECAPI_SUGGEST_MONEY:
			return is_whole_number(type) || type == NUMERICOID || type == FLOAT4OID ||
				type == FLOAT8OID;
		case ECAPI_SUGGEST_TIME:

			/*
			 * A whole number of four bytes can only be seconds; one of eight
			 * could be milliseconds as well, so it is not taken.
			 */
			return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID ||
				type == INT4OID;
		case ECAPI_SUGGEST_DATE:
			return type == DATEOID;
		case ECAPI_SUGGEST_INTEGER:
			return is_whole_number(type);
		case ECAPI_SUGGEST_BOOLEAN:
			return type == BOOLOID;
		case ECAPI_SUGGEST_SECTIONS:
			return is_whole_number(OidIsValid(element) ? element : type);
		case ECAPI_SUGGEST_JSON:
			return type == JSONOID || type == JSONBOID;
	}
	return false;
}

/*
 * A class is narrower than what a field can take: a number is a text, too, but
 * a numeric column named "email" is no email address.
 */
bool
ecapi_suggest_fits(EcapiSuggestClass class, const char *path, Oid type)
{
	const EcapiField *field = ecapi_field_named(path, strlen(path));
	EcapiDatumForm form;
	const char *message;
	const char *hint;

	if (!fits_class(class, path, type))
		return false;
	/* A time may need SQL to fit, and a fragment is no field. */
	if (class == ECAPI_SUGGEST_TIME || class == ECAPI_SUGGEST_JSON)
		return true;
	return ecapi_datum_fits(field, ecapi_datum_type(type, -1, CurrentMemoryContext), "",
							&form, &message, &hint);
}

const EcapiSuggestSource *
ecapi_suggest_source_of(const EcapiSuggestion *search, const char *path)
{
	ListCell   *cell;

	foreach(cell, search->sources)
	{
		const EcapiSuggestSource *source = lfirst(cell);

		if (strcmp(source->path, path) == 0)
			return source;
	}
	return NULL;
}

/* A name in a path: quoted unless it is one in lower case; any word may be. */
static const char *
quote_step(const char *name)
{
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) &&
		!(name[0] >= '0' && name[0] <= '9'))
		return name;
	return quote_identifier(name);
}

/* A column alone stands by its exact name, whatever that is. */
const char *
ecapi_suggest_plain(const EcapiSuggestTable *table, const EcapiSuggestColumn *column)
{
	return table->through == NULL ? column->name :
		psprintf("%s.%s", quote_step(table->through), quote_step(column->name));
}

/* A time as a moment; UTC where the column does not say. */
const char *
ecapi_suggest_time(const EcapiSuggestColumn *column)
{
	const char *name = quote_identifier(column->name);

	if (column->type == TIMESTAMPTZOID || column->type == INT4OID)
		return column->name;
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("column \"%s\" is assumed to be in UTC", column->name),
			 errhint("If it is not, name its time zone in the mapping.")));
	if (column->type == DATEOID)
		return psprintf("new.%s::pg_catalog.timestamp AT TIME ZONE 'UTC'", name);
	return psprintf("new.%s AT TIME ZONE 'UTC'", name);
}

/* An own column of one of the rule's names that counts minor units. */
const EcapiSuggestColumn *
ecapi_suggest_minor(const EcapiSuggestTable *table, const char *name)
{
	static const char *const endings[] = {
		"_cents", "_in_cents", "_minor", "_pence", "_minor_units"
	};

	for (int i = 0; i < lengthof(endings); i++)
	{
		char	   *folded = psprintf("%s%s", name, endings[i]);
		const EcapiSuggestColumn *column = ecapi_suggest_column(table, folded);

		pfree(folded);
		if (column != NULL && (is_whole_number(column->type) || column->type == NUMERICOID))
			return column;
	}
	return NULL;
}

/* The currency as an argument of ecapi.major(); NULL: no own column has it. */
static const char *
currency_argument(const EcapiSuggestion *search)
{
	const EcapiSuggestSource *currency = ecapi_suggest_source_of(search, "currency_code");
	const EcapiSuggestTable *own = linitial(search->tables);

	for (int i = 0; i < own->ncolumns; i++)
	{
		const EcapiSuggestColumn *column = &own->columns[i];

		if (strcmp(column->name, currency->text) == 0)
			return psprintf("new.%s%s", quote_identifier(column->name),
							type_is_enum(column->type) ? "::pg_catalog.text" : "");
	}
	return NULL;
}

/*
 * An amount of money; NULL: left out, with a NOTICE.  Minor units need the
 * currency in SQL, and a function that SQL on a superuser's table cannot call.
 */
const char *
ecapi_suggest_money(const EcapiSuggestion *search, const EcapiSuggestColumn *column, bool minor)
{
	const char *name = quote_identifier(column->name);
	const char *currency;

	if (!minor)
	{
		if (is_whole_number(column->type))
			ereport(NOTICE,
					(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
					 errmsg("column \"%s\" is assumed to count whole units of the currency",
							column->name),
					 errhint("If it counts cents, map it as \"ecapi.major(new.%s, currency)\".",
							 name)));
		return column->name;
	}
	currency = currency_argument(search);
	if (currency != NULL && !search->superuser)
		return psprintf("ecapi.major(new.%s, %s)", name, currency);
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("column \"%s\" is left out because it counts minor units", column->name),
			 search->superuser
			 ? errdetail("SQL on a superuser's table cannot call ecapi.major().")
			 : errdetail("The currency is not a column of the same table."),
			 search->superuser
			 ? errhint("Let a role that is no superuser own the table; or, if every currency in it has two decimals, map \"new.%s / 100.0\".",
					   name)
			 : errhint("Map it as \"ecapi.major(new.%s, currency)\", with SQL that gives the currency.",
					   name)));
	return NULL;
}

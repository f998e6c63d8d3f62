/*
 * suggest_source.c
 *	  Whether a column fits a field, and how it is written as its source.
 *
 * A column that fits as it is stands by its name, or by its foreign-key path.
 * SQL is written only where a value must be changed: local times, dates and
 * minor units.  A NOTICE names what is assumed then.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/run_as.h"
#include "rowsql/fits.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

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

/* Whether the field of that path is a list; inside an ext there are none. */
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
		case ECAPI_SUGGEST_CODES:
			return is_text(OidIsValid(element) && takes_many(path) ?
						   getBaseType(element) : type);
		case ECAPI_SUGGEST_IDENTIFIER:
		case ECAPI_SUGGEST_PRIMARY_KEY:
		case ECAPI_SUGGEST_PERSON_KEY:
			return is_text(type) || is_whole_number(type) || type == NUMERICOID ||
				type == UUIDOID;
		case ECAPI_SUGGEST_NETWORK:
			return is_text(type) || type == INETOID;
		case ECAPI_SUGGEST_MONEY:
		case ECAPI_SUGGEST_ESTIMATE:
			return is_whole_number(type) || type == NUMERICOID || type == FLOAT4OID ||
				type == FLOAT8OID;
		case ECAPI_SUGGEST_TIME:
		case ECAPI_SUGGEST_CREATION:

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
		case ECAPI_SUGGEST_PAIR:
		case ECAPI_SUGGEST_JSON_KEY:
		case ECAPI_SUGGEST_PERSON_REFERENCE:
			break;				/* asked for by other means */
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
	if (class == ECAPI_SUGGEST_TIME || class == ECAPI_SUGGEST_CREATION ||
		class == ECAPI_SUGGEST_JSON)
		return true;
	return ecapi_datum_fits(field, ecapi_datum_type(type, -1, CurrentMemoryContext), "",
							&form, &message, &hint);
}

const EcapiSuggestColumn *
ecapi_suggest_fitting(const EcapiSuggestTable *table, EcapiSuggestClass class,
					  const char *path, const char *const *names)
{
	for (; *names; names++)
	{
		const EcapiSuggestColumn *column = ecapi_suggest_column(table, *names);

		if (column != NULL && ecapi_suggest_fits(class, path, column->type))
			return column;
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

/* The steps to a table, each followed by a point; "" for the table itself. */
static const char *
steps_to(const EcapiSuggestTable *table)
{
	return table->from == NULL ? "" :
		psprintf("%s%s.", steps_to(table->from), quote_step(table->through->name));
}

/* A column alone stands by its exact name, whatever that is. */
const char *
ecapi_suggest_plain(const EcapiSuggestTable *table, const EcapiSuggestColumn *column)
{
	return table->from == NULL ? column->name :
		psprintf("%s%s", steps_to(table), quote_step(column->name));
}

/* A time as a moment; UTC where the column does not say. */
const char *
ecapi_suggest_time(EcapiSuggestion *search, const EcapiSuggestColumn *column)
{
	const char *name = quote_identifier(column->name);

	if (column->type == TIMESTAMPTZOID || column->type == INT4OID)
		return column->name;
	ecapi_suggest_notice(search,
						 psprintf("column \"%s\" is assumed to be in UTC", column->name), NULL,
						 "If it is not, name its time zone in the mapping.");
	if (column->type == DATEOID)
		return psprintf("new.%s::pg_catalog.timestamp AT TIME ZONE 'UTC'", name);
	return psprintf("new.%s AT TIME ZONE 'UTC'", name);
}

/* Codes as a list; ecapi_suggest_fits() has seen that they are texts. */
const char *
ecapi_suggest_codes(const EcapiSuggestColumn *column)
{
	if (OidIsValid(get_element_type(column->type)))
		return column->name;
	return psprintf("pg_catalog.string_to_array(new.%s%s, ',')", quote_identifier(column->name),
					type_is_enum(column->type) ? "::pg_catalog.text" : "");
}

/*
 * What stands in an own column of jsonb: name is "column.key", or with more
 * keys, and path a number or a text.  NULL: there is no such column.
 */
const char *
ecapi_suggest_json_key(EcapiSuggestion *search, const char *path, const char *name)
{
	char	   *keys = pstrdup(name);
	char	   *key = strchr(keys, '.');
	const EcapiSuggestColumn *column;
	const char *text;

	*key++ = '\0';
	column = ecapi_suggest_column(linitial(search->tables), keys);
	if (column == NULL || (column->type != JSONBOID && column->type != JSONOID))
		return NULL;
	ecapi_suggest_notice(search,
						 psprintf("\"%s\" is assumed to be under \"%s\" in column \"%s\"",
								  path, key, column->name),
						 NULL, "If it is not, map what is.");
	text = psprintf("new.%s", quote_identifier(column->name));
	while (key != NULL)
	{
		char	   *next = strchr(key, '.');

		if (next != NULL)
			*next++ = '\0';
		text = psprintf("%s %s '%s'", text, next != NULL ? "->" : "->>", key);
		key = next;
	}
	return strcmp(path, "value") == 0 ? psprintf("(%s)::pg_catalog.numeric", text) : text;
}

/* A column of a table of one of the rule's names that counts minor units. */
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

/* A column as an argument of ecapi.major(), behind a prefix. */
static const char *
text_argument(const char *prefix, const EcapiSuggestColumn *column)
{
	return psprintf("%s%s%s", prefix, quote_identifier(column->name),
					type_is_enum(column->type) ? "::pg_catalog.text" : "");
}

const EcapiSuggestColumn *
ecapi_suggest_column_of_source(const EcapiSuggestion *search, const char *text,
							   const EcapiSuggestTable **table)
{
	ListCell   *cell;

	foreach(cell, search->tables)
	{
		*table = lfirst(cell);
		for (int i = 0; i < (*table)->ncolumns; i++)
			if (strcmp(ecapi_suggest_plain(*table, &(*table)->columns[i]), text) == 0)
				return &(*table)->columns[i];
	}
	return NULL;
}

/* Reads what over a row that the tracked one refers to by one foreign key. */
static const char *
sub_select(const EcapiSuggestTable *table, const char *what)
{
	const EcapiSuggestColumn *key = ecapi_suggest_column_numbered(table, table->key);
	const char *name = quote_identifier(get_rel_name(table->relid));

	return psprintf("(SELECT %s FROM %s.%s WHERE %s.%s = new.%s)", what,
					quote_identifier(get_namespace_name(get_rel_namespace(table->relid))),
					name, name, quote_identifier(key->name),
					quote_identifier(table->through->name));
}

/*
 * Minor units as an amount: SQL that calls ecapi.major() with the currency.
 * NULL: the currency is too far away.
 */
static const char *
major_units(const EcapiSuggestion *search, const EcapiSuggestTable *table,
			const EcapiSuggestColumn *column)
{
	const EcapiSuggestSource *source = ecapi_suggest_source_of(search, "currency_code");
	const EcapiSuggestTable *where;
	const EcapiSuggestColumn *currency = ecapi_suggest_column_of_source(search, source->text, &where);
	const char *name = quote_identifier(column->name);

	if (currency == NULL)
		return NULL;
	if (table->from == NULL && where->from == NULL)
		return psprintf("ecapi.major(new.%s, %s)", name, text_argument("new.", currency));
	/* what runs as a superuser has no sub-selects */
	if (search->superuser || where->from == NULL || where->from->from != NULL)
		return NULL;
	if (table->from == NULL)
		return psprintf("ecapi.major(new.%s, %s)", name,
						sub_select(where, text_argument("", currency)));
	if (table != where)
		return NULL;
	return sub_select(table, psprintf("ecapi.major(%s, %s)", name, text_argument("", currency)));
}

/*
 * An amount of money; NULL: left out, with a NOTICE.  A whole number is money
 * in minor units far more often than in whole ones, but for an estimate.
 * Minor units need the currency in SQL.
 */
const char *
ecapi_suggest_money(EcapiSuggestion *search, const EcapiSuggestTable *table,
					const EcapiSuggestColumn *column, EcapiSuggestClass class, bool minor)
{
	const char *name = quote_identifier(column->name);
	bool		assumed = !minor && is_whole_number(column->type) &&
		class != ECAPI_SUGGEST_ESTIMATE;
	const char *text;

	if (!minor && !assumed)
		return ecapi_suggest_plain(table, column);
	text = major_units(search, table, column);
	if (text != NULL && assumed)
		ecapi_suggest_notice(search,
							 psprintf("column \"%s\" is assumed to count minor units of the currency",
									  column->name),
							 NULL,
							 psprintf("If it counts whole units, map it as \"%s\".",
									  ecapi_suggest_plain(table, column)));
	if (text != NULL)
		return text;
	ecapi_suggest_notice(search,
						 psprintf("column \"%s\" is left out because it counts minor units",
								  column->name),
						 "The currency is not a column of the same table.",
						 search->superuser ?
						 ecapi_run_as_hint("Let a role that is no superuser own the table") :
						 psprintf("Map it as \"ecapi.major(new.%s, currency)\", with SQL that gives the currency.",
								  name));
	return NULL;
}

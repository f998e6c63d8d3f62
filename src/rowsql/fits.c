/*
 * fits.c
 *	  Which types of SQL a field of an event can take, and in which form.
 *
 * This is asked when a track is declared, so that a mapping that could never
 * give a valid event is refused at once.  It follows
 * validate.c: refused here is what validation would refuse or leave out
 * whatever the value.  What depends on the value (a text that is no URL, json
 * that may hold anything) is accepted here.  Beyond that are refused
 *	- a text for a timestamp: it would be read without knowing its form;
 *	- money: its digits behind the point are the locale's, not the value's.
 *
 * A field that holds an array takes a scalar, too, for an array of one.
 *
 * Messages and hints quote types and the mapping's own words, no values.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "rowsql/fits.h"

typedef struct Fit
{
	const EcapiField *field;
	const EcapiDatumType *type;	/* of an array its element's */
	bool		is_array;
	const char *source;
	EcapiDatumForm form;
	const char *message;		/* NULL: fits */
	const char *hint;
} Fit;

/* ---- hints ---- */

typedef enum SourceShape
{
	SOURCE_COLUMN,				/* status */
	SOURCE_REFERENCE,			/* new.status */
	SOURCE_PATH,				/* customer_id.email */
	SOURCE_SQL
} SourceShape;

/* Whether the text mentions the row, as SQL does. */
static bool
mentions_row(const char *source)
{
	for (const char *at = source; *at; at++)
	{
		if (pg_strncasecmp(at, "new.", 4) == 0 || pg_strncasecmp(at, "old.", 4) == 0)
			return true;
	}
	return false;
}

/* A guess that is good enough for a hint; expression.c knows it. */
static SourceShape
shape_of(const char *source)
{
	if (mentions_row(source))
		return strpbrk(source, " ()'+-*/|<>=[]:,") == NULL &&
			strrchr(source, '.') == source + 3 ? SOURCE_REFERENCE : SOURCE_SQL;
	if (strpbrk(source, "()'") != NULL)
		return SOURCE_SQL;
	return strchr(source, '.') ? SOURCE_PATH : SOURCE_COLUMN;
}

/* The source as an operand in SQL over new and old; NULL for a path. */
static const char *
operand(const Fit *fit)
{
	switch (shape_of(fit->source))
	{
		case SOURCE_COLUMN:
			return psprintf("new.%s", fit->source[0] == '"' ? fit->source :
							quote_identifier(fit->source));
		case SOURCE_REFERENCE:
			return fit->source;
		case SOURCE_PATH:
			return NULL;
		case SOURCE_SQL:
			break;
	}
	return psprintf("(%s)", fit->source);
}

/*
 * 'Write "new.total::numeric".'  Of the types that are texts to us only real
 * texts have such casts.
 */
static const char *
hint_cast(const Fit *fit, const char *type)
{
	const char *sql = operand(fit);
	const char *brackets = fit->is_array ? "[]" : "";

	if (fit->type->kind == ECAPI_DATUM_TEXT && fit->type->writer != ECAPI_WRITE_TEXT &&
		fit->type->writer != ECAPI_WRITE_BPCHAR)
		return NULL;
	if (sql == NULL)
		return psprintf("In place of the path write SQL that casts what it reads to %s%s.",
						type, brackets);
	return psprintf("Write \"%s::%s%s\".", sql, type, brackets);
}

/* 'Write "new.paid_at AT TIME ZONE 'UTC'", ...'; cast: "::timestamp" or "". */
static const char *
hint_zone(const Fit *fit, const char *cast)
{
	const char *sql = operand(fit);

	if (sql == NULL)
		return "In place of the path write SQL with \"AT TIME ZONE 'UTC'\", "
			"or the zone that its times are in.";
	return psprintf("Write \"%s%s AT TIME ZONE 'UTC'\", or the zone that its times are in.",
					sql, cast);
}

/* ---- refusals ---- */

static void
refuse(Fit *fit, const char *message, const char *hint)
{
	fit->message = message;
	fit->hint = hint;
}

/* "type boolean is not a number", in the words that validation uses. */
static void
refuse_type(Fit *fit, const char *expected, const char *hint)
{
	refuse(fit, psprintf("type %s is %s", format_type_be(fit->type->type), expected), hint);
}

/* Whether a value of the type holds a value of type money. */
static bool
holds_money(const EcapiDatumType *type)
{
	if (type->element)
		return holds_money(type->element);
	for (int i = 0; type->row && type->row->descriptor && i < type->row->descriptor->natts; i++)
	{
		if (type->row->attributes[i] && holds_money(type->row->attributes[i]))
			return true;
	}
	return type->type == MONEYOID;
}

/* ---- fields of a type ---- */

#define KIND(kind)	(1 << ECAPI_DATUM_##kind)

/*
 * What a field takes, and what may be said of the rest.  A hint by kind is "::type" for
 * a cast, a sentence in which %s is the source as an operand, or a sentence.
 */
typedef struct Expected
{
	uint32		kinds;
	const char *what;			/* what the rest is not */
	const char *hints[ECAPI_DATUM_OTHER + 1];
} Expected;

static const char *
hint_of(const Fit *fit, const char *hint)
{
	const char *at = hint ? strstr(hint, "%s") : NULL;
	const char *sql = at ? operand(fit) : NULL;

	if (hint == NULL || strncmp(hint, "::", 2) == 0)
		return hint ? hint_cast(fit, hint + 2) : NULL;
	if (at == NULL)
		return hint;
	return sql ? psprintf("%.*s%s%s", (int) (at - hint), hint, sql, at + 2) : NULL;
}

static void
fit_kinds(Fit *fit, const Expected *expected)
{
	if ((expected->kinds & (1 << fit->type->kind)) == 0)
		refuse_type(fit, expected->what, hint_of(fit, expected->hints[fit->type->kind]));
}

static const Expected expected_integer = {
	KIND(NUMBER) | KIND(JSON), "not a number",
	{[ECAPI_DATUM_TEXT] = "::bigint", [ECAPI_DATUM_BOOL] = "::integer"}
};
static const Expected expected_number = {
	KIND(NUMBER) | KIND(JSON), "not a number",
	{[ECAPI_DATUM_TEXT] = "::numeric", [ECAPI_DATUM_BOOL] = "::integer"}
};
static const Expected expected_boolean = {
	KIND(BOOL) | KIND(JSON), "neither true nor false",
	{[ECAPI_DATUM_NUMBER] = "Write \"%s <> 0\".", [ECAPI_DATUM_TEXT] = "::boolean"}
};
static const Expected expected_date = {
	KIND(DATE) | KIND(TEXT) | KIND(JSON), "not a date",
	{
		[ECAPI_DATUM_LOCAL_TIME] = "::date",
		[ECAPI_DATUM_TIME] =
		"Write \"(%s AT TIME ZONE 'UTC')::date\", or the zone that its days are in.",
		[ECAPI_DATUM_NUMBER] =
		"Map a date, or a text in the form \"YYYY-MM-DD\" or \"YYYYMMDD\"."
	}
};
static const Expected expected_timestamp = {
	KIND(TIME) | KIND(NUMBER) | KIND(JSON), "not a timestamp",
	{[ECAPI_DATUM_TEXT] = "::timestamptz"}
};

static void
fit_timestamp(Fit *fit)
{
	if (fit->type->kind == ECAPI_DATUM_TIME)
		fit->form = ECAPI_FORM_SECONDS;
	if (fit->type->kind == ECAPI_DATUM_LOCAL_TIME)
		refuse(fit, "a timestamp without time zone names no moment", hint_zone(fit, ""));
	else if (fit->type->kind == ECAPI_DATUM_DATE)
		refuse(fit, "a date names no moment", hint_zone(fit, "::timestamp"));
	else
		fit_kinds(fit, &expected_timestamp);
}

/* A name of the standard's, or its number, or both: see validate.c. */
static void
fit_enumeration(Fit *fit)
{
	const EcapiEnumeration *values = fit->field->values;
	bool		text = values != NULL;
	bool		number = values == NULL || values->numbered;

	if (fit->type->kind == ECAPI_DATUM_JSON ||
		(text && fit->type->kind == ECAPI_DATUM_TEXT) ||
		(number && fit->type->kind == ECAPI_DATUM_NUMBER))
		return;
	refuse_type(fit, !text ? "not a number" : number ?
				"neither a number nor the name of a value" : "not a text",
				text ? "Map the value's name in the standard, such as by CASE." :
				fit->type->kind == ECAPI_DATUM_TEXT ? hint_cast(fit, "integer") : NULL);
}

/* What a text of the field must be, if only a text can be that; else NULL. */
static const char *
expected_text(const EcapiField *field)
{
	switch (field->check)
	{
		case ECAPI_CHECK_EVENT_TYPE:
			return "not an event type";
		case ECAPI_CHECK_CURRENCY:
			return "not a currency";
		case ECAPI_CHECK_COUNTRY:
			return "not a country";
		case ECAPI_CHECK_IP:
			return "not an IP address";
		case ECAPI_CHECK_URL:
			return "not a URL";
		case ECAPI_CHECK_AIRPORT:
			return "not an airport code";
		default:
			return NULL;
	}
}

static void
fit_string(Fit *fit)
{
	const char *expected = expected_text(fit->field);

	fit->form = ECAPI_FORM_TEXT;
	switch (fit->type->kind)
	{
		case ECAPI_DATUM_TEXT:
		case ECAPI_DATUM_JSON:
			break;
		case ECAPI_DATUM_COMPOSITE:
			refuse_type(fit, expected ? expected : "not a text", "Map one of its attributes.");
			break;
		case ECAPI_DATUM_BOOL:
			/* "true" is nobody's name, number or address. */
			if (expected || fit->field->rule != ECAPI_RULE_NONE)
				refuse_type(fit, expected ? expected : "not a text", NULL);
			break;
		case ECAPI_DATUM_NUMBER:
			if (expected)
				refuse_type(fit, expected,
							fit->field->check == ECAPI_CHECK_CURRENCY ?
							"Map the three-letter code, such as by CASE." :
							fit->field->check == ECAPI_CHECK_COUNTRY ?
							"Map the two-letter code, such as by CASE." : NULL);
			break;
		default:
			if (expected)
				refuse_type(fit, expected, NULL);
			break;
	}
}

static void
fit_object(Fit *fit)
{
	if (fit->type->kind == ECAPI_DATUM_JSON || fit->type->kind == ECAPI_DATUM_COMPOSITE)
		return;
	if (fit->field->type == ECAPI_FT_EXT)
		refuse_type(fit, "not an object",
					psprintf("Map a name inside it, such as \"%s.name\".",
							 ecapi_field_path(fit->field)));
	else
		refuse_type(fit, "not an object",
					"Map json, jsonb or a composite type, such as by jsonb_build_object().");
}

static void
fit_field(Fit *fit)
{
	switch (fit->field->type)
	{
		case ECAPI_FT_STRING:
			fit_string(fit);
			break;
		case ECAPI_FT_INTEGER:
		case ECAPI_FT_FLOAT:
			if (fit->field->check == ECAPI_CHECK_TIMESTAMP)
				fit_timestamp(fit);
			else
				fit_kinds(fit, fit->field->type == ECAPI_FT_INTEGER ? &expected_integer :
						  &expected_number);
			break;
		case ECAPI_FT_BOOLEAN:
			fit_kinds(fit, &expected_boolean);
			break;
		case ECAPI_FT_ENUM:
			fit_enumeration(fit);
			break;
		case ECAPI_FT_DATE:
			fit_kinds(fit, &expected_date);
			break;
		case ECAPI_FT_OBJECT:
		case ECAPI_FT_EXT:
			fit_object(fit);
			break;
	}
}

/* 'Write "new.codes[1]", or another one.' */
static const char *
hint_element(const Fit *fit)
{
	const char *sql = operand(fit);

	return sql ? psprintf("Write \"%s[1]\", or whichever element is meant.", sql) :
		"In place of the path write SQL that takes one element.";
}

bool
ecapi_datum_fits(const EcapiField *field, const EcapiDatumType *type, const char *source,
				 EcapiDatumForm *form, const char **message, const char **hint)
{
	Fit			fit = {.field = field, .type = type, .source = source};

	fit.is_array = type->kind == ECAPI_DATUM_ARRAY;
	fit.form = ECAPI_FORM_NATURAL;
	if (holds_money(type))
		refuse(&fit, "the digits of type money depend on the locale",
			   type->row || (fit.is_array && type->element->row) ? NULL : hint_cast(&fit, "numeric"));
	else if (field && fit.is_array && field->cardinality != ECAPI_MANY)
		refuse(&fit, psprintf("type %s is not a single value", format_type_be(type->type)),
			   field->type == ECAPI_FT_OBJECT || field->type == ECAPI_FT_EXT ? NULL :
			   hint_element(&fit));
	else if (field)
	{
		if (fit.is_array)
			fit.type = type->element;
		fit_field(&fit);
	}
	*form = fit.form;
	*message = fit.message;
	*hint = fit.hint;
	return fit.message == NULL;
}

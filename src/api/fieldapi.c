/*
 * fieldapi.c
 *	  SQL-callable functions that show what becomes of an event's fields.
 *
 *	ecapi.normalize(field, value, ...)	the form that would be sent or hashed
 *	ecapi.digest(field, value, ...)		the digest that would be sent
 *	ecapi.fields()						the standard's fields, as we take them
 *	ecapi.event_types()					its event types, with what they mean
 *	ecapi.major(amount, currency)		minor units in the currency's unit
 *	ecapi_internal.left_out_counts()	for the view ecapi.left_out
 *
 * They write nothing and touch no table.  What they show is computed by the
 * very code that emits and delivers.  Formats of the first two are those that
 * destination/identity.def has rules for.
 *
 * No error message holds a value.  A field's name is quoted only if it is
 * close to a real one: arguments are easily swapped.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/argument.h"
#include "base/result.h"
#include "base/tree.h"
#include "destination/identity.h"
#include "event/closest.h"
#include "event/codes.h"
#include "event/digest.h"
#include "event/validate.h"
#include "event/violation.h"
#include "shmem/left_out.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_normalize_value);
PG_FUNCTION_INFO_V1(ecapi_digest_value);
PG_FUNCTION_INFO_V1(ecapi_list_fields);
PG_FUNCTION_INFO_V1(ecapi_list_event_types);
PG_FUNCTION_INFO_V1(ecapi_major_units);
PG_FUNCTION_INFO_V1(ecapi_left_out_counts);

#define NOT_A_COUNTRY	"third argument is not a country of ISO 3166-1"

/* ---- ecapi.normalize, ecapi.digest ---- */

static const EcapiField *
field_argument(text *argument)
{
	const char *name = VARDATA_ANY(argument);
	size_t		len = VARSIZE_ANY_EXHDR(argument);
	const EcapiField *field = ecapi_field_named(name, len);
	const char *closest;

	if (field)
		return field;
	closest = ecapi_closest(name, len, ecapi_field_short_name_nth, NULL);
	if (closest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized field \"%s\"", text_to_cstring(argument)),
				 errhint("Perhaps you meant the field \"%s\".", closest)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized field"),
			 errhint("The first argument names a field as ecapi.fields() does.")));
}

/* The format of the fourth argument, by a name that lasts. */
static const char *
format_argument(FunctionCallInfo fcinfo)
{
	text	   *argument;
	const char *name;
	const char *format;

	ecapi_argument_required(fcinfo, 3, "format");
	argument = PG_GETARG_TEXT_PP(3);
	name = VARDATA_ANY(argument);
	format = ecapi_identity_format(name, VARSIZE_ANY_EXHDR(argument));
	if (format)
		return format;
	format = ecapi_closest(name, VARSIZE_ANY_EXHDR(argument), ecapi_identity_format_nth, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("fourth argument is not a format"),
			 format ? errhint("Perhaps you meant the format \"%s\".", format) :
			 errhint("Give the format of a destination, such as \"ecapi\" or \"meta\".")));
}

/* Whether a field is one of those that each format may take in a form of its own. */
static bool
is_identity(const EcapiField *field)
{
	return ecapi_identity_rule("ecapi", ecapi_field_path(field)) != NULL;
}

static Datum
normalize_by_standard(FunctionCallInfo fcinfo, const EcapiField *field, const char *country)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	EcapiNormalized outcome;
	const char *value;
	size_t		len;

	if (field->rule == ECAPI_RULE_NONE)
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));

	value = ecapi_argument_utf8(fcinfo, 1, &len);
	ecapi_buffer_over(&normal, memory, sizeof(memory));
	outcome = ecapi_normalize(field->rule, value, len, country, &normal);
	if (outcome == ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_tree_out_of_memory();
	if (outcome != ECAPI_NORMALIZED && outcome != ECAPI_NORMALIZED_DIGEST)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(ecapi_result_utf8(normal.data, normal.len));
}

/*
 * ecapi.normalize(field text, value text, country text, format text): the form of a
 * value that a destination of the format is sent, or whose digest it is; NULL when it
 * would be left out, or the platform has no place for it.
 */
Datum
ecapi_normalize_value(PG_FUNCTION_ARGS)
{
	const EcapiField *field;
	const EcapiIdentityRule *rule;
	EcapiIdentityForm form;
	EcapiViolationCode reason;
	const char *country;
	const char *format;
	const char *value;
	size_t		len;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	field = field_argument(PG_GETARG_TEXT_PP(0));
	country = ecapi_argument_country(fcinfo, 2, NOT_A_COUNTRY);
	format = format_argument(fcinfo);
	if (!is_identity(field))
		return normalize_by_standard(fcinfo, field, country);

	value = ecapi_argument_utf8(fcinfo, 1, &len);
	rule = ecapi_identity_rule(format, ecapi_field_path(field));
	if (rule == NULL)
		PG_RETURN_NULL();
	if (!ecapi_identity_normal(rule, value, len, country, &form, &reason))
	{
		if (form.result == ECAPI_NORMALIZED_NO_MEMORY)
			ecapi_tree_out_of_memory();
		PG_RETURN_NULL();
	}
	PG_RETURN_DATUM(ecapi_result_utf8(form.text, form.len));
}

static void
refuse_digest(const EcapiField *field, const char *format)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("field \"%s\" is not hashed", ecapi_field_short_name(field)),
			 strcmp(format, "ecapi") == 0 ?
			 errdetail("The field leaves clear, as the standard has it.") :
			 errdetail("The field leaves clear in the format \"%s\".", format),
			 errhint("ecapi.normalize() shows what is sent.")));
}

/*
 * ecapi.digest(field text, value text, country text, format text): the digest that a
 * destination of the format is sent for a value; NULL when it would be left out, or the
 * platform has no place for it.  An error for a field that leaves clear.
 */
Datum
ecapi_digest_value(PG_FUNCTION_ARGS)
{
	const EcapiField *field;
	const EcapiIdentityRule *rule;
	EcapiIdentityForm form;
	EcapiViolationCode reason;
	const char *country;
	const char *format;
	const char *value;
	size_t		len;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	field = field_argument(PG_GETARG_TEXT_PP(0));
	format = format_argument(fcinfo);
	rule = ecapi_identity_rule(format, ecapi_field_path(field));
	if (rule != NULL ? !rule->hashed : !is_identity(field))
		refuse_digest(field, format);
	country = ecapi_argument_country(fcinfo, 2, NOT_A_COUNTRY);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();

	value = ecapi_argument_utf8(fcinfo, 1, &len);
	if (rule == NULL)
		PG_RETURN_NULL();
	if (!ecapi_identity_form(rule, NULL, value, len, country, &form, &reason))
	{
		if (form.result == ECAPI_NORMALIZED_NO_MEMORY)
			ecapi_tree_out_of_memory();
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(form.text, form.len));
}

/* ---- ecapi.major ---- */

/*
 * Decimals of the minor unit of a currency; raises an error where none are.
 * Its messages hold nothing of an argument but a currency's code, as they are
 * shown with a row that was set aside: see ecapi_sql_own_message().
 */
static int
minor_decimals(text *argument)
{
	const char *given = VARDATA_ANY(argument);
	size_t		len = VARSIZE_ANY_EXHDR(argument);
	int			exponent;
	const char *code = ecapi_currency_lookup(given, len, &exponent);

	if (code == NULL)
	{
		code = ecapi_closest(given, len, ecapi_currency_nth, NULL);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("second argument is not a currency of ISO 4217"),
				 code ? errhint("Perhaps you meant the currency \"%s\".", code) :
				 errhint("Give an active three-letter code such as \"EUR\".")));
	}
	if (exponent < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("currency \"%s\" has no minor unit", code),
				 errhint("Its amounts are in the unit itself: use them as they are.")));
	return exponent;
}

/*
 * ecapi.major(amount numeric, currency text): an amount in minor units (cents)
 * in the currency's unit, exactly, with the currency's decimals; with more only
 * where the amount has parts of a minor unit.
 */
Datum
ecapi_major_units(PG_FUNCTION_ARGS)
{
	/* ISO 4217 has no currency with more decimals than 4. */
	static const char *const factors[] = {"1", "0.1", "0.01", "0.001", "0.0001"};
	Numeric		amount = PG_GETARG_NUMERIC(0);
	int			decimals = minor_decimals(PG_GETARG_TEXT_PP(1));
	Datum		factor;
	Datum		major;

	if (decimals >= lengthof(factors))
		elog(ERROR, "unexpected number of decimals: %d", decimals);
	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		PG_RETURN_NUMERIC(amount);
	factor = DirectFunctionCall3(numeric_in, CStringGetDatum(factors[decimals]),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	/* A product has the decimals of both factors: nothing is rounded here. */
	major = DirectFunctionCall2(numeric_mul, NumericGetDatum(amount), factor);
	if (DatumGetInt32(DirectFunctionCall1(numeric_min_scale, major)) > decimals)
		major = DirectFunctionCall1(numeric_trim_scale, major);
	else
		major = DirectFunctionCall2(numeric_round, major, Int32GetDatum(decimals));
	PG_RETURN_DATUM(major);
}

/* ---- ecapi.fields, ecapi_internal.left_out_counts ---- */

static const char *const type_names[] = {
	[ECAPI_FT_STRING] = "string",
	[ECAPI_FT_INTEGER] = "integer",
	[ECAPI_FT_FLOAT] = "float",
	[ECAPI_FT_BOOLEAN] = "boolean",
	[ECAPI_FT_ENUM] = "enum",
	[ECAPI_FT_DATE] = "date",
	[ECAPI_FT_OBJECT] = "object",
	[ECAPI_FT_EXT] = "object"
};

static const char *const presence_names[] = {
	[ECAPI_REQUIRED] = "required",
	[ECAPI_RECOMMENDED] = "recommended",
	[ECAPI_OPTIONAL] = "optional",
	[ECAPI_CONDITIONAL] = "conditional"
};

/* nth(i, arg) from 0 until it gives NULL, as an array of text. */
static Datum
names_array(const char *(*nth) (int i, void *arg), void *arg)
{
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	const char *name;

	for (int i = 0; (name = nth(i, arg)) != NULL; i++)
		names = accumArrayResult(names, CStringGetTextDatum(name), false, TEXTOID,
								 CurrentMemoryContext);
	return makeArrayResult(names, CurrentMemoryContext);
}

static const char *
event_type_nth(int i, void *arg)
{
	return ecapi_event_type_name(i);
}

/* What a field may hold, as ecapi_emit() takes it; false: it is no closed list. */
static bool
allowed_values(const EcapiField *field, Datum *values)
{
	if (field->check == ECAPI_CHECK_EVENT_TYPE)
		*values = names_array(event_type_nth, NULL);
	else if (field->type == ECAPI_FT_ENUM && field->values != NULL)
		*values = names_array(ecapi_enumeration_nth, (void *) field->values);
	else
		return false;
	return true;
}

/* ecapi.fields(): the standard's fields, in its order. */
Datum
ecapi_list_fields(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const EcapiField *field;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		Datum		values[8];
		bool		nulls[8] = {false};

		values[0] = CStringGetTextDatum(ecapi_field_short_name(field));
		values[1] = CStringGetTextDatum(ecapi_field_path(field));
		values[2] = CStringGetTextDatum(type_names[field->type]);
		values[3] = BoolGetDatum(field->cardinality == ECAPI_MANY);
		values[4] = CStringGetTextDatum(presence_names[field->presence]);
		values[5] = BoolGetDatum(field->rule != ECAPI_RULE_NONE);
		values[6] = BoolGetDatum(field->privacy == ECAPI_SHA256);
		nulls[7] = !allowed_values(field, &values[7]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The i-th field that an event of a type must have; arg points to the type. */
static const char *
required_nth(int i, void *arg)
{
	const EcapiField *field;

	for (int k = 0; (field = ecapi_field_nth(ECAPI_OBJ_EVENT, k)) != NULL; k++)
		if (ecapi_field_is_required(field, *(int *) arg) && i-- == 0)
			return field->name;
	return NULL;
}

/* ecapi.event_types(): the standard's event types, in its order. */
Datum
ecapi_list_event_types(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *name;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (name = ecapi_event_type_name(i)) != NULL; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(name);
		values[1] = CStringGetTextDatum(ecapi_event_type_standard(i) ? "standard" : "additional");
		values[2] = CStringGetTextDatum(ecapi_event_type_meaning(i));
		values[3] = names_array(required_nth, &i);
		values[4] = BoolGetDatum(ecapi_event_type_refundable(i));
		values[5] = DirectFunctionCall2Coll(text_to_array, C_COLLATION_OID,
											CStringGetTextDatum(ecapi_event_type_synonyms(i)),
											CStringGetTextDatum(" "));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The counters of a field, or of what is none (NULL), that are not zero. */
static void
put_counts(ReturnSetInfo *result, int slot, const EcapiField *field)
{
	for (int reason = 0; reason < ECAPI_VIOLATION_CODES; reason++)
	{
		uint64		count = ecapi_left_out_read(slot, field, reason);
		Datum		values[3];
		bool		nulls[3] = {false};

		if (count == 0)
			continue;
		values[0] = CStringGetTextDatum(field ? ecapi_field_path(field) : "*");
		values[1] = CStringGetTextDatum(ecapi_violation_name(reason));
		values[2] = Int64GetDatum((int64) count);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* ecapi_internal.left_out_counts(): the counters of this database that are not zero. */
Datum
ecapi_left_out_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			slot = ecapi_slot_number();
	const EcapiField *field;

	InitMaterializedSRF(fcinfo, 0);
	if (slot < 0)
		return (Datum) 0;
	for (int i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
		put_counts(result, slot, field);
	put_counts(result, slot, NULL);
	return (Datum) 0;
}

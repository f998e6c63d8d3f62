/*
 * fieldapi.c
 *	  SQL-callable functions that show what becomes of an event and its fields.
 *
 *	ecapi.validate(event)				what ecapi_emit() would say of it
 *	ecapi.normalize(field, value, ...)	the form that would be sent or hashed
 *	ecapi.digest(field, value, ...)		the digest that would be sent
 *	ecapi.fields()						the standard's fields, as we take them
 *	ecapi.event_types()					its event types, with what they mean
 *	ecapi.major(amount, currency)		minor units in the currency's unit
 *	ecapi_internal.left_out_counts()	for the view ecapi.left_out
 *
 * They write nothing and touch no table.  What they show is computed by the
 * very code that emits and delivers: the outbox keeps identifiers as given,
 * so a telephone number without a country is found only when it is sent;
 * ecapi.validate() therefore has the native format shape the event, too.
 *
 * No error message holds a value.  A field's name is quoted only if it is
 * close to a real one: arguments are easily swapped.
 */
#include "postgres.h"

#include <time.h>

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/argument.h"
#include "base/result.h"
#include "base/tree.h"
#include "destination/formats.h"
#include "destination/options.h"
#include "event/closest.h"
#include "event/codes.h"
#include "event/digest.h"
#include "event/validate.h"
#include "event/violation.h"
#include "settings.h"
#include "shmem/left_out.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_validate_event);
PG_FUNCTION_INFO_V1(ecapi_normalize_value);
PG_FUNCTION_INFO_V1(ecapi_digest_value);
PG_FUNCTION_INFO_V1(ecapi_list_fields);
PG_FUNCTION_INFO_V1(ecapi_list_event_types);
PG_FUNCTION_INFO_V1(ecapi_major_units);
PG_FUNCTION_INFO_V1(ecapi_left_out_counts);

#define NOT_A_COUNTRY	"third argument is not a country of ISO 3166-1"

/* ---- ecapi.validate ---- */

static void
put_violation(void *arg, const EcapiViolation *violation)
{
	ReturnSetInfo *result = arg;
	Datum		values[5];
	bool		nulls[5];

	values[0] = ecapi_result_text(violation->path, &nulls[0]);
	values[1] = ecapi_result_text(violation->error ? "error" : "warning", &nulls[1]);
	values[2] = ecapi_result_text(ecapi_violation_name(violation->code), &nulls[2]);
	values[3] = ecapi_result_text(violation->message, &nulls[3]);
	values[4] = ecapi_result_text(violation->hint, &nulls[4]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The native format leaves a value out. */
static void
put_left_out(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	EcapiViolation violation = {reason, false, field, ecapi_field_path(field), NULL, NULL};

	if (reason == ECAPI_VIOLATION_COUNTRY)
	{
		violation.message = "telephone number without a country";
		violation.hint = "Begin it with \"+\" and the calling code, give \"country_code\" "
			"in the address, or set \"ecapi.default_country\".";
	}
	else
		violation.message = "cannot be normalized with certainty";
	put_violation(arg, &violation);
}

/* What the worker would read of a tree in the server encoding: UTF-8 again. */
static EcapiValue *
as_delivered(EcapiArena *arena, const EcapiValue *value)
{
	EcapiBuffer json;
	char	   *utf8;
	char		error[128];

	ecapi_tree_buffer(&json, MaxAllocSize / 2, CurrentMemoryContext);
	ecapi_json_value(&json, value);
	if (json.full)
		ecapi_tree_out_of_memory();
	utf8 = pg_server_to_any(json.data, (int) json.len, PG_UTF8);
	return ecapi_tree_parse(arena, utf8, utf8 == json.data ? json.len : strlen(utf8),
							error, sizeof(error));
}

/*
 * Shape the identifiers of a clean event, to see which would be left out.
 * Around them stands what makes any event one that may go.
 */
static void
check_forms(EcapiArena *arena, const EcapiValue *clean, ReturnSetInfo *result)
{
	EcapiOptions options = {0};
	EcapiShape	shape = {.options = &options};
	EcapiValue *user_data = ecapi_value_get(clean, "user_data");
	EcapiValue *event = ecapi_value_new(arena, ECAPI_OBJECT);
	EcapiBuffer body;
	const char *reason;

	user_data = user_data ? as_delivered(arena, user_data) : NULL;
	if (user_data == NULL || event == NULL)
		return;
	options.data_set_id = "-";
	shape.default_country = ecapi_default_country();
	shape.left_out = put_left_out;
	shape.arg = result;
	if (!ecapi_value_set(arena, event, "event_type", 10,
						 ecapi_value_text(arena, ECAPI_STRING, "login", 5)) ||
		!ecapi_value_set(arena, event, "timestamp", 9,
						 ecapi_value_text(arena, ECAPI_NUMBER, "1", 1)) ||
		!ecapi_value_set(arena, event, "user_data", 9, user_data))
		return;
	ecapi_tree_buffer(&body, MaxAllocSize / 2, CurrentMemoryContext);
	(void) ecapi_format_native.add(&shape, event, &body, &reason);
}

/* ecapi_emit() would supply the time of the transaction. */
static void
supply_timestamp(EcapiArena *arena, EcapiValue *event)
{
	const EcapiValue *given = ecapi_value_get(event, "timestamp");

	if (given == NULL || given->type == ECAPI_NULL ||
		(given->type == ECAPI_STRING && given->len == 0))
		(void) ecapi_value_set(arena, event, "timestamp", 9,
							   ecapi_value_text(arena, ECAPI_NUMBER, "1", 1));
}

static void
add_size_violation(EcapiViolations *violations, EcapiArena *arena)
{
	ecapi_violation_add(violations, arena, NULL, NULL, ECAPI_VIOLATION_SIZE, true,
						psprintf("event larger than %d kB", ecapi_max_event_size),
						"Leave out what receivers do not need, or raise \"ecapi.max_event_size\".");
}

/*
 * ecapi.validate(event jsonb): one row for each violation.
 */
Datum
ecapi_validate_event(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	size_t		max_size = (size_t) ecapi_max_event_size * 1024;
	EcapiViolations violations;
	EcapiArena	arena;
	EcapiValue *event;
	EcapiValue *clean;
	EcapiBuffer json;

	InitMaterializedSRF(fcinfo, 0);
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	ecapi_violations_init(&violations, put_violation, result);
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) > max_size * ECAPI_JSONB_BLOAT)
	{
		add_size_violation(&violations, &arena);
		return (Datum) 0;
	}

	event = ecapi_tree_from_jsonb(&arena, PG_GETARG_JSONB_P(0), ECAPI_MAX_DEPTH);
	if (event == NULL && !arena.failed)
	{
		ecapi_violation_add(&violations, &arena, NULL, NULL, ECAPI_VIOLATION_DEPTH, true,
							"nested too deeply", "An event has at most 32 levels.");
		return (Datum) 0;
	}
	if (event && event->type == ECAPI_OBJECT)
		supply_timestamp(&arena, event);
	clean = event ? ecapi_validate_into(&arena, event, (int64) time(NULL), false, false,
										&violations) : NULL;
	if (clean && !arena.failed)
	{
		check_forms(&arena, clean, result);
		ecapi_tree_buffer(&json, max_size, CurrentMemoryContext);
		/* As ecapi_emit(): what was left out counts. */
		ecapi_json_value(&json, violations.left_out > 0 ? event : clean);
		if (json.failed)
			ecapi_tree_out_of_memory();
		if (json.full)
			add_size_violation(&violations, &arena);
	}
	if (arena.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("An event could not be checked.")));
	return (Datum) 0;
}

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

/*
 * ecapi.normalize(field text, value text, country text): the form of a value
 * that is sent, or hashed; NULL when it would be left out.
 */
Datum
ecapi_normalize_value(PG_FUNCTION_ARGS)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	EcapiNormalized outcome;
	const EcapiField *field;
	const char *country;
	const char *value;
	size_t		len;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	field = field_argument(PG_GETARG_TEXT_PP(0));
	country = ecapi_argument_country(fcinfo, 2, NOT_A_COUNTRY);
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
 * ecapi.digest(field text, value text, country text): the digest that is sent
 * for a value; NULL when it would be left out.
 */
Datum
ecapi_digest_value(PG_FUNCTION_ARGS)
{
	char		hex[ECAPI_HEX_SIZE];
	const EcapiField *field;
	const char *country;
	const char *value;
	size_t		len;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	field = field_argument(PG_GETARG_TEXT_PP(0));
	if (field->privacy != ECAPI_SHA256)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("field \"%s\" is not hashed", ecapi_field_short_name(field)),
				 errdetail("The field leaves clear, as the standard has it."),
				 errhint("ecapi.normalize() shows what is sent.")));
	country = ecapi_argument_country(fcinfo, 2, NOT_A_COUNTRY);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();

	value = ecapi_argument_utf8(fcinfo, 1, &len);
	if (ecapi_digest_field(NULL, field->rule, value, len, country, hex) ==
		ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_tree_out_of_memory();
	if (hex[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(hex, ECAPI_HEX_LEN));
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

static const char *
type_name(const EcapiField *field)
{
	switch (field->type)
	{
		case ECAPI_FT_STRING:
			return "string";
		case ECAPI_FT_INTEGER:
			return "integer";
		case ECAPI_FT_FLOAT:
			return "float";
		case ECAPI_FT_BOOLEAN:
			return "boolean";
		case ECAPI_FT_ENUM:
			return "enum";
		case ECAPI_FT_DATE:
			return "date";
		case ECAPI_FT_OBJECT:
		case ECAPI_FT_EXT:
			return "object";
	}
	return NULL;
}

static const char *
presence_name(const EcapiField *field)
{
	switch (field->presence)
	{
		case ECAPI_REQUIRED:
			return "required";
		case ECAPI_RECOMMENDED:
			return "recommended";
		case ECAPI_OPTIONAL:
			return "optional";
		case ECAPI_CONDITIONAL:
			return "conditional";
	}
	return NULL;
}

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
		values[2] = CStringGetTextDatum(type_name(field));
		values[3] = BoolGetDatum(field->cardinality == ECAPI_MANY);
		values[4] = CStringGetTextDatum(presence_name(field));
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

/*
 * validate_scalar.c
 *	  A text, number or boolean as given becomes one as its field has it.
 *
 * By the field's type and check.  What is wrong is reported; whether it fails the
 * event or is left out depends on the field (ecapi_validator_is_fatal).
 */
#include "event/validate_internal.h"

#include <stdio.h>
#include <string.h>

#include "event/ascii.h"
#include "event/closest.h"
#include "event/normalize.h"
#include "event/scan.h"
#include "event/validate.h"

bool
ecapi_validator_is_fatal(EcapiValidator *v, const EcapiField *field)
{
	if (field->object != ECAPI_OBJ_EVENT || v->never_fails)
		return false;
	if (field->presence == ECAPI_REQUIRED || field->check == ECAPI_CHECK_ID)
		return true;
	if (field->check == ECAPI_CHECK_CURRENCY)
		return v->has_value;
	if (field->presence == ECAPI_CONDITIONAL)
		return v->is_custom;
	return field->type == ECAPI_FT_FLOAT;	/* value */
}

/* Report a value that its field cannot have; returns NULL for "left out". */
static EcapiValue *
refuse(EcapiValidator *v, const EcapiField *field, const EcapiFieldPlace *place,
	   EcapiViolationCode code, const char *message, const char *hint)
{
	report(v, place, field, code, ecapi_validator_is_fatal(v, field), message, hint);
	return NULL;
}

/* A node of that type over text that lives as long as the result. */
static EcapiValue *
new_text(EcapiValidator *v, EcapiType type, const char *text, size_t len)
{
	EcapiValue *value = ecapi_value_new(v->arena, type);

	if (value)
	{
		value->text = text;
		value->len = (uint32_t) len;
	}
	return value;
}

static EcapiValue *
new_integer(EcapiValidator *v, int64_t number)
{
	char		text[24];
	int			len = snprintf(text, sizeof(text), "%lld", (long long) number);

	return ecapi_value_text(v->arena, ECAPI_NUMBER, text, (size_t) len);
}

/* The integer as it is, if it is plain digits; else written again. */
static EcapiValue *
same_integer(EcapiValidator *v, const EcapiValue *given, const EcapiNumber *number)
{
	if (number->plain && !(number->negative && number->zero))
		return new_text(v, ECAPI_NUMBER, given->text, given->len);
	return new_integer(v, number->whole);
}

static EcapiValue *
clean_timestamp(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
				const EcapiFieldPlace *place)
{
	EcapiNumber number;
	int64_t		seconds;
	bool		zoned;

	if (given->type == ECAPI_STRING)
	{
		if (!ecapi_scan_time(given->text, given->len, &seconds, &zoned))
			return refuse(v, field, place, ECAPI_VIOLATION_TIME,
						  zoned ? "not a date and time" : "time without a time zone",
						  zoned ? "Give seconds since 1970, or ISO 8601 with a time zone." :
						  "Add the offset from UTC, or \"Z\".");
	}
	else if (given->type == ECAPI_NUMBER)
	{
		if (!ecapi_scan_number(given->text, given->len, &number) || !number.fits)
			return refuse(v, field, place, ECAPI_VIOLATION_TIME,
						  "timestamp out of range", "Give seconds since 1970.");
		seconds = number.whole;
		/* Seconds reach 1e11 in the year 5138; milliseconds did in 1973. */
		if (seconds >= INT64_C(100000000000))
			return refuse(v, field, place, ECAPI_VIOLATION_TIME,
						  seconds < INT64_C(100000000000000) ? "timestamp in milliseconds" :
						  seconds < INT64_C(100000000000000000) ? "timestamp in microseconds" :
						  "timestamp in nanoseconds",
						  seconds < INT64_C(100000000000000) ?
						  "Give seconds since 1970: divide by 1000." :
						  seconds < INT64_C(100000000000000000) ?
						  "Give seconds since 1970: divide by 1000000." :
						  "Give seconds since 1970: divide by 1000000000.");
	}
	else
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not a timestamp",
					  "Give seconds since 1970, or ISO 8601 with a time zone.");

	if (seconds <= 0)
		return refuse(v, field, place, ECAPI_VIOLATION_TIME,
					  "timestamp not after 1970", NULL);
	if (seconds > v->now + ECAPI_MAX_FUTURE)
		return refuse(v, field, place, ECAPI_VIOLATION_TIME,
					  ECAPI_TIME_TO_COME,
					  "Check the clock and the time zone it was taken from.");
	if (given->type == ECAPI_NUMBER && number.plain)
		return same_integer(v, given, &number);
	return new_integer(v, seconds);
}

static bool
is_id(const EcapiValue *given)
{
	if (given->len > ECAPI_MAX_ID)
		return false;
	for (uint32_t i = 0; i < given->len; i++)
	{
		unsigned char c = (unsigned char) given->text[i];

		if (c < ' ' || c == 0x7F)
			return false;
	}
	return true;
}

static EcapiValue *
clean_event_type(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
				 const EcapiFieldPlace *place)
{
	int			type = ecapi_event_type_lookup(given->text, given->len);
	const char *name;

	if (type >= 0)
	{
		name = ecapi_event_type_name(type);
		return new_text(v, ECAPI_STRING, name, strlen(name));
	}
	name = ecapi_event_type_meant(given->text, given->len);
	return refuse(v, field, place, ECAPI_VIOLATION_EVENT_TYPE,
				  ecapi_violation_quote(v->arena, "unrecognized event type ",
										given->text, given->len, ""),
				  name ? ecapi_violation_quote(v->arena, "Perhaps you meant the event type ",
											   name, strlen(name), ".") :
				  "ecapi.event_types() lists them; an event of your own has the type \"custom\" and its name in \"custom_event\".");
}

/* Country and currency: the one form of the code. */
static EcapiValue *
clean_code(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
		   const EcapiFieldPlace *place)
{
	bool		currency = field->check == ECAPI_CHECK_CURRENCY;
	char		memory[8];
	EcapiBuffer code;
	EcapiNormalized result;

	ecapi_buffer_over(&code, memory, sizeof(memory));
	result = ecapi_normalize(field->rule, given->text, given->len, NULL, &code);
	v->arena->failed |= result == ECAPI_NORMALIZED_NO_MEMORY;
	if (result != ECAPI_NORMALIZED)
		return refuse(v, field, place, ECAPI_VIOLATION_VALUE,
					  currency ? "not a currency of ISO 4217" : "not a country of ISO 3166-1",
					  currency ? "Give an active three-letter code such as \"EUR\"." :
					  "Give a two-letter code such as \"de\".");
	return ecapi_value_text(v->arena, ECAPI_STRING, code.data, code.len);
}

static bool
is_airport(const EcapiValue *given)
{
	for (uint32_t i = 0; i < given->len; i++)
	{
		if (!ecapi_is_letter(given->text[i]))
			return false;
	}
	return given->len == 3;
}

/*
 * Whether an advertising identifier consists of zeros.  Devices whose owner allows
 * no tracking all give this one, so it would join them into one person.
 */
static bool
is_all_zeros(const EcapiValue *given)
{
	bool		zero = false;

	for (uint32_t i = 0; i < given->len; i++)
	{
		if (given->text[i] != '0' && given->text[i] != '-')
			return false;
		zero |= given->text[i] == '0';
	}
	return zero;
}

/* A number or a boolean where a text is wanted is its text. */
static const EcapiValue *
as_text(EcapiValidator *v, const EcapiValue *given)
{
	if (given->type == ECAPI_NUMBER)
		return new_text(v, ECAPI_STRING, given->text, given->len);
	if (given->type == ECAPI_BOOL)
		return given->truth ? new_text(v, ECAPI_STRING, "true", 4) :
			new_text(v, ECAPI_STRING, "false", 5);
	return given;
}

static EcapiValue *
clean_string(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
			 const EcapiFieldPlace *place)
{
	const char *message = NULL;
	EcapiViolationCode code = ECAPI_VIOLATION_VALUE;

	given = as_text(v, given);
	if (given == NULL)
		return NULL;
	if (given->type != ECAPI_STRING)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not a text", NULL);

	switch (field->check)
	{
		case ECAPI_CHECK_EVENT_TYPE:
			return clean_event_type(v, field, given, place);
		case ECAPI_CHECK_CURRENCY:
		case ECAPI_CHECK_COUNTRY:
			return clean_code(v, field, given, place);
		case ECAPI_CHECK_ID:
			code = ECAPI_VIOLATION_ID;
			if (!is_id(given))
				message = given->len > ECAPI_MAX_ID ?
					"identifier longer than 512 bytes" :
					"identifier with control characters";
			break;
		case ECAPI_CHECK_IP:
			if (!ecapi_scan_ip(given->text, given->len))
				message = "not an IPv4 or IPv6 address";
			break;
		case ECAPI_CHECK_IFA:
			if (is_all_zeros(given))
				message = "advertising identifier of zeros";
			break;
		case ECAPI_CHECK_URL:
			if (!ecapi_scan_url(given->text, given->len))
				message = "not an absolute URL";
			break;
		case ECAPI_CHECK_AIRPORT:
			if (!is_airport(given))
				message = "not a three-letter airport code";
			break;
		default:
			if (field->rule != ECAPI_RULE_NONE && given->len > ECAPI_NORMALIZE_MAX)
				message = "longer than 1024 bytes";
			break;
	}
	if (message)
		return refuse(v, field, place, code, message, NULL);
	return new_text(v, ECAPI_STRING, given->text, given->len);
}

static EcapiValue *
clean_date(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
		   const EcapiFieldPlace *place)
{
	given = as_text(v, given);
	if (given == NULL)
		return NULL;
	if (given->type != ECAPI_STRING)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not a text",
					  "Give a date as \"YYYY-MM-DD\" or \"YYYYMMDD\".");
	if (!ecapi_scan_date(given->text, given->len))
		return refuse(v, field, place, ECAPI_VIOLATION_VALUE, "not a date",
					  "Give a date as \"YYYY-MM-DD\" or \"YYYYMMDD\".");
	return new_text(v, ECAPI_STRING, given->text, given->len);
}

/* What is wrong with a number under the field's check, or NULL. */
static const char *
check_number(const EcapiField *field, const EcapiNumber *number)
{
	switch (field->check)
	{
		case ECAPI_CHECK_UTCOFFSET:
			/* From UTC-12 to UTC+14. */
			if (number->whole < -12 * 60 || number->whole > 14 * 60)
				return "not an offset in minutes between -720 and 840";
			break;
		case ECAPI_CHECK_POSITIVE:
		case ECAPI_CHECK_GPP_SID:
			if (number->negative || number->whole == 0 || number->whole > INT32_MAX)
				return "not a positive number of 32 bits";
			break;
		case ECAPI_CHECK_NOT_NEGATIVE:
			if (number->negative && !number->zero)
				return "negative number";
			break;
		default:
			break;
	}
	return NULL;
}

static EcapiValue *
clean_number(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
			 const EcapiFieldPlace *place)
{
	EcapiNumber number;
	const char *message;

	if (field->check == ECAPI_CHECK_TIMESTAMP)
		return clean_timestamp(v, field, given, place);
	if (given->type != ECAPI_NUMBER)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not a number",
					  given->type == ECAPI_STRING ?
					  "Give a JSON number, without quotes." : NULL);
	if (!ecapi_scan_number(given->text, given->len, &number))
		return refuse(v, field, place, ECAPI_VIOLATION_NUMBER, "number out of range", NULL);
	if (field->type == ECAPI_FT_INTEGER && !number.integral)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not an integer", NULL);
	message = check_number(field, &number);
	if (message)
		return refuse(v, field, place, ECAPI_VIOLATION_VALUE, message, NULL);

	/* The sections of header and signal integrity are never listed. */
	if (field->check == ECAPI_CHECK_GPP_SID &&
		(number.whole == 3 || number.whole == 4))
		return NULL;
	if (field->type == ECAPI_FT_INTEGER)
		return same_integer(v, given, &number);
	return new_text(v, ECAPI_NUMBER, given->text, given->len);
}

/* An enumeration by name; numbers it has none of may have more values. */
static EcapiValue *
clean_enumeration(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
				  const EcapiFieldPlace *place)
{
	const EcapiEnumeration *values = field->values;
	EcapiNumber number;
	int64_t		chosen = 0;

	if (given->type == ECAPI_STRING && values)
		chosen = ecapi_enumeration_lookup(values, given->text, given->len);
	else if (given->type == ECAPI_NUMBER && (values == NULL || values->numbered))
	{
		if (ecapi_scan_number(given->text, given->len, &number) && number.integral)
			chosen = number.whole;
		if (chosen > (values ? ecapi_enumeration_count(values) : INT32_MAX))
			chosen = 0;
	}
	else
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE,
					  values && !values->numbered ? "not a text" :
					  "neither a number nor the name of a value", NULL);

	if (chosen < 1)
	{
		const char *name = NULL;

		if (given->type == ECAPI_STRING)
			name = ecapi_closest(given->text, given->len, ecapi_enumeration_nth,
								 (void *) values);
		return refuse(v, field, place, ECAPI_VIOLATION_VALUE,
					  "not a value of the standard",
					  name ? ecapi_violation_quote(v->arena, "Perhaps you meant the value ",
												   name, strlen(name), ".") : NULL);
	}
	if (values && !values->numbered)
		return new_text(v, ECAPI_STRING, values->names[chosen - 1],
						strlen(values->names[chosen - 1]));
	return new_integer(v, chosen);
}

EcapiValue *
ecapi_validate_scalar(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
					  const EcapiFieldPlace *place)
{
	switch (field->type)
	{
		case ECAPI_FT_STRING:
			return clean_string(v, field, given, place);
		case ECAPI_FT_INTEGER:
		case ECAPI_FT_FLOAT:
			return clean_number(v, field, given, place);
		case ECAPI_FT_ENUM:
			return clean_enumeration(v, field, given, place);
		case ECAPI_FT_DATE:
			return clean_date(v, field, given, place);
		default:
			break;
	}
	if (given->type != ECAPI_BOOL)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE,
					  "neither true nor false", NULL);
	return ecapi_value_bool(v->arena, given->truth);
}

/*
 * validate.c
 *	  An event as given becomes an event as the standard has it.
 *
 * The field table drives everything: members are sorted into the places that
 * their fields have in the standard, then each is checked by its type and its
 * check, and copied.  Nodes are copied, texts are not.
 *
 * Severity.  What makes a record discardable by the standard, an unknown
 * field outside ext, an identifier that cannot be one, and what is too deep or
 * too much fails the event.  Any other invalid value is left out: a purchase
 * is worth more than its coupon.  null and "" are absent, without a word, and
 * so is [] for an object, which is how PHP writes an empty one.
 *
 * Lenient, only what names, times or prices the event can fail it: members of
 * documents that anybody may have written (unknown, too deep, too many) are left
 * out.
 *
 * Everything is bounded: depth by ECAPI_MAX_DEPTH (which bounds recursion
 * too), arrays of texts by ECAPI_MAX_ELEMENTS, the rest by the size of what was
 * given.  The time is linear in that but for sorting: a hint is looked for as
 * often as violations are kept, not for each of them.
 */
#include "event/validate.h"

#include <stdio.h>
#include <string.h>

#include "event/ascii.h"
#include "event/closest.h"
#include "event/members.h"
#include "event/normalize.h"
#include "event/scan.h"
#include "event/violation.h"

typedef struct Validator
{
	EcapiArena *arena;
	EcapiViolations *violations;
	int64_t		now;
	bool		complete;		/* data_set_id is required */
	bool		lenient;		/* see above */
	bool		never_fails;	/* nothing fails the event: it is only asked */
	bool		has_value;		/* the event has a value: currency matters */
	bool		is_custom;		/* event_type custom: custom_event matters */
} Validator;

static EcapiValue *clean_object(Validator *v, EcapiObject object,
								const EcapiValue *given, const EcapiFieldPlace *place,
								int depth);

static void
report(Validator *v, const EcapiFieldPlace *place, const EcapiField *field,
	   EcapiViolationCode code, bool error, const char *message, const char *hint)
{
	ecapi_violation_add(v->violations, v->arena, place, field, code, error, message, hint);
}

/* null and "" say nothing. */
static bool
is_absent(const EcapiValue *value)
{
	return value == NULL || value->type == ECAPI_NULL ||
		(value->type == ECAPI_STRING && value->len == 0);
}

/* Does an invalid value of this field fail the event? */
static bool
is_fatal(Validator *v, const EcapiField *field)
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
refuse(Validator *v, const EcapiField *field, const EcapiFieldPlace *place,
	   EcapiViolationCode code, const char *message, const char *hint)
{
	report(v, place, field, code, is_fatal(v, field), message, hint);
	return NULL;
}

/* A node of that type over text that lives as long as the result. */
static EcapiValue *
new_text(Validator *v, EcapiType type, const char *text, size_t len)
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
new_integer(Validator *v, int64_t number)
{
	char		text[24];
	int			len = snprintf(text, sizeof(text), "%lld", (long long) number);

	return ecapi_value_text(v->arena, ECAPI_NUMBER, text, (size_t) len);
}

/* The integer as it is, if it is plain digits; else written again. */
static EcapiValue *
same_integer(Validator *v, const EcapiValue *given, const EcapiNumber *number)
{
	if (number->plain && !(number->negative && number->zero))
		return new_text(v, ECAPI_NUMBER, given->text, given->len);
	return new_integer(v, number->whole);
}

static EcapiValue *
clean_timestamp(Validator *v, const EcapiField *field, const EcapiValue *given,
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
clean_event_type(Validator *v, const EcapiField *field, const EcapiValue *given,
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
clean_code(Validator *v, const EcapiField *field, const EcapiValue *given,
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
 * Does an advertising identifier consist of zeros?  Devices whose owner allows
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
as_text(Validator *v, const EcapiValue *given)
{
	if (given->type == ECAPI_NUMBER)
		return new_text(v, ECAPI_STRING, given->text, given->len);
	if (given->type == ECAPI_BOOL)
		return given->truth ? new_text(v, ECAPI_STRING, "true", 4) :
			new_text(v, ECAPI_STRING, "false", 5);
	return given;
}

static EcapiValue *
clean_string(Validator *v, const EcapiField *field, const EcapiValue *given,
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
clean_date(Validator *v, const EcapiField *field, const EcapiValue *given,
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
clean_number(Validator *v, const EcapiField *field, const EcapiValue *given,
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
clean_enumeration(Validator *v, const EcapiField *field, const EcapiValue *given,
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

/* Anything below ext: as it is, but for what no receiver can keep. */
static EcapiValue *
copy_free(Validator *v, const EcapiField *ext, const EcapiValue *given,
		  const EcapiFieldPlace *place, int depth)
{
	EcapiValue *copy;
	EcapiNumber number;
	int			i = 0;

	if (depth > ECAPI_MAX_DEPTH)
	{
		report(v, place, ext, ECAPI_VIOLATION_DEPTH, !v->lenient, "nested too deeply",
			   "An event has at most 32 levels.");
		return NULL;
	}
	if (given->type == ECAPI_NUMBER &&
		!ecapi_scan_number(given->text, given->len, &number))
	{
		report(v, place, ext, ECAPI_VIOLATION_NUMBER, false, "number out of range",
			   "Large numbers can be given as text.");
		return NULL;
	}

	copy = ecapi_value_new(v->arena, given->type);
	if (copy == NULL)
		return NULL;
	copy->truth = given->truth;
	copy->text = given->text;
	copy->len = given->len;
	if (given->type != ECAPI_ARRAY && given->type != ECAPI_OBJECT)
		return copy;

	copy->len = 0;
	for (const EcapiValue *child = given->first; child; child = child->next, i++)
	{
		EcapiFieldPlace	here = {place, child->key, child->keylen, i};
		EcapiValue *kept = copy_free(v, ext, child, &here, depth + 1);

		if (kept)
		{
			kept->key = child->key;
			kept->keylen = child->keylen;
			ecapi_value_append(copy, kept);
		}
	}
	return copy;
}

static EcapiValue *
clean_one(Validator *v, const EcapiField *field, const EcapiValue *given,
		  const EcapiFieldPlace *place, int depth)
{
	EcapiValue *object;

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
		case ECAPI_FT_BOOLEAN:
			if (given->type != ECAPI_BOOL)
				return refuse(v, field, place, ECAPI_VIOLATION_TYPE,
							  "neither true nor false", NULL);
			return ecapi_value_bool(v->arena, given->truth);
		case ECAPI_FT_OBJECT:
		case ECAPI_FT_EXT:
			break;
	}

	if (given->type == ECAPI_ARRAY && given->first == NULL)
		return NULL;
	if (given->type != ECAPI_OBJECT)
		return refuse(v, field, place, ECAPI_VIOLATION_TYPE, "not an object", NULL);
	if (field->type == ECAPI_FT_EXT)
		object = copy_free(v, field, given, place, depth);
	else
		object = clean_object(v, field->child, given, place, depth);
	return object && object->first ? object : NULL;
}

/* An array of the standard; a scalar stands for an array of one. */
static EcapiValue *
clean_many(Validator *v, const EcapiField *field, const EcapiValue *given,
		   const EcapiFieldPlace *place, int depth)
{
	EcapiValue *array = ecapi_value_new(v->arena, ECAPI_ARRAY);
	const EcapiValue *element = given;
	bool		texts = field->type != ECAPI_FT_OBJECT;
	int			i = 0;

	if (array == NULL)
		return NULL;
	if (given->type == ECAPI_ARRAY)
	{
		if (texts && given->len > ECAPI_MAX_ELEMENTS)
		{
			report(v, place, field, ECAPI_VIOLATION_SIZE, !v->lenient,
				   "more than 1000 elements", NULL);
			return NULL;
		}
		element = given->first;
	}

	for (; element; element = element->next, i++)
	{
		EcapiFieldPlace	here = {place, NULL, 0, i};
		const EcapiFieldPlace *at = given->type == ECAPI_ARRAY ? &here : place;
		EcapiValue *kept = NULL;

		if (!is_absent(element))
			kept = clean_one(v, field, element, at, depth + 1);
		if (kept)
			ecapi_value_append(array, kept);
		if (given->type != ECAPI_ARRAY)
			break;
	}
	if (texts && !ecapi_elements_unique(v->arena, array))
		return NULL;
	return array->first ? array : NULL;
}

/* Where a member belongs that is no field of its object. */
static const char *
hint_unknown(Validator *v, EcapiObject object, const EcapiValue *member)
{
	const char *name;

	for (int other = 0; other < ECAPI_OBJECTS; other++)
	{
		if (ecapi_field_lookup(other, member->key, member->keylen))
			return ecapi_violation_quote(v->arena, "There is a field of that name in ",
										 ecapi_object_name(other),
										 strlen(ecapi_object_name(other)), ".");
	}
	name = ecapi_closest(member->key, member->keylen, ecapi_field_name_nth, &object);
	if (name)
		return ecapi_violation_quote(v->arena, "Perhaps you meant the field ",
									 name, strlen(name), ".");
	return "Fields that the standard does not define belong under \"ext\".";
}

/* A member that is no field of its object. */
static void
report_unknown(Validator *v, EcapiObject object, const EcapiValue *member,
			   const EcapiFieldPlace *place)
{
	EcapiFieldPlace	here = {place, member->key, member->keylen, 0};
	const char *hint = NULL;

	/* a look at all names of the standard is dear */
	if (v->violations->errors + v->violations->left_out < ECAPI_MAX_VIOLATIONS)
		hint = hint_unknown(v, object, member);
	report(v, &here, NULL, ECAPI_VIOLATION_UNKNOWN, !v->lenient, "unknown field", hint);
}

/* The field that a member is, with the misprint the standard once had. */
static const EcapiField *
field_of_member(EcapiObject object, const EcapiValue *given, const EcapiValue *member)
{
	const EcapiField *field = ecapi_field_lookup(object, member->key, member->keylen);

	if (field == NULL && object == ECAPI_OBJ_ITEM &&
		member->keylen == strlen("item_item_variant") &&
		memcmp(member->key, "item_item_variant", member->keylen) == 0 &&
		is_absent(ecapi_value_get(given, "item_variant")))
		field = ecapi_field_lookup(object, "item_variant", strlen("item_variant"));
	return field;
}

static EcapiValue *
clean_object(Validator *v, EcapiObject object, const EcapiValue *given,
			 const EcapiFieldPlace *place, int depth)
{
	const EcapiValue *members[ECAPI_OBJECT_MAX_FIELDS];
	int			n = ecapi_field_count(object);
	EcapiValue *clean = ecapi_value_new(v->arena, ECAPI_OBJECT);

	if (clean == NULL)
		return NULL;
	memset(members, 0, (size_t) n * sizeof(members[0]));
	for (const EcapiValue *member = given->first; member; member = member->next)
	{
		const EcapiField *field = field_of_member(object, given, member);

		if (field == NULL)
			report_unknown(v, object, member, place);
		else if (!is_absent(member))
			members[field->position] = member;
	}

	for (int i = 0; i < n; i++)
	{
		const EcapiField *field = ecapi_field_nth(object, i);
		EcapiFieldPlace	here = {place, field->name, field->len, 0};
		EcapiValue *kept;

		if (members[i] == NULL)
		{
			if (field->presence == ECAPI_REQUIRED &&
				(v->complete || strcmp(field->name, "data_set_id") != 0))
				report(v, &here, field, ECAPI_VIOLATION_MISSING, true,
					   "required field is missing", NULL);
			continue;
		}
		if (field->cardinality == ECAPI_MANY)
			kept = clean_many(v, field, members[i], &here, depth + 1);
		else
			kept = clean_one(v, field, members[i], &here, depth + 1);
		if (kept)
		{
			kept->key = field->name;
			kept->keylen = (uint32_t) field->len;
			ecapi_value_append(clean, kept);
		}
	}
	return clean;
}

/* Fields that another field makes required. */
static void
check_conditions(Validator *v, const EcapiValue *given)
{
	static const EcapiFieldPlace currency_code = {NULL, "currency_code", 13, 0};
	static const EcapiFieldPlace custom_event = {NULL, "custom_event", 12, 0};

	if (v->has_value && is_absent(ecapi_value_get(given, "currency_code")))
		report(v, &currency_code,
			   ecapi_field_lookup(ECAPI_OBJ_EVENT, "currency_code", 13), ECAPI_VIOLATION_MISSING, true,
			   "value without a currency",
			   "Give \"currency_code\", a code of ISO 4217, with every \"value\".");
	if (v->is_custom && is_absent(ecapi_value_get(given, "custom_event")))
		report(v, &custom_event,
			   ecapi_field_lookup(ECAPI_OBJ_EVENT, "custom_event", 12), ECAPI_VIOLATION_MISSING, true,
			   "custom event without a name",
			   "Give the event's name in \"custom_event\".");
}

EcapiValue *
ecapi_validate(EcapiArena *arena, const EcapiValue *event, int64_t now,
			   bool complete, EcapiViolations *violations)
{
	EcapiValue *clean;

	ecapi_violations_init(violations, NULL, NULL);
	clean = ecapi_validate_into(arena, event, now, complete, false, violations);
	return violations->errors == 0 ? clean : NULL;
}

EcapiValue *
ecapi_validate_into(EcapiArena *arena, const EcapiValue *event, int64_t now,
					bool complete, bool lenient, EcapiViolations *violations)
{
	Validator	v = {.arena = arena, .violations = violations, .now = now,
		.complete = complete, .lenient = lenient};
	const EcapiValue *type;
	EcapiValue *clean;

	if (event->type != ECAPI_OBJECT)
	{
		report(&v, NULL, NULL, ECAPI_VIOLATION_TYPE, true, "event is not a JSON object", NULL);
		return NULL;
	}

	type = ecapi_value_get(event, "event_type");
	v.has_value = !is_absent(ecapi_value_get(event, "value"));
	v.is_custom = type && type->type == ECAPI_STRING && strcmp(type->text, "custom") == 0;

	clean = clean_object(&v, ECAPI_OBJ_EVENT, event, NULL, 1);
	check_conditions(&v, event);
	return arena->failed ? NULL : clean;
}

bool
ecapi_validate_member(EcapiArena *arena, const EcapiField *field, const EcapiValue *value,
					  int64_t now, EcapiViolations *violations)
{
	Validator	v = {.arena = arena, .violations = violations, .now = now,
		.lenient = true, .never_fails = true};
	EcapiFieldPlace	here = {NULL, field->name, field->len, 0};

	if (field->presence != ECAPI_REQUIRED && field->presence != ECAPI_CONDITIONAL &&
		field->check != ECAPI_CHECK_ID && field->check != ECAPI_CHECK_CURRENCY &&
		field->type != ECAPI_FT_FLOAT)
		return true;
	return clean_one(&v, field, value, &here, 1) != NULL;
}

/*
 * validate.c
 *	  An event as given becomes an event as the standard has it.
 *
 * The field table drives everything: members are sorted into the places that
 * their fields have in the standard, then each is checked by its type and its
 * check (validate_scalar.c), and copied.  Nodes are copied, texts are not.
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

#include <string.h>

#include "event/closest.h"
#include "event/ext_member.h"
#include "event/members.h"
#include "event/scan.h"
#include "event/validate_internal.h"

static EcapiValue *clean_object(EcapiValidator *v, EcapiObject object,
								const EcapiValue *given, const EcapiFieldPlace *place,
								int depth);

/* null and "" say nothing. */
static bool
is_absent(const EcapiValue *value)
{
	return value == NULL || value->type == ECAPI_NULL ||
		(value->type == ECAPI_STRING && value->len == 0);
}

/* Anything below ext: as it is, but for what no receiver can keep. */
static EcapiValue *
copy_free(EcapiValidator *v, const EcapiField *ext, const EcapiValue *given,
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

/*
 * An ext, without what others than we cannot say: an event that named itself an
 * amendment would be held back for want of its original.
 */
static EcapiValue *
clean_ext(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
		  const EcapiFieldPlace *place, int depth)
{
	EcapiValue *copy = copy_free(v, field, given, place, depth);
	EcapiValue *member;
	EcapiValue *next;

	if (copy == NULL || v->ours)
		return copy;
	member = copy->first;
	copy->first = copy->last = NULL;
	copy->len = 0;
	for (; member; member = next)
	{
		EcapiFieldPlace	here = {place, member->key, member->keylen, 0};

		next = member->next;
		if (ecapi_ext_member_author(field->object, member->key) == ECAPI_EXT_BY_US)
			report(v, &here, field, ECAPI_VIOLATION_SOURCE, false,
				   "set by ecapi.amend() and ecapi.cancel() alone", NULL);
		else
			ecapi_value_append(copy, member);
	}
	return copy;
}

static EcapiValue *
clean_one(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
		  const EcapiFieldPlace *place, int depth)
{
	EcapiValue *object;

	if (field->type != ECAPI_FT_OBJECT && field->type != ECAPI_FT_EXT)
		return ecapi_validate_scalar(v, field, given, place);
	if (given->type == ECAPI_ARRAY && given->first == NULL)
		return NULL;
	if (given->type != ECAPI_OBJECT)
	{
		report(v, place, field, ECAPI_VIOLATION_TYPE, ecapi_validator_is_fatal(v, field),
			   "not an object", NULL);
		return NULL;
	}
	if (field->type == ECAPI_FT_EXT)
		object = clean_ext(v, field, given, place, depth);
	else
		object = clean_object(v, field->child, given, place, depth);
	return object && object->first ? object : NULL;
}

/* An array of the standard; a scalar stands for an array of one. */
static EcapiValue *
clean_many(EcapiValidator *v, const EcapiField *field, const EcapiValue *given,
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
hint_unknown(EcapiValidator *v, EcapiObject object, const EcapiValue *member)
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
report_unknown(EcapiValidator *v, EcapiObject object, const EcapiValue *member,
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
clean_object(EcapiValidator *v, EcapiObject object, const EcapiValue *given,
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
check_conditions(EcapiValidator *v, const EcapiValue *given)
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

static EcapiValue *
validate(EcapiValidator *v, const EcapiValue *event)
{
	const EcapiValue *type;
	EcapiValue *clean;

	if (event->type != ECAPI_OBJECT)
	{
		report(v, NULL, NULL, ECAPI_VIOLATION_TYPE, true, "event is not a JSON object", NULL);
		return NULL;
	}

	type = ecapi_value_get(event, "event_type");
	v->has_value = !is_absent(ecapi_value_get(event, "value"));
	v->is_custom = type && type->type == ECAPI_STRING && strcmp(type->text, "custom") == 0;

	clean = clean_object(v, ECAPI_OBJ_EVENT, event, NULL, 1);
	check_conditions(v, event);
	return v->arena->failed ? NULL : clean;
}

EcapiValue *
ecapi_validate(EcapiArena *arena, const EcapiValue *event, int64_t now,
			   bool complete, EcapiViolations *violations)
{
	EcapiValidator v = {.arena = arena, .violations = violations, .now = now,
		.complete = complete, .ours = true};
	EcapiValue *clean;

	ecapi_violations_init(violations, NULL, NULL);
	clean = validate(&v, event);
	return violations->errors == 0 ? clean : NULL;
}

EcapiValue *
ecapi_validate_into(EcapiArena *arena, const EcapiValue *event, int64_t now,
					bool complete, bool lenient, EcapiViolations *violations)
{
	EcapiValidator v = {.arena = arena, .violations = violations, .now = now,
		.complete = complete, .lenient = lenient};

	return validate(&v, event);
}

bool
ecapi_validate_member(EcapiArena *arena, const EcapiField *field, const EcapiValue *value,
					  int64_t now, EcapiViolations *violations)
{
	EcapiValidator v = {.arena = arena, .violations = violations, .now = now,
		.lenient = true, .never_fails = true};
	EcapiFieldPlace	here = {NULL, field->name, field->len, 0};

	if (field->presence != ECAPI_REQUIRED && field->presence != ECAPI_CONDITIONAL &&
		field->check != ECAPI_CHECK_ID && field->check != ECAPI_CHECK_CURRENCY &&
		field->type != ECAPI_FT_FLOAT)
		return true;
	return clean_one(&v, field, value, &here, 1) != NULL;
}

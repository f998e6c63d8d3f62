/*
 * member.c
 *	  Members of objects by what they are.
 *
 * No I/O, no state, no memory.
 */
#include "destination/member.h"

#include <string.h>

#include "event/scan.h"

static const EcapiValue *
member(const EcapiValue *object, const char *name)
{
	return object ? ecapi_value_get(object, name) : NULL;
}

const EcapiValue *
ecapi_member_text(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = member(object, name);

	return ecapi_value_is_text(value) ? value : NULL;
}

const EcapiValue *
ecapi_member_number(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = member(object, name);
	EcapiNumber number;

	if (value == NULL || value->type != ECAPI_NUMBER ||
		!ecapi_scan_number(value->text, value->len, &number))
		return NULL;
	return value;
}

const EcapiValue *
ecapi_member_scalar(const EcapiValue *object, const char *name)
{
	const EcapiValue *text = ecapi_member_text(object, name);

	return text ? text : ecapi_member_number(object, name);
}

const EcapiValue *
ecapi_member_object(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = member(object, name);

	return value && value->type == ECAPI_OBJECT ? value : NULL;
}

const EcapiValue *
ecapi_member_url(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = ecapi_member_text(object, name);

	if (value == NULL || !ecapi_scan_url(value->text, value->len) ||
		(strncmp(value->text, "https://", 8) != 0 && strncmp(value->text, "http://", 7) != 0))
		return NULL;
	return value;
}

bool
ecapi_member_is_true(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = member(object, name);

	return value && value->type == ECAPI_BOOL && value->truth;
}

int
ecapi_member_integer(const EcapiValue *object, const char *name, int otherwise)
{
	const EcapiValue *value = ecapi_member_number(object, name);
	EcapiNumber number;

	if (value == NULL || !ecapi_scan_number(value->text, value->len, &number) ||
		!number.integral || number.whole < 0 || number.whole > INT32_MAX)
		return otherwise;
	return (int) number.whole;
}

const EcapiValue *
ecapi_member_first(const EcapiValue *value)
{
	return value && value->type == ECAPI_ARRAY ? value->first : value;
}

const EcapiValue *
ecapi_member_next(const EcapiValue *value, const EcapiValue *one)
{
	return value->type == ECAPI_ARRAY ? one->next : NULL;
}

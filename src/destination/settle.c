/*
 * settle.c
 *	  What depends on a country, before the country is taken away.
 *
 * Formats normalize and hash telephone numbers and postal codes by the country of
 * the address beside them.  For a destination that is not to have that country,
 * they would take the default instead, and make another person's number of it.
 * So both get their normal forms here: a number with its country code and a compact
 * postal code are the same under any country, or invalid, but never another one.
 *
 * No locks, no state.
 */
#include "destination/country.h"

#include <string.h>

#include "destination/map.h"
#include "destination/settle.h"
#include "event/normalize.h"

typedef struct Settler
{
	EcapiArena *arena;
	EcapiRule	rule;
	const char *country;		/* NULL: none is certain */
} Settler;

/* One text or number in its normal form; what is a digest stays one. */
static const EcapiValue *
settle(void *arg, const EcapiValue *value)
{
	Settler    *settler = arg;
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(settler->arena, value, settle, settler);
	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
		return value;
	ecapi_buffer_over(&normal, memory, sizeof(memory));
	switch (ecapi_normalize(settler->rule, value->text, value->len, settler->country,
							&normal))
	{
		case ECAPI_NORMALIZED_DIGEST:
			return value;
		case ECAPI_NORMALIZED:
			if (normal.len == value->len && memcmp(normal.data, value->text, normal.len) == 0)
				return value;
			return ecapi_value_text(settler->arena, ECAPI_STRING, normal.data, normal.len);
		case ECAPI_NORMALIZED_NO_MEMORY:
			settler->arena->failed = true;
			return NULL;
		default:
			return NULL;
	}
}

static const EcapiValue *
settle_address(void *arg, const EcapiValue *address)
{
	EcapiArena *arena = arg;
	Settler		settler = {arena, ECAPI_RULE_POSTAL, NULL};
	const EcapiValue *code = ecapi_value_get(address, "postal_code");
	const EcapiValue *settled;

	if (address->type == ECAPI_ARRAY)
		return ecapi_value_map(arena, address, settle_address, arena);
	settler.country = ecapi_country_of_address(address);
	if (code == NULL || settler.country == NULL)
		return address;
	settled = settle(&settler, code);
	return ecapi_value_with(arena, address, "postal_code", settled);
}

static const EcapiValue *
settle_user(EcapiArena *arena, const EcapiValue *user_data)
{
	static const char untold[] = "";
	Settler		settler = {arena, ECAPI_RULE_PHONE, NULL};
	const EcapiValue *phones = ecapi_value_get(user_data, "phone_numbers");
	const EcapiValue *addresses = ecapi_value_get(user_data, "address");

	if (user_data->type != ECAPI_OBJECT || addresses == NULL)
		return user_data;
	settler.country = ecapi_country_of_user(user_data, untold);
	if (phones && settler.country != untold)
		user_data = ecapi_value_with(arena, user_data, "phone_numbers",
									 settle(&settler, phones));
	return ecapi_value_with(arena, user_data, "address", settle_address(arena, addresses));
}

static const EcapiValue *
settle_member(void *arg, const EcapiValue *child)
{
	return strcmp(child->key, "user_data") == 0 ? settle_user(arg, child) : child;
}

const EcapiValue *
ecapi_settle_country(EcapiArena *arena, const EcapiValue *event)
{
	return ecapi_value_map(arena, event, settle_member, arena);
}

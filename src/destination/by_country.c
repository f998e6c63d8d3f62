/*
 * by_country.c
 *	  What depends on a country, before the country is taken away.
 *
 * Formats normalize and hash telephone numbers and postal codes by the country of
 * the address beside them.  For a destination that is not to have that country,
 * they would take the default instead, and make another person's number of it.
 * So both get their normal forms here: a number with its country code and a compact
 * postal code are the same under any country, or invalid, but never another one.
 * The form of a postal code is the format's; where it asks for no country, nothing is
 * lost with it, and the code stays.
 *
 * No locks, no state.
 */
#include "destination/by_country.h"

#include <string.h>

#include "destination/country.h"
#include "destination/identity.h"
#include "destination/map.h"
#include "event/normalize.h"

typedef struct Normalizer
{
	EcapiArena *arena;
	EcapiRule	rule;
	const char *country;		/* NULL: none is certain */
} Normalizer;

/* One text or number in its normal form; what is a digest stays one. */
static const EcapiValue *
normalize(void *arg, const EcapiValue *value)
{
	Normalizer *by = arg;
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(by->arena, value, normalize, by);
	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
		return value;
	ecapi_buffer_over(&normal, memory, sizeof(memory));
	switch (ecapi_normalize(by->rule, value->text, value->len, by->country, &normal))
	{
		case ECAPI_NORMALIZED_DIGEST:
			return value;
		case ECAPI_NORMALIZED:
			if (normal.len == value->len && memcmp(normal.data, value->text, normal.len) == 0)
				return value;
			return ecapi_value_text(by->arena, ECAPI_STRING, normal.data, normal.len);
		case ECAPI_NORMALIZED_NO_MEMORY:
			by->arena->failed = true;
			return NULL;
		default:
			return NULL;
	}
}

/* arg: a Normalizer with the rule of postal codes. */
static const EcapiValue *
address_by_country(void *arg, const EcapiValue *address)
{
	Normalizer	normalizer = *(const Normalizer *) arg;
	const EcapiValue *code = ecapi_value_get(address, "postal_code");
	const EcapiValue *normal;

	if (address->type == ECAPI_ARRAY)
		return ecapi_value_map(normalizer.arena, address, address_by_country, arg);
	normalizer.country = ecapi_country_of_address(address);
	if (code == NULL || normalizer.country == NULL)
		return address;
	normal = normalize(&normalizer, code);
	return ecapi_value_with(normalizer.arena, address, "postal_code", normal);
}

static const EcapiValue *
addresses_by_country(EcapiArena *arena, const char *format, const EcapiValue *addresses)
{
	const EcapiIdentityRule *rule = ecapi_identity_rule(format, "user_data.address.postal_code");
	Normalizer	normalizer = {arena, ECAPI_RULE_NONE, NULL};

	if (rule == NULL || !ecapi_rule_needs_country(rule->rule))
		return addresses;
	normalizer.rule = rule->rule;
	return address_by_country(&normalizer, addresses);
}

static const EcapiValue *
user_by_country(EcapiArena *arena, const char *format, const EcapiValue *user_data)
{
	static const char uncertain[] = "";
	Normalizer	normalizer = {arena, ECAPI_RULE_PHONE, NULL};
	const EcapiValue *phones = ecapi_value_get(user_data, "phone_numbers");
	const EcapiValue *addresses = ecapi_value_get(user_data, "address");

	if (user_data->type != ECAPI_OBJECT || addresses == NULL)
		return user_data;
	normalizer.country = ecapi_country_of_user(user_data, uncertain);
	if (phones && normalizer.country != uncertain)
		user_data = ecapi_value_with(arena, user_data, "phone_numbers",
									 normalize(&normalizer, phones));
	return ecapi_value_with(arena, user_data, "address",
							addresses_by_country(arena, format, addresses));
}

typedef struct ByCountry
{
	EcapiArena *arena;
	const char *format;
} ByCountry;

static const EcapiValue *
member_by_country(void *arg, const EcapiValue *child)
{
	const ByCountry *by = arg;

	return strcmp(child->key, "user_data") == 0 ?
		user_by_country(by->arena, by->format, child) : child;
}

const EcapiValue *
ecapi_normalize_by_country(EcapiArena *arena, const char *format, const EcapiValue *event)
{
	ByCountry	by = {arena, format};

	return ecapi_value_map(arena, event, member_by_country, &by);
}

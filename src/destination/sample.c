/*
 * sample.c
 *	  One name for a person, and which persons are in a sample.
 *
 * Identifiers are taken in a fixed order, the steadiest first, so that two events
 * of one person that carry the same identifiers are always judged alike, and in
 * their normal forms, so that how they are typed makes no difference.  What has
 * no normal form is passed over, not hashed as it is.
 *
 * No locks, no state.
 */
#include "destination/sample.h"

#include <stdio.h>
#include <string.h>

#include "destination/country.h"

#define SAMPLE_PREFIX	"ecapi:sample:"

/*
 * The digest of a value, or of the first in an array that has one.  member names
 * what holds it where the values are objects; else it is NULL.
 */
static bool
digest_of(const EcapiValue *value, const char *member, EcapiRule rule,
		  const char *country, char hex[ECAPI_HEX_SIZE])
{
	const EcapiValue *element;
	EcapiNormalized result;

	if (value && value->type == ECAPI_ARRAY)
	{
		for (element = value->first; element; element = element->next)
		{
			if (element->type != ECAPI_ARRAY &&
				digest_of(element, member, rule, country, hex))
				return true;
		}
		return false;
	}
	if (member)
		value = ecapi_value_get(value, member);
	if (value == NULL || (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER))
		return false;
	result = ecapi_digest_field(NULL, rule, value->text, value->len, country, hex);
	return result == ECAPI_NORMALIZED || result == ECAPI_NORMALIZED_DIGEST;
}

bool
ecapi_sample_person(const EcapiValue *event, const char *default_country,
					char hex[ECAPI_HEX_SIZE])
{
	static const struct
	{
		const char *name;
		const char *member;
		EcapiRule	rule;
	}			order[] = {
		{"customer_identifier", NULL, ECAPI_RULE_IDENTIFIER},
		{"email_address", NULL, ECAPI_RULE_EMAIL},
		{"phone_numbers", NULL, ECAPI_RULE_PHONE},
		{"uids", "id", ECAPI_RULE_IDENTIFIER},
		{"ifa", NULL, ECAPI_RULE_IDENTIFIER},
		{"click_id", NULL, ECAPI_RULE_IDENTIFIER}
	};
	const EcapiValue *user_data = ecapi_value_get(event, "user_data");
	const char *country = ecapi_country_of_user(user_data, default_country);
	size_t		i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
	{
		if (digest_of(ecapi_value_get(user_data, order[i].name), order[i].member,
					  order[i].rule, country, hex))
			return true;
	}
	return false;
}

void
ecapi_sample_digest(const EcapiValue *event, const char *default_country,
					char hex[ECAPI_HEX_SIZE])
{
	if (!ecapi_sample_person(event, default_country, hex) &&
		!digest_of(ecapi_value_get(event, "id"), NULL, ECAPI_RULE_IDENTIFIER, NULL, hex))
		hex[0] = '\0';
}

double
ecapi_sample_share(const EcapiValue *event, const char *default_country)
{
	char		text[sizeof(SAMPLE_PREFIX) + ECAPI_HEX_LEN] = SAMPLE_PREFIX;
	char		hex[ECAPI_HEX_SIZE];
	unsigned	first = 0;

	ecapi_sample_digest(event, default_country, text + strlen(SAMPLE_PREFIX));
	if (ecapi_sha256(text, strlen(text), hex))
		sscanf(hex, "%8x", &first);
	return first / 4294967296.0;
}

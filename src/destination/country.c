/*
 * country.c
 *	  Where the person of an event lives, by the addresses.
 *
 * Telephone numbers and postal codes have one form only within a country.  Every
 * format and every step before it asks here, so that all take the same one.
 *
 * No locks, no state.
 */
#include "destination/country.h"

#include <string.h>

#include "event/codes.h"

const char *
ecapi_country_of_address(const EcapiValue *address)
{
	const EcapiValue *code = ecapi_value_get(address, "country_code");

	if (code == NULL || code->type != ECAPI_STRING)
		return NULL;
	return ecapi_country_lookup(code->text, code->len);
}

const char *
ecapi_country_of_user(const EcapiValue *user_data, const char *default_country)
{
	const EcapiValue *addresses = ecapi_value_get(user_data, "address");
	const EcapiValue *address;
	const char *country = NULL;

	if (addresses == NULL)
		return default_country;
	if (addresses->type != ECAPI_ARRAY)
	{
		country = ecapi_country_of_address(addresses);
		return country ? country : default_country;
	}
	for (address = addresses->first; address; address = address->next)
	{
		const char *other = ecapi_country_of_address(address);

		if (other && country && strcmp(country, other) != 0)
			return NULL;
		if (other)
			country = other;
	}
	return country ? country : default_country;
}

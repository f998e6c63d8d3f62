/*
 * codes.c
 *	  ISO 4217 and ISO 3166-1: currencies and countries.
 *
 * The lists are currencies.def and countries.def.  Both are sorted by the
 * code that events nearly always carry, which is found by halving; the other
 * ways to name a country are searched from the start.
 *
 * Everything here is constant.
 */
#include "event/codes.h"

#include <string.h>

#include "event/ascii.h"

typedef struct Currency
{
	char		code[4];
	int			exponent;
} Currency;

static const Currency currencies[] = {
#define ECAPI_CURRENCY(code, exponent) {code, exponent},
#include "event/currencies.def"
#undef ECAPI_CURRENCY
};

#define NCURRENCIES ((int) (sizeof(currencies) / sizeof(currencies[0])))

typedef struct Country
{
	char		alpha2[3];
	char		alpha3[4];
	const char *name;
} Country;

static const Country countries[] = {
#define ECAPI_COUNTRY(alpha2, alpha3, name) {alpha2, alpha3, name},
#define ECAPI_COUNTRY_NAME(alpha2, name)
#include "event/countries.def"
#undef ECAPI_COUNTRY
#undef ECAPI_COUNTRY_NAME
};

#define NCOUNTRIES ((int) (sizeof(countries) / sizeof(countries[0])))

static const struct
{
	char		alpha2[3];
	const char *name;
}			country_names[] =
{
#define ECAPI_COUNTRY(alpha2, alpha3, name)
#define ECAPI_COUNTRY_NAME(alpha2, name) {alpha2, name},
#include "event/countries.def"
#undef ECAPI_COUNTRY
#undef ECAPI_COUNTRY_NAME
};

#define NCOUNTRY_NAMES ((int) (sizeof(country_names) / sizeof(country_names[0])))

/* strncasecmp() for ASCII alone. */
static int
compare_folded(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		char		x = ecapi_lower(a[i]);
		char		y = ecapi_lower(b[i]);

		if (x != y)
			return (unsigned char) x < (unsigned char) y ? -1 : 1;
	}
	return 0;
}

const void *
ecapi_code_find(const void *rows, int n, size_t width, const char *code, size_t len)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *row = (const char *) rows + (size_t) middle * width;
		int			order = compare_folded(code, row, len);

		if (order == 0)
			return row;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *
ecapi_currency_lookup(const char *code, size_t len, int *exponent)
{
	const Currency *found = NULL;

	if (len == 3)
		found = ecapi_code_find(currencies, NCURRENCIES, sizeof(Currency), code, 3);
	if (found == NULL)
		return NULL;
	if (exponent)
		*exponent = found->exponent;
	return found->code;
}

const char *
ecapi_currency_nth(int i, void *arg)
{
	(void) arg;
	return i < 0 || i >= NCURRENCIES ? NULL : currencies[i].code;
}

const char *
ecapi_country_name_nth(int i, void *arg)
{
	(void) arg;
	return i < 0 || i >= NCOUNTRIES ? NULL : countries[i].name;
}

static bool
same_name(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && compare_folded(name, text, len) == 0;
}

const char *
ecapi_country_lookup(const char *text, size_t len)
{
	const Country *found = NULL;

	if (len == 2)
		found = ecapi_code_find(countries, NCOUNTRIES, sizeof(Country), text, 2);
	if (found)
		return found->alpha2;
	for (int i = 0; i < NCOUNTRIES; i++)
	{
		if (same_name(countries[i].alpha3, text, len) ||
			same_name(countries[i].name, text, len))
			return countries[i].alpha2;
	}
	for (int i = 0; i < NCOUNTRY_NAMES; i++)
	{
		if (same_name(country_names[i].name, text, len))
			return country_names[i].alpha2;
	}
	return NULL;
}

bool
ecapi_country_has_zip(const char *country)
{
	static const char *const countries_with_zip[] = {"us", "pr", "vi", "gu", "as", "mp"};

	for (size_t i = 0; i < sizeof(countries_with_zip) / sizeof(countries_with_zip[0]); i++)
		if (country != NULL && strcmp(country, countries_with_zip[i]) == 0)
			return true;
	return false;
}

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
#include "event/fields.h"

#include <string.h>

static const struct
{
	char		code[4];
	int			exponent;
}			currencies[] =
{
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

/*
 * strncasecmp() for ASCII alone: that one asks the locale, where "I" may have
 * another lower case.
 */
static int
compare_folded(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		char		x = a[i];
		char		y = b[i];

		if (x >= 'A' && x <= 'Z')
			x = (char) (x - 'A' + 'a');
		if (y >= 'A' && y <= 'Z')
			y = (char) (y - 'A' + 'a');
		if (x != y)
			return (unsigned char) x < (unsigned char) y ? -1 : 1;
	}
	return 0;
}

const char *
ecapi_currency_lookup(const char *code, size_t len, int *exponent)
{
	int			low = 0;
	int			high = NCURRENCIES;

	if (len != 3)
		return NULL;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = compare_folded(code, currencies[middle].code, 3);

		if (order == 0)
		{
			if (exponent)
				*exponent = currencies[middle].exponent;
			return currencies[middle].code;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *
ecapi_currency_nth(int i, void *arg)
{
	(void) arg;
	return i < 0 || i >= NCURRENCIES ? NULL : currencies[i].code;
}

static const char *
find_alpha2(const char *code)
{
	int			low = 0;
	int			high = NCOUNTRIES;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = compare_folded(code, countries[middle].alpha2, 2);

		if (order == 0)
			return countries[middle].alpha2;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
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
	const char *code = len == 2 ? find_alpha2(text) : NULL;

	if (code)
		return code;
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

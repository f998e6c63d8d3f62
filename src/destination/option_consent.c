/*
 * option_consent.c
 *	  The options of a destination that say what it does with events, for consent strings.
 *
 * The defaults are the format's: what large platforms for ads do by their own terms, and
 * for a receiver of one's own, which gets the string itself, measurement.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "destination/option.h"

/* Purposes that an ads platform's conversion interface needs: device access, measurement. */
#define DEFAULT_PURPOSES	(1u << 1 | 1u << 7)

/* Purposes there are bits for in a string. */
#define PURPOSES			24

static const struct
{
	const char *name;
	unsigned	use;
}			uses[] = {
	{"sale_or_share", ECAPI_USE_SALE_OR_SHARE},
	{"targeted_ads", ECAPI_USE_TARGETED_ADS},
	{"measurement", ECAPI_USE_MEASUREMENT}
};

static const char *
nth_use(int i, void *arg)
{
	return i < lengthof(uses) ? uses[i].name : NULL;
}

static unsigned
find_use(const char *entry, size_t len)
{
	for (int i = 0; i < lengthof(uses); i++)
	{
		if (strlen(uses[i].name) == len && memcmp(uses[i].name, entry, len) == 0)
			return uses[i].use;
	}
	return 0;
}

bool
ecapi_option_read_uses(const EcapiOption *option, const char *value, EcapiOptions *options,
					   EcapiOptionProblem *problem)
{
	const char *entry;
	size_t		len;
	unsigned	all = 0;

	while (value != NULL)
	{
		unsigned	use;

		value = ecapi_option_entry(value, &entry, &len);
		use = find_use(entry, len);
		if (use == 0)
		{
			ecapi_option_wrong(option, pnstrdup(entry, len), problem);
			ecapi_option_hint_names(entry, len, nth_use, NULL, problem);
			return false;
		}
		all |= use;
	}
	options->terms.uses = all;
	return true;
}

bool
ecapi_option_read_restricted(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem)
{
	options->terms.restricted = strcmp(value, "allow") == 0;
	return options->terms.restricted || strcmp(value, "deny") == 0 ||
		ecapi_option_wrong(option, value, problem);
}

bool
ecapi_option_read_tcf_purposes(const EcapiOption *option, const char *value,
							   EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *list = value;
	const char *entry;
	size_t		len;
	uint32_t	all = 0;

	while (list != NULL)
	{
		char		number[4];
		char	   *end;
		long		purpose;

		list = ecapi_option_entry(list, &entry, &len);
		if (len == 0 || len >= sizeof(number))
			return ecapi_option_wrong(option, value, problem);
		memcpy(number, entry, len);
		number[len] = '\0';
		purpose = strtol(number, &end, 10);
		if (*end != '\0' || purpose < 1 || purpose > PURPOSES)
			return ecapi_option_wrong(option, value, problem);
		all |= 1u << purpose;
	}
	options->terms.tcf_purposes = all;
	return true;
}

void
ecapi_option_consent_defaults(EcapiOptions *options)
{
	const EcapiFormat *format = options->format;

	options->terms.gpp = format->gets_consent ? ECAPI_GPP_IGNORED : ECAPI_GPP_IF_PRESENT;
	options->terms.uses = format->uses != 0 ? format->uses
		: ECAPI_USE_SALE_OR_SHARE | ECAPI_USE_TARGETED_ADS | ECAPI_USE_MEASUREMENT;
	options->terms.tcf_purposes = DEFAULT_PURPOSES;
}

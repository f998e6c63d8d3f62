/*
 * option_consent.c
 *	  The options of a destination that say what it does with events, for consent strings.
 *
 * Where none is given, the format says it: ecapi_format_terms().
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "destination/option.h"

/* Purposes there are bits for in a string. */
#define PURPOSES			24

/* A word of a list, and the bit that stands for it. */
typedef struct Word
{
	const char *name;			/* NULL: the end */
	unsigned	bit;
} Word;

static const Word uses[] = {
	{"sale_or_share", ECAPI_USE_SALE_OR_SHARE},
	{"targeted_ads", ECAPI_USE_TARGETED_ADS},
	{"measurement", ECAPI_USE_MEASUREMENT},
	{NULL, 0}
};

static const Word sensitive[] = {
	{"race", ECAPI_SENSITIVE_RACE},
	{"religion", ECAPI_SENSITIVE_RELIGION},
	{"health", ECAPI_SENSITIVE_HEALTH},
	{"sexual_orientation", ECAPI_SENSITIVE_SEX},
	{"citizenship", ECAPI_SENSITIVE_CITIZENSHIP},
	{"genetic", ECAPI_SENSITIVE_GENETIC},
	{"biometric", ECAPI_SENSITIVE_BIOMETRIC},
	{"precise_location", ECAPI_SENSITIVE_LOCATION},
	{"government_id", ECAPI_SENSITIVE_GOVERNMENT_ID},
	{"financial_account", ECAPI_SENSITIVE_FINANCIAL},
	{"union_membership", ECAPI_SENSITIVE_UNION},
	{"message_contents", ECAPI_SENSITIVE_MESSAGES},
	{"crime_victim", ECAPI_SENSITIVE_CRIME_VICTIM},
	{"national_origin", ECAPI_SENSITIVE_NATIONAL_ORIGIN},
	{"transgender", ECAPI_SENSITIVE_TRANSGENDER},
	{NULL, 0}
};

static const char *
nth_word(int i, void *arg)
{
	const Word *words = arg;

	return words[i].name;
}

/* The bits of a list of words. */
static bool
read_words(const EcapiOption *option, const char *value, const Word *words, unsigned *bits,
		   EcapiOptionProblem *problem)
{
	const char *entry;
	size_t		len;

	*bits = 0;
	while (value != NULL)
	{
		const Word *word = words;

		value = ecapi_option_entry(value, &entry, &len);
		while (word->name != NULL &&
			   (strlen(word->name) != len || memcmp(word->name, entry, len) != 0))
			word++;
		if (word->name == NULL)
		{
			ecapi_option_wrong(option, pnstrdup(entry, len), problem);
			ecapi_option_hint_names(entry, len, nth_word, unconstify(Word *, words), problem);
			return false;
		}
		*bits |= word->bit;
	}
	return true;
}

bool
ecapi_option_read_uses(const EcapiOption *option, const char *value, EcapiOptions *options,
					   EcapiOptionProblem *problem)
{
	return read_words(option, value, uses, &options->terms.uses, problem);
}

bool
ecapi_option_read_sensitive(const EcapiOption *option, const char *value,
							EcapiOptions *options, EcapiOptionProblem *problem)
{
	return read_words(option, value, sensitive, &options->terms.sensitive, problem);
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

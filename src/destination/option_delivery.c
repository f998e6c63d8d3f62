/*
 * option_delivery.c
 *	  The options of a destination that say where and how requests go.
 *
 * Readers of those whose values are of no common kind (option_kind.c).  None of them
 * shows a url, a token or a header (option_problem.c).
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "delivery/token.h"
#include "destination/option.h"
#include "event/ascii.h"

static const char *
format_nth(int i, void *arg)
{
	const EcapiFormat *format = ecapi_format_nth(i);

	return format ? format->name : NULL;
}

bool
ecapi_option_read_format(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	options->format = ecapi_format_lookup(value);
	if (options->format)
		return true;
	ecapi_option_wrong(option, value, problem);
	ecapi_option_hint_names(value, strlen(value), format_nth, NULL, problem);
	return false;
}

bool
ecapi_option_read_url(const EcapiOption *option, const char *value,
					  EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (ecapi_option_read_checked(option, value, options, problem))
		return true;
	if (strstr(problem->detail, "password") || strstr(problem->detail, "credential"))
		strlcpy(problem->hint,
				"Server options can be read by everybody. Put the credential into the option \"header_file\" or \"access_token_file\" of the user mapping.",
				sizeof(problem->hint));
	return false;
}

bool
ecapi_option_read_batch_size(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem)
{
	int			max = options->format->max_batch;

	if (ecapi_option_number(option, value, max, &options->batch_size, problem))
		return true;
	snprintf(problem->detail, sizeof(problem->detail),
			 "The format \"%s\" takes 1 to %d events in a request.",
			 options->format->name, max);
	return false;
}

/* Two numbers with a slash between and nothing else. */
bool
ecapi_option_split_origin(const char *value, EcapiOrigin *origin)
{
	unsigned long long system;
	unsigned int database;
	int			end = 0;

	if (strspn(value, "0123456789/") != strlen(value) || strlen(value) > 31 ||
		sscanf(value, "%llu/%u%n", &system, &database, &end) != 2 || value[end] != '\0')
		return false;
	origin->system_identifier = system;
	origin->database = database;
	return true;
}

bool
ecapi_option_read_origin(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	EcapiOrigin origin;

	return ecapi_option_split_origin(value, &origin) || ecapi_option_wrong(option, value, problem);
}

/* The platform's own limit may be lowered but not raised. */

/* One request in a quarter of an hour is the slowest that makes sense. */
#define MIN_RATE	0.001
#define MAX_RATE	10000.0

bool
ecapi_option_read_rate_limit(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem)
{
	double		max = options->format->requests_a_minute / 60.0;
	double		rate;

	/* written so that what is not a number is refused */
	if (!parse_real(value, &rate, 0, NULL) ||
		!(rate == 0 || (rate >= MIN_RATE && rate <= MAX_RATE)))
		return ecapi_option_wrong(option, value, problem);
	if (max > 0 && rate > max)
	{
		ecapi_option_wrong(option, value, problem);
		snprintf(problem->detail, sizeof(problem->detail),
				 "The format \"%s\" takes %d requests a minute.",
				 options->format->name, options->format->requests_a_minute);
		return false;
	}
	options->rate_limit = rate > 0 ? rate : max;
	return true;
}

bool
ecapi_option_read_batch_wrapper(const EcapiOption *option, const char *value,
								EcapiOptions *options, EcapiOptionProblem *problem)
{
	size_t		i;

	if (!options->format->takes_wrapper)
		return ecapi_option_wrong_because(option, value,
										  "This format's requests have the shape that the platform wants.",
										  "Leave the option out.", problem);
	if (strcmp(value, "array") == 0)
	{
		options->wrapper = ECAPI_WRAP_ARRAY;
		return true;
	}
	for (i = 0; value[i] != '\0'; i++)
	{
		if (!ecapi_is_letter(value[i]) && !ecapi_is_digit(value[i]) &&
			strchr("_-.", value[i]) == NULL)
			return ecapi_option_wrong(option, value, problem);
	}
	if (i == 0 || i > 64)
		return ecapi_option_wrong(option, value, problem);
	options->wrapper = ECAPI_WRAP_KEY;
	ecapi_option_store(option, options, value);
	return true;
}

bool
ecapi_option_read_dedupe_key(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (options->format->dedupe_key == ECAPI_DEDUPE_NONE)
		return ecapi_option_wrong_because(option, value,
										  "Receivers of this format go by the event's id.",
										  "Leave the option out.", problem);
	return ecapi_option_read_name(option, value, options, problem);
}

bool
ecapi_option_read_file_name(const EcapiOption *option, const char *value,
							EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (!ecapi_token_name_valid(value))
		return ecapi_option_wrong_because(option, value, option->what,
							 "The administrator puts the file into the directory that the setting ecapi.credential_directory names.",
							 problem);
	ecapi_option_store(option, options, value);
	return true;
}

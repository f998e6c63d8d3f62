/*
 * option_routing.c
 *	  The options of a destination that say which events it takes, and what is added
 *	  to them.
 *
 * Readers of single values.  Of users' SQL only the form is looked at here: whether
 * a function exists and may be called, and whether a filter is a condition, is
 * checked by those who run them (enrich/), after the command and at run time: a
 * validator sees its list and no other catalog, so that a dump can be restored.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"

#include "destination/option.h"
#include "event/ascii.h"

/* Bytes: names that platforms give to events are short. */
#define TARGET_MAX	100

/* Of what users write: as long as anybody can still read. */
#define FILTER_MAX	8192
#define ENRICH_MAX	2048

/* Functions that one destination lists; see ECAPI_ENRICHMENTS_MAX. */
#define FUNCTIONS_MAX	16

/* ---- event types and their targets ---- */

static bool
wrong_target(const EcapiOption *option, const char *value, EcapiOptionProblem *problem)
{
	return ecapi_option_wrong_because(option, value,
									  "A target is the platform's own name of an event: 1 to 100 bytes, without control characters, \",\" and \"=\".",
									  NULL, problem);
}

/*
 * Take "type=target" apart: len becomes that of the type.  The target is copied, or
 * NULL where there is none.
 */
static bool
split_target(const EcapiOption *option, const char *value, const char *entry,
			 size_t *len, char **target, EcapiOptionProblem *problem)
{
	const char *equals = memchr(entry, '=', *len);
	const char *at;
	size_t		left;

	*target = NULL;
	if (equals == NULL)
		return true;
	at = equals + 1;
	left = entry + *len - at;
	while (left > 0 && strchr(" \t\n", *at))
	{
		at++;
		left--;
	}
	*target = pnstrdup(at, left);
	*len = equals - entry;
	while (*len > 0 && strchr(" \t\n", entry[*len - 1]))
		(*len)--;
	return (ecapi_option_is_printable(*target, TARGET_MAX) &&
			strchr(*target, '=') == NULL) ||
		wrong_target(option, value, problem);
}

static void
hint_event_type(const char *entry, size_t len, EcapiOptionProblem *problem)
{
	const char *meant = ecapi_event_type_meant(entry, len);

	if (meant)
		snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s\".", meant);
	else
		strlcpy(problem->hint, "ecapi.event_types() lists the event types.",
				sizeof(problem->hint));
}

bool
ecapi_option_read_event_types(const EcapiOption *option, const char *value,
							  EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *next = value;
	uint64		types = 0;

	while (next)
	{
		const char *entry;
		size_t		len;
		char	   *target;
		int			type;

		next = ecapi_option_entry(next, &entry, &len);
		if (memchr(entry, '=', len) &&
			!(options->format && options->format->takes_targets))
			return ecapi_option_wrong_because(option, value,
											  "This format sends event types under their own names; it has no targets to choose.",
											  "Write the event type alone, as in 'purchase, subscribe'.", problem);
		if (!split_target(option, value, entry, &len, &target, problem))
			return false;
		if (len == 0)
			return ecapi_option_wrong(option, value, problem);
		type = ecapi_event_type_lookup(entry, len);
		if (type < 0)
		{
			ecapi_option_wrong(option, value, problem);
			snprintf(problem->detail, sizeof(problem->detail),
					 "There is no event type \"%.*s\".",
					 pg_mbcliplen(entry, len, ECAPI_OPTION_SHOWN), entry);
			hint_event_type(entry, len, problem);
			return false;
		}
		types |= UINT64CONST(1) << type;
		options->targets[type] = target;
	}
	options->event_types = types;
	return true;
}

/* ---- time ---- */

/* An option may make a platform's own window shorter but not longer. */
bool
ecapi_option_read_max_age(const EcapiOption *option, const char *value,
						  EcapiOptions *options, EcapiOptionProblem *problem)
{
	int			max = options->format->max_age_s;
	int			given;

	if (!ecapi_option_number(option, value, max > 0 ? max : option->max, &given, problem))
	{
		if (max > 0)
			snprintf(problem->detail, sizeof(problem->detail),
					 "The format \"%s\" takes events of the last %d days at most.",
					 options->format->name, max / SECS_PER_DAY);
		return false;
	}
	options->max_age_s = given > 0 ? given : ecapi_format_default_age(options->format);
	return true;
}

/* ---- persons ---- */

bool
ecapi_option_read_sample(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	size_t		len = strlen(value);
	bool		percent = len > 0 && value[len - 1] == '%';
	EcapiDecimal share;

	if (!ecapi_decimal_read(value, len - percent, &share))
		return ecapi_option_wrong(option, value, problem);
	if (percent)
		share.scale += 2;
	options->sample = ecapi_decimal_double(share);
	if (!(options->sample > 0 && options->sample <= 1))
		return ecapi_option_wrong(option, value, problem);
	return true;
}

/* ---- users' SQL ---- */

static bool
is_identifier_char(unsigned char c, bool first)
{
	return c >= 0x80 || c == '_' || ecapi_is_letter(c) ||
		(!first && (ecapi_is_digit(c) || c == '$'));
}

/* Behind the identifier that begins at "at", or NULL when none does. */
static const char *
skip_identifier(const char *at)
{
	const char *from = at;

	if (*at != '"')
	{
		while (is_identifier_char((unsigned char) *at, at == from))
			at++;
		return at > from ? at : NULL;
	}
	for (at++; *at != '\0'; at++)
	{
		if (*at == '"' && *++at != '"')
			return at > from + 2 ? at : NULL;
	}
	return NULL;
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t\n\r");
}

/* Behind a name with its schema; else NULL, and *qualified is false for want of one. */
static const char *
skip_function(const char *at, bool *qualified)
{
	*qualified = true;
	at = skip_identifier(skip_blanks(at));
	if (at == NULL)
		return NULL;
	at = skip_blanks(at);
	if (*at != '.')
	{
		*qualified = *at != ',' && *at != '\0';
		return NULL;
	}
	at = skip_identifier(skip_blanks(at + 1));
	return at ? skip_blanks(at) : NULL;
}

bool
ecapi_option_read_enrich(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *at = value;
	int			n;

	if (strlen(value) > ENRICH_MAX)
		return ecapi_option_wrong_because(option, value, "It is longer than 2048 bytes.",
										  NULL, problem);
	for (n = 1;; n++)
	{
		bool		qualified;

		at = skip_function(at, &qualified);
		if (!qualified)
			return ecapi_option_wrong_because(option, value,
											  "A function is named with its schema, so that no search path decides which one is called.",
											  "Write it as in 'shop.margin'.", problem);
		if (at == NULL || (*at != ',' && *at != '\0'))
			return ecapi_option_wrong(option, value, problem);
		if (n > FUNCTIONS_MAX)
			return ecapi_option_wrong_because(option, value,
											  "It names more than 16 functions.", NULL, problem);
		if (*at++ == '\0')
			break;
	}
	ecapi_option_store(option, options, value);
	return true;
}

bool
ecapi_option_read_filter(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (*skip_blanks(value) == '\0' || strlen(value) > FILTER_MAX)
		return ecapi_option_wrong(option, value, problem);
	ecapi_option_store(option, options, value);
	return true;
}

/*
 * option_problem.c
 *	  What is wrong with the value of an option.
 *
 * Invariant: a secret's value is in no message; nor is a url's, which may hold a
 * password that should not have been there.  There is one place that quotes values
 * (ecapi_option_wrong), and it looks at the option first.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "destination/option.h"
#include "event/closest.h"

/*
 * Begin the problem of a wrong value.  The reader then adds detail or hint;
 * the option's own sentence stands where it has nothing better.
 */
bool
ecapi_option_wrong(const EcapiOption *option, const char *value, EcapiOptionProblem *problem)
{
	unsigned char *at;

	problem->sqlstate = ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
	if (option->secret)
		snprintf(problem->message, sizeof(problem->message),
				 "invalid value for option \"%s\"", option->name);
	else
		snprintf(problem->message, sizeof(problem->message),
				 "invalid value for option \"%s\": \"%.*s\"", option->name,
				 pg_mbcliplen(value, strlen(value), ECAPI_OPTION_SHOWN), value);
	/* a message is one line */
	for (at = (unsigned char *) problem->message; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
	strlcpy(problem->detail, option->what, sizeof(problem->detail));
	return false;
}

bool
ecapi_option_wrong_because(const EcapiOption *option, const char *value,
						   const char *detail, const char *hint,
						   EcapiOptionProblem *problem)
{
	ecapi_option_wrong(option, value, problem);
	strlcpy(problem->detail, detail, sizeof(problem->detail));
	if (hint)
		strlcpy(problem->hint, hint, sizeof(problem->hint));
	return false;
}

/* "Perhaps you meant …", or the list of what there is. */
void
ecapi_option_hint_names(const char *word, size_t len,
						const char *(*nth) (int i, void *arg), void *arg,
						EcapiOptionProblem *problem)
{
	const char *closest = ecapi_closest(word, len, nth, arg);
	const char *name;
	size_t		at;
	int			i;

	if (closest)
	{
		snprintf(problem->hint, sizeof(problem->hint),
				 "Perhaps you meant \"%s\".", closest);
		return;
	}
	at = strlcpy(problem->hint, "Valid are: ", sizeof(problem->hint));
	for (i = 0; (name = nth(i, arg)) != NULL; i++)
	{
		size_t		room = sizeof(problem->hint) - at;

		/* a list too long to show helps nobody */
		if (strlen(name) + 4 > room)
		{
			problem->hint[0] = '\0';
			return;
		}
		at += snprintf(problem->hint + at, room, "%s%s", i > 0 ? ", " : "", name);
	}
	strlcat(problem->hint, ".", sizeof(problem->hint));
}

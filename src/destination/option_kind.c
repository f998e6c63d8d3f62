/*
 * option_kind.c
 *	  Reading the kinds of values that several options have.
 *
 * What a value of such an option may be stands in its row of the table (options.c).
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "destination/option.h"

void *
ecapi_option_member(const EcapiOption *option, EcapiOptions *options)
{
	return (char *) options + option->offset;
}

bool
ecapi_option_is_printable(const char *value, size_t max)
{
	const unsigned char *at;

	for (at = (const unsigned char *) value; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f)
			return false;
	}
	return value[0] != '\0' && strlen(value) <= max;
}

void
ecapi_option_store(const EcapiOption *option, EcapiOptions *options, const char *value)
{
	*(char **) ecapi_option_member(option, options) = pstrdup(value);
}

bool
ecapi_option_number(const EcapiOption *option, const char *value, int max,
					int *number, EcapiOptionProblem *problem)
{
	const char *hint = NULL;

	if (parse_int(value, number, option->unit, &hint) &&
		*number >= option->min && *number <= max)
		return true;
	ecapi_option_wrong(option, value, problem);
	if (hint)
		strlcpy(problem->hint, hint, sizeof(problem->hint));
	return false;
}

static const char *
listed_name(int i, void *arg)
{
	return ((const char *const *) arg)[i];
}

bool
ecapi_option_read_number(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	return ecapi_option_number(option, value, option->max,
							   ecapi_option_member(option, options), problem);
}

bool
ecapi_option_read_boolean(const EcapiOption *option, const char *value,
						  EcapiOptions *options, EcapiOptionProblem *problem)
{
	return parse_bool(value, ecapi_option_member(option, options)) ||
		ecapi_option_wrong(option, value, problem);
}

bool
ecapi_option_read_name(const EcapiOption *option, const char *value,
					   EcapiOptions *options, EcapiOptionProblem *problem)
{
	for (int i = 0; option->names[i]; i++)
	{
		if (strcmp(option->names[i], value) == 0)
		{
			*(int *) ecapi_option_member(option, options) = option->min + i;
			return true;
		}
	}
	ecapi_option_wrong(option, value, problem);
	ecapi_option_hint_names(value, strlen(value), listed_name, (void *) option->names,
							problem);
	return false;
}

bool
ecapi_option_read_printable(const EcapiOption *option, const char *value,
							EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (!ecapi_option_is_printable(value, option->max))
		return ecapi_option_wrong(option, value, problem);
	ecapi_option_store(option, options, value);
	return true;
}

bool
ecapi_option_read_checked(const EcapiOption *option, const char *value,
						  EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *wrong = option->check(value);

	if (wrong)
		return ecapi_option_wrong_because(option, value, wrong, NULL, problem);
	ecapi_option_store(option, options, value);
	return true;
}

const char *
ecapi_option_entry(const char *list, const char **entry, size_t *len)
{
	size_t		next;

	list += strspn(list, " \t\n");
	next = strcspn(list, ",");
	*entry = list;
	*len = next;
	while (*len > 0 && strchr(" \t\n", list[*len - 1]))
		(*len)--;
	return list[next] == '\0' ? NULL : list + next + 1;
}

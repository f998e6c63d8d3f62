/*
 * option_reduction.c
 *	  The options of a destination that say what of an event leaves.
 *
 * Readers of single values.  Paths become sets at once (paths.c), so that a name
 * that does not exist is an error of the command that wrote it, and the worker
 * compares bits.
 *
 * Ownership: the sets are palloc'd, as all of EcapiOptions.  No locks, no state.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "destination/option.h"

/* Bytes of a list of paths: the longest path of the standard 200 times. */
#define PATHS_MAX	8192

/* Beyond this a factor is a mistake. */
#define FACTOR_MAX	1000000

/* ISO 4217 has at most 4 decimals; rates of exchange have up to 6. */
#define DIGITS_MAX	6

static void *
grab(void *owner, size_t size)
{
	return palloc(size);
}

static bool
wrong_path(const EcapiOption *option, const char *value, const EcapiPathProblem *wrong,
		   EcapiOptionProblem *problem)
{
	return ecapi_option_wrong_because(option, value, wrong->detail, wrong->hint, problem);
}

/* One number of an event that may stand for what it is worth. */
static bool
is_one_amount(const EcapiPath *path)
{
	const EcapiField *field = path->field;
	bool		below_many = field->object != ECAPI_OBJ_EVENT &&
		field->object != ECAPI_OBJ_USER_DATA && field->object != ECAPI_OBJ_PROPERTIES;

	if (below_many || field->cardinality != ECAPI_ONE)
		return false;
	if (field->type == ECAPI_FT_EXT)
		return path->rest != NULL;
	/* the integers elsewhere are times */
	return field->type == ECAPI_FT_FLOAT ||
		(field->type == ECAPI_FT_INTEGER && field->object == ECAPI_OBJ_PROPERTIES);
}

bool
ecapi_option_read_value_field(const EcapiOption *option, const char *value,
							  EcapiOptions *options, EcapiOptionProblem *problem)
{
	EcapiPathProblem wrong;
	EcapiPath	path;

	if (!ecapi_path_read(value, strlen(value), &path, &wrong))
		return wrong_path(option, value, &wrong, problem);
	if (!is_one_amount(&path))
		return ecapi_option_wrong(option, value, problem);
	ecapi_option_store(option, options, value);
	return true;
}

bool
ecapi_option_read_value_transform(const EcapiOption *option, const char *value,
								  EcapiOptions *options, EcapiOptionProblem *problem)
{
	char		memory[ECAPI_TRANSFORM_SIZE];
	const char *closest;

	if (ecapi_transform_read(value, &options->transform, memory, &closest))
		return true;
	ecapi_option_wrong(option, value, problem);
	if (closest)
		snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s\".", closest);
	return false;
}

bool
ecapi_option_read_value_factor(const EcapiOption *option, const char *value,
							   EcapiOptions *options, EcapiOptionProblem *problem)
{
	EcapiDecimal factor;

	if (!ecapi_decimal_read(value, strlen(value), &factor) || factor.digits == 0 ||
		ecapi_decimal_double(factor) > FACTOR_MAX)
		return ecapi_option_wrong(option, value, problem);
	options->value_factor = factor;
	return true;
}

bool
ecapi_option_read_value_digits(const EcapiOption *option, const char *value,
							   EcapiOptions *options, EcapiOptionProblem *problem)
{
	if (strcmp(value, "currency") == 0)
		options->value_digits = ECAPI_DIGITS_OF_CURRENCY;
	else if (strlen(value) == 1 && value[0] >= '0' && value[0] <= '0' + DIGITS_MAX)
		options->value_digits = value[0] - '0' + 1;
	else
		return ecapi_option_wrong(option, value, problem);
	return true;
}

bool
ecapi_option_read_anonymize(const EcapiOption *option, const char *value,
							EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *next = value;
	uint32		rules = 0;

	while (next)
	{
		const char *entry;
		size_t		len;
		uint32		rule;

		next = ecapi_option_entry(next, &entry, &len);
		rule = ecapi_anonymize_rule(entry, len);
		if (rule == 0)
		{
			ecapi_option_wrong(option, value, problem);
			ecapi_option_hint_names(entry, len, ecapi_anonymize_nth, NULL, problem);
			return false;
		}
		rules |= rule;
	}
	options->anonymize = rules;
	return true;
}

/* A set of paths, or NULL and the problem. */
static EcapiPaths *
read_paths(const EcapiOption *option, const char *value, EcapiOptionProblem *problem)
{
	EcapiPathProblem wrong;
	EcapiArena	arena;
	EcapiPaths *paths;

	if (strlen(value) > PATHS_MAX)
	{
		ecapi_option_wrong_because(option, value, "It is longer than 8192 bytes.", NULL,
								   problem);
		return NULL;
	}
	ecapi_arena_init(&arena, grab, NULL);
	paths = ecapi_paths_read(&arena, value, &wrong);
	if (paths == NULL)
		wrong_path(option, value, &wrong, problem);
	return paths;
}

bool
ecapi_option_read_fields(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	options->fields = read_paths(option, value, problem);
	if (options->fields == NULL)
		return false;
	ecapi_paths_complete(options->fields);
	return true;
}

bool
ecapi_option_read_redact(const EcapiOption *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem)
{
	const char *forbidden;

	options->redact = read_paths(option, value, problem);
	if (options->redact == NULL)
		return false;
	forbidden = ecapi_paths_forbidden(options->redact);
	if (forbidden)
		return ecapi_option_wrong_because(option, value, forbidden,
										  strstr(forbidden, "currency_code") ?
										  "Redact \"value\", too." : NULL, problem);
	return true;
}

/*
 * A transformed value is not one that somebody has written, so it gets the decimals of
 * its currency unless another number is asked for.  And what leaves beside it must not
 * tell the true one: prices add up to it, and the field that it was taken from is it.
 */
bool
ecapi_option_reduction_complete(EcapiOptions *options, EcapiOptionProblem *problem)
{
	static const char amounts[] = "properties.items.price, properties.items.discount, "
		"properties.shipping, properties.tax, ext.net_revenue, properties.ext.net_revenue";
	const char *field = options->value_field;
	bool		other = field && strcmp(field, "value") != 0;
	EcapiPathProblem wrong;
	EcapiArena	arena;

	if (options->transform.kind == ECAPI_TRANSFORM_NONE)
		return true;
	if (options->value_digits == 0)
		options->value_digits = ECAPI_DIGITS_OF_CURRENCY;
	ecapi_arena_init(&arena, grab, NULL);
	/* a member's name may hold what a list of paths would take for its own */
	if (!other || (strchr(field, ',') == NULL && field[strlen(field) - 1] != ' '))
		options->amounts = ecapi_paths_read(&arena, psprintf("%s%s%s", amounts, other ? ", " : "",
															 other ? field : ""), &wrong);
	if (options->amounts)
		return true;
	problem->sqlstate = ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
	strlcpy(problem->message, "option \"value_transform\" cannot hide what option \"value_field\" names",
			sizeof(problem->message));
	strlcpy(problem->detail, "Its path holds a comma, or ends in a blank.", sizeof(problem->detail));
	strlcpy(problem->hint, "Let the enrichment use another name.", sizeof(problem->hint));
	return false;
}

/*
 * options.c
 *	  The options of a destination: one table, read by the validator and the
 *	  worker alike.
 *
 * A row of the table names an option, where it belongs (server or user
 * mapping), whether its value is a secret, and the function that checks a
 * value and stores it.  What concerns several options together is checked at
 * the end, over the whole list: the validator gets the whole list at every
 * CREATE and ALTER, so an order of commands never matters.
 *
 * Invariants
 *	(1) A secret's value is in no message; nor is a url's, which may hold a
 *		password that should not have been there.
 *	(2) What passes here can be put into a request as it is: no control
 *		character gets through, so no option can add a header or a line.
 *	(3) Reading raises no error but out-of-memory.  What is wrong is told in a
 *		struct: the validator makes an error of it, the worker a state.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "delivery/token.h"
#include "destination/options.h"
#include "destination/syntax.h"
#include "event/closest.h"
#include "event/fields.h"

/* Values shown in messages are cut to this many bytes. */
#define SHOWN	60

typedef struct Option Option;

struct Option
{
	const char *name;
	Oid			catalog;
	bool		secret;			/* also: never shown */
	bool		(*read) (const Option *option, const char *value,
						 EcapiOptions *options, EcapiOptionProblem *problem);
	size_t		offset;			/* of a text in EcapiOptions, where read uses it */
	const char *what;			/* a sentence for the error's detail */
};

/*
 * Begin the problem of a wrong value.  The reader then adds detail or hint;
 * the option's own sentence stands where it has nothing better.
 */
static bool
wrong_value(const Option *option, const char *value, EcapiOptionProblem *problem)
{
	unsigned char *at;

	problem->sqlstate = ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
	if (option->secret)
		snprintf(problem->message, sizeof(problem->message),
				 "invalid value for option \"%s\"", option->name);
	else
		snprintf(problem->message, sizeof(problem->message),
				 "invalid value for option \"%s\": \"%.*s\"", option->name,
				 pg_mbcliplen(value, strlen(value), SHOWN), value);
	/* a message is one line */
	for (at = (unsigned char *) problem->message; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
	strlcpy(problem->detail, option->what, sizeof(problem->detail));
	return false;
}

static bool
wrong_because(const Option *option, const char *value, const char *detail,
			  const char *hint, EcapiOptionProblem *problem)
{
	wrong_value(option, value, problem);
	strlcpy(problem->detail, detail, sizeof(problem->detail));
	if (hint)
		strlcpy(problem->hint, hint, sizeof(problem->hint));
	return false;
}

/* "Perhaps you meant …", or the list of what there is. */
static void
hint_names(const char *word, size_t len, const char *(*nth) (int i, void *arg),
		   void *arg, EcapiOptionProblem *problem)
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

static bool
has_control(const char *value)
{
	const unsigned char *at;

	for (at = (const unsigned char *) value; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f)
			return true;
	}
	return false;
}

static void
store(const Option *option, EcapiOptions *options, const char *value)
{
	*(char **) ((char *) options + option->offset) = pstrdup(value);
}

/* ---- one reader for each kind of value ---- */

static const char *
format_nth(int i, void *arg)
{
	const EcapiFormat *format = ecapi_format_nth(i);

	return format ? format->name : NULL;
}

static bool
read_format(const Option *option, const char *value, EcapiOptions *options,
			EcapiOptionProblem *problem)
{
	options->format = ecapi_format_lookup(value);
	if (options->format)
		return true;
	wrong_value(option, value, problem);
	hint_names(value, strlen(value), format_nth, NULL, problem);
	return false;
}

static bool
read_url(const Option *option, const char *value, EcapiOptions *options,
		 EcapiOptionProblem *problem)
{
	const char *wrong = ecapi_syntax_url(value);

	if (wrong)
		return wrong_because(option, value, wrong,
							 strstr(wrong, "password") || strstr(wrong, "credential") ?
							 "Server options can be read by everybody. Put the credential into the option \"header_file\" or \"access_token_file\" of the user mapping." :
							 NULL, problem);
	store(option, options, value);
	return true;
}

/* As long as the standard's own ids may be here; see fields.def. */
static bool
read_data_set_id(const Option *option, const char *value, EcapiOptions *options,
				 EcapiOptionProblem *problem)
{
	if (value[0] == '\0' || strlen(value) > 512 || has_control(value))
		return wrong_value(option, value, problem);
	store(option, options, value);
	return true;
}

static bool
read_event_types(const Option *option, const char *value, EcapiOptions *options,
				 EcapiOptionProblem *problem)
{
	const char *at = value;
	uint64		types = 0;

	for (;;)
	{
		size_t		len;
		size_t		next;
		int			type;

		at += strspn(at, " \t\n");
		next = len = strcspn(at, ",");
		while (len > 0 && strchr(" \t\n", at[len - 1]))
			len--;
		if (memchr(at, '=', len))
			return wrong_because(option, value,
								 "This format sends event types under their own names; it has no targets to choose.",
								 "Write the event type alone, as in 'purchase, subscribe'.", problem);
		if (len == 0)
			return wrong_value(option, value, problem);
		type = ecapi_event_type_lookup(at, len);
		if (type < 0)
		{
			wrong_value(option, value, problem);
			snprintf(problem->detail, sizeof(problem->detail),
					 "There is no event type \"%.*s\".",
					 pg_mbcliplen(at, len, SHOWN), at);
			hint_names(at, len, ecapi_event_type_nth, NULL, problem);
			return false;
		}
		types |= UINT64CONST(1) << type;
		if (at[next] == '\0')
			break;
		at += next + 1;
	}
	options->event_types = types;
	return true;
}

/* A whole number, in units where flags allow them, between two others. */
static bool
read_number(const Option *option, const char *value, int flags,
			int min, int max, int *number, EcapiOptionProblem *problem)
{
	const char *hint = NULL;

	if (parse_int(value, number, flags, &hint) && *number >= min && *number <= max)
		return true;
	wrong_value(option, value, problem);
	if (hint)
		strlcpy(problem->hint, hint, sizeof(problem->hint));
	return false;
}

static bool
read_batch_size(const Option *option, const char *value, EcapiOptions *options,
				EcapiOptionProblem *problem)
{
	int			max = options->format->max_batch;

	if (read_number(option, value, 0, 1, max, &options->batch_size, problem))
		return true;
	snprintf(problem->detail, sizeof(problem->detail),
			 "The format \"%s\" takes 1 to %d events in a request.",
			 options->format->name, max);
	return false;
}

static bool
read_linger(const Option *option, const char *value, EcapiOptions *options,
			EcapiOptionProblem *problem)
{
	return read_number(option, value, GUC_UNIT_MS, 0, 3600 * 1000,
					   &options->linger_ms, problem);
}

static bool
read_timeout(const Option *option, const char *value, EcapiOptions *options,
			 EcapiOptionProblem *problem)
{
	return read_number(option, value, GUC_UNIT_MS, 100, 600 * 1000,
					   &options->timeout_ms, problem);
}

/* Two numbers with a slash between and nothing else. */
static bool
split_origin(const char *value, EcapiOrigin *origin)
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

static bool
read_origin(const Option *option, const char *value, EcapiOptions *options,
			EcapiOptionProblem *problem)
{
	EcapiOrigin origin;

	return split_origin(value, &origin) || wrong_value(option, value, problem);
}

/* Ten years; the platforms that have a window have one of days or weeks. */
#define MAX_AGE_DAYS	3650

/* An option may make a platform's own window shorter but not longer. */
static bool
read_max_age(const Option *option, const char *value, EcapiOptions *options,
			 EcapiOptionProblem *problem)
{
	int			max = options->format->max_age_s;
	int			given;

	if (!read_number(option, value, GUC_UNIT_S, 0,
					 max > 0 ? max : MAX_AGE_DAYS * SECS_PER_DAY, &given, problem))
	{
		if (max > 0)
			snprintf(problem->detail, sizeof(problem->detail),
					 "The format \"%s\" takes events of the last %d days at most.",
					 options->format->name, max / SECS_PER_DAY);
		return false;
	}
	options->max_age_s = given > 0 ? given : max;
	return true;
}

static bool
read_retry_for(const Option *option, const char *value, EcapiOptions *options,
			   EcapiOptionProblem *problem)
{
	return read_number(option, value, GUC_UNIT_S, 0, MAX_AGE_DAYS * SECS_PER_DAY,
					   &options->retry_for_s, problem);
}

/* One request in a quarter of an hour is the slowest that makes sense. */
#define MIN_RATE	0.001
#define MAX_RATE	10000.0

static bool
read_rate_limit(const Option *option, const char *value, EcapiOptions *options,
				EcapiOptionProblem *problem)
{
	double		rate;

	/* written so that what is not a number is refused */
	if (!parse_real(value, &rate, 0, NULL) ||
		!(rate == 0 || (rate >= MIN_RATE && rate <= MAX_RATE)))
		return wrong_value(option, value, problem);
	options->rate_limit = rate;
	return true;
}

static bool
read_max_in_flight(const Option *option, const char *value, EcapiOptions *options,
				   EcapiOptionProblem *problem)
{
	return read_number(option, value, 0, 1, 32, &options->max_in_flight, problem);
}

static bool
read_batch_wrapper(const Option *option, const char *value, EcapiOptions *options,
				   EcapiOptionProblem *problem)
{
	size_t		i;

	if (strcmp(value, "array") == 0)
	{
		options->wrapper = ECAPI_WRAP_ARRAY;
		return true;
	}
	for (i = 0; value[i] != '\0'; i++)
	{
		if (!((value[i] >= 'a' && value[i] <= 'z') ||
			  (value[i] >= 'A' && value[i] <= 'Z') ||
			  (value[i] >= '0' && value[i] <= '9') ||
			  value[i] == '_' || value[i] == '-' || value[i] == '.'))
			return wrong_value(option, value, problem);
	}
	if (i == 0 || i > 64)
		return wrong_value(option, value, problem);
	options->wrapper = ECAPI_WRAP_KEY;
	store(option, options, value);
	return true;
}

static const char *const mode_names[] = {"live", "shadow", NULL};

static const char *
mode_nth(int i, void *arg)
{
	return mode_names[i];
}

static bool
read_mode(const Option *option, const char *value, EcapiOptions *options,
		  EcapiOptionProblem *problem)
{
	if (strcmp(value, "live") == 0)
		options->mode = ECAPI_MODE_LIVE;
	else if (strcmp(value, "shadow") == 0)
		options->mode = ECAPI_MODE_SHADOW;
	else
	{
		wrong_value(option, value, problem);
		hint_names(value, strlen(value), mode_nth, NULL, problem);
		return false;
	}
	return true;
}

static bool
read_file_name(const Option *option, const char *value, EcapiOptions *options,
			   EcapiOptionProblem *problem)
{
	if (!ecapi_token_name_valid(value))
		return wrong_because(option, value, option->what,
							 "The administrator puts the file into the directory that the setting ecapi.credential_directory names.",
							 problem);
	store(option, options, value);
	return true;
}

static bool
read_access_token(const Option *option, const char *value, EcapiOptions *options,
				  EcapiOptionProblem *problem)
{
	const char *wrong = ecapi_syntax_token(value);

	if (wrong)
		return wrong_because(option, value, wrong, NULL, problem);
	store(option, options, value);
	return true;
}

static bool
read_header(const Option *option, const char *value, EcapiOptions *options,
			EcapiOptionProblem *problem)
{
	const char *wrong = ecapi_syntax_header(value);

	if (wrong)
		return wrong_because(option, value, wrong, NULL, problem);
	store(option, options, value);
	return true;
}

/* ---- the table ---- */

/* format comes first: what others may say depends on it. */
static const Option table[] = {
	{"format", ForeignServerRelationId, false, read_format, 0,
		"It is the format that the receiver takes."},
	{"url", ForeignServerRelationId, true, read_url, offsetof(EcapiOptions, url),
		"It is where requests go."},
	{"data_set_id", ForeignServerRelationId, false, read_data_set_id,
		offsetof(EcapiOptions, data_set_id),
		"It is the receiver's name for the data set: 1 to 512 bytes without control characters."},
	{"event_types", ForeignServerRelationId, false, read_event_types, 0,
		"It is a list of event types, separated by commas."},
	{"batch_size", ForeignServerRelationId, false, read_batch_size, 0,
		"It is how many events a request carries at most."},
	{"batch_wrapper", ForeignServerRelationId, false, read_batch_wrapper,
		offsetof(EcapiOptions, wrapper_key),
		"It is \"array\", or the key that the array stands under: 1 to 64 letters, digits, \"_\", \"-\" and \".\"."},
	{"linger", ForeignServerRelationId, false, read_linger, 0,
		"It is how long a request waits for more events: 0 to 1h, in milliseconds if there is no unit."},
	{"max_in_flight", ForeignServerRelationId, false, read_max_in_flight, 0,
		"It is how many requests are on their way at a time: 1 to 32."},
	{"timeout", ForeignServerRelationId, false, read_timeout, 0,
		"It is how long a request may take: 100ms to 10min, in milliseconds if there is no unit."},
	{"max_age", ForeignServerRelationId, false, read_max_age, 0,
		"It is how old an event may be when it is sent: 0 to 3650d, in seconds if there is no unit; 0 is the format's own limit."},
	{"retry_for", ForeignServerRelationId, false, read_retry_for, 0,
		"It is how long a failed event is tried again: 0 to 3650d, in seconds if there is no unit."},
	{"rate_limit", ForeignServerRelationId, false, read_rate_limit, 0,
		"It is how many requests are sent a second at most: 0.001 to 10000, or 0 for no limit."},
	{"ca_file", ForeignServerRelationId, false, read_file_name,
		offsetof(EcapiOptions, ca_file),
		"It is a bare file name, without a directory and not beginning with a dot."},
	{"mode", ForeignServerRelationId, false, read_mode, 0,
		"It is \"live\", or \"shadow\" to do everything but send."},
	{"origin", ForeignServerRelationId, false, read_origin, 0,
		"It is a system identifier, a slash and the oid of a database; CREATE SERVER sets it."},
	{"access_token", UserMappingRelationId, true, read_access_token,
		offsetof(EcapiOptions, access_token),
		"It is sent as bearer token."},
	{"access_token_file", UserMappingRelationId, true, read_file_name,
		offsetof(EcapiOptions, access_token_file),
		"It is a bare file name, without a directory and not beginning with a dot."},
	{"header", UserMappingRelationId, true, read_header,
		offsetof(EcapiOptions, header),
		"It is one header line, \"Name: value\"."},
	{"header_file", UserMappingRelationId, true, read_file_name,
		offsetof(EcapiOptions, header_file),
		"It is a bare file name, without a directory and not beginning with a dot."},
};

/* For ecapi_closest(); arg points to the catalog's oid. */
static const char *
option_nth(int i, void *arg)
{
	Oid			catalog = *(Oid *) arg;
	int			at;

	for (at = 0; at < lengthof(table); at++)
	{
		if (table[at].catalog == catalog && i-- == 0)
			return table[at].name;
	}
	return NULL;
}

static const Option *
find_option(const char *name, Oid catalog)
{
	int			i;

	for (i = 0; i < lengthof(table); i++)
	{
		if (table[i].catalog == catalog && strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

/* See options.h. */
bool
ecapi_options_event_types(const char *value, uint64 *types, EcapiOptionProblem *problem)
{
	EcapiOptions options = {0};

	if (!read_event_types(find_option("event_types", ForeignServerRelationId), value,
						  &options, problem))
		return false;
	*types = options.event_types;
	return true;
}

static bool
wrong_name(const char *name, Oid catalog, EcapiOptionProblem *problem)
{
	problem->sqlstate = ERRCODE_FDW_INVALID_OPTION_NAME;
	snprintf(problem->message, sizeof(problem->message),
			 "invalid option \"%s\"", name);
	if (catalog == ForeignServerRelationId &&
		find_option(name, UserMappingRelationId))
		snprintf(problem->hint, sizeof(problem->hint),
				 "Credentials belong to the user mapping: CREATE USER MAPPING FOR PUBLIC SERVER ... OPTIONS (%s '...').",
				 name);
	else if (catalog == UserMappingRelationId &&
			 find_option(name, ForeignServerRelationId))
		snprintf(problem->hint, sizeof(problem->hint),
				 "Option \"%s\" belongs to the server: ALTER SERVER ... OPTIONS (ADD %s '...').",
				 name, name);
	else
		hint_names(name, strlen(name), option_nth, &catalog, problem);
	return false;
}

static bool
wrong_pair(const char *one, const char *other, EcapiOptionProblem *problem)
{
	problem->sqlstate = ERRCODE_FDW_INVALID_OPTION_NAME;
	snprintf(problem->message, sizeof(problem->message),
			 "options \"%s\" and \"%s\" exclude each other", one, other);
	strlcpy(problem->hint, "Give one of the two.", sizeof(problem->hint));
	return false;
}

/* What only the whole list can tell. */
static bool
check_together(Oid catalog, const EcapiOptions *options,
			   EcapiOptionProblem *problem)
{
	if (catalog == ForeignServerRelationId)
	{
		if (options->url == NULL && options->format->default_url == NULL)
		{
			problem->sqlstate = ERRCODE_FDW_OPTION_NAME_NOT_FOUND;
			strlcpy(problem->message, "option \"url\" is missing",
					sizeof(problem->message));
			snprintf(problem->detail, sizeof(problem->detail),
					 "The format \"%s\" has no receiver of its own.",
					 options->format->name);
			strlcpy(problem->hint, "Add OPTIONS (url 'https://...').",
					sizeof(problem->hint));
			return false;
		}
		return true;
	}

	if (options->access_token && options->access_token_file)
		return wrong_pair("access_token", "access_token_file", problem);
	if (options->header && options->header_file)
		return wrong_pair("header", "header_file", problem);
	if (options->header && ecapi_syntax_header_is(options->header, "Authorization"))
	{
		/* a header file is read only when it is used: the worker checks it */
		if (options->access_token)
			return wrong_pair("header", "access_token", problem);
		if (options->access_token_file)
			return wrong_pair("header", "access_token_file", problem);
	}
	return true;
}

static void
set_server_defaults(EcapiOptions *options)
{
	options->mode = ECAPI_MODE_LIVE;
	options->event_types = ECAPI_ALL_EVENT_TYPES;
	options->batch_size = options->format->default_batch;
	options->wrapper = ECAPI_WRAP_ARRAY;
	options->linger_ms = options->format->default_linger_ms;
	options->max_in_flight = 4;
	options->timeout_ms = 30 * 1000;
	options->max_age_s = options->format->max_age_s;
	options->retry_for_s = 72 * SECS_PER_HOUR;
}

/* The format, which decides what the other options of a server may be. */
static bool
settle_format(List *list, EcapiOptions *options, EcapiOptionProblem *problem)
{
	ListCell   *lc;

	options->format = ecapi_format_lookup("ecapi");
	foreach(lc, list)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "format") == 0)
			return read_format(&table[0], defGetString(def), options, problem);
	}
	return true;
}

bool
ecapi_options_read(List *list, Oid catalog, EcapiOptions *options,
				   EcapiOptionProblem *problem)
{
	ListCell   *lc;

	memset(problem, 0, sizeof(*problem));
	if (catalog == ForeignServerRelationId)
	{
		if (!settle_format(list, options, problem))
			return false;
		set_server_defaults(options);
	}
	foreach(lc, list)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const Option *option = find_option(def->defname, catalog);

		if (option == NULL)
			return wrong_name(def->defname, catalog, problem);
		if (!option->read(option, defGetString(def), options, problem))
			return false;
	}
	return check_together(catalog, options, problem);
}

EcapiOptions *
ecapi_options_parse(List *server, List *mapping, char *error, size_t error_size)
{
	EcapiOptions *options = palloc0(sizeof(EcapiOptions));
	EcapiOptionProblem problem;

	if (ecapi_options_read(server, ForeignServerRelationId, options, &problem) &&
		ecapi_options_read(mapping, UserMappingRelationId, options, &problem))
		return options;
	strlcpy(error, problem.message, error_size);
	return NULL;
}

bool
ecapi_options_origin(List *server, EcapiOrigin *origin)
{
	ListCell   *lc;

	foreach(lc, server)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "origin") == 0)
			return split_origin(defGetString(def), origin);
	}
	return false;
}

/*
 * options.c
 *	  The options of a destination: one table, read by the validator and the
 *	  worker alike.
 *
 * A row of the table names an option, where it belongs (server or user
 * mapping), whether its value is a secret, what it may be, its default, and the
 * function that checks a value and stores it.  What concerns several options
 * together is checked at the end, over the whole list: the validator gets the whole
 * list at every CREATE and ALTER, so an order of commands never matters.
 *
 * Invariants
 *	(1) A secret's value is in no message; nor is a url's, which may hold a
 *		password that should not have been there.
 *	(2) What passes here can be put into a request as it is: no control
 *		character gets through, so no option can add a header or a line.
 *	(3) Reading raises no error but out-of-memory.  What is wrong is reported in a
 *		struct: the validator makes an error of it, the worker a state.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "datatype/timestamp.h"
#include "utils/guc.h"

#include "consent/bits.h"
#include "destination/carried.h"
#include "destination/option.h"
#include "destination/options.h"
#include "destination/syntax.h"

/* ---- the table ---- */

/* Ten years; the platforms that have a window have one of days or weeks. */
#define MAX_AGE_S	(3650 * SECS_PER_DAY)

/* In the order of their enumerations; that of consent begins with no rule. */
static const char *const mode_names[] = {"live", "shadow", "test", NULL};
static const char *const consent_names[] = {"required", "if_present", NULL};
static const char *const gpp_names[] = {"ignore", "if_present", "required", NULL};
static const char *const dedupe_names[] = {"id", "properties.transaction_id", NULL};
static const char *const on_error_names[] = {"hold", "skip", "dead", NULL};

#define SERVER		.catalog = ForeignServerRelationId
#define MAPPING		.catalog = UserMappingRelationId, .secret = true
#define MEMBER(name) .offset = offsetof(EcapiOptions, name)

/*
 * format comes first: what others may say depends on it.  data_set_id has the length
 * of an id of the standard; routes and other names that shops give are short.
 */
static const EcapiOption table[] = {
	{"format", SERVER, .read = ecapi_option_read_format,
		.what = "It is the format that the receiver takes."},
	{"url", SERVER, .secret = true, .read = ecapi_option_read_url, MEMBER(url),
		.check = ecapi_syntax_url,
		.what = "It is where requests go."},
	{"test_url", SERVER, .secret = true, .read = ecapi_option_read_url, MEMBER(test_url),
		.check = ecapi_syntax_url,
		.what = "It is where requests go in mode \"test\"."},
	{"data_set_id", SERVER, .read = ecapi_option_read_printable, MEMBER(data_set_id),
		.max = 512,
		.what = "It is the receiver's name for the data set: 1 to 512 bytes without control characters."},
	{"event_types", SERVER, .read = ecapi_option_read_event_types,
		.what = "It is a list of event types, separated by commas."},
	{"route", SERVER, .read = ecapi_option_read_printable, MEMBER(route), .max = 100,
		.what = "It is the ext.route of events to send: 1 to 100 bytes without control characters."},
	{"filter", SERVER, .read = ecapi_option_read_filter, MEMBER(filter),
		.what = "It is a condition over the columns of the type ecapi.event, of at most 8192 bytes."},
	{"consent", SERVER, .read = ecapi_option_read_name, MEMBER(consent),
		.names = consent_names, .min = ECAPI_CONSENT_REQUIRED,
		.what = "It is \"required\" to send only what was consented to, or \"if_present\" to send all but what was denied."},
	{"gpp", SERVER, .read = ecapi_option_read_name, MEMBER(terms.gpp),
		.names = gpp_names, .min = ECAPI_GPP_IGNORED,
		.what = "It is \"required\" to send only what a consent string allows, \"if_present\" to send all but what one denies, or \"ignore\"."},
	{"uses", SERVER, .read = ecapi_option_read_uses,
		.what = "It is what the receiver does with events: a list of sale_or_share, targeted_ads and measurement, separated by commas."},
	{"sensitive", SERVER, .read = ecapi_option_read_sensitive,
		.what = "It is a list of the sensitive data that events carry, such as health and precise_location, separated by commas."},
	{"restricted", SERVER, .read = ecapi_option_read_restricted, MEMBER(terms.restricted),
		.what = "It is \"allow\" to send events in the platform's restricted mode that may be sent in no other, or \"deny\"."},
	{"mspa_signatory", SERVER, .read = ecapi_option_read_boolean, MEMBER(terms.mspa_signatory),
		.what = "It is \"true\" when the receiver has signed the IAB's Multi-State Privacy Agreement, or \"false\"."},
	{"tcf_vendor_id", SERVER, .read = ecapi_option_read_number, MEMBER(terms.tcf_vendor_id),
		.min = 1, .max = ECAPI_IDS_MAX,
		.what = "It is the receiver's number in the vendor list of the Transparency and Consent Framework: 1 to 65535."},
	{"tcf_purposes", SERVER, .read = ecapi_option_read_tcf_purposes,
		.what = "It is a list of purposes of the Transparency and Consent Framework, 1 to 24, separated by commas."},
	{"sample", SERVER, .read = ecapi_option_read_sample,
		.what = "It is a share of persons, above 0 and up to 1, as in \"0.25\" or \"25%\"."},
	{"delay", SERVER, .read = ecapi_option_read_number, MEMBER(delay_ms),
		.unit = GUC_UNIT_MS, .max = 7 * SECS_PER_DAY * 1000,
		.what = "It is how long events are held before they are sent: 0 to 7d, in milliseconds if there is no unit."},
	{"enrich", SERVER, .read = ecapi_option_read_enrich, MEMBER(enrich),
		.what = "It is a list of functions, each with its schema, separated by commas."},
	{"enrich_on_error", SERVER, .read = ecapi_option_read_name, MEMBER(enrich_on_error),
		.names = on_error_names, .initial = ECAPI_ENRICH_HOLD,
		.what = "It is what becomes of events whose enrichment fails again and again."},
	{"value_field", SERVER, .read = ecapi_option_read_value_field, MEMBER(value_field),
		.what = "It is the path of an amount: one of the standard's, or a number below ext, user_data.ext or properties.ext."},
	{"value_transform", SERVER, .read = ecapi_option_read_value_transform,
		.what = "It is \"log\", \"cap \" and 50% to 99.99%, or \"buckets \" and 2 to 100."},
	{"value_factor", SERVER, .read = ecapi_option_read_value_factor,
		.what = "It is a decimal number above 0 and up to 1000000, of at most 15 digits, as in \"0.7\"."},
	{"value_digits", SERVER, .read = ecapi_option_read_value_digits,
		.what = "It is how many decimals the value has at most: \"currency\" for as many as its currency has, or 0 to 6."},
	{"mmt_only", SERVER, .read = ecapi_option_read_boolean, MEMBER(mmt_only),
		.what = "It is \"true\" to allow the receiver measurement only, or \"false\"."},
	{"anonymize", SERVER, .read = ecapi_option_read_anonymize,
		.what = "It is a list of rules, separated by commas."},
	{"fields", SERVER, .read = ecapi_option_read_fields,
		.what = "It is a list of field paths, separated by commas."},
	{"redact", SERVER, .read = ecapi_option_read_redact,
		.what = "It is a list of field paths, separated by commas."},
	{"batch_size", SERVER, .read = ecapi_option_read_batch_size, .min = 1,
		.what = "It is how many events a request carries at most."},
	{"batch_wrapper", SERVER, .read = ecapi_option_read_batch_wrapper, MEMBER(wrapper_key),
		.what = "It is \"array\", or the key that the array stands under: 1 to 64 letters, digits, \"_\", \"-\" and \".\"."},
	{"linger", SERVER, .read = ecapi_option_read_number, MEMBER(linger_ms),
		.unit = GUC_UNIT_MS, .max = 3600 * 1000,
		.what = "It is how long a request waits for more events: 0 to 1h, in milliseconds if there is no unit."},
	{"max_in_flight", SERVER, .read = ecapi_option_read_number, MEMBER(max_in_flight),
		.min = 1, .max = 32, .initial = 4,
		.what = "It is how many requests are on their way at a time: 1 to 32."},
	{"timeout", SERVER, .read = ecapi_option_read_number, MEMBER(timeout_ms),
		.unit = GUC_UNIT_MS, .min = 100, .max = 600 * 1000, .initial = 30 * 1000,
		.what = "It is how long a request may take: 100ms to 10min, in milliseconds if there is no unit."},
	{"max_age", SERVER, .read = ecapi_option_read_max_age,
		.unit = GUC_UNIT_S, .max = MAX_AGE_S,
		.what = "It is how old an event may be when it is sent: 0 to 3650d, in seconds if there is no unit; 0 is the format's own limit."},
	{"retry_for", SERVER, .read = ecapi_option_read_number, MEMBER(retry_for_s),
		.unit = GUC_UNIT_S, .max = MAX_AGE_S, .initial = 72 * SECS_PER_HOUR,
		.what = "It is how long a failed event is tried again: 0 to 3650d, in seconds if there is no unit."},
	{"rate_limit", SERVER, .read = ecapi_option_read_rate_limit,
		.what = "It is how many requests are sent a second at most: 0.001 to 10000, or 0 for no limit."},
	{"dedupe_key", SERVER, .read = ecapi_option_read_dedupe_key, MEMBER(dedupe_key),
		.names = dedupe_names, .min = ECAPI_DEDUPE_ID,
		.what = "It is \"id\" or \"properties.transaction_id\": what the platform recognises a repeat by."},
	{"allow_late_repeat", SERVER, .read = ecapi_option_read_boolean, MEMBER(allow_late_repeat),
		.what = "It is \"true\" to send an event again when the platform no longer recognises it, or \"false\"."},
	{"ca_file", SERVER, .read = ecapi_option_read_file_name, MEMBER(ca_file),
		.what = "It is a bare file name, without a directory and not beginning with a dot."},
	{"mode", SERVER, .read = ecapi_option_read_name, MEMBER(mode),
		.names = mode_names, .initial = ECAPI_MODE_LIVE,
		.what = "It is \"live\", \"shadow\" to do everything but send, or \"test\" to send as a test."},
	{"origin", SERVER, .read = ecapi_option_read_origin,
		.what = "It is a system identifier, a slash and the oid of a database; CREATE SERVER sets it."},
	{"access_token", MAPPING, .read = ecapi_option_read_checked, MEMBER(access_token),
		.check = ecapi_syntax_token,
		.what = "It is sent as bearer token."},
	{"access_token_file", MAPPING, .read = ecapi_option_read_file_name,
		MEMBER(access_token_file),
		.what = "It is a bare file name, without a directory and not beginning with a dot."},
	{"header", MAPPING, .read = ecapi_option_read_checked, MEMBER(header),
		.check = ecapi_syntax_header,
		.what = "It is one header line, \"Name: value\"."},
	{"header_file", MAPPING, .read = ecapi_option_read_file_name, MEMBER(header_file),
		.what = "It is a bare file name, without a directory and not beginning with a dot."},
};

/* A list of options that names are looked for in. */
typedef struct OptionList
{
	Oid			catalog;
	const EcapiFormat *format;	/* NULL: any */
} OptionList;

/* For ecapi_closest(); arg points to an OptionList. */
static const char *
option_nth(int i, void *arg)
{
	const OptionList *list = arg;
	int			at;

	for (at = 0; at < lengthof(table); at++)
	{
		if (table[at].catalog == list->catalog && i-- == 0)
			return table[at].name;
	}
	return ecapi_option_own_nth(i, list->catalog, list->format);
}

/* The row of an option, common or a format's own (put into own); NULL: there is none. */
static const EcapiOption *
find_option(const char *name, Oid catalog, const EcapiFormat *format, EcapiOption *own)
{
	int			i;

	for (i = 0; i < lengthof(table); i++)
	{
		if (table[i].catalog == catalog && strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return ecapi_option_own_find(name, catalog, format, own) ? own : NULL;
}

static DefElem *
find_in_list(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

bool
ecapi_options_event_types(const char *value, uint64 *types, EcapiOptionProblem *problem)
{
	EcapiOptions options = {0};
	EcapiOption own;

	if (!ecapi_option_read_event_types(find_option("event_types", ForeignServerRelationId,
												   NULL, &own),
									   value, &options, problem))
		return false;
	*types = options.event_types;
	return true;
}

static bool
wrong_name(const char *name, Oid catalog, const EcapiFormat *format,
		   EcapiOptionProblem *problem)
{
	OptionList	list = {catalog, format};
	EcapiOption own;

	problem->sqlstate = ERRCODE_FDW_INVALID_OPTION_NAME;
	snprintf(problem->message, sizeof(problem->message),
			 "invalid option \"%s\"", name);
	if (catalog == ForeignServerRelationId &&
		find_option(name, UserMappingRelationId, format, &own))
		snprintf(problem->hint, sizeof(problem->hint),
				 "Credentials belong to the user mapping: CREATE USER MAPPING FOR PUBLIC SERVER ... OPTIONS (%s '...').",
				 name);
	else if (catalog == UserMappingRelationId &&
			 find_option(name, ForeignServerRelationId, format, &own))
		snprintf(problem->hint, sizeof(problem->hint),
				 "Option \"%s\" belongs to the server: ALTER SERVER ... OPTIONS (ADD %s '...').",
				 name, name);
	else
		ecapi_option_hint_names(name, strlen(name), option_nth, &list, problem);
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

static bool
missing(const char *name, const char *example, const char *detail,
		EcapiOptionProblem *problem)
{
	problem->sqlstate = ERRCODE_FDW_OPTION_NAME_NOT_FOUND;
	snprintf(problem->message, sizeof(problem->message), "option \"%s\" is missing", name);
	strlcpy(problem->detail, detail, sizeof(problem->detail));
	snprintf(problem->hint, sizeof(problem->hint), "Add OPTIONS (%s '%s').", name, example);
	return false;
}

static bool
contradiction(const char *message, const char *detail, EcapiOptionProblem *problem)
{
	problem->sqlstate = ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
	strlcpy(problem->message, message, sizeof(problem->message));
	strlcpy(problem->detail, detail, sizeof(problem->detail));
	return false;
}

/* What the format says of a server's whole list. */
static bool
check_format(const EcapiOptions *options, EcapiOptionProblem *problem)
{
	const EcapiFormat *format = options->format;
	EcapiFormatProblem wrong;

	memset(&wrong, 0, sizeof(wrong));
	for (int i = 0; i < format->nown; i++)
		if (format->own[i].required && !format->own[i].secret && options->own[i] == NULL)
			return missing(format->own[i].name, "...", format->own[i].what, problem);
	if (format->check == NULL || format->check(options, &wrong))
		return true;
	problem->sqlstate = ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
	strlcpy(problem->message, wrong.message, sizeof(problem->message));
	strlcpy(problem->detail, wrong.detail, sizeof(problem->detail));
	strlcpy(problem->hint, wrong.hint, sizeof(problem->hint));
	return false;
}

/* What only a server's whole list shows. */
static bool
check_server(const EcapiOptions *options, EcapiOptionProblem *problem)
{
	const EcapiFormat *format = options->format;

	if (options->url == NULL && format->url == NULL)
		return missing("url", "https://...",
					   psprintf("The format \"%s\" has no receiver of its own.", format->name),
					   problem);
	if (options->mode == ECAPI_MODE_TEST && format->producer != NULL)
		return contradiction("option \"mode\" cannot be \"test\"",
							 psprintf("The format \"%s\" has no test mode. Use mode \"shadow\", or send to a topic for tests.",
									  format->name),
							 problem);
	if (options->mode == ECAPI_MODE_TEST && options->test_url == NULL &&
		!format->has_test_mode)
		return missing("test_url", "https://...",
					   psprintf("The format \"%s\" has no test mode, so in mode \"test\" requests go to another url.",
								format->name),
					   problem);
	if (options->terms.restricted && format->restricted_mode == NULL)
		return contradiction("option \"restricted\" allows a mode that there is not",
							 psprintf("The format \"%s\" has no restricted mode.", format->name),
							 problem);
	if (options->fields && options->redact)
		return wrong_pair("fields", "redact", problem);
	if (options->mmt_only && options->redact &&
		ecapi_paths_whole(options->redact, ecapi_field_named("user_data", strlen("user_data"))))
		return contradiction("option \"redact\" takes away what option \"mmt_only\" sets",
							 "The field \"mmt_only\" lies in \"user_data\".", problem);
	if (options->max_age_s > 0 && options->delay_ms / 1000 >= options->max_age_s)
		return contradiction("option \"delay\" is not shorter than \"max_age\"",
							 "Every event would be too old when it is sent.", problem);
	return check_format(options, problem);
}

/* What only a mapping's whole list shows. */
static bool
check_mapping(const EcapiOptions *options, EcapiOptionProblem *problem)
{
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
	/* with the format comes what its places mean */
	for (int i = 0; options->format != NULL && i < options->format->nown; i++)
		if (options->format->own[i].secret && options->own[i] && options->own_file[i])
			return wrong_pair(options->format->own[i].name,
							  psprintf("%s_file", options->format->own[i].name), problem);
	return true;
}

static void
set_server_defaults(EcapiOptions *options)
{
	for (int i = 0; i < lengthof(table); i++)
	{
		if (table[i].initial != 0)
			*(int *) ecapi_option_member(&table[i], options) = table[i].initial;
	}
	options->event_types = ECAPI_ALL_EVENT_TYPES & ~options->format->off_by_default;
	options->batch_size = options->format->default_batch;
	options->linger_ms = options->format->default_linger_ms;
	options->max_age_s = ecapi_format_default_age(options->format);
	options->rate_limit = options->format->requests_a_minute / 60.0;
	options->sample = 1;
	options->dedupe_key = options->format->dedupe_key;
	ecapi_format_terms(options->format, &options->terms);
	ecapi_option_own_defaults(options);
}

/* The format, which decides what the other options of a server may be. */
static bool
choose_format(List *list, EcapiOptions *options, EcapiOptionProblem *problem)
{
	DefElem    *format = find_in_list(list, "format");

	options->format = ecapi_format_lookup("ecapi");
	return format == NULL ||
		ecapi_option_read_format(&table[0], defGetString(format), options, problem);
}

bool
ecapi_options_read(List *list, Oid catalog, EcapiOptions *options,
				   EcapiOptionProblem *problem)
{
	ListCell   *lc;

	memset(problem, 0, sizeof(*problem));
	if (catalog == ForeignServerRelationId)
	{
		if (!choose_format(list, options, problem))
			return false;
		set_server_defaults(options);
	}
	foreach(lc, list)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		EcapiOption own;
		const EcapiOption *option = find_option(def->defname, catalog, options->format, &own);

		if (option == NULL)
			return wrong_name(def->defname, catalog, options->format, problem);
		if (!option->read(option, defGetString(def), options, problem))
			return false;
	}
	if (catalog != ForeignServerRelationId)
		return check_mapping(options, problem);
	return ecapi_option_reduction_complete(options, problem) && check_server(options, problem);
}

EcapiOptions *
ecapi_options_parse(List *server, List *mapping, const EcapiServerOwner *owner,
					char *error, size_t error_size)
{
	EcapiOptions *options = palloc0(sizeof(EcapiOptions));
	EcapiOptionProblem problem;

	if (!owner->superuser)
	{
		options->credential_role = pstrdup(owner->name);
		if (!owner->has_usage)
		{
			snprintf(error, error_size,
					 "its owner \"%s\" has no USAGE on foreign-data wrapper ecapi: "
					 "grant it, or give the server another owner", owner->name);
			return NULL;
		}
	}
	if (ecapi_options_read(server, ForeignServerRelationId, options, &problem) &&
		ecapi_options_read(mapping, UserMappingRelationId, options, &problem))
	{
		options->carried = ecapi_carried(options->format, options);
		return options;
	}
	strlcpy(error, problem.message, error_size);
	return NULL;
}

const char *
ecapi_options_url(const EcapiOptions *options)
{
	if (options->mode == ECAPI_MODE_TEST && options->test_url)
		return options->test_url;
	if (options->url)
		return options->url;
	return options->format->url_of ? options->format->url_of(options) : options->format->url;
}

bool
ecapi_options_origin(List *server, EcapiOrigin *origin)
{
	DefElem    *option = find_in_list(server, "origin");

	return option != NULL && ecapi_option_split_origin(defGetString(option), origin);
}

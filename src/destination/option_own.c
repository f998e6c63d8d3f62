/*
 * option_own.c
 *	  The options that formats have of their own.
 *
 * A format's table (EcapiOwnOption) says what they are; here they get the shape of the
 * common ones, so that names, secrets, hints and errors are the same for both.  Each
 * secret stands for two options of the user mapping: its name, and its name with
 * "_file" behind for one that is read from a file.
 *
 * A mapping is validated without its server, so there the options of all formats are
 * known; that one fits the format shows when the worker reads both.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"

#include "destination/option.h"

/* The largest option is a name or an address of a platform's; as an id of the standard. */
#define OWN_MAX		512

#define FILE_SUFFIX	"_file"

#define IN_FILE_WHAT "It is a bare file name, without a directory and not beginning with a dot."

/* The place of an option in a format's table; -1: it has none of that name. */
static int
place_of_own(const EcapiFormat *format, const char *name, Oid catalog, bool *in_file)
{
	for (int i = 0; i < format->nown; i++)
	{
		const EcapiOwnOption *own = &format->own[i];
		size_t		len = strlen(own->name);

		*in_file = false;
		if (own->secret != (catalog == UserMappingRelationId))
			continue;
		if (!own->lines && strcmp(own->name, name) == 0)
			return i;
		*in_file = true;
		if (own->secret && strncmp(own->name, name, len) == 0 &&
			strcmp(name + len, FILE_SUFFIX) == 0)
			return i;
	}
	return -1;
}

/* The first format that has such an option; only is that one, or NULL for any. */
static const EcapiFormat *
format_with(const char *name, Oid catalog, const EcapiFormat *only, int *place, bool *in_file)
{
	const EcapiFormat *format;

	for (int i = 0; (format = ecapi_format_nth(i)) != NULL; i++)
	{
		if (only != NULL && format != only)
			continue;
		*place = place_of_own(format, name, catalog, in_file);
		if (*place >= 0)
			return format;
	}
	return NULL;
}

bool
ecapi_option_own_find(const char *name, Oid catalog, const EcapiFormat *format,
					  EcapiOption *row)
{
	bool		in_file;
	int			place;

	format = format_with(name, catalog, format, &place, &in_file);
	if (format == NULL)
		return false;
	*row = (EcapiOption) {
		.name = name,
		.catalog = catalog,
		.secret = format->own[place].secret,
		.read = ecapi_option_read_own,
		.max = OWN_MAX,
		.names = format->own[place].words,
		.what = in_file ? IN_FILE_WHAT : format->own[place].what
	};
	return true;
}

static const char *
word_nth(int i, void *arg)
{
	return ((const char *const *) arg)[i];
}

static bool
is_word(const EcapiOwnOption *own, const char *value)
{
	for (int i = 0; own->words[i] != NULL; i++)
		if (strcmp(own->words[i], value) == 0)
			return true;
	return false;
}

bool
ecapi_option_read_own(const EcapiOption *option, const char *value,
					  EcapiOptions *options, EcapiOptionProblem *problem)
{
	bool		in_file;
	int			place;
	const EcapiFormat *format = format_with(option->name, option->catalog, options->format,
											&place, &in_file);
	const EcapiOwnOption *own = &format->own[place];
	const char *wrong;

	if (in_file)
	{
		EcapiOption row = *option;

		row.offset = offsetof(EcapiOptions, own_file) + place * sizeof(char *);
		return ecapi_option_read_file_name(&row, value, options, problem);
	}
	if (own->words != NULL && !is_word(own, value))
	{
		ecapi_option_wrong(option, value, problem);
		ecapi_option_hint_names(value, strlen(value), word_nth, (void *) own->words, problem);
		return false;
	}
	if (!ecapi_option_is_printable(value, option->max))
		return ecapi_option_wrong(option, value, problem);
	wrong = own->check == NULL ? NULL : own->check(value);
	if (wrong != NULL)
		return ecapi_option_wrong_because(option, value, wrong, NULL, problem);
	options->own[place] = pstrdup(value);
	return true;
}

const char *
ecapi_option_own_nth(int i, Oid catalog, const EcapiFormat *format)
{
	const EcapiFormat *candidate;

	for (int f = 0; (candidate = ecapi_format_nth(f)) != NULL; f++)
	{
		if (format != NULL && candidate != format)
			continue;
		for (int place = 0; place < candidate->nown; place++)
		{
			const EcapiOwnOption *own = &candidate->own[place];

			if (own->secret != (catalog == UserMappingRelationId))
				continue;
			if (!own->lines && i-- == 0)
				return own->name;
			if (own->secret && i-- == 0)
				return psprintf("%s" FILE_SUFFIX, own->name);
		}
	}
	return NULL;
}

void
ecapi_option_own_defaults(EcapiOptions *options)
{
	const EcapiFormat *format = options->format;

	for (int i = 0; i < format->nown; i++)
		if (format->own[i].fallback != NULL)
			options->own[i] = pstrdup(format->own[i].fallback);
}

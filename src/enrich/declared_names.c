/*
 * declared_names.c
 *	  The option enrich as text: read, and written again.
 *
 * Names follow the rules of SQL, so that one can be copied from and to any
 * statement: letters fold to lower case but in double quotes, in which a double
 * quote is written twice.  A name longer than names are is cut, as everywhere.
 *
 * What is written is read as the same list.  No locks, no state.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "enrich/declared_names.h"

static const char *
skip_space(const char *at)
{
	while (scanner_isspace(*at))
		at++;
	return at;
}

/* One identifier; NULL when there is none at *at, which else moves behind it. */
static char *
read_identifier(const char **at)
{
	const char *start = *at;
	StringInfoData name;

	initStringInfo(&name);
	if (*start == '"')
	{
		const char *c = start + 1;
		bool		closed = false;

		for (; *c != '\0' && !closed; c++)
		{
			if (*c == '"' && c[1] != '"')
				closed = true;
			else
			{
				appendStringInfoChar(&name, *c);
				if (*c == '"')
					c++;
			}
		}
		if (!closed || name.len == 0)
			return NULL;
		*at = c;
		truncate_identifier(name.data, name.len, false);
		return name.data;
	}
	while (*start != '\0' && strchr(".,\"", *start) == NULL && !scanner_isspace(*start))
		start++;
	if (start == *at)
		return NULL;
	name.data = downcase_truncate_identifier(*at, start - *at, false);
	*at = start;
	return name.data;
}

bool
ecapi_enrich_names_read(const char *text, List **names)
{
	const char *at = text;

	*names = NIL;
	for (;;)
	{
		EcapiEnrichName *one = palloc0(sizeof(EcapiEnrichName));

		at = skip_space(at);
		one->name = read_identifier(&at);
		if (one->name == NULL)
			return false;
		at = skip_space(at);
		if (*at == '.')
		{
			at = skip_space(at + 1);
			one->schema = one->name;
			one->name = read_identifier(&at);
			if (one->name == NULL)
				return false;
			at = skip_space(at);
		}
		*names = lappend(*names, one);
		if (*at == '\0')
			return true;
		if (*at++ != ',')
			return false;
	}
}

char *
ecapi_enrich_names_write(List *names)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, names)
	{
		EcapiEnrichName *one = lfirst(cell);

		if (text.len > 0)
			appendStringInfoString(&text, ", ");
		appendStringInfoString(&text, quote_qualified_identifier(one->schema, one->name));
	}
	return text.data;
}

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
#include "utils/builtins.h"

#include "base/identifier.h"
#include "enrich/declared_names.h"

bool
ecapi_enrich_names_read(const char *text, List **names)
{
	const char *at = text;

	*names = NIL;
	for (;;)
	{
		EcapiEnrichName *one = palloc0(sizeof(EcapiEnrichName));

		at = ecapi_identifier_skip_space(at);
		one->name = ecapi_identifier_read(&at, false);
		if (one->name == NULL)
			return false;
		at = ecapi_identifier_skip_space(at);
		if (*at == '.')
		{
			at = ecapi_identifier_skip_space(at + 1);
			one->schema = one->name;
			one->name = ecapi_identifier_read(&at, false);
			if (one->name == NULL)
				return false;
			at = ecapi_identifier_skip_space(at);
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

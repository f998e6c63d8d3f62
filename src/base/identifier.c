/*
 * identifier.c
 *	  Names as commands write them: identifiers in a text, and options in a list.
 *
 * Texts are in the server encoding, of which no character but an ASCII one has an ASCII
 * byte.  Nothing is kept.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "parser/scansup.h"

#include "base/identifier.h"

const char *
ecapi_identifier_skip_space(const char *text)
{
	while (scanner_isspace(*text))
		text++;
	return text;
}

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || IS_HIGHBIT_SET(c);
}

static bool
continues_name(char c, bool strict)
{
	if (strict)
		return starts_name(c) || (c >= '0' && c <= '9') || c == '$';
	return c != '\0' && strchr(".,\"", c) == NULL && !scanner_isspace(c);
}

static char *
read_quoted(const char **at)
{
	char	   *name = palloc(strlen(*at));
	const char *to = *at + 1;
	int			len = 0;

	while (*to != '\0' && (*to != '"' || to[1] == '"'))
	{
		to += *to == '"';
		name[len++] = *to++;
	}
	if (*to == '\0' || len == 0)
		return NULL;
	name[len] = '\0';
	truncate_identifier(name, len, false);
	*at = to + 1;
	return name;
}

char *
ecapi_identifier_read(const char **at, bool strict)
{
	const char *from = *at;
	const char *to = from;

	if (*from == '"')
		return read_quoted(at);
	if (strict && !starts_name(*from))
		return NULL;
	while (continues_name(*to, strict))
		to++;
	if (to == from)
		return NULL;
	*at = to;
	return downcase_truncate_identifier(from, (int) (to - from), false);
}

DefElem *
ecapi_option_find(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			return lfirst(cell);
	return NULL;
}

const char *
ecapi_option_text(List *options, const char *name)
{
	DefElem    *option = ecapi_option_find(options, name);

	return option ? defGetString(option) : NULL;
}

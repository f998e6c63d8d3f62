/*
 * event_id.c
 *	  The id of a stored event, without parsing all of it.
 *
 * A search for events by their id reads the whole ring, for it has no index
 * on ids: that would cost every emit.  The json operators parse a text to its
 * end; here members of the top level are skipped over until the id, which stands
 * among the first, so most of a text is never looked at.
 *
 * The text is a value of type json, so it is well-formed; nesting costs no stack.
 * A text that is no object, and an id that is no string, give NULL.  What is
 * written with escapes goes to the server's own operator.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "records/event_id.h"

PG_FUNCTION_INFO_V1(ecapi_event_id);

/* A text being read; at never passes end. */
typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

static void
skip_blanks(Reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\n\r", *reader->at) != NULL)
		reader->at++;
}

/* Behind the string that begins here; true when it holds an escape. */
static bool
skip_string(Reader *reader)
{
	bool		escaped = false;

	for (reader->at++; reader->at < reader->end && *reader->at != '"'; reader->at++)
		if (*reader->at == '\\')
		{
			escaped = true;
			reader->at++;
		}
	reader->at = Min(reader->at + 1, reader->end);
	return escaped;
}

/* To the comma or brace behind the value that begins here. */
static void
skip_value(Reader *reader)
{
	int			depth = 0;

	while (reader->at < reader->end)
	{
		char		c = *reader->at;

		if (c == '"')
		{
			(void) skip_string(reader);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}'))
			return;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		reader->at++;
	}
}

/* To the value of a member of the top level; false when there is none. */
static bool
find_member(Reader *reader, const char *name)
{
	int			name_len = strlen(name);

	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != '{')
		return false;
	for (;;)
	{
		const char *key;
		bool		is_it;

		reader->at = Min(reader->at + 1, reader->end);
		skip_blanks(reader);
		if (reader->at == reader->end || *reader->at != '"')
			return false;
		key = reader->at;
		(void) skip_string(reader);
		is_it = reader->at - key == name_len + 2 && memcmp(key + 1, name, name_len) == 0;
		skip_blanks(reader);
		reader->at = Min(reader->at + 1, reader->end);	/* the colon */
		skip_blanks(reader);
		if (is_it)
			return reader->at < reader->end;
		skip_value(reader);
	}
}

bool
ecapi_event_id_find(const char *text, int len, const char **id, int *id_len, bool *escaped)
{
	Reader		reader = {text, text + len};

	if (!find_member(&reader, "id") || *reader.at != '"')
		return false;
	*id = reader.at + 1;
	*escaped = skip_string(&reader);
	*id_len = Max(reader.at - 1 - *id, 0);
	return true;
}

bool
ecapi_event_is_refund(const char *text, int len)
{
	static const char refund[] = "\"refund\"";
	Reader		reader = {text, text + len};

	return find_member(&reader, "event_type") &&
		reader.end - reader.at >= (int) sizeof(refund) - 1 &&
		memcmp(reader.at, refund, sizeof(refund) - 1) == 0;
}

/*
 * ecapi_internal.event_id(event json): the id as text, in the server's encoding; NULL
 * when it has none.
 */
Datum
ecapi_event_id(PG_FUNCTION_ARGS)
{
	text	   *event = PG_GETARG_TEXT_PP(0);
	const char *id;
	int			len;
	bool		escaped;

	if (!ecapi_event_id_find(VARDATA_ANY(event), VARSIZE_ANY_EXHDR(event), &id, &len,
							 &escaped))
		PG_RETURN_NULL();
	if (escaped)
		return DirectFunctionCall2(json_object_field_text, PointerGetDatum(event),
								   CStringGetTextDatum("id"));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(id, len));
}

/*
 * lines.c
 *	  The messages of a body, one after the other.
 *
 *	  {"messages":[
 *	  {"topic":"orders","key":"order-42","headers":{"id":"order-42"},"value":{...}},
 *	  {"topic":"events","headers":{"id":"login-7"},"value":{...}}
 *	  ]}
 *
 * destination/kafka_message.c writes it: JSON that people can read in a preview, with each
 * message on a line of its own and its members in this order, so that reading it again costs
 * next to nothing.  What stands behind "value" is sent as it is.
 *
 * Invariants
 *	(1) A body of another form is refused as a whole line, and nothing is read behind its end.
 *	(2) scratch is never left: a text without its escapes is no longer than with them, and
 *		each is read once.
 *
 * Pure functions; no memory of their own, no locks.
 */
#include "bus/lines.h"

#include <string.h>

/* Go behind a text that stands here; false: it does not. */
static bool
pass(EcapiLines *lines, const char *text)
{
	size_t		len = strlen(text);

	if ((size_t) (lines->end - lines->at) < len || memcmp(lines->at, text, len) != 0)
		return false;
	lines->at += len;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The character of an escape whose backslash was read; -1: it is none.  The writer escapes
 * control characters alone as \u, so those are all that are known.
 */
static int
read_escape(EcapiLines *lines)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char characters[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int			code = 0;

	if (lines->at == lines->end)
		return -1;
	if (*lines->at != 'u')
	{
		found = *lines->at == '\0' ? NULL : strchr(letters, *lines->at);
		lines->at++;
		return found == NULL ? -1 : (unsigned char) characters[found - letters];
	}
	lines->at++;
	for (int i = 0; i < 4; i++)
	{
		int			digit = lines->at == lines->end ? -1 : hex_digit(*lines->at);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
		lines->at++;
	}
	return code < 0x80 ? code : -1;
}

/* A JSON string from its quote on, into piece. */
static bool
read_text(EcapiLines *lines, EcapiPiece *piece)
{
	char	   *copy = NULL;

	if (!pass(lines, "\""))
		return false;
	piece->text = lines->at;
	while (lines->at < lines->end)
	{
		char		c = *lines->at++;
		int			escaped;

		if (c == '"')
		{
			piece->len = (size_t) ((copy == NULL ? lines->at - 1 : lines->scratch) - piece->text);
			return true;
		}
		if ((unsigned char) c < ' ')
			return false;
		if (c != '\\')
		{
			if (copy != NULL)
				*lines->scratch++ = c;
			continue;
		}
		if (copy == NULL)
		{
			size_t		before = (size_t) (lines->at - 1 - piece->text);

			copy = lines->scratch;
			memcpy(copy, piece->text, before);
			lines->scratch += before;
			piece->text = copy;
		}
		escaped = read_escape(lines);
		if (escaped < 0)
			return false;
		*lines->scratch++ = (char) escaped;
	}
	return false;
}

/* The members of headers, from behind their bracket on. */
static bool
read_headers(EcapiLines *lines, EcapiLine *line)
{
	while (!pass(lines, "}"))
	{
		if (line->nheaders == ECAPI_LINE_HEADERS || (line->nheaders > 0 && !pass(lines, ",")) ||
			!read_text(lines, &line->names[line->nheaders]) || !pass(lines, ":") ||
			!read_text(lines, &line->values[line->nheaders]))
			return false;
		line->nheaders++;
	}
	return true;
}

/* What is left of the line, but for the bracket of the message and a comma. */
static bool
read_value(EcapiLines *lines, EcapiLine *line)
{
	const char *newline = memchr(lines->at, '\n', (size_t) (lines->end - lines->at));

	if (newline == NULL)
		return false;
	line->value.text = lines->at;
	lines->at = newline;
	if (newline[-1] == ',')
		newline--;
	if (newline - line->value.text < 2 || newline[-1] != '}')
		return false;
	line->value.len = (size_t) (newline - 1 - line->value.text);
	return true;
}

int
ecapi_lines_next(EcapiLines *lines, EcapiLine *line)
{
	const char *newline = lines->at == lines->end ? NULL
		: memchr(lines->at, '\n', (size_t) (lines->end - lines->at));

	memset(line, 0, sizeof(*line));
	if (newline == NULL)
		return -1;
	lines->at = newline + 1;
	if (pass(lines, "]}"))
		return 0;
	return pass(lines, "{\"topic\":") && read_text(lines, &line->topic) &&
		(!pass(lines, ",\"key\":") || read_text(lines, &line->key)) &&
		pass(lines, ",\"headers\":{") && read_headers(lines, line) &&
		pass(lines, ",\"value\":") && read_value(lines, line) ? 1 : -1;
}

int
ecapi_lines_count(const char *body, size_t len)
{
	const char *end = body + len;
	int			n = 0;

	while ((body = memchr(body, '\n', (size_t) (end - body))) != NULL)
	{
		body++;
		n++;
	}
	return n > 0 ? n - 1 : 0;
}

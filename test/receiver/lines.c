/*
 * lines.c
 *	  A growing text, and tab-separated lines in it.
 *
 * A failed allocation is remembered instead of reported at each call: the
 * caller looks once, when the text is complete.
 */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
make_room(RcvLines *lines, size_t more)
{
	size_t		size = lines->size > 0 ? lines->size : 4096;
	char	   *text;

	if (lines->failed)
		return false;
	if (lines->size - lines->len >= more)
		return true;
	while (size - lines->len < more)
		size *= 2;
	text = realloc(lines->text, size);
	if (text == NULL)
	{
		lines->failed = true;
		return false;
	}
	lines->text = text;
	lines->size = size;
	return true;
}

void
rcv_lines_add(RcvLines *lines, const char *text, size_t len)
{
	if (len == 0 || !make_room(lines, len))
		return;
	memcpy(lines->text + lines->len, text, len);
	lines->len += len;
}

void
rcv_lines_printf(RcvLines *lines, const char *format,...)
{
	char		text[512];
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len >= (int) sizeof(text))
		len = sizeof(text) - 1;
	rcv_lines_add(lines, text, len);
}

void
rcv_lines_value(RcvLines *lines, const char *text, size_t len, char end)
{
	char	   *at;

	if (text == NULL)
	{
		rcv_lines_add(lines, "\\N", 2);
		rcv_lines_add(lines, &end, 1);
		return;
	}
	if (!make_room(lines, 2 * len + 1))
		return;
	at = lines->text + lines->len;
	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '\t' || c == '\n' || c == '\r' || c == '\\')
		{
			*at++ = '\\';
			c = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\\';
		}
		*at++ = c;
	}
	*at++ = end;
	lines->len = at - lines->text;
}

void
rcv_lines_json(RcvLines *lines, const char *text, size_t len)
{
	rcv_lines_add(lines, "\"", 1);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = text[i];

		if (c == '"' || c == '\\')
			rcv_lines_add(lines, "\\", 1);
		if (c < 0x20)
			rcv_lines_printf(lines, "\\u%04x", c);
		else
			rcv_lines_add(lines, &text[i], 1);
	}
	rcv_lines_add(lines, "\"", 1);
}

void
rcv_lines_free(RcvLines *lines)
{
	free(lines->text);
	memset(lines, 0, sizeof(RcvLines));
}

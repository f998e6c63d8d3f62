/*
 * writer.c
 *	  Members of JSON objects, one after the other, those without a value left out.
 *
 * The caller never thinks of commas: each function writes one when something stands
 * before it in the same object.  An object that stays empty is taken back with its name.
 * A body that is full stays as it is, for the caller of the format (format.h).
 *
 * No locks, no state, no memory but the buffer's.
 */
#include "destination/writer.h"

#include <stdio.h>
#include <string.h>

#include "destination/decimal.h"

void
ecapi_write_comma(EcapiWriter *writer)
{
	if (writer->any)
		ecapi_buffer_char(writer->body, ',');
	writer->any = true;
}

void
ecapi_write_name(EcapiWriter *writer, const char *name)
{
	ecapi_write_comma(writer);
	ecapi_json_string(writer->body, name, strlen(name));
	ecapi_buffer_char(writer->body, ':');
}

/* What stands before a value: its name, or in an array only the comma. */
static void
before_value(EcapiWriter *writer, const char *name)
{
	if (name != NULL)
		ecapi_write_name(writer, name);
	else
		ecapi_write_comma(writer);
}

EcapiOpen
ecapi_write_open(EcapiWriter *writer, const char *name, char bracket)
{
	EcapiOpen	open = {writer->body->len, writer->any};

	before_value(writer, name);
	ecapi_buffer_char(writer->body, bracket);
	writer->any = false;
	return open;
}

bool
ecapi_write_close(EcapiWriter *writer, EcapiOpen open, char bracket, bool empty)
{
	bool		any = writer->any;

	writer->any = true;
	if (any || empty)
		ecapi_buffer_char(writer->body, bracket);
	else
	{
		writer->any = open.any;
		if (!writer->body->full)
			ecapi_buffer_truncate(writer->body, open.start);
	}
	return any || empty;
}

void
ecapi_write_text(EcapiWriter *writer, const char *name, const char *text)
{
	ecapi_write_text_len(writer, name, text, text == NULL ? 0 : strlen(text));
}

void
ecapi_write_text_len(EcapiWriter *writer, const char *name, const char *text, size_t len)
{
	if (text == NULL || len == 0)
		return;
	before_value(writer, name);
	ecapi_json_string(writer->body, text, len);
}

void
ecapi_write_value(EcapiWriter *writer, const char *name, const EcapiValue *value)
{
	if (value == NULL || value->type == ECAPI_NULL ||
		(value->type == ECAPI_STRING && value->len == 0))
		return;
	before_value(writer, name);
	ecapi_json_value(writer->body, value);
}

void
ecapi_write_amount(EcapiWriter *writer, const char *name, const EcapiValue *number)
{
	char		memory[ECAPI_DECIMAL_PLAIN_SIZE];
	const char *plain = NULL;
	size_t		len = 0;

	if (number != NULL && number->type == ECAPI_NUMBER)
		plain = ecapi_decimal_plain(number->text, number->len, memory, &len);
	ecapi_write_text_len(writer, name, plain, len);
}

void
ecapi_write_integer(EcapiWriter *writer, const char *name, int64_t number)
{
	char		text[24];

	before_value(writer, name);
	snprintf(text, sizeof(text), "%lld", (long long) number);
	ecapi_buffer_str(writer->body, text);
}

void
ecapi_write_bool(EcapiWriter *writer, const char *name, bool truth)
{
	before_value(writer, name);
	ecapi_buffer_str(writer->body, truth ? "true" : "false");
}

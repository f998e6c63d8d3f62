/*
 * json.c
 *	  A small reader of the JSON that tests write.
 *
 * It reads its own tests' literals only, with "'" for the quotes so that they
 * stay legible in C, and ends the program at the first thing it does not
 * understand.
 */
#include "unit.h"

static EcapiValue *read_value(EcapiArena *arena, const char **at);

static void
fail(const char *at)
{
	fprintf(stderr, "# a test's JSON is wrong at: %.40s\n", at);
	exit(2);
}

static void
blanks(const char **at)
{
	while (**at == ' ' || **at == '\n' || **at == '\t')
		(*at)++;
}

static EcapiValue *
read_string(EcapiArena *arena, const char **at)
{
	char	   *text = malloc(strlen(*at) + 1);
	size_t		len = 0;
	EcapiValue *value;

	for ((*at)++; **at != '\'';)
	{
		unsigned	code;

		if (**at == '\0')
			fail(*at);
		if (strncmp(*at, "\\u00", 4) == 0 && sscanf(*at + 4, "%2x", &code) == 1)
		{
			text[len++] = (char) code;
			*at += 6;
		}
		else
			text[len++] = *(*at)++;
	}
	(*at)++;
	value = ecapi_value_text(arena, ECAPI_STRING, text, len);
	free(text);
	return value;
}

static EcapiValue *
read_children(EcapiArena *arena, const char **at, bool object)
{
	EcapiValue *value = ecapi_value_new(arena, object ? ECAPI_OBJECT : ECAPI_ARRAY);
	char		end = object ? '}' : ']';

	(*at)++;
	blanks(at);
	while (**at != end)
	{
		EcapiValue *key = NULL;
		EcapiValue *child;

		if (object)
		{
			if (**at != '\'')
				fail(*at);
			key = read_string(arena, at);
			blanks(at);
			if (*(*at)++ != ':')
				fail(*at);
		}
		child = read_value(arena, at);
		if (key)
		{
			child->key = key->text;
			child->keylen = key->len;
		}
		ecapi_value_append(value, child);
		blanks(at);
		if (**at == ',')
			(*at)++;
		else if (**at != end)
			fail(*at);
		blanks(at);
	}
	(*at)++;
	return value;
}

static EcapiValue *
read_value(EcapiArena *arena, const char **at)
{
	size_t		len;

	blanks(at);
	if (**at == '\'')
		return read_string(arena, at);
	if (**at == '{' || **at == '[')
		return read_children(arena, at, **at == '{');
	len = strcspn(*at, ",]} \n\t");
	*at += len;
	if (len == 4 && strncmp(*at - len, "true", 4) == 0)
		return ecapi_value_bool(arena, true);
	if (len == 5 && strncmp(*at - len, "false", 5) == 0)
		return ecapi_value_bool(arena, false);
	if (len == 4 && strncmp(*at - len, "null", 4) == 0)
		return ecapi_value_new(arena, ECAPI_NULL);
	if (len == 0)
		fail(*at);
	return ecapi_value_text(arena, ECAPI_NUMBER, *at - len, len);
}

EcapiValue *
unit_json(EcapiArena *arena, const char *text)
{
	EcapiValue *value = read_value(arena, &text);

	blanks(&text);
	if (*text != '\0')
		fail(text);
	return value;
}

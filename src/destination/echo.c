/*
 * echo.c
 *	  What a receiver repeats of a request's secrets is taken out of its answer.
 *
 * A receiver, or a proxy before it, may print the request that it refuses.  What is
 * kept of an answer is read by people who may not know the secret, so each
 * secret is looked for in every form in which it is likely to be printed:
 *
 *	 - as it stands, each character by itself, percent-encoded, as an escape of JSON, or
 *	   as a reference of HTML, whatever the others are;
 *	 - in base64, standard or for URLs, whatever stands before it (which shifts it
 *	   by no, one or two bytes), its characters written as above;
 *	 - cut at the end of the text, from CUT_MIN characters on.
 *
 * Pure functions; no memory, no locks.  The work is bounded by the text's length
 * times the number of secrets, for nearly every try ends at the first character.
 */
#include "destination/echo.h"

#include <string.h>
#include <strings.h>

#include "destination/syntax.h"
#include "event/ascii.h"
#include "event/base64.h"

/* What is shorter is no secret, and would be found everywhere. */
#define SECRET_MIN	4
#define CUT_MIN		4

/* The text ends inside of a character. */
#define CUT			((size_t) -1)

typedef struct Secret
{
	const char *text;
	size_t		len;
} Secret;

/* How a secret is written. */
typedef enum Form
{
	FORM_PLAIN,
	FORM_BASE64_0,				/* nothing before it, or a multiple of three bytes */
	FORM_BASE64_1,
	FORM_BASE64_2
} Form;

/* The bytes of n digits of a number that is c; 0: there are none; CUT. */
static size_t
hex_number(const char *at, const char *end, int n, unsigned char c)
{
	unsigned	value = 0;

	for (int i = 0; i < n; i++)
	{
		if (at + i == end)
			return CUT;
		if (ecapi_hex_digit(at[i]) < 0)
			return 0;
		value = value * 16 + ecapi_hex_digit(at[i]);
	}
	return value == c ? (size_t) n : 0;
}

/* %41, and %2541 where it was encoded twice. */
static size_t
percent(const char *at, const char *end, unsigned char c, int times)
{
	const char *from = at++;
	size_t		n;

	if (times == 2)
	{
		n = hex_number(at, end, 2, '%');
		if (n == 0 || n == CUT)
			return n;
		at += n;
	}
	n = hex_number(at, end, 2, c);
	return n == 0 || n == CUT ? n : (size_t) (at - from) + n;
}

/* \/ and \u0041, with more backslashes where it was escaped twice. */
static size_t
backslash(const char *at, const char *end, unsigned char c, int times)
{
	const char *from = at;
	size_t		n;

	while (at < end && *at == '\\' && (c != '\\' || at - from < 2 * times))
		at++;
	if (c == '\\' && at - from == 2 * times)
		return at - from;
	if (at == end)
		return CUT;
	if (*at == 'u')
	{
		n = hex_number(at + 1, end, 4, c);
		if (n != 0)
			return n == CUT ? n : (size_t) (at - from) + 1 + n;
	}
	return (unsigned char) *at == c && strchr("/\"'", c) != NULL ? (size_t) (at - from) + 1 : 0;
}

/* &#65; &#x41; and the names of those that HTML has to write so. */
static size_t
reference(const char *at, const char *end, unsigned char c)
{
	static const char *const names[] = {"<lt;", ">gt;", "&amp;", "\"quot;", "'apos;", NULL};
	const char *from = at++;
	unsigned	value = 0;
	int			base;

	for (int i = 0; names[i] != NULL; i++)
	{
		const char *name = names[i] + 1;
		size_t		len = strlen(name);
		size_t		left = end - at;

		if ((unsigned char) names[i][0] != c)
			continue;
		if (left >= len && strncasecmp(at, name, len) == 0)
			return len + 1;
		if (left < len && strncasecmp(at, name, left) == 0)
			return CUT;
	}
	if (at == end)
		return CUT;
	if (*at++ != '#')
		return 0;
	base = at < end && (*at == 'x' || *at == 'X') ? 16 : 10;
	if (base == 16)
		at++;
	for (; at < end && *at != ';'; at++)
	{
		int			digit = ecapi_hex_digit(*at);

		if (digit < 0 || digit >= base || value > 0xff)
			return 0;
		value = value * base + digit;
	}
	if (at == end)
		return CUT;
	return value == c ? (size_t) (at - from) + 1 : 0;
}

/*
 * The bytes at a place of the text that stand for a character; 0: none do; CUT: the text
 * ends inside of what may be one.  times: how often it was escaped, 0 to 2; what is not
 * escaped is itself.
 */
static size_t
one_char(const char *at, const char *end, unsigned char c, int times)
{
	size_t		n = 0;

	if (times == 0)
		return (unsigned char) *at == c;
	if (*at == '%')
		n = percent(at, end, c, times);
	else if (*at == '\\')
		n = backslash(at, end, c, times);
	else if (*at == '&')
		n = reference(at, end, c);
	else if (*at == '+' && c == ' ')
		n = 1;
	if (n == 0 && (unsigned char) *at == c)
		n = 1;
	return n;
}

/* How many characters of a form are known. */
static size_t
form_length(Form form, size_t len)
{
	int			before = form - FORM_BASE64_0;

	if (form == FORM_PLAIN)
		return len;
	return (before + len) * 8 / 6 - (before * 8 + 5) / 6;
}

/* A character of the secret in a form. */
static unsigned char
form_char(const Secret *secret, Form form, size_t i)
{
	int			before = form - FORM_BASE64_0;
	unsigned	value = 0;
	size_t		bit;

	if (form == FORM_PLAIN)
		return secret->text[i];
	bit = ((before * 8 + 5) / 6 + i) * 6 - before * 8;
	for (int b = 0; b < 6; b++, bit++)
		value = value * 2 + (((unsigned char) secret->text[bit / 8] >> (7 - bit % 8)) & 1);
	return ecapi_base64_digits[value];
}

/* The bytes at a place of the text that are the secret in a form; 0: they are not. */
static size_t
match(const char *at, const char *end, const Secret *secret, Form form, int times)
{
	const char *from = at;
	size_t		n = form_length(form, secret->len);

	for (size_t i = 0; i < n; i++)
	{
		unsigned char c = form_char(secret, form, i);
		size_t		used = at == end ? CUT : one_char(at, end, c, times);

		if (used == 0 && form != FORM_PLAIN && (c == '+' || c == '/'))
			used = one_char(at, end, c == '+' ? '-' : '_', times);
		if (used == CUT)
			return i >= CUT_MIN ? (size_t) (end - from) : 0;
		if (used == 0)
			return 0;
		at += used;
	}
	return at - from;
}

/* The longest piece at a place of the text that is the secret in any form. */
static size_t
longest(const char *at, const char *end, const Secret *secret)
{
	size_t		longest = 0;

	for (int form = FORM_PLAIN; form <= FORM_BASE64_2; form++)
	{
		if (form_length(form, secret->len) < SECRET_MIN)
			continue;
		for (int times = 0; times <= 2; times++)
		{
			size_t		n = match(at, end, secret, form, times);

			if (n > longest)
				longest = n;
		}
	}
	return longest;
}

/* Take one secret out of a text; returns the new length, which is no greater. */
static size_t
redact_one(char *text, size_t len, const char *from, size_t secret_len)
{
	Secret		secret = {from, secret_len};
	const char *at = text;
	const char *end = text + len;
	char	   *into = text;

	if (secret_len < SECRET_MIN)
		return len;
	while (at < end)
	{
		size_t		n = longest(at, end, &secret);

		if (n < SECRET_MIN)
			*into++ = *at++;
		else
		{
			memcpy(into, ECAPI_REDACTED, strlen(ECAPI_REDACTED));
			into += strlen(ECAPI_REDACTED);
			at += n;
		}
	}
	*into = '\0';
	return into - text;
}

/* As it stands in a url, and decoded: a receiver prints either. */
static size_t
redact_part(char *text, size_t len, const char *from, size_t part_len)
{
	char		decoded[1024];
	size_t		n = 0;

	len = redact_one(text, len, from, part_len);
	if (memchr(from, '%', part_len) == NULL)
		return len;
	for (size_t i = 0; i < part_len && n < sizeof(decoded); i++)
	{
		bool		escape = from[i] == '%' && i + 2 < part_len &&
			ecapi_hex_digit(from[i + 1]) >= 0 && ecapi_hex_digit(from[i + 2]) >= 0;

		decoded[n++] = escape ? (char) (ecapi_hex_digit(from[i + 1]) * 16 + ecapi_hex_digit(from[i + 2]))
			: from[i];
		if (escape)
			i += 2;
	}
	return redact_one(text, len, decoded, n);
}

static size_t
redact_url(char *text, size_t len, const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;

	host = host == NULL ? url : host + 3;
	at = memchr(host, '@', strcspn(host, "/?#"));
	if (at != NULL)
	{
		const char *colon = memchr(host, ':', at - host);

		len = redact_part(text, len, host, at - host);
		len = redact_part(text, len, host, (colon != NULL ? colon : at) - host);
		if (colon != NULL)
			len = redact_part(text, len, colon + 1, at - colon - 1);
	}
	at = strchr(host, '?');
	while (at != NULL && *at != '\0' && *at != '#')
	{
		const char *name = at + 1;
		size_t		pair = strcspn(name, "&;#");
		const char *equals = memchr(name, '=', pair);

		if (equals != NULL && ecapi_syntax_secret_name(name, equals - name))
			len = redact_part(text, len, equals + 1, name + pair - equals - 1);
		at = name + pair;
	}
	return len;
}

const char *
ecapi_echo_secret_of(const char *line)
{
	static const char bearer[] = "Bearer ";
	const char *value = strchr(line, ':');

	if (value == NULL)
		return line;
	value += 1 + strspn(value + 1, " \t");
	if (strncmp(value, bearer, sizeof(bearer) - 1) == 0)
		value += sizeof(bearer) - 1;
	return value;
}

size_t
ecapi_echo_redact(char *text, size_t len, const char *const *headers, int nheaders,
				  const char *url)
{
	for (int i = 0; i < nheaders; i++)
	{
		const char *secret = ecapi_echo_secret_of(headers[i]);
		const char *blank = strchr(secret, ' ');

		len = redact_one(text, len, secret, strlen(secret));
		/* behind the name of a scheme, as in "Basic dXNlcjpw" */
		if (blank != NULL)
			len = redact_one(text, len, blank + 1, strlen(blank + 1));
	}
	return url != NULL ? redact_url(text, len, url) : len;
}

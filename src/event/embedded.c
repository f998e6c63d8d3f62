/*
 * embedded.c
 *	  What identifies a person inside of a longer text: e-mail addresses and telephone
 *	  numbers, and the escapes that hide them.
 *
 * A search that took the identifier and looked for it would also find it inside of
 * another one: "ann@example.com" in "joann@example.com".  So a text is cut where an
 * address cannot go on, and each address is compared as a whole.
 *
 * Where it cannot go on: at a blank, at what RFC 5322 keeps out of an unquoted
 * address, and at characters that the RFC allows but texts use around addresses (URLs
 * "/?&=#", lists "|", braces "{}", marks "*`").  An apostrophe belongs to it, but not at
 * its start.  Outside of ASCII, letters and digits belong to it.
 *
 * Cost: one look at each byte, and again at those on both sides of an "@", at most
 * MAX_LOCAL and MAX_DOMAIN of them.  The part before an "@" ends at the one before it,
 * so the sum is linear.
 */
#include "event/embedded.h"

#include <string.h>

#include "event/ascii.h"

/* Bytes of the parts of an address: RFC 5321; three bytes for each character. */
#define MAX_LOCAL	(3 * 64)
#define MAX_DOMAIN	(3 * 255)

/* Digits of a telephone number; fewer are prices, counts and years, too. */
#define MIN_DIGITS	7
#define MAX_DIGITS	18			/* "00", a calling code, "(0)" and 15 beyond it */

/* ---- escapes ---- */

bool
ecapi_embedded_has_escapes(const char *text, size_t len)
{
	return memchr(text, '\\', len) != NULL || memchr(text, '%', len) != NULL;
}

/* n hex digits as a number, or -1. */
static int32_t
hex_number(const char *text, size_t len, size_t n)
{
	int32_t		number = 0;

	if (len < n)
		return -1;
	for (size_t i = 0; i < n; i++)
	{
		int			digit = ecapi_hex_digit(text[i]);

		if (digit < 0)
			return -1;
		number = number * 16 + digit;
	}
	return number;
}

static size_t
write_utf8(char *to, int32_t c)
{
	if (c < 0x80)
	{
		to[0] = c < ' ' ? ' ' : (char) c;
		return 1;
	}
	if (c < 0x800)
	{
		to[0] = (char) (0xC0 | c >> 6);
		to[1] = (char) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		to[0] = (char) (0xE0 | c >> 12);
		to[1] = (char) (0x80 | (c >> 6 & 0x3F));
		to[2] = (char) (0x80 | (c & 0x3F));
		return 3;
	}
	to[0] = (char) (0xF0 | c >> 18);
	to[1] = (char) (0x80 | (c >> 12 & 0x3F));
	to[2] = (char) (0x80 | (c >> 6 & 0x3F));
	to[3] = (char) (0x80 | (c & 0x3F));
	return 4;
}

/* \uXXXX, or a pair of them: bytes that it takes, *c the character; 0: it is none. */
static size_t
read_unicode_escape(const char *text, size_t len, int32_t *c)
{
	int32_t		low;

	if (len < 6 || text[1] != 'u' || (*c = hex_number(text + 2, len - 2, 4)) < 0)
		return 0;
	if (*c < 0xD800 || *c > 0xDFFF)
		return 6;
	if (*c > 0xDBFF || len < 12 || text[6] != '\\' || text[7] != 'u')
		return 0;
	low = hex_number(text + 8, len - 8, 4);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*c = 0x10000 + (*c - 0xD800) * 0x400 + (low - 0xDC00);
	return 12;
}

/* The escape that text begins with: bytes that it takes, its character at to; 0: none. */
static size_t
read_escape(const char *text, size_t len, char *to, size_t *written)
{
	int32_t		c;
	size_t		taken;

	if (text[0] == '%')
	{
		c = hex_number(text + 1, len - 1, 2);
		if (c < 0)
			return 0;
		*to = c < ' ' ? ' ' : (char) c;
		*written = 1;
		return 3;
	}
	if (text[0] != '\\' || len < 2)
		return 0;
	*written = 1;
	if (strchr("\"\\/", text[1]) != NULL && text[1] != '\0')
		*to = text[1];
	else if (strchr("bfnrt", text[1]) != NULL && text[1] != '\0')
		*to = ' ';
	else
	{
		taken = read_unicode_escape(text, len, &c);
		if (taken > 0)
			*written = write_utf8(to, c);
		return taken;
	}
	return 2;
}

bool
ecapi_embedded_unescape(char *text, size_t *len)
{
	size_t		to = 0;
	bool		any = false;

	for (size_t from = 0; from < *len;)
	{
		size_t		written = 0;
		char		bytes[4];
		size_t		taken = read_escape(text + from, *len - from, bytes, &written);

		if (taken == 0)
		{
			text[to++] = text[from++];
			continue;
		}
		memcpy(text + to, bytes, written);
		to += written;
		from += taken;
		any = true;
	}
	*len = to;
	return any;
}

/* ---- addresses ---- */

static bool
is_letter_or_digit(char c)
{
	return ecapi_is_letter(c) || ecapi_is_digit(c);
}

/* Whether a character outside of ASCII belongs to an address.  at: its first byte. */
static bool
is_word_at(EcapiSpan text, size_t at)
{
	int32_t		c = ecapi_unicode_next(text, &at);

	return c >= 0 && (ecapi_unicode_is_word(c) || ecapi_unicode_is_mark(c) ||
					  ecapi_unicode_is_invisible(c));
}

static bool
is_local(char c)
{
	return is_letter_or_digit(c) || (c != '\0' && strchr(".!$%'+-^_~", c) != NULL);
}

/* Where the part before the "@" at byte at begins; not before floor. */
static size_t
local_start(EcapiSpan text, size_t at, size_t floor)
{
	size_t		start = at;

	while (start > floor)
	{
		size_t		before = start - 1;

		if ((unsigned char) text.text[before] < 0x80)
		{
			if (!is_local(text.text[before]))
				break;
			start = before;
			continue;
		}
		while (before > floor && at - before < MAX_LOCAL &&
			   ((unsigned char) text.text[before] & 0xC0) == 0x80)
			before--;
		if (!is_word_at(text, before))
			break;
		start = before;
	}
	while (start < at && strchr(".'", text.text[start]) != NULL)
		start++;
	return start;
}

static size_t
domain_end(EcapiSpan text, size_t at)
{
	size_t		end = at + 1;

	while (end < text.len && end - at <= MAX_DOMAIN)
	{
		char		c = text.text[end];

		if ((unsigned char) c >= 0x80)
		{
			if (!is_word_at(text, end))
				break;
			(void) ecapi_unicode_next(text, &end);
		}
		else if (is_letter_or_digit(c) || c == '-' || c == '.')
			end++;
		else
			break;
	}
	while (end > at + 1 && (text.text[end - 1] == '.' || text.text[end - 1] == '-'))
		end--;
	return end;
}

/* A letter behind a backslash is part of an escape: "\tann@" is no "tann@". */
static bool
is_cut_escape(EcapiSpan text, size_t start)
{
	return start > 0 && text.text[start - 1] == '\\' &&
		text.text[start] != '\0' && strchr("bfnrtu", text.text[start]) != NULL;
}

bool
ecapi_embedded_address(EcapiSpan text, size_t *from, EcapiSpan *address)
{
	size_t		floor = *from;
	const char *found;

	while (floor < text.len &&
		   (found = memchr(text.text + floor, '@', text.len - floor)) != NULL)
	{
		size_t		at = (size_t) (found - text.text);
		size_t		before = at - floor > MAX_LOCAL + 4 ? at - MAX_LOCAL - 4 : floor;
		size_t		start = local_start(text, at, before);
		size_t		end = domain_end(text, at);

		floor = at + 1;
		*from = floor;
		if (start == at || at - start > MAX_LOCAL || end == at + 1 ||
			end - at > MAX_DOMAIN || is_cut_escape(text, start))
			continue;
		address->text = text.text + start;
		address->len = end - start;
		return true;
	}
	*from = text.len;
	return false;
}

/* ---- telephone numbers ---- */

/*
 * Whether it goes on before or behind.  "C-0711123456" is a customer's number, and
 * parts of a UUID are digits alone.
 */
static bool
is_part_of_more(EcapiSpan text, size_t start, size_t end)
{
	unsigned char before = start > 0 ? (unsigned char) text.text[start - 1] : ' ';
	unsigned char behind = end < text.len ? (unsigned char) text.text[end] : ' ';

	return before >= 0x80 || is_letter_or_digit((char) before) ||
		(before != '\0' && strchr("_-./#@%", before) != NULL) ||
		behind >= 0x80 || is_letter_or_digit((char) behind) ||
		(behind != '\0' && strchr("_-#@%", behind) != NULL);
}

/* The end of what may be one number from byte start on, and its digits. */
static size_t
phone_end(EcapiSpan text, size_t start, int *digits)
{
	size_t		i = start;

	*digits = 0;
	if (text.text[i] == '+')
		i++;
	for (; i < text.len; i++)
	{
		char		c = text.text[i];

		if (ecapi_is_digit(c))
			(*digits)++;
		else if (c == '\0' || strchr(" -/.()", c) == NULL)
			break;
	}
	return i;
}

bool
ecapi_embedded_phone(EcapiSpan text, size_t *from, EcapiSpan *phone)
{
	while (*from < text.len)
	{
		size_t		start = *from;
		size_t		end;
		int			digits;

		if (text.text[start] != '+' && text.text[start] != '(' &&
			(text.text[start] < '0' || text.text[start] > '9'))
		{
			(*from)++;
			continue;
		}
		end = phone_end(text, start, &digits);
		*from = end > start ? end : start + 1;
		while (end > start && (text.text[end - 1] < '0' || text.text[end - 1] > '9'))
			end--;
		if (digits < MIN_DIGITS || digits > MAX_DIGITS || is_part_of_more(text, start, end))
			continue;
		phone->text = text.text + start;
		phone->len = end - start;
		return true;
	}
	return false;
}

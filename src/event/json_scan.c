/*
 * json_scan.c
 *	  What is JSON, decided by ourselves and nobody else.
 *
 * JSON is what RFC 8259 says, and what a tree and a receiver can keep.  So refused are,
 * beside what the standard refuses: integers beyond 64 bits, the escape \u0000, which no
 * text of the server can hold, half a surrogate pair, which stands for no character, bytes
 * that are not UTF-8, and values inside of more than ECAPI_JSON_DEPTH arrays and objects.
 *
 * One pass over the bytes, token by token; what may come next is all that is known, with
 * one bit for each container that is open.  The first fault ends it.
 */
#include "event/json_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/ascii.h"
#include "event/plain.h"

/* What may come next. */
typedef enum Expected
{
	A_VALUE,
	A_VALUE_OR_END,				/* of an array that has just begun */
	A_KEY,
	A_KEY_OR_END,				/* of an object that has just begun */
	A_COLON,
	A_COMMA_OR_END,				/* behind a member; behind the root nothing */
} Expected;

typedef struct Scan
{
	const char *text;
	size_t		len;
	size_t		at;
	Expected	expected;
	int			depth;			/* containers that are open */
	uint32_t	objects;		/* of these: the lowest bit is the innermost, 1 an object */
	const char *wrong;
	EcapiJsonMeasure *measure;
} Scan;

/* One bit of "objects" for each. */
_Static_assert(ECAPI_JSON_DEPTH <= 32, "more levels than bits");

/* ---------------------------------------------------------------------- tokens */

static size_t
count_digits(const char *text, size_t len)
{
	size_t		n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/* Whether digits, 19 or more, stand for an integer of 64 bits. */
static bool
fits_64_bits(const char *text, size_t n, bool negative)
{
	char		digits[24];
	unsigned long long value;

	if (n >= sizeof(digits))
		return false;
	memcpy(digits, text, n);
	digits[n] = '\0';
	errno = 0;
	value = strtoull(digits, NULL, 10);
	return errno == 0 && (!negative || value <= (unsigned long long) INT64_MAX + 1);
}

/*
 * A number begins there, with a digit or "-".  Returns where it ends; NULL from *wrong
 * when it is one.
 */
static size_t
scan_number(const char *text, size_t len, size_t at, const char **wrong)
{
	bool		negative = text[at] == '-';
	size_t		from = at + (negative ? 1 : 0);
	size_t		n = count_digits(text + from, len - from);
	bool		integer = true;

	if (n == 0)
		*wrong = "a number has no digit";
	else if (n > 1 && text[from] == '0')
		*wrong = "a number has a leading zero";
	at = from + n;
	if (at < len && text[at] == '.')
	{
		size_t		fraction = count_digits(text + at + 1, len - at - 1);

		if (fraction == 0)
			*wrong = "a number has no digit behind its point";
		at += 1 + fraction;
		integer = false;
	}
	if (at < len && (text[at] == 'e' || text[at] == 'E'))
	{
		size_t		digits;

		at++;
		if (at < len && (text[at] == '+' || text[at] == '-'))
			at++;
		digits = count_digits(text + at, len - at);
		if (digits == 0)
			*wrong = "a number has no digit in its exponent";
		at += digits;
		integer = false;
	}
	if (integer && n >= 19 && !fits_64_bits(text + from, n, negative))
		*wrong = "an integer does not fit into 64 bits";
	return at;
}

/*
 * Bytes of the UTF-8 character that begins at text, by RFC 3629: no overlong
 * form, no surrogate, nothing beyond U+10FFFF.  0 when it is not one.
 */
static size_t
utf8_length(const unsigned char *text, size_t len)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t		n;
	size_t		i;

	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	n = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;

	/* what the first byte says of the second */
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (i = 2; i < n; i++)
	{
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

int
ecapi_json_escaped_unit(const char *text, size_t len)
{
	int			unit = 0;

	if (len < 6 || text[0] != '\\' || text[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		int			digit = ecapi_hex_digit(text[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/*
 * An escape begins at text.  Returns how many bytes it has, and sets *wrong when it
 * stands for no character, or for none that a text can hold.
 */
static size_t
scan_escape(const char *text, size_t len, const char **wrong)
{
	int			unit;
	int			low;

	if (len < 2 || text[1] == '\0' || strchr("\"\\/bfnrtu", text[1]) == NULL)
	{
		*wrong = "invalid string sequence";
		return 1;
	}
	if (text[1] != 'u')
		return 2;
	unit = ecapi_json_escaped_unit(text, len);
	if (unit < 0)
		*wrong = "invalid string sequence";
	else if (unit == 0)
		*wrong = "a text holds a NUL character";
	else if (unit >= 0xD800 && unit <= 0xDFFF)
	{
		low = unit < 0xDC00 ? ecapi_json_escaped_unit(text + 6, len - 6) : -1;
		if (low >= 0xDC00 && low <= 0xDFFF)
			return 12;
		*wrong = "a text holds half a surrogate pair";
	}
	return 6;
}

/* A text begins there, with its quote.  Returns the place behind the other one. */
static size_t
scan_string(const char *text, size_t len, size_t at, const char **wrong)
{
	for (at++; at < len && *wrong == NULL;)
	{
		unsigned char c = (unsigned char) text[at];

		if (c == '"')
			return at + 1;
		if (c == '\\')
			at += scan_escape(text + at, len - at, wrong);
		else if (c < 0x20)
			*wrong = "a text holds a raw control character";
		else if (c >= 0x80)
		{
			size_t		n = utf8_length((const unsigned char *) text + at, len - at);

			if (n == 0)
				*wrong = "a text is not UTF-8";
			at += n;
		}
		else
			at += ecapi_plain_run(text + at, len - at, true);
	}
	if (*wrong == NULL)
		*wrong = "unexpected end of data";
	return at;
}

/* --------------------------------------------------------------------- grammar */

/* What comes next is not what may. */
static void
refuse(Scan *scan)
{
	if (scan->wrong != NULL)
		return;
	if (scan->expected == A_COLON)
		scan->wrong = "object property name separator ':' expected";
	else if (scan->expected == A_KEY || scan->expected == A_KEY_OR_END)
		scan->wrong = "quoted object property name expected";
	else if (scan->expected == A_COMMA_OR_END && scan->depth > 0)
		scan->wrong = (scan->objects & 1) != 0 ? "object value separator ',' expected"
			: "array value separator ',' expected";
	else
		scan->wrong = "unexpected character";
}

/* A value begins: whether it may. */
static bool
begin_value(Scan *scan)
{
	if (scan->expected != A_VALUE && scan->expected != A_VALUE_OR_END)
		refuse(scan);
	else if (scan->depth >= ECAPI_JSON_DEPTH)
		scan->wrong = "nesting too deep";
	scan->measure->tokens++;
	return scan->wrong == NULL;
}

static void
take_string(Scan *scan)
{
	bool		key = scan->expected == A_KEY || scan->expected == A_KEY_OR_END;

	if (key)
		scan->measure->tokens++;
	else if (!begin_value(scan))
		return;
	scan->at = scan_string(scan->text, scan->len, scan->at, &scan->wrong);
	scan->expected = key ? A_COLON : A_COMMA_OR_END;
}

static void
take_number(Scan *scan)
{
	if (!begin_value(scan))
		return;
	scan->at = scan_number(scan->text, scan->len, scan->at, &scan->wrong);
	scan->expected = A_COMMA_OR_END;
}

static void
take_literal(Scan *scan, const char *literal, const char *wrong)
{
	size_t		n = strlen(literal);

	if (!begin_value(scan))
		return;
	if (scan->len - scan->at < n || memcmp(scan->text + scan->at, literal, n) != 0)
		scan->wrong = wrong;
	scan->at += n;
	scan->expected = A_COMMA_OR_END;
}

static void
open_container(Scan *scan, bool object)
{
	if (!begin_value(scan))
		return;
	scan->measure->containers++;
	scan->depth++;
	scan->objects = scan->objects << 1 | (object ? 1 : 0);
	scan->expected = object ? A_KEY_OR_END : A_VALUE_OR_END;
	scan->at++;
}

static void
close_container(Scan *scan, bool object)
{
	Expected	empty = object ? A_KEY_OR_END : A_VALUE_OR_END;

	if (scan->depth == 0 || ((scan->objects & 1) != 0) != object ||
		(scan->expected != A_COMMA_OR_END && scan->expected != empty))
	{
		refuse(scan);
		return;
	}
	scan->depth--;
	scan->objects >>= 1;
	scan->expected = A_COMMA_OR_END;
	scan->at++;
}

static void
take_comma(Scan *scan)
{
	if (scan->expected != A_COMMA_OR_END || scan->depth == 0)
	{
		refuse(scan);
		return;
	}
	scan->expected = (scan->objects & 1) != 0 ? A_KEY : A_VALUE;
	scan->at++;
}

static void
take_colon(Scan *scan)
{
	if (scan->expected != A_COLON)
	{
		refuse(scan);
		return;
	}
	scan->expected = A_VALUE;
	scan->at++;
}

static void
take_token(Scan *scan)
{
	switch (scan->text[scan->at])
	{
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			scan->at++;
			break;
		case '"':
			take_string(scan);
			break;
		case ',':
			take_comma(scan);
			break;
		case ':':
			take_colon(scan);
			break;
		case '{':
		case '[':
			open_container(scan, scan->text[scan->at] == '{');
			break;
		case '}':
		case ']':
			close_container(scan, scan->text[scan->at] == '}');
			break;
		case 't':
			take_literal(scan, "true", "boolean expected");
			break;
		case 'f':
			take_literal(scan, "false", "boolean expected");
			break;
		case 'n':
			take_literal(scan, "null", "null expected");
			break;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			take_number(scan);
			break;
		default:
			refuse(scan);
			break;
	}
}

const char *
ecapi_json_scan(const char *text, size_t len, EcapiJsonMeasure *measure)
{
	Scan		scan = {.text = text, .len = len, .measure = measure};

	memset(measure, 0, sizeof(*measure));
	while (scan.at < len && scan.wrong == NULL)
		take_token(&scan);
	if (scan.wrong == NULL && (scan.depth > 0 || scan.expected != A_COMMA_OR_END))
		scan.wrong = "unexpected end of data";
	return scan.wrong;
}

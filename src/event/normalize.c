/*
 * normalize.c
 *	  A text in the one form that is compared, or hashed.
 *
 * The standard's rules (ECAPI 1.0, normalization): trim white space, lower
 * case, no punctuation and no other formatting that carries no meaning; other
 * characters stay, as UTF-8.  Email addresses and identifiers keep their
 * punctuation.  Telephone numbers become "+" and digits (phone.c).  Where no
 * form is certain the answer is "invalid" and the field is left out: a hash
 * of the wrong text is never a match and cannot be recognized later.
 *
 * Unicode comes from ICU, because the server's own functions follow the
 * database's locale, and a digest must not: white space is the property
 * White_Space, and the invisible marks that copying drags along at the ends;
 * punctuation is the general category P; lower case is the full mapping of
 * the root locale.  Text that is all ASCII never gets there.  No other
 * Unicode normalization is done, as the standard asks for none.
 *
 * Ownership: one ICU case map handle for the life of the process, opened on
 * first use.  If it cannot be opened, what needs it is invalid.
 */
#include "event/normalize.h"
#include "event/phone.h"

#include <string.h>

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

typedef struct Span
{
	const char *text;
	size_t		len;
} Span;

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/*
 * White_Space, and marks without width that stand at the ends of copied text.
 */
static inline bool
is_space(UChar32 c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	return u_isUWhiteSpace(c) ||
		c == 0x200B || c == 0x2060 || c == 0xFEFF;
}

static inline bool
is_punctuation(UChar32 c)
{
	return (U_GET_GC_MASK(c) & U_GC_P_MASK) != 0;
}

/* All ASCII?  Else valid says whether it is UTF-8 at all. */
static bool
is_ascii(const char *text, size_t len, bool *valid)
{
	size_t		i = 0;

	*valid = true;
	while (i < len && (unsigned char) text[i] < 0x80)
		i++;
	if (i == len)
		return true;
	while (i < len)
	{
		UChar32		c;

		U8_NEXT(text, i, len, c);
		if (c < 0)
		{
			*valid = false;
			break;
		}
	}
	return false;
}

/* text without white space at its ends; it is valid UTF-8. */
static Span
trim(const char *text, size_t len)
{
	size_t		start = 0;
	size_t		end = len;

	while (start < end)
	{
		size_t		i = start;
		UChar32		c;

		U8_NEXT(text, i, end, c);
		if (!is_space(c))
			break;
		start = i;
	}
	while (end > start)
	{
		int32_t		i = (int32_t) end;
		UChar32		c;

		U8_PREV(text, (int32_t) start, i, c);
		if (!is_space(c))
			break;
		end = (size_t) i;
	}
	return (Span) {text + start, end - start};
}

static bool
is_sha256_hex(Span span)
{
	if (span.len != 64)
		return false;
	for (size_t i = 0; i < span.len; i++)
	{
		char		c = ascii_lower(span.text[i]);

		if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

static void
add_ascii_lower(EcapiBuffer *out, Span span)
{
	char		piece[ECAPI_NORMALIZE_MAX];

	for (size_t i = 0; i < span.len; i++)
		piece[i] = ascii_lower(span.text[i]);
	ecapi_buffer_add(out, piece, span.len);
}

/* Append span in lower case; false when that cannot be done. */
static bool
add_lower(EcapiBuffer *out, Span span, bool ascii)
{
	static UCaseMap *map = NULL;
	UErrorCode	status = U_ZERO_ERROR;
	char		lower[ECAPI_NORMALIZED_MAX];
	int32_t		len;

	if (ascii)
	{
		add_ascii_lower(out, span);
		return !out->full;
	}

	if (map == NULL)
	{
		map = ucasemap_open("", 0, &status);
		if (U_FAILURE(status))
		{
			map = NULL;
			return false;
		}
	}
	len = ucasemap_utf8ToLower(map, lower, sizeof(lower), span.text,
							   (int32_t) span.len, &status);
	if (U_FAILURE(status) || len > (int32_t) sizeof(lower))
		return false;
	ecapi_buffer_add(out, lower, (size_t) len);
	return !out->full;
}

/*
 * Copy span without punctuation, runs of inner white space as one space, none
 * at the ends.  to holds at least span.len bytes; returns how many it got.
 */
static size_t
strip_punctuation(char *to, Span span)
{
	size_t		n = 0;
	bool		space = false;

	for (size_t i = 0; i < span.len;)
	{
		size_t		from = i;
		UChar32		c;

		U8_NEXT(span.text, i, span.len, c);
		if (is_space(c))
			space = n > 0;
		else if (!is_punctuation(c))
		{
			if (space)
				to[n++] = ' ';
			space = false;
			memcpy(to + n, span.text + from, i - from);
			n += i - from;
		}
	}
	return n;
}

/*
 * British postal codes are area, district, sector and unit: "SW1A 1AA" is SW,
 * 1A, 1 and AA.  code is compact and in lower case.  Returns the length
 * without the unit, 0 when this is no such code.  sector says whether a code
 * that ends with the sector will do: without knowing the country it is not
 * certain enough, as other countries have codes that look like it.
 */
static size_t
british_sector(const char *code, size_t len, bool sector)
{
	size_t		i = 0;

	while (i < len && i < 2 && code[i] >= 'a' && code[i] <= 'z')
		i++;
	if (i == 0 || i == len || !is_digit(code[i++]))
		return 0;

	/* Now the rest of the district (a digit, a letter or nothing), then "1aa". */
	for (int rest = 0; rest <= 1; rest++)
	{
		size_t		at = i + rest;

		if (at >= len || !is_digit(code[at]))
			continue;
		if (rest == 1 && !is_digit(code[i]) && !(code[i] >= 'a' && code[i] <= 'z'))
			continue;
		if (len == at + 3 &&
			code[at + 1] >= 'a' && code[at + 1] <= 'z' &&
			code[at + 2] >= 'a' && code[at + 2] <= 'z')
			return at + 1;
		if (sector && len == at + 1)
			return len;
	}
	return 0;
}

static bool
is_one_of(const char *country, const char *list)
{
	const char *at = country ? strstr(list, country) : NULL;

	return at != NULL && strlen(country) == 2;
}

static bool
all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!is_digit(text[i]))
			return false;
	}
	return true;
}

/* ZIP+4 as it is written, whatever the country. */
static bool
is_zip_plus_four(Span span)
{
	return span.len == 10 && span.text[5] == '-' &&
		all_digits(span.text, 5) && all_digits(span.text + 6, 4);
}

/*
 * Postal code: compact, in lower case; in the United States (and the
 * territories that share its codes) the first five digits; in the United
 * Kingdom (and the dependencies that share its form) without the unit.
 */
static EcapiNormalized
normalize_postal(Span span, bool ascii, const char *country, EcapiBuffer *out)
{
	char		compact[ECAPI_NORMALIZE_MAX];
	size_t		n = 0;
	size_t		keep;

	if (country == NULL && is_zip_plus_four(span))
		country = "us";

	span.len = strip_punctuation(compact, span);
	for (size_t i = 0; i < span.len; i++)
	{
		if (compact[i] != ' ')
			compact[n++] = compact[i];
	}
	if (n == 0)
		return ECAPI_NORMALIZED_EMPTY;
	if (!add_lower(out, (Span) {compact, n}, ascii))
		return ECAPI_NORMALIZED_INVALID;

	keep = out->len;
	if (is_one_of(country, "us pr vi gu as mp"))
	{
		if ((n != 5 && n != 9) || !all_digits(compact, n))
			return ECAPI_NORMALIZED_INVALID;
		keep = 5;
	}
	else if (is_one_of(country, "gb gg je im"))
	{
		keep = british_sector(out->data, out->len, true);
		if (keep == 0)
			return ECAPI_NORMALIZED_INVALID;
	}
	else if (country == NULL)
	{
		/* No other country's codes have the form of a full British one. */
		size_t		sector = british_sector(out->data, out->len, false);

		if (sector > 0)
			keep = sector;
	}
	ecapi_buffer_truncate(out, keep);
	return ECAPI_NORMALIZED;
}

static EcapiNormalized
normalize_name(Span span, bool ascii, EcapiBuffer *out)
{
	char		stripped[ECAPI_NORMALIZE_MAX];
	size_t		len = strip_punctuation(stripped, span);

	if (len == 0)
		return ECAPI_NORMALIZED_EMPTY;
	return add_lower(out, (Span) {stripped, len}, ascii) ?
		ECAPI_NORMALIZED : ECAPI_NORMALIZED_INVALID;
}

static EcapiNormalized
normalize_code(const char *code, EcapiBuffer *out)
{
	if (code == NULL)
		return ECAPI_NORMALIZED_INVALID;
	ecapi_buffer_str(out, code);
	return ECAPI_NORMALIZED;
}

static EcapiNormalized
apply(EcapiRule rule, Span span, bool ascii, const char *country, EcapiBuffer *out)
{
	char		phone[ECAPI_PHONE_SIZE];

	switch (rule)
	{
		case ECAPI_RULE_NAME:
			return normalize_name(span, ascii, out);
		case ECAPI_RULE_POSTAL:
			return normalize_postal(span, ascii, country, out);
		case ECAPI_RULE_PHONE:
			if (!ecapi_phone_normalize(span.text, span.len, country, phone))
				return country == NULL && ecapi_phone_is_national(span.text, span.len) ?
					ECAPI_NORMALIZED_NO_COUNTRY : ECAPI_NORMALIZED_INVALID;
			ecapi_buffer_str(out, phone);
			return ECAPI_NORMALIZED;
		case ECAPI_RULE_COUNTRY:
			return normalize_code(ecapi_country_lookup(span.text, span.len), out);
		case ECAPI_RULE_CURRENCY:
			return normalize_code(ecapi_currency_lookup(span.text, span.len, NULL), out);
		case ECAPI_RULE_IDENTIFIER:
		case ECAPI_RULE_NONE:
			break;
	}
	return add_lower(out, span, ascii) ?
		ECAPI_NORMALIZED : ECAPI_NORMALIZED_INVALID;
}

/* See normalize.h. */
EcapiNormalized
ecapi_normalize(EcapiRule rule, const char *text, size_t len,
				const char *country, EcapiBuffer *out)
{
	EcapiNormalized result;
	bool		valid;
	bool		ascii;
	Span		span;

	ecapi_buffer_truncate(out, 0);
	if (rule == ECAPI_RULE_NONE)
	{
		ecapi_buffer_add(out, text, len);
		if (out->full)
			result = ECAPI_NORMALIZED_INVALID;
		else
			result = len > 0 ? ECAPI_NORMALIZED : ECAPI_NORMALIZED_EMPTY;
	}
	else
	{
		if (len > ECAPI_NORMALIZE_MAX)
			return ECAPI_NORMALIZED_INVALID;
		ascii = is_ascii(text, len, &valid);
		if (!valid)
			return ECAPI_NORMALIZED_INVALID;
		span = trim(text, len);
		if (span.len == 0)
			return ECAPI_NORMALIZED_EMPTY;
		if (is_sha256_hex(span))
		{
			add_ascii_lower(out, span);
			result = ECAPI_NORMALIZED_DIGEST;
		}
		else
		{
			result = apply(rule, span, ascii, country, out);
			/* A digest that stood in quotes is one, too. */
			if (result == ECAPI_NORMALIZED && is_sha256_hex((Span) {out->data, out->len}))
				result = ECAPI_NORMALIZED_DIGEST;
		}
	}

	if (out->full)
		result = ECAPI_NORMALIZED_INVALID;
	if (result != ECAPI_NORMALIZED && result != ECAPI_NORMALIZED_DIGEST)
		ecapi_buffer_truncate(out, 0);
	return result;
}

bool
ecapi_rule_needs_country(EcapiRule rule)
{
	return rule == ECAPI_RULE_PHONE || rule == ECAPI_RULE_POSTAL;
}

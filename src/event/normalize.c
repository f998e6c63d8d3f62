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
 * A text that stands for "there is none" is invalid, too, wherever one value
 * means one person: hashed, "n/a" would make one person of all customers who
 * gave no address.  An email address has the shape of one, an identifier is
 * none of a few words.  Names stay as they are: a name is shared by many
 * anyway, and Null is a surname.
 *
 * What Unicode says of a character comes from unicode.c; the forms that platforms
 * want beside the standard's are in normalize_platform.c.
 */
#include "event/normalize.h"

#include <string.h>

#include "event/ascii.h"
#include "event/codes.h"
#include "event/mailbox.h"
#include "event/normalize_internal.h"
#include "event/phone.h"

typedef EcapiSpan Span;

static bool
is_sha256_hex(Span span)
{
	if (span.len != 64)
		return false;
	for (size_t i = 0; i < span.len; i++)
	{
		if (ecapi_hex_digit(span.text[i]) < 0)
			return false;
	}
	return true;
}

static void
add_ascii_lower(EcapiBuffer *out, Span span)
{
	char		piece[ECAPI_NORMALIZE_MAX];

	for (size_t i = 0; i < span.len; i++)
		piece[i] = ecapi_lower(span.text[i]);
	ecapi_buffer_add(out, piece, span.len);
}

bool
ecapi_normalize_lower(EcapiBuffer *out, EcapiSpan span, bool ascii)
{
	if (ascii)
	{
		add_ascii_lower(out, span);
		return !out->full;
	}
	return ecapi_unicode_lower(span, out);
}

/*
 * Copy span without what skipped() names, runs of inner white space as one
 * space, neither white space nor invisible marks at the ends.  to holds at
 * least span.len bytes; returns what it got.
 */
static Span
strip(char *to, Span span, bool (*skipped) (int32_t c))
{
	size_t		n = 0;
	bool		space = false;

	for (size_t i = 0; i < span.len;)
	{
		size_t		from = i;
		int32_t		c = ecapi_unicode_next(span, &i);

		if (ecapi_unicode_is_space(c))
			space = n > 0;
		else if (!skipped(c))
		{
			if (space)
				to[n++] = ' ';
			space = false;
			memcpy(to + n, span.text + from, i - from);
			n += i - from;
		}
	}
	return ecapi_unicode_trim((Span) {to, n});
}

static bool
skipped_in_names(int32_t c)
{
	return ecapi_unicode_is_punctuation(c) || ecapi_unicode_is_apostrophe(c);
}

/* A postal mark introduces a Japanese code and is no part of it. */
static bool
skipped_in_postal_codes(int32_t c)
{
	return ecapi_unicode_is_punctuation(c) || ecapi_unicode_is_postal_mark(c);
}

/*
 * What programs and people write where there is no identifier; in lower case.
 * Not complete, and it need not be: each word here was somebody's most frequent
 * "customer".
 */
static const char *const no_identifiers[] = {
	"n/a", "na", "n.a.", "none", "null", "nil", "nan", "undefined", "unknown",
	"anonymous", "guest", "(null)", "(none)", "(not set)", "not set"
};

bool
ecapi_normalize_is_none(EcapiSpan span)
{
	for (size_t i = 0; i < sizeof(no_identifiers) / sizeof(no_identifiers[0]); i++)
	{
		if (strlen(no_identifiers[i]) == span.len &&
			memcmp(no_identifiers[i], span.text, span.len) == 0)
			return true;
	}
	for (size_t i = 0; i < span.len;)
	{
		if (ecapi_unicode_is_word(ecapi_unicode_next(span, &i)))
			return false;
	}
	return true;
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
	if (i == 0 || i == len || !ecapi_is_digit(code[i++]))
		return 0;

	/* Now the rest of the district (a digit, a letter or nothing), then "1aa". */
	for (int rest = 0; rest <= 1; rest++)
	{
		size_t		at = i + rest;

		if (at >= len || !ecapi_is_digit(code[at]))
			continue;
		if (rest == 1 && !ecapi_is_digit(code[i]) && !(code[i] >= 'a' && code[i] <= 'z'))
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
is_in_list(const char *country, const char *list)
{
	const char *at = country ? strstr(list, country) : NULL;

	return at != NULL && strlen(country) == 2;
}

bool
ecapi_normalize_is_zip_plus_four(EcapiSpan span)
{
	return span.len == 10 && span.text[5] == '-' &&
		ecapi_all_digits(span.text, 5) && ecapi_all_digits(span.text + 6, 4);
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

	if (country == NULL && ecapi_normalize_is_zip_plus_four(span))
		country = "us";

	span = strip(compact, span, skipped_in_postal_codes);
	for (size_t i = 0; i < span.len; i++)
	{
		if (span.text[i] != ' ')
			compact[n++] = span.text[i];
	}
	if (n == 0)
		return ECAPI_NORMALIZED_EMPTY;
	if (!ecapi_normalize_lower(out, (Span) {compact, n}, ascii))
		return ECAPI_NORMALIZED_INVALID;

	keep = out->len;
	if (ecapi_country_has_zip(country))
	{
		if ((n != 5 && n != 9) || !ecapi_all_digits(compact, n))
			return ECAPI_NORMALIZED_INVALID;
		keep = 5;
	}
	else if (is_in_list(country, "gb gg je im"))
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

	span = strip(stripped, span, skipped_in_names);
	if (span.len == 0)
		return ECAPI_NORMALIZED_EMPTY;
	return ecapi_normalize_lower(out, span, ascii) ?
		ECAPI_NORMALIZED : ECAPI_NORMALIZED_INVALID;
}

/* An identifier or, with email, an address. */
static EcapiNormalized
normalize_identifier(Span span, bool ascii, bool email, EcapiBuffer *out)
{
	Span		lower;

	if (!ecapi_normalize_lower(out, span, ascii))
		return ECAPI_NORMALIZED_INVALID;
	lower = (Span) {out->data, out->len};
	return (email ? ecapi_mailbox_is_address(lower) : !ecapi_normalize_is_none(lower)) ?
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

EcapiNormalized
ecapi_normalize_phone(EcapiSpan span, const char *country, size_t skipped, EcapiBuffer *out)
{
	char		phone[ECAPI_PHONE_SIZE];

	if (!ecapi_phone_normalize(span.text, span.len, country, phone))
		return country == NULL && ecapi_phone_is_national(span.text, span.len) ?
			ECAPI_NORMALIZED_NO_COUNTRY : ECAPI_NORMALIZED_INVALID;
	ecapi_buffer_str(out, phone + skipped);
	return ECAPI_NORMALIZED;
}

static EcapiNormalized
apply(EcapiRule rule, Span span, bool ascii, const char *country, EcapiBuffer *out)
{
	switch (rule)
	{
		case ECAPI_RULE_NAME:
			return normalize_name(span, ascii, out);
		case ECAPI_RULE_POSTAL:
			return normalize_postal(span, ascii, country, out);
		case ECAPI_RULE_PHONE:
			return ecapi_normalize_phone(span, country, 0, out);
		case ECAPI_RULE_COUNTRY:
			return normalize_code(ecapi_country_lookup(span.text, span.len), out);
		case ECAPI_RULE_CURRENCY:
			return normalize_code(ecapi_currency_lookup(span.text, span.len, NULL), out);
		case ECAPI_RULE_EMAIL:
			return normalize_identifier(span, ascii, true, out);
		case ECAPI_RULE_IDENTIFIER:
			return normalize_identifier(span, ascii, false, out);
		case ECAPI_RULE_NONE:
			break;				/* not reached: the caller copies */
		default:
			return ecapi_normalize_platform(rule, span, ascii, country, out);
	}
	return ECAPI_NORMALIZED_INVALID;
}

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
		span = (Span) {text, len};
		ascii = ecapi_unicode_is_ascii(span, &valid);
		if (!valid)
			return ECAPI_NORMALIZED_INVALID;
		span = ecapi_unicode_trim(span);
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

	if (out->failed)
		result = ECAPI_NORMALIZED_NO_MEMORY;
	else if (out->full)
		result = ECAPI_NORMALIZED_INVALID;
	if (result != ECAPI_NORMALIZED && result != ECAPI_NORMALIZED_DIGEST)
		ecapi_buffer_truncate(out, 0);
	return result;
}

bool
ecapi_rule_needs_country(EcapiRule rule)
{
	return rule == ECAPI_RULE_PHONE || rule == ECAPI_RULE_PHONE_DIGITS ||
		rule == ECAPI_RULE_POSTAL || rule == ECAPI_RULE_ZIP || rule == ECAPI_RULE_ZIP_COMPACT ||
		rule == ECAPI_RULE_STATE || rule == ECAPI_RULE_POSTAL_DIGITS;
}

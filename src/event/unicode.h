/*
 * unicode.h
 *	  What Unicode says of the characters of a text, and its lower case.
 *
 * Pure C above ICU: no server header, no I/O.  Texts are valid UTF-8 unless a
 * function says otherwise; a span borrows its bytes.
 */
#ifndef ECAPI_UNICODE_H
#define ECAPI_UNICODE_H

#include "event/buffer.h"

typedef struct EcapiSpan
{
	const char *text;
	size_t		len;			/* bytes */
} EcapiSpan;

/* Whether all is ASCII; if not, valid says whether the bytes are UTF-8 at all. */
extern bool ecapi_unicode_is_ascii(EcapiSpan span, bool *valid);

/* The same of characters beyond ASCII, for the functions below alone. */
extern int32_t ecapi_unicode_next_wide(EcapiSpan span, size_t *i);
extern bool ecapi_unicode_is_wide_space(int32_t c);
extern bool ecapi_unicode_is_wide_invisible(int32_t c);
extern bool ecapi_unicode_is_wide_punctuation(int32_t c);
extern bool ecapi_unicode_is_wide_apostrophe(int32_t c);

/* The character at byte *i, which moves behind it; *i is below span.len. */
static inline int32_t
ecapi_unicode_next(EcapiSpan span, size_t *i)
{
	unsigned char c = (unsigned char) span.text[*i];

	if (c >= 0x80)
		return ecapi_unicode_next_wide(span, i);
	(*i)++;
	return c;
}

/* White space, and marks without width that separate words. */
static inline bool
ecapi_unicode_is_space(int32_t c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	return ecapi_unicode_is_wide_space(c);
}

/*
 * Marks that a reader does not see: directional marks, joiners, variation
 * selectors, the soft hyphen (Default_Ignorable_Code_Point).
 */
static inline bool
ecapi_unicode_is_invisible(int32_t c)
{
	return c >= 0x80 && ecapi_unicode_is_wide_invisible(c);
}

/* General category P; of ASCII all that is no letter, digit or one of $+<=>^`|~. */
static inline bool
ecapi_unicode_is_punctuation(int32_t c)
{
	if (c < 0x80)
		return (c >= '!' && c <= '/' && c != '$' && c != '+') || c == ':' || c == ';' ||
			c == '?' || c == '@' || (c >= '[' && c <= ']') || c == '_' || c == '{' || c == '}';
	return ecapi_unicode_is_wide_punctuation(c);
}

/* Whatever stands for an apostrophe, though Unicode calls it letter or symbol. */
static inline bool
ecapi_unicode_is_apostrophe(int32_t c)
{
	return c < 0x80 ? c == '`' : ecapi_unicode_is_wide_apostrophe(c);
}

/* The marks before a Japanese postal code. */
extern bool ecapi_unicode_is_postal_mark(int32_t c);

/* A letter or a digit. */
extern bool ecapi_unicode_is_word(int32_t c);

/* An accent, or another mark that belongs to the letter before it. */
extern bool ecapi_unicode_is_mark(int32_t c);

/* The span without white space and invisible marks at its ends. */
extern EcapiSpan ecapi_unicode_trim(EcapiSpan span);

/*
 * Append the span, of at most ECAPI_UNICODE_MAX bytes, in lower case and in
 * normalization form C.  False when ICU cannot, or when out is full.
 */
#define ECAPI_UNICODE_MAX	1024

extern bool ecapi_unicode_lower(EcapiSpan span, EcapiBuffer *out);

#endif							/* ECAPI_UNICODE_H */

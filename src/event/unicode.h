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

/* All ASCII?  Else valid says whether the bytes are UTF-8 at all. */
extern bool ecapi_unicode_is_ascii(EcapiSpan span, bool *valid);

/* The character at byte *i, which moves behind it; *i is below span.len. */
extern int32_t ecapi_unicode_next(EcapiSpan span, size_t *i);

/* White space, and marks without width that separate words. */
extern bool ecapi_unicode_is_space(int32_t c);

/*
 * Marks that a reader does not see: directional marks, joiners, variation
 * selectors, the soft hyphen (Default_Ignorable_Code_Point).
 */
extern bool ecapi_unicode_is_invisible(int32_t c);

extern bool ecapi_unicode_is_punctuation(int32_t c);

/* Whatever stands for an apostrophe, though Unicode calls it letter or symbol. */
extern bool ecapi_unicode_is_apostrophe(int32_t c);

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

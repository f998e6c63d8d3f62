/*
 * normalize_internal.h
 *	  What the files of normalization share; of no interest to others.
 *
 * Spans are valid UTF-8.  A function that appends to out sets out->failed where
 * memory ran out (ecapi_buffer_fail()); ecapi_normalize() makes a result of that.
 */
#ifndef ECAPI_NORMALIZE_INTERNAL_H
#define ECAPI_NORMALIZE_INTERNAL_H

#include "event/fields.h"
#include "event/normalized.h"
#include "event/unicode.h"

/*
 * Append span, of at most ECAPI_NORMALIZE_MAX bytes, in lower case, composed; false
 * when that cannot be done.  ascii: it is all ASCII, and never gets to ICU.
 */
extern bool ecapi_normalize_lower(EcapiBuffer *out, EcapiSpan span, bool ascii);

/* Whether an identifier, in lower case, says "none", or has no letter and no digit. */
extern bool ecapi_normalize_is_none(EcapiSpan span);

/* ZIP+4 as it is written, whatever the country. */
extern bool ecapi_normalize_is_zip_plus_four(EcapiSpan span);

/* A telephone number, without the first skipped bytes of "+" and digits. */
extern EcapiNormalized ecapi_normalize_phone(EcapiSpan span, const char *country,
											 size_t skipped, EcapiBuffer *out);

/* Of normalize_strict.c; upper: with capitals. */
extern EcapiNormalized ecapi_normalize_alnum_email(EcapiSpan span, bool ascii, EcapiBuffer *out);
extern EcapiNormalized ecapi_normalize_device(EcapiSpan span, bool upper, EcapiBuffer *out);
extern EcapiNormalized ecapi_normalize_postal_digits(EcapiSpan span, const char *country,
													 EcapiBuffer *out);

/*
 * As ecapi_normalize(), for the rules of platforms (normalize_platform.c) and a
 * trimmed span of at most ECAPI_NORMALIZE_MAX bytes that is no digest.
 */
extern EcapiNormalized ecapi_normalize_platform(EcapiRule rule, EcapiSpan span, bool ascii,
												const char *country, EcapiBuffer *out);

#endif							/* ECAPI_NORMALIZE_INTERNAL_H */

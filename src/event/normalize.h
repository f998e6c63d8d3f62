/*
 * normalize.h
 *	  A text in the one form that is compared, or hashed.
 *
 * Pure C above ICU: no server header, no I/O.
 */
#ifndef ECAPI_NORMALIZE_H
#define ECAPI_NORMALIZE_H

#include "event/buffer.h"
#include "event/fields.h"

/*
 * Longer than any identifier (an email address has at most 254 bytes, a phone
 * number 15 digits), so that what is longer is not one: it is invalid.
 */
#define ECAPI_NORMALIZE_MAX		1024

/* Bytes that every normalized text fits in: lower-casing can lengthen it. */
#define ECAPI_NORMALIZED_MAX	(3 * ECAPI_NORMALIZE_MAX + 1)

typedef enum EcapiNormalized
{
	ECAPI_NORMALIZED,			/* out holds the text */
	ECAPI_NORMALIZED_DIGEST,	/* out holds 64 lower-case hex digits, which the
								 * text already was: not to be hashed again */
	ECAPI_NORMALIZED_EMPTY,		/* nothing left: the field is absent */
	ECAPI_NORMALIZED_INVALID,	/* no certain form: leave the field out */
	ECAPI_NORMALIZED_NO_COUNTRY,	/* the same, and country was NULL: with one it
								 * might have had a form */
	ECAPI_NORMALIZED_NO_MEMORY	/* it is not known; nothing is said about the text */
} EcapiNormalized;

/*
 * Bring text (UTF-8, len bytes) into the form that rule asks for.  country is
 * the alpha-2 code of where it belongs, in lower case, or NULL when that is
 * not known; only phone numbers and postal codes use it.  out is emptied
 * first, and left empty unless the result says that it holds something.
 * A buffer that fills up makes the text invalid.
 */
extern EcapiNormalized ecapi_normalize(EcapiRule rule, const char *text, size_t len,
									   const char *country, EcapiBuffer *out);

/* Whether two countries can give different results under a rule. */
extern bool ecapi_rule_needs_country(EcapiRule rule);

#endif							/* ECAPI_NORMALIZE_H */

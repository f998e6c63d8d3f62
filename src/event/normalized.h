/*
 * normalized.h
 *	  What comes of normalizing a text, and how long it can be.
 *
 * Pure C: no server header.
 */
#ifndef ECAPI_NORMALIZED_H
#define ECAPI_NORMALIZED_H

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

#endif							/* ECAPI_NORMALIZED_H */

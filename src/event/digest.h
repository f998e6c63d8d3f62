/*
 * digest.h
 *	  SHA-256 of normalized identifiers, each computed once a page.
 *
 * Pure C above libcrypto: no server header, no I/O.
 */
#ifndef ECAPI_DIGEST_H
#define ECAPI_DIGEST_H

#include "event/normalize.h"

#define ECAPI_HEX_LEN	64
#define ECAPI_HEX_SIZE	(ECAPI_HEX_LEN + 1)

/*
 * SHA-256 of len bytes as lower-case hex, NUL-terminated.  False when
 * libcrypto cannot, for want of memory: then hex is empty.
 */
extern bool ecapi_sha256(const void *bytes, size_t len, char hex[ECAPI_HEX_SIZE]);

/* Bytes of keys and results of ecapi_hmac(). */
#define ECAPI_HMAC_LEN	32

/* HMAC-SHA256 of len bytes.  False when libcrypto cannot. */
extern bool ecapi_hmac(const uint8_t key[ECAPI_HMAC_LEN], const void *bytes, size_t len,
					   uint8_t result[ECAPI_HMAC_LEN]);

/*
 * Digests of one page, so that several destinations hash a value once.  Of a
 * fixed size: entries (rounded down to a power of two, at least 2) times
 * ECAPI_DIGEST_ENTRY_SIZE bytes, taken from the arena, gone with it.  NULL
 * when the arena failed.  A full cache forgets; it is never wrong.
 */
#define ECAPI_DIGEST_ENTRY_SIZE	128

typedef struct EcapiDigestCache EcapiDigestCache;

extern EcapiDigestCache *ecapi_digest_cache_create(EcapiArena *arena, int entries);

/* Forget everything: for the next page.  Costs nothing. */
extern void ecapi_digest_cache_reset(EcapiDigestCache *cache);

/*
 * Normalize text by rule (see ecapi_normalize, also for country) and hash it.
 * cache may be NULL.  hex gets the digest when the result is ECAPI_NORMALIZED
 * or ECAPI_NORMALIZED_DIGEST, else it is empty and the field must be left
 * out, unless the result is ECAPI_NORMALIZED_NO_MEMORY.  Never returns a digest of something that was not normalized.
 */
extern EcapiNormalized ecapi_digest_field(EcapiDigestCache *cache, EcapiRule rule,
										  const char *text, size_t len,
										  const char *country,
										  char hex[ECAPI_HEX_SIZE]);

#endif							/* ECAPI_DIGEST_H */

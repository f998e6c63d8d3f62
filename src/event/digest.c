/*
 * digest.c
 *	  SHA-256 of normalized identifiers, each computed once a page.
 *
 * Ownership: the digest method and the one context are fetched on first use
 * and live as long as the process; OpenSSL 3 looks a method up by name at
 * every EVP_sha256() use, which costs more than hashing an email address.
 * Each digest starts the context again, so an earlier failure leaves nothing
 * behind.  Not for threads, like the server.
 *
 * The cache is two-way associative: a value can stand in two entries, of
 * which the one last used is kept.  An entry holds its whole key, so a hit is
 * always right; values longer than the key's room are hashed every time.  It
 * keeps clear values in memory: it is never written out, and belongs to the
 * process that reads the clear events anyway.
 */
#include "event/digest.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define KEY_ROOM	56

typedef struct Entry
{
	uint32_t	generation;		/* of the cache when it was filled */
	uint8_t		rule;
	uint8_t		len;			/* bytes of key */
	char		country[2];		/* NULs where it makes no difference */
	char		key[KEY_ROOM];	/* the text as given */
	char		hex[ECAPI_HEX_LEN];
} Entry;

_Static_assert(sizeof(Entry) == ECAPI_DIGEST_ENTRY_SIZE, "two cache lines");

struct EcapiDigestCache
{
	uint32_t	generation;		/* entries of another one are free */
	uint32_t	mask;			/* number of pairs - 1 */
	Entry	   *entries;
};

bool
ecapi_sha256(const void *bytes, size_t len, char hex[ECAPI_HEX_SIZE])
{
	static EVP_MD *method = NULL;
	static EVP_MD_CTX *context = NULL;
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int raw_len;

	hex[0] = '\0';
	if (method == NULL)
		method = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (context == NULL)
		context = EVP_MD_CTX_new();
	if (method == NULL || context == NULL ||
		!EVP_DigestInit_ex2(context, method, NULL) ||
		!EVP_DigestUpdate(context, bytes, len) ||
		!EVP_DigestFinal_ex(context, raw, &raw_len) ||
		raw_len * 2 != ECAPI_HEX_LEN)
		return false;

	for (unsigned int i = 0; i < raw_len; i++)
	{
		hex[2 * i] = digits[raw[i] >> 4];
		hex[2 * i + 1] = digits[raw[i] & 15];
	}
	hex[ECAPI_HEX_LEN] = '\0';
	return true;
}

bool
ecapi_hmac(const uint8_t key[ECAPI_HMAC_LEN], const void *bytes, size_t len,
		   uint8_t result[ECAPI_HMAC_LEN])
{
	unsigned int result_len = 0;

	return HMAC(EVP_sha256(), key, ECAPI_HMAC_LEN, bytes, len, result, &result_len) != NULL &&
		result_len == ECAPI_HMAC_LEN;
}

EcapiDigestCache *
ecapi_digest_cache_create(EcapiArena *arena, int entries)
{
	EcapiDigestCache *cache = ecapi_arena_alloc(arena, sizeof(EcapiDigestCache));
	uint32_t	pairs = 1;

	while (pairs < (1u << 24) && (int64_t) pairs * 4 <= entries)
		pairs *= 2;
	if (cache == NULL)
		return NULL;
	cache->entries = ecapi_arena_alloc(arena, (size_t) pairs * 2 * sizeof(Entry));
	if (cache->entries == NULL)
		return NULL;
	memset(cache->entries, 0, (size_t) pairs * 2 * sizeof(Entry));
	cache->mask = pairs - 1;
	cache->generation = 1;
	return cache;
}

void
ecapi_digest_cache_reset(EcapiDigestCache *cache)
{
	/* After four billion pages old entries would look new: then clear. */
	if (++cache->generation == 0)
	{
		memset(cache->entries, 0, ((size_t) cache->mask + 1) * 2 * sizeof(Entry));
		cache->generation = 1;
	}
}

/* Any good mix will do: keys are compared in full. */
static uint32_t
hash_key(EcapiRule rule, const char *text, size_t len)
{
	uint64_t	h = (len + 1) * 0x9E3779B97F4A7C15u + (uint64_t) rule;
	uint64_t	word;

	for (; len >= 8; text += 8, len -= 8)
	{
		memcpy(&word, text, 8);
		h = (h ^ word) * 0xFF51AFD7ED558CCDu;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, text, len);
	h = (h ^ word) * 0xFF51AFD7ED558CCDu;
	return (uint32_t) (h >> 32);
}

static EcapiNormalized
compute(EcapiRule rule, const char *text, size_t len, const char *country,
		char hex[ECAPI_HEX_SIZE])
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normalized;
	EcapiNormalized result;

	hex[0] = '\0';
	ecapi_buffer_over(&normalized, memory, sizeof(memory));
	result = ecapi_normalize(rule, text, len, country, &normalized);
	if (result == ECAPI_NORMALIZED_DIGEST)
		memcpy(hex, normalized.data, ECAPI_HEX_SIZE);
	else if (result == ECAPI_NORMALIZED &&
			 !ecapi_sha256(normalized.data, normalized.len, hex))
		result = ECAPI_NORMALIZED_NO_MEMORY;
	return result;
}

EcapiNormalized
ecapi_digest_field(EcapiDigestCache *cache, EcapiRule rule,
				   const char *text, size_t len, const char *country,
				   char hex[ECAPI_HEX_SIZE])
{
	Entry	   *pair;
	Entry	   *entry;
	char		where[2] = {0, 0};
	EcapiNormalized result;

	/* 64 digits that need no hashing would only push others out. */
	if (cache == NULL || len == 0 || len > KEY_ROOM)
		return compute(rule, text, len, country, hex);

	if (country && strlen(country) == 2 && ecapi_rule_needs_country(rule))
		memcpy(where, country, 2);
	pair = &cache->entries[2 * (hash_key(rule, text, len) & cache->mask)];
	for (entry = pair; entry < pair + 2; entry++)
	{
		if (entry->generation == cache->generation &&
			entry->len == len && entry->rule == (uint8_t) rule &&
			memcmp(entry->country, where, 2) == 0 &&
			memcmp(entry->key, text, len) == 0)
		{
			memcpy(hex, entry->hex, ECAPI_HEX_LEN);
			hex[ECAPI_HEX_LEN] = '\0';
			return ECAPI_NORMALIZED;
		}
	}

	result = compute(rule, text, len, country, hex);
	if (result != ECAPI_NORMALIZED)
		return result;

	/* The newer of the two moves to the second place; the older is lost. */
	entry = &pair[0];
	if (entry->generation == cache->generation)
		pair[1] = *entry;
	entry->generation = cache->generation;
	entry->rule = (uint8_t) rule;
	entry->len = (uint8_t) len;
	memcpy(entry->country, where, 2);
	memcpy(entry->key, text, len);
	memcpy(entry->hex, hex, ECAPI_HEX_LEN);
	return result;
}

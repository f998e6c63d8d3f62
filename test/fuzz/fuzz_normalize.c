/*
 * fuzz_normalize.c
 *	  Every rule of normalization, and the digests of what comes out.
 *
 * The input's first byte chooses the rule, the second the country, the rest is
 * the text.  What is normal stays as it is; white space around a text makes no
 * difference; a digest is 64 lower-case hex digits, is that of the normal
 * text, and is passed through when it comes again, in either letter case; a
 * cache changes nothing.
 */
#include "fuzz.h"

#include <openssl/sha.h>
#include <unicode/utf8.h>

#include "event/digest.h"

static const char *const countries[] = {
	NULL, "de", "us", "gb", "fr", "hu", "ru", "it", "in", "br", "mx", "by", "je",
	"kz", "ca", "xx", "ch", "nl", "jp", "lt", "sm", "ar", "zz"
};

#define NCOUNTRIES	(sizeof(countries) / sizeof(countries[0]))

typedef struct Normal
{
	EcapiNormalized result;
	size_t		len;
	char		text[ECAPI_NORMALIZED_MAX];
} Normal;

static bool
is_utf8(const char *text, size_t len)
{
	for (size_t i = 0; i < len;)
	{
		UChar32		c;

		U8_NEXT(text, i, len, c);
		if (c < 0)
			return false;
	}
	return true;
}

static bool
is_digest(const char *text, size_t len)
{
	return len == ECAPI_HEX_LEN && strspn(text, "0123456789abcdef") == len;
}

static void
normalize(EcapiRule rule, const char *text, size_t len, const char *country,
		  Normal *normal)
{
	EcapiBuffer out;

	ecapi_buffer_over(&out, normal->text, sizeof(normal->text));
	ecapi_buffer_str(&out, "left over");
	normal->result = ecapi_normalize(rule, text, len, country, &out);
	normal->len = out.len;
	must(!out.full, "the buffer is never left full");
	if (normal->result == ECAPI_NORMALIZED || normal->result == ECAPI_NORMALIZED_DIGEST)
		must(out.len > 0, "a result is not empty");
	else
		must(out.len == 0, "where there is no result, nothing is left");
}

static bool
same(const Normal *one, const Normal *other)
{
	return one->result == other->result && one->len == other->len &&
		memcmp(one->text, other->text, one->len) == 0;
}

/*
 * Whether a normal text says all that it needs to be normal again: digits of a phone
 * number have lost their "+", and a given name one title of several.
 */
static bool
stays_normal(EcapiRule rule)
{
	return rule != ECAPI_RULE_NONE && rule != ECAPI_RULE_PHONE_DIGITS &&
		rule != ECAPI_RULE_GIVEN_NAME;
}

static void
check_form(EcapiRule rule, const Normal *normal)
{
	if (normal->result == ECAPI_NORMALIZED_DIGEST)
		must(is_digest(normal->text, normal->len), "a digest looks like one");
	else if (rule == ECAPI_RULE_PHONE)
		must(normal->text[0] == '+' && normal->len >= 8 && normal->len <= 16 &&
			 strspn(normal->text + 1, "0123456789") == normal->len - 1 &&
			 normal->text[1] != '0', "a phone number is + and 7 to 15 digits");
	else if (rule == ECAPI_RULE_PHONE_DIGITS)
		must(normal->len >= 7 && normal->len <= 15 && normal->text[0] != '0' &&
			 strspn(normal->text, "0123456789") == normal->len, "7 to 15 digits");
	else if (rule == ECAPI_RULE_GENDER)
		must(strcmp(normal->text, "f") == 0 || strcmp(normal->text, "m") == 0, "a letter");
	else if (rule != ECAPI_RULE_NONE)
	{
		must(is_utf8(normal->text, normal->len), "a normal text is UTF-8");
		must(normal->text[0] != ' ' && normal->text[normal->len - 1] != ' ',
			 "a normal text has no blank at its ends");
		must(!is_digest(normal->text, normal->len), "a digest is told from a text");
	}
}

static void
check_normal(EcapiRule rule, const char *text, size_t len, const char *country)
{
	static const char before[] = "\t\xc2\xa0 ";
	static const char after[] = "\xe3\x80\x80\n";
	char		around[ECAPI_NORMALIZE_MAX];
	Normal		normal;
	Normal		again;
	EcapiBuffer small;
	char		memory[8];

	normalize(rule, text, len, country, &normal);
	if (normal.result == ECAPI_NORMALIZED || normal.result == ECAPI_NORMALIZED_DIGEST)
	{
		check_form(rule, &normal);
		normalize(rule, normal.text, normal.len, country, &again);
		must(same(&normal, &again) || !stays_normal(rule), "what is normal stays so");
		if (rule == ECAPI_RULE_PHONE)
		{
			normalize(rule, normal.text, normal.len, NULL, &again);
			must(same(&normal, &again), "a whole phone number needs no country");
		}
	}
	if (rule != ECAPI_RULE_NONE && len + sizeof(before) + sizeof(after) <= sizeof(around))
	{
		memcpy(around, before, sizeof(before) - 1);
		memcpy(around + sizeof(before) - 1, text, len);
		memcpy(around + sizeof(before) - 1 + len, after, sizeof(after) - 1);
		normalize(rule, around, len + sizeof(before) + sizeof(after) - 2, country, &again);
		must(same(&normal, &again), "white space around it makes no difference");
	}

	ecapi_buffer_over(&small, memory, sizeof(memory));
	if (ecapi_normalize(rule, text, len, country, &small) != normal.result)
		must(small.len == 0 && len >= sizeof(memory) / 2,
			 "only a text without room comes out otherwise, and then not at all");
}

/* The digest with and without the cache; hex gets it. */
static EcapiNormalized
digest(EcapiDigestCache *cache, EcapiRule rule, const char *text, size_t len,
	   const char *country, char hex[ECAPI_HEX_SIZE])
{
	char		cached[ECAPI_HEX_SIZE];
	EcapiNormalized result = ecapi_digest_field(NULL, rule, text, len, country, hex);

	for (int i = 0; i < 2; i++)
	{
		must(ecapi_digest_field(cache, rule, text, len, country, cached) == result &&
			 strcmp(hex, cached) == 0, "the cache gives the same");
	}
	return result;
}

static void
check_digest(EcapiDigestCache *cache, EcapiRule rule, const char *text, size_t len,
			 const char *country)
{
	static const char digits[] = "0123456789abcdef";
	Normal		normal;
	unsigned char raw[SHA256_DIGEST_LENGTH];
	char		hex[ECAPI_HEX_SIZE];
	char		wanted[ECAPI_HEX_SIZE] = "";
	char		again[ECAPI_HEX_SIZE];
	char		other[ECAPI_HEX_SIZE];

	normalize(rule, text, len, country, &normal);
	must(digest(cache, rule, text, len, country, hex) == normal.result,
		 "a digest is given where there is a normal text");
	if (normal.result == ECAPI_NORMALIZED_DIGEST)
		memcpy(wanted, normal.text, sizeof(wanted));
	else if (normal.result == ECAPI_NORMALIZED)
	{
		SHA256((const unsigned char *) normal.text, normal.len, raw);
		for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		{
			wanted[2 * i] = digits[raw[i] >> 4];
			wanted[2 * i + 1] = digits[raw[i] & 15];
		}
		wanted[ECAPI_HEX_LEN] = '\0';
	}
	must(strcmp(hex, wanted) == 0, "it is that of the normal text");
	if (hex[0] == '\0' || rule == ECAPI_RULE_NONE)
		return;

	must(digest(cache, rule, hex, ECAPI_HEX_LEN, country, again) == ECAPI_NORMALIZED_DIGEST &&
		 strcmp(hex, again) == 0, "a digest is never hashed again");
	for (int i = 0; i < ECAPI_HEX_SIZE; i++)
		other[i] = (char) (hex[i] >= 'a' ? hex[i] - 'a' + 'A' : hex[i]);
	must(digest(cache, rule, other, ECAPI_HEX_LEN, country, again) == ECAPI_NORMALIZED_DIGEST &&
		 strcmp(hex, again) == 0, "nor in upper case");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EcapiDigestCache *cache = NULL;
	static FuzzPiece *kept;
	EcapiRule	rule;
	const char *country;
	char	   *text;
	size_t		len;

	if (cache == NULL)
	{
		EcapiArena	arena;

		/* It lives as long as the process, and is small, so that it forgets. */
		ecapi_arena_init(&arena, fuzz_grab, NULL);
		cache = ecapi_digest_cache_create(&arena, 16);
		must(cache != NULL, "there is a cache");
		kept = fuzz_pieces;
		fuzz_pieces = NULL;
	}
	must(kept != NULL, "the cache is kept");
	if (size < 2)
		return 0;
	rule = (EcapiRule) (data[0] % ECAPI_RULES);
	country = countries[data[1] % NCOUNTRIES];
	len = size - 2;

	/* Texts of trees are NUL-terminated, but that is not relied upon. */
	text = malloc(len > 0 ? len : 1);
	if (text == NULL)
		abort();
	memcpy(text, data + 2, len);
	check_normal(rule, text, len, country);
	check_digest(cache, rule, text, len, country);
	if (data[0] >= 0xF0)
		ecapi_digest_cache_reset(cache);
	free(text);
	return 0;
}

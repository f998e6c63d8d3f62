/*
 * jwt.c
 *	  Read a JSON web token that is signed with RS256 (RFC 7515, 7518, 7519).
 *
 * Three parts in base64 for URLs, joined by full stops: header, claims, signature;
 * what is signed is the text of the first two.
 */
#include "jwt.h"

#include <string.h>

#include "base64.h"

/* Decode text[0..len) into the arena; NULL when it is not base64. */
static unsigned char *
decode(RcvArena *arena, const char *text, size_t len, size_t *bytes)
{
	unsigned char *into = rcv_arena_alloc(arena, len + 3);

	return into != NULL && rcv_base64_decode(text, len, false, into, bytes) ? into : NULL;
}

static const RcvNode *
decode_object(RcvArena *arena, const char *text, size_t len)
{
	const char *error;
	size_t		bytes;
	unsigned char *json = decode(arena, text, len, &bytes);
	const RcvNode *node = json != NULL ?
		rcv_json_parse(arena, (char *) json, bytes, &error) : NULL;

	return node != NULL && node->type == RCV_OBJECT ? node : NULL;
}

static bool
is_signed(EVP_PKEY *key, const char *text, size_t len,
		  const unsigned char *signature, size_t signature_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool		result = context != NULL &&
		EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestVerify(context, signature, signature_len, (const unsigned char *) text,
						 len) == 1;

	EVP_MD_CTX_free(context);
	return result;
}

const RcvNode *
rcv_jwt_claims(RcvArena *arena, const char *token, EVP_PKEY *key, const char **error)
{
	const char *claims = strchr(token, '.');
	const char *signature = claims != NULL ? strchr(claims + 1, '.') : NULL;
	const RcvNode *header;
	const RcvNode *algorithm;
	const RcvNode *result;
	unsigned char *bytes;
	size_t		len;

	*error = "the assertion is no JSON web token";
	if (signature == NULL)
		return NULL;
	header = decode_object(arena, token, claims - token);
	result = decode_object(arena, claims + 1, signature - claims - 1);
	bytes = decode(arena, signature + 1, strlen(signature + 1), &len);
	if (header == NULL || result == NULL || bytes == NULL || len == 0)
		return NULL;
	algorithm = rcv_json_get(header, "alg");
	*error = "the header of the assertion does not say RS256";
	if (algorithm == NULL || algorithm->type != RCV_STRING ||
		!rcv_text_is(algorithm, "RS256"))
		return NULL;
	*error = "the signature of the assertion is wrong";
	if (key != NULL && !is_signed(key, token, signature - token, bytes, len))
		return NULL;
	*error = NULL;
	return result;
}

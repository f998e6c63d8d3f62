/*
 * webhook_key.c
 *	  Signatures of webhooks: Standard Webhooks, "Signature scheme".
 *
 * A symmetric key makes an HMAC-SHA256, an asymmetric one an Ed25519 signature.  A list of
 * several keys makes a signature each, so that a receiver can change from one to the
 * other without a moment in which it refuses requests.
 *
 * Bytes of a key are on the stack only while they are used, and are erased from it then.
 *
 * No locks, no state.
 */
#include "destination/webhook_key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SYMMETRIC		"whsec_"
#define ASYMMETRIC		"whsk_"

/* What the standard allows, and an Ed25519 key with its public half. */
#define KEY_MIN			24
#define KEY_MAX			64
#define ED25519_LEN		32

/* Bytes of a signature, and of its base64. */
#define SIGNATURE_MAX	64
#define BASE64_MAX		((SIGNATURE_MAX + 2) / 3 * 4 + 1)

typedef struct Key
{
	bool		symmetric;
	unsigned char bytes[KEY_MAX + 3];
	int			len;
} Key;

/* The digits of base64 in front of "=", at most two of which end it. */
static bool
is_base64(const char *text, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t		end = len;

	while (end > 0 && len - end < 2 && text[end - 1] == '=')
		end--;
	return len % 4 == 0 && len > 0 && strspn(text, digits) >= end;
}

/* Read a key of len characters; false when it is none. */
static bool
read_key(const char *text, size_t len, Key *key)
{
	size_t		skip;
	int			padding = 0;

	key->symmetric = len > strlen(SYMMETRIC) && strncmp(text, SYMMETRIC, strlen(SYMMETRIC)) == 0;
	skip = strlen(key->symmetric ? SYMMETRIC : ASYMMETRIC);
	if (!key->symmetric && (len <= skip || strncmp(text, ASYMMETRIC, skip) != 0))
		return false;
	text += skip;
	len -= skip;
	if (len > (KEY_MAX + 2) / 3 * 4 || !is_base64(text, len))
		return false;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	key->len = EVP_DecodeBlock(key->bytes, (const unsigned char *) text, (int) len) - padding;
	if (key->symmetric)
		return key->len >= KEY_MIN && key->len <= KEY_MAX;
	return key->len == ED25519_LEN || key->len == 2 * ED25519_LEN;
}

/* The key of a list that begins at "at"; its length, 0 at the end of the list. */
static size_t
next_key(const char **at)
{
	*at += strspn(*at, " ");
	return strcspn(*at, " ");
}

const char *
ecapi_webhook_keys_wrong(const char *keys)
{
	const char *wrong = NULL;
	size_t		len;
	int			n = 0;
	Key			key;

	for (const char *at = keys; wrong == NULL && (len = next_key(&at)) > 0; at += len)
	{
		if (++n > ECAPI_WEBHOOK_KEYS)
			wrong = "It has more than three keys.";
		else if (!read_key(at, len, &key))
			wrong = "A key is \"whsec_\" and 24 to 64 bytes in base64, or \"whsk_\" and an Ed25519 key.";
	}
	OPENSSL_cleanse(&key, sizeof(key));
	return wrong != NULL ? wrong : n == 0 ? "It has no key." : NULL;
}

/* What is signed, in pieces; HMAC takes them one after the other, Ed25519 at once. */
static bool
sign_symmetric(const Key *key, const char *head, const char *body, size_t body_len,
			   unsigned char *signature, size_t *len)
{
	EVP_MAC    *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	char		digest[] = "SHA256";
	OSSL_PARAM	parameters[] = {
		OSSL_PARAM_construct_utf8_string("digest", digest, 0),
		OSSL_PARAM_construct_end()
	};
	bool		signed_it = context != NULL &&
		EVP_MAC_init(context, key->bytes, key->len, parameters) == 1 &&
		EVP_MAC_update(context, (const unsigned char *) head, strlen(head)) == 1 &&
		EVP_MAC_update(context, (const unsigned char *) body, body_len) == 1 &&
		EVP_MAC_final(context, signature, len, SIGNATURE_MAX) == 1;

	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
	return signed_it;
}

static bool
sign_asymmetric(const Key *key, const char *head, const char *body, size_t body_len,
				unsigned char *signature, size_t *len)
{
	size_t		head_len = strlen(head);
	unsigned char *text = OPENSSL_malloc(head_len + body_len);
	EVP_PKEY   *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->bytes,
													  ED25519_LEN);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool		signed_it = false;

	*len = SIGNATURE_MAX;
	if (text != NULL && secret != NULL && context != NULL)
	{
		memcpy(text, head, head_len);
		memcpy(text + head_len, body, body_len);
		signed_it = EVP_DigestSignInit(context, NULL, NULL, NULL, secret) == 1 &&
			EVP_DigestSign(context, signature, len, text, head_len + body_len) == 1;
	}
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(secret);
	OPENSSL_free(text);
	return signed_it;
}

bool
ecapi_webhook_sign(const char *keys, const char *id, const char *timestamp,
				   const char *body, size_t body_len, EcapiBuffer *signature)
{
	char		memory[512];
	EcapiBuffer head;
	bool		signed_all = true;
	size_t		key_len;
	Key			key;

	/* an id is a digest with a few characters before it, a timestamp a number */
	ecapi_buffer_over(&head, memory, sizeof(memory));
	ecapi_buffer_str(&head, id);
	ecapi_buffer_char(&head, '.');
	ecapi_buffer_str(&head, timestamp);
	ecapi_buffer_char(&head, '.');
	for (const char *at = keys; signed_all && (key_len = next_key(&at)) > 0; at += key_len)
	{
		unsigned char raw[SIGNATURE_MAX];
		unsigned char text[BASE64_MAX];
		size_t		len = 0;

		signed_all = !head.full && read_key(at, key_len, &key) &&
			(key.symmetric ? sign_symmetric : sign_asymmetric) (&key, head.data, body, body_len,
																raw, &len);
		if (!signed_all)
			break;
		EVP_EncodeBlock(text, raw, (int) len);
		if (at != keys + strspn(keys, " "))
			ecapi_buffer_char(signature, ' ');
		ecapi_buffer_str(signature, key.symmetric ? "v1," : "v1a,");
		ecapi_buffer_str(signature, (const char *) text);
	}
	OPENSSL_cleanse(&key, sizeof(key));
	return signed_all && !signature->full;
}

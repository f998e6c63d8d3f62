/*
 * service_account.c
 *	  Keys of service accounts: their JSON files, and assertions signed by them.
 *
 * A key file comes from outside and is as secret as anything here.
 *
 * Invariants
 *	(1) Nothing of a key file is in a problem: those are constants.
 *	(2) Nobody is asked for anything: a key under a password is refused, where libcrypto
 *		would otherwise read one from the terminal of the server.
 *	(3) What libcrypto made is freed on every way out, and its queue of errors, which
 *		belongs to the whole process, is as empty afterwards as before.
 *	(4) Want of memory is the arena's failure, never the key's fault; also where
 *		libcrypto had none.
 *
 * No locks, no state.
 */
#include "destination/service_account.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "destination/syntax.h"
#include "event/base64.h"
#include "event/buffer.h"
#include "event/json.h"

/* Where key files of Google's name no other (google-auth libraries do the same). */
#define DEFAULT_TOKEN_URI	"https://oauth2.googleapis.com/token"

/* Longer than any of these texts: 254 for an email address, 40 for a key's id. */
#define TEXT_MAX	512

#define NO_KEY_FILE "It is no key file of a service account: a JSON object as Google gives it out."

/* ---- the file ---- */

/* A member that is printable, in the arena already; NULL where it is something else. */
static const char *
text_of(const EcapiValue *file, const char *name)
{
	const EcapiValue *member = ecapi_value_get(file, name);

	if (member == NULL || member->type != ECAPI_STRING || member->len > TEXT_MAX ||
		ecapi_syntax_token(member->text) != NULL)
		return NULL;
	return member->text;
}

const char *
ecapi_service_account_read(EcapiArena *arena, const char *text, EcapiServiceAccount *account)
{
	size_t		len = strnlen(text, ECAPI_SERVICE_ACCOUNT_MAX + 1);
	char		error[128];
	const EcapiValue *file;
	const EcapiValue *key;
	const char *type;

	memset(account, 0, sizeof(*account));
	if (len > ECAPI_SERVICE_ACCOUNT_MAX)
		return "It is longer than 16 kB, and no key file of a service account is.";
	file = ecapi_json_parse(arena, text, len, error, sizeof(error));
	if (file == NULL || file->type != ECAPI_OBJECT)
		return NO_KEY_FILE;
	type = text_of(file, "type");
	if (type == NULL)
		return NO_KEY_FILE;
	if (strcmp(type, "service_account") != 0)
		return "It is no key file of a service account: its type is another.";
	account->client_email = text_of(file, "client_email");
	if (account->client_email == NULL)
		return "It has no client_email.";
	key = ecapi_value_get(file, "private_key");
	if (key == NULL || key->type != ECAPI_STRING || key->len == 0)
		return "It has no private_key.";
	account->private_key = key->text;
	account->key_id = text_of(file, "private_key_id");
	account->token_uri = ecapi_value_get(file, "token_uri") == NULL ?
		DEFAULT_TOKEN_URI : text_of(file, "token_uri");
	if (account->token_uri == NULL)
		return "Its token_uri is no URL.";
	return NULL;
}

/* ---- the key ---- */

/* Called for a key under a password: there is none. */
static int
refuse_password(char *password, int size, int writing, void *asked)
{
	(void) password;
	(void) size;
	(void) writing;
	*(bool *) asked = true;
	return -1;
}

/* Empty the queue of errors; whether one of them says that memory is out. */
static bool
drop_errors(void)
{
	unsigned long error;
	bool		no_memory = false;

	while ((error = ERR_get_error()) != 0)
		no_memory = no_memory || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return no_memory;
}

/* The private key of a PEM text; NULL with what is wrong.  To be freed by the caller. */
static EVP_PKEY *
read_key(EcapiArena *arena, const char *pem, const char **problem)
{
	BIO		   *memory = BIO_new_mem_buf(pem, -1);
	EVP_PKEY   *key = NULL;
	bool		asked = false;

	if (memory == NULL)
		arena->failed = true;
	else
		key = PEM_read_bio_PrivateKey(memory, NULL, refuse_password, &asked);
	BIO_free(memory);
	if (key == NULL)
		*problem = asked ? "Its private_key is under a password." :
			"Its private_key is no private key in PEM.";
	else if (!EVP_PKEY_is_a(key, "RSA"))
		*problem = "Its private_key is no RSA key.";
	else if (EVP_PKEY_get_bits(key) < ECAPI_RSA_BITS_MIN)
		*problem = "Its private_key is shorter than 2048 bits.";
	else if (EVP_PKEY_get_bits(key) > ECAPI_RSA_BITS_MAX)
		*problem = "Its private_key is longer than 8192 bits.";
	else
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* RS256 over a text, in the arena; NULL when that failed. */
static unsigned char *
sign(EcapiArena *arena, EVP_PKEY *key, const EcapiBuffer *text, size_t *len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const unsigned char *bytes = (const unsigned char *) text->data;
	unsigned char *signature = NULL;

	if (context == NULL)
		arena->failed = true;
	else if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
			 EVP_DigestSign(context, NULL, len, bytes, text->len) == 1)
	{
		signature = ecapi_arena_alloc(arena, *len);
		if (signature != NULL &&
			EVP_DigestSign(context, signature, len, bytes, text->len) != 1)
			signature = NULL;
	}
	EVP_MD_CTX_free(context);
	return signature;
}

/* The signature by a PEM text; NULL with what is wrong, or when the arena failed. */
static unsigned char *
sign_with(EcapiArena *arena, const char *pem, const EcapiBuffer *text, size_t *len,
		  const char **problem)
{
	EVP_PKEY   *key;
	unsigned char *signature = NULL;

	/* what others left in the queue is not about this key */
	ERR_clear_error();
	key = read_key(arena, pem, problem);
	if (key != NULL)
	{
		signature = sign(arena, key, text, len);
		if (signature == NULL)
			*problem = "Its private_key cannot sign.";
	}
	EVP_PKEY_free(key);
	if (drop_errors() && signature == NULL)
		arena->failed = true;
	return signature;
}

/* ---- the assertion ---- */

/* Base64 for URLs, without padding (RFC 4648 section 5, RFC 7515 appendix C). */
static void
add_base64(EcapiBuffer *out, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (; len > 0; at += 3)
	{
		size_t		n = len < 3 ? len : 3;
		char		text[4];

		ecapi_base64_group(at, n, true, text);
		ecapi_buffer_add(out, text, n + 1);
		len -= n;
	}
}

/* What buffers of an assertion hold: three texts of TEXT_MAX, escaped, and a signature. */
#define ASSERTION_MAX	(16 * 1024)

/* An empty buffer of that size in the arena; false when the arena failed. */
static bool
take_buffer(EcapiArena *arena, EcapiBuffer *buffer)
{
	char	   *memory = ecapi_arena_alloc(arena, ASSERTION_MAX);

	if (memory != NULL)
		ecapi_buffer_over(buffer, memory, ASSERTION_MAX);
	return memory != NULL;
}

static void
add_text(EcapiBuffer *json, const char *before, const char *text)
{
	ecapi_buffer_str(json, before);
	ecapi_json_string(json, text, strlen(text));
}

/* "header.claims" of the assertion, each in base64. */
static void
add_claims(EcapiBuffer *out, EcapiBuffer *json, const EcapiServiceAccount *account,
		   const char *scope, int64_t now)
{
	char		times[80];

	ecapi_buffer_str(json, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
	if (account->key_id != NULL)
		add_text(json, ",\"kid\":", account->key_id);
	ecapi_buffer_char(json, '}');
	add_base64(out, json->data, json->len);
	ecapi_buffer_char(out, '.');

	ecapi_buffer_truncate(json, 0);
	add_text(json, "{\"iss\":", account->client_email);
	add_text(json, ",\"scope\":", scope);
	add_text(json, ",\"aud\":", account->token_uri);
	snprintf(times, sizeof(times), ",\"iat\":%lld,\"exp\":%lld}", (long long) now,
			 (long long) now + ECAPI_ASSERTION_S);
	ecapi_buffer_str(json, times);
	add_base64(out, json->data, json->len);
}

const char *
ecapi_service_account_assert(EcapiArena *arena, const EcapiServiceAccount *account,
							 const char *scope, int64_t now, const char **problem)
{
	EcapiBuffer out;
	EcapiBuffer json;
	unsigned char *signature = NULL;
	size_t		len = 0;

	*problem = NULL;
	if (!take_buffer(arena, &out) || !take_buffer(arena, &json))
		return NULL;
	add_claims(&out, &json, account, scope, now);

	/*
	 * libcrypto does not tell everywhere that memory was out, and then the key would be
	 * blamed: what is really wrong with it is so the second time, too.
	 */
	for (int attempt = 0; attempt < 2 && signature == NULL && !arena->failed; attempt++)
		signature = sign_with(arena, account->private_key, &out, &len, problem);
	if (signature == NULL)
		return NULL;
	*problem = NULL;

	ecapi_buffer_char(&out, '.');
	add_base64(&out, signature, len);
	if (!out.full)
		return out.data;
	*problem = "Its texts are too long.";
	return NULL;
}

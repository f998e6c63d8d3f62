/*
 * oauth.c
 *	  The token endpoint of Google's OAuth 2.0, and the tokens it issued.
 *
 * Two grants (developers.google.com/identity/protocols/oauth2, service-account and
 * web-server): an assertion that a service account signed (RFC 7523), good for at
 * most an hour, and a refresh token of a client (RFC 6749, section 6).  Errors are
 * those of RFC 6749, section 5.2.
 *
 * Tokens are listed under the lock until they are revoked; a token that has
 * expired by the platforms' clock stays listed.  Options and key are set once,
 * before the servers start.
 */
#define _GNU_SOURCE
#include "oauth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jwt.h"
#include "platform.h"

#define LIFE		3600		/* seconds; of a token and, at most, of an assertion */
#define AHEAD		300			/* seconds that a sender's clock may be ahead */
#define SCOPE		"https://www.googleapis.com/auth/datamanager"
#define JWT_GRANT	"urn:ietf:params:oauth:grant-type:jwt-bearer"
#define TOKEN_SIZE	64

typedef struct Token
{
	struct Token *next;
	int64_t		expires;		/* epoch seconds by the platforms' clock */
	char		text[TOKEN_SIZE];
} Token;

static RcvOauthOptions options;
static EVP_PKEY *key;
static char *client[3];			/* id, secret, refresh token; NULL: any */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Token *tokens;

static bool
read_client(const char *text)
{
	const char *secret = strchr(text, ':');
	const char *refresh = secret != NULL ? strchr(secret + 1, ':') : NULL;

	if (refresh == NULL)
		return false;
	client[0] = strndup(text, secret - text);
	client[1] = strndup(secret + 1, refresh - secret - 1);
	client[2] = strdup(refresh + 1);
	return client[0] != NULL && client[1] != NULL && client[2] != NULL;
}

bool
rcv_oauth_init(const RcvOauthOptions *given, const char **failed)
{
	options = *given;
	*failed = "--google-client";
	if (options.client != NULL && !read_client(options.client))
		return false;
	if (options.audience != NULL && strcmp(options.audience, "any") == 0)
		options.audience = NULL;
	if (options.key != NULL)
	{
		BIO		   *bio = BIO_new_mem_buf(options.key, -1);

		key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
		*failed = "--google-key";
		return key != NULL;
	}
	return true;
}

static void
refuse(RcvCall *call, unsigned int status, const char *error, const char *description)
{
	call->status = status;
	rcv_call_reason(call, description);
	rcv_lines_printf(&call->answer, "{\"error\":\"%s\",\"error_description\":", error);
	rcv_lines_json(&call->answer, description, strlen(description));
	rcv_lines_add(&call->answer, "}\n", 2);
}

/* A field of the form in the body, decoded, in the arena; NULL: there is none. */
static char *
form_field(RcvCall *call, const char *name)
{
	const char *at = call->body;
	const char *end = call->body != NULL ? call->body + call->len : NULL;
	size_t		len = strlen(name);

	while (at < end)
	{
		const char *next = memchr(at, '&', end - at);

		if (next == NULL)
			next = end;
		if ((size_t) (next - at) > len && at[len] == '=' && memcmp(at, name, len) == 0)
		{
			size_t		size = next - at - len;
			char	   *encoded = rcv_arena_alloc(call->arena, size);
			char	   *value = rcv_arena_alloc(call->arena, size);

			if (encoded == NULL || value == NULL)
				return NULL;
			memcpy(encoded, at + len + 1, size - 1);
			for (size_t i = 0; i < size - 1; i++)
				if (encoded[i] == '+')
					encoded[i] = ' ';
			return rcv_percent_decode(encoded, encoded + size - 1, value, size) ?
				value : NULL;
		}
		at = next + 1;
	}
	return NULL;
}

/* Issue a token and answer with it. */
static void
issue(RcvCall *call)
{
	bool		is_short = strcmp(call->fault, "short") == 0;
	bool		forever = strcmp(call->fault, "forever") == 0;
	Token	   *token = calloc(1, sizeof(Token));
	unsigned char random[16];

	if (token == NULL || RAND_bytes(random, sizeof(random)) != 1)
	{
		free(token);
		return;
	}
	token->expires = call->now + (is_short ? 1 : LIFE);
	strcpy(token->text, "ya29.TESTTOKEN-");
	for (size_t i = 0; i < sizeof(random); i++)
		sprintf(token->text + strlen(token->text), "%02x", random[i]);
	pthread_mutex_lock(&lock);
	token->next = tokens;
	tokens = token;
	pthread_mutex_unlock(&lock);

	call->status = 200;
	rcv_platform_count(call->platform, RCV_ISSUED, 1);
	rcv_lines_printf(&call->answer, "{\"access_token\":\"%s\",\"expires_in\":%s,"
					 "\"token_type\":\"Bearer\"}\n", token->text,
					 forever ? "99999999999999999999" : is_short ? "1" : "3600");
}

/* A claim that is this text, or any text where none is given. */
static bool
claim_is(const RcvNode *claims, const char *name, const char *expected)
{
	const RcvNode *claim = rcv_call_member(claims, name, RCV_STRING);

	return claim != NULL && claim->len > 0 &&
		(expected == NULL || rcv_text_is(claim, expected));
}

/* The scopes of a claim are joined by spaces. */
static bool
has_scope(const RcvNode *claims)
{
	const RcvNode *scope = rcv_call_member(claims, "scope", RCV_STRING);
	size_t		len = sizeof(SCOPE) - 1;
	const char *found = scope != NULL ? memmem(scope->text, scope->len, SCOPE, len) : NULL;

	return found != NULL && (found == scope->text || found[-1] == ' ') &&
		(found + len == scope->text + scope->len || found[len] == ' ');
}

/* iat and exp: now lies between them, and they are an hour apart at most. */
static bool
is_timely(const RcvCall *call, const RcvNode *claims)
{
	const RcvNode *iat = rcv_json_get(claims, "iat");
	const RcvNode *exp = rcv_json_get(claims, "exp");
	int64_t		from;
	int64_t		to;

	return iat != NULL && exp != NULL && rcv_read_integer(iat, &from) &&
		rcv_read_integer(exp, &to) && from <= call->now + AHEAD && to > call->now &&
		from < to && to - from <= LIFE;
}

static void
judge_assertion(RcvCall *call)
{
	const char *assertion = form_field(call, "assertion");
	const char *error = "the assertion is missing";
	const RcvNode *claims = assertion != NULL ?
		rcv_jwt_claims(call->arena, assertion, key, &error) : NULL;

	if (claims == NULL)
		refuse(call, 400, "invalid_grant", error);
	else if (!claim_is(claims, "iss", options.account))
		refuse(call, 400, "invalid_grant", "Invalid grant: account not found");
	else if (!has_scope(claims))
		refuse(call, 400, "invalid_scope",
			   "Invalid OAuth scope or ID token audience provided.");
	else if (!claim_is(claims, "aud", options.audience))
		refuse(call, 400, "invalid_grant", "Invalid JWT: the audience is another.");
	else if (!is_timely(call, claims))
		refuse(call, 400, "invalid_grant",
			   "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
			   "reasonable timeframe. Check your iat and exp values in the JWT claim.");
	else
		issue(call);
}

static bool
field_is(const char *field, const char *expected)
{
	return field != NULL && field[0] != '\0' &&
		(expected == NULL || strcmp(field, expected) == 0);
}

static void
judge_refresh(RcvCall *call)
{
	if (!field_is(form_field(call, "client_id"), client[0]))
		refuse(call, 401, "invalid_client", "The OAuth client was not found.");
	else if (!field_is(form_field(call, "client_secret"), client[1]))
		refuse(call, 401, "invalid_client", "Unauthorized");
	else if (!field_is(form_field(call, "refresh_token"), client[2]))
		refuse(call, 400, "invalid_grant", "Bad Request");
	else
		issue(call);
}

/* Faults that answer without looking; true when it is answered. */
static bool
answer_fault(RcvCall *call)
{
	static const char html[] =
		"<html><body>Please log in to this network.</body></html>\n";

	if (strcmp(call->fault, "invalid_grant") == 0)
		refuse(call, 400, "invalid_grant", "Token has been expired or revoked.");
	else if (strcmp(call->fault, "invalid_client") == 0)
		refuse(call, 401, "invalid_client", "The OAuth client was not found.");
	else if (strcmp(call->fault, "no-token") == 0)
		rcv_lines_printf(&call->answer,
						 "{\"expires_in\":3600,\"token_type\":\"Bearer\"}\n");
	else if (strcmp(call->fault, "garbage") == 0)
		rcv_lines_printf(&call->answer, "{\"access_token\":\"ya29.\xff{{{");
	else if (strcmp(call->fault, "html") == 0)
	{
		rcv_lines_printf(&call->answer, "%s", html);
		call->html = true;
	}
	else
		return false;
	if (call->reason == NULL)
		call->status = 200;
	return true;
}

void
rcv_oauth_judge(RcvCall *call)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = rcv_call_header(call, "Content-Type");
	const char *grant = form_field(call, "grant_type");

	if (answer_fault(call))
		return;
	if (type == NULL ||
		strncasecmp(type, form, sizeof(form) - 1) != 0)
		refuse(call, 400, "invalid_request", "no form is announced");
	else if (grant != NULL && strcmp(grant, JWT_GRANT) == 0)
		judge_assertion(call);
	else if (grant != NULL && strcmp(grant, "refresh_token") == 0)
		judge_refresh(call);
	else
		refuse(call, 400, "unsupported_grant_type", "Invalid grant_type");
}

const char *
rcv_oauth_refusal(const RcvCall *call)
{
	const char *result = "the token was not issued here, or is revoked";
	const char *given = rcv_call_bearer(call);

	if (given == NULL)
		return "no token is given";
	pthread_mutex_lock(&lock);
	for (const Token *token = tokens; token != NULL; token = token->next)
		if (strcmp(token->text, given) == 0)
		{
			result = token->expires > call->now ? NULL : "the token has expired";
			break;
		}
	pthread_mutex_unlock(&lock);
	return result;
}

void
rcv_oauth_revoke(void)
{
	pthread_mutex_lock(&lock);
	while (tokens != NULL)
	{
		Token	   *next = tokens->next;

		free(tokens);
		tokens = next;
	}
	pthread_mutex_unlock(&lock);
}

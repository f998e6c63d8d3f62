/*
 * oauth.c
 *	  Access tokens by OAuth 2.0: for a service account, or by a refresh token.
 *
 * Where a request goes is the destination's url of the token endpoint, and nothing else:
 * the token_uri of a key file is whom an assertion is for (its "aud") and is never
 * connected to, so that a file that somebody sent along cannot lead anything to a host of
 * theirs.  Who may set that url owns the destination, and with it where events and
 * tokens go.
 *
 * Of an answer only what can be used is believed: a token is printable and not longer
 * than a header may be.  Its error_description is not repeated, because it may quote what
 * was sent; its error is, where it is a short word.
 *
 * No locks, no state.
 */
#include "destination/oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "destination/judge.h"
#include "destination/member.h"
#include "destination/percent.h"
#include "destination/service_account.h"
#include "destination/syntax.h"
#include "event/buffer.h"

/* Secrets are checked to be far shorter; an assertion may have 16 kB. */
#define BODY_MAX	(64 * 1024)

/* Google's tokens have at most 2048 bytes; a header line has room for these. */
#define TOKEN_MAX	4096

/* A word of RFC 6749 has at most 22 letters. */
#define ERROR_MAX	40

/* ---- the request ---- */

/* name=value of a form, percent-encoded, with what comes before it. */
static void
add_field(EcapiBuffer *form, const char *name, const char *value)
{
	ecapi_buffer_str(form, form->len > 0 ? "&" : "");
	ecapi_buffer_str(form, name);
	ecapi_buffer_char(form, '=');
	ecapi_percent_encode(form, value);
}

/* A secret that the request carries, as a header line. */
static void
add_secret(EcapiGrantRequest *request, EcapiArena *arena, const char *secret)
{
	size_t		size = strlen(secret) + sizeof("secret: ");
	char	   *line = ecapi_arena_alloc(arena, size);

	if (line == NULL)
		return;
	snprintf(line, size, "secret: %s", secret);
	request->secrets[request->nsecrets++] = line;
}

/* The form of a service account; a problem, or NULL. */
static const char *
ask_by_assertion(const EcapiOauthSource *source, int64_t now, EcapiArena *arena,
				 EcapiBuffer *form, EcapiGrantRequest *request)
{
	EcapiServiceAccount account;
	const char *assertion;
	const char *problem = ecapi_service_account_read(arena, source->service_account, &account);

	if (problem != NULL)
		return problem;
	assertion = ecapi_service_account_assert(arena, &account, source->scope, now, &problem);
	if (assertion == NULL)
		return problem;
	add_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	add_field(form, "assertion", assertion);
	add_secret(request, arena, assertion);
	return NULL;
}

static void
ask_by_refresh_token(const EcapiOauthSource *source, EcapiArena *arena, EcapiBuffer *form,
					 EcapiGrantRequest *request)
{
	add_field(form, "grant_type", "refresh_token");
	add_field(form, "client_id", source->client_id);
	add_field(form, "client_secret", source->client_secret);
	add_field(form, "refresh_token", source->refresh_token);
	add_secret(request, arena, source->client_secret);
	add_secret(request, arena, source->refresh_token);
}

/* What is missing or too much; NULL when the source is whole. */
static const char *
find_gap(const EcapiOauthSource *source)
{
	if (source->service_account != NULL && source->refresh_token != NULL)
		return "Both a service account and a refresh token are given; only one may be.";
	if (source->service_account != NULL)
		return NULL;
	if (source->refresh_token == NULL)
		return "There is no credential: set service_account_file, or refresh_token_file "
			"with client_secret_file.";
	if (source->client_id == NULL)
		return "A refresh token goes with the client_id that it was given to: set that option "
			"of the server.";
	if (source->client_secret == NULL)
		return "A refresh token goes with the secret of its client: set client_secret_file.";
	return NULL;
}

bool
ecapi_oauth_ask(const EcapiOauthSource *source, int64_t now, EcapiArena *arena,
				EcapiGrantRequest *request, const char **problem)
{
	EcapiBuffer form;
	char	   *memory;

	memset(request, 0, sizeof(*request));
	*problem = find_gap(source);
	if (*problem != NULL)
		return false;
	memory = ecapi_arena_alloc(arena, BODY_MAX);
	if (memory == NULL)
		return false;
	ecapi_buffer_over(&form, memory, BODY_MAX);
	if (source->service_account != NULL)
		*problem = ask_by_assertion(source, now, arena, &form, request);
	else
		ask_by_refresh_token(source, arena, &form, request);
	if (arena->failed || *problem != NULL)
		return false;
	if (form.full)
	{
		*problem = "The credential is too long.";
		return false;
	}
	request->url = source->url;
	request->body = form.data;
	request->body_len = form.len;
	return true;
}

/* ---- the answer ---- */

static const char *
text_member(const EcapiValue *body, const char *name)
{
	const EcapiValue *member = ecapi_member_text(body, name);

	return member ? member->text : NULL;
}

/* What the refusals mean to whom they concern; in the standard's words nobody finds out. */
static const struct
{
	const char *error;
	const char *problem;
}			refusals[] = {
	{"invalid_grant", "the token endpoint refused the credential (invalid_grant): it was revoked "
	"or has ended, or the clock of this machine is wrong"},
	{"invalid_client", "the token endpoint does not know the client (invalid_client)"},
	{"unauthorized_client", "the client may not ask for tokens in this way (unauthorized_client)"}
};

/* Where the answer is a refusal: that; else NULL. */
static const char *
find_refusal(const EcapiAnswer *answer, const char *error)
{
	/* an error of the server says nothing about the credential, whatever its body is */
	if (answer->status < 400 || answer->status >= 500 || error == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i].error, error) == 0)
			return refusals[i].problem;
	return NULL;
}

/* The problem of any other answer than a token. */
static const char *
describe(const EcapiAnswer *answer, const char *error, EcapiArena *arena)
{
	size_t		size = sizeof(answer->error) + 80;
	char	   *problem = ecapi_arena_alloc(arena, size);
	size_t		len = error == NULL ? 0 : strspn(error, "abcdefghijklmnopqrstuvwxyz_");

	if (problem == NULL)
		return "out of memory";
	if (answer->transport != ECAPI_TRANSPORT_OK)
		snprintf(problem, size, "the token endpoint was not reached: %s", answer->error);
	else if (len > 0 && len <= ERROR_MAX && error[len] == '\0')
		snprintf(problem, size, "the token endpoint answered with HTTP status %d (%s)",
				 answer->status, error);
	else if (answer->status >= 200 && answer->status < 300)
		return "the token endpoint's answer holds no token";
	else
		snprintf(problem, size, "the token endpoint answered with HTTP status %d", answer->status);
	return problem;
}

/* How long a token lives, by a number of seconds or a text of one; 0: it has ended. */
static int
life_of(const EcapiValue *expires_in)
{
	double		seconds;
	char	   *end;

	if (expires_in == NULL ||
		(expires_in->type != ECAPI_NUMBER && expires_in->type != ECAPI_STRING))
		return ECAPI_GRANT_DEFAULT_S;
	seconds = strtod(expires_in->text, &end);
	if (end == expires_in->text || *end != '\0' || seconds != seconds)
		return ECAPI_GRANT_DEFAULT_S;
	if (seconds < 1)
		return 0;
	return seconds < ECAPI_GRANT_MAX_S ? (int) seconds : ECAPI_GRANT_MAX_S;
}

void
ecapi_oauth_take(const EcapiAnswer *answer, EcapiArena *arena, EcapiGranted *granted)
{
	const EcapiValue *body = NULL;
	const char *token;
	const char *type;
	const char *error;

	memset(granted, 0, sizeof(*granted));
	if (answer->transport == ECAPI_TRANSPORT_OK)
		body = ecapi_judge_body(answer, arena);
	token = text_member(body, "access_token");
	type = text_member(body, "token_type");
	error = text_member(body, "error");
	if (arena->failed)
		granted->problem = "out of memory";
	else if (answer->status < 200 || answer->status >= 300 || token == NULL)
	{
		granted->problem = find_refusal(answer, error);
		granted->refused = granted->problem != NULL;
		if (!granted->refused)
			granted->problem = describe(answer, error, arena);
	}
	else if (ecapi_syntax_token(token) != NULL || strlen(token) > TOKEN_MAX)
		granted->problem = "the token endpoint granted a token that no header can hold";
	else if (type != NULL && strcasecmp(type, "Bearer") != 0)
		granted->problem = "the token endpoint granted a token that is no bearer token";
	else
	{
		granted->lives_s = life_of(ecapi_value_get(body, "expires_in"));
		if (granted->lives_s > 0)
			granted->token = token;
		else
			granted->problem = "the token endpoint granted a token that has ended already";
	}
}

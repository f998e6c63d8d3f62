/*
 * oauth.h
 *	  Access tokens by OAuth 2.0: for a service account, or by a refresh token.
 *
 * Pure C above libcrypto: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_OAUTH_H
#define ECAPI_OAUTH_H

#include "destination/grant.h"

/* What a token is asked for with; texts are NULL where they are not given. */
typedef struct EcapiOauthSource
{
	const char *url;			/* the token endpoint; a good url (syntax.h) */
	const char *scope;			/* of assertions; printable ASCII */
	const char *service_account;	/* a key file, see service_account.h */
	const char *client_id;		/* the three of a refresh token go together */
	const char *client_secret;
	const char *refresh_token;
} EcapiOauthSource;

/*
 * Make the request for a token, at now (seconds since 1970): by an assertion of the
 * service account (RFC 7523 section 2.1), or by the refresh token (RFC 6749 section 6).
 * Everything is in the arena.  False when the source cannot be used: then *problem is a
 * constant sentence, which quotes nothing of it; or when the arena failed.
 */
extern bool ecapi_oauth_ask(const EcapiOauthSource *source, int64_t now, EcapiArena *arena,
							EcapiGrantRequest *request, const char **problem);

/*
 * What the token endpoint's answer grants (RFC 6749 sections 5.1 and 5.2), as
 * EcapiGrant's take.  refused: by invalid_grant, invalid_client or unauthorized_client,
 * and by nothing else.
 */
extern void ecapi_oauth_take(const EcapiAnswer *answer, EcapiArena *arena,
							 EcapiGranted *granted);

#endif							/* ECAPI_OAUTH_H */

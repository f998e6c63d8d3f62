/*
 * grant.h
 *	  Access tokens that are fetched: OAuth 2.0, without the network.
 *
 * Pure C above libcrypto: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_GRANT_H
#define ECAPI_GRANT_H

#include "delivery/request.h"
#include "event/value.h"

struct EcapiOptions;
struct EcapiCredentials;

/* The request for a token: POST, application/x-www-form-urlencoded. */
typedef struct EcapiGrantRequest
{
	const char *url;
	const char *body;
	size_t		body_len;

	/* what must not be kept of an answer, each as "Name: secret" */
	const char *secrets[4];
	int			nsecrets;
} EcapiGrantRequest;

/* What an answer grants. */
typedef struct EcapiGranted
{
	const char *token;			/* in the arena; NULL: none, and problem says why */
	int			lives_s;		/* from now on; bounded by ECAPI_GRANT_MAX_S */
	bool		refused;		/* the credential is at fault: another is needed; else the
								 * server is, and it is asked again */
	const char *problem;		/* one line, a constant or in the arena, without secrets */
} EcapiGranted;

/* How long a token is taken to live at most, and where an answer does not say it. */
#define ECAPI_GRANT_MAX_S		(24 * 3600)
#define ECAPI_GRANT_DEFAULT_S	3600

/* A token is renewed that many seconds before it ends. */
#define ECAPI_GRANT_EARLY_S		300

/* How a format's tokens are fetched. */
typedef struct EcapiGrant
{
	/*
	 * Make the request from the credentials, at now (seconds since 1970).  False when they
	 * cannot be used: *problem is a constant sentence, which quotes nothing of them;
	 * or when the arena failed.
	 */
	bool		(*ask) (const struct EcapiOptions *options,
						const struct EcapiCredentials *credentials,
						int64_t now, EcapiArena *arena, EcapiGrantRequest *request,
						const char **problem);

	/* What the token endpoint's answer grants. */
	void		(*take) (const EcapiAnswer *answer, EcapiArena *arena, EcapiGranted *granted);
} EcapiGrant;

#endif							/* ECAPI_GRANT_H */

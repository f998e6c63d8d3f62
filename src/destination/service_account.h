/*
 * service_account.h
 *	  Keys of service accounts: their JSON files, and assertions signed by them.
 *
 * Pure C above libcrypto: no server header, no I/O; memory only from the arena, and
 * libcrypto's while a function runs.
 */
#ifndef ECAPI_SERVICE_ACCOUNT_H
#define ECAPI_SERVICE_ACCOUNT_H

#include "event/value.h"

/* A key file has about 2.4 kB; what is far longer is none. */
#define ECAPI_SERVICE_ACCOUNT_MAX	(16 * 1024)

/* RSA keys that are used, in bits: what is shorter has been broken or may soon be. */
#define ECAPI_RSA_BITS_MIN	2048
#define ECAPI_RSA_BITS_MAX	8192

/* How long an assertion is good, in seconds: the most that Google takes. */
#define ECAPI_ASSERTION_S	3600

/* What a key file says; texts are printable ASCII without blanks, in the arena. */
typedef struct EcapiServiceAccount
{
	const char *client_email;
	const char *token_uri;		/* whom an assertion is for; never connected to */
	const char *key_id;			/* NULL: not said */
	const char *private_key;	/* PEM, as it stands; see the function below */
} EcapiServiceAccount;

/*
 * Read a key file: a JSON object with type "service_account", client_email and
 * private_key; private_key_id and token_uri may be missing (token_uri is then Google's).
 * NULL when that is done, else a constant sentence about what is wrong, which quotes
 * nothing of the file; when the arena failed (arena->failed) nothing is said of it.
 */
extern const char *ecapi_service_account_read(EcapiArena *arena, const char *text,
											  EcapiServiceAccount *account);

/*
 * A JSON Web Token that says who asks for what (RFC 7523, signed with RS256 of RFC 7518):
 * good from now (seconds since 1970) on, for ECAPI_ASSERTION_S.  scope is printable
 * ASCII.  In the arena.  NULL with a constant sentence in *problem when the key cannot be
 * used, or when memory is out: then arena->failed.
 */
extern const char *ecapi_service_account_assert(EcapiArena *arena,
												const EcapiServiceAccount *account,
												const char *scope, int64_t now,
												const char **problem);

#endif							/* ECAPI_SERVICE_ACCOUNT_H */

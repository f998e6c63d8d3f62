/*
 * oauth.h
 *	  The token endpoint of Google's OAuth 2.0, and the tokens it issued.
 */
#ifndef RCV_OAUTH_H
#define RCV_OAUTH_H

#include "call.h"

typedef struct RcvOauthOptions
{
	const char *key;			/* PEM of the public key; NULL: any signature */
	const char *account;		/* iss of assertions; NULL: any */
	const char *audience;		/* aud of assertions; NULL or "any": any */
	const char *client;			/* "ID:SECRET:REFRESH_TOKEN"; NULL: any */
} RcvOauthOptions;

/* Remember the options; false, and the option in *failed, when one is wrong. */
extern bool rcv_oauth_init(const RcvOauthOptions *options, const char **failed);

/* Judge a POST to .../token. */
extern void rcv_oauth_judge(RcvCall *call);

/* Why the call's Authorization header lets nobody in; NULL: it does. */
extern const char *rcv_oauth_refusal(const RcvCall *call);

/* Forget all tokens. */
extern void rcv_oauth_revoke(void);

#endif							/* RCV_OAUTH_H */

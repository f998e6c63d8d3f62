/*
 * fetch.c
 *	  Access tokens that are fetched (destination/grant.h).
 *
 * A token is fetched before the first request, a while before the old one ends, after the
 * receiver has refused it, and when options or credential files have changed.  Nothing
 * waits for it but its destination: the errand goes beside other requests.
 *
 * Invariants
 *	(1) A token is in the memory of this process alone, and is overwritten when it goes.
 *	(2) A refused token is replaced once.  If the next one is refused, too, before any
 *		request has passed, the destination stops: the account has no right.
 *	(3) A token endpoint that is at fault costs no event anything: the destination waits,
 *		as it does for its receiver, and an old token is used to its end.
 */
#include "postgres.h"

#include <time.h>

#include "pgtime.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/grant.h"
#include "destination/options.h"
#include "pipeline/access.h"
#include "pipeline/destination.h"
#include "pipeline/errand.h"
#include "pipeline/fetch.h"
#include "pipeline/forward.h"
#include "pipeline/share.h"
#include "pipeline/state.h"

/* When a token that is still used could not be renewed, the next try. */
#define RENEW_AGAIN_US	(30 * USECS_PER_SEC)

static bool
is_fetched(const EcapiDestination *destination)
{
	const EcapiOptions *options = destination->options;

	return options != NULL && options->format->grant != NULL &&
		options->access_token == NULL && options->access_token_file == NULL;
}

static void
drop_token(EcapiFetched *fetched)
{
	if (fetched->token == NULL)
		return;
	explicit_bzero(fetched->token, strlen(fetched->token));
	pfree(fetched->token);
	fetched->token = NULL;
}

static void
keep_token(EcapiDestination *destination, const EcapiGranted *granted)
{
	EcapiFetched *fetched = &destination->fetched;
	TimestampTz now = GetCurrentTimestamp();
	int64		lives_us = granted->lives_s * USECS_PER_SEC;

	drop_token(fetched);
	fetched->token = MemoryContextStrdup(destination->context, granted->token);
	fetched->serial++;
	fetched->ends_at = now + lives_us;
	fetched->renew_at = fetched->ends_at - Min(ECAPI_GRANT_EARLY_S * USECS_PER_SEC, lives_us / 2);
}

/* No token came.  While there is an old one it serves, and another try is made later. */
static void
fail(EcapiDestination *destination, const EcapiGranted *granted, int64 retry_after_ms)
{
	EcapiFetched *fetched = &destination->fetched;
	char		error[512];

	if (fetched->token != NULL && !granted->refused)
	{
		fetched->renew_at = GetCurrentTimestamp() + RENEW_AGAIN_US;
		return;
	}
	snprintf(error, sizeof(error), "no access token: %s", granted->problem);
	if (destination->state != ECAPI_RUNNING && destination->state != ECAPI_WAITING)
		return;
	if (granted->refused && !ecapi_access_is_new(destination))
		ecapi_state_stop(destination, error);
	else
		ecapi_state_wait(destination, error, retry_after_ms);
}

static void
take_token(EcapiCookie *cookie, EcapiAnswer *answer)
{
	EcapiErrand *errand = (EcapiErrand *) cookie;
	EcapiDestination *destination = errand->destination;
	EcapiGranted granted = {0};
	EcapiArena	arena;

	/* the answer's body is redacted of what was sent; the token is what it brings */
	ecapi_errand_end(errand, answer);
	if (!is_fetched(destination))
		return;
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	destination->options->format->grant->take(answer, &arena, &granted);
	if (granted.token != NULL && !arena.failed)
		keep_token(destination, &granted);
	else
	{
		if (arena.failed)
			granted.problem = "out of memory";
		fail(destination, &granted, answer->retry_after_ms);
	}
	if (answer->body != NULL)
		explicit_bzero(unconstify(char *, answer->body), answer->body_len);
}

/* The request for a token, in the errand's context, which is current. */
static bool
ask(EcapiDestination *destination, const EcapiCredentials *credentials, EcapiRequest *request,
	char *error, size_t error_size)
{
	EcapiOutgoing *outgoing = &destination->fetched.errand.outgoing;
	const EcapiOptions *options = destination->options;
	EcapiGrantRequest asked = {0};
	const char *problem = "out of memory";
	EcapiArena	arena;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	if (!options->format->grant->ask(options, credentials, (int64) time(NULL), &arena, &asked,
									 &problem) || arena.failed)
	{
		snprintf(error, error_size, "no access token: %s",
				 arena.failed ? "out of memory" : problem);
		return false;
	}
	outgoing->url = asked.url = pstrdup(asked.url);
	for (int i = 0; i < asked.nsecrets; i++)
		outgoing->secrets[outgoing->nsecrets++] = asked.secrets[i];
	*request = (EcapiRequest) {
		.url = asked.url,
		.body = asked.body,
		.body_len = asked.body_len,
		.form = true,
		.ca_file = credentials->ca_file,
		.timeout_ms = options->timeout_ms
	};
	return true;
}

/* Send for a token; false, with the reason in error, when nothing was sent. */
static bool
send_for_token(EcapiDestination *destination, char *error, size_t error_size)
{
	EcapiFetched *fetched = &destination->fetched;
	MemoryContext old = MemoryContextSwitchTo(ecapi_errand_begin(&fetched->errand, destination,
																 take_token));
	EcapiCredentials credentials;
	EcapiRequest request;
	bool		sent;

	sent = ecapi_access_read(destination, &credentials, error, error_size) &&
		ask(destination, &credentials, &request, error, error_size);
	fetched->options_hash = destination->options_hash;
	fetched->stamp = credentials.stamp;
	MemoryContextSwitchTo(old);
	if (!sent)
	{
		ecapi_errand_cancel(&fetched->errand);
		return false;
	}
	return ecapi_errand_start(&fetched->errand, &request, error, error_size);
}

bool
ecapi_fetch_ready(EcapiDestination *destination, TimestampTz now)
{
	EcapiFetched *fetched = &destination->fetched;
	char		error[512];

	if (!is_fetched(destination))
		return true;
	if (fetched->token != NULL &&
		(fetched->options_hash != destination->options_hash ||
		 fetched->stamp != destination->token_stamp || now >= fetched->ends_at))
		drop_token(fetched);
	if (fetched->errand.flying ||
		(fetched->token != NULL && now < fetched->renew_at))
		return fetched->token != NULL;
	if (!ecapi_share_connection(destination))
		return fetched->token != NULL;
	if (send_for_token(destination, error, sizeof(error)))
		return fetched->token != NULL;
	if (fetched->token == NULL)
		ecapi_state_wait(destination, error, -1);
	fetched->renew_at = now + RENEW_AGAIN_US;
	return fetched->token != NULL;
}

void
ecapi_fetch_use(EcapiDestination *destination, EcapiCredentials *credentials)
{
	if (is_fetched(destination))
		credentials->token = destination->fetched.token;
}

bool
ecapi_fetch_again(EcapiDestination *destination, int serial)
{
	EcapiFetched *fetched = &destination->fetched;

	if (!is_fetched(destination))
		return false;
	/* another request was refused before, and its token has gone already */
	if (serial != fetched->serial || fetched->token == NULL)
		return true;
	drop_token(fetched);
	if (fetched->renewed)
		return false;
	fetched->renewed = true;
	return true;
}

void
ecapi_fetch_passed(EcapiDestination *destination)
{
	destination->fetched.renewed = false;
}

void
ecapi_fetch_forget(EcapiDestination *destination)
{
	ecapi_errand_cancel(&destination->fetched.errand);
	drop_token(&destination->fetched);
}

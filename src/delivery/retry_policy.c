/*
 * retry_policy.c
 *	  What an answer means for a request, and how long to wait after a failure.
 *
 * The standard names 200, 400, 401, 404, 429 and 500 only.  The rest is the
 * project's reading: any 2xx is success, 408, 425, 429, 5xx and whatever went
 * wrong on the way are worth another try, 401, 403, 404 and redirects point
 * at the destination's configuration, every other 4xx at the payload.
 *
 * Pure functions: no clock, no random numbers, no memory, no locks.
 */
#include "delivery/retry_policy.h"

#include <stdio.h>

/*
 * Take a taken answer; returns what it means.  An answer that makes no sense
 * (no status although the transport was fine, or one outside 100..599) is
 * treated as trouble on the way, never as the events' fault.
 */
EcapiVerdict
ecapi_policy_judge(const EcapiAnswer *answer)
{
	if (answer->transport == ECAPI_TRANSPORT_UNTRUSTED)
		return ECAPI_STOP;
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return ECAPI_RETRY;

	switch (answer->status)
	{
		case 401:
		case 403:
		case 404:
			return ECAPI_STOP;
		case 408:
		case 425:
		case 429:
			return ECAPI_RETRY;
		case 413:
			return ECAPI_TOO_LARGE;
	}

	if (answer->status >= 200 && answer->status <= 299)
		return ECAPI_DELIVERED;
	if (answer->status >= 300 && answer->status <= 399)
		return ECAPI_STOP;
	if (answer->status >= 400 && answer->status <= 499)
		return ECAPI_REJECTED;
	return ECAPI_RETRY;
}

/*
 * "Full jitter": any time between a floor and a ceiling that doubles with each
 * failure, so that requests which failed together do not come back together.
 */
static int64_t
full_jitter(int attempts, double chance, int64_t floor, int64_t base, int64_t max)
{
	int64_t		ceiling = base;
	int64_t		wait;
	int			i;

	for (i = 1; i < attempts && ceiling < max; i++)
		ceiling *= 2;
	if (ceiling > max)
		ceiling = max;

	/* written so that a chance that is not a number counts as 0 */
	if (!(chance > 0))
		chance = 0;
	if (chance > 1)
		chance = 1;
	wait = (int64_t) ((double) ceiling * chance);
	return wait < floor ? floor : wait;
}

/*
 * Jitter because many databases may have failed together; the floor keeps an
 * unlucky draw from turning a wait into a busy loop.
 *
 * What the receiver asked for is a promise about when it can take more, so it
 * is a lower bound, and jitter comes on top of it for the same reason as
 * above.  A wish beyond ECAPI_RETRY_AFTER_MAX_MS is cut to that: a typing
 * error at the receiver must not silence a destination for a year.
 */
int64_t
ecapi_policy_backoff(int attempts, double chance, int64_t retry_after_ms)
{
	int64_t		wait = full_jitter(attempts, chance, ECAPI_BACKOFF_MIN_MS,
								   ECAPI_BACKOFF_BASE_MS, ECAPI_BACKOFF_MAX_MS);

	if (retry_after_ms >= 0)
	{
		/* of the jitter keep little: the wish already spreads by receiver */
		if (wait > ECAPI_BACKOFF_BASE_MS)
			wait = ECAPI_BACKOFF_BASE_MS;
		if (retry_after_ms > ECAPI_RETRY_AFTER_MAX_MS)
			retry_after_ms = ECAPI_RETRY_AFTER_MAX_MS;
		wait += retry_after_ms;
	}
	return wait;
}

/*
 * A failed event waits for somebody to change something, here or at the
 * receiver, so its tries are minutes to hours apart.
 */
int64_t
ecapi_policy_retry_wait(int attempts, double chance)
{
	return full_jitter(attempts, chance, ECAPI_RETRY_MIN_MS,
					   ECAPI_RETRY_BASE_MS, ECAPI_RETRY_MAX_MS);
}

/*
 * Whether the trouble may be caused by the events of the request.  Not when the
 * receiver asks for time or cannot be reached; a server error, or an answer
 * that does not come, may be what an event does to it.
 */
bool
ecapi_policy_suspicious(const EcapiAnswer *answer)
{
	if (answer->transport == ECAPI_TRANSPORT_OK)
		return answer->status >= 500 && answer->status <= 599 && answer->status != 503;
	return answer->transport == ECAPI_TRANSPORT_BROKEN;
}

/*
 * One line for views and logs.  Neither the body nor any header goes in: a
 * receiver may repeat in its answer what it was sent.
 */
void
ecapi_policy_describe(const EcapiAnswer *answer, char *text, size_t size)
{
	if (answer->transport == ECAPI_TRANSPORT_OK && answer->status > 0)
		snprintf(text, size, "HTTP status %d", answer->status);
	else if (answer->error[0] != '\0')
		snprintf(text, size, "%s", answer->error);
	else
		snprintf(text, size, "no answer");
}

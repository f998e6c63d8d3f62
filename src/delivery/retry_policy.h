/*
 * retry_policy.h
 *	  What an answer means for a request, and how long to wait after a failure.
 *
 * Pure: time and chance come in as arguments, so a test can ask anything.
 */
#ifndef ECAPI_RETRY_POLICY_H
#define ECAPI_RETRY_POLICY_H

#include "delivery/request.h"

typedef enum EcapiVerdict
{
	ECAPI_DELIVERED,			/* 2xx */
	ECAPI_RETRY,				/* 408 425 429 5xx, transport: wait, try again */
	ECAPI_STOP,					/* 401 403 404 3xx, untrusted: destination is at fault */
	ECAPI_REJECTED,				/* any other 4xx: an event is at fault */
	ECAPI_TOO_LARGE				/* 413: halve, blame only what does not fit alone */
} EcapiVerdict;

/* A redirect is never followed: it means that the destination's url is wrong. */
extern EcapiVerdict ecapi_policy_judge(const EcapiAnswer *answer);

/*
 * Milliseconds to wait before the attempt after the attempts-th failure in a
 * row (attempts >= 1).  chance is in [0, 1).  retry_after_ms is the
 * receiver's wish or -1; it is a lower bound, itself bounded by
 * ECAPI_RETRY_AFTER_MAX_MS.  Without it, never longer than
 * ECAPI_BACKOFF_MAX_MS and never shorter than ECAPI_BACKOFF_MIN_MS.
 */
#define ECAPI_BACKOFF_MIN_MS	50
#define ECAPI_BACKOFF_BASE_MS	500
#define ECAPI_BACKOFF_MAX_MS	300000
#define ECAPI_RETRY_AFTER_MAX_MS 3600000
extern int64_t ecapi_policy_backoff(int attempts, double chance,
									int64_t retry_after_ms);

/*
 * Milliseconds until a failed event is tried again that was tried attempts
 * times (at least 1).  chance is in [0, 1).  Between ECAPI_RETRY_MIN_MS and
 * ECAPI_RETRY_MAX_MS.
 */
#define ECAPI_RETRY_MIN_MS		30000
#define ECAPI_RETRY_BASE_MS		60000
#define ECAPI_RETRY_MAX_MS		21600000
extern int64_t ecapi_policy_retry_wait(int attempts, double chance);

/* Of an answer judged ECAPI_RETRY: whether an event of its request may be the cause. */
extern bool ecapi_policy_suspicious(const EcapiAnswer *answer);

/* One line for views and logs: "HTTP status 401", "could not connect: …". */
extern void ecapi_policy_describe(const EcapiAnswer *answer, char *text, size_t size);

#endif							/* ECAPI_RETRY_POLICY_H */

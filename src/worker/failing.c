/*
 * failing.c
 *	  What the log and ecapi.worker() say of a worker that cannot go on.
 *
 * An error that lasts comes back each second, with every turn; the log has it once a minute.
 * Only the message is said: an error's detail and context may quote an event.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pipeline/standby.h"
#include "pipeline/tick.h"
#include "settings.h"
#include "shmem/shmem.h"
#include "worker/failing.h"

/* How often the log says the same failure: enough to see that it lasts. */
#define SAME_FAILURE_MS		60000

static char failure_logged[256] = "";	/* empty: the worker does not fail */

static void
log_failure(const ErrorData *error)
{
	static TimestampTz logged_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	char		message[sizeof(failure_logged)];

	strlcpy(message, error->message, sizeof(message));
	if (strcmp(message, failure_logged) == 0 &&
		!TimestampDifferenceExceeds(logged_at, now, SAME_FAILURE_MS))
		return;
	strlcpy(failure_logged, message, sizeof(failure_logged));
	logged_at = now;
	ereport(LOG,
			(errcode(error->sqlerrcode),
			 errmsg("ecapi worker failed and will try again: %s", error->message)));
}

void
ecapi_failing_say(const ErrorData *error)
{
	log_failure(error);
	ecapi_worker_message(error->message);
}

void
ecapi_failing_over(bool failed)
{
	static bool waited = false;
	bool		waits = ecapi_delivery && ecapi_tick_waits(GetCurrentTimestamp());

	if (failed)
		failure_logged[0] = '\0';
	if (failed || waits != waited)
		ecapi_worker_message(waits ? ECAPI_WAITS_FOR_STANDBY : "");
	waited = waits;
}

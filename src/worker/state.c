/*
 * state.c
 *	  The state of a destination: every change of it happens here.
 *
 *	 STARTING --(options usable)--> RUNNING			ecapi_state_go
 *	 RUNNING  --(retry later)-----> WAITING			ecapi_state_wait
 *	 WAITING  --(next_try passed)-> RUNNING, one request at a time until one
 *									passes			ecapi_pipeline_pump
 *	 RUNNING, WAITING --(at fault)-> STOPPED		ecapi_state_stop
 *	 STOPPED  --(options changed, resumed, credential file changed)-> RUNNING
 *													ecapi_state_go
 *	 any <--> PAUSED, as an operator asks			destinations.c
 *
 * Repeats are not logged again: one line when a destination fails, stops, or
 * passes again.  Errors named here hold no secrets and no values of events.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/internal.h"

/* What the destination's view shows. */
const char *
ecapi_state_name(const EcapiDestination *destination)
{
	switch (destination->state)
	{
		case ECAPI_STARTING:
			return "starting";
		case ECAPI_WAITING:
			return "waiting";
		case ECAPI_PAUSED:
			return "paused";
		case ECAPI_STOPPED:
			return "stopped";
		case ECAPI_RUNNING:
			break;
	}
	return destination->nflying > 0 || destination->live.unsent > 0 ? "delivering" : "idle";
}

/*
 * Remember what went wrong; error may be destination->last_error itself.  What
 * a destination stopped for stays: answers to requests that flew beside the
 * last one must not hide it.
 */
void
ecapi_state_error(EcapiDestination *destination, const char *error)
{
	char	   *copy;

	if (destination->state == ECAPI_STOPPED)
		return;
	copy = MemoryContextStrdup(destination->context, error);
	if (destination->last_error != NULL)
		pfree(destination->last_error);
	destination->last_error = copy;
	destination->last_error_at = GetCurrentTimestamp();
	destination->dirty = true;
}

/* The destination is at fault: send nothing until something changes. */
void
ecapi_state_stop(EcapiDestination *destination, const char *error)
{
	ecapi_state_error(destination, error);
	if (destination->state == ECAPI_STOPPED)
		return;
	ereport(LOG,
			(errcode(ERRCODE_CONNECTION_EXCEPTION),
			 errmsg("destination \"%s\" is stopped: %s",
					NameStr(destination->name), destination->last_error),
			 errhint("Mend the cause, then change its options or call ecapi.resume().")));
	destination->state = ECAPI_STOPPED;
	destination->has_stopped_options = true;
	destination->stopped_options = destination->options_hash;
	destination->next_try = 0;
}

/*
 * A request failed in a way that may pass: wait before the next one.  Answers
 * to requests that flew together count as one failure.
 */
void
ecapi_state_wait(EcapiDestination *destination, const char *error,
				 int64 retry_after_ms)
{
	int64		wait_ms;
	TimestampTz next_try;

	if (destination->state != ECAPI_WAITING)
		destination->failures++;
	wait_ms = ecapi_policy_backoff(destination->failures,
								   pg_prng_double(&pg_global_prng_state),
								   retry_after_ms);
	next_try = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	if (destination->failures == 1 && destination->state == ECAPI_RUNNING)
		ereport(LOG,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("destination \"%s\" waits for its next try: %s",
						NameStr(destination->name), error)));
	ecapi_state_error(destination, error);
	if (destination->state != ECAPI_RUNNING && destination->state != ECAPI_WAITING)
		return;
	destination->next_try = destination->state == ECAPI_WAITING ?
		Max(destination->next_try, next_try) : next_try;
	destination->state = ECAPI_WAITING;
}

/* Start, or start again, with a clean slate. */
void
ecapi_state_go(EcapiDestination *destination)
{
	destination->state = destination->paused ? ECAPI_PAUSED : ECAPI_RUNNING;
	destination->has_stopped_options = false;
	destination->next_try = 0;
	destination->failures = 0;
	destination->rejections = 0;
	destination->dirty = true;
}

/*
 * A request passed.  One that flew beside a failed one does not shorten the
 * wait.
 */
void
ecapi_state_passed(EcapiDestination *destination)
{
	if (destination->state == ECAPI_WAITING)
		return;
	if (destination->failures > 0)
		ereport(LOG,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("destination \"%s\" is delivering again",
						NameStr(destination->name))));
	destination->failures = 0;
	destination->next_try = 0;
}

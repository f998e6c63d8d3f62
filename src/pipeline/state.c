/*
 * state.c
 *	  The whole machine of delivery, and the state of a destination: every
 *	  change of the latter happens here.
 *
 * A destination.  WAITING is an open circuit; RUNNING after a failure is a
 * half-open one: one request at a time is on its way, as a probe, until one
 * passes (ecapi_pipeline_pump looks at failures).
 *
 *	 STARTING --(its guard is off, options usable)--> RUNNING
 *													ecapi_state_go
 *	 STARTING --(its guard stays on)--> STOPPED		keep_guard
 *	 RUNNING  --(a failure that may pass)--> WAITING	ecapi_state_wait
 *	 RUNNING  --(its enrichments or filter fail, or cannot be found)--> WAITING
 *													ecapi_state_hold
 *	 WAITING  --(next_try has come)--> RUNNING, half-open
 *													ecapi_state_try
 *	 RUNNING, half-open --(a request passed)--> RUNNING
 *													ecapi_state_passed
 *	 RUNNING, half-open --(the probe failed)--> WAITING, twice as long
 *													ecapi_state_wait
 *	 RUNNING, WAITING --(at fault)--> STOPPED		ecapi_state_stop
 *	 RUNNING  --(test mode has expired)--> STOPPED	ecapi_pipeline_pump
 *	 STOPPED  --(options changed, resumed, credential file changed)--> RUNNING
 *													ecapi_state_go
 *	 any <--> PAUSED, as an operator asks			ecapi_state_pause, ecapi_state_go
 *
 * A request (a batch); "head" and "tail" are of its feed's ready list.  Statuses are those
 * of the format ecapi; another format's judge comes to the same verdicts in its own way.
 *
 *	 gathered --(shaped, sent)--> flying			send_batch
 *	 gathered --(shadow mode)---> over				shadow
 *	 ready    --(shaped again)--> flying			ecapi_gather_again, send_batch
 *	 flying   --(2xx)-----------> over: delivered	delivered
 *	 flying   --(408 425 429 503, no connection)--> head; the destination waits
 *													failed_once
 *	 flying   --(other 5xx, cut, timed out)-------> the same, but at the tail
 *				where order does not matter; again and again: halved
 *													ecapi_bisect_failing
 *	 flying   --(401 403 404 3xx, not trusted)----> head; the destination stops,
 *				or waits where the credentials or CA file changed a moment ago	stopped
 *	 flying   --(other 4xx, 413)--> halved; a single one is at fault, or a
 *				suspect								ecapi_bisect_rejected
 *	 flying   --(the answer names events)--> those are at fault, suspects, put off or
 *				too old; the rest: head, or over	ecapi_bisect_named
 *	 flying   --(a fetched token was refused)--> head; another one is fetched, once
 *													stopped, ecapi_fetch_again
 *	 suspect  --(something passes)--> over: failed	ecapi_bisect_passed
 *	 suspect  --(nothing passes)----> head; the destination stops
 *													ecapi_bisect_quiet
 *
 * A batch of failed events has no place at the head: its rows are left as they
 * are (ecapi_failed_put_back), or change by themselves (failed_feed.c).  One of a
 * cancelled replay is let go (ecapi_replay_let_go).
 *
 * An event, in the hands of a feed; every end is recorded before, or with, the
 * place of its feed (recorder.c).
 *
 *	 waiting --(prepared: enriched, judged by the filter)--> waiting
 *													ecapi_prepare_step
 *	 waiting --(gathered)--> taken					ecapi_gather
 *	 waiting --(not for this destination, too old)--> filtered
 *													filter_event
 *	 waiting --(outside of what a replay is about)--> passed over
 *													ecapi_replay_pass_over
 *	 waiting --(a patch was refused, users' SQL fails on it)--> failed: waiting
 *				or dead, as enrich_on_error says	refuse_event
 *	 waiting --(cancelled, or its person forgotten)--> filtered, erased
 *													stop_event
 *	 waiting --(cannot be read, expressed, sent)--> failed: dead
 *													shape_event
 *	 taken   --(its request was delivered)--> delivered		delivered
 *	 taken   --(its request was accepted)--> delivered, until a receipt says that it
 *				was not: then failed				ecapi_receipts_note, note_named
 *	 taken   --(its request is ready again, too old by now)--> filtered
 *													ecapi_gather_again
 *	 taken   --(at fault)--> failed: waiting, or dead when too large
 *													blame
 *	 waiting, ready --(it waited beyond a limit)--> given up
 *													ecapi_give_up_step
 *
 * What becomes of a failed event is in failed_feed.c.
 *
 * Repeats are not logged again: one line when a destination fails, stops, or
 * passes again.  Errors named here hold no secrets and no values of events.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "delivery/retry_policy.h"
#include "pipeline/destination.h"
#include "pipeline/state.h"

/* How much later than the beginning of this turn a moment that has passed may be. */
#define CLOCK_SLACK_US	USECS_PER_MINUTE

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
	if (destination->share.short_of != NULL)
		return destination->share.short_of;
	return destination->nflying > 0 || destination->live.unsent > 0 ||
		destination->replay.unsent > 0 ? "delivering" : "idle";
}

static void
set_error(EcapiDestination *destination, const char *error, TimestampTz at)
{
	char	   *copy = error == NULL ? NULL : MemoryContextStrdup(destination->context, error);

	if (destination->last_error != NULL)
		pfree(destination->last_error);
	destination->last_error = copy;
	destination->last_error_at = copy == NULL ? 0 : at;
}

void
ecapi_state_error(EcapiDestination *destination, const char *error)
{
	if (destination->state == ECAPI_STOPPED)
		return;
	set_error(destination, error, GetCurrentTimestamp());
	destination->dirty = true;
}

void
ecapi_state_start(EcapiDestination *destination, const EcapiCursor *cursor)
{
	set_error(destination, cursor->last_error, cursor->last_error_at);
	destination->has_stopped_options = cursor->has_stopped_options;
	destination->stopped_options = cursor->stopped_options;
	destination->state = ECAPI_STARTING;
}

void
ecapi_state_stop(EcapiDestination *destination, const char *error)
{
	if (destination->state != ECAPI_STOPPED)
		ecapi_state_stop_for(destination, error, false);
}

void
ecapi_state_stop_for(EcapiDestination *destination, const char *error, bool known)
{
	destination->state = ECAPI_STARTING;
	known &= destination->last_error != NULL && strcmp(destination->last_error, error) == 0;
	if (!known)
	{
		ecapi_state_error(destination, error);
		ereport(LOG,
				(errcode(ERRCODE_CONNECTION_EXCEPTION),
				 errmsg("destination \"%s\" is stopped: %s",
						NameStr(destination->name), destination->last_error),
				 errhint("Fix the cause, then change its options or call ecapi.resume().")));
	}
	destination->state = ECAPI_STOPPED;
	destination->has_stopped_options = true;
	destination->stopped_options = destination->options_hash;
	destination->next_try = 0;
}

void
ecapi_state_stay_stopped(EcapiDestination *destination)
{
	destination->state = ECAPI_STOPPED;
}

void
ecapi_state_pause(EcapiDestination *destination)
{
	if (destination->state == ECAPI_PAUSED || destination->state == ECAPI_STOPPED)
		return;
	destination->state = ECAPI_PAUSED;
	destination->dirty = true;
}

/* Requests beside the one that failed do not shorten a wait, or end a stop or pause. */
static void
wait_until(EcapiDestination *destination, TimestampTz next_try)
{
	if (destination->state != ECAPI_RUNNING && destination->state != ECAPI_WAITING)
		return;
	destination->next_try = destination->state == ECAPI_WAITING ?
		Max(destination->next_try, next_try) : next_try;
	destination->state = ECAPI_WAITING;
}

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
	wait_until(destination, next_try);
}

void
ecapi_state_hold(EcapiDestination *destination, const char *error, int64 wait_ms)
{
	TimestampTz next_try = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	bool		repeated = destination->last_error != NULL &&
		strcmp(destination->last_error, error) == 0;

	if (destination->state == ECAPI_RUNNING && !repeated)
		ereport(LOG,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("destination \"%s\" waits for its next try: %s",
						NameStr(destination->name), error)));
	ecapi_state_error(destination, error);
	wait_until(destination, next_try);
}

void
ecapi_state_end_hold(EcapiDestination *destination)
{
	if (destination->state == ECAPI_WAITING && destination->failures == 0)
		destination->next_try = 0;
}

void
ecapi_state_shorten_waits(EcapiDestination *destination)
{
	destination->failures = Min(destination->failures, 1);
}

bool
ecapi_state_try(EcapiDestination *destination, TimestampTz now)
{
	if (destination->state != ECAPI_WAITING)
		return true;
	/* a clock that was set back since then must not make the wait longer */
	if (now < destination->next_try && destination->last_error_at - now < CLOCK_SLACK_US)
		return false;
	destination->state = ECAPI_RUNNING;
	destination->dirty = true;
	return true;
}

void
ecapi_state_go(EcapiDestination *destination)
{
	if (destination->guarded)
		return;
	destination->state = destination->paused ? ECAPI_PAUSED : ECAPI_RUNNING;
	destination->has_stopped_options = false;
	destination->next_try = 0;
	destination->failures = 0;
	destination->dirty = true;
}

void
ecapi_state_passed(EcapiDestination *destination)
{
	destination->passes++;
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

/*
 * prepare_pace.c
 *	  When users' SQL may be called: it blocks the one loop of the worker.
 *
 * In a turn no further call is begun after CALLS_US.  A slow call is followed by as
 * long a rest while others are busy, and a failing one by a rest that keeps failing
 * calls below a tenth of the time: answers, other destinations and the recorder have
 * their turns between.
 *
 * What is kept is of the worker's process; a rest that was begun outlives its turn.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pipeline/destination.h"
#include "pipeline/preparing.h"
#include "pipeline/worker_state.h"

/* Calls of a turn; then all else has its turn. */
#define CALLS_US		(20 * INT64CONST(1000))

/* A call that takes longer is followed by a rest. */
#define SLOW_US			(100 * INT64CONST(1000))

/* Rests after a failing call, as multiples of its time: a tenth of the loop. */
#define FAILING_RESTS	9

static TimestampTz calls_began = 0; /* of this turn */
static bool calls_over = false;
static TimestampTz rest_until = 0;	/* no call before */
static TimestampTz failing_rest_until = 0;	/* no call that failed last time before */

void
ecapi_prepare_begin_calls(void)
{
	calls_began = GetCurrentTimestamp();
	calls_over = false;
}

bool
ecapi_prepare_calls_are_over(void)
{
	return calls_over;
}

void
ecapi_prepare_end_rest(void)
{
	failing_rest_until = 0;
}

bool
ecapi_prepare_may_call(const EcapiDestination *destination, long *wait_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz from = rest_until;

	if (destination->preparing.failures > 0)
		from = Max(from, failing_rest_until);
	/* rests are short: a clock that was set back must not prolong them */
	if (from > now && from - now < USECS_PER_MINUTE * 10)
	{
		*wait_ms = Min(*wait_ms, (long) ((from - now) / 1000) + 1);
		return false;
	}
	if (calls_over)
		*wait_ms = 0;
	return !calls_over;
}

/* Whether another destination has something to send, or waits for an answer. */
static bool
others_are_busy(const EcapiDestination *self)
{
	ecapi_foreach(EcapiDestination, other, &ecapi_me.destinations)
		if (other != self && other->state == ECAPI_RUNNING &&
			(other->nflying > 0 || other->live.unsent > 0))
			return true;
	return false;
}

void
ecapi_prepare_called(const EcapiDestination *destination, TimestampTz began, bool failed)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		took = Max(now - began, 0);

	calls_over |= now - calls_began >= CALLS_US || now < calls_began;
	if (took >= SLOW_US && others_are_busy(destination))
		rest_until = now + took;
	if (failed)
		failing_rest_until = now + FAILING_RESTS * took;
}

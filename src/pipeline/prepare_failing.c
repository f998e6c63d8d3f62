/*
 * prepare_failing.c
 *	  What becomes of events whose enrichment or filter fails.
 *
 * When a call fails, the destination waits and tries again, TRIES times in all.  Then
 * its option enrich_on_error decides:
 *	 hold	it waits on, longer and longer, up to the ceiling of backoffs; its state
 *			says which function, and why
 *	 skip	the events go without the patch, and are counted
 *	 dead	they go to failed_event, dead
 * Before skip and dead a portion that fails with an error is halved, so one bad
 * row costs no other event the patch.  SINGLES_MAX events at fault one after the other,
 * or a call that ran out of time, show that the events are not at fault: then a portion
 * shares one fate, and with skip the events go without a try until the next one is due.
 * The event on which the filter fails is known, and is never sent
 * unfiltered: skip leaves it out, counted as filtered.
 *
 * No SQL; lists of the pipeline are not touched.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "delivery/retry_policy.h"
#include "destination/options.h"
#include "destination/select.h"
#include "enrich/user_sql.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/preparing.h"
#include "pipeline/state.h"

/* Tries of a call that fails, before enrich_on_error decides. */
#define TRIES			3

/* Events at fault in a row that show that the function is. */
#define SINGLES_MAX		16

/* How long events are taken to be at fault, after the last that was. */
#define BISECT_US		(60 * USECS_PER_SEC)

int64
ecapi_prepare_backoff_ms(const EcapiPreparing *preparing)
{
	return ecapi_policy_backoff(preparing->failures, pg_prng_double(&pg_global_prng_state), -1);
}

void
ecapi_prepare_mark(EcapiSlice *slice, const int *events, int n, EcapiPrepared prepared)
{
	for (int i = 0; i < n; i++)
	{
		if (slice->prepared[events[i]] == ECAPI_PREPARED_NOT_YET)
			slice->unprepared--;
		slice->prepared[events[i]] = prepared;
	}
}

/* Log once that events go without users' SQL, until something passes again. */
static void
log_once(EcapiDestination *destination)
{
	if (destination->preparing.logged)
		return;
	destination->preparing.logged = true;
	ereport(LOG,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 destination->options->enrich_on_error == ECAPI_ENRICH_SKIP ?
			 errmsg("destination \"%s\" goes on without patches: %s",
					NameStr(destination->name), destination->preparing.message) :
			 errmsg("destination \"%s\" puts events aside: %s",
					NameStr(destination->name), destination->preparing.message)));
}

bool
ecapi_prepare_call_failed(EcapiDestination *destination, int n, const EcapiUserError *error,
						  EcapiPrepared *fate)
{
	EcapiPreparing *preparing = &destination->preparing;
	EcapiDecision decision = ecapi_select_failing(destination->options, ECAPI_FAILING_ENRICH);
	TimestampTz now = GetCurrentTimestamp();
	bool		bisecting = preparing->bisect_until > now && !error->timed_out;

	preparing->failures++;
	strlcpy(preparing->message, error->message, sizeof(preparing->message));
	if (decision == ECAPI_DECISION_HELD || (preparing->failures < TRIES && !bisecting))
	{
		ecapi_state_hold(destination, error->message, ecapi_prepare_backoff_ms(preparing));
		return false;
	}
	ecapi_state_error(destination, error->message);
	if (!error->timed_out && !preparing->broken)
		preparing->bisect_until = now + BISECT_US;
	if (!error->timed_out && !preparing->broken && n > 1)
	{
		preparing->portion = n / 2;
		return false;
	}
	log_once(destination);
	if (error->timed_out || ++preparing->singles >= SINGLES_MAX)
	{
		preparing->broken = true;
		preparing->portion = 0;
	}
	if (preparing->broken && decision == ECAPI_DECISION_SEND)
		preparing->next_try = TimestampTzPlusMilliseconds(now, ecapi_prepare_backoff_ms(preparing));
	else if (preparing->broken)
		ecapi_state_hold(destination, error->message, ecapi_prepare_backoff_ms(preparing));
	*fate = decision == ECAPI_DECISION_SEND ? ECAPI_PREPARED_UNPATCHED : ECAPI_PREPARED_FAILED;
	return true;
}

void
ecapi_prepare_filter_failed(EcapiDestination *destination, EcapiSlice *slice, const int *events,
							int n, int failed, const EcapiUserError *error)
{
	EcapiPreparing *preparing = &destination->preparing;

	preparing->failures++;
	strlcpy(preparing->message, error->message, sizeof(preparing->message));
	if (ecapi_select_failing(destination->options, ECAPI_FAILING_FILTER) == ECAPI_DECISION_HELD ||
		(preparing->failures < TRIES && failed < 0))
	{
		ecapi_state_hold(destination, error->message, ecapi_prepare_backoff_ms(preparing));
		return;
	}
	ecapi_state_error(destination, error->message);
	log_once(destination);
	if (failed >= 0)
		ecapi_prepare_mark(slice, events + failed, 1, ECAPI_PREPARED_UNFILTERED);
	else
	{
		ecapi_prepare_mark(slice, events, n, ECAPI_PREPARED_UNFILTERED);
		ecapi_state_hold(destination, error->message, ecapi_prepare_backoff_ms(preparing));
	}
}

void
ecapi_prepare_hold(EcapiDestination *destination, const char *message)
{
	int			holds = ++destination->preparing.holds;

	ecapi_state_hold(destination, message,
					 ecapi_policy_backoff(holds, pg_prng_double(&pg_global_prng_state), -1));
}

void
ecapi_prepare_unusable(EcapiDestination *destination, const EcapiUserProblem *problem)
{
	EcapiPreparing *preparing = &destination->preparing;

	preparing->failures++;
	preparing->next_try = 0;
	ecapi_state_hold(destination, problem->hint[0] == '\0' ? problem->message
					 : psprintf("%s; %s", problem->message, problem->hint),
					 ecapi_prepare_backoff_ms(preparing));
}

void
ecapi_prepare_call_passed(EcapiDestination *destination)
{
	EcapiPreparing *preparing = &destination->preparing;

	preparing->broken = false;
	preparing->singles = 0;
	if (preparing->portion > 0)
		preparing->portion *= 2;
	if (preparing->portion >= ECAPI_PAGE_ROWS)
		preparing->portion = 0;
	if (preparing->portion > 0)
		return;
	if (preparing->failures > 0 && !preparing->logged)
		ereport(LOG,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("enrichments and filter of destination \"%s\" work again",
						NameStr(destination->name))));
	preparing->failures = 0;
	preparing->logged = false;
}


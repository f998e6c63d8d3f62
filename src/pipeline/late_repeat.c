/*
 * late_repeat.c
 *	  Repeats that come too late.
 *
 * When a repeat is about to leave, ecapi_select_repeat() decides by when the event was
 * first sent (repeats.c).  What is held back has the reason "dedupe window":
 *	 live event		--> dead in failed_event: nobody knows whether it arrived.  One that
 *						the log says was delivered, behind a cursor that a crash left, is
 *						counted as that
 *	 failed event	--> dead
 *	 of a replay	--> filtered
 * The option allow_late_repeat lets it go, failed events with ecapi.retry().
 *
 * Those who ask for repeats are told what would be held back now.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "utils/timestamp.h"

#include "destination/options.h"
#include "destination/select.h"
#include "pipeline/destination.h"
#include "pipeline/late_repeat.h"
#include "pipeline/slice.h"

bool
ecapi_repeats_of(const ForeignServer *server, EcapiRepeats *repeats)
{
	EcapiOptionProblem problem;
	EcapiOptions options = {0};

	if (!ecapi_options_read(server->options, ForeignServerRelationId, &options, &problem) ||
		options.format->dedupe_s <= 0)
		return false;
	repeats->format = options.format->name;
	repeats->hours = options.format->dedupe_s / SECS_PER_HOUR;
	repeats->at_most = options.format->dedupe_limit != NULL ? " at most" : "";
	repeats->from = options.format->dedupe_limit != NULL ? GetCurrentTimestamp() :
		GetCurrentTimestamp() - options.format->dedupe_s * USECS_PER_SEC +
		options.timeout_ms * INT64CONST(1000);
	repeats->allowed = options.allow_late_repeat;
	return true;
}

bool
ecapi_late_repeat_hold_back(EcapiItem item, const EcapiValue *tree, pg_time_t now)
{
	EcapiSlice *slice = item.slice;
	const EcapiFirstSent *sent = slice->sent == NULL ? NULL : &slice->sent[item.index];
	const char *reason;

	if (sent == NULL || sent->at == 0)
		return false;
	reason = ecapi_select_repeat(slice->feed->destination->options, tree,
								 timestamptz_to_time_t(sent->at), now);
	if (reason == NULL)
		return false;
	switch (slice->feed->kind)
	{
		case ECAPI_FEED_LIVE:
			if (sent->delivered)
				ecapi_slice_delivered(item);
			else
				ecapi_slice_failed(item, reason, NULL, 0, false);
			break;
		case ECAPI_FEED_REPLAY:
			ecapi_slice_dispose(item, ECAPI_OUTCOME_FILTERED, reason);
			break;
		case ECAPI_FEED_FAILED:
			ecapi_slice_failed(item, reason, NULL, 0, false);
			break;
	}
	return true;
}

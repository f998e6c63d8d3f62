/*
 * observe.c
 *	  What statistics are told of requests, destinations and the worker.
 *
 * Events are counted by ledger.c, requests where their answers are taken, and gauges at
 * the end of each turn.  Requests without events (errands) are not
 * counted, nor those whose answer did not come before the worker ended.
 *
 * In memory of the worker, and counters in shared memory (src/stat); no locks.
 */
#include "postgres.h"

#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/observe.h"
#include "pipeline/page.h"
#include "pipeline/state.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "stat/stat_destination.h"
#include "stat/stat_worker.h"

static EcapiRequestOutcome
outcome_of(const EcapiAnswer *answer, const EcapiJudgement *judgement)
{
	if (judgement->verdict == ECAPI_DELIVERED)
	{
		for (int i = 0; i < judgement->nnamed; i++)
			if (judgement->named[i].outcome != ECAPI_NAMED_DELIVERED)
				return ECAPI_REQUEST_PARTLY_TAKEN;
		return ECAPI_REQUEST_TAKEN;
	}
	if (judgement->some_taken)
		return ECAPI_REQUEST_PARTLY_TAKEN;
	/* a producer, which has no statuses, took it for a while */
	if (judgement->verdict == ECAPI_RETRY && answer->transport == ECAPI_TRANSPORT_OK &&
		answer->status == 0)
		return judgement->untaken ? ECAPI_REQUEST_UNSENT : ECAPI_REQUEST_UNANSWERED;
	switch (answer->transport)
	{
		case ECAPI_TRANSPORT_REFUSED:
		case ECAPI_TRANSPORT_UNTRUSTED:
			return ECAPI_REQUEST_UNSENT;
		case ECAPI_TRANSPORT_BROKEN:
			return ECAPI_REQUEST_UNANSWERED;
		case ECAPI_TRANSPORT_OK:
			break;
	}
	if (answer->status == 429)
		return ECAPI_REQUEST_THROTTLED;
	if (answer->status >= 400 && answer->status <= 499)
		return ECAPI_REQUEST_REFUSED;
	return answer->status >= 500 ? ECAPI_REQUEST_FAILED : ECAPI_REQUEST_OTHER;
}

void
ecapi_observe_answer(EcapiBatch *batch, const EcapiAnswer *answer,
					 const EcapiJudgement *judgement)
{
	EcapiAnswered answered = {
		.outcome = outcome_of(answer, judgement),
		.events = batch->nitems,
		.again = batch->attempts > 1 || batch->feed->kind == ECAPI_FEED_FAILED,
		.latency_us = answer->elapsed_us
	};

	if (answered.outcome != ECAPI_REQUEST_UNSENT)
		answered.bytes = batch->outgoing->body_len;
	ecapi_stat_answered(&batch->destination->stat, &answered);
}

static EcapiStatState
state_of(const EcapiDestination *destination)
{
	switch (destination->state)
	{
		case ECAPI_STARTING:
			return ECAPI_STAT_STARTING;
		case ECAPI_WAITING:
			return ECAPI_STAT_WAITING;
		case ECAPI_PAUSED:
			return ECAPI_STAT_PAUSED;
		case ECAPI_STOPPED:
			return ECAPI_STAT_STOPPED;
		case ECAPI_RUNNING:
			break;
	}
	return strcmp(ecapi_state_name(destination), "idle") == 0 ? ECAPI_STAT_IDLE
		: ECAPI_STAT_DELIVERING;
}

/* How long a list is. */
static int
length_of(dlist_head *list)
{
	dlist_iter	iter;
	int			n = 0;

	dlist_foreach(iter, list)
		n++;
	return n;
}

void
ecapi_observe_turn(TimestampTz now)
{
	int64		queued = 0;
	int64		on_way = 0;

	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		EcapiDestinationNow is = {
			.state = state_of(destination),
			.queued = destination->live.unsent + destination->replay.unsent +
			destination->failed.unsent,
			.on_way = destination->nflying
		};

		ecapi_stat_destination_now(&destination->stat, now, &is);
		queued += is.queued;
		on_way += destination->nflying + destination->nerrands;
	}
	ecapi_stat_worker_now(ECAPI_WORKER_PAGES, length_of(&ecapi_me.pages));
	ecapi_stat_worker_now(ECAPI_WORKER_PAGE_BYTES, ecapi_me.page_bytes);
	ecapi_stat_worker_now(ECAPI_WORKER_BODY_BYTES, ecapi_me.body_bytes);
	ecapi_stat_worker_now(ECAPI_WORKER_BUDGET, ECAPI_BUDGET);
	ecapi_stat_worker_now(ECAPI_WORKER_REQUESTS, on_way);
	ecapi_stat_worker_now(ECAPI_WORKER_TICKS, length_of(&ecapi_me.ticks));
	ecapi_stat_worker_now(ECAPI_WORKER_QUEUED, queued);
}

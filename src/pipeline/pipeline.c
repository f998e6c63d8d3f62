/*
 * pipeline.c
 *	  Sending batches.
 *
 * Which feed of a destination a batch comes from: live and the others take
 * turns while both have events, so live traffic has at least every second
 * request and no other feed is starved.  Within a feed: batches that are ready
 * (failed before, or halves of a rejected one), then new ones.  What an answer does is
 * in answer.c.
 *
 * state.c has the machine of requests, events and destinations.
 *
 * Ownership: a batch is in its feed's ready list, its destination's flying or
 * suspects list, or in the hands of one function here.
 */
#include "postgres.h"

#include <time.h>

#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "delivery/bucket.h"
#include "delivery/http.h"
#include "delivery/request.h"
#include "destination/credentials.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/select.h"
#include "pipeline/access.h"
#include "pipeline/answer.h"
#include "pipeline/batch.h"
#include "pipeline/bisect.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/feed.h"
#include "pipeline/fetch.h"
#include "pipeline/gather.h"
#include "pipeline/journal.h"
#include "pipeline/outcome.h"
#include "pipeline/pipeline.h"
#include "pipeline/prepare.h"
#include "pipeline/producers.h"
#include "pipeline/read.h"
#include "pipeline/replay_feed.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/worker_state.h"
#include "stat/stat_worker.h"

/* Test mode is for looking at what a platform gets, for about a working day. */
#define TEST_MODE_LASTS	USECS_PER_DAY

/* Everything but sending. */
static void
shadow(EcapiBatch *batch)
{
	batch->sent_at = GetCurrentTimestamp();
	ecapi_journal_request(batch, "shadow", NULL, NULL, false);
	ecapi_slice_dispose_batch(batch, ECAPI_OUTCOME_SHADOW);
}

/*
 * Seal the request of a shaped batch and start it; it lives in the current context.  False
 * with a reason in error; *at_fault: no other try helps until something changes.
 */
static bool
start_request(EcapiBatch *batch, const EcapiCredentials *credentials,
			  char *error, size_t error_size, bool *at_fault)
{
	const EcapiOptions *options = batch->destination->options;
	EcapiOutgoing *outgoing = palloc(sizeof(EcapiOutgoing));
	EcapiArena	arena;
	EcapiRequest request;
	bool		made;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	made = ecapi_outgoing_make(&batch->body, credentials, (pg_time_t) time(NULL), &arena,
							   outgoing, error, error_size);
	ecapi_batch_count_body(batch);
	if (!made)
		return false;
	/* it may be on its way when the options are gone */
	outgoing->url = pstrdup(outgoing->url);
	batch->outgoing = outgoing;
	request = ecapi_outgoing_request(outgoing, options, credentials);
	batch->cookie.take = ecapi_answer_take;
	request.cookie = batch;
	if (options->format->producer != NULL)
		return ecapi_producers_start(batch, &request, error, error_size, at_fault);
	return ecapi_http_start(ecapi_me.http, &request, error, error_size);
}

/*
 * Requests a second by which a platform's daily quota is never exceeded: a tenth of it is
 * the burst, and nine tenths fill in over a day.  0: there is none.
 */
#define DAY_BURST	0.1

static double
day_rate(const EcapiOptions *options)
{
	return options->format->requests_a_day * (1 - DAY_BURST) / SECS_PER_DAY;
}

/*
 * Send a shaped batch.  Returns false when the destination cannot send now;
 * then the batch is ready again and the destination waits.
 */
static bool
send_batch(EcapiBatch *batch)
{
	EcapiDestination *destination = batch->destination;
	const EcapiOptions *options = destination->options;
	MemoryContext old = MemoryContextSwitchTo(batch->request);
	EcapiCredentials credentials;
	char		error[512];
	bool		at_fault = false;
	bool		sent;

	batch->sent_at = GetCurrentTimestamp();
	batch->uncounted = !ecapi_select_counts(options);
	sent = ecapi_access_read(destination, &credentials, error, sizeof(error));
	batch->token_stamp = credentials.stamp;
	batch->token_serial = destination->fetched.serial;
	ecapi_fetch_use(destination, &credentials);
	sent = sent && start_request(batch, &credentials, error, sizeof(error), &at_fault);
	MemoryContextSwitchTo(old);

	if (!sent)
	{
		ecapi_batch_hold(batch);
		if (at_fault)
			ecapi_state_stop(destination, error);
		else
			ecapi_state_wait(destination, error, -1);
		return false;
	}
	ecapi_bucket_take(&destination->bucket, options->rate_limit, batch->sent_at);
	ecapi_bucket_take(&destination->day, day_rate(options), batch->sent_at);
	batch->attempts++;
	batch->flying = true;
	dlist_push_tail(&destination->flying, &batch->node);
	destination->nflying++;
	ecapi_share_sent(destination);
	return true;
}

/* Milliseconds until the option rate_limit and the platform's quota allow a request. */
static int64
wait_for_rate(EcapiDestination *destination)
{
	const EcapiOptions *options = destination->options;
	TimestampTz now = GetCurrentTimestamp();
	int64		by_rate = ecapi_bucket_wait_ms(&destination->bucket, options->rate_limit, now);
	int64		by_day;

	destination->day.burst = options->format->requests_a_day * DAY_BURST;
	by_day = ecapi_bucket_wait_ms(&destination->day, day_rate(options), now);
	return Max(by_rate, by_day);
}

/*
 * Whether a batch that is not full waits for more events: only when its oldest event has
 * not waited long enough.
 */
static bool
lingers(EcapiDestination *destination, TimestampTz now)
{
	EcapiFeed  *live = &destination->live;
	const EcapiOptions *options = destination->options;

	destination->linger_until = 0;
	if (options->linger_ms <= 0 || live->unsent >= options->batch_size)
		return false;
	ecapi_foreach(EcapiSlice, slice, &live->slices)
	{
		if (slice->next < slice->page->nevents)
		{
			TimestampTz until =
				TimestampTzPlusMilliseconds(slice->page->events[slice->next].emitted_at,
											options->linger_ms);

			/* a clock that was set back must not hold events */
			if (until <= now ||
				until > TimestampTzPlusMilliseconds(now, options->linger_ms))
				return false;
			destination->linger_until = until;
			return true;
		}
	}
	return false;
}

/*
 * Whether a batch that would not be full waits for events that stand in the outbox: for
 * the next turn, which reads on, or, where there is no memory for that, for an answer,
 * which brings some.  One that is sent with what there is takes the place of those that
 * come after it (Nagle, RFC 896).
 */
static bool
fills_up(EcapiDestination *destination, TimestampTz now)
{
	EcapiFeed  *live = &destination->live;

	return live->read.to != NULL && live->unsent < destination->options->batch_size &&
		ecapi_feed_wants(live) && (destination->nflying > 0 || ecapi_read_may(live, now));
}

/* With fewer batches ready, a new one may go ahead of a failing one. */
#define NEIGHBOURS_MAX	16

/*
 * A batch that failed again lets a new one go ahead of it now and then: when
 * that one passes, the receiver works and the batch may be at fault.  Where
 * one request goes at a time, that breaks the order, so it must have failed
 * often.
 */
static bool
neighbour_first(EcapiFeed *feed)
{
	EcapiBatch *head = dlist_head_element(EcapiBatch, node, &feed->ready);
	int			patience = feed->destination->options->max_in_flight == 1
		? ECAPI_FAILS_MAX : 2;

	feed->neighbour_sent = !feed->neighbour_sent;
	if (!feed->neighbour_sent || head->fails < patience || feed->unsent == 0)
		return false;
	return ecapi_batch_count(&feed->ready) < NEIGHBOURS_MAX;
}

/* The next batch of a feed that has events; NULL when all of it was disposed of. */
static EcapiBatch *
next_of_feed(EcapiFeed *feed)
{
	if (!dlist_is_empty(&feed->ready) && !neighbour_first(feed))
	{
		EcapiBatch *batch = dlist_container(EcapiBatch, node,
											dlist_pop_head_node(&feed->ready));

		return ecapi_gather_again(batch) ? batch : NULL;
	}
	return ecapi_gather(feed);
}

/* The feed whose turn it is; NULL when none has anything to send now. */
static EcapiFeed *
next_feed(EcapiDestination *destination, TimestampTz now)
{
	bool		live = ecapi_prepare_can_send(&destination->live) &&
		(!dlist_is_empty(&destination->live.ready) ||
		 (!lingers(destination, now) && !fills_up(destination, now)));
	EcapiFeed  *other = NULL;

	if (ecapi_prepare_can_send(&destination->failed) &&
		destination->options->mode != ECAPI_MODE_SHADOW)
		other = &destination->failed;
	if (ecapi_prepare_can_send(&destination->replay) &&
		(other == NULL || destination->last_other == ECAPI_FEED_FAILED))
		other = &destination->replay;
	if (live && (other == NULL || destination->last_fed != ECAPI_FEED_LIVE))
		return &destination->live;
	return other;
}

static EcapiBatch *
next_batch(EcapiDestination *destination, TimestampTz now)
{
	EcapiFeed  *feed;

	/* gathering may have stopped it for want of an option, with events left */
	while (destination->state == ECAPI_RUNNING &&
		   (feed = next_feed(destination, now)) != NULL)
	{
		EcapiPhase	before = ecapi_stat_phase(ECAPI_PHASE_SHAPING);
		EcapiBatch *batch = next_of_feed(feed);

		(void) ecapi_stat_phase(before);
		destination->last_fed = feed->kind;
		if (feed->kind != ECAPI_FEED_LIVE)
			destination->last_other = feed->kind;
		if (batch != NULL)
			return batch;
	}
	return NULL;
}

/* Stop a destination that was left in test mode. */
static void
end_test_mode(EcapiDestination *destination, TimestampTz now)
{
	if (destination->state == ECAPI_RUNNING && destination->test_since != 0 &&
		now - destination->test_since >= TEST_MODE_LASTS)
		ecapi_state_stop(destination, "test mode has expired after a day; "
						 "SET mode 'live' or 'shadow'");
}

long
ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now)
{
	int64		limited_ms = 0;
	long		quiet_ms = -1;

	/* give_up.c works on it, or another worker will */
	if (destination->giving_up.to != NULL || ecapi_destination_rests(destination))
		return -1;
	if (!ecapi_state_try(destination, now))
		return TimestampDifferenceMilliseconds(now, destination->next_try);
	end_test_mode(destination, now);
	/* what cannot be recorded must not be sent */
	if (destination->state != ECAPI_RUNNING || destination->options == NULL ||
		ecapi_me.record_failed_at != 0)
		return -1;

	destination->linger_until = 0;
	while (destination->state == ECAPI_RUNNING &&
		   destination->nflying < (destination->failures > 0 ? 1
								   : destination->options->max_in_flight))
	{
		EcapiBatch *batch;

		if (next_feed(destination, now) == NULL ||
			!ecapi_share_connection(destination) || ecapi_share_body(destination) == 0)
			break;
		if (destination->options->mode != ECAPI_MODE_SHADOW &&
			!ecapi_fetch_ready(destination, now))
			break;
		limited_ms = wait_for_rate(destination);
		if (limited_ms > 0)
			break;
		batch = next_batch(destination, now);
		if (batch == NULL)
			break;
		if (destination->options->mode == ECAPI_MODE_SHADOW)
			shadow(batch);
		else if (!send_batch(batch))
			break;
	}
	if (destination->nflying == 0 && !ecapi_feed_can_probe(destination))
		quiet_ms = ecapi_bisect_quiet(destination, now);
	if (destination->state == ECAPI_WAITING)
		return TimestampDifferenceMilliseconds(now, destination->next_try);
	if (limited_ms > 0)
		return (long) limited_ms;
	if (quiet_ms >= 0)
		return quiet_ms;
	return destination->linger_until == 0 ? -1 :
		TimestampDifferenceMilliseconds(now, destination->linger_until);
}

void
ecapi_pipeline_unanswered(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		ecapi_foreach(EcapiBatch, batch, &destination->flying)
			ecapi_journal_request(batch, "retry", NULL, "the worker ended before the answer",
								  true);
}

void
ecapi_pipeline_answers(void)
{
	EcapiAnswer answer;

	while (ecapi_http_answer(ecapi_me.http, &answer) || ecapi_producers_answer(&answer))
	{
		EcapiCookie *cookie = answer.cookie;

		cookie->take(cookie, &answer);
	}
}

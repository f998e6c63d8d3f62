/*
 * pipeline.c
 *	  Sending batches, and from answers to outcomes.
 *
 * Which feed of a destination a batch comes from: live and the others take
 * turns while both have events, so live traffic has at least every second
 * request and no other feed is starved.  Within a feed: batches that are ready
 * (failed before, or halves of a rejected one), then new ones.
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

#include "delivery/bucket.h"
#include "delivery/http.h"
#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "destination/credentials.h"
#include "destination/echo.h"
#include "destination/options.h"
#include "pipeline/batch.h"
#include "pipeline/bisect.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/feed.h"
#include "pipeline/gather.h"
#include "pipeline/journal.h"
#include "pipeline/outcome.h"
#include "pipeline/pipeline.h"
#include "pipeline/prepare.h"
#include "pipeline/replay_feed.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

/* Test mode is for looking at what a platform gets, for about a working day. */
#define TEST_MODE_LASTS	USECS_PER_DAY

/* Everything but sending. */
static void
shadow(EcapiBatch *batch)
{
	batch->sent_at = GetCurrentTimestamp();
	ecapi_journal_request(batch, "shadow", NULL, NULL);
	ecapi_slice_dispose_batch(batch, ECAPI_OUTCOME_SHADOW);
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
	EcapiRequest request;
	const char **headers;
	char		error[512];
	bool		sent;

	batch->sent_at = GetCurrentTimestamp();
	sent = ecapi_credentials_read(options, &credentials, error, sizeof(error));
	if (credentials.stamp != destination->token_stamp)
		destination->token_changed_at = batch->sent_at;
	destination->token_stamp = credentials.stamp;
	batch->token_stamp = credentials.stamp;
	if (sent)
	{
		headers = palloc(sizeof(char *) * lengthof(credentials.headers));
		memcpy(headers, credentials.headers, sizeof(credentials.headers));
		request = ecapi_credentials_request(options, &credentials, batch->body, batch->body_len);
		/* it may be on its way when the options are gone */
		batch->url = request.url = pstrdup(request.url);
		batch->headers = request.headers = headers;
		batch->nheaders = request.nheaders;
		request.cookie = batch;
		sent = ecapi_http_start(ecapi_me.http, &request, error, sizeof(error));
	}
	MemoryContextSwitchTo(old);

	if (!sent)
	{
		ecapi_batch_hold(batch);
		ecapi_state_wait(destination, error, -1);
		return false;
	}
	ecapi_bucket_take(&destination->bucket, options->rate_limit, batch->sent_at);
	batch->attempts++;
	batch->flying = true;
	dlist_push_tail(&destination->flying, &batch->node);
	destination->nflying++;
	ecapi_share_sent(destination);
	return true;
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

static bool
has_events(EcapiFeed *feed)
{
	return feed->unsent > 0 || !dlist_is_empty(&feed->ready);
}

/* Whether it can send something that says more about a receiver than a failed event. */
static bool
can_probe(EcapiDestination *destination)
{
	return has_events(&destination->live) || has_events(&destination->replay);
}

/* The feed whose turn it is; NULL when none has anything to send now. */
static EcapiFeed *
next_feed(EcapiDestination *destination, TimestampTz now)
{
	bool		live = ecapi_prepare_can_send(&destination->live) &&
		(!dlist_is_empty(&destination->live.ready) || !lingers(destination, now));
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
		EcapiBatch *batch = next_of_feed(feed);

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

	if (destination->giving_up.to != NULL)
		return -1;				/* give_up.c works on it */
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
		limited_ms = ecapi_bucket_wait_ms(&destination->bucket,
										  destination->options->rate_limit,
										  GetCurrentTimestamp());
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
	if (destination->nflying == 0 && !can_probe(destination))
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

static void
delivered(EcapiBatch *batch, const EcapiAnswer *answer)
{
	ecapi_journal_request(batch, "delivered", answer, NULL);
	for (int i = 0; i < batch->nitems; i++)
		ecapi_slice_delivered(batch->items[i]);
	ecapi_state_passed(batch->destination);
	ecapi_bisect_passed(batch);
	ecapi_slice_end_batch(batch);
}

/* A receiver may know a new credential some time later than this process. */
#define NEW_CREDENTIAL_US	(10 * USECS_PER_MINUTE)

static bool
credential_is_new(const EcapiDestination *destination)
{
	TimestampTz since = GetCurrentTimestamp() - destination->token_changed_at;

	return destination->token_changed_at != 0 && since >= 0 && since < NEW_CREDENTIAL_US;
}

/*
 * Authorities are rotated at the receiver and here, one after the other.  The file's own
 * time counts, as the change may be older than this process or its last look.
 */
static bool
ca_file_is_new(const EcapiDestination *destination)
{
	pg_time_t	since;

	if (destination->options == NULL)
		return false;
	since = (pg_time_t) time(NULL) - ecapi_credentials_ca_changed_at(destination->options);
	return since >= 0 && since < NEW_CREDENTIAL_US / USECS_PER_SEC;
}

/*
 * The credentials were refused, or the receiver's certificate is not trusted.  The file
 * may have others by now, or the receiver may not know the new ones yet, or not have its
 * new certificate.
 */
static void
stopped(EcapiBatch *batch, const EcapiAnswer *answer, const char *error)
{
	EcapiDestination *destination = batch->destination;
	bool		untrusted = answer->transport == ECAPI_TRANSPORT_UNTRUSTED;
	bool		changed = destination->options != NULL &&
		(answer->status == 401 || untrusted) &&
		ecapi_credentials_stamp(destination->options) != batch->token_stamp;

	ecapi_batch_hold(batch);
	if (changed)
		ecapi_state_wait(destination, error, 0);
	else if ((answer->status == 401 && credential_is_new(destination)) ||
			 (untrusted && ca_file_is_new(destination)))
		ecapi_state_wait(destination, error, -1);
	else
		ecapi_state_stop(destination, error);
}

/* A request was not delivered, in a way that may pass. */
static void
failed_once(EcapiBatch *batch, const EcapiAnswer *answer, const char *error)
{
	EcapiDestination *destination = batch->destination;
	bool		suspicious = ecapi_policy_suspicious(answer);

	if (suspicious && batch->feed->kind == ECAPI_FEED_FAILED &&
		(destination->failures == 0 || !can_probe(destination)))
	{
		ecapi_failed_again(batch, ECAPI_REASON_FAILS, answer, true);
		return;
	}
	if (!suspicious || batch->feed->kind == ECAPI_FEED_FAILED ||
		!ecapi_bisect_failing(batch, answer))
		ecapi_batch_hold(batch);
	ecapi_state_wait(destination, error, answer->retry_after_ms);
}

/* How much of a body is searched for secrets; what follows is not kept. */
#define ANSWER_READ		(4 * ECAPI_ANSWER_KEPT)

/*
 * Take the secrets of its request out of an answer, before anything is kept of it.
 * The body is copied, and only where the answer was no success: else it is not kept.
 */
static void
redact_answer(EcapiAnswer *answer, const EcapiBatch *batch, EcapiVerdict verdict)
{
	char	   *body;

	(void) ecapi_echo_redact(answer->request_id, strlen(answer->request_id),
							 batch->headers, batch->nheaders, batch->url);
	if (verdict == ECAPI_DELIVERED || answer->body == NULL)
		return;
	body = pnstrdup(answer->body, Min(answer->body_len, ANSWER_READ));
	answer->body_len = ecapi_echo_redact(body, strlen(body), batch->headers,
										 batch->nheaders, batch->url);
	answer->body = body;
}

static void
take_answer(EcapiAnswer *answer)
{
	EcapiBatch *batch = answer->cookie;
	EcapiDestination *destination = batch->destination;
	EcapiVerdict verdict = ecapi_policy_judge(answer);
	char		error[512];

	redact_answer(answer, batch, verdict);
	dlist_delete(&batch->node);
	batch->flying = false;
	destination->nflying--;
	ecapi_batch_drop_request(batch);

	if (verdict == ECAPI_DELIVERED)
	{
		delivered(batch, answer);
		return;
	}
	ecapi_policy_describe(answer, error, sizeof(error));
	switch (verdict)
	{
		case ECAPI_STOP:
			ecapi_journal_request(batch, "stopped", answer, error);
			stopped(batch, answer, error);
			break;
		case ECAPI_REJECTED:
		case ECAPI_TOO_LARGE:
			ecapi_journal_request(batch, verdict == ECAPI_REJECTED ? "rejected" : "too_large",
								  answer, error);
			if (batch->feed->kind != ECAPI_FEED_FAILED)
				ecapi_state_error(destination, error);
			if (!ecapi_replay_let_go(batch))
				ecapi_bisect_rejected(batch, answer, verdict == ECAPI_TOO_LARGE);
			break;
		case ECAPI_RETRY:
		case ECAPI_DELIVERED:
			ecapi_journal_request(batch, "retry", answer, error);
			failed_once(batch, answer, error);
			break;
	}
}

void
ecapi_pipeline_answers(void)
{
	EcapiAnswer answer;

	while (ecapi_http_answer(ecapi_me.http, &answer))
		take_answer(&answer);
}

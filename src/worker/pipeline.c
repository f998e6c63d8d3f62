/*
 * pipeline.c
 *	  From events in hand to requests, and from answers to outcomes.
 *
 * Per destination, in this order: batches that are ready (failed before, or
 * halves of a rejected one), then new ones gathered from its stretches.  A
 * batch is shaped into a body right before it is sent and the body goes when
 * the answer is in; only items are kept.
 *
 *	 event:	 waiting --gather--> in a batch --answer--> disposed
 *			 waiting --gather--> disposed (filtered, or cannot be expressed)
 *
 *	 batch:	 gathered/ready --send--> flying --2xx--> delivered
 *							   flying --retry, stop--> ready, at the head
 *							   flying --rejected, 413--> see halving.c
 *
 * After a failure one request goes out at a time, until one passes.
 *
 * Ownership: a batch is in its destination's ready, flying or suspects list,
 * or in the hands of one function here.  Its items point into stretches, which
 * stay while one of their events is undisposed.
 */
#include "postgres.h"

#include <time.h>

#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "destination/credentials.h"
#include "event/fields.h"
#include "settings.h"
#include "stats/left_out.h"
#include "worker/internal.h"

/* Room that closing a body may take beyond its events. */
#define BODY_TAIL	64

/* A moment just passed may lie so far beyond the time of this turn. */
#define CLOCK_SLACK_US	USECS_PER_MINUTE

/* Events that were filtered while a batch was gathered, by reason. */
#define FILTER_REASONS	4
typedef struct Filtered
{
	pg_time_t	now;			/* what ages are measured from */
	int			n;
	const char *reasons[FILTER_REASONS];
	StringInfoData seqs[FILTER_REASONS];
	EcapiItem	first;
	EcapiItem	last;
} Filtered;

static void *
resize_in_context(void *owner, void *old, size_t size)
{
	if (old == NULL)
		return MemoryContextAllocExtended((MemoryContext) owner, size,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	return repalloc_huge(old, size);
}

static void *
grab_from_context(void *owner, size_t size)
{
	return MemoryContextAllocExtended((MemoryContext) owner, size, MCXT_ALLOC_NO_OOM);
}

/* An empty batch with room for some items. */
EcapiBatch *
ecapi_batch_new(EcapiDestination *destination, int capacity)
{
	MemoryContext context = AllocSetContextCreate(destination->context, "ecapi batch",
												  ALLOCSET_SMALL_SIZES);
	EcapiBatch *batch = MemoryContextAllocZero(context, sizeof(EcapiBatch));

	batch->destination = destination;
	batch->context = context;
	batch->items = MemoryContextAlloc(context, sizeof(EcapiItem) * Max(capacity, 1));
	return batch;
}

static void
drop_request(EcapiBatch *batch)
{
	if (batch->request == NULL)
		return;
	MemoryContextDelete(batch->request);
	batch->request = NULL;
	ecapi_me.body_bytes -= batch->body_bytes;
	batch->body_bytes = 0;
}

/* Free a batch that is in no list any more. */
void
ecapi_batch_free(EcapiBatch *batch)
{
	drop_request(batch);
	if (batch->root != NULL && --batch->root->parts == 0)
		pfree(batch->root);
	MemoryContextDelete(batch->context);
}

static void
note_filtered(EcapiDestination *destination, Filtered *filtered, EcapiItem item,
			  const char *reason)
{
	int			i;

	for (i = 0; i < filtered->n; i++)
		if (strcmp(filtered->reasons[i], reason) == 0)
			break;
	if (i == filtered->n && i < FILTER_REASONS)
	{
		filtered->reasons[i] = reason;
		initStringInfo(&filtered->seqs[i]);
		filtered->n++;
	}
	if (i < filtered->n)
		appendStringInfo(&filtered->seqs[i], "%s" INT64_FORMAT,
						 filtered->seqs[i].len > 0 ? "," : "",
						 ecapi_item_event(item)->seq);
	if (filtered->first.stretch == NULL)
		filtered->first = item;
	filtered->last = item;
	destination->filtered++;
	ecapi_stretch_dispose(destination, item);
}

/* {"reason": [seq, ...], ...}, or NULL when nothing was filtered. */
static char *
filtered_json(const Filtered *filtered)
{
	StringInfoData json;

	if (filtered->n == 0)
		return NULL;
	initStringInfo(&json);
	for (int i = 0; i < filtered->n; i++)
		appendStringInfo(&json, "%c\"%s\":[%s]", i == 0 ? '{' : ',',
						 filtered->reasons[i], filtered->seqs[i].data);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* What was filtered without a request: the row of one that was not made. */
static void
journal_filtered(EcapiDestination *destination, const Filtered *filtered)
{
	EcapiItem	ends[2];

	if (filtered->n == 0)
		return;
	ends[0] = filtered->first;
	ends[1] = filtered->last;
	ecapi_journal_filtered(destination, ends, filtered_json(filtered));
}

/*
 * Lies the event further back than the destination takes?  Then its request
 * would be answered with an error, or the event thrown away unseen: it is
 * counted here instead.  An event without a time was never valid and is not
 * judged.
 */
static bool
is_expired(const EcapiOptions *options, const EcapiValue *event, pg_time_t now)
{
	const EcapiValue *at;

	if (options->max_age_s <= 0)
		return false;
	at = ecapi_value_get(event, "timestamp");
	return at != NULL && at->type == ECAPI_NUMBER &&
		strtod(at->text, NULL) < (double) now - options->max_age_s;
}

/*
 * What to do with one event while a body is put together.  True when the event
 * is in the body or disposed of; false when the body has no room for it.
 */
static bool
shape_event(EcapiBatch *batch, EcapiShape *shape, EcapiBuffer *body, EcapiItem item,
			EcapiArena *scratch, Filtered *filtered)
{
	EcapiDestination *destination = batch->destination;
	EcapiPageEvent *event = ecapi_item_event(item);
	const EcapiValue *tree = ecapi_page_tree(item.stretch->page, item.index, scratch);
	const char *reason = NULL;
	size_t		before = body->len;
	EcapiShaped shaped;

	if (tree == NULL)
	{
		ecapi_journal_failed(destination, item, event->problem, NULL, 0);
		return true;
	}
	if (event->type < 0 ||
		(shape->options->event_types & (UINT64CONST(1) << event->type)) == 0)
	{
		note_filtered(destination, filtered, item, "event_type");
		return true;
	}
	if (is_expired(shape->options, tree, filtered->now))
	{
		note_filtered(destination, filtered, item, "expired");
		return true;
	}
	ecapi_left_out_begin();
	shaped = shape->options->format->add(shape, tree, body, &reason);
	if (body->full)
	{
		ecapi_buffer_truncate(body, before);
		if (batch->nitems > 0)
			return false;
		ecapi_journal_failed(destination, item, "too large for a request", NULL, 0);
	}
	else if (shaped == ECAPI_FILTERED)
		note_filtered(destination, filtered, item, reason);
	else if (shaped == ECAPI_UNFIT)
		ecapi_journal_failed(destination, item, reason, NULL, 0);
	else
	{
		batch->items[batch->nitems++] = item;
		item.stretch->fate[item.index] = ECAPI_FATE_TAKEN;
		shape->events++;
		ecapi_left_out_count();
	}
	return true;
}

static void
open_body(EcapiBatch *batch, EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = batch->destination->options;

	batch->request = AllocSetContextCreate(batch->destination->context,
										   "ecapi request", ALLOCSET_DEFAULT_SIZES);
	MemSet(shape, 0, sizeof(EcapiShape));
	shape->options = options;
	shape->digests = ecapi_me.digests;
	shape->default_country = ecapi_default_country();
	shape->left_out = ecapi_left_out_note;
	ecapi_buffer_init(body, options->format->max_body - BODY_TAIL,
					  resize_in_context, batch->request);
	options->format->open(shape, body);
}

static void
close_body(EcapiBatch *batch, EcapiShape *shape, EcapiBuffer *body)
{
	body->max += BODY_TAIL;
	shape->options->format->close(shape, body);
	batch->body = body->data;
	batch->body_len = body->len;
	batch->body_bytes = body->size;
	ecapi_me.body_bytes += body->size;
}

/*
 * Gather a new batch from what is in hand, shaped.  NULL when there is nothing
 * to send; then what was filtered or failed on the way is disposed of.
 */
static EcapiBatch *
gather(EcapiDestination *destination)
{
	const EcapiOptions *options = destination->options;
	int			room = destination->batch_cap > 0
		? Min(destination->batch_cap, options->batch_size) : options->batch_size;
	EcapiBatch *batch = ecapi_batch_new(destination, Min(room, destination->unsent));
	MemoryContext scratch_context = AllocSetContextCreate(batch->context, "ecapi scratch",
														  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch_context);
	EcapiArena	scratch;
	EcapiShape	shape;
	EcapiBuffer body;
	Filtered	filtered = {.now = (pg_time_t) time(NULL)};
	bool		full = false;
	dlist_iter	iter;

	ecapi_arena_init(&scratch, grab_from_context, scratch_context);
	open_body(batch, &shape, &body);
	dlist_foreach(iter, &destination->stretches)
	{
		EcapiStretch *stretch = dlist_container(EcapiStretch, node, iter.cur);

		while (!full && stretch->next < stretch->page->nevents)
		{
			EcapiItem	item = {stretch, stretch->next};

			full = batch->nitems >= room ||
				!shape_event(batch, &shape, &body, item, &scratch, &filtered);
			if (!full)
			{
				stretch->next++;
				destination->unsent--;
			}
		}
		if (full)
			break;
	}
	close_body(batch, &shape, &body);

	if (batch->nitems > 0)
		batch->filtered = filtered.n == 0 ? NULL :
			MemoryContextStrdup(batch->context, filtered_json(&filtered));
	else
		journal_filtered(destination, &filtered);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch_context);

	if (batch->nitems == 0)
	{
		ecapi_batch_free(batch);
		batch = NULL;
		ecapi_stretch_advance(destination);
	}
	return batch;
}

/*
 * Shape a batch again that was sent before.  Options may have changed and time
 * has passed since, so some of its events may be filtered now.  False when none is left; the
 * batch is freed then.
 */
static bool
reshape(EcapiBatch *batch)
{
	EcapiDestination *destination = batch->destination;
	MemoryContext scratch_context = AllocSetContextCreate(batch->context, "ecapi scratch",
														  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch_context);
	int			n = batch->nitems;
	EcapiArena	scratch;
	EcapiShape	shape;
	EcapiBuffer body;
	Filtered	filtered = {.now = (pg_time_t) time(NULL)};
	int			i;

	ecapi_arena_init(&scratch, grab_from_context, scratch_context);
	open_body(batch, &shape, &body);
	shape.left_out = NULL;		/* counted when it was shaped first */
	batch->nitems = 0;
	for (i = 0; i < n; i++)
		if (!shape_event(batch, &shape, &body, batch->items[i], &scratch, &filtered))
			break;
	if (i < n)
	{
		/* it fitted once, under other options: the rest goes as its own batch */
		EcapiBatch *rest = ecapi_batch_new(destination, n - i);

		memcpy(rest->items, batch->items + i, sizeof(EcapiItem) * (n - i));
		rest->nitems = n - i;
		rest->root = batch->root;
		if (rest->root != NULL)
			rest->root->parts++;
		dlist_push_head(&destination->ready, &rest->node);
	}
	close_body(batch, &shape, &body);
	journal_filtered(destination, &filtered);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch_context);
	if (batch->nitems > 0)
		return true;
	ecapi_batch_free(batch);
	ecapi_stretch_advance(destination);
	return false;
}

/* Everything but sending. */
static void
shadow(EcapiBatch *batch)
{
	EcapiDestination *destination = batch->destination;

	batch->sent_at = GetCurrentTimestamp();
	ecapi_journal_request(batch, "shadow", NULL, NULL, batch->filtered);
	for (int i = 0; i < batch->nitems; i++)
		ecapi_stretch_dispose(destination, batch->items[i]);
	destination->filtered += batch->nitems;
	ecapi_batch_free(batch);
	ecapi_stretch_advance(destination);
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
	EcapiRequest request = {0};
	const char **headers;
	char		error[512];
	bool		sent;

	batch->sent_at = GetCurrentTimestamp();
	sent = ecapi_credentials_read(options, &credentials, error, sizeof(error));
	destination->token_stamp = credentials.stamp;
	batch->token_stamp = credentials.stamp;
	if (sent)
	{
		headers = palloc(sizeof(char *) * lengthof(credentials.headers));
		memcpy(headers, credentials.headers, sizeof(credentials.headers));
		request.url = pstrdup(options->url != NULL ? options->url
							  : options->format->default_url);
		request.headers = headers;
		request.nheaders = credentials.nheaders;
		request.body = batch->body;
		request.body_len = batch->body_len;
		request.ca_file = credentials.ca_file;
		request.timeout_ms = options->timeout_ms;
		request.cookie = batch;
		sent = ecapi_http_start(ecapi_me.http, &request, error, sizeof(error));
	}
	MemoryContextSwitchTo(old);

	if (!sent)
	{
		drop_request(batch);
		dlist_push_head(&destination->ready, &batch->node);
		ecapi_state_wait(destination, error, -1);
		return false;
	}
	batch->attempts++;
	batch->flying = true;
	dlist_push_tail(&destination->flying, &batch->node);
	destination->nflying++;
	return true;
}

/*
 * Should a part-filled batch wait for more events?  Only when nothing waits
 * that was read before, and the oldest has not waited long enough.
 */
static bool
lingers(EcapiDestination *destination, TimestampTz now)
{
	const EcapiOptions *options = destination->options;
	dlist_iter	iter;

	destination->linger_until = 0;
	if (options->linger_ms <= 0 || destination->unsent >= options->batch_size)
		return false;
	dlist_foreach(iter, &destination->stretches)
	{
		EcapiStretch *stretch = dlist_container(EcapiStretch, node, iter.cur);

		if (stretch->next < stretch->page->nevents)
		{
			TimestampTz until =
				TimestampTzPlusMilliseconds(stretch->page->events[stretch->next].emitted_at,
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

static EcapiBatch *
next_batch(EcapiDestination *destination, TimestampTz now)
{
	while (!dlist_is_empty(&destination->ready))
	{
		EcapiBatch *batch = dlist_container(EcapiBatch, node,
											dlist_pop_head_node(&destination->ready));

		if (reshape(batch))
			return batch;
	}
	if (destination->unsent == 0 || lingers(destination, now))
		return NULL;
	return gather(destination);
}

static long
ms_until(TimestampTz moment, TimestampTz now)
{
	return moment <= now ? 0 : (long) ((moment - now) / 1000) + 1;
}

/*
 * Send what a destination may send now.  Returns the milliseconds until it
 * wants to be looked at again, or -1 for when something happens.
 */
long
ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now)
{
	if (destination->give_up_to != NULL)
		return -1;				/* see give_up.c */
	if (destination->state == ECAPI_WAITING)
	{
		/* a clock that was set back since then must not make the wait longer */
		if (now < destination->next_try &&
			destination->last_error_at - now < CLOCK_SLACK_US)
			return ms_until(destination->next_try, now);
		destination->state = ECAPI_RUNNING;
		destination->dirty = true;
	}
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

		/* one body over the budget is allowed, else nothing might ever go */
		if (ecapi_me.page_bytes + ecapi_me.body_bytes > ECAPI_BUDGET &&
			ecapi_me.body_bytes > 0)
			break;
		batch = next_batch(destination, now);
		if (batch == NULL)
		{
			if (destination->unsent > 0 && destination->linger_until == 0)
				continue;		/* all of it was filtered */
			break;
		}
		if (destination->options->mode == ECAPI_MODE_SHADOW)
			shadow(batch);
		else if (!send_batch(batch))
			break;
	}
	if (destination->nflying == 0 && destination->unsent == 0 &&
		dlist_is_empty(&destination->ready))
		ecapi_halving_quiet(destination);
	if (destination->state == ECAPI_WAITING)
		return ms_until(destination->next_try, now);
	return destination->linger_until == 0 ? -1 : ms_until(destination->linger_until, now);
}

static void
delivered(EcapiBatch *batch, const EcapiAnswer *answer)
{
	EcapiDestination *destination = batch->destination;

	ecapi_journal_request(batch, "delivered", answer, NULL, batch->filtered);
	for (int i = 0; i < batch->nitems; i++)
		ecapi_stretch_dispose(destination, batch->items[i]);
	destination->delivered += batch->nitems;
	ecapi_state_passed(destination);
	ecapi_halving_passed(batch);
	ecapi_batch_free(batch);
	ecapi_stretch_advance(destination);
}

/* The credentials were refused; others may stand in the file by now. */
static void
stopped(EcapiBatch *batch, const EcapiAnswer *answer, const char *error)
{
	EcapiDestination *destination = batch->destination;

	dlist_push_head(&destination->ready, &batch->node);
	if (destination->options != NULL && answer->status == 401 &&
		ecapi_credentials_stamp(destination->options) != batch->token_stamp)
		ecapi_state_wait(destination, error, 0);
	else
		ecapi_state_stop(destination, error);
}

static void
take_answer(const EcapiAnswer *answer)
{
	EcapiBatch *batch = answer->cookie;
	EcapiDestination *destination = batch->destination;
	EcapiVerdict verdict = ecapi_policy_judge(answer);
	char		error[512];

	dlist_delete(&batch->node);
	batch->flying = false;
	destination->nflying--;
	drop_request(batch);

	if (verdict == ECAPI_DELIVERED)
	{
		delivered(batch, answer);
		return;
	}
	ecapi_policy_describe(answer, error, sizeof(error));
	switch (verdict)
	{
		case ECAPI_STOP:
			ecapi_journal_request(batch, "stopped", answer, error, batch->filtered);
			batch->filtered = NULL;
			stopped(batch, answer, error);
			break;
		case ECAPI_REJECTED:
		case ECAPI_TOO_LARGE:
			ecapi_journal_request(batch, verdict == ECAPI_REJECTED ? "rejected" : "too_large",
								  answer, error, batch->filtered);
			ecapi_state_error(destination, error);
			ecapi_halving_rejected(batch, answer, verdict == ECAPI_TOO_LARGE);
			break;
		case ECAPI_RETRY:
		case ECAPI_DELIVERED:
			ecapi_journal_request(batch, "retry", answer, error, batch->filtered);
			batch->filtered = NULL;
			dlist_push_head(&destination->ready, &batch->node);
			ecapi_state_wait(destination, error, answer->retry_after_ms);
			break;
	}
}

/* Take all answers that have come in. */
void
ecapi_pipeline_answers(void)
{
	EcapiAnswer answer;

	while (ecapi_http_answer(ecapi_me.http, &answer))
		take_answer(&answer);
}

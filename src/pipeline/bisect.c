/*
 * bisect.c
 *	  Finding the events at fault in a rejected request.
 *
 * A rejected batch of n > 1 is cut into halves; both go to the end of the ready list, so
 * parts are tried largest first.  With b events at fault that takes at most about
 * 2 b log2(n) further requests.
 *
 * The parts of one rejected request share a root.  A single event that is rejected is at
 * fault if another part of its root passed, not long ago.  Else it is a suspect, because
 * the receiver may reject everything.  Suspects are held, undisposed, until
 *  - a request passes, of that root or any: the receiver takes events, so the
 *    suspects are at fault and go to failed_event;
 *  - SUSPECTS_MAX of them have gathered while nothing passed: the destination is at
 *    fault and stops, with nothing put into failed_event;
 *  - nothing is left to send.  Events that were sent alone to a destination that has
 *    taken others before are then at fault themselves, as long as that does not happen
 *    over and over.  Anything else stops the destination, but not before LOOK_AHEAD_US
 *    have gone by: what commits until then is tried first, and if it passes, the suspects
 *    are at fault.
 *
 * A destination has taken others before when something passed with these options, or with
 * others that send the same to the same place (proven_for): a new batch_size, say, does
 * not make a known receiver an unknown one.
 *
 * When PROBE_AFTER requests were rejected since one passed, more halves would tell
 * little: from then on single events are cut out of the parts, spread over the batch.
 * So a receiver that rejects everything is found out in some fifty requests, however
 * large the batch is.
 *
 * The receiver may also fail on an event instead of rejecting it: it answers with a
 * server error, or not at all.  A batch that did so ECAPI_FAILS_MAX times in a row is
 * halved; such batches and parts take turns, and new batches go ahead of them now and
 * then (pipeline.c), so that the others pass and the waits between stay short: a wait
 * grows only when nothing passed since the batch failed last.  A single event is at
 * fault when another request passed meanwhile.  Where one request goes at a time, others
 * go ahead only of what has failed that often, because events keep their order until
 * then.  Before that it is like any other failure: the destination waits longer and
 * longer, so a receiver that fails on everything costs few bisections.
 *
 * An operator who calls ecapi.retry or ecapi.discard for a destination that stopped
 * because it rejects everything blames the events: the suspects that gather next go to
 * failed_event, once.
 *
 * Where the answer names the events at fault, by their index, nothing is halved: those are
 * cut out, each by itself, and the rest goes again at once.  What was cut out is judged
 * like any single event that was rejected: at fault once the rest passes, a suspect
 * before.  When all are named, nothing speaks for the receiver, and halves are made.
 *
 * Failed events that are tried again are halved, too, but are no evidence: what is
 * rejected alone has just failed again.
 *
 * 413 halves, too, but is no rejection: the smaller size is kept for later batches, and
 * only an event that does not fit alone becomes a suspect.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "destination/options.h"
#include "destination/select.h"
#include "pipeline/batch.h"
#include "pipeline/bisect.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/feed.h"
#include "pipeline/journal.h"
#include "pipeline/replay_feed.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"

/* Suspects that show that the receiver rejects everything. */
#define SUSPECTS_MAX	16

/*
 * How long suspects are held when nothing is left to send: a heartbeat of the worker,
 * in which it finds everything that has committed, with or without a wake-up.  A longer
 * one would delay the stop that an operator must see.
 */
#define LOOK_AHEAD_US	(5 * USECS_PER_SEC)

/* Rejections in a row after which single events are cut out: about five halvings. */
#define PROBE_AFTER		24

/*
 * Rejections in a row for which a part that passed before is evidence.  A
 * receiver that turns against everything in the middle of a bisection must not
 * have the rest of the batch put into failed_event.
 */
#define EVIDENCE_MAX	64

/* Lone events in a row that a proven destination may reject. */
#define LONE_REJECTIONS_MAX 10

/* A hash of where events go, and in which mode; 0: there are no options. */
static uint64
place_of(const EcapiDestination *destination)
{
	const EcapiOptions *options = destination->options;
	const char *parts[2];
	uint64		hash = 1;

	if (options == NULL)
		return 0;
	parts[0] = ecapi_options_url(options);
	parts[1] = options->data_set_id;
	for (int i = 0; i < lengthof(parts); i++)
		if (parts[i] != NULL)
			hash = hash_bytes_extended((const unsigned char *) parts[i],
									   strlen(parts[i]), hash + i);
	return hash_combine64(hash, options->mode);
}

static bool
is_proven(const EcapiDestination *destination)
{
	const EcapiBisection *bisection = &destination->bisection;

	return bisection->proven ||
		(bisection->proven_for != 0 && bisection->proven_for == place_of(destination));
}

static EcapiBatch *
part_of(EcapiBatch *batch, int first, int n)
{
	EcapiBatch *part = ecapi_batch_new(batch->feed, n);

	memcpy(part->items, batch->items + first, sizeof(EcapiItem) * n);
	part->nitems = n;
	part->root = batch->root;
	part->root->parts++;
	part->passes_before = part->passes_seen = batch->destination->passes;
	return part;
}

/* Parts that are cut from a batch share a root. */
static void
need_root(EcapiBatch *batch)
{
	if (batch->root != NULL)
		return;
	batch->root = MemoryContextAllocZero(batch->destination->context, sizeof(EcapiRoot));
	batch->root->parts = 1;
}

/* Cut a batch in two; fails: failures that each part begins with. */
static void
split(EcapiBatch *batch, bool cut_one_out, int fails)
{
	EcapiFeed  *feed = batch->feed;
	int			half = cut_one_out ? 1 : batch->nitems / 2;
	EcapiBatch *head;
	EcapiBatch *rest;

	need_root(batch);
	head = part_of(batch, 0, half);
	rest = part_of(batch, half, batch->nitems - half);
	head->fails = rest->fails = fails;

	if (cut_one_out)
		dlist_push_head(&feed->ready, &head->node);
	else
		dlist_push_tail(&feed->ready, &head->node);
	dlist_push_tail(&feed->ready, &rest->node);
	ecapi_batch_free(batch);
}

static void
suspect(EcapiBatch *batch, const EcapiAnswer *answer)
{
	EcapiDestination *destination = batch->destination;
	EcapiAnswer *copy = MemoryContextAlloc(batch->context, sizeof(EcapiAnswer));

	*copy = *answer;
	copy->body = MemoryContextStrdup(batch->context,
									 answer->body == NULL ? "" : answer->body);
	batch->rejected_with = copy;
	if (dlist_is_empty(&destination->bisection.suspects))
		destination->bisection.suspects_since = GetCurrentTimestamp();
	dlist_push_tail(&destination->bisection.suspects, &batch->node);
}

/* A single event is at fault.  Takes its batch over. */
static void
blame(EcapiBatch *batch, const char *reason, const EcapiAnswer *answer)
{
	bool		too_large = answer->status == 413;

	/* what is too large is too large the next time */
	ecapi_slice_failed(batch->items[0], too_large ? ECAPI_REASON_TOO_LARGE : reason,
						 answer, batch->attempts, !too_large);
	ecapi_slice_end_batch(batch);
}

static void
blame_suspects(EcapiDestination *destination)
{
	while (!dlist_is_empty(&destination->bisection.suspects))
	{
		EcapiBatch *batch = dlist_container(EcapiBatch, node,
											dlist_pop_head_node(&destination->bisection.suspects));

		blame(batch, ECAPI_REASON_REJECTED, batch->rejected_with);
	}
}

/* Nothing passes: stop, and make the suspects ready to be sent again. */
static void
stop_rejecting(EcapiDestination *destination)
{
	char		what[256];
	char		error[320];
	EcapiBatch *last = dlist_tail_element(EcapiBatch, node, &destination->bisection.suspects);

	if (destination->bisection.may_blame)
	{
		destination->bisection.may_blame = false;
		blame_suspects(destination);
		return;
	}
	ecapi_policy_describe(last->rejected_with, what, sizeof(what));
	snprintf(error, sizeof(error), "the receiver rejects every event: %s", what);
	while (!dlist_is_empty(&destination->bisection.suspects))
	{
		EcapiBatch *batch = dlist_tail_element(EcapiBatch, node, &destination->bisection.suspects);

		dlist_delete(&batch->node);
		dlist_push_head(&batch->feed->ready, &batch->node);
	}
	ecapi_state_stop(destination, error);
}

/* A batch of failed events was rejected.  Takes it over. */
static void
rejected_again(EcapiBatch *batch, const EcapiAnswer *answer, bool too_large)
{
	if (batch->nitems > 1)
		split(batch, false, 0);
	else
		ecapi_failed_again(batch, too_large ? ECAPI_REASON_TOO_LARGE : ECAPI_REASON_REJECTED,
						   answer, !too_large);
}

/* A single event was rejected: it is at fault, or a suspect.  Takes its batch over. */
static void
rejected_alone(EcapiBatch *batch, const EcapiAnswer *answer, bool root_passed)
{
	EcapiDestination *destination = batch->destination;

	if (root_passed)
	{
		blame(batch, ECAPI_REASON_REJECTED, answer);
		return;
	}
	suspect(batch, answer);
	if (ecapi_batch_count(&destination->bisection.suspects) >= SUSPECTS_MAX)
		stop_rejecting(destination);
}

/* Whether another part of a batch's root passed, not long ago. */
static bool
root_has_passed(const EcapiBatch *batch)
{
	return batch->root != NULL && batch->root->passed &&
		batch->destination->bisection.rejections <= EVIDENCE_MAX;
}

void
ecapi_bisect_rejected(EcapiBatch *batch, const EcapiAnswer *answer, bool too_large)
{
	EcapiDestination *destination = batch->destination;
	bool		root_passed;

	if (batch->feed->kind == ECAPI_FEED_FAILED)
	{
		rejected_again(batch, answer, too_large);
		return;
	}
	if (!too_large)
		destination->bisection.rejections++;
	else if (batch->nitems > 1)
		destination->bisection.batch_cap = batch->nitems / 2;
	root_passed = root_has_passed(batch);

	if (batch->nitems > 1)
		split(batch, !root_passed && destination->bisection.rejections >= PROBE_AFTER, 0);
	else
		rejected_alone(batch, answer, root_passed);
}

/* ---- events that an answer names ---- */

/* The answer as it is about one event: in the platform's words, if it has any for it. */
static EcapiAnswer
answer_about(const EcapiNamed *named, const EcapiAnswer *answer)
{
	EcapiAnswer about = *answer;

	if (named->words != NULL)
	{
		about.body = named->words;
		about.body_len = strlen(named->words);
	}
	return about;
}

/* What becomes of an event of a batch that an answer names. */
static void
take_named(EcapiBatch *batch, const EcapiNamed *named, const EcapiAnswer *answer,
		   bool passed)
{
	const EcapiOptions *options = batch->destination->options;
	EcapiItem	item = batch->items[named->index];
	EcapiAnswer about = answer_about(named, answer);
	EcapiNamedOutcome outcome = named->outcome;
	EcapiBatch *part;

	/* who allows repeats has them at once, too */
	if (outcome == ECAPI_NAMED_UNSURE && options != NULL && options->allow_late_repeat)
		outcome = ECAPI_NAMED_RESEND;
	switch (outcome)
	{
		case ECAPI_NAMED_DELIVERED:
			ecapi_slice_delivered(item);
			break;
		case ECAPI_NAMED_LATER:
			ecapi_slice_put_off(item, ECAPI_REASON_LATER, &about, batch->attempts,
								named->wait_s);
			break;
		case ECAPI_NAMED_EXPIRED:
			ecapi_slice_failed(item, ECAPI_REASON_EXPIRED, &about, batch->attempts, false);
			break;
		case ECAPI_NAMED_UNSURE:
			ecapi_slice_failed(item, ECAPI_REASON_UNSURE, &about, batch->attempts, false);
			break;
		case ECAPI_NAMED_REJECTED:
		case ECAPI_NAMED_RESEND:
			part = part_of(batch, named->index, 1);
			part->attempts = batch->attempts;
			if (outcome == ECAPI_NAMED_RESEND)
				dlist_push_head(&part->feed->ready, &part->node);
			else if (part->feed->kind == ECAPI_FEED_FAILED)
				ecapi_failed_again(part, ECAPI_REASON_REJECTED, &about, true);
			else
				rejected_alone(part, &about, passed);
			break;
	}
}

/* Take the events that are named out of a batch. */
static void
leave_rest(EcapiBatch *batch, const EcapiJudgement *judgement)
{
	bool	   *is_named = palloc0(batch->nitems * sizeof(bool));
	int			n = 0;

	for (int i = 0; i < judgement->nnamed; i++)
		is_named[judgement->named[i].index] = true;
	for (int i = 0; i < batch->nitems; i++)
		if (!is_named[i])
			batch->items[n++] = batch->items[i];
	batch->nitems = n;
	pfree(is_named);
}

EcapiBatch *
ecapi_bisect_named(EcapiBatch *batch, const EcapiAnswer *answer,
				   const EcapiJudgement *judgement)
{
	EcapiDestination *destination = batch->destination;
	bool		delivered = judgement->verdict == ECAPI_DELIVERED;
	bool		passed;

	/* every event at fault is more likely an option at fault */
	if (!delivered && judgement->nnamed == batch->nitems && batch->nitems > 1)
	{
		ecapi_bisect_rejected(batch, answer, false);
		return NULL;
	}
	need_root(batch);
	if (!delivered && batch->feed->kind != ECAPI_FEED_FAILED)
		destination->bisection.rejections++;
	passed = root_has_passed(batch) || (delivered && judgement->nnamed < batch->nitems);
	for (int i = 0; i < judgement->nnamed; i++)
		take_named(batch, &judgement->named[i], answer, passed);
	leave_rest(batch, judgement);
	if (batch->nitems == 0)
	{
		ecapi_slice_end_batch(batch);
		return NULL;
	}
	if (delivered)
		return batch;
	/* what was not named is as good as never sent */
	batch->attempts--;
	if (batch->feed->kind == ECAPI_FEED_FAILED)
		ecapi_failed_put_back(batch);
	else
		dlist_push_head(&batch->feed->ready, &batch->node);
	return NULL;
}

EcapiBatch *
ecapi_bisect_taken(EcapiBatch *batch, const EcapiAnswer *answer, EcapiJudgement *judgement)
{
	ecapi_journal_some(batch, answer, judgement);
	for (int i = 0; i < judgement->nnamed; i++)
		ecapi_slice_delivered(batch->items[judgement->named[i].index]);
	leave_rest(batch, judgement);
	judgement->nnamed = 0;
	if (batch->nitems > 0)
		return batch;
	ecapi_slice_end_batch(batch);
	return NULL;
}

EcapiBatch *
ecapi_bisect_unsure(EcapiBatch *batch, const EcapiAnswer *answer,
					const EcapiJudgement *judgement)
{
	for (int i = 0; i < judgement->nnamed; i++)
		take_named(batch, &judgement->named[i], answer, false);
	leave_rest(batch, judgement);
	if (batch->nitems > 0)
		return batch;
	ecapi_slice_end_batch(batch);
	return NULL;
}

bool
ecapi_bisect_failing(EcapiBatch *batch, const EcapiAnswer *answer)
{
	EcapiDestination *destination = batch->destination;
	bool		others_passed;

	if (ecapi_replay_let_go(batch))
		return true;
	if (batch->fails++ == 0)
		batch->passes_before = batch->passes_seen = destination->passes;

	/* others passed since the last time: the receiver is there */
	if (destination->passes > batch->passes_seen)
		ecapi_state_shorten_waits(destination);
	batch->passes_seen = destination->passes;
	others_passed = destination->passes > batch->passes_before;
	if (batch->fails < ECAPI_FAILS_MAX)
	{
		/* one request at a time keeps the order, as long as it can be kept */
		if (batch->root == NULL && destination->options != NULL &&
			destination->options->max_in_flight == 1)
			return false;
		dlist_push_tail(&batch->feed->ready, &batch->node);
		return true;
	}
	if (batch->nitems > 1)
		split(batch, false, others_passed ? ECAPI_FAILS_MAX - 2 : 0);
	else if (others_passed)
		blame(batch, ECAPI_REASON_FAILS, answer);
	else
		dlist_push_tail(&batch->feed->ready, &batch->node);
	return true;
}

void
ecapi_bisect_passed(EcapiBatch *batch)
{
	EcapiDestination *destination = batch->destination;

	if (batch->root != NULL)
		batch->root->passed = true;
	if (!destination->bisection.proven || destination->bisection.proven_for == 0)
		destination->bisection.proven_for = place_of(destination);
	destination->bisection.proven = true;
	destination->bisection.may_blame = false;
	destination->bisection.rejections = 0;
	blame_suspects(destination);
}

long
ecapi_bisect_quiet(EcapiDestination *destination, TimestampTz now)
{
	bool		alone = destination->bisection.rejections <= LONE_REJECTIONS_MAX &&
		is_proven(destination);
	TimestampTz held_us = now - destination->bisection.suspects_since;

	if (dlist_is_empty(&destination->bisection.suspects))
		return -1;
	ecapi_foreach(EcapiBatch, batch, &destination->bisection.suspects)
		alone &= batch->root == NULL;
	if (alone)
	{
		blame_suspects(destination);
		return -1;
	}
	/* now is the turn's beginning; a clock that was set back must not hold them */
	held_us = held_us < 0 && held_us > -USECS_PER_MINUTE ? 0 : held_us;
	if (!destination->bisection.may_blame && held_us >= 0 && held_us < LOOK_AHEAD_US)
		return (long) ((LOOK_AHEAD_US - held_us) / 1000) + 1;
	stop_rejecting(destination);
	return -1;
}

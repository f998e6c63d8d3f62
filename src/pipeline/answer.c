/*
 * answer.c
 *	  From answers to outcomes.
 *
 * The format judges an answer (destination/judge.h): a verdict for the request, and an
 * outcome for each event that the answer names.  Here the verdict moves the batch, its
 * events and the destination; state.c has the whole machine.
 *
 * Nothing of an answer is judged or kept before the secrets of its request are taken out
 * of it: a receiver may repeat what it refuses.
 *
 * Without memory for a judgement nothing is known but the status: what was delivered by
 * it counts as delivered, everything else is tried again.
 */
#include "postgres.h"

#include "base/tree.h"
#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "destination/credentials.h"
#include "destination/echo.h"
#include "destination/judge.h"
#include "destination/options.h"
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
#include "pipeline/observe.h"
#include "pipeline/receipts.h"
#include "pipeline/repeats.h"
#include "pipeline/replay_feed.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

static void
delivered(EcapiBatch *batch, EcapiAnswer *answer, const EcapiJudgement *judgement)
{
	/* the log is asked by it when the outcome comes */
	if (judgement->receipt != NULL)
		strlcpy(answer->request_id, judgement->receipt, sizeof(answer->request_id));
	ecapi_journal_taken(batch, answer, judgement);
	ecapi_receipts_note(batch, judgement);
	if (judgement->nnamed > 0)
		batch = ecapi_bisect_named(batch, answer, judgement);
	if (batch == NULL)
		return;
	for (int i = 0; i < batch->nitems; i++)
		ecapi_slice_delivered(batch->items[i]);
	ecapi_state_passed(batch->destination);
	ecapi_fetch_passed(batch->destination);
	ecapi_bisect_passed(batch);
	ecapi_slice_end_batch(batch);
}

/*
 * The credentials were refused, or the receiver's certificate is not trusted.  The file
 * may have others by now, or the receiver may not know the new ones yet, or not have its
 * new certificate.
 */
static void
stopped(EcapiBatch *batch, const EcapiAnswer *answer, const EcapiJudgement *judgement,
		const char *error)
{
	EcapiDestination *destination = batch->destination;
	bool		untrusted = answer->transport == ECAPI_TRANSPORT_UNTRUSTED;
	bool		changed = destination->options != NULL &&
		(judgement->credential || untrusted) &&
		ecapi_credentials_stamp(destination->options) != batch->token_stamp;
	bool		again;

	again = judgement->credential && ecapi_fetch_again(destination, batch->token_serial);
	ecapi_batch_hold(batch);
	if (again)
		return;					/* nothing was wrong with the receiver */
	if (changed)
		ecapi_state_wait(destination, error, 0);
	else if ((judgement->credential && ecapi_access_is_new(destination)) ||
			 (untrusted && ecapi_access_ca_is_new(destination)))
		ecapi_state_wait(destination, error, -1);
	else
		ecapi_state_stop(destination, error);
}

/* A request was not delivered, in a way that may pass. */
static void
failed_once(EcapiBatch *batch, const EcapiAnswer *answer, const EcapiJudgement *judgement,
			const char *error)
{
	EcapiDestination *destination = batch->destination;
	bool		suspicious = judgement->suspicious;

	/* who allows repeats has them at once, too */
	if (judgement->nnamed > 0 &&
		(destination->options == NULL || !destination->options->allow_late_repeat))
		batch = ecapi_bisect_unsure(batch, answer, judgement);
	if (batch == NULL)
	{
		ecapi_state_wait(destination, error, judgement->retry_after_ms);
		return;
	}
	if (suspicious && batch->feed->kind == ECAPI_FEED_FAILED &&
		(destination->failures == 0 || !ecapi_feed_can_probe(destination)))
	{
		ecapi_failed_again(batch, ECAPI_REASON_FAILS, answer, true);
		return;
	}
	if (!suspicious || batch->feed->kind == ECAPI_FEED_FAILED ||
		!ecapi_bisect_failing(batch, answer))
		ecapi_batch_hold(batch);
	ecapi_state_wait(destination, error, judgement->retry_after_ms);
}

/* How much of a body is searched for secrets where only its beginning is kept. */
#define ANSWER_READ		(4 * ECAPI_ANSWER_KEPT)

/*
 * Take the secrets of its request out of an answer.  The body is copied, and only where
 * somebody reads it: a format, or people, when the answer was no success.
 */
static void
redact_answer(EcapiAnswer *answer, const EcapiBatch *batch)
{
	const EcapiOutgoing *outgoing = batch->outgoing;
	bool		judged = batch->body.shape.format->judge != NULL;
	char	   *body;

	(void) ecapi_echo_redact(answer->request_id, strlen(answer->request_id),
							 outgoing->secrets, outgoing->nsecrets, outgoing->url);
	if (answer->body == NULL ||
		(!judged && ecapi_policy_judge(answer) == ECAPI_DELIVERED))
		return;
	body = pnstrdup(answer->body, judged ? answer->body_len :
					Min(answer->body_len, ANSWER_READ));
	answer->body_len = ecapi_echo_redact(body, strlen(body), outgoing->secrets,
										 outgoing->nsecrets, outgoing->url);
	answer->body = body;
}

/*
 * By the format where a whole answer came, or where it must know that none did; else by how
 * far the request came.
 */
static void
judge(const EcapiBatch *batch, const EcapiAnswer *answer, EcapiJudgement *judgement)
{
	const EcapiFormat *format = batch->body.shape.format;
	bool		lost = format->counts_repeats && answer->transport == ECAPI_TRANSPORT_BROKEN;
	EcapiArena	arena;

	MemSet(judgement, 0, sizeof(EcapiJudgement));
	judgement->retry_after_ms = -1;
	if (format->judge == NULL || (answer->transport != ECAPI_TRANSPORT_OK && !lost))
	{
		ecapi_judge_status(answer, judgement);
		return;
	}
	ecapi_tree_arena(&arena, ecapi_me.scratch);
	format->judge(answer, batch->nitems, &arena, judgement);
	if (!arena.failed)
	{
		/* views have them in the encoding of the database */
		if (judgement->words != NULL)
			judgement->words = ecapi_failed_answer(judgement->words);
		return;
	}
	MemSet(judgement, 0, sizeof(EcapiJudgement));
	ecapi_judge_status(answer, judgement);
	if (judgement->verdict != ECAPI_DELIVERED)
		judgement->verdict = ECAPI_RETRY;
	judgement->suspicious = false;
}

/* One line about an answer, in the platform's words where it has any. */
static void
describe(const EcapiAnswer *answer, const EcapiJudgement *judgement, char *text, size_t size)
{
	size_t		len;

	ecapi_policy_describe(answer, text, size);
	len = strlen(text);
	if (judgement->words != NULL)
		snprintf(text + len, size - len, ": %s", judgement->words);
}

static void
rejected(EcapiBatch *batch, const EcapiAnswer *answer, const EcapiJudgement *judgement,
		 const char *error)
{
	if (batch->feed->kind != ECAPI_FEED_FAILED)
		ecapi_state_error(batch->destination, error);
	if (ecapi_replay_let_go(batch))
		return;
	if (judgement->nnamed > 0)
		(void) ecapi_bisect_named(batch, answer, judgement);
	else
		ecapi_bisect_rejected(batch, answer, judgement->verdict == ECAPI_TOO_LARGE);
}

void
ecapi_answer_take(EcapiCookie *cookie, EcapiAnswer *answer)
{
	EcapiBatch *batch = (EcapiBatch *) cookie;
	EcapiDestination *destination = batch->destination;
	EcapiJudgement judgement;
	char		error[512];
	bool		arrived;

	redact_answer(answer, batch);
	answer->sent = batch->outgoing->body;
	answer->sent_len = batch->outgoing->body_len;
	answer->made_at = batch->body.shape.now;
	judge(batch, answer, &judgement);
	ecapi_observe_answer(batch, answer, &judgement);
	dlist_delete(&batch->node);
	batch->flying = false;
	destination->nflying--;
	ecapi_batch_drop_request(batch);

	if (judgement.verdict == ECAPI_DELIVERED)
	{
		delivered(batch, answer, &judgement);
		return;
	}
	if (judgement.some_taken)
	{
		batch = ecapi_bisect_taken(batch, answer, &judgement);
		if (batch == NULL)
			return;
	}
	describe(answer, &judgement, error, sizeof(error));
	arrived = ecapi_judge_may_have_arrived(answer, &judgement);
	if (arrived)
		ecapi_repeats_note(batch);
	switch (judgement.verdict)
	{
		case ECAPI_STOP:
			ecapi_journal_request(batch, "stopped", answer, error, arrived);
			stopped(batch, answer, &judgement, error);
			break;
		case ECAPI_REJECTED:
		case ECAPI_TOO_LARGE:
			ecapi_journal_request(batch, judgement.verdict == ECAPI_REJECTED ? "rejected" : "too_large",
								  answer, error, arrived);
			rejected(batch, answer, &judgement, error);
			break;
		case ECAPI_RETRY:
		case ECAPI_DELIVERED:
			ecapi_journal_request(batch, "retry", answer, error, arrived);
			failed_once(batch, answer, &judgement, error);
			break;
	}
}

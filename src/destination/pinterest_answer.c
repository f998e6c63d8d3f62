/*
 * pinterest_answer.c
 *	  What an answer of Pinterest's Conversions API means.
 *
 * Each event has a result, in the order of the request, also in an answer of 200: one that
 * failed is at fault by itself, and the others are there.  422 says that some events were
 * not processed; its details are of no type, so the same results are looked for in it, and
 * where there are none the request is made again, which Pinterest knows by event_id.
 *
 * A full batch has results of some 70 bytes each, so an answer may be longer than what is
 * kept of one.  Then the results that are there count, and the numbers in front of them say
 * whether an event behind failed.  If one did, nothing says which.
 *
 * Offline events are never known again, and what comes more than an hour after its time
 * counts as one (public senders: Segment, Tealium).  So where a request may have arrived and
 * nothing says what became of it, those are named, and are not sent twice; the others are
 * known by event_id.
 *
 * Sources: pinterest/api-description, v5, operation events/create (answers, codes).
 *
 * Invariants
 *	(1) An answer that is not Pinterest's own, or about another number of events, delivers
 *		nothing.
 *	(2) Texts of an answer are kept only if they cannot quote a value.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/pinterest.h"

#include <stdio.h>
#include <string.h>

#include "destination/member.h"
#include "event/json.h"

/* The words of a text, if they can quote nothing; else otherwise. */
static const char *
harmless_words(const EcapiValue *text, const char *otherwise, EcapiArena *arena)
{
	const char *words = ecapi_judge_harmless_words(arena, text);

	return words != NULL ? words : otherwise;
}

/* "Some words (code 4196)" of an error, in the arena; NULL: it has none of both. */
static const char *
say_error(const EcapiValue *error, EcapiArena *arena)
{
	const char *words = harmless_words(ecapi_value_get(error, "message"), "refused", arena);
	int			code = ecapi_member_integer(error, "code", -1);
	char		text[ECAPI_WORDS_MAX + 32];
	int			len;

	if (code < 0)
		return NULL;
	len = snprintf(text, sizeof(text), "%.*s (code %d)", ECAPI_WORDS_MAX - 32, words, code);
	return ecapi_arena_copy(arena, text, (size_t) len);
}

/* ---- results ---- */

typedef enum Result
{
	RESULT_PROCESSED,
	RESULT_FAILED,
	RESULT_UNKNOWN
} Result;

static Result
read_result(const EcapiValue *result)
{
	const EcapiValue *status = ecapi_member_text(result, "status");

	if (status == NULL)
		return RESULT_UNKNOWN;
	if (strcmp(status->text, "processed") == 0)
		return RESULT_PROCESSED;
	return strcmp(status->text, "failed") == 0 ? RESULT_FAILED : RESULT_UNKNOWN;
}

/* The results of nevents events, or of the first of them; NULL: these are none. */
static const EcapiValue *
results_of(const EcapiValue *body, int nevents, bool cut)
{
	const EcapiValue *results = ecapi_value_get(body, "events");

	if (results == NULL || results->type != ECAPI_ARRAY || results->len > (uint32_t) nevents ||
		(!cut && results->len != (uint32_t) nevents))
		return NULL;
	for (const EcapiValue *result = results->first; result; result = result->next)
		if (read_result(result) == RESULT_UNKNOWN)
			return NULL;
	return results;
}

/* ---- what may have arrived ---- */

/* Seconds after which an event counts as offline. */
#define LATE	3600

/* Whether Pinterest would take an event of a request for another one when it comes again. */
static bool
is_unknown_again(const EcapiAnswer *answer, const EcapiValue *event)
{
	const EcapiValue *source = ecapi_member_text(event, "action_source");
	int			time = ecapi_member_integer(event, "event_time", 0);

	return source == NULL || strcmp(source->text, "offline") == 0 ||
		(answer->made_at > 0 && answer->made_at - time > LATE);
}

/* The first of the events that were sent, from the request; NULL: they cannot be read. */
static const EcapiValue *
first_sent(const EcapiAnswer *answer, int nevents, EcapiArena *arena)
{
	char		error[128];
	const EcapiValue *body = answer->sent == NULL ? NULL :
		ecapi_json_parse(arena, answer->sent, answer->sent_len, error, sizeof(error));
	const EcapiValue *events = ecapi_value_get(body, "data");

	return events != NULL && events->type == ECAPI_ARRAY && events->len == (uint32_t) nevents ?
		events->first : NULL;
}

/*
 * Events behind the last result that is there, unless none of them failed: what Pinterest
 * knows again goes again, of the rest it is not known what became of it.
 */
static void
judge_unread(const EcapiAnswer *answer, const EcapiValue *body, const EcapiValue *results,
			 int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	int			processed = ecapi_member_integer(body, "num_events_processed", -1);
	int			failed = judgement->nnamed;
	const EcapiValue *event = NULL;

	if (ecapi_member_integer(body, "num_events_received", -1) != nevents)
		processed = -1;
	if (processed == nevents - failed)
		return;
	/* were none of them processed, none could count twice */
	if (processed != (int) results->len - failed)
		event = first_sent(answer, nevents, arena);
	for (int i = 0; i < nevents; i++)
	{
		if (i >= (int) results->len)
			(void) ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
				.index = i,
				.outcome = event != NULL && is_unknown_again(answer, event) ? ECAPI_NAMED_UNSURE
					: ECAPI_NAMED_RESEND
			});
		if (event != NULL)
			event = event->next;
	}
}

static void
name_unsure(const EcapiAnswer *answer, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	int			i = 0;

	for (const EcapiValue *event = first_sent(answer, nevents, arena); event; event = event->next, i++)
	{
		if (is_unknown_again(answer, event))
			(void) ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
				.index = i,
				.outcome = ECAPI_NAMED_UNSURE
			});
	}
	/* the others of a request are no cause of a server's trouble with it */
	if (judgement->nnamed > 0)
		judgement->suspicious = false;
}

/* Whether a request that is made again may be there already; 429 and 503 took nothing. */
static bool
may_have_arrived(const EcapiAnswer *answer)
{
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return answer->transport == ECAPI_TRANSPORT_BROKEN;
	return answer->status != 429 && answer->status != 503;
}

/* ---- an answer ---- */

static void
judge_results(const EcapiAnswer *answer, const EcapiValue *body, const EcapiValue *results,
			  int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	int			i = 0;

	judgement->verdict = ECAPI_DELIVERED;
	judgement->suspicious = false;
	judgement->words = NULL;
	for (const EcapiValue *result = results->first; result; result = result->next, i++)
	{
		if (ecapi_member_text(result, "warning_message") != NULL)
			judgement->warnings++;
		if (read_result(result) == RESULT_FAILED)
			(void) ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
				.index = i,
				.outcome = ECAPI_NAMED_REJECTED,
				.words = harmless_words(ecapi_value_get(result, "error_message"), "failed", arena)
			});
	}
	judge_unread(answer, body, results, nevents, arena, judgement);
}

/* What has no results although its status says that it has. */
static void
judge_unknown(EcapiJudgement *judgement, bool suspicious, const char *words)
{
	judgement->verdict = ECAPI_RETRY;
	judgement->suspicious = suspicious;
	if (judgement->words == NULL)
		judgement->words = words;
}

static void
judge_answer(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			 EcapiJudgement *judgement)
{
	const EcapiValue *body;
	const EcapiValue *results;
	bool		some = answer->status == 422;

	body = answer->truncated ? ecapi_judge_cut_body(answer, arena) : ecapi_judge_body(answer, arena);
	if (judgement->verdict != ECAPI_DELIVERED)
		judgement->words = say_error(body, arena);
	/* a token that has no right to the account: another one may have it */
	if (answer->status == 403)
		judgement->credential = true;
	if (judgement->verdict != ECAPI_DELIVERED && !some)
		return;
	results = results_of(body, nevents, answer->truncated);
	if (results == NULL && some)
	{
		body = ecapi_value_get(body, "details");
		results = results_of(body, nevents, answer->truncated);
	}
	if (results != NULL)
		judge_results(answer, body, results, nevents, arena, judgement);
	else
		judge_unknown(judgement, some, "an answer that is not Pinterest's");
}

void
ecapi_pinterest_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
					  EcapiJudgement *judgement)
{
	ecapi_judge_status(answer, judgement);
	if (answer->transport == ECAPI_TRANSPORT_OK)
		judge_answer(answer, nevents, arena, judgement);
	if (judgement->verdict == ECAPI_RETRY && may_have_arrived(answer))
		name_unsure(answer, nevents, arena, judgement);
}

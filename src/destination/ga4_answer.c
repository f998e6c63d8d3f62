/*
 * ga4_answer.c
 *	  What answers of Google Analytics mean, which is next to nothing.
 *
 * Analytics answers 2xx to whatever arrives, with an empty body: to events that it drops,
 * to a secret that is wrong, to a property that is not there (page "sending-events",
 * "HTTP response codes").  So 2xx is a delivery here, and nothing else can be.
 *
 * It knows a purchase again by its transaction_id, and no other event by anything: sent
 * twice, it counts twice.  So where a request may have arrived though no good answer came
 * (no answer at all, or a server's error), only its purchases go again; the rest is named
 * as what may have arrived (ECAPI_NAMED_UNSURE).  What was refused before it arrived
 * (429, no connection) goes again as a whole.
 *
 * The validation server (mode test) answers with what is wrong, and records nothing.
 * Its descriptions quote the event, so of a message only its code is kept.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "postgres.h"

#include "destination/ga4.h"
#include "destination/member.h"
#include "event/ascii.h"
#include "event/json.h"

/* ---- the validation server ---- */

/* Whether the request was one to be validated: only such a one ends with the member. */
static bool
is_validated(const EcapiAnswer *answer)
{
	static const char words[] = ECAPI_GA4_VALIDATION;
	const char *at = answer->sent;

	/* no text of an event holds it, as its quotes would be escaped, but a parameter may */
	while (at != NULL && (at = strstr(at, words)) != NULL)
	{
		at += strlen(words);
		if (strcmp(at + strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), "\"}") == 0)
			return true;
	}
	return false;
}

/* The event of a message, "Event at index: [0] has invalid name ..."; -1: none is named. */
static int
index_of(const EcapiValue *message)
{
	static const char words[] = "at index: [";
	const EcapiValue *description = ecapi_member_text(message, "description");
	const char *at = description ? strstr(description->text, words) : NULL;
	size_t		n;

	if (at == NULL)
		return -1;
	at += strlen(words);
	n = strcspn(at, "]");
	return n > 0 && n <= 4 && ecapi_all_digits(at, n) ? atoi(at) : -1;
}

/* A code is a word in capitals, "NAME_INVALID". */
static const char *
code_of(const EcapiValue *message, EcapiArena *arena)
{
	const EcapiValue *code = ecapi_member_text(message, "validationCode");

	if (code == NULL || code->len > 60 ||
		strspn(code->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != code->len)
		return "the validation server finds a fault";
	return ecapi_arena_copy(arena, code->text, code->len);
}

static void
judge_messages(const EcapiValue *messages, int nevents, EcapiArena *arena,
			   EcapiJudgement *judgement)
{
	judgement->verdict = ECAPI_REJECTED;
	judgement->words = code_of(messages->first, arena);
	for (const EcapiValue *message = messages->first; message; message = message->next)
	{
		int			index = nevents == 1 ? 0 : index_of(message);

		/* about the request, or in words that are not known: halves find the event */
		if (index < 0)
		{
			judgement->nnamed = 0;
			return;
		}
		if (!ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
			.index = index,
			.outcome = ECAPI_NAMED_REJECTED,
			.words = code_of(message, arena)
		}))
			return;
	}
}

static void
judge_validation(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				 EcapiJudgement *judgement)
{
	const EcapiValue *body = ecapi_judge_body(answer, arena);
	const EcapiValue *messages = ecapi_value_get(body, "validationMessages");

	if (messages != NULL && messages->type == ECAPI_ARRAY)
	{
		if (messages->first != NULL)
			judge_messages(messages, nevents, arena, judgement);
		return;
	}
	/* cut off, or another server's: it says nothing of the events */
	judgement->verdict = ECAPI_RETRY;
	judgement->words = "the answer is none of the validation server's";
}

/* ---- what may have arrived ---- */

/* As pipeline/repeats.c has it: a server error says nothing of what was done before. */
static bool
may_have_arrived(const EcapiAnswer *answer)
{
	return answer->transport == ECAPI_TRANSPORT_BROKEN ||
		(answer->transport == ECAPI_TRANSPORT_OK && answer->status >= 500);
}

/* Whether Analytics knows it again. */
static bool
is_known_again(const EcapiValue *event)
{
	const EcapiValue *name = ecapi_member_text(event, "name");
	const EcapiValue *order = ecapi_member_text(ecapi_member_object(event, "params"),
												"transaction_id");

	return name != NULL && order != NULL && strcmp(name->text, ECAPI_GA4_PURCHASE) == 0;
}

static void
name_unsure(const EcapiAnswer *answer, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	char		error[128];
	const EcapiValue *body = answer->sent == NULL ? NULL :
		ecapi_json_parse(arena, answer->sent, answer->sent_len, error, sizeof(error));
	const EcapiValue *event = ecapi_member_first(ecapi_value_get(body, "events"));

	for (int i = 0; i < nevents; i++)
	{
		if (event == NULL || !is_known_again(event))
			(void) ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
				.index = i,
				.outcome = ECAPI_NAMED_UNSURE
			});
		event = event ? event->next : NULL;
	}
	/* the others of a request are no cause of a server's trouble with it */
	if (judgement->nnamed > 0)
		judgement->suspicious = false;
}

void
ecapi_ga4_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				EcapiJudgement *judgement)
{
	ecapi_judge_status(answer, judgement);
	if (is_validated(answer))
	{
		if (judgement->verdict == ECAPI_DELIVERED)
			judge_validation(answer, nevents, arena, judgement);
	}
	else if (may_have_arrived(answer))
		name_unsure(answer, nevents, arena, judgement);
}

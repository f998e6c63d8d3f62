/*
 * snap_answer.c
 *	  What an answer of Snap's Conversions API means.
 *
 *	  {"status":"VALID","reason":"..."}
 *	  {"status":"INVALID","event":1,"errors":{"codes":["1003"],"error_msgs":["..."]}}
 *
 * "event" is the place of the event at fault.  Whether the others were taken is said
 * nowhere, so they go again, and Snap knows the ones it has by their ids.  In test mode
 * the answer has a log of each event, and so says it of each:
 *
 *	  {"status":"INVALID","event_logs":[{"event":0,"status":"VALID","errors":{...}}]}
 *
 * What HTTP statuses mean is not said either: a refused credential, a throttle and a failure
 * of the server are taken by their statuses, and only else the body decides.  Of errors
 * their codes are kept; words may quote a value.
 *
 * Source: the OpenAPI description of Snap's SDK (business-sdk-v3-java 1.2.1), EventResponse
 * and ValidateResponse.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/snap.h"

#include <string.h>

#include "destination/member.h"
#include "event/ascii.h"

/* Digits of an error's code, which has four in Snap's examples. */
#define MAX_CODE	6

static bool
says(const EcapiValue *object, const char *status)
{
	const EcapiValue *text = ecapi_member_text(object, "status");

	return text != NULL && strcmp(text->text, status) == 0;
}

/* "invalid event (code 1003)", in the arena. */
static const char *
words_of(const EcapiValue *object, EcapiArena *arena)
{
	const EcapiValue *errors = ecapi_member_object(object, "errors");
	const EcapiValue *codes = errors ? ecapi_value_get(errors, "codes") : NULL;
	const EcapiValue *code = ecapi_member_first(codes);
	char		memory[64];
	EcapiBuffer text;

	ecapi_buffer_over(&text, memory, sizeof(memory));
	ecapi_buffer_str(&text, "invalid event");
	if (code != NULL && (code->type == ECAPI_STRING || code->type == ECAPI_NUMBER) &&
		code->len > 0 && code->len <= MAX_CODE && ecapi_all_digits(code->text, code->len))
	{
		ecapi_buffer_str(&text, " (code ");
		ecapi_buffer_add(&text, code->text, code->len);
		ecapi_buffer_str(&text, ")");
	}
	return ecapi_arena_copy(arena, text.data, text.len);
}

/* Name the event that an answer or a log is about; false when it is none of the request. */
static bool
name_event(const EcapiValue *about, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	return ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
		.index = ecapi_member_integer(about, "event", -1),
		.outcome = ECAPI_NAMED_REJECTED,
		.words = words_of(about, arena)
	});
}

/* What the log of a test says; false when it is none of this request. */
static bool
read_logs(const EcapiValue *logs, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	if (logs == NULL || logs->type != ECAPI_ARRAY || (int) logs->len != nevents)
		return false;
	for (const EcapiValue *log = logs->first; log; log = log->next)
	{
		const EcapiValue *warnings = log->type == ECAPI_OBJECT ? ecapi_value_get(log, "warnings") : NULL;

		if (log->type != ECAPI_OBJECT || !(says(log, "VALID") || says(log, "INVALID")))
			return false;
		if (warnings != NULL && warnings->type == ECAPI_ARRAY && warnings->len > 0)
			judgement->warnings++;
		if (says(log, "INVALID") && !name_event(log, nevents, arena, judgement))
			return false;
	}
	return true;
}

static bool
judge_logs(const EcapiValue *body, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	if (read_logs(ecapi_value_get(body, "event_logs"), nevents, arena, judgement))
		return true;
	judgement->nnamed = 0;
	judgement->warnings = 0;
	return false;
}

static void
judge_invalid(const EcapiValue *body, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	if (judge_logs(body, nevents, arena, judgement) && judgement->nnamed > 0)
	{
		judgement->verdict = ECAPI_DELIVERED;
		return;
	}
	judgement->verdict = ECAPI_REJECTED;
	judgement->words = words_of(body, arena);
	if (ecapi_value_get(body, "event") != NULL)
		(void) name_event(body, nevents, arena, judgement);
}

void
ecapi_snap_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				 EcapiJudgement *judgement)
{
	const EcapiValue *body;

	ecapi_judge_status(answer, judgement);
	/* the token may lack the right to the pixel; another one may have it */
	judgement->credential |= answer->transport == ECAPI_TRANSPORT_OK && answer->status == 403;
	if (judgement->verdict != ECAPI_DELIVERED && judgement->verdict != ECAPI_REJECTED)
		return;
	body = ecapi_judge_body(answer, arena);
	if (says(body, "INVALID"))
		judge_invalid(body, nevents, arena, judgement);
	else if (judgement->verdict == ECAPI_DELIVERED && says(body, "VALID"))
		(void) judge_logs(body, nevents, arena, judgement);
	else if (judgement->verdict == ECAPI_DELIVERED)
		ecapi_judge_unknown(judgement, false, "the answer does not say what became of the request");
}

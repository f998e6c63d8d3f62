/*
 * microsoft_answer.c
 *	  What an answer of Microsoft's Conversions API means.
 *
 *	  {"eventsReceived":2,"traceId":"...","error":{"code":"ValidationError","message":"...",
 *	   "details":[{"index":1,"propertyName":"userData.em","attemptedValue":"...",
 *				   "errorMessage":"...","errorCode":"InvalidValue","isWarning":false}]}}
 *
 * The details name events by their place, under 200 and under 400 alike.  A warning says
 * that an optional field was dropped: the event was taken.  All other details are errors,
 * and with continueOnValidationError the events that none names were taken, if the count
 * of the received agrees; where it does not, they go again, and Microsoft knows those that it
 * has by their ids.
 *
 * attemptedValue is what was sent, and errorMessage may quote it: neither is read.  Kept
 * are words of a closed form, a code and the path of a field.
 *
 * Source: the guide that format_microsoft.c names; types of the answer: Segment, ms-bing-capi.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/microsoft.h"

#include <string.h>

#include "destination/member.h"

/* What the details of an answer come to. */
typedef struct Details
{
	int			warnings;
	bool		other;			/* an error that names no event of the request */
} Details;

/*
 * An error with a place that is none of the request's takes all names away: the answer is
 * about another one.
 */
static Details
read_details(const EcapiValue *error, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *list = error ? ecapi_value_get(error, "details") : NULL;
	Details		details = {0};

	if (list == NULL || list->type != ECAPI_ARRAY)
		return details;
	for (const EcapiValue *detail = list->first; detail; detail = detail->next)
	{
		EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED};

		if (ecapi_member_is_true(detail, "isWarning"))
		{
			details.warnings++;
			continue;
		}
		named.index = ecapi_member_integer(detail, "index", -1);
		named.words = ecapi_judge_place(arena, ecapi_value_get(detail, "errorCode"),
										ecapi_value_get(detail, "propertyName"));
		if (!ecapi_judge_name(judgement, arena, nevents, named))
		{
			details.other = true;
			break;
		}
	}
	return details;
}

/* A whole answer of 200 or 400. */
static void
judge_body(const EcapiValue *body, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *error = ecapi_member_object(body, "error");
	int			received = ecapi_member_integer(body, "eventsReceived", -1);
	Details		details = read_details(error, nevents, arena, judgement);
	bool		success = judgement->verdict == ECAPI_DELIVERED;

	judgement->warnings = details.warnings;
	judgement->words = ecapi_judge_place(arena, ecapi_value_get(error, "code"), NULL);
	if (success && (received < 0 || received > nevents))
		ecapi_judge_unknown(judgement, false, "an answer that is not Microsoft's");
	else if (success && details.other)
		ecapi_judge_unknown(judgement, true, "an error that names no event");
	else if (judgement->nnamed > 0)
		judgement->verdict = received >= nevents - judgement->nnamed && received <= nevents ?
			ECAPI_DELIVERED : ECAPI_REJECTED;
	else if (success && received < nevents)
		ecapi_judge_unknown(judgement, true, "fewer events were received than sent");
}

void
ecapi_microsoft_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
					  EcapiJudgement *judgement)
{
	const EcapiValue *body;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = ecapi_judge_body(answer, arena);
	if (body == NULL)
	{
		/* of one that was too long the details are gone: fewer events make it shorter */
		if (judgement->verdict == ECAPI_DELIVERED)
			ecapi_judge_unknown(judgement, answer->truncated, "an answer that is not Microsoft's");
	}
	else if (judgement->verdict == ECAPI_DELIVERED || judgement->verdict == ECAPI_REJECTED)
		judge_body(body, nevents, arena, judgement);
	else
		judgement->words = ecapi_judge_place(arena, ecapi_value_get(ecapi_member_object(body, "error"),
																"code"), NULL);
}

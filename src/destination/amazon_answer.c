/*
 * amazon_answer.c
 *	  What an answer of Amazon Ads' Events API means.
 *
 * 207 has the events that were taken and those at fault, each by its place in the request,
 * in two lists.  They are believed only if they name each event of the request once:
 * places that count from 1, or lists of another request, would blame the wrong ones.  Then
 * nothing is known, and the request is made again; Amazon knows repeats by their eventId.
 *
 * Messages may quote a value, so only codes and the paths of fields are kept.
 *
 * Source: Segment's sender amazon-conversions-api (segmentio/action-destinations).
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/amazon.h"

#include <string.h>

#include "destination/member.h"

/* How long an event waits that Amazon had no time for, in seconds; no page says one. */
#define LATER_S		60

/* Whether a code says that it was Amazon's fault, and not the event's. */
static bool
is_passing(const EcapiValue *code)
{
	static const char *const words[] = {"INTERNAL", "THROTTL", "TOO_MANY", "UNAVAILABLE"};

	for (size_t i = 0; code && i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(code->text, words[i]) != NULL)
			return true;
	return false;
}

static EcapiNamed
named_of(const EcapiValue *error, int index, EcapiArena *arena)
{
	const EcapiValue *first = ecapi_member_first(ecapi_value_get(error, "errors"));
	const EcapiValue *code = ecapi_member_text(first, "code");
	EcapiNamed	named = {.index = index, .outcome = ECAPI_NAMED_REJECTED};

	if (is_passing(code))
	{
		named.outcome = ECAPI_NAMED_LATER;
		named.wait_s = LATER_S;
	}
	named.words = ecapi_judge_place(arena, code, ecapi_member_text(first, "fieldLocation"));
	return named;
}

/*
 * One of the lists: mark the events that it names.  False when it is none, or names what
 * is not in the request, or was named before.
 */
static bool
take_list(const EcapiValue *list, bool errors, bool *seen, int nevents, EcapiArena *arena,
		  EcapiJudgement *judgement)
{
	if (list == NULL || list->type != ECAPI_ARRAY)
		return false;
	for (const EcapiValue *one = list->first; one; one = one->next)
	{
		int			index = ecapi_member_integer(one, "index", -1);

		if (index < 0 || index >= nevents || seen[index])
			return false;
		seen[index] = true;
		if (errors && !ecapi_judge_name(judgement, arena, nevents, named_of(one, index, arena)))
			return false;
	}
	return true;
}

static bool
takes_all(const EcapiValue *body, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	bool	   *seen = ecapi_arena_alloc(arena, (size_t) nevents * sizeof(bool));

	if (body == NULL || seen == NULL)
		return false;
	memset(seen, 0, (size_t) nevents * sizeof(bool));
	if (!take_list(ecapi_value_get(body, "success"), false, seen, nevents, arena, judgement) ||
		!take_list(ecapi_value_get(body, "error"), true, seen, nevents, arena, judgement))
		return false;
	for (int i = 0; i < nevents; i++)
		if (!seen[i])
			return false;
	return true;
}

void
ecapi_amazon_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				   EcapiJudgement *judgement)
{
	const EcapiValue *body;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = ecapi_judge_body(answer, arena);
	if (judgement->verdict != ECAPI_DELIVERED)
	{
		judgement->words = ecapi_judge_place(arena, ecapi_member_text(body, "code"), NULL);
		return;
	}
	if (takes_all(body, nevents, arena, judgement))
		return;
	ecapi_judge_unknown(judgement, body != NULL, body == NULL ? "an answer that is not Amazon's"
						: "the answer does not name each event of the request");
}

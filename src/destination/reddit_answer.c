/*
 * reddit_answer.c
 *	  What an answer of Reddit's Conversions API means.
 *
 * A request is taken or refused as a whole.  Refused, the answer has the invalid events,
 * each with an echo of it and no index; its conversion id is looked for in the body that was
 * sent, and the event that has it is at fault.  Where an echo fits no event, or several,
 * none is named, and bisection finds it.
 *
 * Sources: reddit/reddit-ss-gtm-template (data.message of a success, error of a failure);
 * rudder-transformer, fixtures of reddit (invalid_events, in the shape of version 2, which
 * called metadata event_metadata).
 *
 * Invariants
 *	(1) An answer that is not Reddit's own delivers nothing.
 *	(2) Texts of an answer are kept only if they cannot quote a value.
 *	(3) The body that was sent is looked through once, however many events are invalid.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/reddit.h"

#include <string.h>

#include "destination/member.h"

/* What Reddit says of a failure: at the top, or in error, under either name. */
static const char *
say_error(const EcapiValue *body, EcapiArena *arena)
{
	static const char *const names[] = {"message", "reason", "explanation"};
	const EcapiValue *error = ecapi_member_object(body, "error");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *words = ecapi_judge_harmless_words(arena, ecapi_value_get(error ? error : body, names[i]));

		if (words != NULL)
			return words;
	}
	return NULL;
}

/* ---- which events ---- */

/* A conversion id in the body that was sent, as JSON with its quotes. */
typedef struct Sent
{
	const char *text;
	size_t		len;
} Sent;

/* Bytes of a JSON string up to behind its closing quote; 0: it has none. */
static size_t
string_len(const char *text)
{
	size_t		i = 1;

	if (*text != '"')
		return 0;
	while (text[i] != '\0' && text[i] != '"')
		i += text[i] == '\\' && text[i + 1] != '\0' ? 2 : 1;
	return text[i] == '"' ? i + 1 : 0;
}

/*
 * The conversion ids of the events in their order, in the arena; NULL: the body is not
 * known, or has not one for each.  Inside of a text the quotes of a name would be escaped,
 * so what looks like the member is one.
 */
static const Sent *
find_sent(const EcapiAnswer *answer, int nevents, EcapiArena *arena)
{
	const size_t name = strlen(ECAPI_REDDIT_CONVERSION_ID);
	const char *at = answer->sent;
	Sent	   *sent;
	int			n = 0;

	if (at == NULL || nevents <= 0)
		return NULL;
	sent = ecapi_arena_alloc(arena, sizeof(Sent) * (size_t) nevents);
	while (sent != NULL && (at = strstr(at, ECAPI_REDDIT_CONVERSION_ID)) != NULL)
	{
		at += name;
		if (n == nevents)
			return NULL;
		sent[n++] = (Sent) {at, string_len(at)};
	}
	return sent != NULL && n == nevents ? sent : NULL;
}

/* The conversion id in the echo of an event, of version 3 or 2. */
static const EcapiValue *
echoed_id(const EcapiValue *invalid)
{
	const EcapiValue *event = ecapi_member_object(invalid, "event");
	const EcapiValue *metadata = ecapi_member_object(event, "metadata");

	if (metadata == NULL)
		metadata = ecapi_member_object(event, "event_metadata");
	return ecapi_member_text(metadata, "conversion_id");
}

/* The one event with that conversion id; -1: none, or several. */
static int
find_event(const Sent *sent, int nevents, const EcapiValue *id, EcapiArena *arena)
{
	size_t		size = 6 * (size_t) id->len + 3;
	char	   *memory = ecapi_arena_alloc(arena, size);
	EcapiBuffer json;
	int			found = -1;

	if (memory == NULL)
		return -1;
	ecapi_buffer_over(&json, memory, size);
	ecapi_json_string(&json, id->text, id->len);
	for (int i = 0; i < nevents; i++)
	{
		if (sent[i].len != json.len || memcmp(sent[i].text, json.data, json.len) != 0)
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* Its own words have numbers, which others may have from the event. */
static const char *
words_of_invalid(const EcapiValue *invalid, EcapiArena *arena)
{
	const char *words = ecapi_judge_harmless_words(arena, ecapi_value_get(invalid, "error_message"));
	const EcapiValue *message = ecapi_member_text(invalid, "error_message");

	if (words != NULL)
		return words;
	return message != NULL && strstr(message->text, "168h") != NULL ? "event_at is too old" : "invalid";
}

/* invalid_events at the top, in data or in error; NULL: none. */
static const EcapiValue *
find_invalid(const EcapiValue *body)
{
	static const char *const places[] = {"data", "error"};
	const EcapiValue *list = ecapi_value_get(body, "invalid_events");

	for (size_t i = 0; list == NULL && i < sizeof(places) / sizeof(places[0]); i++)
		list = ecapi_value_get(ecapi_value_get(body, places[i]), "invalid_events");
	return list != NULL && list->type == ECAPI_ARRAY && list->len > 0 ? list : NULL;
}

static void
name_invalid(const EcapiAnswer *answer, const EcapiValue *list, int nevents, EcapiArena *arena,
			 EcapiJudgement *judgement)
{
	const Sent *sent = find_sent(answer, nevents, arena);

	for (const EcapiValue *invalid = list->first; sent && invalid; invalid = invalid->next)
	{
		const EcapiValue *id = echoed_id(invalid);

		/* an index outside of the request takes all naming away */
		if (!ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
			.index = id ? find_event(sent, nevents, id, arena) : -1,
			.outcome = ECAPI_NAMED_REJECTED,
			.words = words_of_invalid(invalid, arena)
		}))
			return;
	}
}

/* ---- an answer ---- */

/* Whether a whole answer says that the request was taken. */
static bool
is_success(const EcapiValue *body)
{
	return ecapi_member_text(ecapi_member_object(body, "data"), "message") != NULL &&
		ecapi_member_object(body, "error") == NULL && find_invalid(body) == NULL;
}

void
ecapi_reddit_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				   EcapiJudgement *judgement)
{
	const EcapiValue *body;
	const EcapiValue *invalid;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = answer->truncated ? ecapi_judge_cut_body(answer, arena) : ecapi_judge_body(answer, arena);
	if (judgement->verdict == ECAPI_DELIVERED)
	{
		if (!answer->truncated && is_success(body))
			return;
		ecapi_judge_unknown(judgement, false, "an answer that is not Reddit's");
		return;
	}
	judgement->words = say_error(body, arena);
	/* a token that has no right to the pixel: another one may have it */
	if (answer->status == 403)
		judgement->credential = true;
	invalid = judgement->verdict == ECAPI_REJECTED ? find_invalid(body) : NULL;
	if (invalid != NULL)
		name_invalid(answer, invalid, nevents, arena, judgement);
}

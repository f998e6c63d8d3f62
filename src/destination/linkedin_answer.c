/*
 * linkedin_answer.c
 *	  What an answer of LinkedIn's Conversions API means.
 *
 * One event alone is answered with 201 and nothing else, a batch with 200 and a status for
 * each event in its place.  An event at fault fails its whole batch, under 400 or 422, and
 * stands in the message:
 *
 *	  Index: 0, ERROR :: /conversionValue/amount :: field is required but not found ...
 *	  ERROR :: /user/userInfo/firstName :: ...
 *	  ... indices [0] (0-indexed)
 *
 * A line without an index belongs to the event of the line before.  A message may quote an
 * event, so of it are kept the index and the path of the field, and an index counts only
 * where it begins a line.
 *
 * Sources: the pages that format_linkedin.c names; answers as public senders have met them
 * (rudder-transformer, fixtures of linkedin_ads).
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/linkedin.h"

#include <stdio.h>
#include <string.h>

#include "destination/member.h"
#include "event/ascii.h"

/* Of an event that LinkedIn itself has trouble with inside of a batch that it took. */
#define LATER_S		60

#define NOT_LINKEDIN	"an answer that is not LinkedIn's"
#define NO_VERSION		"LinkedIn does not take this api_version, or not any more: set a newer one"
#define NO_RIGHT		"the access token has no right to the ad account, or a conversion rule of " \
	"event_types does not exist"

/*
 * ---- what was taken ----
 */

static bool
is_blank(const EcapiAnswer *answer)
{
	for (size_t i = 0; i < answer->body_len; i++)
	{
		if (!ecapi_is_blank(answer->body[i]))
			return false;
	}
	return true;
}

/* A status of one event; false: it says nothing that LinkedIn says. */
static bool
judge_element(const EcapiValue *element, int index, int nevents, EcapiArena *arena,
			  EcapiJudgement *judgement)
{
	int			status = ecapi_member_integer(element, "status", 0);
	bool		later = status == 429 || status >= 500;
	EcapiNamed	named = {.index = index};
	char		words[40];

	if (status >= 200 && status <= 299)
		return true;
	if (status < 400 || status > 599)
		return false;
	named.outcome = later ? ECAPI_NAMED_LATER : ECAPI_NAMED_REJECTED;
	named.wait_s = later ? LATER_S : 0;
	snprintf(words, sizeof(words), "status %d", status);
	named.words = ecapi_arena_copy(arena, words, strlen(words));
	return ecapi_judge_name(judgement, arena, nevents, named);
}

static void
judge_taken(const EcapiAnswer *answer, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *elements = ecapi_value_get(ecapi_judge_body(answer, arena), "elements");
	int			index = 0;

	if (answer->status == 201 && nevents == 1 && !answer->truncated && is_blank(answer))
		return;
	/* of an answer that was too long the end is gone: fewer events make it shorter */
	if (answer->status != 200 || elements == NULL || elements->type != ECAPI_ARRAY ||
		elements->len != (uint32_t) nevents)
	{
		ecapi_judge_unknown(judgement, answer->truncated, NOT_LINKEDIN);
		return;
	}
	for (const EcapiValue *element = elements->first; element; element = element->next)
	{
		if (!judge_element(element, index++, nevents, arena, judgement))
		{
			ecapi_judge_unknown(judgement, false, NOT_LINKEDIN);
			return;
		}
	}
}

/*
 * ---- what was refused ----
 */

/* A whole number at a text, and what is behind it; -1: there is none. */
static int
read_index(const char *at, const char **end)
{
	size_t		digits = strspn(at, "0123456789");
	int			index = 0;

	*end = at + digits;
	if (digits == 0 || digits > 6)
		return -1;
	for (; at < *end; at++)
		index = index * 10 + (*at - '0');
	return index;
}

/* The path between "ERROR :: " and " ::" in a line, in the arena; NULL: there is none. */
static const char *
path_of(const char *line, EcapiArena *arena)
{
	static const char mark[] = "ERROR :: ";
	const char *at = strstr(line, mark);
	const char *end = at ? strstr(at + strlen(mark), " ::") : NULL;
	const char *line_end = line + strcspn(line, "\n");
	const char *path;

	if (end == NULL || end > line_end)
		return NULL;
	at += strlen(mark);
	path = ecapi_arena_copy(arena, at, (size_t) (end - at));
	path = path ? ecapi_judge_path(path) : NULL;
	return path && *path ? path : NULL;
}

/* Lines that begin with an index.  False: one is of no event of the request. */
static bool
name_lines(const char *message, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	static const char mark[] = "Index: ";

	for (const char *line = message; line; line = strchr(line, '\n'))
	{
		EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED};
		const char *end;

		if (*line == '\n')
			line++;
		if (strncmp(line, mark, strlen(mark)) != 0)
			continue;
		named.index = read_index(line + strlen(mark), &end);
		named.words = path_of(end, arena);
		if (!ecapi_judge_name(judgement, arena, nevents, named))
			return false;
	}
	return true;
}

/* "indices [0, 2] (0-indexed)": events of a time that LinkedIn does not take. */
static void
name_list(const char *message, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	static const char mark[] = "indices [";
	const char *at = strstr(message, mark);
	const char *end;

	for (at = at ? at + strlen(mark) : NULL; at; at = *end == ',' ? end + 1 + strspn(end + 1, " ") : NULL)
	{
		EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED, .words = "outside of the time that LinkedIn takes"};

		named.index = read_index(at, &end);
		if (!ecapi_judge_name(judgement, arena, nevents, named))
			return;
	}
}

static bool
is_about_version(const EcapiValue *code)
{
	return ecapi_value_is_text(code) &&
		(strcmp(code->text, "VERSION_MISSING") == 0 || strcmp(code->text, "NONEXISTENT_VERSION") == 0);
}

static void
judge_refused(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			  EcapiJudgement *judgement)
{
	const EcapiValue *body = ecapi_judge_body(answer, arena);
	const EcapiValue *code = ecapi_value_get(body, "code");
	const EcapiValue *message = ecapi_member_text(body, "message");

	judgement->words = ecapi_judge_place(arena, code, NULL);
	if (answer->status == 426 || is_about_version(code))
	{
		judgement->verdict = ECAPI_STOP;
		judgement->words = NO_VERSION;
	}
	else if (answer->status == 403)
		judgement->words = NO_RIGHT;
	else if (judgement->verdict == ECAPI_REJECTED && message != NULL &&
			 name_lines(message->text, nevents, arena, judgement) && judgement->nnamed == 0)
		name_list(message->text, nevents, arena, judgement);
}

void
ecapi_linkedin_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
					 EcapiJudgement *judgement)
{
	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	if (judgement->verdict == ECAPI_DELIVERED)
		judge_taken(answer, nevents, arena, judgement);
	else
		judge_refused(answer, nevents, arena, judgement);
}

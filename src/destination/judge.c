/*
 * judge.c
 *	  What an answer means: what the judges of formats share.
 *
 * An answer comes from outside, so nothing in it is believed beyond its form: texts are
 * cut, numbers compared with the request, and an index of another request takes all
 * naming away (ecapi_judge_name), because the wrong events would be blamed.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/json.h"

void
ecapi_judge_status(const EcapiAnswer *answer, EcapiJudgement *judgement)
{
	judgement->verdict = ecapi_policy_judge(answer);
	judgement->retry_after_ms = answer->retry_after_ms;
	judgement->credential = judgement->verdict == ECAPI_STOP &&
		answer->transport == ECAPI_TRANSPORT_OK && answer->status == 401;
	judgement->suspicious = judgement->verdict == ECAPI_RETRY &&
		ecapi_policy_suspicious(answer);
	/* 408, 425 and 429: it did not come, came too early, or was one too many */
	judgement->untaken = judgement->verdict == ECAPI_RETRY &&
		answer->status >= 400 && answer->status <= 499;
}

bool
ecapi_judge_may_have_arrived(const EcapiAnswer *answer, const EcapiJudgement *judgement)
{
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return answer->transport == ECAPI_TRANSPORT_BROKEN;
	if (judgement->verdict != ECAPI_RETRY)
		return judgement->verdict == ECAPI_DELIVERED;
	return !judgement->untaken;
}

const EcapiValue *
ecapi_judge_body(const EcapiAnswer *answer, EcapiArena *arena)
{
	char		error[128];
	const EcapiValue *body;

	if (answer->body == NULL || answer->body_len == 0 || answer->truncated)
		return NULL;
	body = ecapi_json_parse(arena, answer->body, answer->body_len, error, sizeof(error));
	return body != NULL && body->type == ECAPI_OBJECT ? body : NULL;
}

/* Brackets that may be open where an answer is cut; those of platforms have five. */
#define CUT_DEPTH	8

/* A place behind the last whole object, and what is open there. */
typedef struct Cut
{
	size_t		end;			/* 0: there is none */
	int			depth;
	char		closing[CUT_DEPTH]; /* outermost first */
} Cut;

static Cut
find_cut(const char *text, size_t len)
{
	Cut			cut = {0};
	char		open[CUT_DEPTH];
	int			depth = 0;
	bool		quoted = false;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
		{
			if (depth == CUT_DEPTH)
				break;
			open[depth++] = c == '{' ? '}' : ']';
		}
		else if (!quoted && (c == '}' || c == ']'))
		{
			if (depth == 0 || open[--depth] != c)
				break;
			if (c != '}')
				continue;
			cut.end = i + 1;
			cut.depth = depth;
			memcpy(cut.closing, open, (size_t) depth);
		}
	}
	return cut;
}

const EcapiValue *
ecapi_judge_cut_body(const EcapiAnswer *answer, EcapiArena *arena)
{
	EcapiAnswer whole = {0};
	char	   *text;
	Cut			cut;

	if (!answer->truncated || answer->body == NULL)
		return NULL;
	cut = find_cut(answer->body, answer->body_len);
	text = cut.end == 0 ? NULL : ecapi_arena_alloc(arena, cut.end + CUT_DEPTH);
	if (text == NULL)
		return NULL;
	memcpy(text, answer->body, cut.end);
	whole.body = text;
	whole.body_len = cut.end;
	while (cut.depth > 0)
		text[whole.body_len++] = cut.closing[--cut.depth];
	return ecapi_judge_body(&whole, arena);
}

const char *
ecapi_judge_words(EcapiArena *arena, const EcapiValue *text)
{
	size_t		len;
	char	   *words;

	if (text == NULL || text->type != ECAPI_STRING || text->len == 0)
		return NULL;
	len = text->len;
	if (len > ECAPI_WORDS_MAX)
	{
		/* back to the beginning of a character */
		for (len = ECAPI_WORDS_MAX; len > 0 && (text->text[len] & 0xc0) == 0x80; len--)
			;
	}
	words = ecapi_arena_copy(arena, text->text, len);
	if (words == NULL)
		return NULL;
	for (char *at = words; *at != '\0'; at++)
		if ((unsigned char) *at < 0x20 || *at == 0x7f)
			*at = ' ';
	return words;
}

bool
ecapi_judge_is_harmless(const char *text)
{
	size_t		len;

	if (strncmp(text, "(#", 2) == 0)
	{
		len = strspn(text + 2, "0123456789");
		if (len <= 6 && text[2 + len] == ')')
			text += len + 3;
	}
	if (strpbrk(text, "0123456789@\"'`<>{}[]=/") != NULL)
		return false;
	for (; *text != '\0'; text += len)
	{
		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (len > 20)
			return false;
	}
	return true;
}

const char *
ecapi_judge_harmless_words(EcapiArena *arena, const EcapiValue *text)
{
	const char *words = ecapi_judge_words(arena, text);

	return words != NULL && ecapi_judge_is_harmless(words) ? words : NULL;
}

void
ecapi_judge_unknown(EcapiJudgement *judgement, bool suspicious, const char *words)
{
	judgement->verdict = ECAPI_RETRY;
	judgement->suspicious = suspicious;
	judgement->nnamed = 0;
	judgement->words = words;
}

/* ---- codes and paths ---- */

#define PATH_MAX_LEN	120

/* The longest code of a platform that is known has 80 letters. */
#define CODE_MAX_LEN	100

#define LETTERS		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS		"0123456789"

/* Digits are indices alone: a run of more than five may be a telephone number. */
static bool
has_long_number(const char *text)
{
	size_t		digits = 0;

	for (; *text != '\0'; text++)
	{
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
		if (digits > 5)
			return true;
	}
	return false;
}

const char *
ecapi_judge_path(const char *text)
{
	if (*text == '.')
		text++;
	if (strlen(text) > PATH_MAX_LEN || has_long_number(text) ||
		strspn(text, LETTERS DIGITS "_./[]") != strlen(text))
		return "";
	return text;
}

bool
ecapi_judge_event_of(const char *field, int *index, const char **path)
{
	static const char name[] = "events[";
	const char *at = strstr(field, name);
	size_t		digits;

	if (at == NULL || (at != field && at[-1] != '.'))
		return false;
	at += strlen(name);
	digits = strspn(at, "0123456789");
	if (digits == 0 || digits > 9 || at[digits] != ']')
		return false;
	*index = atoi(at);
	*path = ecapi_judge_path(at + digits + 1);
	return true;
}

const char *
ecapi_judge_join(EcapiArena *arena, const char *first, const char *second)
{
	char	   *words;
	size_t		size;

	if (first == NULL || *first == '\0')
		return second && *second ? ecapi_arena_copy(arena, second, strlen(second)) : NULL;
	if (second == NULL || *second == '\0')
		return ecapi_arena_copy(arena, first, strlen(first));
	size = strlen(first) + strlen(second) + 3;
	words = ecapi_arena_alloc(arena, size);
	if (words)
		snprintf(words, size, "%s: %s", first, second);
	return words;
}

const char *
ecapi_judge_place(EcapiArena *arena, const EcapiValue *code, const EcapiValue *path)
{
	const char *word = ecapi_value_is_text(code) && code->len <= CODE_MAX_LEN &&
		strspn(code->text, LETTERS "_") == code->len ? code->text : NULL;

	return ecapi_judge_join(arena, word, ecapi_value_is_text(path) ? ecapi_judge_path(path->text) : NULL);
}

/* Name nothing: what was named belongs to another request. */
static bool
name_nothing(EcapiJudgement *judgement)
{
	judgement->nnamed = 0;
	judgement->named = NULL;
	return false;
}

bool
ecapi_judge_name(EcapiJudgement *judgement, EcapiArena *arena, int nevents, EcapiNamed named)
{
	if (named.index < 0 || named.index >= nevents)
		return name_nothing(judgement);
	if (judgement->named == NULL)
		judgement->named = ecapi_arena_alloc(arena, sizeof(EcapiNamed) * (size_t) nevents);
	if (judgement->named == NULL)
		return name_nothing(judgement);
	for (int i = 0; i < judgement->nnamed; i++)
		if (judgement->named[i].index == named.index)
			return true;
	judgement->named[judgement->nnamed++] = named;
	return true;
}

/*
 * tiktok_answer.c
 *	  What an answer of TikTok's Business API means.
 *
 * TikTok answers nearly everything with HTTP 200; the code in the body decides.  One invalid
 * row fails its request, and the message names its place by path,
 *
 *	Batch.1.properties.contents.0.content_id: Not a valid string
 *
 * so that the row is known and the others go again.  A path that begins with what stands
 * once in a request, such as event_source_id, is no event's fault: the destination stops.
 *
 * Of a message nothing is kept but the names in such a path that this format writes: the
 * rest may quote a value.
 *
 * Sources: rudder-transformer, network handler and fixtures of tiktok_ads (codes 0, 20001,
 * 40001, 40002, 40100, 40105, 50000); social-hub and Segment (40000, 40104, the whole batch
 * fails on one row); codes of expired and revoked tokens beside these as public clients of
 * the Business API treat them.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/tiktok.h"

#include <stdio.h>
#include <string.h>

#include "destination/member.h"
#include "event/ascii.h"

/* What codes mean; the first row that fits counts. */
static const struct
{
	int			first;			/* codes from here */
	int			last;			/* to here */
	EcapiVerdict verdict;
	bool		credential;		/* of ECAPI_STOP */
	const char *words;
}			meanings[] = {
	{0, 0, ECAPI_DELIVERED, false, NULL},
	{20001, 20001, ECAPI_DELIVERED, false, "taken in part"},
	{40000, 40000, ECAPI_REJECTED, false, "invalid parameter"},
	{40001, 40001, ECAPI_STOP, true, "the access token has no right to the event source"},
	{40002, 40002, ECAPI_REJECTED, false, "invalid parameter"},
	{40100, 40100, ECAPI_RETRY, false, "too many requests"},
	{40102, 40106, ECAPI_STOP, true, "the access token is missing, invalid or expired"},
	{40133, 40133, ECAPI_RETRY, false, "too many requests"},
	{50000, 59999, ECAPI_RETRY, false, "the service is not available"}
};

#define MEANINGS	(sizeof(meanings) / sizeof(meanings[0]))

static size_t
find_meaning(int code)
{
	size_t		i = 0;

	while (i < MEANINGS && (code < meanings[i].first || code > meanings[i].last))
		i++;
	return i;
}

/* ---- a path in a message ---- */

/* Of what this format writes into an event. */
static const char *const event_names[] = {
	"event", "event_time", "event_id", "user", "email", "phone", "external_id", "first_name",
	"last_name", "city", "state", "country", "zip_code", "ip", "user_agent", "ttclid", "ttp",
	"idfa", "gaid", "page", "url", "referrer", "app", "app_id", "lead", "lead_id",
	"lead_event_source", "limited_data_use", "properties", "value", "currency", "order_id",
	"query", "contents", "content_id", "content_name", "content_category", "brand", "price",
	"quantity", "content_type", "num_items"
};

/* And once into a request. */
static const char *const request_names[] = {
	"event_source", "event_source_id", "test_event_code", "data"
};

static bool
is_among(const char *text, size_t len, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
			return true;
	return false;
}

/* Bytes of one name or number of a path. */
static size_t
step(const char *at)
{
	size_t		n = 0;

	while (ecapi_is_letter(at[n]) || ecapi_is_digit(at[n]) || at[n] == '_')
		n++;
	return n;
}

/*
 * The row that a path names, "Batch.1." or "data.1." or "data[1]"; -1: none.  *end gets
 * where the rest of the path begins.
 */
static int
read_row(const char *at, const char **end)
{
	static const char *const before[] = {"Batch.", "data.", "data["};
	int			row = 0;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
	{
		size_t		len = strlen(before[i]);
		size_t		digits;

		if (strncmp(at, before[i], len) != 0)
			continue;
		digits = strspn(at + len, "0123456789");
		if (digits == 0 || digits > 6)
			return -1;
		for (size_t k = 0; k < digits; k++)
			row = row * 10 + (at[len + k] - '0');
		*end = at + len + digits;
		*end += **end == ']';
		*end += **end == '.';
		return row;
	}
	return -1;
}

/* "invalid parameter (code 40002): properties.contents.0.content_id", in the arena. */
static const char *
say(EcapiArena *arena, const char *meaning, int code, const char *path)
{
	char		memory[ECAPI_WORDS_MAX + 1];
	char		number[24];
	EcapiBuffer text;
	size_t		len;

	ecapi_buffer_over(&text, memory, sizeof(memory));
	if (meaning != NULL)
	{
		ecapi_buffer_str(&text, meaning);
		ecapi_buffer_str(&text, " (");
	}
	snprintf(number, sizeof(number), "code %d", code);
	ecapi_buffer_str(&text, number);
	ecapi_buffer_str(&text, meaning != NULL ? ")" : "");
	for (const char *between = ": "; path != NULL; between = ".", path += len + 1)
	{
		len = step(path);
		if (text.len + len + 2 > ECAPI_WORDS_MAX ||
			!((len > 0 && len <= 4 && ecapi_all_digits(path, len)) ||
			  is_among(path, len, event_names, sizeof(event_names) / sizeof(event_names[0])) ||
			  is_among(path, len, request_names, sizeof(request_names) / sizeof(request_names[0]))))
			break;
		ecapi_buffer_str(&text, between);
		ecapi_buffer_add(&text, path, len);
		if (path[len] != '.')
			break;
	}
	return ecapi_arena_copy(arena, text.data, text.len);
}

/* ---- the verdict ---- */

/*
 * Name the rows that a message has at its beginning or behind a blank or a separator.
 * False when it names one that was not sent, and so is another request's.
 */
static bool
name_rows(const char *message, const char *meaning, int code, int nevents, EcapiArena *arena,
		  EcapiJudgement *judgement)
{
	for (const char *at = message; *at != '\0'; at++)
	{
		const char *rest;
		int			row;

		if (at > message && strchr(" ,;\n", at[-1]) == NULL)
			continue;
		row = read_row(at, &rest);
		if (row >= 0 && !ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
			.index = row,
			.outcome = ECAPI_NAMED_REJECTED,
			.words = say(arena, meaning, code, rest)
		}))
			return false;
	}
	return true;
}

/* Whether a message is about what stands once in a request. */
static bool
is_of_request(const char *message)
{
	size_t		len = step(message);

	return message[len] == ':' &&
		is_among(message, len, request_names, sizeof(request_names) / sizeof(request_names[0]));
}

static void
judge_code(int code, const EcapiValue *body, int nevents, EcapiArena *arena,
		   EcapiJudgement *judgement)
{
	const EcapiValue *text = ecapi_member_text(body, "message");
	const char *message = text ? text->text : "";
	size_t		i = find_meaning(code);
	const char *words = i < MEANINGS ? meanings[i].words : NULL;

	judgement->words = code == 0 ? NULL : say(arena, words, code, NULL);
	/* what is no success is none by its code either */
	if (i < MEANINGS && meanings[i].verdict == ECAPI_DELIVERED &&
		judgement->verdict != ECAPI_DELIVERED)
		return;
	if (i == MEANINGS)
	{
		/* an error, whatever the status says, and none that is known to be an event's */
		if (judgement->verdict == ECAPI_DELIVERED)
		{
			judgement->verdict = ECAPI_RETRY;
			judgement->suspicious = true;
		}
		return;
	}
	judgement->verdict = meanings[i].verdict;
	judgement->credential = meanings[i].credential;
	judgement->suspicious = false;
	/* what came too fast was not taken; of trouble within nobody knows */
	judgement->untaken = judgement->verdict == ECAPI_RETRY && code < 50000;
	judgement->warnings = code == 20001;
	if (judgement->verdict == ECAPI_REJECTED && is_of_request(message))
	{
		judgement->verdict = ECAPI_STOP;
		judgement->words = say(arena, words, code, message);
	}
	else if (code == 20001 || judgement->verdict == ECAPI_REJECTED)
		(void) name_rows(message, words, code, nevents, arena, judgement);
}

void
ecapi_tiktok_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				   EcapiJudgement *judgement)
{
	const EcapiValue *body;
	int			code;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = ecapi_judge_body(answer, arena);
	code = ecapi_member_integer(body, "code", -1);
	/* TikTok gives every request an id; an answer without one is another server's */
	if (code >= 0 && ecapi_member_text(body, "request_id") != NULL)
		judge_code(code, body, nevents, arena, judgement);
	else if (judgement->verdict == ECAPI_DELIVERED)
		ecapi_judge_unknown(judgement, false, "the answer does not say what became of the request");
}

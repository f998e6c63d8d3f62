/*
 * meta_answer.c
 *	  What an answer of Meta's Graph API means.
 *
 * Meta's HTTP status misleads: requests that came too fast or with a dead token are
 * answered with 400 or 500, passing trouble with 400.  So the error's code is asked
 * first, then whether Meta calls the error transient, and the status only for what is
 * neither.
 *
 * One invalid event fails its whole request, and nothing says which: such a request
 * names no event, and bisection finds it.  A request of a single event needs no search,
 * so only there an event that is too old is named as expired.
 *
 * Texts of an answer are kept only if they cannot quote a value (ecapi_judge_is_harmless).
 *
 * Sources: developers.facebook.com, Graph API, Handling Errors; the codes below 100
 * events' requests as public senders have met them (rudder-transformer, network handler
 * and fixtures of facebook_pixel).
 *
 * No locks, no state, no memory but the arena's.
 */
#include "destination/meta.h"

#include <stdio.h>
#include <string.h>

#include "destination/member.h"

/* Subcodes of error 100. */
#define NO_DATA_SET		33
#define TOO_OLD			2804003

/* What codes mean; the first row that fits counts. */
typedef struct Meaning
{
	int			first;			/* codes from here */
	int			last;			/* to here */
	int			subcode;		/* 0: any */
	EcapiVerdict verdict;
	bool		credential;		/* of ECAPI_STOP */
	bool		suspicious;		/* of ECAPI_RETRY: an event may be the cause */
	bool		untaken;		/* of ECAPI_RETRY: nothing was taken */
	const char *words;
} Meaning;

static const Meaning meanings[] = {
	{190, 190, 0, ECAPI_STOP, true, false, false, "the access token is invalid or has expired"},
	{102, 102, 0, ECAPI_STOP, true, false, false, "the access token is invalid or has expired"},
	{100, 100, NO_DATA_SET, ECAPI_STOP, false, false, false,
	"the data set does not exist, or the access token has no right to it"},
	{294, 294, 0, ECAPI_STOP, false, false, false, "the app of the access token lacks a permission"},
	{200, 299, 0, ECAPI_STOP, true, false, false, "the access token lacks a permission"},
	{10, 10, 0, ECAPI_STOP, true, false, false, "the access token lacks a permission"},
	{3, 3, 0, ECAPI_STOP, false, false, false, "the app of the access token lacks a capability"},
	{105, 105, 0, ECAPI_TOO_LARGE, false, false, false, "too many parameters in one request"},
	{4, 4, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{17, 17, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{32, 32, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{341, 341, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{613, 613, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{80000, 80014, 0, ECAPI_RETRY, false, false, true, "too many requests"},
	{2, 2, 0, ECAPI_RETRY, false, false, false, "the service is not available"},
	{368, 368, 0, ECAPI_RETRY, false, false, true, "blocked for the moment"},
	{21009, 21009, 0, ECAPI_RETRY, false, false, true, "the data set is not ready"},
	{1, 1, 0, ECAPI_RETRY, false, true, false, "unknown error"},
	{5000, 5000, 0, ECAPI_RETRY, false, true, false, "unknown error"},
	{100, 100, TOO_OLD, ECAPI_REJECTED, false, false, false, "an event is too old"},
	{100, 100, 0, ECAPI_REJECTED, false, false, false, "invalid parameter"}
};

static const Meaning *
find_meaning(int code, int subcode)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
	{
		const Meaning *meaning = &meanings[i];

		if (code >= meaning->first && code <= meaning->last &&
			(meaning->subcode == 0 || meaning->subcode == subcode))
			return meaning;
	}
	return NULL;
}

/* Meta's own words for an error: the title, else the message; NULL: none to be kept. */
static const char *
words_of_error(const EcapiValue *error, EcapiArena *arena)
{
	static const char *const names[] = {"error_user_title", "message"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *words = ecapi_judge_harmless_words(arena, ecapi_value_get(error, names[i]));

		if (words != NULL)
			return words;
	}
	return NULL;
}

/* "too many requests (code 4): Application request limit reached", in the arena. */
static const char *
say_error(const EcapiValue *error, const char *meaning, int code, int subcode,
		  EcapiArena *arena)
{
	const char *words = words_of_error(error, arena);
	char		text[ECAPI_WORDS_MAX + 1];
	int			len = 0;

	if (meaning != NULL)
		len = snprintf(text, sizeof(text), "%s (", meaning);
	len += snprintf(text + len, sizeof(text) - (size_t) len, "code %d", code);
	if (subcode != 0)
		len += snprintf(text + len, sizeof(text) - (size_t) len, ", subcode %d", subcode);
	if (meaning != NULL)
		len += snprintf(text + len, sizeof(text) - (size_t) len, ")");
	/* the words fit beside the longest meaning, or they are not worth a cut */
	if (words != NULL && strlen(words) + 3 < sizeof(text) - (size_t) len)
		len += snprintf(text + len, sizeof(text) - (size_t) len, ": %s", words);
	return ecapi_arena_copy(arena, text, (size_t) len);
}

static void
judge_error(const EcapiAnswer *answer, const EcapiValue *error, int nevents,
			EcapiArena *arena, EcapiJudgement *judgement)
{
	int			code = ecapi_member_integer(error, "code", -1);
	int			subcode = ecapi_member_integer(error, "error_subcode", 0);
	const EcapiValue *transient = ecapi_value_get(error, "is_transient");
	const Meaning *meaning = find_meaning(code, subcode);

	judgement->words = say_error(error, meaning ? meaning->words : NULL, code, subcode, arena);
	if (meaning != NULL)
	{
		judgement->verdict = meaning->verdict;
		judgement->credential = meaning->credential;
		judgement->suspicious = meaning->suspicious;
		judgement->untaken = meaning->untaken;
		judgement->retry_after_ms = answer->retry_after_ms;
	}
	if (transient != NULL && transient->type == ECAPI_BOOL && transient->truth &&
		judgement->verdict != ECAPI_STOP)
	{
		judgement->verdict = ECAPI_RETRY;
		judgement->suspicious = false;
	}
	else if (meaning == NULL && judgement->verdict == ECAPI_DELIVERED)
	{
		/* an error, whatever the status says, and none that is known to be an event's */
		judgement->verdict = ECAPI_RETRY;
		judgement->suspicious = true;
	}
	if (judgement->verdict == ECAPI_REJECTED && code == 100 && subcode == TOO_OLD && nevents == 1)
		(void) ecapi_judge_name(judgement, arena, nevents, (EcapiNamed) {
			.index = 0,
			.outcome = ECAPI_NAMED_EXPIRED,
			.words = judgement->words
		});
}

/*
 * A success says how many events were received.  Where that is less than was sent, or
 * where it is not said, nothing tells which are missing; the request is made again, and
 * Meta knows the ones it has by their ids.
 */
static void
judge_success(const EcapiValue *body, int nevents, EcapiJudgement *judgement)
{
	const EcapiValue *messages = ecapi_value_get(body, "messages");
	int			received = ecapi_member_integer(body, "events_received", -1);

	if (messages != NULL && messages->type == ECAPI_ARRAY)
		judgement->warnings = (int) messages->len;
	if (received >= nevents)
		return;
	judgement->verdict = ECAPI_RETRY;
	judgement->suspicious = received >= 0;
	judgement->words = received >= 0 ? "fewer events were received than sent"
		: "the answer does not say how many events were received";
}

void
ecapi_meta_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				 EcapiJudgement *judgement)
{
	const EcapiValue *body;
	const EcapiValue *error;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = ecapi_judge_body(answer, arena);
	error = body ? ecapi_member_object(body, "error") : NULL;
	if (error != NULL)
		judge_error(answer, error, nevents, arena, judgement);
	/* only a success can be long: what was cut off are the warnings */
	else if (judgement->verdict == ECAPI_DELIVERED && !answer->truncated)
		judge_success(body, nevents, judgement);
}

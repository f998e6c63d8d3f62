/*
 * test_judge.c
 *	  What the judges of formats share: words, indices, statuses, and what may have arrived.
 */
#include "destination/judge.h"
#include "unit.h"

static EcapiArena arena;

static const char *
words(const char *text)
{
	return ecapi_judge_words(&arena, ecapi_value_text(&arena, ECAPI_STRING, text, strlen(text)));
}

static void
test_words(void)
{
	char		large[ECAPI_WORDS_MAX + 40];
	const char *cut;

	check_text(words("Invalid parameter"), "Invalid parameter", "words as they are");
	check_text(words("two\nlines\t\x7f"), "two lines  ", "control characters are blanks");
	check(words("") == NULL && ecapi_judge_words(&arena, NULL) == NULL &&
		  ecapi_judge_words(&arena, ecapi_value_bool(&arena, true)) == NULL, "no words");

	memset(large, 'x', sizeof(large));
	memcpy(large + ECAPI_WORDS_MAX - 1, "\xc3\xa9", 2);
	large[sizeof(large) - 1] = '\0';
	cut = words(large);
	check(cut && strlen(cut) == ECAPI_WORDS_MAX - 1, "cut in front of a character that does not fit");
}

static void
test_names(void)
{
	EcapiJudgement judgement = {0};

	check(ecapi_judge_name(&judgement, &arena, 3, (EcapiNamed) {2, ECAPI_NAMED_REJECTED, 0, "a"}) &&
		  ecapi_judge_name(&judgement, &arena, 3, (EcapiNamed) {0, ECAPI_NAMED_LATER, 5, NULL}) &&
		  judgement.nnamed == 2, "two events are named");
	check(ecapi_judge_name(&judgement, &arena, 3, (EcapiNamed) {2, ECAPI_NAMED_EXPIRED, 0, "b"}) &&
		  judgement.nnamed == 2 && judgement.named[0].outcome == ECAPI_NAMED_REJECTED,
		  "one that was named before keeps its outcome");
	check(!ecapi_judge_name(&judgement, &arena, 3, (EcapiNamed) {3, ECAPI_NAMED_REJECTED, 0, NULL}) &&
		  judgement.nnamed == 0, "an index outside takes all naming away");
	check(!ecapi_judge_name(&judgement, &arena, 3, (EcapiNamed) {-1, ECAPI_NAMED_REJECTED, 0, NULL}),
		  "a negative index");
}

static void
test_bodies(void)
{
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = 200, .retry_after_ms = -1};
	EcapiJudgement judgement = {0};

	check(ecapi_judge_body(&answer, &arena) == NULL, "no body");
	answer.body = "{\"a\":1}";
	answer.body_len = strlen(answer.body);
	check(ecapi_judge_body(&answer, &arena) != NULL, "an object");
	answer.truncated = true;
	check(ecapi_judge_body(&answer, &arena) == NULL, "a body that was cut says nothing");
	answer.truncated = false;
	answer.body = "[1]";
	answer.body_len = 3;
	check(ecapi_judge_body(&answer, &arena) == NULL, "no object");
	answer.body = "<html>";
	answer.body_len = 6;
	check(ecapi_judge_body(&answer, &arena) == NULL, "no JSON");

	answer.status = 401;
	ecapi_judge_status(&answer, &judgement);
	check(judgement.verdict == ECAPI_STOP && judgement.credential, "401 is about the credential");
	memset(&judgement, 0, sizeof(judgement));
	answer.status = 404;
	ecapi_judge_status(&answer, &judgement);
	check(judgement.verdict == ECAPI_STOP && !judgement.credential, "404 is not");
	memset(&judgement, 0, sizeof(judgement));
	answer.status = 500;
	answer.retry_after_ms = 7000;
	ecapi_judge_status(&answer, &judgement);
	check(judgement.verdict == ECAPI_RETRY && judgement.suspicious && judgement.retry_after_ms == 7000,
		  "500 may be an event's doing");
}

/* Codes and paths of platforms, and nothing that may be a value. */
static void
test_places(void)
{
	static const struct
	{
		const char *answer;
		const char *words;
	}			cases[] = {
		{"{'code':'InvalidValue','path':'userData.em'}", "InvalidValue: userData.em"},
		{"{'code':'REQUIRED','path':'/elements[12]/user'}", "REQUIRED: /elements[12]/user"},
		{"{'code':'REQUIRED'}", "REQUIRED"},
		{"{'path':'.user_data'}", "user_data"},
		{"{'code':'ann@example.com','path':'+12125550000'}", NULL},
		{"{'code':'12125550000','path':'12125550000'}", NULL},
		{"{'code':'It is','path':'a b'}", NULL},
		{"{'code':7,'path':['a']}", NULL},
		{"{}", NULL}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const EcapiValue *answer = unit_json(&arena, cases[i].answer);

		check_text(ecapi_judge_place(&arena, ecapi_value_get(answer, "code"), ecapi_value_get(answer, "path")),
				   cases[i].words, cases[i].answer);
	}
}

/* Whether an answer leaves it open that its events were taken. */
static bool
may_have_arrived(EcapiTransport transport, int status)
{
	EcapiAnswer answer = {.transport = transport, .status = status, .retry_after_ms = -1};
	EcapiJudgement judgement = {0};

	ecapi_judge_status(&answer, &judgement);
	return ecapi_judge_may_have_arrived(&answer, &judgement);
}

static void
test_arrival(void)
{
	static const int arrived[] = {200, 204, 500, 502, 503, 504, 999, 0};
	static const int refused[] = {301, 400, 401, 403, 404, 408, 413, 422, 425, 429};
	bool		all = true;
	bool		any = false;
	EcapiAnswer throttled = {.transport = ECAPI_TRANSPORT_OK, .status = 500};
	EcapiJudgement judgement = {.verdict = ECAPI_RETRY, .untaken = true};

	check(may_have_arrived(ECAPI_TRANSPORT_BROKEN, 0), "an answer that was lost");
	check(!may_have_arrived(ECAPI_TRANSPORT_REFUSED, 0), "a request that was not sent");
	check(!may_have_arrived(ECAPI_TRANSPORT_UNTRUSTED, 0), "a receiver that is not trusted");
	for (size_t i = 0; i < sizeof(arrived) / sizeof(arrived[0]); i++)
		all &= may_have_arrived(ECAPI_TRANSPORT_OK, arrived[i]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		any |= may_have_arrived(ECAPI_TRANSPORT_OK, refused[i]);
	check(all, "a success, a server error and what makes no sense");
	check(!any, "a refusal");
	check(!ecapi_judge_may_have_arrived(&throttled, &judgement), "the platform says it took nothing");
}

int
main(void)
{
	ecapi_arena_init(&arena, unit_grab, NULL);
	test_words();
	test_places();
	test_names();
	test_bodies();
	test_arrival();
	return unit_done();
}

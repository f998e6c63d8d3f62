/*
 * fuzz_google.c
 *	  Google's answers, whatever comes: to requests, to questions about them, for tokens.
 *
 * The first byte of an input chooses the status and whether the body was cut; the rest is
 * the body.  Both judges of the format read it, and so does what takes access tokens.  What comes out fits the
 * request: events by their places, each once, words that are bounded and one line.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef fprintf
#undef snprintf

#include "fuzz.h"

#include "destination/formats.h"
#include "destination/grant.h"
#include "destination/syntax.h"

#define NEVENTS		5

/* What files of the server's use. */
extern int	pg_snprintf(char *text, size_t size, const char *format,...);

int
pg_snprintf(char *text, size_t size, const char *format,...)
{
	va_list		args;
	int			len;

	va_start(args, format);
	len = __builtin_vsnprintf(text, size, format, args);
	va_end(args);
	return len;
}

/* Words as they may be shown: one line. */
static void
check_words(const char *words)
{
	if (words == NULL)
		return;
	must(strlen(words) <= 2 * ECAPI_WORDS_MAX, "words are bounded");
	for (; *words != '\0'; words++)
		must((unsigned char) *words >= 0x20 && *words != 0x7f, "words are one line");
}

static void
check_judgement(const EcapiJudgement *judgement)
{
	bool		seen[NEVENTS] = {false};

	must(judgement->verdict >= ECAPI_DELIVERED && judgement->verdict <= ECAPI_TOO_LARGE, "a verdict");
	must(!judgement->credential || judgement->verdict == ECAPI_STOP, "a credential stops");
	must(judgement->nnamed >= 0 && judgement->nnamed <= NEVENTS, "no more than there are");
	must(judgement->warnings >= 0, "a count");
	check_words(judgement->words);
	for (int i = 0; i < judgement->nnamed; i++)
	{
		const EcapiNamed *named = &judgement->named[i];

		must(named->index >= 0 && named->index < NEVENTS && !seen[named->index], "each event once");
		seen[named->index] = true;
		must((named->outcome == ECAPI_NAMED_LATER) == (named->wait_s > 0), "a wait of what waits");
		check_words(named->words);
	}
	if (judgement->receipt)
		must(judgement->verdict == ECAPI_DELIVERED && strlen(judgement->receipt) <= ECAPI_RECEIPT_MAX &&
			 ecapi_syntax_token(judgement->receipt) == NULL, "a receipt");
}

static void
judge(void (*judge_as) (const EcapiAnswer *, int, EcapiArena *, EcapiJudgement *),
	  const EcapiAnswer *answer)
{
	EcapiJudgement judgement;
	EcapiArena	arena;

	/* with memory, and with less and less of it */
	for (int pieces = 4; pieces >= 0; pieces--)
	{
		int			left = pieces;

		memset(&judgement, 0, sizeof(judgement));
		judgement.retry_after_ms = -1;
		ecapi_arena_init(&arena, fuzz_grab, pieces == 4 ? NULL : &left);
		judge_as(answer, NEVENTS, &arena, &judgement);
		check_judgement(&judgement);
	}
}

static void
take(const EcapiGrant *grant, const EcapiAnswer *answer)
{
	EcapiGranted granted;
	EcapiArena	arena;

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	grant->take(answer, &arena, &granted);
	must((granted.token == NULL) == (granted.problem != NULL), "a token, or what is wrong");
	check_words(granted.problem);
	must(granted.token == NULL || (ecapi_syntax_token(granted.token) == NULL && !granted.refused &&
								   granted.lives_s > 0 && granted.lives_s <= ECAPI_GRANT_MAX_S),
		 "a token that can be used");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 201, 207, 301, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503};
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .retry_after_ms = -1};
	const EcapiFormat *format = &ecapi_format_google;
	char	   *body;

	if (size == 0)
		return 0;
	body = malloc(size);
	memcpy(body, data + 1, size - 1);
	body[size - 1] = '\0';
	answer.status = statuses[data[0] % lengthof(statuses)];
	answer.truncated = data[0] >= 128;
	answer.body = body;
	answer.body_len = size - 1;
	judge(format->judge, &answer);
	judge(format->later->judge, &answer);
	take(format->grant, &answer);
	free(body);
	fuzz_free();
	return 0;
}

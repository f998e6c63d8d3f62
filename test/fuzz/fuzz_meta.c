/*
 * fuzz_meta.c
 *	  The format "meta": what it makes of any event, and of any answer.
 *
 * The input is taken for the JSON text of an event, as it is and as validation leaves
 * it.  What is shaped is an event of Meta's by the receiver's own rules, which refuse a
 * clear value where a digest belongs; a body without room is full.  And it is taken for
 * the body of an answer: whatever it holds, no event of another request is named, words
 * are one line that is not too long and can quote no address, and nothing counts as
 * delivered unless all events were received.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef fprintf
#undef snprintf

#include "fuzz.h"

#include "destination/formats.h"
#include "destination/meta.h"
#include "destination/options.h"
#include "event/digest.h"
#include "event/json.h"
#include "event/validate.h"

#include "../receiver/codes.h"
#include "../receiver/meta_rules.h"

#define NOW			INT64_C(1790000000)

static EcapiOptions options;

/* ---- events ---- */

static void
check_received(const EcapiBuffer *body)
{
	RcvArena	arena = {0};
	const RcvNode *node = fuzz_received(&arena, body->data, body->len);
	RcvFinding	finding;
	bool		holds;

	must(node != NULL && node->type == RCV_OBJECT, "a body is JSON");
	holds = rcv_rules_hold(&rcv_meta_event, node, NULL, &finding);
	/* that a clear field holds a digest is the sender's own doing */
	if (!holds && strstr(finding.problem, "digest") == NULL)
	{
		fprintf(stderr, "%s %s\n%s\n", finding.path, finding.problem, body->data);
		must(false, "what is shaped is an event of Meta's");
	}
	rcv_arena_free(&arena);
}

static void
shape(EcapiDigestCache *digests, const EcapiValue *event)
{
	EcapiShape	shape = {.format = options.format, .options = &options, .digests = digests,
		.now = NOW, .default_country = "us"};
	EcapiArena	arena;
	EcapiBuffer body;
	EcapiBuffer small;
	EcapiShaped shaped;
	const char *reason = NULL;

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	ecapi_buffer_init(&body, options.format->max_body, fuzz_resize, NULL);
	shaped = options.format->add(&shape, &arena, event, &body, &reason);
	must((shaped == ECAPI_SHAPED) == (reason == NULL), "what is not shaped has a reason");
	if (shaped != ECAPI_SHAPED)
		must(body.len == 0 && !body.full, "and nothing in the body");
	else if (!body.full)
	{
		check_received(&body);
		ecapi_buffer_init(&small, body.len - 1, fuzz_resize, NULL);
		(void) options.format->add(&shape, &arena, event, &small, &reason);
		must(small.full && small.len < body.len, "a body without room is full");
		free(small.data);
	}
	free(body.data);
}

static void
take_for_event(const uint8_t *data, size_t size)
{
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiValue *event;
	EcapiValue *clean;
	char		error[200];

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	event = ecapi_json_parse(&arena, (const char *) data, size, error, sizeof(error));
	if (event == NULL)
		return;
	shape(NULL, event);
	clean = ecapi_validate(&arena, event, NOW, false, &violations);
	if (clean)
	{
		EcapiDigestCache *digests = ecapi_digest_cache_create(&arena, 16);

		shape(digests, clean);
		shape(digests, clean);
	}
}

/* ---- answers ---- */

static void
take_for_answer(const char *text, size_t size, int status, int nevents)
{
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = status,
		.retry_after_ms = -1, .body = text, .body_len = size};
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiArena	arena;

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	ecapi_meta_judge(&answer, nevents, &arena, &judgement);
	must(judgement.nnamed == 0 || (nevents == 1 && judgement.nnamed == 1 &&
								   judgement.named[0].index == 0), "only an event of the request is named");
	must(judgement.verdict != ECAPI_DELIVERED || status == 200, "an error is no success");
	must(judgement.verdict != ECAPI_DELIVERED || strstr(text, "events_received") != NULL ||
		 strchr(text, '\\') != NULL, "nor is what does not say so");
	must(judgement.warnings >= 0, "warnings are counted");
	if (judgement.words == NULL)
		return;
	must(strlen(judgement.words) <= ECAPI_WORDS_MAX, "words are bounded");
	for (const char *at = judgement.words; *at != '\0'; at++)
		must((unsigned char) *at >= 0x20 && *at != 0x7f && strchr("@\"'`<>{}[]=/", *at) == NULL,
			 "they are one line and quote nothing");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text;

	if (options.format == NULL)
	{
		options.format = &ecapi_format_meta;
		options.data_set_id = (char *) "1";
		rcv_codes_init();
		for (int i = 0; i < options.format->nown; i++)
			options.own[i] = (char *) options.format->own[i].fallback;
	}
	take_for_event(data, size);
	text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	take_for_answer(text, size, 200, 3);
	take_for_answer(text, size, 400, 3);
	take_for_answer(text, size, 500, 1);
	free(text);
	fuzz_free();
	return 0;
}

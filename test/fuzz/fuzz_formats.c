/*
 * fuzz_formats.c
 *	  Every format of the registry: what it makes of any event, and of any answer.
 *
 * The input is taken for the JSON text of an event.  What is shaped leaves something in the
 * body, what is not leaves it as it was, with a reason; and a body without room is full.
 * And it is taken for the body of an answer, under a few statuses: an event that is named
 * is one of the request, and once; words are one line that is not too long and quotes no
 * address; a refusal by the server is no success.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef fprintf
#undef snprintf

#include "fuzz.h"

#include "destination/formats.h"
#include "destination/options.h"
#include "destination/kafka.h"
#include "destination/pubsub.h"
#include "event/json.h"

#define NOW		INT64_C(1790000000)
#define EVENTS	3

/* ---- events ---- */

static void
shape(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiFormat *format = options->format;
	EcapiShape	shape = {.format = format, .options = options, .now = NOW,
		.default_country = "us"};
	EcapiArena	arena;
	EcapiBuffer body;
	EcapiBuffer small;
	EcapiShaped shaped;
	const char *reason = NULL;

	if (format->key)
		must(format->key(options, event, &shape.key), "there is memory for a key");
	ecapi_arena_init(&arena, fuzz_grab, NULL);
	ecapi_buffer_init(&body, format->max_body, fuzz_resize, NULL);
	shaped = format->add(&shape, &arena, event, &body, &reason);
	must((shaped == ECAPI_SHAPED) == (reason == NULL), "what is not shaped has a reason");
	if (shaped != ECAPI_SHAPED)
		must(body.len == 0 && !body.full, "and nothing in the body");
	else if (!body.full)
	{
		must(body.len > 1, "what is shaped is in the body");
		ecapi_buffer_init(&small, body.len - 1, fuzz_resize, NULL);
		(void) format->add(&shape, &arena, event, &small, &reason);
		must(small.full && small.len < body.len, "a body without room is full");
		free(small.data);
	}
	free(body.data);
}

static void
take_for_event(const EcapiOptions *options, const uint8_t *data, size_t size)
{
	char		error[200];
	EcapiArena	arena;
	const EcapiValue *event;

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	event = ecapi_json_parse(&arena, (const char *) data, size, error, sizeof(error));
	if (event != NULL)
		shape(options, event);
}

/* ---- answers ---- */

static void
check_words(const char *words)
{
	if (words == NULL)
		return;
	must(strlen(words) <= ECAPI_WORDS_MAX, "words are bounded");
	for (const char *at = words; *at != '\0'; at++)
		must((unsigned char) *at >= 0x20 && *at != 0x7f && *at != '@',
			 "they are one line and quote no address");
}

static void
check_named(const EcapiJudgement *judgement)
{
	unsigned	seen = 0;

	for (int i = 0; i < judgement->nnamed; i++)
	{
		const EcapiNamed *named = &judgement->named[i];
		int			index = named->index;

		must(index >= 0 && index < EVENTS, "only an event of the request is named");
		must((seen >> index & 1) == 0, "and once");
		seen |= 1u << index;
		must((named->outcome == ECAPI_NAMED_LATER) == (named->wait_s > 0), "what waits has a time");
		check_words(named->words);
	}
}

static void
take_for_answer(const EcapiFormat *format, const char *text, size_t size, int status)
{
	static const char sent[] = "{}";
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = status,
		.retry_after_ms = -1, .body = text, .body_len = size, .sent = sent,
		.sent_len = sizeof(sent) - 1};
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiArena	arena;

	if (format->judge == NULL)
		return;
	ecapi_arena_init(&arena, fuzz_grab, NULL);
	(format->judge) (&answer, EVENTS, &arena, &judgement);
	check_named(&judgement);
	check_words(judgement.words);
	must(judgement.warnings >= 0, "warnings are counted");
	must(judgement.verdict != ECAPI_DELIVERED || status < 400 || judgement.nnamed > 0,
		 "an error is no success");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 422, 500};
	const EcapiFormat *format;
	char	   *text = malloc(size + 1);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (int i = 0; (format = ecapi_format_nth(i)) != NULL; i++)
	{
		EcapiOptions options = {.format = format, .data_set_id = (char *) "1",
			.dedupe_key = format->dedupe_key, .batch_size = format->default_batch};

		for (int k = 0; k < format->nown; k++)
			options.own[k] = (char *) format->own[k].fallback;
		if (format == &ecapi_format_pubsub)
			options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "person";
		if (format == &ecapi_format_kafka)
			options.own[ECAPI_KAFKA_TOPIC] = (char *) "events";
		take_for_event(&options, data, size);
		for (size_t k = 0; k < lengthof(statuses); k++)
			take_for_answer(format, text, size, statuses[k]);
	}
	free(text);
	fuzz_free();
	return 0;
}

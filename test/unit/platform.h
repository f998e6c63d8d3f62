/*
 * platform.h
 *	  What the tests of formats share: one event or one answer at a time, and what no
 *	  platform takes.
 *
 * platform_begin() chooses the format and gives it the options of a destination in live mode
 * without further ones; tests change platform.options.  In events "'" stands for quotes.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/formats.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/digest.h"
#include "unit.h"

/* The clock of all tests, and the time of an event ten minutes before. */
#define PLATFORM_NOW	INT64_C(1790000600)
#define PLATFORM_AT		"'timestamp':1790000000"

/* Bytes of a body, so that none of a test is ever full. */
#define PLATFORM_BODY	(16 * 1024 * 1024)

static struct
{
	const EcapiFormat *format;
	EcapiOptions options;
	EcapiBuffer body;
	EcapiOutgoing outgoing;
	const char *reason;			/* of the last event; NULL: none */
	EcapiIdentified identified; /* the same: whether it tells its person */
	const char *default_country;
	const char *secrets[ECAPI_OWN_OPTIONS]; /* the format's own, in requests */
	const char *sent;			/* the body that answers are to; NULL: not known */
	char		left_out[1000]; /* of it: fields and why, with blanks between */
	EcapiFormatProblem problem; /* of the last look at the options */
	bool		reads_cut;		/* the judge reads what is there of an answer that was cut */
}			platform;

static inline void
platform_begin(const EcapiFormat *format)
{
	platform.format = format;
	platform.default_country = NULL;
	memset(platform.secrets, 0, sizeof(platform.secrets));
	platform.sent = NULL;
	memset(&platform.options, 0, sizeof(platform.options));
	platform.options.format = format;
	platform.options.event_types = ECAPI_ALL_EVENT_TYPES & ~format->off_by_default;
	platform.options.dedupe_key = format->dedupe_key;
	platform.options.batch_size = format->default_batch;
	platform.options.max_age_s = format->max_age_s;
	for (int i = 0; i < format->nown; i++)
		platform.options.own[i] = (char *) format->own[i].fallback;
	if (platform.body.resize == NULL)
		ecapi_buffer_init(&platform.body, PLATFORM_BODY, unit_resize, NULL);
}

static inline void
platform_note_left_out(void *arg, const EcapiField *field, EcapiViolationCode why)
{
	size_t		len = strlen(platform.left_out);

	(void) arg;
	snprintf(platform.left_out + len, sizeof(platform.left_out) - len, "%s%s %s",
			 len > 0 ? " " : "", ecapi_field_path(field), ecapi_violation_name(why));
}

static inline EcapiShape
platform_shape_of(void)
{
	return (EcapiShape) {
		.format = platform.format,
		.options = &platform.options,
		.now = PLATFORM_NOW,
		.default_country = platform.default_country,
		.left_out = platform_note_left_out
	};
}

/* One event by itself, as an element, in platform.body. */
static inline EcapiShaped
platform_shape(const char *json)
{
	EcapiArena	arena;
	EcapiShape	shape = platform_shape_of();
	EcapiShaped shaped;

	platform.left_out[0] = '\0';
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&platform.body, 0);
	ecapi_buffer_str(&platform.body, "");
	shaped = platform.format->add(&shape, &arena, unit_json(&arena, json), &platform.body,
								  &platform.reason);
	platform.identified = shape.identified;
	return shaped;
}

/* A whole request of n such events, sealed; false: it cannot be sent, for platform.reason. */
static inline bool
platform_request(const char *json, int n, const char *token)
{
	static EcapiArena arena;
	static char error[200];
	EcapiBody	body = {.shape = platform_shape_of()};
	EcapiCredentials credentials = {.token = token};
	const EcapiValue *event;
	bool		made;

	memcpy(credentials.own, platform.secrets, sizeof(credentials.own));
	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, json);
	ecapi_buffer_truncate(&platform.body, 0);
	body.buffer = platform.body;
	body.buffer.max = PLATFORM_BODY;
	platform.format->open(&body.shape, &body.buffer);
	for (; body.shape.events < n; body.shape.events++)
		(void) platform.format->add(&body.shape, &arena, event, &body.buffer, &platform.reason);
	platform.format->close(&body.shape, &body.buffer);
	made = ecapi_outgoing_make(&body, &credentials, PLATFORM_NOW, &arena, &platform.outgoing,
							   error, sizeof(error));
	platform.body = body.buffer;
	platform.reason = made ? NULL : error;
	return made;
}

/* Whether the request has that header line. */
static inline bool
platform_has_header(const char *line)
{
	for (int i = 0; i < platform.outgoing.nheaders; i++)
		if (strcmp(platform.outgoing.headers[i], line) == 0)
			return true;
	return false;
}

static inline bool
platform_has(const char *text)
{
	return strstr(platform.body.data, text) != NULL;
}

/* The same of text, with one %s in it that is the digest of of. */
static inline bool
platform_has_digest(const char *text, const char *of)
{
	char		hex[ECAPI_HEX_SIZE];
	const char *place = strstr(text, "%s");
	char		wanted[1000];

	ecapi_sha256(of, strlen(of), hex);
	snprintf(wanted, sizeof(wanted), "%.*s%s%s", (int) (place - text), text, hex, place + 2);
	return platform_has(wanted);
}

/* An event that is shaped, or for reason is not; then nothing of it is in the body. */
static inline void
platform_check_fit(const char *json, const char *reason)
{
	EcapiShaped shaped = platform_shape(json);

	check(shaped == (reason ? ECAPI_UNFIT : ECAPI_SHAPED) &&
		  (platform.body.len == 0) == (reason != NULL), json);
	check_text(platform.reason, reason, "with the reason");
}

/* What is wrong with the options together; NULL: nothing. */
static inline const char *
platform_problem(void)
{
	memset(&platform.problem, 0, sizeof(platform.problem));
	return (platform.format->check) (&platform.options, &platform.problem) ? NULL
		: platform.problem.message;
}

/* Whether an option of the format's own takes a value. */
static inline bool
platform_takes(int option, const char *value)
{
	const EcapiOwnOption *own = &platform.format->own[option];

	for (int i = 0; own->words && own->words[i]; i++)
		if (strcmp(own->words[i], value) == 0)
			return true;
	return own->words == NULL && (own->check == NULL || (own->check) (value) == NULL);
}

/* ---- answers ---- */

static inline EcapiJudgement
platform_judge_in(EcapiArena *arena, int status, const char *text, int nevents)
{
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = status, .retry_after_ms = 7000};
	EcapiJudgement judgement = {.retry_after_ms = -1};

	answer.body = text;
	answer.body_len = strlen(text);
	answer.sent = platform.sent;
	answer.sent_len = platform.sent ? strlen(platform.sent) : 0;
	platform.format->judge(&answer, nevents, arena, &judgement);
	return judgement;
}

static inline EcapiJudgement
platform_judge(int status, const char *text, int nevents)
{
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	return platform_judge_in(&arena, status, text, nevents);
}

static inline bool
platform_is_success(const EcapiJudgement *judgement)
{
	return judgement->verdict == ECAPI_DELIVERED && judgement->nnamed == 0;
}

/*
 * Answers that are not the platform's, with a status that says success: what else
 * platforms answer, pages, nothing, and the beginning of its own success, which is given.
 * None means that events were taken.
 */
static inline void
platform_check_strangers(const char *success, int nevents)
{
	static const char *const strangers[] = {
		"", " ", "{}", "[]", "null", "true", "3", "\"ok\"", "OK", "<html><body>ok</body></html>",
		"{\"events_received\":3,\"messages\":[],\"fbtrace_id\":\"A\"}",
		"{\"code\":0,\"message\":\"OK\",\"request_id\":\"1\"}",
		"{\"num_events_received\":3,\"num_events_processed\":3,\"events\":[{},{},{}]}",
		"{\"eventsReceived\":3,\"traceId\":\"t\"}",
		"{\"elements\":[{\"status\":201},{\"status\":201},{\"status\":201}]}",
		"{\"requestId\":\"r\"}", "{\"status\":\"VALID\",\"reason\":\"\"}",
		"{\"data\":{\"message\":\"Successfully processed 3 conversion events.\"}}",
		"{\"success\":true}", "{\"error\":null}", "{\"validationMessages\":[]}", "\xff\xfe"
	};
	EcapiAnswer cut = {.transport = ECAPI_TRANSPORT_OK, .status = 200, .retry_after_ms = -1,
		.truncated = true, .body = success, .body_len = strlen(success), .sent = platform.sent,
		.sent_len = platform.sent ? strlen(platform.sent) : 0};
	EcapiJudgement judgement = platform_judge(200, success, nevents);
	EcapiArena	arena;
	char		half[1000];

	check(platform_is_success(&judgement), "the platform's own success is one");
	for (size_t i = 0; i < lengthof(strangers); i++)
	{
		if (strcmp(strangers[i], success) == 0)
			continue;
		judgement = platform_judge(200, strangers[i], nevents);
		if (judgement.verdict == ECAPI_DELIVERED)
			fprintf(stderr, "# %s\n", strangers[i]);
		check(judgement.verdict != ECAPI_DELIVERED, "another's is none");
	}
	for (size_t len = 1; len < strlen(success); len++)
	{
		snprintf(half, sizeof(half), "%.*s", (int) len, success);
		judgement = platform_judge(200, half, nevents);
		if (judgement.verdict == ECAPI_DELIVERED)
			fprintf(stderr, "# %s\n", half);
		check(judgement.verdict != ECAPI_DELIVERED, "nor is the beginning of one");
	}
	ecapi_arena_init(&arena, unit_grab, NULL);
	memset(&judgement, 0, sizeof(judgement));
	platform.format->judge(&cut, nevents, &arena, &judgement);
	check(platform.reads_cut || judgement.verdict != ECAPI_DELIVERED, "nor one that was too long to be kept");
	cut.transport = ECAPI_TRANSPORT_BROKEN;
	memset(&judgement, 0, sizeof(judgement));
	platform.format->judge(&cut, nevents, &arena, &judgement);
	check(judgement.verdict == ECAPI_RETRY, "nor none");
}

/* ---- lack of memory ---- */

static size_t platform_room;

static inline void *
platform_grab_some(void *owner, size_t size)
{
	if (platform_room == 0)
		return NULL;
	platform_room--;
	return unit_grab(owner, size);
}

/*
 * An answer that names an event, read with less and less memory: where there is too little,
 * no event is named.
 */
static inline void
platform_check_poor_judge(int status, const char *text, int nevents)
{
	bool		told = true;
	size_t		n;

	for (n = 0; n < 100; n++)
	{
		EcapiArena	poor;
		EcapiJudgement judgement;

		platform_room = n;
		ecapi_arena_init(&poor, platform_grab_some, NULL);
		judgement = platform_judge_in(&poor, status, text, nevents);
		if (!poor.failed)
			break;
		told &= judgement.nnamed == 0;
	}
	check(told && n > 0 && n < 100, "without memory no event is named");
}

/* An event of those members with n items, malloc'ed. */
static inline char *
platform_items_json(const char *head, int n)
{
	size_t		size = (size_t) n * 60 + strlen(head) + 100;
	char	   *json = malloc(size);
	size_t		len = (size_t) snprintf(json, size, "{%s,'properties':{'page_url':'https://shop.example/','items':[", head);

	for (int i = 0; i < n; i++)
		len += (size_t) snprintf(json + len, size - len, "%s{'id':'sku-%d','price':1.5,'quantity':2}",
								 i > 0 ? "," : "", i);
	snprintf(json + len, size - len, "]}}");
	return json;
}

/* An event with n items; head has its other members. */
static inline EcapiShaped
platform_shape_items(const char *head, int n)
{
	char	   *json = platform_items_json(head, n);
	EcapiShaped shaped = platform_shape(json);

	free(json);
	return shaped;
}

static inline int
platform_done(void)
{
	free(platform.body.data);
	unit_free();
	return unit_done();
}

#endif							/* PLATFORM_H */

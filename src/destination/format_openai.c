/*
 * format_openai.c
 *	  OpenAI Ads' Conversions API: where requests go, what frames the events, what answers
 *	  mean.
 *
 *	  POST https://bzr.openai.com/v1/events?pid={data_set_id}
 *	  {"events":[...],"validate_only":true}
 *
 * The events are shaped by openai_event.c.  One that is refused fails its whole request;
 * the answer then names each by its place, "events[1].data.type".  What the answer to a
 * request that was taken says is not on the page, so it is one by its status, if its body
 * is an object without an error.
 *
 * Facts: developers.openai.com, ads/conversions-api; answers that refuse as RudderStack's
 * sender has met them (rudder-transformer, openai_ads).
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/member.h"
#include "destination/openai.h"
#include "destination/options.h"
#include "destination/percent.h"
#include "destination/writer.h"
#include "event/ascii.h"

#define DAY		86400

/* Bytes of a pixel's id, which has 22 letters and digits today. */
#define PIXEL_MAX	64

/* ---- options ---- */

static bool
is_pixel(const char *id)
{
	size_t		len = strlen(id);

	return len > 0 && len <= PIXEL_MAX && ecapi_all_alphanumeric(id, len, "_-");
}

static bool
check_names(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = options->targets[type];
		char		message[sizeof(problem->message)];

		if (name == NULL || ecapi_openai_name_wrong(name) == NULL)
			continue;
		snprintf(message, sizeof(message), "event_types names \"%s\" by what is no name of an event",
				 ecapi_event_type_name(type));
		return ecapi_format_wrong(problem, message,
								  "A name has at most 64 letters, digits, underscores and hyphens, and a letter or digit at both ends.",
								  "");
	}
	return true;
}

static bool
openai_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	if (options->data_set_id == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to one pixel, which is part of their URL.",
								  "Give the pixel id that Ads Manager shows under \"Conversions\": data_set_id 'KBHCVX1dYePA'.");
	if (!is_pixel(options->data_set_id))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of OpenAI's",
								  "The id of a pixel has letters and digits alone.",
								  "Take it from Ads Manager, \"Conversions\".");
	return check_names(options, problem);
}

/* ---- a request ---- */

static const char *
openai_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	char		memory[ECAPI_PERCENT_MAX(PIXEL_MAX) + 32];
	EcapiBuffer path;

	(void) key;
	ecapi_buffer_over(&path, memory, sizeof(memory));
	ecapi_buffer_str(&path, "/v1/events?pid=");
	ecapi_percent_encode(&path, options->data_set_id);
	return ecapi_arena_copy(arena, path.data, path.len);
}

static void
openai_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"events\":[");
}

static void
openai_close(EcapiShape *shape, EcapiBuffer *body)
{
	EcapiWriter writer = {body, true};

	ecapi_buffer_char(body, ']');
	if (shape->options->mode == ECAPI_MODE_TEST)
		ecapi_write_bool(&writer, "validate_only", true);
	ecapi_buffer_char(body, '}');
}

/* ---- answers ---- */

/* An error about one event; false: about none of the request's, and nothing is named. */
static bool
name_event(const EcapiValue *error, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *param = ecapi_member_text(error, "param");
	const EcapiValue *code = ecapi_member_text(error, "code");
	EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED};
	const char *path;

	if (param == NULL || !ecapi_judge_event_of(param->text, &named.index, &path))
		return false;
	if (code != NULL && strcmp(code->text, "event_timestamp_too_old") == 0)
		named.outcome = ECAPI_NAMED_EXPIRED;
	named.words = ecapi_judge_place(arena, code, param);
	return ecapi_judge_name(judgement, arena, nevents, named);
}

/* The list of errors, which has every event at fault, else the one that is at the top. */
static void
judge_error(const EcapiValue *error, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *list = ecapi_value_get(error, "errors");

	judgement->words = ecapi_judge_place(arena, ecapi_member_text(error, "code"),
										 ecapi_member_text(error, "param"));
	if (list == NULL || list->type != ECAPI_ARRAY || list->first == NULL)
	{
		(void) name_event(error, nevents, arena, judgement);
		return;
	}
	for (const EcapiValue *one = list->first; one; one = one->next)
	{
		if (name_event(one, nevents, arena, judgement))
			continue;
		/* about the request, or another one: halves find out */
		judgement->nnamed = 0;
		return;
	}
}

static void
openai_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			 EcapiJudgement *judgement)
{
	const EcapiValue *body;
	const EcapiValue *error;
	int			received;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	body = ecapi_judge_body(answer, arena);
	error = ecapi_member_object(body, "error");
	if (judgement->verdict == ECAPI_REJECTED && error != NULL)
		judge_error(error, nevents, arena, judgement);
	if (judgement->verdict != ECAPI_DELIVERED)
		return;
	received = ecapi_member_integer(body, "events_received", nevents);
	if (body != NULL && ecapi_value_get(body, "error") == NULL &&
		ecapi_value_get(body, "errors") == NULL && received >= nevents)
		return;
	/* repeats are known by their ids */
	ecapi_judge_unknown(judgement, body != NULL, body == NULL ? "an answer that is not OpenAI's"
						: "the answer does not say that all events were received");
}

/* ---- what it carries ---- */

static const char *const carries[] = {
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "source",
	"user_data.customer_identifier", "user_data.uids.id", "user_data.email_address",
	"user_data.address.city", "user_data.address.country_code",
	"user_data.address.postal_code", "user_data.mmt_only", "user_data.click_id",
	"user_data.event_ip_address", "user_data.event_user_agent",
	"user_data.landing_ip_address", "user_data.landing_user_agent", "user_data.ext",
	"properties.items.id", "properties.items.name", "properties.items.price",
	"properties.items.quantity", "properties.page_url", "properties.ext", NULL
};

/*
 * Limits: 1,000 events a request, seven days back and ten minutes ahead.  Ten minutes less
 * of the days, because an event that gets too old on its way fails the others of its
 * request.  4 MB hold a thousand events of usual size; OpenAI names no limit of bytes and
 * no rate.  A repeat is known by its id and type, how long is said nowhere: 48 hours, as at
 * most platforms, are ours.
 *
 * A refund is none of OpenAI's events, so it leaves only where event_types names it.
 */
const EcapiFormat ecapi_format_openai = {
	.name = "openai",
	.what = "OpenAI Ads' Conversions API, for ads in ChatGPT.",
	.url = "https://bzr.openai.com",
	.path = openai_path,
	.identifiers = "An email address, customer_identifier, oppref or obref; from a website also "
	"page_url",
	.credentials = "access_token",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.check = openai_check,
	.max_batch = 1000,
	.max_body = 4 * 1024 * 1024,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = 7 * DAY - 600,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.has_test_mode = true,
	.takes_targets = true,
	.needs_data_set = true,
	.carries = carries,
	.open = openai_open,
	.add = ecapi_openai_add,
	.close = openai_close,
	.judge = openai_judge
};

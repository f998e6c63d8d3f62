/*
 * format_reddit.c
 *	  Reddit's Conversions API, version 3: the options, where requests go, what frames the
 *	  events.
 *
 *	  POST https://ads-api.reddit.com/api/v3/pixels/{data_set_id}/conversion_events
 *	  {"data":{"events":[...],"test_id":"..."}}
 *
 * The events are shaped by reddit_event.c; answers are read by reddit_answer.c.  Facts,
 * where no other source is named: reddit/reddit-ss-gtm-template, template.tpl, Reddit's own
 * template for tag managers on a server.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/match_keys.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/reddit.h"
#include "event/ascii.h"

/*
 * ---- options ----
 */

/* Bytes of a pixel's id, such as a2_gq3z4qg5u8la: twice what is seen, and more. */
#define MAX_PIXEL_ID	64

/* Bytes of a test id; it has to fit into the room that closing a body may take (body.c). */
#define MAX_TEST_ID		32

/* Whether a text has letters, digits and "_" alone, and at most max of them. */
static bool
is_word(const char *text, size_t max)
{
	size_t		len = strlen(text);

	return len > 0 && len <= max && ecapi_all_alphanumeric(text, len, "_");
}

static const char *
check_test_id(const char *value)
{
	return is_word(value, MAX_TEST_ID) ? NULL
		: "It has at most 32 letters, digits and underscores, such as t2_abc123.";
}

static bool
is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static const char *
check_country(const char *value)
{
	return strlen(value) == 2 && is_capital(value[0]) && is_capital(value[1]) ? NULL
		: "A country is written with two capitals, such as US.";
}

/* ISO 3166-2: the country, a hyphen, and at most three letters or digits. */
static const char *
check_region(const char *value)
{
	size_t		len = strlen(value);
	bool		good = len >= 4 && len <= 6 && is_capital(value[0]) && is_capital(value[1]) && value[2] == '-';

	for (size_t i = 3; good && i < len; i++)
		good = is_capital(value[i]) || ecapi_is_digit(value[i]);
	return good ? NULL : "A region is written as ISO 3166-2 has it, such as US-CA.";
}

static const char *const data_processing_words[] = {"LDU", NULL};

static const EcapiOwnOption reddit_options[ECAPI_REDDIT_OPTIONS] = {
	[ECAPI_REDDIT_APP_OS] = {"app_os",
		.words = ecapi_app_os_words,
		.what = ECAPI_APP_OS_WHAT
	},
	[ECAPI_REDDIT_TEST_ID] = {"test_id",
		.check = check_test_id,
		.what = "It is the test id that Events Manager shows."
	},
	[ECAPI_REDDIT_DATA_PROCESSING] = {"data_processing",
		.words = data_processing_words,
		.what = "LDU asks Reddit for Limited Data Use of every event."
	},
	[ECAPI_REDDIT_LDU_COUNTRY] = {"ldu_country",
		.check = check_country,
		.what = "It is the country that goes with Limited Data Use, such as US."
	},
	[ECAPI_REDDIT_LDU_REGION] = {"ldu_region",
		.check = check_region,
		.what = "It is the region that goes with Limited Data Use, such as US-CA."
	}
};

static bool
reddit_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	char *const *own = options->own;
	const char *country = own[ECAPI_REDDIT_LDU_COUNTRY];
	const char *region = own[ECAPI_REDDIT_LDU_REGION];

	if (options->data_set_id == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to one pixel, which is part of their URL.",
								  "Give the id that Events Manager shows for the pixel: data_set_id 'a2_gq3z4qg5u8la'.");
	if (!is_word(options->data_set_id, MAX_PIXEL_ID))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of Reddit's",
								  "The id of a pixel at Reddit has letters, digits and underscores alone.",
								  "Take it from Events Manager: data_set_id 'a2_gq3z4qg5u8la'.");
	if (options->mode == ECAPI_MODE_TEST && own[ECAPI_REDDIT_TEST_ID] == NULL)
		return ecapi_format_wrong(problem, "mode 'test' needs the option \"test_id\"",
								  "Reddit knows test events by it alone.",
								  "Give the id that Events Manager shows for a test: test_id 't2_abc123'.");
	if (region != NULL && (country == NULL || strncmp(region, country, 2) != 0))
		return ecapi_format_wrong(problem, "option \"ldu_region\" is none of \"ldu_country\"",
								  "A region begins with its country.",
								  "Give both: ldu_country 'US', ldu_region 'US-CA'.");
	return true;
}

/*
 * ---- where requests go, and what frames the events ----
 */

static const char *
reddit_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *const parts[] = {
		"/api/v3/pixels/", options->data_set_id, "/conversion_events", NULL
	};

	(void) key;
	return ecapi_format_path(arena, parts);
}

static void
reddit_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"data\":{\"events\":[");
}

static void
reddit_close(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;
	EcapiWriter writer = {body, true};

	ecapi_buffer_char(body, ']');
	if (options->mode == ECAPI_MODE_TEST)
		ecapi_write_text(&writer, "test_id", options->own[ECAPI_REDDIT_TEST_ID]);
	ecapi_buffer_str(body, "}}");
}

/* Reddit wants to know who sends, for which pixel; its own template says it the same way. */
static void
reddit_seal(EcapiSealing *sealing)
{
	char		memory[MAX_PIXEL_ID + 64];
	EcapiBuffer agent;

	ecapi_buffer_over(&agent, memory, sizeof(memory));
	ecapi_buffer_str(&agent, ECAPI_USER_AGENT " (by ");
	ecapi_buffer_str(&agent, sealing->shape->options->data_set_id);
	ecapi_buffer_char(&agent, ')');
	ecapi_outgoing_field(sealing, "User-Agent", agent.data, false);
}

/* See format.h; user_data.ext has click_ids. */
static const char *const reddit_carries[] = {
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "source",
	"user_data.customer_identifier", "user_data.email_address", "user_data.phone_numbers",
	"user_data.mmt_only", "user_data.click_id", "user_data.event_ip_address",
	"user_data.event_user_agent", "user_data.ifa", "user_data.landing_ip_address",
	"user_data.landing_user_agent", "user_data.ext", "properties.items.id",
	"properties.items.name", "properties.items.price", "properties.items.quantity",
	"properties.items.category", "properties.page_url", NULL
};

/*
 * Limits: 1,000 events a request, 5,000 requests and 250,000 events a minute of one pixel
 * (public senders citing capi-best-practices).  Full requests reach the second of these
 * with 250, so that many a minute keep both.  Of a test, Events Manager shows one event a
 * request.  No limit of bytes is named: 4 MB is three times what a thousand events with
 * items take, and a request that is refused for its size is halved.
 *
 * Age: less than 168 hours (the words of its own refusal); ten minutes less, because an
 * event that gets too old on its way fails the others of its request, and clocks differ.
 * Timestamps may be five minutes ahead; later ones are sent as now, see facts.h.
 *
 * A repeat of the pixel is known for two days, although events are taken for seven.
 *
 * A refund would be a custom event that nobody there expects, so it leaves only where
 * event_types names it.  Whether test events count is said for version 2 alone, so they are
 * taken to count.
 */
const EcapiFormat ecapi_format_reddit = {
	.name = "reddit",
	.what = "Reddit's Conversions API, version 3.",
	.url = "https://ads-api.reddit.com",
	.path = reddit_path,
	.identifiers = "An email address, telephone number, customer identifier, IP address, click id, "
	"cookie of Reddit's pixel or, with app_os, an ifa",
	.credentials = "access_token",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.own = reddit_options,
	.nown = ECAPI_REDDIT_OPTIONS,
	.check = reddit_check,
	.max_batch = 1000,
	.max_test_batch = 1,
	.max_body = 4 * 1024 * 1024,
	.requests_a_minute = 250,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = 168 * 3600 - 600,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.restricted_mode = "Limited Data Use",
	.has_test_mode = true,
	.test_counts = true,
	.takes_targets = true,
	.needs_data_set = true,
	.carries = reddit_carries,
	.open = reddit_open,
	.add = ecapi_reddit_add,
	.close = reddit_close,
	.seal = reddit_seal,
	.judge = ecapi_reddit_judge
};

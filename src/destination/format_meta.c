/*
 * format_meta.c
 *	  Meta's Conversions API: the options, where requests go, what frames the events.
 *
 *	  POST https://graph.facebook.com/{api_version}/{data_set_id}/events
 *	  {"data":[...],"test_event_code":"...","access_token":"..."}
 *
 * The events are shaped by meta_event.c (user_data by meta_user.c, custom_data by
 * meta_custom.c); answers are read by meta_answer.c.  Facts, where no other source is
 * named: developers.facebook.com, Conversions API (Using the API; Server Event, Customer
 * Information and Custom Data Parameters; Data Processing Options; Best Practices).
 *
 * Invariants
 *	(1) The token is in the body, where Meta takes it, too, and never in the URL: URLs
 *		are logged on the way.  It comes in when a request is sealed, not before.
 *	(2) One event that Meta refuses loses its whole request, so what it is known to
 *		refuse is not put into one.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/meta.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/ascii.h"

/*
 * ---- options ----
 */

/* Oldest version that is taken: those before are gone from the Graph API. */
#define FIRST_VERSION	21

/* Bytes of a data set's id, which has 15 or 16 digits today. */
#define MAX_DATA_SET_ID 32

/*
 * Bytes of a test event code, which is "TEST" and five digits today.  It has to fit into
 * the room that closing a body may take (body.c).
 */
#define MAX_TEST_EVENT_CODE	32

static const char *
check_version(const char *value)
{
	int			major;

	if (strlen(value) != 5 || value[0] != 'v' || !ecapi_all_digits(value + 1, 2) ||
		strcmp(value + 3, ".0") != 0)
		return "A version is written as v26.0.";
	major = (value[1] - '0') * 10 + (value[2] - '0');
	return major < FIRST_VERSION ? "The first version that can be used is v21.0." : NULL;
}

static const char *
check_test_event_code(const char *value)
{
	if (!ecapi_all_alphanumeric(value, strlen(value), ""))
		return "It has letters and digits alone, such as TEST12345.";
	return strlen(value) > MAX_TEST_EVENT_CODE ? "It has at most 32 bytes." : NULL;
}

/* Numbers of countries and states as Meta has them: 1 and 1000 are USA and California. */
static const char *
check_place(const char *value)
{
	if (*value == '\0' || strlen(value) > 5 || !ecapi_all_digits(value, strlen(value)) ||
		(*value == '0' && value[1] != '\0'))
		return "It is a number of Meta's, of at most five digits; 0 leaves it to Meta.";
	return NULL;
}

static const char *
check_event_name(const char *value)
{
	return strlen(value) > 100 ? "A name has at most 100 bytes." : NULL;
}

/* A year is beyond any window in which Meta attributes. */
static const char *
check_days(const char *value)
{
	if (strlen(value) > 3 || !ecapi_all_digits(value, strlen(value)) || atoi(value) < 1 ||
		atoi(value) > 365)
		return "It is a number of days from 1 to 365.";
	return NULL;
}

static const char *const data_processing_words[] = {"LDU", NULL};

static const EcapiOwnOption meta_options[ECAPI_META_OPTIONS] = {
	[ECAPI_META_API_VERSION] = {"api_version",
		.fallback = "v26.0",
		.check = check_version,
		.what = "It is the version of the Graph API, such as v26.0; "
		"Meta takes each for two years at least."
	},
	[ECAPI_META_TEST_EVENT_CODE] = {"test_event_code",
		.check = check_test_event_code,
		.what = "It is the code that the page \"Test events\" of Events Manager shows."
	},
	[ECAPI_META_DATA_PROCESSING] = {"data_processing",
		.words = data_processing_words,
		.what = "LDU asks Meta for Limited Data Use of every event."
	},
	[ECAPI_META_DATA_PROCESSING_COUNTRY] = {"data_processing_country",
		.fallback = "0",
		.check = check_place,
		.what = "It is Meta's number of the country for Limited Data Use, such as 1 for the "
		"USA; 0 lets Meta find it by the IP address."
	},
	[ECAPI_META_DATA_PROCESSING_STATE] = {"data_processing_state",
		.fallback = "0",
		.check = check_place,
		.what = "It is Meta's number of the state for Limited Data Use, such as 1000 for "
		"California; 0 lets Meta find it by the IP address."
	},
	[ECAPI_META_APPEND_EVENT_NAME] = {"append_event_name",
		.fallback = "AppendValue",
		.check = check_event_name,
		.what = "It is the name under which a value goes that becomes known after its event."
	},
	[ECAPI_META_APPEND_FOR_DAYS] = {"append_for_days",
		.fallback = "7",
		.check = check_days,
		.what = "It is how many days after an event a value of it is still sent."
	}
};

static bool
meta_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	char *const *own = options->own;
	const char *id = options->data_set_id;

	if (id == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to one data set, which is part of their URL.",
								  "Give the id that Events Manager shows for the data set or pixel: data_set_id '1234567890'.");
	if (strlen(id) > MAX_DATA_SET_ID || !ecapi_all_digits(id, strlen(id)))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of Meta's",
								  "The id of a data set or pixel at Meta has digits alone.",
								  "Take it from Events Manager: data_set_id '1234567890'.");
	if (options->mode == ECAPI_MODE_TEST && own[ECAPI_META_TEST_EVENT_CODE] == NULL)
		return ecapi_format_wrong(problem, "mode 'test' needs the option \"test_event_code\"",
								  "Meta knows test events by the code alone, and counts them like others.",
								  "Give the code that the page \"Test events\" of Events Manager shows: test_event_code 'TEST12345'.");
	if (own[ECAPI_META_DATA_PROCESSING] == NULL &&
		(strcmp(own[ECAPI_META_DATA_PROCESSING_COUNTRY], "0") != 0 ||
		 strcmp(own[ECAPI_META_DATA_PROCESSING_STATE], "0") != 0))
		return ecapi_format_wrong(problem, "a place for Limited Data Use is given, but not Limited Data Use",
								  "data_processing_country and data_processing_state belong to data_processing 'LDU'.",
								  "Add data_processing 'LDU', or drop the other two.");
	return true;
}

/*
 * A version is taken for two years at least from when it came (Conversions API, Versioning).
 * Of v26.0 that day is known, 2026-08-06; those before came before.
 */
#define CURRENT_VERSION			26
#define CURRENT_ENDS_SOON_AT	INT64_C(1841184000)	/* 2028-05-06, three months before */

static bool
meta_lasts(const EcapiOptions *options, int64_t now, EcapiFormatProblem *problem)
{
	const char *version = options->own[ECAPI_META_API_VERSION];
	int			major = (version[1] - '0') * 10 + (version[2] - '0');

	if (major < CURRENT_VERSION)
		return ecapi_format_wrong(problem, "its api_version is older than v26.0, which Meta has had since 2026-08-06", "",
								  "Meta takes a version for two years at least. Try a newer one in shadow mode: ALTER SERVER ... OPTIONS (SET api_version 'v26.0').");
	if (major == CURRENT_VERSION && now >= CURRENT_ENDS_SOON_AT)
		return ecapi_format_wrong(problem, "the two years for which Meta takes api_version v26.0 end on 2028-08-06", "",
								  "Set a newer one: ALTER SERVER ... OPTIONS (SET api_version '...'); ecapi of a later version has it as default.");
	return true;
}

/*
 * ---- where requests go, and what frames the events ----
 */

static const char *
meta_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *const parts[] = {
		"/", options->own[ECAPI_META_API_VERSION], "/", options->data_set_id, "/events", NULL
	};

	(void) key;
	return ecapi_format_path(arena, parts);
}

/* The last brace is the seal's. */
static void
meta_close(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;
	EcapiWriter writer = {body, true};

	ecapi_buffer_char(body, ']');
	if (options->mode == ECAPI_MODE_TEST)
		ecapi_write_text(&writer, "test_event_code", options->own[ECAPI_META_TEST_EVENT_CODE]);
}

static void
meta_seal(EcapiSealing *sealing)
{
	EcapiWriter writer = {sealing->body, true};

	if (sealing->credentials->token == NULL)
		sealing->problem = "there is no access token: set access_token_file in the user mapping";
	ecapi_write_text(&writer, "access_token", sealing->credentials->token);
	ecapi_buffer_char(sealing->body, '}');
}

/*
 * Not carried: the fields of listings, travel and vehicles (meta_custom.c), and what Meta
 * has no parameter for.
 */
static const char *const meta_carries[] = {
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "source", "ext",
	"user_data.customer_identifier", "user_data.uids.id", "user_data.email_address",
	"user_data.phone_numbers", "user_data.address.first_name", "user_data.address.last_name",
	"user_data.address.city", "user_data.address.state", "user_data.address.country_code",
	"user_data.address.postal_code", "user_data.mmt_only", "user_data.click_id",
	"user_data.event_ip_address", "user_data.event_user_agent", "user_data.ifa",
	"user_data.landing_ip_address", "user_data.landing_user_agent", "user_data.gender",
	"user_data.ext",
	"properties.transaction_id", "properties.items.id", "properties.items.name",
	"properties.items.price", "properties.items.quantity", "properties.items.brand",
	"properties.items.category", "properties.page_url", "properties.ad_source",
	"properties.referrer", "properties.coupon", "properties.shipping", "properties.tax",
	"properties.payment_type", "properties.shipping_tier", "properties.virtual_currency_name",
	"properties.virtual_item_name", "properties.lead_source", "properties.lead_status",
	"properties.lead_reason", "properties.ad_platform", "properties.ad_format",
	"properties.ad_unit_name", "properties.login_method", "properties.group_id",
	"properties.character_level", "properties.character", "properties.post_score",
	"properties.achievement_id", "properties.search_term", "properties.creative_name",
	"properties.creative_slot", "properties.promotion_id", "properties.promotion_name",
	"properties.ext", NULL
};

/*
 * Limits: 1,000 events a request, seven days, 62 for those of a store, a repeat known for
 * 48 hours (Using the API; Deduplicate Pixel and Server Events).  Meta names no limit of
 * bytes: 4 MB is three times what a thousand events with items take, and what any
 * receiver takes that has a limit at all; a request that is refused for its size is
 * halved.  No rate is named for this interface either; too many requests are answered
 * with codes of their own.  A thousand by default, as many as Meta takes, because the
 * round trip to it costs more than the events.  No linger: Meta wants events as they
 * happen.
 *
 * Timestamps: capture lets them be ten minutes ahead, Meta refuses those to come; they
 * are sent as now, see meta_event.c.
 *
 * A refund is none of Meta's events, and what one of that name does there is said
 * nowhere, so it leaves only where event_types names it.
 */
const EcapiFormat ecapi_format_meta = {
	.name = "meta",
	.what = "Meta's Conversions API, for ads on Facebook and Instagram.",
	.url = "https://graph.facebook.com",
	.path = meta_path,
	.identifiers = "An identifier of the person, not only broad ones such as a country and a "
	"user agent; from a website also client_user_agent and event_source_url",
	.credentials = "access_token",
	.outcomes = ECAPI_OUTCOMES_WHOLE,
	.own = meta_options,
	.nown = ECAPI_META_OPTIONS,
	.check = meta_check,
	.lasts = meta_lasts,
	.max_batch = 1000,
	.max_body = 4 * 1024 * 1024,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = ECAPI_META_AGE_STORE,
	.age_limit = ecapi_meta_age_limit,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.amend = ECAPI_AMEND_APPEND,
	.amend_s = 7 * 86400,		/* append_for_days */
	.amend_limit = ecapi_meta_amend_limit,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.restricted_mode = "opt_out: the event is used for attribution, not to optimize the delivery of ads",
	.has_test_mode = true,
	.test_counts = true,
	.takes_targets = true,
	.needs_data_set = true,
	.own_token = true,
	.carries = meta_carries,
	.open = ecapi_format_open_data,
	.add = ecapi_meta_add,
	.close = meta_close,
	.seal = meta_seal,
	.judge = ecapi_meta_judge
};

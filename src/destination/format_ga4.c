/*
 * format_ga4.c
 *	  Google Analytics 4 by the Measurement Protocol: the options, where requests go, what
 *	  frames the events.
 *
 *	  POST https://www.google-analytics.com/mp/collect?measurement_id=G-...&api_secret=...
 *	  {"client_id":"...","timestamp_micros":...,"user_data":{...},"events":[...]}
 *
 * Who it was stands once in a request, so its events are one visitor's: the format has a
 * key, and the first event writes what stands before it (ga4_user.c), because open sees
 * none.  The events are shaped by ga4_event.c; answers are read by ga4_answer.c.
 *
 * Facts: developers.google.com, analytics/devguides/collection/protocol/ga4, pages
 * "sending-events", "validating-events" and "reference".
 *
 * Invariants
 *	(1) The secret is in the URL, where alone Analytics takes it; it comes in when a
 *		request is sealed, and is hidden from then on.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/analytics.h"
#include "destination/formats.h"
#include "destination/ga4.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/percent.h"
#include "destination/syntax.h"
#include "event/ascii.h"

#define HOUR	3600

/*
 * ---- options ----
 */

/* Bytes of an id: a measurement id has about 12 today, an app's about 45. */
#define ID_MAX		100

static const char *
check_measurement_id(const char *value)
{
	size_t		len = strlen(value);

	if (len < 4 || len > ID_MAX || strncmp(value, "G-", 2) != 0)
		return "A measurement id looks like G-A1B2C3D4E5.";
	for (size_t i = 2; i < len; i++)
		if (!ecapi_is_digit(value[i]) && !(value[i] >= 'A' && value[i] <= 'Z'))
			return "Behind \"G-\" a measurement id has capital letters and digits alone.";
	return NULL;
}

static const char *
check_firebase_app_id(const char *value)
{
	size_t		len = strlen(value);

	if (len > ID_MAX || !ecapi_is_digit(value[0]) || strchr(value, ':') == NULL)
		return "The id of an app looks like 1:1234567890:android:321abc456def7890.";
	return ecapi_all_alphanumeric(value, len, ":") ? NULL :
		"The id of an app has letters, digits and colons alone.";
}

static const char *const user_id_words[] = {"none", "hashed", "clear", NULL};

static const char *const validation_words[] = {"RELAXED", "ENFORCE_RECOMMENDATIONS", NULL};

static const EcapiOwnOption ga4_options[ECAPI_GA4_OPTIONS] = {
	[ECAPI_GA4_MEASUREMENT_ID] = {"measurement_id", .check = check_measurement_id,
		.what = "It is the id of the web stream that events go to, such as G-A1B2C3D4E5."
	},
	[ECAPI_GA4_FIREBASE_APP_ID] = {"firebase_app_id", .check = check_firebase_app_id,
		.what = "It is the id of the app whose stream events go to, in place of measurement_id."
	},
	[ECAPI_GA4_USER_ID] = {"user_id",
		.words = user_id_words,
		.fallback = "none",
		.what = "It is how customer_identifier leaves as user_id: not at all, as a digest, or "
		"as it is."
	},
	[ECAPI_GA4_VALIDATION_BEHAVIOR] = {"validation_behavior",
		.words = validation_words,
		.fallback = "RELAXED",
		.what = "It is how strictly the validation server looks at events in mode \"test\"."
	},
	[ECAPI_GA4_API_SECRET] = {"api_secret", .secret = true, .required = true,
		.check = ecapi_syntax_token,
		.what = "It is a secret of the stream for the Measurement Protocol."
	}
};

/* A name that Analytics keeps for itself is dropped there without a word. */
static bool
check_names(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = options->targets[type];
		const char *wrong = name ? ecapi_analytics_name_wrong(name, strlen(name)) : NULL;
		char		message[sizeof(problem->message)];

		if (wrong == NULL)
			continue;
		snprintf(message, sizeof(message),
				 "event_types names \"%s\" by what is no name of an event: %s",
				 ecapi_event_type_name(type), wrong);
		return ecapi_format_wrong(problem, message,
								  "A name has at most 40 letters, digits and underscores, begins with a letter, and is none that Analytics collects by itself.",
								  "");
	}
	return true;
}

static bool
ga4_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *web = options->own[ECAPI_GA4_MEASUREMENT_ID];
	const char *app = options->own[ECAPI_GA4_FIREBASE_APP_ID];

	if (web == NULL && app == NULL)
		return ecapi_format_wrong(problem, "option \"measurement_id\" is missing",
								  "Events go to one stream of a property, which is part of their URL.",
								  "Give the id that the stream has in Analytics: measurement_id 'G-A1B2C3D4E5'; of an app firebase_app_id.");
	if (web != NULL && app != NULL)
		return ecapi_format_wrong(problem, "both \"measurement_id\" and \"firebase_app_id\" are given",
								  "A stream is that of a website or that of an app.",
								  "Create a server for each of the two.");
	return check_names(options, problem);
}

/*
 * ---- where requests go, and what frames the events ----
 */

static const char *
ga4_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *web = options->own[ECAPI_GA4_MEASUREMENT_ID];
	char		memory[ECAPI_PERCENT_MAX(ID_MAX) + 64];
	EcapiBuffer path;

	(void) key;
	ecapi_buffer_over(&path, memory, sizeof(memory));
	ecapi_buffer_str(&path, options->mode == ECAPI_MODE_TEST ? "/debug/mp/collect" : "/mp/collect");
	ecapi_buffer_str(&path, web ? "?measurement_id=" : "?firebase_app_id=");
	ecapi_percent_encode(&path, web ? web : options->own[ECAPI_GA4_FIREBASE_APP_ID]);
	return ecapi_arena_copy(arena, path.data, path.len);
}

/* What stands before the events is that of the first of them, and comes with it. */
static void
ga4_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "");
}

static void
ga4_close(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;

	if (shape->events == 0)
		ecapi_buffer_str(body, "{\"events\":[");
	if (options->mode != ECAPI_MODE_TEST)
	{
		ecapi_buffer_str(body, "]}");
		return;
	}
	ecapi_buffer_str(body, ECAPI_GA4_VALIDATION);
	ecapi_buffer_str(body, options->own[ECAPI_GA4_VALIDATION_BEHAVIOR]);
	ecapi_buffer_str(body, "\"}");
}

static void
ga4_seal(EcapiSealing *sealing)
{
	ecapi_outgoing_query(sealing, "api_secret", sealing->credentials->own[ECAPI_GA4_API_SECRET],
						 true);
}

/* ---- what it carries ---- */

/* the parameters of analytics.c, and what ga4_event.c and ga4_user.c add */
#define CARRIED \
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", \
	"user_data.email_address", "user_data.phone_numbers", "user_data.address.first_name", \
	"user_data.address.last_name", "user_data.address.street", "user_data.address.city", \
	"user_data.address.state", "user_data.address.country_code", \
	"user_data.address.postal_code", "user_data.mmt_only", "user_data.gpp_string", \
	"user_data.gpp_sid", "user_data.event_ip_address", "user_data.landing_ip_address", \
	"user_data.ext", \
	"properties.transaction_id", "properties.items.id", "properties.items.name", \
	"properties.items.price", "properties.items.discount", "properties.items.quantity", \
	"properties.items.brand", "properties.items.affiliation", "properties.items.category", \
	"properties.items.item_coupon", "properties.items.item_list_id", \
	"properties.items.item_list_name", "properties.items.item_variant", \
	"properties.items.item_location_id", "properties.page_url", "properties.referrer", \
	"properties.coupon", "properties.shipping", "properties.tax", "properties.payment_type", \
	"properties.shipping_tier", "properties.virtual_currency_name", \
	"properties.virtual_item_name", "properties.lead_source", "properties.lead_status", \
	"properties.lead_reason", "properties.login_method", "properties.group_id", \
	"properties.character_level", "properties.character", "properties.post_score", \
	"properties.achievement_id", "properties.search_term", "properties.creative_name", \
	"properties.creative_slot", "properties.promotion_id", "properties.promotion_name", \
	"properties.ext"

static const char *const with_user_id[] = {CARRIED, "user_data.customer_identifier", NULL};

static const char *const *
ga4_carries(const EcapiOptions *options)
{
	static const char *const without_user_id[] = {CARRIED, NULL};

	return strcmp(options->own[ECAPI_GA4_USER_ID], "none") == 0 ? without_user_id : with_user_id;
}

#define DEDUPE	(72 * HOUR)

static int
ga4_dedupe_limit(const EcapiOptions *options, const EcapiValue *event)
{
	return ecapi_ga4_is_known_again(options, event) ? DEDUPE : 0;
}

/*
 * Limits: 25 events and 130 kB a request, taken as 130,000 bytes, and 72 hours
 * (Limitations; "timestamp_micros").  Ten minutes less: a request takes time, clocks differ,
 * and what is older is dropped without a word.  No rate is named.
 *
 * dedupe_s: a purchase is known by its transaction_id, how long is said nowhere; it is taken
 * to be as long as one can be sent.
 *
 * Analytics' own tag reports page views, and keeps ad_impression to itself, so both leave
 * only where event_types names them.  So does a refund: it takes revenue away, also of an
 * order that Analytics never heard of.
 */
const EcapiFormat ecapi_format_ga4 = {
	.name = "ga4",
	.what = "Google Analytics 4 by the Measurement Protocol.",
	.url = "https://www.google-analytics.com",
	.path = ga4_path,
	.identifiers = "The visitor's ga_client_id, of an app its ga_app_instance_id",
	.credentials = "api_secret",
	.needs = "measurement_id or firebase_app_id",
	.outcomes = ECAPI_OUTCOMES_NONE,
	.own = ga4_options,
	.nown = ECAPI_GA4_OPTIONS,
	.check = ga4_check,
	.max_batch = 25,
	.max_body = 130000,
	.default_batch = 25,
	.default_linger_ms = 0,
	.max_age_s = 72 * HOUR - 600,
	.future_s = 600,
	.dedupe_s = DEDUPE,
	.dedupe_limit = ga4_dedupe_limit,
	.dedupe_key = ECAPI_DEDUPE_TRANSACTION,
	.counts_repeats = true,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_ad_impression |
	UINT64_C(1) << ECAPI_EVENT_page_view | UINT64_C(1) << ECAPI_EVENT_refund,
	.addressed_refunds = true,
	.restricted_mode = "consent.ad_personalization is denied",
	.has_test_mode = true,
	.takes_targets = true,
	.carries = with_user_id,
	.carries_by = ga4_carries,
	.key = ecapi_ga4_key,
	.open = ga4_open,
	.add = ecapi_ga4_add,
	.close = ga4_close,
	.seal = ga4_seal,
	.judge = ecapi_ga4_judge
};

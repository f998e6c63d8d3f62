/*
 * format_microsoft.c
 *	  Microsoft Advertising's Conversions API (UET): the options, where requests go, what
 *	  frames the events.
 *
 *	  POST https://capi.uet.microsoft.com/v1/{data_set_id}/events
 *	  {"data":[...],"continueOnValidationError":true}
 *
 * The events are shaped by microsoft_event.c, answers are read by microsoft_answer.c.
 * Facts, where no other source is named: learn.microsoft.com, Advertising guides, UET
 * Conversions API integration, as two public senders quote it that were checked against it
 * in August and September 2026 (social-hub, track.site).  Where they say nothing the comment
 * says what was chosen, and why.
 *
 * Invariant: continueOnValidationError is always true.  Without it Microsoft refuses a
 * whole request for one event, and its neighbours with it.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/match_keys.h"
#include "destination/microsoft.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/ascii.h"

/* Digits of a tag's id, which has 9 today; more than 20 are no 64-bit number. */
#define MAX_TAG_ID	20

static const EcapiOwnOption microsoft_options[ECAPI_MICROSOFT_OPTIONS] = {
	[ECAPI_MICROSOFT_APP_OS] = {"app_os",
		.words = ecapi_app_os_words,
		.what = ECAPI_APP_OS_WHAT
	}
};

static bool
microsoft_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *id = options->data_set_id;

	if (id == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to one UET tag, whose id is part of their URL.",
								  "Give the id that Microsoft Advertising shows for the tag: data_set_id '187012345'.");
	if (strlen(id) > MAX_TAG_ID || !ecapi_all_digits(id, strlen(id)))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is no id of a UET tag",
								  "The id of a UET tag has digits alone.",
								  "Take it from the page \"UET tag\" of Microsoft Advertising: data_set_id '187012345'.");
	return true;
}

static const char *
microsoft_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *const parts[] = {"/v1/", options->data_set_id, "/events", NULL};

	(void) key;
	return ecapi_format_path(arena, parts);
}

static void
microsoft_close(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "],\"continueOnValidationError\":true}");
}

static void
microsoft_seal(EcapiSealing *sealing)
{
	ecapi_outgoing_need_token(sealing);
}

/* A country goes into telephone numbers that have none, and nowhere else. */
#define ALWAYS \
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "ext", \
	"user_data.customer_identifier", "user_data.email_address", "user_data.phone_numbers", \
	"user_data.mmt_only", "user_data.gpp_string", "user_data.gpp_sid", \
	"user_data.click_id", "user_data.event_ip_address", \
	"user_data.event_user_agent", "user_data.landing_ip_address", \
	"user_data.landing_user_agent", "user_data.ext", "properties.transaction_id", \
	"properties.page_url", "properties.referrer", "properties.search_term", \
	"properties.items.id", "properties.items.name", "properties.items.price", \
	"properties.items.quantity"

static const char *const carried[] = {ALWAYS, NULL};
static const char *const carried_with_device[] = {ALWAYS, "user_data.ifa", NULL};

static const char *const *
microsoft_carries_by(const EcapiOptions *options)
{
	return options->own[ECAPI_MICROSOFT_APP_OS] ? carried_with_device : carried;
}

/*
 * Limits: 1,000 events a request, seven days.  No limit of bytes is named; Tealium's sender
 * keeps to 1 MB, and so does this one.  No rate is named; too many requests are answered
 * with 429 and Retry-After.  A thousand events by default: those that are refused cost the
 * others nothing.
 *
 * A repeat is one of the same eventId and eventName, also where the tag in the browser sent
 * the first.  For how long is said nowhere: two days is the shortest time that any platform
 * names, so it is taken for no longer.
 *
 * Timestamps: capture lets them be ten minutes ahead, Microsoft names the past alone; they
 * are sent as now.  Ten minutes less than seven days: clocks differ.
 *
 * What a refund does is said nowhere, so it leaves only where event_types names it.  There
 * is no test mode: test_url is needed for one.
 */
const EcapiFormat ecapi_format_microsoft = {
	.name = "microsoft",
	.what = "Microsoft Advertising's Conversions API for UET tags, for ads on Bing and partners.",
	.url = "https://capi.uet.microsoft.com",
	.path = microsoft_path,
	.identifiers = "An email address, telephone number, customer identifier, click id or "
	"advertising id; of a page view also page_url",
	.credentials = "access_token",
	.outcomes = ECAPI_OUTCOMES_EACH,
	.own = microsoft_options,
	.nown = ECAPI_MICROSOFT_OPTIONS,
	.check = microsoft_check,
	.max_batch = 1000,
	.max_body = 1024 * 1024,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = 7 * 86400 - 600,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.takes_targets = true,
	.needs_data_set = true,
	.carries = carried_with_device,
	.carries_by = microsoft_carries_by,
	.restricted_mode = "adStorageConsent is D",
	.open = ecapi_format_open_data,
	.add = ecapi_microsoft_add,
	.close = microsoft_close,
	.seal = microsoft_seal,
	.judge = ecapi_microsoft_judge
};

/*
 * format_snap.c
 *	  Snap's Conversions API v3: the options, where requests go, what frames the events.
 *
 *	  POST https://tr.snapchat.com/v3/{pixel id or app id}/events?access_token=...
 *	  {"data":[...]}
 *
 * Events of an app go to the app's id, all others to the pixel's, so which of the two it is
 * is the key by which events share a request.  In test mode requests go to
 * .../events/validate, which checks events and counts none.  The events are shaped by
 * snap_event.c; answers are read by snap_answer.c.
 *
 * Facts, where no other source is named: developers.snap.com, Conversions API (introduction,
 * UsingTheAPI, Parameters, OfflineEvents), and the OpenAPI description of Snap's SDK.
 *
 * Invariants
 *	(1) The token is in the query, where Snap wants it, and comes in when a request is
 *		sealed; the URL is shown without it.
 *	(2) An event leaves under one of Snap's names: there are five free ones, and which event
 *		type has which only the owner says.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/snap.h"
#include "event/ascii.h"

/* Bytes of an id; a UUID, which it is, has 36. */
#define MAX_ID		64

/*
 * ---- options ----
 */

static bool
is_id(const char *id)
{
	size_t		len = strlen(id);

	return len > 0 && len <= MAX_ID && ecapi_all_alphanumeric(id, len, "-");
}

static const char *
check_app_id(const char *value)
{
	return is_id(value) ? NULL : "It has letters, digits and hyphens alone.";
}

static const char *
check_place(const char *value)
{
	return *value != '\0' && strlen(value) <= 5 && ecapi_all_digits(value, strlen(value)) ? NULL :
		"It is a number of at most five digits.";
}

static const char *const data_processing_words[] = {"LDU", "LMU", NULL};

static const EcapiOwnOption snap_options[ECAPI_SNAP_OPTIONS] = {
	[ECAPI_SNAP_APP_ID] = {"app_id",
		.check = check_app_id,
		.what = "It is the Snap App ID, to which events of an app go."},
	[ECAPI_SNAP_DATA_PROCESSING] = {"data_processing",
		.words = data_processing_words,
		.what = "It asks Snap for limited use of every event: LDU by its older pages, LMU, of "
		"websites, by the present one."},
	[ECAPI_SNAP_DATA_PROCESSING_COUNTRY] = {"data_processing_country",
		.check = check_place,
		.what = "It is the number of the country for LDU, such as 1 for the USA."},
	[ECAPI_SNAP_DATA_PROCESSING_STATE] = {"data_processing_state",
		.check = check_place,
		.what = "It is the number of the state for LDU, such as 1000 for California."}
};

/* Each event type that is sent has a name of Snap's. */
static bool
check_names(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *target = options->targets[type];

		if (target != NULL ? ecapi_snap_is_name(target) :
			(options->event_types >> type & 1) == 0 || ecapi_snap_name(type) != NULL)
			continue;
		(void) ecapi_format_wrong(problem, "", "Snap takes events under its own names alone, five of which are free: CUSTOM_EVENT_1 to CUSTOM_EVENT_5.",
								  "Give it one of them, and always the same: event_types 'generate_lead=CUSTOM_EVENT_1'.");
		snprintf(problem->message, sizeof(problem->message), target ?
				 "event_types gives \"%s\" a name that Snap has not" :
				 "event_types has \"%s\", and Snap has no name for it", ecapi_event_type_name(type));
		return false;
	}
	return true;
}

static bool
snap_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	char *const *own = options->own;
	const char *mode = own[ECAPI_SNAP_DATA_PROCESSING];

	if (options->data_set_id == NULL && own[ECAPI_SNAP_APP_ID] == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to a pixel, whose id is part of their URL.",
								  "Give the Pixel ID that Events Manager shows: data_set_id '1ec32188-754e-4be2-8e55-c949a984a39f'; or, for an app alone, the Snap App ID: app_id.");
	if (options->data_set_id != NULL && !is_id(options->data_set_id))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of Snap's",
								  "The id of a pixel at Snap has letters, digits and hyphens alone.",
								  "Take it from Events Manager: data_set_id '1ec32188-754e-4be2-8e55-c949a984a39f'.");
	if ((own[ECAPI_SNAP_DATA_PROCESSING_COUNTRY] != NULL ||
		 own[ECAPI_SNAP_DATA_PROCESSING_STATE] != NULL) &&
		(mode == NULL || strcmp(mode, "LDU") != 0))
		return ecapi_format_wrong(problem, "a place for limited data use is given, but not LDU",
								  "data_processing_country and data_processing_state belong to data_processing 'LDU'.",
								  "Add data_processing 'LDU', or drop the other two.");
	return check_names(options, problem);
}

/*
 * ---- where requests go, and what frames the events ----
 */

static bool
snap_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key)
{
	(void) options;
	*key = ecapi_snap_source(event) == ECAPI_SNAP_APP;
	return true;
}

static const char *
snap_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *id = key ? options->own[ECAPI_SNAP_APP_ID] : options->data_set_id;
	const char *const parts[] = {
		"/v3/", id ? id : "", "/events", options->mode == ECAPI_MODE_TEST ? "/validate" : NULL, NULL
	};

	return ecapi_format_path(arena, parts);
}

static void
snap_seal(EcapiSealing *sealing)
{
	if (sealing->credentials->token == NULL)
		sealing->problem = "there is no access token: set access_token_file in the user mapping";
	ecapi_outgoing_query(sealing, "access_token", sealing->credentials->token, true);
}

/* The parameter page says seven days of web and app events, the introduction 37 of all. */
#define AGE			(7 * 86400 - 600)
#define AGE_OFFLINE	(37 * 86400 - 600)

static int
snap_age_limit(const EcapiOptions *options, const EcapiValue *event)
{
	(void) options;
	return ecapi_snap_source(event) == ECAPI_SNAP_OFFLINE ? AGE_OFFLINE : AGE;
}

static const char *const carries[] = {
	"id", "timestamp", "event_type", "source", "value", "currency_code", "ext",
	"user_data.customer_identifier", "user_data.email_address", "user_data.phone_numbers",
	"user_data.gender", "user_data.uids.id", "user_data.address.first_name",
	"user_data.address.last_name", "user_data.address.city", "user_data.address.state",
	"user_data.address.country_code", "user_data.address.postal_code",
	"user_data.event_ip_address", "user_data.event_user_agent", "user_data.landing_ip_address",
	"user_data.landing_user_agent", "user_data.click_id", "user_data.ifa", "user_data.mmt_only",
	"user_data.ext", "properties.transaction_id", "properties.search_term",
	"properties.login_method", "properties.page_url", "properties.items.id",
	"properties.items.category", "properties.items.brand", "properties.items.price",
	"properties.items.quantity", NULL
};

/* Event types that Snap has no name for. */
#define BIT(type)	(UINT64_C(1) << ECAPI_EVENT_##type)
#define NAMELESS \
	(BIT(viewed_cart) | BIT(remove_from_cart) | BIT(refund) | BIT(generate_lead) | \
	 BIT(qualify_lead) | BIT(close_convert_lead) | BIT(disqualify_lead) | \
	 BIT(close_unconvert_lead) | BIT(customize_product) | BIT(contact) | BIT(donate) | \
	 BIT(find_location) | BIT(custom) | BIT(add_shipping_info) | BIT(select_content) | \
	 BIT(select_item) | BIT(view_search_results) | BIT(earn_virtual_currency) | \
	 BIT(working_lead) | BIT(join_group) | BIT(post_score) | BIT(tutorial_begin))

/*
 * Limits: 2,000 events a request and 1,000 requests a second with a long-lived token
 * (social-hub, rudder-transformer and the description at api-evangelist alike); no page
 * names bytes, and 4 MB are twice what as many events take that have few items, and half
 * of what social-hub keeps to; a request that is refused for its size is halved.  Ages ten
 * minutes less than Snap's, because an event gets older on its way and clocks differ.  How
 * long a repeat is known is not said; 48 hours are what most platforms have.  A test has at
 * most 100 events, because a log of each comes back, and 64 kB of an answer are kept.
 *
 * Timestamps: capture lets them be ten minutes ahead; they are sent as now (facts.c).
 */
const EcapiFormat ecapi_format_snap = {
	.name = "snap",
	.what = "Snap's Conversions API v3, for ads on Snapchat.",
	.url = "https://tr.snapchat.com",
	.path = snap_path,
	.identifiers = "An email address, telephone number or device id, or an IP address and a user "
	"agent together; from a website or an app also event_source_url",
	.credentials = "access_token",
	.needs = "data_set_id or app_id",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.own = snap_options,
	.nown = ECAPI_SNAP_OPTIONS,
	.check = snap_check,
	.max_batch = 2000,
	.max_test_batch = 100,
	.max_body = 4 * 1024 * 1024,
	.requests_a_minute = 60000,
	.default_batch = 2000,
	.default_linger_ms = 0,
	.max_age_s = AGE_OFFLINE,
	.age_limit = snap_age_limit,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = NAMELESS,
	.restricted_mode = "opt_out: the event is not used to optimize the delivery of ads",
	.has_test_mode = true,
	.takes_targets = true,
	.own_token = true,
	.carries = carries,
	.key = snap_key,
	.open = ecapi_format_open_data,
	.add = ecapi_snap_add,
	.close = ecapi_format_close_list,
	.seal = snap_seal,
	.judge = ecapi_snap_judge
};

/*
 * format_pinterest.c
 *	  Pinterest's Conversions API: the options, where requests go, what frames the events.
 *
 *	  POST https://api.pinterest.com/v5/ad_accounts/{data_set_id}/events
 *	  {"data":[...]}
 *
 * The events are shaped by pinterest_event.c; answers are read by pinterest_answer.c.
 * Facts, where no other source is named: pinterest/api-description, v5, operation
 * events/create.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/match_keys.h"
#include "destination/options.h"
#include "destination/pinterest.h"
#include "event/ascii.h"

/*
 * ---- options ----
 */

/* Bytes of an ad account's id, which has 12 digits today. */
#define MAX_AD_ACCOUNT_ID	18

/* Names of one's own that an advertiser has (page "Define your own event types"). */
#define MAX_OWN_NAMES		15

static const char *
check_partner_name(const char *value)
{
	if (strncmp(value, "ss-", 3) != 0 || !ecapi_pinterest_is_name(value))
		return "A partner's name is written as ss-name.";
	return NULL;
}

static const char *const opt_out_words[] = {"LDP", NULL};

static const EcapiOwnOption pinterest_options[ECAPI_PINTEREST_OPTIONS] = {
	[ECAPI_PINTEREST_APP_OS] = {"app_os",
		.words = ecapi_app_os_words,
		.what = ECAPI_APP_OS_WHAT
	},
	[ECAPI_PINTEREST_OPT_OUT_TYPE] = {"opt_out_type",
		.words = opt_out_words,
		.what = "LDP asks Pinterest for Limited Data Processing of every event."
	},
	[ECAPI_PINTEREST_PARTNER_NAME] = {"partner_name",
		.check = check_partner_name,
		.what = "It is the name that Pinterest has given to a partner, such as ss-name; an "
		"advertiser has none."
	}
};

/* The name under which events of a type go, if the option event_types lets them. */
static const char *
name_of(const EcapiOptions *options, int type)
{
	if ((options->event_types & (UINT64_C(1) << type)) == 0)
		return NULL;
	if (options->targets[type] != NULL)
		return options->targets[type];
	if (ecapi_pinterest_standard_name(type) != NULL || type == ECAPI_EVENT_custom)
		return NULL;
	return ecapi_event_type_name(type);
}

static bool
check_names(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	int			own = 0;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = name_of(options, type);

		if (name == NULL)
			continue;
		if (!ecapi_pinterest_is_name(name))
			return ecapi_format_wrong(problem, "option \"event_types\" has a name that is none of an event at Pinterest",
									  "A name has at most 100 letters, digits, underscores and hyphens.",
									  "Write a type with its name at Pinterest: event_types 'purchase, login=app_open'.");
		own += !ecapi_pinterest_is_standard(name);
	}
	if (own > MAX_OWN_NAMES)
		return ecapi_format_wrong(problem, "option \"event_types\" has too many event types without a standard event of Pinterest",
								  "An advertiser has at most 15 event names of its own.",
								  "Leave some out, or give them standard events: event_types 'purchase, level_up=custom'.");
	return true;
}

static bool
pinterest_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *id = options->data_set_id;

	if (id == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Requests go to one ad account, which is part of their URL.",
								  "Give the id that Ads Manager shows for the ad account: data_set_id '549755885175'.");
	if (strlen(id) > MAX_AD_ACCOUNT_ID || !ecapi_all_digits(id, strlen(id)))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of Pinterest's",
								  "The id of an ad account at Pinterest has digits alone; that of a tag is another one.",
								  "Take it from Ads Manager: data_set_id '549755885175'.");
	return check_names(options, problem);
}

/*
 * ---- where requests go, and what frames the events ----
 */

/* A request of test mode is looked at, answered, and not recorded. */
static const char *
pinterest_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	const char *const parts[] = {
		"/v5/ad_accounts/", options->data_set_id, "/events",
		options->mode == ECAPI_MODE_TEST ? "?test=true" : NULL, NULL
	};

	(void) key;
	return ecapi_format_path(arena, parts);
}

/* See format.h; ext has click_ids and predicted_ltv. */
static const char *const pinterest_carries[] = {
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "source", "ext",
	"user_data.customer_identifier", "user_data.uids.id", "user_data.email_address",
	"user_data.phone_numbers", "user_data.address.first_name", "user_data.address.last_name",
	"user_data.address.city", "user_data.address.state", "user_data.address.country_code",
	"user_data.address.postal_code", "user_data.mmt_only", "user_data.click_id",
	"user_data.event_ip_address", "user_data.event_user_agent", "user_data.ifa",
	"user_data.landing_ip_address", "user_data.landing_user_agent", "user_data.gender",
	"user_data.ext", "properties.transaction_id", "properties.items.id", "properties.items.name",
	"properties.items.price", "properties.items.quantity", "properties.items.brand",
	"properties.items.category", "properties.page_url", "properties.search_term",
	"properties.ext", NULL
};

#define BIT(type)	(UINT64_C(1) << ECAPI_EVENT_##type)

/*
 * Limits: 1,000 events a request; 20 of a test are looked at (public senders: social-hub).
 * 5,000 calls a minute of one ad account are what the operation says; the guide on rate
 * limits says more, so this is the safe one.  No limit of bytes is named: 4 MB is three times
 * what a thousand events with items take, and a request that is refused for its size is
 * halved.  Nor is one of age: what comes more than an hour late counts as offline (Segment,
 * Tealium), and Pinterest says for each event whether it took it, so an old one is no danger
 * to others.  A repeat is known for 48 hours by event_id and name (guide; not of offline
 * events, which are never known again).
 *
 * Off by default: what has no standard event of Pinterest's.  A name of one's own is one of
 * 15, and counts for nothing until it is mapped in Ads Manager, so the owner asks for it.
 */
const EcapiFormat ecapi_format_pinterest = {
	.name = "pinterest",
	.what = "Pinterest's Conversions API.",
	.url = "https://api.pinterest.com",
	.path = pinterest_path,
	.identifiers = "An email address, an ifa, or an IP address and a user agent",
	.credentials = "access_token",
	.outcomes = ECAPI_OUTCOMES_EACH,
	.own = pinterest_options,
	.nown = ECAPI_PINTEREST_OPTIONS,
	.check = pinterest_check,
	.max_batch = 1000,
	.max_test_batch = 20,
	.max_body = 4 * 1024 * 1024,
	.requests_a_minute = 5000,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.future_s = 600,
	.dedupe_s = ECAPI_PINTEREST_DEDUPE,
	.dedupe_limit = ecapi_pinterest_dedupe_limit,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.counts_repeats = true,
	.off_by_default = ECAPI_ALL_EVENT_TYPES & ~(
		BIT(purchase) | BIT(page_view) | BIT(add_to_wishlist) | BIT(add_to_cart) | BIT(viewed_item) |
		BIT(begin_checkout) | BIT(add_payment_info) | BIT(generate_lead) | BIT(sign_up) |
		BIT(search) | BIT(install) | BIT(subscribe) | BIT(view_item_list) |
		BIT(customize_product) | BIT(contact) | BIT(find_location) | BIT(schedule) |
		BIT(start_trial) | BIT(custom)),
	.restricted_mode = "opt_out: the event is not used to target ads",
	.has_test_mode = true,
	.takes_targets = true,
	.needs_data_set = true,
	.carries = pinterest_carries,
	.open = ecapi_format_open_data,
	.add = ecapi_pinterest_add,
	.close = ecapi_format_close_list,
	.judge = ecapi_pinterest_judge
};

/*
 * analytics.c
 *	  What Google Analytics calls events and what they say.
 *
 * The standard took its names from Analytics, so only those that differ stand here.
 * Names of parameters are those of Analytics' recommended events.
 *
 * Constant; no locks, no memory.
 */
#include "destination/analytics.h"

#include <string.h>
#include <strings.h>

#include "event/ascii.h"
#include "event/event_type.h"

const EcapiAnalyticsParameter ecapi_analytics_of_event[] = {
	{"shipping", "shipping"},
	{"tax", "tax"},
	{"payment_type", "payment_type"},
	{"shipping_tier", "shipping_tier"},
	{"search_term", "search_term"},
	{"login_method", "method"},
	{"group_id", "group_id"},
	{"character_level", "level"},
	{"character", "character"},
	{"post_score", "score"},
	{"achievement_id", "achievement_id"},
	{"creative_name", "creative_name"},
	{"creative_slot", "creative_slot"},
	{"promotion_id", "promotion_id"},
	{"promotion_name", "promotion_name"},
	{"lead_source", "lead_source"},
	{"lead_status", "lead_status"},
	{"virtual_currency_name", "virtual_currency_name"},
	{"virtual_item_name", "item_name"},
	{"page_url", "page_location"},
	{"referrer", "page_referrer"},
	{NULL, NULL}
};

const EcapiAnalyticsParameter ecapi_analytics_of_item[] = {
	{"name", "item_name"},
	{"brand", "item_brand"},
	{"category", "item_category"},
	{"discount", "discount"},
	{"item_coupon", "coupon"},
	{"item_list_id", "item_list_id"},
	{"item_list_name", "item_list_name"},
	{"item_variant", "item_variant"},
	{"affiliation", "affiliation"},
	{"item_location_id", "location_id"},
	{NULL, NULL}
};

/*
 * Names that Analytics collects by itself, of web and app streams alike: which of them a
 * property has is not known here (Measurement Protocol, "Reserved names").
 */
static const char *const reserved[] = {
	"ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query", "ad_reward",
	"adunit_exposure", "app_background", "app_clear_data", "app_exception", "app_install",
	"app_remove", "app_store_refund", "app_store_subscription_cancel",
	"app_store_subscription_convert", "app_store_subscription_renew", "app_update",
	"app_upgrade", "dynamic_link_app_open", "dynamic_link_app_update",
	"dynamic_link_first_open", "error", "firebase_campaign", "first_open", "first_visit",
	"in_app_purchase", "notification_dismiss", "notification_foreground",
	"notification_open", "notification_receive", "notification_send", "os_update",
	"screen_view", "session_start", "user_engagement", NULL
};

static const char *const reserved_prefixes[] = {
	"_", "firebase_", "ga_", "google_", "gtag.", NULL
};

const char *const ecapi_analytics_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_viewed_item] = "view_item",
	[ECAPI_EVENT_viewed_cart] = "view_cart"
};

const char *
ecapi_analytics_event_name(int type)
{
	if (type == ECAPI_EVENT_custom)
		return NULL;
	return ecapi_analytics_names[type] ? ecapi_analytics_names[type] : ecapi_event_type_name(type);
}

const char *
ecapi_analytics_name_wrong(const char *name, size_t len)
{
	for (int i = 0; reserved_prefixes[i]; i++)
	{
		size_t		prefix = strlen(reserved_prefixes[i]);

		if (len >= prefix && strncasecmp(name, reserved_prefixes[i], prefix) == 0)
			return "reserved event name";
	}
	for (int i = 0; reserved[i]; i++)
		if (strlen(reserved[i]) == len && strncasecmp(name, reserved[i], len) == 0)
			return "reserved event name";
	if (len == 0 || len > ECAPI_ANALYTICS_NAME_MAX || !ecapi_is_letter(name[0]))
		return "event name not valid";
	for (size_t i = 1; i < len; i++)
		if (!ecapi_is_letter(name[i]) && !ecapi_is_digit(name[i]) && name[i] != '_')
			return "event name not valid";
	return NULL;
}

const char *
ecapi_analytics_lead_reason(int type)
{
	switch (type)
	{
		case ECAPI_EVENT_disqualify_lead:
			return "disqualified_lead_reason";
		case ECAPI_EVENT_close_unconvert_lead:
			return "unconvert_lead_reason";
		default:
			return "lead_reason";
	}
}

/*
 * snap_event.c
 *	  One event in the shape of Snap's Conversions API.
 *
 * What becomes of the others of a request when one is invalid is said nowhere, so each of
 * Snap's known conditions is looked at here, and an event that lacks one is unfit:
 *
 *	em, ph or madid, or an address and a user agent together
 *	event_source_url, from a website or an app
 *	value and currency, of "PURCHASE"
 *
 * Sources: developers.snap.com, Conversions API, Parameters and UsingTheAPI; the OpenAPI
 * description of Snap's SDK (business-sdk-v3-java 1.2.1), which has amounts of contents as
 * texts; social-hub and Segment 3.497.0 for what is required.  Times are in seconds, as in
 * Snap's example.
 *
 * Invariants
 *	(1) What the standard hashes leaves as 64 hex digits or not at all.
 *	(2) ext of the event and of user_data do not leave, but for the members that the manual
 *		names (doc/snap.md).
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/app_data.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "destination/snap.h"

static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "PURCHASE",
	[ECAPI_EVENT_page_view] = "PAGE_VIEW",
	[ECAPI_EVENT_ad_impression] = "AD_VIEW",
	[ECAPI_EVENT_add_to_wishlist] = "ADD_TO_WISHLIST",
	[ECAPI_EVENT_add_to_cart] = "ADD_CART",
	[ECAPI_EVENT_viewed_item] = "VIEW_CONTENT",
	[ECAPI_EVENT_begin_checkout] = "START_CHECKOUT",
	[ECAPI_EVENT_add_payment_info] = "ADD_BILLING",
	[ECAPI_EVENT_sign_up] = "SIGN_UP",
	[ECAPI_EVENT_search] = "SEARCH",
	[ECAPI_EVENT_unlock_achievement] = "ACHIEVEMENT_UNLOCKED",
	[ECAPI_EVENT_install] = "APP_INSTALL",
	[ECAPI_EVENT_schedule] = "RESERVE",
	[ECAPI_EVENT_start_trial] = "START_TRIAL",
	[ECAPI_EVENT_subscribe] = "SUBSCRIBE",
	[ECAPI_EVENT_share] = "SHARE",
	[ECAPI_EVENT_select_promotion] = "AD_CLICK",
	[ECAPI_EVENT_view_item_list] = "LIST_VIEW",
	[ECAPI_EVENT_view_promotion] = "AD_VIEW",
	[ECAPI_EVENT_spend_virtual_currency] = "SPENT_CREDITS",
	[ECAPI_EVENT_login] = "LOGIN",
	[ECAPI_EVENT_level_up] = "LEVEL_COMPLETE",
	[ECAPI_EVENT_tutorial_complete] = "COMPLETE_TUTORIAL"
};

/* Those that the standard has no type for, and the free ones. */
static const char *const more_names[] = {
	"SAVE", "INVITE", "RATE", "APP_OPEN", "CUSTOM_EVENT_1", "CUSTOM_EVENT_2", "CUSTOM_EVENT_3",
	"CUSTOM_EVENT_4", "CUSTOM_EVENT_5"
};

static const char *const action_sources[] = {
	[ECAPI_SNAP_WEB] = "WEB",
	[ECAPI_SNAP_APP] = "MOBILE_APP",
	[ECAPI_SNAP_OFFLINE] = "OFFLINE"
};

/* What user_data has, as far as it decides whether Snap takes it. */
#define HAS_PERSON		(1 << 0)	/* em, ph, madid */
#define HAS_ADDRESS		(1 << 1)	/* client_ip_address */
#define HAS_AGENT		(1 << 2)	/* client_user_agent */

static const EcapiMatchKey hashed[] = {
	{"em", "user_data.email_address", HAS_PERSON},
	{"ph", "user_data.phone_numbers", HAS_PERSON},
	{"fn", "user_data.address.first_name", 0},
	{"ln", "user_data.address.last_name", 0},
	{"ge", "user_data.gender", 0},
	{"ct", "user_data.address.city", 0},
	{"st", "user_data.address.state", 0},
	{"zp", "user_data.address.postal_code", 0},
	{"country", "user_data.address.country_code", 0},
	/* both into one array */
	{"external_id", "user_data.customer_identifier", 0},
	{"external_id", "user_data.uids.id", 0}
};

const char *
ecapi_snap_name(int type)
{
	return type >= 0 && type < ECAPI_EVENT_TYPES ? standard_names[type] : NULL;
}

bool
ecapi_snap_is_name(const char *name)
{
	return ecapi_facts_has_name(standard_names, more_names, lengthof(more_names), name);
}

EcapiSnapSource
ecapi_snap_source(const EcapiValue *event)
{
	const char *source = ecapi_facts_source(event);

	if (strcmp(source, "website") == 0)
		return ECAPI_SNAP_WEB;
	return strcmp(source, "app") == 0 ? ECAPI_SNAP_APP : ECAPI_SNAP_OFFLINE;
}

/*
 * ---- user_data ----
 */

/* False when nothing in it is what Snap needs. */
static bool
write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user)
{
	EcapiMatchKeys keys;
	EcapiOpen	open = ecapi_write_open(writer, "user_data", '{');
	const EcapiValue *ifa;
	char		lower[ECAPI_MATCH_ID_MAX + 1];

	ecapi_match_begin(&keys, shape, writer, user);
	ecapi_match_write(&keys, hashed, lengthof(hashed), true);
	ecapi_match_clear(&keys, "client_ip_address", ecapi_match_ip(&keys), HAS_ADDRESS);
	ecapi_match_clear(&keys, "client_user_agent", ecapi_match_agent(&keys), HAS_AGENT);
	ecapi_match_own_id(&keys, "sc_click_id", ecapi_match_id(ecapi_match_click(&keys, "sccid")), 0);
	ecapi_match_own_id(&keys, "sc_cookie1", ecapi_match_id(ecapi_match_cookie(&keys, "scid")), 0);
	ifa = ecapi_match_ifa(&keys);
	if (ifa != NULL)
	{
		ecapi_write_text(writer, "madid", ecapi_match_lower(ifa, lower));
		ecapi_match_known(&keys);
		keys.has |= HAS_PERSON;
	}
	(void) ecapi_write_close(writer, open, '}', true);
	return (keys.has & HAS_PERSON) != 0 ||
		(keys.has & (HAS_ADDRESS | HAS_AGENT)) == (HAS_ADDRESS | HAS_AGENT);
}

/*
 * ---- custom_data ----
 */

static void
write_content(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_value(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_amount(writer, "quantity", ecapi_member_number(item, "quantity"));
	ecapi_write_amount(writer, "item_price", ecapi_member_number(item, "price"));
	ecapi_write_value(writer, "brand", ecapi_member_text(item, "brand"));
	(void) ecapi_write_close(writer, open, '}', true);
}

/* One text stands for all items, so they must have one. */
static const EcapiValue *
common_category(const EcapiValue *items)
{
	const EcapiValue *common = NULL;

	for (const EcapiValue *item = ecapi_member_first(items); item;
		 item = ecapi_member_next(items, item))
	{
		const EcapiValue *category = ecapi_member_text(item, "category");

		if (category != NULL && common != NULL && strcmp(category->text, common->text) != 0)
			return NULL;
		common = category != NULL ? category : common;
	}
	return common;
}

static void
write_custom(EcapiWriter *writer, const EcapiFacts *facts)
{
	const EcapiValue *properties = facts->properties;
	const EcapiValue *items = properties ? ecapi_items_of(properties) : NULL;
	EcapiOpen	open = ecapi_write_open(writer, "custom_data", '{');

	ecapi_write_value(writer, "value", facts->value);
	ecapi_write_text(writer, "currency", facts->value ? facts->currency : NULL);
	ecapi_write_value(writer, "order_id", ecapi_member_text(properties, "transaction_id"));
	ecapi_write_value(writer, "search_string", ecapi_member_text(properties, "search_term"));
	if (facts->type == ECAPI_EVENT_sign_up)
		ecapi_write_value(writer, "sign_up_method", ecapi_member_text(properties, "login_method"));
	if (items != NULL && ecapi_items_write(writer, "content_ids", items, ecapi_item_write_id))
	{
		(void) ecapi_items_write(writer, "contents", items, write_content);
		ecapi_write_value(writer, "content_category", common_category(items));
		ecapi_items_write_count(writer, "num_items", items);
	}
	(void) ecapi_write_close(writer, open, '}', false);
}

/*
 * ---- an event ----
 */

static const char *
find_needed(const EcapiFacts *facts, EcapiSnapSource source, const char *name)
{
	if (source != ECAPI_SNAP_OFFLINE && facts->page == NULL)
		return "event_source_url missing";
	if (facts->value == NULL && strcmp(name, "PURCHASE") == 0)
		return "value missing";
	return ecapi_facts_money_wrong(facts);
}

/*
 * mmt_only allows measurement alone.  Limited use of all events is the owner's choice; the
 * mode LMU is of websites (page "Parameters").
 */
static void
write_consent(EcapiWriter *writer, const EcapiOptions *options, const EcapiFacts *facts,
			  EcapiSnapSource source)
{
	char	   *const *own = options->own;
	const char *mode = own[ECAPI_SNAP_DATA_PROCESSING];
	EcapiOpen	open;

	if (ecapi_member_is_true(facts->user, "mmt_only"))
		ecapi_write_bool(writer, "opt_out", true);
	if (mode == NULL || (strcmp(mode, "LMU") == 0 && source != ECAPI_SNAP_WEB))
		return;
	open = ecapi_write_open(writer, "data_processing_options", '[');
	ecapi_write_text(writer, NULL, mode);
	(void) ecapi_write_close(writer, open, ']', true);
	if (own[ECAPI_SNAP_DATA_PROCESSING_COUNTRY] != NULL)
		ecapi_write_integer(writer, "data_processing_options_country",
							atoi(own[ECAPI_SNAP_DATA_PROCESSING_COUNTRY]));
	if (own[ECAPI_SNAP_DATA_PROCESSING_STATE] != NULL)
		ecapi_write_integer(writer, "data_processing_options_state",
							atoi(own[ECAPI_SNAP_DATA_PROCESSING_STATE]));
}

static void
write_flag(EcapiWriter *writer, const char *name, const EcapiValue *flag)
{
	ecapi_write_integer(writer, name, flag->type == ECAPI_BOOL ? flag->truth : flag->text[0] == '1');
}

static void
write_app(EcapiWriter *writer, const EcapiOptions *options, const EcapiValue *ext)
{
	const EcapiValue *app = ecapi_app_data(ext);
	EcapiOpen	open;

	if (app == NULL)
		return;
	open = ecapi_write_open(writer, "app_data", '{');
	ecapi_write_text(writer, "app_id", options->own[ECAPI_SNAP_APP_ID]);
	write_flag(writer, "advertiser_tracking_enabled",
			   ecapi_value_get(app, "advertiser_tracking_enabled"));
	write_flag(writer, "application_tracking_enabled",
			   ecapi_value_get(app, "application_tracking_enabled"));
	ecapi_write_value(writer, "extinfo", ecapi_value_get(app, "extinfo"));
	(void) ecapi_write_close(writer, open, '}', true);
}

/* False without a person that it is about. */
static bool
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiFacts *facts,
			EcapiSnapSource source, const char *name)
{
	ecapi_write_text(writer, "event_name", name);
	ecapi_write_integer(writer, "event_time", facts->time);
	ecapi_write_value(writer, "event_id", facts->id);
	ecapi_write_text(writer, "action_source", action_sources[source]);
	ecapi_write_value(writer, "event_source_url", facts->page);
	write_consent(writer, shape->options, facts, source);
	if (!write_user(shape, writer, facts->user))
		return false;
	write_custom(writer, facts);
	if (source == ECAPI_SNAP_APP)
		write_app(writer, shape->options, facts->ext);
	return true;
}

EcapiShaped
ecapi_snap_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			   EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	EcapiSnapSource source;
	const char *name;
	const char *id;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	source = ecapi_snap_source(event);
	name = shape->options->targets[facts.type];
	name = name ? name : ecapi_snap_name(facts.type);
	id = source == ECAPI_SNAP_APP ? shape->options->own[ECAPI_SNAP_APP_ID]
		: shape->options->data_set_id;
	if (id == NULL)
		*reason = source == ECAPI_SNAP_APP ? "app_id" : "data_set_id";
	else if (name == NULL)
		*reason = "event_type";
	if (*reason != NULL || ecapi_facts_names_other(shape, event, id, strlen(id), reason))
		return ECAPI_FILTERED;
	*reason = find_needed(&facts, source, name);
	if (*reason != NULL)
		return ECAPI_UNFIT;

	open = ecapi_write_open(&writer, NULL, '{');
	if (!write_event(shape, &writer, &facts, source, name))
		*reason = "no identifier";
	return ecapi_format_shaped(&writer, open, *reason);
}

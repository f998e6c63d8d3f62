/*
 * meta_rules.c
 *	  What Meta's Conversions API allows in a request: the tables.
 *
 * From the pages parameters/server-event, customer-information-parameters,
 * custom-data and app-data, and from the official SDK for members that the pages
 * leave out.  custom_data is open: any other key is the sender's own.  Stricter
 * than the platform where a slip of the sender would hide: unknown members of an
 * event are refused, a digest in a clear field and a clear value in a hashed one.
 */
#include "meta_rules.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

static const char *const action_sources[] = {
	"email", "website", "app", "phone_call", "chat", "physical_store",
	"system_generated", "business_messaging", "other", NULL
};
static const char *const channels[] = {"messenger", "whatsapp", "instagram", NULL};
static const char *const content_types[] = {"product", "product_group", NULL};
static const char *const deliveries[] = {"in_store", "curbside", "home_delivery", NULL};
static const char *const options[] = {"LDU", NULL};

/* fb.SUBDOMAIN_INDEX.MILLISECONDS.REST, of fbc and fbp */
static const char *
shape_browser_id(const RcvNode *node)
{
	const char *at = node->text;
	const char *end = node->text + node->len;

	if (node->len < 3 || memcmp(at, "fb.", 3) != 0)
		return "does not start with fb.";
	at += 3;
	for (int part = 0; part < 2; part++)
	{
		const char *start = at;

		while (at < end && isdigit((unsigned char) *at))
			at++;
		if (at == start || at == end || *at != '.')
			return "is not fb.index.milliseconds.id";
		at++;
	}
	return at < end ? NULL : "is not fb.index.milliseconds.id";
}

/* external_id: hashed or as it is, but not hashed from nothing, and not in capitals */
static const char *
shape_external_id(const RcvNode *node)
{
	size_t		hex = 0;

	while (hex < node->len && isxdigit((unsigned char) node->text[hex]))
		hex++;
	return hex == 64 && node->len == 64 ? rcv_shape_hash(node) : rcv_shape_opaque(node);
}

#define HASHED(name) RCV_MEMBER(name, RCV_OF_TEXT, RCV_ONE_OR_LIST, .shape = rcv_shape_hash)
#define CLEAR(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_clear)
#define ID(name) RCV_MEMBER(name, RCV_OF_NAME, .shape = rcv_shape_clear)

static const RcvMember user_data_members[] = {
	HASHED("em"), HASHED("ph"), HASHED("fn"), HASHED("ln"), HASHED("db"),
	HASHED("ge"), HASHED("ct"), HASHED("st"), HASHED("zp"), HASHED("country"),
	HASHED("doby"), HASHED("dobm"), HASHED("dobd"), HASHED("fi"),
	RCV_MEMBER("external_id", RCV_OF_TEXT, RCV_ONE_OR_LIST, .shape = shape_external_id),
	RCV_MEMBER("client_ip_address", RCV_OF_TEXT, .shape = rcv_shape_ip),
	CLEAR("client_user_agent"),
	RCV_MEMBER("fbc", RCV_OF_TEXT, .shape = shape_browser_id),
	RCV_MEMBER("fbp", RCV_OF_TEXT, .shape = shape_browser_id),
	CLEAR("subscription_id"), CLEAR("madid"), CLEAR("anon_id"), CLEAR("ctwa_clid"),
	RCV_MEMBER("fb_login_id", RCV_OF_INTEGER), RCV_MEMBER("lead_id", RCV_OF_INTEGER),
	ID("page_id"), ID("page_scoped_user_id"), ID("ig_account_id"), ID("ig_sid"),
	ID("app_user_id"),
	RCV_NO_MORE
};

/* At least one customer information parameter is required. */
static bool
user_data_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user_data)
{
	return user_data->first != NULL ||
		rcv_found(finding, place, RCV_FAULT_MISSING, "holds no parameter", NULL);
}

static const RcvRules user_data = {.members = user_data_members, .also = user_data_also};

static const RcvMember content_members[] = {
	RCV_MEMBER("id", RCV_OF_NAME, .required = true, .shape = rcv_shape_opaque),
	RCV_MEMBER("quantity", RCV_OF_NUMBER), RCV_MEMBER("item_price", RCV_OF_NUMBER),
	CLEAR("title"), CLEAR("description"), CLEAR("brand"), CLEAR("category"),
	RCV_MEMBER("delivery_category", RCV_OF_WORD, .words = deliveries),
	RCV_NO_MORE
};
static const RcvRules content = {.members = content_members};

static const RcvMember custom_data_members[] = {
	RCV_MEMBER("value", RCV_OF_NUMBER),
	RCV_MEMBER("currency", RCV_OF_TEXT, .shape = rcv_shape_currency),
	RCV_MEMBER("content_ids", RCV_OF_NAME, RCV_LIST, .shape = rcv_shape_opaque),
	RCV_MEMBER("contents", RCV_OF_OBJECT, RCV_LIST, .rules = &content),
	RCV_MEMBER("content_type", RCV_OF_WORD, .words = content_types),
	CLEAR("content_name"), CLEAR("content_category"),
	RCV_MEMBER("order_id", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("num_items", RCV_OF_INTEGER),
	CLEAR("search_string"), CLEAR("status"),
	RCV_MEMBER("delivery_category", RCV_OF_WORD, .words = deliveries),
	RCV_MEMBER("predicted_ltv", RCV_OF_NUMBER), RCV_MEMBER("net_revenue", RCV_OF_NUMBER),
	RCV_NO_MORE
};
static const RcvRules custom_data = {.members = custom_data_members, .open = true};

static const RcvMember app_data_members[] = {
	RCV_MEMBER("advertiser_tracking_enabled", RCV_OF_ANYTHING, .required = true),
	RCV_MEMBER("application_tracking_enabled", RCV_OF_ANYTHING, .required = true),
	RCV_MEMBER("extinfo", RCV_OF_TEXT, RCV_LIST, .required = true, .max = 16),
	RCV_NO_MORE
};

/* extinfo: 16 strings, the first names the system */
static bool
app_data_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *app_data)
{
	const RcvNode *extinfo = rcv_json_get(app_data, "extinfo");
	int			count = 0;

	for (const RcvNode *node = extinfo->first; node != NULL; node = node->next)
		count++;
	if (count != 16 ||
		!(rcv_text_is(extinfo->first, "a2") || rcv_text_is(extinfo->first, "i2")))
		return rcv_found_member(finding, place, "extinfo", RCV_FAULT_SHAPE,
								"is not 16 strings from a2 or i2 on", NULL);
	return true;
}

static const RcvRules app_data = {
	.members = app_data_members, .open = true, .also = app_data_also
};

static const RcvMember original_members[] = {
	RCV_MEMBER("event_name", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_MEMBER("event_time", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("order_id", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("event_id", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_NO_MORE
};

/* Of several events of a name, one of these tells which. */
static bool
original_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *original)
{
	return rcv_json_get(original, "order_id") != NULL ||
		rcv_rules_need(finding, place, original, "event_id", "is missing where there is no order_id");
}

static const RcvRules original = {.members = original_members, .also = original_also};

static const RcvMember event_members[] = {
	RCV_MEMBER("event_name", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_MEMBER("event_time", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("action_source", RCV_OF_WORD, .required = true, .words = action_sources),
	RCV_MEMBER("user_data", RCV_OF_OBJECT, .required = true, .rules = &user_data),
	RCV_MEMBER("messaging_channel", RCV_OF_WORD, .words = channels),
	RCV_MEMBER("event_id", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("event_source_url", RCV_OF_TEXT, .shape = rcv_shape_url),
	RCV_MEMBER("referrer_url", RCV_OF_TEXT, .shape = rcv_shape_url),
	RCV_MEMBER("opt_out", RCV_OF_BOOLEAN),
	RCV_MEMBER("data_processing_options", RCV_OF_WORD, RCV_LIST, .words = options,
			   .max = -1),
	RCV_MEMBER("data_processing_options_country", RCV_OF_INTEGER),
	RCV_MEMBER("data_processing_options_state", RCV_OF_INTEGER),
	CLEAR("customer_segmentation"),
	RCV_MEMBER("original_event_data", RCV_OF_OBJECT, .rules = &original),
	RCV_MEMBER("custom_data", RCV_OF_OBJECT, .rules = &custom_data),
	RCV_MEMBER("app_data", RCV_OF_OBJECT, .rules = &app_data),
	RCV_NO_MORE
};

/* What a kind of source needs beside the event. */
static bool
holds_for_source(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *source = rcv_json_get(event, "action_source");
	RcvPlace	in_user_data = {place, "user_data", 9, 0};

	if (rcv_text_is(source, "website"))
		return rcv_rules_need(finding, place, event, "event_source_url",
					"is missing where action_source is website") &&
			rcv_rules_need(finding, &in_user_data, rcv_json_get(event, "user_data"),
				 "client_user_agent", "is missing where action_source is website");
	if (rcv_text_is(source, "app"))
		return rcv_rules_need(finding, place, event, "app_data",
					"is missing where action_source is app");
	if (rcv_text_is(source, "business_messaging"))
		return rcv_rules_need(finding, place, event, "messaging_channel",
					"is missing where action_source is business_messaging");
	return true;
}

/* A purchase needs a value and its currency: error 100, subcode 2804009. */
static bool
holds_for_purchase(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *custom = rcv_json_get(event, "custom_data");
	RcvPlace	in_custom_data = {place, "custom_data", 11, 0};
	static const char *const needed[] = {"value", "currency", NULL};

	if (!rcv_text_is(rcv_json_get(event, "event_name"), "Purchase"))
		return true;
	for (int i = 0; needed[i] != NULL; i++)
		if (custom == NULL || rcv_json_get(custom, needed[i]) == NULL)
			return rcv_found_member(finding, &in_custom_data, needed[i],
									RCV_FAULT_MISSING,
									"is missing where event_name is Purchase",
									"2804009");
	return true;
}

/* A value is appended under another name, or its event would count once more. */
static bool
holds_for_appended(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *of = rcv_json_get(event, "original_event_data");
	const RcvNode *name = rcv_json_get(event, "event_name");
	const RcvNode *its = of == NULL ? NULL : rcv_json_get(of, "event_name");

	if (its == NULL || its->len != name->len || memcmp(its->text, name->text, name->len) != 0)
		return true;
	return rcv_found_member(finding, place, "event_name", RCV_FAULT_SHAPE,
							"is that of the original", NULL);
}

/* Limited data use names the country and the state, or 0 and 0. */
static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *chosen = rcv_json_get(event, "data_processing_options");

	if (chosen != NULL && chosen->first != NULL &&
		!(rcv_rules_need(finding, place, event, "data_processing_options_country",
			   "is missing beside LDU") &&
		  rcv_rules_need(finding, place, event, "data_processing_options_state",
			   "is missing beside LDU")))
		return false;
	return holds_for_source(finding, place, event) &&
		holds_for_purchase(finding, place, event) &&
		holds_for_appended(finding, place, event);
}

const RcvRules rcv_meta_event = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("data", RCV_OF_ANYTHING, RCV_LIST, .required = true,
			   .max = RCV_META_MAX_EVENTS),
	RCV_MEMBER("access_token", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("appsecret_proof", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("test_event_code", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("partner_agent", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	ID("namespace_id"), ID("upload_id"),
	CLEAR("upload_tag"), CLEAR("upload_source"),
	RCV_NO_MORE
};

const RcvRules rcv_meta_request = {.members = request_members};

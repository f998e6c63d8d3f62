/*
 * tiktok.c
 *	  TikTok's Events API 2.0, as far as a sender sees it.
 *
 * The answer is HTTP 200 nearly always, and the code in its body decides.  All or
 * nothing: one event that does not fit refuses the request, and the message names it by
 * its place, "Batch.1.properties.value: ...", only the first of them.  properties is
 * open; all other objects are closed here so that a slip of the sender cannot hide.
 * The portal's pages of tracking, deduplication and advanced matching are the sources;
 * how old an event may be is said by integrators only: 28 days.
 *
 * fault=
 *	  throttled			code 40100			no-token, expired	40104, 40105
 *	  denied			40001				internal			50000, all under HTTP 200
 *	  unavailable		HTTP 503
 *	  partial			accepted, under code 20001
 * index=none: a message that names no event.
 */
#include "adapter.h"

#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		1000	/* portal, of a request */
#define MAX_AGE			(28 * RCV_DAY)
#define MAX_AHEAD		RCV_DAY /* no page names one: seconds, not milliseconds */
#define DEDUPE			(2 * RCV_DAY)	/* help centre, event deduplication: 48 hours */

static const char *const sources[] = {"web", "app", "offline", "crm", NULL};
static const char *const content_types[] = {"product", "product_group", NULL};
static const char *const standard_events[] = {
	"AddPaymentInfo", "AddToCart", "AddToWishlist", "ApplicationApproval",
	"CompleteRegistration", "Contact", "CustomizeProduct", "Download", "FindLocation",
	"InitiateCheckout", "Lead", "Pageview", "Purchase", "Schedule", "Search",
	"StartTrial", "SubmitApplication", "Subscribe", "ViewContent", NULL
};

static const RcvMember content_members[] = {
	RCV_ID("content_id"), RCV_MEMBER("content_type", RCV_OF_WORD, .words = content_types),
	RCV_CLEAR("content_name"), RCV_CLEAR("content_category"), RCV_CLEAR("brand"),
	RCV_AMOUNT("price"), RCV_COUNT("quantity"),
	RCV_NO_MORE
};
static const RcvRules content = {.members = content_members};

static const RcvMember property_members[] = {
	RCV_AMOUNT("value"), RCV_CURRENCY("currency"),
	RCV_MEMBER("contents", RCV_OF_OBJECT, RCV_LIST, .rules = &content),
	RCV_MEMBER("content_type", RCV_OF_WORD, .words = content_types),
	RCV_MEMBER("content_ids", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque),
	RCV_COUNT("num_items"), RCV_ID("order_id"), RCV_ID("shop_id"), RCV_CLEAR("query"),
	RCV_CLEAR("search_string"), RCV_CLEAR("description"), RCV_AMOUNT("predicted_ltv"),
	RCV_CLEAR("delivery_category"),
	RCV_NO_MORE
};

static bool
properties_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *properties)
{
	return rcv_json_get(properties, "value") == NULL ||
		rcv_rules_need(finding, place, properties, "currency", "is missing beside value");
}

static const RcvRules properties = {
	.members = property_members, .open = true, .also = properties_also
};

static const RcvMember user_members[] = {
	RCV_HASHES("email"), RCV_HASHES("phone"), RCV_HASHES("external_id"),
	RCV_ONE_HASH("first_name"), RCV_ONE_HASH("last_name"), RCV_ONE_HASH("zip_code"),
	RCV_CLEAR("city"), RCV_CLEAR("state"), RCV_CLEAR("country"),
	RCV_CLEAR("ttclid"), RCV_CLEAR("ttp"), RCV_IP("ip"), RCV_CLEAR("user_agent"),
	RCV_CLEAR("locale"), RCV_ID("idfa"), RCV_ID("idfv"), RCV_ID("gaid"),
	RCV_CLEAR("att_status"),
	RCV_NO_MORE
};

/* One identifier at least, of those that the help centre calls match keys. */
static bool
user_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user)
{
	static const char *const keys[] = {
		"email", "phone", "external_id", "ttclid", "ttp", "idfa", "idfv", "gaid", NULL
	};

	return (rcv_json_get(user, "ip") != NULL && rcv_json_get(user, "user_agent") != NULL) ||
		rcv_rules_need_one(finding, place, user, keys, "holds no match key");
}

static const RcvRules user = {.members = user_members, .also = user_also};

static const RcvMember page_members[] = {
	RCV_URL("url"), RCV_URL("referrer"), RCV_NO_MORE
};
static const RcvRules page = {.members = page_members};

static const RcvMember app_members[] = {
	RCV_MEMBER("app_id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_CLEAR("app_name"), RCV_CLEAR("app_version"),
	RCV_NO_MORE
};
static const RcvRules app = {.members = app_members};

static const RcvMember ad_members[] = {
	RCV_CLEAR("callback"), RCV_CLEAR("campaign_id"), RCV_CLEAR("ad_id"),
	RCV_CLEAR("creative_id"), RCV_NO_MORE
};
static const RcvRules ad = {.members = ad_members};

static const RcvMember lead_members[] = {
	RCV_MEMBER("lead_id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_CLEAR("lead_event_source"), RCV_NO_MORE
};
static const RcvRules lead = {.members = lead_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("event", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_MEMBER("event_time", RCV_OF_INTEGER, .required = true),
	RCV_ID("event_id"),
	RCV_MEMBER("user", RCV_OF_OBJECT, .required = true, .rules = &user),
	RCV_MEMBER("properties", RCV_OF_OBJECT, .rules = &properties),
	RCV_MEMBER("page", RCV_OF_OBJECT, .rules = &page),
	RCV_MEMBER("app", RCV_OF_OBJECT, .rules = &app),
	RCV_MEMBER("ad", RCV_OF_OBJECT, .rules = &ad),
	RCV_MEMBER("lead", RCV_OF_OBJECT, .rules = &lead),
	RCV_FLAG("limited_data_use"),
	RCV_NO_MORE
};

/* A purchase needs its amount. */
static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	RcvPlace	below = {place, "properties", 10, 0};

	return !rcv_text_is(rcv_json_get(event, "event"), "Purchase") ||
		rcv_rules_need(finding, &below, rcv_json_get(event, "properties"), "value",
					   "is missing where the event is Purchase");
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("event_source", RCV_OF_WORD, .required = true, .words = sources),
	RCV_MEMBER("event_source_id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_CLEAR("partner_name"), RCV_CLEAR("test_event_code"),
	RCV_MEMBER("data", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
is_standard(const RcvNode *name)
{
	for (int i = 0; standard_events[i] != NULL; i++)
		if (rcv_text_is(name, standard_events[i]))
			return true;
	return false;
}

/* What the source of the request demands of each event. */
static bool
fits_source(const RcvNode *source, const RcvNode *event, const RcvPlace *place,
			RcvFinding *finding)
{
	RcvPlace	below = {place, "page", 4, 0};

	if (rcv_text_is(source, "web"))
		return rcv_rules_need(finding, &below, rcv_json_get(event, "page"), "url",
							  "is missing where event_source is web");
	if (rcv_text_is(source, "app"))
		return rcv_rules_need(finding, place, event, "app",
							  "is missing where event_source is app");
	if (rcv_text_is(source, "crm"))
		return rcv_rules_need(finding, place, event, "lead",
							  "is missing where event_source is crm");
	return is_standard(rcv_json_get(event, "event")) ||
		rcv_found_member(finding, place, "event", RCV_FAULT_WORD,
						 "is no standard event where event_source is offline", NULL);
}

/* Limited data use is for web and app, and needs an address. */
static bool
fits_limits(const RcvNode *source, const RcvNode *event, const RcvPlace *place,
			RcvFinding *finding)
{
	const RcvNode *limited = rcv_json_get(event, "limited_data_use");
	RcvPlace	below = {place, "user", 4, 0};

	if (limited == NULL || !rcv_text_is(limited, "true"))
		return true;
	if (!rcv_text_is(source, "web") && !rcv_text_is(source, "app"))
		return rcv_found_member(finding, place, "limited_data_use", RCV_FAULT_SHAPE,
								"is for web and app only", NULL);
	return rcv_rules_need(finding, &below, rcv_json_get(event, "user"), "ip",
						  "is missing beside limited_data_use");
}

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	const RcvNode *source = rcv_json_get(request, "event_source");

	return fits_source(source, event, place, finding) &&
		fits_limits(source, event, place, finding) &&
		rcv_rules_in_time(finding, place, event, "event_time", call->now - MAX_AGE,
						  call->now + MAX_AHEAD, NULL);
}

static const char *
token(const RcvCall *call)
{
	return rcv_call_header(call, "Access-Token");
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "properties", RCV_OBJECT);

	(void) call;
	naming->data_set_id = rcv_call_member(request, "event_source_id", RCV_STRING);
	naming->id = rcv_call_member(event, "event_id", RCV_STRING);
	naming->event_type = rcv_call_member(event, "event", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

static const char *
problem_of(const RcvFinding *finding)
{
	switch (finding->kind)
	{
		case RCV_FAULT_MISSING:
			return "Missing data for required field.";
		case RCV_FAULT_UNKNOWN:
			return "Unknown field.";
		case RCV_FAULT_TYPE:
			return "Not a valid value of its type.";
		default:
			return "Invalid value.";
	}
}

static void
add_message(RcvCall *call, const RcvJudged *judged)
{
	uint64_t	first = rcv_adapter_first(call, judged);
	const RcvFinding *finding = judged->whole != NULL ? judged->whole : judged->faults[first];
	const char *path = rcv_adapter_path(finding);

	if (judged->whole == NULL && rcv_adapter_names(call, "none", ""))
	{
		rcv_lines_printf(&call->answer, "One or more events are not valid.");
		return;
	}
	if (judged->whole == NULL)
		rcv_lines_printf(&call->answer, "Batch.%llu%s", (unsigned long long) first,
						 path[0] != '\0' ? "." : "");
	rcv_adapter_add_path(&call->answer, path, '.');
	rcv_lines_printf(&call->answer, ": %s", problem_of(finding));
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	bool		refused = judged->whole != NULL || judged->bad > 0;
	bool		partial = strcmp(call->fault, "partial") == 0;

	call->status = 200;
	rcv_lines_printf(&call->answer, "{\"code\":%d,\"message\":\"",
					 refused ? 40002 : partial ? 20001 : 0);
	if (refused)
		add_message(call, judged);
	else
	{
		rcv_adapter_keep(call, judged);
		rcv_lines_printf(&call->answer, partial ? "Partial success" : "OK");
	}
	rcv_lines_printf(&call->answer, "\",\"request_id\":\"202611290000000000\",\"data\":{}}\n");
}

#define BODY(code, message) \
	"{\"code\":" #code ",\"message\":\"" message "\",\"request_id\":\"202611290000000000\"," \
	"\"data\":{}}\n"

static const RcvCanned canned[] = {
	{"throttled", 200, BODY(40100, "Too many requests. Please retry in some time.")},
	{"no-token", 200, BODY(40104, "Access token is empty.")},
	{"expired", 200, BODY(40105, "Access token is incorrect or has been revoked.")},
	{"denied", 200, BODY(40001, "No permission to operate the pixel.")},
	{"internal", 200, BODY(50000, "System error.")},
	{"unavailable", 503, "Service Unavailable\n"},
	{.fault = NULL}
};

const RcvAdapter rcv_tiktok = {
	.list = "data",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = token,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.answer = answer,
};

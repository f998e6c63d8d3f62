/*
 * snap.c
 *	  Snap's Conversions API v3, as far as a sender sees it.
 *
 * The token is in the query.  All or nothing: one event that does not fit is answered 400
 * INVALID with its index in "event", the first of them alone.  Web and app events may be
 * seven days old, offline ones 37.  .../events/validate checks and keeps nothing, and
 * answers 200 with a log of each event.  custom_data.custom_fields is open, all other
 * objects are closed here.
 *
 * fault=
 *	  throttled			429					expired				401
 *	  denied			403					internal			500
 * index=none: no member "event"; index=ok: INVALID under HTTP 200.
 */
#include "adapter.h"

#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		2000	/* of a request, by three senders */
#define MAX_AGE			(7 * RCV_DAY)	/* parameter page, of web and app */
#define MAX_OFFLINE_AGE (37 * RCV_DAY)	/* introduction */
#define MAX_AHEAD		RCV_DAY /* no page names one: seconds, not milliseconds */
#define DEDUPE			(2 * RCV_DAY)	/* no page names one: that of most others */

static const char *const names[] = {
	"PURCHASE", "SAVE", "START_CHECKOUT", "ADD_CART", "VIEW_CONTENT", "ADD_BILLING",
	"SIGN_UP", "SEARCH", "PAGE_VIEW", "SUBSCRIBE", "AD_CLICK", "AD_VIEW",
	"COMPLETE_TUTORIAL", "LEVEL_COMPLETE", "INVITE", "LOGIN", "SHARE", "RESERVE",
	"ACHIEVEMENT_UNLOCKED", "ADD_TO_WISHLIST", "SPENT_CREDITS", "RATE", "START_TRIAL",
	"LIST_VIEW", "APP_INSTALL", "APP_OPEN", "CUSTOM_EVENT_1", "CUSTOM_EVENT_2",
	"CUSTOM_EVENT_3", "CUSTOM_EVENT_4", "CUSTOM_EVENT_5", NULL
};
static const char *const sources[] = {
	"WEB", "MOBILE_APP", "OFFLINE", "website", "app", "physical_store", "phone_call",
	"email", "chat", "other", NULL
};
static const char *const with_url[] = {"WEB", "MOBILE_APP", "website", "app", NULL};
static const char *const options[] = {"LDU", "LMU", "DELETE", NULL};

static const RcvMember user_members[] = {
	RCV_HASHES("em"), RCV_HASHES("ph"), RCV_HASHES("fn"), RCV_HASHES("ln"),
	RCV_HASHES("ge"), RCV_HASHES("ct"), RCV_HASHES("st"), RCV_HASHES("zp"),
	RCV_HASHES("country"), RCV_HASHES("db"), RCV_HASHES("external_id"),
	RCV_IP("client_ip_address"), RCV_CLEAR("client_user_agent"), RCV_CLEAR("sc_click_id"),
	RCV_CLEAR("sc_cookie1"), RCV_CLEAR("idfv"), RCV_CLEAR("madid"), RCV_CLEAR("lead_id"),
	RCV_CLEAR("subscription_id"),
	RCV_NO_MORE
};

static bool
user_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user)
{
	static const char *const keys[] = {"em", "ph", "madid", NULL};

	return (rcv_json_get(user, "client_ip_address") != NULL &&
			rcv_json_get(user, "client_user_agent") != NULL) ||
		rcv_rules_need_one(finding, place, user, keys, "holds no identity");
}

static const RcvRules user = {.members = user_members, .also = user_also};

/* Numbers or, as the description has them, strings. */
static const RcvMember content_members[] = {
	RCV_ID("id"), RCV_MEMBER("quantity", RCV_OF_ANYTHING),
	RCV_MEMBER("item_price", RCV_OF_ANYTHING), RCV_CLEAR("delivery_category"),
	RCV_CLEAR("brand"),
	RCV_NO_MORE
};
static const RcvRules content = {.members = content_members};

#define TEXTS(name) RCV_MEMBER(name, RCV_OF_TEXT, RCV_ONE_OR_LIST, .shape = rcv_shape_opaque)

static const RcvMember custom_members[] = {
	RCV_AMOUNT("value"), RCV_CURRENCY("currency"),
	RCV_MEMBER("content_ids", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque),
	TEXTS("content_category"), TEXTS("brands"), RCV_COUNT("num_items"), RCV_ID("order_id"),
	RCV_CLEAR("search_string"), RCV_CLEAR("sign_up_method"), RCV_CLEAR("status"),
	RCV_MEMBER("contents", RCV_OF_OBJECT, RCV_LIST, .rules = &content),
	TEXTS("checkin_date"), TEXTS("travel_start"), TEXTS("travel_end"),
	TEXTS("destination_airport"), TEXTS("origin_airport"), TEXTS("city"), TEXTS("region"),
	TEXTS("suggested_destinations"), RCV_COUNT("num_adults"),
	RCV_MEMBER("custom_fields", RCV_OF_ANYTHING),
	RCV_NO_MORE
};
static const RcvRules custom = {.members = custom_members};

static const RcvMember app_members[] = {
	RCV_ID("app_id"), RCV_COUNT("advertiser_tracking_enabled"),
	RCV_COUNT("application_tracking_enabled"),
	RCV_MEMBER("extinfo", RCV_OF_TEXT, RCV_LIST, .max = 16),
	RCV_NO_MORE
};
static const RcvRules app = {.members = app_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("event_name", RCV_OF_WORD, .required = true, .words = names),
	RCV_MEMBER("event_time", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("action_source", RCV_OF_WORD, .required = true, .words = sources),
	RCV_ID("event_id"), RCV_URL("event_source_url"), RCV_FLAG("opt_out"),
	RCV_MEMBER("data_processing_options", RCV_OF_WORD, RCV_LIST, .words = options,
			   .max = -1),
	RCV_COUNT("data_processing_options_country"), RCV_COUNT("data_processing_options_state"),
	RCV_CLEAR("integration"), RCV_ID("request_id"),
	RCV_MEMBER("user_data", RCV_OF_OBJECT, .required = true, .rules = &user),
	RCV_MEMBER("custom_data", RCV_OF_OBJECT, .rules = &custom),
	RCV_MEMBER("app_data", RCV_OF_OBJECT, .rules = &app),
	RCV_NO_MORE
};

static bool
is_among(const RcvNode *node, const char *const *words)
{
	for (; *words != NULL; words++)
		if (rcv_text_is(node, *words))
			return true;
	return false;
}

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *about = rcv_json_get(event, "custom_data");
	RcvPlace	below = {place, "custom_data", 11, 0};

	if (rcv_text_is(rcv_json_get(event, "event_name"), "PURCHASE") &&
		!(rcv_rules_need(finding, &below, about, "value", "is missing of a PURCHASE") &&
		  rcv_rules_need(finding, &below, about, "currency", "is missing of a PURCHASE")))
		return false;
	return !is_among(rcv_json_get(event, "action_source"), with_url) ||
		rcv_rules_need(finding, place, event, "event_source_url",
					   "is missing of a web or app event");
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("data", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	bool		short_lived = is_among(rcv_json_get(event, "action_source"), with_url);

	(void) request;
	return rcv_rules_in_time(finding, place, event, "event_time",
							 call->now - (short_lived ? MAX_AGE : MAX_OFFLINE_AGE),
							 call->now + MAX_AHEAD, NULL);
}

static const char *
token(const RcvCall *call)
{
	return rcv_call_parameter(call, "access_token");
}

static bool
is_test(const RcvCall *call, const RcvNode *request)
{
	const char *last = strrchr(call->path, '/');

	(void) request;
	return strcmp(last, "/validate") == 0;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "custom_data", RCV_OBJECT);

	naming->data_set_id = rcv_call_segment(call, is_test(call, request) ? 2 : 1);
	naming->id = rcv_call_member(event, "event_id", RCV_STRING);
	naming->event_type = rcv_call_member(event, "event_name", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

static void
answer_invalid(RcvCall *call, const RcvJudged *judged)
{
	uint64_t	first = rcv_adapter_first(call, judged);
	const RcvFinding *finding = judged->whole != NULL ? judged->whole : judged->faults[first];

	call->status = rcv_adapter_names(call, "ok", "") ? 200 : 400;
	rcv_lines_printf(&call->answer, "{\"status\":\"INVALID\",\"reason\":\"%s %s\",",
					 rcv_adapter_path(finding), finding->problem);
	if (judged->whole == NULL && !rcv_adapter_names(call, "none", ""))
		rcv_lines_printf(&call->answer, "\"event\":%llu,", (unsigned long long) first);
	rcv_lines_printf(&call->answer, "\"errors\":{\"codes\":[\"1003\"],\"error_msgs\":"
					 "[\"%s\"]}}\n", finding->problem);
}

/* The answer of .../validate: a log of each event. */
static void
answer_log(RcvCall *call, const RcvJudged *judged)
{
	RcvLines   *answer = &call->answer;
	bool		invalid = judged->whole != NULL || judged->bad > 0;

	call->status = 200;
	rcv_lines_printf(answer, "{\"status\":\"%s\",\"test_event\":true,\"reason\":\"%s\","
					 "\"event_logs\":[", invalid ? "INVALID" : "VALID",
					 invalid ? "An event is not valid." : "");
	for (uint64_t i = 0; judged->whole == NULL && i < call->events; i++)
	{
		const RcvFinding *finding = judged->faults[i];

		rcv_lines_printf(answer, "%s{\"event\":%llu,\"status\":\"%s\",\"errors\":[",
						 i > 0 ? "," : "", (unsigned long long) i,
						 finding != NULL ? "INVALID" : "VALID");
		if (finding != NULL)
			rcv_lines_printf(answer, "\"%s %s\"", rcv_adapter_path(finding),
							 finding->problem);
		rcv_lines_printf(answer, "],\"warnings\":[]}");
	}
	rcv_lines_printf(answer, "]}\n");
	if (judged->whole == NULL)
		rcv_adapter_keep(call, judged);
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (judged->test)
		answer_log(call, judged);
	else if (judged->whole != NULL || judged->bad > 0)
		answer_invalid(call, judged);
	else
	{
		call->status = 200;
		rcv_adapter_keep(call, judged);
		rcv_lines_printf(&call->answer, "{\"status\":\"VALID\",\"reason\":\"Events have been "
						 "processed successfully.\"}\n");
	}
}

#define BODY(reason) "{\"status\":\"INVALID\",\"reason\":\"" reason "\"}\n"

static const RcvCanned canned[] = {
	{"throttled", 429, BODY("Too many requests")},
	{"expired", 401, BODY("Invalid access token")},
	{"denied", 403, BODY("The token has no access to the asset")},
	{"internal", 500, BODY("Internal error")},
	{.fault = NULL}
};

const RcvAdapter rcv_snap = {
	.list = "data",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = token,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.is_test = is_test,
	.answer = answer,
};

/*
 * pinterest.c
 *	  Pinterest's Conversions API v5, as far as a sender sees it.
 *
 * The OpenAPI description is closed: a body with a member that it does not know, with a
 * value of another type or without one that it requires is refused as a whole, 400.
 * Otherwise each event has a result of its own in the order of the request: 200 when all
 * are processed, 422 when some are not, and then those that fit are taken.  Members of
 * user_data are closed here, too.
 *
 * fault=
 *	  throttled			429, code 8			expired				401, code 2
 *	  denied			403, code 29		invalid				400, code 4196
 *	  ramped-down		503, code 4197		internal			500, code 4
 *	  warning			accepted, with a warning on the last event
 * index=none: the details of a 422 hold no list of results; index=ok: partly failed under
 * HTTP 200, as the page allows, too.
 * ?test=true: the same answers, nothing is kept; more than 20 events are refused, of which
 * the platform would look at the first 20 only.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		1000	/* OpenAPI, maxItems */
#define MAX_TEST_EVENTS 20
#define MAX_NAME		100		/* of an event's own name */
#define MAX_AHEAD		RCV_DAY /* no page names one: seconds, not milliseconds */
#define DEDUPE			(2 * RCV_DAY)	/* guide of deduplication: 48 hours */

static const char *const sources[] = {"app_android", "app_ios", "web", "offline", NULL};

static const char *
shape_name(const RcvNode *node)
{
	for (size_t i = 0; i < node->len; i++)
		if (!isalnum((unsigned char) node->text[i]) && strchr("_-", node->text[i]) == NULL)
			return "is no name of an event";
	return node->len > 0 && node->len <= MAX_NAME ? NULL : "is no name of an event";
}

static const RcvMember user_members[] = {
	RCV_HASH_LIST("em"), RCV_HASH_LIST("ph"), RCV_HASH_LIST("ge"), RCV_HASH_LIST("db"),
	RCV_HASH_LIST("ln"), RCV_HASH_LIST("fn"), RCV_HASH_LIST("ct"), RCV_HASH_LIST("st"),
	RCV_HASH_LIST("zp"), RCV_HASH_LIST("country"), RCV_HASH_LIST("external_id"),
	RCV_HASH_LIST("hashed_maids"),
	RCV_CLEAR("click_id"), RCV_IP("client_ip_address"), RCV_CLEAR("client_user_agent"),
	RCV_CLEAR("partner_id"),
	RCV_NO_MORE
};

/* The description's anyOf. */
static bool
user_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user)
{
	static const char *const keys[] = {"em", "hashed_maids", NULL};

	return (rcv_json_get(user, "client_ip_address") != NULL &&
			rcv_json_get(user, "client_user_agent") != NULL) ||
		rcv_rules_need_one(finding, place, user, keys,
						   "holds neither em, hashed_maids nor an address with user agent");
}

static const RcvRules user = {.members = user_members, .also = user_also};

#define DECIMAL(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_decimal)

static const RcvMember content_members[] = {
	RCV_ID("id"), RCV_CLEAR("item_name"), RCV_CLEAR("item_category"),
	RCV_CLEAR("item_brand"), DECIMAL("item_price"), RCV_COUNT("quantity"),
	RCV_NO_MORE
};
static const RcvRules content = {.members = content_members};

static const RcvMember custom_members[] = {
	DECIMAL("value"), DECIMAL("predicted_ltv"), RCV_COUNT("num_items"),
	RCV_CURRENCY("currency"),
	RCV_MEMBER("content_ids", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque),
	RCV_MEMBER("contents", RCV_OF_OBJECT, RCV_LIST, .rules = &content),
	RCV_CLEAR("content_name"), RCV_CLEAR("content_category"), RCV_CLEAR("content_brand"),
	RCV_ID("order_id"), RCV_CLEAR("search_string"), RCV_CLEAR("opt_out_type"),
	RCV_CLEAR("np"),
	RCV_NO_MORE
};
static const RcvRules custom = {.members = custom_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("event_name", RCV_OF_TEXT, .required = true, .shape = shape_name),
	RCV_MEMBER("action_source", RCV_OF_WORD, .required = true, .words = sources),
	RCV_MEMBER("event_time", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("event_id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_MEMBER("user_data", RCV_OF_OBJECT, .required = true, .rules = &user),
	RCV_MEMBER("custom_data", RCV_OF_OBJECT, .rules = &custom),
	RCV_URL("event_source_url"), RCV_CLEAR("partner_name"),
	RCV_CLEAR("app_id"), RCV_CLEAR("app_name"), RCV_CLEAR("app_version"),
	RCV_CLEAR("device_brand"), RCV_CLEAR("device_carrier"), RCV_CLEAR("device_model"),
	RCV_CLEAR("device_type"), RCV_CLEAR("os_version"), RCV_CLEAR("language"),
	RCV_FLAG("opt_out"), RCV_FLAG("wifi"),
	RCV_MEMBER("app_info", RCV_OF_ANYTHING), RCV_MEMBER("device_info", RCV_OF_ANYTHING),
	RCV_NO_MORE
};
static const RcvRules event_rules = {.members = event_members};

static const RcvMember request_members[] = {
	RCV_MEMBER("data", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	(void) request;
	return rcv_rules_in_time(finding, place, event, "event_time", 0,
							 call->now + MAX_AHEAD, NULL);
}

static bool
is_test(const RcvCall *call, const RcvNode *request)
{
	const char *test = rcv_call_parameter(call, "test");

	(void) request;
	return test != NULL && strcmp(test, "true") == 0;
}

static const char *
envelope(const RcvCall *call)
{
	const RcvNode *account = rcv_call_segment((RcvCall *) call, 1);

	for (size_t i = 0; account != NULL && i < account->len; i++)
		if (!isdigit((unsigned char) account->text[i]))
			return "the account is no number";
	return is_test(call, NULL) && call->events > MAX_TEST_EVENTS ?
		"a test has more than 20 events" : NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "custom_data", RCV_OBJECT);

	(void) request;
	naming->data_set_id = rcv_call_segment(call, 1);
	naming->id = rcv_call_member(event, "event_id", RCV_STRING);
	naming->event_type = rcv_call_member(event, "event_name", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_STRING);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

/* Offline events are never recognised. */
static bool
has_key(const RcvNode *event)
{
	return !rcv_text_is(rcv_json_get(event, "action_source"), "offline");
}

/* Is it a fault that the description itself names? */
static bool
is_of_schema(const RcvFinding *finding)
{
	return finding->kind == RCV_FAULT_UNKNOWN || finding->kind == RCV_FAULT_TYPE ||
		finding->kind == RCV_FAULT_MISSING || finding->kind == RCV_FAULT_MANY;
}

static void
answer_invalid(RcvCall *call, const RcvFinding *finding)
{
	RcvLines	message = {0};

	rcv_lines_printf(&message, "%s %s", finding->path, finding->problem);
	call->status = 400;
	rcv_lines_printf(&call->answer, "{\"code\":4196,\"message\":");
	if (!message.failed)
		rcv_lines_json(&call->answer, message.text, message.len);
	rcv_lines_printf(&call->answer, "}\n");
	rcv_lines_free(&message);
}

/* The results of all events, as the body of a 200. */
static void
add_results(RcvCall *call, const RcvJudged *judged)
{
	RcvLines   *answer = &call->answer;
	bool		warning = strcmp(call->fault, "warning") == 0;

	rcv_lines_printf(answer, "{\"num_events_received\":%llu,\"num_events_processed\":%llu,"
					 "\"events\":[", (unsigned long long) call->events,
					 (unsigned long long) (call->events - judged->bad));
	for (uint64_t i = 0; i < call->events; i++)
	{
		const RcvFinding *finding = judged->faults[i];

		rcv_lines_printf(answer, "%s{\"status\":\"%s\",\"error_message\":\"%s%s%s\","
						 "\"warning_message\":\"%s\"}", i > 0 ? "," : "",
						 finding != NULL ? "failed" : "processed",
						 finding != NULL ? rcv_adapter_path(finding) : "",
						 finding != NULL ? " " : "",
						 finding != NULL ? finding->problem : "",
						 warning && i == call->events - 1 ? "an event is late" : "");
	}
	rcv_lines_printf(answer, "]}");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (judged->whole != NULL)
	{
		answer_invalid(call, judged->whole);
		return;
	}
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] != NULL && is_of_schema(judged->faults[i]))
		{
			answer_invalid(call, judged->faults[i]);
			return;
		}
	rcv_adapter_keep(call, judged);
	call->status = 200;
	if (judged->bad == 0 || rcv_adapter_names(call, "ok", ""))
		add_results(call, judged);
	else
	{
		call->status = 422;
		rcv_lines_printf(&call->answer, "{\"code\":4195,\"message\":\"Not all events were "
						 "successfully processed.\",\"details\":");
		if (rcv_adapter_names(call, "none", ""))
			rcv_lines_printf(&call->answer, "{}");
		else
			add_results(call, judged);
		rcv_lines_printf(&call->answer, "}");
	}
	rcv_lines_printf(&call->answer, "\n");
}

#define BODY(code, message) "{\"code\":" #code ",\"message\":\"" message "\"}\n"

static const RcvCanned canned[] = {
	{"throttled", 429, BODY(8, "This request exceeded a rate limit. This can happen if the "
							"client exceeds one of the published rate limits within a short "
							"time window.")},
	{"expired", 401, BODY(2, "Authentication failed.")},
	{"denied", 403, BODY(29, "You are not permitted to access that resource.")},
	{"invalid", 400, BODY(4196, "The request is not valid.")},
	{"ramped-down", 503, BODY(4197, "The endpoint has been ramped down and is currently not "
							  "accepting any traffic.")},
	{"internal", 500, BODY(4, "Something went wrong on our end.")},
	{.fault = NULL}
};

const RcvAdapter rcv_pinterest = {
	.list = "data",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = rcv_call_bearer,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.has_key = has_key,
	.is_test = is_test,
	.answer = answer,
};

/*
 * openai.c
 *	  OpenAI Ads' Conversions API, as far as a sender sees it.
 *
 * All or nothing: one event that does not fit refuses the request.  The page shows no
 * error, so none names an event unless the path asks for it.  Amounts are integers in the
 * currency's smallest unit; data goes by the type of the event.  validate_only checks and
 * keeps nothing.  All objects are closed here.
 *
 * fault=
 *	  throttled			429					expired				401
 *	  denied			403					internal			500
 * index=param: the error's param is "events[1].data.amount", of the first event at fault.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		1000	/* conversions-api page */
#define MAX_AGE			(INT64_C(7000) * RCV_DAY)	/* the same: 7 days, in milliseconds */
#define MAX_AHEAD		INT64_C(600000) /* the same: 10 minutes */
#define DEDUPE			(2 * RCV_DAY)	/* no page names one: that of most others */
#define MAX_NAME		64		/* of a custom event */

static const char *const sources[] = {
	"web", "mobile_app", "offline", "physical_store", "phone_call", "email", "other", NULL
};
static const char *const data_types[] = {
	"contents", "customer_action", "plan_enrollment", "custom", NULL
};

/* Event types and the data that each wants: supported-events page. */
static const struct
{
	const char *type;
	const char *data;
}			types[] = {
	{"app_installed", "customer_action"},
	{"app_opened", "customer_action"},
	{"appointment_scheduled", "customer_action"},
	{"checkout_started", "contents"},
	{"contents_viewed", "contents"},
	{"custom", "custom"},
	{"items_added", "contents"},
	{"lead_created", "customer_action"},
	{"order_created", "contents"},
	{"page_viewed", "contents"},
	{"registration_completed", "customer_action"},
	{"subscription_created", "plan_enrollment"},
	{"trial_started", "plan_enrollment"},
	{NULL, NULL}
};

static const char *
data_of(const RcvNode *type)
{
	for (int i = 0; types[i].type != NULL; i++)
		if (rcv_text_is(type, types[i].type))
			return types[i].data;
	return NULL;
}

static const char *
shape_type(const RcvNode *node)
{
	return data_of(node) != NULL ? NULL : "is no event type";
}

/* Letters, digits, underscores and hyphens between a letter or digit and another. */
static const char *
shape_name(const RcvNode *node)
{
	if (node->len == 0 || node->len > MAX_NAME || data_of(node) != NULL ||
		!isalnum((unsigned char) node->text[0]) ||
		!isalnum((unsigned char) node->text[node->len - 1]))
		return "is no name of an event";
	for (size_t i = 0; i < node->len; i++)
		if (!isalnum((unsigned char) node->text[i]) && strchr("_-", node->text[i]) == NULL)
			return "is no name of an event";
	return NULL;
}

static bool
money_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *object)
{
	return rcv_json_get(object, "amount") == NULL ||
		rcv_rules_need(finding, place, object, "currency", "is missing beside amount");
}

static const RcvMember content_members[] = {
	RCV_ID("id"), RCV_CLEAR("name"), RCV_CLEAR("content_type"), RCV_COUNT("quantity"),
	RCV_COUNT("amount"), RCV_CURRENCY("currency"),
	RCV_NO_MORE
};
static const RcvRules content = {.members = content_members, .also = money_also};

static const RcvMember data_members[] = {
	RCV_MEMBER("type", RCV_OF_WORD, .required = true, .words = data_types),
	RCV_COUNT("amount"), RCV_CURRENCY("currency"), RCV_ID("plan_id"),
	RCV_MEMBER("contents", RCV_OF_OBJECT, RCV_LIST, .rules = &content),
	RCV_NO_MORE
};

/* Which members there are goes by the type. */
static bool
data_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *data)
{
	const RcvNode *type = rcv_json_get(data, "type");
	bool		action = rcv_text_is(type, "customer_action");

	if (action && rcv_json_get(data, "contents") != NULL)
		return rcv_found_member(finding, place, "contents", RCV_FAULT_UNKNOWN,
								"is not of customer_action", NULL);
	if ((action || rcv_text_is(type, "contents")) && rcv_json_get(data, "plan_id") != NULL)
		return rcv_found_member(finding, place, "plan_id", RCV_FAULT_UNKNOWN,
								"is not of this type", NULL);
	return money_also(finding, place, data);
}

static const RcvRules data = {.members = data_members, .also = data_also};

static const RcvMember user_members[] = {
	RCV_ONE_HASH("email_sha256"), RCV_ONE_HASH("external_id_sha256"), RCV_CLEAR("obref"),
	RCV_CLEAR("country"), RCV_CLEAR("city"), RCV_CLEAR("zip_code"), RCV_IP("ip_address"),
	RCV_CLEAR("user_agent"),
	RCV_NO_MORE
};
static const RcvRules user = {.members = user_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_MEMBER("type", RCV_OF_TEXT, .required = true, .shape = shape_type),
	RCV_MEMBER("timestamp_ms", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("custom_event_name", RCV_OF_TEXT, .shape = shape_name),
	RCV_CLEAR("oppref"), RCV_URL("source_url"),
	RCV_MEMBER("action_source", RCV_OF_WORD, .words = sources),
	RCV_MEMBER("user", RCV_OF_OBJECT, .rules = &user),
	RCV_FLAG("opt_out"),
	RCV_MEMBER("data", RCV_OF_OBJECT, .required = true, .rules = &data),
	RCV_NO_MORE
};

/* One strong identifier: the click id, or one of the user's. */
static bool
holds_identifier(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const keys[] = {
		"email_sha256", "external_id_sha256", "obref", NULL
	};
	RcvPlace	below = {place, "user", 4, 0};

	return rcv_json_get(event, "oppref") != NULL ||
		rcv_rules_need_one(finding, &below, rcv_json_get(event, "user"), keys,
						   "holds no strong identifier");
}

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	const RcvNode *type = rcv_json_get(event, "type");
	const RcvNode *source = rcv_json_get(event, "action_source");
	RcvPlace	below = {place, "data", 4, 0};

	if (!rcv_text_is(rcv_json_get(rcv_json_get(event, "data"), "type"), data_of(type)))
		return rcv_found_member(finding, &below, "type", RCV_FAULT_SHAPE,
								"is not that of the event", NULL);
	if (rcv_text_is(type, "custom") &&
		!rcv_rules_need(finding, place, event, "custom_event_name",
						"is missing where type is custom"))
		return false;
	if (source != NULL && rcv_text_is(source, "web") &&
		!rcv_rules_need(finding, place, event, "source_url",
						"is missing where action_source is web"))
		return false;
	return holds_identifier(finding, place, event);
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_FLAG("validate_only"), RCV_CLEAR("integration_source"),
	RCV_MEMBER("events", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	(void) request;
	return rcv_rules_in_time(finding, place, event, "timestamp_ms",
							 call->now * 1000 - MAX_AGE, call->now * 1000 + MAX_AHEAD, NULL);
}

static const char *
envelope(const RcvCall *call)
{
	const char *pixel = rcv_call_parameter(call, "pid");

	return pixel == NULL || pixel[0] == '\0' ? "pid is missing" : NULL;
}

static bool
is_test(const RcvCall *call, const RcvNode *request)
{
	const RcvNode *only = rcv_call_member(request, "validate_only", RCV_BOOL);

	(void) call;
	return only != NULL && rcv_text_is(only, "true");
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "data", RCV_OBJECT);
	const char *pixel = rcv_call_parameter(call, "pid");

	(void) request;
	naming->data_set_id = rcv_call_text(call, pixel, strlen(pixel));
	naming->id = rcv_call_member(event, "id", RCV_STRING);
	naming->event_type = rcv_call_member(event, "custom_event_name", RCV_STRING);
	if (naming->event_type == NULL)
		naming->event_type = rcv_call_member(event, "type", RCV_STRING);
	naming->value = rcv_call_member(about, "amount", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

static void
answer_invalid(RcvCall *call, const RcvJudged *judged)
{
	uint64_t	first = rcv_adapter_first(call, judged);
	const RcvFinding *finding = judged->whole != NULL ? judged->whole : judged->faults[first];

	call->status = 400;
	rcv_lines_printf(&call->answer, "{\"error\":{\"type\":\"invalid_request_error\","
					 "\"message\":\"The request is not valid.\",\"param\":");
	if (rcv_adapter_names(call, "param", ""))
		rcv_lines_json(&call->answer, finding->path, strlen(finding->path));
	else
		rcv_lines_printf(&call->answer, "null");
	rcv_lines_printf(&call->answer, "}}\n");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (judged->whole != NULL || judged->bad > 0)
		answer_invalid(call, judged);
	else
	{
		call->status = 200;
		rcv_adapter_keep(call, judged);
		rcv_lines_printf(&call->answer, "{\"events_received\":%llu}\n",
						 (unsigned long long) call->count);
	}
}

#define BODY(type, message) \
	"{\"error\":{\"type\":\"" type "\",\"message\":\"" message "\",\"param\":null}}\n"

static const RcvCanned canned[] = {
	{"throttled", 429, BODY("rate_limit_error", "Rate limit reached.")},
	{"expired", 401, BODY("authentication_error", "Incorrect API key provided.")},
	{"denied", 403, BODY("permission_error", "The key is not for this pixel.")},
	{"internal", 500, BODY("server_error", "The server had an error.")},
	{.fault = NULL}
};

const RcvAdapter rcv_openai = {
	.list = "events",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = rcv_call_bearer,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.is_test = is_test,
	.answer = answer,
};

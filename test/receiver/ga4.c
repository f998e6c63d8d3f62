/*
 * ga4.c
 *	  Google Analytics' Measurement Protocol, as far as a sender sees it.
 *
 * /mp/collect answers 204 without a body to all that arrives, also where it drops events
 * or the secret is wrong: what is dropped here counts as refused and is in the log with
 * its reason, and the sender hears nothing.  /debug/mp/collect says what is wrong, keeps
 * nothing, and looks neither at the secret nor at the stream.  Purchases alone are known
 * by their transaction_id; nothing else is ever a repeat.  All objects but params are
 * closed here.
 *
 * fault=
 *	  internal			500					unavailable			503
 * An event is filed under its transaction_id, or under event_id where params have one.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		25		/* reference, limitations */
#define MAX_BODY		(130 * 1024)
#define MAX_NAME		40
#define MAX_PARAMS		25
#define MAX_TEXT		100		/* of a parameter's value */
#define MAX_LOCATION	1000	/* the same of page_location: collection limits */
#define MAX_REFERRER	420		/* and of page_referrer */
#define MAX_AGE			INT64_C(259200000000)	/* 72 hours, in microseconds */
#define MAX_AHEAD		INT64_C(600000000)	/* no page names one */

static const char *const consents[] = {"GRANTED", "DENIED", NULL};

/* reference, reserved names */
static const char *const reserved[] = {
	"ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query",
	"adunit_exposure", "app_clear_data", "app_install", "app_update", "app_remove", "error",
	"first_open", "first_visit", "in_app_purchase", "notification_dismiss",
	"notification_foreground", "notification_open", "notification_receive", "os_update",
	"screen_view", "session_start", "user_engagement", "app_store_refund",
	"app_store_subscription_cancel", "app_store_subscription_convert",
	"app_store_subscription_renew", NULL
};
static const char *const reserved_prefixes[] = {
	"_", "firebase_", "ga_", "google_", "gtag.", NULL
};

/* Letters, digits and underscores after a letter. */
static bool
is_name(const char *text, size_t len)
{
	if (len == 0 || len > MAX_NAME || !isalpha((unsigned char) text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char) text[i]) && text[i] != '_')
			return false;
	return true;
}

static const char *
shape_name(const RcvNode *node)
{
	for (int i = 0; reserved[i] != NULL; i++)
		if (rcv_text_is(node, reserved[i]))
			return "is reserved";
	for (int i = 0; reserved_prefixes[i] != NULL; i++)
		if (strncmp(node->text, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0)
			return "has a reserved prefix";
	return is_name(node->text, node->len) ? NULL : "is no name of an event";
}

static size_t
longest_value(const RcvNode *param)
{
	if (param->keylen == 13 && memcmp(param->key, "page_location", 13) == 0)
		return MAX_LOCATION;
	if (param->keylen == 13 && memcmp(param->key, "page_referrer", 13) == 0)
		return MAX_REFERRER;
	return MAX_TEXT;
}

static const RcvMember item_members[] = {
	RCV_ID("item_id"), RCV_CLEAR("item_name"), RCV_AMOUNT("price"), RCV_AMOUNT("discount"),
	RCV_AMOUNT("quantity"),
	RCV_NO_MORE
};
static const RcvRules item = {.members = item_members, .open = true};

static const RcvMember param_members[] = {
	RCV_AMOUNT("value"), RCV_CURRENCY("currency"), RCV_ID("transaction_id"),
	RCV_AMOUNT("tax"), RCV_AMOUNT("shipping"),
	RCV_MEMBER("items", RCV_OF_OBJECT, RCV_LIST, .rules = &item),
	RCV_NO_MORE
};

static bool
params_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *params)
{
	int			count = 0;

	for (const RcvNode *param = params->first; param != NULL; param = param->next)
	{
		RcvPlace	below = {place, param->key, param->keylen, 0};

		if (++count > MAX_PARAMS)
			return rcv_found(finding, place, RCV_FAULT_MANY, "has too many members", NULL);
		if (!is_name(param->key, param->keylen))
			return rcv_found(finding, &below, RCV_FAULT_SHAPE, "is no name of a parameter", NULL);
		if (param->type == RCV_STRING && param->len > longest_value(param))
			return rcv_found(finding, &below, RCV_FAULT_SHAPE, "is too long", NULL);
		if (param->type == RCV_OBJECT || param->type == RCV_NULL ||
			(param->type == RCV_ARRAY && strncmp(param->key, "items", param->keylen) != 0))
			return rcv_found(finding, &below, RCV_FAULT_TYPE, "is no value of a parameter", NULL);
	}
	return rcv_json_get(params, "value") == NULL ||
		rcv_rules_need(finding, place, params, "currency", "is missing beside value");
}

static const RcvRules params = {.members = param_members, .open = true, .also = params_also};

static const RcvMember event_members[] = {
	RCV_MEMBER("name", RCV_OF_TEXT, .required = true, .shape = shape_name),
	RCV_MEMBER("params", RCV_OF_OBJECT, .rules = &params),
	RCV_COUNT("timestamp_micros"),
	RCV_NO_MORE
};

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const needed[] = {"transaction_id", "currency", "value", NULL};
	RcvPlace	below = {place, "params", 6, 0};

	if (rcv_text_is(rcv_json_get(event, "name"), "purchase"))
		for (int i = 0; needed[i] != NULL; i++)
			if (!rcv_rules_need(finding, &below, rcv_json_get(event, "params"), needed[i],
								"is missing of a purchase"))
				return false;
	return true;
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember address_members[] = {
	RCV_ONE_HASH("sha256_first_name"), RCV_ONE_HASH("sha256_last_name"),
	RCV_ONE_HASH("sha256_street"), RCV_CLEAR("city"), RCV_CLEAR("region"),
	RCV_CLEAR("postal_code"), RCV_CLEAR("country"),
	RCV_NO_MORE
};
static const RcvRules address = {.members = address_members};

static const RcvMember user_members[] = {
	RCV_HASHES("sha256_email_address"), RCV_HASHES("sha256_phone_number"),
	RCV_MEMBER("address", RCV_OF_OBJECT, RCV_ONE_OR_LIST, .rules = &address),
	RCV_NO_MORE
};
static const RcvRules user = {.members = user_members};

static const RcvMember consent_members[] = {
	RCV_MEMBER("ad_user_data", RCV_OF_WORD, .words = consents),
	RCV_MEMBER("ad_personalization", RCV_OF_WORD, .words = consents),
	RCV_NO_MORE
};
static const RcvRules consent = {.members = consent_members};

static const RcvMember request_members[] = {
	RCV_CLEAR("client_id"), RCV_CLEAR("app_instance_id"), RCV_ID("user_id"),
	RCV_COUNT("timestamp_micros"), RCV_MEMBER("user_properties", RCV_OF_ANYTHING),
	RCV_MEMBER("user_data", RCV_OF_OBJECT, .rules = &user),
	RCV_MEMBER("consent", RCV_OF_OBJECT, .rules = &consent),
	RCV_FLAG("non_personalized_ads"), RCV_MEMBER("user_location", RCV_OF_ANYTHING),
	RCV_MEMBER("device", RCV_OF_ANYTHING), RCV_IP("ip_override"), RCV_CLEAR("user_agent"),
	RCV_CLEAR("validation_behavior"),
	RCV_MEMBER("events", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};

static bool
request_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *request)
{
	static const char *const ids[] = {"client_id", "app_instance_id", NULL};

	return rcv_rules_need_one(finding, place, request, ids, "client_id is missing");
}

static const RcvRules request_rules = {.members = request_members, .also = request_also};

/* An event's own time, or that of the request, or now. */
static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	int64_t		now = call->now * 1000000;
	const RcvNode *holder = rcv_json_get(event, "timestamp_micros") != NULL ? event : request;

	return rcv_json_get(holder, "timestamp_micros") == NULL ||
		rcv_rules_in_time(finding, place, holder, "timestamp_micros", now - MAX_AGE,
						  now + MAX_AHEAD, NULL);
}

static bool
is_debug(const RcvCall *call, const RcvNode *request)
{
	size_t		len = strlen(call->path);
	static const char end[] = "/debug/mp/collect";

	(void) request;
	return len >= sizeof(end) - 1 && strcmp(call->path + len - sizeof(end) + 1, end) == 0;
}

/* The secret is no token here: a wrong one is never answered. */
static const char *
any_token(const RcvCall *call)
{
	(void) call;
	return NULL;
}

static const char *
envelope(const RcvCall *call)
{
	const char *secret = rcv_call_parameter(call, "api_secret");
	const char *stream = rcv_call_parameter(call, "measurement_id");
	char		expected[RCV_MAX_TEXT];

	if (call->len >= MAX_BODY)
		return "the body is too long";
	if (is_debug(call, NULL))
		return NULL;
	if (stream == NULL)
		stream = rcv_call_parameter(call, "firebase_app_id");
	if (stream == NULL || stream[0] == '\0')
		return "measurement_id is missing";
	if (secret == NULL || secret[0] == '\0')
		return "api_secret is missing";
	return rcv_call_setting(call, "token", expected) && strcmp(secret, expected) != 0 ?
		"the secret is not the one" : NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "params", RCV_OBJECT);
	const char *stream = rcv_call_parameter(call, "measurement_id");

	(void) request;
	naming->data_set_id = rcv_call_text(call, stream != NULL ? stream : "",
										stream != NULL ? strlen(stream) : 0);
	naming->id = rcv_call_member(about, "transaction_id", RCV_STRING);
	if (naming->id == NULL)
		naming->id = rcv_call_member(about, "event_id", RCV_STRING);
	naming->event_type = rcv_call_member(event, "name", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

static bool
has_key(const RcvNode *event)
{
	return rcv_text_is(rcv_json_get(event, "name"), "purchase");
}

/* The word of the validation server for a fault. */
static const char *
code_of(const RcvFinding *finding)
{
	if (strcmp(finding->problem, "is reserved") == 0)
		return "NAME_RESERVED";
	switch (finding->kind)
	{
		case RCV_FAULT_MISSING:
			return "VALUE_REQUIRED";
		case RCV_FAULT_MANY:
			return "EXCEEDED_MAX_ENTITIES";
		case RCV_FAULT_SHAPE:
			return strstr(finding->problem, "name") != NULL ? "NAME_INVALID" : "VALUE_INVALID";
		default:
			return "VALUE_INVALID";
	}
}

static void
add_message(RcvCall *call, const RcvFinding *finding, int64_t index, const char *comma)
{
	rcv_lines_printf(&call->answer, "%s{\"fieldPath\":\"%s\",\"description\":\"", comma,
					 index >= 0 ? "events" : finding->path);
	if (index >= 0)
		rcv_lines_printf(&call->answer, "Event at index: [%lld] ", (long long) index);
	rcv_lines_printf(&call->answer, "%s %s.\",\"validationCode\":\"%s\"}",
					 index >= 0 ? rcv_adapter_path(finding) : "", finding->problem,
					 code_of(finding));
}

static void
answer_debug(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";

	call->status = 200;
	rcv_lines_printf(&call->answer, "{\"validationMessages\":[");
	if (judged->whole != NULL)
		add_message(call, judged->whole, -1, comma);
	for (uint64_t i = 0; judged->whole == NULL && i < call->events; i++)
		if (judged->faults[i] != NULL)
		{
			add_message(call, judged->faults[i], i, comma);
			comma = ",";
		}
	rcv_lines_printf(&call->answer, "]}\n");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	call->status = 204;
	if (judged->test)
		answer_debug(call, judged);
	if (judged->whole == NULL)
		rcv_adapter_keep(call, judged);
}

static const RcvCanned canned[] = {
	{"internal", 500, "Internal Server Error\n"},
	{"unavailable", 503, "Service Unavailable\n"},
	{.fault = NULL}
};

const RcvAdapter rcv_ga4 = {
	.list = "events",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.refusal = any_token,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.dedupe_s = INT64_MAX,
	.has_key = has_key,
	.is_test = is_debug,
	.answer = answer,
};

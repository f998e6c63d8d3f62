/*
 * amazon.c
 *	  Amazon Ads' Events API, as far as a sender sees it.
 *
 * The answer is 207 with the events taken and those at fault by their index: some are
 * taken of a request where others are not.  A token is one that the token endpoint issued
 * for a refresh token.  The European host demands a word on consent, which a test asks for
 * by a segment.  customData may hold letters, digits and underscores only.  All objects
 * are closed here.
 *
 * fault=
 *	  throttled			429					expired				401
 *	  denied			403					internal			500
 * index=none: errors without an index; index=one: indices count from 1, as those of the
 * version before.
 * region=eu: an event without consent is at fault.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "oauth.h"
#include "shapes.h"

#define MAX_EVENTS		500		/* OpenAPI description, of a request */
#define MAX_MATCH_KEYS	14
#define MAX_CUSTOM		13
#define MAX_AHEAD		RCV_DAY /* no page names one */
#define DEDUPE			(2 * RCV_DAY)	/* no page names one: that of most others */

static const char *const conversions[] = {
	"ADD_TO_SHOPPING_CART", "APPLICATION", "CHECKOUT", "CONTACT", "LEAD",
	"OFF_AMAZON_PURCHASES", "MOBILE_APP_FIRST_START", "PAGE_VIEW", "SEARCH", "SIGN_UP",
	"SUBSCRIBE", "OTHER", NULL
};
static const char *const sources[] = {
	"WEBSITE", "ANDROID", "IOS", "FIRE_TV", "OFFLINE", "MEASUREMENT_ATTRIBUTION_PARTNER",
	NULL
};
static const char *const methods[] = {"SERVER_TO_SERVER", NULL};
static const char *const key_types[] = {
	"EMAIL", "PHONE", "FIRST_NAME", "LAST_NAME", "ADDRESS", "CITY", "STATE", "POSTAL",
	"MAID", "RAMP_ID", "MATCH_ID", NULL
};
static const char *const clear_types[] = {"MAID", "RAMP_ID", "MATCH_ID", NULL};
static const char *const value_types[] = {"STRING", "INTEGER", "TIMESTAMP", NULL};
static const char *const answers[] = {"GRANTED", "DENIED", NULL};

/* Two capital letters. */
static const char *
shape_country(const RcvNode *node)
{
	return node->len == 2 && isupper((unsigned char) node->text[0]) &&
		isupper((unsigned char) node->text[1]) ? NULL : "is not a country code in capitals";
}

static const char *
shape_attribute(const RcvNode *node)
{
	for (size_t i = 0; i < node->len; i++)
		if (!isalnum((unsigned char) node->text[i]) && node->text[i] != '_')
			return "has other characters than letters, digits and underscores";
	return rcv_shape_clear(node);
}

static const RcvMember description_members[] = {
	RCV_MEMBER("name", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_MEMBER("conversionType", RCV_OF_WORD, .required = true, .words = conversions),
	RCV_MEMBER("eventSource", RCV_OF_WORD, .required = true, .words = sources),
	RCV_MEMBER("eventIngestionMethod", RCV_OF_WORD, .required = true, .words = methods),
	RCV_CLEAR("dataSetName"),
	RCV_NO_MORE
};
static const RcvRules description = {.members = description_members};

static const RcvMember key_members[] = {
	RCV_MEMBER("type", RCV_OF_WORD, .required = true, .words = key_types),
	RCV_MEMBER("values", RCV_OF_TEXT, RCV_LIST, .required = true, .shape = rcv_shape_opaque,
			   .max = 1),
	RCV_NO_MORE
};

/* Digests, but for ids of devices and partners. */
static bool
key_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *key)
{
	const RcvNode *type = rcv_json_get(key, "type");
	const char *problem;

	for (int i = 0; clear_types[i] != NULL; i++)
		if (rcv_text_is(type, clear_types[i]))
			return true;
	problem = rcv_shape_hash(rcv_json_get(key, "values")->first);
	return problem == NULL ||
		rcv_found_member(finding, place, "values", RCV_FAULT_SHAPE, problem, NULL);
}

static const RcvRules key_rules = {.members = key_members, .also = key_also};

static const RcvMember attribute_members[] = {
	RCV_MEMBER("name", RCV_OF_TEXT, .required = true, .shape = shape_attribute),
	RCV_MEMBER("dataType", RCV_OF_WORD, .words = value_types),
	RCV_MEMBER("value", RCV_OF_TEXT, .required = true, .shape = shape_attribute),
	RCV_NO_MORE
};
static const RcvRules attribute = {.members = attribute_members};

static const RcvMember amazon_members[] = {
	RCV_MEMBER("amznAdStorage", RCV_OF_WORD, .required = true, .words = answers),
	RCV_MEMBER("amznUserData", RCV_OF_WORD, .required = true, .words = answers),
	RCV_NO_MORE
};
static const RcvRules amazon = {.members = amazon_members};

static const RcvMember geo_members[] = {
	RCV_MEMBER("ipAddress", RCV_OF_TEXT, .required = true, .shape = rcv_shape_ip),
	RCV_NO_MORE
};
static const RcvRules geo = {.members = geo_members};

static const RcvMember consent_members[] = {
	RCV_MEMBER("gpp", RCV_OF_TEXT, .shape = rcv_shape_gpp), RCV_CLEAR("tcf"),
	RCV_MEMBER("amazonConsent", RCV_OF_OBJECT, .rules = &amazon),
	RCV_MEMBER("geo", RCV_OF_OBJECT, .rules = &geo),
	RCV_NO_MORE
};
static const RcvRules consent = {.members = consent_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("eventDescription", RCV_OF_OBJECT, .required = true, .rules = &description),
	RCV_MEMBER("countryCode", RCV_OF_TEXT, .required = true, .shape = shape_country),
	RCV_MEMBER("eventTime", RCV_OF_TEXT, .required = true, .shape = rcv_shape_instant),
	RCV_MEMBER("matchKeys", RCV_OF_OBJECT, RCV_LIST, .required = true, .rules = &key_rules,
			   .max = MAX_MATCH_KEYS),
	RCV_AMOUNT("value"), RCV_CURRENCY("currencyCode"), RCV_COUNT("unitsSold"),
	RCV_ID("eventId"), RCV_MEMBER("dataProcessingOptions", RCV_OF_ANYTHING),
	RCV_MEMBER("consent", RCV_OF_OBJECT, .rules = &consent),
	RCV_MEMBER("customData", RCV_OF_OBJECT, RCV_LIST, .rules = &attribute,
			   .max = MAX_CUSTOM),
	RCV_ID("amazonAdEventKey"), RCV_CLEAR("partner"),
	RCV_NO_MORE
};

/* Currency and units are those of a purchase. */
static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const names[] = {"currencyCode", "unitsSold", NULL};
	const RcvNode *type = rcv_json_get(rcv_json_get(event, "eventDescription"),
									   "conversionType");

	if (rcv_text_is(type, "OFF_AMAZON_PURCHASES"))
		return rcv_json_get(event, "value") == NULL ||
			rcv_rules_need(finding, place, event, "currencyCode",
						   "is missing beside the value of a purchase");
	for (int i = 0; names[i] != NULL; i++)
		if (rcv_json_get(event, names[i]) != NULL)
			return rcv_found_member(finding, place, names[i], RCV_FAULT_SHAPE,
									"is of purchases only", NULL);
	return true;
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("events", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	const RcvNode *said = rcv_json_get(event, "consent");
	char		region[RCV_MAX_TEXT];

	(void) request;
	if (rcv_read_instant(rcv_json_get(event, "eventTime")) > call->now + MAX_AHEAD)
		return rcv_found_member(finding, place, "eventTime", RCV_FAULT_SHAPE,
								"is in the future", NULL);
	return !rcv_call_setting(call, "region", region) || strcmp(region, "eu") != 0 ||
		(said != NULL && said->first != NULL) ||
		rcv_found_member(finding, place, "consent", RCV_FAULT_MISSING, "is missing", NULL);
}

static const char *
envelope(const RcvCall *call)
{
	const char *account = rcv_call_header(call, "Amazon-Ads-AccountId");
	const char *client = rcv_call_header(call, "Amazon-Ads-ClientId");

	if (account == NULL || account[0] == '\0')
		return "the header Amazon-Ads-AccountId is missing";
	return client == NULL || client[0] == '\0' ?
		"the header Amazon-Ads-ClientId is missing" : NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const char *account = rcv_call_header(call, "Amazon-Ads-AccountId");
	const RcvNode *about = rcv_call_member(event, "eventDescription", RCV_OBJECT);

	(void) request;
	naming->data_set_id = rcv_call_text(call, account, strlen(account));
	naming->id = rcv_call_member(event, "eventId", RCV_STRING);
	naming->event_type = rcv_call_member(about, "conversionType", RCV_STRING);
	naming->value = rcv_call_member(event, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(event, "currencyCode", RCV_STRING);
}

static void
add_index(RcvCall *call, uint64_t i)
{
	if (!rcv_adapter_names(call, "none", ""))
		rcv_lines_printf(&call->answer, ",\"index\":%llu",
						 (unsigned long long) i + rcv_adapter_names(call, "one", ""));
}

static void
add_taken(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";

	rcv_lines_printf(&call->answer, "{\"success\":[");
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] == NULL)
		{
			rcv_lines_printf(&call->answer, "%s{\"event\":{}", comma);
			add_index(call, i);
			rcv_lines_printf(&call->answer, "}");
			comma = ",";
		}
	rcv_lines_printf(&call->answer, "],");
}

static void
add_errors(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";

	rcv_lines_printf(&call->answer, "\"error\":[");
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] != NULL)
		{
			rcv_lines_printf(&call->answer, "%s{\"errors\":[{\"code\":\"INVALID_ARGUMENT\","
							 "\"fieldLocation\":\"%s\",\"message\":\"%s\"}]", comma,
							 judged->faults[i]->path, judged->faults[i]->problem);
			add_index(call, i);
			rcv_lines_printf(&call->answer, "}");
			comma = ",";
		}
	rcv_lines_printf(&call->answer, "]}\n");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (judged->whole != NULL)
	{
		call->status = 400;
		rcv_lines_printf(&call->answer, "{\"code\":\"BAD_REQUEST\",\"message\":\"%s %s\"}\n",
						 judged->whole->path, judged->whole->problem);
		return;
	}
	call->status = 207;
	add_taken(call, judged);
	add_errors(call, judged);
	rcv_adapter_keep(call, judged);
}

#define BODY(code, message) "{\"code\":\"" code "\",\"message\":\"" message "\"}\n"

static const RcvCanned canned[] = {
	{"throttled", 429, BODY("TOO_MANY_REQUESTS", "Too many requests")},
	{"expired", 401, BODY("UNAUTHORIZED", "Not authorized to access this resource")},
	{"denied", 403, BODY("FORBIDDEN", "Not permitted for this account")},
	{"internal", 500, BODY("INTERNAL_ERROR", "Internal server error")},
	{.fault = NULL}
};

const RcvAdapter rcv_amazon = {
	.list = "events",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.refusal = rcv_oauth_refusal,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.answer = answer,
};

/*
 * reddit.c
 *	  Reddit's Conversions API v3, as far as a sender sees it.
 *
 * All or nothing, 400, without an index: invalid_events repeat the conversion id of each
 * that does not fit.  Match keys may be clear by the page; here they must be digests, as
 * a sender that promises so sends no others, but for the address, the user agent and the
 * cookie's uuid.  All objects are closed here.
 *
 * fault=
 *	  throttled			429					expired				401, a plain text
 *	  unauthorized		401, as JSON		denied				403
 *	  internal			500
 * index=none: an error without invalid_events; index=whole: they repeat the whole event.
 * data.test_id: the same answers, nothing is kept.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		1000	/* capi-best-practices */
#define MAX_AGE			(INT64_C(7000) * RCV_DAY)	/* 168 hours, in milliseconds */
#define MAX_AHEAD		INT64_C(300000) /* five minutes */
#define DEDUPE			(2 * RCV_DAY)	/* duplicates are known within two days */

static const char *const sources[] = {"WEBSITE", "APP", "PHYSICAL_STORE", "OTHER", NULL};
static const char *const types[] = {
	"PAGE_VISIT", "VIEW_CONTENT", "SEARCH", "ADD_TO_CART", "ADD_TO_WISHLIST", "PURCHASE",
	"LEAD", "SIGN_UP", "CUSTOM", NULL
};
static const char *const modes[] = {"LDU", NULL};

static const RcvMember type_members[] = {
	RCV_MEMBER("tracking_type", RCV_OF_WORD, .required = true, .words = types),
	RCV_CLEAR("custom_event_name"),
	RCV_NO_MORE
};

static bool
type_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *type)
{
	return !rcv_text_is(rcv_json_get(type, "tracking_type"), "CUSTOM") ||
		rcv_rules_need(finding, place, type, "custom_event_name",
					   "is missing where tracking_type is CUSTOM");
}

static const RcvRules type = {.members = type_members, .also = type_also};

static const char *
shape_count(const RcvNode *node)
{
	return node->text[0] == '-' ? "is negative" : NULL;
}

static const RcvMember product_members[] = {
	RCV_MEMBER("id", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_CLEAR("name"), RCV_CLEAR("category"), RCV_COUNT("quantity"), RCV_AMOUNT("item_price"),
	RCV_NO_MORE
};

static bool
product_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *product)
{
	static const char *const names[] = {"quantity", "item_price", NULL};

	for (int i = 0; names[i] != NULL; i++)
	{
		const RcvNode *node = rcv_json_get(product, names[i]);

		if (node != NULL && shape_count(node) != NULL)
			return rcv_found_member(finding, place, names[i], RCV_FAULT_SHAPE,
									"is negative", NULL);
	}
	return true;
}

static const RcvRules product = {.members = product_members, .also = product_also};

static const RcvMember metadata_members[] = {
	RCV_ID("conversion_id"), RCV_CURRENCY("currency"), RCV_AMOUNT("value"),
	RCV_COUNT("item_count"),
	RCV_MEMBER("products", RCV_OF_OBJECT, RCV_LIST, .rules = &product),
	RCV_NO_MORE
};

static bool
metadata_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *metadata)
{
	return rcv_json_get(metadata, "value") == NULL ||
		rcv_rules_need(finding, place, metadata, "currency", "is missing beside value");
}

static const RcvRules metadata = {.members = metadata_members, .also = metadata_also};

static const RcvMember screen_members[] = {
	RCV_COUNT("width"), RCV_COUNT("height"), RCV_NO_MORE
};
static const RcvRules screen = {.members = screen_members};

static const RcvMember processing_members[] = {
	RCV_CLEAR("country"), RCV_CLEAR("region"),
	RCV_MEMBER("modes", RCV_OF_WORD, RCV_LIST, .required = true, .words = modes),
	RCV_NO_MORE
};
static const RcvRules processing = {.members = processing_members};

/* The cookie's value is TIME.UUID; what is wanted is the second part. */
static const char *
shape_uuid(const RcvNode *node)
{
	size_t		digits = 0;

	while (digits < node->len && isdigit((unsigned char) node->text[digits]))
		digits++;
	if (digits > 0 && digits < node->len && node->text[digits] == '.')
		return "begins with the time of the cookie";
	return rcv_shape_clear(node);
}

static const RcvMember user_members[] = {
	RCV_ONE_HASH("email"), RCV_ONE_HASH("phone_number"), RCV_ONE_HASH("external_id"),
	RCV_ONE_HASH("idfa"), RCV_ONE_HASH("aaid"),
	RCV_IP("ip_address"), RCV_CLEAR("user_agent"),
	RCV_MEMBER("uuid", RCV_OF_TEXT, .shape = shape_uuid),
	RCV_MEMBER("screen_dimensions", RCV_OF_OBJECT, .rules = &screen),
	RCV_MEMBER("data_processing_options", RCV_OF_OBJECT, .rules = &processing),
	RCV_NO_MORE
};
static const RcvRules user = {.members = user_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("event_at", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("action_source", RCV_OF_WORD, .required = true, .words = sources),
	RCV_MEMBER("type", RCV_OF_OBJECT, .required = true, .rules = &type),
	RCV_CLEAR("click_id"), RCV_URL("event_source_url"),
	RCV_MEMBER("metadata", RCV_OF_OBJECT, .rules = &metadata),
	RCV_MEMBER("user", RCV_OF_OBJECT, .rules = &user),
	RCV_NO_MORE
};

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const keys[] = {
		"email", "phone_number", "external_id", "ip_address", "user_agent", "idfa", "aaid",
		"uuid", NULL
	};
	const RcvNode *person = rcv_json_get(event, "user");
	RcvPlace	below = {place, "user", 4, 0};

	return rcv_json_get(event, "click_id") != NULL ||
		(rcv_rules_need(finding, place, event, "user", "is missing") &&
		 rcv_rules_need_one(finding, &below, person, keys, "holds no identifier"));
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember data_members[] = {
	RCV_MEMBER("events", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_CLEAR("test_id"), RCV_CLEAR("partner"), RCV_CLEAR("partner_version"),
	RCV_NO_MORE
};
static const RcvRules data = {.members = data_members};

static const RcvMember request_members[] = {
	RCV_MEMBER("data", RCV_OF_OBJECT, .required = true, .rules = &data), RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	(void) request;
	return rcv_rules_in_time(finding, place, event, "event_at",
							 call->now * 1000 - MAX_AGE, call->now * 1000 + MAX_AHEAD, NULL);
}

/* Reddit requires a User-Agent that says who sends. */
static const char *
envelope(const RcvCall *call)
{
	const char *agent = rcv_call_header(call, "User-Agent");

	return agent == NULL || agent[0] == '\0' ? "the header User-Agent is missing" : NULL;
}

static bool
is_test(const RcvCall *call, const RcvNode *request)
{
	(void) call;
	return request != NULL && rcv_json_get(rcv_call_member(request, "data", RCV_OBJECT),
										   "test_id") != NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "metadata", RCV_OBJECT);
	const RcvNode *kind = rcv_call_member(event, "type", RCV_OBJECT);

	(void) request;
	naming->data_set_id = rcv_call_segment(call, 1);
	naming->id = rcv_call_member(about, "conversion_id", RCV_STRING);
	naming->event_type = rcv_call_member(kind, "custom_event_name", RCV_STRING);
	if (naming->event_type == NULL)
		naming->event_type = rcv_call_member(kind, "tracking_type", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

/* What an invalid event is known by: its conversion id, or all of it. */
static void
add_echo(RcvCall *call, const RcvNode *event)
{
	const RcvNode *about = rcv_call_member(event, "metadata", RCV_OBJECT);
	const RcvNode *id = rcv_call_member(about, "conversion_id", RCV_STRING);

	if (rcv_adapter_names(call, "whole", ""))
		rcv_lines_add(&call->answer, event->raw, event->rawlen);
	else
	{
		rcv_lines_printf(&call->answer, "{\"event_metadata\":{\"conversion_id\":");
		rcv_lines_json(&call->answer, id != NULL ? id->text : "", id != NULL ? id->len : 0);
		rcv_lines_printf(&call->answer, "}}");
	}
}

static void
add_invalid(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";

	rcv_lines_printf(&call->answer, ",\"invalid_events\":[");
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] != NULL)
		{
			rcv_lines_printf(&call->answer, "%s{\"error_message\":\"%s %s\",\"event\":", comma,
							 rcv_adapter_path(judged->faults[i]), judged->faults[i]->problem);
			add_echo(call, call->records[i].event);
			rcv_lines_printf(&call->answer, "}");
			comma = ",";
		}
	rcv_lines_printf(&call->answer, "]");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (judged->whole != NULL)
	{
		call->status = 400;
		rcv_lines_printf(&call->answer, "{\"error\":{\"code\":400,\"message\":\"The request "
						 "is not valid.\"}}\n");
	}
	else if (judged->bad > 0)
	{
		call->status = 400;
		rcv_lines_printf(&call->answer, "{\"message\":\"There were %llu invalid conversion "
						 "events. None were processed.\"", (unsigned long long) judged->bad);
		if (!rcv_adapter_names(call, "none", ""))
			add_invalid(call, judged);
		rcv_lines_printf(&call->answer, "}\n");
	}
	else
	{
		call->status = 200;
		rcv_adapter_keep(call, judged);
		rcv_lines_printf(&call->answer, "{\"data\":{\"message\":\"Successfully processed %llu "
						 "conversion events.\"}}\n", (unsigned long long) call->count);
	}
}

static const RcvCanned canned[] = {
	{"throttled", 429, "{\"error\":{\"code\":429,\"message\":\"Too Many Requests\"}}\n"},
	{"expired", 401, "Authorization Required"},
	{"unauthorized", 401, "{\"success\":false,\"error\":{\"reason\":\"UNAUTHORIZED\","
	"\"explanation\":\"This server could not verify that you are authorized.\"}}\n"},
	{"denied", 403, "{\"success\":false,\"error\":{\"reason\":\"UNAUTHORIZED\","
	"\"explanation\":\"Access to the pixel is denied.\"}}\n"},
	{"internal", 500, "{\"error\":{\"code\":500,\"message\":\"Internal Server Error\"}}\n"},
	{.fault = NULL}
};

const RcvAdapter rcv_reddit = {
	.list = "data.events",
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

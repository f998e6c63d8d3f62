/*
 * microsoft.c
 *	  Microsoft's UET Conversions API, as far as a sender sees it.
 *
 * Details of an error name events by index and member; their attemptedValue repeats what
 * came, here all of userData, so that a test sees whether a sender keeps it.  All or
 * nothing, unless the body says continueOnValidationError: then those that fit are
 * taken, and the answer is 400 all the same.  All objects are closed here.
 *
 * fault=
 *	  throttled			429					expired				401
 *	  denied			403					internal			500
 *	  warning			accepted, with a warning that a member of the last event is left out
 * index=none: an error without details; index=first: the first event at fault alone.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		1000	/* integration guide */
#define MAX_AGE			(7 * RCV_DAY)	/* the same: the previous seven days */
#define MAX_AHEAD		600		/* no page names one */
#define DEDUPE			(2 * RCV_DAY)	/* no page names one: that of most others */

static const char *const types[] = {"pageLoad", "custom", NULL};
static const char *const consents[] = {"G", "D", NULL};
static const char *const page_types[] = {
	"home", "product", "category", "searchresults", "cart", "purchase", "other", NULL
};

static const RcvMember user_members[] = {
	RCV_ONE_HASH("em"), RCV_ONE_HASH("ph"), RCV_ID("anonymousId"), RCV_ID("externalId"),
	RCV_IP("clientIpAddress"), RCV_CLEAR("clientUserAgent"), RCV_CLEAR("msclkid"),
	RCV_ID("idfa"), RCV_ID("gaid"),
	RCV_NO_MORE
};

/* Neither the address nor the user agent counts. */
static bool
user_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user)
{
	static const char *const keys[] = {
		"anonymousId", "externalId", "em", "ph", "msclkid", "idfa", "gaid", NULL
	};

	return rcv_rules_need_one(finding, place, user, keys, "holds no identifier");
}

static const RcvRules user = {.members = user_members, .also = user_also};

static const RcvMember item_members[] = {
	RCV_ID("id"), RCV_CLEAR("name"), RCV_AMOUNT("price"), RCV_COUNT("quantity"), RCV_NO_MORE
};
static const RcvRules item = {.members = item_members};

static const RcvMember custom_members[] = {
	RCV_CLEAR("eventCategory"), RCV_CLEAR("eventLabel"), RCV_AMOUNT("eventValue"),
	RCV_CLEAR("searchTerm"), RCV_ID("transactionId"), RCV_AMOUNT("value"),
	RCV_CURRENCY("currency"),
	RCV_MEMBER("items", RCV_OF_OBJECT, RCV_LIST, .rules = &item),
	RCV_MEMBER("itemIds", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque),
	RCV_MEMBER("pageType", RCV_OF_WORD, .words = page_types),
	RCV_AMOUNT("ecommTotalValue"), RCV_CLEAR("ecommCategory"),
	RCV_MEMBER("hotelData", RCV_OF_ANYTHING),
	RCV_NO_MORE
};
static const RcvRules custom = {.members = custom_members};

static const RcvMember event_members[] = {
	RCV_MEMBER("eventType", RCV_OF_WORD, .required = true, .words = types),
	RCV_MEMBER("eventTime", RCV_OF_INTEGER, .required = true),
	RCV_ID("eventId"), RCV_CLEAR("eventName"), RCV_URL("eventSourceUrl"),
	RCV_ID("pageLoadId"), RCV_URL("referrerUrl"), RCV_CLEAR("pageTitle"),
	RCV_CLEAR("keywords"),
	RCV_MEMBER("adStorageConsent", RCV_OF_WORD, .words = consents),
	RCV_MEMBER("userData", RCV_OF_OBJECT, .required = true, .rules = &user),
	RCV_MEMBER("customData", RCV_OF_OBJECT, .rules = &custom),
	RCV_NO_MORE
};

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	if (!rcv_text_is(rcv_json_get(event, "eventType"), "pageLoad"))
		return rcv_rules_need(finding, place, event, "eventName",
							  "is missing where eventType is custom");
	if (rcv_json_get(event, "eventName") != NULL)
		return rcv_found_member(finding, place, "eventName", RCV_FAULT_SHAPE,
								"is given where eventType is pageLoad", NULL);
	return rcv_rules_need(finding, place, event, "eventSourceUrl",
						  "is missing where eventType is pageLoad");
}

static const RcvRules event_rules = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("data", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_CLEAR("dataProvider"), RCV_FLAG("continueOnValidationError"),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	(void) request;
	return rcv_rules_in_time(finding, place, event, "eventTime", call->now - MAX_AGE,
							 call->now + MAX_AHEAD, NULL);
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "customData", RCV_OBJECT);

	(void) request;
	naming->data_set_id = rcv_call_segment(call, 1);
	naming->id = rcv_call_member(event, "eventId", RCV_STRING);
	naming->event_type = rcv_call_member(event, "eventName", RCV_STRING);
	if (naming->event_type == NULL)
		naming->event_type = rcv_call_member(event, "eventType", RCV_STRING);
	naming->value = rcv_call_member(about, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(about, "currency", RCV_STRING);
}

/* A detail: of an event, unless i is behind them all. */
static void
add_detail(RcvCall *call, uint64_t i, const char *path, const char *problem,
		   const char *code, bool is_warning)
{
	const RcvNode *tried = i < call->events ?
		rcv_call_member(call->records[i].event, "userData", RCV_OBJECT) : NULL;

	rcv_lines_printf(&call->answer, "{");
	if (i < call->events)
		rcv_lines_printf(&call->answer, "\"index\":%llu,", (unsigned long long) i);
	rcv_lines_printf(&call->answer, "\"propertyName\":\"%s\",\"attemptedValue\":", path);
	rcv_lines_json(&call->answer, tried != NULL ? tried->raw : "",
				   tried != NULL ? tried->rawlen : 0);
	rcv_lines_printf(&call->answer, ",\"errorMessage\":\"'%s' %s\",\"errorCode\":\"%s\","
					 "\"isWarning\":%s}", path, problem, code, is_warning ? "true" : "false");
}

static void
add_details(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";
	uint64_t	last = rcv_adapter_names(call, "first", "") ?
		rcv_adapter_first(call, judged) : UINT64_MAX;

	if (judged->whole != NULL)
		add_detail(call, call->events, judged->whole->path, judged->whole->problem,
				   "InvalidValue", false);
	else if (!rcv_adapter_names(call, "none", ""))
		for (uint64_t i = 0; i < call->events && i <= last; i++)
			if (judged->faults[i] != NULL)
			{
				rcv_lines_printf(&call->answer, "%s", comma);
				add_detail(call, i, rcv_adapter_path(judged->faults[i]),
						   judged->faults[i]->problem, "InvalidValue", false);
				comma = ",";
			}
}

static bool
goes_on(const RcvJudged *judged)
{
	const RcvNode *flag = rcv_call_member(judged->request, "continueOnValidationError",
										  RCV_BOOL);

	return judged->whole == NULL && flag != NULL && rcv_text_is(flag, "true");
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	bool		refused = judged->whole != NULL || judged->bad > 0;
	bool		takes = !refused || goes_on(judged);
	bool		warning = strcmp(call->fault, "warning") == 0 && call->events > 0;
	RcvLines   *answer = &call->answer;

	call->status = refused ? 400 : 200;
	rcv_lines_printf(answer, "{\"eventsReceived\":%llu",
					 (unsigned long long) (takes ? call->events - judged->bad : 0));
	if (refused)
	{
		rcv_lines_printf(answer, ",\"error\":{\"code\":\"ValidationError\",\"message\":"
						 "\"One or more validation errors occurred.\",\"details\":[");
		add_details(call, judged);
		rcv_lines_printf(answer, "]}");
	}
	else if (warning)
	{
		rcv_lines_printf(answer, ",\"error\":{\"code\":\"Warning\",\"message\":"
						 "\"Optional properties were removed.\",\"details\":[");
		add_detail(call, call->events - 1, "customData.pageType", "is removed", "Removed", true);
		rcv_lines_printf(answer, "]}");
	}
	rcv_lines_printf(answer, ",\"traceId\":\"00000000-0000-4000-8000-000000000000\"}\n");
	if (takes)
		rcv_adapter_keep(call, judged);
}

#define BODY(code, message) \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}," \
	"\"traceId\":\"00000000-0000-4000-8000-000000000000\"}\n"

static const RcvCanned canned[] = {
	{"throttled", 429, BODY("TooManyRequests", "The rate limit is exceeded.")},
	{"expired", 401, BODY("Unauthorized", "The token is missing, invalid or expired.")},
	{"denied", 403, BODY("Forbidden", "The token is not for this tag.")},
	{"internal", 500, BODY("InternalServerError", "An error occurred.")},
	{.fault = NULL}
};

const RcvAdapter rcv_microsoft = {
	.list = "data",
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = rcv_call_bearer,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.answer = answer,
};

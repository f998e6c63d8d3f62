/*
 * linkedin.c
 *	  LinkedIn's Conversions API, as far as a sender sees it.
 *
 * A body is one event, answered 201 without a body, or {"elements"} with the header
 * X-RestLi-Method: BATCH_CREATE.  The schema is strict: unknown members, other types and
 * numbers for amounts are 422, and one event refuses the request.  The message has a line
 * for each event at fault, "Index: 1, ERROR :: /conversionValue/amount :: ..."; an event
 * out of time is 400 and "indices [1] (0-indexed)".  Names are clear, and must be.
 *
 * fault=
 *	  throttled			429					expired, revoked	401, 65600 and 65601
 *	  denied			403					sunset				426
 *	  internal			500
 * index=none: a message without an index.
 * sunset=YYYYMM: versions before that one are answered as fault=sunset.
 */
#define _GNU_SOURCE
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "shapes.h"

#define MAX_EVENTS		5000	/* conversions-api page, of a batch */
#define MAX_AGE			INT64_C(7776000000) /* the same: 90 days, in milliseconds */
#define DEDUPE			(2 * RCV_DAY)	/* no page names one: that of most others */
#define TIME			"time"	/* code of a finding that is answered 400 */

#define URN "urn:lla:llaPartnerConversion:"

static const char *
shape_urn(const RcvNode *node)
{
	size_t		start = sizeof(URN) - 1;

	if (node->len <= start || memcmp(node->text, URN, start) != 0)
		return "is no URN of a conversion rule";
	for (size_t i = start; i < node->len; i++)
		if (!isdigit((unsigned char) node->text[i]))
			return "is no URN of a conversion rule";
	return NULL;
}

static const char *
shape_ipv4(const RcvNode *node)
{
	return rcv_shape_ip(node) == NULL && memchr(node->text, ':', node->len) == NULL ?
		NULL : "is not an IPv4 address";
}

/* Two capital letters. */
static const char *
shape_country(const RcvNode *node)
{
	return node->len == 2 && isupper((unsigned char) node->text[0]) &&
		isupper((unsigned char) node->text[1]) ? NULL : "is not a country code in capitals";
}

static const RcvMember value_members[] = {
	RCV_MEMBER("currencyCode", RCV_OF_TEXT, .required = true, .shape = rcv_shape_currency),
	RCV_MEMBER("amount", RCV_OF_TEXT, .required = true, .shape = rcv_shape_decimal),
	RCV_NO_MORE
};
static const RcvRules value = {.members = value_members};

static const char *const id_types[] = {
	"SHA256_EMAIL", "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "ACXIOM_ID",
	"PLAINTEXT_IP_ADDRESS", "SHA256_IP_ADDRESS", "GOOGLE_AID", "ORACLE_MOAT_ID", NULL
};

static const RcvMember id_members[] = {
	RCV_MEMBER("idType", RCV_OF_WORD, .required = true, .words = id_types),
	RCV_MEMBER("idValue", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_NO_MORE
};

/* What an id looks like goes by its type. */
static bool
id_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *id)
{
	const RcvNode *kind = rcv_json_get(id, "idType");
	const RcvNode *node = rcv_json_get(id, "idValue");
	const char *problem = NULL;

	if (strncmp(kind->text, "SHA256_", 7) == 0)
		problem = rcv_shape_hash(node);
	else if (rcv_text_is(kind, "PLAINTEXT_IP_ADDRESS"))
		problem = shape_ipv4(node);
	else
		problem = rcv_shape_clear(node);
	return problem == NULL ||
		rcv_found_member(finding, place, "idValue", RCV_FAULT_SHAPE, problem, NULL);
}

static const RcvRules id_rules = {.members = id_members, .also = id_also};

static const RcvMember info_members[] = {
	RCV_MEMBER("firstName", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_MEMBER("lastName", RCV_OF_TEXT, .required = true, .shape = rcv_shape_clear),
	RCV_CLEAR("companyName"), RCV_CLEAR("title"),
	RCV_MEMBER("countryCode", RCV_OF_TEXT, .shape = shape_country),
	RCV_NO_MORE
};
static const RcvRules info = {.members = info_members};

static const RcvMember user_members[] = {
	RCV_MEMBER("userIds", RCV_OF_OBJECT, RCV_LIST, .required = true, .rules = &id_rules,
			   .max = -1),
	RCV_MEMBER("userInfo", RCV_OF_OBJECT, .rules = &info),
	RCV_MEMBER("externalIds", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque, .max = 1),
	RCV_ID("lead"),
	RCV_NO_MORE
};

/* An id at least, or both names. */
static bool
user_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *user)
{
	static const char *const others[] = {"userInfo", "lead", NULL};

	return rcv_json_get(user, "userIds")->first != NULL ||
		rcv_rules_need_one(finding, place, user, others, "holds neither an id nor names");
}

static const RcvRules user = {.members = user_members, .also = user_also};

static const RcvMember event_members[] = {
	RCV_MEMBER("conversion", RCV_OF_TEXT, .required = true, .shape = shape_urn),
	RCV_MEMBER("conversionHappenedAt", RCV_OF_INTEGER, .required = true),
	RCV_MEMBER("conversionValue", RCV_OF_OBJECT, .rules = &value),
	RCV_ID("eventId"),
	RCV_MEMBER("user", RCV_OF_OBJECT, .required = true, .rules = &user),
	RCV_NO_MORE
};
static const RcvRules event_rules = {.members = event_members};

static const RcvMember request_members[] = {
	RCV_MEMBER("elements", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_EVENTS),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *event,
	 const RcvPlace *place, RcvFinding *finding)
{
	int64_t		end = call->now * 1000 + 999;	/* of the second */

	(void) request;
	if (rcv_rules_in_time(finding, place, event, "conversionHappenedAt",
						  call->now * 1000 - MAX_AGE, end, TIME))
		return true;
	finding->code = TIME;
	return false;
}

static bool
header_is(const RcvCall *call, const char *name, const char *value)
{
	const char *header = rcv_call_header(call, name);

	return header != NULL && strcmp(header, value) == 0;
}

/* Six digits. */
static const char *
version_of(const RcvCall *call)
{
	const char *version = rcv_call_header(call, "LinkedIn-Version");

	return version != NULL && strlen(version) == 6 &&
		strspn(version, "0123456789") == 6 ? version : NULL;
}

static const char *
envelope(const RcvCall *call)
{
	if (version_of(call) == NULL)
		return "the header LinkedIn-Version is missing";
	if (!header_is(call, "X-Restli-Protocol-Version", "2.0.0"))
		return "the header X-Restli-Protocol-Version is not 2.0.0";
	/* a batch is never taken for an event: its one member is unknown */
	if (memmem(call->body, call->len, "\"elements\"", 10) != NULL &&
		!header_is(call, "X-RestLi-Method", "BATCH_CREATE"))
		return "the header X-RestLi-Method is not BATCH_CREATE";
	return NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *event, RcvNaming *naming)
{
	const RcvNode *about = rcv_call_member(event, "conversionValue", RCV_OBJECT);
	const RcvNode *urn = rcv_call_member(event, "conversion", RCV_STRING);
	size_t		start = sizeof(URN) - 1;

	(void) request;
	if (urn != NULL && urn->len > start)
		naming->data_set_id = rcv_call_text(call, urn->text + start, urn->len - start);
	naming->id = rcv_call_member(event, "eventId", RCV_STRING);
	naming->event_type = urn;
	naming->value = rcv_call_member(about, "amount", RCV_STRING);
	naming->currency_code = rcv_call_member(about, "currencyCode", RCV_STRING);
}

/* Is there a version that the path calls dead? */
static bool
is_dead(const RcvCall *call)
{
	char		oldest[RCV_MAX_TEXT];

	return version_of(call) != NULL && rcv_call_setting(call, "sunset", oldest) &&
		strcmp(version_of(call), oldest) < 0;
}

static void
add_line(RcvCall *call, uint64_t index, const RcvFinding *finding)
{
	const char *path = rcv_adapter_path(finding);

	if (!rcv_adapter_names(call, "none", ""))
		rcv_lines_printf(&call->answer, "Index: %llu, ", (unsigned long long) index);
	rcv_lines_printf(&call->answer, "ERROR :: /");
	rcv_adapter_add_path(&call->answer, path, '/');
	rcv_lines_printf(&call->answer, " :: %s\\n", finding->kind == RCV_FAULT_UNKNOWN ?
					 "unrecognized field found but not allowed" :
					 finding->kind == RCV_FAULT_MISSING ?
					 "field is required but not found and has no default value" :
					 finding->problem);
}

/* The events out of time, or else those with another fault. */
static void
answer_faults(RcvCall *call, const RcvJudged *judged)
{
	const char *comma = "";
	bool		late = false;

	for (uint64_t i = 0; i < call->events; i++)
		late |= judged->faults[i] != NULL && judged->faults[i]->code != NULL;
	call->status = late ? 400 : 422;
	rcv_lines_printf(&call->answer, "{\"status\":%u,\"message\":\"", call->status);
	if (late)
		rcv_lines_printf(&call->answer, "conversionHappenedAt is not within the last 90 days "
						 "or in the future for indices [");
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] != NULL && late == (judged->faults[i]->code != NULL))
		{
			if (!late)
				add_line(call, i, judged->faults[i]);
			else if (!rcv_adapter_names(call, "none", ""))
				rcv_lines_printf(&call->answer, "%s%llu", comma, (unsigned long long) i);
			comma = ", ";
		}
	rcv_lines_printf(&call->answer, late ? "] (0-indexed)\"}\n" : "\"}\n");
}

static void
answer_whole(RcvCall *call, const RcvFinding *finding)
{
	if (version_of(call) == NULL)
	{
		call->status = 400;
		rcv_lines_printf(&call->answer, "{\"status\":400,\"code\":\"VERSION_MISSING\","
						 "\"message\":\"A version must be present.\"}\n");
		return;
	}
	call->status = finding->path[0] != '\0' ? 422 : 400;
	rcv_lines_printf(&call->answer, "{\"status\":%u,\"message\":\"ERROR :: /", call->status);
	rcv_adapter_add_path(&call->answer, finding->path, '/');
	rcv_lines_printf(&call->answer, " :: %s\"}\n", finding->problem);
}

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	if (is_dead(call))
		rcv_adapter_answer(call, &rcv_linkedin, "sunset", "the version is dead");
	else if (judged->whole != NULL)
		answer_whole(call, judged->whole);
	else if (judged->bad > 0)
		answer_faults(call, judged);
	else
	{
		bool		alone = call->events == 1 && call->records[0].event == judged->request;

		rcv_adapter_keep(call, judged);
		call->status = alone ? 201 : 200;
		if (alone)
			return;
		rcv_lines_printf(&call->answer, "{\"elements\":[");
		for (uint64_t i = 0; i < call->events; i++)
			rcv_lines_printf(&call->answer, "%s{\"status\":201}", i > 0 ? "," : "");
		rcv_lines_printf(&call->answer, "]}\n");
	}
}

static const RcvCanned canned[] = {
	{"throttled", 429, "{\"status\":429,\"code\":\"TOO_MANY_REQUESTS\",\"message\":"
	"\"Resource level throttle limit for calls to this resource is reached.\"}\n"},
	{"expired", 401, "{\"status\":401,\"serviceErrorCode\":65600,\"code\":"
	"\"INVALID_ACCESS_TOKEN\",\"message\":\"Invalid access token\"}\n"},
	{"revoked", 401, "{\"status\":401,\"serviceErrorCode\":65601,\"code\":"
		"\"REVOKED_ACCESS_TOKEN\",\"message\":\"The token used in the request has been "
	"revoked by the user\"}\n"},
	{"denied", 403, "{\"status\":403,\"serviceErrorCode\":100,\"code\":\"ACCESS_DENIED\","
	"\"message\":\"No ad accounts found\"}\n"},
	{"sunset", 426, "{\"status\":426,\"code\":\"NONEXISTENT_VERSION\",\"message\":"
	"\"Requested version is not active\"}\n"},
	{"internal", 500, "{\"status\":500,\"message\":\"Internal Server Error\"}\n"},
	{.fault = NULL}
};

const RcvAdapter rcv_linkedin = {
	.list = "elements",
	.may_be_alone = true,
	.request = &request_rules,
	.event = &event_rules,
	.fits = fits,
	.token = rcv_call_bearer,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.dedupe_s = DEDUPE,
	.answer = answer,
};

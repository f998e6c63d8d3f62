/*
 * meta.c
 *	  Meta's Conversions API, as far as a sender sees it.
 *
 * Order: the JSON, the faults that the path asks for, the token, the data set,
 * the request, its events.  All or nothing: one event that does not fit refuses
 * the request, and no answer says which it is.  HTTP statuses follow what
 * senders have seen, where errors arrive as 400 and 500 alike: the code counts.
 *
 * The token is set once, before the servers start.
 */
#define _GNU_SOURCE
#include "meta.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meta_rules.h"
#include "repeats.h"

#define DAY				86400
#define MAX_AGE			(7 * DAY)	/* using-the-api: seven days */
#define MAX_STORE_AGE	(62 * DAY)	/* the same page, of physical_store */
#define DEDUPE			(2 * DAY)	/* deduplicate: 48 hours */
#define MAX_AHEAD		600		/* the page names no number: ten minutes */

/* Errors of the platform; texts as its answers have them. */
typedef struct MetaError
{
	const char *fault;			/* of the path; NULL: it comes by itself */
	unsigned int status;
	int			code;
	int			subcode;		/* 0: none */
	int			transient;		/* -1: not said */
	const char *message;
} MetaError;

#define NO_DATA_SET \
	"Unsupported post request. Object does not exist, cannot be loaded due to " \
	"missing permissions, or does not support this operation"

static const MetaError faults[] = {
	{"throttled", 400, 4, 0, 1, "(#4) Application request limit reached"},
	{"throttled-4", 400, 4, 0, 1, "(#4) Application request limit reached"},
	{"throttled-17", 400, 17, 0, -1, "(#17) User request limit reached"},
	{"throttled-32", 400, 32, 0, -1, "(#32) Page request limit reached"},
	{"throttled-613", 400, 613, 0, -1,
	"(#613) Calls to this api have exceeded the rate limit."},
	{"throttled-500", 500, 80003, 0, -1,
	"(#80003) There have been too many calls to this data set."},
	{"expired", 400, 190, 463, -1,
	"Error validating access token: Session has expired."},
	{"undecipherable", 500, 190, 0, -1, "The access token could not be decrypted"},
	{"permission", 403, 200, 0, -1, "(#200) Permissions error"},
	{"not-ready", 400, 21009, 0, -1,
	"(#21009) The data set upload is temporarily not ready."},
	{"unknown", 500, 1, 0, 1, "An unknown error occurred"},
	{"service", 500, 2, 0, 1, "Service temporarily unavailable"},
	{"too-old", 400, 100, 2804003, 0, "Invalid parameter"},
	{"no-data-set", 400, 100, 33, -1, NO_DATA_SET},
	{.fault = NULL}
};
static const MetaError no_token = {
	NULL, 400, 190, 0, -1, "Invalid OAuth access token - Cannot parse access token"
};
static const MetaError no_data_set = {NULL, 400, 100, 33, -1, NO_DATA_SET};
static const MetaError invalid = {NULL, 400, 100, 0, 0, "Invalid parameter"};
static const MetaError harm = {NULL, 500, 2, 0, 1, "Service temporarily unavailable"};

static const char *expected_token;
static atomic_uint_fast64_t last_trace;

void
rcv_meta_init(const char *token)
{
	expected_token = token;
}

static void
add_trace(RcvCall *call)
{
	rcv_lines_printf(&call->answer, "\"fbtrace_id\":\"Atest%012llx\"",
					 (unsigned long long) atomic_fetch_add(&last_trace, 1) + 1);
}

/* subcode replaces that of the error unless it is 0. */
static void
answer_error(RcvCall *call, const MetaError *error, int subcode, const char *reason)
{
	RcvLines   *answer = &call->answer;

	call->status = error->status;
	rcv_call_reason(call, reason);
	rcv_lines_printf(answer, "{\"error\":{\"message\":\"%s\",\"type\":\"OAuthException\","
					 "\"code\":%d,", error->message, error->code);
	if (subcode == 0)
		subcode = error->subcode;
	if (subcode != 0)
		rcv_lines_printf(answer, "\"error_subcode\":%d,", subcode);
	if (error->transient >= 0)
		rcv_lines_printf(answer, "\"is_transient\":%s,",
						 error->transient ? "true" : "false");
	if (subcode == 2804003)
		rcv_lines_printf(answer, "\"error_user_title\":\"Event Timestamp Too Old\",");
	if (subcode == 2804009)
		rcv_lines_printf(answer,
						 "\"error_user_title\":\"Missing Value for Purchase Event\",");
	add_trace(call);
	rcv_lines_add(answer, "}}\n", 3);
}

static void
answer_finding(RcvCall *call, const RcvFinding *finding)
{
	rcv_call_found(call, finding);
	answer_error(call, &invalid, finding->code != NULL ? atoi(finding->code) : 2804001,
				 call->reason);
}

/* Is it the fault of an error?  Then it is answered. */
static bool
answer_fault(RcvCall *call)
{
	for (int i = 0; faults[i].fault != NULL; i++)
		if (strcmp(faults[i].fault, call->fault) == 0)
		{
			answer_error(call, &faults[i], 0, call->fault);
			return true;
		}
	return false;
}

static bool
has_token(const RcvCall *call, const RcvNode *request)
{
	const RcvNode *token = rcv_call_member(request, "access_token", RCV_STRING);
	const char *in_query = rcv_call_parameter(call, "access_token");
	char		of_path[RCV_MAX_TEXT];
	const char *expected = rcv_call_setting(call, "token", of_path) ? of_path :
		expected_token;

	if (token != NULL)
		return expected == NULL || rcv_text_is(token, expected);
	return in_query != NULL && in_query[0] != '\0' &&
		(expected == NULL || strcmp(in_query, expected) == 0);
}

/* PIXEL of the path as a text; NULL when it is no number. */
static const RcvNode *
find_pixel(RcvCall *call)
{
	const char *slash = memrchr(call->path, '/', strlen(call->path));
	const char *start = slash;

	while (start > call->path && start[-1] != '/')
		start--;
	for (const char *c = start; c < slash; c++)
		if (!isdigit((unsigned char) *c))
			return NULL;
	return start < slash ? rcv_call_text(call, start, slash - start) : NULL;
}

/* Rules of an event that look at the clock. */
static bool
holds_in_time(const RcvCall *call, const RcvNode *event, const RcvPlace *place,
			  RcvFinding *finding)
{
	bool		in_store = rcv_text_is(rcv_json_get(event, "action_source"),
									   "physical_store");

	return rcv_rules_in_time(finding, place, event, "event_time",
							 call->now - (in_store ? MAX_STORE_AGE : MAX_AGE),
							 call->now + MAX_AHEAD, "2804003");
}

/* Hold the request and all events to the rules; false when it is answered. */
static bool
holds_rules(RcvCall *call, const RcvNode *request)
{
	RcvPlace	data = {NULL, "data", 4, 0};
	RcvPlace	place = {&data, NULL, 0, 0};
	RcvFinding	finding;

	if (!rcv_rules_hold(&rcv_meta_request, request, NULL, &finding))
	{
		answer_finding(call, &finding);
		return false;
	}
	for (uint64_t i = 0; i < call->events; i++)
	{
		place.index = i;
		if (!rcv_rules_hold(&rcv_meta_event, call->records[i].event, &place, &finding) ||
			!holds_in_time(call, call->records[i].event, &place, &finding))
		{
			answer_finding(call, &finding);
			return false;
		}
	}
	return true;
}

/* Refused, or harmful, as the path says; true when it is answered. */
static bool
answer_poison(RcvCall *call)
{
	for (uint64_t i = 0; i < call->events; i++)
	{
		const RcvNode *event = call->records[i].event;

		if (rcv_call_holds(event, call->manners->reject_if))
			answer_error(call, &invalid, 2804009, "an event is not wanted");
		else if (rcv_call_holds(event, call->manners->fail_if))
			answer_error(call, &harm, 0, "an event does harm");
		else
			continue;
		return true;
	}
	return false;
}

static bool
name_record(RcvCall *call, RcvRecord *record, const RcvNode *pixel)
{
	RcvNaming  *naming = rcv_arena_alloc(call->arena, sizeof(RcvNaming));
	const RcvNode *custom = rcv_call_member(record->event, "custom_data", RCV_OBJECT);

	if (naming == NULL)
		return false;
	*naming = (RcvNaming) {
		.data_set_id = pixel,
		.id = rcv_call_member(record->event, "event_id", RCV_STRING),
		.event_type = rcv_call_member(record->event, "event_name", RCV_STRING),
		.value = rcv_call_member(custom, "value", RCV_NUMBER),
		.currency_code = rcv_call_member(custom, "currency", RCV_STRING),
	};
	record->naming = naming;
	return true;
}

static void
accept(RcvCall *call, const RcvNode *pixel)
{
	bool		fewer = strcmp(call->fault, "fewer") == 0;
	bool		warning = strcmp(call->fault, "warning") == 0;

	for (uint64_t i = 0; i < call->events; i++)
		if (!name_record(call, &call->records[i], pixel))
			return;
	for (uint64_t i = 0; i < call->events; i++)
		rcv_repeats_note_event(call, &call->records[i], DEDUPE);
	call->status = 200;
	call->count = call->events - (fewer && call->events > 0 ? 1 : 0);
	rcv_lines_printf(&call->answer, "{\"events_received\":%llu,\"messages\":[%s],",
					 (unsigned long long) call->count,
					 warning ? "\"An event could not be matched.\"" : "");
	add_trace(call);
	rcv_lines_add(&call->answer, "}\n", 2);
}

void
rcv_meta_judge(RcvCall *call)
{
	const char *error;
	const RcvNode *request = rcv_call_parse(call, &error);
	const RcvNode *data = request != NULL ?
		rcv_call_member(request, "data", RCV_ARRAY) : NULL;
	const RcvNode *pixel = find_pixel(call);

	if (data != NULL && !rcv_call_take_events(call, data))
		return;
	if (answer_fault(call))
		return;
	if (request == NULL || !rcv_call_is_json(call))
		answer_error(call, &invalid, 0, request == NULL ? error : "no JSON is announced");
	else if (!has_token(call, request))
		answer_error(call, &no_token, 0, "the access token is not the one");
	else if (pixel == NULL)
		answer_error(call, &no_data_set, 0, "no such data set");
	else if (data == NULL)
		answer_error(call, &invalid, 0, "data is no list");
	else if (answer_poison(call))
		return;
	else if (!call->check || holds_rules(call, request))
		accept(call, pixel);
}

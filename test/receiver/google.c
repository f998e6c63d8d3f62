/*
 * google.c
 *	  Google's Data Manager API: the request of events.
 *
 * Order: the JSON, the faults that the path asks for, the token, the form of the
 * message, then what each field and each event must be.  All or nothing: one event
 * that does not fit refuses the request, and all that do not are named, each by
 * its first fault.  What is accepted is filed under the ids of its destinations,
 * joined by commas, and its id is good for a question about its status, unless the
 * request was only to be validated.
 */
#include "google.h"

#include <string.h>

#include "google_answer.h"
#include "google_rules.h"
#include "oauth.h"
#include "platform.h"

/* The reason that goes with a finding of the rules. */
static const char *
reason_of(const RcvFinding *finding)
{
	if (finding->code != NULL)
		return finding->code;
	switch (finding->kind)
	{
		case RCV_FAULT_MISSING:
		case RCV_FAULT_MANY:	/* without a code it is an empty list */
			return "REQUIRED_FIELD_MISSING";
		default:
			return "INVALID_FORMAT";
	}
}

/* Is it a fault that a reader of the proto finds before anyone looks at values? */
static bool
is_unreadable(const RcvFinding *finding)
{
	return finding->kind == RCV_FAULT_UNKNOWN || finding->kind == RCV_FAULT_TYPE ||
		finding->kind == RCV_FAULT_WORD;
}

/* A violation in the arena; path is copied, that of an event without the event. */
static void
violate(RcvCall *call, RcvViolation *violation, int64_t event, const RcvFinding *finding)
{
	const char *path = finding->path;
	const RcvNode *copy;

	/* a fault of the request may be found by looking at an event */
	if (event >= 0 && strncmp(path, "events[", 7) != 0)
		event = -1;
	if (event >= 0)
	{
		path = strchr(path, ']') + 1;
		if (*path == '.')
			path++;
	}
	copy = rcv_call_text(call, path, strlen(path) + 1);
	*violation = (RcvViolation) {
		event, copy != NULL ? copy->text : "", finding->problem, reason_of(finding)
	};
	if (call->reason == NULL)
		rcv_call_found(call, finding);
}

/* Hold the events to the rules; false when it is answered. */
static bool
events_hold(RcvCall *call, const RcvNode *request)
{
	RcvPlace	list = {NULL, "events", 6, 0};
	RcvPlace	place = {&list, NULL, 0, 0};
	RcvViolation *violations = rcv_arena_alloc(call->arena,
											   (call->events + 1) * sizeof(RcvViolation));
	RcvFinding	finding;
	uint64_t	count = 0;

	if (violations == NULL)
		return false;
	for (uint64_t i = 0; i < call->events; i++)
	{
		const RcvNode *event = call->records[i].event;

		place.index = i;
		if (rcv_rules_hold(&rcv_google_event, event, &place, &finding) &&
			rcv_google_event_fits(request, event, call->now, &place, &finding))
			continue;
		if (is_unreadable(&finding))
		{
			rcv_google_unreadable(call, &finding);
			return false;
		}
		violate(call, &violations[count++], i, &finding);
		if (violations[count - 1].event < 0)
			break;
	}
	if (count > 0)
		rcv_google_violations(call, violations, count);
	return count == 0;
}

/* Hold the request and its events to the rules; false when it is answered. */
static bool
holds_rules(RcvCall *call, const RcvNode *request)
{
	RcvFinding	finding;
	RcvViolation violation;

	if (rcv_rules_hold(&rcv_google_request, request, NULL, &finding))
		return events_hold(call, request);
	if (is_unreadable(&finding))
		rcv_google_unreadable(call, &finding);
	else
	{
		violate(call, &violation, -1, &finding);
		rcv_google_violations(call, &violation, 1);
	}
	return false;
}

/* Refused, or harmful, as the path says; true when it is answered. */
static bool
answer_poison(RcvCall *call)
{
	RcvViolation *violations = rcv_arena_alloc(call->arena,
											   (call->events + 1) * sizeof(RcvViolation));
	uint64_t	count = 0;

	for (uint64_t i = 0; violations != NULL && i < call->events; i++)
	{
		const RcvNode *event = call->records[i].event;

		if (rcv_call_holds(event, call->manners->fail_if))
			return rcv_google_fault(call, "internal");
		if (rcv_call_holds(event, call->manners->reject_if))
			violations[count++] = (RcvViolation) {
				i, "transactionId", "is not wanted", "INVALID_EVENT"
			};
	}
	if (count > 0)
	{
		rcv_call_reason(call, "an event is not wanted");
		rcv_google_violations(call, violations, count);
	}
	return violations == NULL || count > 0;
}

/* The ids of an event's destinations, joined by commas. */
static const RcvNode *
goal_names(RcvCall *call, const RcvNode *request, const RcvNode *event)
{
	const RcvNode *destinations = rcv_call_member(request, "destinations", RCV_ARRAY);
	const RcvNode *result;
	RcvLines	lines = {0};

	for (const RcvNode *d = destinations != NULL ? destinations->first : NULL; d != NULL;
		 d = d->next)
	{
		const RcvNode *id = rcv_call_member(d, "productDestinationId", RCV_STRING);

		if (id == NULL || !rcv_google_goes_to(event, d))
			continue;
		if (lines.len > 0)
			rcv_lines_add(&lines, ",", 1);
		rcv_lines_add(&lines, id->text, id->len);
	}
	result = rcv_call_text(call, lines.len > 0 ? lines.text : "", lines.len);
	rcv_lines_free(&lines);
	return result;
}

static bool
name_record(RcvCall *call, RcvRecord *record, const RcvNode *request)
{
	RcvNaming  *naming = rcv_arena_alloc(call->arena, sizeof(RcvNaming));

	if (naming == NULL)
		return false;
	*naming = (RcvNaming) {
		.data_set_id = goal_names(call, request, record->event),
		.id = rcv_call_member(record->event, "transactionId", RCV_STRING),
		.event_type = rcv_call_member(record->event, "eventName", RCV_STRING),
		.value = rcv_call_member(record->event, "conversionValue", RCV_NUMBER),
		.currency_code = rcv_call_member(record->event, "currency", RCV_STRING),
	};
	record->naming = naming;
	return true;
}

static void
accept(RcvCall *call, const RcvNode *request)
{
	const RcvNode *validate = rcv_call_member(request, "validateOnly", RCV_BOOL);
	bool		only = validate != NULL && rcv_text_is(validate, "true");
	const char *id;

	for (uint64_t i = 0; i < call->events; i++)
		if (!name_record(call, &call->records[i], request))
			return;
	id = only ? rcv_google_new_id(call) : rcv_google_remember(call, request);
	if (id == NULL)
		return;
	call->status = 200;
	if (only)
		rcv_platform_count(call->platform, RCV_VALIDATED, call->events);
	else
		call->count = call->events;
	rcv_lines_printf(&call->answer, "{\"requestId\":\"%s\"", id);
	if (strcmp(call->fault, "warning") == 0)
		rcv_lines_printf(&call->answer, ",\"fieldWarnings\":[{"
						 "\"reason\":\"WARNING_REASON_UNSPECIFIED\","
						 "\"description\":\"The field is ignored.\",\"field\":"
						 "\"events.events[%lld].cart_data.merchant_id\"}]",
						 (long long) call->events - 1);
	rcv_lines_add(&call->answer, "}\n", 2);
}

void
rcv_google_judge(RcvCall *call)
{
	const char *error;
	const RcvNode *request = rcv_call_parse(call, &error);
	const RcvNode *events = request != NULL ?
		rcv_call_member(request, "events", RCV_ARRAY) : NULL;
	const char *refused;

	if (events != NULL && !rcv_call_take_events(call, events))
		return;
	if (rcv_google_fault(call, call->fault))
		return;
	refused = rcv_oauth_refusal(call);
	if (refused != NULL)
		rcv_google_unauthenticated(call, refused);
	else if (request == NULL || !rcv_call_is_json(call))
		rcv_google_unreadable(call, &(RcvFinding) {
			.kind = RCV_FAULT_TYPE, .problem = request == NULL ? error :
				"no JSON is announced"
		});
	else if (answer_poison(call))
		return;
	else if (!call->check || holds_rules(call, request))
		accept(call, request);
}

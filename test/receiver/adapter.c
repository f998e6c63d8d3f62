/*
 * adapter.c
 *	  A platform that takes a list of events: the walk that its table directs.
 *
 * No state; all that is found lives in the call's arena.  Without memory a call is
 * left as it is, which platform.c answers as 500.
 */
#include "adapter.h"

#include <ctype.h>
#include <string.h>

#include "platform.h"
#include "repeats.h"

void
rcv_adapter_answer(RcvCall *call, const RcvAdapter *adapter, const char *fault,
				   const char *reason)
{
	const RcvCanned *canned = adapter->canned;

	while (canned->fault != NULL && strcmp(canned->fault, fault) != 0)
		canned++;
	if (canned->fault == NULL)
		return;
	call->status = canned->status;
	call->refused = true;
	rcv_call_reason(call, reason);
	rcv_lines_add(&call->answer, canned->body, strlen(canned->body));
}

/* Is the fault of the path an answer that is always the same?  Then it is given. */
static bool
answer_fault(RcvCall *call, const RcvAdapter *adapter)
{
	rcv_adapter_answer(call, adapter, call->fault, call->fault);
	return call->refused;
}

/* Why the token is not good; NULL: it is. */
static const char *
token_problem(const RcvCall *call, const RcvAdapter *adapter)
{
	const char *token;
	char		expected[RCV_MAX_TEXT];

	if (adapter->refusal != NULL)
		return adapter->refusal(call);
	token = adapter->token(call);
	if (token == NULL || token[0] == '\0')
		return "no token is given";
	return rcv_call_setting(call, "token", expected) && strcmp(token, expected) != 0 ?
		"the token is not the one" : NULL;
}

/* The list that a path such as "data.events" leads to; NULL: there is none. */
static const RcvNode *
find_list(const RcvNode *node, const char *path)
{
	while (node != NULL)
	{
		size_t		len = strcspn(path, ".");
		char		name[64];

		memcpy(name, path, len);
		name[len] = '\0';
		if (path[len] == '\0')
			return rcv_call_member(node, name, RCV_ARRAY);
		node = rcv_call_member(node, name, RCV_OBJECT);
		path += len + 1;
	}
	return NULL;
}

/* Count the events of the body; false when out of memory. */
static bool
take_events(RcvCall *call, const RcvAdapter *adapter, RcvNode *request)
{
	const RcvNode *list = find_list(request, adapter->list);
	RcvNode		alone = {.type = RCV_ARRAY, .first = request};

	if (list == NULL && adapter->may_be_alone)
		list = &alone;
	return list == NULL || rcv_call_take_events(call, list);
}

/* Is the body an event itself? */
static bool
is_alone(const RcvCall *call, const RcvNode *request)
{
	return call->events == 1 && call->records[0].event == request;
}

/* Keep a finding about event i, unless it has one. */
static void
blame(RcvCall *call, RcvJudged *judged, uint64_t i, const RcvFinding *finding)
{
	RcvFinding *copy = judged->faults[i] == NULL ?
		rcv_arena_alloc(call->arena, sizeof(RcvFinding)) : NULL;

	if (copy == NULL)
		return;
	*copy = *finding;
	judged->faults[i] = copy;
	judged->bad++;
	if (call->reason == NULL)
		rcv_call_found(call, finding);
}

/* Hold one event to the rules, and to what the path asks for. */
static void
judge_event(RcvCall *call, const RcvAdapter *adapter, RcvJudged *judged, uint64_t i)
{
	const RcvNode *event = call->records[i].event;
	RcvPlace	list = {NULL, adapter->list, strlen(adapter->list), 0};
	RcvPlace	place = {&list, NULL, 0, i};
	RcvFinding	finding;

	if (rcv_call_holds(event, call->manners->reject_if))
		rcv_found(&finding, &place, RCV_FAULT_SHAPE, "is not wanted", NULL);
	else if (!call->check ||
			 (rcv_rules_hold(adapter->event, event, &place, &finding) &&
			  (adapter->fits == NULL ||
			   adapter->fits(call, judged->request, event, &place, &finding))))
		return;
	blame(call, judged, i, &finding);
}

/* Find what is wrong; false when out of memory. */
static bool
judge_events(RcvCall *call, const RcvAdapter *adapter, RcvJudged *judged)
{
	RcvFinding *finding = rcv_arena_alloc(call->arena, sizeof(RcvFinding));
	size_t		size = (call->events + 1) * sizeof(RcvFinding *);

	judged->faults = rcv_arena_alloc(call->arena, size);
	if (finding == NULL || judged->faults == NULL)
		return false;
	memset(judged->faults, 0, size);
	if (call->check && !is_alone(call, judged->request) &&
		!rcv_rules_hold(adapter->request, judged->request, NULL, finding))
	{
		judged->whole = finding;
		rcv_call_found(call, finding);
		return true;
	}
	for (uint64_t i = 0; i < call->events; i++)
		judge_event(call, adapter, judged, i);
	return true;
}

/* A body that cannot be read, or that a header or the query spoils. */
static bool
is_unreadable(RcvCall *call, const RcvAdapter *adapter, const RcvNode *request,
			  const char *error, RcvFinding *finding)
{
	const char *problem = NULL;

	if (!rcv_call_is_json(call))
		problem = "no JSON is announced";
	else if (request == NULL)
		problem = error;
	else if (adapter->envelope != NULL)
		problem = adapter->envelope(call);
	return problem != NULL &&
		!rcv_found(finding, NULL, RCV_FAULT_TYPE, problem, NULL);
}

static bool
does_harm(const RcvCall *call)
{
	for (uint64_t i = 0; i < call->events; i++)
		if (rcv_call_holds(call->records[i].event, call->manners->fail_if))
			return true;
	return false;
}

/* File what is taken, and count what came before. */
static void
file(RcvCall *call, const RcvAdapter *adapter, const RcvJudged *judged)
{
	for (uint64_t i = 0; i < call->count; i++)
	{
		RcvNaming  *naming = rcv_arena_alloc(call->arena, sizeof(RcvNaming));

		if (naming == NULL)
		{
			call->count = i;
			return;
		}
		*naming = (RcvNaming) {.id = NULL};
		adapter->name(call, judged->request, call->records[i].event, naming);
		call->records[i].naming = naming;
		if (adapter->dedupe_s > 0 && !judged->test &&
			(adapter->has_key == NULL || adapter->has_key(call->records[i].event)))
			rcv_repeats_note_event(call, &call->records[i], adapter->dedupe_s);
	}
	if (judged->test)
	{
		rcv_platform_count(call->platform, RCV_VALIDATED, call->count);
		call->count = 0;
	}
}

void
rcv_adapter_judge(RcvCall *call, const RcvAdapter *adapter)
{
	const char *error = NULL;
	RcvNode    *request = (RcvNode *) rcv_call_parse(call, &error);
	RcvJudged	judged = {.request = request};
	RcvFinding	finding;
	const char *problem;

	if (request != NULL && !take_events(call, adapter, request))
		return;
	if (answer_fault(call, adapter))
		return;
	problem = token_problem(call, adapter);
	if (problem != NULL)
	{
		rcv_adapter_answer(call, adapter, "expired", problem);
		return;
	}
	if (is_unreadable(call, adapter, request, error, &finding))
	{
		judged.whole = &finding;
		rcv_call_found(call, &finding);
	}
	else if (does_harm(call))
	{
		rcv_adapter_answer(call, adapter, "internal", "an event does harm");
		return;
	}
	else if (!judge_events(call, adapter, &judged))
		return;
	judged.test = adapter->is_test != NULL && adapter->is_test(call, request);
	adapter->answer(call, &judged);
	call->refused = call->reason != NULL && call->count == 0;
	file(call, adapter, &judged);
}

void
rcv_adapter_keep(RcvCall *call, const RcvJudged *judged)
{
	for (uint64_t i = 0; i < call->events; i++)
		if (judged->faults[i] == NULL)
			call->records[call->count++] = call->records[i];
}

bool
rcv_adapter_names(const RcvCall *call, const char *how, const char *own)
{
	char		value[RCV_MAX_TEXT];

	return strcmp(rcv_call_setting(call, "index", value) ? value : own, how) == 0;
}

uint64_t
rcv_adapter_first(const RcvCall *call, const RcvJudged *judged)
{
	uint64_t	i = 0;

	if (judged->whole != NULL)
		return call->events;
	while (i < call->events && judged->faults[i] == NULL)
		i++;
	return i;
}

const char *
rcv_adapter_path(const RcvFinding *finding)
{
	const char *bracket = strchr(finding->path, ']');

	if (bracket == NULL)
		return finding->path;
	return bracket[1] == '.' ? bracket + 2 : bracket + 1;
}

void
rcv_adapter_add_path(RcvLines *lines, const char *path, char separator)
{
	for (; *path != '\0'; path++)
		if (*path == '.' || *path == '[')
			rcv_lines_add(lines, &separator, 1);
		else if (*path != ']')
			rcv_lines_add(lines, path, 1);
}

/*
 * pubsub.c
 *	  Google Cloud Pub/Sub, projects.topics.publish, as far as a publisher sees it.
 *
 *	  POST .../v1/projects/PROJECT/topics/TOPIC:publish
 *
 * All or nothing: a message that does not fit refuses the request, and none is named.  The
 * answer to a request that was taken has an id for each message, all of them new, since no
 * repeat is known.  What data holds is nobody's business at Pub/Sub; here it has to be JSON,
 * and an event with a data_set_id one that follows the standard, as its subscribers want it.
 * A token is one that the token endpoint issued.
 *
 * fault=
 *	  expired			401 UNAUTHENTICATED		denied		403 PERMISSION_DENIED
 *	  not-found			404 NOT_FOUND			aborted		409 ABORTED
 *	  quota				429 RESOURCE_EXHAUSTED	cancelled	499 CANCELLED
 *	  internal			500 INTERNAL			unknown		500 UNKNOWN
 *	  unavailable		503 UNAVAILABLE			deadline	504 DEADLINE_EXCEEDED
 *	  precondition		400 FAILED_PRECONDITION
 *	  fewer				taken, and answered with one id less than there are messages
 */
#include "adapter.h"

#include <ctype.h>
#include <stdatomic.h>
#include <string.h>

#include "base64.h"
#include "check.h"
#include "oauth.h"
#include "shapes.h"

#define MAX_MESSAGES	1000	/* "Quotas and limits", of a publish request */
#define MAX_BODY		(10 * 1000 * 1000)	/* the same: 10 MB */
#define MAX_ATTRIBUTES	100		/* the same, of a message */
#define MAX_KEY			256
#define MAX_VALUE		1024
#define MAX_ORDERING	1000	/* "Order messages": 1 kB */
#define MIN_TOPIC		3		/* pubsub.proto, Topic.name */
#define MAX_TOPIC		255

static atomic_uint_fast64_t last_id;

/* ---- a message ---- */

static const char *
shape_ordering(const RcvNode *node)
{
	return node->len > MAX_ORDERING ? "is longer than 1 kB" : NULL;
}

static const RcvMember message_members[] = {
	RCV_MEMBER("data", RCV_OF_TEXT, .shape = rcv_shape_opaque),
	RCV_MEMBER("attributes", RCV_OF_ANYTHING),
	RCV_MEMBER("orderingKey", RCV_OF_TEXT, .shape = shape_ordering),
	RCV_NO_MORE
};

/* Why an attribute is not one; NULL: it is. */
static const char *
attribute_problem(const RcvNode *attribute)
{
	if (attribute->keylen == 0 || attribute->keylen > MAX_KEY ||
		(attribute->keylen >= 4 && memcmp(attribute->key, "goog", 4) == 0))
		return "has a key that no attribute may have";
	if (attribute->type != RCV_STRING)
		return "has a value that is no text";
	return attribute->len > MAX_VALUE ? "has a value of more than 1024 bytes" : NULL;
}

static bool
message_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *message)
{
	const RcvNode *attributes = rcv_json_get(message, "attributes");
	int			n = 0;

	if (attributes != NULL && attributes->type != RCV_OBJECT)
		return rcv_found_member(finding, place, "attributes", RCV_FAULT_TYPE, "is not an object", NULL);
	for (const RcvNode *one = attributes ? attributes->first : NULL; one != NULL; one = one->next)
	{
		const char *problem = ++n > MAX_ATTRIBUTES ? "has more than 100 members" : attribute_problem(one);

		if (problem != NULL)
			return rcv_found_member(finding, place, "attributes", RCV_FAULT_SHAPE, problem, NULL);
	}
	return n > 0 || rcv_rules_need(finding, place, message, "data", "is missing, and so are attributes");
}

static const RcvRules message_rules = {.members = message_members, .also = message_also};

/* The event in a message's data; NULL, and the problem, when it is none. */
static const RcvNode *
event_of(const RcvCall *call, const RcvNode *message, const char **problem)
{
	const RcvNode *data = rcv_call_member(message, "data", RCV_STRING);
	unsigned char *text;
	size_t		len;

	*problem = "is not base64";
	if (data == NULL)
		return NULL;
	text = rcv_arena_alloc(call->arena, data->len * 3 / 4 + 3);
	if (text == NULL || !rcv_base64_decode(data->text, data->len, true, text, &len))
		return NULL;
	return rcv_json_parse(call->arena, (char *) text, len, problem);
}

static bool
fits(const RcvCall *call, const RcvNode *request, const RcvNode *message,
	 const RcvPlace *place, RcvFinding *finding)
{
	const RcvNode *messages = rcv_call_member(request, "messages", RCV_ARRAY);
	const RcvNode *first = rcv_call_member(messages->first, "orderingKey", RCV_STRING);
	const RcvNode *own = rcv_call_member(message, "orderingKey", RCV_STRING);
	const RcvNode *event;
	const char *problem;
	char		reason[512];

	if ((own == NULL) != (first == NULL) ||
		(own != NULL && (own->len != first->len || memcmp(own->text, first->text, own->len) != 0)))
		return rcv_found_member(finding, place, "orderingKey", RCV_FAULT_SHAPE,
								"is another one than that of the first message", NULL);
	if (rcv_json_get(message, "data") == NULL)
		return true;
	event = event_of(call, message, &problem);
	if (event == NULL)
		return rcv_found_member(finding, place, "data", RCV_FAULT_SHAPE, problem, NULL);
	if (rcv_json_get(event, "data_set_id") != NULL &&
		!rcv_check_event(event, (time_t) call->now, reason, sizeof(reason)))
		return rcv_found_member(finding, place, "data", RCV_FAULT_SHAPE,
								"is no event of the standard's", NULL);
	return true;
}

/* ---- a request ---- */

static const RcvMember request_members[] = {
	RCV_MEMBER("messages", RCV_OF_ANYTHING, RCV_LIST, .required = true, .max = MAX_MESSAGES),
	RCV_NO_MORE
};
static const RcvRules request_rules = {.members = request_members};

static bool
is_topic(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char) text[i]) && strchr("-_.~+%", text[i]) == NULL)
			return false;
	return len >= MIN_TOPIC && len <= MAX_TOPIC && isalpha((unsigned char) text[0]) &&
		memcmp(text, "goog", 4) != 0;
}

/* The id of the topic, in the last segment of the path; its bytes in *len, 0: none. */
static const char *
topic_of(const RcvCall *call, size_t *len)
{
	static const char method[] = ":publish";
	const RcvNode *segment = rcv_call_segment((RcvCall *) call, 0);

	*len = 0;
	if (segment == NULL || segment->len < sizeof(method) - 1 ||
		memcmp(segment->text + segment->len - (sizeof(method) - 1), method, sizeof(method) - 1) != 0)
		return "";
	*len = segment->len - (sizeof(method) - 1);
	return segment->text;
}

static const char *
envelope(const RcvCall *call)
{
	size_t		len;
	const char *topic = topic_of(call, &len);

	if (!is_topic(topic, len))
		return "there is no such topic";
	return call->len > MAX_BODY ? "the request is larger than 10 MB" : NULL;
}

static void
name(RcvCall *call, const RcvNode *request, const RcvNode *message, RcvNaming *naming)
{
	const RcvNode *attributes = rcv_call_member(message, "attributes", RCV_OBJECT);
	const char *problem;
	const RcvNode *event = event_of(call, message, &problem);
	size_t		len;
	const char *topic = topic_of(call, &len);

	(void) request;
	naming->data_set_id = rcv_call_text(call, topic, len);
	naming->id = rcv_call_member(attributes, "id", RCV_STRING);
	naming->event_type = rcv_call_member(attributes, "event_type", RCV_STRING);
	naming->value = rcv_call_member(event, "value", RCV_NUMBER);
	naming->currency_code = rcv_call_member(event, "currency_code", RCV_STRING);
}

/* ---- answers ---- */

static void
answer(RcvCall *call, const RcvJudged *judged)
{
	bool		fewer = strcmp(call->fault, "fewer") == 0;

	if (judged->whole != NULL || judged->bad > 0)
	{
		call->status = 400;
		rcv_lines_printf(&call->answer, "{\"error\":{\"code\":400,\"message\":"
						 "\"Invalid value in the request.\",\"status\":\"INVALID_ARGUMENT\"}}\n");
		return;
	}
	call->status = 200;
	rcv_adapter_keep(call, judged);
	rcv_lines_printf(&call->answer, "{\n  \"messageIds\": [");
	for (uint64_t i = fewer ? 1 : 0; i < call->count; i++)
		rcv_lines_printf(&call->answer, "%s\n    \"%017llu\"", i > (fewer ? 1 : 0) ? "," : "",
						 (unsigned long long) atomic_fetch_add(&last_id, 1) + 1);
	rcv_lines_printf(&call->answer, "\n  ]\n}\n");
}

#define BODY(code, status, message) \
	"{\"error\":{\"code\":" code ",\"message\":\"" message "\",\"status\":\"" status "\"}}\n"

static const RcvCanned canned[] = {
	{"expired", 401, BODY("401", "UNAUTHENTICATED", "Request had invalid authentication credentials.")},
	{"denied", 403, BODY("403", "PERMISSION_DENIED", "User not authorized to perform this action.")},
	{"not-found", 404, BODY("404", "NOT_FOUND", "Resource not found.")},
	{"aborted", 409, BODY("409", "ABORTED", "The operation was aborted.")},
	{"quota", 429, BODY("429", "RESOURCE_EXHAUSTED", "Quota exceeded.")},
	{"cancelled", 499, BODY("499", "CANCELLED", "The operation was cancelled.")},
	{"internal", 500, BODY("500", "INTERNAL", "Internal error encountered.")},
	{"unknown", 500, BODY("500", "UNKNOWN", "Unknown error encountered.")},
	{"unavailable", 503, BODY("503", "UNAVAILABLE", "The service was unable to fulfill your request.")},
	{"deadline", 504, BODY("504", "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")},
	{"precondition", 400, BODY("400", "FAILED_PRECONDITION", "Precondition check failed.")},
	{.fault = NULL}
};

const RcvAdapter rcv_pubsub = {
	.list = "messages",
	.request = &request_rules,
	.event = &message_rules,
	.fits = fits,
	.refusal = rcv_oauth_refusal,
	.envelope = envelope,
	.canned = canned,
	.name = name,
	.answer = answer,
};

/*
 * test_conformance.c
 *	  The platforms' cases: events to a request, an answer to outcomes.
 *
 *	  ECAPI_CONFORMANCE=directory test_conformance [NAME...]
 *
 * The directory has a file for each platform, one JSON object a line; without it
 * nothing is tested.  With names only the cases are run whose names hold one of them.
 * A case has events and options, and what is expected:
 *
 *	expected_body		of the request: objects by subset, arrays by length and place,
 *						1 equals 1.0; but for the paths of may_differ, and without those
 *						of must_not_have
 *	expected_request	its url, in which <...> stands for any word, and headers of it
 *	expected_outcome	what becomes of each event and of the destination, once the
 *						answer "response" came, and "status_response" to a question
 *						afterwards, or before there is one; headers of the
 *						request; a part of its url; or the bodies of the
 *						requests that the events take
 *
 * Outcomes come from select.h, body.h and the format's judge, as in the worker.  Where a
 * judge says that a request failed as a whole, the events at fault are found by
 * bisection; it is played here to its end, one event a request, with a platform that
 * refuses an event again for the age that the case gives it (events_age_days).
 *
 * A case that asks for what no option or format has is skipped, and says for what.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf
#undef vsnprintf

#include "destination/formats.h"
#include "destination/outgoing.h"
#include "destination/select.h"
#include "event/json.h"
#include "unit.h"

/* Files, and the formats whose cases they have. */
static const struct
{
	const char *file;
	const char *format;
}			platforms[] = {
	{"meta.jsonl", "meta"},
	{"webhook.jsonl", "webhook"},
	{"google_data_manager.jsonl", "google"},
	{"tiktok.jsonl", "tiktok"},
	{"pinterest.jsonl", "pinterest"},
	{"reddit.jsonl", "reddit"},
	{"snap.jsonl", "snap"},
	{"microsoft.jsonl", "microsoft"},
	{"linkedin.jsonl", "linkedin"},
	{"ga4.jsonl", "ga4"}
};

/* Options of the owner whom the cases have in mind, but do not mention. */
static const struct
{
	const char *format;
	const char *option;
	const char *value;
}			common[] = {
	{"linkedin", "send_names", "yes"},
	{"linkedin", "external_id", "clear"}
};

static EcapiArena arena;

/* What a case is run with. */
typedef struct Case
{
	const EcapiValue *says;		/* the line */
	const EcapiFormat *format;
	EcapiOptions options;
	EcapiCredentials credentials;
	int64_t		now;
	int			nevents;
	const EcapiValue *events[16];
	EcapiBody	body;
	EcapiOutgoing outgoing;
	char		skip[100];		/* why it cannot be run, or "" */
	char		failure[400];	/* what differs first, or "" */
} Case;

static void fail(Case *c, const char *what,...) pg_attribute_printf(2, 3);

static void
fail(Case *c, const char *what,...)
{
	va_list		args;

	if (c->failure[0] != '\0')
		return;
	va_start(args, what);
	vsnprintf(c->failure, sizeof(c->failure), what, args);
	va_end(args);
}

static const char *
text_of(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = ecapi_value_get(object, name);

	return value && (value->type == ECAPI_STRING || value->type == ECAPI_NUMBER) ? value->text : "";
}

static const EcapiValue *
nth(const EcapiValue *array, int i)
{
	const EcapiValue *child = array ? array->first : NULL;

	for (; child && i > 0; i--)
		child = child->next;
	return child;
}

/* ---- what a body must hold ---- */

static bool
is_listed(const EcapiValue *paths, const char *path)
{
	for (const EcapiValue *one = paths ? paths->first : NULL; one; one = one->next)
	{
		/* a path, or in words what is free about a member at the top */
		if (strcmp(one->text, path) == 0 ||
			(strncmp(one->text, path, strlen(path)) == 0 && one->text[strlen(path)] == ' '))
			return true;
	}
	return false;
}

static void
compare(Case *c, const EcapiValue *wanted, const EcapiValue *got, const char *path)
{
	const EcapiValue *child;
	char		below[300];
	int			i = 0;

	if (is_listed(ecapi_value_get(c->says, "may_differ"), path))
		return;
	if (got == NULL || got->type != wanted->type)
	{
		fail(c, "%s is %s", path, got ? "of another type" : "missing");
		return;
	}
	switch (wanted->type)
	{
		case ECAPI_NULL:
			break;
		case ECAPI_BOOL:
			if (wanted->truth != got->truth)
				fail(c, "%s is %s", path, got->truth ? "true" : "false");
			break;
		case ECAPI_NUMBER:
			if (strtod(wanted->text, NULL) != strtod(got->text, NULL))
				fail(c, "%s is %s, not %s", path, got->text, wanted->text);
			break;
		case ECAPI_STRING:
			if (strcmp(wanted->text, got->text) != 0)
				fail(c, "%s is \"%s\", not \"%s\"", path, got->text, wanted->text);
			break;
		case ECAPI_ARRAY:
			if (wanted->len != got->len)
				fail(c, "%s has %u elements, not %u", path, got->len, wanted->len);
			/* FALLTHROUGH */
		case ECAPI_OBJECT:
			for (child = wanted->first; child; child = child->next, i++)
			{
				const char *dot = path[0] != '\0' ? "." : "";

				if (wanted->type == ECAPI_OBJECT)
					snprintf(below, sizeof(below), "%s%s%s", path, dot, child->key);
				else
					snprintf(below, sizeof(below), "%s%s%d", path, dot, i);
				compare(c, child, wanted->type == ECAPI_OBJECT ?
						ecapi_value_get(got, child->key) : nth(got, i), below);
			}
			break;
	}
}

/* What stands at a path of names and numbers with dots between; NULL: nothing. */
static const EcapiValue *
at_path(const EcapiValue *value, const char *path)
{
	char		step[100];

	while (value && *path != '\0')
	{
		size_t		len = strcspn(path, ".");

		snprintf(step, sizeof(step), "%.*s", (int) len, path);
		value = value->type == ECAPI_ARRAY ? nth(value, atoi(step)) : ecapi_value_get(value, step);
		path += len + (path[len] == '.');
	}
	return value;
}

static void
compare_body(Case *c)
{
	const EcapiValue *wanted = ecapi_value_get(c->says, "expected_body");
	const EcapiValue *absent = ecapi_value_get(c->says, "must_not_have");
	char		error[200];
	const EcapiValue *body = ecapi_json_parse(&arena, c->outgoing.body, c->outgoing.body_len,
											  error, sizeof(error));

	if (body == NULL)
	{
		fail(c, "the body is no JSON: %s", error);
		return;
	}
	compare(c, wanted, body, "");
	for (const EcapiValue *path = absent ? absent->first : NULL; path; path = path->next)
	{
		if (at_path(body, path->text) != NULL)
			fail(c, "%s is there", path->text);
	}
}

/* Whether text is as wanted, in which <...> stands for any word. */
static bool
is_like(const char *text, const char *wanted)
{
	if (strcmp(wanted, "<has no full stop>") == 0)
		return *text != '\0' && strchr(text, '.') == NULL;
	if (strcmp(wanted, "<not empty>") == 0)
		return *text != '\0';
	while (*wanted != '\0')
	{
		if (*wanted == '<')
		{
			if (*text == '\0' || *text == ' ')
				return false;
			text += strcspn(text, " ");
			wanted += strcspn(wanted, ">") + 1;
		}
		else if (*text++ != *wanted++)
			return false;
	}
	return *text == '\0';
}

/* The value of a header line of that name; NULL: it is another one. */
static const char *
header_value(const char *line, const EcapiValue *name)
{
	if (strncasecmp(line, name->key, name->keylen) != 0 || line[name->keylen] != ':')
		return NULL;
	return line + name->keylen + 1 + strspn(line + name->keylen + 1, " ");
}

static void
compare_headers(Case *c, const EcapiValue *headers)
{
	EcapiRequest request = ecapi_outgoing_request(&c->outgoing, &c->options, &c->credentials);

	for (const EcapiValue *header = headers->first; header; header = header->next)
	{
		const char *found = NULL;

		for (int i = 0; i < c->outgoing.nheaders && found == NULL; i++)
			found = header_value(c->outgoing.headers[i], header);
		for (int i = 0; found == NULL && ecapi_request_header_nth(&request, i) != NULL; i++)
			found = header_value(ecapi_request_header_nth(&request, i), header);
		if (found == NULL || !is_like(found, header->text))
			fail(c, "header %s is \"%s\", not \"%s\"", header->key, found ? found : "", header->text);
	}
}

/* ---- from a case to options ---- */

static int
place_of(const EcapiFormat *format, const char *name)
{
	for (int i = 0; i < format->nown; i++)
	{
		if (strcmp(format->own[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* "purchase=7001, login": types, some with the platform's name. */
static void
take_event_types(Case *c, const char *text)
{
	c->options.event_types = 0;
	while (*text != '\0')
	{
		size_t		len = strcspn(text, "=, ");
		size_t		all = strcspn(text, ",");
		int			type = ecapi_event_type_lookup(text, len);

		if (type < 0)
		{
			snprintf(c->skip, sizeof(c->skip), "event_types \"%s\"", text);
			return;
		}
		c->options.event_types |= UINT64_C(1) << type;
		if (text[len] == '=')
			c->options.targets[type] = ecapi_arena_copy(&arena, text + len + 1, all - len - 1);
		text += all + strspn(text + all, ", ");
	}
}

/* A consent of which the platform is told goes as any other does without the option. */
static void
take_consent(Case *c, const char *text)
{
	if (strcmp(text, "if_present_send_denied") != 0)
		snprintf(c->skip, sizeof(c->skip), "consent \"%s\"", text);
}

/* The value of an option of a format's own; members of an object as "name=value, ...". */
static char *
own_value(const EcapiValue *option)
{
	char		list[1000] = "";

	if (option->type != ECAPI_OBJECT)
		return ecapi_arena_copy(&arena, option->text, option->len);
	for (const EcapiValue *one = option->first; one; one = one->next)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s=%s",
				 one == option->first ? "" : ", ", one->key, one->text);
	return ecapi_arena_copy(&arena, list, strlen(list));
}

static void
take_option(Case *c, const EcapiValue *option)
{
	int			place = place_of(c->format, option->key);

	if (strcmp(option->key, "format") == 0 || strcmp(option->key, "now") == 0)
		return;
	if (strcmp(option->key, "data_set_id") == 0)
		c->options.data_set_id = ecapi_arena_copy(&arena, option->text, option->len);
	else if (strcmp(option->key, "mode") == 0 && strcmp(option->text, "test") == 0)
		c->options.mode = ECAPI_MODE_TEST;
	else if (strcmp(option->key, "event_types") == 0)
		take_event_types(c, option->text);
	else if (strcmp(option->key, "batch_size") == 0)
		c->options.batch_size = atoi(option->text);
	else if (strcmp(option->key, "consent") == 0)
		take_consent(c, option->text);
	else if (place >= 0 && c->format->own[place].secret)
		c->credentials.own[place] = option->text;
	else if (place >= 0)
		c->options.own[place] = own_value(option);
	else
		snprintf(c->skip, sizeof(c->skip), "option %s", option->key);
}

static void
take_options(Case *c)
{
	const EcapiValue *options = ecapi_value_get(c->says, "options");
	EcapiFormatProblem problem;

	c->options.format = c->format;
	c->options.event_types = ECAPI_ALL_EVENT_TYPES & ~c->format->off_by_default;
	c->options.max_age_s = ecapi_format_default_age(c->format);
	c->options.dedupe_key = c->format->dedupe_key;
	c->options.batch_size = c->format->default_batch;
	if (c->format->url == NULL)
		c->options.url = (char *) "https://receiver.example";
	c->credentials.token = "T";
	for (int i = 0; i < c->format->nown; i++)
	{
		const EcapiOwnOption *own = &c->format->own[i];

		if (own->secret && own->required && (own->check == NULL || (own->check) ("S") == NULL))
			c->credentials.own[i] = "S";
		if (c->format->own[i].fallback != NULL)
			c->options.own[i] = ecapi_arena_copy(&arena, c->format->own[i].fallback, strlen(c->format->own[i].fallback));
	}
	for (size_t i = 0; i < lengthof(common); i++)
	{
		if (strcmp(common[i].format, c->format->name) == 0)
			c->options.own[place_of(c->format, common[i].option)] = ecapi_arena_copy(&arena, common[i].value, strlen(common[i].value));
	}
	for (const EcapiValue *option = options->first; option; option = option->next)
		take_option(c, option);
	if (c->skip[0] == '\0' && c->format->check && !(c->format->check) (&c->options, &problem))
		fail(c, "the options are refused: %s", problem.message);
}

/* ---- from events to a request ---- */

static const char *
shape_event(Case *c, const EcapiValue *event, const char **reason)
{
	const EcapiAddressee self = {1, "d"};
	const char *type = text_of(event, "event_type");
	const EcapiValue *seen;

	*reason = ecapi_select_early(&c->options, self, event,
								 ecapi_event_type_lookup(type, strlen(type)), c->now);
	if (*reason != NULL)
		return strcmp(*reason, "expired") == 0 ? "expired" : "filtered";
	switch (ecapi_body_add(&c->body, &arena, event, false, &seen, reason))
	{
		case ECAPI_SHAPED:
			return NULL;
		case ECAPI_FILTERED:
			return "filtered";
		default:
			return "unfit";
	}
}

static void
make_request(Case *c)
{
	char		error[200];

	if (!ecapi_body_close(&c->body) ||
		!ecapi_outgoing_make(&c->body, &c->credentials, c->now, &arena, &c->outgoing,
							 error, sizeof(error)))
		fail(c, "there is no request");
}

/* ---- from an answer to outcomes ---- */

static EcapiJudgement
judge(const Case *c, const EcapiValue *response, int nevents,
	  void (*judge_as) (const EcapiAnswer *, int, EcapiArena *, EcapiJudgement *))
{
	const EcapiValue *body = ecapi_value_get(response, "body");
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .retry_after_ms = -1};
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiBuffer text;

	answer.sent = c->outgoing.body;
	answer.sent_len = c->outgoing.body_len;
	ecapi_buffer_init(&text, 64 * 1024, unit_resize, NULL);
	if (body && body->type == ECAPI_STRING)
		ecapi_buffer_add(&text, body->text, body->len);
	else if (body)
		ecapi_json_value(&text, body);
	answer.status = atoi(text_of(response, "status"));
	answer.body = text.data;
	answer.body_len = text.len;
	if (judge_as)
		judge_as(&answer, nevents, &arena, &judgement);
	else
		ecapi_judge_status(&answer, &judgement);
	free(text.data);
	return judgement;
}

static const char *
name_of(EcapiNamedOutcome outcome)
{
	static const char *const names[] = {
		[ECAPI_NAMED_DELIVERED] = "delivered",
		[ECAPI_NAMED_RESEND] = "resend",
		[ECAPI_NAMED_LATER] = "retry",
		[ECAPI_NAMED_REJECTED] = "dead",
		[ECAPI_NAMED_EXPIRED] = "expired",
		[ECAPI_NAMED_UNSURE] = "dead"
	};

	return names[outcome];
}

/* What bisection comes to for an event of a request that failed as a whole. */
static const char *
alone(const Case *c, int i)
{
	const EcapiValue *age = nth(ecapi_value_get(c->says, "events_age_days"), i);
	EcapiJudgement judgement;

	if (age == NULL)
		return "bisect";
	if (atof(age->text) * 86400 <= c->format->age_limit(&c->options, c->events[i]))
		return "resend";
	judgement = judge(c, ecapi_value_get(c->says, "response"), 1, c->format->judge);
	return judgement.verdict == ECAPI_REJECTED && judgement.nnamed == 1 ?
		name_of(judgement.named[0].outcome) : "bisect";
}

static const char *
outcome_of(const Case *c, const EcapiJudgement *judgement, int i)
{
	for (int k = 0; k < judgement->nnamed; k++)
	{
		if (judgement->named[k].index == i)
			return name_of(judgement->named[k].outcome);
	}
	switch (judgement->verdict)
	{
		case ECAPI_DELIVERED:
			return judgement->receipt ? "accepted" : "delivered";
		case ECAPI_REJECTED:
			return judgement->nnamed > 0 ? "resend" : alone(c, i);
		case ECAPI_TOO_LARGE:
			return "bisect";
		case ECAPI_RETRY:
		case ECAPI_STOP:
			break;
	}
	return "retry";
}

static void
compare_outcomes(Case *c, const EcapiValue *wanted)
{
	const EcapiValue *later = ecapi_value_get(c->says, "status_response");
	const EcapiValue *response = ecapi_value_get(c->says, "response");
	/* without an answer to the request, it was taken, and the case is about the question */
	EcapiJudgement judgement = {.verdict = ECAPI_DELIVERED, .receipt = "r"};
	const char *destination;
	const char *receipt = text_of(wanted, "request_id");

	if (response != NULL)
		judgement = judge(c, response, c->nevents, c->format->judge);
	destination = judgement.verdict == ECAPI_STOP ? "stopped"
		: judgement.verdict == ECAPI_RETRY ? "backoff" : "ok";
	if (later != NULL && judgement.receipt != NULL && c->format->later != NULL)
		judgement = judge(c, later, c->nevents, c->format->later->judge);
	for (int i = 0; i < c->nevents; i++)
	{
		const EcapiValue *one = nth(ecapi_value_get(wanted, "events"), i);
		const char *got = outcome_of(c, &judgement, i);

		if (one == NULL || strcmp(one->text, got) != 0)
			fail(c, "event %d is %s, not %s", i, got, one ? one->text : "(nothing)");
	}
	/* where tokens are fetched, another one is, and the destination goes on */
	if (judgement.credential && c->format->grant != NULL)
		destination = "ok";
	if (ecapi_value_get(wanted, "destination") &&
		strcmp(text_of(wanted, "destination"), destination) != 0)
		fail(c, "the destination is %s", destination);
	if (*receipt != '\0' && (judgement.receipt == NULL || strcmp(judgement.receipt, receipt) != 0))
		fail(c, "the receipt is %s", judgement.receipt ? judgement.receipt : "missing");
	if (*text_of(wanted, "hint") != '\0' &&
		(judgement.words == NULL || strstr(judgement.words, text_of(wanted, "hint")) == NULL))
		fail(c, "the words are \"%s\"", judgement.words ? judgement.words : "");
	if (ecapi_value_get(wanted, "warnings") && atoi(text_of(wanted, "warnings")) != judgement.warnings)
		fail(c, "there are %d warnings", judgement.warnings);
	for (int k = 0; ecapi_value_get(wanted, "retry_after_s") && k < judgement.nnamed; k++)
	{
		if (judgement.named[k].outcome == ECAPI_NAMED_LATER &&
			judgement.named[k].wait_s != atoi(text_of(wanted, "retry_after_s")))
			fail(c, "the wait is %d s", judgement.named[k].wait_s);
	}
}

/* An event that never gets into a request. */
static void
compare_unsent(Case *c, const char *outcome, const char *reason)
{
	const EcapiValue *wanted = ecapi_value_get(c->says, "expected_outcome");
	const EcapiValue *one = nth(ecapi_value_get(wanted, "events"), 0);

	if (one == NULL || strcmp(one->text, outcome) != 0)
		fail(c, "the event is %s: %s", outcome, reason);
	else if (*text_of(wanted, "reason") != '\0' && strcmp(text_of(wanted, "reason"), reason) != 0)
		fail(c, "the reason is \"%s\"", reason);
}

/* ---- a case ---- */

static void
take_events(Case *c)
{
	const EcapiValue *events = ecapi_value_get(c->says, "events");
	const EcapiValue *event = ecapi_value_get(c->says, "event");

	for (const EcapiValue *one = events ? events->first : NULL;
		 one && c->nevents < (int) lengthof(c->events); one = one->next)
		c->events[c->nevents++] = one;
	if (event == NULL && c->nevents == 0)	/* the case is about what stands around it */
		event = unit_json(&arena, "{'id':'a','timestamp':1795777200,'event_type':'login'}");
	if (event)
		c->events[c->nevents++] = event;
}

static void
open_body(Case *c)
{
	free(c->body.buffer.data);
	memset(&c->body, 0, sizeof(c->body));
	c->body.shape.options = &c->options;
	c->body.shape.now = c->now;
	ecapi_buffer_init(&c->body.buffer, 0, unit_resize, NULL);
	ecapi_body_open(&c->body);
}

/*
 * What stands once in a request: members of its body, a part of its url, and the ids of
 * its events, which are those from first on.
 */
static void
compare_request(Case *c, const EcapiValue *wanted, int first, int end, const char *what)
{
	const EcapiValue *events = ecapi_value_get(wanted, "events");
	EcapiValue *members = ecapi_value_new(&arena, ECAPI_OBJECT);
	char		error[200];

	for (const EcapiValue *one = wanted->first; one; one = one->next)
		if (strcmp(one->key, "events") != 0 && strcmp(one->key, "url_has") != 0)
			ecapi_value_set(&arena, members, one->key, one->keylen, ecapi_value_copy(&arena, one));
	compare(c, members, ecapi_json_parse(&arena, c->outgoing.body, c->outgoing.body_len,
										 error, sizeof(error)), what);
	if (strstr(c->outgoing.url, text_of(wanted, "url_has")) == NULL)
		fail(c, "the url is %s", c->outgoing.url);
	for (const EcapiValue *id = events ? events->first : NULL; id; id = id->next, first++)
		if (first >= end || strcmp(text_of(c->events[first], "id"), id->text) != 0)
			fail(c, "%s is not in the %s", id->text, what);
	if (events && first != end)
		fail(c, "there are more events in the %s", what);
}

/* The requests that the events of a case take, and what the body of each holds. */
static void
run_requests(Case *c, const EcapiValue *requests)
{
	int			done = 0;
	int			first;
	char		what[100];

	for (const EcapiValue *wanted = requests->first; wanted; wanted = wanted->next)
	{
		const EcapiValue *seen;
		const char *reason;

		snprintf(what, sizeof(what), "request of event %d", done);
		first = done;
		open_body(c);
		while (done < c->nevents &&
			   ecapi_body_add(&c->body, &arena, c->events[done], false, &seen, &reason) == ECAPI_SHAPED)
			done++;
		make_request(c);
		if (c->failure[0] != '\0')
			return;
		compare_request(c, wanted, first, done, what);
	}
	if (done != c->nevents)
		fail(c, "event %d is in no request", done);
}

static void
run(Case *c)
{
	const EcapiValue *wanted = ecapi_value_get(c->says, "expected_outcome");
	const EcapiValue *request = ecapi_value_get(c->says, "expected_request");
	const EcapiValue *headers = ecapi_value_get(wanted ? wanted : request, "headers");
	bool		asked = ecapi_value_get(c->says, "response") != NULL ||
		ecapi_value_get(c->says, "status_response") != NULL;

	if (ecapi_value_get(wanted, "requests"))
	{
		run_requests(c, ecapi_value_get(wanted, "requests"));
		return;
	}
	open_body(c);
	for (int i = 0; i < c->nevents; i++)
	{
		const char *reason = NULL;
		const char *outcome = shape_event(c, c->events[i], &reason);

		if (outcome == NULL)
			continue;
		if (!asked && wanted)
			compare_unsent(c, outcome, reason);
		else
			fail(c, "event %d is %s: %s", i, outcome, reason);
		return;
	}
	if (!asked && wanted && headers == NULL && ecapi_value_get(wanted, "url_has") == NULL)
		fail(c, "the event is sent");
	make_request(c);
	if (c->failure[0] == '\0' && ecapi_value_get(c->says, "expected_body"))
		compare_body(c);
	if (c->failure[0] == '\0' && request && *text_of(request, "url") != '\0' &&
		!is_like(c->outgoing.url, text_of(request, "url")))
		fail(c, "the url is %s", c->outgoing.url);
	if (c->failure[0] == '\0' && headers)
		compare_headers(c, headers);
	if (c->failure[0] == '\0' && strstr(c->outgoing.url, text_of(wanted, "url_has")) == NULL)
		fail(c, "the url is %s", c->outgoing.url);
	if (c->failure[0] == '\0' && asked)
		compare_outcomes(c, wanted);
}

static void
run_case(Case *c, const EcapiFormat *format, const char *line, size_t len, char **names)
{
	char		what[300];
	char		error[200];
	bool		chosen = *names == NULL;

	c->says = ecapi_json_parse(&arena, line, len, error, sizeof(error));
	if (c->says == NULL)
	{
		check(false, error);
		return;
	}
	snprintf(what, sizeof(what), "%s: %s", format->name, text_of(c->says, "name"));
	for (; *names; names++)
		chosen |= strstr(what, *names) != NULL;
	if (!chosen)
		return;
	c->format = format;
	c->now = strtoll(text_of(ecapi_value_get(c->says, "options"), "now"), NULL, 10);
	take_options(c);
	take_events(c);
	if (c->skip[0] != '\0')
	{
		printf("ok %d - %s # SKIP %s\n", ++unit_count, what, c->skip);
		return;
	}
	if (c->failure[0] == '\0')
		run(c);
	if (!check(c->failure[0] == '\0', what))
		fprintf(stderr, "# %s\n", c->failure);
}

static void
run_line(const EcapiFormat *format, const char *line, size_t len, char **names)
{
	Case		c = {0};

	ecapi_arena_init(&arena, unit_grab, NULL);
	run_case(&c, format, line, len, names);
	free(c.body.buffer.data);
	unit_free();
}

static void
run_file(const char *directory, const char *file, const EcapiFormat *format, char **names)
{
	char		path[1000];
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;
	FILE	   *in;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	in = fopen(path, "r");
	if (!check(in != NULL, file))
		return;
	while ((len = getline(&line, &size, in)) > 0)
		run_line(format, line, (size_t) len, names);
	free(line);
	fclose(in);
}

int
main(int argc, char **argv)
{
	const char *directory = getenv("ECAPI_CONFORMANCE");

	(void) argc;
	if (directory == NULL || *directory == '\0')
	{
		printf("1..0 # SKIP ECAPI_CONFORMANCE names no directory with cases\n");
		return 0;
	}
	for (size_t i = 0; i < lengthof(platforms); i++)
	{
		const EcapiFormat *format = ecapi_format_lookup(platforms[i].format);

		if (format != NULL)
			run_file(directory, platforms[i].file, format, argv + 1);
		else
			printf("# no format \"%s\" yet\n", platforms[i].format);
	}
	return unit_done();
}

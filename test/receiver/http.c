/*
 * http.c
 *	  The servers: requests in, verdicts out.
 *
 * A request passes three steps, each seen by handle() as a call of
 * libmicrohttpd: its headers (a Request is made), its body (collected), its
 * end.  At the end it may sleep once (delay), then it is judged and answered:
 *
 *		headers --> body* --> end --[delay]--> judged --> answered or cut
 *
 * The order in which a request is judged: authorization, the size of its body,
 * a status that its path asks for, its JSON, reject-if, the standard.  The
 * first that refuses decides the status; what is refused is not stored.  A request
 * to a platform (platform.h) goes the same way, but is judged by that platform.
 *
 * Ownership: a Request belongs to its connection and is freed by finished();
 * the tree of its events lives in an arena of judge(), and goes with it.
 * Locks: auth_lock covers expect_auth only; what the threads share otherwise
 * is in store.c, misbehave.c and timer.c, each with its own lock.
 */
#define _GNU_SOURCE
#include "http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "check.h"
#include "lines.h"
#include "misbehave.h"
#include "oauth.h"
#include "platform.h"
#include "store.h"
#include "timer.h"
#include "wire.h"

/* The connection's share of the library's memory: a large piece per read. */
#define CONNECTION_MEMORY (256 * 1024)

typedef struct Request
{
	char	   *path;
	const char *method;			/* the library's, valid as long as the request */
	const char *version;
	const char *scheme;
	uint64_t	serial;
	int64_t		complete_us;	/* when the last byte was in; 0: not yet */
	RcvManners	manners;
	const RcvPlatform *platform;	/* NULL: none */
	const char *authorization;	/* none, present, right, wrong */
	char	   *body;
	size_t		len;			/* bytes kept in body */
	size_t		size;
	uint64_t	bytes;			/* bytes received, kept or not */
	uint64_t	events;
} Request;

static RcvHttpOptions options;
static atomic_uint_fast64_t last_serial;
static atomic_uint_fast64_t last_connection;
static atomic_uint_fast64_t sleeps;

static pthread_mutex_t auth_lock = PTHREAD_MUTEX_INITIALIZER;
static char *expect_auth;

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void
set_expected_auth(const char *value)
{
	pthread_mutex_lock(&auth_lock);
	free(expect_auth);
	expect_auth = value != NULL && value[0] != '\0' ? strdup(value) : NULL;
	pthread_mutex_unlock(&auth_lock);
}

static const char *
judge_authorization(struct MHD_Connection *connection)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
													"Authorization");
	const char *result;

	pthread_mutex_lock(&auth_lock);
	if (value == NULL)
		result = "none";
	else if (expect_auth == NULL)
		result = "present";
	else
		result = strcmp(value, expect_auth) == 0 ? "right" : "wrong";
	pthread_mutex_unlock(&auth_lock);
	return result;
}

/* Is this request one that --expect-auth refuses? */
static bool
is_unauthorized(const Request *request)
{
	bool		expected;

	pthread_mutex_lock(&auth_lock);
	expected = expect_auth != NULL;
	pthread_mutex_unlock(&auth_lock);
	return expected && strcmp(request->authorization, "right") != 0;
}

static enum MHD_Result
add_header_name(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	RcvLines   *names = cls;

	(void) kind;
	(void) value;
	if (names->len > 0)
		rcv_lines_add(names, ",", 1);
	for (; *name != '\0'; name++)
	{
		char		c = tolower((unsigned char) *name);

		rcv_lines_add(names, &c, 1);
	}
	return MHD_YES;
}

/* Write the request's line; status 0 for none. */
static void
record_request(struct MHD_Connection *connection, const Request *request,
			   unsigned int status)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	RcvLines	names = {0};
	RcvRequestLine line = {
		.time_us = request->complete_us,
		.serial = request->serial,
		.connection = info != NULL ? (uintptr_t) info->socket_context : 0,
		.scheme = request->scheme,
		.version = request->version,
		.method = request->method,
		.path = request->path,
		.status = status,
		.events = request->events,
		.bytes = request->bytes,
		.authorization = request->authorization,
	};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header_name, &names);
	rcv_lines_add(&names, "", 1);
	line.header_names = names.failed ? "" : names.text;
	rcv_store_request(&line);
	rcv_lines_free(&names);
}

/* Refuse the request; text is the error, without anything of the body. */
static enum MHD_Result
refuse(struct MHD_Connection *connection, const Request *request,
	   unsigned int status, const char *text)
{
	RcvLines	body = {0};
	enum MHD_Result result;

	record_request(connection, request, status);
	rcv_lines_printf(&body, "{\"error\":\"%s\"", text);
	if (request->manners.echo && request->len > 0)
	{
		rcv_lines_add(&body, ",\"request\":", 11);
		rcv_lines_add(&body, request->body, request->len);
	}
	rcv_lines_add(&body, "}\n", 2);
	if (body.failed)
		return MHD_NO;
	result = rcv_answer(connection, &request->manners, status, body.text, body.len);
	rcv_lines_free(&body);
	return result;
}

/*
 * The events of a body: itself, its elements, or the elements of its one
 * member.  (An event always has more than one.)  NULL when there are none.
 */
static const RcvNode *
find_events(const RcvNode *root, uint64_t *count)
{
	const RcvNode *first = root;

	*count = 1;
	if (root->type == RCV_OBJECT && root->first != NULL &&
		root->first->next == NULL && root->first->type == RCV_ARRAY)
		root = root->first;
	if (root->type == RCV_ARRAY)
	{
		first = root->first;
		*count = 0;
		for (const RcvNode *event = first; event != NULL; event = event->next)
			++*count;
	}
	return first;
}

static bool
holds_poison(const RcvRecord *records, uint64_t count, const char *poison)
{
	for (uint64_t i = 0; i < count; i++)
	{
		const RcvNode *id = rcv_json_get(records[i].event, "id");

		if (id != NULL && id->type == RCV_STRING &&
			memmem(id->text, id->len, poison, strlen(poison)) != NULL)
			return true;
	}
	return false;
}

/* Check every event; returns the first reason, or NULL.  Reasons: the arena's. */
static const char *
check_records(RcvArena *arena, RcvRecord *records, uint64_t count)
{
	const char *first = NULL;
	time_t		now = time(NULL);

	for (uint64_t i = 0; i < count; i++)
	{
		char		reason[256];
		char	   *copy;

		if (rcv_check_event(records[i].event, now, reason, sizeof(reason)))
			continue;
		copy = rcv_arena_alloc(arena, strlen(reason) + 1);
		records[i].reason = copy != NULL ? strcpy(copy, reason) : "out of memory";
		if (first == NULL)
			first = records[i].reason;
	}
	return first;
}

/* Answer an accepted request, or cut it. */
static enum MHD_Result
accept_request(struct MHD_Connection *connection, const Request *request)
{
	const RcvManners *manners = &request->manners;
	unsigned int status = manners->status > 0 ? manners->status : 200;
	char		text[64];
	int			len;

	if (manners->cut == RCV_CUT_AFTER)
	{
		record_request(connection, request, 0);
		return MHD_NO;
	}
	record_request(connection, request, status);
	len = snprintf(text, sizeof(text), "{\"received\":%llu}\n",
				   (unsigned long long) request->events);
	return rcv_answer(connection, manners, status, text, len);
}

/* Judge the records, store them and answer. */
static enum MHD_Result
judge_records(struct MHD_Connection *connection, const Request *request,
			  RcvArena *arena, RcvRecord *records)
{
	const RcvManners *manners = &request->manners;
	uint64_t	count = request->events;
	const char *reason = NULL;

	if (manners->reject_if[0] != '\0' && holds_poison(records, count, manners->reject_if))
		return refuse(connection, request, 400, "an event is not wanted");
	if (manners->fail_if[0] != '\0' && holds_poison(records, count, manners->fail_if))
		return refuse(connection, request, 500, "an event does harm");
	if (options.check)
		reason = check_records(arena, records, count);
	if (reason != NULL && manners->strict)
	{
		char		text[300];

		rcv_store_reason(reason);
		snprintf(text, sizeof(text), "%s", reason);
		for (char *c = text; *c != '\0'; c++)
			if (*c == '"' || *c == '\\')
				*c = '?';
		return refuse(connection, request, 400, text);
	}
	if (options.store)
		rcv_store_records(records, count, request->complete_us, request->path,
						  request->serial);
	else
		rcv_store_count(count);
	return accept_request(connection, request);
}

/* Has the path asked for a status that refuses? */
static bool
is_refused_by_path(const RcvManners *manners)
{
	return manners->cut != RCV_CUT_AFTER && manners->status > 0 &&
		(manners->status < 200 || manners->status > 299);
}

/* The body is in, the delay is over: judge it. */
static enum MHD_Result
judge(struct MHD_Connection *connection, Request *request)
{
	const RcvManners *manners = &request->manners;
	RcvArena	arena = {0};
	const RcvNode *event = NULL;
	RcvRecord  *records = NULL;
	enum MHD_Result result;
	const char *error;

	if (is_unauthorized(request))
		return refuse(connection, request, 401, "not authenticated");
	if (strcmp(request->method, "POST") != 0)
		return refuse(connection, request, 405, "events are sent by POST");
	if (request->bytes > manners->max_bytes || request->bytes > request->len)
		return refuse(connection, request, 413, "body too large");

	event = rcv_json_parse(&arena, request->body, request->len, &error);
	if (event != NULL)
		event = find_events(event, &request->events);
	if (is_refused_by_path(manners))
	{
		char		text[32];

		snprintf(text, sizeof(text), "status %u", manners->status);
		result = refuse(connection, request, manners->status, text);
	}
	else if (error != NULL)
		result = refuse(connection, request, 400, error);
	else
	{
		records = rcv_arena_alloc(&arena, (request->events + 1) * sizeof(RcvRecord));
		for (uint64_t i = 0; records != NULL && i < request->events; i++)
		{
			records[i] = (RcvRecord) {.event = event};
			event = event->next;
		}
		result = records != NULL ?
			judge_records(connection, request, &arena, records) : MHD_NO;
	}
	rcv_arena_free(&arena);
	return result;
}

/* Let a platform judge what its path does not refuse yet. */
static void
judge_call(RcvCall *call, const Request *request)
{
	const RcvManners *manners = call->manners;

	if (request->bytes > manners->max_bytes || request->bytes > request->len)
		call->status = 413;
	else if (is_refused_by_path(manners))
		call->status = manners->status;
	else
	{
		rcv_platform_judge(call);
		if (call->status == 200 && manners->status > 0 && manners->cut != RCV_CUT_AFTER)
			call->status = manners->status;
		return;
	}
	rcv_lines_printf(&call->answer, "{\"error\":\"status %u\"}\n", call->status);
}

/* Judge a request to a platform, store what it took, and answer. */
static enum MHD_Result
judge_platform(struct MHD_Connection *connection, Request *request)
{
	RcvArena	arena = {0};
	RcvCall		call = {
		.platform = request->platform,
		.arena = &arena,
		.manners = &request->manners,
		.path = request->path,
		.body = request->body,
		.len = request->len,
		.now = rcv_platform_now(),
		.check = options.check,
	};
	bool		cut = request->manners.cut == RCV_CUT_AFTER;
	enum MHD_Result result = MHD_NO;

	if (request->manners.open)
		rcv_call_setting(&call, rcv_platform_fault(call.platform),
						 call.fault);
	rcv_wire_fill(&call, connection);
	judge_call(&call, request);
	request->events = call.events;
	if (call.reason != NULL)
		rcv_store_reason(call.reason);
	if (call.status >= 300 || call.refused)
		rcv_platform_count(call.platform, RCV_REFUSED, 1);
	if (options.store)
		rcv_store_records(call.records, call.count, request->complete_us,
						  request->path, request->serial);
	else
		rcv_store_count(call.count);
	rcv_platform_count(call.platform, RCV_EVENTS, call.count);
	record_request(connection, request, cut ? 0 : call.status);
	rcv_wire_log(&call, connection, request->complete_us, request->serial,
				 cut ? 0 : call.status);
	request->manners.html = call.html;
	if (!cut && !call.answer.failed)
		result = rcv_answer(connection, &request->manners, call.status,
							call.answer.text, call.answer.len);
	rcv_lines_free(&call.answer);
	rcv_arena_free(&arena);
	return result;
}

/*
 * GET /stats, /sleeps, /reset, /platforms, /clock/SECONDS, /revoke,
 * /expect-auth/VALUE: for the test, not for the sender.
 */
static enum MHD_Result
answer_control(struct MHD_Connection *connection, const Request *request)
{
	static const char auth_path[] = "/expect-auth/";
	static const char clock_path[] = "/clock/";
	const RcvManners plain = {.retry_after = -1};
	char		text[8192] = "{}\n";
	unsigned int status = 200;

	if (strcmp(request->path, "/stats") == 0)
		rcv_store_stats(text, sizeof(text));
	else if (strcmp(request->path, "/sleeps") == 0)
		snprintf(text, sizeof(text), "{\"sleeps\":%llu}\n",
				 (unsigned long long) atomic_load(&sleeps));
	else if (strcmp(request->path, "/reset") == 0)
	{
		rcv_store_reset();
		rcv_manners_reset();
		rcv_platform_reset();
	}
	else if (strcmp(request->path, "/platforms") == 0)
		rcv_platform_counts(text, sizeof(text));
	else if (strcmp(request->path, "/revoke") == 0)
		rcv_oauth_revoke();
	else if (strncmp(request->path, clock_path, strlen(clock_path)) == 0)
		rcv_platform_move_clock(strtoll(request->path + strlen(clock_path), NULL, 10));
	else if (strncmp(request->path, auth_path, strlen(auth_path)) == 0)
	{
		const char *value = request->path + strlen(auth_path);

		if (rcv_percent_decode(value, value + strlen(value), text, sizeof(text)))
			set_expected_auth(text);
		strcpy(text, "{}\n");
	}
	else
		status = 404;
	return rcv_answer(connection, &plain, status, text, strlen(text));
}

/* Everything is in: start the request's misbehaviour, or judge it at once. */
static enum MHD_Result
handle_end(struct MHD_Connection *connection, Request *request)
{
	if (request->complete_us == 0)
	{
		request->platform = rcv_platform_of(request->method, request->path);
		if (request->platform != NULL)
			rcv_platform_count(request->platform, RCV_REQUESTS, 1);
		else if (strcmp(request->method, "GET") == 0)
			return answer_control(connection, request);
		request->complete_us = now_us();
		request->serial = atomic_fetch_add(&last_serial, 1) + 1;
		request->authorization = judge_authorization(connection);
		rcv_manners_of(request->path, &request->manners);
		if (request->platform != NULL)
			rcv_platform_mind(request->platform, request->path, &request->manners);
		if (request->manners.delay_ms > 0 &&
			rcv_timer_sleep(connection, request->manners.delay_ms))
		{
			atomic_fetch_add(&sleeps, 1);
			return MHD_YES;
		}
	}
	if (request->manners.cut == RCV_CUT_BEFORE || request->manners.cut == RCV_CUT_RESET)
	{
		record_request(connection, request, 0);
		if (request->platform != NULL)
			rcv_platform_count(request->platform, RCV_REFUSED, 1);
		if (request->manners.cut == RCV_CUT_RESET)
			rcv_reset_connection(connection);
		return MHD_NO;
	}
	return request->platform != NULL ?
		judge_platform(connection, request) : judge(connection, request);
}

/* Keep a piece of the body; beyond the limit only count it. */
static bool
keep_body(Request *request, const char *data, size_t len)
{
	request->bytes += len;
	if (request->bytes > options.max_body)
		return true;
	if (request->len + len > request->size)
	{
		size_t		size = request->size > 0 ? request->size : 64 * 1024;
		char	   *body;

		while (size < request->len + len)
			size *= 2;
		body = realloc(request->body, size);
		if (body == NULL)
			return false;
		request->body = body;
		request->size = size;
	}
	memcpy(request->body + request->len, data, len);
	request->len += len;
	return true;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *path,
	   const char *method, const char *version, const char *data, size_t *size,
	   void **state)
{
	Request    *request = *state;

	if (request == NULL)
	{
		request = calloc(1, sizeof(Request));
		if (request == NULL)
			return MHD_NO;
		request->path = strdup(path);
		request->method = method;
		request->version = version;
		request->scheme = cls;
		*state = request;
		return request->path != NULL ? MHD_YES : MHD_NO;
	}
	if (*size > 0)
	{
		bool		kept = keep_body(request, data, *size);

		*size = 0;
		return kept ? MHD_YES : MHD_NO;
	}
	return handle_end(connection, request);
}

static void
finished(void *cls, struct MHD_Connection *connection, void **state,
		 enum MHD_RequestTerminationCode how)
{
	Request    *request = *state;

	(void) cls;
	(void) connection;
	(void) how;
	if (request != NULL)
	{
		free(request->path);
		free(request->body);
		free(request);
	}
	*state = NULL;
}

/* Number the connections: the number itself is the socket's context. */
static void
number_connection(void *cls, struct MHD_Connection *connection, void **context,
				  enum MHD_ConnectionNotificationCode what)
{
	(void) cls;
	(void) connection;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		*context = (void *) (uintptr_t) (atomic_fetch_add(&last_connection, 1) + 1);
}

/* Leave paths as they were sent: misbehave.c decodes segment by segment. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void) cls;
	(void) connection;
	return strlen(text);
}

static bool
make_address(unsigned int port, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, options.bind_address, &v4->sin_addr) == 1)
	{
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return inet_pton(AF_INET6, options.bind_address, &v6->sin6_addr) == 1;
}

bool
rcv_http_init(const RcvHttpOptions *given)
{
	options = *given;
	set_expected_auth(given->expect_auth);
	return rcv_timer_start();
}

unsigned int
rcv_http_start(unsigned int port, const char *cert, const char *key)
{
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) key},
		{MHD_OPTION_END, 0, NULL}
	};
	struct MHD_OptionItem pool[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, options.threads, NULL},
		{MHD_OPTION_END, 0, NULL}
	};
	struct sockaddr_storage address;
	struct MHD_Daemon *daemon;
	const union MHD_DaemonInfo *info;

	if (!make_address(port, &address))
		return 0;
	if (address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if (cert != NULL)
		flags |= MHD_USE_TLS;
	if (options.threads <= 1)	/* a pool of one is refused */
		pool[0].option = MHD_OPTION_END;
	if (cert == NULL)
		tls[0].option = MHD_OPTION_END;
	daemon = MHD_start_daemon(flags, port, NULL, NULL,
							  handle, cert != NULL ? "https" : "http",
							  MHD_OPTION_SOCK_ADDR, &address,
							  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
							  (size_t) CONNECTION_MEMORY,
							  MHD_OPTION_NOTIFY_COMPLETED, finished, NULL,
							  MHD_OPTION_NOTIFY_CONNECTION, number_connection, NULL,
							  MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
							  MHD_OPTION_ARRAY, pool,
							  MHD_OPTION_ARRAY, tls,
							  MHD_OPTION_END);
	if (daemon == NULL)
		return 0;
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	return info != NULL ? info->port : 0;
}

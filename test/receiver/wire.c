/*
 * wire.c
 *	  Between a connection and a call: headers and query in, the log out.
 *
 * The library leaves a query as it was sent (http.c, leave_escaped), so it is
 * decoded here.
 */
#include "wire.h"

#include <ctype.h>
#include <string.h>

#include "platform.h"

/* What the iteration over headers or parameters builds. */
typedef struct Pairs
{
	RcvArena   *arena;
	const RcvPair *first;
	bool		encoded;
} Pairs;

static enum MHD_Result
add_pair(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	Pairs	   *pairs = cls;
	size_t		len = value != NULL ? strlen(value) : 0;
	RcvPair    *pair = rcv_arena_alloc(pairs->arena, sizeof(RcvPair));
	char	   *text = rcv_arena_alloc(pairs->arena, len + 1);

	(void) kind;
	if (pair == NULL || text == NULL)
		return MHD_NO;
	memcpy(text, value != NULL ? value : "", len + 1);
	if (pairs->encoded && value != NULL && !rcv_percent_decode(value, value + len, text, len + 1))
		return MHD_YES;
	*pair = (RcvPair) {.next = pairs->first, .name = name, .value = text};
	pairs->first = pair;
	return MHD_YES;
}

void
rcv_wire_fill(RcvCall *call, struct MHD_Connection *connection)
{
	Pairs		headers = {.arena = call->arena};
	Pairs		query = {.arena = call->arena, .encoded = true};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_pair, &headers);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_pair, &query);
	call->headers = headers.first;
	call->query = query.first;
}

static enum MHD_Result
add_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	RcvLines   *lines = cls;

	(void) kind;
	for (; *name != '\0'; name++)
	{
		char		c = tolower((unsigned char) *name);

		rcv_lines_add(lines, &c, 1);
	}
	rcv_lines_add(lines, ": ", 2);
	if (value != NULL)
		rcv_lines_add(lines, value, strlen(value));
	rcv_lines_add(lines, "\n", 1);
	return MHD_YES;
}

static void
add_decoded(RcvLines *lines, const char *text)
{
	size_t		len = strlen(text);
	char		decoded[2048];

	if (rcv_percent_decode(text, text + len, decoded, sizeof(decoded)))
		rcv_lines_add(lines, decoded, strlen(decoded));
	else
		rcv_lines_add(lines, text, len);
}

static enum MHD_Result
add_parameter(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	RcvLines   *lines = cls;

	(void) kind;
	add_decoded(lines, name);
	rcv_lines_add(lines, "=", 1);
	if (value != NULL)
		add_decoded(lines, value);
	rcv_lines_add(lines, "\n", 1);
	return MHD_YES;
}

void
rcv_wire_log(const RcvCall *call, struct MHD_Connection *connection,
			 int64_t time_us, uint64_t serial, unsigned int status)
{
	RcvLines	headers = {0};
	RcvLines	query = {0};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &headers);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_parameter, &query);
	rcv_lines_add(&headers, "", 1);
	rcv_lines_add(&query, "", 1);
	if (!headers.failed && !query.failed)
		rcv_store_body(&(RcvBodyLine) {
			.time_us = time_us,
			.serial = serial,
			.platform = call->platform->name,
			.path = call->path,
			.query = query.text,
			.status = status,
			.headers = headers.text,
			.body = call->body,
			.len = call->len,
			.answer = call->answer.text,
			.answer_len = call->answer.len,
			.reason = call->reason,
		});
	rcv_lines_free(&headers);
	rcv_lines_free(&query);
}

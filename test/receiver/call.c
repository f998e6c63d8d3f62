/*
 * call.c
 *	  One request to a platform: what its files have in common.
 */
#define _GNU_SOURCE
#include "call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool
rcv_call_setting(const RcvCall *call, const char *name, char value[RCV_MAX_TEXT])
{
	return rcv_path_value(call->path, name, value, RCV_MAX_TEXT);
}

static const char *
find_pair(const RcvPair *pair, const char *name, int (*compare) (const char *, const char *))
{
	while (pair != NULL && compare(pair->name, name) != 0)
		pair = pair->next;
	return pair != NULL ? pair->value : NULL;
}

const char *
rcv_call_header(const RcvCall *call, const char *name)
{
	return find_pair(call->headers, name, strcasecmp);
}

const char *
rcv_call_parameter(const RcvCall *call, const char *name)
{
	return find_pair(call->query, name, strcmp);
}

const char *
rcv_call_bearer(const RcvCall *call)
{
	const char *header = rcv_call_header(call, "Authorization");

	return header != NULL && strncmp(header, "Bearer ", 7) == 0 && header[7] != '\0' ?
		header + 7 : NULL;
}

const RcvNode *
rcv_call_segment(RcvCall *call, int n)
{
	const char *end = call->path + strlen(call->path);
	const char *start = end;
	char	   *text;

	for (;; n--)
	{
		while (start > call->path && start[-1] != '/')
			start--;
		if (n == 0 || start == call->path)
			break;
		end = --start;
	}
	text = n == 0 ? rcv_arena_alloc(call->arena, end - start + 1) : NULL;
	if (text == NULL || !rcv_percent_decode(start, end, text, end - start + 1))
		return NULL;
	return rcv_call_text(call, text, strlen(text));
}

bool
rcv_call_is_json(const RcvCall *call)
{
	static const char json[] = "application/json";
	const char *type = rcv_call_header(call, "Content-Type");

	return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
		strchr("; ", type[sizeof(json) - 1]) != NULL;
}

const RcvNode *
rcv_call_parse(RcvCall *call, const char **error)
{
	return rcv_json_parse(call->arena, call->body, call->len, error);
}

bool
rcv_call_take_events(RcvCall *call, const RcvNode *list)
{
	uint64_t	count = 0;

	for (const RcvNode *event = list->first; event != NULL; event = event->next)
		count++;
	call->records = rcv_arena_alloc(call->arena, (count + 1) * sizeof(RcvRecord));
	if (call->records == NULL)
		return false;
	call->events = 0;
	for (const RcvNode *event = list->first; event != NULL; event = event->next)
		call->records[call->events++] = (RcvRecord) {.event = event};
	return true;
}

void
rcv_call_reason(RcvCall *call, const char *reason)
{
	char	   *copy = rcv_arena_alloc(call->arena, strlen(reason) + 1);

	call->reason = copy != NULL ? strcpy(copy, reason) : "out of memory";
}

void
rcv_call_found(RcvCall *call, const RcvFinding *finding)
{
	char		text[384];

	snprintf(text, sizeof(text), "%s%s%s", finding->path,
			 finding->path[0] != '\0' ? " " : "", finding->problem);
	rcv_call_reason(call, text);
}

bool
rcv_call_holds(const RcvNode *event, const char *text)
{
	return text[0] != '\0' &&
		memmem(event->raw, event->rawlen, text, strlen(text)) != NULL;
}

const RcvNode *
rcv_call_text(RcvCall *call, const char *text, size_t len)
{
	RcvNode    *node = rcv_arena_alloc(call->arena, sizeof(RcvNode));
	char	   *copy = rcv_arena_alloc(call->arena, len + 1);

	if (node == NULL || copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	*node = (RcvNode) {.type = RCV_STRING, .text = copy, .len = len};
	return node;
}

const RcvNode *
rcv_call_member(const RcvNode *object, const char *name, RcvJsonType type)
{
	const RcvNode *node = object != NULL ? rcv_json_get(object, name) : NULL;

	return node != NULL && node->type == type ? node : NULL;
}

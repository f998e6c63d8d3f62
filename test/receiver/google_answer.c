/*
 * google_answer.c
 *	  Errors of Google's APIs: google.rpc.Status as JSON.
 *
 * {"error":{"code","message","status","details":[...]}}, where details hold an
 * ErrorInfo, a RequestInfo and, for a request that does not fit, a BadRequest with
 * its field violations (understand-errors page).  Fields are named in snake_case,
 * those of an event behind "events.events[I].".
 */
#include "google_answer.h"

#include <ctype.h>
#include <stdatomic.h>
#include <string.h>

#define TYPE "\"@type\":\"type.googleapis.com/google.rpc."

typedef struct GoogleError
{
	const char *fault;
	unsigned int status;
	const char *name;
	const char *reason;			/* of ErrorInfo; NULL: none */
	const char *message;
} GoogleError;

static const GoogleError faults[] = {
	{"expired", 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED",
	"Request had invalid authentication credentials."},
	{"denied", 403, "PERMISSION_DENIED", "PERMISSION_DENIED",
	"The caller does not have permission"},
	{"not-found", 404, "NOT_FOUND", "NOT_FOUND", "Requested entity was not found."},
	{"quota", 429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED",
	"Resource has been exhausted (e.g. check quota)."},
	{"aborted", 409, "ABORTED", NULL, "The operation was aborted."},
	{"internal", 500, "INTERNAL", "INTERNAL_ERROR", "Internal error encountered."},
	{"unknown", 500, "UNKNOWN", NULL, "Unknown error encountered."},
	{"unavailable", 503, "UNAVAILABLE", NULL, "The service is currently unavailable."},
	{"deadline", 504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED",
	"Deadline expired before operation could complete."},
	{"terms", 400, "FAILED_PRECONDITION",
		"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
	"The destination account has not agreed to the terms."},
	{"no-violation", 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
	"There was a problem with the request."},
	{.fault = NULL}
};
static const GoogleError invalid = {
	NULL, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
	"There was a problem with the request."
};

static atomic_uint_fast64_t last_id;

/* The error up to its details, whose list is left open, with one in it. */
static void
open_error(RcvCall *call, const GoogleError *error, const char *message,
		   const char *reason)
{
	RcvLines   *answer = &call->answer;

	call->status = error->status;
	rcv_lines_printf(answer, "{\"error\":{\"code\":%u,\"message\":", error->status);
	rcv_lines_json(answer, message, strlen(message));
	rcv_lines_printf(answer, ",\"status\":\"%s\",\"details\":[", error->name);
	if (reason != NULL)
		rcv_lines_printf(answer, "{" TYPE "ErrorInfo\",\"reason\":\"%s\","
						 "\"domain\":\"datamanager.googleapis.com\"},", reason);
	rcv_lines_printf(answer, "{" TYPE "RequestInfo\",\"requestId\":\"error-%llu\"}",
					 (unsigned long long) atomic_fetch_add(&last_id, 1) + 1);
}

static void
close_error(RcvCall *call)
{
	rcv_lines_printf(&call->answer, "]}}\n");
}

bool
rcv_google_fault(RcvCall *call, const char *name)
{
	for (const GoogleError *error = faults; error->fault != NULL; error++)
		if (strcmp(error->fault, name) == 0)
		{
			open_error(call, error, error->message, error->reason);
			close_error(call);
			rcv_call_reason(call, name);
			return true;
		}
	return false;
}

void
rcv_google_unauthenticated(RcvCall *call, const char *reason)
{
	rcv_google_fault(call, "expired");
	rcv_call_reason(call, reason);
}

/* A path in snake_case: "userData.x" is "user_data.x". */
static void
add_path(RcvLines *lines, const char *path)
{
	for (; *path != '\0'; path++)
	{
		char		c = tolower((unsigned char) *path);

		if (isupper((unsigned char) *path))
			rcv_lines_add(lines, "_", 1);
		rcv_lines_add(lines, &c, 1);
	}
}

void
rcv_google_unreadable(RcvCall *call, const RcvFinding *finding)
{
	RcvLines	message = {0};

	rcv_call_found(call, finding);
	rcv_lines_printf(&message, "Invalid JSON payload received. ");
	if (finding->kind == RCV_FAULT_UNKNOWN)
		rcv_lines_printf(&message, "Unknown name at '%s': Cannot find field.",
						 finding->path);
	else if (finding->path[0] != '\0')
	{
		rcv_lines_printf(&message, "Invalid value at '");
		add_path(&message, finding->path);
		rcv_lines_printf(&message, "'");
	}
	rcv_lines_add(&message, "", 1);
	if (message.failed)
		return;
	open_error(call, &invalid, message.text, NULL);
	rcv_lines_printf(&call->answer, ",{" TYPE "BadRequest\",\"fieldViolations\":[{");
	rcv_lines_printf(&call->answer, "\"field\":\"");
	add_path(&call->answer, finding->path);
	rcv_lines_printf(&call->answer, "\",\"description\":");
	rcv_lines_json(&call->answer, message.text, message.len - 1);
	rcv_lines_printf(&call->answer, "}]}");
	close_error(call);
	rcv_lines_free(&message);
}

/* The field of a violation, as index=... asks. */
static void
add_field(RcvCall *call, const RcvViolation *violation, const char *how)
{
	RcvLines   *answer = &call->answer;
	long long	index = violation->event;

	if (index < 0)
	{
		/* the message's own field stands before a list's element */
		if (strncmp(violation->path, "destinations[", 13) == 0)
			rcv_lines_printf(answer, "destinations.");
		add_path(answer, violation->path);
		return;
	}
	if (strcmp(how, "outside") == 0)
		index += call->events;
	if (strcmp(how, "none") == 0)
		rcv_lines_printf(answer, "events");
	else if (strcmp(how, "bare") == 0)
		rcv_lines_printf(answer, "events[%lld]", index);
	else
	{
		rcv_lines_printf(answer, "events.events[%lld]%s", index,
						 violation->path[0] != '\0' ? "." : "");
		add_path(answer, violation->path);
	}
}

void
rcv_google_violations(RcvCall *call, const RcvViolation *violations, uint64_t count)
{
	RcvLines   *answer = &call->answer;
	char		how[RCV_MAX_TEXT] = "all";

	rcv_call_setting(call, "index", how);
	if (strcmp(how, "first") == 0)
		count = 1;
	open_error(call, &invalid, invalid.message, invalid.reason);
	rcv_lines_printf(answer, ",{" TYPE "BadRequest\",\"fieldViolations\":[");
	for (uint64_t i = 0; i < count; i++)
	{
		rcv_lines_printf(answer, "%s{\"field\":\"", i > 0 ? "," : "");
		add_field(call, &violations[i], how);
		rcv_lines_printf(answer, "\",\"description\":\"The field %s.\",\"reason\":\"%s\"}",
						 violations[i].description, violations[i].reason);
	}
	rcv_lines_printf(answer, "]}");
	close_error(call);
}

/*
 * google_status.c
 *	  Google's Data Manager API: what became of a request.
 *
 * An accepted request is remembered under its id: its destinations as they were
 * sent, and for each how many events went there and which of them are to fail.
 * That is decided when it is accepted (late-if); how long it is "processing" is
 * asked of the path of the question, so a test can end it.  A reset forgets
 * nothing here: the platform does not, either.
 *
 * The list of requests is under the lock, newest first; entries are never freed.
 */
#include "google.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google_answer.h"
#include "google_rules.h"
#include "oauth.h"

#define ID_SIZE		40
#define MAX_REASON	128

/* One destination of a request. */
typedef struct Outcome
{
	char	   *destination;	/* its JSON as it came */
	uint64_t	events;
	uint64_t	late;			/* how many of them fail */
	uint64_t   *indices;		/* their places in the request */
} Outcome;

typedef struct Ingested
{
	struct Ingested *next;
	char		id[ID_SIZE];
	char		reason[MAX_REASON]; /* of those that fail */
	char		how[RCV_MAX_TEXT];	/* late-indices */
	uint64_t	events;
	uint64_t	asked;			/* how often */
	uint64_t	count;			/* of outcomes */
	Outcome    *outcomes;
} Ingested;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Ingested *ingested;

/* An id in the form of a UUID. */
static bool
make_id(char id[ID_SIZE])
{
	unsigned char b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return false;
	snprintf(id, ID_SIZE,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
			 b[12], b[13], b[14], b[15]);
	return true;
}

const char *
rcv_google_new_id(RcvCall *call)
{
	char	   *id = rcv_arena_alloc(call->arena, ID_SIZE);

	return id != NULL && make_id(id) ? id : NULL;
}

/* The processing error of late-reason=NAME, with or without its prefix. */
static void
read_reason(const RcvCall *call, char reason[MAX_REASON])
{
	char		name[RCV_MAX_TEXT] = "INVALID_GCLID";
	const char *prefix = "PROCESSING_ERROR_REASON_";

	rcv_call_setting(call, "late-reason", name);
	if (strncmp(name, "PROCESSING_", 11) == 0)
		prefix = "";
	/* the one name of the enumeration that has another prefix */
	else if (strcmp(name, "OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER") == 0)
		prefix = "PROCESSING_ERROR_";
	snprintf(reason, MAX_REASON, "%s%.90s", prefix, name);
}

/* Which events go to a destination, and fail there. */
static bool
make_outcome(const RcvCall *call, const RcvNode *destination, const char *late,
			 Outcome *outcome)
{
	outcome->destination = strndup(destination->raw, destination->rawlen);
	outcome->indices = calloc(call->events + 1, sizeof(uint64_t));
	if (outcome->destination == NULL || outcome->indices == NULL)
		return false;
	for (uint64_t i = 0; i < call->events; i++)
	{
		const RcvNode *event = call->records[i].event;

		if (!rcv_google_goes_to(event, destination))
			continue;
		outcome->events++;
		if (rcv_call_holds(event, late))
			outcome->indices[outcome->late++] = i;
	}
	return true;
}

/* Tell the log which records will fail. */
static bool
mark_late(RcvCall *call, const char *late, const char *reason)
{
	char	   *copy = rcv_arena_alloc(call->arena, strlen(reason) + 1);

	if (copy == NULL)
		return false;
	strcpy(copy, reason);
	for (uint64_t i = 0; i < call->events; i++)
		if (rcv_call_holds(call->records[i].event, late))
			call->records[i].late = copy;
	return true;
}

const char *
rcv_google_remember(RcvCall *call, const RcvNode *request)
{
	const RcvNode *destinations = rcv_call_member(request, "destinations", RCV_ARRAY);
	const char *id = rcv_google_new_id(call);
	Ingested   *entry = calloc(1, sizeof(Ingested));
	char		late[RCV_MAX_TEXT] = "";

	if (id == NULL || entry == NULL)
		return NULL;
	strcpy(entry->id, id);
	strcpy(entry->how, "strings");
	rcv_call_setting(call, "late-indices", entry->how);
	rcv_call_setting(call, "late-if", late);
	read_reason(call, entry->reason);
	entry->events = call->events;
	entry->outcomes = calloc(RCV_GOOGLE_MAX_DESTINATIONS, sizeof(Outcome));
	if (entry->outcomes == NULL || !mark_late(call, late, entry->reason))
		return NULL;
	for (const RcvNode *d = destinations != NULL ? destinations->first : NULL;
		 d != NULL && entry->count < RCV_GOOGLE_MAX_DESTINATIONS; d = d->next)
		if (!make_outcome(call, d, late, &entry->outcomes[entry->count++]))
			return NULL;
	pthread_mutex_lock(&lock);
	entry->next = ingested;
	ingested = entry;
	pthread_mutex_unlock(&lock);
	return id;
}

/* recordIndices, as late-indices asks. */
static void
add_indices(RcvLines *answer, const Ingested *entry, const Outcome *outcome)
{
	bool		numbers = strcmp(entry->how, "numbers") == 0;
	int			times = strcmp(entry->how, "twice") == 0 ? 2 : 1;
	uint64_t	beyond = strcmp(entry->how, "outside") == 0 ? entry->events : 0;
	const char *quote = numbers ? "" : "\"";
	const char *comma = "";

	if (strcmp(entry->how, "none") == 0)
		return;
	rcv_lines_printf(answer, ",\"recordIndices\":[");
	for (int n = 0; n < times; n++)
		for (uint64_t i = 0; i < outcome->late; i++)
		{
			rcv_lines_printf(answer, "%s%s%llu%s", comma, quote,
							 (unsigned long long) (outcome->indices[i] + beyond), quote);
			comma = ",";
		}
	rcv_lines_add(answer, "]", 1);
}

static void
add_outcome(RcvLines *answer, const Ingested *entry, const Outcome *outcome,
			bool processing)
{
	const char *status = "PARTIAL_SUCCESS";

	if (processing)
		status = "PROCESSING";
	else if (outcome->late == 0)
		status = "SUCCESS";
	else if (outcome->late == outcome->events)
		status = "FAILED";
	rcv_lines_printf(answer, "{\"destination\":");
	rcv_lines_add(answer, outcome->destination, strlen(outcome->destination));
	rcv_lines_printf(answer, ",\"requestStatus\":\"%s\"", status);
	if (!processing && outcome->late > 0)
	{
		rcv_lines_printf(answer, ",\"errorInfo\":{\"errorCounts\":[{\"recordCount\":"
						 "\"%llu\",\"reason\":\"%s\"",
						 (unsigned long long) outcome->late, entry->reason);
		add_indices(answer, entry, outcome);
		rcv_lines_printf(answer, "}]}");
	}
	rcv_lines_printf(answer, ",\"eventsIngestionStatus\":{\"recordCount\":\"%llu\"}}",
					 (unsigned long long) outcome->events);
}

/* Is this question, the n-th, one too early? */
static bool
is_processing(const RcvCall *call, uint64_t n)
{
	char		value[RCV_MAX_TEXT];

	if (!rcv_call_setting(call, "processing", value))
		return false;
	return strcmp(value, "forever") == 0 || n <= strtoull(value, NULL, 10);
}

/* Answer from what is remembered; false when nothing is. */
static bool
answer_status(RcvCall *call)
{
	const char *id = rcv_call_parameter(call, "requestId");
	Ingested   *entry;

	pthread_mutex_lock(&lock);
	for (entry = ingested; entry != NULL; entry = entry->next)
		if (id != NULL && strcmp(entry->id, id) == 0)
			break;
	if (entry != NULL)
	{
		bool		processing = is_processing(call, ++entry->asked);

		call->status = 200;
		rcv_lines_printf(&call->answer, "{\"requestStatusPerDestination\":[");
		for (uint64_t i = 0; i < entry->count; i++)
		{
			rcv_lines_add(&call->answer, ",", i > 0);
			add_outcome(&call->answer, entry, &entry->outcomes[i], processing);
		}
		rcv_lines_add(&call->answer, "]}\n", 3);
	}
	pthread_mutex_unlock(&lock);
	return entry != NULL;
}

void
rcv_google_status_judge(RcvCall *call)
{
	const char *refused;

	if (rcv_google_fault(call, call->fault))
		return;
	refused = rcv_oauth_refusal(call);
	if (refused != NULL)
		rcv_google_unauthenticated(call, refused);
	else if (!answer_status(call))
	{
		rcv_call_reason(call, "no request has this id");
		rcv_google_violations(call, &(RcvViolation) {
			-1, "requestId", "is not that of a request", "INVALID_REQUEST_ID"
		}, 1);
	}
}

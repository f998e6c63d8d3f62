/*
 * google_answer.c
 *	  What Google's answers to requests mean.
 *
 * A request is taken or refused as a whole (Data Manager API, page "Understand errors").
 * Refused, it is a google.rpc.Status, whose fieldViolations name events by their place,
 * as in "events.events[1].user_data"; those are at fault and the rest goes again.  Taken, it
 * has an id, by which google_status.c finds out what became of its events.
 *
 * Invariants
 *	(1) Only words of a closed form get into a judgement: reasons in capitals and paths of
 *		fields.  Descriptions are not repeated, since they may quote an event.
 *	(2) What is wrong with options or credentials is never an event's fault.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "postgres.h"

#include "destination/google.h"

/* The longest reason has 80 letters. */
#define REASON_MAX		100

const char *
ecapi_google_word(const EcapiValue *value)
{
	if (!ecapi_value_is_text(value) || value->len > REASON_MAX ||
		strspn(value->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != value->len)
		return NULL;
	return value->text;
}

const EcapiValue *
ecapi_google_list(const EcapiValue *object, const char *name, const char *other)
{
	const EcapiValue *list = ecapi_value_get(object, name);

	if (list == NULL)
		list = ecapi_value_get(object, other);
	return list && list->type == ECAPI_ARRAY ? list : NULL;
}

/* ---- a request that was taken ---- */

bool
ecapi_google_is_receipt(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return len > 0 && len <= ECAPI_RECEIPT_MAX;
}

/* The id in an answer that was cut: it stands at the beginning, before the warnings. */
static const char *
receipt_of_cut(const EcapiAnswer *answer, EcapiArena *arena)
{
	static const char name[] = "\"requestId\"";
	const char *at = strstr(answer->body, name);
	size_t		len;

	if (at == NULL)
		return NULL;
	at += strlen(name);
	at += strspn(at, " \t\r\n:");
	if (*at++ != '"')
		return NULL;
	len = strcspn(at, "\"\\");
	return at[len] == '"' && ecapi_google_is_receipt(at, len) ? ecapi_arena_copy(arena, at, len) : NULL;
}

/*
 * What is no JSON is not Google's, so nobody knows whether the events are there; sent
 * again, they are told apart by their transactionId.
 */
static void
judge_taken(const EcapiAnswer *answer, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *body = ecapi_judge_body(answer, arena);
	const EcapiValue *id = ecapi_value_get(body, "requestId");
	const EcapiValue *warnings = ecapi_google_list(body, "fieldWarnings", "field_warnings");

	if (body == NULL && answer->truncated && answer->body)
		judgement->receipt = receipt_of_cut(answer, arena);
	else if (body == NULL && !arena->failed)
	{
		judgement->verdict = ECAPI_RETRY;
		judgement->words = "an answer that is not Google's";
	}
	if (ecapi_value_is_text(id) && ecapi_google_is_receipt(id->text, id->len))
		judgement->receipt = id->text;
	if (warnings)
		judgement->warnings = (int) warnings->len;
}

/* ---- a request that was refused ---- */

/* Reasons about the request, whatever field they name: too many of something in it. */
static bool
is_of_request(const char *reason)
{
	static const char *const reasons[] = {
		"TOO_MANY_DESTINATIONS", "DUPLICATE_DESTINATION_REFERENCE", "INVALID_DESTINATION",
		"INVALID_CONVERSION_ACTION_ID", "INVALID_CONVERSION_ACTION_TYPE",
		"INVALID_PROPERTY_TYPE", "INVALID_STREAM_TYPE", "NOT_ALLOWLISTED",
		"OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "TERMS_AND_CONDITIONS_NOT_SIGNED",
		"LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
		"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
		"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
		"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
	};

	for (size_t i = 0; i < lengthof(reasons); i++)
		if (reason && strcmp(reasons[i], reason) == 0)
			return true;
	return false;
}

/* The destination is at fault: nothing goes before its options or account change. */
static void
stop(EcapiJudgement *judgement, const char *words)
{
	judgement->verdict = ECAPI_STOP;
	judgement->suspicious = false;
	judgement->words = words;
}

/*
 * A violation names an event, or tells that the destination is at fault.  False: there
 * is nothing more to learn.
 */
static bool
judge_violation(const EcapiValue *violation, int nevents, EcapiArena *arena,
				EcapiJudgement *judgement)
{
	const EcapiValue *field = ecapi_value_get(violation, "field");
	const char *reason = ecapi_google_word(ecapi_value_get(violation, "reason"));
	EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED};
	const char *path = "";

	if (ecapi_value_is_text(field) && !is_of_request(reason) && ecapi_judge_event_of(field->text, &named.index, &path))
	{
		named.words = ecapi_judge_join(arena, reason, path);
		if (named.words == NULL)
			named.words = "INVALID_ARGUMENT";
		return ecapi_judge_name(judgement, arena, nevents, named);
	}
	if (!ecapi_value_is_text(field) && !is_of_request(reason))
		return true;
	path = ecapi_value_is_text(field) ? ecapi_judge_path(field->text) : "";
	/* "events" alone is all of them, which bisection takes apart */
	if (!is_of_request(reason) && strncmp(path, "events", strlen("events")) == 0)
		return true;
	stop(judgement, ecapi_judge_join(arena, reason, path));
	return false;
}

/* INVALID_ARGUMENT: an event's fault where the details name one. */
static void
judge_details(const EcapiValue *details, int nevents, EcapiArena *arena,
			  EcapiJudgement *judgement)
{
	for (const EcapiValue *detail = details ? details->first : NULL; detail; detail = detail->next)
	{
		const EcapiValue *violations = ecapi_google_list(detail, "fieldViolations", "field_violations");

		for (const EcapiValue *violation = violations ? violations->first : NULL; violation;
			 violation = violation->next)
			if (!judge_violation(violation, nevents, arena, judgement))
				return;
	}
}

/* The first reason among the details that says more than the status does. */
static const char *
reason_of(const EcapiValue *details, const char *status)
{
	for (const EcapiValue *detail = details ? details->first : NULL; detail; detail = detail->next)
	{
		const char *reason = ecapi_google_word(ecapi_value_get(detail, "reason"));

		if (reason && !(status && strcmp(reason, status) == 0))
			return reason;
	}
	return NULL;
}

/*
 * Statuses after which the same request may pass (googleapis, the retry policies of
 * *_grpc_service_config.json).  Most have an HTTP status that says so, too.
 */
static bool
is_passing(const char *status)
{
	static const char *const statuses[] = {
		"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED",
		"UNAVAILABLE", "UNKNOWN"
	};

	for (size_t i = 0; i < lengthof(statuses); i++)
		if (strcmp(statuses[i], status) == 0)
			return true;
	return false;
}

bool
ecapi_google_error(const EcapiAnswer *answer, EcapiArena *arena, EcapiJudgement *judgement,
				   EcapiGoogleError *said)
{
	const EcapiValue *error = ecapi_value_get(ecapi_judge_body(answer, arena), "error");
	const char *status = ecapi_google_word(ecapi_value_get(error, "status"));

	said->details = ecapi_google_list(error, "details", "details");
	said->reason = reason_of(said->details, status);
	judgement->words = ecapi_judge_join(arena, status, said->reason);
	/* what has a number of its own is known already: 401, 403, 404, 429, 5xx */
	if (judgement->verdict != ECAPI_REJECTED || status == NULL)
		return false;
	if (strcmp(status, "FAILED_PRECONDITION") == 0 || strcmp(status, "PERMISSION_DENIED") == 0 ||
		strcmp(status, "NOT_FOUND") == 0)
		stop(judgement, judgement->words);
	else if (strcmp(status, "UNAUTHENTICATED") == 0)
	{
		stop(judgement, judgement->words);
		judgement->credential = true;
	}
	else if (is_passing(status))
		judgement->verdict = ECAPI_RETRY;
	else
		return true;
	return false;
}

void
ecapi_google_refused(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			  EcapiJudgement *judgement)
{
	EcapiGoogleError said;

	if (!ecapi_google_error(answer, arena, judgement, &said))
		return;
	if (is_of_request(said.reason))
		stop(judgement, judgement->words);
	else
		judge_details(said.details, nevents, arena, judgement);
}

void
ecapi_google_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
				   EcapiJudgement *judgement)
{
	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	if (judgement->verdict == ECAPI_DELIVERED)
		judge_taken(answer, arena, judgement);
	else
		ecapi_google_refused(answer, nevents, arena, judgement);
}

/*
 * google_status.c
 *	  What became of a request that Google took: its answer to that question.
 *
 * The answer has a status for each destination of the request, and counts of records by
 * the reason that they failed for, and (since v1.9 of the interface, 2026-11-04) their places
 * in the request.  A count without places names nobody: it is shown, and the events
 * stay delivered.
 *
 * Invariants
 *	(1) Only reasons, in capitals, get into a judgement.
 *	(2) As long as one destination is not done, nothing is final.
 *
 * No locks, no state, no memory but the arena's.
 */
#include "postgres.h"

#include "destination/google.h"
#include "destination/options.h"
#include "destination/percent.h"
#include "event/ascii.h"

/* A click is known to Google about six hours after it (stated for the Google Ads API). */
#define CLICK_WAIT_S	21600

/* How long an error of Google's own takes: nobody says, so as long as tells it is over. */
#define INTERNAL_WAIT_S	3600

/* ---- the question ---- */

static const char *
later_url(const EcapiOptions *options, const char *receipt, EcapiArena *arena)
{
	static const char path[] = "/v1/requestStatus:retrieve?requestId=";
	const char *base = options->url ? options->url : ECAPI_GOOGLE_URL;
	size_t		size = strlen(base) + sizeof(path) + ECAPI_PERCENT_MAX(strlen(receipt));
	EcapiBuffer url;
	char	   *memory;

	if (!ecapi_google_is_receipt(receipt, strlen(receipt)))
		return NULL;
	memory = ecapi_arena_alloc(arena, size);
	if (memory == NULL)
		return NULL;
	ecapi_buffer_over(&url, memory, size);
	ecapi_buffer_str(&url, base);
	ecapi_buffer_str(&url, path);
	ecapi_percent_encode(&url, receipt);
	return url.data;
}

/* ---- the answer ---- */

/* A whole number that is not negative, as number or text; -1: it is none. */
static int
count_of(const EcapiValue *value)
{
	if (value == NULL || (value->type != ECAPI_NUMBER && value->type != ECAPI_STRING) ||
		value->len == 0 || value->len > 9 || !ecapi_all_digits(value->text, value->len))
		return -1;
	return atoi(value->text);
}

/* A reason without what all of them begin with. */
static const char *
bare_reason(const char *reason)
{
	static const char *const prefixes[] = {"PROCESSING_ERROR_REASON_", "PROCESSING_ERROR_"};

	for (size_t i = 0; i < lengthof(prefixes); i++)
	{
		size_t		len = strlen(prefixes[i]);

		if (strncmp(reason, prefixes[i], len) == 0 && reason[len] != '\0')
			return reason + len;
	}
	return reason;
}

/* What a reason means for the records that it is about. */
static EcapiNamed
outcome_of(const char *reason)
{
	EcapiNamed	named = {.outcome = ECAPI_NAMED_REJECTED, .words = reason};

	if (strcmp(reason, "TOO_RECENT_CLICK") == 0)
	{
		named.outcome = ECAPI_NAMED_LATER;
		named.wait_s = CLICK_WAIT_S;
	}
	else if (strcmp(reason, "INTERNAL_ERROR") == 0)
	{
		named.outcome = ECAPI_NAMED_LATER;
		named.wait_s = INTERNAL_WAIT_S;
	}
	else if (strncmp(reason, "DUPLICATE_", strlen("DUPLICATE_")) == 0)
		named.outcome = ECAPI_NAMED_DELIVERED;
	else if (strcmp(reason, "EVENT_TOO_OLD") == 0)
		named.outcome = ECAPI_NAMED_EXPIRED;
	return named;
}

/* The words of a judgement while they are put together. */
typedef struct Summary
{
	EcapiBuffer words;
	char		memory[ECAPI_WORDS_MAX];
} Summary;

static void
add_count(Summary *summary, const char *reason, int count)
{
	char		number[16] = "";
	size_t		before = summary->words.len;

	if (count >= 0)
		snprintf(number, sizeof(number), " %d", count);
	if (before > 0)
		ecapi_buffer_str(&summary->words, ", ");
	ecapi_buffer_str(&summary->words, reason);
	ecapi_buffer_str(&summary->words, number);
	/* reasons beyond what there is room for are left out whole */
	if (summary->words.full)
		ecapi_buffer_truncate(&summary->words, before);
}

/* The records of one reason; false when an index is none of the request's. */
static bool
judge_count(const EcapiValue *count, int nevents, EcapiArena *arena, EcapiJudgement *judgement,
			Summary *summary)
{
	const char *reason = ecapi_google_word(ecapi_value_get(count, "reason"));
	const EcapiValue *indices = ecapi_google_list(count, "recordIndices", "record_indices");
	const EcapiValue *number = ecapi_value_get(count, "recordCount");
	EcapiNamed	named = outcome_of(bare_reason(reason ? reason : "UNSPECIFIED"));

	add_count(summary, named.words, count_of(number));
	for (const EcapiValue *index = indices ? indices->first : NULL; index; index = index->next)
	{
		named.index = count_of(index);
		if (!ecapi_judge_name(judgement, arena, nevents, named))
			return false;
	}
	return true;
}

/* One destination's status; false when nothing more may be named. */
static bool
judge_destination(const EcapiValue *destination, int nevents, EcapiArena *arena,
				  EcapiJudgement *judgement, Summary *summary)
{
	const EcapiValue *errors = ecapi_google_list(ecapi_value_get(destination, "errorInfo"),
									   "errorCounts", "error_counts");
	const EcapiValue *warnings = ecapi_google_list(ecapi_value_get(destination, "warningInfo"),
										 "warningCounts", "warning_counts");
	bool		good = true;

	for (const EcapiValue *count = warnings ? warnings->first : NULL; count; count = count->next)
	{
		int			records = count_of(ecapi_value_get(count, "recordCount"));

		judgement->warnings += records > 0 && judgement->warnings < nevents ? records : 0;
	}
	for (const EcapiValue *count = errors ? errors->first : NULL; count; count = count->next)
		good = good && judge_count(count, nevents, arena, judgement, summary);
	return good;
}

/* Whether a destination's status is final. */
static bool
is_final(const EcapiValue *destination)
{
	const char *status = ecapi_google_word(ecapi_value_get(destination, "requestStatus"));

	return status && (strcmp(status, "SUCCESS") == 0 || strcmp(status, "FAILED") == 0 ||
					  strcmp(status, "PARTIAL_SUCCESS") == 0);
}

/*
 * Places are those of the request, and an event has one destination, so the lists of
 * several destinations do not meet.  Where one does not fit the request, no event is
 * named by any, and the counts stand alone.
 */
static void
judge_statuses(const EcapiValue *destinations, int nevents, EcapiArena *arena,
			   EcapiJudgement *judgement)
{
	Summary		summary;
	const EcapiValue *destination;

	for (destination = destinations->first; destination; destination = destination->next)
	{
		if (!is_final(destination))
		{
			judgement->verdict = ECAPI_RETRY;
			return;
		}
	}
	ecapi_buffer_over(&summary.words, summary.memory, sizeof(summary.memory));
	for (destination = destinations->first; destination; destination = destination->next)
		if (!judge_destination(destination, nevents, arena, judgement, &summary))
			break;
	if (summary.words.len > 0)
		judgement->words = ecapi_arena_copy(arena, summary.words.data, summary.words.len);
}

static void
judge_later(const EcapiAnswer *answer, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *destinations;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	if (judgement->verdict == ECAPI_DELIVERED)
	{
		destinations = ecapi_google_list(ecapi_judge_body(answer, arena), "requestStatusPerDestination",
							   "request_status_per_destination");
		if (destinations && destinations->first)
			judge_statuses(destinations, nevents, arena, judgement);
		else
			judgement->verdict = ECAPI_RETRY;
		return;
	}
	ecapi_google_refused(answer, 0, arena, judgement);
	/* an id that Google does not know (yet, or any more) stops no destination */
	if (judgement->verdict == ECAPI_REJECTED || judgement->verdict == ECAPI_TOO_LARGE ||
		answer->status == 404)
	{
		judgement->verdict = ECAPI_RETRY;
		judgement->suspicious = false;
	}
}

/*
 * Results are there after about half an hour and within a day (Data Manager API, page
 * "Diagnostics"); an hour more is for clocks and queues.
 */
const EcapiLater ecapi_google_later = {
	.first_s = 30 * 60,
	.last_s = 25 * 3600,
	.url = later_url,
	.judge = judge_later
};

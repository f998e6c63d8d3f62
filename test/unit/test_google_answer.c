/*
 * test_google_answer.c
 *	  Google's Data Manager API: what answers mean.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/formats.h"
#include "destination/google.h"
#include "destination/options.h"
#include "unit.h"

static EcapiArena arena;

static EcapiJudgement
judge_as(void (*judge) (const EcapiAnswer *, int, EcapiArena *, EcapiJudgement *),
		 int status, const char *json, int nevents)
{
	static char text[64 * 1024];
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiAnswer answer = {.status = status, .retry_after_ms = -1, .body = text};
	size_t		len = strlen(json);

	for (size_t i = 0; i <= len; i++)
		text[i] = json[i] == '\'' ? '"' : json[i];
	answer.body_len = len;
	ecapi_arena_init(&arena, unit_grab, NULL);
	judge(&answer, nevents, &arena, &judgement);
	return judgement;
}

static EcapiJudgement
judge(int status, const char *json)
{
	return judge_as(ecapi_format_google.judge, status, json, 3);
}

static EcapiJudgement
judge_later(int status, const char *json)
{
	return judge_as(ecapi_format_google.later->judge, status, json, 3);
}

static const EcapiNamed *
named(const EcapiJudgement *judgement, int index)
{
	for (int i = 0; i < judgement->nnamed; i++)
		if (judgement->named[i].index == index)
			return &judgement->named[i];
	return NULL;
}

#define REFUSED(status, details) "{'error':{'code':400,'status':'" status "','message':'QUOTED','details':[" details "]}}"
#define VIOLATION(field, reason) "{'field':'" field "','reason':'" reason "','description':'QUOTED'}"
#define BAD(violations) REFUSED("INVALID_ARGUMENT", \
	"{'@type':'x','reason':'INVALID_ARGUMENT'},{'@type':'y','fieldViolations':[" violations "]}")

static void
test_taken(void)
{
	static const char cut[] = "{ \"requestId\" : \"r-1\", \"fieldWarnings\":[{\"reason\":";
	EcapiJudgement j = judge(200, "{'requestId':'r-1','fieldWarnings':[{'reason':'X'},{'reason':'Y'}]}");
	EcapiAnswer answer = {.status = 200, .truncated = true, .body = cut, .body_len = sizeof(cut) - 1};

	check(j.verdict == ECAPI_DELIVERED && j.warnings == 2 && j.nnamed == 0, "taken, with warnings");
	check_text(j.receipt, "r-1", "with a receipt");
	j = judge(200, "{}");
	check(j.verdict == ECAPI_DELIVERED && j.receipt == NULL, "validated only: no receipt");
	check(judge(200, "{'requestId':'a b'}").receipt == NULL && judge(200, "{'requestId':5}").receipt == NULL,
		  "what is no id is no receipt");
	check(judge(200, "<html>").verdict == ECAPI_RETRY && judge(200, "").verdict == ECAPI_RETRY,
		  "what is no JSON is of somebody else");
	memset(&j, 0, sizeof(j));
	ecapi_format_google.judge(&answer, 3, &arena, &j);
	check(j.verdict == ECAPI_DELIVERED, "an answer that was cut");
	check_text(j.receipt, "r-1", "has its receipt in front");
}

static void
test_refused(void)
{
	EcapiJudgement j = judge(400, BAD(VIOLATION("events.events[1].user_data.user_identifiers", "INVALID_HEX_ENCODING")
									  "," VIOLATION("events[2].currency", "INVALID_CURRENCY_CODE")
									  "," VIOLATION("events[2].consent", "INVALID_ENUM_VALUE")));

	check(j.verdict == ECAPI_REJECTED && j.nnamed == 2, "two events are at fault");
	check(named(&j, 1) && named(&j, 1)->outcome == ECAPI_NAMED_REJECTED, "the second");
	check_text(named(&j, 1)->words, "INVALID_HEX_ENCODING: user_data.user_identifiers", "in these words");
	check_text(named(&j, 2)->words, "INVALID_CURRENCY_CODE: currency", "and the third in its first");
	check_text(j.words, "INVALID_ARGUMENT", "the request in its own");
	j = judge(400, BAD("{'field':'events[0]','description':'QUOTED'}"));
	check(j.nnamed == 1, "a place without a reason");
	check_text(j.named[0].words, "INVALID_ARGUMENT", "in words all the same");
	j = judge(400, BAD(VIOLATION("events[0].x y", "QUOTED quoted")));
	check_text(named(&j, 0)->words, "INVALID_ARGUMENT", "other words are not repeated");
	j = judge(400, BAD(VIOLATION("events[0].a", "X") "," VIOLATION("events[3].a", "X")));
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "a place beyond the request takes all names away");
	check(judge(400, BAD(VIOLATION("events[].a", "X") "," VIOLATION("events[99999999999].a", "X"))).nnamed == 0,
		  "what is no place names nothing");
	j = judge(400, BAD(VIOLATION("events", "TOO_MANY_EVENTS")));
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "the list as a whole: by bisection");
	j = judge(400, BAD(VIOLATION("destinations[0].product_destination_id", "INVALID_CONVERSION_ACTION_ID")));
	check(j.verdict == ECAPI_STOP && !j.credential, "a destination is no event's fault");
	check_text(j.words, "INVALID_CONVERSION_ACTION_ID: destinations[0].product_destination_id", "and says what is");
	check(judge(400, BAD(VIOLATION("events[0].x", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"))).verdict ==
		  ECAPI_STOP, "nor is an account");
	check(judge(400, REFUSED("FAILED_PRECONDITION", "")).verdict == ECAPI_STOP, "a precondition");
	check(judge(400, "{}").verdict == ECAPI_REJECTED && judge(400, "no").verdict == ECAPI_REJECTED,
		  "without a status, HTTP's says it");
	check(judge(400, BAD("")).verdict == ECAPI_REJECTED, "no violations");
	check(judge(409, REFUSED("ABORTED", "")).verdict == ECAPI_RETRY, "aborted");
	j = judge(401, REFUSED("UNAUTHENTICATED", ""));
	check(j.verdict == ECAPI_STOP && j.credential, "a token has ended");
	j = judge(403, REFUSED("PERMISSION_DENIED", "{'reason':'SERVICE_DISABLED'}"));
	check(j.verdict == ECAPI_STOP && !j.credential, "no permission");
	check_text(j.words, "PERMISSION_DENIED: SERVICE_DISABLED", "and why");
	check(judge(404, REFUSED("NOT_FOUND", "")).verdict == ECAPI_STOP, "not found");
	check(judge(429, REFUSED("RESOURCE_EXHAUSTED", "")).verdict == ECAPI_RETRY, "too many requests");
	check(judge(503, REFUSED("UNAVAILABLE", "")).verdict == ECAPI_RETRY &&
		  judge(504, REFUSED("DEADLINE_EXCEEDED", "")).verdict == ECAPI_RETRY &&
		  judge(500, BAD(VIOLATION("events[0].x", "X"))).nnamed == 0, "Google's own trouble");
	check(judge(413, "").verdict == ECAPI_TOO_LARGE, "too large");
}

#define STATUS(list) "{'requestStatusPerDestination':[" list "]}"
#define COUNT(reason, more) "{'reason':'PROCESSING_ERROR_REASON_" reason "'" more "}"
#define PARTIAL(counts) STATUS("{'requestStatus':'PARTIAL_SUCCESS','errorInfo':{'errorCounts':[" counts "]}}")

static void
test_later(void)
{
	EcapiJudgement j = judge_later(200, PARTIAL(COUNT("TOO_RECENT_CLICK", ",'recordCount':'1','recordIndices':['1']")));

	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 1 && j.named[0].index == 1 &&
		  j.named[0].outcome == ECAPI_NAMED_LATER && j.named[0].wait_s == 21600, "a click is too recent");
	check_text(j.words, "TOO_RECENT_CLICK 1", "which is said");
	j = judge_later(200, PARTIAL(COUNT("NO_CONSENT", ",'recordCount':1,'recordIndices':[0]") ","
								 COUNT("EVENT_TOO_OLD", ",'recordCount':1,'recordIndices':[1]") ","
								 COUNT("DUPLICATE_GCLID", ",'recordCount':1,'record_indices':[2]")));
	check(named(&j, 0)->outcome == ECAPI_NAMED_REJECTED && named(&j, 1)->outcome == ECAPI_NAMED_EXPIRED &&
		  named(&j, 2)->outcome == ECAPI_NAMED_DELIVERED, "refused, too old, there already");
	check_text(named(&j, 0)->words, "NO_CONSENT", "in Google's word");
	check_text(j.words, "NO_CONSENT 1, EVENT_TOO_OLD 1, DUPLICATE_GCLID 1", "and all of them");
	j = judge_later(200, PARTIAL(COUNT("INTERNAL_ERROR", ",'recordIndices':['2']")));
	check(named(&j, 2)->outcome == ECAPI_NAMED_LATER && named(&j, 2)->wait_s > 0, "Google's own trouble");
	j = judge_later(200, STATUS("{'requestStatus':'SUCCESS','warningInfo':{'warningCounts':[{'recordCount':'2'}]}}"));
	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 0 && j.words == NULL && j.warnings == 2, "success");
	check(judge_later(200, STATUS("{'requestStatus':'SUCCESS'},{'requestStatus':'PROCESSING'}")).verdict == ECAPI_RETRY,
		  "one destination is not done");
	check(judge_later(200, STATUS("")).verdict == ECAPI_RETRY && judge_later(200, "{}").verdict == ECAPI_RETRY &&
		  judge_later(200, "x").verdict == ECAPI_RETRY, "nothing is known");
	j = judge_later(200, STATUS("{'requestStatus':'FAILED','errorInfo':{'errorCounts':["
								COUNT("INVALID_GCLID", ",'recordCount':'3'") "]}}"));
	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 0, "counts alone name nobody");
	check_text(j.words, "INVALID_GCLID 3", "but are said");
	j = judge_later(200, PARTIAL(COUNT("NO_CONSENT", ",'recordIndices':[0,3]")));
	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 0, "a place beyond the request takes all names away");
	j = judge_later(200, PARTIAL(COUNT("NO_CONSENT", ",'recordIndices':[-1]")));
	check(j.nnamed == 0, "as does what is none");
	j = judge_later(200, STATUS("{'requestStatus':'PARTIAL_SUCCESS','errorInfo':{'errorCounts':["
								COUNT("NO_CONSENT", ",'recordIndices':[0]") "]}},"
								"{'requestStatus':'FAILED','errorInfo':{'errorCounts':["
								COUNT("INVALID_EVENT", ",'recordIndices':[2]") "]}}"));
	check(named(&j, 0) && named(&j, 2) && !named(&j, 1), "places of two destinations");
	check(judge_later(404, REFUSED("NOT_FOUND", "")).verdict == ECAPI_RETRY &&
		  judge_later(400, REFUSED("INVALID_ARGUMENT", "{'reason':'INVALID_REQUEST_ID'}")).verdict == ECAPI_RETRY,
		  "an id that is not known stops nothing");
	j = judge_later(401, REFUSED("UNAUTHENTICATED", ""));
	check(j.verdict == ECAPI_STOP && j.credential, "a token has ended");
	check(judge_later(403, REFUSED("PERMISSION_DENIED", "")).verdict == ECAPI_STOP, "no permission");
	check(judge_later(503, "").verdict == ECAPI_RETRY, "not there");
}

static void
test_urls(void)
{
	const EcapiLater *later = ecapi_format_google.later;
	static EcapiOptions options;

	check(later->first_s == 1800 && later->last_s == 90000, "from half an hour to a day");
	check_text(later->url(&options, "126365e1-16d0-4c81", &arena),
			   "https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=126365e1-16d0-4c81", "its url");
	options.url = "http://127.0.0.1:99";
	check_text(later->url(&options, "a/b&c=%", &arena),
			   "http://127.0.0.1:99/v1/requestStatus:retrieve?requestId=a%2Fb%26c%3D%25", "behind the option's, escaped");
	check(later->url(&options, "a b", &arena) == NULL && later->url(&options, "", &arena) == NULL, "no receipt, no url");
	check_text(ecapi_format_google.path(&options, 0, &arena), "/v1/events:ingest", "where events go");
}

/* ---- memory ---- */

static long grabs_left;

static void *
grab_few(void *owner, size_t size)
{
	return grabs_left-- > 0 ? unit_grab(owner, size) : NULL;
}

static void
test_memory(void)
{
	static const char text[] = "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"fieldViolations\":"
		"[{\"field\":\"events[0].a\",\"reason\":\"X\"}]}]}}";
	EcapiAnswer answer = {.status = 400, .retry_after_ms = -1, .body = text, .body_len = sizeof(text) - 1};
	bool		good = true;
	bool		done = false;

	for (long n = 0; n < 20 && !done; n++)
	{
		EcapiArena	few;
		EcapiJudgement judgement = {.retry_after_ms = -1};

		grabs_left = n;
		ecapi_arena_init(&few, grab_few, NULL);
		ecapi_format_google.judge(&answer, 3, &few, &judgement);
		good = good && (few.failed || judgement.nnamed == 1);
		done = !few.failed;
	}
	check(good && done, "judging without memory is told");
}

int
main(void)
{
	int			rc;

	test_taken();
	test_refused();
	test_later();
	test_urls();
	test_memory();
	rc = unit_done();
	unit_free();
	return rc;
}

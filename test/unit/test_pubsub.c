/*
 * test_pubsub.c
 *	  The format "pubsub": events as messages of Google Cloud Pub/Sub, which of them share a
 *	  request, its limits, its answers.
 */
#include "platform.h"

#include <openssl/evp.h>

#include "destination/body.h"
#include "destination/grant.h"
#include "destination/pubsub.h"

#define EMAIL	"'user_data':{'email_address':' Ann@Example.com'}"
#define HEAD	"'id':'i'," PLATFORM_AT

#define PAGE	10000

static void
begin(void)
{
	platform_begin(&ecapi_format_pubsub);
	platform.options.own[ECAPI_PUBSUB_PROJECT_ID] = (char *) "shop-4711";
	platform.options.own[ECAPI_PUBSUB_TOPIC] = (char *) "events";
	platform.options.max_in_flight = 4;
}

/* The data of the first message in the body, decoded; it lives until the next call. */
static const char *
data(void)
{
	static char *text;
	const char *at = strstr(platform.body.data, "\"data\":\"") + strlen("\"data\":\"");
	size_t		len = strcspn(at, "\"");
	int			n;

	text = realloc(text, len + 1);
	n = EVP_DecodeBlock((unsigned char *) text, (const unsigned char *) at, (int) len);
	check(len > 0 && n > 0, "data is base64");
	text[Max(n, 0) - (at[len - 1] == '=') - (at[len - 2] == '=')] = '\0';
	return text;
}

/* What the native format makes of the event, alone. */
static const char *
native(const char *json, const char *data_set_id)
{
	static char text[4096];

	platform_begin(&ecapi_format_native);
	platform.options.data_set_id = (char *) data_set_id;
	platform.options.batch_size = 1;
	platform_shape(json);
	snprintf(text, sizeof(text), "%s", platform.body.data);
	begin();
	return text;
}

static void
test_message(void)
{
	static const char event[] = "{" HEAD ",'event_type':'purchase','value':129.90,'currency_code':'EUR',"
		"'data_set_id':'d1','properties':{'transaction_id':'42'},"
		"'user_data':{'email_address':[' Ann@Example.com'],'phone_numbers':'+1 212 555 0000',"
		"'address':{'first_name':'Ann','city':'Ulm'},'ext':{'click_ids':{'gclid':'g'}}},"
		"'ext':{'route':'ann@example.com','tier':1}}";
	const char *wanted = native(event, "d1");
	char		json[300];

	platform_shape(event);
	check_text(data(), wanted, "data is the event as the native format has it");
	check(strstr(data(), "Ann") == NULL && strstr(data(), "example.com") == NULL && strstr(data(), "gclid") == NULL,
		  "without anything that is hashed");
	check(strncmp(platform.body.data, "{\"data\":\"ey", 11) == 0 &&
		  platform_has("\",\"attributes\":{\"id\":\"i\",\"event_type\":\"purchase\",\"data_set_id\":\"d1\"}}"),
		  "attributes; the route of an event is none");
	check(!platform_has("orderingKey"), "no ordering key");
	/* each length of the last group */
	for (int n = 1; n < 7; n++)
	{
		snprintf(json, sizeof(json), "{'id':'%.*s'," PLATFORM_AT ",'event_type':'login'}", n, "abcdefg");
		wanted = native(json, "d1");
		platform.options.data_set_id = (char *) "d1";
		platform_shape(json);
		check_text(data(), wanted, json);
	}
	begin();
	platform.options.data_set_id = (char *) "d2";
	platform.options.route = (char *) "de";
	platform_shape("{" HEAD ",'event_type':'login','data_set_id':'d2'}");
	check(platform_has("{\"id\":\"i\",\"event_type\":\"login\",\"data_set_id\":\"d2\",\"route\":\"de\"}}"),
		  "the destination's data set and route");
	check(strstr(data(), "\"data_set_id\":\"d2\"") != NULL, "in data, too");
	begin();
	platform_shape("{" PLATFORM_AT ",'event_type':'custom','custom_event':'quiz'}");
	check(platform_has("\"attributes\":{\"event_type\":\"custom\"}}"), "an event without an id");
	platform_shape("{'id':'a/\xc3\xa9\x01'," PLATFORM_AT ",'event_type':'login'}");
	check(platform_has("{\"id\":\"a/\xc3\xa9\\u0001\","), "an odd id is escaped");
}

static void
test_amended(void)
{
	EcapiArena	arena;
	EcapiShape	shape = platform_shape_of();
	const EcapiValue *event;

	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{'id':'o:amended:1'," PLATFORM_AT ",'event_type':'purchase','value':5,'currency_code':'EUR',"
					  "'ext':{'original':{'id':'o','event_type':'purchase'}}}");
	shape.original = ecapi_value_get(ecapi_value_get(event, "ext"), "original");
	platform.options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "id";
	ecapi_buffer_truncate(&platform.body, 0);
	check(ecapi_pubsub_add(&shape, &arena, event, &platform.body, &platform.reason) == ECAPI_SHAPED &&
		  platform_has("\"event_type\":\"purchase.amended\""), "an amendment is no other purchase");
	check(platform_has("\"orderingKey\":\"o\"}") && strstr(data(), "\"original\":{\"id\":\"o\"") != NULL,
		  "and is ordered behind its original");
	begin();
}

/* What a body tells a format of the original is reduced, and there where ext is not. */
static void
test_reduced_original(void)
{
	EcapiBody	body = {.shape = platform_shape_of()};
	EcapiPathProblem problem;
	EcapiArena	arena;
	const EcapiValue *event;
	const EcapiValue *seen;
	const EcapiValue *at;
	const char *reason;

	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{'id':'o:amended:1'," PLATFORM_AT ",'event_type':'purchase','ext':{'amends':{'xid':'1','seq':'2'},"
					  "'original':{'id':'o','timestamp':1790003599,'transaction_id':'7'}}}");
	platform.options.anonymize = ECAPI_ANONYMIZE_TIMESTAMP;
	platform.options.redact = ecapi_paths_read(&arena, "ext, properties.transaction_id", &problem);
	ecapi_buffer_init(&body.buffer, PLATFORM_BODY, unit_resize, NULL);
	ecapi_body_open(&body);
	check(ecapi_body_add(&body, &arena, event, false, &seen, &reason) == ECAPI_SHAPED &&
		  strstr(body.buffer.data, "purchase.amended") != NULL, "without its ext an amendment is one");
	at = ecapi_value_get(body.shape.original, "timestamp");
	check(at != NULL && strcmp(at->text, "1790002800") == 0, "of an event at its hour");
	check(ecapi_value_get(body.shape.original, "id") != NULL &&
		  ecapi_value_get(body.shape.original, "transaction_id") == NULL, "and of no transaction id that was redacted");
	free(body.buffer.data);
	begin();
}

static void
test_request(void)
{
	check(platform_request("{" HEAD ",'event_type':'purchase'," EMAIL "}", 2, "ya29.t"), "a request");
	check(strncmp(platform.body.data, "{\"messages\":[{\"data\":\"", 22) == 0 &&
		  strcmp(platform.body.data + platform.body.len - 4, "}}]}") == 0 &&
		  platform_has("\"event_type\":\"purchase\"}},{\"data\":\""), "its frame");
	check_text(platform.outgoing.url, "https://pubsub.googleapis.com/v1/projects/shop-4711/topics/events:publish", "its URL");
	check(platform_has_header("Authorization: Bearer ya29.t"), "its token");
	platform.options.own[ECAPI_PUBSUB_PROJECT_ID] = (char *) "example.com:shop";
	platform.options.own[ECAPI_PUBSUB_TOPIC] = (char *) "a%b+c~d";
	platform_request("{" HEAD ",'event_type':'purchase'}", 1, "t");
	check_text(platform.outgoing.url, "https://pubsub.googleapis.com/v1/projects/example.com%3Ashop/topics/a%25b%2Bc~d:publish", "encoded");
	platform.options.url = (char *) "http://127.0.0.1:8085";
	platform_request("{" HEAD ",'event_type':'purchase'}", 1, "t");
	check(strncmp(platform.outgoing.url, "http://127.0.0.1:8085/v1/projects/", 34) == 0, "the emulator's");
	begin();
}

static void
test_fit(void)
{
	char		json[4096];
	char		id[1100];

	platform_check_fit("'none'", "not an object");
	platform_check_fit("{'id':'i','event_type':'login'}", "timestamp missing");
	platform_check_fit("{" HEAD "}", "event_type missing");
	platform_check_fit("{" HEAD ",'event_type':'nothing'}", "event_type unknown");
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'login'}", NULL);
	/* limits of attributes and of the ordering key, with one byte less and one more */
	platform.options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "id";
	for (int len = 999; len <= 1025; len++)
	{
		memset(id, 'x', (size_t) len);
		id[len] = '\0';
		snprintf(json, sizeof(json), "{'id':'%s'," PLATFORM_AT ",'event_type':'login'}", id);
		if (platform_shape(json) != ECAPI_SHAPED ||
			platform_has("\"attributes\":{\"id\":") != (len <= 1024) ||
			platform_has("\"orderingKey\":") != (len <= 1000))
			check(false, json);
		if (strstr(data(), id) == NULL)
			check(false, "the id is in data");
	}
	begin();
	check(platform_shape_items(HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR'", 10000) == ECAPI_SHAPED &&
		  strstr(data(), "\"sku-9999\"") != NULL, "10,000 items");
	check(ecapi_format_pubsub.max_batch == 1000 && ecapi_format_pubsub.max_body == 10000000 &&
		  ecapi_format_pubsub.max_age_s == 0 && ecapi_format_pubsub.off_by_default == 0, "Pub/Sub's limits");
}

static uint64_t
key_of(const char *json)
{
	EcapiArena	arena;
	uint64_t	key;

	ecapi_arena_init(&arena, unit_grab, NULL);
	if (!ecapi_pubsub_key(&platform.options, unit_json(&arena, json), &key))
		check(false, "a key");
	return key;
}

static void
test_keys(void)
{
	static const char ann[] = "{'event_type':'purchase','user_data':{'email_address':'ann@example.com'}}";

	check(key_of(ann) == 0 && key_of("{}") == 0 && key_of("'x'") == 0, "one topic, no order: one key");
	platform.options.targets[ECAPI_EVENT_purchase] = (char *) "orders";
	platform.options.targets[ECAPI_EVENT_refund] = (char *) "orders";
	platform.options.targets[ECAPI_EVENT_login] = (char *) "events";
	check_text(ecapi_pubsub_topic(&platform.options, key_of(ann)), "orders", "a topic of its own");
	check(key_of(ann) == key_of("{'event_type':'refund'}"), "which two types share");
	check(key_of("{'event_type':'login'}") == 0, "the option's by its name");
	check_text(ecapi_pubsub_topic(&platform.options, key_of("{'event_type':'sign_up'}")), "events", "and of all others");
	platform.options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "person";
	check(key_of(ann) == key_of("{'event_type':'refund','id':'x','user_data':{'email_address':[' ANN@Example.com ']}}"),
		  "one person, however it is typed");
	check(key_of(ann) != key_of("{'event_type':'purchase','user_data':{'email_address':'bob@example.com'}}"), "another");
	check(key_of(ann) != key_of("{'event_type':'login','user_data':{'email_address':'ann@example.com'}}"), "another topic");
	check_text(ecapi_pubsub_topic(&platform.options, key_of(ann)), "orders", "the topic is still known");
	check(key_of("{'event_type':'login','id':'a'}") == key_of("{'event_type':'login','id':'b'}"), "nobody's events have none");
	platform_shape("{" HEAD ",'event_type':'login'," EMAIL "}");
	check(platform_has_digest("\"orderingKey\":\"%s\"}", "ann@example.com"), "a digest");
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(!platform_has("orderingKey"), "or none");
	platform.options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "id";
	check(key_of("{'event_type':'login','id':'a'}") != key_of("{'event_type':'login','id':'b'}"), "by id");
	check(key_of("{'event_type':'purchase','id':'a'}") ==
		  key_of("{'event_type':'purchase','id':'a:amended:1','ext':{'original':{'id':'a'}}}"), "an amendment with its original");
	begin();
}

/* How many requests a page of events becomes, and the largest of them. */
static int
count_requests(int events, int persons, size_t text, size_t *largest, bool *good)
{
	int			requests = 0;
	int			next = 0;
	char	   *json = malloc(text + 300);
	char	   *filler = malloc(text + 1);

	memset(filler, 'x', text);
	filler[text] = '\0';
	*largest = 0;
	*good = true;
	while (next < events)
	{
		EcapiBody	body = {.shape = platform_shape_of()};
		int			first = next;
		char	   *before = NULL;

		ecapi_buffer_init(&body.buffer, PLATFORM_BODY, unit_resize, NULL);
		ecapi_body_open(&body);
		while (next < events && next - first < platform.options.batch_size)
		{
			UnitPiece  *pieces = unit_pieces;
			EcapiArena	arena;
			const EcapiValue *seen;
			const char *reason;
			EcapiShaped shaped;

			unit_pieces = NULL;
			ecapi_arena_init(&arena, unit_grab, NULL);
			snprintf(json, text + 300, "{'id':'e-%d'," PLATFORM_AT ",'event_type':'login','user_data':{'customer_identifier':'c%d'},"
					 "'ext':{'filler':'%s'}}", next, next % persons, filler);
			shaped = ecapi_body_add(&body, &arena, unit_json(&arena, json), false, &seen, &reason);
			unit_free();
			unit_pieces = pieces;
			*good &= shaped == ECAPI_SHAPED || shaped == ECAPI_BODY_FULL || shaped == ECAPI_BODY_OTHER_KEY;
			if (shaped != ECAPI_SHAPED)
				break;
			next++;
		}
		*good &= next > first && ecapi_body_close(&body) && body.buffer.len <= ecapi_format_pubsub.max_body;
		/* one ordering key in a request, or none */
		for (const char *at = body.buffer.data; (at = strstr(at, "\"orderingKey\":\"")) != NULL; at++)
		{
			*good &= before == NULL || strncmp(before, at, 80) == 0;
			before = (char *) at;
		}
		*largest = Max(*largest, body.buffer.len);
		free(body.buffer.data);
		requests++;
		if (!*good)
			break;
	}
	free(json);
	free(filler);
	return requests;
}

static void
test_limits(void)
{
	size_t		largest;
	bool		good;

	check(count_requests(PAGE, PAGE, 0, &largest, &good) == PAGE / 1000 && good, "10,000 events in ten requests");
	check(count_requests(400, 400, 100000, &largest, &good) > 4 && good && largest > 9 * 1000 * 1000,
		  "large ones in requests below 10 MB");
	platform.options.own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "person";
	check(count_requests(100, 1, 0, &largest, &good) == 1 && good, "one person's in one request");
	check(count_requests(100, 3, 0, &largest, &good) == 100 && good, "each request is of one person");
	begin();
}

static void
test_too_large(void)
{
	EcapiBody	body = {.shape = platform_shape_of()};
	EcapiArena	arena;
	EcapiValue *event;
	const EcapiValue *seen;
	const char *reason;
	size_t		len = 8 * 1000 * 1000;
	char	   *text = malloc(len);

	memset(text, 'x', len);
	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{" HEAD ",'event_type':'login','ext':{'filler':'x'}}");
	ecapi_value_set(&arena, ecapi_value_get(event, "ext"), "filler", 6, ecapi_value_text(&arena, ECAPI_STRING, text, len));
	ecapi_buffer_init(&body.buffer, PLATFORM_BODY, unit_resize, NULL);
	ecapi_body_open(&body);
	check(ecapi_body_add(&body, &arena, event, false, &seen, &reason) == ECAPI_UNFIT, "one that base64 makes too large");
	check_text(reason, "too large for a request", "is known before it is sent");
	check_text(body.buffer.data, "{\"messages\":[", "and is not in the body");
	free(body.buffer.data);
	free(text);
}

static void
test_options(void)
{
	static const char *const topics[] = {"abc", "Orders", "a-_.~+%9", "xgoog"};
	static const char *const none[] = {"", "ab", "1abc", "-abc", "goog", "google-orders", "a b c", "a/b", "ord\xc3\xa9rs", "a:b",
		"projects/p/topics/t"};
	static const char *const projects[] = {"shop-4711", "example.com:shop", "test", "123456789012"};
	static const char *const no_projects[] = {"", "a b", "a/b", "projects/p", "p\xc3\xa9", "p?x"};
	char		longest[300];

	for (size_t i = 0; i < lengthof(topics); i++)
		check(platform_takes(ECAPI_PUBSUB_TOPIC, topics[i]), topics[i]);
	for (size_t i = 0; i < lengthof(none); i++)
		check(!platform_takes(ECAPI_PUBSUB_TOPIC, none[i]), none[i]);
	memset(longest, 'x', 256);
	longest[256] = '\0';
	check(!platform_takes(ECAPI_PUBSUB_TOPIC, longest), "256 characters");
	longest[255] = '\0';
	check(platform_takes(ECAPI_PUBSUB_TOPIC, longest), "255");
	for (size_t i = 0; i < lengthof(projects); i++)
		check(platform_takes(ECAPI_PUBSUB_PROJECT_ID, projects[i]), projects[i]);
	for (size_t i = 0; i < lengthof(no_projects); i++)
		check(!platform_takes(ECAPI_PUBSUB_PROJECT_ID, no_projects[i]), no_projects[i]);
	check(ecapi_format_pubsub.own[ECAPI_PUBSUB_PROJECT_ID].required && ecapi_format_pubsub.own[ECAPI_PUBSUB_TOPIC].required,
		  "both are required");
	check(platform_takes(ECAPI_PUBSUB_ORDERING_KEY, "person") && !platform_takes(ECAPI_PUBSUB_ORDERING_KEY, "email_address"),
		  "what messages are ordered by");
	/* the longest names there are have a path */
	platform.options.own[ECAPI_PUBSUB_TOPIC] = longest;
	memset(longest + 1, '%', 254);
	check(platform_request("{" HEAD ",'event_type':'login'}", 1, "t") &&
		  strcmp(platform.outgoing.url + strlen(platform.outgoing.url) - 8, ":publish") == 0, "the longest path");
	begin();
	check(platform_problem() == NULL, "options");
	platform.options.targets[ECAPI_EVENT_login] = (char *) "my/topic";
	check_text(platform_problem(), "event_types gives \"login\" a target that is no topic", "a wrong topic");
	check(strstr(platform.problem.detail, "my/topic") == NULL && platform.problem.hint[0] != '\0', "with a hint");
	begin();
}

static void
test_grant(void)
{
	EcapiCredentials credentials = {.token = NULL};
	EcapiGrantRequest request;
	EcapiArena	arena;
	const char *problem = NULL;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(!(ecapi_format_pubsub.grant->ask) (&platform.options, &credentials, PLATFORM_NOW, &arena, &request, &problem) &&
		  problem != NULL, "no credential");
	credentials.own[ECAPI_PUBSUB_REFRESH_TOKEN] = "1//r";
	credentials.own[ECAPI_PUBSUB_CLIENT_SECRET] = "s";
	check(!(ecapi_format_pubsub.grant->ask) (&platform.options, &credentials, PLATFORM_NOW, &arena, &request, &problem) &&
		  problem != NULL, "no client");
	platform.options.own[ECAPI_PUBSUB_CLIENT_ID] = (char *) "c";
	check((ecapi_format_pubsub.grant->ask) (&platform.options, &credentials, PLATFORM_NOW, &arena, &request, &problem) &&
		  strcmp(request.url, "https://oauth2.googleapis.com/token") == 0 && strstr(request.body, "1%2F%2Fr") != NULL &&
		  request.nsecrets == 2, "a refresh token");
	begin();
}

/* An answer with n ids, such as Pub/Sub's, with blanks and line ends. */
static EcapiJudgement
judge_ids(int n, int nevents)
{
	size_t		size = (size_t) n * 40 + 100;
	char	   *text = malloc(size);
	size_t		len = (size_t) snprintf(text, size, "{\n  \"messageIds\": [");
	EcapiJudgement j;

	for (int i = 0; i < n; i++)
		len += (size_t) snprintf(text + len, size - len, "%s\n    \"%017d\"", i > 0 ? "," : "", i);
	snprintf(text + len, size - len, "\n  ]\n}\n");
	j = platform_judge(200, text, nevents);
	free(text);
	return j;
}

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *name;
		EcapiVerdict verdict;
	}			errors[] = {
		{400, "INVALID_ARGUMENT", ECAPI_REJECTED},
		{400, "FAILED_PRECONDITION", ECAPI_STOP},
		{401, "UNAUTHENTICATED", ECAPI_STOP},
		{403, "PERMISSION_DENIED", ECAPI_STOP},
		{404, "NOT_FOUND", ECAPI_STOP},
		{409, "ABORTED", ECAPI_RETRY},
		{429, "RESOURCE_EXHAUSTED", ECAPI_RETRY},
		{499, "CANCELLED", ECAPI_RETRY},
		{500, "INTERNAL", ECAPI_RETRY},
		{500, "UNKNOWN", ECAPI_RETRY},
		{503, "UNAVAILABLE", ECAPI_RETRY},
		{504, "DEADLINE_EXCEEDED", ECAPI_RETRY}
	};
	static const char *const others[] = {"{\"messageIds\":[\"1\",\"2\"]}", "{\"messageIds\":[\"1\",\"2\",\"3\",\"4\"]}",
		"{\"messageIds\":[]}", "{\"messageIds\":[\"1\",\"2\",3]}", "{\"messageIds\":[\"1\",\"\",\"3\"]}",
		"{\"messageIds\":{\"0\":\"1\"}}", "{\"messageIds\":\"3\"}", "{\"MessageIds\":[\"1\",\"2\",\"3\"]}"};
	EcapiJudgement j;
	char		text[400];

	platform_check_strangers("{\"messageIds\":[\"1\",\"2\",\"3\"]}", 3);
	for (size_t i = 0; i < lengthof(others); i++)
	{
		j = platform_judge(200, others[i], 3);
		check(j.verdict == ECAPI_RETRY && !j.untaken && j.nnamed == 0 && j.words != NULL, others[i]);
	}
	j = judge_ids(1000, 1000);
	check(platform_is_success(&j) && j.receipt == NULL, "a thousand ids");
	j = judge_ids(1, 1);
	check(platform_is_success(&j), "one");
	j = judge_ids(999, 1000);
	check(j.verdict == ECAPI_RETRY, "one too few");
	for (size_t i = 0; i < lengthof(errors); i++)
	{
		snprintf(text, sizeof(text), "{\"error\":{\"code\":%d,\"message\":\"ann@example.com is wrong\",\"status\":\"%s\"}}",
				 errors[i].status, errors[i].name);
		j = platform_judge(errors[i].status, text, 3);
		check(j.verdict == errors[i].verdict && j.nnamed == 0, errors[i].name);
		check_text(j.words, errors[i].name, "by its name alone");
		check(j.credential == (errors[i].status == 401), "the credential's fault, or not");
	}
	j = platform_judge(400, "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}", 3);
	check_text(j.words, "INVALID_ARGUMENT: API_KEY_INVALID", "a reason");
	j = platform_judge(400, "<html>Bad Request</html>", 3);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0 && j.words == NULL, "a page that refuses");
	j = platform_judge(413, "", 3);
	check(j.verdict == ECAPI_TOO_LARGE, "too large after all");
	j = platform_judge(502, "<html>Bad Gateway</html>", 3);
	check(j.verdict == ECAPI_RETRY, "a page of a gateway");
}

int
main(void)
{
	begin();
	test_message();
	test_amended();
	test_reduced_original();
	test_request();
	test_fit();
	test_keys();
	test_limits();
	test_too_large();
	test_options();
	test_grant();
	test_answers();
	return platform_done();
}

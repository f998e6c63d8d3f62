/*
 * test_reddit.c
 *	  The format "reddit": events in Reddit's shape, what is fit for it, its answers.
 */
#include "platform.h"

#include "destination/reddit.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT "," EMAIL
#define CLEAR	"'user_data':{'event_ip_address':'192.0.2.1'}"
#define EVENT	"{\"event_at\":1790000000000,\"action_source\":\"OTHER\",\"type\":{\"tracking_type\":\"SEARCH\"}," \
	"\"user\":{\"ip_address\":\"192.0.2.1\"},\"metadata\":{\"conversion_id\":\"i\"}}"

static void
plain_options(void)
{
	platform_begin(&ecapi_format_reddit);
	platform.options.data_set_id = (char *) "a2_gq3z4qg5u8la";
}

/* ---- events ---- */

static void
test_names(void)
{
	platform_shape("{" HEAD ",'event_type':'custom','custom_event':'quiz_finished'}");
	check(platform_has("\"type\":{\"tracking_type\":\"CUSTOM\",\"custom_event_name\":\"quiz_finished\"}"), "an event's own name");
	platform.options.targets[ECAPI_EVENT_subscribe] = (char *) "SIGN_UP";
	platform.options.targets[ECAPI_EVENT_purchase] = (char *) "Order";
	platform.options.targets[ECAPI_EVENT_login] = (char *) "CUSTOM";
	platform_shape("{" HEAD ",'event_type':'subscribe'}");
	check(platform_has("\"type\":{\"tracking_type\":\"SIGN_UP\"}"), "the destination's name, one of Reddit's");
	platform_shape("{" HEAD ",'event_type':'purchase'}");
	check(platform_has("\"type\":{\"tracking_type\":\"CUSTOM\",\"custom_event_name\":\"Order\"}"), "one of its own");
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(platform_has("\"custom_event_name\":\"login\""), "a custom event without a name has the standard's");
	plain_options();
}

static void
test_fit(void)
{
	static const struct
	{
		const char *user;
		const char *reason;
	}			users[] = {
		{"{}", "no identifier"},
		{"'ann@example.com'", "no identifier"},
		{"{'event_user_agent':'A','gender':'female','address':{'city':'Ulm'}}", "no identifier"},
		{"{'email_address':'x','phone_numbers':'1','uids':[{'id':'u'}]}", "no identifier"},
		{"{'ifa':'ea7583cd-a667-48bc-b806-42ecb2b48606'}", "no identifier"},
		{"{'click_id':'ann@example.com'}", "no identifier"},
		{"{'click_id':'4928374'}", NULL},
		{"{'customer_identifier':'c'}", NULL},
		{"{'event_ip_address':'192.0.2.1'}", NULL},
		{"{'ext':{'click_ids':{'rdt_uuid':'1795700000000.5b1e2c3d-0000-4000-8000-000000000001'}}}", NULL}
	};
	char		json[400];

	platform_check_fit("'none'", "not an object");
	platform_check_fit("{" HEAD ",'event_type':'nosuch'}", "event_type unknown");
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" EMAIL "," PLATFORM_AT ",'event_type':'search'}", "conversion_id missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown");
	platform_check_fit("{" HEAD ",'event_type':'purchase'}", NULL);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search'}", "no identifier");
	for (size_t i = 0; i < lengthof(users); i++)
	{
		snprintf(json, sizeof(json), "{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':%s}", users[i].user);
		platform_check_fit(json, users[i].reason);
	}
	check(ecapi_format_reddit.max_age_s < 168 * 3600 && ecapi_format_reddit.dedupe_s == 48 * 3600,
		  "seven days, less the way there; a repeat is known for two");
}

static void
test_body(void)
{
	platform_shape("{'id':'o-1'," PLATFORM_AT ",'event_type':'purchase','value':129.90,'currency_code':'eur','source':'website',"
				   "'user_data':{'event_ip_address':'192.0.2.1','event_user_agent':'A','age_range':3,'uids':[{'id':'u'}],"
				   "'ext':{'tier':'x','click_ids':{'rdt_cid':'4928374','fbp':'x','rdt_uuid':'1795700000000.5b1e2c3d'}}},"
				   "'properties':{'transaction_id':'42','coupon':['A'],'page_url':'https://s.example/t','items':["
				   "{'id':'a','name':'Mug','price':64.950,'quantity':2,'brand':'Acme','category':'Kitchen'},"
				   "{'id':'b','quantity':0.5,'price':-1},{'name':'no id'}]}}");
	check_text(platform.body.data, "{\"event_at\":1790000000000,\"action_source\":\"WEBSITE\",\"event_source_url\":"
			   "\"https://s.example/t\",\"type\":{\"tracking_type\":\"PURCHASE\"},\"click_id\":\"4928374\",\"user\":{"
			   "\"ip_address\":\"192.0.2.1\",\"user_agent\":\"A\",\"uuid\":\"5b1e2c3d\"},\"metadata\":{\"conversion_id\":"
			   "\"o-1\",\"currency\":\"EUR\",\"value\":129.90,\"products\":[{\"id\":\"a\",\"name\":\"Mug\",\"category\":"
			   "\"Kitchen\",\"quantity\":2,\"item_price\":64.950},{\"id\":\"b\"}]}}",
			   "all that is said; a price below zero and goods by weight are not");
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'search'," CLEAR ",'currency_code':'EUR'}");
	check_text(platform.body.data, EVENT, "the least");
	platform_shape("{'id':'i','timestamp':1790009999,'event_type':'search','source':'physical_store'," CLEAR "}");
	check(platform_has("\"event_at\":1790000600000,\"action_source\":\"PHYSICAL_STORE\""), "a time to come is now");
	platform.options.dedupe_key = ECAPI_DEDUPE_TRANSACTION;
	platform_shape("{" HEAD ",'event_type':'purchase','properties':{'transaction_id':'42'}}");
	check(platform_has("\"conversion_id\":\"42\""), "an event goes by the key that the pixel sends");
	plain_options();
	check(platform_shape_items(HEAD ",'event_type':'purchase'", 10000) == ECAPI_SHAPED &&
		  platform_has("\"item_count\":20000") && platform_has("\"sku-9999\""), "10,000 items");
}

static void
test_user(void)
{
	static const char app[] = "{'id':'i'," PLATFORM_AT ",'event_type':'search','source':'app','user_data':{"
	"'ifa':'eA7583cd-a667-48bc-b806-42ecb2b48606','event_ip_address':'192.0.2.1'}}";
	static const char *const bad[] = {"1795700000000.", "ann@example.com", "1.2.3", "."};
	char		json[300];

	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'email_address':['x','Al.ice$+Apple@Example.Com',"
				   "'b@example.com'],'phone_numbers':'+1 (212) 555-0000','customer_identifier':' Cust-42 '}}");
	check(platform_has_digest("\"user\":{\"email\":\"%s\",\"phone", "alice@example.com") &&
		  platform_has_digest("\"phone_number\":\"%s\"", "+12125550000") &&
		  platform_has_digest("\"external_id\":\"%s\"", "Cust-42"), "one of each, in Reddit's forms");
	check_text(platform.left_out, "user_data.email_address no_certain_form", "what is none is told");

	platform_shape(app);
	check(platform_has("\"user\":{\"ip_address\":\"192.0.2.1\"}"), "an ifa of no system does not leave");
	platform.options.own[ECAPI_REDDIT_APP_OS] = (char *) "ios";
	platform_shape(app);
	check(platform_has_digest("\"idfa\":\"%s\"", "EA7583CD-A667-48BC-B806-42ECB2B48606") && !platform_has("aaid"), "idfa: upper case");
	platform.options.own[ECAPI_REDDIT_APP_OS] = (char *) "android";
	platform_shape(app);
	check(platform_has_digest("\"aaid\":\"%s\"", "ea7583cd-a667-48bc-b806-42ecb2b48606") && !platform_has("idfa"), "aaid: lower case");
	plain_options();

	for (size_t i = 0; i < lengthof(bad); i++)
	{
		snprintf(json, sizeof(json), "{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'event_ip_address':'192.0.2.1',"
				 "'ext':{'click_ids':{'rdt_uuid':'%s'}}}}", bad[i]);
		check(platform_shape(json) == ECAPI_SHAPED && !platform_has("uuid"), bad[i]);
	}
}

static void
test_data_processing(void)
{
	static const char opted[] = "{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'event_ip_address':'192.0.2.1','mmt_only':true}}";

	platform_shape(opted);
	check(platform_has("\"data_processing_options\":{\"modes\":[\"LDU\"]}"), "who is for measurement only");
	platform.options.own[ECAPI_REDDIT_LDU_COUNTRY] = (char *) "US";
	platform.options.own[ECAPI_REDDIT_LDU_REGION] = (char *) "US-CA";
	platform_shape(opted);
	check(platform_has("\"data_processing_options\":{\"country\":\"US\",\"region\":\"US-CA\",\"modes\":[\"LDU\"]}"), "with a place");
	platform_shape("{" HEAD ",'event_type':'search'}");
	check(!platform_has("data_processing"), "nobody else");
	platform.options.own[ECAPI_REDDIT_DATA_PROCESSING] = (char *) "LDU";
	platform_shape("{" HEAD ",'event_type':'search'}");
	check(platform_has("\"modes\":[\"LDU\"]"), "unless it is asked for");
	plain_options();
}

/* ---- options and requests ---- */

static void
test_options(void)
{
	static const struct
	{
		int			option;
		const char *value;
		bool		good;
	}			values[] = {
		{ECAPI_REDDIT_TEST_ID, "t2_abc123", true}, {ECAPI_REDDIT_TEST_ID, "t2-abc", false},
		{ECAPI_REDDIT_TEST_ID, "", false}, {ECAPI_REDDIT_TEST_ID, "123456789012345678901234567890123", false},
		{ECAPI_REDDIT_LDU_COUNTRY, "US", true}, {ECAPI_REDDIT_LDU_COUNTRY, "us", false},
		{ECAPI_REDDIT_LDU_COUNTRY, "USA", false}, {ECAPI_REDDIT_LDU_REGION, "US-CA", true},
		{ECAPI_REDDIT_LDU_REGION, "GB-ENG", true}, {ECAPI_REDDIT_LDU_REGION, "CA", false},
		{ECAPI_REDDIT_LDU_REGION, "US-", false}, {ECAPI_REDDIT_LDU_REGION, "US-ca", false},
		{ECAPI_REDDIT_APP_OS, "android", true}, {ECAPI_REDDIT_APP_OS, "tv", false},
		{ECAPI_REDDIT_DATA_PROCESSING, "LDU", true}, {ECAPI_REDDIT_DATA_PROCESSING, "LDP", false}
	};

	for (size_t i = 0; i < lengthof(values); i++)
		check(platform_takes(values[i].option, values[i].value) == values[i].good, values[i].value);
	check_text(platform_problem(), NULL, "the least there is");
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "without a pixel");
	platform.options.data_set_id = (char *) "a2-gq3z";
	check_text(platform_problem(), "option \"data_set_id\" is none of Reddit's", "with a hyphen");
	plain_options();
	platform.options.mode = ECAPI_MODE_TEST;
	check_text(platform_problem(), "mode 'test' needs the option \"test_id\"", "test mode without an id");
	plain_options();
	platform.options.own[ECAPI_REDDIT_LDU_REGION] = (char *) "US-CA";
	check_text(platform_problem(), "option \"ldu_region\" is none of \"ldu_country\"", "a region alone");
	platform.options.own[ECAPI_REDDIT_LDU_COUNTRY] = (char *) "CA";
	check_text(platform_problem(), "option \"ldu_region\" is none of \"ldu_country\"", "or of another country");
	plain_options();
}

static void
test_request(void)
{
	static const char event[] = "{'id':'i'," PLATFORM_AT ",'event_type':'search'," CLEAR "}";

	check(platform_request(event, 2, "T1"), "a request");
	check_text(platform.outgoing.url, "https://ads-api.reddit.com/api/v3/pixels/a2_gq3z4qg5u8la/conversion_events", "to the pixel");
	check_text(platform.outgoing.body, "{\"data\":{\"events\":[" EVENT "," EVENT "]}}", "with its events");
	check(platform_has_header("Authorization: Bearer T1") &&
		  platform_has_header("User-Agent: ecapi/test (by a2_gq3z4qg5u8la)"), "the token, and who sends");
	check(platform.outgoing.nsecrets == 1, "of which the token alone is secret");
	platform.options.own[ECAPI_REDDIT_TEST_ID] = (char *) "t2_abc123";
	platform_request(event, 1, "T1");
	check_text(platform.outgoing.body, "{\"data\":{\"events\":[" EVENT "]}}", "no test in live mode");
	platform.options.mode = ECAPI_MODE_TEST;
	platform_request(event, 1, "T1");
	check_text(platform.outgoing.body, "{\"data\":{\"events\":[" EVENT "],\"test_id\":\"t2_abc123\"}}", "one in test mode");
	check(ecapi_format_reddit.max_test_batch == 1, "of one event, which is all that is shown");
	plain_options();
}

/* ---- answers ---- */

#define SENT	"{\"data\":{\"events\":[" \
	"{\"user\":{\"user_agent\":\"\\\"conversion_id\\\":\\\"b\\\"\"},\"metadata\":{\"conversion_id\":\"a\"}}," \
	"{\"metadata\":{\"conversion_id\":\"b\\\"\xc3\xa4\",\"products\":[{\"id\":\"c\"}]}}," \
	"{\"metadata\":{\"conversion_id\":\"c\"}},{\"metadata\":{\"conversion_id\":\"c\"}}]}}"
#define OF(id)	"{\"error_message\":\"value is wrong\",\"event\":{\"metadata\":{\"conversion_id\":\"" id "\"}}}"
#define OF_V2(id)	"{\"error_message\":\"must be less than 168h0m0s old\",\"event\":{\"event_metadata\":{\"conversion_id\":\"" id "\"}}}"

static EcapiJudgement
judge_sent(const char *sent, const char *text, bool truncated)
{
	static EcapiArena arena;
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = 400, .retry_after_ms = -1,
		.truncated = truncated, .body = text, .body_len = strlen(text), .sent = sent, .sent_len = sent ? strlen(sent) : 0};
	EcapiJudgement judgement = {.retry_after_ms = -1};

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_reddit_judge(&answer, 4, &arena, &judgement);
	return judgement;
}

static void
test_invalid(void)
{
	static const struct
	{
		const char *sent;
		const char *body;
		const char *named;		/* indices in the order of naming */
	}			cases[] = {
		{SENT, "{\"invalid_events\":[" OF("a") "]}", "0"},
		{SENT, "{\"data\":{\"invalid_events\":[" OF("b\\\"\\u00e4") "," OF("a") "]}}", "10"},
		{SENT, "{\"error\":{\"invalid_events\":[" OF_V2("a") "]}}", "0"},
		{SENT, "{\"invalid_events\":[" OF("a") "," OF("c") "]}", ""},
		{SENT, "{\"invalid_events\":[" OF("b") "]}", ""},
		{SENT, "{\"invalid_events\":[" OF("a") ",{\"error_message\":\"x\"}]}", ""},
		{SENT, "{\"invalid_events\":[3]}", ""},
		{SENT, "{\"invalid_events\":[]}", ""},
		{SENT, "{\"message\":\"None were processed.\"}", ""},
		{SENT, "", ""},
		{NULL, "{\"invalid_events\":[" OF("a") "]}", ""},
		{"{\"data\":{\"events\":[{\"metadata\":{\"conversion_id\":\"a\"}}]}}", "{\"invalid_events\":[" OF("a") "]}", ""},
		{SENT ",\"conversion_id\":\"d\"", "{\"invalid_events\":[" OF("a") "]}", ""},
		{"\"conversion_id\":\"\"conversion_id\":\"\"conversion_id\":\"\"conversion_id\":\"a\\", "{\"invalid_events\":[" OF("a") "]}", ""}
	};
	EcapiJudgement judgement;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		named[8] = "";

		judgement = judge_sent(cases[i].sent, cases[i].body, false);
		for (int k = 0; k < judgement.nnamed && k < 7; k++)
		{
			named[k] = (char) ('0' + judgement.named[k].index);
			named[k + 1] = '\0';
		}
		check(judgement.verdict == ECAPI_REJECTED, cases[i].body);
		check_text(named, cases[i].named, "names who is at fault");
	}
	judgement = judge_sent(SENT, "{\"invalid_events\":[" OF("a") "," OF_V2("b\\\"\xc3\xa4") "]}", false);
	check(judgement.nnamed == 2, "both");
	check_text(judgement.named[0].words, "value is wrong", "with words");
	check_text(judgement.named[1].words, "event_at is too old", "which are ours where Reddit's have digits");
	judgement = judge_sent(SENT, "{\"invalid_events\":[" OF("a") ",{\"error_mess", true);
	check(judgement.nnamed == 1 && judgement.named[0].index == 0, "of an answer that was cut, those that are there");
	check(judge_sent(SENT, "{\"invalid_events\":[{\"error_message\":\"bad ann@example.com\",\"event\":{\"metadata\":"
					 "{\"conversion_id\":\"a\"}}}]}", false).named[0].words[0] == 'i', "words that quote are not kept");
}

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		EcapiVerdict verdict;
		bool		credential;
		const char *words;
	}			cases[] = {
		{401, "Authorization Required", ECAPI_STOP, true, NULL},
		{401, "{\"success\":false,\"error\":{\"reason\":\"UNAUTHORIZED\",\"explanation\":\"x\"}}", ECAPI_STOP, true, "UNAUTHORIZED"},
		{403, "{\"error\":{\"message\":\"no right\"}}", ECAPI_STOP, true, "no right"},
		{404, "", ECAPI_STOP, false, NULL},
		{429, "", ECAPI_RETRY, false, NULL},
		{500, "{\"error\":{\"message\":\"token abcdefghijklmnopqrstuvwxyz\"}}", ECAPI_RETRY, false, NULL},
		{413, "", ECAPI_TOO_LARGE, false, NULL},
		{200, "{\"data\":{\"message\":\"Successfully processed 3 conversion events.\"},\"error\":{\"message\":\"x\"}}", ECAPI_RETRY,
		false, "an answer that is not Reddit's"},
		{200, "{\"data\":{\"message\":\"ok\",\"invalid_events\":[{}]}}", ECAPI_RETRY, false, "an answer that is not Reddit's"}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		EcapiJudgement judgement = platform_judge(cases[i].status, cases[i].body, 3);

		check(judgement.verdict == cases[i].verdict && judgement.credential == cases[i].credential &&
			  judgement.nnamed == 0, cases[i].body);
		check_text(judgement.words, cases[i].words, "in words");
	}
	platform_check_strangers("{\"data\":{\"message\":\"Successfully processed 3 conversion events.\"}}", 3);
}

int
main(void)
{
	plain_options();
	test_names();
	test_fit();
	test_body();
	test_user();
	test_data_processing();
	test_options();
	test_request();
	test_invalid();
	test_answers();
	return platform_done();
}

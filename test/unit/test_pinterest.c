/*
 * test_pinterest.c
 *	  The format "pinterest": events in Pinterest's shape, what is fit for it, its answers.
 */
#include "platform.h"

#include "destination/pinterest.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT "," EMAIL
#define CLEAR	"'user_data':{'event_ip_address':'192.0.2.1','event_user_agent':'A'}"
#define USER	"\"user_data\":{\"client_ip_address\":\"192.0.2.1\",\"client_user_agent\":\"A\"}"

static void
plain_options(void)
{
	platform_begin(&ecapi_format_pinterest);
	platform.options.data_set_id = (char *) "549755885175";
}

/* ---- events ---- */

static void
test_names(void)
{
	bool		right = true;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		bool		off = (ecapi_format_pinterest.off_by_default >> type & 1) != 0;

		right &= off == (ecapi_pinterest_standard_name(type) == NULL && type != ECAPI_EVENT_custom);
	}
	check(right, "what has no standard event is off by default, but custom");
	platform_shape("{" HEAD ",'event_type':'custom','custom_event':'quiz_finished'}");
	check(platform_has("{\"event_name\":\"quiz_finished\",\"action_source\":\"offline\",\"event_time\":1790000000,"
					   "\"event_id\":\"i\",\"user_data\":{\"em\":["), "an event's own name");
	platform.options.targets[ECAPI_EVENT_viewed_item] = (char *) "page_visit";
	platform_shape("{" HEAD ",'event_type':'viewed_item'}");
	check(platform_has("\"event_name\":\"page_visit\""), "the destination's name");
	plain_options();
}

static void
test_fit(void)
{
	static const char *const none = "needs em, hashed_maids, or IP address with user agent";
	char		json[1000];

	platform_check_fit("'none'", "not an object");
	platform_check_fit("{" HEAD ",'event_type':'nosuch'}", "event_type unknown");
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" EMAIL "," PLATFORM_AT ",'event_type':'search'}", "event_id missing");
	platform_check_fit("{" HEAD ",'event_type':'custom','custom_event':'a b'}", "event_name unusable");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown");
	platform_check_fit("{" HEAD ",'event_type':'purchase'}", NULL);
	check(platform.identified != ECAPI_IDENTIFIED_NOT, "and one that is sent does not");
	platform_check_fit("{" HEAD ",'event_type':'search','source':'app'}", "app_os missing");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search'}", none);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'phone_numbers':'+12125550000',"
					   "'event_ip_address':'192.0.2.1','customer_identifier':'c','click_id':'x'}}", none);
	check(platform.identified == ECAPI_IDENTIFIED_NOT, "it counts as one that nobody is told by");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'event_user_agent':'A'}}", none);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'email_address':'x','ifa':'y'}}", none);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search'," CLEAR "}", NULL);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'ifa':"
					   "'38400000-8cf0-11bd-b23e-10b96e40000d'}}", NULL);
	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'custom','custom_event':'%0101d'}", 0);
	platform_check_fit(json, "event_name unusable");
}

static void
test_sources(void)
{
	static const struct
	{
		const char *source;
		const char *os;
		const char *wanted;
	}			cases[] = {
		{"website", NULL, "web"}, {"app", "ios", "app_ios"}, {"app", "android", "app_android"},
		{"physical_store", NULL, "offline"}, {"phone_call", "ios", "offline"}, {"other", NULL, "offline"}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		json[300];
		char		wanted[60];

		platform.options.own[ECAPI_PINTEREST_APP_OS] = (char *) cases[i].os;
		snprintf(json, sizeof(json), "{" HEAD ",'event_type':'search','source':'%s'}", cases[i].source);
		snprintf(wanted, sizeof(wanted), "\"action_source\":\"%s\"", cases[i].wanted);
		check(platform_shape(json) == ECAPI_SHAPED && platform_has(wanted), wanted);
	}
	plain_options();
}

/* What is said, whole, so that no key is there that Pinterest does not know. */
static void
test_body(void)
{
	platform.options.own[ECAPI_PINTEREST_PARTNER_NAME] = (char *) "ss-acme";
	platform.options.own[ECAPI_PINTEREST_OPT_OUT_TYPE] = (char *) "LDP";
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'purchase','value':1.299e2,'currency_code':'eur',"
				   "'source':'website','nosuch':1,'user_data':{'event_ip_address':'192.0.2.1','event_user_agent':'A',"
				   "'mmt_only':true,'age_range':3,'ext':{'tier':'x','click_ids':{'epik':'dj0yJnU9','fbp':'x'}}},"
				   "'ext':{'predicted_ltv':250.50,'route':'x'},'properties':{'transaction_id':'42','referrer':"
				   "'https://a.example/','coupon':['A'],'vin':'W','search_term':'mug','page_url':'https://s.example/t',"
				   "'ext':{'color':'red'},'items':[{'id':'a','name':'Mug','price':64.950,'quantity':2,'brand':'Acme',"
				   "'category':'Kitchen','discount':1,'nosuch':2},{'id':'b','quantity':0.5,'price':'x'},{'name':'no id'}]}}");
	check_text(platform.body.data, "{\"event_name\":\"checkout\",\"action_source\":\"web\",\"event_time\":1790000000,"
			   "\"event_id\":\"i\",\"event_source_url\":\"https://s.example/t\",\"partner_name\":\"ss-acme\","
			   "\"opt_out\":true,\"user_data\":{\"client_ip_address\":\"192.0.2.1\",\"client_user_agent\":\"A\","
			   "\"click_id\":\"dj0yJnU9\"},\"custom_data\":{\"value\":\"129.9\",\"currency\":\"EUR\","
			   "\"predicted_ltv\":\"250.50\",\"order_id\":\"42\",\"content_ids\":[\"a\",\"b\"],\"contents\":["
			   "{\"id\":\"a\",\"item_name\":\"Mug\",\"item_category\":\"Kitchen\",\"item_brand\":\"Acme\","
			   "\"item_price\":\"64.950\",\"quantity\":2},{\"id\":\"b\"}],\"search_string\":\"mug\","
			   "\"opt_out_type\":\"LDP\"}}", "all that is said, and goods by weight are not counted");
	plain_options();
	platform_shape("{'id':'i','timestamp':1790009999,'event_type':'search'," CLEAR "}");
	check_text(platform.body.data, "{\"event_name\":\"search\",\"action_source\":\"offline\",\"event_time\":1790000600,"
			   "\"event_id\":\"i\"," USER "}", "the least, at a time to come, which is now");
	check(platform_shape_items(HEAD ",'event_type':'purchase'", 10000) == ECAPI_SHAPED &&
		  platform_has("\"num_items\":20000") && platform_has("\"sku-9999\""), "10,000 items");
}

static void
test_user(void)
{
	check(platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'search','user_data':{'email_address':"
						 "[' Ann@Example.com','ann@example.com'],'phone_numbers':'+1 (212) 555-0000','gender':'Non-binary',"
						 "'customer_identifier':'Cust-42','uids':[{'id':'U1'}],'ifa':'EA7583CD-A667-48BC-B806-42ECB2B48606',"
						 "'click_id':'ann@example.com','address':{'first_name':'Ann','last_name':'Berg','city':'New York',"
						 "'state':'New York','country_code':'US','postal_code':'10001-1234','street':'Main'}}}") == ECAPI_SHAPED,
		  "identifiers");
	check(platform_has_digest("\"em\":[\"%s\"]", "ann@example.com") && platform_has_digest("\"ph\":[\"%s\"]", "12125550000") &&
		  platform_has_digest("\"ge\":[\"%s\"]", "n") && platform_has_digest("\"external_id\":[\"%s\",", "cust-42") &&
		  platform_has_digest("\"hashed_maids\":[\"%s\"]", "ea7583cd-a667-48bc-b806-42ecb2b48606"), "are arrays of digests");
	check(platform_has_digest("\"ct\":[\"%s\"]", "newyork") && platform_has_digest("\"st\":[\"%s\"]", "ny") &&
		  platform_has_digest("\"zp\":[\"%s\"]", "10001") && platform_has_digest("\"country\":[\"%s\"]", "us") &&
		  platform_has_digest("\"fn\":[\"%s\"]", "ann") && platform_has_digest("\"ln\":[\"%s\"]", "berg"), "those of places, too");
	check(!platform_has("click_id") && !platform_has("Main"), "what has not the form of a click does not leave");
}

/* ---- options and requests ---- */

static void
test_options(void)
{
	check_text(platform_problem(), NULL, "the least there is");
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "without an account");
	platform.options.data_set_id = (char *) "549-755";
	check_text(platform_problem(), "option \"data_set_id\" is none of Pinterest's", "with hyphens");
	platform.options.data_set_id = (char *) "1234567890123456789";
	check_text(platform_problem(), "option \"data_set_id\" is none of Pinterest's", "too long");
	plain_options();
	platform.options.targets[ECAPI_EVENT_purchase] = (char *) "my order";
	check_text(platform_problem(), "option \"event_types\" has a name that is none of an event at Pinterest", "a bad name");
	plain_options();
	platform.options.event_types = ECAPI_ALL_EVENT_TYPES;
	check_text(platform_problem(), "option \"event_types\" has too many event types without a standard event of Pinterest",
			   "too many names of one's own");
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
		platform.options.targets[type] = (char *) "custom";
	check_text(platform_problem(), NULL, "but one of Pinterest's is none");
	plain_options();
	check(platform_takes(ECAPI_PINTEREST_PARTNER_NAME, "ss-acme") && !platform_takes(ECAPI_PINTEREST_PARTNER_NAME, "acme") &&
		  !platform_takes(ECAPI_PINTEREST_PARTNER_NAME, "ss-a b"), "a partner's name");
	check(platform_takes(ECAPI_PINTEREST_APP_OS, "ios") && !platform_takes(ECAPI_PINTEREST_APP_OS, "iOS") &&
		  platform_takes(ECAPI_PINTEREST_OPT_OUT_TYPE, "LDP") && !platform_takes(ECAPI_PINTEREST_OPT_OUT_TYPE, "CCPA"), "words");
}

static void
test_request(void)
{
#define EVENT "{\"event_name\":\"search\",\"action_source\":\"offline\",\"event_time\":1790000000,\"event_id\":\"i\"," USER "}"
	check(platform_request("{'id':'i'," PLATFORM_AT ",'event_type':'search'," CLEAR "}", 2, "pina_1"), "a request");
	check_text(platform.outgoing.url, "https://api.pinterest.com/v5/ad_accounts/549755885175/events", "to the account");
	check_text(platform.outgoing.body, "{\"data\":[" EVENT "," EVENT "]}", "with its events");
	check(platform_has_header("Authorization: Bearer pina_1"), "and the token");
	platform.options.mode = ECAPI_MODE_TEST;
	platform_request("{'id':'i'," PLATFORM_AT ",'event_type':'search'," CLEAR "}", 1, "pina_1");
	check_text(platform.outgoing.url, "https://api.pinterest.com/v5/ad_accounts/549755885175/events?test=true", "one in test mode");
	check(ecapi_format_pinterest.max_test_batch == 20, "in which 20 events are looked at");
	plain_options();
}

/* ---- answers ---- */

#define DONE	"{\"status\":\"processed\",\"error_message\":\"\",\"warning_message\":\"\"}"
#define LATE	"{\"status\":\"failed\",\"error_message\":\"event_time is invalid\"}"
#define RESULTS(received, processed, events) \
	"{\"num_events_received\":" received ",\"num_events_processed\":" processed ",\"events\":[" events "]}"

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		EcapiVerdict verdict;
		bool		credential;
		bool		suspicious;
		const char *words;
	}			cases[] = {
		{401, "{\"code\":2,\"message\":\"Authentication failed.\"}", ECAPI_STOP, true, false, "Authentication failed. (code 2)"},
		{403, "{\"code\":29,\"message\":\"You are not permitted to access that resource.\"}", ECAPI_STOP, true, false,
		"You are not permitted to access that resource. (code 29)"},
		{400, "{\"code\":4196,\"message\":\"em of ann@example.com\"}", ECAPI_REJECTED, false, false, "refused (code 4196)"},
		{429, "{\"code\":8,\"message\":\"This request exceeded a rate limit.\"}", ECAPI_RETRY, false, false,
		"This request exceeded a rate limit. (code 8)"},
		{503, "{\"code\":4197}", ECAPI_RETRY, false, false, "refused (code 4197)"},
		{500, "<html>", ECAPI_RETRY, false, true, NULL},
		{422, "{\"code\":4195,\"message\":\"Not all.\",\"details\":{}}", ECAPI_RETRY, false, true, "Not all. (code 4195)"},
		{422, "{\"code\":4195,\"details\":" RESULTS("2", "2", DONE "," DONE) "}", ECAPI_RETRY, false, true, "refused (code 4195)"},
		{422, "", ECAPI_RETRY, false, true, "an answer that is not Pinterest's"},
		{200, RESULTS("4", "4", DONE "," DONE "," DONE "," DONE), ECAPI_RETRY, false, false, "an answer that is not Pinterest's"},
		{200, RESULTS("3", "3", DONE "," DONE ",{\"status\":\"queued\"}"), ECAPI_RETRY, false, false,
		"an answer that is not Pinterest's"}
	};
	EcapiJudgement judgement;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		judgement = platform_judge(cases[i].status, cases[i].body, 3);
		check(judgement.verdict == cases[i].verdict && judgement.credential == cases[i].credential &&
			  judgement.suspicious == cases[i].suspicious && judgement.nnamed == 0, cases[i].body);
		check_text(judgement.words, cases[i].words, "in words");
	}
	judgement = platform_judge(200, RESULTS("3", "2", DONE "," LATE ",{\"status\":\"processed\",\"warning_message\":\"x\"}"), 3);
	check(judgement.verdict == ECAPI_DELIVERED && judgement.nnamed == 1 && judgement.named[0].index == 1 &&
		  judgement.named[0].outcome == ECAPI_NAMED_REJECTED && judgement.warnings == 1, "a result for each event");
	check_text(judgement.named[0].words, "event_time is invalid", "with words");
	judgement = platform_judge(422, RESULTS("2", "1", "{\"status\":\"failed\",\"error_message\":\"bad ann@example.com\"}," DONE), 2);
	check(judgement.verdict == ECAPI_DELIVERED && judgement.nnamed == 1 && judgement.named[0].index == 0,
		  "in 422, too, wherever they stand");
	check_text(judgement.named[0].words, "failed", "words that quote are not kept");
	platform_check_poor_judge(200, RESULTS("1", "0", LATE), 1);
	platform.reads_cut = true;
	platform_check_strangers(RESULTS("3", "3", DONE "," DONE "," DONE), 3);
}

/* Of an answer that was too long to be kept, the results that are there count. */
static void
test_cut(void)
{
	static const struct
	{
		const char *body;
		EcapiVerdict verdict;
		int			resent;		/* events from which on they go again; 4: none */
		int			rejected;	/* the event that failed; -1: none */
	}			cases[] = {
		{RESULTS("4", "4", DONE "," DONE) "", ECAPI_DELIVERED, 4, -1},
		{"{\"num_events_received\":4,\"num_events_processed\":4,\"events\":[" DONE "," DONE ",{\"status\":\"proc", ECAPI_DELIVERED, 4, -1},
		{"{\"num_events_received\":4,\"num_events_processed\":3,\"events\":[" DONE "," LATE ",{\"sta", ECAPI_DELIVERED, 4, 1},
		{"{\"num_events_received\":4,\"num_events_processed\":3,\"events\":[" DONE "," DONE ",", ECAPI_DELIVERED, 2, -1},
		{"{\"num_events_received\":4,\"num_events_processed\":2,\"events\":[" DONE "," LATE, ECAPI_DELIVERED, 2, 1},
		{"{\"events\":[" DONE "," DONE ",{\"error_message\":\"}]}\\\"}", ECAPI_DELIVERED, 2, -1},
		{"{\"num_events_received\":9,\"num_events_processed\":4,\"events\":[" DONE ",", ECAPI_DELIVERED, 1, -1},
		{"{\"num_events_received\":4,\"num_events_processed\":4,\"events\":[", ECAPI_RETRY, 4, -1},
		{"<html>{}", ECAPI_RETRY, 4, -1},
		{"{}}", ECAPI_RETRY, 4, -1},
		{"[[[[[[[[[[{}", ECAPI_RETRY, 4, -1}
	};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = 200, .truncated = true, .retry_after_ms = -1,
			.body = cases[i].body, .body_len = strlen(cases[i].body)};
		EcapiJudgement judgement = {.retry_after_ms = -1};
		bool		right = true;
		int			wanted = (4 - cases[i].resent) + (cases[i].rejected >= 0);

		ecapi_pinterest_judge(&answer, 4, &arena, &judgement);
		for (int k = 0; k < judgement.nnamed; k++)
			right &= judgement.named[k].outcome == (judgement.named[k].index == cases[i].rejected ?
													ECAPI_NAMED_REJECTED : ECAPI_NAMED_RESEND) &&
				(judgement.named[k].index >= cases[i].resent || judgement.named[k].index == cases[i].rejected);
		check(right && judgement.verdict == cases[i].verdict && judgement.nnamed == wanted, cases[i].body);
	}
}

/* Of an answer that was cut, what Pinterest never knows again is not sent twice, either. */
static void
test_cut_unsure(void)
{
	static const char sent[] = "{\"data\":[{\"action_source\":\"offline\",\"event_time\":1790000000},"
	"{\"action_source\":\"offline\",\"event_time\":1790000000},{\"action_source\":\"web\",\"event_time\":1790000000},"
	"{\"action_source\":\"web\",\"event_time\":1789996999}]}";
	static const char body[] = "{\"num_events_received\":4,\"num_events_processed\":3,\"events\":[" DONE ",{\"sta";
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = 200, .truncated = true, .retry_after_ms = -1,
		.body = body, .body_len = sizeof(body) - 1, .sent = sent, .sent_len = sizeof(sent) - 1, .made_at = PLATFORM_NOW};
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_pinterest_judge(&answer, 4, &arena, &judgement);
	check(judgement.verdict == ECAPI_DELIVERED && judgement.nnamed == 3, "the first is delivered");
	check(judgement.nnamed == 3 && judgement.named[0].index == 1 && judgement.named[0].outcome == ECAPI_NAMED_UNSURE,
		  "an offline one behind the cut may be there");
	check(judgement.nnamed == 3 && judgement.named[1].index == 2 && judgement.named[1].outcome == ECAPI_NAMED_RESEND,
		  "a website's goes again, for it is known");
	check(judgement.nnamed == 3 && judgement.named[2].index == 3 && judgement.named[2].outcome == ECAPI_NAMED_UNSURE,
		  "unless it is late");
	answer.body = "{\"num_events_received\":4,\"num_events_processed\":1,\"events\":[" DONE ",{\"sta";
	judgement = (EcapiJudgement) {.retry_after_ms = -1};
	ecapi_pinterest_judge(&answer, 4, &arena, &judgement);
	check(judgement.nnamed == 3 && judgement.named[0].outcome == ECAPI_NAMED_RESEND &&
		  judgement.named[2].outcome == ECAPI_NAMED_RESEND, "where none behind was processed, all go again");
}

static void
test_repeats(void)
{
	static const struct
	{
		const char *event;
		int			limit;
	}			cases[] = {
		{"{" HEAD ",'event_type':'purchase','source':'website'}", 48 * 3600},
		{"{" HEAD ",'event_type':'purchase','properties':{'page_url':'https://s.example/'}}", 48 * 3600},
		{"{" HEAD ",'event_type':'purchase','source':'app'}", 48 * 3600},
		{"{" HEAD ",'event_type':'purchase','source':'physical_store'}", 0},
		{"{" HEAD ",'event_type':'purchase'}", 0}
	};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
		check((ecapi_format_pinterest.dedupe_limit) (&platform.options, unit_json(&arena, cases[i].event)) == cases[i].limit,
			  cases[i].event);
}

/* Where a request may have arrived, what Pinterest never knows again is not sent twice. */
static void
test_unsure(void)
{
	static const char sent[] = "{\"data\":[{\"action_source\":\"web\",\"event_time\":1790000000},"
	"{\"action_source\":\"offline\",\"event_time\":1790000000},{\"action_source\":\"web\",\"event_time\":1789996999},"
	"{\"action_source\":\"app_ios\",\"event_time\":1789997000}]}";
	static const struct
	{
		EcapiTransport transport;
		int			status;
		const char *body;
		int			named;		/* events 1 and 2 */
		const char *what;
	}			cases[] = {
		{ECAPI_TRANSPORT_BROKEN, 0, "", 2, "no answer came"},
		{ECAPI_TRANSPORT_REFUSED, 0, "", 0, "it never left"},
		{ECAPI_TRANSPORT_OK, 500, "{\"code\":4}", 2, "the server fails"},
		{ECAPI_TRANSPORT_OK, 422, "{\"code\":4195}", 2, "some were taken, nobody knows which"},
		{ECAPI_TRANSPORT_OK, 200, "ok", 2, "an answer of another"},
		{ECAPI_TRANSPORT_OK, 503, "{\"code\":4197}", 0, "none was taken"},
		{ECAPI_TRANSPORT_OK, 429, "{\"code\":8}", 0, "too many"}
	};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		EcapiAnswer answer = {.transport = cases[i].transport, .status = cases[i].status, .retry_after_ms = -1,
			.body = cases[i].body, .body_len = strlen(cases[i].body), .sent = sent, .sent_len = strlen(sent),
			.made_at = PLATFORM_NOW};
		EcapiJudgement judgement = {.retry_after_ms = -1};

		ecapi_pinterest_judge(&answer, 4, &arena, &judgement);
		check(judgement.verdict == ECAPI_RETRY && judgement.nnamed == cases[i].named &&
			  (cases[i].named == 0 || (judgement.named[0].index == 1 && judgement.named[1].index == 2 && !judgement.suspicious &&
									   judgement.named[0].outcome == ECAPI_NAMED_UNSURE)), cases[i].what);
		judgement = (EcapiJudgement) {.retry_after_ms = -1};
		ecapi_pinterest_judge(&answer, 3, &arena, &judgement);
		check(judgement.nnamed == 0, "of another number of events none is named");
	}
}

int
main(void)
{
	plain_options();
	test_names();
	test_fit();
	test_sources();
	test_body();
	test_user();
	test_options();
	test_request();
	test_answers();
	test_cut();
	test_cut_unsure();
	test_unsure();
	test_repeats();
	return platform_done();
}

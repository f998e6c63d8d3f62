/*
 * test_snap.c
 *	  The format "snap": events in Snap's shape, what is fit for it, its options, its
 *	  answers.
 */
#include "platform.h"

#include "destination/snap.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT
#define PAGE	"'properties':{'page_url':'https://a.example/'}"
#define WEB		HEAD ",'source':'website'," PAGE "," EMAIL
#define APP_DATA "'ext':{'app_data':{'advertiser_tracking_enabled':true,'application_tracking_enabled':0," \
	"'extinfo':['i2','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16']}}"

static void
begin(void)
{
	platform_begin(&ecapi_format_snap);
	platform.options.data_set_id = (char *) "1ec32188-754e";
	platform.options.own[ECAPI_SNAP_APP_ID] = (char *) "0bb12233-4455";
}

static EcapiShaped
shape_user(const char *user_data)
{
	char		json[2000];

	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'login',%s,'user_data':%s}", PAGE, user_data);
	return platform_shape(json);
}

/* ---- what is fit ---- */

static void
test_fit(void)
{
	static const struct
	{
		const char *json;
		const char *reason;		/* NULL: it is fit */
	}			cases[] = {
		{"'none'", "not an object"},
		{"{" WEB "}", "event_type missing"},
		{"{" EMAIL ",'event_type':'login'}", "timestamp missing"},
		{"{" HEAD ",'event_type':'login'," PAGE "}", "no identifier"},
		{"{" HEAD ",'event_type':'login','source':'website'," EMAIL "}", "event_source_url missing"},
		{"{" HEAD ",'event_type':'login','source':'app'," EMAIL "}", "event_source_url missing"},
		{"{" HEAD ",'event_type':'login','source':'physical_store'," EMAIL "}", NULL},
		{"{" WEB ",'event_type':'purchase','currency_code':'EUR'}", "value missing"},
		{"{" WEB ",'event_type':'purchase','value':1}", "currency_code missing"},
		{"{" WEB ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown"},
		{"{" WEB ",'event_type':'login','value':1}", "currency_code missing"},
		{"{" WEB ",'event_type':'purchase','value':0,'currency_code':'eur'}", NULL}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		platform_check_fit(cases[i].json, cases[i].reason);
	check(platform_shape("{" WEB ",'event_type':'contact'}") == ECAPI_FILTERED, "an event without a name at Snap is not for this one");
	check_text(platform.reason, "event_type", "which is said");
	platform.options.own[ECAPI_SNAP_APP_ID] = NULL;
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_SHAPED &&
		  platform_shape("{" HEAD ",'event_type':'login','source':'app'," PAGE "," EMAIL "}") == ECAPI_FILTERED,
		  "nor an app's where no app is named");
	check_text(platform.reason, "app_id", "which is said, too");
	begin();
	platform.options.data_set_id = NULL;
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_FILTERED &&
		  platform_shape("{" HEAD ",'event_type':'login','source':'app'," PAGE "," EMAIL "}") == ECAPI_SHAPED,
		  "nor a website's where no pixel is");
	check(platform_shape("{" HEAD ",'event_type':'login','source':'app','data_set_id':'0bb12233-4455'," PAGE "," EMAIL "}") == ECAPI_SHAPED &&
		  platform_shape("{" HEAD ",'event_type':'login','source':'app','data_set_id':'0bb12233'," PAGE "," EMAIL "}") == ECAPI_FILTERED,
		  "nor another app's");
	begin();
}

static void
test_identifiers(void)
{
	static const struct
	{
		const char *user_data;
		bool		fit;
	}			cases[] = {
		{"{}", false},
		{"{'customer_identifier':'c1','gender':'f','click_id':'x','ext':{'click_ids':{'scid':'y'}}}", false},
		{"{'address':{'first_name':'Ann','last_name':'Berg'}}", false},
		{"{'event_user_agent':'A'}", false},
		{"{'event_ip_address':'192.0.2.1'}", false},
		{"{'event_ip_address':'192.0.2.1','event_user_agent':'A'}", true},
		{"{'phone_numbers':'+49711123456'}", true},
		{"{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}", true}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		check(shape_user(cases[i].user_data) == (cases[i].fit ? ECAPI_SHAPED : ECAPI_UNFIT),
			  cases[i].user_data);
}

/* ---- an event ---- */

static void
test_user(void)
{
	check(shape_user("{'email_address':[' Ann@Example.com','ann@example.com '],'phone_numbers':'+44 (0)844 412 4653',"
					 "'customer_identifier':'Cust-42','uids':[{'id':'U1'}],'gender':'Female','mmt_only':true,"
					 "'ifa':'38400000-8CF0-11BD-B23E-10B96E40000D','ext':{'click_ids':{'sccid':'0a1b','scid':'9f8e'}},"
					 "'address':[{'first_name':'Rapha\xc3\xabl','last_name':'Berg','city':'New York','state':'New York',"
					 "'country_code':'US','postal_code':'10001-1234','street':'Main'}]}") == ECAPI_SHAPED, "identifiers");
	check(platform_has_digest("\"em\":[\"%s\"]", "ann@example.com"), "em, once");
	check(platform_has_digest("\"ph\":[\"%s\"]", "448444124653"), "ph without plus and national zero");
	check(platform_has_digest("\"fn\":[\"%s\"]", "rapha\xc3\xabl"), "fn keeps accents");
	check(platform_has_digest("\"ge\":[\"%s\"]", "f"), "ge is an initial");
	check(platform_has_digest("\"ct\":[\"%s\"]", "newyork") && platform_has_digest("\"st\":[\"%s\"]", "ny") &&
		  platform_has_digest("\"country\":[\"%s\"]", "us") && platform_has_digest("\"zp\":[\"%s\"]", "10001"),
		  "places are hashed");
	check(platform_has_digest("\"external_id\":[\"%s\",", "cust-42"), "external_id: both kinds");
	check(platform_has("\"sc_click_id\":\"0a1b\",\"sc_cookie1\":\"9f8e\",\"madid\":\"38400000-8cf0-11bd-b23e-10b96e40000d\""),
		  "ids of Snap's as they are, that of the device in lower case");
	check(platform_has("\"opt_out\":true"), "measurement alone is opt_out");
	check(shape_user("{'email_address':'a@example.com','click_id':'a b','ext':{'click_ids':{'scid':'a/b'}}}") == ECAPI_SHAPED &&
		  !platform_has("sc_") && !platform_has("opt_out"), "what is no id stays");
}

static void
test_event(void)
{
	check(platform_shape("{" HEAD ",'event_type':'purchase','source':'website','value':129.90,'currency_code':'eur',"
						 EMAIL ",'properties':{'page_url':'https://a.example/t','transaction_id':'42','search_term':'mug',"
						 "'login_method':'mail','items':["
						 "{'id':'sku-1','name':'Mug','price':64.95,'quantity':2,'brand':'Acme','category':'Kitchen'},"
						 "{'name':'nameless'},{'id':'sku-2','quantity':1e1,'price':1e-30}]}}") == ECAPI_SHAPED, "a purchase");
	check(strncmp(platform.body.data, "{\"event_name\":\"PURCHASE\",\"event_time\":1790000000,\"event_id\":\"i\","
				  "\"action_source\":\"WEB\",\"event_source_url\":\"https://a.example/t\",\"user_data\":{", 140) == 0, "its head");
	check(platform_has("\"custom_data\":{\"value\":129.90,\"currency\":\"EUR\",\"order_id\":\"42\",\"search_string\":\"mug\","
					   "\"content_ids\":[\"sku-1\",\"sku-2\"],\"contents\":[{\"id\":\"sku-1\",\"quantity\":\"2\","
					   "\"item_price\":\"64.95\",\"brand\":\"Acme\"},{\"id\":\"sku-2\",\"quantity\":\"10\"}],"
					   "\"content_category\":\"Kitchen\"}}"), "what it is about");
	check(platform_shape("{" HEAD ",'event_type':'sign_up'," EMAIL ",'properties':{'page_url':'https://a.example/',"
						 "'login_method':'mail','items':[{'id':'a','category':'x'},{'id':'b','category':'y'}]}}") == ECAPI_SHAPED &&
		  platform_has("\"sign_up_method\":\"mail\"") && !platform_has("content_category"), "a registration");
	check(platform_shape("{" HEAD ",'event_type':'login','source':'app'," PAGE "," EMAIL "," APP_DATA "}") == ECAPI_SHAPED &&
		  platform_has("\"action_source\":\"MOBILE_APP\"") &&
		  platform_has("\"app_data\":{\"app_id\":\"0bb12233-4455\",\"advertiser_tracking_enabled\":1,"
					   "\"application_tracking_enabled\":0,\"extinfo\":[\"i2\",\"2\""), "an app's event");
	check(platform_shape("{" HEAD ",'event_type':'login','source':'app'," PAGE "," EMAIL ",'ext':{'app_data':{}}}") == ECAPI_SHAPED &&
		  !platform_has("app_data"), "goes without app_data that is none");
	check(platform_shape("{" HEAD ",'event_type':'login','source':'phone_call'," EMAIL "}") == ECAPI_SHAPED &&
		  platform_has("\"action_source\":\"OFFLINE\""), "any other is offline");
	platform.options.targets[ECAPI_EVENT_contact] = (char *) "CUSTOM_EVENT_2";
	check(platform_shape("{" WEB ",'event_type':'contact'}") == ECAPI_SHAPED && platform_has("\"CUSTOM_EVENT_2\""), "a free name");
	begin();
	check(platform_shape_items(HEAD ",'event_type':'login','source':'chat'," EMAIL, 10000) == ECAPI_SHAPED &&
		  platform_has("\"num_items\":20000"), "10,000 items");
}

static void
test_data_processing(void)
{
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING] = (char *) "LDU";
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING_COUNTRY] = (char *) "1";
	check(platform_shape("{" HEAD ",'event_type':'login','source':'chat'," EMAIL "}") == ECAPI_SHAPED &&
		  platform_has("\"data_processing_options\":[\"LDU\"],\"data_processing_options_country\":1,\"user_data\""),
		  "limited use of all events");
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING] = (char *) "LMU";
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING_COUNTRY] = NULL;
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_SHAPED && platform_has("[\"LMU\"],\"user_data\"") &&
		  platform_shape("{" HEAD ",'event_type':'login','source':'chat'," EMAIL "}") == ECAPI_SHAPED &&
		  !platform_has("LMU"), "or of those of websites");
	begin();
}

/* ---- options ---- */

static void
test_options(void)
{
	uint64_t	nameless = 0;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
		if (ecapi_snap_name(type) == NULL)
			nameless |= UINT64_C(1) << type;
	check(ecapi_format_snap.off_by_default == nameless, "what has no name is off by default");
	check_text(platform_problem(), NULL, "the defaults");
	platform.options.own[ECAPI_SNAP_APP_ID] = NULL;
	check_text(platform_problem(), NULL, "the least there is");
	platform.options.data_set_id = (char *) "a/../b";
	check_text(platform_problem(), "option \"data_set_id\" is none of Snap's", "another's pixel");
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "nowhere to send to");
	platform.options.own[ECAPI_SNAP_APP_ID] = (char *) "0bb1";
	check_text(platform_problem(), NULL, "an app alone");
	begin();
	platform.options.event_types |= UINT64_C(1) << ECAPI_EVENT_generate_lead;
	check_text(platform_problem(), "event_types has \"generate_lead\", and Snap has no name for it", "a lead has no name");
	platform.options.targets[ECAPI_EVENT_generate_lead] = (char *) "Lead";
	check_text(platform_problem(), "event_types gives \"generate_lead\" a name that Snap has not", "and none of one's own");
	platform.options.targets[ECAPI_EVENT_generate_lead] = (char *) "CUSTOM_EVENT_6";
	check(platform_problem() != NULL, "there are five");
	platform.options.targets[ECAPI_EVENT_generate_lead] = (char *) "CUSTOM_EVENT_5";
	check_text(platform_problem(), NULL, "one of which it can have");
	begin();
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING_STATE] = (char *) "1000";
	check_text(platform_problem(), "a place for limited data use is given, but not LDU", "a place alone");
	platform.options.own[ECAPI_SNAP_DATA_PROCESSING] = (char *) "LMU";
	check(platform_problem() != NULL, "or beside the other mode");
	begin();
	check(platform_takes(ECAPI_SNAP_APP_ID, "0bb12233-4455-6677-8899-aabbccddeeff") &&
		  !platform_takes(ECAPI_SNAP_APP_ID, "a b") && !platform_takes(ECAPI_SNAP_APP_ID, "a/b"), "apps");
	check(platform_takes(ECAPI_SNAP_DATA_PROCESSING, "LMU") && !platform_takes(ECAPI_SNAP_DATA_PROCESSING, "DELETE") &&
		  platform_takes(ECAPI_SNAP_DATA_PROCESSING_STATE, "1000") && !platform_takes(ECAPI_SNAP_DATA_PROCESSING_STATE, "CA"),
		  "limited use");
}

/* ---- a request ---- */

static void
test_request(void)
{
	static const struct
	{
		const char *source;
		uint64_t	key;
		int			age;
	}			cases[] = {
		{"website", 0, 7 * 86400 - 600}, {"app", 1, 7 * 86400 - 600}, {"physical_store", 0, 37 * 86400 - 600}
	};
	EcapiArena	arena;
	char		json[200];

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const EcapiValue *event;
		uint64_t	key;

		snprintf(json, sizeof(json), "{" HEAD ",'source':'%s'}", cases[i].source);
		event = unit_json(&arena, json);
		check(ecapi_format_snap.key(&platform.options, event, &key) && key == (uint64_t) cases[i].key &&
			  ecapi_format_snap.age_limit(&platform.options, event) == cases[i].age, cases[i].source);
	}
	check_text(ecapi_format_snap.path(&platform.options, 1, &arena), "/v3/0bb12233-4455/events", "an app's id");
	check(platform_request("{" WEB ",'event_type':'login'}", 2, "tok=&1"), "a request");
	check_text(platform.outgoing.url, "https://tr.snapchat.com/v3/1ec32188-754e/events?access_token=tok%3D%261", "where it goes");
	check(platform.outgoing.nheaders == 0 && platform.outgoing.nsecrets > 0 && !platform_has("tok"), "the token is nowhere else");
	check(platform_has("]}") && strncmp(platform.body.data, "{\"data\":[{", 10) == 0, "its frame");
	platform.options.mode = ECAPI_MODE_TEST;
	check(platform_request("{" WEB ",'event_type':'login'}", 1, "t"), "a test");
	check_text(platform.outgoing.url, "https://tr.snapchat.com/v3/1ec32188-754e/events/validate?access_token=t", "is looked at");
	check(!platform_request("{" WEB ",'event_type':'login'}", 1, NULL), "without a token nothing is sent");
	begin();
}

/* ---- answers ---- */

#define VALID	"{\"status\":\"VALID\",\"reason\":\"\"}"
#define INVALID(rest) "{\"status\":\"INVALID\"" rest "}"
#define CODES	",\"errors\":{\"codes\":[\"1003\"],\"error_msgs\":[\"em is ann@example.com\"]}"
#define ENTRY(n, status) "{\"event\":" #n ",\"status\":\"" status "\",\"warnings\":[\"w\"]" CODES "}"

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		EcapiVerdict verdict;
		bool		credential;
		int			named;		/* the event that is named; -1: none */
	}			cases[] = {
		{200, VALID, ECAPI_DELIVERED, false, -1},
		{200, "{\"status\":\"valid\"}", ECAPI_RETRY, false, -1},
		{400, VALID, ECAPI_REJECTED, false, -1},
		{400, INVALID(",\"event\":1" CODES), ECAPI_REJECTED, false, 1},
		{200, INVALID(",\"event\":2" CODES), ECAPI_REJECTED, false, 2},
		{400, INVALID(CODES), ECAPI_REJECTED, false, -1},
		{400, INVALID(",\"event\":3" CODES), ECAPI_REJECTED, false, -1},
		{400, INVALID(",\"event\":-1" CODES), ECAPI_REJECTED, false, -1},
		{400, INVALID(",\"event\":\"1\"" CODES), ECAPI_REJECTED, false, -1},
		{400, "", ECAPI_REJECTED, false, -1},
		{401, INVALID(",\"event\":1"), ECAPI_STOP, true, -1},
		{403, INVALID(""), ECAPI_STOP, true, -1},
		{404, "", ECAPI_STOP, false, -1},
		{413, "", ECAPI_TOO_LARGE, false, -1},
		{429, INVALID(""), ECAPI_RETRY, false, -1},
		{500, INVALID(",\"event\":1"), ECAPI_RETRY, false, -1},
		/* of a test */
		{200, INVALID(",\"event_logs\":[" ENTRY(0, "VALID") "," ENTRY(1, "INVALID") "," ENTRY(2, "VALID") "]"),
		ECAPI_DELIVERED, false, 1},
		{200, INVALID(",\"event_logs\":[" ENTRY(0, "VALID") "," ENTRY(1, "INVALID") "]"), ECAPI_REJECTED, false, -1},
		{200, INVALID(",\"event_logs\":[" ENTRY(0, "VALID") "," ENTRY(9, "INVALID") "," ENTRY(1, "INVALID") "]"),
		ECAPI_REJECTED, false, -1},
		{200, INVALID(",\"event_logs\":[1,2,3]"), ECAPI_REJECTED, false, -1},
		{200, "{\"status\":\"VALID\",\"event_logs\":[" ENTRY(0, "VALID") "," ENTRY(1, "VALID") "," ENTRY(2, "VALID") "]}",
		ECAPI_DELIVERED, false, -1}
	};
	EcapiJudgement judgement;
	EcapiArena	arena;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		judgement = platform_judge(cases[i].status, cases[i].body, 3);
		check(judgement.verdict == cases[i].verdict && judgement.credential == cases[i].credential &&
			  (cases[i].named < 0 ? judgement.nnamed == 0 : judgement.nnamed == 1 &&
			   judgement.named[0].index == cases[i].named &&
			   judgement.named[0].outcome == ECAPI_NAMED_REJECTED), cases[i].body);
	}
	check(judgement.warnings == 3, "warnings of a test are counted");
	ecapi_arena_init(&arena, unit_grab, NULL);
	judgement = platform_judge_in(&arena, 400, INVALID(",\"event\":1" CODES), 3);
	check_text(judgement.named[0].words, "invalid event (code 1003)", "of errors the code is kept");
	judgement = platform_judge_in(&arena, 400, INVALID(",\"errors\":{\"codes\":[\"ann@example.com\"]}"), 3);
	check_text(judgement.words, "invalid event", "if it is one");
	check(platform_judge(429, "", 3).retry_after_ms == 7000, "as late as the answer says");
	platform_check_strangers(VALID, 3);
	platform_check_poor_judge(400, INVALID(",\"event\":1" CODES), 3);
}

int
main(void)
{
	begin();
	test_fit();
	test_identifiers();
	test_user();
	test_event();
	test_data_processing();
	test_options();
	test_request();
	test_answers();
	return platform_done();
}

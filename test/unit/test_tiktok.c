/*
 * test_tiktok.c
 *	  The format "tiktok": events in TikTok's shape, what is fit for it, its options, its
 *	  answers.
 */
#include "platform.h"

#include "destination/tiktok.h"
#include "event/scan.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT
#define PAGE	"'properties':{'page_url':'https://a.example/'}"
#define WEB		HEAD ",'source':'website'," PAGE "," EMAIL

static void
begin(void)
{
	platform_begin(&ecapi_format_tiktok);
	platform.options.data_set_id = (char *) "C4A1";
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] =
		(char *) "app=70, offline = 71 ,crm=72";
	platform.options.own[ECAPI_TIKTOK_APP_ID] = (char *) "123";
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
		{"{" WEB ",'event_type':'custom'}", "custom_event missing"},
		{"{" EMAIL ",'event_type':'login'}", "timestamp missing"},
		{"{" HEAD ",'event_type':'login'," PAGE "}", "no identifier"},
		{"{" HEAD ",'event_type':'login','source':'website'," EMAIL "}", "page.url missing"},
		{"{" HEAD ",'event_type':'login','source':'physical_store'," EMAIL "}", "not a standard event"},
		{"{" HEAD ",'event_type':'custom','custom_event':'quiz','source':'physical_store'," EMAIL "}",
		"not a standard event"},
		{"{" HEAD ",'event_type':'custom','custom_event':'Download','source':'physical_store'," EMAIL "}", NULL},
		{"{" HEAD ",'event_type':'contact','source':'phone_call'," EMAIL "}", NULL},
		{"{" HEAD ",'event_type':'login','source':'app'," EMAIL "}", NULL},
		{"{" HEAD ",'event_type':'qualify_lead','source':'phone_call','ext':{'lead':{'lead_id':'9'}}}", NULL},
		{"{" HEAD ",'event_type':'qualify_lead','source':'phone_call','ext':{'lead':{'lead_id':'a b'}}," EMAIL "}",
		"not a standard event"},
		{"{" WEB ",'event_type':'purchase','currency_code':'EUR'}", "value missing"},
		{"{" WEB ",'event_type':'purchase','value':'1','currency_code':'EUR'}", "value missing"},
		{"{" WEB ",'event_type':'purchase','value':1}", "currency_code missing"},
		{"{" WEB ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown"},
		{"{" WEB ",'event_type':'login','value':1}", "currency_code missing"},
		{"{" WEB ",'event_type':'purchase','value':0,'currency_code':'eur'}", NULL},
		{"{" WEB ",'event_type':'login'}", NULL}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		platform_check_fit(cases[i].json, cases[i].reason);
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = NULL;
	check(platform_shape("{" HEAD ",'event_type':'contact','source':'chat'," EMAIL "}") == ECAPI_FILTERED &&
		  platform.body.len == 0, "an event of a source without an id is not for this one");
	check_text(platform.reason, "event_source_ids", "which is said");
	platform.options.data_set_id = NULL;
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = (char *) "offline=71";
	check(platform_shape("{" HEAD ",'event_type':'contact','source':'chat','data_set_id':'71'," EMAIL "}") == ECAPI_SHAPED &&
		  platform_shape("{" HEAD ",'event_type':'contact','source':'chat','data_set_id':'7'," EMAIL "}") == ECAPI_FILTERED,
		  "nor one of another event set");
	begin();
}

/* Which identifiers tell one person from others. */
static void
test_identifiers(void)
{
	static const struct
	{
		const char *user_data;
		bool		fit;
	}			cases[] = {
		{"{}", false},
		{"{'email_address':'x'}", false},
		{"{'event_user_agent':'A'}", false},
		{"{'event_ip_address':'192.0.2.1'}", false},
		{"{'event_ip_address':'192.0.2.1','event_user_agent':'A'}", true},
		{"{'landing_ip_address':'192.0.2.1','landing_user_agent':'A'}", true},
		{"{'address':{'first_name':'Ann','last_name':'Berg','city':'Ulm'}}", false},
		{"{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}", false},
		{"{'phone_numbers':'+49711123456'}", true},
		{"{'customer_identifier':'c1'}", true},
		{"{'uids':[{'id':'u1'}]}", true},
		{"{'click_id':'E.C.P.x'}", true},
		{"{'click_id':'a b'}", false},
		{"{'click_id':'g1','ext':{'click_ids':{'gclid':'g1'}}}", false},
		{"{'ext':{'click_ids':{'ttp':'2c9k'}}}", true}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		check(shape_user(cases[i].user_data) == (cases[i].fit ? ECAPI_SHAPED : ECAPI_UNFIT),
			  cases[i].user_data);
}

/* ---- an event ---- */

static void
test_user(void)
{
	static const char digest[] =
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	char		json[1000];

	check(shape_user("{'email_address':[' Ann@Example.com','ann@example.com '],'phone_numbers':'+1 (212) 555-0000',"
					 "'customer_identifier':'Cust-42','uids':[{'id':'U1'}],'gender':'f',"
					 "'address':[{'first_name':'Jean-Luc','last_name':'Berg','city':'St. Louis','state':'N.Y.',"
					 "'country_code':'US','postal_code':'10001-1234','street':'Main'},{'first_name':'Bo'}]}") == ECAPI_SHAPED,
		  "identifiers");
	check(platform_has_digest("\"email\":[\"%s\"]", "ann@example.com"), "email, once");
	check(platform_has_digest("\"phone\":[\"%s\"]", "+12125550000"), "phone keeps its plus");
	check(platform_has_digest("\"external_id\":[\"%s\",", "cust-42") &&
		  platform_has_digest(",\"%s\"]", "u1"), "external_id: both kinds, in lower case");
	check(platform_has_digest("\"first_name\":\"%s\",", "jeanluc"), "the first address's name");
	check(platform_has("\"city\":\"stlouis\",\"state\":\"ny\",\"country\":\"us\","), "places leave clear");
	check(platform_has_digest("\"zip_code\":\"%s\"", "10001"), "zip_code: five digits");
	platform.options.own[ECAPI_TIKTOK_EXTERNAL_ID_CASE] = (char *) "keep";
	check(shape_user("{'customer_identifier':' Cust-42 ','uids':[{'id':'N/A'}]}") == ECAPI_SHAPED &&
		  platform_has_digest("\"external_id\":[\"%s\"]", "Cust-42"), "in the case in which it is written");
	check_text(platform.left_out, "user_data.uids.id no_certain_form", "what says that there is none is left out");
	begin();

	snprintf(json, sizeof(json), "{'email_address':'%s','address':{'city':'%s'}}", digest, digest);
	check(shape_user(json) == ECAPI_SHAPED && platform_has("\"email\":[\"aaaa") && !platform_has("city"),
		  "a ready-made digest leaves where the form is TikTok's");
	check_text(platform.left_out, "user_data.address.city unusable_digest", "and not where it is not");
}

static void
test_device(void)
{
	static const char user[] = "{'customer_identifier':'c','ifa':'38400000-8CF0-11BD-B23E-10B96E40000D'}";

	check(shape_user(user) == ECAPI_SHAPED && !platform_has("gaid") && !platform_has("idfa"),
		  "an ifa of no known system stays");
	platform.options.own[ECAPI_TIKTOK_APP_OS] = (char *) "android";
	check(shape_user(user) == ECAPI_SHAPED &&
		  platform_has_digest("\"gaid\":\"%s\"", "38400000-8cf0-11bd-b23e-10b96e40000d"), "of Android, as a digest");
	platform.options.own[ECAPI_TIKTOK_APP_OS] = (char *) "ios";
	platform.options.own[ECAPI_TIKTOK_DEVICE_IDS] = (char *) "clear";
	check(shape_user(user) == ECAPI_SHAPED &&
		  platform_has("\"idfa\":\"38400000-8CF0-11BD-B23E-10B96E40000D\""), "of iOS, clear where the owner says so");
	begin();
}

static void
test_event(void)
{
	check(platform_shape("{" HEAD ",'event_type':'purchase','source':'website','value':129.90,'currency_code':'eur',"
						 EMAIL ",'properties':{'page_url':'https://a.example/t','referrer':'https://b.example/',"
						 "'transaction_id':'42','search_term':'mug','ext':{'content_type':'product_group'},"
						 "'items':[{'id':'sku-1','name':'Mug','price':64.95,'quantity':2,'brand':'Acme','category':'Kitchen'},"
						 "{'name':'nameless'},{'id':'by weight','quantity':0.5,'price':'x'}]}}") == ECAPI_SHAPED, "a purchase");
	check(strncmp(platform.body.data, "{\"event\":\"Purchase\",\"event_time\":1790000000,\"event_id\":\"i\",\"user\":{",
				  64) == 0, "its head");
	check(platform_has("},\"page\":{\"url\":\"https://a.example/t\",\"referrer\":\"https://b.example/\"},"
					   "\"properties\":{\"value\":129.90,\"currency\":\"EUR\",\"order_id\":\"42\",\"query\":\"mug\","
					   "\"contents\":[{\"content_id\":\"sku-1\",\"content_name\":\"Mug\",\"content_category\":\"Kitchen\","
					   "\"brand\":\"Acme\",\"price\":64.95,\"quantity\":2},{\"content_id\":\"by weight\"}],"
					   "\"content_type\":\"product_group\"}}"), "its page and properties");
	check(platform_shape("{" HEAD ",'event_type':'login','source':'app'," EMAIL "}") == ECAPI_SHAPED &&
		  platform_has("\"app\":{\"app_id\":\"123\"}") && !platform_has("properties"), "an app's event has its app");
	check(platform_shape("{" HEAD ",'event_type':'qualify_lead','source':'other','ext':{'lead':{'lead_id':'9'}},"
						 "'properties':{'lead_source':'fair'}}") == ECAPI_SHAPED &&
		  platform_has("\"lead\":{\"lead_id\":\"9\",\"lead_event_source\":\"fair\"}"), "a lead is told by its id");
	check(platform_shape_items(HEAD ",'event_type':'contact','source':'chat'," EMAIL, 10000) == ECAPI_SHAPED &&
		  platform_has("\"num_items\":20000"), "10,000 items");
	platform.options.targets[ECAPI_EVENT_subscribe] = (char *) "Purchase";
	check(platform_shape("{" WEB ",'event_type':'subscribe'}") == ECAPI_UNFIT, "a target needs what its name needs");
	begin();
}

/* ---- limited data use ---- */

#define LIMITED(user, rest) "{" HEAD ",'event_type':'contact'," PAGE "," rest \
	"'user_data':{'email_address':'a@example.com','mmt_only':true" user "}}"
#define ADDRESS	",'event_ip_address':'198.51.100.7'"

static void
test_limited(void)
{
	char		json[500];
	static const struct
	{
		const char *address;
		bool		public;
	}			cases[] = {
		{"198.51.100.7", true}, {"8.8.8.8", true}, {"172.32.0.1", true}, {"100.128.0.1", true},
		{"2001:db8::7", true}, {"::ffff:8.8.8.8", true},
		{"10.0.0.1", false}, {"172.16.0.1", false}, {"172.31.255.255", false}, {"192.168.1.1", false},
		{"127.0.0.1", false}, {"169.254.1.1", false}, {"100.64.0.1", false}, {"100.127.0.1", false},
		{"0.0.0.0", false}, {"224.0.0.1", false}, {"255.255.255.255", false}, {"::1", false}, {"::", false},
		{"fe80::1", false}, {"fc00::1", false}, {"ff02::1", false}, {"::ffff:10.0.0.1", false},
		{"nowhere", false}, {"", false}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		check(ecapi_scan_ip_is_public(cases[i].address, strlen(cases[i].address)) == cases[i].public,
			  cases[i].address);
		snprintf(json, sizeof(json), LIMITED(",'event_ip_address':'%s'", ""), cases[i].address);
		check(platform_shape(json) == (cases[i].public ? ECAPI_SHAPED : ECAPI_FILTERED) &&
			  platform_has("\"limited_data_use\":true") == cases[i].public, "decides about the flag");
	}
	check_text(platform.reason, "limited_data_use", "without it, it is held back");
	check(platform_shape(LIMITED(ADDRESS, "'source':'chat',")) == ECAPI_FILTERED, "so is what is not of web and app");
	platform.options.own[ECAPI_TIKTOK_LIMITED_DATA_USE] = (char *) "mmt_only";
	check(platform_shape(LIMITED("", "")) == ECAPI_SHAPED && !platform_has("limited"), "unless the owner says otherwise");
	check(platform_shape(LIMITED(ADDRESS, "")) == ECAPI_SHAPED && platform_has("limited"), "where it can, it has the flag");
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_SHAPED && !platform_has("limited"), "others have none");
	platform.options.terms.restricted = true;
	check(platform_shape(LIMITED(ADDRESS, "'source':'physical_store',")) == ECAPI_FILTERED,
		  "what consent lets pass in that mode alone never leaves without the flag");
	check_text(platform.reason, "limited_data_use", "for that reason");
	check(platform_shape(LIMITED(ADDRESS, "")) == ECAPI_SHAPED && platform_has("limited"), "but with it");
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_SHAPED, "others are free");
	platform.options.terms.restricted = false;
	platform.options.own[ECAPI_TIKTOK_LIMITED_DATA_USE] = (char *) "all";
	check(platform_shape("{" WEB ",'event_type':'login'}") == ECAPI_FILTERED, "where all must have it, so must they");
	begin();
}

/* ---- options ---- */

static void
test_options(void)
{
	static const char *const good[] = {"web=C1", "offline=71", "offline = 71 , crm=2", " app=1"};
	static const char *const wrong[] = {"", "shop=1", "web", "web=", "web=1,", "web=1,,app=2", "web=1 2", "web=1,web=1",
	"web=a-b", "web=1;app=2", "=1", "WEB=1", "offline=1234567890123456789012345678901234567890123456789012345678901234x"};
	const EcapiFormat *format = &ecapi_format_tiktok;

	for (size_t i = 0; i < lengthof(good); i++)
		check(platform_takes(ECAPI_TIKTOK_EVENT_SOURCE_IDS, good[i]), good[i]);
	for (size_t i = 0; i < lengthof(wrong); i++)
		check(!platform_takes(ECAPI_TIKTOK_EVENT_SOURCE_IDS, wrong[i]), wrong[i]);
	check(platform_takes(ECAPI_TIKTOK_TEST_EVENT_CODE, "TEST12345") &&
		  !platform_takes(ECAPI_TIKTOK_TEST_EVENT_CODE, "TEST 1") &&
		  !platform_takes(ECAPI_TIKTOK_TEST_EVENT_CODE, "T23456789012345678901234567890123"), "codes of tests");
	check(platform_takes(ECAPI_TIKTOK_APP_ID, "com.example.app") && !platform_takes(ECAPI_TIKTOK_APP_ID, "a/b"), "apps");
	check(!platform_takes(ECAPI_TIKTOK_EXTERNAL_ID_CASE, "upper") && !platform_takes(ECAPI_TIKTOK_DEVICE_IDS, "md5") &&
		  !platform_takes(ECAPI_TIKTOK_LIMITED_DATA_USE, "no"), "words");

	check_text(platform_problem(), NULL, "all that there is");
	platform.options.own[ECAPI_TIKTOK_APP_ID] = NULL;
	check_text(platform_problem(), "event_source_ids names an app, and option \"app_id\" is missing", "an app without its id");
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = NULL;
	check_text(platform_problem(), NULL, "the least there is");
	platform.options.data_set_id = (char *) "C4-1";
	check_text(platform_problem(), "option \"data_set_id\" is none of TikTok's", "another's pixel");
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "no source at all");
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = (char *) "offline=71";
	check_text(platform_problem(), NULL, "no website");
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = (char *) "web=C4A2";
	platform.options.data_set_id = (char *) "C4A1";
	check_text(platform_problem(), "options \"data_set_id\" and \"event_source_ids\" name two pixels", "two pixels");
	platform.options.own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = (char *) "web=C4A1";
	check_text(platform_problem(), NULL, "one that is given twice");
	platform.options.mode = ECAPI_MODE_TEST;
	check_text(platform_problem(), "mode 'test' needs the option \"test_event_code\"", "test mode without a code");
	begin();
	check(ecapi_format_default_age(format) == 7 * 86400 - 600 && format->max_age_s == 28 * 86400 - 600,
		  "seven days, and up to 28 where the owner says so");
}

/* ---- a request ---- */

#define STORE	"{" HEAD ",'event_type':'contact','source':'physical_store'," EMAIL "}"

static void
test_request(void)
{
	EcapiBody	body = {.shape = platform_shape_of()};
	EcapiArena	arena;
	const EcapiValue *web;
	const EcapiValue *store;
	uint64_t	key;

	ecapi_arena_init(&arena, unit_grab, NULL);
	web = unit_json(&arena, "{" WEB ",'event_type':'login'}");
	store = unit_json(&arena, STORE);
	check(ecapi_format_tiktok.key(&platform.options, web, &key) && key == ECAPI_TIKTOK_WEB &&
		  ecapi_format_tiktok.key(&platform.options, store, &key) && key == ECAPI_TIKTOK_OFFLINE, "sources share no request");
	ecapi_buffer_init(&body.buffer, 4096, unit_resize, NULL);
	body.shape.key = ECAPI_TIKTOK_OFFLINE;
	platform.options.mode = ECAPI_MODE_TEST;
	platform.options.own[ECAPI_TIKTOK_TEST_EVENT_CODE] = (char *) "TEST1";
	ecapi_format_tiktok.open(&body.shape, &body.buffer);
	ecapi_format_tiktok.close(&body.shape, &body.buffer);
	check_text(body.buffer.data, "{\"data\":[],\"event_source\":\"offline\",\"event_source_id\":\"71\","
			   "\"test_event_code\":\"TEST1\"}", "what stands once");
	free(body.buffer.data);
	begin();

	check(platform_request("{" WEB ",'event_type':'login'}", 2, "tok"), "a request");
	check_text(platform.outgoing.url, "https://business-api.tiktok.com/open_api/v1.3/event/track/", "where it goes");
	check(platform_has_header("Access-Token: tok") && !platform_has_header("Authorization: Bearer tok") &&
		  platform.outgoing.nsecrets > 0 && !platform_has("tok"), "the token is in a header of its own");
	check(platform_has("],\"event_source\":\"web\",\"event_source_id\":\"C4A1\"}") && !platform_has("test_event_code"),
		  "the pixel is data_set_id");
	check(!platform_request("{" WEB ",'event_type':'login'}", 1, NULL), "without a token nothing is sent");
}

/* ---- answers ---- */

#define ANSWER(code, message) "{\"code\":" #code ",\"message\":\"" message "\",\"request_id\":\"r\",\"data\":{}}"

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
		int			named;		/* the event that is named; -1: none */
	}			cases[] = {
		{200, ANSWER(0, "OK"), ECAPI_DELIVERED, false, false, -1},
		{500, ANSWER(0, "OK"), ECAPI_RETRY, false, true, -1},
		{200, "{\"code\":0,\"message\":\"OK\"}", ECAPI_RETRY, false, false, -1},
		{200, "{\"code\":\"0\",\"message\":\"OK\",\"request_id\":\"r\"}", ECAPI_RETRY, false, false, -1},
		{200, ANSWER(20001, "Partial success"), ECAPI_DELIVERED, false, false, -1},
		{200, ANSWER(20001, "Batch.2.event: no"), ECAPI_DELIVERED, false, false, 2},
		{200, ANSWER(40001, "No permission"), ECAPI_STOP, true, false, -1},
		{200, ANSWER(40104, "Access token is empty"), ECAPI_STOP, true, false, -1},
		{200, ANSWER(40105, "Access token is incorrect"), ECAPI_STOP, true, false, -1},
		{401, ANSWER(40105, "Access token is incorrect"), ECAPI_STOP, true, false, -1},
		{200, ANSWER(40100, "Too many requests"), ECAPI_RETRY, false, false, -1},
		{200, ANSWER(50000, "System error"), ECAPI_RETRY, false, false, -1},
		{200, ANSWER(51234, "System error"), ECAPI_RETRY, false, false, -1},
		{200, ANSWER(40777, "?"), ECAPI_RETRY, false, true, -1},
		{200, ANSWER(40002, "Batch.1.properties.contents.0.content_id: Not a valid string"), ECAPI_REJECTED, false, false, 1},
		{200, ANSWER(40000, "data.0.user: wrong"), ECAPI_REJECTED, false, false, 0},
		{200, ANSWER(40002, "data[2].event_time: wrong"), ECAPI_REJECTED, false, false, 2},
		{200, ANSWER(40002, "One or more events are not valid."), ECAPI_REJECTED, false, false, -1},
		{200, ANSWER(40002, "Batch.3.event: wrong"), ECAPI_REJECTED, false, false, -1},
		{200, ANSWER(40002, "Batch.1.event: a, Batch.9.event: b"), ECAPI_REJECTED, false, false, -1},
		{200, ANSWER(40002, "Batch.99999999999.event: wrong"), ECAPI_REJECTED, false, false, -1},
		{200, ANSWER(40002, "page.url: https://x/data.1.html is wrong"), ECAPI_REJECTED, false, false, -1},
		{200, ANSWER(40002, "event_source_id: unknown"), ECAPI_STOP, false, false, -1},
		{503, "Service Unavailable", ECAPI_RETRY, false, false, -1},
		{413, "", ECAPI_TOO_LARGE, false, false, -1},
		{404, "", ECAPI_STOP, false, false, -1}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		EcapiJudgement judgement = platform_judge(cases[i].status, cases[i].body, 3);

		check(judgement.verdict == cases[i].verdict && judgement.credential == cases[i].credential &&
			  judgement.suspicious == cases[i].suspicious &&
			  (cases[i].named < 0 ? judgement.nnamed == 0 : judgement.nnamed == 1 &&
			   judgement.named[0].index == cases[i].named &&
			   judgement.named[0].outcome == ECAPI_NAMED_REJECTED), cases[i].body);
	}
	check(platform_judge(200, ANSWER(40100, "Too many"), 3).retry_after_ms == 7000, "as late as the answer says");
	check(platform_judge(200, ANSWER(20001, "Partial"), 3).warnings == 1, "a part is a warning");
	check(platform_judge(200, ANSWER(40002, "Batch.0.event: a, Batch.2.event: b"), 3).nnamed == 2, "two are named");
	platform_check_strangers("{\"code\":0,\"message\":\"OK\",\"request_id\":\"1\"}", 3);
	platform_check_poor_judge(200, ANSWER(40002, "Batch.1.event: wrong"), 3);
}

/* Of a message, names of the format alone. */
static void
test_words(void)
{
	static const struct
	{
		const char *message;
		const char *words;
	}			cases[] = {
		{"Batch.1.properties.contents.0.content_id: Not a valid string",
		"invalid parameter (code 40002): properties.contents.0.content_id"},
		{"Batch.1.user.ann@example.com: wrong", "invalid parameter (code 40002): user"},
		{"Batch.1.ann: wrong", "invalid parameter (code 40002)"},
		{"Batch.1.49711123456: wrong", "invalid parameter (code 40002)"},
		{"Batch.1", "invalid parameter (code 40002)"},
		{"Batch.1.", "invalid parameter (code 40002)"}
	};
	EcapiJudgement judgement;
	EcapiArena	arena;
	char		text[1000];

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		snprintf(text, sizeof(text), "{\"code\":40002,\"message\":\"%s\",\"request_id\":\"r\"}", cases[i].message);
		judgement = platform_judge_in(&arena, 200, text, 3);
		check_text(judgement.nnamed == 1 ? judgement.named[0].words : "", cases[i].words, cases[i].message);
		check_text(judgement.words, "invalid parameter (code 40002)", "of the request");
	}
	judgement = platform_judge_in(&arena, 200, ANSWER(40002, "event_source_id: ann@example.com"), 3);
	check_text(judgement.words, "invalid parameter (code 40002): event_source_id", "what stands once is named");
	strcpy(text, "{\"code\":40002,\"request_id\":\"r\",\"message\":\"Batch.1");
	for (int i = 0; i < 60; i++)
		strcat(text, ".properties");
	judgement = platform_judge_in(&arena, 200, strcat(text, "\"}"), 3);
	check(strlen(judgement.named[0].words) <= ECAPI_WORDS_MAX, "words are bounded");
}

int
main(void)
{
	begin();
	test_fit();
	test_identifiers();
	test_user();
	test_device();
	test_event();
	test_limited();
	test_options();
	test_request();
	test_answers();
	test_words();
	return platform_done();
}

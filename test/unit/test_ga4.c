/*
 * test_ga4.c
 *	  The format "ga4": events for Analytics, which of them share a request, what is fit,
 *	  and what its answers mean.
 */
#include "platform.h"

#include <limits.h>

#include "destination/body.h"
#include "destination/ga4.h"

#define CLIENT	"'user_data':{'ext':{'click_ids':{'ga_client_id':'1.2'}}}"
#define HEAD	"'id':'i'," PLATFORM_AT "," CLIENT

static void
begin(void)
{
	platform_begin(&ecapi_format_ga4);
	platform.options.own[ECAPI_GA4_MEASUREMENT_ID] = (char *) "G-ABC123";
	platform.secrets[ECAPI_GA4_API_SECRET] = "s3cret/";
}

/* ---- options ---- */

static void
test_options(void)
{
	static const char *const wrong_ids[] = {"", "G-", "G-abc123", "UA-123456-1", "G-ABC 123", "123456789", "G-ABC-123"};

	for (size_t i = 0; i < lengthof(wrong_ids); i++)
		check(!platform_takes(ECAPI_GA4_MEASUREMENT_ID, wrong_ids[i]), "no measurement id");
	check(platform_takes(ECAPI_GA4_MEASUREMENT_ID, "G-ABC1234567"), "a measurement id");
	check(platform_takes(ECAPI_GA4_FIREBASE_APP_ID, "1:1234567890:android:321abc456def7890") &&
		  !platform_takes(ECAPI_GA4_FIREBASE_APP_ID, "com.example.app") &&
		  !platform_takes(ECAPI_GA4_FIREBASE_APP_ID, "1:2 3"), "the id of an app");
	check(!platform_takes(ECAPI_GA4_USER_ID, "plain") && platform_takes(ECAPI_GA4_USER_ID, "hashed"), "user_id");
	check(platform_problem() == NULL, "one stream");
	platform.options.own[ECAPI_GA4_FIREBASE_APP_ID] = (char *) "1:2:ios:3";
	check_text(platform_problem(), "both \"measurement_id\" and \"firebase_app_id\" are given", "two streams");
	platform.options.own[ECAPI_GA4_MEASUREMENT_ID] = NULL;
	check(platform_problem() == NULL, "an app's");
	platform.options.own[ECAPI_GA4_FIREBASE_APP_ID] = NULL;
	check_text(platform_problem(), "option \"measurement_id\" is missing", "none");
	begin();
	platform.options.targets[ECAPI_EVENT_sign_up] = (char *) "first_visit";
	check_text(platform_problem(), "event_types names \"sign_up\" by what is no name of an event: reserved event name",
			   "a name that Analytics keeps");
	begin();
}

/* ---- a request ---- */

static void
test_request(void)
{
	check(platform_request("{" HEAD ",'event_type':'login','properties':{'login_method':'passkey'}}", 2, NULL),
		  "a request");
	check_text(platform.body.data, "{\"client_id\":\"1.2\",\"timestamp_micros\":1790000000000000,\"events\":["
			   "{\"name\":\"login\",\"params\":{\"method\":\"passkey\"}},"
			   "{\"name\":\"login\",\"timestamp_micros\":1790000000000000,\"params\":{\"method\":\"passkey\"}}]}",
			   "the visitor once, the time of the first for all that have none");
	check_text(platform.outgoing.url, "https://www.google-analytics.com/mp/collect"
			   "?measurement_id=G-ABC123&api_secret=s3cret%2F", "the stream and the secret are in its URL");
	check(platform.outgoing.nsecrets == 1 && strcmp(platform.outgoing.secrets[0], "secret: s3cret/") == 0 &&
		  platform.outgoing.nheaders == 0, "the secret is hidden");
	platform.options.url = (char *) "https://region1.google-analytics.com";
	platform_request("{" HEAD ",'event_type':'login'}", 1, NULL);
	check_text(platform.outgoing.url, "https://region1.google-analytics.com/mp/collect"
			   "?measurement_id=G-ABC123&api_secret=s3cret%2F", "the servers of the European Union");
	begin();
	platform.options.mode = ECAPI_MODE_TEST;
	platform_request("{" HEAD ",'event_type':'login'}", 1, NULL);
	check(strstr(platform.outgoing.url, ".com/debug/mp/collect?measurement_id=") != NULL &&
		  platform_has("}}],\"validation_behavior\":\"RELAXED\"}"), "mode test validates");
	begin();
	platform.options.own[ECAPI_GA4_MEASUREMENT_ID] = NULL;
	platform.options.own[ECAPI_GA4_FIREBASE_APP_ID] = (char *) "1:2:ios:3";
	platform_request("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'ext':{'click_ids':"
					 "{'ga_client_id':'1.2','ga_app_instance_id':'0a1b'}}}}", 1, NULL);
	check(platform_has("{\"app_instance_id\":\"0a1b\",\"timestamp") && !platform_has("client_id") &&
		  strstr(platform.outgoing.url, "?firebase_app_id=1%3A2%3Aios%3A3&api_secret=") != NULL, "an app's request");
	platform_check_fit("{" HEAD ",'event_type':'login'}", "needs user_data.ext.click_ids.ga_app_instance_id");
	begin();
}

static uint64_t
key_of(const char *user_data)
{
	EcapiArena	arena;
	char		json[3000];
	uint64_t	key;

	ecapi_arena_init(&arena, unit_grab, NULL);
	snprintf(json, sizeof(json), "{'user_data':%s}", user_data);
	if (!ecapi_ga4_key(&platform.options, unit_json(&arena, json), &key))
		check(false, "a key");
	return key;
}

static void
test_key(void)
{
	static const char *const others[] = {
		"{}", "{'ext':{'click_ids':{'ga_client_id':'1.3'}}}", "{'ext':{'click_ids':{'ga_client_id':['1.2']}}}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'mmt_only':true}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'gpp_string':'DBABTA~1YNN'}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'gpp_string':'DBABTA~1YYN'}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'gpp_string':'DBABTA~1YYN','gpp_sid':[6]}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'},'consent':{'ad_user_data':true}}}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'},'consent':{'ad_user_data':false}}}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'},'user_properties':{'tier':'gold'}}}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'email_address':'a@example.com'}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'email_address':['a@example.com']}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'phone_numbers':'a@example.com'}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'address':{'city':'Ulm'}}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'address':[{},{'city':'Ulm'}]}",
		"{'ext':{'click_ids':{'ga_client_id':'1.2'}},'address':{'state':'Ulm'}}"
	};
	const char *same = "{'ext':{'click_ids':{'ga_client_id':'1.2'}}}";
	bool		apart = true;
	char		text[2600];

	for (size_t i = 0; i < lengthof(others); i++)
		for (size_t k = 0; k < i; k++)
			apart &= key_of(others[i]) != key_of(others[k]) && key_of(others[i]) != key_of(same);
	check(apart, "events of different visitors share no request");
	check(key_of(same) == key_of("{'gender':'f','ext':{'tier':1,'click_ids':{'ga_session_id':'7','ga_client_id':'1.2'}}}"),
		  "what does not leave with the visitor is no difference");
	check(key_of(same) == key_of("{'customer_identifier':'c','ext':{'click_ids':{'ga_client_id':'1.2'}}}"),
		  "nor is an id that does not leave");
	platform.options.own[ECAPI_GA4_USER_ID] = (char *) "hashed";
	check(key_of(same) != key_of("{'customer_identifier':'c','ext':{'click_ids':{'ga_client_id':'1.2'}}}"),
		  "but one that does is");
	snprintf(text, sizeof(text), "{'email_address':'%02500d'}", 1);
	apart = key_of(text) != 0;
	text[2510] = '2';
	check(apart && key_of(text) != key_of("{'email_address':'1'}"), "long values count to their end");
	begin();
}

/* Whether libcrypto has memory for the next digests; then it has none for good. */
static int	digests = INT_MAX;

extern bool __real_ecapi_sha256(const void *bytes, size_t len, char hex[ECAPI_HEX_SIZE]);
extern bool __wrap_ecapi_sha256(const void *bytes, size_t len, char hex[ECAPI_HEX_SIZE]);

bool
__wrap_ecapi_sha256(const void *bytes, size_t len, char hex[ECAPI_HEX_SIZE])
{
	return digests-- > 0 && __real_ecapi_sha256(bytes, len, hex);
}

/* An event whose visitor cannot be told from others for want of memory shares no request. */
static void
test_poor_key(void)
{
	EcapiBody	body = {.shape = platform_shape_of()};
	const EcapiValue *seen;
	const char *reason;
	EcapiArena	arena;
	char		json[3000];

	ecapi_arena_init(&arena, unit_grab, NULL);
	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'login'}");
	ecapi_buffer_init(&body.buffer, 0, unit_resize, NULL);
	ecapi_body_open(&body);
	check(ecapi_body_add(&body, &arena, unit_json(&arena, json), false, &seen, &reason) == ECAPI_SHAPED, "an event");
	/* a text longer than two blocks, for three digests */
	snprintf(json, sizeof(json), "{'id':'j'," PLATFORM_AT ",'event_type':'login','user_data':"
			 "{'gpp_string':'%02500d','ext':{'click_ids':{'ga_client_id':'1.2'}}}}", 7);
	for (int i = 0; i < 3; i++)
	{
		digests = i;
		check(ecapi_body_add(&body, &arena, unit_json(&arena, json), false, &seen, &reason) == ECAPI_BODY_NO_MEMORY &&
			  body.shape.events == 1, "without memory for its visitor it is not taken");
		digests = INT_MAX;
	}
	check(ecapi_body_add(&body, &arena, unit_json(&arena, json), false, &seen, &reason) == ECAPI_BODY_OTHER_KEY,
		  "with it, it is another's");
	free(body.buffer.data);
}

/* ---- the visitor ---- */

static void
test_visitor(void)
{
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'customer_identifier':'Cust-42',"
				   "'email_address':['Ann.B@gmail.com','x'],'phone_numbers':'+1 212 555 0000',"
				   "'address':[{'first_name':'Ann','last_name':'Berg','street':'1 Main St.','city':'Ulm','state':'BW',"
				   "'country_code':'de','postal_code':'89073 '},{'address_type':1},{'city':'Bonn'}],"
				   "'event_ip_address':'192.0.2.1','mmt_only':true,'event_user_agent':'A',"
				   "'ext':{'click_ids':{'ga_client_id':'1.2'},'consent':{'ad_user_data':true,'ad_personalization':true},"
				   "'user_properties':{'tier':'gold','ltv':250.5,'ga_x':'y','list':[1],"
				   "'a_name_that_is_far_too_long':'v'}}}}");
	check(platform_has_digest("\"user_data\":{\"sha256_email_address\":[\"%s\"]", "annb@gmail.com"),
		  "addresses of Gmail without dots");
	check(platform_has_digest("\"sha256_phone_number\":[\"%s\"]", "+12125550000"), "numbers with a plus");
	check(platform_has_digest("\"address\":[{\"sha256_first_name\":\"%s\"", "ann") &&
		  platform_has_digest("\"sha256_street\":\"%s\",\"city\":\"ulm\",\"region\":\"bw\",\"postal_code\":\"89073\","
							  "\"country\":\"DE\"},{\"city\":\"bonn\"}]}", "1 main st"), "an address as one object");
	check(platform_has("\"user_properties\":{\"tier\":{\"value\":\"gold\"},\"ltv\":{\"value\":250.5}},"),
		  "user properties that have a good name");
	check(platform_has("\"consent\":{\"ad_user_data\":\"GRANTED\",\"ad_personalization\":\"DENIED\"},"),
		  "measurement only denies personalization");
	check(platform_has("\"ip_override\":\"192.0.2.1\"") && !platform_has("Cust-42") && !platform_has("user_id"),
		  "no user_id, unless an option says so");
	check_text(platform.left_out, "user_data.email_address no_certain_form", "what has no form is told");

	platform.options.own[ECAPI_GA4_USER_ID] = (char *) "clear";
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'customer_identifier':'Cust-42',"
				   "'ext':{'click_ids':{'ga_client_id':'1.2'}}}}");
	check(platform_has("\"user_id\":\"Cust-42\""), "user_id as it is");
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'customer_identifier':'ann@example.com',"
				   "'ext':{'click_ids':{'ga_client_id':'1.2'}}}}");
	check(!platform_has("user_id") && !platform_has("ann@"), "never an email address");
	platform.options.own[ECAPI_GA4_USER_ID] = (char *) "hashed";
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'customer_identifier':' Cust-42',"
				   "'ext':{'click_ids':{'ga_client_id':'1.2'}}}}");
	check(platform_has_digest("\"user_id\":\"%s\"", "cust-42"), "or its digest");
	begin();
}

/* ---- an event ---- */

static void
test_event(void)
{
	char		json[5000];

	platform_shape("{'id':'o-1'," PLATFORM_AT ",'event_type':'purchase','value':0.10,'currency_code':'eur',"
				   "'user_data':{'ext':{'click_ids':{'ga_client_id':'1.2','ga_session_id':'1789990000'}}},"
				   "'properties':{'coupon':['A','B'],'payment_type':['card'],'tax':1.50,"
				   "'items':[{'id':'s','name':'Mug','price':64.95,'quantity':2,'item_coupon':'C'},{'price':1},'x',{'name':'N'}],"
				   "'ext':{'season':'autumn','value':7,'_hidden':1,'deep':{'a':1}}}}");
	check_text(strstr(platform.body.data, "\"events\""), "\"events\":[{\"name\":\"purchase\",\"params\":{"
			   "\"transaction_id\":\"o-1\",\"value\":0.10,\"currency\":\"EUR\","
			   "\"items\":[{\"item_id\":\"s\",\"price\":64.95,\"quantity\":2,\"item_name\":\"Mug\",\"coupon\":\"C\"},"
			   "{\"item_name\":\"N\"}],\"session_id\":\"1789990000\",\"engagement_time_msec\":1,\"coupon\":\"A\","
			   "\"season\":\"autumn\",\"tax\":1.50,\"payment_type\":\"card\"}}",
			   "a purchase; without an order's number its id stands for it");
	platform_shape("{'id':'o-1'," PLATFORM_AT ",'event_type':'login','user_data':{'ext':{'click_ids':"
				   "{'ga_client_id':'1.2','ga_session_id':'1789000000'}}}}");
	check(!platform_has("session_id") && !platform_has("transaction_id"), "a session that is over, an order of none");
	platform_shape("{'id':'o-1'," PLATFORM_AT ",'event_type':'login','user_data':{'ext':{'click_ids':"
				   "{'ga_client_id':'1.2','ga_session_id':1790000001}}}}");
	check(!platform_has("session_id"), "a session to come");
	platform_shape("{" HEAD ",'event_type':'disqualify_lead','properties':{'lead_reason':'r'}}");
	check(platform_has("{\"disqualified_lead_reason\":\"r\"}"), "a reason");

	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'login','properties':{'group_id':'%099d\xc3\xa9\xc3\xa9',"
			 "'page_url':'https://a.example/%01000d'}}", 1, 3);
	platform_shape(json);
	check(platform_has("1\xc3\xa9\",") && !platform_has("\xc3\xa9\xc3\xa9") && platform_has("https://a.example/000") &&
		  !platform_has("3\""), "texts are cut between characters");
	check(platform_shape_items(HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR'", 10000) == ECAPI_SHAPED &&
		  platform_has("\"sku-199\"") && !platform_has("\"sku-200\""), "200 of 10,000 items");
	check(ecapi_format_ga4.off_by_default == (UINT64_C(1) << ECAPI_EVENT_refund | UINT64_C(1) << ECAPI_EVENT_page_view |
											  UINT64_C(1) << ECAPI_EVENT_ad_impression), "what is off by default");
}

/* An event with more parameters than Analytics takes. */
static void
test_many_parameters(void)
{
	char		json[5000];
	int			len = snprintf(json, sizeof(json), "{" HEAD ",'event_type':'login','properties':{'ext':{'p':0");
	int			n = 0;

	for (int i = 0; i < 40; i++)
		len += snprintf(json + len, sizeof(json) - (size_t) len, ",'p%d':%d", i, i);
	snprintf(json + len, sizeof(json) - (size_t) len, "}}}");
	platform_shape(json);
	for (const char *at = platform.body.data; (at = strstr(at, "\"p")) != NULL; at++)
		n++;
	check(n == 25 + 1, "25 parameters");
}

static void
test_fit(void)
{
	char		json[1000];

	platform_check_fit("'none'", "not an object");
	platform_check_fit("{" HEAD "}", "event_type missing");
	platform_check_fit("{" HEAD ",'event_type':'nosuch'}", "event_type unknown");
	platform_check_fit("{" CLIENT ",'event_type':'login'}", "timestamp missing");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login'}", "needs user_data.ext.click_ids.ga_client_id");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'ext':{'click_ids':{'ga_client_id':'a b'}}}}",
					   "needs user_data.ext.click_ids.ga_client_id");
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" HEAD ",'event_type':'custom','custom_event':'session_start'}", "reserved event name");
	platform_check_fit("{" HEAD ",'event_type':'custom','custom_event':'Quiz finished'}", "event name not valid");
	platform_check_fit("{" HEAD ",'event_type':'ad_impression'}", "reserved event name");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown");
	platform_check_fit("{" HEAD ",'event_type':'spend_virtual_currency','value':10,'properties':{'virtual_currency_name':'gem'}}", NULL);
	check(platform_has("\"value\":10,\"virtual_currency_name\":\"gem\""), "an amount of a currency without a code");
	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'purchase','properties':{'transaction_id':'%0101d'}}", 1);
	platform_check_fit(json, "transaction_id too long");
}

/* ---- answers ---- */

#define SENT	"{\"client_id\":\"1.2\",\"events\":[{\"name\":\"purchase\",\"params\":{\"transaction_id\":\"1\"}}," \
	"{\"name\":\"login\",\"params\":{}},{\"name\":\"purchase\",\"params\":{}}]}"

/* Where those that must not be sent again are the second and the third. */
static bool
is_unsure(const EcapiJudgement *j)
{
	return j->verdict == ECAPI_RETRY && !j->suspicious && j->nnamed == 2 &&
		j->named[0].index == 1 && j->named[0].outcome == ECAPI_NAMED_UNSURE &&
		j->named[1].index == 2 && j->named[1].outcome == ECAPI_NAMED_UNSURE;
}

static EcapiJudgement
judge_lost(EcapiTransport transport, int nevents)
{
	EcapiAnswer answer = {.transport = transport, .retry_after_ms = -1, .sent = platform.sent,
		.sent_len = strlen(platform.sent)};
	EcapiJudgement judgement = {.retry_after_ms = -1};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_ga4_judge(&answer, nevents, &arena, &judgement);
	return judgement;
}

static void
test_answers(void)
{
	static const char *const any[] = {"", "GIF89a", "{\"error\":1}", "{\"validationMessages\":[{}]}", "\xff"};
	EcapiJudgement j;

	platform.sent = SENT;
	for (size_t i = 0; i < lengthof(any); i++)
	{
		j = platform_judge(i == 0 ? 204 : 200, any[i], 3);
		check(platform_is_success(&j), "Analytics takes whatever arrives");
	}
	j = platform_judge(500, "", 3);
	check(is_unsure(&j), "a server's error: purchases go again, the rest may have arrived");
	j = platform_judge(502, "<html>", 3);
	check(is_unsure(&j), "a gateway's, too");
	j = judge_lost(ECAPI_TRANSPORT_BROKEN, 3);
	check(is_unsure(&j), "and no answer");
	j = judge_lost(ECAPI_TRANSPORT_REFUSED, 3);
	check(j.verdict == ECAPI_RETRY && j.nnamed == 0, "without a connection nothing arrived");
	j = platform_judge(429, "", 3);
	check(j.verdict == ECAPI_RETRY && j.nnamed == 0 && j.retry_after_ms == 7000, "nor where it was asked too often");
	j = platform_judge(503, "", 3);
	check(is_unsure(&j) && j.retry_after_ms == 7000, "a server that is busy may have begun");
	j = platform_judge(404, "", 3);
	check(j.verdict == ECAPI_STOP, "a wrong url");
	j = platform_judge(413, "", 3);
	check(j.verdict == ECAPI_TOO_LARGE, "too large");
	platform.sent = "{\"events\":[{\"name\":\"purchase\",\"params\":{\"transaction_id\":\"1\"}}]}";
	j = judge_lost(ECAPI_TRANSPORT_BROKEN, 1);
	check(j.verdict == ECAPI_RETRY && j.nnamed == 0 && j.suspicious, "purchases alone go again");
	platform.sent = "{\"events\":[{\"name\":\"purchase\"";
	j = judge_lost(ECAPI_TRANSPORT_BROKEN, 2);
	check(j.nnamed == 2, "of what cannot be read nothing goes again");
	begin();
}

static void
test_validation(void)
{
	EcapiJudgement j;

	platform.sent = "{\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"validation_behavior\":\"RELAXED\"}";
	j = platform_judge(200, "{\"validationMessages\":[{\"description\":\"Event at index: [1] has invalid name [ann@example.com].\","
					   "\"validationCode\":\"NAME_INVALID\"}]}", 2);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 1 && j.named[0].index == 1 &&
		  j.named[0].outcome == ECAPI_NAMED_REJECTED, "a message names its event");
	check_text(j.named[0].words, "NAME_INVALID", "by its code, without what it quotes");
	j = platform_judge(200, "{\"validationMessages\":[{\"description\":\"ann@example.com\",\"validationCode\":\"ann@example.com\"}]}", 2);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0 && strchr(j.words, '@') == NULL, "one that names none");
	j = platform_judge(200, "{\"validationMessages\":[{\"description\":\"Event at index: [7] \",\"validationCode\":\"X\"}]}", 2);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "one of another request");
	j = platform_judge(200, "{\"validationMessages\":[{\"description\":\"Event at index: [99999999999] \"}]}", 2);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "one of no place");
	j = judge_lost(ECAPI_TRANSPORT_BROKEN, 2);
	check(j.verdict == ECAPI_RETRY && j.nnamed == 0, "what is validated alone goes again");
	platform_check_strangers("{\"validationMessages\":[]}", 2);
	platform_check_poor_judge(200, "{\"validationMessages\":[{\"description\":\"at index: [1]\",\"validationCode\":\"X\"}]}", 2);
	/* a parameter of that name makes no validation of a request */
	platform.sent = "{\"events\":[{\"name\":\"a\",\"params\":{\"items\":[],\"validation_behavior\":\"RELAXED\"}}]}";
	j = platform_judge(200, "", 1);
	check(platform_is_success(&j), "an event's own parameter is none of the request's");
	begin();
}

/* ---- repeats ---- */

/* Seconds for which Analytics knows an event of these members again. */
static int
dedupe_limit(const char *members)
{
	char		json[500];
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	snprintf(json, sizeof(json), "{" HEAD "%s}", members);
	return ecapi_format_ga4.dedupe_limit(&platform.options, unit_json(&arena, json));
}

static void
test_repeats(void)
{
	begin();
	check(dedupe_limit(",'event_type':'purchase','properties':{'transaction_id':'7'}") == ecapi_format_ga4.dedupe_s,
		  "a purchase is known by its order");
	check(dedupe_limit(",'event_type':'login','properties':{'transaction_id':'7'}") == 0,
		  "no other event is known again");
	check(dedupe_limit(",'event_type':'custom'") == 0, "nor is what cannot be sent");
}

int
main(void)
{
	begin();
	test_options();
	test_request();
	test_key();
	test_poor_key();
	test_visitor();
	test_event();
	test_many_parameters();
	test_fit();
	test_answers();
	test_validation();
	test_repeats();
	return platform_done();
}

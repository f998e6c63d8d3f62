/*
 * test_openai.c
 *	  The format "openai": events in OpenAI's shape, what is fit for it, its answers.
 */
#include "platform.h"

#include "destination/openai.h"

#define EMAIL	"'user_data':{'email_address':'ann@example.com'}"
#define HEAD	"'id':'i'," PLATFORM_AT "," EMAIL

static void
begin(void)
{
	platform_begin(&ecapi_format_openai);
	platform.options.data_set_id = (char *) "KBHCVX1dYePA";
}

/* Event types by name, and those that are sent under names of their own. */
static void
test_names(void)
{
	static const char *const names[][3] = {
		{"purchase", "order_created", "contents"}, {"add_to_cart", "items_added", "contents"},
		{"begin_checkout", "checkout_started", "contents"}, {"viewed_item", "contents_viewed", "contents"},
		{"page_view", "page_viewed", "contents"}, {"generate_lead", "lead_created", "customer_action"},
		{"sign_up", "registration_completed", "customer_action"},
		{"schedule", "appointment_scheduled", "customer_action"}, {"install", "app_installed", "customer_action"},
		{"subscribe", "subscription_created", "plan_enrollment"}, {"start_trial", "trial_started", "plan_enrollment"}
	};
	int			listed = 0;
	char		json[500];
	char		wanted[200];
	bool		own = true;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = ecapi_event_type_name(type);
		size_t		i = 0;

		while (i < lengthof(names) && strcmp(names[i][0], name) != 0)
			i++;
		snprintf(json, sizeof(json), "{" HEAD ",'event_type':'%s','custom_event':'quiz_finished'}", name);
		if (i < lengthof(names))
		{
			listed++;
			snprintf(wanted, sizeof(wanted), "\"data\":{\"type\":\"%s\"}}", names[i][2]);
			check(platform_shape(json) == ECAPI_SHAPED && platform_has(wanted), name);
			snprintf(wanted, sizeof(wanted), "{\"id\":\"i\",\"type\":\"%s\",\"timestamp_ms\":1790000000000,"
					 "\"action_source\":\"other\",", names[i][1]);
		}
		else
			snprintf(wanted, sizeof(wanted), "\"type\":\"custom\",\"custom_event_name\":\"%s\",",
					 type == ECAPI_EVENT_custom ? "quiz_finished" : name);
		own &= platform_shape(json) == ECAPI_SHAPED && platform_has(wanted);
	}
	check(own && listed == (int) lengthof(names), "every event type has a name");
	check(ecapi_format_openai.off_by_default == UINT64_C(1) << ECAPI_EVENT_refund, "a refund alone is off by default");
	platform.options.targets[ECAPI_EVENT_login] = (char *) "app_opened";
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(platform_has("\"type\":\"app_opened\"") && !platform_has("custom_event"), "a name of OpenAI's");
	platform.options.targets[ECAPI_EVENT_login] = (char *) "Come-back";
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(platform_has("\"type\":\"custom\",\"custom_event_name\":\"Come-back\""), "a name of the owner's");
	begin();
}

static void
test_request(void)
{
	check(platform_request("{'id':'o-1'," PLATFORM_AT ",'event_type':'purchase','value':129.90,'currency_code':'eur',"
						   "'user_data':{'email_address':[' Ann@Example.com'],'customer_identifier':' Cust-42 ','uids':[{'id':'u'}],"
						   "'address':{'city':'San Francisco','country_code':'US','postal_code':'94107'},'mmt_only':true,"
						   "'event_ip_address':'203.0.113.1','event_user_agent':'A',"
						   "'ext':{'click_ids':{'oppref':'op+1/=','obref':'ob'}}},"
						   "'properties':{'page_url':'https://shop.example/thanks','items':[{'id':'s','name':'Mug','price':64.95,"
						   "'quantity':2},{'id':'t','price':0.333,'quantity':1.5},{'name':'no id'}]}}", 2, "sk-1"), "a request");
	check(strncmp(platform.body.data, "{\"events\":[{\"id\":\"o-1\",", 23) == 0 &&
		  strcmp(platform.body.data + platform.body.len - 4, "}}]}") == 0, "its frame");
	check(platform_has("\"type\":\"order_created\",\"timestamp_ms\":1790000000000,\"action_source\":\"web\","
					   "\"source_url\":\"https://shop.example/thanks\",\"opt_out\":true,\"oppref\":\"op+1/=\",\"user\":{"),
		  "milliseconds, the page, the click");
	check(platform_has_digest("\"email_sha256\":\"%s\"", "ann@example.com") &&
		  platform_has_digest("\"external_id_sha256\":\"%s\"", "Cust-42"), "ids keep their letter case");
	check(platform_has("\"country\":\"US\",\"city\":\"San Francisco\",\"zip_code\":\"94107\",\"obref\":\"ob\","
					   "\"ip_address\":\"203.0.113.1\",\"user_agent\":\"A\"}"), "what leaves clear");
	check(platform_has("\"data\":{\"type\":\"contents\",\"amount\":12990,\"currency\":\"EUR\",\"contents\":["
					   "{\"id\":\"s\",\"name\":\"Mug\",\"quantity\":2,\"amount\":6495,\"currency\":\"EUR\"},{\"id\":\"t\"}]}"),
		  "amounts in cents; a price of fractions and half an item stay out");
	check_text(platform.outgoing.url, "https://bzr.openai.com/v1/events?pid=KBHCVX1dYePA", "the pixel is in the URL");
	check(platform_has_header("Authorization: Bearer sk-1"), "the key in a header");
	platform.options.mode = ECAPI_MODE_TEST;
	platform_request("{" HEAD ",'event_type':'login'}", 1, "sk-1");
	check(platform_has("}],\"validate_only\":true}"), "mode test validates");
	begin();
	platform_shape("{" HEAD ",'event_type':'subscribe','properties':{'ext':{'plan_id':'gold'}}}");
	check(platform_has("{\"type\":\"plan_enrollment\",\"plan_id\":\"gold\"}"), "a plan");
}

static void
test_fit(void)
{
	platform_check_fit("'none'", "not an object");
	platform_check_fit("{" EMAIL ",'id':'i','event_type':'login'}", "timestamp missing");
	platform_check_fit("{" EMAIL "," PLATFORM_AT ",'event_type':'login'}", "id missing");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login'}", "no identifier");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'event_ip_address':'192.0.2.1',"
					   "'event_user_agent':'A','address':{'city':'Ulm'}}}", "no identifier");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'click_id':'a b'}}", "no identifier");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'click_id':'ann@example.com'}}", "no identifier");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'click_id':'op1'}}", NULL);
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'ext':{'click_ids':{'obref':'b'}}}}", NULL);
	platform_check_fit("{" HEAD ",'event_type':'login','source':'website'}", "source_url missing");
	platform_check_fit("{" HEAD ",'event_type':'login','source':'app'}", NULL);
	check(platform_has("\"action_source\":\"mobile_app\""), "an app's");
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" HEAD ",'event_type':'custom','custom_event':'quiz finished'}", "event name not valid");
	platform_check_fit("{" HEAD ",'event_type':'custom','custom_event':'_x'}", "event name not valid");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XAU'}",
					   "currency_code without a smallest unit");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':12.345,'currency_code':'EUR'}", "value not in the currency's units");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1.5,'currency_code':'JPY'}", "value not in the currency's units");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':-1,'currency_code':'EUR'}", "value not in the currency's units");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1e300,'currency_code':'EUR'}", "value not in the currency's units");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':100,'currency_code':'JPY'}", NULL);
	check(platform_has("\"amount\":100,\"currency\":\"JPY\""), "a currency without decimals");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1.234,'currency_code':'KWD'}", NULL);
	check(platform_has("\"amount\":1234,\"currency\":\"KWD\""), "a currency with three");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':12.500,'currency_code':'EUR'}", NULL);
	check(platform_has("\"amount\":1250,"), "zeros at the end are none");
	check(platform_shape_items(HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR'", 10000) == ECAPI_SHAPED &&
		  platform_has("\"sku-9999\"") && platform.body.len < ecapi_format_openai.max_body, "10,000 items");
	check(ecapi_format_openai.max_age_s == 7 * 86400 - 600 && ecapi_format_openai.future_s == 600, "seven days, ten minutes");
}

static void
test_options(void)
{
	static const char *const wrong[] = {"a b", "pixel/1", "p\xc3\xa9", "1?x"};

	check(platform_problem() == NULL, "a pixel");
	for (size_t i = 0; i < lengthof(wrong); i++)
	{
		platform.options.data_set_id = (char *) wrong[i];
		check_text(platform_problem(), "option \"data_set_id\" is none of OpenAI's", wrong[i]);
	}
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "none");
	begin();
	platform.options.targets[ECAPI_EVENT_login] = (char *) "a b";
	check_text(platform_problem(), "event_types names \"login\" by what is no name of an event", "a wrong name");
	begin();
}

static void
test_answers(void)
{
	static const char *const none[] = {"", " ", "[]", "null", "true", "OK", "<html>ok</html>", "{\"events_received\":", "\xff",
		"{\"error\":{\"message\":\"x\"}}", "{\"errors\":[]}", "{\"events_received\":2}"};
	EcapiJudgement j = platform_judge(200, "{\"events_received\":3}", 3);
	EcapiAnswer cut = {.transport = ECAPI_TRANSPORT_OK, .status = 200, .truncated = true, .body = "{}", .body_len = 2,
	.retry_after_ms = -1};
	EcapiArena	arena;

	check(platform_is_success(&j), "a success");
	for (size_t i = 0; i < lengthof(none); i++)
	{
		j = platform_judge(200, none[i], 3);
		check(j.verdict == ECAPI_RETRY && j.nnamed == 0, none[i]);
	}
	ecapi_arena_init(&arena, unit_grab, NULL);
	memset(&j, 0, sizeof(j));
	platform.format->judge(&cut, 3, &arena, &j);
	check(j.verdict == ECAPI_RETRY, "one that was too long to be kept");
	j = platform_judge(400, "{\"error\":{\"message\":\"Invalid event ann@example.com\",\"type\":\"invalid_request_error\",\"param\":\"events[1]\","
					   "\"code\":\"invalid_event\",\"errors\":[{\"message\":\"m\",\"param\":\"events[1].data.type\",\"code\":\"missing_event_data_type\"},"
					   "{\"param\":\"events[2].timestamp_ms\",\"code\":\"event_timestamp_too_old\"}]}}", 3);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 2 && j.named[0].index == 1 &&
		  j.named[0].outcome == ECAPI_NAMED_REJECTED && j.named[1].index == 2 &&
		  j.named[1].outcome == ECAPI_NAMED_EXPIRED, "events that are named");
	check_text(j.named[0].words, "missing_event_data_type: events[1].data.type", "by code and path");
	check(j.words != NULL && strstr(j.words, "ann") == NULL, "no message is kept");
	j = platform_judge(422, "{\"error\":{\"param\":\"events[0].timestamp_ms\",\"code\":\"event_timestamp_too_old\"}}", 1);
	check(j.nnamed == 1 && j.named[0].outcome == ECAPI_NAMED_EXPIRED, "one without a list");
	j = platform_judge(400, "{\"error\":{\"message\":\"m\",\"param\":null,\"code\":null}}", 3);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "an error about the request");
	j = platform_judge(400, "{\"error\":{\"param\":\"events[7]\",\"code\":\"c\"}}", 3);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0, "about another request");
	j = platform_judge(401, "{\"error\":{\"message\":\"Unauthorized\"}}", 3);
	check(j.verdict == ECAPI_STOP && j.credential, "a wrong key");
	j = platform_judge(403, "{\"error\":{\"message\":\"403: unknown pid\"}}", 3);
	check(j.verdict == ECAPI_STOP && !j.credential, "a wrong pixel");
	j = platform_judge(429, "{}", 3);
	check(j.verdict == ECAPI_RETRY && !j.suspicious && j.retry_after_ms == 7000, "too many requests");
	platform_check_poor_judge(400, "{\"error\":{\"errors\":[{\"param\":\"events[1]\",\"code\":\"c\"}]}}", 3);
}

int
main(void)
{
	begin();
	test_names();
	test_request();
	test_fit();
	test_options();
	test_answers();
	return platform_done();
}

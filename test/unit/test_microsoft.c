/*
 * test_microsoft.c
 *	  The format "microsoft": events in Microsoft's shape, what is fit for it, its answers.
 */
#include "platform.h"

#include "destination/microsoft.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT "," EMAIL

static void
begin(void)
{
	platform_begin(&ecapi_format_microsoft);
	platform.options.data_set_id = (char *) "187012345";
}

/* An event with that user_data and no more than it needs. */
static EcapiShaped
shape_user(const char *user_data)
{
	char		json[2000];

	snprintf(json, sizeof(json), "{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':%s}",
			 user_data);
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
		{"{" HEAD "}", "event_type missing"},
		{"{" HEAD ",'event_type':'custom'}", "custom_event missing"},
		{"{" EMAIL ",'event_type':'login'}", "timestamp missing"},
		{"{" PLATFORM_AT ",'event_type':'login'}", "no identifier"},
		{"{" HEAD ",'event_type':'page_view'}", "page_url missing"},
		{"{" HEAD ",'event_type':'page_view','properties':{'page_url':'/thanks'}}", "page_url missing"},
		{"{" HEAD ",'event_type':'page_view','properties':{'page_url':'https://a.example/'}}", NULL},
		{"{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing"},
		{"{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown"},
		{"{" HEAD ",'event_type':'purchase','value':1e999,'currency_code':'EUR'}", NULL},
		{"{" HEAD ",'event_type':'purchase'}", NULL},
		{"{" HEAD ",'event_type':'login','data_set_id':'187012345'}", NULL}
	};
	static const struct
	{
		const char *user_data;
		bool		fit;
	}			people[] = {
		{"{'event_ip_address':'192.0.2.1','event_user_agent':'Mozilla/5.0'}", false},
		{"{'gender':'f','address':{'first_name':'Ann','last_name':'Berg','city':'Ulm'}}", false},
		{"{'email_address':'nobody'}", false},
		{"{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}", false},
		{"{'click_id':'has blanks'}", false},
		{"{'click_id':'Cj0K','ext':{'click_ids':{'gclid':'Cj0K'}}}", false},
		{"{'phone_numbers':'+1 212 555 0000'}", true},
		{"{'customer_identifier':'c1'}", true},
		{"{'click_id':'b0a1c2d3e4f5061728394a5b6c7d8e9f'}", true},
		{"{'ext':{'click_ids':{'msclkid':'b0a1c2d3e4f5061728394a5b6c7d8e9f'}}}", true}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		platform_check_fit(cases[i].json, cases[i].reason);
	for (size_t i = 0; i < lengthof(people); i++)
		check(shape_user(people[i].user_data) == (people[i].fit ? ECAPI_SHAPED : ECAPI_UNFIT),
			  people[i].user_data);
	check(platform.format->off_by_default == UINT64_C(1) << ECAPI_EVENT_refund,
		  "a refund alone is off by default");
	check(platform.format->max_age_s < 7 * 86400, "an event is older than it may be before Microsoft says so");
}

/* ---- the event ---- */

static void
test_event(void)
{
	platform_shape("{" HEAD ",'event_type':'viewed_item','properties':{'page_url':'https://a.example/?q=1',"
				   "'referrer':'android-app://x'},'ext':{'page_load_id':'38400000-8cf0-11bd-b23e-10b96e40000d',"
				   "'secret':'x'}}");
	check(strncmp(platform.body.data, "{\"eventType\":\"custom\",\"eventName\":\"view_item\",\"eventTime\":1790000000,"
				  "\"eventId\":\"i\",\"eventSourceUrl\":\"https://a.example/?q=1\","
				  "\"pageLoadId\":\"38400000-8cf0-11bd-b23e-10b96e40000d\",\"userData\":{\"em\":", 190) == 0 &&
		  !platform_has("secret"), "an event, and of ext what has a form");
	platform_shape("{" HEAD ",'event_type':'login','ext':{'page_load_id':'38400000'}}");
	check(!platform_has("pageLoadId"), "an id that is none does not leave");
	platform_shape("{" EMAIL ",'timestamp':1790001000,'event_type':'login'}");
	check(platform_has("\"eventTime\":1790000600,"), "a time to come is now");

	platform.options.targets[ECAPI_EVENT_page_view] = (char *) "visit";
	check(platform_shape("{" HEAD ",'event_type':'page_view'}") == ECAPI_SHAPED &&
		  platform_has("\"eventType\":\"custom\",\"eventName\":\"visit\""), "a page view under the owner's name");
	begin();

	platform_shape("{" HEAD ",'event_type':'purchase','value':129.90,'currency_code':'eur','properties':{"
				   "'transaction_id':'42','search_term':'mug','coupon':['A'],'items':["
				   "{'id':'a','quantity':2,'price':0,'name':'Mug','brand':'Acme'},{'id':'b','quantity':0.5},"
				   "{'name':'no id','quantity':3}],'ext':{'color':'red'}}}");
	check_text(strstr(platform.body.data, "\"customData\""), "\"customData\":{\"value\":129.90,\"currency\":\"EUR\","
			   "\"transactionId\":\"42\",\"searchTerm\":\"mug\",\"items\":[{\"id\":\"a\",\"name\":\"Mug\",\"price\":0,"
			   "\"quantity\":2},{\"id\":\"b\"}],\"itemIds\":[\"a\",\"b\"]}}", "customData");
	platform_shape("{" HEAD ",'event_type':'login','currency_code':'EUR','properties':{'items':[{'name':'x'}]}}");
	check(!platform_has("customData"), "none when nothing comes into it");
	check(platform_shape_items(HEAD ",'event_type':'purchase'", 10000) == ECAPI_SHAPED && !platform.body.full &&
		  platform_has("\"sku-9999\"]"), "ten thousand items");
}

static void
test_user(void)
{
	static const struct
	{
		const char *raw;
		const char *normal;
	}			emails[] = {
		{" Jane.Doe+Shopping@Contoso.com ", "janedoe@contoso.com"},
		{"jane+a+b@contoso.com", "jane@contoso.com"},
		{"a.b.c@sub.contoso.com", "abc@sub.contoso.com"},
		{"Jane.Doe+x@gmail.com", "janedoe@gmail.com"},
		{"plain@example.com", "plain@example.com"}
	};
	char		json[300];

	for (size_t i = 0; i < lengthof(emails); i++)
	{
		snprintf(json, sizeof(json), "{'email_address':['%s']}", emails[i].raw);
		check(shape_user(json) == ECAPI_SHAPED && platform_has_digest("\"em\":\"%s\"", emails[i].normal),
			  emails[i].raw);
	}
	check(shape_user("{'email_address':['+only@contoso.com','x']}") == ECAPI_UNFIT, "nothing is left before the @");
	check_text(platform.left_out, "user_data.email_address no_certain_form user_data.email_address no_certain_form",
			   "which is told");
	shape_user("{'email_address':['x','a@example.com','b@example.com'],'phone_numbers':'+1 (212) 555-0000',"
			   "'customer_identifier':'Cust-42'}");
	check(platform_has_digest("\"userData\":{\"em\":\"%s\",", "a@example.com") && !platform_has("["),
		  "of several the first that has a form");
	check(platform_has_digest("\"ph\":\"%s\"", "+12125550000") &&
		  platform_has_digest("\"externalId\":\"%s\"", "cust-42"), "a number with its plus, and the customer's id");
	shape_user("{'email_address':'D56BEC28441BE0D325DEB330378E9F8E9F762F5004C3E81AE5BC512F80A9863F'}");
	check(platform_has("\"em\":\"d56bec28441be0d325deb330378e9f8e9f762f5004c3e81ae5bc512f80a9863f\""),
		  "a digest stays");
	shape_user("{'customer_identifier':'c','event_ip_address':'::1','landing_user_agent':'B'}");
	check(platform_has("\"clientIpAddress\":\"::1\",\"clientUserAgent\":\"B\""), "what leaves clear");

	platform.options.own[ECAPI_MICROSOFT_APP_OS] = (char *) "ios";
	check(shape_user("{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}") == ECAPI_SHAPED &&
		  platform_has("\"userData\":{\"idfa\":\"38400000-8cf0-11bd-b23e-10b96e40000d\"}"), "idfa");
	platform.options.own[ECAPI_MICROSOFT_APP_OS] = (char *) "android";
	check(shape_user("{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}") == ECAPI_SHAPED &&
		  platform_has("{\"gaid\":"), "gaid");
	begin();
}

static void
test_consent(void)
{
	static const struct
	{
		const char *user_data;	/* without its braces */
		const char *consent;	/* NULL: nothing is said */
	}			cases[] = {
		{"'gender':'f'", NULL},
		{"'ext':{'consent':{'ad_user_data':true}}", "G"},
		{"'ext':{'consent':{'ad_user_data':true,'ad_personalization':true}}", "G"},
		{"'ext':{'consent':{'ad_user_data':true,'ad_personalization':false}}", "D"},
		{"'ext':{'consent':{'ad_user_data':false}}", "D"},
		{"'ext':{'consent':{'ad_user_data':'granted'}}", "D"},
		{"'ext':{'consent':false}", "D"},
		{"'ext':{'consent':{'ad_personalization':true}}", NULL},
		{"'mmt_only':true,'ext':{'consent':{'ad_user_data':true}}", "D"},
		{"'mmt_only':false", NULL}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		json[300];
		char		wanted[60];

		snprintf(json, sizeof(json), "{'customer_identifier':'c',%s}", cases[i].user_data);
		snprintf(wanted, sizeof(wanted), "\"adStorageConsent\":\"%s\"", cases[i].consent ? cases[i].consent : "");
		check(shape_user(json) == ECAPI_SHAPED &&
			  (cases[i].consent ? platform_has(wanted) : !platform_has("adStorageConsent")), cases[i].user_data);
	}
}

/* ---- options and requests ---- */

static void
test_options(void)
{
	static const char *const bad[] = {"UET-1870", "187 012", "187-012", "187012345x", "123456789012345678901"};

	check_text(platform_problem(), NULL, "a tag's id");
	for (size_t i = 0; i < lengthof(bad); i++)
	{
		platform.options.data_set_id = (char *) bad[i];
		check(platform_problem() != NULL && platform.problem.hint[0] != '\0', bad[i]);
	}
	platform.options.data_set_id = NULL;
	check_text(platform_problem(), "option \"data_set_id\" is missing", "none");
	begin();
	check(platform_takes(ECAPI_MICROSOFT_APP_OS, "ios") && !platform_takes(ECAPI_MICROSOFT_APP_OS, "windows"),
		  "systems of apps");

#define LOGIN "{" PLATFORM_AT ",'event_type':'login','user_data':{'click_id':'c1'}}"
#define SENT "{\"eventType\":\"custom\",\"eventName\":\"login\",\"eventTime\":1790000000,\"userData\":{\"msclkid\":\"c1\"}}"
	check(platform_request(LOGIN, 2, "T"), "a request is made");
	check_text(platform.outgoing.url, "https://capi.uet.microsoft.com/v1/187012345/events", "where it goes");
	check_text(platform.body.data, "{\"data\":[" SENT "," SENT "],\"continueOnValidationError\":true}",
			   "one event at fault does not lose the others");
	check(platform_has_header("Authorization: Bearer T"), "with the token");
	check(!platform_request(LOGIN, 1, NULL) && strstr(platform.reason, "access_token_file"),
		  "and not without one");
}

/* ---- answers ---- */

#define DETAIL(rest) "{" rest ",\"attemptedValue\":\"ann@example.com\",\"errorMessage\":\"'ann@example.com' is\"}"
#define ERRORS(received, details) "{\"eventsReceived\":" received ",\"error\":{\"code\":\"ValidationError\"," \
	"\"message\":\"ann@example.com\",\"details\":[" details "]},\"traceId\":\"t\"}"
#define BAD(index) DETAIL("\"index\":" index ",\"propertyName\":\"userData.em\",\"errorCode\":\"InvalidValue\"")
#define WARN(index) DETAIL("\"index\":" index ",\"propertyName\":\"customData.pageType\",\"isWarning\":true")

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		EcapiVerdict verdict;
		int			named;
		int			warnings;
		bool		suspicious;
	}			cases[] = {
		{200, "{\"eventsReceived\":3,\"traceId\":\"t\"}", ECAPI_DELIVERED, 0, 0, false},
		{200, ERRORS("3", WARN("2") "," WARN("0")), ECAPI_DELIVERED, 0, 2, false},
		{200, ERRORS("2", BAD("1") "," WARN("0")), ECAPI_DELIVERED, 1, 1, false},
		{400, ERRORS("2", BAD("1")), ECAPI_DELIVERED, 1, 0, false},
		{400, ERRORS("1", BAD("1") "," BAD("0") "," BAD("1")), ECAPI_DELIVERED, 2, 0, false},
		{400, ERRORS("0", BAD("1")), ECAPI_REJECTED, 1, 0, false},
		{400, ERRORS("9", BAD("1")), ECAPI_REJECTED, 1, 0, false},
		{400, ERRORS("null", BAD("1")), ECAPI_REJECTED, 1, 0, false},
		{400, ERRORS("2", BAD("3")), ECAPI_REJECTED, 0, 0, false},
		{400, ERRORS("2", BAD("-1")), ECAPI_REJECTED, 0, 0, false},
		{400, ERRORS("2", BAD("1") "," BAD("7")), ECAPI_REJECTED, 0, 0, false},
		{400, ERRORS("2", BAD("\"1\"")), ECAPI_REJECTED, 0, 0, false},
		{400, ERRORS("2", "7"), ECAPI_REJECTED, 0, 0, false},
		{400, ERRORS("2", ""), ECAPI_REJECTED, 0, 0, false},
		{400, "", ECAPI_REJECTED, 0, 0, false},
		{200, ERRORS("2", BAD("3")), ECAPI_RETRY, 0, 0, true},
		{200, ERRORS("2", ""), ECAPI_RETRY, 0, 0, true},
		{200, ERRORS("4", ""), ECAPI_RETRY, 0, 0, false},
		{200, "{\"eventsReceived\":\"3\"}", ECAPI_RETRY, 0, 0, false},
		{401, "{\"error\":{\"code\":\"Unauthorized\"},\"traceId\":\"t\"}", ECAPI_STOP, 0, 0, false},
		{403, "", ECAPI_STOP, 0, 0, false},
		{404, "", ECAPI_STOP, 0, 0, false},
		{429, "{}", ECAPI_RETRY, 0, 0, false},
		{503, "", ECAPI_RETRY, 0, 0, false},
		{500, ERRORS("2", BAD("1")), ECAPI_RETRY, 0, 0, true},
		{413, "", ECAPI_TOO_LARGE, 0, 0, false}
	};
	EcapiJudgement judgement;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		judgement = platform_judge(cases[i].status, cases[i].body, 3);
		check(judgement.verdict == cases[i].verdict && judgement.nnamed == cases[i].named &&
			  judgement.warnings == cases[i].warnings && judgement.suspicious == cases[i].suspicious,
			  cases[i].body);
		check(judgement.words == NULL || strstr(judgement.words, "ann") == NULL, "which repeats no value");
	}
	judgement = platform_judge(400, ERRORS("2", BAD("1")), 3);
	check(judgement.named[0].index == 1 && judgement.named[0].outcome == ECAPI_NAMED_REJECTED, "the one at fault");
	check_text(judgement.named[0].words, "InvalidValue: userData.em", "and with what");
	check_text(judgement.words, "ValidationError", "in all");
	judgement = platform_judge(400, ERRORS("2", DETAIL("\"index\":1,\"propertyName\":\"ann@example.com\","
													   "\"errorCode\":\"+12125550000\"")), 3);
	check(judgement.nnamed == 1 && judgement.named[0].words == NULL, "a value is no code and no path");
	judgement = platform_judge(401, "{\"error\":{\"code\":\"Unauthorized\"}}", 3);
	check(judgement.credential, "a token that is refused");
	check_text(judgement.words, "Unauthorized", "which is said");
	judgement = platform_judge(429, "{}", 3);
	check(judgement.retry_after_ms == 7000, "as late as the answer says");
	platform_check_strangers("{\"eventsReceived\":3,\"traceId\":\"t\"}", 3);
	platform_check_poor_judge(400, ERRORS("2", BAD("1")), 3);
}

int
main(void)
{
	begin();
	test_fit();
	test_event();
	test_user();
	test_consent();
	test_options();
	test_answers();
	return platform_done();
}

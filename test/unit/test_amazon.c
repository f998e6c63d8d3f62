/*
 * test_amazon.c
 *	  The format "amazon": events in Amazon's shape, consent, what is fit for it, tokens, its
 *	  answers.
 */
#include "platform.h"

#include "destination/amazon.h"
#include "destination/grant.h"

#define USER	"'user_data':{'email_address':'ann@example.com','address':{'country_code':'US'}}"
#define HEAD	"'id':'i'," PLATFORM_AT "," USER

static void
begin(void)
{
	platform_begin(&ecapi_format_amazon);
	platform.options.own[ECAPI_AMAZON_ACCOUNT_ID] = (char *) "amzn1.ads-account.g.1";
	platform.options.own[ECAPI_AMAZON_CLIENT_ID] = (char *) "amzn1.application-oa2-client.2";
}

static void
test_names(void)
{
	static const char *const names[][2] = {
		{"purchase", "OFF_AMAZON_PURCHASES"}, {"add_to_cart", "ADD_TO_SHOPPING_CART"}, {"begin_checkout", "CHECKOUT"},
		{"generate_lead", "LEAD"}, {"sign_up", "SIGN_UP"}, {"subscribe", "SUBSCRIBE"}, {"search", "SEARCH"},
		{"page_view", "PAGE_VIEW"}, {"contact", "CONTACT"}, {"install", "MOBILE_APP_FIRST_START"}
	};
	int			listed = 0;
	char		json[500];
	char		wanted[300];

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = ecapi_event_type_name(type);
		size_t		i = 0;

		while (i < lengthof(names) && strcmp(names[i][0], name) != 0)
			i++;
		listed += i < lengthof(names);
		snprintf(json, sizeof(json), "{" HEAD ",'event_type':'%s','custom_event':'quiz_finished'}", name);
		snprintf(wanted, sizeof(wanted), "{\"eventDescription\":{\"name\":\"%s\",\"conversionType\":\"%s\","
				 "\"eventSource\":\"OFFLINE\",\"eventIngestionMethod\":\"SERVER_TO_SERVER\"},",
				 type == ECAPI_EVENT_custom ? "quiz_finished" : name, i < lengthof(names) ? names[i][1] : "OTHER");
		check(platform_shape(json) == ECAPI_SHAPED && platform_has(wanted), name);
	}
	check(listed == (int) lengthof(names), "those with a conversion of their own");
	platform.options.targets[ECAPI_EVENT_login] = (char *) "APPLICATION";
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(platform_has("\"name\":\"login\",\"conversionType\":\"APPLICATION\""), "a conversion of Amazon's");
	platform.options.targets[ECAPI_EVENT_purchase] = (char *) "Order";
	platform_shape("{" HEAD ",'event_type':'purchase'}");
	check(platform_has("\"name\":\"Order\",\"conversionType\":\"OFF_AMAZON_PURCHASES\""), "a name of the owner's");
	begin();
}

static void
test_request(void)
{
	check(platform_request("{'id':'o-1'," PLATFORM_AT ",'event_type':'purchase','value':129.90,'currency_code':'eur',"
						   "'user_data':{'email_address':['Ann.Example!@Example.com','b@example.com'],'phone_numbers':'+1 (212) 555-0000',"
						   "'address':{'first_name':'Ann Marie','last_name':'O-Brien','street':'1 Main St.','city':'New York','state':'NY',"
						   "'country_code':'us','postal_code':'10001-1234'},'ifa':'ABC','event_ip_address':'192.0.2.1'},"
						   "'properties':{'page_url':'https://shop.example/','items':[{'id':'s','quantity':2},{'id':'t'}]}}", 1, "tok"),
		  "a request");
	check(platform_has("\"eventSource\":\"WEBSITE\"") &&
		  platform_has("\"eventId\":\"o-1\",\"eventTime\":\"2026-09-21T14:13:20Z\",\"countryCode\":\"US\",\"value\":129.90,"
					   "\"currencyCode\":\"EUR\",\"unitsSold\":3,\"matchKeys\":["), "time by ISO 8601, the order");
	check(platform_has_digest("[{\"type\":\"EMAIL\",\"values\":[\"%s\"]},{\"type\":\"PHONE\"", "ann.example@example.com"),
		  "one email address, of its letters alone");
	check(platform_has_digest("{\"type\":\"PHONE\",\"values\":[\"%s\"]}", "12125550000") &&
		  platform_has_digest("{\"type\":\"FIRST_NAME\",\"values\":[\"%s\"]}", "annmarie") &&
		  platform_has_digest("{\"type\":\"LAST_NAME\",\"values\":[\"%s\"]}", "obrien") &&
		  platform_has_digest("{\"type\":\"ADDRESS\",\"values\":[\"%s\"]}", "1mainst") &&
		  platform_has_digest("{\"type\":\"CITY\",\"values\":[\"%s\"]}", "newyork") &&
		  platform_has_digest("{\"type\":\"STATE\",\"values\":[\"%s\"]}", "ny") &&
		  platform_has_digest("{\"type\":\"POSTAL\",\"values\":[\"%s\"]}", "10001-1234"), "the other keys");
	check(!platform_has("MAID") && platform_has("\"consent\":{\"geo\":{\"ipAddress\":\"192.0.2.1\"}}"),
		  "no ifa of no known system; an address is where, not consent");
	check_text(platform.outgoing.url, "https://advertising-api.amazon.com/adsApi/v1/create/events", "the host of North America");
	check(platform_has_header("Amazon-Ads-AccountId: amzn1.ads-account.g.1") &&
		  platform_has_header("Amazon-Ads-ClientId: amzn1.application-oa2-client.2") &&
		  platform_has_header("Authorization: Bearer tok"), "headers");
	platform.options.own[ECAPI_AMAZON_REGION] = (char *) "fe";
	platform_request("{" HEAD ",'event_type':'login'}", 1, "tok");
	check(strncmp(platform.outgoing.url, "https://advertising-api-fe.amazon.com/", 38) == 0, "of the Far East");
	platform.options.url = (char *) "http://127.0.0.1:8080/amazon";
	platform_request("{" HEAD ",'event_type':'login'}", 1, "tok");
	check_text(platform.outgoing.url, "http://127.0.0.1:8080/amazon/adsApi/v1/create/events", "the option url stands for all");
	begin();
	platform_shape("{" HEAD ",'event_type':'login','value':5,'currency_code':'EUR','properties':{'items':[{'id':'s'}]}}");
	check(platform_has("\"value\":5,\"matchKeys\"") && !platform_has("currencyCode") && !platform_has("unitsSold"),
		  "currency and units are a purchase's");
	platform.options.own[ECAPI_AMAZON_APP_OS] = (char *) "fire_tv";
	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','source':'app','user_data':{'ifa':'ab-1','address':{'country_code':'US'}}}");
	check(platform_has("\"eventSource\":\"FIRE_TV\"") && platform_has("[{\"type\":\"MAID\",\"values\":[\"ab-1\"]}]"), "an app's");
	begin();
	platform_check_fit("{" HEAD ",'event_type':'login','source':'app'}", "app_os missing");
}

/* TC strings with consent of every purpose, and of none. */
#define TC_YES	"CP3tAUAP3tAUAAKABBENBkEgAP___wAAAAYgAEP8AAAAA"
#define TC_NO	"CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA"

#define SAID(storage, data) \
	"\"amazonConsent\":{\"amznAdStorage\":\"" storage "\",\"amznUserData\":\"" data "\"}"

static void
test_consent(void)
{
	static const struct
	{
		const char *user;
		const char *consent;	/* NULL: unfit in Europe */
	}			cases[] = {
		{"'gpp_string':'DBABLA~BVQqAAAAAgA.QA'", "{\"gpp\":\"DBABLA~BVQqAAAAAgA.QA\"}"},
		{"'ext':{'consent':{'tcf':'" TC_NO "'}}", "{\"tcf\":\"" TC_NO "\"}"},
		{"'ext':{'consent':{'tcf':'DBABMA~" TC_NO "'}}", "{\"tcf\":\"" TC_NO "\"}"},
		{"'ext':{'consent':{'ad_user_data':true,'ad_personalization':false}}",
		"{\"amazonConsent\":{\"amznAdStorage\":\"DENIED\",\"amznUserData\":\"GRANTED\"}}"},
		{"'ext':{'consent':{'ad_user_data':false,'ad_storage':true,'ad_personalization':false}}",
		"{\"amazonConsent\":{\"amznAdStorage\":\"GRANTED\",\"amznUserData\":\"DENIED\"}}"},
		{"'mmt_only':true,'ext':{'consent':{'ad_user_data':true,'ad_storage':true}}",
		"{\"amazonConsent\":{\"amznAdStorage\":\"DENIED\",\"amznUserData\":\"GRANTED\"}}"},
		/* the string's answers, where plain ones are missing, and its denial in any case */
		{"'gpp_string':'" TC_YES "'", "{\"tcf\":\"" TC_YES "\"," SAID("GRANTED", "GRANTED") "}"},
		{"'gpp_string':'" TC_NO "'", "{\"tcf\":\"" TC_NO "\"," SAID("DENIED", "DENIED") "}"},
		{"'gpp_string':'" TC_NO "','ext':{'consent':{'ad_user_data':true,'ad_storage':true}}",
		"{\"tcf\":\"" TC_NO "\"," SAID("DENIED", "DENIED") "}"},
		{"'gpp_string':'DBABTA~1YYN','ext':{'consent':{'ad_user_data':true,'ad_storage':true}}",
		"{\"gpp\":\"DBABTA~1YYN\"," SAID("DENIED", "GRANTED") "}"},
		/* a section that does not apply says nothing; the string is passed on all the same */
		{"'gpp_string':'" TC_NO "','gpp_sid':[-1]", "{\"tcf\":\"" TC_NO "\"}"},
		/* a bare false denies everything */
		{"'ext':{'consent':false}", "{" SAID("DENIED", "DENIED") "}"},
		{"'ext':{'consent':{'ad_user_data':true}}", NULL},
		{"'ext':{'consent':{'ad_user_data':'yes','ad_personalization':'yes'}}", NULL},
		{"'event_ip_address':'192.0.2.1'", NULL},
		{"'gpp_string':''", NULL},
		/* what cannot be read is no string, and may be a person's */
		{"'ext':{'consent':{'tcf':'ann@example.org'}}", NULL},
		{"'ext':{'consent':{'tcf':'Carla@example.org'}}", NULL},
		{"'ext':{'consent':{'tcf':'CPXx'}}", NULL},
		{"'ext':{'consent':{'tcf':'" TC_NO "@example.org'}}", NULL},
		{"'gpp_string':'ann@example.org'", "{" SAID("DENIED", "DENIED") "}"},
		{"'gpp_string':'Carla@example.org'", "{" SAID("DENIED", "DENIED") "}"},
		{"'gpp_string':'DBABTA~1YN-@example.org'", "{" SAID("DENIED", "DENIED") "}"}
	};
	char		json[1000];
	char		wanted[300];

	platform.options.own[ECAPI_AMAZON_REGION] = (char *) "eu";
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		snprintf(json, sizeof(json), "{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'email_address':'ann@example.com',"
				 "'address':{'country_code':'DE'},%s}}", cases[i].user);
		platform_check_fit(json, cases[i].consent ? NULL : "consent missing");
		snprintf(wanted, sizeof(wanted), "\"consent\":%s}", cases[i].consent ? cases[i].consent : "");
		check(cases[i].consent == NULL || platform_has(wanted), cases[i].user);
	}
	begin();
	check(platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'email_address':'ann@example.com',"
						 "'address':{'country_code':'US'},'mmt_only':true}}") == ECAPI_FILTERED && platform.body.len == 0,
		  "what Amazon could not be told stays here");
	check_text(platform.reason, "mmt_only", "for that reason");
	check(platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'email_address':'ann@example.com',"
						 "'address':{'country_code':'US'},'mmt_only':true,'ext':{'consent':{'ad_user_data':true}}}}") == ECAPI_SHAPED &&
		  platform_has(SAID("DENIED", "GRANTED")), "with the other answer it can be");
	platform_check_fit("{" HEAD ",'event_type':'login'}", NULL);
	check(!platform_has("consent"), "elsewhere nothing is said where nobody said anything");
}

static void
test_fit(void)
{
	platform_check_fit("'none'", "not an object");
	platform_check_fit("{" USER ",'event_type':'login'}", "timestamp missing");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'address':{'country_code':'US'}}}", "no identifier");
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'email_address':'ann@example.com'}}", "country missing");
	platform.default_country = "gb";
	platform_check_fit("{'id':'i'," PLATFORM_AT ",'event_type':'login','user_data':{'email_address':'ann@example.com'}}", NULL);
	check(platform_has("\"countryCode\":\"GB\""), "the default country");
	platform.default_country = NULL;
	platform_check_fit("{" HEAD ",'event_type':'custom'}", "custom_event missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing");
	platform_check_fit("{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown");
	check(platform_shape_items(HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR'", 10000) == ECAPI_SHAPED &&
		  platform_has("\"unitsSold\":20000"), "10,000 items");
	check(!platform_takes(ECAPI_AMAZON_REGION, "us") && platform_takes(ECAPI_AMAZON_REGION, "fe"), "regions");
	check(!platform_takes(ECAPI_AMAZON_ACCOUNT_ID, "a b") && !platform_takes(ECAPI_AMAZON_ACCOUNT_ID, "") &&
		  platform_takes(ECAPI_AMAZON_ACCOUNT_ID, "amzn1.ads-account.g.abc"), "accounts");
	check(!platform_takes(ECAPI_AMAZON_TOKEN_URL, "http://api.amazon.com/"), "tokens come by https");
}

static void
test_grant(void)
{
	EcapiCredentials credentials = {.token = NULL};
	EcapiGrantRequest request;
	EcapiArena	arena;
	const char *problem;

	ecapi_arena_init(&arena, unit_grab, NULL);
	credentials.own[ECAPI_AMAZON_CLIENT_SECRET] = "cs";
	credentials.own[ECAPI_AMAZON_REFRESH_TOKEN] = "Atzr|1";
	check(ecapi_format_amazon.grant->ask(&platform.options, &credentials, PLATFORM_NOW, &arena, &request, &problem),
		  "a token is asked for");
	check_text(request.url, "https://api.amazon.com/auth/o2/token", "where Login with Amazon is");
	check_text(request.body, "grant_type=refresh_token&client_id=amzn1.application-oa2-client.2&client_secret=cs"
			   "&refresh_token=Atzr%7C1", "by the refresh token");
	check(request.nsecrets == 2, "and both secrets are hidden");
}

static void
test_answers(void)
{
	static const char *const wrong[] = {
		"{\"success\":[{\"index\":1},{\"index\":2},{\"index\":3}],\"error\":[]}",
		"{\"success\":[{\"index\":0},{\"index\":1}],\"error\":[]}",
		"{\"success\":[{\"index\":0},{\"index\":1},{\"index\":1}],\"error\":[]}",
		"{\"success\":[{},{},{}],\"error\":[]}", "{\"success\":3,\"error\":0}",
		"{\"success\":[],\"error\":[{\"errors\":[]}]}"
	};
	EcapiJudgement j;

	for (size_t i = 0; i < lengthof(wrong); i++)
	{
		j = platform_judge(207, wrong[i], 3);
		check(j.verdict == ECAPI_RETRY && j.nnamed == 0, wrong[i]);
	}
	j = platform_judge(207, "{\"success\":[{\"index\":0,\"event\":{}},{\"index\":2}],\"error\":[{\"index\":1,\"errors\":[{\"code\":\"INVALID_ARGUMENT\","
					   "\"fieldLocation\":\"events.matchKeys\",\"message\":\"ann@example.com\"}]}]}", 3);
	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 1 && j.named[0].index == 1 &&
		  j.named[0].outcome == ECAPI_NAMED_REJECTED, "the one at fault");
	check_text(j.named[0].words, "INVALID_ARGUMENT: events.matchKeys", "by code and path");
	j = platform_judge(207, "{\"success\":[{\"index\":0}],\"error\":[{\"index\":1,\"errors\":[{\"code\":\"INTERNAL_ERROR\"}]}]}", 2);
	check(j.verdict == ECAPI_DELIVERED && j.nnamed == 1 && j.named[0].outcome == ECAPI_NAMED_LATER &&
		  j.named[0].wait_s == 60, "one that Amazon had no time for");
	j = platform_judge(401, "{\"code\":\"UNAUTHORIZED\"}", 2);
	check(j.verdict == ECAPI_STOP && j.credential, "a token that has ended");
	j = platform_judge(403, "{\"code\":\"FORBIDDEN\"}", 2);
	check(j.verdict == ECAPI_STOP && !j.credential, "no right to the account");
	j = platform_judge(429, "{}", 2);
	check(j.verdict == ECAPI_RETRY && !j.suspicious, "too many requests");
	j = platform_judge(400, "{\"code\":\"BAD_REQUEST\",\"message\":\"ann@example.com\"}", 2);
	check(j.verdict == ECAPI_REJECTED && j.nnamed == 0 && strcmp(j.words, "BAD_REQUEST") == 0, "a request that is refused");
	platform_check_strangers("{\"success\":[{\"index\":0},{\"index\":1},{\"index\":2}],\"error\":[]}", 3);
	platform_check_poor_judge(207, "{\"success\":[{\"index\":0}],\"error\":[{\"index\":1,\"errors\":[{\"code\":\"C\"}]}]}", 2);
}

int
main(void)
{
	begin();
	test_names();
	test_request();
	test_consent();
	test_fit();
	test_grant();
	test_answers();
	return platform_done();
}

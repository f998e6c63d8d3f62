/*
 * test_linkedin.c
 *	  The format "linkedin": events in LinkedIn's shape, what is fit for it, its answers.
 */
#include "platform.h"

#include "destination/linkedin.h"

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i'," PLATFORM_AT "," EMAIL

static void
begin(void)
{
	platform_begin(&ecapi_format_linkedin);
	platform.options.event_types = UINT64_C(1) << ECAPI_EVENT_purchase | UINT64_C(1) << ECAPI_EVENT_login;
	platform.options.targets[ECAPI_EVENT_purchase] = (char *) "104012";
	platform.options.targets[ECAPI_EVENT_login] = (char *) "urn:lla:llaPartnerConversion:104013";
}

/* An event with that user_data and no more than it needs. */
static EcapiShaped
shape_user(const char *user_data)
{
	char		json[2000];

	snprintf(json, sizeof(json), "{" PLATFORM_AT ",'event_type':'login','user_data':%s}", user_data);
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
		{"{" EMAIL ",'event_type':'login'}", "timestamp missing"},
		{"{" HEAD ",'event_type':'sign_up'}", "no conversion rule"},
		{"{" PLATFORM_AT ",'event_type':'login'}", "needs an id, or first and last name"},
		{"{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing"},
		{"{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown"},
		{"{" HEAD ",'event_type':'purchase','value':1e300,'currency_code':'EUR'}", "value not expressible"},
		{"{" HEAD ",'event_type':'purchase','value':1e-300,'currency_code':'EUR'}", "value not expressible"},
		{"{" HEAD ",'event_type':'purchase'}", NULL}
	};
	static const struct
	{
		const char *user_data;
		bool		fit;
	}			people[] = {
		{"{'phone_numbers':'+1 212 555 0000','customer_identifier':'c1','gender':'f'}", false},
		{"{'address':{'first_name':'Ann','last_name':'Berg'}}", false},
		{"{'event_ip_address':'2001:db8::1'}", false},
		{"{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}", false},
		{"{'email_address':['nobody','']}", false},
		{"{'click_id':'has blanks'}", false},
		{"{'click_id':'Cj0K','ext':{'click_ids':{'gclid':'Cj0K'}}}", false},
		{"{'event_ip_address':'192.0.2.1'}", true},
		{"{'ext':{'click_ids':{'li_fat_id':'df5gf5-gh6t7'}}}", true}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		platform_check_fit(cases[i].json, cases[i].reason);
	for (size_t i = 0; i < lengthof(people); i++)
		check(shape_user(people[i].user_data) == (people[i].fit ? ECAPI_SHAPED : ECAPI_UNFIT) &&
			  (people[i].fit || platform.identified == ECAPI_IDENTIFIED_NOT),
			  people[i].user_data);
	check(shape_user("{'email_address':'a@example.com','mmt_only':true}") == ECAPI_FILTERED && platform.body.len == 0,
		  "what LinkedIn could not be told stays here");
	check_text(platform.reason, "mmt_only", "for that reason");
	check(shape_user("{'email_address':'a@example.com','mmt_only':false}") == ECAPI_SHAPED, "and nothing else");
	check(platform.format->max_age_s < 90 * 86400, "an event is older than it may be before LinkedIn says so");
	check(platform_shape_items(HEAD ",'event_type':'purchase'", 10000) == ECAPI_SHAPED &&
		  platform.body.len < 400, "of ten thousand items none leaves");
}

/* ---- the event ---- */

static void
test_event(void)
{
	static const char *const amounts[][2] = {
		{"129.9", "129.9"}, {"129.90", "129.90"}, {"0", "0"}, {"1e3", "1000"}, {"1.5E-2", "0.015"},
		{"12345678901234.55", "12345678901234.55"}
	};
	char		json[500];
	char		wanted[200];

	platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':'purchase','value':5,'currency_code':'eur',"
				   "'source':'website','user_data':{'event_ip_address':'192.0.2.1','event_user_agent':'A',"
				   "'phone_numbers':'+12125550000','gender':'f','ext':{'tier':'gold'}},"
				   "'properties':{'transaction_id':'42','page_url':'https://a.example/','items':[{'id':'a'}]}}");
	check_text(platform.body.data, "{\"conversion\":\"urn:lla:llaPartnerConversion:104012\","
			   "\"conversionHappenedAt\":1790000000000,\"eventId\":\"i\",\"conversionValue\":{\"currencyCode\":\"EUR\","
			   "\"amount\":\"5\"},\"user\":{\"userIds\":[{\"idType\":\"PLAINTEXT_IP_ADDRESS\",\"idValue\":\"192.0.2.1\"}]}}",
			   "nothing but what the schema has");
	for (size_t i = 0; i < lengthof(amounts); i++)
	{
		snprintf(json, sizeof(json), "{" HEAD ",'event_type':'purchase','value':%s,'currency_code':'EUR'}", amounts[i][0]);
		snprintf(wanted, sizeof(wanted), "\"amount\":\"%s\"", amounts[i][1]);
		check(platform_shape(json) == ECAPI_SHAPED && platform_has(wanted), amounts[i][0]);
	}
	platform_shape("{" EMAIL ",'timestamp':1790001000.5,'event_type':'login'}");
	check(platform_has("{\"conversion\":\"urn:lla:llaPartnerConversion:104013\",\"conversionHappenedAt\":1790000600000,\"user\""),
		  "a rule by its URN, a time to come is now");
}

static void
test_user(void)
{
	char		many[2000] = "{'email_address':[";
	int			n = 0;

	check(shape_user("{'email_address':[' Ann. Berg@Example.com','ann.berg@example.com','b@example.com','x'],"
					 "'click_id':'li-1','event_ip_address':'::1','customer_identifier':'Cust-42'}") == ECAPI_SHAPED,
		  "identifiers");
	check(platform_has_digest("{\"userIds\":[{\"idType\":\"SHA256_EMAIL\",\"idValue\":\"%s\"},{\"idType\":\"SHA256_EMAIL\"",
							  "ann.berg@example.com") &&
		  platform_has_digest("\"idValue\":\"%s\"},{\"idType\":\"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID\",\"idValue\":\"li-1\"}]",
							  "b@example.com"), "each address once, and no address of IPv6");
	check(platform_has_digest("],\"externalIds\":[\"%s\"]}", "cust-42"), "a customer's id as a digest");
	check_text(platform.left_out, "user_data.email_address no_certain_form", "what is no address is told");
	platform.options.own[ECAPI_LINKEDIN_EXTERNAL_ID] = (char *) "clear";
	shape_user("{'event_ip_address':'192.0.2.1','customer_identifier':'Cust-42'}");
	check(platform_has("\"externalIds\":[\"Cust-42\"]"), "or clear, for who says so");
	check(shape_user("{'email_address':'a@example.com','customer_identifier':'ann@example.com'}") == ECAPI_SHAPED &&
		  !platform_has("ann@") && !platform_has("externalIds"), "never an email address");
	begin();

	for (int i = 0; i < 30; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s'a%d@example.com'", i > 0 ? "," : "", i);
	strcat(many, "]}");
	check(shape_user(many) == ECAPI_SHAPED, "many addresses");
	for (const char *at = platform.body.data; (at = strstr(at, "SHA256_EMAIL")) != NULL; at++)
		n++;
	check(n == 10, "of which ten leave");

	platform.options.own[ECAPI_LINKEDIN_APP_OS] = (char *) "android";
	check(shape_user("{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}") == ECAPI_SHAPED &&
		  platform_has("{\"idType\":\"GOOGLE_AID\",\"idValue\":\"38400000-8cf0-11bd-b23e-10b96e40000d\"}"),
		  "the advertising id of Android");
	platform.options.own[ECAPI_LINKEDIN_APP_OS] = (char *) "ios";
	check(shape_user("{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}") == ECAPI_UNFIT, "and of no other system");
	begin();
}

/* Names leave clear, so only for who says so. */
static void
test_names(void)
{
	static const char digest[] = "49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1";
	static const char both[] = "{'email_address':'a@example.com','address':[{'first_name':'Eve'},"
	"{'first_name':' Ann ','last_name':'O\\u0027Berg','country_code':'us','city':'Ulm','postal_code':'89073'}]}";
	char		json[500];

	check(shape_user(both) == ECAPI_SHAPED && !platform_has("userInfo") && !platform_has("Ann") &&
		  !platform_has("Berg") && !platform_has("US"), "no names");
	check_text(platform.left_out, "", "of which nothing is said");
	platform.options.own[ECAPI_LINKEDIN_SEND_NAMES] = (char *) "yes";
	check(shape_user(both) == ECAPI_SHAPED &&
		  platform_has("\"userInfo\":{\"firstName\":\"Ann\",\"lastName\":\"O'Berg\",\"countryCode\":\"US\"}}") &&
		  !platform_has("Ulm") && !platform_has("Eve"), "names of one address, and nothing else of it");
	check(shape_user("{'address':{'first_name':'Ann','last_name':'Berg'}}") == ECAPI_SHAPED &&
		  platform_has("{\"userIds\":[],\"userInfo\":{\"firstName\":\"Ann\",\"lastName\":\"Berg\"}}"),
		  "are enough, beside userIds without any");
	check(shape_user("{'address':[{'first_name':'Ann'},{'last_name':'Berg'}]}") == ECAPI_UNFIT, "both of one");
	snprintf(json, sizeof(json), "{'address':{'first_name':'%s','last_name':'Berg'}}", digest);
	check(shape_user(json) == ECAPI_UNFIT, "a digest is no name");
	check_text(platform.left_out, "user_data.address.first_name unusable_digest", "which is told");
	begin();
}

/* ---- options and requests ---- */

static void
test_options(void)
{
	static const char *const bad_rules[] = {"PURCHASE", "104 012", "urn:lla:llaPartnerConversion:", "urn:li:conversion:1",
	"urn:lla:llaPartnerConversion:1x", "12345678901234567890"};
	static const char *const bad_versions[] = {"", "2026", "20260", "202613", "202600", "201912", "2026-08", "v26.0", "2026081"};

	check_text(platform_problem(), NULL, "rules by id and by URN");
	for (size_t i = 0; i < lengthof(bad_rules); i++)
	{
		platform.options.targets[ECAPI_EVENT_purchase] = (char *) bad_rules[i];
		check_text(platform_problem(), "event_types gives \"purchase\" a target that is no conversion rule", bad_rules[i]);
	}
	platform.options.targets[ECAPI_EVENT_purchase] = NULL;
	check_text(platform_problem(), "event_types gives \"purchase\" no conversion rule", "no rule");
	check_text(platform.problem.detail, "An event counts by the rule of LinkedIn that its type goes to; that of "
			   "\"purchase\" is of the type PURCHASE.", "and which to make");
	begin();
	for (size_t i = 0; i < lengthof(bad_versions); i++)
		check(!platform_takes(ECAPI_LINKEDIN_API_VERSION, bad_versions[i]), bad_versions[i]);
	check(platform_takes(ECAPI_LINKEDIN_API_VERSION, "202701") &&
		  platform_takes(ECAPI_LINKEDIN_SEND_NAMES, "yes") && !platform_takes(ECAPI_LINKEDIN_SEND_NAMES, "on"),
		  "good values");
	check_text(platform.options.own[ECAPI_LINKEDIN_SEND_NAMES], "no", "names do not leave unless somebody says so");
}

static void
test_request(void)
{
#define LOGIN "{" PLATFORM_AT ",'event_type':'login','user_data':{'event_ip_address':'192.0.2.1'}}"
#define SENT "{\"conversion\":\"urn:lla:llaPartnerConversion:104013\",\"conversionHappenedAt\":1790000000000," \
	"\"user\":{\"userIds\":[{\"idType\":\"PLAINTEXT_IP_ADDRESS\",\"idValue\":\"192.0.2.1\"}]}}"
	check(platform_request(LOGIN, 2, "T"), "a request is made");
	check_text(platform.body.data, "{\"elements\":[" SENT "," SENT "]}", "a batch");
	check_text(platform.outgoing.url, "https://api.linkedin.com/rest/conversionEvents", "where it goes");
	check(platform_has_header("Authorization: Bearer T") && platform_has_header("LinkedIn-Version: 202608") &&
		  platform_has_header("X-Restli-Protocol-Version: 2.0.0") &&
		  platform_has_header("X-RestLi-Method: BATCH_CREATE"), "its headers");
	check(platform_request(LOGIN, 1, "T") && platform_has_header("X-RestLi-Method: BATCH_CREATE"), "one event in a batch");
	check_text(platform.body.data, "{\"elements\":[" SENT "]}", "is one");
	platform.options.batch_size = 1;
	platform.options.own[ECAPI_LINKEDIN_API_VERSION] = (char *) "202702";
	check(platform_request(LOGIN, 1, "T"), "events one by one");
	check_text(platform.body.data, SENT, "are bodies by themselves");
	check(!platform_has_header("X-RestLi-Method: BATCH_CREATE") && platform_has_header("LinkedIn-Version: 202702"),
		  "and no batches, of the version that the option says");
	check(!platform_request(LOGIN, 1, NULL) && strstr(platform.reason, "access_token_file"),
		  "without a token nothing is sent");
	begin();
}

/* ---- versions ---- */

static const char *
lasts_at(const char *version, int64_t now)
{
	platform.options.own[ECAPI_LINKEDIN_API_VERSION] = (char *) version;
	memset(&platform.problem, 0, sizeof(platform.problem));
	return platform.format->lasts(&platform.options, now, &platform.problem) ? NULL : platform.problem.message;
}

static void
test_versions(void)
{
	platform.options.mmt_only = true;
	check_text(lasts_at("202608", PLATFORM_NOW), "option mmt_only holds back all events: LinkedIn has no field for it",
			   "a destination that sends nothing is told");
	platform.options.mmt_only = false;
	check_text(lasts_at("202608", INT64_C(1809129599)), NULL, "a version lasts until 2027-04-30");
	check_text(lasts_at("202608", INT64_C(1809129600)),
			   "the year for which LinkedIn takes api_version 202608 ends in 2027-08", "then its end nears");
	check(platform.problem.hint[0] != '\0', "with what to do");
	check_text(lasts_at("202608", INT64_C(1817078400)),
			   "the year for which LinkedIn takes api_version 202608 ended in 2027-08", "and has come on 2027-08-01");
	check_text(lasts_at("202612", INT64_C(1819756799)), NULL, "2027-08-31");
	check_text(lasts_at("202612", INT64_C(1819756800)),
			   "the year for which LinkedIn takes api_version 202612 ends in 2027-12", "2027-09-01");
	check_text(lasts_at("202601", INT64_C(1790812800)),
			   "the year for which LinkedIn takes api_version 202601 ends in 2027-01", "2026-10-01");
	begin();
}

/* ---- answers ---- */

#define REFUSAL(message) "{\"status\":422,\"message\":\"" message "\"}"
#define LINE(index) "Index: " index ", ERROR :: /conversionValue/amount :: ann@example.com is no number\\n"
#define THREE "{\"elements\":[{\"status\":201},{\"status\":201},{\"status\":201}]}"

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		EcapiVerdict verdict;
		int			named;
	}			cases[] = {
		{200, THREE, ECAPI_DELIVERED, 0},
		{200, "{\"elements\":[{\"status\":201},{\"status\":422},{\"status\":503}]}", ECAPI_DELIVERED, 2},
		{200, "{\"elements\":[{\"status\":201},{\"status\":201}]}", ECAPI_RETRY, 0},
		{200, "{\"elements\":[{\"status\":201},{\"status\":201},{}]}", ECAPI_RETRY, 0},
		{200, "{\"elements\":[{\"status\":201},{\"status\":201},{\"status\":7}]}", ECAPI_RETRY, 0},
		{200, "{\"elements\":[{\"status\":422},{\"status\":201},5]}", ECAPI_RETRY, 0},
		{200, "{\"elements\":[{\"status\":201},{\"status\":201},{\"status\":201},{\"status\":201}]}", ECAPI_RETRY, 0},
		{201, "", ECAPI_RETRY, 0},
		{202, THREE, ECAPI_RETRY, 0},
		{204, "", ECAPI_RETRY, 0},
		{422, REFUSAL(LINE("0") "ERROR :: /user/userInfo/firstName :: field is\\n"), ECAPI_REJECTED, 1},
		{422, REFUSAL(LINE("0") LINE("2") LINE("0")), ECAPI_REJECTED, 2},
		{422, REFUSAL(LINE("3")), ECAPI_REJECTED, 0},
		{422, REFUSAL(LINE("1") LINE("3")), ECAPI_REJECTED, 0},
		{422, REFUSAL(LINE("99999999999")), ECAPI_REJECTED, 0},
		{422, REFUSAL("ERROR :: x Index: 1, ERROR :: y"), ECAPI_REJECTED, 0},
		{422, REFUSAL("Index: , ERROR ::"), ECAPI_REJECTED, 0},
		{422, REFUSAL(""), ECAPI_REJECTED, 0},
		{422, "", ECAPI_REJECTED, 0},
		{400, REFUSAL("conversionHappenedAt of indices [1] (0-indexed) is"), ECAPI_REJECTED, 1},
		{400, REFUSAL("indices [0, 2] (0-indexed)"), ECAPI_REJECTED, 2},
		{400, REFUSAL("indices [0,2] (0-indexed)"), ECAPI_REJECTED, 2},
		{400, REFUSAL("indices [] (0-indexed)"), ECAPI_REJECTED, 0},
		{400, REFUSAL("indices [0, 3] (0-indexed)"), ECAPI_REJECTED, 0},
		{400, "{\"status\":400,\"code\":\"VERSION_MISSING\",\"message\":\"A version\"}", ECAPI_STOP, 0},
		{426, "{\"status\":426,\"code\":\"NONEXISTENT_VERSION\"}", ECAPI_STOP, 0},
		{426, "", ECAPI_STOP, 0},
		{401, "{\"code\":\"REVOKED_ACCESS_TOKEN\",\"serviceErrorCode\":65601}", ECAPI_STOP, 0},
		{403, "{\"message\":\"No ad accounts found\"}", ECAPI_STOP, 0},
		{404, "", ECAPI_STOP, 0},
		{413, "", ECAPI_TOO_LARGE, 0},
		{429, REFUSAL(LINE("0")), ECAPI_RETRY, 0},
		{500, REFUSAL(LINE("0")), ECAPI_RETRY, 0}
	};
	EcapiJudgement judgement;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		judgement = platform_judge(cases[i].status, cases[i].body, 3);
		check(judgement.verdict == cases[i].verdict && judgement.nnamed == cases[i].named, cases[i].body);
		check(judgement.words == NULL || strstr(judgement.words, "ann@") == NULL, "which repeats no value");
	}
	judgement = platform_judge(422, REFUSAL(LINE("2")), 3);
	check(judgement.named[0].index == 2 && judgement.named[0].outcome == ECAPI_NAMED_REJECTED, "the one at fault");
	check_text(judgement.named[0].words, "/conversionValue/amount", "and with what");
	judgement = platform_judge(422, REFUSAL("Index: 1, ERROR :: ann@example.com :: bad"), 3);
	check(judgement.nnamed == 1 && judgement.named[0].words == NULL, "a value is no path");
	judgement = platform_judge(422, REFUSAL("Index: 1, none\\nERROR :: /user :: bad"), 3);
	check(judgement.nnamed == 1 && judgement.named[0].words == NULL, "nor is that of another line");
	judgement = platform_judge(200, "{\"elements\":[{\"status\":201},{\"status\":422},{\"status\":503}]}", 3);
	check(judgement.named[0].outcome == ECAPI_NAMED_REJECTED && judgement.named[0].wait_s == 0 &&
		  judgement.named[1].outcome == ECAPI_NAMED_LATER && judgement.named[1].wait_s == 60,
		  "in a batch that was taken");
	check_text(judgement.named[0].words, "status 422", "by the status");
	judgement = platform_judge(201, "", 1);
	check(platform_is_success(&judgement), "one event by itself");
	judgement = platform_judge(201, " \r\n", 1);
	check(platform_is_success(&judgement), "with nothing behind");
	judgement = platform_judge(201, "{\"success\":true}", 1);
	check(judgement.verdict == ECAPI_RETRY, "and not with something");
	judgement = platform_judge(401, "{\"code\":\"REVOKED_ACCESS_TOKEN\"}", 3);
	check(judgement.credential, "a token that is gone");
	check_text(judgement.words, "REVOKED_ACCESS_TOKEN", "which is said");
	judgement = platform_judge(426, "", 3);
	check(!judgement.credential && strstr(judgement.words, "api_version"), "a version that is gone");
	platform_check_strangers(THREE, 3);
	platform_check_poor_judge(422, REFUSAL(LINE("1")), 3);
}

int
main(void)
{
	begin();
	test_fit();
	test_event();
	test_user();
	test_names();
	test_options();
	test_request();
	test_versions();
	test_answers();
	return platform_done();
}

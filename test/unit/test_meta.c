/*
 * test_meta.c
 *	  The format "meta": events in Meta's shape, what is fit for it, its answers.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/formats.h"
#include "destination/meta.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/digest.h"
#include "event/amended.h"
#include "unit.h"

#define NOW		INT64_C(1790000600)

static EcapiOptions options;
static EcapiBuffer body;
static const char *reason;
static const char *default_country;
static char left_out[1000];

/* As the option list of a destination in live mode without further options has them. */
static void
plain_options(void)
{
	memset(&options, 0, sizeof(options));
	options.format = &ecapi_format_meta;
	options.data_set_id = (char *) "123";
	for (int i = 0; i < ecapi_format_meta.nown; i++)
		options.own[i] = (char *) ecapi_format_meta.own[i].fallback;
	default_country = NULL;
}

static void
note_left_out(void *arg, const EcapiField *field, EcapiViolationCode why)
{
	size_t		len = strlen(left_out);

	(void) arg;
	snprintf(left_out + len, sizeof(left_out) - len, "%s%s %s", len > 0 ? " " : "",
			 ecapi_field_path(field), ecapi_violation_name(why));
}

/* One event by itself, as an element of data; "'" stands for quotes. */
static EcapiShaped
shape(const char *json)
{
	EcapiArena	arena;
	EcapiShape	shape = {.format = &ecapi_format_meta, .options = &options, .now = NOW,
		.default_country = default_country, .left_out = note_left_out};
	EcapiShaped shaped;
	EcapiValue *event;

	left_out[0] = '\0';
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&body, 0);
	ecapi_buffer_str(&body, "");
	event = unit_json(&arena, json);
	shape.original = ecapi_amend_original(event);
	shaped = ecapi_format_meta.add(&shape, &arena, event, &body, &reason);
	return shaped;
}

static bool
has(const char *text)
{
	return strstr(body.data, text) != NULL;
}

/* Whether a parameter is the array of the digests of these texts, NULL at the end. */
static bool
has_hashed(const char *name, const char *first, const char *second)
{
	char		wanted[400];
	char		hex[ECAPI_HEX_SIZE];

	ecapi_sha256(first, strlen(first), hex);
	snprintf(wanted, sizeof(wanted), "\"%s\":[\"%s\"", name, hex);
	if (second != NULL)
	{
		ecapi_sha256(second, strlen(second), hex);
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), ",\"%s\"", hex);
	}
	snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "]");
	return has(wanted);
}

/* An event with that user_data and no more than it needs. */
static EcapiShaped
shape_user(const char *user_data)
{
	char		json[2000];

	snprintf(json, sizeof(json), "{'id':'i','timestamp':1790000000,'event_type':'login',"
			 "'user_data':%s}", user_data);
	return shape(json);
}

#define EMAIL	"'user_data':{'email_address':['ann@example.com']}"
#define HEAD	"'id':'i','timestamp':1790000000," EMAIL

/* ---- names ---- */

static const char *const names[][2] = {
	{"purchase", "Purchase"}, {"page_view", "PageView"}, {"ad_impression", "ad_impression"},
	{"add_to_wishlist", "AddToWishlist"}, {"add_to_cart", "AddToCart"},
	{"viewed_cart", "viewed_cart"}, {"viewed_item", "ViewContent"},
	{"begin_checkout", "InitiateCheckout"}, {"add_payment_info", "AddPaymentInfo"},
	{"remove_from_cart", "remove_from_cart"}, {"refund", "refund"}, {"generate_lead", "Lead"},
	{"qualify_lead", "qualify_lead"}, {"close_convert_lead", "close_convert_lead"},
	{"disqualify_lead", "disqualify_lead"}, {"close_unconvert_lead", "close_unconvert_lead"},
	{"sign_up", "CompleteRegistration"}, {"search", "Search"},
	{"unlock_achievement", "unlock_achievement"}, {"install", "install"},
	{"customize_product", "CustomizeProduct"}, {"contact", "Contact"}, {"donate", "Donate"},
	{"find_location", "FindLocation"}, {"schedule", "Schedule"}, {"start_trial", "StartTrial"},
	{"subscribe", "Subscribe"}, {"custom", "quiz_finished"},
	{"add_shipping_info", "add_shipping_info"}, {"share", "share"},
	{"select_content", "select_content"}, {"select_item", "select_item"},
	{"select_promotion", "select_promotion"}, {"view_item_list", "view_item_list"},
	{"view_promotion", "view_promotion"}, {"view_search_results", "view_search_results"},
	{"spend_virtual_currency", "spend_virtual_currency"},
	{"earn_virtual_currency", "earn_virtual_currency"}, {"working_lead", "working_lead"},
	{"login", "login"}, {"join_group", "join_group"}, {"level_up", "level_up"},
	{"post_score", "post_score"}, {"tutorial_begin", "tutorial_begin"},
	{"tutorial_complete", "tutorial_complete"}
};

static void
test_names(void)
{
	char		json[500];
	char		wanted[100];

	check(lengthof(names) == ECAPI_EVENT_TYPES, "every event type has a name");
	for (size_t i = 0; i < lengthof(names); i++)
	{
		snprintf(json, sizeof(json), "{" HEAD ",'event_type':'%s','custom_event':'quiz_finished',"
				 "'value':1,'currency_code':'EUR'}", names[i][0]);
		snprintf(wanted, sizeof(wanted), "{\"event_name\":\"%s\",\"event_time\":1790000000,"
				 "\"event_id\":\"i\",\"action_source\":\"other\",", names[i][1]);
		check(shape(json) == ECAPI_SHAPED && strncmp(body.data, wanted, strlen(wanted)) == 0,
			  names[i][0]);
	}
	check(ecapi_format_meta.off_by_default == UINT64_C(1) << ECAPI_EVENT_refund,
		  "a refund alone is off by default");

	options.targets[ECAPI_EVENT_purchase] = (char *) "Order";
	options.targets[ECAPI_EVENT_subscribe] = (char *) "Purchase";
	options.targets[ECAPI_EVENT_refund] = (char *) "Refund";
	check(shape("{" HEAD ",'event_type':'purchase'}") == ECAPI_SHAPED && has("\"event_name\":\"Order\""),
		  "the destination's own name");
	check(shape("{" HEAD ",'event_type':'subscribe'}") == ECAPI_UNFIT, "needs what the name needs");
	check_text(reason, "value missing", "which is a value");
	check(shape("{" HEAD ",'event_type':'refund'}") == ECAPI_SHAPED && has("\"event_name\":\"Refund\""),
		  "a refund that is named goes under its name");
	plain_options();
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
		{"{" HEAD ",'event_type':'nosuch'}", "event_type unknown"},
		{"{" HEAD ",'event_type':'custom'}", "custom_event missing"},
		{"{" EMAIL ",'event_type':'login'}", "timestamp missing"},
		{"{" EMAIL ",'event_type':'login','timestamp':'x'}", "timestamp missing"},
		{"{" EMAIL ",'event_type':'login','timestamp':0}", "timestamp missing"},
		{"{'timestamp':1790000000,'event_type':'login'}", "no identifier"},
		{"{'timestamp':1790000000,'event_type':'login','user_data':{'age_range':3}}", "no identifier"},
		{"{'timestamp':1790000000,'event_type':'login','user_data':'ann@example.com'}", "no identifier"},
		{"{" HEAD ",'event_type':'login','source':'website'}", "event_source_url missing"},
		{"{" HEAD ",'event_type':'login','source':'website','properties':{'page_url':'thanks'}}",
		"event_source_url missing"},
		{"{" HEAD ",'event_type':'login','properties':{'page_url':'https://a.example/'}}",
		"client_user_agent missing"},
		{"{" HEAD ",'event_type':'purchase','currency_code':'EUR'}", "value missing"},
		{"{" HEAD ",'event_type':'purchase','value':'1','currency_code':'EUR'}", "value missing"},
		{"{" HEAD ",'event_type':'purchase','value':1}", "currency_code missing"},
		{"{" HEAD ",'event_type':'purchase','value':1,'currency_code':'XX1'}", "currency_code unknown"},
		{"{" HEAD ",'event_type':'login','value':1}", "currency_code missing"},
		{"{" HEAD ",'event_type':'login','source':'app'}", "app_data missing"},
		{"{" HEAD ",'event_type':'login','source':'app','ext':{'app_data':{'extinfo':['a2']}}}",
		"app_data missing"},
		{"{" HEAD ",'event_type':'login','source':'business_messaging'}", "messaging_channel missing"},
		{"{" HEAD ",'event_type':'login','source':'business_messaging','ext':{'messaging_channel':'fax'}}",
		"messaging_channel missing"},
		{"{" HEAD ",'event_type':'login','source':'business_messaging','ext':{'messaging_channel':'whatsapp'}}",
		NULL},
		{"{" HEAD ",'event_type':'purchase','value':0,'currency_code':'eur'}", NULL},
		{"{" HEAD ",'event_type':'login','source':'nosuch'}", NULL},
		{"{" HEAD ",'event_type':'login','data_set_id':'123'}", NULL}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		EcapiShaped shaped;

		ecapi_buffer_truncate(&body, 0);
		shaped = shape(cases[i].json);
		check(shaped == (cases[i].reason ? ECAPI_UNFIT : ECAPI_SHAPED) &&
			  (body.len == 0) == (cases[i].reason != NULL), cases[i].json);
		check_text(reason, cases[i].reason, "with the reason");
	}
}

/* Parameters that tell one person from others, and those that do not. */
static void
test_broad(void)
{
	static const struct
	{
		const char *user_data;
		bool		fit;
	}			cases[] = {
		{"{'event_user_agent':'Mozilla/5.0'}", false},
		{"{'gender':'female','event_user_agent':'Mozilla/5.0','address':{'city':'Ulm','state':'BW',"
		"'country_code':'de','postal_code':'89073'}}", false},
		{"{'address':{'first_name':'Ann'},'gender':'female'}", false},
		{"{'address':{'last_name':'Berg'},'gender':'female'}", false},
		{"{'address':{'first_name':'Ann'}}", false},
		{"{'address':{'first_name':'Ann','last_name':'Berg'}}", true},
		{"{'address':{'first_name':'Ann','city':'Ulm'}}", true},
		{"{'event_ip_address':'192.0.2.1'}", true},
		{"{'ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}", true},
		{"{'customer_identifier':'c1'}", true},
		{"{'uids':[{'id':'u1'}]}", true},
		{"{'ext':{'click_ids':{'fbp':'fb.1.1790000000000.77'}}}", true},
		{"{'ext':{'lead_id':'1234567890'}}", true},
		{"{'gender':'x','event_user_agent':''}", false}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		check(shape_user(cases[i].user_data) == (cases[i].fit ? ECAPI_SHAPED : ECAPI_UNFIT),
			  cases[i].user_data);
	check_text(reason, "no identifier", "nothing that is usable is none");
	shape_user("{'gender':'f'}");
	check_text(reason, "identifiers too broad", "a gender alone is too broad");
}

/* ---- user_data ---- */

static void
test_user(void)
{
	static const char digest[] =
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	char		json[1000];

	check(shape_user("{'email_address':[' Ann@Example.com','ann@example.com ','b@example.com','x'],"
					 "'phone_numbers':'+1 (212) 555-0000','gender':'Female','customer_identifier':'Cust 42',"
					 "'uids':[{'id':'Cust42','source':'a'},{'id':'U 1'}]}") == ECAPI_SHAPED, "identifiers");
	check(has_hashed("em", "ann@example.com", "b@example.com"), "em: each address once");
	check(has_hashed("ph", "12125550000", NULL), "ph: digits without a plus");
	check(has_hashed("ge", "f", NULL), "ge: an initial");
	check(has_hashed("external_id", "cust42", "u1"), "external_id: both kinds, each once");
	check_text(left_out, "user_data.email_address no_certain_form", "what is no address is left out and told");

	shape_user("{'address':[{'first_name':\"\",'last_name':'O\\u0027Brien','city':'St. Louis','state':'Missouri',"
			   "'country_code':'US','postal_code':'63101-1234','street':'Main St. 1'},{'last_name':'obrien'}]}");
	check(has_hashed("ln", "obrien", NULL), "ln: no punctuation, one for both");
	check(has_hashed("ct", "stlouis", NULL) && has_hashed("st", "mo", NULL) &&
		  has_hashed("zp", "63101", NULL) && has_hashed("country", "us", NULL), "ct, st, zp, country: hashed");
	check(!has("\"fn\"") && !has("street") && !has("Main"), "nothing of what is empty, nor the street");

	snprintf(json, sizeof(json), "{'email_address':'%s','phone_numbers':['%s'],'gender':'%s',"
			 "'address':{'city':'%s','first_name':'%s'}}", digest, digest, digest, digest, digest);
	shape_user(json);
	check(has("\"em\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]") &&
		  has("\"fn\":[\"aaaa"), "a digest of the standard is used where its form is Meta's");
	check(!has("\"ph\"") && !has("\"ge\"") && !has("\"ct\""), "and left out where it is not");
	check_text(left_out, "user_data.phone_numbers unusable_digest user_data.address.city unusable_digest "
			   "user_data.gender unusable_digest", "which is told");

	default_country = "de";
	shape_user("{'phone_numbers':'0711 123456'}");
	check(has_hashed("ph", "49711123456", NULL), "a number of the default country");
	default_country = NULL;
	check(shape_user("{'phone_numbers':'0711 123456'}") == ECAPI_UNFIT, "of no country: none");

	shape_user("{'event_ip_address':'::1','landing_ip_address':'192.0.2.1','event_user_agent':'A',"
			   "'landing_user_agent':'B','ifa':'38400000-8cf0-11bd-b23e-10b96e40000d'}");
	check_text(strstr(body.data, "\"user_data\""), "\"user_data\":{\"client_ip_address\":\"::1\","
			   "\"client_user_agent\":\"A\",\"madid\":\"38400000-8cf0-11bd-b23e-10b96e40000d\"}}",
			   "what leaves clear");
	shape_user("{'event_ip_address':'x','landing_ip_address':'192.0.2.1','landing_user_agent':'B','ifa':'a b'}");
	check_text(strstr(body.data, "\"user_data\""), "\"user_data\":{\"client_ip_address\":\"192.0.2.1\","
			   "\"client_user_agent\":\"B\"}}", "those of the landing stand for missing ones");
}

static void
test_clicks(void)
{
	static const struct
	{
		const char *user_data;
		const char *fbc;		/* or NULL */
	}			cases[] = {
		{"{'ext':{'click_ids':{'fbc':'fb.1.1789999999000.AbC-_9','fbclid':'Other'}}}", "fb.1.1789999999000.AbC-_9"},
		{"{'ext':{'click_ids':{'fbclid':'IwAR2F4-dbP0'}}}", "fb.1.1790000000000.IwAR2F4-dbP0"},
		{"{'ext':{'click_ids':{'fbc':'a b','fbclid':'IwAR2F4-dbP0'}}}", "fb.1.1790000000000.IwAR2F4-dbP0"},
		{"{'click_id':'IwAR2F4-dbP0'}", "fb.1.1790000000000.IwAR2F4-dbP0"},
		{"{'click_id':'fb.1.1789999999000.AbC'}", "fb.1.1789999999000.AbC"},
		{"{'click_id':'Cj0K','ext':{'click_ids':{'gclid':'Cj0K'}}}", NULL},
		{"{'click_id':'IwAR','ext':{'click_ids':{'gclid':'Cj0K'}}}", "fb.1.1790000000000.IwAR"},
		{"{'click_id':'has blanks'}", NULL},
		{"{'click_id':'ann@example.com'}", NULL},
		{"{'ext':{'click_ids':{'fbc':'fb.1.x.y'}}}", NULL},
		{"{'ext':{'click_ids':{'fbc':['fb.1.1789999999000.AbC']}}}", NULL},
		{"{'ext':{'click_ids':'fb.1.1789999999000.AbC'}}", NULL}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		json[500];
		char		wanted[200];

		snprintf(json, sizeof(json), "{'event_ip_address':'192.0.2.1',%s", cases[i].user_data + 1);
		snprintf(wanted, sizeof(wanted), "\"fbc\":\"%s\"", cases[i].fbc ? cases[i].fbc : "");
		check(shape_user(json) == ECAPI_SHAPED && (cases[i].fbc ? has(wanted) : !has("fbc")),
			  cases[i].user_data);
	}
	shape_user("{'ext':{'click_ids':{'fbp':'fb.1.1790000000000.1098115397'},'lead_id':1234567890123456,"
			   "'subscription_id':'s-1','page_id':'77','fb_login_id':'x','ctwa_clid':'a b','tier':'gold'}}");
	check_text(strstr(body.data, "\"user_data\""), "\"user_data\":{\"fbp\":\"fb.1.1790000000000.1098115397\","
			   "\"lead_id\":1234567890123456,\"subscription_id\":\"s-1\",\"page_id\":\"77\"}}",
			   "ids of Meta's own, and nothing else of ext");
}

/* ---- the rest of an event ---- */

static void
test_event(void)
{
	shape("{'id':'i','timestamp':1790000000.9,'event_type':'page_view','user_data':{'event_user_agent':'A',"
		  "'event_ip_address':'192.0.2.1','mmt_only':true},'properties':{'page_url':'https://a.example/?q=1',"
		  "'referrer':'android-app://x'}}");
	check_text(body.data, "{\"event_name\":\"PageView\",\"event_time\":1790000000,\"event_id\":\"i\","
			   "\"action_source\":\"website\",\"event_source_url\":\"https://a.example/?q=1\",\"opt_out\":true,"
			   "\"user_data\":{\"client_ip_address\":\"192.0.2.1\",\"client_user_agent\":\"A\"}}",
			   "a page makes a website's event; what is no URL of the web does not leave");
	shape("{" EMAIL ",'timestamp':1790001000,'event_type':'login'}");
	check(has("\"event_time\":1790000600,\"action_source\""), "a time to come is now");

	options.own[ECAPI_META_DATA_PROCESSING] = (char *) "LDU";
	options.own[ECAPI_META_DATA_PROCESSING_COUNTRY] = (char *) "1";
	options.own[ECAPI_META_DATA_PROCESSING_STATE] = (char *) "1000";
	shape("{" HEAD ",'event_type':'login'}");
	check(has(",\"data_processing_options\":[\"LDU\"],\"data_processing_options_country\":1,"
			  "\"data_processing_options_state\":1000,"), "Limited Data Use");
	plain_options();

	check(shape("{" HEAD ",'event_type':'login','source':'app','ext':{'app_data':{'advertiser_tracking_enabled':1,"
				"'application_tracking_enabled':true,'secret':'x','extinfo':['i2','','','','','','','','','','','',"
				"'','','','']}}}") == ECAPI_SHAPED, "an app's event");
	check(has("\"app_data\":{\"advertiser_tracking_enabled\":1,\"application_tracking_enabled\":true,"
			  "\"extinfo\":[\"i2\",\"\"") && !has("secret"), "with what Meta wants to know of the app");
}

static void
test_custom(void)
{
	shape("{" HEAD ",'event_type':'purchase','value':129.90,'currency_code':'eur','ext':{'predicted_ltv':250.5,"
		  "'net_revenue':'x','margin':7},'properties':{'transaction_id':'42','search_term':'mug','lead_status':'new',"
		  "'coupon':['A','B'],'shipping':4.90,'make':'Audi','vin':'W1','nosuch':'x','tax':null,'items':["
		  "{'id':'a','quantity':2,'price':0,'name':'Mug','brand':'Acme','category':'K','discount':1},"
		  "{'id':'b'},{'name':'no id','quantity':3}],'ext':{'net_revenue':80,'value':1,'color':'red','coupon':'C',"
		  "'sizes':[1,'x',{'a':1},null],'deep':{'a':1},'flag':false}}}");
	check_text(strstr(body.data, "\"custom_data\""), "\"custom_data\":{\"value\":129.90,\"currency\":\"EUR\","
			   "\"predicted_ltv\":250.5,\"net_revenue\":80,\"order_id\":\"42\",\"contents\":["
			   "{\"id\":\"a\",\"quantity\":2,\"item_price\":0,\"title\":\"Mug\",\"brand\":\"Acme\",\"category\":\"K\"},"
			   "{\"id\":\"b\"}],\"content_ids\":[\"a\",\"b\"],\"content_type\":\"product\",\"num_items\":6,"
			   "\"search_string\":\"mug\",\"status\":\"new\",\"coupon\":[\"A\",\"B\"],\"shipping\":4.90,"
			   "\"color\":\"red\",\"sizes\":[1,\"x\"],\"flag\":false}}", "custom_data");
	shape("{" HEAD ",'event_type':'login','currency_code':'EUR','properties':{'items':[{'name':'x'}]}}");
	check(!has("custom_data"), "none when nothing comes into it");
	shape("{" HEAD ",'event_type':'login','properties':{'items':{'id':'a','quantity':0.5},'ext':{'content_type':'product_group'}}}");
	check_text(strstr(body.data, "\"custom_data\""), "\"custom_data\":{\"contents\":[{\"id\":\"a\",\"quantity\":0.5}],"
			   "\"content_ids\":[\"a\"],\"content_type\":\"product_group\"}}", "goods by weight are not counted");
}

/* ---- options ---- */

static const char *
check_of(EcapiMetaOption option, const char *value)
{
	return (ecapi_format_meta.own[option].check) (value);
}

static const char *
problem_of(void)
{
	static EcapiFormatProblem problem;

	return (ecapi_format_meta.check) (&options, &problem) ? NULL : problem.message;
}

static void
test_options(void)
{
	static const char *const bad[] = {"26.0", "v26", "v26.1", "v20.0", "v9.0", "v100.0", "vab.0", "v26.0 ", ""};

	for (size_t i = 0; i < lengthof(bad); i++)
		check(check_of(ECAPI_META_API_VERSION, bad[i]) != NULL, bad[i]);
	check(check_of(ECAPI_META_API_VERSION, "v21.0") == NULL && check_of(ECAPI_META_API_VERSION, "v99.0") == NULL,
		  "versions");
	check_text(options.own[ECAPI_META_API_VERSION], "v26.0", "which is v26.0 unless given");
	check(check_of(ECAPI_META_TEST_EVENT_CODE, "TEST12345") == NULL &&
		  check_of(ECAPI_META_TEST_EVENT_CODE, "TEST 1") != NULL &&
		  check_of(ECAPI_META_TEST_EVENT_CODE, "TEST12345678901234567890123456789") != NULL, "test codes");
	check(check_of(ECAPI_META_DATA_PROCESSING_STATE, "1000") == NULL &&
		  check_of(ECAPI_META_DATA_PROCESSING_STATE, "0") == NULL &&
		  check_of(ECAPI_META_DATA_PROCESSING_STATE, "-1") != NULL &&
		  check_of(ECAPI_META_DATA_PROCESSING_STATE, "01") != NULL &&
		  check_of(ECAPI_META_DATA_PROCESSING_COUNTRY, "") != NULL &&
		  check_of(ECAPI_META_DATA_PROCESSING_COUNTRY, "123456") != NULL, "places");

	check_text(problem_of(), NULL, "the least there is");
	options.data_set_id = NULL;
	check_text(problem_of(), "option \"data_set_id\" is missing", "without a data set");
	options.data_set_id = (char *) "12a";
	check_text(problem_of(), "option \"data_set_id\" is none of Meta's", "with another's");
	plain_options();
	options.mode = ECAPI_MODE_TEST;
	check_text(problem_of(), "mode 'test' needs the option \"test_event_code\"", "test mode without a code");
	options.own[ECAPI_META_TEST_EVENT_CODE] = (char *) "TEST1";
	check_text(problem_of(), NULL, "with one");
	plain_options();
	options.own[ECAPI_META_DATA_PROCESSING_STATE] = (char *) "1000";
	check_text(problem_of(), "a place for Limited Data Use is given, but not Limited Data Use", "a place alone");
	plain_options();
	check(ecapi_format_meta.age_limit(&options, NULL) == ECAPI_META_AGE, "seven days");
}

/* ---- a request ---- */

static void
test_request(void)
{
	EcapiShape	shape = {.format = &ecapi_format_meta, .options = &options, .now = NOW};
	EcapiCredentials credentials = {.token = "EAAB\"x"};
	EcapiSealing sealing = {.shape = &shape, .credentials = &credentials, .body = &body};
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check_text(ecapi_format_meta.path(&options, 0, &arena), "/v26.0/123/events", "where requests go");
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_meta.open(&shape, &body);
	for (; shape.events < 2; shape.events++)
		ecapi_format_meta.add(&shape, &arena, unit_json(&arena, "{'timestamp':1790000000,'event_type':'login',"
														"'user_data':{'event_ip_address':'192.0.2.1'}}"), &body, &reason);
	ecapi_format_meta.close(&shape, &body);
#define EVENT "{\"event_name\":\"login\",\"event_time\":1790000000,\"action_source\":\"other\"," \
	"\"user_data\":{\"client_ip_address\":\"192.0.2.1\"}}"
	check_text(body.data, "{\"data\":[" EVENT "," EVENT "]", "a body without what is secret");
	ecapi_format_meta.seal(&sealing);
	check_text(body.data, "{\"data\":[" EVENT "," EVENT "],\"access_token\":\"EAAB\\\"x\"}", "and with it");
	check(sealing.problem == NULL, "is sent");

	options.mode = ECAPI_MODE_TEST;
	options.own[ECAPI_META_TEST_EVENT_CODE] = (char *) "TEST1";
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_meta.close(&shape, &body);
	check_text(body.data, "],\"test_event_code\":\"TEST1\"", "test mode");
	plain_options();
	options.own[ECAPI_META_TEST_EVENT_CODE] = (char *) "TEST1";
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_meta.close(&shape, &body);
	check_text(body.data, "]", "live mode");
	plain_options();
	credentials.token = NULL;
	ecapi_format_meta.seal(&sealing);
	check(sealing.problem != NULL, "without a token nothing is sent");
}

/* ---- answers ---- */

static EcapiJudgement
judge(int status, const char *text, int nevents, EcapiArena *arena)
{
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .status = status, .retry_after_ms = 7000};
	EcapiJudgement judgement = {.retry_after_ms = -1};

	answer.body = text;
	answer.body_len = strlen(text);
	ecapi_meta_judge(&answer, nevents, arena, &judgement);
	return judgement;
}

#define REFUSAL(rest) "{\"error\":{" rest ",\"type\":\"OAuthException\",\"fbtrace_id\":\"A\"}}"

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
	}			cases[] = {
		{200, "{\"events_received\":3,\"messages\":[],\"fbtrace_id\":\"A\"}", ECAPI_DELIVERED, false, false},
		{200, "{\"events_received\":2}", ECAPI_RETRY, false, true},
		{200, "{\"fbtrace_id\":\"A\"}", ECAPI_RETRY, false, false},
		{200, "<html>", ECAPI_RETRY, false, false},
		{200, "", ECAPI_RETRY, false, false},
		{200, "{\"events_received\":\"3\"}", ECAPI_RETRY, false, false},
		{200, REFUSAL("\"code\":7"), ECAPI_RETRY, false, true},
		{500, REFUSAL("\"code\":190,\"error_subcode\":463"), ECAPI_STOP, true, false},
		{400, REFUSAL("\"code\":190"), ECAPI_STOP, true, false},
		{400, REFUSAL("\"code\":102"), ECAPI_STOP, true, false},
		{400, REFUSAL("\"code\":190,\"is_transient\":true"), ECAPI_STOP, true, false},
		{403, REFUSAL("\"code\":200"), ECAPI_STOP, true, false},
		{400, REFUSAL("\"code\":10"), ECAPI_STOP, true, false},
		{400, REFUSAL("\"code\":100,\"error_subcode\":33"), ECAPI_STOP, false, false},
		{400, REFUSAL("\"code\":3"), ECAPI_STOP, false, false},
		{400, REFUSAL("\"code\":294"), ECAPI_STOP, false, false},
		{400, REFUSAL("\"code\":105"), ECAPI_TOO_LARGE, false, false},
		{400, REFUSAL("\"code\":4"), ECAPI_RETRY, false, false},
		{403, REFUSAL("\"code\":17"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":32"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":613"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":80003"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":1"), ECAPI_RETRY, false, true},
		{500, REFUSAL("\"code\":2"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":341"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":368"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":5000"), ECAPI_RETRY, false, true},
		{400, REFUSAL("\"code\":21009"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":100"), ECAPI_REJECTED, false, false},
		{500, REFUSAL("\"code\":100,\"error_subcode\":2804009"), ECAPI_REJECTED, false, false},
		{400, REFUSAL("\"code\":100,\"error_subcode\":2804003"), ECAPI_REJECTED, false, false},
		{400, REFUSAL("\"code\":100,\"is_transient\":true"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":77,\"is_transient\":true"), ECAPI_RETRY, false, false},
		{400, REFUSAL("\"code\":77"), ECAPI_REJECTED, false, false},
		{400, REFUSAL("\"code\":\"190\""), ECAPI_REJECTED, false, false},
		{400, REFUSAL("\"code\":1e30"), ECAPI_REJECTED, false, false},
		{401, "", ECAPI_STOP, true, false},
		{503, "", ECAPI_RETRY, false, false},
		{413, "", ECAPI_TOO_LARGE, false, false},
		{400, "{\"error\":\"bad\"}", ECAPI_REJECTED, false, false},
		{302, "", ECAPI_STOP, false, false}
	};
	EcapiArena	arena;
	EcapiJudgement judgement;
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_BROKEN, .retry_after_ms = -1};

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		judgement = judge(cases[i].status, cases[i].body, 3, &arena);
		check(judgement.verdict == cases[i].verdict && judgement.credential == cases[i].credential &&
			  judgement.suspicious == cases[i].suspicious && judgement.nnamed == 0, cases[i].body);
	}
	judgement = judge(400, REFUSAL("\"code\":4"), 3, &arena);
	check(judgement.retry_after_ms == 7000, "as late as the answer says");
	judgement = judge(500, REFUSAL("\"code\":4"), 3, &arena);
	check(judgement.untaken, "what came too fast was not taken, whatever the status");
	judgement = judge(400, REFUSAL("\"code\":2"), 3, &arena);
	check(judgement.verdict == ECAPI_RETRY && !judgement.untaken, "of trouble within nobody knows");
	judgement = judge(200, "{\"events_received\":3,\"messages\":[\"a\",\"b\"]}", 3, &arena);
	check(judgement.verdict == ECAPI_DELIVERED && judgement.warnings == 2, "warnings are counted");
	judgement = judge(400, REFUSAL("\"code\":100,\"error_subcode\":2804003"), 1, &arena);
	check(judgement.nnamed == 1 && judgement.named[0].index == 0 &&
		  judgement.named[0].outcome == ECAPI_NAMED_EXPIRED, "one event by itself that is too old");
	check_text(judgement.named[0].words, "an event is too old (code 100, subcode 2804003)", "with words");
	judgement = judge(400, REFUSAL("\"code\":100,\"error_subcode\":2804009"), 1, &arena);
	check(judgement.verdict == ECAPI_REJECTED && judgement.nnamed == 0,
		  "one that is invalid is found as among others, and keeps the whole answer");
	memset(&judgement, 0, sizeof(judgement));
	ecapi_meta_judge(&answer, 3, &arena, &judgement);
	check(judgement.verdict == ECAPI_RETRY && judgement.suspicious, "no answer");
	answer = (EcapiAnswer) {.transport = ECAPI_TRANSPORT_OK, .status = 200, .truncated = true,
		.body = "{\"events_received\":3,\"mess", .body_len = 25};
	memset(&judgement, 0, sizeof(judgement));
	ecapi_meta_judge(&answer, 3, &arena, &judgement);
	check(judgement.verdict == ECAPI_DELIVERED, "a success that was too long to be kept");
}

/* Words are Meta's where they can quote nothing. */
static void
test_words(void)
{
	static const struct
	{
		const char *error;
		const char *words;
	}			cases[] = {
		{"\"code\":4,\"message\":\"(#4) Application request limit reached\"",
		"too many requests (code 4): (#4) Application request limit reached"},
		{"\"code\":100,\"error_subcode\":2804003,\"message\":\"Invalid parameter\","
			"\"error_user_title\":\"Event Timestamp Too Old\"",
		"an event is too old (code 100, subcode 2804003): Event Timestamp Too Old"},
		{"\"code\":190,\"message\":\"Malformed access token EAABsbCS1234567890abcdef\"",
		"the access token is invalid or has expired (code 190)"},
		{"\"code\":100,\"message\":\"em is ann@example.com\"", "invalid parameter (code 100)"},
		{"\"code\":100,\"message\":\"Param data[0] must be\"", "invalid parameter (code 100)"},
		{"\"code\":100,\"message\":\"ph 49711123456 is\"", "invalid parameter (code 100)"},
		{"\"code\":100,\"message\":\"(#100) ip 192.0.2.1 is\"", "invalid parameter (code 100)"},
		{"\"code\":77,\"message\":\"(#77\"", "code 77"},
		{"\"code\":77,\"message\":\"(#) no\"", "code 77: (#) no"},
		{"\"code\":77,\"message\":\"Odd\\nline\"", "code 77: Odd line"},
		{"\"code\":77,\"message\":7", "code 77"}
	};
	EcapiArena	arena;
	char		text[1000];
	EcapiJudgement judgement;

	ecapi_arena_init(&arena, unit_grab, NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		snprintf(text, sizeof(text), "{\"error\":{%s}}", cases[i].error);
		judgement = judge(400, text, 3, &arena);
		check_text(judgement.words, cases[i].words, cases[i].error);
	}
	snprintf(text, sizeof(text), "{\"error\":{\"code\":2,\"message\":\"%0900d\"}}", 0);
	for (char *at = strstr(text, "000"); *at == '0'; at++)
		*at = at[-1] == ' ' ? 'a' : ' ';
	judgement = judge(400, text, 3, &arena);
	check(strlen(judgement.words) <= ECAPI_WORDS_MAX, "words are bounded");
}

/* ---- without memory ---- */

static long room;				/* allocations until the next fails */

static void *
grab_some(void *owner, size_t size)
{
	return room-- > 0 ? unit_grab(owner, size) : NULL;
}

static void *
resize_some(void *owner, void *old, size_t size)
{
	return room-- > 0 ? unit_resize(owner, old, size) : NULL;
}

static void
test_memory(void)
{
	EcapiShape	shape = {.format = &ecapi_format_meta, .options = &options, .now = NOW};
	EcapiArena	arena;
	EcapiValue *event;
	EcapiBuffer small;
	bool		told = true;
	long		n;

	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{" HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR','properties':{"
					  "'transaction_id':'42','items':[{'id':'a','quantity':2,'price':1,'name':'Mug'}]}}");
	for (n = 0;; n++)
	{
		EcapiShaped shaped;

		room = n;
		ecapi_buffer_init(&small, 1024 * 1024, resize_some, NULL);
		shaped = ecapi_format_meta.add(&shape, &arena, event, &small, &reason);
		if (!small.full)
			break;
		told &= small.failed && shaped == ECAPI_SHAPED;
		free(small.data);
	}
	check(told && n > 0 && small.len > 200, "a body tells that memory is short");
	free(small.data);

	ecapi_buffer_init(&small, 100, unit_resize, NULL);
	ecapi_format_meta.add(&shape, &arena, event, &small, &reason);
	check(small.full && !small.failed, "one that is full is not short of memory");
	free(small.data);

	for (n = 0; n < 100; n++)
	{
		EcapiArena	poor;
		EcapiJudgement judgement;

		room = n;
		ecapi_arena_init(&poor, grab_some, NULL);
		judgement = judge(400, REFUSAL("\"code\":100,\"error_subcode\":2804003"), 1, &poor);
		if (!poor.failed)
			break;
		told &= judgement.nnamed == 0;
	}
	check(told && n > 0 && n < 100, "without memory no event is named");
}

#define USER	"'user_data':{'email_address':['a@example.com']},'source':'other'"
#define LATER(original) "{'id':'m','event_type':'custom','custom_event':'margin','timestamp':1790000500," \
	"'value':5,'currency_code':'EUR'," USER ",'ext':{'original':" original "}}"

/* A value that becomes known after its event; and what an event is recognised by. */
static void
test_original(void)
{
	plain_options();
	check(shape(LATER("{'event_type':'purchase','timestamp':1790000000,'id':'o-1','transaction_id':'1'}")) == ECAPI_SHAPED &&
		  has("\"event_name\":\"AppendValue\"") &&
		  has("\"original_event_data\":{\"event_name\":\"Purchase\",\"event_time\":1790000000,"
			  "\"order_id\":\"1\",\"event_id\":\"o-1\"}"), "a value is appended to its event");
	check(shape(LATER("{'event_type':'purchase','timestamp':1789395799,'id':'o-1'}")) == ECAPI_FILTERED,
		  "not for longer than the option says");
	check_text(reason, "original too old", "which is said");
	check(shape(LATER("{'event_type':'purchase','timestamp':1790000000}")) == ECAPI_UNFIT &&
		  shape(LATER("{'event_type':'nosuch','timestamp':1790000000,'id':'o-1'}")) == ECAPI_UNFIT &&
		  shape(LATER("{'event_type':'purchase','id':'o-1'}")) == ECAPI_UNFIT, "nor to what is not named");
	check_text(reason, "original incomplete", "which is said, too");
	check(shape(LATER("'o-1'")) == ECAPI_SHAPED && !has("original_event_data") &&
		  has("\"event_name\":\"margin\""), "what is no object names nothing");
	options.own[ECAPI_META_APPEND_EVENT_NAME] = (char *) "ValueUpdate";
	options.dedupe_key = ECAPI_DEDUPE_TRANSACTION;
	check(shape(LATER("{'event_type':'purchase','timestamp':1790000000,'id':'o-1','transaction_id':'1'}")) == ECAPI_SHAPED &&
		  has("\"event_name\":\"ValueUpdate\"") && has("\"order_id\":\"1\",\"event_id\":\"1\""),
		  "by the names that the options give");
	check(shape("{'id':'i','event_type':'login','timestamp':1790000000," USER ",'properties':{'transaction_id':'7'}}") == ECAPI_SHAPED &&
		  has("\"event_id\":\"7\""), "an event goes by the key that the tag sends");

	plain_options();
#define AMENDMENT(properties) "{'id':'o-1:amended:1:0','event_type':'purchase','timestamp':1790000500,'value':5," \
	"'currency_code':'EUR'," USER properties ",'ext':{'amends':{'xid':'1','seq':'2'},'original':" \
	"{'event_type':'purchase','timestamp':1790000000,'id':'o-1','transaction_id':'1'}}}"
	check(shape(AMENDMENT(",'properties':{'transaction_id':'1'}")) == ECAPI_SHAPED &&
		  has("\"event_name\":\"AppendValue\"") && has("\"order_id\":\"1\",\"event_id\":\"o-1\""),
		  "an amendment of a purchase is no purchase");
	check(shape(AMENDMENT("")) == ECAPI_SHAPED && !has("order_id") && has("\"event_id\":\"o-1\"") && !has("amends"),
		  "what the options take out of events does not come back by their original");
}

static void
test_versions(void)
{
	static EcapiOptions aging;
	EcapiFormatProblem problem;

	memset(&problem, 0, sizeof(problem));
	aging.own[ECAPI_META_API_VERSION] = "v26.0";
	check(ecapi_format_meta.lasts(&aging, INT64_C(1795780800), &problem), "the current version lasts");
	check(!ecapi_format_meta.lasts(&aging, INT64_C(1841184000), &problem) &&
		  strstr(problem.message, "2028-08-06"), "until its end nears");
	aging.own[ECAPI_META_API_VERSION] = "v27.0";
	check(ecapi_format_meta.lasts(&aging, INT64_C(1841184000), &problem), "of one to come nothing is known");
	aging.own[ECAPI_META_API_VERSION] = "v25.0";
	check(!ecapi_format_meta.lasts(&aging, INT64_C(1795780800), &problem) && problem.hint[0] != '\0',
		  "an older one is said to be old");
}

int
main(void)
{
	ecapi_buffer_init(&body, 1024 * 1024, unit_resize, NULL);
	plain_options();
	test_names();
	test_fit();
	test_broad();
	test_user();
	test_clicks();
	test_event();
	test_custom();
	test_options();
	test_request();
	test_answers();
	test_words();
	test_memory();
	test_original();
	free(body.data);
	unit_free();
	test_versions();
	return unit_done();
}

/*
 * test_google.c
 *	  Google's Data Manager API: its options, and the body that goes out.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/analytics.h"
#include "destination/formats.h"
#include "destination/google.h"
#include "destination/options.h"
#include "event/amended.h"
#include "event/digest.h"
#include "event/json.h"
#include "unit.h"

static EcapiOptions options;
static EcapiBuffer body;
static EcapiArena arena;
static EcapiIdentified identified;
static const char *reason;
static int	left_out;			/* values of the last event */
static const char *default_country;

static void
note_left_out(void *arg, const EcapiField *field, EcapiViolationCode code)
{
	(void) arg;
	(void) field;
	(void) code;
	left_out++;
}

/* Options of a destination for Google Ads that takes purchases, or for Analytics. */
static void
set_ads(void)
{
	memset(&options, 0, sizeof(options));
	options.format = &ecapi_format_google;
	options.dedupe_key = ecapi_format_google.dedupe_key;
	options.own[ECAPI_GOOGLE_ACCOUNT_ID] = "1234567890";
	options.event_types = UINT64_C(1) << ECAPI_EVENT_purchase;
	options.targets[ECAPI_EVENT_purchase] = "7001";
}

static void
set_floodlight(void)
{
	set_ads();
	options.own[ECAPI_GOOGLE_ACCOUNT_TYPE] = "FLOODLIGHT_CONFIG";
}

static void
set_analytics(void)
{
	memset(&options, 0, sizeof(options));
	options.format = &ecapi_format_google;
	options.dedupe_key = ecapi_format_google.dedupe_key;
	options.own[ECAPI_GOOGLE_ACCOUNT_ID] = "555";
	options.own[ECAPI_GOOGLE_ACCOUNT_TYPE] = "GOOGLE_ANALYTICS_PROPERTY";
	options.own[ECAPI_GOOGLE_PRODUCT_ID] = "G-A1B2C3";
	options.event_types = ECAPI_ALL_EVENT_TYPES;
}

/* Events of one body, a JSON array; "'" stands for quotes.  What became of the last one. */
static EcapiShaped
shape_all(const char *json)
{
	EcapiShape	shape = {.format = &ecapi_format_google, .options = &options,
	.left_out = note_left_out, .default_country = default_country};
	EcapiShaped shaped = ECAPI_SHAPED;

	left_out = 0;
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_google.open(&shape, &body);
	for (const EcapiValue *event = unit_json(&arena, json)->first; event; event = event->next)
	{
		reason = NULL;
		shape.original = ecapi_amend_original(event);
		shaped = ecapi_format_google.add(&shape, &arena, event, &body, &reason);
		shape.events += shaped == ECAPI_SHAPED;
	}
	ecapi_format_google.close(&shape, &body);
	identified = shape.identified;
	return shaped;
}

#define HEAD	"'id':'i','timestamp':1795777200,'event_type':'purchase'"
#define EMAIL	"'email_address':['ann.example@example.com']"
#define EMAIL_OUT "ed8bbed62e5413bda71004ce9dc94605cb9321d340ba1d9c239b099d06bcc38e"
#define ADS_TAIL "],\"destinations\":[{\"operatingAccount\":{\"accountType\":\"GOOGLE_ADS\"," \
	"\"accountId\":\"1234567890\"},\"productDestinationId\":\"7001\"}],\"encoding\":\"HEX\"}"

static EcapiShaped
shape(const char *json)
{
	char		list[8000];

	snprintf(list, sizeof(list), "[%s]", json);
	return shape_all(list);
}

/* The same of an event of the usual head with that user_data. */
static EcapiShaped
shape_user(const char *user_data)
{
	char		json[6000];

	snprintf(json, sizeof(json), "{" HEAD ",'user_data':{%s}}", user_data);
	return shape(json);
}

static bool
has(const char *text)
{
	return strstr(body.data, text) != NULL;
}

/* ---- bodies ---- */

static void
test_whole(void)
{
	set_ads();
	check(shape("{" HEAD ",'user_data':{" EMAIL "}}") == ECAPI_SHAPED, "the least there is");
	check_text(body.data, "{\"events\":[{\"transactionId\":\"i\",\"eventTimestamp\":\"2026-11-27T11:00:00Z\","
			   "\"userData\":{\"userIdentifiers\":[{\"emailAddress\":\"" EMAIL_OUT "\"}]}}" ADS_TAIL,
			   "an event and where it goes");
	shape("{" HEAD ",'value':129.90,'currency_code':'eur','source':'chat','user_data':{'mmt_only':true,"
		  "'landing_user_agent':'L','landing_ip_address':'192.0.2.1','event_user_agent':'E',"
		  "'event_ip_address':'192.0.2.2','ifa':'AEBE52E7-03EE-455A-B3C4-E57283966239',"
		  "'ext':{'click_ids':{'gclid':'g','gbraid':'b','wbraid':'w','dclid':'d','fbc':'f'},"
		  "'consent':{'ad_user_data':true,'ad_personalization':true},"
		  "'user_properties':{'customer_type':'new','customer_value_bucket':'high','plan':'x'}}},"
		  "'properties':{'transaction_id':'42','coupon':['c',7],'page_url':'https://shop.example/',"
		  "'items':[{'id':'a','quantity':2.0,'price':1.50,'name':'n'},{'name':'no id'}]}}");
	check_text(body.data, "{\"events\":[{\"transactionId\":\"42\",\"eventTimestamp\":\"2026-11-27T11:00:00Z\","
			   "\"eventSource\":\"MESSAGE\",\"currency\":\"EUR\",\"conversionValue\":129.90,"
			   "\"consent\":{\"adUserData\":\"CONSENT_GRANTED\",\"adPersonalization\":\"CONSENT_DENIED\"},"
			   "\"adIdentifiers\":{\"gclid\":\"g\",\"gbraid\":\"b\",\"wbraid\":\"w\","
			   "\"mobileDeviceId\":\"AEBE52E7-03EE-455A-B3C4-E57283966239\","
			   "\"landingPageDeviceInfo\":{\"userAgent\":\"L\",\"ipAddress\":\"192.0.2.1\"}},"
			   "\"eventDeviceInfo\":{\"userAgent\":\"E\",\"ipAddress\":\"192.0.2.2\"},"
			   "\"cartData\":{\"items\":[{\"merchantProductId\":\"a\",\"itemId\":\"a\",\"quantity\":2,"
			   "\"unitPrice\":1.50}],\"couponCodes\":[\"c\"]},"
			   "\"userProperties\":{\"customerType\":\"NEW\",\"customerValueBucket\":\"HIGH\"}}" ADS_TAIL,
			   "all that Google Ads takes, and nothing of Analytics");
	options.own[ECAPI_GOOGLE_MERCHANT_ID] = "99";
	options.own[ECAPI_GOOGLE_FEED_LABEL] = "ONLINE";
	options.own[ECAPI_GOOGLE_FEED_LANGUAGE] = "en";
	options.mode = ECAPI_MODE_TEST;
	shape("{" HEAD ",'user_data':{" EMAIL "},'properties':{'items':{'id':'a'}}}");
	check(has("\"cartData\":{\"items\":[{\"merchantProductId\":\"a\",\"itemId\":\"a\"}],\"merchantId\":\"99\","
			  "\"merchantFeedLabel\":\"ONLINE\",\"merchantFeedLanguageCode\":\"en\"}"), "where items are from");
	check(has(",\"encoding\":\"HEX\",\"validateOnly\":true}"), "test mode validates only");
	shape("{" HEAD ",'user_data':{" EMAIL "}}");
	check(!has("merchantId"), "but says nothing without items");
}

static void
test_accounts(void)
{
	set_ads();
	options.own[ECAPI_GOOGLE_LOGIN_ID] = "2";
	options.own[ECAPI_GOOGLE_LOGIN_TYPE] = "DATA_PARTNER";
	options.own[ECAPI_GOOGLE_LINKED_ID] = "3";
	shape_user(EMAIL);
	check(has("\"loginAccount\":{\"accountType\":\"DATA_PARTNER\",\"accountId\":\"2\"},"
			  "\"linkedAccount\":{\"accountType\":\"GOOGLE_ADS\",\"accountId\":\"3\"},"
			  "\"productDestinationId\":\"7001\""), "accounts around that of the events");
}

static void
test_targets(void)
{
	set_ads();
	options.targets[ECAPI_EVENT_sign_up] = "7002";
	options.targets[ECAPI_EVENT_subscribe] = "7001";
	options.targets[ECAPI_EVENT_login] = "70";
	shape_all("[{" HEAD ",'user_data':{" EMAIL "},'ext':{}},"
			  "{'id':'\\\\u0022destinationReferences\\\\u0022:[\\\\u002270\\\\u0022','timestamp':1795777200,"
			  "'event_type':'subscribe','user_data':{" EMAIL "}}]");
	check(has("{\"destinationReferences\":[\"7001\"],\"transactionId\":\"i\""), "an event refers to its target");
	check(has("],\"destinations\":[{\"reference\":\"7001\",\"operatingAccount\""), "which is among the destinations");
	check(!has("7002") && !has("\"reference\":\"70\""), "those that nothing refers to are not");
	shape_all("[{" HEAD ",'user_data':{" EMAIL "}},"
			  "{'id':'j','timestamp':1795777200,'event_type':'sign_up','user_data':{" EMAIL "}}]");
	check(has("\"reference\":\"7001\"") && has("\"reference\":\"7002\",\"operatingAccount\":{\"accountType\":"
											   "\"GOOGLE_ADS\",\"accountId\":\"1234567890\"},\"productDestinationId\":\"7002\""),
		  "two targets, two destinations");
}

/* event_map.tsv, the column of Google; NULL: reserved. */
static const struct
{
	const char *type;
	const char *name;
}			event_map[] = {
	{"purchase", "purchase"}, {"page_view", "page_view"}, {"ad_impression", NULL},
	{"add_to_wishlist", "add_to_wishlist"}, {"add_to_cart", "add_to_cart"},
	{"viewed_cart", "view_cart"}, {"viewed_item", "view_item"},
	{"begin_checkout", "begin_checkout"}, {"add_payment_info", "add_payment_info"},
	{"remove_from_cart", "remove_from_cart"}, {"refund", "refund"},
	{"generate_lead", "generate_lead"}, {"qualify_lead", "qualify_lead"},
	{"close_convert_lead", "close_convert_lead"}, {"disqualify_lead", "disqualify_lead"},
	{"close_unconvert_lead", "close_unconvert_lead"}, {"sign_up", "sign_up"},
	{"search", "search"}, {"unlock_achievement", "unlock_achievement"},
	{"install", "install"}, {"customize_product", "customize_product"},
	{"contact", "contact"}, {"donate", "donate"}, {"find_location", "find_location"},
	{"schedule", "schedule"}, {"start_trial", "start_trial"}, {"subscribe", "subscribe"},
	{"custom", "quiz_done"}, {"add_shipping_info", "add_shipping_info"},
	{"share", "share"}, {"select_content", "select_content"},
	{"select_item", "select_item"}, {"select_promotion", "select_promotion"},
	{"view_item_list", "view_item_list"}, {"view_promotion", "view_promotion"},
	{"view_search_results", "view_search_results"},
	{"spend_virtual_currency", "spend_virtual_currency"},
	{"earn_virtual_currency", "earn_virtual_currency"}, {"working_lead", "working_lead"},
	{"login", "login"}, {"join_group", "join_group"}, {"level_up", "level_up"},
	{"post_score", "post_score"}, {"tutorial_begin", "tutorial_begin"},
	{"tutorial_complete", "tutorial_complete"}
};

static void
test_names(void)
{
	check(lengthof(event_map) == ECAPI_EVENT_TYPES, "all event types");
	for (size_t i = 0; i < lengthof(event_map); i++)
	{
		char		json[500];
		char		wanted[100];

		snprintf(json, sizeof(json), "{'id':'i','timestamp':1795777200,'event_type':'%s','custom_event':'quiz_done',"
				 "'user_data':{'customer_identifier':'c'," EMAIL "}}", event_map[i].type);
		set_analytics();
		snprintf(wanted, sizeof(wanted), "\"eventName\":\"%s\"", event_map[i].name ? event_map[i].name : "");
		if (event_map[i].name)
			check(shape(json) == ECAPI_SHAPED && has(wanted), event_map[i].type);
		else
			check(shape(json) == ECAPI_UNFIT && strcmp(reason, "reserved event name") == 0, event_map[i].type);

		/* for Ads its conversion action says it all */
		set_ads();
		options.targets[i] = "7009";
		check(shape(json) == ECAPI_SHAPED && !has("eventName") &&
			  has(strcmp(event_map[i].type, "purchase") == 0 ? "7009" : "\"destinationReferences\":[\"7009\"]"),
			  "and its conversion action");
	}
	set_analytics();
	options.targets[ECAPI_EVENT_ad_impression] = "our_impression";
	check(shape("{'id':'i','timestamp':1,'event_type':'ad_impression','user_data':{'customer_identifier':'c'}}") ==
		  ECAPI_SHAPED && has("\"eventName\":\"our_impression\""), "a target is another name for Analytics");
	check(ecapi_analytics_name_wrong("_x", 2) && ecapi_analytics_name_wrong("google_x", 8) &&
		  ecapi_analytics_name_wrong("First_Open", 10) && ecapi_analytics_name_wrong("1a", 2) &&
		  ecapi_analytics_name_wrong("a-b", 3) && ecapi_analytics_name_wrong("", 0) &&
		  ecapi_analytics_name_wrong("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 41) &&
		  !ecapi_analytics_name_wrong("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40) &&
		  !ecapi_analytics_name_wrong("first_opened", 12), "names of events");
}

static void
test_analytics(void)
{
	char		digest[ECAPI_HEX_SIZE];
	char		wanted[200];

	set_analytics();
	shape("{" HEAD ",'source':'app','user_data':{'customer_identifier':'Cust-42','event_ip_address':'192.0.2.2',"
		  "'address':{'country_code':'de'},'ext':{'click_ids':{'ga_client_id':'c.1','ga_app_instance_id':'i.1',"
		  "'gclid':'g'},'user_properties':{'plan':'gold','seats':3,'_bad':'x','obj':{}}}},"
		  "'properties':{'shipping':4.90,'payment_type':['card','cash'],'login_method':'m','page_url':'u',"
		  "'lead_reason':'r','items':[{'id':'a','name':'n','price':2,'brand':'b'}]}}");
	check(has("\"appInstanceId\":\"i.1\"") && !has("clientId"), "an app's instance, not both");
	ecapi_sha256("cust-42", 7, digest);
	snprintf(wanted, sizeof(wanted), "\"userId\":\"%s\"", digest);
	check(has(wanted), "the customer's digest");
	check(has("\"additionalEventParameters\":[{\"parameterName\":\"shipping\",\"value\":\"4.90\"},"
			  "{\"parameterName\":\"payment_type\",\"value\":\"card\"},{\"parameterName\":\"method\",\"value\":\"m\"},"
			  "{\"parameterName\":\"page_location\",\"value\":\"u\"},{\"parameterName\":\"lead_reason\",\"value\":\"r\"}]"),
		  "properties as parameters, all as texts");
	check(has("\"cartData\":{\"items\":[{\"itemId\":\"a\",\"unitPrice\":2,\"additionalItemParameters\":["
			  "{\"parameterName\":\"item_name\",\"value\":\"n\"},{\"parameterName\":\"item_brand\",\"value\":\"b\"}]}]}"),
		  "items with their parameters");
	check(has("\"additionalUserProperties\":[{\"propertyName\":\"plan\",\"value\":\"gold\"},"
			  "{\"propertyName\":\"seats\",\"value\":\"3\"}]"), "properties of the user by good names");
	check(has("\"ipAddress\":\"192.0.2.2\""), "and the address that Ads does not want");
	check(has("\"productDestinationId\":\"G-A1B2C3\""), "to its stream");
	shape("{'id':'i','timestamp':1795777200,'event_type':'disqualify_lead','properties':{'lead_reason':'r'},"
		  "'user_data':{'ext':{'click_ids':{'ga_client_id':'c.1'}}}}");
	check(has("\"clientId\":\"c.1\"") && has("disqualified_lead_reason"), "a lead's reason by its event");
	shape_user("'customer_identifier':'c','address':{'first_name':'Ann','last_name':'Example','country_code':'us',"
			   "'postal_code':'10001','city':'New York','state':'NY','street':'1 Main St.'}");
	check(has("\"city\":\"new york\",\"administrativeArea\":\"ny\"}") && has("\"addressLine\":\""),
		  "the whole address");
	check(shape_user(EMAIL) == ECAPI_UNFIT && strcmp(reason, "no identifier") == 0 &&
		  identified == ECAPI_IDENTIFIED_NOT,
		  "Analytics finds nobody by an email address alone");
}

static void
test_identifiers(void)
{
	char		digest[ECAPI_HEX_SIZE];

	set_ads();
	shape_user("'email_address':[' Ann.Example@Example.com ','ANN.EXAMPLE@example.com'],'phone_numbers':'+1 212 555 0000'");
	check(has("\"userIdentifiers\":[{\"emailAddress\":\"" EMAIL_OUT "\"},{\"phoneNumber\":"
			  "\"7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e\"}]"),
		  "spellings of one address once");
	check(shape_user("'email_address':['" EMAIL_OUT "']") == ECAPI_UNFIT && left_out == 1,
		  "a digest of an email address is of another form");
	check(shape_user("'phone_numbers':['7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e']") ==
		  ECAPI_SHAPED && left_out == 0, "a digest of a telephone number is of the same");
	check(shape_user("'phone_numbers':['030 901820']") == ECAPI_UNFIT && left_out == 1, "no country, no number");
	default_country = "de";
	check(shape_user("'phone_numbers':['030 901820']") == ECAPI_SHAPED, "the default country");
	shape_user(EMAIL ",'address':{'first_name':'Ann','last_name':'Example','postal_code':'10115'}");
	check(has("\"regionCode\":\"DE\",\"postalCode\":\"10115\""), "of an address, too");
	default_country = NULL;
	ecapi_sha256("ann", 3, digest);
	shape_user(EMAIL ",'address':[{'first_name':'Mr. Ann','last_name':'Example jr.','country_code':'us',"
			   "'postal_code':' 10001 ','city':'New York'},{'first_name':'Ann','last_name':'Example','country_code':'us'}]");
	check(has("{\"address\":{\"givenName\":\"") && has(digest) && has("\"postalCode\":\"10001\"}}]"),
		  "an address without what is Analytics'");
	check(left_out == 1, "one that is not whole is left out");
	shape_user(EMAIL ",'ifa':'x'");
	check(!has("mobileDeviceId") && left_out == 1, "what is no id of a device is left out");
	shape_user("'email_address':[5,true,{},'a@example.com'],'ifa':7,'event_ip_address':5,'event_user_agent':''");
	check(!has("DeviceInfo") && !has("mobileDeviceId"), "other types are left out");
	shape_user("'email_address':['a0@b.co','a1@b.co','a2@b.co','a3@b.co','a4@b.co','a5@b.co','a6@b.co','a7@b.co',"
			   "'a8@b.co','a9@b.co','c@b.co'],'phone_numbers':['+12125550000']");
	check(!has("phoneNumber"), "ten identifiers at most");
}

static void
test_addresses_of_machines(void)
{
	static const char ip[] = EMAIL ",'event_ip_address':'192.0.2.2','address':";
	char		user[600];
	static const struct
	{
		const char *address;
		const char *country;	/* the default */
		bool		sent;
	}			cases[] = {
		{"{'country_code':'us'}", NULL, true},
		{"{'country_code':'us'}", "de", true},
		{"{'country_code':'de'}", NULL, false},
		{"{'country_code':'GB'}", "us", false},
		{"{'country_code':'ch'}", NULL, false},
		{"[{'country_code':'us'},{'country_code':'no'}]", NULL, false},
		{"[]", "fr", false},
		{"[]", NULL, true}
	};

	set_ads();
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		snprintf(user, sizeof(user), "%s%s", ip, cases[i].address);
		default_country = cases[i].country;
		shape_user(user);
		check(has("ipAddress") == cases[i].sent, cases[i].address);
	}
	default_country = NULL;
}

static void
test_clicks(void)
{
	set_ads();
	check(shape_user("'click_id':'x'") == ECAPI_UNFIT, "a click of no known kind is not sent");
	options.own[ECAPI_GOOGLE_CLICK_ID_KIND] = "wbraid";
	check(shape_user("'click_id':'x'") == ECAPI_SHAPED && has("\"adIdentifiers\":{\"wbraid\":\"x\"}"), "one of a kind is");
	shape_user("'click_id':'x','ext':{'click_ids':{'wbraid':'w'}}");
	check(has("\"wbraid\":\"w\""), "what names its kind goes first");
	check(shape_user("'ext':{'click_ids':{'dclid':'d'}}") == ECAPI_UNFIT, "Ads does not know Floodlight's");
	options.own[ECAPI_GOOGLE_ACCOUNT_TYPE] = "FLOODLIGHT_CONFIG";
	check(shape_user("'impression_id':'m','ext':{'click_ids':{'dclid':'d'}}") == ECAPI_SHAPED &&
		  has("\"adIdentifiers\":{\"dclid\":\"d\",\"impressionId\":\"m\"}"), "Floodlight does");
	check(shape_user(EMAIL) == ECAPI_UNFIT, "and finds nobody by an email address");
	check(shape_user("'impression_id':'ann@example.com'") == ECAPI_UNFIT, "nor by one that is called an impression");
}

/* The standard has one click_id for all platforms. */
static void
test_others_clicks(void)
{
	set_ads();
	options.own[ECAPI_GOOGLE_CLICK_ID_KIND] = "gclid";
	check(shape_user("'click_id':'F1','ext':{'click_ids':{'fbclid':'F1'}}") == ECAPI_UNFIT, "another platform's click is not Google's");
	check(shape_user("'click_id':'B1','ext':{'click_ids':{'gbraid':'B1'}}") == ECAPI_SHAPED &&
		  has("\"adIdentifiers\":{\"gbraid\":\"B1\"}"), "nor is one of another kind of this one");
	check(shape_user("'click_id':'G1','ext':{'click_ids':{'fbclid':'F1'}}") == ECAPI_SHAPED &&
		  has("\"adIdentifiers\":{\"gclid\":\"G1\"}"), "what is nobody else's is");
}

/* What a visitor's browser says may be any text. */
static void
test_forms_of_ids(void)
{
	static const char *const names[] = {"gclid", "gbraid", "wbraid", "dclid", "ga_client_id", "ga_app_instance_id"};
	static const char *const texts[] = {"ann@example.com", "+49 711 1", "Ann Example", "a%40example.com"};
	void		(*const sets[]) (void) = {set_ads, set_floodlight, set_analytics};
	char		user[300];

	for (size_t s = 0; s < lengthof(sets); s++)
		for (size_t n = 0; n < lengthof(names); n++)
			for (size_t t = 0; t < lengthof(texts); t++)
			{
				sets[s]();
				snprintf(user, sizeof(user), "'ext':{'click_ids':{'%s':'%s'}}", names[n], texts[t]);
				check(shape_user(user) == ECAPI_UNFIT && !has(texts[t]), user);
			}
	set_ads();
	options.own[ECAPI_GOOGLE_CLICK_ID_KIND] = "gclid";
	check(shape_user("'click_id':'ann@example.com'") == ECAPI_UNFIT, "nor as the standard's click");
	set_ads();
	check(shape_user(EMAIL ",'event_ip_address':'ann@example.com','landing_ip_address':'198.51.100.7'") == ECAPI_SHAPED &&
		  !has("ann@") && has("198.51.100.7"), "an IP address is one");
}

static void
test_consent(void)
{
	set_ads();
	shape_user(EMAIL ",'ext':{'consent':{'ad_user_data':false}}");
	check(has("\"consent\":{\"adUserData\":\"CONSENT_DENIED\"}"), "what was said");
	shape_user(EMAIL ",'ext':{'consent':{'ad_user_data':'yes'}},'mmt_only':false,'gpp_string':'DBAA'");
	check(!has("onsent") && !has("DBAA"), "and nothing else");
}

static void
expect_unfit(const char *json, const char *why)
{
	char		event[1000];

	snprintf(event, sizeof(event), "{" "%s,'user_data':{" EMAIL "}}", json);
	check(shape(event) == ECAPI_UNFIT, why);
	check_text(reason, why, "and that is said");
	check(strncmp(body.data, "{\"events\":[]", 12) == 0, "and nothing was written");
}

static void
test_fit(void)
{
	set_ads();
	expect_unfit("'id':'i','timestamp':1795777200", "event_type missing");
	expect_unfit("'id':'i','timestamp':1795777200,'event_type':'bought'", "event_type unknown");
	expect_unfit("'id':'i','event_type':'purchase'", "timestamp missing");
	expect_unfit("'id':'i','timestamp':1e30,'event_type':'purchase'", "timestamp missing");
	expect_unfit(HEAD ",'value':5", "currency_code missing");
	expect_unfit(HEAD ",'value':5,'currency_code':'EUX'", "currency_code unknown");
	expect_unfit("'id':'i','timestamp':1795777200,'event_type':'login'", "no target");
	check(shape("7") == ECAPI_UNFIT && strcmp(reason, "not an object") == 0, "not an object");
	check(shape_user("'gender':'female'") == ECAPI_UNFIT && strcmp(reason, "no identifier") == 0, "no identifier");
	check(shape("{" HEAD "}") == ECAPI_UNFIT, "nor without user_data");
	shape_all("[{" HEAD "},{" HEAD ",'user_data':{" EMAIL "}}]");
	check(strncmp(body.data, "{\"events\":[{", 12) == 0, "an unfit event leaves no comma");
	set_analytics();
	expect_unfit("'id':'i','timestamp':1795777200,'event_type':'custom'", "custom_event missing");
	expect_unfit("'id':'i','timestamp':1795777200,'event_type':'custom','custom_event':'first_open'", "reserved event name");
	expect_unfit("'id':'i','timestamp':1795777200,'event_type':'custom','custom_event':'a b'", "event name not valid");
	set_ads();
	shape("{" HEAD ",'user_data':{" EMAIL "},'properties':{'items':[{'id':'a','quantity':1.5},{'id':'b','quantity':0},"
		  "{'id':'c','quantity':-1},{'id':'d','quantity':3e0},{'id':5}]}}");
	check(has("\"itemId\":\"c\"},{\"merchantProductId\":\"d\",\"itemId\":\"d\",\"quantity\":3}]"),
		  "a quantity that is no whole number is not sent");
}

/* ---- options ---- */

static void
expect_check(const char *message, const char *hint, const char *what)
{
	EcapiFormatProblem problem;

	memset(&problem, 0, sizeof(problem));
	check(ecapi_google_check(&options, &problem) == (message == NULL), what);
	check_text(problem.message, message ? message : "", "its message");
	if (hint)
		check_text(problem.hint, hint, "its hint");
}

/* Whether an option cannot have a value. */
static bool
wrong(EcapiGoogleOption option, const char *value)
{
	return (ecapi_google_own[option].check) (value) != NULL;
}

static void
test_options(void)
{
	static char names[ECAPI_GOOGLE_TARGETS + 1][8];
	static const char targets_hint[] = "List the event types to send, each with the id of its conversion "
		"action: event_types 'purchase=7001, sign_up=7002'.";

	set_ads();
	expect_check(NULL, NULL, "a destination for Google Ads");
	options.own[ECAPI_GOOGLE_ACCOUNT_ID] = "123-456-7890";
	expect_check("account_id is no account id", "Write account_id as '1234567890'.", "a customer id with hyphens");
	options.own[ECAPI_GOOGLE_ACCOUNT_ID] = "123 456 7890";
	expect_check("account_id is no account id", "Write account_id as '1234567890'.", "or blanks");
	options.own[ECAPI_GOOGLE_ACCOUNT_ID] = "properties/5";
	expect_check("account_id is no account id", "", "or another text");
	set_ads();
	options.own[ECAPI_GOOGLE_LOGIN_ID] = "1-2";
	expect_check("login_account_id is no account id", "Write login_account_id as '12'.", "a login");
	set_ads();
	options.own[ECAPI_GOOGLE_LOGIN_TYPE] = "GOOGLE_ADS";
	expect_check("login_account_type needs login_account_id", "", "a kind of no account");
	options.own[ECAPI_GOOGLE_LOGIN_ID] = "5";
	expect_check(NULL, NULL, "and of one");
	options.own[ECAPI_GOOGLE_LINKED_ID] = "6";
	expect_check("linked_account_id needs a data partner's login", NULL, "a link");
	options.own[ECAPI_GOOGLE_LOGIN_TYPE] = "DATA_PARTNER";
	expect_check(NULL, NULL, "of a data partner");

	set_ads();
	options.targets[ECAPI_EVENT_purchase] = NULL;
	expect_check("event_types gives \"purchase\" no target", targets_hint, "no target");
	options.targets[ECAPI_EVENT_purchase] = "AW-1/abc";
	expect_check("event_types gives \"purchase\" a target that is no id of a conversion action", targets_hint, "a tag's label");
	set_ads();
	options.event_types = ECAPI_ALL_EVENT_TYPES;
	expect_check("event_types gives \"page_view\" no target", targets_hint, "all event types");
	set_ads();
	options.own[ECAPI_GOOGLE_PRODUCT_ID] = "5";
	expect_check("product_destination_id is for Analytics", NULL, "a stream");
	set_ads();
	for (int i = 0; i <= ECAPI_GOOGLE_TARGETS; i++)
	{
		snprintf(names[i], sizeof(names[i]), "%d", 100 + i);
		options.targets[i] = names[i];
		options.event_types |= UINT64_C(1) << i;
	}
	expect_check("event_types has 11 targets, and a request goes to at most 10", NULL, "too many targets");
	options.targets[10] = options.targets[3];
	expect_check(NULL, NULL, "some of them the same");

	set_analytics();
	expect_check(NULL, NULL, "a destination for Analytics");
	options.targets[ECAPI_EVENT_login] = "session_start";
	expect_check("event_types names \"login\" by what is no name of an event: reserved event name", NULL, "reserved names");
	set_analytics();
	options.own[ECAPI_GOOGLE_PRODUCT_ID] = NULL;
	expect_check("an Analytics property needs product_destination_id", NULL, "no stream");

	check(!wrong(ECAPI_GOOGLE_PRODUCT_ID, "G-A1B2C3") &&
		  wrong(ECAPI_GOOGLE_PRODUCT_ID, "a/b"), "ids of streams");
	check(wrong(ECAPI_GOOGLE_TOKEN_URL, "http://host/") &&
		  !wrong(ECAPI_GOOGLE_TOKEN_URL, "http://127.0.0.1:5/token"), "the token endpoint");
	check(wrong(ECAPI_GOOGLE_MERCHANT_ID, "x") &&
		  wrong(ECAPI_GOOGLE_FEED_LANGUAGE, "eng"), "of feeds");
	check(ecapi_format_google.age_limit(&options, NULL) == 72 * 3600, "72 hours for Analytics");
	set_ads();
	check(ecapi_format_google.age_limit(&options, NULL) == 90 * 86400, "90 days for Ads");
}

/* ---- room ---- */

static void
test_room(void)
{
	EcapiShape	shape_of = {.format = &ecapi_format_google, .options = &options};
	EcapiValue *event;
	size_t		whole;
	int			least = 0;

	set_ads();
	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{" HEAD ",'user_data':{" EMAIL ",'address':{'first_name':'Ann','last_name':'B',"
					  "'country_code':'us','postal_code':'1'}},'properties':{'items':[{'id':'a'}]}}");
	shape_user(EMAIL);
	whole = body.len;
	for (size_t max = 20; max < whole + ECAPI_GOOGLE_TAIL + 1000; max += max < 1500 ? 1 : 97)
	{
		EcapiBuffer small;

		ecapi_buffer_init(&small, max, unit_resize, NULL);
		ecapi_format_google.open(&shape_of, &small);
		ecapi_format_google.add(&shape_of, &arena, event, &small, &reason);
		if (!small.full)
		{
			ecapi_format_google.close(&shape_of, &small);
			least = least == 0 ? (int) max : least;
			if (small.full)
				check(false, "there is room to close what was added");
		}
		free(small.data);
	}
	check(least > ECAPI_GOOGLE_TAIL, "what closes a request has its room");
}

/* ---- what never leaves clear ---- */

static void
test_never_clear(void)
{
	static const char *const fields[] = {"email_address", "phone_numbers", "customer_identifier", "gender"};
	static const char *const parts[] = {"first_name", "last_name", "street"};
	static const char *const values[] = {
		"'CANARY'", "['CANARY']", "{'a':'CANARY'}", "'CANARY@example.com'", "4711471147114711", "[['CANARY']]"
	};
	bool		clear = false;
	char		json[600];

	for (int product = 0; product < 2; product++)
	{
		if (product == 0)
			set_ads();
		else
			set_analytics();
		for (size_t v = 0; v < lengthof(values); v++)
		{
			for (size_t f = 0; f < lengthof(fields); f++)
			{
				snprintf(json, sizeof(json), "'%s':%s,'uids':[{'id':%s}],'ext':{'click_ids':{'gclid':'g','ga_client_id':'c'}}",
						 fields[f], values[v], values[v]);
				shape_user(json);
				clear |= has("CANARY") || has("canary") || has("4711471147114711");
			}
			for (size_t f = 0; f < lengthof(parts); f++)
			{
				snprintf(json, sizeof(json), "'customer_identifier':'c','ext':{'click_ids':{'gclid':'g'}},'address':{"
						 "'country_code':'us','postal_code':'1','first_name':'a','last_name':'b'}");
				snprintf(strstr(json, "'first_name'"), 200, "'%s':%s}", parts[f], values[v]);
				shape_user(json);
				clear |= has("CANARY") || has("canary") || has("4711471147114711");
			}
		}
	}
	check(!clear, "what is hashed leaves as a digest, whatever is in it");
}

/* A conversion is restated under its own key and time; Analytics and Floodlight take none. */
static void
test_amended(void)
{
#define AMENDED(properties) "{'id':'o-1:amended:1:0','timestamp':1795863600,'event_type':'purchase','value':5," \
	"'currency_code':'EUR','user_data':{" EMAIL "}" properties ",'ext':{'amends':{'xid':'1','seq':'2'}," \
	"'original':{'event_type':'purchase','timestamp':1795777200,'id':'o-1','transaction_id':'1'}}}"
	set_ads();
	check(shape(AMENDED(",'properties':{'transaction_id':'1'}")) == ECAPI_SHAPED &&
		  has("\"transactionId\":\"1\",\"eventTimestamp\":\"2026-11-27T11:00:00Z\","
			  "\"lastUpdatedTimestamp\":\"2026-11-28T11:00:00Z\"") && has("\"conversionValue\":5"),
		  "a conversion is restated");
	check(shape(AMENDED("")) == ECAPI_SHAPED && has("\"transactionId\":\"o-1\""), "one without a transaction id by its id");
	options.dedupe_key = ECAPI_DEDUPE_ID;
	check(shape(AMENDED(",'properties':{'transaction_id':'1'}")) == ECAPI_SHAPED &&
		  has("\"transactionId\":\"o-1\""), "and so one that went by its id");
	check(ecapi_format_google.amend_limit(&options) == 90 * 86400, "Ads takes restatements");
	set_analytics();
	check(ecapi_format_google.amend_limit(&options) == -1, "Analytics takes none");
	options.own[ECAPI_GOOGLE_ACCOUNT_TYPE] = "FLOODLIGHT_CONFIG";
	check(ecapi_format_google.amend_limit(&options) == -1, "nor does Floodlight");
}

int
main(void)
{
	int			rc;

	ecapi_buffer_init(&body, 1024 * 1024, unit_resize, NULL);
	ecapi_buffer_char(&body, ' ');
	test_whole();
	test_amended();
	test_accounts();
	test_targets();
	test_names();
	test_analytics();
	test_identifiers();
	test_addresses_of_machines();
	test_clicks();
	test_others_clicks();
	test_forms_of_ids();
	test_consent();
	test_fit();
	test_options();
	test_room();
	test_never_clear();
	rc = unit_done();
	free(body.data);
	unit_free();
	return rc;
}

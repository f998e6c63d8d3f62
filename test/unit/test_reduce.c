/*
 * test_reduce.c
 *	  What of an event leaves: values, limits of use, coarser values, fields.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/format.h"
#include "destination/reduce.h"
#include "event/digest.h"
#include "event/event_type.h"
#include "unit.h"

static EcapiOptions options;
static EcapiArena arena;
static const char *reason;

static void
clear(void)
{
	static const EcapiFormat format = {.name = "ecapi", .gets_consent = true};

	memset(&options, 0, sizeof(options));
	options.format = &format;
}

static EcapiPaths *
set_of(const char *list)
{
	EcapiPathProblem problem;
	EcapiPaths *set = ecapi_paths_read(&arena, list, &problem);

	if (set == NULL)
	{
		fprintf(stderr, "# %s: %s\n", list, problem.detail);
		exit(2);
	}
	return set;
}

static void
keep(const char *list)
{
	clear();
	options.fields = set_of(list);
	ecapi_paths_complete(options.fields);
}

static void
redact(const char *list)
{
	clear();
	options.redact = set_of(list);
}

/* A value as text in the arena, "'" for quotes. */
static const char *
text_of(const EcapiValue *value)
{
	EcapiBuffer text;
	char	   *copy;
	char	   *at;

	ecapi_buffer_init(&text, 1024 * 1024, unit_resize, NULL);
	ecapi_json_value(&text, value);
	copy = ecapi_arena_copy(&arena, text.data, text.len);
	free(text.data);
	for (at = copy; *at != '\0'; at++)
	{
		if (*at == '"')
			*at = '\'';
	}
	return copy;
}

/* What is left of an event, or the reason why nothing is. */
static const char *
reduced_in_mode(bool restricted, const char *json)
{
	EcapiValue *event = unit_json(&arena, json);
	const char *before = text_of(event);
	const EcapiValue *left = ecapi_reduce(&options, restricted, &arena, event, &reason);

	if (strcmp(before, text_of(event)) != 0)
		return "the event was changed";
	return left ? text_of(left) : reason;
}

static const char *
reduced(const char *json)
{
	return reduced_in_mode(false, json);
}

static void
test_nothing(void)
{
	EcapiValue *event = unit_json(&arena, "{'id':'1','value':1}");

	clear();
	check(!ecapi_reduces(&options) && ecapi_reduce(&options, false, &arena, event, &reason) == event,
		  "without options nothing is done");
	redact("user_data, properties.items.price");
	check(ecapi_reduces(&options) && ecapi_reduce(&options, false, &arena, event, &reason) == event,
		  "nor where nothing concerns the event");
	check_text(reduced("[1]"), "[1]", "what is no event is left to the format");
}

static void
test_value(void)
{
	clear();
	ecapi_decimal_read("0.7", 3, &options.value_factor);
	check_text(reduced("{'value':129.90,'id':'1'}"), "{'value':90.93,'id':'1'}", "a scaled value, in its place");
	check_text(reduced("{'id':'1'}"), "{'id':'1'}", "no value, none to scale");
	check_text(reduced("{'value':null}"), "{'value':null}", "null is none");
	check_text(reduced("{'value':'129.90'}"), "value out of range", "what is no number does not leave");

	clear();
	options.value_digits = ECAPI_DIGITS_OF_CURRENCY;
	check_text(reduced("{'value':70.29999995976686,'currency_code':'EUR'}"), "{'value':70.3,'currency_code':'EUR'}", "the decimals of the currency");
	check_text(reduced("{'value':1234.5,'currency_code':'JPY'}"), "{'value':1235,'currency_code':'JPY'}", "which has none");
	check_text(reduced("{'value':1.23456,'currency_code':'KWD'}"), "{'value':1.235,'currency_code':'KWD'}", "or three");
	check_text(reduced("{'value':1.23456,'currency_code':'XAU'}"), "{'value':1.23456,'currency_code':'XAU'}", "or no minor unit");
	check_text(reduced("{'value':5.00,'currency_code':'EUR'}"), "{'value':5.00,'currency_code':'EUR'}", "as written");
	ecapi_decimal_read("0.333", 5, &options.value_factor);
	check_text(reduced("{'value':19.99,'currency_code':'EUR'}"), "{'value':6.66,'currency_code':'EUR'}", "after the factor");

	clear();
	options.value_digits = 1;
	check_text(reduced("{'value':0.5}"), "{'value':1}", "no decimals");
	check_text(reduced("{'value':'0.5'}"), "value out of range", "a text is no value");

	clear();
	options.value_field = "properties.ext.margin";
	check_text(reduced("{'value':129.90,'properties':{'ext':{'margin':12.340}}}"),
			   "{'value':12.340,'properties':{'ext':{'margin':12.340}}}", "the margin as value, as written");
	check_text(reduced("{'currency_code':'EUR','properties':{'ext':{'margin':-3}}}"),
			   "{'currency_code':'EUR','properties':{'ext':{'margin':-3}},'value':-3}", "where there was none");
	check_text(reduced("{'properties':{'ext':{'margin':-3}}}"),
			   "{'properties':{'ext':{'margin':-3}}}", "but not without a currency");
	check_text(reduced("{'value':129.90,'properties':{'ext':{'margin':'12'}}}"), "no value_field", "a text is none");
	check_text(reduced("{'value':129.90,'properties':[{'ext':{'margin':12}}]}"), "no value_field", "nor what stands elsewhere");
	check_text(reduced("{'value':129.90}"), "no value_field", "the true value does not leave instead");
	check_text(reduced("{'id':'1'}"), "{'id':'1'}", "what has no value has none");
	check_text(reduced("{'value':1,'properties':{'ext.margin':2}}"), "{'value':2,'properties':{'ext.margin':2}}", "a key with a point");
	ecapi_decimal_read("0.5", 3, &options.value_factor);
	check_text(reduced("{'value':1,'properties':{'ext':{'margin':5}}}"),
			   "{'value':2.5,'properties':{'ext':{'margin':5}}}", "both");
	options.redact = set_of("properties.ext.margin");
	check_text(reduced("{'value':1,'properties':{'ext':{'margin':5}}}"),
			   "{'value':2.5,'properties':{'ext':{}}}", "and the margin does not leave");
}

/* The true value does not leave, nor what tells it. */
static void
test_transform(void)
{
	static const double bounds[] = {100};
	static const char *const cap[] = {"100"};
	static const char *const means[] = {"33.3350000000000001", "250.005"};
	static const EcapiMeasuredKind cap_kind = {ECAPI_EVENT_purchase, "EUR", 1, bounds, 1, cap};
	static const EcapiMeasuredKind mean_kinds[] = {
		{ECAPI_EVENT_purchase, "EUR", 1, bounds, 2, means},
		{ECAPI_EVENT_purchase, "JPY", 1, bounds, 2, means},
	};
	static const EcapiMeasured capped = {1, &cap_kind};
	static const EcapiMeasured in_buckets = {2, mean_kinds};

	clear();
	options.transform = (EcapiTransform) {ECAPI_TRANSFORM_CAP, 9900};
	options.value_digits = ECAPI_DIGITS_OF_CURRENCY;
	check(ecapi_reduces(&options) && ecapi_reduce_lacks(&options) != NULL, "a cap needs a measurement");
	options.measured = &capped;
	check(ecapi_reduce_lacks(&options) == NULL, "and has one");
	options.amounts = set_of("properties.items.price, properties.items.discount, properties.shipping, properties.tax, ext.margin");
	check_text(reduced("{'event_type':'purchase','value':129.90,'currency_code':'EUR','properties':{'tax':2,'items':[{'id':'a','price':129.90,'quantity':1}]},'ext':{'margin':7,'a':1}}"),
			   "{'event_type':'purchase','value':100,'currency_code':'EUR','properties':{'items':[{'id':'a','quantity':1}]},'ext':{'a':1}}",
			   "a whale is capped, and no amount tells of it");
	check_text(reduced("{'event_type':'purchase','value':19.90,'currency_code':'EUR'}"),
			   "{'event_type':'purchase','value':19.90,'currency_code':'EUR'}", "what is below leaves as it is");
	check_text(reduced("{'event_type':'subscribe','value':19.90,'currency_code':'EUR'}"), "value not measured", "another event type");
	check_text(reduced("{'event_type':'purchase','value':19.90,'currency_code':'USD'}"), "value not measured", "another currency");
	check_text(reduced("{'event_type':'purchase','value':19.90}"), "value not measured", "none");
	check_text(reduced("{'event_type':'purchase','value':'19.90','currency_code':'EUR'}"), "value out of range", "no number");
	check_text(reduced("{'event_type':'refund','value':19.90,'currency_code':'EUR'}"), "refund of a transformed value", "a refund");
	check_text(reduced("{'event_type':'refund','properties':{'items':[{'id':'a','price':9}]}}"),
			   "{'event_type':'refund','properties':{'items':[{'id':'a'}]}}", "one without a value has nothing to tell");
	options.value_field = "ext.margin";
	check_text(reduced("{'event_type':'purchase','value':1,'currency_code':'EUR','ext':{'margin':777}}"),
			   "{'event_type':'purchase','value':100,'currency_code':'EUR','ext':{}}", "after value_field, whose field goes, too");
	ecapi_decimal_read("0.7", 3, &options.value_factor);
	check_text(reduced("{'event_type':'purchase','value':1,'currency_code':'EUR','ext':{'margin':777}}"),
			   "{'event_type':'purchase','value':70,'currency_code':'EUR','ext':{}}", "before value_factor");

	clear();
	options.transform = (EcapiTransform) {ECAPI_TRANSFORM_BUCKETS, 2};
	options.value_digits = ECAPI_DIGITS_OF_CURRENCY;
	options.measured = &in_buckets;
	check_text(reduced("{'event_type':'purchase','value':5,'currency_code':'EUR'}"),
			   "{'event_type':'purchase','value':33.34,'currency_code':'EUR'}", "a mean, in the currency's decimals");
	check_text(reduced("{'event_type':'purchase','value':500,'currency_code':'JPY'}"),
			   "{'event_type':'purchase','value':250,'currency_code':'JPY'}", "of which there may be none");
	ecapi_decimal_read("0.1", 3, &options.value_factor);
	check_text(reduced("{'event_type':'purchase','value':500,'currency_code':'EUR'}"),
			   "{'event_type':'purchase','value':25,'currency_code':'EUR'}", "rounded once, after the factor: 25.0005");

	clear();
	options.transform = (EcapiTransform) {ECAPI_TRANSFORM_LOG, 0};
	options.value_digits = ECAPI_DIGITS_OF_CURRENCY;
	check(ecapi_reduce_lacks(&options) == NULL, "a logarithm needs no measurement");
	check_text(reduced("{'event_type':'purchase','value':99,'currency_code':'EUR'}"),
			   "{'event_type':'purchase','value':4.61,'currency_code':'EUR'}", "a logarithm");
	ecapi_decimal_read("100", 3, &options.value_factor);
	check_text(reduced("{'event_type':'purchase','value':99,'currency_code':'JPY'}"),
			   "{'event_type':'purchase','value':461,'currency_code':'JPY'}", "made larger for a currency without decimals");
	check_text(reduced("{'event_type':'purchase','value':-99,'currency_code':'EUR'}"),
			   "{'event_type':'purchase','value':-460.52,'currency_code':'EUR'}", "a loss stays one");
	check_text(reduced("{'event_type':'refund','value':99,'currency_code':'EUR'}"), "refund of a transformed value", "also of a logarithm");
}

static void
test_mmt_only(void)
{
	clear();
	options.mmt_only = true;
	check_text(reduced("{'id':'1'}"), "{'id':'1','user_data':{'mmt_only':true}}", "without user_data");
	check_text(reduced("{'user_data':{'mmt_only':false,'ifa':'x'},'id':'1'}"),
			   "{'user_data':{'mmt_only':true,'ifa':'x'},'id':'1'}", "against the event");
	check_text(reduced("{'user_data':'x'}"), "{'user_data':{'mmt_only':true}}", "instead of nonsense");
	options.fields = set_of("value");
	ecapi_paths_complete(options.fields);
	check_text(reduced("{'value':1,'user_data':{'ifa':'x'}}"), "{'value':1,'user_data':{'mmt_only':true}}",
			   "whatever fields there are");
}

static void
test_anonymize(void)
{
	char		out[ECAPI_COARSE_SIZE];
	char		hex[ECAPI_HEX_SIZE];
	char		wanted[200];
	static const struct
	{
		const char *ip;
		const char *coarse;
	}			ips[] = {
		{"192.0.2.123", "192.0.2.0"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
		{"::ffff:192.0.2.123", "::ffff:192.0.2.0"},
		{"2002:c000:027b:1::1", "2002:c000:200::"},
		{"::1", "::"},
		{"fe80::1%eth0", NULL},
		{"192.0.2", NULL},
		{"192.0.2.123 ", NULL},
		{"", NULL},
		{"ann@example.com", NULL}
	};
	static const struct
	{
		const char *agent;
		const char *coarse;
	}			agents[] = {
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.127 Safari/537.36", "Chrome/126"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87", "Edge/126"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox/127"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari/17"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome/126"},
		{"Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "SamsungBrowser/25"},
		{"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0", "Opera/111"},
		{"Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", "IE/11"},
		{"Chrome/12345678", NULL},
		{"Chrome/", NULL},
		{"Version/17.5", NULL},
		{"ann@example.com/7", NULL},
		{"Mozilla/5.0", NULL},
		{"", NULL}
	};
	size_t		i;

	for (i = 0; i < lengthof(ips); i++)
		check_text(ecapi_coarse_ip(ips[i].ip, strlen(ips[i].ip), out) ? out : NULL, ips[i].coarse, ips[i].ip);
	for (i = 0; i < lengthof(agents); i++)
		check_text(ecapi_coarse_user_agent(agents[i].agent, strlen(agents[i].agent), out) ? out : NULL,
				   agents[i].coarse, agents[i].agent);

	ecapi_sha256("701", 3, hex);
	check_text(ecapi_coarse_postal_code("70173", 5, "de", out) ? out : NULL, hex, "a postal code");
	check_text(ecapi_coarse_postal_code(" 701-73 ", 8, NULL, out) ? out : NULL, hex, "typed otherwise");
	ecapi_sha256("sw1", 3, hex);
	check_text(ecapi_coarse_postal_code("SW1A 1AA", 8, "gb", out) ? out : NULL, hex, "a British one");
	check(!ecapi_coarse_postal_code("101", 3, "is", out), "one of three characters is not made coarser");
	check(!ecapi_coarse_postal_code("1234", 4, "us", out), "nor one that is none");
	check(!ecapi_coarse_postal_code(hex, 64, NULL, out), "nor a digest");

	clear();
	options.anonymize = ECAPI_ANONYMIZE_IP | ECAPI_ANONYMIZE_TIMESTAMP |
		ECAPI_ANONYMIZE_USER_AGENT | ECAPI_ANONYMIZE_POSTAL_CODE;
	check_text(reduced("{'timestamp':1790003599,'user_data':{'event_ip_address':'192.0.2.1','landing_ip_address':['192.0.2.1'],"
					   "'event_user_agent':'Firefox/127.0','landing_user_agent':'?','ifa':'x',"
					   "'address':[{'city':'x','postal_code':'1'},7]}}"),
			   "{'timestamp':1790002800,'user_data':{'event_ip_address':'192.0.2.0','event_user_agent':'Firefox/127','ifa':'x',"
			   "'address':[{'city':'x'},7]}}",
			   "all rules; what a rule does not understand goes");
	check_text(reduced("{'timestamp':-1}"), "{'timestamp':-3600}", "an hour before 1970");
	check_text(reduced("{'timestamp':'1790003599','value':1}"), "{'value':1}", "a time that is none");
	check_text(reduced("{'timestamp':1790003599.5,'value':1}"), "{'value':1}", "or not to the second");
	ecapi_sha256("701", 3, hex);
	snprintf(wanted, sizeof(wanted), "{'user_data':{'address':{'postal_code':'%s'}}}", hex);
	check_text(reduced("{'user_data':{'address':{'postal_code':70173}}}"), wanted, "a postal code as digest");
	options.anonymize = ECAPI_ANONYMIZE_IP;
	check_text(reduced("{'timestamp':1790003599,'user_data':{'event_user_agent':'?','landing_ip_address':'192.0.2.1'}}"),
			   "{'timestamp':1790003599,'user_data':{'event_user_agent':'?','landing_ip_address':'192.0.2.0'}}",
			   "one rule alone");
}

static void
test_redact(void)
{
	redact("user_data.email_address, properties.items.price, ext.a.b");
	check_text(reduced("{'user_data':{'email_address':['a'],'ifa':'x'},'properties':{'items':[{'id':'1','price':2},{'price':3}]},"
					   "'ext':{'a':{'b':1,'c':2},'d':3}}"),
			   "{'user_data':{'ifa':'x'},'properties':{'items':[{'id':'1'},{}]},'ext':{'a':{'c':2},'d':3}}",
			   "fields of an object, of each element, of ext");
	check_text(reduced("{'user_data':[[{'email_address':'a','ifa':'x'}]],'properties':{'items':{'price':2,'id':'1'}}}"),
			   "{'user_data':[[{'ifa':'x'}]],'properties':{'items':{'id':'1'}}}", "arrays where none should be, and none where one should");
	check_text(reduced("{'user_data':'ann','properties':{'items':['x',7]}}"), "{'properties':{'items':[]}}",
			   "nothing that is no object stands for one");
	check_text(reduced("{'nosuch':1,'user_data':{'email':'a','ifa':'x'},'ext':{'a.b':1,'a':[{'b':1},{'b.c':2,'x':3}]}}"),
			   "{'user_data':{'ifa':'x'},'ext':{'a':[{},{'x':3}]}}", "no stranger stays; keys with points are paths, too");
	redact("user_data, ext");
	check_text(reduced("{'id':'1','user_data':{'ifa':'x'},'ext':{'a':1},'properties':{'ext':{'a':1}}}"),
			   "{'id':'1','properties':{'ext':{'a':1}}}", "whole objects");
}

/* What an event says of an earlier one is reduced as that one was. */
static void
test_original(void)
{
	static const char event[] = "{'timestamp':1790009999,'properties':{'transaction_id':'7','tax':1},'ext':{'original':"
		"{'event_type':'purchase','timestamp':1790003599,'id':'o-1','transaction_id':'7'},'a':1}}";
	static const char original[] = "{'timestamp':1790003599,'id':'o-1','transaction_id':'7'}";

	clear();
	options.anonymize = ECAPI_ANONYMIZE_TIMESTAMP;
	check_text(reduced(event), "{'timestamp':1790006400,'properties':{'transaction_id':'7','tax':1},'ext':{'original':"
			   "{'event_type':'purchase','timestamp':1790002800,'id':'o-1','transaction_id':'7'},'a':1}}",
			   "the hour of the earlier event");
	check_text(text_of(ecapi_reduce_original(&options, &arena, unit_json(&arena, original))),
			   "{'timestamp':1790002800,'id':'o-1','transaction_id':'7'}", "by itself, too");
	check_text(reduced("{'ext':{'original':{'timestamp':'2026-09-21T14:33:19Z','id':'o-1'}}}"),
			   "{'ext':{'original':{'id':'o-1'}}}", "a time that is none goes");
	options.anonymize = ECAPI_ANONYMIZE_IP;
	check_text(reduced(event), event, "by another rule it stays");
	redact("properties.transaction_id");
	check_text(reduced(event), "{'timestamp':1790009999,'properties':{'tax':1},'ext':{'original':"
			   "{'event_type':'purchase','timestamp':1790003599,'id':'o-1'},'a':1}}", "its transaction id goes with the event's own");
	redact("properties");
	check_text(text_of(ecapi_reduce_original(&options, &arena, unit_json(&arena, original))),
			   "{'timestamp':1790003599,'id':'o-1'}", "and with all properties");
	redact("properties.tax, ext");
	check_text(text_of(ecapi_reduce_original(&options, &arena, unit_json(&arena, original))), original,
			   "other fields are not of it");
	keep("ext");
	check_text(reduced(event), "{'timestamp':1790009999,'ext':{'original':"
			   "{'event_type':'purchase','timestamp':1790003599,'id':'o-1'},'a':1}}", "it stays only with the event's own");
	keep("ext.original, properties.transaction_id");
	check_text(reduced(event), "{'timestamp':1790009999,'properties':{'transaction_id':'7'},'ext':{'original':"
			   "{'event_type':'purchase','timestamp':1790003599,'id':'o-1','transaction_id':'7'}}}", "which is named here");
	keep("properties");
	check_text(text_of(ecapi_reduce_original(&options, &arena, unit_json(&arena, original))), original,
			   "or with all properties");
	redact("properties.transaction_id");
	check_text(reduced("{'id':'1','ext':{'original':['x',7]}}"), "{'id':'1','ext':{'original':['x',7]}}",
			   "what refers to no event is as any ext");
}

/* A platform is told what a person denied, whatever its destination redacts. */
static void
test_redact_consent(void)
{
#define LIMITS	"'mmt_only':true,'gpp_string':'x','gpp_sid':[7]"
#define CONSENT	"'ext':{'consent':{'ad_user_data':true,'ad_personalization':false}}"
	static const EcapiFormat platform = {.name = "google"};
	static const char event[] = "{'user_data':{" LIMITS ",'ifa':'y','ext':{'consent':{'ad_user_data':true,"
		"'ad_personalization':false},'a':1}},'id':'1'}";
	static const char *const lists[] = {
		"user_data.ext", "user_data.ext.consent", "user_data.ext.consent.ad_personalization",
		"user_data.gpp_string, user_data.gpp_sid", "user_data", "user_data.ifa, user_data.gpp_string"
	};

	for (size_t i = 0; i < lengthof(lists); i++)
	{
		const char *left;

		redact(lists[i]);
		options.format = &platform;
		left = reduced(event);
		check(strstr(left, "'mmt_only':true") && strstr(left, "'gpp_string':'x'") && strstr(left, "'gpp_sid':[7]") &&
			  strstr(left, "'consent':{'ad_user_data':true,'ad_personalization':false}"), lists[i]);
	}
	redact("user_data");
	options.format = &platform;
	check_text(reduced(event), "{'id':'1','user_data':{" LIMITS "," CONSENT "}}", "nothing else comes back");
	check_text(reduced("{'user_data':{'ifa':'y','ext':{'a':1}},'id':'1'}"), "{'id':'1'}", "nothing of who said nothing");
	check_text(reduced_in_mode(true, "{'user_data':{'ifa':'y'}}"), "{'user_data':{'mmt_only':true}}",
			   "the restricted mode stays");
	redact("user_data.ext, user_data.gpp_string");
	check_text(reduced(event), "{'user_data':{'mmt_only':true,'gpp_sid':[7],'ifa':'y'},'id':'1'}",
			   "who gets the string itself gets what the owner gives");
}

/* An event that may be sent in a restricted mode alone says so to the format. */
static void
test_restricted(void)
{
	clear();
	check_text(reduced_in_mode(true, "{'user_data':{'ifa':'x','mmt_only':false}}"),
			   "{'user_data':{'ifa':'x','mmt_only':true}}", "restricted, without an option that reduces");
	check_text(reduced_in_mode(true, "{'id':'1'}"), "{'id':'1','user_data':{'mmt_only':true}}", "nobody's");
	check_text(reduced("{'user_data':{'ifa':'x'}}"), "{'user_data':{'ifa':'x'}}", "and not one that goes as usual");
	keep("value");
	check_text(reduced_in_mode(true, "{'user_data':{'ifa':'x'}}"), "{'user_data':{'mmt_only':true}}",
			   "limits of use stay");
}

static void
test_keep(void)
{
	keep("value");
	check_text(reduced("{'data_set_id':'d','id':'1','timestamp':1,'event_type':'custom','custom_event':'c','value':2,"
					   "'currency_code':'EUR','source':'app','user_data':{'ifa':'x'},'properties':{},'ext':{'a':1},'nosuch':1}"),
			   "{'data_set_id':'d','id':'1','timestamp':1,'event_type':'custom','custom_event':'c','value':2,"
			   "'currency_code':'EUR','user_data':{}}", "what is named, and what is required");
	check_text(reduced("{'user_data':{'mmt_only':true,'gpp_string':'x','gpp_sid':[7],'ext':{'consent':{'ad_user_data':true},'click_ids':{}}}}"),
			   "{'user_data':{'mmt_only':true,'gpp_string':'x','gpp_sid':[7],'ext':{'consent':{'ad_user_data':true}}}}",
			   "limits of use stay");
	keep("properties.items.id, ext.a.b");
	check_text(reduced("{'value':1,'currency_code':'EUR','properties':{'items':[{'id':'1','price':2},'x'],'tax':1},"
					   "'ext':{'a':{'b':1,'c':2},'a.b':3,'d':4}}"),
			   "{'properties':{'items':[{'id':'1'}]},'ext':{'a':{'b':1},'a.b':3}}", "nothing beside");
	check_text(reduced("{'ext':{'a':7}}"), "{'ext':{}}", "what should hold it and does not, goes");
	keep("user_data");
	options.anonymize = ECAPI_ANONYMIZE_IP;
	check_text(reduced("{'user_data':{'event_ip_address':'192.0.2.1'}}"), "{'user_data':{'event_ip_address':'192.0.2.0'}}",
			   "what is kept is coarse all the same");
}

/* Where the country does not leave, what depends on it is in the format's form before. */
static void
test_country(void)
{
	static const char event[] = "{'user_data':{'phone_numbers':['0711 123456'],'address':"
		"[{'country_code':'GB','postal_code':'M1 1AE'},{'country_code':'GB','postal_code':'x'}]}}";
	static EcapiFormat format = {.name = "ecapi"};

	redact("user_data.address.country_code, user_data.phone_numbers");
	check_text(reduced(event), "{'user_data':{'address':[{'postal_code':'m11'},{}]}}", "the standard's form");
	options.format = &format;
	format.name = "meta";
	check_text(reduced(event), "{'user_data':{'address':[{'postal_code':'m11ae'},{'postal_code':'x'}]}}",
			   "a platform's form");
	format.name = "google";
	check_text(reduced(event), "{'user_data':{'address':[{'postal_code':'M1 1AE'},{'postal_code':'x'}]}}",
			   "a platform that takes it as it is");
	redact("user_data.address.country_code");
	check_text(reduced("{'user_data':{'phone_numbers':['0711 123456'],'address':{'country_code':'de'}}}"),
			   "{'user_data':{'phone_numbers':['+49711123456'],'address':{}}}", "a telephone number");
}

/* A key that stands twice, which no reader makes, is met twice. */
static void
test_twice(void)
{
	EcapiValue *event = unit_json(&arena, "{'user_data':{'ifa':'x'},'ext':{'a':1}}");
	EcapiValue *again = unit_json(&arena, "{'user_data':{'ifa':'y','click_id':'z'},'ext':{'a':2}}");

	event->last->next = again->first;
	event->last = again->last;
	event->len += again->len;
	redact("user_data.ifa, ext.a");
	check_text(text_of(ecapi_reduce(&options, false, &arena, event, &reason)),
			   "{'user_data':{},'ext':{},'user_data':{'click_id':'z'},'ext':{}}", "every one of a name");
}

static void *
grab_nothing(void *owner, size_t size)
{
	return NULL;
}

/* However little memory there is, there is all of the result or none. */
static void
test_memory(void)
{
	static const EcapiFormat platform = {.name = "google"};
	static max_align_t memory[8192 / sizeof(max_align_t)];
	EcapiValue *event = unit_json(&arena, "{'id':'1','value':3,'user_data':{'ifa':'x','event_ip_address':'192.0.2.1',"
								  "'ext':{'consent':false},'address':[{'postal_code':'70173'}]},"
								  "'ext':{'a':{'b':1,'c':2},'original':{'timestamp':1790003599}}}");
	bool		whole = true;
	int			failed = 0;
	int			given = 0;
	size_t		size;

	redact("ext.a.b, user_data.ifa, user_data.ext");
	options.format = &platform;
	options.anonymize = ECAPI_ANONYMIZE_IP | ECAPI_ANONYMIZE_POSTAL_CODE | ECAPI_ANONYMIZE_TIMESTAMP;
	options.mmt_only = true;
	ecapi_decimal_read("2", 1, &options.value_factor);
	for (size = 0; size <= sizeof(memory); size += sizeof(max_align_t))
	{
		EcapiArena	little;
		const EcapiValue *left;

		ecapi_arena_init(&little, grab_nothing, NULL);
		little.at = (char *) memory;
		little.left = size;
		left = ecapi_reduce(&options, false, &little, event, &reason);
		whole &= (left == NULL) == little.failed && reason == NULL;
		if (left == NULL)
			failed++;
		else
		{
			const char *text = text_of(left);

			given++;
			whole &= strstr(text, "192.0.2.1'") == NULL && strstr(text, "'b'") == NULL &&
				strstr(text, "'ifa'") == NULL && strstr(text, "'value':6") != NULL &&
				strstr(text, "mmt_only") != NULL && strstr(text, "'consent':false") != NULL && strstr(text, "70173") == NULL &&
				strstr(text, "1790003599") == NULL;
		}
	}
	check(whole && failed > 10 && given > 0, "an arena that fails gives nothing");
}

int
main(void)
{
	ecapi_arena_init(&arena, unit_grab, NULL);
	test_nothing();
	test_value();
	test_transform();
	test_mmt_only();
	test_anonymize();
	test_redact();
	test_redact_consent();
	test_original();
	test_restricted();
	test_keep();
	test_country();
	test_twice();
	test_memory();
	unit_free();
	return unit_done();
}

/*
 * test_select.c
 *	  Which events a destination takes: types, routes, data sets, age, repeats, consent,
 *	  and samples of persons.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/sample.h"
#include "destination/select.h"
#include "unit.h"

#define NOW		INT64_C(1790000000)

static int
half_for_leads(const EcapiOptions *options, const EcapiValue *event)
{
	return ecapi_value_get(event, "lead") ? options->max_age_s / 2 : options->max_age_s;
}

static const EcapiFormat plain = {.name = "plain"};
static const EcapiFormat windowed = {.name = "windowed", .age_limit = half_for_leads, .future_s = 300};

static const EcapiFormat adjusting = {.name = "adjusting", .addressed_refunds = true};

static int
no_way(const EcapiOptions *options)
{
	(void) options;
	return -1;
}

static const EcapiFormat amended = {.name = "amended", .amend = ECAPI_AMEND_APPEND, .amend_s = 7 * 86400};
static const EcapiFormat always = {.name = "always", .amend = ECAPI_AMEND_MESSAGE};
static const EcapiFormat some = {.name = "some", .amend = ECAPI_AMEND_RESTATE, .amend_limit = no_way};

static EcapiOptions options;
static const EcapiAddressee self = {7, "shop"};

static EcapiValue *
tree(const char *json)
{
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	return unit_json(&arena, json);
}

static const char *
early(const char *json)
{
	return ecapi_select_early(&options, self, tree(json), ECAPI_EVENT_purchase, NOW);
}

static const char *
refund(const char *json)
{
	return ecapi_select_early(&options, self, tree(json), ECAPI_EVENT_refund, NOW);
}

static const char *restriction;

static const char *
late(const char *json)
{
	return ecapi_select_late(&options, tree(json), NULL, &restriction);
}

static void set_options(void);

/* The answers for platforms that have fields for them: plain ones and a string's. */
static void
test_answers(void)
{
#define NO_PURPOSE	"CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA"
	static const struct
	{
		const char *user;
		EcapiConsentAnswer data;
		EcapiConsentAnswer personalization;
	}			rows[] = {
		{"{}", ECAPI_CONSENT_UNKNOWN, ECAPI_CONSENT_UNKNOWN},
		{"{'ext':{'consent':{'ad_user_data':true}}}", ECAPI_CONSENT_GRANTED, ECAPI_CONSENT_UNKNOWN},
		{"{'gpp_string':'" NO_PURPOSE "'}", ECAPI_CONSENT_DENIED, ECAPI_CONSENT_DENIED},
		/* a denial of either wins */
		{"{'gpp_string':'" NO_PURPOSE "','ext':{'consent':{'ad_user_data':true}}}", ECAPI_CONSENT_DENIED, ECAPI_CONSENT_DENIED},
		{"{'gpp_string':'DBABTA~1YNN','ext':{'consent':{'ad_user_data':false}}}", ECAPI_CONSENT_DENIED, ECAPI_CONSENT_UNKNOWN},
		/* opting out is of ads alone, and who has not opted out has granted nothing */
		{"{'gpp_string':'DBABTA~1YYN'}", ECAPI_CONSENT_UNKNOWN, ECAPI_CONSENT_DENIED},
		{"{'gpp_string':'DBABTA~1YNN'}", ECAPI_CONSENT_UNKNOWN, ECAPI_CONSENT_UNKNOWN},
		/* a section that does not apply says nothing */
		{"{'gpp_string':'" NO_PURPOSE "','gpp_sid':[-1]}", ECAPI_CONSENT_UNKNOWN, ECAPI_CONSENT_UNKNOWN},
		{"{'gpp_string':'none'}", ECAPI_CONSENT_DENIED, ECAPI_CONSENT_DENIED}
	};
	const EcapiValue *string;
	size_t		len;

	for (size_t i = 0; i < lengthof(rows); i++)
	{
		EcapiConsent consent = ecapi_consent_answers(tree(rows[i].user));

		check(consent.ad_user_data == rows[i].data &&
			  consent.ad_personalization == rows[i].personalization, rows[i].user);
	}
	string = ecapi_value_get(tree("{'s':'DBABMA~" NO_PURPOSE "'}"), "s");
	check(ecapi_consent_tc_string(string, &len) == string->text + 7 && len == strlen(NO_PURPOSE),
		  "the TC string of a GPP string");
	check(ecapi_consent_tc_string(ecapi_value_get(tree("{'s':'DBABTA~1YNN'}"), "s"), &len) == NULL,
		  "one that has none");
}

/* An event that is taken, in the restricted mode alone for a reason, or (NULL) as usual. */
static void
check_restricted(const char *json, const char *reason, const char *what)
{
	check_text(late(json), NULL, what);
	check_text(restriction, reason, what);
}

/* Consent strings: a purchase with one, at a destination that asks for it. */
static void
test_strings(void)
{
	static const struct
	{
		EcapiGppRule gpp;
		const char *event;
		const char *reason;
	}			rows[] = {
		{ECAPI_GPP_IF_PRESENT, "{}", NULL},
		{ECAPI_GPP_REQUIRED, "{}", "consent: no string"},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN'}}", "consent: uspv1 sale opt-out"},
		{ECAPI_GPP_IGNORED, "{'user_data':{'gpp_string':'DBABTA~1YYN'}}", NULL},
		{ECAPI_GPP_REQUIRED, "{'user_data':{'gpp_string':'DBABTA~1YNN'}}", NULL},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'yes'}}", "consent: unreadable string"},
		/* the sections that apply, as an array and as one; what is no number says nothing */
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN','gpp_sid':[-1]}}", NULL},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN','gpp_sid':7}}", NULL},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN','gpp_sid':[7,6]}}", "consent: uspv1 sale opt-out"},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN','gpp_sid':['7']}}", "consent: uspv1 sale opt-out"},
		{ECAPI_GPP_REQUIRED, "{'user_data':{'gpp_string':'DBABTA~1YNN','gpp_sid':[7]}}", "consent: usnat section missing"},
		/* a denial of either wins */
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YYN','ext':{'consent':{'ad_user_data':true}}}}",
		"consent: uspv1 sale opt-out"},
		{ECAPI_GPP_IF_PRESENT, "{'user_data':{'gpp_string':'DBABTA~1YNN','ext':{'consent':{'ad_user_data':false}}}}",
		"consent denied"}
	};

	set_options();
	options.consent = ECAPI_CONSENT_IF_PRESENT;
	options.terms.uses = ECAPI_USE_TARGETED_ADS;
	for (size_t i = 0; i < lengthof(rows); i++)
	{
		options.terms.gpp = rows[i].gpp;
		options.terms.restricted = false;
		check_text(late(rows[i].event), rows[i].reason, rows[i].event);
	}
	options.terms.gpp = ECAPI_GPP_IF_PRESENT;
	options.terms.restricted = true;
	check_restricted("{'user_data':{'gpp_string':'DBABTA~1YYN'}}", "consent: uspv1 sale opt-out", "a string leaves the mode alone");
	check_restricted("{'user_data':{'gpp_string':'DBABTA~1YNN'}}", NULL, "not one that allows it");
	check_restricted("{}", NULL, "nor is there any");
	check_restricted("{'user_data':{'ext':{'consent':{'ad_personalization':false}}}}", "consent: no personalization",
					 "as where personalization was denied plainly");
	check_restricted("{'user_data':{'ext':{'consent':{'ad_user_data':true,'ad_personalization':'denied'}}}}",
					 "consent: no personalization", "or answered by what cannot be read");
	check_restricted("{'user_data':{'ext':{'consent':{'ad_personalization':0}}}}", "consent: no personalization",
					 "by a number, too");
	check_restricted("{'user_data':{'ext':{'consent':{'ad_personalization':null}}}}", NULL, "null is no answer");
	check_text(late("{'user_data':{'gpp_string':'none'}}"), "consent: unreadable string", "nothing is left of what is refused");
	check_text(restriction, NULL, "and no mode");
}

static void
set_options(void)
{
	memset(&options, 0, sizeof(options));
	options.event_types = ECAPI_ALL_EVENT_TYPES;
	options.format = &plain;
}

static void
test_early(void)
{
	set_options();
	check_text(early("{}"), NULL, "a destination without options takes all");
	check_text(ecapi_select_early(&options, self, tree("{}"), -1, NOW), "event_type", "but no unknown type");
	options.event_types = UINT64CONST(1) << ECAPI_EVENT_refund;
	check_text(early("{}"), "event_type", "another type");
	check_text(ecapi_select_routed(&options, ECAPI_EVENT_refund, NULL), NULL, "the right one");
	check_text(refund("{'ext':{'refund_for':{'8':'other'}}}"), "not delivered",
			   "a refund of what it was not sent");
	check_text(refund("{'ext':{'refund_for':{'8':'shop'}}}"), NULL, "one by its name");
	check_text(refund("{'ext':{'refund_for':{'7':'other'}}}"), NULL, "one by its server");
	check_text(refund("{}"), NULL, "one for all");
#define AMENDMENT(at) "{'timestamp':1790000000,'ext':{'amends':{},'original':{'timestamp':" at "}}}"
	options.event_types = ECAPI_ALL_EVENT_TYPES;
	check_text(early(AMENDMENT("1789999999")), "not amendable", "an amendment, where there is no way");
	check_text(early("{'ext':{'original':{'timestamp':1}}}"), NULL, "what an application refers to is an event as others");
	options.format = &amended;
	check_text(early(AMENDMENT("1789395200")), NULL, "an amendment in time");
	check_text(early(AMENDMENT("1789395199")), "original too old", "one that comes too late");
	options.format = &always;
	check_text(early(AMENDMENT("1")), NULL, "it is never too late");
	options.format = &some;
	check_text(early(AMENDMENT("1789999999")), "not amendable", "one for a destination without a way");
	options.format = &adjusting;
	check_text(refund("{}"), "not delivered", "one for all, where only what was delivered is adjusted");
	check_text(refund("{'ext':{'refund_for':{'7':'other'}}}"), NULL, "one by its server, there");
	options.format = &plain;
	check_text(ecapi_select_routed(&options, 64, NULL), "event_type", "no type at all");

	set_options();
	options.route = "de";
	check_text(early("{'ext':{'route':'de'}}"), NULL, "the right route");
	check_text(early("{'ext':{'route':'DE'}}"), "route", "letter case counts");
	check_text(early("{'ext':{'route':'at'}}"), "route", "another route");
	check_text(early("{'ext':{'route':['de']}}"), "route", "no text is no route");
	check_text(early("{'ext':'de'}"), "route", "no ext");
	check_text(early("{}"), "route", "no route");
	check_text(ecapi_select_routed(&options, ECAPI_EVENT_purchase, "de"), NULL, "the same without a tree");
	check_text(ecapi_select_routed(&options, ECAPI_EVENT_purchase, "d"), "route", "another without a tree");
	check_text(ecapi_select_routed(&options, ECAPI_EVENT_purchase, NULL), "route", "none without a tree");
	check_text(ecapi_select_route_of(tree("{'ext':{'route':'de'}}")), "de", "an event's route");

	set_options();
	options.data_set_id = "7";
	check_text(early("{}"), NULL, "an event without a data set");
	check_text(early("{'data_set_id':'7'}"), NULL, "of this one");
	check_text(early("{'data_set_id':'8'}"), "data_set_id", "of another");
	options.data_set_id = NULL;
	check_text(early("{'data_set_id':'8'}"), NULL, "a destination without one");

	set_options();
	options.max_age_s = 60;
	check_text(early("{'timestamp':1789999940}"), NULL, "as old as may be");
	check_text(early("{'timestamp':1789999939}"), "expired", "too old");
	check_text(early("{}"), NULL, "of no age");
	check_text(early("{'timestamp':1790009999}"), NULL, "of a time to come");
	options.format = &windowed;
	check_text(early("{'timestamp':1789999940}"), NULL, "as old as the format takes this one");
	check_text(early("{'timestamp':1789999969,'lead':true}"), "expired", "too old for one of its kind");
	check_text(early("{'timestamp':1790000300}"), NULL, "a clock that goes ahead");
	check_text(early("{'timestamp':1790000301}"), "in the future", "too far ahead");
	options.max_age_s = 0;
	check_text(early("{'timestamp':1}"), NULL, "of any age");
	check_text(early("{'timestamp':1790000301}"), "in the future", "too far ahead, without a limit of age");
	set_options();
	options.max_age_s = 60;
	options.route = "de";
	check_text(early("{'timestamp':1}"), "route", "the route comes first");
}

#define CONSENT(answers) "{'user_data':{'ext':{'consent':{" answers "}}}}"

static void
test_consent(void)
{
	EcapiConsent consent = ecapi_consent_read(tree(CONSENT("'ad_user_data':true,'ad_personalization':false")));

	check(consent.ad_user_data == ECAPI_CONSENT_GRANTED &&
		  consent.ad_personalization == ECAPI_CONSENT_DENIED, "both answers");
	consent = ecapi_consent_read(tree(CONSENT("'ad_user_data':'true','ad_personalization':1")));
	check(consent.ad_user_data == ECAPI_CONSENT_UNREADABLE &&
		  consent.ad_personalization == ECAPI_CONSENT_UNREADABLE, "only booleans are answers");
	consent = ecapi_consent_read(tree(CONSENT("'ad_user_data':null")));
	check(consent.ad_user_data == ECAPI_CONSENT_UNKNOWN &&
		  consent.ad_personalization == ECAPI_CONSENT_UNKNOWN, "null is no answer");

	set_options();
	check_text(late(CONSENT("'ad_user_data':false")), NULL, "no rule");
	options.consent = ECAPI_CONSENT_REQUIRED;
	check_text(late(CONSENT("'ad_user_data':true")), NULL, "required and granted");
	check_text(late(CONSENT("'ad_user_data':false")), "consent denied", "required and denied");
	check_text(late(CONSENT("'ad_user_data':'granted'")), "consent unreadable", "required and no boolean");
	check_text(late(CONSENT("'ad_personalization':true")), "consent missing", "required, the other granted");
	check_text(late(CONSENT("'ad_user_data':true,'ad_personalization':false")), NULL,
			   "the other is passed on, whatever it is");
	check_text(late("{}"), "consent missing", "required and missing");
	check_text(late("{'user_data':{'ext':{'consent':true}}}"), "consent unreadable", "required and no object");
	options.consent = ECAPI_CONSENT_IF_PRESENT;
	check_text(late(CONSENT("'ad_user_data':true")), NULL, "if present, and granted");
	check_text(late(CONSENT("'ad_user_data':false")), "consent denied", "if present, and denied");
	check_text(late(CONSENT("'ad_user_data':'denied'")), "consent unreadable", "if present, and a word");
	check_text(late(CONSENT("'ad_user_data':'false'")), "consent unreadable", "if present, and a boolean as text");
	check_text(late(CONSENT("'ad_user_data':0")), "consent unreadable", "if present, and a number");
	check_text(late(CONSENT("'ad_user_data':[]")), "consent unreadable", "if present, and a list");
	check_text(late("{'user_data':{'ext':{'consent':false}}}"), "consent denied", "if present, and a bare false");
	check_text(late("{'user_data':{'ext':{'consent':'denied'}}}"), "consent unreadable", "if present, and a bare word");
	check_text(late("{'user_data':{'ext':{'consent':[]}}}"), "consent unreadable", "if present, and a list in its place");
	check_text(late(CONSENT("'ad_user_data':null")), NULL, "if present, and null");
	check_text(late("{'user_data':{'ext':{'consent':null}}}"), NULL, "if present, and null in its place");
	check_text(late("{}"), NULL, "if present, and missing");
}

static const char *
digest(const char *json, const char *default_country)
{
	static char hex[ECAPI_HEX_SIZE];

	ecapi_sample_digest(tree(json), default_country, hex);
	return hex;
}

#define ANN		"71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"	/* ann@example.com */

static void
test_person(void)
{
	char		phone[ECAPI_HEX_SIZE];

	check_text(digest("{'id':'1','user_data':{'email_address':[' Ann@Example.com ']}}", NULL), ANN, "an email address");
	check_text(digest("{'id':'2','user_data':{'email_address':'ann@example.com'}}", NULL), ANN, "typed otherwise");
	check_text(digest("{'user_data':{'email_address':['" ANN "']}}", NULL), ANN, "as digest");
	check_text(digest("{'user_data':{'email_address':['',null,'ann@example.com','bob@example.com']}}", NULL), ANN,
			   "the first that is one");
	check_text(digest("{'user_data':{'uids':[{'id':'x'}],'phone_numbers':['1'],'email_address':['ann@example.com']}}", NULL), ANN,
			   "goes before others, whatever their order");
	check_text(digest("{'user_data':{'uids':[{'source':'s'},{'id':'ann@example.com'}]}}", NULL), ANN, "a uid");
	check_text(digest("{'user_data':{'ifa':'ann@example.com','click_id':'c'}}", NULL), ANN, "an ifa");
	check_text(digest("{'user_data':{'click_id':'ann@example.com'},'id':'i'}", NULL), ANN, "a click id");
	check_text(digest("{'id':'ann@example.com'}", NULL), ANN, "else the event's own id");
	check_text(digest("{'user_data':{'customer_identifier':'ann@example.com','email_address':['b']}}", NULL), ANN,
			   "the customer's number goes before all");
	check_text(digest("{}", NULL), "", "nothing");

	strcpy(phone, digest("{'user_data':{'phone_numbers':['+49 711 1234567']}}", NULL));
	check_text(digest("{'user_data':{'phone_numbers':['0711 1234567']}}", "de"), phone, "a telephone number of here");
	check_text(digest("{'user_data':{'phone_numbers':['0711 1234567'],'address':{'country_code':'DE'}}}", "at"), phone,
			   "or of the address");
	check_text(digest("{'user_data':{'phone_numbers':['0711 1234567'],'ifa':'ann@example.com'}}", NULL), ANN,
			   "of nowhere it is passed over");
}

static void
test_sample(void)
{
	int			quarter = 0;
	int			half = 0;
	bool		nested = true;
	int			i;

	set_options();
	for (i = 0; i < 4000; i++)
	{
		char		json[200];
		bool		in_quarter;
		bool		in_half;

		snprintf(json, sizeof(json), "{'id':'%d','user_data':{'email_address':['person%d@example.com']}}",
				 i % 7, i);
		options.sample = 0.25;
		in_quarter = late(json) == NULL;
		options.sample = 0.5;
		in_half = late(json) == NULL;
		quarter += in_quarter;
		half += in_half;
		nested &= !in_quarter || in_half;
	}
	printf("# of 4000 persons: a quarter is %d, half %d\n", quarter, half);
	/* the persons are fixed, so these are no matter of chance */
	check(quarter > 900 && quarter < 1100 && half > 1900 && half < 2100, "shares are what they say");
	check(nested, "the smaller sample is part of the larger one");
	options.sample = 0.000001;
	check_text(late("{'id':'1'}"), "sample", "hardly anybody");
	options.sample = 1;
	check_text(late("{'id':'1'}"), NULL, "everybody");

	/* left(sha256('ecapi:sample:' || sha256 in hex), 8) is 5eb6d05f by sha256sum */
	check(ecapi_sample_share(tree("{'id':'ann@example.com'}"), NULL) == 0x5eb6d05f / 4294967296.0,
		  "others can compute it");
	options.consent = ECAPI_CONSENT_REQUIRED;
	options.sample = 0.000001;
	check_text(late("{'id':'1'}"), "consent missing", "consent comes first");
}

static int
never_for_leads(const EcapiOptions *options, const EcapiValue *event)
{
	return ecapi_value_get(event, "lead") ? 0 : options->format->dedupe_s;
}

static const char *
repeat(int64_t age_s)
{
	return ecapi_select_repeat(&options, tree("{}"), NOW - age_s, NOW);
}

static void
test_repeats(void)
{
	static const EcapiFormat forgets = {.name = "forgets", .dedupe_s = 3600};
	static const EcapiFormat counts_tests = {
		.name = "counts tests", .dedupe_s = 3600, .test_counts = true
	};
	static const EcapiFormat knows_some = {
		.name = "knows some", .dedupe_s = 3600, .dedupe_limit = never_for_leads
	};

	memset(&options, 0, sizeof(options));
	options.timeout_ms = 30000;
	options.format = &plain;
	check_text(repeat(100000), NULL, "repeats are known for ever");
	options.format = &forgets;
	check_text(repeat(3569), NULL, "a repeat that arrives in time");
	check_text(repeat(3570), "dedupe window", "one that may be on its way too long");
	check_text(repeat(100000), "dedupe window", "one too late");
	check_text(repeat(-60), NULL, "after the clock was set back");
	check_text(ecapi_select_repeat(&options, tree("{}"), 0, NOW), NULL, "what was never sent is no repeat");
	options.format = &knows_some;
	check_text(repeat(60), NULL, "an event that is known for a time");
	check_text(ecapi_select_repeat(&options, tree("{'lead':true}"), NOW, NOW), "dedupe window",
			   "one that is never known again");
	check_text(ecapi_select_repeat(&options, tree("{'lead':true}"), 0, NOW), NULL, "the first of it");
	options.format = &forgets;
	options.mode = ECAPI_MODE_TEST;
	check_text(repeat(100000), NULL, "a test that does not count");
	options.format = &counts_tests;
	check_text(repeat(100000), "dedupe window", "a test that counts");
	options.test_url = (char *) "https://test.example";
	check_text(repeat(100000), NULL, "a test that goes elsewhere");
	options.test_url = NULL;
	options.mode = ECAPI_MODE_LIVE;
	options.allow_late_repeat = true;
	check_text(repeat(100000), NULL, "the owner lets it go");
}

int
main(void)
{
	test_early();
	test_strings();
	test_answers();
	test_repeats();
	test_consent();
	test_person();
	test_sample();
	unit_free();
	return unit_done();
}

/*
 * test_matched.c
 *	  Which identifiers events carry to platforms, and their points.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/carried.h"
#include "destination/formats.h"
#include "destination/matched.h"
#include "destination/options.h"
#include "event/digest.h"
#include "unit.h"

static EcapiOptions options;
static EcapiMatching matching;
static EcapiArena arena;

static void
use(const char *name, const char *default_country)
{
	const EcapiFormat *format = ecapi_format_lookup(name);

	memset(&options, 0, sizeof(options));
	options.format = format;
	options.batch_size = 1;
	options.dedupe_key = format->dedupe_key;
	options.data_set_id = "123";
	for (int i = 0; i < format->nown; i++)
		options.own[i] = (char *) format->own[i].fallback;
	for (int i = 0; i < ECAPI_EVENT_TYPES && (strcmp(name, "linkedin") == 0 || strcmp(name, "google") == 0); i++)
		options.targets[i] = "1234";
	memset(&matching.body.shape, 0, sizeof(EcapiShape));
	matching.body.shape.format = format;
	matching.body.shape.options = &options;
	matching.body.shape.now = INT64_C(1790000600);
	matching.body.shape.default_country = default_country;
}

/* A purchase of a person with these members. */
static const EcapiValue *
purchase_of(const char *user_data)
{
	char		json[4000];

	snprintf(json, sizeof(json), "{'data_set_id':'123','id':'order-41','timestamp':1790000000,"
			 "'event_type':'purchase','source':'website','value':1,'currency_code':'EUR',"
			 "'properties':{'page_url':'https://shop.example/'},'user_data':{%s}}", user_data);
	return unit_json(&arena, json);
}

/* The names of a set, below user_data, with blanks between. */
static const char *
names_of(EcapiMatchSet set)
{
	static char names[2000];
	const EcapiMatchable *one;

	names[0] = '\0';
	for (int i = 0; (one = ecapi_matchable_nth(i)) != NULL; i++)
		if ((set & (UINT64CONST(1) << i)) != 0)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] ? " " : "",
					 one->path + strlen("user_data."));
	return names;
}

static const char *
taken_by(const char *user_data)
{
	return names_of(ecapi_match_taken(&matching, &arena, purchase_of(user_data)));
}

static const char *
carried_of(const char *user_data)
{
	const EcapiValue *event = purchase_of(user_data);

	return names_of(ecapi_match_carried(&matching, &arena, event,
										ecapi_match_taken(&matching, &arena, event)));
}

static int
points_of(const char *user_data)
{
	const EcapiValue *event = purchase_of(user_data);
	EcapiMatchSet taken = ecapi_match_taken(&matching, &arena, event);

	return ecapi_match_points(ecapi_match_carried(&matching, &arena, event, taken), taken);
}

#define PERSON "'event_user_agent':'Mozilla/5.0','event_ip_address':'192.0.2.1'"

static void
test_taken(void)
{
	use("meta", NULL);
	check_text(taken_by(PERSON), "email_address phone_numbers customer_identifier uids.id ext.click_ids.fbclid"
			  " ext.click_ids.fbc ext.click_ids.fbp click_id ifa address.first_name address.last_name"
			  " address.postal_code address.city address.state address.country_code gender event_ip_address"
			  " event_user_agent landing_ip_address landing_user_agent", "Meta takes them all");
	check_text(taken_by("'email_address':'a@example.com'"),
			  "email_address phone_numbers customer_identifier uids.id ext.click_ids.fbclid"
			  " ext.click_ids.fbc ext.click_ids.fbp click_id ifa address.first_name address.last_name"
			  " address.postal_code address.city address.state address.country_code gender event_ip_address"
			  " event_user_agent landing_ip_address landing_user_agent", "whatever an event itself has");
	use("linkedin", NULL);
	check_text(taken_by(PERSON), "email_address customer_identifier ext.click_ids.li_fat_id click_id"
			  " event_ip_address landing_ip_address", "LinkedIn takes few");
	use("microsoft", NULL);
	check_text(taken_by(PERSON), "email_address phone_numbers customer_identifier ext.click_ids.msclkid click_id"
			  " event_ip_address event_user_agent landing_ip_address landing_user_agent", "Microsoft, without app_os");
}

static void
test_carried(void)
{
	use("meta", NULL);
	check_text(carried_of(PERSON ",'email_address':['ann@example.com','x'],'phone_numbers':'030 1234567'"),
			  "email_address event_ip_address event_user_agent", "what has no certain form is not carried");
	use("meta", "de");
	check_text(carried_of(PERSON ",'phone_numbers':'030 1234567'"),
			  "phone_numbers event_ip_address event_user_agent", "with a country it has one");
	check_text(carried_of(PERSON ",'customer_identifier':'c1','uids':[{'id':'C1'}]"),
			  "customer_identifier event_ip_address event_user_agent", "one of two that are the same");
	check_text(carried_of(PERSON ",'click_id':'AbC','ext':{'click_ids':{'fbclid':'AbC'}}"),
			  "ext.click_ids.fbclid event_ip_address event_user_agent", "the same of clicks");
	check_text(carried_of(PERSON ",'ext':{'click_ids':{'fbclid':'AbC','fbc':'fb.1.1789999000000.AbC'}}"),
			  "ext.click_ids.fbc event_ip_address event_user_agent", "the cookie, where it is there");
	check_text(carried_of(PERSON ",'ext':{'click_ids':{'gclid':'AbC','fbc':'none'}}"),
			  "event_ip_address event_user_agent", "no other platform's, and none without its form");
	check_text(carried_of(PERSON ",'event_ip_address':null,'email_address':''"), "event_ip_address event_user_agent",
			  "null and empty are nothing");
	check_text(carried_of("'address':{'city':'Berlin'}"), "", "an event that cannot leave carries nothing");
	use("google", NULL);
	check_text(carried_of("'email_address':'ann@example.com','address':{'first_name':'Ann','last_name':'Smith'}"),
			  "email_address", "an address by parts is none");
	check_text(carried_of("'email_address':'ann@example.com','address':[{'first_name':'Ann','last_name':'Smith',"
						 "'postal_code':'94105','country_code':'US'}]"),
			  "email_address address.first_name address.last_name address.postal_code address.country_code",
			  "a whole one is");
	use("webhook", NULL);
	check_text(carried_of("'email_address':'ann@example.com','ext':{'click_ids':{'gclid':'AbC'}}"), "email_address",
			  "the standard has no ids of clicks of its own");
}

static void
test_points(void)
{
	EcapiMatchSet taken;

	use("meta", "de");
	check(points_of(PERSON) == 1, "address and browser");
	check(points_of("'event_user_agent':'Mozilla/5.0','email_address':'a@example.com'") == 4, "a browser alone is nothing");
	check(points_of(PERSON ",'email_address':'a@example.com','phone_numbers':'+4930123456'") == 8, "are added up");
	check(points_of(PERSON ",'email_address':'a@example.com','address':{'first_name':'Ann'}") == 5, "half a name is none");
	check(points_of(PERSON ",'email_address':'a@example.com','address':{'first_name':'Ann','last_name':'B'}") == 6, "a whole one");
	check(points_of(PERSON ",'email_address':'a@example.com','phone_numbers':'+4930123456','customer_identifier':'7',"
					"'ext':{'click_ids':{'fbc':'fb.1.1789999000000.AbC','fbp':'fb.1.1789999000000.12'}}") == 10, "at most ten");
	use("linkedin", NULL);
	taken = ecapi_match_taken(&matching, &arena, purchase_of(PERSON));
	check(ecapi_match_points(taken, taken) == 10, "the most at LinkedIn");
	check(ecapi_match_score(0, taken, ECAPI_MATCH_EMAIL) == 4, "what one more would bring");
	check(ecapi_match_score(taken, taken, ECAPI_MATCH_EMAIL) == 10, "nothing where all is there");
	check(ecapi_match_score(0, 0, ECAPI_MATCH_OTHER) == 0, "nothing taken, no score");
}

/* Of the fields of the standard no format takes one that it does not carry. */
static void
test_all(void)
{
	const EcapiFormat *format;

	for (int k = 0; (format = ecapi_format_nth(k)) != NULL; k++)
	{
		const EcapiMatchable *one;
		EcapiFieldSet carried;
		EcapiMatchSet taken;
		bool		good = true;
		char		what[100];

		use(format->name, NULL);
		taken = ecapi_match_taken(&matching, &arena, purchase_of(PERSON));
		carried = ecapi_carried(format, &options);
		for (int i = 0; (one = ecapi_matchable_nth(i)) != NULL; i++)
		{
			const EcapiField *field = ecapi_field_named(one->path, strlen(one->path));

			good &= (taken & (UINT64CONST(1) << i)) == 0 || field == NULL ||
				ecapi_field_set_has(&carried, ecapi_field_number(field));
		}
		snprintf(what, sizeof(what), "%s: %s", format->name, names_of(taken));
		check(good && taken != 0, what);
	}
}

int
main(void)
{
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&matching.body.buffer, 0, unit_resize, NULL);
	ecapi_buffer_init(&matching.other.buffer, 0, unit_resize, NULL);
	test_taken();
	test_carried();
	test_points();
	test_all();
	return unit_done();
}

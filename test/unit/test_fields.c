/*
 * test_fields.c
 *	  The field table, the code lists and the closest name.
 */
#include "unit.h"

#include "event/closest.h"
#include "event/codes.h"
#include "event/fields.h"

static const char *
closest_field(EcapiObject object, const char *word)
{
	return ecapi_closest(word, strlen(word), ecapi_field_name_nth, &object);
}

static const char *
closest_type(const char *word)
{
	return ecapi_event_type_meant(word, strlen(word));
}

static void
test_table(void)
{
	int			fields = 0;
	int			hashed = 0;

	for (int object = 0; object < ECAPI_OBJECTS; object++)
	{
		int			n = ecapi_field_count(object);
		bool		right = n > 0 && n <= ECAPI_OBJECT_MAX_FIELDS;

		for (int i = 0; i < n; i++)
		{
			const EcapiField *field = ecapi_field_nth(object, i);

			right &= field == ecapi_field_lookup(object, field->name, field->len);
			right &= field->position == i && field->object == (EcapiObject) object;
			right &= (field->type == ECAPI_FT_EXT) == (i == n - 1);
			right &= (field->child != ECAPI_OBJ_NONE) == (field->type == ECAPI_FT_OBJECT);
			/* what is hashed must have a form to be hashed in */
			right &= field->privacy == ECAPI_CLEAR || field->rule != ECAPI_RULE_NONE;
			hashed += field->privacy == ECAPI_SHA256;
			fields++;
		}
		check(right && ecapi_field_nth(object, n) == NULL, ecapi_object_name(object));
	}
	check(fields == 106, "every field of the standard");
	check(hashed == 9, "every field that is hashed");
	check(ecapi_field_lookup(ECAPI_OBJ_EVENT, "Value", 5) == NULL, "letter case matters");
	check(ecapi_field_lookup(ECAPI_OBJ_EVENT, "", 0) == NULL, "no name, no field");
	check(ecapi_field_lookup(ECAPI_OBJ_ITEM, "currency_code", 13) == NULL, "not its object");
}

static void
test_names(void)
{
	bool		right = true;
	const EcapiField *field;
	int			i;

	for (i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		const char *path = ecapi_field_path(field);
		const char *name = ecapi_field_short_name(field);

		right &= ecapi_field_number(field) == i;
		right &= ecapi_field_named(path, strlen(path)) == field;
		right &= ecapi_field_named(name, strlen(name)) == field;
		right &= ecapi_field_short_name_nth(i, NULL) == name;
	}
	check(right && i == ECAPI_FIELDS, "every field is found by its number and its names");
	check_text(ecapi_field_path(ecapi_field_named("item.price", 10)), "properties.items.price",
			   "where an item's price stands");
	check(ecapi_field_named("price", 5) == NULL && ecapi_field_named("", 0) == NULL,
		  "half a name is none");
}

static void
test_event_types(void)
{
	bool		right = true;
	int			standard = 0;

	for (int i = 0; i < ECAPI_EVENT_TYPES; i++)
	{
		const char *name = ecapi_event_type_name(i);

		right &= ecapi_event_type_lookup(name, strlen(name)) == i;
		standard += ecapi_event_type_standard(i);
	}
	check(right && ecapi_event_type_name(ECAPI_EVENT_TYPES) == NULL, "45 event types");
	check(standard == 28, "28 of them standard");
	check(ECAPI_EVENT_purchase == 0 && ECAPI_EVENT_tutorial_complete == 44,
		  "their numbers do not change");
	check(ecapi_event_type_lookup("Purchase", 8) == -1, "letter case matters");
}

static void
test_codes(void)
{
	int			exponent = 99;
	bool		sorted = true;
	const char *before = "";

	for (int i = 0; ecapi_currency_nth(i, NULL); i++)
	{
		const char *code = ecapi_currency_nth(i, NULL);

		sorted &= strcmp(before, code) < 0 && ecapi_currency_lookup(code, 3, NULL) == code;
		before = code;
	}
	check(sorted, "currencies are sorted and found");
	check_text(ecapi_currency_lookup("jpy", 3, &exponent), "JPY", "yen");
	check(exponent == 0, "which has no minor unit");
	ecapi_currency_lookup("KWD", 3, &exponent);
	check(exponent == 3, "a third of a dinar's digits");
	check(ecapi_currency_lookup("EURO", 4, NULL) == NULL, "no such currency");
	check(ecapi_currency_lookup("BGN", 3, NULL) == NULL, "a withdrawn currency");

	sorted = true;
#define ECAPI_COUNTRY(alpha2, alpha3, name) \
	sorted &= ecapi_country_lookup(alpha2, 2) != NULL && \
		strcmp(ecapi_country_lookup(alpha2, 2), alpha2) == 0 && \
		strcmp(ecapi_country_lookup(alpha3, 3), alpha2) == 0 && \
		strcmp(ecapi_country_lookup(name, strlen(name)), alpha2) == 0;
#define ECAPI_COUNTRY_NAME(alpha2, name) \
	sorted &= strcmp(ecapi_country_lookup(name, strlen(name)), alpha2) == 0;
#include "event/countries.def"
#undef ECAPI_COUNTRY
#undef ECAPI_COUNTRY_NAME
	check(sorted, "countries are sorted and found by each of their names");
	check(ecapi_country_lookup("Congo, maybe", 12) == NULL, "no such country");
	check(ecapi_country_lookup("", 0) == NULL, "no name, no country");
}

/* A word, and the event type that is meant by it (NULL: none). */
static const char *const meant[][2] = {
	{"complete_registration", "sign_up"},
	{"CompleteRegistration", "sign_up"},
	{"COMPLETE-REGISTRATION", "sign_up"},
	{"Lead", "generate_lead"},
	{"SubmitForm", "generate_lead"},
	{"ViewContent", "viewed_item"},
	{"view_item", "viewed_item"},
	{"view_cart", "viewed_cart"},
	{"InitiateCheckout", "begin_checkout"},
	{"START_CHECKOUT", "begin_checkout"},
	{"checkout", "purchase"},
	{"CompletePayment", "purchase"},
	{"PlaceAnOrder", "purchase"},
	{"ADD_CART", "add_to_cart"},
	{"ADD_BILLING_INFO", "add_payment_info"},
	{"ADD_TO_LIST", "add_to_wishlist"},
	{"page_visit", "page_view"},
	{"KEY_PAGE_VIEW", "page_view"},
	{"signup", "sign_up"},
	{"RESERVE", "schedule"},
	{"app_install", "install"},
	{"LEVEL_COMPLETE", "level_up"},
	{"COMPLETE_TUTORIAL", "tutorial_complete"},
	{"SPENT_CREDITS", "spend_virtual_currency"},
	{"ACHIEVEMENT_UNLOCKED", "unlock_achievement"},
	{"LIST_VIEW", "view_item_list"},
	{"QUALIFIED_LEAD", "qualify_lead"},
	{"cancel_order", "refund"},
	{"order_refunded", "refund"},
	{"unqualified_lead", "disqualify_lead"},
	{"log_in", "login"},
	{"subscribed", "subscribe"},
	{"subscibe", "subscribe"},
	{"unsubscribe", NULL},
	{"Unsubscribed", NULL},
	{"cancel_subscription", NULL},
	{"end_trial", NULL},
	{"uninstall", NULL},
	{"app_uninstall", NULL},
	{"logout", NULL},
	{"sign_out", NULL},
	{"unregister", NULL},
	{"failed_purchase", NULL},
	{"not_purchase", NULL}
};

static void
test_synonyms(void)
{
	bool		one = true;
	const char *words;

	for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
		check_text(ecapi_event_type_meant(meant[i][0], strlen(meant[i][0])), meant[i][1],
				   meant[i][0]);

	/* each word leads to its own line and is no name of a type */
	for (int type = 0; (words = ecapi_event_type_synonyms(type)) != NULL; type++)
		while (*words)
		{
			size_t		len = strcspn(words, " ");
			const char *name = ecapi_event_type_meant(words, len);

			one &= name != NULL && strcmp(name, ecapi_event_type_name(type)) == 0 &&
				ecapi_event_type_lookup(words, len) < 0;
			words += len;
			words += strspn(words, " ");
		}
	check(one, "no synonym stands for two types");
}

int
main(void)
{
	test_table();
	test_names();
	test_event_types();
	test_codes();
	check_text(closest_type("purchas"), "purchase", "a letter too few");
	check_text(closest_type("Purchase"), "purchase", "letter case");
	check_text(closest_type("add-to-cart"), "add_to_cart", "separators");
	check_text(closest_type("pageveiw"), "page_view", "letters swapped and one lost");
	check_text(closest_type("signup"), "sign_up", "a separator lost");
	check_text(closest_type("xyzzy"), NULL, "nothing is close");
	check_text(closest_type(""), NULL, "nothing given");
	check_text(closest_field(ECAPI_OBJ_USER_DATA, "email"), "email_address", "half a name");
	check_text(closest_field(ECAPI_OBJ_USER_DATA, "email_addresses"), "email_address", "a plural");
	check_text(closest_field(ECAPI_OBJ_USER_DATA, "phone"), "phone_numbers", "half a name");
	check_text(closest_field(ECAPI_OBJ_EVENT, "currency"), "currency_code", "half a name");
	check_text(closest_field(ECAPI_OBJ_ITEM, "prise"), "price", "another letter");
	check(ecapi_event_type_meant("purchase\0x", 10) == NULL, "a NUL inside");
	test_synonyms();
	return unit_done();
}

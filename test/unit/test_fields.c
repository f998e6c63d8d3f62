/*
 * test_fields.c
 *	  The field table, the code lists and the closest name.
 */
#include "unit.h"

#include "event/closest.h"
#include "event/fields.h"

static const char *
closest_field(EcapiObject object, const char *word)
{
	return ecapi_closest(word, strlen(word), ecapi_field_name_nth, &object);
}

static const char *
closest_type(const char *word)
{
	return ecapi_closest(word, strlen(word), ecapi_event_type_nth, NULL);
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
	check(ecapi_closest("purchase\0x", 10, ecapi_event_type_nth, NULL) == NULL, "a NUL inside");
	return unit_done();
}

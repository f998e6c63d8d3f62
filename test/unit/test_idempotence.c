/*
 * test_idempotence.c
 *	  What was validated, normalized or hashed once stays as it is.
 *
 * Random events, made by walking the field table, with values of every kind:
 * right and wrong ones, texts with Unicode, blanks and punctuation, digests.
 * Of each it must hold that
 *	  - other key order and repeated elements change nothing;
 *	  - validating the outbox's event again gives the same event;
 *	  - emitting the event with its identifiers normalized gives the same body;
 *	  - emitting the body itself, where they are hashed, gives the same body.
 *
 * The seed is printed; ECAPI_SEED repeats it, ECAPI_EVENTS makes more events.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include <time.h>

#include "destination/formats.h"
#include "destination/options.h"
#include "event/json.h"
#include "event/normalize.h"
#include "event/validate.h"
#include "unit.h"

#define NOW				INT64_C(1767225600)
#define DEFAULT_COUNTRY	"de"

static uint64_t state;
static EcapiArena arena;
static EcapiOptions options = {.format = &ecapi_format_native};
static const char *country;		/* of the event's addresses, or NULL */

static unsigned
random_below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned) ((state >> 11) % n);
}

static EcapiValue *
new_text(const char *bytes)
{
	return ecapi_value_text(&arena, ECAPI_STRING, bytes, strlen(bytes));
}

static EcapiValue *
new_number(const char *digits)
{
	return ecapi_value_text(&arena, ECAPI_NUMBER, digits, strlen(digits));
}

static const char *const pieces[] = {
	"ann", "Ann", "O'Brien", "SMITH", "\xc3\x89lan", "\xc4\xb0stanbul", "\xce\xa3\xce\x91\xce\xa3",
	"\xef\xbc\xa1\xef\xbc\xa2", "\xec\xa0\x95", "\xe2\x80\x94", "\xf0\x9f\x98\x80", "\xc2\xa0", "\xe3\x80\x80",
	"\xe2\x80\x8b", "-", ".", ",", "/", "(", ")", "\"", "\\", "@example.com", " ", "  ", "\t", "0", "7",
	"49", "+", "00", "#", "x", "\xef\xbb\xbf", "\xcc\x88"
};

static const char *const phones[] = {
	"+49 711 123456", "0049 (0)711 123456", "+1 212-555-0000", "(212) 555-0000", "0711 123456",
	"711 123456", "49 711 123456", "+44 020 7946 0000", "020 7946 0000", "+7 8 912 345 67 89",
	"8 912 345-67-89", "+39 06 6982 1234", "0711/123456 ext. 12", "call me", "+1", "12345", "+49 00 711 123456", "+36 06 1 123 4567"
};

static const char *const postal_codes[] = {
	"10001", "10001-1234", "SW1A 1AA", "m1 1ae", "EC1A1BB", "70173", "D-70173", "K1A 0B1", "1010 AB", "-", "GY1 1AA"
};

static EcapiValue *
random_text(EcapiRule rule)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	char		bytes[400] = "";
	unsigned	kind = random_below(10);

	if (kind == 0)
	{
		for (int i = 0; i < 64; i++)
			bytes[i] = hex[random_below(22)];
		return new_text(bytes);
	}
	if (rule == ECAPI_RULE_PHONE && kind < 8)
		return new_text(phones[random_below(lengthof(phones))]);
	if (rule == ECAPI_RULE_POSTAL && kind < 8)
		return new_text(postal_codes[random_below(lengthof(postal_codes))]);
	for (unsigned n = random_below(8) + 1; n > 0; n--)
		strcat(bytes, pieces[random_below(lengthof(pieces))]);
	return new_text(bytes);
}

static EcapiValue *random_object(EcapiObject object);

/* Mostly of the field's type. */
static EcapiValue *
random_one(const EcapiField *field)
{
	static const char *const numbers[] = {"0", "7", "-7", "1.50", "1e3", "12.0", "3", "1e400", "60"};
	static const char *const dates[] = {"2026-02-28", "20260228", "2026-02-29", "soon"};

	if (random_below(20) == 0)
	{
		switch (random_below(5))
		{
			case 0:
				return ecapi_value_new(&arena, ECAPI_NULL);
			case 1:
				return new_text("");
			case 2:
				return new_number("42");
			case 3:
				return new_text("Mixed Up");
			default:
				return ecapi_value_new(&arena, ECAPI_OBJECT);
		}
	}
	if (field->check == ECAPI_CHECK_COUNTRY && country)
		return new_text(country);
	switch (field->type)
	{
		case ECAPI_FT_STRING:
			if (field->check == ECAPI_CHECK_IP)
				return new_text(random_below(2) ? "192.0.2.1" : "2001:DB8::1");
			if (field->check == ECAPI_CHECK_URL)
				return new_text("https://shop.example/?q=\"a\"");
			if (field->check == ECAPI_CHECK_AIRPORT)
				return new_text("STR");
			return random_text(field->rule);
		case ECAPI_FT_INTEGER:
		case ECAPI_FT_FLOAT:
			return new_number(numbers[random_below(lengthof(numbers))]);
		case ECAPI_FT_BOOLEAN:
			return ecapi_value_bool(&arena, random_below(2));
		case ECAPI_FT_ENUM:
			if (field->values && random_below(2))
				return new_text(ecapi_enumeration_nth((int) random_below((unsigned)
													ecapi_enumeration_count(field->values)),
												  (void *) field->values));
			return new_number(numbers[random_below(lengthof(numbers))]);
		case ECAPI_FT_DATE:
			return new_text(dates[random_below(lengthof(dates))]);
		case ECAPI_FT_OBJECT:
			return random_object(field->child);
		case ECAPI_FT_EXT:
			return unit_json(&arena, "{'b':1.50,'a':[1,1,{'c':null,'b':''}]}");
	}
	return NULL;
}

static EcapiValue *
random_value(const EcapiField *field)
{
	EcapiValue *array;

	if (field->cardinality == ECAPI_ONE || random_below(4) == 0)
		return random_one(field);
	array = ecapi_value_new(&arena, ECAPI_ARRAY);
	for (unsigned n = random_below(4); n > 0; n--)
		ecapi_value_append(array, random_one(field));
	return array;
}

static EcapiValue *
random_object(EcapiObject object)
{
	EcapiValue *value = ecapi_value_new(&arena, ECAPI_OBJECT);
	const EcapiField *field;

	for (int i = 0; (field = ecapi_field_nth(object, i)) != NULL; i++)
	{
		if (object == ECAPI_OBJ_EVENT && field->type != ECAPI_FT_OBJECT &&
			field->type != ECAPI_FT_EXT)
			continue;
		if (random_below(object == ECAPI_OBJ_PROPERTIES ? 6 : 2) == 0)
			ecapi_value_set(&arena, value, field->name, field->len, random_value(field));
	}
	return value;
}

static EcapiValue *
random_event(void)
{
	static const char *const countries[] = {"de", "US", "United Kingdom", "ru", "IT", "hu", NULL, NULL};
	EcapiValue *event;

	country = countries[random_below(lengthof(countries))];
	event = random_object(ECAPI_OBJ_EVENT);
	ecapi_value_set(&arena, event, "timestamp", 9, random_below(2) ? new_number("1767225600") :
					new_text("2026-01-01T00:00:00Z"));
	ecapi_value_set(&arena, event, "event_type", 10,
					new_text(ecapi_event_type_name((int) random_below(ECAPI_EVENT_TYPES))));
	ecapi_value_set(&arena, event, "custom_event", 12, new_text("quiz"));
	ecapi_value_set(&arena, event, "id", 2, new_text("order-42"));
	if (random_below(2))
	{
		ecapi_value_set(&arena, event, "value", 5, new_number("129.90"));
		ecapi_value_set(&arena, event, "currency_code", 13, new_text("eur"));
	}
	return event;
}

/* The same members in another order. */
static void
shuffle(EcapiValue *object)
{
	EcapiValue *members[ECAPI_OBJECT_MAX_FIELDS];
	unsigned	n = 0;

	for (EcapiValue *member = object->first; member; member = member->next)
		members[n++] = member;
	for (unsigned i = n; i > 1; i--)
	{
		unsigned	other = random_below(i);
		EcapiValue *swap = members[i - 1];

		members[i - 1] = members[other];
		members[other] = swap;
	}
	object->first = object->last = NULL;
	object->len = 0;
	for (unsigned i = 0; i < n; i++)
	{
		members[i]->next = NULL;
		ecapi_value_append(object, members[i]);
	}
}

/* A list of texts or numbers once more behind itself. */
static void
repeat(EcapiValue *array)
{
	EcapiValue *end = array->last;

	for (EcapiValue *element = array->first; element; element = element->next)
	{
		EcapiValue *copy = ecapi_value_new(&arena, element->type);

		*copy = *element;
		copy->next = NULL;
		if (element->type == ECAPI_STRING || element->type == ECAPI_NUMBER)
			ecapi_value_append(array, copy);
		if (element == end)
			break;
	}
}

/* Where phone numbers without a country belong; as the native format says. */
static const char *
country_of_phones(const EcapiValue *user_data)
{
	const EcapiValue *addresses = ecapi_value_get(user_data, "address");

	for (const EcapiValue *one = addresses ? addresses->first : NULL; one; one = one->next)
	{
		const EcapiValue *code = ecapi_value_get(one, "country_code");

		if (code)
			return code->text;
	}
	return DEFAULT_COUNTRY;
}

typedef enum Change
{
	REORDERED,
	NORMALIZED
} Change;

static void change_object(EcapiObject object, EcapiValue *value, Change change,
						  const char *belongs);

static void
change_one(const EcapiField *field, EcapiValue *value, Change change, const char *belongs)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	EcapiNormalized result;

	if (field->type == ECAPI_FT_OBJECT && value->type == ECAPI_OBJECT)
		change_object(field->child, value, change, belongs);
	if (change != NORMALIZED || value->type != ECAPI_STRING || field->rule == ECAPI_RULE_NONE)
		return;
	ecapi_buffer_over(&normal, memory, sizeof(memory));
	result = ecapi_normalize(field->rule, value->text, value->len, belongs, &normal);
	if (result == ECAPI_NORMALIZED || result == ECAPI_NORMALIZED_DIGEST)
	{
		value->text = ecapi_arena_copy(&arena, normal.data, normal.len);
		value->len = (uint32_t) normal.len;
	}
}

static void
change_object(EcapiObject object, EcapiValue *value, Change change, const char *belongs)
{
	if (object == ECAPI_OBJ_USER_DATA)
		belongs = country_of_phones(value);
	if (object == ECAPI_OBJ_ADDRESS)
		belongs = ecapi_value_get(value, "country_code") ?
			ecapi_value_get(value, "country_code")->text : DEFAULT_COUNTRY;
	if (change == REORDERED)
		shuffle(value);
	for (EcapiValue *member = value->first; member; member = member->next)
	{
		const EcapiField *field = ecapi_field_lookup(object, member->key, member->keylen);

		if (member->type != ECAPI_ARRAY)
		{
			change_one(field, member, change, belongs);
			continue;
		}
		for (EcapiValue *element = member->first; element; element = element->next)
			change_one(field, element, change, belongs);
		if (change == REORDERED && field->cardinality == ECAPI_MANY)
			repeat(member);
	}
}

/* As JSON in the arena. */
static const char *
json_of(const EcapiValue *value)
{
	EcapiBuffer buffer;
	const char *json;

	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	ecapi_json_value(&buffer, value);
	json = buffer.full ? "full" : ecapi_arena_copy(&arena, buffer.data, buffer.len);
	free(buffer.data);
	return json;
}

static EcapiValue *
parsed(const char *json)
{
	char		error[128];

	return ecapi_json_parse(&arena, json, strlen(json), error, sizeof(error));
}

static EcapiValue *
validated(const EcapiValue *event)
{
	EcapiViolations violations;

	return event ? ecapi_validate(&arena, event, NOW, false, &violations) : NULL;
}

/* The request body for a clean event. */
static const char *
body_of(const EcapiValue *clean)
{
	EcapiShape	shape = {.options = &options, .default_country = DEFAULT_COUNTRY};
	EcapiBuffer body;
	const char *reason;
	const char *json = "not shaped";

	ecapi_buffer_init(&body, 1 << 20, unit_resize, NULL);
	ecapi_buffer_char(&body, ' ');
	if (clean && ecapi_format_native.add(&shape, &arena, clean, &body, &reason) == ECAPI_SHAPED)
		json = ecapi_arena_copy(&arena, body.data + 1, body.len - 1);
	free(body.data);
	return json;
}

static bool
same(const char *got, const char *wanted, const char *what, int event)
{
	if (strcmp(got, wanted) == 0)
		return true;
	fprintf(stderr, "# event %d: %s\n# got    %s\n# wanted %s\n", event, what, got, wanted);
	return false;
}

int
main(void)
{
	int			events = getenv("ECAPI_EVENTS") ? atoi(getenv("ECAPI_EVENTS")) : 10000;
	uint64_t	seed = getenv("ECAPI_SEED") ? strtoull(getenv("ECAPI_SEED"), NULL, 10) :
		(uint64_t) time(NULL);
	int			reordered = 0;
	int			again = 0;
	int			normalized = 0;
	int			hashed = 0;
	size_t		digests = 0;

	printf("# seed %llu, %d events\n", (unsigned long long) seed, events);
	state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	options.batch_size = 1;
	options.data_set_id = "d";

	for (int i = 0; i < events; i++)
	{
		EcapiValue *event;
		EcapiValue *clean;
		const char *json;
		const char *body;

		ecapi_arena_init(&arena, unit_grab, NULL);
		event = random_event();
		clean = validated(event);
		if (clean == NULL)
		{
			fprintf(stderr, "# event %d is refused: %s\n", i, json_of(event));
			break;
		}
		json = json_of(clean);
		body = body_of(clean);
		for (const char *at = body; (at = strstr(at, "\"gender\":\"")) != NULL; at++)
			digests++;

		again += same(json_of(validated(parsed(json))), json, "validated again", i);
		hashed += same(body_of(validated(parsed(body))), body, "hashed already", i);

		event = parsed(json);
		change_object(ECAPI_OBJ_EVENT, event, NORMALIZED, NULL);
		normalized += same(body_of(validated(event)), body, "normalized already", i);

		event = parsed(json);
		change_object(ECAPI_OBJ_EVENT, event, REORDERED, NULL);
		reordered += same(json_of(validated(event)), json, "reordered", i);
		unit_free();
	}

	check(digests > (size_t) events / 20, "the events hold identifiers");
	check(reordered == events, "order of keys and repeated elements make no difference");
	check(again == events, "a valid event stays as it is");
	check(normalized == events, "normalized identifiers stay as they are");
	check(hashed == events, "hashed identifiers are not hashed again");
	return unit_done();
}

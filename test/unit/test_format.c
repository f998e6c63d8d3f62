/*
 * test_format.c
 *	  The native format: the body that goes out for an event.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/formats.h"
#include "destination/options.h"
#include "event/digest.h"
#include "unit.h"

static EcapiOptions options = {.format = &ecapi_format_native};
static EcapiBuffer body;
static const char *reason;

/* One event in its own body; "'" stands for quotes. */
static EcapiShaped
shape(const char *json)
{
	EcapiArena	arena;
	EcapiShape	shape = {.options = &options};
	EcapiShaped shaped;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_native.open(&shape, &body);
	shaped = ecapi_format_native.add(&shape, &arena, unit_json(&arena, json), &body, &reason);
	ecapi_format_native.close(&shape, &body);
	return shaped;
}

static bool
has(const char *text)
{
	return strstr(body.data, text) != NULL;
}

#define HEAD	"'data_set_id':'d','id':'i','timestamp':1790000000,'event_type':'purchase'"
#define HEAD_OUT "{\"data_set_id\":\"d\",\"id\":\"i\",\"timestamp\":1790000000,\"event_type\":\"purchase\""

static void
test_shape(void)
{
	check(shape("{" HEAD "}") == ECAPI_SHAPED, "the least there is");
	check_text(body.data, HEAD_OUT "}", "bare when a request carries one");

	shape("{'event_type':'purchase','timestamp':1790000000,'custom_event':'x',"
		  "'properties':{'items':[{'price':1.50,'id':'a'}],'transaction_id':'7'},"
		  "'currency_code':'eur','value':129.90,'id':'i','unknown':1,'data_set_id':'d',"
		  "'user_data':{'age_range':3,'nosuch':'x','utcoffset':-60}}");
	check_text(body.data, HEAD_OUT ",\"user_data\":{\"utcoffset\":-60,\"age_range\":3},"
			   "\"value\":129.90,\"currency_code\":\"EUR\","
			   "\"properties\":{\"transaction_id\":\"7\",\"items\":[{\"id\":\"a\",\"price\":1.50}]}}",
			   "in the standard's order, unknown fields and a stray custom_event left out");

	shape("{" HEAD ",'user_data':{'email_address':[],'address':[{}],'ext':{}},"
		  "'properties':{'items':[{'nosuch':1}],'coupon':null},'ext':{}}");
	check_text(body.data, HEAD_OUT "}", "nothing empty is sent");

	shape("{" HEAD ",'user_data':{'customer_segments':'gold','utcoffset':'60','mmt_only':1},"
		  "'properties':{'shipping':'4.90','coupon':['a',7,'b']}}");
	check_text(body.data, HEAD_OUT ",\"user_data\":{\"customer_segments\":[\"gold\"]},"
			   "\"properties\":{\"coupon\":[\"a\",\"b\"]}}",
			   "a scalar of many is an array of one, another type is left out");

	shape("{'data_set_id':'d','timestamp':1,'event_type':'custom','custom_event':'quiz'}");
	check(has("\"event_type\":\"custom\",\"custom_event\":\"quiz\""), "custom_event with custom");
}

/* The standard's own examples. */
static void
test_vectors(void)
{
	shape("{" HEAD ",'user_data':{'customer_identifier':'User123',"
		  "'email_address':[' User@example.com '],'phone_numbers':['+1 212-555-0000'],"
		  "'gender':' Female ','address':[{'first_name':' Jane ','last_name':' Smith ',"
		  "'postal_code':'10001','country_code':'US','city':' New York! ','state':'N.Y.'}]}}");
	check(has("\"customer_identifier\":\"e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446\""), "customer_identifier");
	check(has("\"email_address\":[\"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514\"]"), "email_address");
	check(has("\"phone_numbers\":[\"7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e\"]"), "phone_numbers");
	check(has("\"gender\":\"9f165139a8c2894a47aea23b77d330eca847264224a44d5a17b19db8b9a72c08\""), "gender");
	check(has("\"first_name\":\"81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2\""), "first_name");
	check(has("\"last_name\":\"6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd\""), "last_name");
	check(has("\"postal_code\":\"e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b\""), "postal_code");
	check(has("\"city\":\"new york\",\"state\":\"ny\",\"country_code\":\"us\""), "city, state, country: clear");
}

/* Whatever a hashed field holds, its clear text is not in the body. */
static void
test_never_clear(void)
{
	static const char *const values[] = {
		"'CANARY'", "['CANARY']", "[['CANARY']]", "{'a':'CANARY'}", "[{'a':'CANARY'}]",
		"'CANARY@example.com'", "true", "null", "4711471147114711", "[4711471147114711]"
	};
	bool		clear = false;
	int			fields = 0;
	int			object;

	for (object = 0; object < ECAPI_OBJECTS; object++)
	{
		const EcapiField *field;
		int			i;

		for (i = 0; (field = ecapi_field_nth((EcapiObject) object, i)) != NULL; i++)
		{
			size_t		v;

			if (field->privacy != ECAPI_SHA256)
				continue;
			fields++;
			for (v = 0; v < lengthof(values); v++)
			{
				char		json[500];
				const char *open = object == ECAPI_OBJ_ADDRESS ? "'address':[{" :
					object == ECAPI_OBJ_UIDS ? "'uids':[{" : "";

				snprintf(json, sizeof(json), "{" HEAD ",'user_data':{%s'%s':%s%s}}",
						 open, field->name, values[v], open[0] ? "}]" : "");
				shape(json);
				if (has("CANARY") || has("canary") || has("4711471147114711"))
				{
					fprintf(stderr, "# clear: %s %s\n", field->name, values[v]);
					clear = true;
				}
			}
		}
	}
	check(fields == 9, "nine fields of the standard are hashed");
	check(!clear, "and none leaves clear, whatever is in it");
}

static void
test_ext(void)
{
	shape("{" HEAD ",'user_data':{'ext':{'click_ids':{'gclid':'x'},'consent':{'ad_user_data':true}}},"
		  "'ext':{'route':'de'}}");
	check_text(body.data, HEAD_OUT "}", "the project's conventions do not leave");
	shape("{" HEAD ",'user_data':{'ext':{'click_ids':{},'tier':[1,{'a':null}]}},"
		  "'ext':{'a':1,'route':'de','b':'x'}}");
	check_text(body.data, HEAD_OUT ",\"user_data\":{\"ext\":{\"tier\":[1,{\"a\":null}]}},"
			   "\"ext\":{\"a\":1,\"b\":\"x\"}}", "the rest of ext does");
}

/* What was left out of the last event: "path code path code ...". */
static char left_out[1000];

static void
note_left_out(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	size_t		len = strlen(left_out);

	snprintf(left_out + len, sizeof(left_out) - len, "%s%s %s", len > 0 ? " " : "",
			 ecapi_field_path(field), ecapi_violation_name(reason));
	check(arg == left_out, "the caller's argument is given back");
}

/* One event's user_data, with a default country, and what is left out of it. */
static void
expect_left_out(const char *country, const char *user_data, const char *wanted)
{
	EcapiShape	shape = {.options = &options, .default_country = country,
		.left_out = note_left_out, .arg = left_out};
	EcapiArena	arena;
	char		json[1000];

	ecapi_arena_init(&arena, unit_grab, NULL);
	left_out[0] = '\0';
	snprintf(json, sizeof(json), "{" HEAD ",'user_data':%s}", user_data);
	ecapi_buffer_truncate(&body, 0);
	check(ecapi_format_native.add(&shape, &arena, unit_json(&arena, json), &body, &reason) == ECAPI_SHAPED,
		  user_data);
	check_text(left_out, wanted, wanted[0] ? wanted : "nothing is left out");
}

static void
test_countries(void)
{
	char		german[ECAPI_HEX_SIZE];
	char		american[ECAPI_HEX_SIZE];

	ecapi_sha256("+49711123456", 12, german);
	ecapi_sha256("+12125550000", 12, american);

	expect_left_out(NULL, "{'phone_numbers':['0711 123456','+1 212 555 0000']}",
					"user_data.phone_numbers country_unknown");
	check(has(american) && !has(german), "only the one that tells its country");
	expect_left_out("de", "{'phone_numbers':['0711 123456']}", "");
	check(has(german), "the default country");
	expect_left_out("de", "{'phone_numbers':'212 555 0000','address':{'country_code':'us'}}", "");
	check(has(american), "the address's country goes before the default");
	expect_left_out("de", "{'phone_numbers':'0711 123456','address':[{'city':'x'}]}", "");
	check(has(german), "an address without a country");
	expect_left_out("de", "{'phone_numbers':'0711 123456','address':[{'country_code':'us'},{'country_code':'de'}]}",
					"user_data.phone_numbers country_unknown");
	check(!has(german), "no guess between countries, and the default does not settle it");
	expect_left_out("us", "{'phone_numbers':'0711 123456'}", "user_data.phone_numbers no_certain_form");
	expect_left_out("us", "{'address':{'postal_code':'SW1A 1AA'}}",
					"user_data.address.postal_code no_certain_form");
	expect_left_out("us", "{'address':{'postal_code':'SW1A 1AA','country_code':'GB'}}", "");
	expect_left_out(NULL, "{'email_address':[true,'  ',null,'']}", "user_data.email_address wrong_type");
	expect_left_out(NULL, "{'utcoffset':'60','gender':{'a':1},'age_range':null,'mmt_only':''}",
					"user_data.utcoffset wrong_type user_data.gender wrong_type");
}

static void
test_repeats(void)
{
	char		hex[ECAPI_HEX_SIZE];
	char		wanted[200];

	ecapi_sha256("a@example.com", 13, hex);
	snprintf(wanted, sizeof(wanted), "\"email_address\":[\"%s\"]}", hex);
	shape("{" HEAD ",'user_data':{'email_address':['a@example.com',' A@Example.com','A@EXAMPLE.COM']}}");
	check(has(wanted), "spellings of one address are sent once");
	shape("{" HEAD ",'user_data':{'email_address':['a@example.com','b@example.com','A@example.com','B@example.com']}}");
	check(strlen(strstr(body.data, "email_address")) ==
		  strlen("email_address\":[") + 2 * 66 + 1 + strlen("]}}"), "and two as two");
}

static void
expect_not(const char *json, EcapiShaped wanted, const char *why)
{
	EcapiShaped shaped = shape(json);

	check(shaped == wanted, why);
	check_text(reason, why, "and the reason is told");
	check(body.len == 0, "and nothing was written");
}

static void
test_unfit(void)
{
	expect_not("{'timestamp':1,'event_type':'purchase'}", ECAPI_LACKING,
			   "an event has no data set: set the option data_set_id, or give every event its own");
	expect_not("{'data_set_id':'d','event_type':'purchase'}", ECAPI_UNFIT, "timestamp missing");
	expect_not("{'data_set_id':'d','timestamp':1}", ECAPI_UNFIT, "event_type missing");
	expect_not("{'data_set_id':'d','timestamp':1,'event_type':'x'}", ECAPI_UNFIT, "event_type unknown");
	expect_not("{'data_set_id':'d','timestamp':1,'event_type':'custom'}", ECAPI_UNFIT, "custom_event missing");
	expect_not("{" HEAD ",'value':1}", ECAPI_UNFIT, "currency_code missing");
	expect_not("{" HEAD ",'value':1,'currency_code':'EUX'}", ECAPI_UNFIT, "currency_code unknown");
	expect_not("[]", ECAPI_UNFIT, "not an object");

	options.data_set_id = "other";
	check(shape("{'timestamp':1,'event_type':'login'}") == ECAPI_SHAPED &&
		  has("{\"data_set_id\":\"other\","), "the destination's data set fills in");
	options.data_set_id = NULL;
}

static void
test_batches(void)
{
	EcapiArena	arena;
	EcapiShape	shape = {.options = &options};
	EcapiBuffer small;
	EcapiValue *event;
	size_t		whole;

	ecapi_arena_init(&arena, unit_grab, NULL);
	event = unit_json(&arena, "{" HEAD ",'user_data':{'email_address':['a@example.com'],'nosuch':1}}");

	options.batch_size = 1000;
	options.wrapper = ECAPI_WRAP_KEY;
	options.wrapper_key = "data";
	ecapi_buffer_truncate(&body, 0);
	ecapi_format_native.open(&shape, &body);
	for (; shape.events < 2; shape.events++)
		ecapi_format_native.add(&shape, &arena, event, &body, &reason);
	ecapi_format_native.close(&shape, &body);
	check(strncmp(body.data, "{\"data\":[{", 10) == 0 && has("},{") &&
		  strcmp(body.data + body.len - 3, "}]}") == 0, "two events under a key");

	/* a body that has no room stays full, wherever that happens */
	options.wrapper = ECAPI_WRAP_ARRAY;
	whole = body.len;
	for (size_t max = 1; max < whole - 10; max++)
	{
		ecapi_buffer_init(&small, max, unit_resize, NULL);
		shape.events = 0;
		ecapi_format_native.open(&shape, &small);
		for (; shape.events < 2; shape.events++)
			ecapi_format_native.add(&shape, &arena, event, &small, &reason);
		if (!small.full)
		{
			check(false, "full is told");
			fprintf(stderr, "# at %zu bytes\n", max);
		}
		free(small.data);
	}
	check(true, "a body without room is full, however little is missing");
}

int
main(void)
{
	int			rc;

	options.batch_size = 1;
	ecapi_buffer_init(&body, 1024 * 1024, unit_resize, NULL);
	ecapi_buffer_char(&body, ' ');
	test_shape();
	test_vectors();
	test_never_clear();
	test_ext();
	test_countries();
	test_repeats();
	test_unfit();
	test_batches();
	rc = unit_done();
	free(body.data);
	unit_free();
	return rc;
}

/*
 * test_validate.c
 *	  Validation: for every field a value that is taken and one that is not.
 */
#include "unit.h"

#include "event/validate.h"

#define NOW	INT64_C(1767225600)		/* 2026-01-01 00:00:00 UTC */

/* What must stand around a field so that its object is reached and valid. */
static const char *const around[ECAPI_OBJECTS] = {
	[ECAPI_OBJ_EVENT] = "{%s%s'%s':%s}",
	[ECAPI_OBJ_USER_DATA] = "{%s%s'user_data':{'%s':%s}}",
	[ECAPI_OBJ_UIDS] = "{%s%s'user_data':{'uids':[{'%s':%s}]}}",
	[ECAPI_OBJ_ADDRESS] = "{%s%s'user_data':{'address':[{'%s':%s}]}}",
	[ECAPI_OBJ_PROPERTIES] = "{%s%s'properties':{'%s':%s}}",
	[ECAPI_OBJ_ITEM] = "{%s%s'properties':{'items':[{'%s':%s}]}}",
};

/* An event; the result as JSON, in memory of unit_grab, or NULL. */
static char *
validated(const char *json, EcapiViolations *violations)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	EcapiValue *clean;
	char	   *text;

	ecapi_arena_init(&arena, unit_grab, NULL);
	clean = ecapi_validate(&arena, unit_json(&arena, json), NOW, false, violations);
	if (clean == NULL)
		return NULL;
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	ecapi_json_value(&buffer, clean);
	text = ecapi_arena_copy(&arena, buffer.data, buffer.len);
	free(buffer.data);
	return text;
}

/* A value of the field's type that is taken, and one that is not. */
static void
examples(const EcapiField *field, const char **good, const char **bad)
{
	*good = *bad = "[[7]]";
	switch (field->check)
	{
		case ECAPI_CHECK_TIMESTAMP:
			*good = "1767225600", *bad = "1767225600000";
			return;
		case ECAPI_CHECK_EVENT_TYPE:
			*good = "'search'", *bad = "'searching for'";
			return;
		case ECAPI_CHECK_CURRENCY:
			*good = "'eur'", *bad = "'euro'";
			return;
		case ECAPI_CHECK_COUNTRY:
			*good = "'Germany'", *bad = "'Atlantis'";
			return;
		case ECAPI_CHECK_IP:
			*good = "'2001:db8::1'", *bad = "'300.1.2.3'";
			return;
		case ECAPI_CHECK_IFA:
			*good = "'6d92078a-8246-4ba4-ae5b-76104861e7dc'";
			*bad = "'00000000-0000-0000-0000-000000000000'";
			return;
		case ECAPI_CHECK_URL:
			*good = "'https://shop.example/'", *bad = "'shop'";
			return;
		case ECAPI_CHECK_AIRPORT:
			*good = "'STR'", *bad = "'Stuttgart'";
			return;
		case ECAPI_CHECK_UTCOFFSET:
			*good = "-300", *bad = "3600";
			return;
		case ECAPI_CHECK_POSITIVE:
			*good = "3", *bad = "0";
			return;
		case ECAPI_CHECK_NOT_NEGATIVE:
			*good = "0.5", *bad = "-1";
			return;
		case ECAPI_CHECK_GPP_SID:
			*good = "[2,7]", *bad = "-7";
			return;
		case ECAPI_CHECK_ID:
			*good = "'x'", *bad = "'a\\u000ab'";
			return;
		case ECAPI_CHECK_NONE:
			break;
	}
	switch (field->type)
	{
		case ECAPI_FT_STRING:
			*good = "'x'", *bad = "{'n':7}";
			return;
		case ECAPI_FT_INTEGER:
			*good = "7", *bad = "7.5";
			return;
		case ECAPI_FT_FLOAT:
			*good = "7.50", *bad = "'7.50'";
			return;
		case ECAPI_FT_BOOLEAN:
			*good = "true", *bad = "'true'";
			return;
		case ECAPI_FT_ENUM:
			*good = field->values && !field->values->numbered ? "'app'" : "2";
			*bad = "99";
			return;
		case ECAPI_FT_DATE:
			*good = "'2026-02-28'", *bad = "'2026-02-29'";
			return;
		case ECAPI_FT_OBJECT:
		case ECAPI_FT_EXT:
			*good = "{'ext':{'a':1}}", *bad = "7";
			return;
	}
}

static void
put_field(char *json, size_t size, const EcapiField *field, const char *value)
{
	bool		event = field->object == ECAPI_OBJ_EVENT;

	snprintf(json, size, around[field->object],
			 event && strcmp(field->name, "timestamp") == 0 ? "" : "'timestamp':1767225600,",
			 event && strcmp(field->name, "event_type") == 0 ? "" :
			 event && strcmp(field->name, "value") == 0 ?
			 "'event_type':'purchase','currency_code':'EUR'," :
			 event && strcmp(field->name, "custom_event") == 0 ?
			 "'event_type':'custom'," :
			 event && strcmp(field->name, "currency_code") == 0 ?
			 "'event_type':'purchase','value':1," : "'event_type':'purchase',",
			 field->name, value);
}

static void
test_fields(void)
{
	for (int object = 0; object < ECAPI_OBJECTS; object++)
	{
		for (int i = 0; i < ecapi_field_count(object); i++)
		{
			const EcapiField *field = ecapi_field_nth(object, i);
			const char *good;
			const char *bad;
			char		json[512];
			char		name[64];
			char	   *text;
			EcapiViolations violations;

			examples(field, &good, &bad);
			snprintf(name, sizeof(name), "\"%s\":", field->name);

			put_field(json, sizeof(json), field, good);
			text = validated(json, &violations);
			if (!check(text && violations.errors + violations.left_out == 0 &&
					   strstr(text, name), field->name))
				fprintf(stderr, "# %s\n# %s: %s\n", json, violations.n ? violations.list[0].path : "",
						violations.n ? violations.list[0].message : "");

			put_field(json, sizeof(json), field, bad);
			text = validated(json, &violations);
			if (!check(violations.errors + violations.left_out == 1 &&
					   (text == NULL || strstr(text, name) == NULL) &&
					   strstr(violations.list[0].path, field->name), "refused"))
				fprintf(stderr, "# %s\n# %s\n", json, text ? text : "");

			put_field(json, sizeof(json), field, "null");
			text = validated(json, &violations);
			check((text && violations.n == 0 && !strstr(text, name)) ||
				  (text == NULL && violations.list[0].code == ECAPI_VIOLATION_MISSING),
				  "null is absent");
			unit_free();
		}
	}
}

#define HEAD "'timestamp':1767225600,'event_type':"

/* wanted "!path": an error there; else the result. */
static const struct
{
	const char *given;
	const char *wanted;
}			events[] =
{
	{"{'event_type':'purchase','timestamp':1767225600.0,'id':'','source':'Website'}",
	"{\"timestamp\":1767225600,\"event_type\":\"purchase\",\"source\":\"website\"}"},
	{"{'ext':{'z':1,'a':[1,{}]},'properties':{},'user_data':{'email_address':['',null]},"
	"'id':'i','data_set_id':'d'," HEAD "'login'}",
	"{\"data_set_id\":\"d\",\"id\":\"i\",\"timestamp\":1767225600,\"event_type\":\"login\","
	"\"ext\":{\"z\":1,\"a\":[1,{}]}}"},
	{"{" HEAD "'login','user_data':{'phone_numbers':'+1','email_address':['a','b','a'],"
	"'gpp_sid':[7,3,4,7,8],'address':{'country_code':'UK','address_type':'Billing'},'age_range':'75+'}}",
	"{\"timestamp\":1767225600,\"event_type\":\"login\",\"user_data\":{\"email_address\":[\"a\",\"b\"],"
	"\"phone_numbers\":[\"+1\"],\"address\":[{\"country_code\":\"gb\",\"address_type\":1}],"
	"\"gpp_sid\":[7,8],\"age_range\":13}}"},
	{"{" HEAD "'purchase','value':129.90,'currency_code':'eur','properties':{'items':["
	"{'item_item_variant':'red','price':1e2},{'price':'x','id':'2'},7]}}",
	"{\"timestamp\":1767225600,\"event_type\":\"purchase\",\"value\":129.90,\"currency_code\":\"EUR\","
	"\"properties\":{\"items\":[{\"price\":1e2,\"item_variant\":\"red\"},{\"id\":\"2\"}]}}"},
	{"{" HEAD "'login','ext':{'big':99999999999999999999,'far':1e400,'ok':9223372036854775807}}",
	"{\"timestamp\":1767225600,\"event_type\":\"login\",\"ext\":{\"ok\":9223372036854775807}}"},
	{"{'event_type':'login','timestamp':'2026-01-01T01:00:00.123+01:00'}",
	"{\"timestamp\":1767225600,\"event_type\":\"login\"}"},
	{"{'event_type':'login','timestamp':'2025-12-31 18:30:00-0530'}",
	"{\"timestamp\":1767225600,\"event_type\":\"login\"}"},
	{"{'event_type':'login','timestamp':1767226200}",
	"{\"timestamp\":1767226200,\"event_type\":\"login\"}"},
	{"{" HEAD "'login','currency_code':'nonsense'}",
	"{\"timestamp\":1767225600,\"event_type\":\"login\"}"},
	{"{'event_type':'login','timestamp':1767226201}", "!timestamp"},
	{"{'event_type':'login','timestamp':'2026-01-01 00:00:00'}", "!timestamp"},
	{"{'event_type':'login','timestamp':'2026-02-30T00:00:00Z'}", "!timestamp"},
	{"{'event_type':'login','timestamp':1767225600000000}", "!timestamp"},
	{"{'event_type':'login','timestamp':-1}", "!timestamp"},
	{"{'event_type':'login','timestamp':true}", "!timestamp"},
	{"{'event_type':'login'}", "!timestamp"},
	{"{'timestamp':1}", "!event_type"},
	{"{" HEAD "'purchas'}", "!event_type"},
	{"{" HEAD "7}", "!event_type"},
	{"{" HEAD "'purchase','value':1}", "!currency_code"},
	{"{" HEAD "'purchase','value':1,'currency_code':'EURO'}", "!currency_code"},
	{"{" HEAD "'purchase','value':1e308,'currency_code':'EUR'}", "!value"},
	{"{" HEAD "'purchase','value':NaN,'currency_code':'EUR'}", "!value"},
	{"{" HEAD "'custom'}", "!custom_event"},
	{"{" HEAD "'custom','custom_event':''}", "!custom_event"},
	{"{" HEAD "'login','id':[7]}", "!id"},
	{"{'id':7,'timestamp':1767225600,'event_type':'custom','custom_event':true,'user_data':{'customer_segments':[1,'1',true,true]}}",
	"{\"id\":\"7\",\"timestamp\":1767225600,\"event_type\":\"custom\",\"custom_event\":\"true\","
	"\"user_data\":{\"customer_segments\":[\"1\",\"true\"]}}"},
	{"{" HEAD "'login','user_data':[],'ext':[]}", "{\"timestamp\":1767225600,\"event_type\":\"login\"}"},
	{"{" HEAD "'login','VALUE':7}", "!VALUE"},
	{"{" HEAD "'login','user_data':{'address':[{'zip':1}]}}", "!user_data.address[0].zip"},
	{"{" HEAD "'login','properties':{'items':[{},{'prise':1}]}}", "!properties.items[1].prise"},
	{"[]", "!"},
	{"7", "!"},
};

static void
test_events(void)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
	{
		EcapiViolations violations;
		char	   *text = validated(events[i].given, &violations);

		if (events[i].wanted[0] == '!')
			check_text(text == NULL && violations.errors == 1 ? violations.list[0].path : text,
					   events[i].wanted + 1, events[i].given);
		else
		{
			check_text(text, events[i].wanted, events[i].given);
			if (text)
			{
				/* Validating what came out changes nothing. */
				char		again[1024];

				snprintf(again, sizeof(again), "%s", text);
				for (char *c = again; *c; c++)
					*c = *c == '"' ? '\'' : *c;
				check_text(validated(again, &violations), text, "a second time changes nothing");
				check(violations.n == 0, "and says nothing");
			}
		}
		unit_free();
	}
}

static void
test_event_types(void)
{
	for (int i = 0; i < ECAPI_EVENT_TYPES; i++)
	{
		EcapiViolations violations;
		char		json[256];

		snprintf(json, sizeof(json), "{" HEAD "'%s','custom_event':'mine'}",
				 ecapi_event_type_name(i));
		check(validated(json, &violations) != NULL && violations.n == 0,
			  ecapi_event_type_name(i));
		unit_free();
	}
}

static void
test_limits(void)
{
	EcapiViolations violations;
	size_t		size = 200000;
	char	   *json = malloc(size);
	int			len;

	for (int levels = 30; levels <= 31; levels++)
	{
		/* the event is the first level, ext the second */
		len = snprintf(json, size, "{" HEAD "'login','ext':{'a':");
		for (int i = 0; i < levels; i++)
			json[len++] = '[';
		for (int i = 0; i < levels; i++)
			json[len++] = ']';
		strcpy(json + len, "}}");
		check((validated(json, &violations) != NULL) == (levels == 30),
			  "32 levels and no more");
	}
	check(violations.list[0].code == ECAPI_VIOLATION_DEPTH, "too deep");

	len = snprintf(json, size, "{" HEAD "'login','id':'");
	memset(json + len, 'x', 600);
	strcpy(json + len + 600, "'}");
	check(validated(json, &violations) == NULL &&
		  violations.list[0].code == ECAPI_VIOLATION_ID, "an id of 600 bytes");
	strcpy(json + len + 512, "'}");
	check(validated(json, &violations) != NULL, "an id of 512 bytes");

	len = snprintf(json, size, "{" HEAD "'login'");
	for (int i = 0; i < 100; i++)
		len += snprintf(json + len, size - len, ",'n%d':1", i);
	strcpy(json + len, "}");
	check(validated(json, &violations) == NULL && violations.errors == 100 &&
		  violations.n == ECAPI_MAX_VIOLATIONS, "the list is bounded, the count is not");

	len = snprintf(json, size, "{" HEAD "'login','user_data':{'customer_segments':[1");
	for (int i = 0; i < 1000; i++)
		len += snprintf(json + len, size - len, ",'%d'", i);
	strcpy(json + len, "]}}");
	check(validated(json, &violations) == NULL &&
		  violations.list[0].code == ECAPI_VIOLATION_SIZE, "1001 segments");

	/* Names from outside are shown only if they could be a field's. */
	for (int i = 0; i < 6; i++)
	{
		static const char *const names[] = {
			"ann@example.com", "+49 711 123", "Ann Smith", "a\\u000ab", "user-4971112", "j\xc3\xbcrgen"
		};

		snprintf(json, size, "{" HEAD "'login','user_data':{'%s':1}}", names[i]);
		check(validated(json, &violations) == NULL &&
			  strcmp(violations.list[0].path, "user_data.?") == 0, "no name of a field is not shown");
	}
	check(validated("{" HEAD "'login','user_data':{'E-Mail_2':1}}", &violations) == NULL &&
		  strcmp(violations.list[0].path, "user_data.E-Mail_2") == 0, "one that may be is");

	/* A path that has no end is cut. */
	len = snprintf(json, size, "{" HEAD "'login','ext':");
	for (int i = 0; i < 10; i++)
		len += snprintf(json + len, size - len, "{'%050d':{'%s':", 0,
						"a_name_of_fifty_letters_or_so_for_a_path_too_long");
	len += snprintf(json + len, size - len, "1e400}}}}}}}}}}}}}}}}}}}}}");
	check(validated(json, &violations) != NULL && violations.n == 1 &&
		  strlen(violations.list[0].path) > 200 &&
		  strlen(violations.list[0].path) < 300, "a long path");
	free(json);
	unit_free();
}

/*
 * Lenient: what would fail the event for a member that is no field, too deep or
 * too much is left out; what names or prices the event still fails it.
 */
static void
test_lenient(void)
{
	static const struct
	{
		const char *given;
		int			left_out;
		int			errors;
	}			cases[] =
	{
		{"{" HEAD "'login','colour':1,'user_data':{'email':'x','ext':{'a':1}}}", 2, 0},
		{"{" HEAD "'login','value':'free'}", 0, 2},
		{"{" HEAD "'login','id':{'a':1},'colour':1}", 1, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		EcapiViolations violations;
		EcapiArena	arena;
		EcapiValue *clean;

		ecapi_arena_init(&arena, unit_grab, NULL);
		ecapi_violations_init(&violations, NULL, NULL);
		clean = ecapi_validate_into(&arena, unit_json(&arena, cases[i].given), NOW, false, true,
									&violations);
		check(clean != NULL && violations.errors == cases[i].errors &&
			  violations.left_out == cases[i].left_out, cases[i].given);
		unit_free();
	}
}

int
main(void)
{
	test_lenient();
	test_fields();
	test_events();
	test_event_types();
	test_limits();
	return unit_done();
}

/*
 * test_person.c
 *	  Who an event is about: each form of each identifier, and what must not meet.
 */
#include "unit.h"

#include "event/person.h"

/* Holds one of everything that identifies, and what does not. */
static const char event_text[] =
"{'id': 'ann@example.com', 'event_type': 'purchase', 'value': 4711,"
" 'user_data': {'customer_identifier': 'Cust-77', 'email_address': [' Ann.Smith@Gmail.com ', 'second@example.com'],"
"  'phone_numbers': ['0711 / 123456', 'ask 99'], 'ifa': 'AEBE52E7-03EE-455A-B3C4-E57283966239',"
"  'click_id': 'Cj0KCQiA', 'impression_id': 'Imp1', 'gender': 'female', 'event_ip_address': '192.0.2.7',"
"  'event_user_agent': 'Mozilla', 'uids': [{'id': 'First'}, {'id': 'UID-9', 'source': 'example.org'}],"
"  'address': [{'first_name': 'Jane', 'last_name': 'Smith', 'street': 'Main', 'city': 'Bonn', 'postal_code': '10001',"
"    'country_code': 'DE'}],"
"  'ext': {'click_ids': {'fbp': 'fb.1.2.3', 'ga_session_id': '1700000000', 'ttp': ['t1', 't2']}, 'note': 'noted'}},"
" 'properties': {'coupon': ['Coupon-1']}}";

/* given, country, whether it is the person above */
static const struct
{
	const char *given;
	const char *country;
	bool		meets;
}			forms[] =
{
	{"Cust-77", NULL, true},
	{" CUST-77\n", NULL, true},
	{"cust77", NULL, false},
	{"ann.smith@gmail.com", NULL, true},
	{"ANN.SMITH@gmail.com ", NULL, true},
	{"annsmith@gmail.com", NULL, true},
	{"a.n.n.smith+shop@gmail.com", NULL, true},
	{"ann.smith@googlemail.com", NULL, true},
	{"A.n.nSmith+x@GoogleMail.com", NULL, true},
	{"ann.smith@mygooglemail.com", NULL, false},
	{"annsmithy@googlemail.com", NULL, false},
	{"annsmith@example.com", NULL, false},
	{"second@example.com", NULL, true},
	{"sec.ond@example.com", NULL, false},
	{"+49711123456", NULL, true},
	{"+49 (0)711 12-34-56", NULL, true},
	{"0049 711 123456", NULL, true},
	{"0711 123456", "de", true},
	{"0711123456", NULL, false},
	{"0711123456", "at", false},
	{"C-0711123456", "de", false},
	{"ASK 99", NULL, true},
	{"aebe52e7-03ee-455a-b3c4-e57283966239", NULL, true},
	{"Cj0KCQiA", NULL, true},
	{"cj0kcqia", NULL, false},
	{"Imp1", NULL, true},
	{"imp1", NULL, false},
	{"uid-9", NULL, true},
	{"First", NULL, true},
	{"fb.1.2.3", NULL, true},
	{"t2", NULL, true},
	{"1700000000", NULL, false},
	{"ann@example.com", NULL, false},	/* an id of an event is no identifier */
	{"female", NULL, false},
	{"Jane", NULL, false},
	{"Smith", NULL, false},
	{"Bonn", NULL, false},
	{"10001", NULL, false},
	{"192.0.2.7", NULL, false},
	{"Mozilla", NULL, false},
	{"Coupon-1", NULL, false},
	{"noted", NULL, false},
	{"4711", NULL, false},
};

static EcapiArena arena;

static bool
meets(const char *given, const char *country, const EcapiValue *event)
{
	EcapiPerson person;

	return ecapi_person_init(&person, given, strlen(given), country) == ECAPI_PERSON_KNOWN &&
		ecapi_person_in_event(&person, event, &arena);
}

static bool
meets_digest_of(const char *normalized, const EcapiValue *event)
{
	char		hex[ECAPI_HEX_SIZE];

	return ecapi_sha256(normalized, strlen(normalized), hex) && meets(hex, NULL, event);
}

static void
test_forms(void)
{
	EcapiValue *event = unit_json(&arena, event_text);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check(meets(forms[i].given, forms[i].country, event) == forms[i].meets, forms[i].given);
}

static void
test_digests_given(void)
{
	static const char *const digested[] = {
		"cust-77", "ann.smith@gmail.com", "annsmith@gmail.com", "ann.smith@googlemail.com",
		"annsmith@googlemail.com", "second@example.com",
		"+49711123456", "49711123456", "aebe52e7-03ee-455a-b3c4-e57283966239", "Cj0KCQiA", "Imp1",
		"uid-9", "fb.1.2.3"
	};
	static const char *const others[] = {"female", "jane", "smith", "10001", "1700000000", "imp1"};
	EcapiValue *event = unit_json(&arena, event_text);
	char		hex[ECAPI_HEX_SIZE];
	char		upper[ECAPI_HEX_SIZE + 2];

	for (size_t i = 0; i < sizeof(digested) / sizeof(digested[0]); i++)
		check(meets_digest_of(digested[i], event), digested[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check(!meets_digest_of(others[i], event), others[i]);

	ecapi_sha256("cust-77", 7, hex);
	snprintf(upper, sizeof(upper), " %s ", hex);
	for (char *c = upper; *c; c++)
		*c = *c >= 'a' && *c <= 'f' ? (char) (*c - 'a' + 'A') : *c;
	check(meets(upper, NULL, event), "a digest in upper case");
}

/* An event that holds digests, which are passed through. */
static void
test_digests_held(void)
{
	char		hex[3][ECAPI_HEX_SIZE];
	char		text[1024];
	EcapiValue *event;

	ecapi_sha256("ann@example.com", 15, hex[0]);
	ecapi_sha256("+49711123456", 12, hex[1]);
	ecapi_sha256("cust-77", 7, hex[2]);
	snprintf(text, sizeof(text), "{'user_data': {'email_address': ['%s'], 'phone_numbers': '%s',"
			 " 'uids': {'id': '%s'}}}", hex[0], hex[1], hex[2]);
	event = unit_json(&arena, text);
	check(meets("ANN@example.com", NULL, event), "an email address, held as a digest");
	check(meets("0711 123456", "de", event), "a number, held as a digest, where no array is");
	check(meets("Cust-77", NULL, event), "a uid, held as a digest, where no array is");
	check(meets(hex[0], NULL, event), "a digest for a digest");
	check(!meets("bob@example.com", NULL, event), "not another's");

	ecapi_sha256("ann.smith@googlemail.com", 24, hex[0]);
	snprintf(text, sizeof(text), "{'user_data': {'email_address': ['%s']}}", hex[0]);
	event = unit_json(&arena, text);
	check(meets("Ann.Smith@gmail.com", NULL, event), "Gmail's other domain, held as a digest");
	check(!meets("annsmith@gmail.com", NULL, event), "a digest shows no dots");
}

/* A cookie that wraps an id is known by the id, and the other way round. */
static void
test_clicks(void)
{
	static const struct
	{
		const char *given;
		const char *held;
		bool		meets;
	}			cases[] =
	{
		{"fb.1.1700000000000.IwAR2-x", "IwAR2-x", true},
		{"IwAR2-x", "fb.1.1700000000000.IwAR2-x", true},
		{"fb.2.1700000000000.IwAR2-x", "fb.1.1700000000001.IwAR2-x", true},
		{"fb.1.1700000000000.iwar2-x", "IwAR2-x", false},
		{"fb.1.x.IwAR2-x", "IwAR2-x", false},
		{"fb..1.IwAR2-x", "IwAR2-x", false},
		{"fb.1.1700000000000.", "IwAR2-x", false},
		{"fb.1.1700000000000.1098115397", "1098115397", false},
		{"fb.1.1700000000000", "1700000000000", false},
		{"GCL.1700000000.Cj0K-x", "Cj0K-x", true},
		{"Cj0K-x", "GCL.1700000000.Cj0K-x", true},
		{"_uetb1240587f865192a", "b1240587f865192a", true},
		{"b1240587f865192a", "_uetb1240587f865192a", true},
		{"1700000000.5b1e2c3d-0000-4000-8000-000000000001", "5b1e2c3d-0000-4000-8000-000000000001", true},
		{"5b1e2c3d-0000-4000-8000-000000000001", "1700000000.5b1e2c3d-0000-4000-8000-000000000001", true},
		{"1700000000.5b1e2c3d-0000-4000-8000-000000000001", "1700000009.5b1e2c3d-0000-4000-8000-000000000001", true},
		{"GA1.1.1234567890.1700000000", "1234567890.1700000000", true},
		{"1234567890.1700000000", "GA1.2.1234567890.1700000000", true},
		{"1234567890.1700000000", "1700000000", false},
	};
	char		event[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		snprintf(event, sizeof(event), "{'user_data': {'ext': {'click_ids': {'fbc': '%s'}}}}", cases[i].held);
		check(meets(cases[i].given, NULL, unit_json(&arena, event)) == cases[i].meets, cases[i].given);
	}
}

/* Identifiers in longer texts of an event. */
static void
test_embedded_in_event(void)
{
	static const struct
	{
		const char *event;
		bool		meets;
	}			cases[] =
	{
		{"{'user_data': {'email_address': ['Ann <Ann@example.com>']}}", true},
		{"{'user_data': {'email_address': 'mailto:ann%40example.com'}}", true},
		{"{'user_data': {'customer_identifier': 'shop/ann@example.com'}}", true},
		{"{'user_data': {'email_address': ['Jo <joann@example.com>']}}", false},
		{"{'user_data': {'email_address': ['Ann <ann@example.com.au>']}}", false},
		{"{'properties': {'page_url': 'https://shop.example/thanks?mail=ann%40example.com&x=1'}}", true},
		{"{'properties': {'page_url': 'https://shop.example/thanks?mail=ann@example.com'}, 'user_data': {}}", true},
		{"{'properties': {'page_url': 'https://shop.example/thanks?mail=joann%40example.com'}}", false},
		{"{'properties': {'page_url': 'https://shop.example/?next=%2Fin%3Fmail%3Dann%2540example.com'}}", true},
		{"{'properties': {'coupon': 'ann@example.com'}}", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(meets("ann@example.com", NULL, unit_json(&arena, cases[i].event)) == cases[i].meets,
			  cases[i].event);
}

static bool
in_text(const char *given, const char *country, const char *text)
{
	EcapiPerson person;
	EcapiValue *value = ecapi_value_text(&arena, ECAPI_STRING, text, strlen(text));

	ecapi_person_init(&person, given, strlen(given), country);
	return ecapi_person_in_texts(&person, value, &arena);
}

/* Identifiers in longer texts of any kind: by themselves, and by their digests. */
static void
test_embedded(void)
{
	static const struct
	{
		const char *given;
		const char *text;
		bool		meets;
	}			cases[] =
	{
		/* escaped */
		{"ann@example.com", "{\"mail\": \"ann\\u0040example.com\"}", true},
		{"ann@example.com", "{\"mail\": \"\\u0061nn\\u0040Example\\u002ecom\"}", true},
		{"ann@example.com", "{\"json\": \"{\\\"mail\\\": \\\"ann\\\\u0040example.com\\\"}\"}", true},
		{"ann@example.com", "{\"mail\": \"joann\\u0040example.com\"}", false},
		{"ann@example.com", "{\"note\": \"\\nann@example.com\"}", true},
		{"ann@example.com", "{\"note\": \"\\tann@example.com\"}", true},
		{"tann@example.com", "{\"note\": \"\\tann@example.com\"}", false},
		{"ann@example.com", "https:\\/\\/shop.example\\/?m=ann%40example.com", true},
		{"ann@example.com", "/?m=joann%40example.com", false},
		{"ann@example.com", "/?n=%2Fin%3Fm%3Dann%2540example.com", true},
		{"ann@example.com", "/?m=%61nn%40example%2Ecom", true},
		{"ann@example.com", "100% ann@example.com \\ \\u00 \\ud800 %4", true},
		{"\xc3\xa4nn@example.com", "{\"mail\": \"\\u00e4nn\\u0040example.com\"}", true},
		{"Cust-77", "/?c=%43ust-77", true},
		/* embedded */
		{"ann@example.com", "Ann <ann@example.com>", true},
		{"ann@example.com", "\"Ann, A.\" <ANN@example.com>, bob@example.com", true},
		{"bob@example.com", "\"Ann, A.\" <ann@example.com>, bob@example.com", true},
		{"ann@example.com", "mailto:ann@example.com?subject=x", true},
		{"ann@example.com", "write to ann@example.com.", true},
		{"ann@example.com", "'ann@example.com's", true},
		{"ann@example.com", "\xe2\x80\x9e" "ann@example.com\xe2\x80\x9c", true},
		{"ann@example.com", "to=ann@example.com&cc=x", true},
		{"ann@example.com", "a@b@ann@example.com@", true},
		{"ann@example.com", "@@ @ann@example.com", true},
		{"joann@example.com", "x joann@example.com y", true},
		{"ann@example.com", "x joann@example.com y", false},
		{"ann@example.com", "jo.ann@example.com", false},
		{"ann@example.com", "jo-ann@example.com", false},
		{"ann@example.com", "jo_ann@example.com", false},
		{"ann@example.com", "jo+ann@example.com", false},
		{"ann@example.com", "j'ann@example.com", false},
		{"ann@example.com", "x \xc3\xa4nn@example.com", false},
		{"nn@example.com", "x \xc3\xa4nn@example.com", false},
		{"nn@example.com", "x a\xcc\x88nn@example.com", false},
		{"ann@example.com", "x ann@example.com.au y", false},
		{"ann@example.com", "x ann@example.company y", false},
		{"ann@example.com", "x ann@my.example.com y", false},
		{"ann@example.com", "x ann@example.com-shop.net y", false},
		{"ann@gmail.com", "from A.nn+shop@googlemail.com today", true},
		{"ann@googlemail.com", "from A.nn+shop@gmail.com today", true},
		{"ann@gmail.com", "from joann@googlemail.com today", false},
		{"Cust-77", "https://shop.example/customers/Cust-77/orders", true},
		{"Cust-77", "/?c=Cust-77&d=8", true},
		{"Cust-77", "customer Cust-77.", true},
		{"Cust-77", "customer Cust-771.", false},
		{"Cust-77", "customer My-Cust-77", false},
		{"ann", "/?c=ann&d=8", true},
		{"ann", "dear ann, hello", false},
		{"+49711123456", "call +49 (0)711 12 34 56 now", true},
		{"+49711123456", "2026 +49711123456", true},
		{"+49711123456", "tel:+49711123456", true},
		{"+49711123456", "/?t=%2B49711123456", true},
		{"+49711123456", "call 0711 123456 now", true},
		{"+49711123456", "call 0711 1234567 now", false},
		{"+49711123456", "no. C-0711123456 now", false},
		{"+49711123456", "10711123456 0711123456a", false},
	};
	char		hex[ECAPI_HEX_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(in_text(cases[i].given, "de", cases[i].text) == cases[i].meets, cases[i].text);
	ecapi_sha256("ann@example.com", 15, hex);
	check(in_text(hex, NULL, "Ann <ann%40example.com>"), "by its digest");
	check(!in_text(hex, NULL, "Jo <joann%40example.com>"), "not another's");
	ecapi_sha256("77", 2, hex);
	check(!in_text(hex, NULL, "77"), "nor a number of few digits by its digest");
}

static void
test_keys(void)
{
	EcapiPerson person;

	ecapi_person_init(&person, "ann@example.com", 15, NULL);
	check(ecapi_person_in_texts(&person, unit_json(&arena, "{'new': {'ann@example.com': {'visits': 3}}}"),
								&arena), "a key");
	check(!ecapi_person_in_texts(&person, unit_json(&arena, "{'new': {'joann@example.com': 1, 'ann': 2}}"),
								 &arena), "not another's key");
}

/* A megabyte of what makes searches slow: it ends, and the end is reached. */
static void
test_long_texts(void)
{
	static const char *const units[] = {"@", "a@", "a", ".", "+", "1", "1 ", "(", "%25", "\\\\", "\xc3\xa4", "a.@'"};
	size_t		len = 1000000;
	char	   *text = malloc(len + 1);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		size_t		n = strlen(units[i]);

		for (size_t j = 0; j < len; j++)
			text[j] = units[i][j % n];
		text[len] = '\0';
		check(!in_text("ann@example.com", "de", text), units[i]);
		memcpy(text + len - 17, " ann@example.com ", 17);
		check(in_text("ann@example.com", "de", text), "and is found at the end");
	}
	free(text);
}

/* Every field that is hashed either identifies a person alone, or is known not to. */
static void
test_table(void)
{
	static const char *const shared[] = {
		"user_data.gender", "user_data.address.first_name", "user_data.address.last_name",
		"user_data.address.street", "user_data.address.postal_code"
	};

	for (int i = 0; i < ECAPI_FIELDS; i++)
	{
		const char *path = ecapi_field_path(ecapi_field_numbered(i));
		bool		known = ecapi_person_identified_by(path);

		for (size_t j = 0; j < sizeof(shared) / sizeof(shared[0]); j++)
			known |= strcmp(path, shared[j]) == 0;
		if (ecapi_field_numbered(i)->privacy == ECAPI_SHA256)
			check(known, path);
	}
	check(ecapi_person_identified_by("user_data.ifa"), "ifa identifies");
	check(!ecapi_person_identified_by("user_data.event_ip_address"), "an IP address does not");
}

static void
test_shapes(void)
{
	static const char *const odd[] = {
		"[]", "'ann@example.com'", "{}", "{'user_data': null}", "{'user_data': []}",
		"{'user_data': {'email_address': {'a': 1}, 'uids': [1, null, []], 'address': 'x', 'ext': 1}}",
		"{'user_data': {'ext': {'click_ids': ['ann@example.com']}}}"
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		check(!meets("ann@example.com", NULL, unit_json(&arena, odd[i])), odd[i]);
	check(meets("42", NULL, unit_json(&arena, "{'user_data': {'customer_identifier': 42}}")), "a number");
}

static void
test_given(void)
{
	EcapiPerson person;
	char		long_text[ECAPI_NORMALIZE_MAX + 2];

	check(ecapi_person_init(&person, " \t", 2, NULL) == ECAPI_PERSON_EMPTY, "nothing is given");
	check(ecapi_person_init(&person, "\xc3", 1, NULL) == ECAPI_PERSON_INVALID, "not UTF-8");
	memset(long_text, 'x', sizeof(long_text));
	check(ecapi_person_init(&person, long_text, sizeof(long_text), NULL) == ECAPI_PERSON_INVALID,
		  "longer than any identifier");
	ecapi_person_init(&person, "0711 123456", 11, NULL);
	check(person.lacks_country, "a number that may lack its country");
	ecapi_person_init(&person, "0711 123456", 11, "de");
	check(!person.lacks_country && person.n == 4,
		  "with it, it has four forms: two of a number, two of an identifier");
	ecapi_person_init(&person, "ann@example.com", 15, NULL);
	check(!person.lacks_country && person.n == 1, "an address has one");
	ecapi_person_init(&person, "12 34.50", 8, NULL);
	check(person.short_number, "a number of few digits");
	ecapi_person_init(&person, "A. nn+x@Gmail.com", 17, NULL);
	check(person.n <= ECAPI_PERSON_FORMS && person.n == 11, "a mailbox with white space has the most forms");
}

/* Images of rows, and events that were not valid. */
static void
test_texts(void)
{
	static const char image[] =
		"{'new': {'id': '4711', 'mail': 'Ann@Example.com', 'tel': '+49 (0)711 123456', 'total': '42',"
		" 'list': '{bob@example.com,cid-8}', 'json': '{\\u0022phone\\u0022: \\u0022(212) 555-0000\\u0022,"
		" \\u0022n\\u0022: [1234567]}', 'row': '(7,carl@example.com)'}, 'old': null, 'captured_at': 1700000000}";
	static const struct
	{
		const char *given;
		const char *country;
		bool		meets;
	}			cases[] =
	{
		{"ann@example.com", NULL, true},
		{"bob@example.com", NULL, true},
		{"CARL@example.com", NULL, true},
		{"dan@example.com", NULL, false},
		{"example.com", NULL, false},
		{"cid-8", NULL, true},
		{"0711 123456", "de", true},
		{"+1 212 555 0000", "us", true},
		{"1234567", NULL, true},
		{"4711", NULL, false},
		{"42", NULL, false},
	};
	EcapiValue *value = unit_json(&arena, image);
	EcapiPerson person;
	char		hex[ECAPI_HEX_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ecapi_person_init(&person, cases[i].given, strlen(cases[i].given), cases[i].country);
		check(ecapi_person_in_texts(&person, value, &arena) == cases[i].meets, cases[i].given);
	}
	ecapi_sha256("carl@example.com", 16, hex);
	ecapi_person_init(&person, hex, ECAPI_HEX_LEN, NULL);
	check(ecapi_person_in_texts(&person, value, &arena), "by its digest");
}

/* RFC 4231, case 2: a shorter key is one that zeros follow. */
static void
test_hmac(void)
{
	static const char wanted[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
	static const char data[] = "what do ya want for nothing?";
	uint8_t		key[ECAPI_HMAC_LEN] = "Jefe";
	uint8_t		result[ECAPI_HMAC_LEN];
	char		hex[2 * ECAPI_HMAC_LEN + 1];

	check(ecapi_hmac(key, data, strlen(data), result), "a keyed hash can be computed");
	for (int i = 0; i < ECAPI_HMAC_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", result[i]);
	check_text(hex, wanted, "the keyed hash of RFC 4231");
}

int
main(void)
{
	ecapi_arena_init(&arena, unit_grab, NULL);
	test_forms();
	test_digests_given();
	test_digests_held();
	test_table();
	test_shapes();
	test_given();
	test_texts();
	test_clicks();
	test_embedded_in_event();
	test_embedded();
	test_keys();
	test_long_texts();
	test_hmac();
	unit_free();
	return unit_done();
}

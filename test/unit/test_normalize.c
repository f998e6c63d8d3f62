/*
 * test_normalize.c
 *	  Normalization and digests: the standard's own examples, and ours.
 */
#include "unit.h"

#include "event/digest.h"

/* The examples of ECAPI 1.0 (examples.md): raw, normalized, SHA-256. */
static const struct
{
	const char *field;
	EcapiObject object;
	const char *raw;
	const char *normalized;
	const char *digest;
}			standard[] =
{
	{"customer_identifier", ECAPI_OBJ_USER_DATA, "User123", "user123",
	"e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446"},
	{"email_address", ECAPI_OBJ_USER_DATA, " User@example.com ", "user@example.com",
	"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"},
	{"phone_numbers", ECAPI_OBJ_USER_DATA, "+1 212-555-0000", "+12125550000",
	"7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e"},
	{"first_name", ECAPI_OBJ_ADDRESS, " Jane ", "jane",
	"81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2"},
	{"last_name", ECAPI_OBJ_ADDRESS, " Smith ", "smith",
	"6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"},
	{"gender", ECAPI_OBJ_USER_DATA, " Female ", "female",
	"9f165139a8c2894a47aea23b77d330eca847264224a44d5a17b19db8b9a72c08"},
	{"postal_code", ECAPI_OBJ_ADDRESS, "10001", "10001",
	"e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b"},
};

#define HEX "B4C9A289323B21A01C3E940F150EB9B8C542587F1ABFD8F0E1CC1FFC5E475514"
#define LOWER_HEX "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"

/* wanted NULL: empty; "!": invalid; "?": the country is missing. */
static const struct
{
	EcapiRule	rule;
	const char *country;
	const char *raw;
	const char *wanted;
}			forms[] =
{
	{ECAPI_RULE_NONE, NULL, " As Is ", " As Is "},
	{ECAPI_RULE_EMAIL, NULL, "\xc2\xa0\xe2\x80\x83J\xc3\x96RG@Example.com\xe3\x80\x80\n",
	"j\xc3\xb6rg@example.com"},
	{ECAPI_RULE_EMAIL, NULL, "a.b+c@Example.com", "a.b+c@example.com"},
	{ECAPI_RULE_EMAIL, NULL, "ann@mail.example.co.uk", "ann@mail.example.co.uk"},
	{ECAPI_RULE_EMAIL, NULL, "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe4\xb8\xad\xe5\x9b\xbd", "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe4\xb8\xad\xe5\x9b\xbd"},
	/* What can be no address. */
	{ECAPI_RULE_EMAIL, NULL, "n/a", "!"},
	{ECAPI_RULE_EMAIL, NULL, "None", "!"},
	{ECAPI_RULE_EMAIL, NULL, "-", "!"},
	{ECAPI_RULE_EMAIL, NULL, "unknown", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@", "!"},
	{ECAPI_RULE_EMAIL, NULL, "@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@localhost", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@example.", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@example..com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann@example.com,bob@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "Ann <ann@example.com>", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann b@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann\xc2\xa0" "b@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann\xe2\x80\x8b@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, "ann\t@example.com", "!"},
	{ECAPI_RULE_EMAIL, NULL, HEX, LOWER_HEX},
	/* What is no identifier of anybody. */
	{ECAPI_RULE_IDENTIFIER, NULL, " N/A ", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "NULL", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "undefined", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "Guest", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "--", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "\xe2\x80\x94", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "0", "0"},
	{ECAPI_RULE_IDENTIFIER, NULL, "guest-17", "guest-17"},
	{ECAPI_RULE_NAME, NULL, "Ok\xcd\xb4" "a\xe1\xbf\xaf", "oka"},
	{ECAPI_RULE_NAME, NULL, "Null", "null"},
	/* Invisible marks at the ends; inside they can carry meaning. */
	{ECAPI_RULE_EMAIL, NULL, "\xe2\x80\xaa" "ann@example.com\xe2\x80\xac", "ann@example.com"},
	{ECAPI_RULE_EMAIL, NULL, "\xe2\x80\x8f" "ann@example.com\xc2\xad", "ann@example.com"},
	{ECAPI_RULE_IDENTIFIER, NULL, "\xe2\x80\x8d" "c-1\xef\xb8\x8f\xe2\x81\xa9", "c-1"},
	{ECAPI_RULE_IDENTIFIER, NULL, "\xe2\x80\x8e \xe2\x80\x8f", NULL},
	{ECAPI_RULE_NAME, NULL, "Ann\xe2\x80\x8f.", "ann"},
	{ECAPI_RULE_NAME, NULL, "\xd9\x85\xe2\x80\x8c\xd9\x86", "\xd9\x85\xe2\x80\x8c\xd9\x86"},
	{ECAPI_RULE_POSTAL, "de", "\xe2\x80\xab" "70173", "70173"},
	/* One character has one form. */
	{ECAPI_RULE_NAME, NULL, "Zoe\xcc\x88", "zo\xc3\xab"},
	{ECAPI_RULE_NAME, NULL, "ZOE\xcc\x88", "zo\xc3\xab"},
	{ECAPI_RULE_EMAIL, NULL, "Jo\xcc\x88rg@example.com", "j\xc3\xb6rg@example.com"},
	/* Every apostrophe is one. */
	{ECAPI_RULE_NAME, NULL, "O\xe2\x80\x99" "Brien", "obrien"},
	{ECAPI_RULE_NAME, NULL, "O\xca\xbc" "Brien", "obrien"},
	{ECAPI_RULE_NAME, NULL, "O`Brien", "obrien"},
	{ECAPI_RULE_NAME, NULL, "O\xc2\xb4" "Brien", "obrien"},
	{ECAPI_RULE_NAME, NULL, "O\xef\xbc\x87" "Brien", "obrien"},
	{ECAPI_RULE_NAME, NULL, "Hawai\xca\xbb" "i", "hawaii"},
	{ECAPI_RULE_POSTAL, "jp", "\xe3\x80\x92" "100-0001", "1000001"},
	{ECAPI_RULE_POSTAL, NULL, "\xe3\x80\x92 100-0001", "1000001"},
	{ECAPI_RULE_IDENTIFIER, NULL, " \t ", NULL},
	{ECAPI_RULE_IDENTIFIER, NULL, "\xc3", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, "abc\xff", "!"},
	{ECAPI_RULE_IDENTIFIER, NULL, HEX, LOWER_HEX},
	{ECAPI_RULE_PHONE, NULL, " " HEX " ", LOWER_HEX},
	{ECAPI_RULE_IDENTIFIER, NULL, "\xce\x9f\xce\x94\xce\x9f\xce\xa3", "\xce\xbf\xce\xb4\xce\xbf\xcf\x82"},
	{ECAPI_RULE_NAME, NULL, " O'Brien-Smith, Jr. ", "obriensmith jr"},
	{ECAPI_RULE_NAME, NULL, "Val\xc3\xa9ry \xe2\x80\x94 X", "val\xc3\xa9ry x"},
	{ECAPI_RULE_NAME, NULL, "New   York", "new york"},
	{ECAPI_RULE_NAME, NULL, "\xec\xa0\x95", "\xec\xa0\x95"},
	{ECAPI_RULE_NAME, NULL, " .,- ", NULL},
	{ECAPI_RULE_COUNTRY, NULL, " DE ", "de"},
	{ECAPI_RULE_COUNTRY, NULL, "uk", "gb"},
	{ECAPI_RULE_COUNTRY, NULL, "United States", "us"},
	{ECAPI_RULE_COUNTRY, NULL, "USA", "us"},
	{ECAPI_RULE_COUNTRY, NULL, "zz", "!"},
	{ECAPI_RULE_CURRENCY, NULL, "eur", "EUR"},
	{ECAPI_RULE_CURRENCY, NULL, "DEM", "!"},
	{ECAPI_RULE_CURRENCY, NULL, "XXX", "!"},
	{ECAPI_RULE_POSTAL, "us", "10001-1234", "10001"},
	{ECAPI_RULE_POSTAL, "us", "100011234", "10001"},
	{ECAPI_RULE_POSTAL, "us", "1000", "!"},
	{ECAPI_RULE_POSTAL, NULL, "10001-1234", "10001"},
	{ECAPI_RULE_POSTAL, "gb", "SW1A 1AA", "sw1a1"},
	{ECAPI_RULE_POSTAL, "gb", "m1 1ae", "m11"},
	{ECAPI_RULE_POSTAL, "gb", "DN55 1PT", "dn551"},
	{ECAPI_RULE_POSTAL, "gb", "sw1a1", "sw1a1"},
	{ECAPI_RULE_POSTAL, "gb", "London", "!"},
	{ECAPI_RULE_POSTAL, NULL, "EC1A 1BB", "ec1a1"},
	{ECAPI_RULE_POSTAL, "nl", "1012 AB", "1012ab"},
	{ECAPI_RULE_POSTAL, "de", "70173", "70173"},
	{ECAPI_RULE_PHONE, NULL, "0049 711 123456", "+49711123456"},
	{ECAPI_RULE_PHONE, NULL, "+49 (0)711 123456", "+49711123456"},
	{ECAPI_RULE_PHONE, NULL, "+49 0711 123456", "+49711123456"},
	{ECAPI_RULE_PHONE, NULL, "+49 00 711 123456", "+49711123456"},
	{ECAPI_RULE_PHONE, NULL, "+36 06 1 123 4567", "+3611234567"},
	{ECAPI_RULE_NAME, NULL, "\"" HEX "\"", LOWER_HEX},
	{ECAPI_RULE_PHONE, "de", "0711/123456", "+49711123456"},
	{ECAPI_RULE_PHONE, "de", "711 123456", "!"},
	{ECAPI_RULE_PHONE, NULL, "0711 123456", "?"},
	{ECAPI_RULE_PHONE, NULL, "2125550000", "?"},
	{ECAPI_RULE_PHONE, "us", "(212) 555-0000", "+12125550000"},
	{ECAPI_RULE_PHONE, "us", "1 800 555 0100", "+18005550100"},
	{ECAPI_RULE_PHONE, "us", "555-0000", "!"},
	{ECAPI_RULE_PHONE, "us", "(212) 555-0000 ext. 12", "+12125550000"},
	{ECAPI_RULE_PHONE, "it", "06 6982 1234", "+390669821234"},
	{ECAPI_RULE_PHONE, NULL, "+39 06 6982 1234", "+390669821234"},
	{ECAPI_RULE_PHONE, "it", "392 1234567", "!"},
	{ECAPI_RULE_PHONE, "fr", "06 12 34 56 78", "+33612345678"},
	{ECAPI_RULE_PHONE, "fr", "33612345678", "+33612345678"},
	{ECAPI_RULE_PHONE, "gb", "020 7946 0000", "+442079460000"},
	{ECAPI_RULE_PHONE, "gb", "447911123456", "+447911123456"},
	{ECAPI_RULE_PHONE, "ru", "8 916 123-45-67", "+79161234567"},
	{ECAPI_RULE_PHONE, "hu", "06 1 234 5678", "+3612345678"},
	{ECAPI_RULE_PHONE, "hu", "06 06 1 234 567", "!"},
	{ECAPI_RULE_PHONE, "br", "(11) 91234-5678", "+5511912345678"},
	{ECAPI_RULE_PHONE, NULL, "\xef\xbc\x8b\xd9\xa4\xd9\xa9 711 123456", "+49711123456"},
	{ECAPI_RULE_PHONE, NULL, "+49 711 123456 / +49 711 99", "!"},
	{ECAPI_RULE_PHONE, NULL, "+123456789012345678", "!"},
	{ECAPI_RULE_PHONE, NULL, "call me", "!"},
	/* A zero in brackets is never dialled from abroad, known trunk prefix or not. */
	{ECAPI_RULE_PHONE, NULL, "+54 (0)11 4311 4333", "+541143114333"},
	{ECAPI_RULE_PHONE, NULL, "0054 (0)11 4311 4333", "+541143114333"},
	{ECAPI_RULE_PHONE, NULL, "+54 (011) 4311 4333", "+541143114333"},
	{ECAPI_RULE_PHONE, NULL, "+54 9 (0)11 4311 4333", "+5491143114333"},
	{ECAPI_RULE_PHONE, NULL, "+34 [0] 91 123 45 67", "+34911234567"},
	{ECAPI_RULE_PHONE, NULL, "+45 \xef\xbc\x88" "0\xef\xbc\x89" "12 34 56 78", "+4512345678"},
	{ECAPI_RULE_PHONE, NULL, "+44 (020) 7946 0000", "+442079460000"},
	{ECAPI_RULE_PHONE, NULL, "+7 (0) 495 123-45-67", "+74951234567"},
	{ECAPI_RULE_PHONE, NULL, "+36 (06) 1 123 4567", "+3611234567"},
	{ECAPI_RULE_PHONE, NULL, "+1 (212) 555-0000", "+12125550000"},
	{ECAPI_RULE_PHONE, NULL, "(+54) (0)11 4311 4333", "+541143114333"},
	/* But where it is part of the number. */
	{ECAPI_RULE_PHONE, NULL, "+39 (0)6 6982 1234", "+390669821234"},
	{ECAPI_RULE_PHONE, NULL, "+39 (06) 6982 1234", "+390669821234"},
	{ECAPI_RULE_PHONE, NULL, "+225 (07) 12 34 56 78", "+2250712345678"},
	/* What is filled in where there is no number. */
	{ECAPI_RULE_PHONE, "us", "000-000-0000", "!"},
	{ECAPI_RULE_PHONE, "us", "999-999-9999", "!"},
	{ECAPI_RULE_PHONE, NULL, "+49 0000000", "!"},
	{ECAPI_RULE_PHONE, NULL, "+1 (999) 999-9999", "!"},
};

static void
test_standard(void)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer out;

	ecapi_buffer_over(&out, memory, sizeof(memory));
	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
	{
		const EcapiField *field = ecapi_field_lookup(standard[i].object, standard[i].field,
													 strlen(standard[i].field));
		char		hex[ECAPI_HEX_SIZE];

		if (!check(field && field->privacy == ECAPI_SHA256, standard[i].field))
			continue;
		ecapi_normalize(field->rule, standard[i].raw, strlen(standard[i].raw), NULL, &out);
		check_text(out.data, standard[i].normalized, "normalized as in the standard");
		ecapi_digest_field(NULL, field->rule, standard[i].raw, strlen(standard[i].raw),
						   NULL, hex);
		check_text(hex, standard[i].digest, "hashed as in the standard");
	}
}

static void
test_forms(void)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	char		again[ECAPI_NORMALIZED_MAX];
	EcapiBuffer out;
	EcapiBuffer twice;

	ecapi_buffer_over(&out, memory, sizeof(memory));
	ecapi_buffer_over(&twice, again, sizeof(again));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		EcapiNormalized result = ecapi_normalize(forms[i].rule, forms[i].raw,
												 strlen(forms[i].raw),
												 forms[i].country, &out);

		if (forms[i].wanted == NULL)
			check(result == ECAPI_NORMALIZED_EMPTY && out.len == 0, "nothing left");
		else if (strcmp(forms[i].wanted, "!") == 0 || strcmp(forms[i].wanted, "?") == 0)
		{
			check(result == (forms[i].wanted[0] == '!' ? ECAPI_NORMALIZED_INVALID :
							 ECAPI_NORMALIZED_NO_COUNTRY) && out.len == 0, forms[i].raw);
			if (out.len > 0)
				fprintf(stderr, "# got %s\n", out.data);
		}
		else
		{
			check_text(out.data, forms[i].wanted, forms[i].wanted);
			ecapi_normalize(forms[i].rule, out.data, out.len, forms[i].country, &twice);
			check_text(twice.data, out.data, "a second time changes nothing");
		}
	}
}

static void
test_limits(void)
{
	static char big[1000000];
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer out;

	ecapi_buffer_over(&out, memory, sizeof(memory));
	memset(big, 'a', sizeof(big));
	check(ecapi_normalize(ECAPI_RULE_IDENTIFIER, big, sizeof(big), NULL, &out) ==
		  ECAPI_NORMALIZED_INVALID, "a million characters are no identifier");
	check(ecapi_normalize(ECAPI_RULE_IDENTIFIER, big, ECAPI_NORMALIZE_MAX, NULL, &out) ==
		  ECAPI_NORMALIZED && out.len == ECAPI_NORMALIZE_MAX, "the longest identifier");
	/* U+0130 becomes two characters, three bytes for two */
	for (int i = 0; i < ECAPI_NORMALIZE_MAX; i += 2)
		memcpy(big + i, "\xc4\xb0", 2);
	check(ecapi_normalize(ECAPI_RULE_NAME, big, ECAPI_NORMALIZE_MAX, NULL, &out) ==
		  ECAPI_NORMALIZED && out.len == ECAPI_NORMALIZE_MAX / 2 * 3, "lower case can be longer");
}

static void
test_cache(void)
{
	EcapiArena	arena;
	EcapiDigestCache *cache;
	char		hex[ECAPI_HEX_SIZE];
	char		plain[ECAPI_HEX_SIZE];
	char		key[80];
	bool		same = true;

	ecapi_arena_init(&arena, unit_grab, NULL);
	cache = ecapi_digest_cache_create(&arena, 64);
	for (int page = 0; page < 3; page++)
	{
		for (int i = 0; i < 3000; i++)
		{
			int			len = snprintf(key, sizeof(key), "%*d@example.com", i % 60, i / 3);

			ecapi_digest_field(cache, ECAPI_RULE_IDENTIFIER, key, (size_t) len, NULL, hex);
			ecapi_digest_field(NULL, ECAPI_RULE_IDENTIFIER, key, (size_t) len, NULL, plain);
			same &= strcmp(hex, plain) == 0;
		}
		ecapi_digest_cache_reset(cache);
	}
	check(same, "a small cache never gives another value's digest");

	ecapi_digest_field(cache, ECAPI_RULE_PHONE, "0711123456", 10, "de", hex);
	check(ecapi_digest_field(cache, ECAPI_RULE_PHONE, "0711123456", 10, NULL, hex) ==
		  ECAPI_NORMALIZED_NO_COUNTRY && hex[0] == '\0', "the country is part of the key");
	ecapi_digest_field(cache, ECAPI_RULE_IDENTIFIER, "o'brien", 7, NULL, hex);
	ecapi_digest_field(cache, ECAPI_RULE_NAME, "o'brien", 7, NULL, plain);
	check(strcmp(hex, plain) != 0, "the rule is part of the key");
	ecapi_digest_field(cache, ECAPI_RULE_IDENTIFIER, LOWER_HEX, 64, NULL, hex);
	check_text(hex, LOWER_HEX, "a digest is not hashed again");
	check(ecapi_sha256("", 0, hex), "hash nothing");
	check_text(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			   "SHA-256 of nothing (FIPS 180-4)");
	unit_free();
}

int
main(void)
{
	test_standard();
	test_forms();
	test_limits();
	test_cache();
	return unit_done();
}

/*
 * test_parse.c
 *	  JSON from outside: what is taken, what is refused, and that a tree
 *	  written again is the text that was read.
 */
#include "event/json.h"
#include "unit.h"

#include <time.h>

/* An arena that gives that many pieces and then no more. */
typedef struct Pieces
{
	void	   *piece[4096];
	int			n;
	int			max;
} Pieces;

static void *
grab(void *owner, size_t size)
{
	Pieces	   *pieces = owner;

	if (pieces->n == pieces->max)
		return NULL;
	pieces->piece[pieces->n] = malloc(size);
	return pieces->piece[pieces->n++];
}

static void
drop(Pieces *pieces)
{
	while (pieces->n > 0)
		free(pieces->piece[--pieces->n]);
}

/* check() with a text made for it. */
static void
check_named(bool good, const char *how, const char *text)
{
	char		what[100];

	snprintf(what, sizeof(what), "%s: %.60s", how, text);
	for (char *at = what; *at != '\0'; at++)
	{
		/* one line of TAP, where "#" begins a directive */
		if (*at < 0x20 || *at == '#')
			*at = '?';
	}
	check(good, what);
}

/* Read and write again; NULL when it was refused.  The caller frees. */
static char *
again(const char *text, size_t len, char *error, size_t error_size)
{
	Pieces		pieces = {.max = 4096};
	EcapiArena	arena;
	EcapiValue *value;
	EcapiBuffer buffer;

	ecapi_arena_init(&arena, grab, &pieces);
	ecapi_buffer_init(&buffer, 1024 * 1024, unit_resize, NULL);
	error[0] = '\0';
	value = ecapi_json_parse(&arena, text, len, error, error_size);
	if (value)
		ecapi_json_value(&buffer, value);
	drop(&pieces);
	return buffer.data;
}

static void
check_taken(const char *text, const char *wanted)
{
	char		error[200];
	char	   *got = again(text, strlen(text), error, sizeof(error));

	check_named(got && strcmp(got, wanted) == 0, "taken", text);
	free(got);
}

static void
check_refused(const char *text, size_t len)
{
	char		error[200];
	char	   *got = again(text, len, error, sizeof(error));

	check_named(got == NULL && strncmp(error, "not valid JSON: ", 16) == 0,
				"refused", text);
	free(got);
}

static void
test_taken(void)
{
	static const char *const same[] = {
		"{}", "[]", "1", "null", "true", "false", "\"\"",
		"1.50", "129.90", "1e05", "1E+0000000000000000000001", "[-0.5,-10]",
		"0.1000", "1E5", "1e-400", "123456789012345678901234567890.10",
		"0.60000000000000000000", "[1.18446744073709551616]",
		"0", "-1", "9223372036854775807", "-9223372036854775808",
		"18446744073709551615", "[1,[2,[3]],{\"a\":{\"b\":null}}]",
		"{\"z\":1,\"a\":2,\"\":3}", "\"\\\\u0000\"", NULL
	};
	int			i;

	for (i = 0; same[i]; i++)
		check_taken(same[i], same[i]);
	check_taken(" \t\r\n[ 1 , 2 ] \n", "[1,2]");
	check_taken("{\"a\":1,\"a\":2}", "{\"a\":2}");
	check_taken("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
	check_taken("\"it's\"", "\"it's\"");
	/* characters of two, three and four bytes, as they are */
	check_taken("[\"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80\"]", "[\"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80\"]");
	check_taken("{\"k\xc3\xa4se\":[]}", "{\"k\xc3\xa4se\":[]}");
	check_taken("\"\\/\\b\\f\\u00fc\"", "\"/\\b\\f\xc3\xbc\"");
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"", "  ", "{", "[1", "\"abc", "tru", "nul", "-", "[1 2]", "{\"a\" 1}",
		"[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "['a']", "[1] x", "[1][2]",
		"// c\n1", "/* c */ 1", "[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[0x10]",
		"NaN", "[Infinity]", "[-Infinity]", "[NULL]", "[TRUE]",
		"18446744073709551616", "-9223372036854775809",
		"[123456789012345678901234567890]",
		"\"a\tb\"", "\"a\nb\"", "\"a\\u0000b\"", "{\"\\u0000\":1}", "-01", "[-00]", "-0744073709551615",
		"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800\\u0041\"", "\"\\uD83Dx\"",
		"{\"\\udfff\":1}", "\"\\x\"",
		"]", "}", "[}", "{]", "[1}", "{\"a\":1]", ",", ":", "[,1]", "[1,,2]", "{,}", "{\"a\":1,,\"b\":2}",
		"{\"a\"}", "{\"a\":}", "{\"a\":1 \"b\":2}", "{\"a\":1:2}", "[1:2]", "{1:2}", "{null:1}", "1 2", "\"a\" \"b\"",
		"[1", "{\"a\":[1,{\"b\":2}", "[truefalse]", "[True]", "[False]", "nulll", "[-]", "[1e+]", "[1.e5]", "[--1]",
		"[1-2]", "[1a]", "[/* c */]", "[1// c\n]", "\"\\u12\"", "\"\\u12G4\"", "\"\\'\"", "\"\\", "[\xc3\xbc]",
		"\xef\xbb\xbf[]", "undefined", "[nan]", "[inf]",
		"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "[\f1]", NULL
	};
	int			i;

	for (i = 0; bad[i]; i++)
		check_refused(bad[i], strlen(bad[i]));
	check_refused("[1]\0", 4);
	check_refused("[1]\0[2]", 7);
	check_refused("\"a\0b\"", 5);
}

static void
test_depth(void)
{
	char		text[300];
	int			depth;

	for (depth = 31; depth <= 34; depth++)
	{
		char		error[200];
		char	   *got;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		got = again(text, 2 * depth, error, sizeof(error));
		check((got != NULL) == (depth <= 32), depth <= 32 ? "deep enough" : "too deep");
		free(got);
	}
	for (depth = 31; depth <= 32; depth++)
	{
		char		error[200];
		char	   *got;
		size_t		len = 0;

		for (int i = 0; i < depth; i++)
			len += (size_t) sprintf(text + len, "{\"\":");
		text[len++] = '1';
		for (int i = 0; i < depth; i++)
			text[len++] = '}';
		got = again(text, len, error, sizeof(error));
		check((got != NULL) == (depth < 32), depth < 32 ? "a deep member" : "a member too deep");
		free(got);
	}
}

/* However early the arena ends, the answer is NULL, and nothing is left. */
static void
test_no_memory(void)
{
	char		text[16 * 1024];
	size_t		len = 0;
	int			max;
	int			refused = 0;
	bool		good = true;

	text[len++] = '[';
	while (len < sizeof(text) - 200)
		len += sprintf(text + len, "{\"key\":[1.5,\"%0100d\",null,true]},", 7);
	text[len - 1] = ']';

	for (max = 0; max < 100; max++)
	{
		Pieces		pieces = {.max = max};
		EcapiArena	arena;
		char		error[200] = "";
		EcapiValue *value;

		ecapi_arena_init(&arena, grab, &pieces);
		value = ecapi_json_parse(&arena, text, len, error, sizeof(error));
		if (value == NULL)
		{
			refused++;
			if (!arena.failed || strstr(error, "out of memory") == NULL)
				good = false;
		}
		drop(&pieces);
		if (value)
			break;
	}
	check(good && refused > 0 && refused < 100, "out of memory is told");
}

/* Bad bytes: no crash, and a good text is still read right behind them. */
static void
test_noise(void)
{
	static const char good[] = "{\"a\":[1.50,\"x\"],\"b\":{\"c\":null}}";
	const char *given = getenv("SEED");
	unsigned int seed = given ? (unsigned int) atoi(given) : (unsigned int) time(NULL);
	char		text[sizeof(good)];
	bool		clean = true;
	int			i;

	printf("# SEED=%u\n", seed);
	for (i = 0; i < 20000; i++)
	{
		char		error[200];
		char	   *got;

		memcpy(text, good, sizeof(good));
		text[rand_r(&seed) % (sizeof(good) - 1)] = (char) rand_r(&seed);
		free(again(text, rand_r(&seed) % sizeof(good), error, sizeof(error)));
		got = again(good, sizeof(good) - 1, error, sizeof(error));
		if (got == NULL || strcmp(got, good) != 0)
			clean = false;
		free(got);
	}
	check(clean, "noise leaves nothing behind");
}

/*
 * Texts are looked at eight bytes at a time: each byte that is not plain is found at
 * every place of an eight, whatever stands around it.
 */
static void
test_every_place(void)
{
	static const struct
	{
		const char *bytes;
		bool		taken;
	}			cases[] = {
		{"\x01", false}, {"\x1f", false}, {"\n", false}, {"\x80", false}, {"\xff", false},
		{"\xc3", false}, {"\\x", false}, {"\"x", false},
		{"\x20", true}, {"\x21", true}, {"\x7f", true}, {"#", true}, {"[", true}, {"]", true},
		{"\xc3\xa4", true}, {"\xf0\x9f\x98\x80", true}, {"\\n", true}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int			wrong = 0;

		for (int at = 0; at < 20; at++)
		{
			/* the neighbours are the last plain bytes below and above */
			for (int fill = 0; fill < 3; fill++)
			{
				char		text[64];
				char		error[200];
				char	   *got;

				snprintf(text, sizeof(text), "[\"%.*s%s%.*s\"]",
						 at, &"                    ~~~~~~~~~~~~~~~~~~~~!!!!!!!!!!!!!!!!!!!!"[20 * fill],
						 cases[i].bytes, 19 - at, "~~~~~~~~~~~~~~~~~~~~");
				got = again(text, strlen(text), error, sizeof(error));
				wrong += (got != NULL) != cases[i].taken ||
					(got != NULL && strcmp(got, text) != 0);
				free(got);
			}
		}
		check_named(wrong == 0, cases[i].taken ? "taken at every place" : "found at every place",
					cases[i].bytes);
	}
}

int
main(void)
{
	test_every_place();
	test_taken();
	test_refused();
	test_depth();
	test_no_memory();
	test_noise();
	return unit_done();
}

/*
 * test_echo.c
 *	  Secrets of a request in an answer that repeats them.
 *
 *	  test_echo [SEED]
 *
 * Secrets are drawn from what a header may hold, and written as receivers write
 * them; wherever one stands in an answer, nothing of it may be left.
 */
#include <time.h>

#include "destination/echo.h"
#include "unit.h"

static const char *const headers[] = {
	"Authorization: Bearer to/ken+%41\"\\<&>'7",
	"X-Api-Key: Scheme kQz91/xY_d"
};
static const char url[] = "https://ann%40x:p%2Fss.w0rd@host/in?sig=s1gn%3Dature&page=entry#end";

static const char base64_digits[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
expect(const char *answer, const char *wanted, const char *what)
{
	char		text[4096];
	size_t		len;

	snprintf(text, sizeof(text), "%s", answer);
	len = ecapi_echo_redact(text, strlen(text), headers, 2, url);
	check_text(text, wanted, what);
	check(len == strlen(text), "its length");
}

/* Base64 of a text; into has room. */
static void
base64(const char *text, char *into)
{
	size_t		len = strlen(text);

	for (size_t i = 0; i < len; i += 3)
	{
		unsigned	bits = (unsigned char) text[i] << 16;

		if (i + 1 < len)
			bits |= (unsigned char) text[i + 1] << 8;
		if (i + 2 < len)
			bits |= (unsigned char) text[i + 2];
		*into++ = base64_digits[bits >> 18];
		*into++ = base64_digits[bits >> 12 & 63];
		*into++ = i + 1 < len ? base64_digits[bits >> 6 & 63] : '=';
		*into++ = i + 2 < len ? base64_digits[bits & 63] : '=';
	}
	*into = '\0';
}

static void
test_forms(void)
{
	expect("{\"error\": \"bad\"}", "{\"error\": \"bad\"}", "nothing to take out");
	expect("token to/ken+%41\"\\<&>'7.", "token ***.", "as it stands");
	expect("token to%2Fken%2B%2541%22%5C%3C%26%3E%277.", "token ***.", "percent-encoded");
	expect("token to%252fken%252b%252541%2522%255c%253c%2526%253e%25277.", "token ***.", "twice");
	expect("token to\\/ken+%41\\\"\\\\<&>'7.", "token ***.", "escaped for JSON");
	expect("token to\\\\\\/ken+%41\\\\\\\"\\\\\\\\<&>'7.", "token ***.", "twice");
	expect("token \\u0074o\\u002Fken\\u002b%41\\u0022\\u005c\\u003c\\u0026\\u003e\\u00277.", "token ***.",
		   "with numbers of JSON");
	expect("token to/ken+%41&quot;\\&lt;&amp;&gt;&apos;7.", "token ***.", "escaped for HTML");
	expect("token &#116;o&#x2F;ken+%41&#34;\\&#60;&#38;&#62;&#39;7.", "token ***.", "with numbers of HTML");
	expect("Scheme kQz91/xY_d", "***", "a header's value");
	expect("Scheme%20kQz91%2FxY_d or Scheme+kQz91/xY_d", "*** or ***", "its blank");
	expect("key kQz91/xY_d, kQz91\\/xY_d", "key ***, ***", "without the scheme");
	expect("as ann%40x:p%2Fss.w0rd or ann@x:p/ss.w0rd", "as *** or ***", "user and password");
	expect("as ann@x with p/ss.w0rd, p%2fss.w0rd", "as *** with ***, ***", "each by itself");
	expect("?sig=s1gn%3Dature&page=entry s1gn=ature", "?sig=***&page=entry ***", "a signature in a query");
}

static void
test_cut(void)
{
	expect("token to/ken", "token ***", "cut");
	expect("token to%2Fken%2", "token ***", "inside of an escape");
	expect("token to\\/ken\\u00", "token ***", "of another");
	expect("token to/ken+%41&qu", "token ***", "of a third");
	expect("a tok", "a tok", "too little is none");
	expect("kQz91 is another", "kQz91 is another", "nor is the beginning elsewhere");
}

/* Wherever it stands in what is encoded, and in either alphabet. */
static void
test_base64(void)
{
	char		plain[200];
	char		encoded[400];
	char		answer[500];
	const char *before[] = {"", "a", "ab", "abc", "ann:"};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
	{
		char	   *at;
		char		again[500];

		snprintf(plain, sizeof(plain), "%sto/ken+%%41\"\\<&>'7!", before[i]);
		base64(plain, encoded);
		snprintf(answer, sizeof(answer), "got %s.", encoded);
		(void) ecapi_echo_redact(answer, strlen(answer), headers, 2, url);
		snprintf(again, sizeof(again), "%s", answer);
		check(strstr(again, "***") != NULL && strlen(again) < 20, "base64 of it");
		for (at = encoded; *at != '\0'; at++)
			*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
		snprintf(answer, sizeof(answer), "got %s.", encoded);
		(void) ecapi_echo_redact(answer, strlen(answer), headers, 2, url);
		check_text(answer, again, "the same in the alphabet for URLs");
	}
}

/* Append a character of a secret in a form drawn at random. */
static void
append(char *answer, unsigned char c)
{
	char	   *end = answer + strlen(answer);

	switch (rand() % 6)
	{
		case 0:
			sprintf(end, "%%%02x", c);
			break;
		case 1:
			sprintf(end, "\\u%04X", c);
			break;
		case 2:
			sprintf(end, "&#%d;", c);
			break;
		case 3:
			sprintf(end, "&#x%x;", c);
			break;
		default:
			sprintf(end, "%c", c);
	}
}

static void
test_random(void)
{
	int			wrong = 0;

	for (int round = 0; round < 20000; round++)
	{
		char		line[100] = "X: ";
		char		answer[1000] = "<p>";
		const char *one[] = {line};
		size_t		n = 4 + rand() % 60;

		for (size_t i = 0; i < n; i++)
		{
			/* what would begin an escape is tried above */
			unsigned char c;

			do
				c = '!' + rand() % ('~' - '!' + 1);
			while (strchr("%\\&+", c) != NULL);
			line[3 + i] = c;
			line[4 + i] = '\0';
			append(answer, c);
		}
		strcat(answer, "</p>");
		(void) ecapi_echo_redact(answer, strlen(answer), one, 1, NULL);
		wrong += strcmp(answer, "<p>***</p>") != 0;
	}
	check(wrong == 0, "secrets and forms at random");
}

int
main(int argc, char **argv)
{
	unsigned	seed = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : (unsigned) time(NULL);

	printf("# seed %u\n", seed);
	srand(seed);
	test_forms();
	test_cut();
	test_base64();
	test_random();
	return unit_done();
}

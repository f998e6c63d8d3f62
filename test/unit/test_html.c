/*
 * test_html.c
 *	  The writer of pages, figures, charts and words of answers.
 */
#include <math.h>

#include "html/chart.h"
#include "html/figures.h"
#include "html/html.h"
#include "html/quantile.h"
#include "html/style.h"
#include "html/words.h"
#include "unit.h"

static char memory[1024 * 1024];
static EcapiBuffer out;
static EcapiHtml html;

static void
start(size_t size)
{
	ecapi_buffer_over(&out, memory, size);
	ecapi_html_init(&html, &out);
}

/* ---- the writer ---- */

static const char *
written(const char *text)
{
	start(sizeof(memory));
	ecapi_html_element(&html, "p", NULL, text);
	return memory;
}

static void
test_text(void)
{
	char		long_text[3 * ECAPI_HTML_TEXT_MAX];

	check_text(written("a <b> & \"c\" 'd'"), "<p>a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;</p>\n", "what HTML means is escaped");
	check_text(written("\xE5\xB9\xBF\xF0\x9F\x98\x80"), "<p>&#x5E7F;&#x1F600;</p>\n", "beyond ASCII are references");
	check_text(written("a\nb\tc\x7F"), "<p>a&#x240A;b&#x2409;c&#x2421;</p>\n", "controls are seen");
	check_text(written("a\xE2\x80\xAE" "b\xE2\x81\xA6" "c\xEF\xBB\xBF"), "<p>a&#xFFFD;b&#xFFFD;c&#xFFFD;</p>\n",
			   "marks of direction turn nothing");
	check_text(written("\xD7\xA9\xD7\x9C"), "<p>&#x5E9;&#x5DC;</p>\n", "right to left is text");
	check_text(written("a\xFF\xC0\x80\xED\xA0\x80\xE5"), "<p>a&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;</p>\n",
			   "bytes that are no UTF-8, one each");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	written(long_text);
	check(strlen(memory) == strlen("<p></p>\n&#x2026;") + ECAPI_HTML_TEXT_MAX, "a text has an end");
}

static void
test_attributes(void)
{
	start(sizeof(memory));
	ecapi_html_open(&html, "td");
	ecapi_html_attr(&html, "class", "a\" onclick=\"x");
	ecapi_html_textf(&html, "%d < %s", 1, "<2>");
	ecapi_html_close(&html);
	check_text(memory, "<td class=\"a&quot; onclick=&quot;x\">1 &lt; &lt;2&gt;</td>", "values cannot end themselves");
	check(!html.broken, "and nothing is wrong with it");
}

/* Each of these breaks the page, and writes nothing. */
static void
test_refused(void)
{
	static const char *const elements[] = {"script", "iframe", "img", "object", "link", "P", "p onclick", ""};
	static const char *const attributes[] = {"onclick", "style", "href", "src", "srcdoc", "xlink:href", "a b", ""};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		start(sizeof(memory));
		ecapi_html_open(&html, elements[i]);
		check(html.broken && out.len == 0, elements[i]);
	}
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
	{
		start(sizeof(memory));
		ecapi_html_open(&html, "p");
		ecapi_html_attr(&html, attributes[i], "x");
		check(html.broken && strcmp(memory, "<p") == 0, attributes[i]);
	}
	start(sizeof(memory));
	ecapi_html_open(&html, "a");
	ecapi_html_anchor(&html, "javascript:x");
	check(html.broken, "no address but a place in the page");
	start(sizeof(memory));
	ecapi_html_open(&html, "p");
	ecapi_html_text(&html, "x");
	ecapi_html_attr(&html, "class", "x");
	check(html.broken, "no attribute behind text");
	start(sizeof(memory));
	ecapi_html_close(&html);
	check(html.broken, "nothing is closed that was not opened");
	start(sizeof(memory));
	ecapi_html_style(&html, "a{}</style><p>");
	check(html.broken && out.len == 0, "a style sheet does not end itself");
	start(sizeof(memory));
	ecapi_html_open(&html, "path");
	ecapi_html_attr(&html, "d", "M0 0\"x");
	check(html.broken, "a path is of commands and numbers");
	start(sizeof(memory));
	for (int i = 0; i < ECAPI_HTML_DEPTH; i++)
		ecapi_html_open(&html, "div");
	check(!html.broken, "as deep as it goes");
	ecapi_html_open(&html, "div");
	check(html.broken, "and no deeper");
}

static void
test_bounded(void)
{
	start(16);
	ecapi_html_element(&html, "p", NULL, "0123456789");
	check(out.full && out.len < 16, "a page that is full says so");
}

static void
test_width(void)
{
	char		text[64];

	check(ecapi_html_width("abc") == 3 && ecapi_html_width("\xE5\xB9\xBF") == 2, "wide characters are two");
	ecapi_html_shorten("abcdef", 6, text, sizeof(text));
	check_text(text, "abcdef", "what fits stays");
	ecapi_html_shorten("abcdefg", 6, text, sizeof(text));
	check_text(text, "abcde\xE2\x80\xA6", "what does not is cut");
	ecapi_html_shorten("\xE5\xB9\xBF\xE5\xB9\xBF\xE5\xB9\xBF\xE5\xB9\xBF", 6, text, sizeof(text));
	check_text(text, "\xE5\xB9\xBF\xE5\xB9\xBF\xE2\x80\xA6", "between characters");
	ecapi_html_shorten("abcdefghij", 100, text, 8);
	check_text(text, "abcd\xE2\x80\xA6", "and by bytes");
}

/* ---- figures ---- */

static void
check_grouped(const char *digits, const char *wanted)
{
	char		text[48];

	ecapi_figure_grouped(digits, text, sizeof(text));
	check_text(text, wanted, digits);
}

static void
test_figures(void)
{
	char		text[ECAPI_FIGURE_SIZE];
	static const struct
	{
		double		value;
		const char *compact;
		const char *time;
	}			cases[] = {{0, "0", "0.0 ms"}, {950, "950", "950 ms"}, {1234, "1.2k", "1.2 s"}, {999.7, "1.0k", "1.0 s"},
	{-5e6, "\xE2\x88\x92" "5M", "-0.1 d"}, {864e5, "86.4M", "1.0 d"}, {0.04, "0.04", "0.0 ms"}};

	check_grouped("0", "0");
	check_grouped("999", "999");
	check_grouped("1000", "1,000");
	check_grouped("-1234567.8900", "\xE2\x88\x92" "1,234,567.8900");
	check_grouped("1.5e+300", "1.5e+300");
	check_grouped("NaN", "NaN");
	check_grouped("", "");
	check_grouped("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ecapi_figure_compact(cases[i].value, text);
		check_text(text, cases[i].compact, "compact");
		if (cases[i].value >= 0)
		{
			ecapi_figure_time(cases[i].value, text);
			check_text(text, cases[i].time, "time");
		}
	}
	ecapi_figure_share(1, 3, text);
	check_text(text, "33.3 %", "a share");
	ecapi_figure_share(1, 1e6, text);
	check_text(text, "<0.1 %", "a little is not nothing");
	ecapi_figure_share(999999, 1e6, text);
	check_text(text, ">99.9 %", "nearly all is not all");
	ecapi_figure_share(0, 0, text);
	check_text(text, "\xE2\x80\x93", "of nothing there is none");
}

/* ---- charts ---- */

/* Whether a chart is whole, in its bounds, and names no number that is none. */
static bool
chart_is_sound(void)
{
	return !html.broken && !out.full && html.depth == 0 && strstr(memory, "nan") == NULL &&
		strstr(memory, "inf") == NULL && strstr(memory, "role=\"img\"") != NULL && strstr(memory, "aria-label") != NULL;
}

static int
count_of(const char *what)
{
	int			n = 0;

	for (const char *at = memory; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void
bars(const double *one, const double *other, int n)
{
	const char *names[124];
	EcapiBars	it = {.label = "<x>", .n = n, .names = names, .nseries = 2, .values = {one, other},
		.kinds = {ECAPI_CHART_DELIVERED, ECAPI_CHART_FILTERED}, .width = ECAPI_CHART_WIDE};

	for (int i = 0; i < 124; i++)
		names[i] = "\xE5\xB9\xBF<";
	start(sizeof(memory));
	ecapi_chart_bars(&html, &it);
}

static void
test_bars(void)
{
	static const double rising[] = {0, 50, 100};
	static const double mixed[] = {-20, 0, 40};
	static const double wild[] = {NAN, INFINITY, -1e308, 1e308, 1e-300};
	double		many[124];

	bars(rising, mixed, 3);
	check(chart_is_sound() && strstr(memory, "&lt;x&gt;") != NULL, "bars");
	/* of 110 pixels behind 10, from -20 to 100 */
	check(strstr(memory, "V10.0H") != NULL, "the highest bar ends at the top");
	check(count_of("Z") == 4 && count_of("k-delivered") == 1, "no bar for nothing");
	bars(wild, wild, 5);
	check(chart_is_sound(), "bars of no numbers");
	for (int i = 0; i < 124; i++)
		many[i] = 123456.7 * i;
	bars(many, many, 124);
	check(chart_is_sound() && out.len < 20000, "as many bars as there are take little");
	bars(many, many, 0);
	check(chart_is_sound(), "bars of nothing");
}

static void
test_flow(void)
{
	static const char *const kinds[ECAPI_CHART_KINDS] = {"Delivered", "Shadow", "Filtered", "Failed", "Given up", "Erased"};
	static const EcapiFlowRow rows[] = {{"<script>", {900, 0, 90, 10}}, {"b", {0}}, {"c", {1e15, NAN, -5, 1}}};
	EcapiFlow	flow = {.label = "flow", .source = "Offered", .n = 3, .rows = rows, .kinds = kinds, .width = ECAPI_CHART_NARROW};

	start(sizeof(memory));
	ecapi_chart_flow(&html, &flow);
	check(chart_is_sound(), "a flow");
	check(strstr(memory, "&lt;script&gt;") != NULL && strstr(memory, "<script") == NULL, "whose names are text");
	/* three ribbons of the first, two of the last, and each kind's node */
	check(count_of("class=\"k-") == 3 + 2 + 3 && strstr(memory, "Given up") == NULL, "ribbons of what there is");
	check(strstr(memory, ">1,000<") != NULL, "and sums");
	flow.n = 0;
	start(sizeof(memory));
	ecapi_chart_flow(&html, &flow);
	check(chart_is_sound(), "a flow of nothing");
}

static void
test_other_charts(void)
{
	static const EcapiRange ranges[] = {{"a", {1, 10, 100}}, {"b", {0, 0, 0}}, {"c", {NAN, INFINITY, 1e300}}};
	static const EcapiShares shares[] = {{"a", "all", {10, 5, 1}}, {"b", "none", {0}}, {"c", "?", {NAN}}};
	static const char *const lanes[] = {"one", "two"};
	static const EcapiPoint points[] = {{0, 0, ECAPI_CHART_DELIVERED, false}, {1, 12345, ECAPI_CHART_FAILED, true},
	{1, -5, ECAPI_CHART_GIVEN_UP, false}, {0, 1e13, ECAPI_CHART_FAILED, false}};

	start(sizeof(memory));
	ecapi_chart_ranges(&html, "ranges", ranges, 3, ECAPI_CHART_WIDE);
	check(chart_is_sound(), "ranges");
	start(sizeof(memory));
	ecapi_chart_shares(&html, "shares", shares, 3, ECAPI_CHART_NARROW);
	check(chart_is_sound() && count_of("<rect") == 3, "shares of what there is");
	start(sizeof(memory));
	ecapi_chart_lanes(&html, "lanes", lanes, 2, points, 4, ECAPI_CHART_WIDE);
	check(chart_is_sound() && count_of("<circle") == 1, "lanes");
	start(sizeof(memory));
	ecapi_chart_textures(&html);
	ecapi_chart_key(&html, ECAPI_CHART_FAILED);
	check(!html.broken && html.depth == 0, "textures and keys");
}

static void
test_style(void)
{
	const char *at = ecapi_style_sheet;

	start(sizeof(memory));
	ecapi_html_style(&html, ecapi_style_sheet);
	check(!html.broken && strstr(ecapi_style_sheet, "@import") == NULL, "the style sheet is one");
	/* each url() is a texture of the page */
	while ((at = strstr(at, "url(")) != NULL)
		check(strncmp(at++, "url(#t-", 7) == 0, "and fetches nothing");
}

/* ---- words of answers ---- */

static void
check_words(const char *answer, const char *wanted)
{
	char		text[ECAPI_WORDS_SIZE];

	ecapi_words_shown(answer, text);
	check_text(text, wanted, answer);
}

#define E "\xE2\x80\xA6"

static void
test_words(void)
{
	char		long_answer[5000] = "";
	char		shown[ECAPI_WORDS_SIZE];

	check_words("{\"error\":{\"message\":\"Invalid parameter\",\"type\":\"OAuthException\",\"code\":100}}",
				"error: message: Invalid parameter, type: OAuthException, code: 100");
	check_words("INVALID_ARGUMENT: user_data.email_address[0] must be hashed", "INVALID_ARGUMENT: user_data.email_address 0 must be hashed");
	check_words("<html><head><title>502 Bad Gateway</title></head><script>token</script>", "502 Bad Gateway token");
	check_words("email ann@example.com is not valid", "email " E " is not valid");
	check_words("Invalid city: Stuttgart", "Invalid city: " E);
	check_words("phone +49 (711) 123 is invalid", "phone " E " is invalid");
	check_words("phone 0711 123 45 67 is invalid", "phone " E " is invalid");
	check_words("71d4f55f72fa128dfb468a1a3901507c invalid", E " invalid");
	check_words("id is order-42", "id is " E);
	check_words("ip 10.1.2.3 blocked", "ip " E " blocked");
	check_words("invalid \xE5\xB9\xBF", "invalid " E);
	check_words("invalid@invalid.invalid https://invalid/user", "");
	check_words("Ann", "");
	check_words("", "");
	check_words("<", "");
	check_words("<a", "");
	for (int i = 0; i < 600; i++)
		strcat(long_answer, "invalid ");
	ecapi_words_shown(long_answer, shown);
	check(strlen(shown) < ECAPI_WORDS_SIZE && strcmp(shown + strlen(shown) - 10, "invalid" E) == 0, "a long answer has an end");
}

/* The list is in order, for it is searched. */
static void
test_list(void)
{
	static const char *const list[] = {
#define ECAPI_WORD(word) #word,
#include "html/words.def"
#undef ECAPI_WORD
	};
	bool		in_order = true;
	bool		found = true;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		in_order &= i == 0 || strcmp(list[i - 1], list[i]) < 0;
		found &= ecapi_words_has(list[i], strlen(list[i]));
	}
	check(in_order && found, "the list of words is in order");
	check(ecapi_words_has("INVALID", 7) && !ecapi_words_has("stuttgart", 9) && !ecapi_words_has("", 0), "and has what it has");
}

/* ---- quantiles ---- */

static int
by_value(const void *a, const void *b)
{
	double		one = *(const double *) a;
	double		other = *(const double *) b;

	return (one > other) - (one < other);
}

/* Values of a few or of many kinds, in whatever order, against the sorted ones. */
static void
test_quantile(void)
{
	unsigned	seed = 1;
	bool		equal = true;
	double		seconds[] = {1, 2, 3, 4, 5};

	for (int round = 0; round < 20000; round++)
	{
		double		values[64];
		double		sorted[64];
		size_t		n = 1 + (size_t) round % 64;
		int			shape = round / 64 % 4;
		int			percent = 1 + round % 100;

		for (size_t i = 0; i < n; i++)
		{
			seed = seed * 1103515245u + 12345u;
			values[i] = shape == 0 ? (double) i : shape == 1 ? -(double) i : (double) ((seed >> 16) % (shape == 2 ? 3 : 1000));
		}
		memcpy(sorted, values, sizeof(values));
		qsort(sorted, n, sizeof(double), by_value);
		equal &= ecapi_quantile(values, n, percent / 100.0) == sorted[(size_t) ceil(percent / 100.0 * (double) n) - 1];
	}
	check(equal, "quantiles are those of the sorted values");
	check(ecapi_every_second(seconds, 5) == 2 && seconds[0] == 2 && seconds[1] == 4, "each second value is kept");
	check(ecapi_every_second(seconds, 1) == 0, "and none of one");
}

int
main(void)
{
	test_text();
	test_attributes();
	test_refused();
	test_bounded();
	test_width();
	test_figures();
	test_bars();
	test_flow();
	test_other_charts();
	test_style();
	test_words();
	test_list();
	test_quantile();
	return unit_done();
}

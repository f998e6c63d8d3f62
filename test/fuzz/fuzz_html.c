/*
 * fuzz_html.c
 *	  The writer of pages and the words of answers, on any bytes.
 *
 * The input is a text.  Written as text and as a value it must leave a page in which nothing
 * begins but what was opened: no <, no quote of it and no byte beyond ASCII.  As an answer it
 * must come out as words of the list, short numbers, points and ellipses.  As figures, names
 * and amounts of charts it must give a chart that is whole.
 */
#include "fuzz.h"

#include "html/chart.h"
#include "html/figures.h"
#include "html/words.h"

#define PAGE	(1024 * 1024)

static char page[PAGE];

/* Between the tags of ours nothing is left that HTML means. */
static void
check_page(const char *before, const char *after, const char *quotes)
{
	size_t		len = strlen(page);
	size_t		head = strlen(before);
	size_t		tail = strlen(after);

	must(len >= head + tail && memcmp(page, before, head) == 0 && strcmp(page + len - tail, after) == 0,
		 "what was opened is closed");
	for (size_t i = head; i < len - tail; i++)
		must(page[i] >= ' ' && page[i] < 0x7F && strchr(quotes, page[i]) == NULL, "text is text");
}

static void
write_texts(const char *text)
{
	EcapiBuffer out;
	EcapiHtml	html;
	char		cut[64];

	ecapi_buffer_over(&out, page, sizeof(page));
	ecapi_html_init(&html, &out);
	ecapi_html_element(&html, "bdi", NULL, text);
	must(!html.broken && !out.full, "any text can be written");
	check_page("<bdi>", "</bdi>", "<>\"'");
	ecapi_buffer_over(&out, page, sizeof(page));
	ecapi_html_init(&html, &out);
	ecapi_html_open(&html, "bdi");
	ecapi_html_attr(&html, "class", text);
	ecapi_html_close(&html);
	check_page("<bdi class=\"", "\"></bdi>", "<>\"'");
	ecapi_html_shorten(text, 12, cut, sizeof(cut));
	must(strlen(cut) < sizeof(cut) && ecapi_html_width(cut) <= 12 + 2, "what is cut fits");
}

static void
check_words(const char *text)
{
	char		out[ECAPI_WORDS_SIZE];

	ecapi_words_shown(text, out);
	must(strlen(out) < sizeof(out), "words fit");
	for (size_t i = 0; out[i] != '\0';)
	{
		size_t		n = strspn(out + i, "0123456789");

		must(n <= 3, "numbers are short");
		if (n > 0)
		{
			i += n;
			continue;
		}
		n = strspn(out + i, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		must(n <= 60, "words are words");
		if (n > 0)
			i += n;
		else if (memcmp(out + i, "\xE2\x80\xA6", 3) == 0)
			i += 3;
		else
			must(strchr(" .:,;!?-_/", out[i++]) != NULL, "and points");
	}
}

static void
draw(const char *text, const uint8_t *data, size_t size)
{
	double		values[2][24] = {{0}};
	const char *names[24];
	EcapiFlowRow rows[4];
	EcapiBars	bars = {.label = text, .n = 24, .names = names, .nseries = 2, .values = {values[0], values[1]},
		.kinds = {ECAPI_CHART_DELIVERED, ECAPI_CHART_FAILED}, .width = ECAPI_CHART_WIDE};
	EcapiFlow	flow = {.label = text, .source = text, .n = 4, .rows = rows, .kinds = names, .width = ECAPI_CHART_NARROW};
	EcapiBuffer out;
	EcapiHtml	html;

	memcpy(values, data, size < sizeof(values) ? size : sizeof(values));
	for (int i = 0; i < 24; i++)
		names[i] = text;
	for (int i = 0; i < 4; i++)
	{
		rows[i].name = text;
		memcpy(rows[i].amounts, &values[0][i * ECAPI_CHART_KINDS], sizeof(rows[i].amounts));
	}
	ecapi_buffer_over(&out, page, sizeof(page));
	ecapi_html_init(&html, &out);
	ecapi_chart_bars(&html, &bars);
	ecapi_chart_flow(&html, &flow);
	must(!html.broken && !out.full && html.depth == 0, "a chart is whole");
	must(strstr(page, "nan") == NULL || strstr(text, "nan") != NULL, "and of numbers");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	char		grouped[48];

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	write_texts(text);
	check_words(text);
	ecapi_figure_grouped(text, grouped, sizeof(grouped));
	must(strlen(grouped) < sizeof(grouped), "figures fit");
	draw(grouped, data, size);
	free(text);
	return 0;
}

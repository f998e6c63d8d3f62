/*
 * html.c
 *	  A writer of HTML and SVG that cannot be talked into anything else; see html.h.
 *
 * Invariants: between two calls the buffer ends inside a start tag (in_tag) or outside of
 * one, never inside a value; every name that is written is an entry of the lists below.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "html/html.h"

/* Room for a formatted value: figures, coordinates, short sentences. */
#define FORMATTED	1024

#define REPLACEMENT 0xFFFD
#define ELLIPSIS	0x2026

static const char *const elements[] = {
	"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section",
	"h1", "h2", "h3", "h4", "p", "div", "span", "strong", "small", "code", "bdi", "br", "ul", "ol",
	"li", "dl", "dt", "dd", "a", "time", "data", "figure", "figcaption", "details", "summary", "table",
	"caption", "thead", "tbody", "tr", "th", "td",
	"svg", "g", "defs", "pattern", "path", "rect", "circle", "line", "text", "tspan", "desc"};

static const char *const empty_elements[] = {"meta", "br"};

/* None of them is an address but href, which ecapi_html_anchor() writes, and only it. */
static const char *const attributes[] = {
	"class", "id", "lang", "dir", "charset", "name", "content", "http-equiv", "scope", "colspan",
	"role", "tabindex", "aria-label", "aria-labelledby", "aria-hidden", "aria-describedby", "value",
	"datetime", "open",
	"viewBox", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "d",
	"text-anchor", "patternUnits", "patternTransform", "preserveAspectRatio", "focusable"};

static bool
is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

void
ecapi_html_init(EcapiHtml *html, EcapiBuffer *out)
{
	*html = (EcapiHtml) {.out = out};
}

/* ---- characters ---- */

/*
 * The character at *text, which moves behind it; bytes that are none are skipped one by
 * one.  *text is not at the end.
 */
static unsigned
next_character(const char **text)
{
	const unsigned char *at = (const unsigned char *) *text;
	unsigned	c = at[0];
	int			more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2
		: c >= 0xF0 && c < 0xF5 ? 3 : -1;

	*text += 1;
	if (more <= 0)
		return more < 0 ? REPLACEMENT : c;
	c &= 0x3F >> more;
	for (int i = 1; i <= more; i++)
	{
		if ((at[i] & 0xC0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (at[i] & 0x3F);
	}
	if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF)) ||
		(c >= 0xD800 && c <= 0xDFFF))
		return REPLACEMENT;
	*text += more;
	return c;
}

/* As it is shown: what is not seen, or turns what is around it, is replaced. */
static unsigned
visible(unsigned c)
{
	if (c < 0x20)
		return 0x2400 + c;
	if (c == 0x7F)
		return 0x2421;
	if ((c >= 0x80 && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
		(c >= 0x2060 && c <= 0x206F) || c == 0x061C || c == 0xFEFF || (c & 0xFFFE) == 0xFFFE ||
		(c >= 0xFDD0 && c <= 0xFDEF) || (c >= 0xE0000 && c <= 0xE0FFF))
		return REPLACEMENT;
	return c;
}

static void
add_character(EcapiBuffer *out, unsigned c)
{
	char		reference[16];

	c = visible(c);
	switch (c)
	{
		case '&':
			ecapi_buffer_str(out, "&amp;");
			return;
		case '<':
			ecapi_buffer_str(out, "&lt;");
			return;
		case '>':
			ecapi_buffer_str(out, "&gt;");
			return;
		case '"':
			ecapi_buffer_str(out, "&quot;");
			return;
		case '\'':
			ecapi_buffer_str(out, "&#39;");
			return;
	}
	if (c < 0x7F)
	{
		ecapi_buffer_char(out, (char) c);
		return;
	}
	snprintf(reference, sizeof(reference), "&#x%X;", c);
	ecapi_buffer_str(out, reference);
}

static void
add_escaped(EcapiBuffer *out, const char *text)
{
	for (int n = 0; *text != '\0'; n++)
	{
		if (n == ECAPI_HTML_TEXT_MAX)
		{
			add_character(out, ELLIPSIS);
			return;
		}
		add_character(out, next_character(&text));
	}
}

/* The blocks that East Asian Width calls wide: Hangul, CJK, full width, and emoji. */
static int
width_of(unsigned c)
{
	return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
		(c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF01 && c <= 0xFF60) ||
		(c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD) ? 2 : 1;
}

int
ecapi_html_width(const char *text)
{
	int			width = 0;

	while (*text != '\0')
		width += width_of(next_character(&text));
	return width;
}

void
ecapi_html_shorten(const char *text, int width, char *out, size_t size)
{
	const char *at = text;
	const char *end = text;
	int			taken = 0;
	bool		fits = ecapi_html_width(text) <= width && strlen(text) < size;

	if (fits)
	{
		memcpy(out, text, strlen(text) + 1);
		return;
	}
	while (*at != '\0')
	{
		taken += width_of(next_character(&at));
		if (taken > width - 1 || (size_t) (at - text) + 4 > size)
			break;
		end = at;
	}
	memcpy(out, text, (size_t) (end - text));
	memcpy(out + (end - text), "\xE2\x80\xA6", 4);
}

/* ---- tags ---- */

static void
end_tag(EcapiHtml *html)
{
	if (html->in_tag)
		ecapi_buffer_char(html->out, '>');
	html->in_tag = false;
}

void
ecapi_html_open(EcapiHtml *html, const char *name)
{
	if (html->depth == ECAPI_HTML_DEPTH || !IS_ONE_OF(name, elements))
	{
		html->broken = true;
		return;
	}
	end_tag(html);
	ecapi_buffer_char(html->out, '<');
	ecapi_buffer_str(html->out, name);
	html->open[html->depth++] = name;
	html->in_tag = true;
}

static void
add_attribute(EcapiHtml *html, const char *name, const char *value)
{
	if (!html->in_tag)
	{
		html->broken = true;
		return;
	}
	ecapi_buffer_char(html->out, ' ');
	ecapi_buffer_str(html->out, name);
	ecapi_buffer_str(html->out, "=\"");
	add_escaped(html->out, value);
	ecapi_buffer_char(html->out, '"');
}

/* The paths of charts are longer than any text, and of ASCII alone. */
static void
add_path(EcapiHtml *html, const char *value)
{
	if (!html->in_tag || strspn(value, "MLHVCZ0123456789.,- ") != strlen(value))
	{
		html->broken = true;
		return;
	}
	ecapi_buffer_str(html->out, " d=\"");
	ecapi_buffer_str(html->out, value);
	ecapi_buffer_char(html->out, '"');
}

void
ecapi_html_attr(EcapiHtml *html, const char *name, const char *value)
{
	if (!IS_ONE_OF(name, attributes))
		html->broken = true;
	else if (strcmp(name, "d") == 0)
		add_path(html, value);
	else
		add_attribute(html, name, value);
}

void
ecapi_html_attrf(EcapiHtml *html, const char *name, const char *format, ...)
{
	char		value[FORMATTED];
	va_list		args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	ecapi_html_attr(html, name, value);
}

void
ecapi_html_anchor(EcapiHtml *html, const char *id)
{
	char		value[FORMATTED];

	if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id))
	{
		html->broken = true;
		return;
	}
	snprintf(value, sizeof(value), "#%s", id);
	add_attribute(html, "href", value);
}

void
ecapi_html_text(EcapiHtml *html, const char *text)
{
	end_tag(html);
	add_escaped(html->out, text);
}

void
ecapi_html_textf(EcapiHtml *html, const char *format, ...)
{
	char		value[FORMATTED];
	va_list		args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	ecapi_html_text(html, value);
}

void
ecapi_html_close(EcapiHtml *html)
{
	const char *name;

	if (html->depth == 0)
	{
		html->broken = true;
		return;
	}
	end_tag(html);
	name = html->open[--html->depth];
	if (IS_ONE_OF(name, empty_elements))
		return;
	ecapi_buffer_str(html->out, "</");
	ecapi_buffer_str(html->out, name);
	ecapi_buffer_char(html->out, '>');
	/* lines, for those who read the source: a row, a paragraph, a chart each */
	if (strcmp(name, "tr") == 0 || strcmp(name, "p") == 0 || strcmp(name, "svg") == 0 ||
		strcmp(name, "section") == 0 || strcmp(name, "li") == 0 || strcmp(name, "table") == 0)
		ecapi_buffer_char(html->out, '\n');
}

void
ecapi_html_close_to(EcapiHtml *html, int depth)
{
	while (html->depth > depth)
		ecapi_html_close(html);
}

void
ecapi_html_element(EcapiHtml *html, const char *name, const char *class, const char *text)
{
	ecapi_html_open(html, name);
	if (class != NULL)
		ecapi_html_attr(html, "class", class);
	ecapi_html_text(html, text);
	ecapi_html_close(html);
}

void
ecapi_html_doctype(EcapiHtml *html)
{
	if (html->out->len > 0)
		html->broken = true;
	else
		ecapi_buffer_str(html->out, "<!DOCTYPE html>\n");
}

void
ecapi_html_style(EcapiHtml *html, const char *css)
{
	if (strstr(css, "</") != NULL)
	{
		html->broken = true;
		return;
	}
	ecapi_html_open(html, "style");
	end_tag(html);
	ecapi_buffer_str(html->out, css);
	ecapi_html_close(html);
}

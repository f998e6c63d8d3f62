/*
 * html.h
 *	  A writer of HTML and SVG that cannot be talked into anything else.
 *
 * Whatever is written as text or as the value of an attribute is escaped; the names of
 * elements and attributes are those of two lists, which have neither a script nor an
 * address that is fetched.  So a page loads nothing and runs nothing, whatever the names
 * and answers in it hold.
 *
 * The page is ASCII: all other characters are written as references, so that it is right
 * in whatever encoding a client asks for.  Characters that would not be seen, or would turn
 * the text around them (controls, marks of direction), are written as visible ones.
 *
 * A name that is not in the lists, an element that is closed and was not opened, or an
 * attribute behind the first text is an error of the caller's: it is written as nothing and
 * the page is broken, which the caller asks for at the end, as for a buffer that is full.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_HTML_H
#define ECAPI_HTML_H

#include "event/buffer.h"

/* As deep as elements of ours are nested, twice. */
#define ECAPI_HTML_DEPTH	32

/* Characters of one text; what is longer ends in an ellipsis. */
#define ECAPI_HTML_TEXT_MAX	2000

typedef struct EcapiHtml
{
	EcapiBuffer *out;
	const char *open[ECAPI_HTML_DEPTH];	/* names of the open elements */
	int			depth;
	bool		in_tag;			/* attributes may follow */
	bool		broken;			/* the caller has made a mistake */
} EcapiHtml;

/* Start a page that is appended to a buffer. */
extern void ecapi_html_init(EcapiHtml *html, EcapiBuffer *out);

/* Open an element of the list; name lives as long as the page is written. */
extern void ecapi_html_open(EcapiHtml *html, const char *name);

/* An attribute of the list, of the element that was opened last. */
extern void ecapi_html_attr(EcapiHtml *html, const char *name, const char *value);
extern void ecapi_html_attrf(EcapiHtml *html, const char *name, const char *format, ...)
			__attribute__((format(printf, 3, 4)));

/* The address of a place in the page: of ASCII letters, digits and hyphens. */
extern void ecapi_html_anchor(EcapiHtml *html, const char *id);

/* Text in UTF-8; what is none of that is written as U+FFFD. */
extern void ecapi_html_text(EcapiHtml *html, const char *text);
extern void ecapi_html_textf(EcapiHtml *html, const char *format, ...)
			__attribute__((format(printf, 2, 3)));

/* Close the element that was opened last; one without an end tag gets none. */
extern void ecapi_html_close(EcapiHtml *html);

/* Close elements until depth are open. */
extern void ecapi_html_close_to(EcapiHtml *html, int depth);

/* Open, text, close; class may be NULL. */
extern void ecapi_html_element(EcapiHtml *html, const char *name, const char *class, const char *text);

/* The doctype, and the style sheet: a constant of ours, without "</". */
extern void ecapi_html_doctype(EcapiHtml *html);
extern void ecapi_html_style(EcapiHtml *html, const char *css);

/* Characters of a text that a reader sees, the wide ones of East Asia as two. */
extern int	ecapi_html_width(const char *text);

/* The text cut to that width, with an ellipsis where something was cut; size bytes. */
extern void ecapi_html_shorten(const char *text, int width, char *out, size_t size);

#endif							/* ECAPI_HTML_H */

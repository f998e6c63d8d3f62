/*
 * lines.h
 *	  A growing text, and tab-separated lines in it.
 *
 * A line is in PostgreSQL's COPY text format: a tab, newline, carriage return
 * or backslash in a value is escaped, an absent value is \N.
 */
#ifndef RCV_LINES_H
#define RCV_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it before first use.  On failed, what was appended since is lost. */
typedef struct RcvLines
{
	char	   *text;
	size_t		len;
	size_t		size;
	bool		failed;			/* out of memory */
} RcvLines;

extern void rcv_lines_add(RcvLines *lines, const char *text, size_t len);
extern void rcv_lines_printf(RcvLines *lines, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Append one value, escaped (NULL is \N), and the byte that ends it. */
extern void rcv_lines_value(RcvLines *lines, const char *text, size_t len, char end);

/* Append a JSON string: quotes around the text, escapes in it where they must be. */
extern void rcv_lines_json(RcvLines *lines, const char *text, size_t len);

extern void rcv_lines_free(RcvLines *lines);

#endif							/* RCV_LINES_H */

/*
 * sheet.h
 *	  A page of a report while it is written: its head, sections, tables, and the figures of
 *	  statements in them.
 *
 * Texts that come from the database are converted to UTF-8 here and nowhere else, and are
 * written by html/html.h alone.
 *
 * Figures stand in an element <data> whose value is exact, as the view has it, and whose text
 * is grouped for readers.
 */
#ifndef ECAPI_SHEET_H
#define ECAPI_SHEET_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "html/chart.h"
#include "html/html.h"

/* Rows of a table, names of a chart: what is beyond is summed up or counted. */
#define ECAPI_SHEET_ROWS	40
#define ECAPI_SHEET_LANES	12

/* What two sections read together; see request_log.h. */
typedef struct EcapiRequestLog EcapiRequestLog;

typedef struct EcapiSheet
{
	EcapiHtml	html;
	EcapiBuffer buffer;
	MemoryContext context;		/* of what outlives a statement */
	TimestampTz since;
	TimestampTz until;
	int			reconcile;		/* 1: all tracks, 0: none, -1: those that are small */
	EcapiRequestLog *requests;	/* NULL: not read yet */
} EcapiSheet;

typedef struct EcapiColumn
{
	const char *title;
	bool		is_figure;
} EcapiColumn;

#define ECAPI_TEXT(title)	{title, false}
#define ECAPI_FIGURE(title) {title, true}

/* Start an empty part of a page, which grows in the current memory context. */
extern void ecapi_sheet_init(EcapiSheet *sheet);

/* From the doctype to the open main part: what stands above the heading, it, and below. */
extern void ecapi_sheet_head(EcapiSheet *sheet, const char *title, const char *about);

/* The end of the page; raises an error when it is not whole.  Returns it as a text. */
extern text *ecapi_sheet_end(EcapiSheet *sheet);

/* Append a part that was written apart, and is whole. */
extern void ecapi_sheet_append(EcapiSheet *sheet, const EcapiSheet *part);

/* A section: its heading and what it shows in words; end closes it. */
extern void ecapi_sheet_section(EcapiSheet *sheet, const char *id, const char *title, const char *lead);
extern void ecapi_sheet_section_end(EcapiSheet *sheet);

/* A paragraph of small text. */
extern void ecapi_sheet_note(EcapiSheet *sheet, const char *format,...) pg_attribute_printf(2, 3);

/*
 * A table, its rows, its cells from left to right; end closes it.  A text or figure that is
 * NULL is an empty cell; the name of a row is never NULL.
 */
extern void ecapi_sheet_table(EcapiSheet *sheet, const char *caption, const EcapiColumn *columns, int n);
extern void ecapi_sheet_table_end(EcapiSheet *sheet);
extern void ecapi_sheet_row(EcapiSheet *sheet, const char *class);
extern void ecapi_sheet_row_end(EcapiSheet *sheet);
extern void ecapi_sheet_head_cell(EcapiSheet *sheet, const char *name);
extern void ecapi_sheet_text_cell(EcapiSheet *sheet, const char *text);
extern void ecapi_sheet_code_cell(EcapiSheet *sheet, const char *text);
extern void ecapi_sheet_figure_cell(EcapiSheet *sheet, const char *digits);
extern void ecapi_sheet_count_cell(EcapiSheet *sheet, int64 count);
extern void ecapi_sheet_ms_cell(EcapiSheet *sheet, double ms);
extern void ecapi_sheet_badge(EcapiSheet *sheet, const char *class, const char *text);

/* What is left out of a table. */
extern void ecapi_sheet_more(EcapiSheet *sheet, int64 left_out, const char *what);

/* A key of kinds, of those that are set. */
extern void ecapi_sheet_legend(EcapiSheet *sheet, const bool kinds[ECAPI_CHART_KINDS],
							   const char *const names[ECAPI_CHART_KINDS]);

/* A column of the last statement in UTF-8; NULL is null. */
extern char *ecapi_sheet_column(uint64 row, int column);

/* The same of a numeric, as digits and as a double; 0 is null. */
extern char *ecapi_sheet_digits(uint64 row, int column);
extern double ecapi_sheet_double(uint64 row, int column);

/* A text of the server in UTF-8. */
extern char *ecapi_sheet_utf8(char *text);

/*
 * The line of a request or of a destination (ecapi.request.error, ecapi.destination), NULL for
 * none, as a page shows it: behind "HTTP status" stand words of the platform, which may
 * repeat what it was sent, so of these the words of html/words.h are left.  answered: an
 * answer came, so all of it may be such words.
 */
extern const char *ecapi_sheet_line(const char *line, bool answered);

/*
 * A time in the session's zone: to the minute, its day, to the millisecond, or as a unit of
 * report_spans() has it.
 */
extern char *ecapi_sheet_time(TimestampTz at);
extern char *ecapi_sheet_day(TimestampTz at);
extern char *ecapi_sheet_second(TimestampTz at);
extern char *ecapi_sheet_unit_time(TimestampTz at, const char *unit);
extern const char *ecapi_sheet_zone(void);

/*
 * Run body, which writes a section, in a subtransaction of its own: after an error all that
 * it wrote is gone, and its SQLSTATE is returned, palloc'd; NULL: none.  What cancels the
 * call, or ends the session, is raised again.
 */
extern char *ecapi_sheet_try(EcapiSheet *sheet, void (*body) (EcapiSheet *sheet, void *arg), void *arg);

#endif							/* ECAPI_SHEET_H */

/*
 * sheet.c
 *	  A page of a report while it is written; see sheet.h.
 *
 * A page is at most PAGE_MAX bytes, which is ten times what the limits of all sections give
 * together; it is an error beyond, and never a page that lacks its end.
 *
 * Locks: none of a page's own.  Its sections run statements under one snapshot, whose locks
 * (AccessShareLock) stay until the transaction ends, as any query's do.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/number.h"
#include "base/statement.h"
#include "base/subtransaction.h"
#include "html/figures.h"
#include "html/style.h"
#include "html/words.h"
#include "report/sheet.h"

#define PAGE_MAX	(32 * 1024 * 1024)

/* Nothing is fetched and nothing is run, also where a writer of pages had a fault. */
#define POLICY	"default-src 'none'; style-src 'unsafe-inline'"

static void *
resize(void *owner, void *old, size_t size)
{
	return old == NULL ? MemoryContextAlloc(owner, size) : repalloc(old, size);
}

void
ecapi_sheet_init(EcapiSheet *sheet)
{
	sheet->context = CurrentMemoryContext;
	sheet->requests = NULL;
	ecapi_buffer_init(&sheet->buffer, PAGE_MAX, resize, sheet->context);
	ecapi_html_init(&sheet->html, &sheet->buffer);
}

static void
meta(EcapiHtml *html, const char *key, const char *name, const char *content)
{
	ecapi_html_open(html, "meta");
	ecapi_html_attr(html, key, name);
	if (content != NULL)
		ecapi_html_attr(html, "content", content);
	ecapi_html_close(html);
}

void
ecapi_sheet_head(EcapiSheet *sheet, const char *title, const char *about)
{
	EcapiHtml  *html = &sheet->html;
	char	   *database = get_database_name(MyDatabaseId);

	database = ecapi_sheet_utf8(database != NULL ? database : pstrdup(""));
	ecapi_html_doctype(html);
	ecapi_html_open(html, "html");
	ecapi_html_attr(html, "lang", "en");
	ecapi_html_open(html, "head");
	meta(html, "charset", "utf-8", NULL);
	meta(html, "http-equiv", "Content-Security-Policy", POLICY);
	meta(html, "name", "viewport", "width=device-width, initial-scale=1");
	meta(html, "name", "color-scheme", "light dark");
	meta(html, "name", "referrer", "no-referrer");
	ecapi_html_element(html, "title", NULL, title);
	ecapi_html_style(html, ecapi_style_sheet);
	ecapi_html_close(html);
	ecapi_html_open(html, "body");
	ecapi_chart_textures(html);
	ecapi_html_open(html, "header");
	ecapi_html_open(html, "p");
	ecapi_html_attr(html, "class", "eyebrow");
	ecapi_html_text(html, "ecapi \xC2\xB7 database ");
	ecapi_html_element(html, "bdi", NULL, database);
	ecapi_html_close(html);
	ecapi_html_element(html, "h1", NULL, title);
	ecapi_html_element(html, "p", "about", about);
}

text *
ecapi_sheet_end(EcapiSheet *sheet)
{
	ecapi_html_close_to(&sheet->html, 0);
	if (sheet->html.broken)
		elog(ERROR, "a report was written wrongly");
	if (sheet->buffer.full)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the report is larger than %d MB", PAGE_MAX / (1024 * 1024)),
				 errhint("Ask for a shorter span.")));
	return cstring_to_text_with_len(sheet->buffer.data, sheet->buffer.len);
}

void
ecapi_sheet_append(EcapiSheet *sheet, const EcapiSheet *part)
{
	if (part->html.depth > 0 || part->html.broken || part->buffer.full)
		sheet->html.broken = true;
	ecapi_html_text(&sheet->html, "");
	if (part->buffer.len > 0)
		ecapi_buffer_add(&sheet->buffer, part->buffer.data, part->buffer.len);
}

void
ecapi_sheet_section(EcapiSheet *sheet, const char *id, const char *title, const char *lead)
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "section");
	ecapi_html_attr(html, "id", id);
	ecapi_html_attrf(html, "aria-labelledby", "%s-title", id);
	ecapi_html_open(html, "div");
	ecapi_html_open(html, "h2");
	ecapi_html_attrf(html, "id", "%s-title", id);
	ecapi_html_text(html, title);
	ecapi_html_close(html);
	ecapi_html_element(html, "p", "lead", lead);
	ecapi_html_close(html);
	ecapi_html_open(html, "div");
	ecapi_html_attr(html, "class", "body");
}

void
ecapi_sheet_section_end(EcapiSheet *sheet)
{
	ecapi_html_close(&sheet->html);
	ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_note(EcapiSheet *sheet, const char *format,...)
{
	StringInfoData note;

	initStringInfo(&note);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&note, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&note, needed);
	}
	ecapi_html_element(&sheet->html, "p", "note", note.data);
}

/* ---- tables ---- */

void
ecapi_sheet_table(EcapiSheet *sheet, const char *caption, const EcapiColumn *columns, int n)
{
	EcapiHtml  *html = &sheet->html;

	/* it scrolls where it is too wide, so it can be reached by keys and has a name */
	ecapi_html_open(html, "div");
	ecapi_html_attr(html, "class", "scroll");
	ecapi_html_attr(html, "tabindex", "0");
	ecapi_html_attr(html, "role", "group");
	ecapi_html_attr(html, "aria-label", caption);
	ecapi_html_open(html, "table");
	ecapi_html_element(html, "caption", NULL, caption);
	ecapi_html_open(html, "thead");
	ecapi_html_open(html, "tr");
	for (int i = 0; i < n; i++)
	{
		ecapi_html_open(html, "th");
		ecapi_html_attr(html, "scope", "col");
		if (columns[i].is_figure)
			ecapi_html_attr(html, "class", "n");
		ecapi_html_text(html, columns[i].title);
		ecapi_html_close(html);
	}
	ecapi_html_close(html);
	ecapi_html_close(html);
	ecapi_html_open(html, "tbody");
}

void
ecapi_sheet_table_end(EcapiSheet *sheet)
{
	for (int i = 0; i < 3; i++)
		ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_row(EcapiSheet *sheet, const char *class)
{
	ecapi_html_open(&sheet->html, "tr");
	if (class != NULL)
		ecapi_html_attr(&sheet->html, "class", class);
}

void
ecapi_sheet_row_end(EcapiSheet *sheet)
{
	ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_head_cell(EcapiSheet *sheet, const char *name)
{
	ecapi_html_open(&sheet->html, "th");
	ecapi_html_attr(&sheet->html, "scope", "row");
	ecapi_html_attr(&sheet->html, "class", "text");
	ecapi_html_element(&sheet->html, "bdi", NULL, name);
	ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_text_cell(EcapiSheet *sheet, const char *text)
{
	ecapi_html_open(&sheet->html, "td");
	ecapi_html_attr(&sheet->html, "class", "text");
	ecapi_html_element(&sheet->html, "bdi", NULL, text != NULL ? text : "");
	ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_code_cell(EcapiSheet *sheet, const char *text)
{
	ecapi_html_open(&sheet->html, "td");
	ecapi_html_attr(&sheet->html, "class", "text");
	if (text != NULL && text[0] != '\0')
		ecapi_html_element(&sheet->html, "code", NULL, text);
	ecapi_html_close(&sheet->html);
}

static void
figure(EcapiSheet *sheet, const char *value, const char *shown)
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "td");
	ecapi_html_attr(html, "class", strcmp(value, "0") == 0 ? "n zero" : "n");
	if (value[0] != '\0')
	{
		ecapi_html_open(html, "data");
		ecapi_html_attr(html, "value", value);
		ecapi_html_text(html, shown);
		ecapi_html_close(html);
	}
	ecapi_html_close(html);
}

void
ecapi_sheet_figure_cell(EcapiSheet *sheet, const char *digits)
{
	char		shown[256];

	if (digits == NULL)
		digits = "";
	ecapi_figure_grouped(digits, shown, sizeof(shown));
	figure(sheet, digits, shown);
}

void
ecapi_sheet_count_cell(EcapiSheet *sheet, int64 count)
{
	ecapi_sheet_figure_cell(sheet, psprintf(INT64_FORMAT, count));
}

void
ecapi_sheet_ms_cell(EcapiSheet *sheet, double ms)
{
	char		shown[ECAPI_FIGURE_SIZE];

	ecapi_figure_time(ms, shown);
	figure(sheet, float8out_internal(ms), shown);
}

void
ecapi_sheet_badge(EcapiSheet *sheet, const char *class, const char *text)
{
	ecapi_html_open(&sheet->html, "span");
	ecapi_html_attrf(&sheet->html, "class", "badge %s", class);
	ecapi_html_text(&sheet->html, text);
	ecapi_html_close(&sheet->html);
}

void
ecapi_sheet_more(EcapiSheet *sheet, int64 left_out, const char *what)
{
	if (left_out > 0)
		ecapi_sheet_note(sheet, INT64_FORMAT " more %s are not shown.", left_out, what);
}

void
ecapi_sheet_legend(EcapiSheet *sheet, const bool kinds[ECAPI_CHART_KINDS],
				   const char *const names[ECAPI_CHART_KINDS])
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "ul");
	ecapi_html_attr(html, "class", "legend");
	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		if (kinds[k])
		{
			ecapi_html_open(html, "li");
			ecapi_chart_key(html, k);
			ecapi_html_text(html, names[k]);
			ecapi_html_close(html);
		}
	ecapi_html_close(html);
}

/* ---- what statements return ---- */

char *
ecapi_sheet_utf8(char *text)
{
	/* a database without an encoding has bytes, of which the writer takes what is UTF-8 */
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return text;
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

char *
ecapi_sheet_column(uint64 row, int column)
{
	char	   *text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);

	return text == NULL ? NULL : ecapi_sheet_utf8(text);
}

char *
ecapi_sheet_digits(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? NULL : ecapi_number_text(DatumGetNumeric(value));
}

double
ecapi_sheet_double(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? 0 : DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
}

/* ---- times ---- */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
"Oct", "Nov", "Dec"};

static struct pg_tm
local_time(TimestampTz at, fsec_t *fraction)
{
	struct pg_tm tm = {.tm_mon = 1};
	int			zone;

	*fraction = 0;
	if (!TIMESTAMP_NOT_FINITE(at))
		(void) timestamp2tm(at, &zone, &tm, fraction, NULL, NULL);
	return tm;
}

const char *
ecapi_sheet_line(const char *line, bool answered)
{
	char	   *words;

	if (line == NULL || !(answered || strncmp(line, "HTTP status ", strlen("HTTP status ")) == 0))
		return line;
	words = palloc(ECAPI_WORDS_SIZE);
	ecapi_words_shown(line, words);
	return words[0] != '\0' ? words : NULL;
}

char *
ecapi_sheet_time(TimestampTz at)
{
	fsec_t		fraction;
	struct pg_tm tm = local_time(at, &fraction);

	return psprintf("%04d-%02d-%02d %02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

char *
ecapi_sheet_day(TimestampTz at)
{
	fsec_t		fraction;
	struct pg_tm tm = local_time(at, &fraction);

	return psprintf("%d %s %d", tm.tm_mday, months[tm.tm_mon - 1], tm.tm_year);
}

char *
ecapi_sheet_second(TimestampTz at)
{
	fsec_t		fraction;
	struct pg_tm tm = local_time(at, &fraction);

	return psprintf("%04d-%02d-%02d %02d:%02d:%02d.%03d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
					tm.tm_min, tm.tm_sec, (int) (fraction / 1000));
}

char *
ecapi_sheet_unit_time(TimestampTz at, const char *unit)
{
	fsec_t		fraction;
	struct pg_tm tm = local_time(at, &fraction);

	if (strcmp(unit, "hour") == 0)
		return psprintf("%d %s %02d:%02d", tm.tm_mday, months[tm.tm_mon - 1], tm.tm_hour, tm.tm_min);
	if (strcmp(unit, "month") == 0)
		return psprintf("%s %d", months[tm.tm_mon - 1], tm.tm_year);
	if (strcmp(unit, "year") == 0)
		return psprintf("%d", tm.tm_year);
	return psprintf("%d %s", tm.tm_mday, months[tm.tm_mon - 1]);
}

const char *
ecapi_sheet_zone(void)
{
	const char *zone = pg_get_timezone_name(session_timezone);

	return zone != NULL ? zone : "?";
}

/* ---- sections that may fail ---- */

typedef struct Attempt
{
	EcapiSheet *sheet;
	void		(*body) (EcapiSheet *sheet, void *arg);
	void	   *arg;
} Attempt;

static void
run_attempt(void *arg)
{
	Attempt    *attempt = arg;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	attempt->body(attempt->sheet, attempt->arg);
	SPI_finish();
}

char *
ecapi_sheet_try(EcapiSheet *sheet, void (*body) (EcapiSheet *sheet, void *arg), void *arg)
{
	Attempt		attempt = {.sheet = sheet, .body = body, .arg = arg};
	EcapiHtml	before;
	size_t		len;
	ErrorData  *error;

	/* the tag that may be open is closed by it */
	ecapi_html_text(&sheet->html, "");
	before = sheet->html;
	len = sheet->buffer.len;
	error = ecapi_subtransaction(run_attempt, &attempt, true);
	if (error == NULL)
		return NULL;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->elevel > ERROR ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES)
		ReThrowError(error);
	sheet->html = before;
	ecapi_buffer_truncate(&sheet->buffer, len);
	return pstrdup(unpack_sql_state(error->sqlerrcode));
}

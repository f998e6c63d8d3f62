/*
 * section_failure.c
 *	  What did not arrive: reasons, failed events with what receivers said of them, and
 *	  requests without success.
 *
 * What a receiver said is shown by html/words.h alone: of an answer that may repeat an
 * event, the words of a list.  So are the lines of requests where an answer came.
 *
 * Bounded: ECAPI_SHEET_ROWS rows of each table, ANSWERS answers of a row.  No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "html/words.h"
#include "report/request_log.h"
#include "report/sections.h"

/* Different answers of one kind of failure. */
#define ANSWERS	3

static EcapiStatement read_reasons = {
	.sql = "SELECT destination::text, outcome, reason, events FROM ecapi_internal.report_reasons($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static EcapiStatement read_answers = {
	.sql = "SELECT destination::text, state, reason, status, events, answers FROM ecapi_internal.report_answers($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static const char *
title_of(const char *outcome)
{
	int			kind = ecapi_outcome_kind(outcome);

	return kind < ECAPI_CHART_KINDS ? ecapi_outcome_titles[kind] : outcome;
}

static bool
reasons(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_TEXT("Outcome"), ECAPI_TEXT("Reason"), ECAPI_FIGURE("Events")};
	uint64		n = ecapi_query(&read_reasons, ecapi_sheet_span(sheet));

	if (n == 0)
		return false;
	ecapi_sheet_table(sheet, "Events by the reason for which they did not arrive", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS; row++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_text_cell(sheet, title_of(ecapi_sheet_column(row, 2)));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 3));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 4));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS, "reasons");
	return true;
}

/* Up to ANSWERS different ones, as cells show them. */
static void
answers_cell(EcapiSheet *sheet, Datum array)
{
	EcapiHtml  *html = &sheet->html;
	Datum	   *elements;
	int			n;
	int			shown = 0;
	char		words[ANSWERS][ECAPI_WORDS_SIZE];

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	ecapi_html_open(html, "td");
	ecapi_html_attr(html, "class", "text");
	for (int i = 0; i < n && shown < ANSWERS; i++)
	{
		bool		is_new;

		ecapi_words_shown(TextDatumGetCString(elements[i]), words[shown]);
		is_new = words[shown][0] != '\0';
		for (int k = 0; k < shown; k++)
			is_new &= strcmp(words[k], words[shown]) != 0;
		if (!is_new)
			continue;
		if (shown > 0)
		{
			ecapi_html_open(html, "br");
			ecapi_html_close(html);
		}
		ecapi_html_element(html, "bdi", NULL, words[shown++]);
	}
	ecapi_html_close(html);
}

static bool
failed_events(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_TEXT("State"), ECAPI_TEXT("Reason"), ECAPI_FIGURE("Status"), ECAPI_FIGURE("Events"),
	ECAPI_TEXT("What the receiver said")};
	uint64		n = ecapi_query(&read_answers, ecapi_sheet_span(sheet));

	if (n == 0)
		return false;
	ecapi_sheet_table(sheet, "Failed events of this span that stand in ecapi.failed_event now", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS; row++)
	{
		char	   *destination = ecapi_sheet_column(row, 1);

		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, destination != NULL ? destination : "(set aside by capture)");
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 2));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 3));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_column(row, 4));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 5));
		answers_cell(sheet, ecapi_column_datum(row, 6));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	if (n > ECAPI_SHEET_ROWS)
		ecapi_sheet_note(sheet, "More kinds of failures are not shown.");
	ecapi_sheet_note(sheet, "Of an answer the words of a list are shown, and an ellipsis for the rest. "
					 "The whole answer stands in ecapi.failed_event.");
	return true;
}

static bool
request_errors(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_TEXT("Outcome"), ECAPI_TEXT("What went wrong"), ECAPI_FIGURE("Requests"), ECAPI_TEXT("Last")};
	const EcapiRequestLog *log = ecapi_request_log(sheet);

	if (log->nerrors == 0)
		return false;
	ecapi_sheet_table(sheet, "Requests without success", columns, lengthof(columns));
	for (int i = 0; i < log->nerrors && i < ECAPI_SHEET_ROWS; i++)
	{
		const EcapiRequestError *error = &log->errors[i];

		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, error->destination);
		ecapi_sheet_text_cell(sheet, error->outcome);
		ecapi_sheet_text_cell(sheet, ecapi_sheet_line(error->error, false));
		ecapi_sheet_count_cell(sheet, error->requests);
		ecapi_sheet_text_cell(sheet, ecapi_sheet_time(error->last_at));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, log->nerrors - ECAPI_SHEET_ROWS, "kinds of errors");
	if (log->other_errors > 0)
		ecapi_sheet_note(sheet, INT64_FORMAT " requests failed in further ways.", log->other_errors);
	return true;
}

bool
ecapi_section_failure(EcapiSheet *sheet)
{
	bool		any;

	ecapi_sheet_section(sheet, "failures", "What did not arrive",
						"Why events were filtered, failed or given up, and what receivers said of them.");
	any = reasons(sheet);
	any |= failed_events(sheet);
	any |= request_errors(sheet);
	if (!any)
		ecapi_sheet_note(sheet, "Nothing: no event was filtered, failed or given up in this span.");
	ecapi_sheet_section_end(sheet);
	return true;
}

/*
 * section_state.c
 *	  Now: the state of each destination, work under way, and what the doctor says.
 *
 * These are of the moment of the page, not of its span.  They are the lines that a role that
 * monitors reads in the views.
 */
#include "postgres.h"

#include "base/statement.h"
#include "report/sections.h"

static EcapiStatement read_destinations = {
	.sql = "SELECT destination::text, mode, state, detail, backlog, failed_waiting, failed_dead, last_error, last_error_at"
	" FROM ecapi.destination ORDER BY 1"};

/* Of commands, those that keep no record of their own; not that of this page. */
static EcapiStatement read_work = {
	.sql = "SELECT 'backfill', relation::text || ' ' || track, state, events, updated_at FROM ecapi.backfill"
	" WHERE state <> 'finished'"
	" UNION ALL SELECT 'replay', destination::text, state, delivered + filtered + failed, recorded_at FROM ecapi.replay"
	" WHERE state IN ('waiting', 'running')"
	" UNION ALL SELECT command, relation::text, phase, done, pg_catalog.statement_timestamp() FROM ecapi.stat_progress"
	" WHERE command NOT IN ('backfill', 'replay') AND pid <> pg_catalog.pg_backend_pid() ORDER BY 1, 2"};

static EcapiStatement read_doctor = {
	.sql = "SELECT severity, what, what_to_do FROM ecapi.check() WITH ORDINALITY"
	" ORDER BY pg_catalog.array_position('{error,warning,ok}'::text[], severity), ordinality"};

static void
state_cell(EcapiSheet *sheet, const char *state)
{
	bool		good = strcmp(state, "idle") == 0 || strcmp(state, "delivering") == 0;
	bool		bad = strcmp(state, "stopped") == 0 || strcmp(state, "no worker") == 0;

	ecapi_html_open(&sheet->html, "td");
	ecapi_sheet_badge(sheet, good ? "good" : bad ? "bad" : "warn", state);
	ecapi_html_close(&sheet->html);
}

static void
destinations(EcapiSheet *sheet, void *arg)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_TEXT("Mode"), ECAPI_TEXT("State"), ECAPI_FIGURE("Waiting"), ECAPI_FIGURE("Failed"),
	ECAPI_FIGURE("Dead"), ECAPI_TEXT("Detail"), ECAPI_TEXT("Last error")};
	uint64		n = ecapi_query(&read_destinations);

	if (n == 0)
	{
		ecapi_sheet_note(sheet, "There is no destination: CREATE SERVER makes one.");
		return;
	}
	ecapi_sheet_table(sheet, "Destinations at this moment", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS * 2; row++)
	{
		const char *error = ecapi_sheet_line(ecapi_sheet_column(row, 8), false);

		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 2));
		state_cell(sheet, ecapi_sheet_column(row, 3));
		for (int k = 5; k <= 7; k++)
			ecapi_sheet_figure_cell(sheet, ecapi_sheet_column(row, k));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_line(ecapi_sheet_column(row, 4), false));
		ecapi_sheet_text_cell(sheet, error == NULL ? NULL : psprintf("%s (%s)", error, ecapi_sheet_time(ecapi_column_time(row, 9))));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS * 2, "destinations");
}

static void
work(EcapiSheet *sheet, void *arg)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Work"), ECAPI_TEXT("Of"), ECAPI_TEXT("State"), ECAPI_FIGURE("Done so far"), ECAPI_TEXT("As of")};
	uint64		n = ecapi_query(&read_work);

	if (n == 0)
		return;
	ecapi_sheet_table(sheet, "Work under way", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS; row++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 2));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 3));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 4));
		ecapi_sheet_text_cell(sheet, ecapi_column_is_null(row, 5) ? NULL : ecapi_sheet_time(ecapi_column_time(row, 5)));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS, "rows");
}

static void
tried(EcapiSheet *sheet, void (*body) (EcapiSheet *sheet, void *arg), const char *what)
{
	char	   *failed = ecapi_sheet_try(sheet, body, NULL);

	if (failed != NULL)
		ecapi_sheet_note(sheet, "%s could not be read (SQLSTATE %s).", what, failed);
}

bool
ecapi_section_state(EcapiSheet *sheet)
{
	ecapi_sheet_section(sheet, "destinations", "Destinations now", "Where each destination stands at the moment of this page.");
	tried(sheet, destinations, "ecapi.destination");
	tried(sheet, work, "Work under way");
	ecapi_sheet_section_end(sheet);
	return true;
}

static void
doctor(EcapiSheet *sheet, void *arg)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Severity"), ECAPI_TEXT("What"), ECAPI_TEXT("What to do")};
	uint64		n = ecapi_query(&read_doctor);

	ecapi_sheet_table(sheet, "What ecapi.check() says", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS * 4; row++)
	{
		char	   *severity = ecapi_sheet_column(row, 1);

		ecapi_sheet_row(sheet, NULL);
		ecapi_html_open(&sheet->html, "td");
		ecapi_sheet_badge(sheet, strcmp(severity, "ok") == 0 ? "good" : strcmp(severity, "error") == 0 ? "bad" : "warn", severity);
		ecapi_html_close(&sheet->html);
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 2));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 3));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS * 4, "lines");
}

bool
ecapi_section_doctor(EcapiSheet *sheet)
{
	ecapi_sheet_section(sheet, "doctor", "The doctor", "What ecapi.check() found at the moment of this page, and what to do.");
	tried(sheet, doctor, "ecapi.check()");
	ecapi_sheet_section_end(sheet);
	return true;
}

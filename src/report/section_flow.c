/*
 * section_flow.c
 *	  What became of events: from the commit to each destination, and on to its outcomes.
 *
 * Each destination is offered every event, so events are not added up over destinations
 * but where it is said: "offered" counts an event once for each.
 *
 * What was committed is counted in the outbox, which is read for it, unless it is larger
 * than COUNTED_MB: a gigabyte takes about half a second.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "report/sections.h"

#define COUNTED_MB	2048

static EcapiStatement read_outcomes = {
	.sql = "SELECT destination::text, outcome, events FROM ecapi_internal.report_outcomes($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static EcapiStatement read_committed = {
	.sql = "SELECT source, events, oldest FROM ecapi_internal.report_committed($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static EcapiStatement read_size = {
	.sql = "SELECT ecapi_internal.report_bytes('ecapi.outbox'::pg_catalog.regclass) / 1048576,"
	" (SELECT pg_catalog.min(t.ticked_at) FROM ecapi.tick t)"};

const char *const ecapi_outcome_names[ECAPI_CHART_KINDS] = {
	"delivered", "shadow", "filtered", "failed", "given_up", "erased"};

const char *const ecapi_outcome_titles[ECAPI_CHART_KINDS] = {
	"Delivered", "Shadow mode", "Filtered", "Failed", "Given up", "Erased"};

int
ecapi_outcome_kind(const char *outcome)
{
	int			kind = 0;

	while (kind < ECAPI_CHART_KINDS && strcmp(outcome, ecapi_outcome_names[kind]) != 0)
		kind++;
	return kind;
}

/* One for each destination, in the order of the statement. */
static EcapiFlowRow *
flow_rows(const EcapiSheet *sheet, int *n)
{
	uint64		found = ecapi_query(&read_outcomes, ecapi_sheet_span(sheet));
	EcapiFlowRow *rows = palloc0(sizeof(EcapiFlowRow) * (found + 1));

	*n = 0;
	for (uint64 row = 0; row < found; row++)
	{
		char	   *name = ecapi_sheet_column(row, 1);
		int			kind = ecapi_outcome_kind(ecapi_sheet_column(row, 2));

		if (*n == 0 || strcmp(rows[*n - 1].name, name) != 0)
			rows[(*n)++].name = name;
		if (kind < ECAPI_CHART_KINDS)
			rows[*n - 1].amounts[kind] += ecapi_column_int8(row, 3);
	}
	return rows;
}

EcapiTotals
ecapi_section_totals(const EcapiSheet *sheet)
{
	EcapiTotals totals = {.destinations = 0};
	int			n;
	EcapiFlowRow *rows = flow_rows(sheet, &n);

	totals.destinations = n;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			totals.kinds[k] += rows[i].amounts[k];
	return totals;
}

static double
total_of(const EcapiFlowRow *row)
{
	double		total = 0;

	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		total += row->amounts[k];
	return total;
}

static int
by_total(const void *a, const void *b)
{
	double		one = total_of(a);
	double		other = total_of(b);

	return one > other ? -1 : one < other ? 1 : strcmp(((const EcapiFlowRow *) a)->name, ((const EcapiFlowRow *) b)->name);
}

/* Rows from a place on become one. */
static int
fold(EcapiFlowRow *rows, int n, int most)
{
	if (n <= most)
		return n;
	rows[most - 1].name = psprintf("%d more destinations", n - most + 1);
	for (int i = most; i < n; i++)
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			rows[most - 1].amounts[k] += rows[i].amounts[k];
	return most;
}

static void
flow_chart(EcapiSheet *sheet, const EcapiFlowRow *all, int n)
{
	EcapiFlowRow *rows = memcpy(palloc(sizeof(EcapiFlowRow) * n), all, sizeof(EcapiFlowRow) * n);
	EcapiFlow	flow = {.source = "Offered", .rows = rows, .kinds = ecapi_outcome_titles};
	bool		used[ECAPI_CHART_KINDS] = {0};

	flow.n = fold(rows, n, ECAPI_SHEET_LANES);
	flow.label = psprintf("Flow of events to %d destinations, by outcome. The table below has the same figures.", n);
	flow.width = ECAPI_CHART_WIDE;
	ecapi_chart_flow(&sheet->html, &flow);
	flow.width = ECAPI_CHART_NARROW;
	ecapi_chart_flow(&sheet->html, &flow);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			used[k] |= all[i].amounts[k] > 0;
	ecapi_sheet_legend(sheet, used, ecapi_outcome_titles);
}

static void
flow_table(EcapiSheet *sheet, EcapiFlowRow *rows, int n)
{
	EcapiColumn columns[ECAPI_CHART_KINDS + 2] = {ECAPI_TEXT("Destination"), ECAPI_FIGURE("Offered")};

	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		columns[k + 2] = (EcapiColumn) {ecapi_outcome_titles[k], true};
	n = fold(rows, n, ECAPI_SHEET_ROWS);
	ecapi_sheet_table(sheet, "Events by destination and outcome", columns, ECAPI_CHART_KINDS + 2);
	for (int i = 0; i < n; i++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, rows[i].name);
		ecapi_sheet_count_cell(sheet, total_of(&rows[i]));
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			ecapi_sheet_count_cell(sheet, rows[i].amounts[k]);
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	if (rows[0].amounts[ECAPI_CHART_FAILED] > 0 || n > 1)
		ecapi_sheet_note(sheet, "An event that failed and was delivered later counts in both columns, as in ecapi.ledger.");
}

/* What was committed, by table; nothing where nothing was. */
static void
committed(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Source"), ECAPI_FIGURE("Events")};
	TimestampTz reaches;
	uint64		n;

	ecapi_query(&read_size);
	reaches = ecapi_column_time(0, 2);
	if (ecapi_column_int8(0, 1) > COUNTED_MB)
	{
		ecapi_sheet_note(sheet, "What was committed is not counted here, as the outbox is larger than %d MB.", COUNTED_MB);
		return;
	}
	n = ecapi_query(&read_committed, ecapi_sheet_span(sheet));
	if (n == 0)
		return;
	ecapi_sheet_table(sheet, "Committed events that the outbox still has", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS; row++)
	{
		char	   *source = ecapi_sheet_column(row, 1);

		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, source != NULL ? source : "ecapi_emit()");
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 2));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS, "tables");
	if (reaches > sheet->since)
		ecapi_sheet_note(sheet, "The outbox is kept for ecapi.retention. It reaches back to about %s; events that are older are in the ledger only.",
						 ecapi_sheet_time(reaches));
}

bool
ecapi_section_flow(EcapiSheet *sheet)
{
	int			n;
	EcapiFlowRow *rows = flow_rows(sheet, &n);

	ecapi_sheet_section(sheet, "flow", "What became of events",
						"Each destination is offered every committed event. What it takes is delivered, what it does"
						" not want or may not have is filtered, what its receiver refuses has failed.");
	if (n == 0)
		ecapi_sheet_note(sheet, "No event was disposed of in this span.");
	else
	{
		qsort(rows, n, sizeof(EcapiFlowRow), by_total);
		flow_chart(sheet, rows, n);
		flow_table(sheet, rows, n);
	}
	committed(sheet);
	ecapi_sheet_section_end(sheet);
	return true;
}

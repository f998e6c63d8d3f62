/*
 * section_model.c
 *	  Predictions against what came: the newest fit of each table, and what came since.
 *
 * Figures are those that ecapi.fit() wrote into ecapi.model about the days that it had held
 * out.  What came since is counted as the doctor counts it (ecapi_internal.model_drift()).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "report/sections.h"

#define TENTHS	10

/* Tables with predictions that are shown; report_models() reads one more. */
#define MODELS	25

static EcapiStatement read_models = {
	.sql = "SELECT relation, model, fitted_at, learnt_until::text, span_end::text, currency, customers, orders, problem,"
	" prediction, is_baseline, is_used, predicted, actual, total_error, mae, gini, top_decile, predicted_tenths, actual_tenths"
	" FROM ecapi_internal.report_models()"};

static EcapiStatement read_drift = {
	.sql = "SELECT relation::text, since::text, until::text, orders, pg_catalog.round(low::numeric, 1), pg_catalog.round(high::numeric, 1)"
	" FROM ecapi_internal.model_drift()"};

static int
tenths_of(uint64 row, int column, double tenths[TENTHS])
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(ecapi_column_datum(row, column)), FLOAT8OID, sizeof(float8), true,
					  TYPALIGN_DOUBLE, &elements, &nulls, &n);
	n = Min(n, TENTHS);
	for (int i = 0; i < n; i++)
		tenths[i] = nulls[i] ? 0 : DatumGetFloat8(elements[i]);
	return n;
}

static void
calibration(EcapiSheet *sheet, uint64 row)
{
	static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
	static const char *const titles[ECAPI_CHART_KINDS] = {[ECAPI_CHART_SHADOW] = "predicted",
	[ECAPI_CHART_DELIVERED] = "what came"};
	static const bool kinds[ECAPI_CHART_KINDS] = {[ECAPI_CHART_DELIVERED] = true, [ECAPI_CHART_SHADOW] = true};
	static const EcapiColumn columns[] = {ECAPI_TEXT("Tenth"), ECAPI_FIGURE("Predicted"), ECAPI_FIGURE("What came")};
	double		predicted[TENTHS] = {0};
	double		actual[TENTHS] = {0};
	EcapiBars	bars = {.names = names, .nseries = 2, .values = {predicted, actual},
		.kinds = {ECAPI_CHART_SHADOW, ECAPI_CHART_DELIVERED}, .width = ECAPI_CHART_WIDE};

	bars.n = Min(tenths_of(row, 19, predicted), tenths_of(row, 20, actual));
	if (bars.n == 0)
		return;
	bars.label = "Mean value of a customer, predicted and what came, by tenths from the customers predicted to be worst to the best."
		" The table below has the same figures.";
	ecapi_sheet_legend(sheet, kinds, titles);
	ecapi_chart_bars(&sheet->html, &bars);
	bars.width = ECAPI_CHART_NARROW;
	ecapi_chart_bars(&sheet->html, &bars);
	ecapi_sheet_table(sheet, psprintf("Mean value of a customer in %s, by tenths from worst to best", ecapi_sheet_column(row, 6)),
					  columns, lengthof(columns));
	for (int i = 0; i < bars.n; i++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, names[i]);
		ecapi_sheet_figure_cell(sheet, psprintf("%.2f", predicted[i]));
		ecapi_sheet_figure_cell(sheet, psprintf("%.2f", actual[i]));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
}

static void
double_cell(EcapiSheet *sheet, uint64 row, int column, const char *format)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	ecapi_sheet_figure_cell(sheet, isnull ? "" : psprintf(format, DatumGetFloat8(value)));
}

/* Rows from, up to the next table's; returns where that is. */
static uint64
one_model(EcapiSheet *sheet, uint64 from, uint64 n)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Prediction"), ECAPI_FIGURE("Predicted"), ECAPI_FIGURE("What came"), ECAPI_FIGURE("Total error"),
	ECAPI_FIGURE("Mean error"), ECAPI_FIGURE("Gini"), ECAPI_FIGURE("Best tenth")};
	char	   *relation = ecapi_sheet_column(from, 1);
	char	   *problem = ecapi_sheet_column(from, 9);
	uint64		used = n;
	uint64		row;

	ecapi_html_open(&sheet->html, "h3");
	ecapi_html_element(&sheet->html, "bdi", NULL, relation);
	ecapi_html_close(&sheet->html);
	ecapi_sheet_note(sheet, "Fitted on %s with %s: " INT64_FORMAT " customers, " INT64_FORMAT " orders, in %s. Learnt up to %s, judged up to %s.%s%s",
					 ecapi_sheet_time(ecapi_column_time(from, 3)), ecapi_sheet_column(from, 2), ecapi_column_int8(from, 7),
					 ecapi_column_int8(from, 8), ecapi_sheet_column(from, 6), ecapi_sheet_column(from, 4),
					 ecapi_sheet_column(from, 5), problem != NULL ? " Do not use its scores: " : "", problem != NULL ? problem : "");
	for (row = from; row < n && strcmp(ecapi_sheet_column(row, 1), relation) == 0; row++)
		if (used == n && ecapi_column_bool(row, 12))
			used = row;
	if (used < n)
		calibration(sheet, used);
	ecapi_sheet_table(sheet, psprintf("Predictions for %s against what came", relation), columns, lengthof(columns));
	for (uint64 at = from; at < row; at++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, psprintf("%s%s", ecapi_sheet_column(at, 10),
											  at == used ? " (used)" : ecapi_column_bool(at, 11) ? " (baseline)" : ""));
		ecapi_sheet_figure_cell(sheet, psprintf("%.2f", ecapi_sheet_double(at, 13)));
		ecapi_sheet_figure_cell(sheet, psprintf("%.2f", ecapi_sheet_double(at, 14)));
		double_cell(sheet, at, 15, "%.3f");
		double_cell(sheet, at, 16, "%.2f");
		double_cell(sheet, at, 17, "%.3f");
		double_cell(sheet, at, 18, "%.3f");
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	return row;
}

static void
drift(EcapiSheet *sheet, void *arg)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Table"), ECAPI_TEXT("From"), ECAPI_TEXT("Until"), ECAPI_FIGURE("Orders"), ECAPI_FIGURE("Expected from"),
	ECAPI_FIGURE("to"), ECAPI_TEXT("Verdict")};
	uint64		n = ecapi_query(&read_drift);

	if (n == 0)
		return;
	ecapi_sheet_table(sheet, "Orders since the fit, and what it expected", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS; row++)
	{
		double		orders = ecapi_column_int8(row, 4);
		bool		inside = orders >= ecapi_sheet_double(row, 5) && orders <= ecapi_sheet_double(row, 6);

		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 2));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 3));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 4));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_digits(row, 5));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_digits(row, 6));
		ecapi_html_open(&sheet->html, "td");
		ecapi_sheet_badge(sheet, inside ? "good" : "warn", inside ? "as expected" : "has drifted");
		ecapi_html_close(&sheet->html);
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS, "tables");
}

bool
ecapi_section_model(EcapiSheet *sheet)
{
	uint64		n = ecapi_query(&read_models);
	uint64		row = 0;
	int			models = 0;
	char	   *failed;

	if (n == 0)
		return false;
	ecapi_sheet_section(sheet, "predictions", "Predictions",
						"What the newest fit of each table predicted of days that it had not seen, beside simple rules, and how orders went since.");
	while (row < n && models++ < MODELS)
		row = one_model(sheet, row, n);
	if (row < n)
		ecapi_sheet_note(sheet, "Predictions of further tables are not shown.");
	failed = ecapi_sheet_try(sheet, drift, NULL);
	if (failed != NULL)
		ecapi_sheet_note(sheet, "Orders since the fit could not be counted (SQLSTATE %s).", failed);
	ecapi_sheet_section_end(sheet);
	return true;
}

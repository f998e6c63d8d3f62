/*
 * section_value.c
 *	  Delivered value by day and currency, beside all else that the ledger has.
 *
 * Currencies are never added up, and neither are destinations: all are told of the same
 * conversions.  So a currency has a chart for each destination, on a scale of its own.
 *
 * Bounded: CURRENCIES by their events, CHARTS destinations each, and of the days ROWS.
 * report_spans() gives at most 124 pieces.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/statement.h"
#include "report/sections.h"

#define CURRENCIES	12
#define CHARTS		6
#define PIECES		124
#define ROWS		1500

static EcapiStatement read_pieces = {
	.sql = "SELECT unit, starts FROM ecapi_internal.report_spans($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

/* Sums first, so that the currencies with most events stand in front. */
static EcapiStatement read_sums = {
	.sql = "SELECT v.currency, v.destination::text, pg_catalog.sum(v.delivered_events)::bigint, pg_catalog.sum(v.delivered),"
	" pg_catalog.sum(v.other_events)::bigint, pg_catalog.sum(v.other)"
	" FROM ecapi_internal.report_values($1, $2) v GROUP BY 1, 2"
	" ORDER BY pg_catalog.sum(pg_catalog.sum(v.delivered_events + v.other_events)) OVER (PARTITION BY v.currency) DESC,"
	" 1, pg_catalog.sum(v.delivered_events) DESC, 2",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static EcapiStatement read_days = {
	.sql = "SELECT v.destination::text, v.starts, v.delivered_events, v.delivered, v.other_events, v.other"
	" FROM ecapi_internal.report_values($1, $2) v WHERE v.currency = $3 ORDER BY v.starts, v.destination",
	.nargs = 3, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}};

typedef struct Pieces
{
	int			n;
	char	   *unit;
	TimestampTz at[PIECES];
	char	   *names[PIECES];
} Pieces;

typedef struct Sums
{
	char	   *currency;
	char	   *destination;
	char	   *digits[4];		/* events and value delivered, and of all else */
} Sums;

static Pieces *
pieces_of(const EcapiSheet *sheet)
{
	Pieces	   *pieces = palloc0(sizeof(Pieces));

	pieces->n = Min(ecapi_query(&read_pieces, ecapi_sheet_span(sheet)), PIECES);
	pieces->unit = "day";
	for (int i = 0; i < pieces->n; i++)
	{
		pieces->unit = ecapi_sheet_column(i, 1);
		pieces->at[i] = ecapi_column_time(i, 2);
		pieces->names[i] = ecapi_sheet_unit_time(pieces->at[i], pieces->unit);
	}
	return pieces;
}

static int
piece_at(const Pieces *pieces, TimestampTz at)
{
	for (int i = 0; i < pieces->n; i++)
		if (pieces->at[i] == at)
			return i;
	return -1;
}

static void
sums_table(EcapiSheet *sheet, const Sums *sums, int n)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Currency"), ECAPI_TEXT("Destination"), ECAPI_FIGURE("Events"),
	ECAPI_FIGURE("Delivered value"), ECAPI_FIGURE("Other events"), ECAPI_FIGURE("Value not delivered")};
	int			shown = Min(n, ECAPI_SHEET_ROWS * 2);

	ecapi_sheet_table(sheet, "Value by currency and destination", columns, lengthof(columns));
	for (int i = 0; i < shown; i++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, sums[i].currency);
		ecapi_sheet_text_cell(sheet, sums[i].destination);
		for (int k = 0; k < 4; k++)
			ecapi_sheet_figure_cell(sheet, sums[i].digits[k]);
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, n - shown, "currencies and destinations");
}

/* The charts of a currency, from the days that were read last. */
static void
charts(EcapiSheet *sheet, const Pieces *pieces, const Sums *sums, int n, uint64 days)
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "div");
	ecapi_html_attr(html, "class", "charts");
	for (int i = 0; i < n && i < CHARTS; i++)
	{
		double		delivered[PIECES] = {0};
		double		other[PIECES] = {0};
		EcapiBars	bars = {.n = pieces->n, .names = (const char *const *) pieces->names, .nseries = 2,
			.values = {delivered, other}, .kinds = {ECAPI_CHART_DELIVERED, ECAPI_CHART_FILTERED}, .width = 360};

		for (uint64 row = 0; row < days; row++)
		{
			char	   *name = ecapi_sheet_column(row, 1);
			bool		is_other = strcmp(name, sums[i].destination) != 0;
			int			at;

			/* a ledger keeps the names of destinations that were dropped, too */
			CHECK_FOR_INTERRUPTS();
			pfree(name);
			if (is_other)
				continue;
			at = piece_at(pieces, ecapi_column_time(row, 2));
			if (at < 0)
				continue;
			delivered[at] = ecapi_sheet_double(row, 4);
			other[at] = ecapi_sheet_double(row, 6);
		}
		bars.label = psprintf("Value in %s at %s by %s: delivered, and not delivered. The table below has the same figures.",
							  sums[i].currency, sums[i].destination, pieces->unit);
		ecapi_html_open(html, "div");
		ecapi_html_open(html, "h4");
		ecapi_html_element(html, "bdi", NULL, sums[i].destination);
		ecapi_html_close(html);
		ecapi_chart_bars(html, &bars);
		ecapi_html_close(html);
	}
	ecapi_html_close(html);
}

static void
days_table(EcapiSheet *sheet, const Pieces *pieces, const char *currency, uint64 days)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("From"), ECAPI_TEXT("Destination"), ECAPI_FIGURE("Events"),
	ECAPI_FIGURE("Delivered value"), ECAPI_FIGURE("Other events"), ECAPI_FIGURE("Value not delivered")};
	EcapiHtml  *html = &sheet->html;
	uint64		shown = Min(days, ROWS);

	ecapi_html_open(html, "details");
	ecapi_html_open(html, "summary");
	ecapi_html_textf(html, "Figures in %s by %s", currency, pieces->unit);
	ecapi_html_close(html);
	ecapi_sheet_table(sheet, psprintf("Value in %s by %s and destination", currency, pieces->unit), columns, lengthof(columns));
	for (uint64 row = 0; row < shown; row++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_time(ecapi_column_time(row, 2)));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 3));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_digits(row, 4));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 5));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_digits(row, 6));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, days - shown, "rows");
	ecapi_html_close(html);
}

bool
ecapi_section_value(EcapiSheet *sheet)
{
	static const char *const names[ECAPI_CHART_KINDS] = {[ECAPI_CHART_DELIVERED] = "delivered",
	[ECAPI_CHART_FILTERED] = "in the ledger, and not delivered"};
	static const bool kinds[ECAPI_CHART_KINDS] = {[ECAPI_CHART_DELIVERED] = true, [ECAPI_CHART_FILTERED] = true};
	Pieces	   *pieces = pieces_of(sheet);
	int			n = ecapi_query(&read_sums, ecapi_sheet_span(sheet));
	Sums	   *sums = palloc0(sizeof(Sums) * (n + 1));
	int			currencies = 0;

	if (n == 0)
		return false;
	for (int i = 0; i < n; i++)
	{
		sums[i].currency = ecapi_sheet_column(i, 1);
		sums[i].destination = ecapi_sheet_column(i, 2);
		sums[i].digits[0] = psprintf(INT64_FORMAT, ecapi_column_int8(i, 3));
		sums[i].digits[1] = ecapi_sheet_digits(i, 4);
		sums[i].digits[2] = psprintf(INT64_FORMAT, ecapi_column_int8(i, 5));
		sums[i].digits[3] = ecapi_sheet_digits(i, 6);
	}
	ecapi_sheet_section(sheet, "value", "Value",
						psprintf("By %s and currency, as ecapi.ledger has it. Currencies are never added up, nor are"
								 " destinations: each is told of the same conversions.", pieces->unit));
	ecapi_sheet_legend(sheet, kinds, names);
	for (int from = 0; from < n;)
	{
		int			to = from;
		uint64		days;

		while (to < n && strcmp(sums[to].currency, sums[from].currency) == 0)
			to++;
		if (++currencies <= CURRENCIES)
		{
			days = ecapi_query(&read_days, ecapi_sheet_span(sheet), ecapi_arg_utf8(sums[from].currency));
			ecapi_html_element(&sheet->html, "h3", NULL, sums[from].currency);
			charts(sheet, pieces, sums + from, to - from, days);
			days_table(sheet, pieces, sums[from].currency, days);
		}
		from = to;
	}
	if (currencies > CURRENCIES)
		ecapi_sheet_note(sheet, "The %d currencies with most events have charts, of %d.", CURRENCIES, currencies);
	sums_table(sheet, sums, n);
	ecapi_sheet_section_end(sheet);
	return true;
}

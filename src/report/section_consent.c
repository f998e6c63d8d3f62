/*
 * section_consent.c
 *	  What consent did: events sent, restricted and denied, by the rule.
 *
 * Left out where no destination asks for consent: where all was sent without a rule.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "html/figures.h"
#include "report/sections.h"

static EcapiStatement read_consent = {
	.sql = "SELECT destination::text, decision, rule, currency, events, value FROM ecapi.consent_report($1, $2)",
	.nargs = 2, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID}};

static int
kind_of(const char *decision)
{
	return strcmp(decision, "sent") == 0 ? ECAPI_CHART_DELIVERED :
		strcmp(decision, "restricted") == 0 ? ECAPI_CHART_SHADOW : ECAPI_CHART_FAILED;
}

/* Of the rows that were read last, one for each destination; they come in order. */
static int
shares_of(EcapiShares *shares, uint64 n, bool *any)
{
	int			lanes = 0;

	for (uint64 row = 0; row < n; row++)
	{
		char	   *name = ecapi_sheet_column(row, 1);
		int			kind = kind_of(ecapi_sheet_column(row, 2));

		*any |= kind != ECAPI_CHART_DELIVERED;
		if (lanes == 0 || strcmp(shares[lanes - 1].name, name) != 0)
		{
			if (lanes == ECAPI_SHEET_LANES)
				continue;
			shares[lanes++] = (EcapiShares) {.name = name};
		}
		shares[lanes - 1].amounts[kind] += ecapi_column_int8(row, 5);
	}
	for (int i = 0; i < lanes; i++)
	{
		const double *amounts = shares[i].amounts;
		char	   *share = palloc(ECAPI_FIGURE_SIZE);

		ecapi_figure_share(amounts[ECAPI_CHART_DELIVERED], amounts[ECAPI_CHART_DELIVERED] + amounts[ECAPI_CHART_SHADOW] +
						   amounts[ECAPI_CHART_FAILED], share);
		shares[i].note = psprintf("%s sent in full", share);
	}
	return lanes;
}

bool
ecapi_section_consent(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_TEXT("Decision"), ECAPI_TEXT("Rule"), ECAPI_TEXT("Currency"), ECAPI_FIGURE("Events"), ECAPI_FIGURE("Value")};
	static const char *const names[ECAPI_CHART_KINDS] = {[ECAPI_CHART_DELIVERED] = "sent",
	[ECAPI_CHART_SHADOW] = "sent in a restricted mode", [ECAPI_CHART_FAILED] = "denied"};
	static const bool kinds[ECAPI_CHART_KINDS] = {[ECAPI_CHART_DELIVERED] = true, [ECAPI_CHART_SHADOW] = true,
	[ECAPI_CHART_FAILED] = true};
	static const char *const label = "Events sent, restricted and denied by consent at each destination. The table below has the same figures, of all destinations.";
	uint64		n = ecapi_query(&read_consent, ecapi_sheet_span(sheet));
	EcapiShares shares[ECAPI_SHEET_LANES];
	bool		any = false;
	int			lanes = shares_of(shares, n, &any);

	if (!any)
		return false;
	ecapi_sheet_section(sheet, "consent", "Consent",
						"What the consent of persons let through, and the rule that restricted or denied the rest, in whole hours.");
	ecapi_chart_shares(&sheet->html, label, shares, lanes, ECAPI_CHART_WIDE);
	ecapi_chart_shares(&sheet->html, label, shares, lanes, ECAPI_CHART_NARROW);
	ecapi_sheet_legend(sheet, kinds, names);
	ecapi_sheet_table(sheet, "Events by what consent decided", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < ECAPI_SHEET_ROWS * 4; row++)
	{
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		for (int k = 2; k <= 4; k++)
			ecapi_sheet_text_cell(sheet, ecapi_sheet_column(row, k));
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(row, 5));
		ecapi_sheet_figure_cell(sheet, ecapi_sheet_digits(row, 6));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - ECAPI_SHEET_ROWS * 4, "rows");
	ecapi_sheet_section_end(sheet);
	return true;
}

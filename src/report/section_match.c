/*
 * section_match.c
 *	  Match rate: events that left with what tells their person from others, and without.
 *
 * From the counters of ecapi.stat_destination, which cost nothing to read and count since
 * their reset, whatever the span of the page is; the section says so.  Which identifiers are
 * missing, and what would help, is ecapi.match_quality()'s to say: it judges events one by
 * one, which a page of many destinations has no time for.
 */
#include "postgres.h"

#include "base/statement.h"
#include "html/figures.h"
#include "report/sections.h"

/* Destinations that are listed. */
#define DESTINATIONS	50

static EcapiStatement read_match = {
	.sql = "SELECT destination::text, identified, unidentified, stats_reset FROM ecapi.stat_destination"
	" WHERE identified + unidentified > 0 ORDER BY unidentified::double precision / (identified + unidentified) DESC, destination"};

bool
ecapi_section_match(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_FIGURE("Identified"),
	ECAPI_FIGURE("Unidentified"), ECAPI_FIGURE("Match rate"), ECAPI_TEXT("Counted since")};
	uint64		n = ecapi_query(&read_match);

	if (n == 0)
		return false;
	ecapi_sheet_section(sheet, "match", "Match rate",
						"Events that left with an identifier that tells their person from others, and events without, or held back for want of one: as the worker counts them since the time in the last column.");
	ecapi_sheet_table(sheet, "Events by whether their person can be told", columns, lengthof(columns));
	for (uint64 row = 0; row < n && row < DESTINATIONS; row++)
	{
		int64		identified = ecapi_column_int8(row, 2);
		int64		unidentified = ecapi_column_int8(row, 3);
		char		share[ECAPI_FIGURE_SIZE];

		ecapi_figure_share((double) identified, (double) identified + (double) unidentified, share);
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, ecapi_sheet_column(row, 1));
		ecapi_sheet_count_cell(sheet, identified);
		ecapi_sheet_count_cell(sheet, unidentified);
		ecapi_sheet_text_cell(sheet, share);
		ecapi_sheet_text_cell(sheet, ecapi_column_is_null(row, 4) ? "" : ecapi_sheet_time(ecapi_column_time(row, 4)));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, (int64) n - DESTINATIONS, "destinations");
	ecapi_sheet_note(sheet, "Which identifiers are missing, and the lines of a mapping that would bring them, is what ecapi.match_quality() says of a destination.");
	ecapi_sheet_section_end(sheet);
	return true;
}

/*
 * section_latency.c
 *	  How fast receivers answer: percentiles of each destination's requests.
 *
 * They are of requests that ecapi.request still has, so of no longer than its retention.
 */
#include "postgres.h"

#include "report/request_log.h"
#include "report/sections.h"

static void
marks(EcapiSheet *sheet)
{
	static const char *const titles[] = {"\xE2\x97\x8F half of the requests", "\xE2\x96\xA0 nine of ten",
	"\xE2\x97\x86 99 of 100"};

	ecapi_html_open(&sheet->html, "ul");
	ecapi_html_attr(&sheet->html, "class", "legend");
	for (int i = 0; i < lengthof(titles); i++)
		ecapi_html_element(&sheet->html, "li", NULL, titles[i]);
	ecapi_html_close(&sheet->html);
}

bool
ecapi_section_latency(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Destination"), ECAPI_FIGURE("Requests"), ECAPI_FIGURE("Events"), ECAPI_FIGURE("50 %"),
	ECAPI_FIGURE("90 %"), ECAPI_FIGURE("99 %"), ECAPI_FIGURE("Longest")};
	const EcapiRequestLog *log = ecapi_request_log(sheet);
	EcapiRange	ranges[ECAPI_SHEET_LANES];
	int			lanes = Min(log->ntimes, ECAPI_SHEET_LANES);
	int64		every = 1;
	const char *label = "Times from request to answer of each destination, on a logarithmic scale. The table below has the same figures, of all destinations.";

	if (log->ntimes == 0)
		return false;
	for (int i = 0; i < lanes; i++)
	{
		const EcapiAnswerTimes *times = &log->times[i];

		ranges[i] = (EcapiRange) {.name = times->destination, .ms = {times->p50, times->p90, times->p99}};
	}
	ecapi_sheet_section(sheet, "latency", "How fast receivers answer",
						"From the request to the whole answer, over all requests of the span that the log still has.");
	ecapi_chart_ranges(&sheet->html, label, ranges, lanes, ECAPI_CHART_WIDE);
	ecapi_chart_ranges(&sheet->html, label, ranges, lanes, ECAPI_CHART_NARROW);
	marks(sheet);
	ecapi_sheet_table(sheet, "Times to the answer", columns, lengthof(columns));
	for (int i = 0; i < log->ntimes; i++)
	{
		const EcapiAnswerTimes *times = &log->times[i];

		every = Max(every, times->every);
		if (i >= ECAPI_SHEET_ROWS)
			continue;
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, times->destination);
		ecapi_sheet_count_cell(sheet, times->requests);
		ecapi_sheet_count_cell(sheet, times->events);
		ecapi_sheet_ms_cell(sheet, times->p50);
		ecapi_sheet_ms_cell(sheet, times->p90);
		ecapi_sheet_ms_cell(sheet, times->p99);
		ecapi_sheet_ms_cell(sheet, times->longest);
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, log->ntimes - ECAPI_SHEET_ROWS, "destinations");
	if (every > 1)
		ecapi_sheet_note(sheet, "The log is long: percentiles of a destination are of one request of up to " INT64_FORMAT ".", every);
	ecapi_sheet_section_end(sheet);
	return true;
}

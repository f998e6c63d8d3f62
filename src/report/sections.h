/*
 * sections.h
 *	  Sections of a report, each with its statements and its charts.
 *
 * A section writes itself into the page, or returns false when there is nothing to show.
 * All are called with a connection to SPI, and raise what SQL raises.
 *
 * Another section is a file beside these: a function below, a line in the list of
 * report_call.c, where it stands on the page, a line of the Makefile, and its tables in
 * test/t/410_report.pl, which accepts no table that it does not know.
 */
#ifndef ECAPI_SECTIONS_H
#define ECAPI_SECTIONS_H

#include "report/sheet.h"

/* Sums of outcomes over all destinations, for the head of a page. */
typedef struct EcapiTotals
{
	double		kinds[ECAPI_CHART_KINDS];
	int64		destinations;
} EcapiTotals;

extern EcapiTotals ecapi_section_totals(const EcapiSheet *sheet);

extern bool ecapi_section_flow(EcapiSheet *sheet);
extern bool ecapi_section_value(EcapiSheet *sheet);
extern bool ecapi_section_failure(EcapiSheet *sheet);
extern bool ecapi_section_latency(EcapiSheet *sheet);
extern bool ecapi_section_consent(EcapiSheet *sheet);
extern bool ecapi_section_match(EcapiSheet *sheet);
extern bool ecapi_section_model(EcapiSheet *sheet);
extern bool ecapi_section_rows(EcapiSheet *sheet);
extern bool ecapi_section_state(EcapiSheet *sheet);
extern bool ecapi_section_doctor(EcapiSheet *sheet);

/* Names of the outcomes of the ledger, by kind: as the ledger and as readers say them. */
extern const char *const ecapi_outcome_names[ECAPI_CHART_KINDS];
extern const char *const ecapi_outcome_titles[ECAPI_CHART_KINDS];

/* ECAPI_CHART_KINDS: none of them. */
extern int	ecapi_outcome_kind(const char *outcome);

/* Arguments of the functions that read a span. */
#define ecapi_sheet_span(sheet) ecapi_arg_time((sheet)->since), ecapi_arg_time((sheet)->until)

#endif							/* ECAPI_SECTIONS_H */

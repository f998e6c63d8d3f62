/*
 * report_call.c
 *	  ecapi.report(): a page for people, of what became of events in a span.
 *
 * The page is one text: it fetches nothing, runs nothing, and looks right on a phone, in the
 * dark and in print.  It shows sums, names and states, and nothing else of an event; a sum
 * may be of one event.  What receivers said goes through html/words.h.
 *
 * Rights: it reads what ecapi.check() and the views show to pg_monitor, and sums of three
 * things that these roles cannot read by themselves: ecapi.failed_event (by reason),
 * ecapi.model (figures of fits), and ecapi.reconcile() (numbers without ids).  So the
 * function runs as the extension's owner, with a fixed search_path.
 *
 * Bounded: a span is divided into 124 pieces at most, tables and charts into the rows that
 * each section says, whatever the number of destinations, currencies, reasons and tracks.
 * Each section is written into a part of its own, so that the list of contents in front
 * names those that there are.
 *
 * Locks: AccessShareLock on what is read; a slot of the outbox is not emptied meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "html/figures.h"
#include "report/sections.h"

#define DEFAULT_DAYS	7

PG_FUNCTION_INFO_V1(ecapi_report);

static const struct
{
	const char *id;
	const char *title;
	bool		(*write) (EcapiSheet *sheet);
}			sections[] = {
	{"flow", "Flow", ecapi_section_flow},
	{"value", "Value", ecapi_section_value},
	{"failures", "What did not arrive", ecapi_section_failure},
	{"consent", "Consent", ecapi_section_consent},
	{"match", "Match rate", ecapi_section_match},
	{"latency", "Latency", ecapi_section_latency},
	{"rows", "Rows against events", ecapi_section_rows},
	{"predictions", "Predictions", ecapi_section_model},
	{"destinations", "Destinations now", ecapi_section_state},
	{"doctor", "The doctor", ecapi_section_doctor},
};

static EcapiStatement read_version = {
	.sql = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'ecapi'"};

static void
read_arguments(FunctionCallInfo fcinfo, EcapiSheet *sheet)
{
	sheet->until = PG_ARGISNULL(1) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(1);
	if (TIMESTAMP_NOT_FINITE(sheet->until) || (!PG_ARGISNULL(0) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(0))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the span of a report must be finite"),
				 errhint("Such as ecapi.report(now() - interval '30 days').")));
	sheet->since = PG_ARGISNULL(0) ? sheet->until - DEFAULT_DAYS * USECS_PER_DAY : PG_GETARG_TIMESTAMPTZ(0);
	if (sheet->since >= sheet->until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"since\" must be earlier than \"until\"")));
	sheet->reconcile = PG_ARGISNULL(2) ? -1 : PG_GETARG_BOOL(2);
}

/* ---- the head ---- */

static void
tile(EcapiHtml *html, const char *title, double figure, const char *below)
{
	char		digits[32];
	char		shown[48];

	snprintf(digits, sizeof(digits), "%.0f", figure);
	ecapi_figure_grouped(digits, shown, sizeof(shown));
	ecapi_html_open(html, "div");
	ecapi_html_element(html, "dt", NULL, title);
	ecapi_html_open(html, "dd");
	ecapi_html_attr(html, "class", "big");
	ecapi_html_open(html, "data");
	ecapi_html_attr(html, "value", digits);
	ecapi_html_text(html, shown);
	ecapi_html_close(html);
	ecapi_html_close(html);
	ecapi_html_element(html, "dd", "small", below);
	ecapi_html_close(html);
}

static void
tiles(EcapiSheet *sheet)
{
	EcapiTotals totals = ecapi_section_totals(sheet);
	double		offered = 0;
	char		share[ECAPI_FIGURE_SIZE];
	char	   *below;

	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		offered += totals.kinds[k];
	ecapi_html_open(&sheet->html, "dl");
	ecapi_html_attr(&sheet->html, "class", "tiles");
	below = psprintf("events to " INT64_FORMAT " destination%s", totals.destinations, totals.destinations == 1 ? "" : "s");
	tile(&sheet->html, "Offered", offered, below);
	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
	{
		/* what is rare has a tile where it happened */
		if (totals.kinds[k] == 0 && k != ECAPI_CHART_DELIVERED && k != ECAPI_CHART_FILTERED && k != ECAPI_CHART_FAILED)
			continue;
		ecapi_figure_share(totals.kinds[k], offered, share);
		tile(&sheet->html, ecapi_outcome_titles[k], totals.kinds[k], offered > 0 ? share : "no events");
	}
	ecapi_html_close(&sheet->html);
}

static void
contents(EcapiSheet *sheet, const bool *written)
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "nav");
	ecapi_html_attr(html, "aria-label", "Sections");
	ecapi_html_open(html, "ul");
	for (int i = 0; i < lengthof(sections); i++)
		if (written[i])
		{
			ecapi_html_open(html, "li");
			ecapi_html_open(html, "a");
			ecapi_html_anchor(html, sections[i].id);
			ecapi_html_text(html, sections[i].title);
			ecapi_html_close(html);
			ecapi_html_close(html);
		}
	ecapi_html_close(html);
	ecapi_html_close(html);
}

static void
foot(EcapiSheet *sheet)
{
	EcapiHtml  *html = &sheet->html;
	char	   *version;

	version = ecapi_query(&read_version) > 0 ? ecapi_sheet_column(0, 1) : "";
	ecapi_html_open(html, "footer");
	ecapi_html_element(html, "p", NULL,
					   psprintf("Made by ecapi.report() of ecapi %s at %s (%s). Figures of outcomes are of whole hours, as ecapi.ledger keeps them;"
								" those of requests go back as far as ecapi.retention.", version,
								ecapi_sheet_time(GetCurrentStatementStartTimestamp()), ecapi_sheet_zone()));
	ecapi_html_element(html, "p", NULL,
					   "This page holds no identifier of a person, no content of an event but in sums of values, and no secret, and loads nothing.");
	ecapi_html_close(html);
}

Datum
ecapi_report(PG_FUNCTION_ARGS)
{
	EcapiSheet	sheet;
	EcapiSheet	body;
	bool		written[lengthof(sections)];
	char	   *title;

	ecapi_sheet_init(&sheet);
	ecapi_sheet_init(&body);
	read_arguments(fcinfo, &sheet);
	body.since = sheet.since;
	body.until = sheet.until;
	body.reconcile = sheet.reconcile;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	for (int i = 0; i < lengthof(sections); i++)
		written[i] = sections[i].write(&body);
	title = psprintf("Conversions, %s to %s", ecapi_sheet_day(sheet.since), ecapi_sheet_day(sheet.until));
	ecapi_sheet_head(&sheet, title,
					 psprintf("What was committed in this database from %s until %s (%s), what each destination got of it, and what did not arrive.",
							  ecapi_sheet_time(sheet.since), ecapi_sheet_time(sheet.until), ecapi_sheet_zone()));
	tiles(&sheet);
	contents(&sheet, written);
	ecapi_html_close(&sheet.html);
	ecapi_html_open(&sheet.html, "main");
	ecapi_sheet_append(&sheet, &body);
	ecapi_html_close(&sheet.html);
	foot(&sheet);
	SPI_finish();
	PG_RETURN_TEXT_P(ecapi_sheet_end(&sheet));
}

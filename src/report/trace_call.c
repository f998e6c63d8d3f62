/*
 * trace_call.c
 *	  ecapi.trace_report(): one event as a page, from the row to each receiver's answer.
 *
 * The rows are those of ecapi.trace(), in its order: first what happened in the database, then
 * a time line for each destination.  Ids of the event and of what it refers to are shown, as
 * there, and what its consent string said to a destination; nothing else of its contents is.
 * What a receiver said goes through html/words.h, and its id of a request is shown where it looks like one: letters, digits and
 * the points between them, without an @.
 *
 * Rights: as its name says it is ecapi.trace(), which shows ids, so it is granted to nobody;
 * it runs as the extension's owner, so who is granted this page needs no other grant.
 *
 * Bounded: ROWS rows of the trace, LANES destinations in the picture.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "html/figures.h"
#include "html/words.h"
#include "report/sections.h"

#define ROWS	400

/* An id of a request; longer ones are none. */
#define REQUEST_ID_MAX	128

PG_FUNCTION_INFO_V1(ecapi_trace_report);

static EcapiStatement read_trace = {
	.sql = "SELECT at, destination::text, outcome, reason, attempt, status, latency_ms, answer, receiver_request_id,"
	" next_try, event_type, xid, seq, consent FROM ecapi.trace($1)", .nargs = 1, .argtypes = {TEXTOID}};

static EcapiStatement read_source = {
	.sql = "SELECT o.relation::text FROM ecapi.outbox o WHERE o.xid = $1 AND o.seq = $2", .nargs = 2, .argtypes = {XID8OID, INT8OID}};

typedef struct TraceRow
{
	bool		is_timed;
	TimestampTz at;
	char	   *destination;	/* NULL: in the database */
	char	   *outcome;
	char	   *reason;
	char	   *attempt;
	char	   *status;
	bool		has_latency;
	double		latency_ms;
	char	   *answer;
	char	   *receiver_id;
	bool		has_next;
	TimestampTz next_try;
	char	   *event_type;
	bool		has_seq;
	uint64		xid;
	int64		seq;
	char	   *consent;
} TraceRow;

typedef struct Trace
{
	TraceRow   *rows;
	int			n;
	uint64		left_out;
	TimestampTz start;			/* when the first event was emitted */
} Trace;

static Trace
read_rows(char *id)
{
	uint64		found = ecapi_query(&read_trace, ecapi_arg_text(id));
	Trace		trace = {.n = Min(found, ROWS)};

	trace.left_out = found - trace.n;
	trace.rows = palloc0(sizeof(TraceRow) * (trace.n + 1));
	for (int i = 0; i < trace.n; i++)
	{
		TraceRow   *row = &trace.rows[i];

		row->is_timed = !ecapi_column_is_null(i, 1);
		row->at = ecapi_column_time(i, 1);
		row->destination = ecapi_sheet_column(i, 2);
		row->outcome = ecapi_sheet_column(i, 3);
		row->reason = ecapi_sheet_column(i, 4);
		row->attempt = ecapi_sheet_column(i, 5);
		row->status = ecapi_sheet_column(i, 6);
		row->has_latency = !ecapi_column_is_null(i, 7);
		row->latency_ms = row->has_latency ? DatumGetFloat8(ecapi_column_datum(i, 7)) : 0;
		row->answer = ecapi_sheet_column(i, 8);
		row->receiver_id = ecapi_sheet_column(i, 9);
		row->has_next = !ecapi_column_is_null(i, 10);
		row->next_try = ecapi_column_time(i, 10);
		row->event_type = ecapi_sheet_column(i, 11);
		row->has_seq = !ecapi_column_is_null(i, 13);
		row->xid = ecapi_column_xid8(i, 12);
		row->seq = ecapi_column_int8(i, 13);
		row->consent = ecapi_sheet_column(i, 14);
		if (row->is_timed && trace.start == 0 && strcmp(row->outcome, "emitted") == 0)
			trace.start = row->at;
	}
	return trace;
}

/* ---- what an outcome is ---- */

static const struct
{
	const char *outcome;
	const char *class;
	EcapiChartKind kind;
	bool		open;
}			outcomes[] = {
	{"delivered", "good", ECAPI_CHART_DELIVERED, false},
	{"accepted", "good", ECAPI_CHART_DELIVERED, true},
	{"emitted", "good", ECAPI_CHART_DELIVERED, false},
	{"shadow", "calm", ECAPI_CHART_SHADOW, false},
	{"filtered", "calm", ECAPI_CHART_FILTERED, false},
	{"not sent", "calm", ECAPI_CHART_FILTERED, false},
	{"cancelled", "calm", ECAPI_CHART_FILTERED, false},
	{"amended", "calm", ECAPI_CHART_DELIVERED, false},
	{"waiting", "warn", ECAPI_CHART_FAILED, true},
	{"retry", "warn", ECAPI_CHART_FAILED, true},
	{"failed", "warn", ECAPI_CHART_FAILED, true},
	{"given_up", "bad", ECAPI_CHART_GIVEN_UP, false},
	{"erased", "calm", ECAPI_CHART_ERASED, false},
};

static const char *
class_of(const char *outcome, EcapiPoint *point)
{
	for (int i = 0; i < lengthof(outcomes); i++)
		if (strcmp(outcome, outcomes[i].outcome) == 0)
		{
			point->kind = outcomes[i].kind;
			point->open = outcomes[i].open;
			return outcomes[i].class;
		}
	point->kind = ECAPI_CHART_FAILED;
	point->open = false;
	return "bad";
}

/* Of these the answer is what a receiver said; of others it is the line of a request. */
static bool
says_receiver(const char *outcome)
{
	return strcmp(outcome, "failed") == 0 || strcmp(outcome, "dead") == 0 || strcmp(outcome, "set_aside") == 0;
}

static bool
is_request_id(const char *id)
{
	size_t		n = strlen(id);

	return n > 0 && n <= REQUEST_ID_MAX &&
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") == n;
}

/* ---- the picture ---- */

static double
since_start(const Trace *trace, const TraceRow *row)
{
	return (row->at - trace->start) / 1000.0;
}

/* Lanes are destinations in the order in which they come up. */
static int
lanes_of(const Trace *trace, const char **lanes)
{
	int			n = 0;

	for (int i = 0; i < trace->n; i++)
	{
		const char *name = trace->rows[i].destination;
		int			lane = 0;

		while (name != NULL && lane < n && strcmp(lanes[lane], name) != 0)
			lane++;
		if (name != NULL && lane == n)
			lanes[n++] = name;
	}
	return n;
}

static void
picture(EcapiSheet *sheet, const Trace *trace, const char **lanes, int nlanes)
{
	static const char *const shapes[] = {"\xE2\x97\x8F delivered, or kept in shadow", "\xE2\x97\x87 tried, not the end of it",
	"\xE2\x96\xA0 ended without being sent", "\xE2\x96\xB2 failed"};
	static const char *const label = "Requests and outcomes at each destination, over the time since the event was committed, on a logarithmic scale."
		" The lists below have the same.";
	EcapiPoint *points = palloc0(sizeof(EcapiPoint) * (trace->n + 1));
	int			n = 0;

	nlanes = Min(nlanes, ECAPI_SHEET_LANES);
	for (int i = 0; i < trace->n; i++)
	{
		const TraceRow *row = &trace->rows[i];

		for (int lane = 0; lane < nlanes && row->destination != NULL && row->is_timed && trace->start != 0; lane++)
			if (strcmp(lanes[lane], row->destination) == 0)
			{
				class_of(row->outcome, &points[n]);
				points[n].lane = lane;
				points[n++].ms = since_start(trace, row);
			}
	}
	if (n == 0)
		return;
	ecapi_chart_lanes(&sheet->html, label, lanes, nlanes, points, n, ECAPI_CHART_WIDE);
	ecapi_chart_lanes(&sheet->html, label, lanes, nlanes, points, n, ECAPI_CHART_NARROW);
	ecapi_html_open(&sheet->html, "ul");
	ecapi_html_attr(&sheet->html, "class", "legend");
	for (int i = 0; i < lengthof(shapes); i++)
		ecapi_html_element(&sheet->html, "li", NULL, shapes[i]);
	ecapi_html_close(&sheet->html);
}

/* ---- the lists ---- */

static void
fact(EcapiHtml *html, const char *what, const char *value)
{
	ecapi_html_open(html, "p");
	ecapi_html_attr(html, "class", "facts");
	ecapi_html_text(html, what);
	ecapi_html_text(html, ": ");
	ecapi_html_element(html, "bdi", NULL, value);
	ecapi_html_close(html);
}

static void
moment(EcapiHtml *html, const Trace *trace, const TraceRow *row)
{
	char		since[ECAPI_FIGURE_SIZE];

	ecapi_html_open(html, "span");
	ecapi_html_attr(html, "class", "at");
	if (row->is_timed)
	{
		ecapi_html_text(html, ecapi_sheet_second(row->at));
		if (trace->start != 0 && row->at > trace->start)
		{
			ecapi_figure_time(since_start(trace, row), since);
			ecapi_html_textf(html, " \xC2\xB7 %s after it was emitted", since);
		}
	}
	else
		ecapi_html_text(html, "no time");
	ecapi_html_close(html);
}

static void
item(EcapiSheet *sheet, const Trace *trace, const TraceRow *row)
{
	EcapiHtml  *html = &sheet->html;
	EcapiPoint	ignored;
	const char *class = class_of(row->outcome, &ignored);

	ecapi_html_open(html, "li");
	ecapi_html_attr(html, "class", class);
	moment(html, trace, row);
	ecapi_html_open(html, "p");
	ecapi_html_attr(html, "class", "what");
	ecapi_sheet_badge(sheet, class, row->outcome);
	if (row->reason != NULL)
	{
		ecapi_html_text(html, " ");
		ecapi_html_element(html, "bdi", NULL, row->reason);
	}
	ecapi_html_close(html);
	if (row->attempt != NULL && strcmp(row->attempt, "0") != 0)
	{
		char		latency[ECAPI_FIGURE_SIZE] = "";

		if (row->has_latency)
			ecapi_figure_time(row->latency_ms, latency);
		fact(html, "Request", psprintf("attempt %s%s%s%s%s", row->attempt, row->status != NULL ? ", HTTP status " : "",
									   row->status != NULL ? row->status : "", latency[0] != '\0' ? ", answered in " : "", latency));
	}
	if (row->answer != NULL && says_receiver(row->outcome))
	{
		char		words[ECAPI_WORDS_SIZE];

		ecapi_words_shown(row->answer, words);
		if (words[0] != '\0')
			fact(html, "The receiver said", words);
	}
	else if (row->answer != NULL)
	{
		const char *line = ecapi_sheet_line(row->answer, row->status != NULL);

		if (line != NULL)
			fact(html, "What went wrong", line);
	}
	if (row->receiver_id != NULL && is_request_id(row->receiver_id))
		fact(html, "The receiver's id of the request", row->receiver_id);
	if (row->has_next)
		fact(html, "Next try", ecapi_sheet_second(row->next_try));
	if (row->consent != NULL)
		fact(html, "Consent", row->consent);
	ecapi_html_close(html);
}

/* The rows of one destination; of none: of the database. */
static void
list(EcapiSheet *sheet, const Trace *trace, const char *destination)
{
	EcapiHtml  *html = &sheet->html;

	ecapi_html_open(html, "ul");
	ecapi_html_attr(html, "class", "line");
	for (int i = 0; i < trace->n; i++)
	{
		const TraceRow *row = &trace->rows[i];

		if ((destination == NULL) != (row->destination == NULL) ||
			(destination != NULL && strcmp(destination, row->destination) != 0))
			continue;
		item(sheet, trace, row);
	}
	ecapi_html_close(html);
}

/* Which table each event came from; asks the outbox. */
static void
sources(EcapiSheet *sheet, const Trace *trace)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Event"), ECAPI_TEXT("Type"), ECAPI_TEXT("Source"), ECAPI_FIGURE("Transaction"), ECAPI_TEXT("Emitted")};

	ecapi_sheet_table(sheet, "Events of this id", columns, lengthof(columns));
	for (int i = 0; i < trace->n; i++)
	{
		const TraceRow *row = &trace->rows[i];
		bool		found;
		char	   *source;

		if (strcmp(row->outcome, "emitted") != 0 || !row->has_seq)
			continue;
		found = ecapi_query(&read_source, ecapi_arg_xid8(row->xid), ecapi_arg_int8(row->seq)) > 0;
		source = found ? ecapi_sheet_column(0, 1) : NULL;
		ecapi_sheet_row(sheet, NULL);
		ecapi_sheet_head_cell(sheet, psprintf("seq " INT64_FORMAT, row->seq));
		ecapi_sheet_text_cell(sheet, row->event_type);
		ecapi_sheet_text_cell(sheet, source != NULL ? psprintf("a row of %s", source) : "ecapi_emit()");
		ecapi_sheet_figure_cell(sheet, psprintf(UINT64_FORMAT, row->xid));
		ecapi_sheet_text_cell(sheet, ecapi_sheet_second(row->at));
		ecapi_sheet_row_end(sheet);
	}
	ecapi_sheet_table_end(sheet);
}

static void
write_trace(EcapiSheet *sheet, const Trace *trace)
{
	const char **lanes = palloc0(sizeof(char *) * (trace->n + 1));
	int			nlanes = lanes_of(trace, lanes);

	ecapi_sheet_section(sheet, "event", "In the database", "The event as it was committed, and what was asked of it since.");
	if (trace->start != 0)
		sources(sheet, trace);
	list(sheet, trace, NULL);
	picture(sheet, trace, lanes, nlanes);
	ecapi_sheet_section_end(sheet);
	for (int i = 0; i < nlanes; i++)
	{
		ecapi_sheet_section(sheet, psprintf("destination-%d", i + 1), lanes[i], "Each request that carried the event, and how it ended.");
		list(sheet, trace, lanes[i]);
		ecapi_sheet_section_end(sheet);
	}
	if (trace->left_out > 0)
		ecapi_sheet_note(sheet, UINT64_FORMAT " more rows of the trace are not shown.", trace->left_out);
}

Datum
ecapi_trace_report(PG_FUNCTION_ARGS)
{
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	EcapiSheet	sheet;
	Trace		trace;
	char		shown[512];

	ecapi_sheet_init(&sheet);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	trace = read_rows(id);
	ecapi_html_shorten(ecapi_sheet_utf8(id), 120, shown, sizeof(shown));
	ecapi_sheet_head(&sheet, psprintf("Event %s", shown),
					 psprintf("What became of one event, from the commit to the answer of each receiver. Times are in the zone %s.",
							  ecapi_sheet_zone()));
	ecapi_html_close(&sheet.html);
	ecapi_html_open(&sheet.html, "main");
	write_trace(&sheet, &trace);
	ecapi_html_close(&sheet.html);
	ecapi_html_open(&sheet.html, "footer");
	ecapi_html_element(&sheet.html, "p", NULL,
					   psprintf("Made by ecapi.trace_report() at %s. This page shows ids and what a consent string said, and no other content of the event; it loads nothing.",
								ecapi_sheet_time(GetCurrentStatementStartTimestamp())));
	ecapi_html_close(&sheet.html);
	SPI_finish();
	PG_RETURN_TEXT_P(ecapi_sheet_end(&sheet));
}

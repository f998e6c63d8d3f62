/*
 * section_rows.c
 *	  Rows against events: ecapi.reconcile() of each track, as a verdict.
 *
 * Reconciling reads a table and the outbox, which may take minutes, and nothing keeps what
 * it last said.  So a track is reconciled where that reads little: BYTES in all tracks
 * together, about a second of a core.  Others are named with the call that does it; a caller
 * who asks for all waits as long as it takes.  A page never says of a track that it is
 * complete when nobody has looked.
 *
 * Nor does a page that others read run code of a table's owner: a track with SQL of that
 * owner is named as not looked at.  Who asks for all tracks and is that owner or a superuser
 * gets it, too: the role that calls, not that as which the page is read.
 *
 * Ids, which ecapi.reconcile() lists, are not shown.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/statement.h"
#include "compat.h"
#include "report/sections.h"

#define BYTES	(96 * INT64CONST(1048576))

/* Tracks that are listed at all. */
#define TRACKS	30

static EcapiStatement read_tracks = {
	.sql = "SELECT relation::oid, relation::text, name, event_type, problem, bytes FROM ecapi_internal.report_tracks()"};

/* Of the rows without a destination the sums, and of those with one what is missing. */
static EcapiStatement read_rows = {
	.sql = "SELECT pg_catalog.sum(r.events) FILTER (WHERE r.destination IS NULL AND r.outcome = 'generated')::bigint,"
	" pg_catalog.sum(r.events) FILTER (WHERE r.destination IS NULL AND r.outcome = 'emitted')::bigint,"
	" pg_catalog.sum(r.events) FILTER (WHERE r.destination IS NULL AND r.outcome = 'unaccounted')::bigint,"
	" pg_catalog.sum(r.events) FILTER (WHERE r.destination IS NULL AND r.outcome = 'out of reach')::bigint,"
	" pg_catalog.sum(r.events) FILTER (WHERE r.destination IS NOT NULL AND r.outcome = 'unaccounted')::bigint,"
	" pg_catalog.max(r.reason) FILTER (WHERE r.outcome = 'not judged'),"
	" pg_catalog.max(r.reason) FILTER (WHERE r.outcome = 'not looked at')"
	" FROM ecapi_internal.report_reconcile($1, $2, $3, $4, $5) r",
	.nargs = 5, .argtypes = {REGCLASSOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, BOOLOID}};

typedef struct Track
{
	Oid			relation;
	char	   *table;
	char	   *name;
	char	   *event_type;
	char	   *problem;
	int64		bytes;
} Track;

/* What a track comes to, which stands before its figures. */
static void
verdict(EcapiSheet *sheet, const char *class, const char *text, const char *detail)
{
	ecapi_html_open(&sheet->html, "td");
	ecapi_html_attr(&sheet->html, "class", "text");
	ecapi_sheet_badge(sheet, class, text);
	if (detail != NULL)
	{
		ecapi_html_text(&sheet->html, " ");
		ecapi_html_element(&sheet->html, "bdi", NULL, detail);
	}
	ecapi_html_close(&sheet->html);
}

/* The cells of a track that is reconciled. */
static void
judged(EcapiSheet *sheet, void *arg)
{
	const Track *track = arg;
	int64		missing;
	int64		lost;
	int64		beyond;
	char	   *unjudged;
	char	   *unseen;
	bool		as_owner = sheet->reconcile > 0 &&
		object_ownercheck(RelationRelationId, track->relation, GetOuterUserId());

	ecapi_query(&read_rows, ecapi_arg_oid(track->relation), ecapi_sheet_span(sheet), ecapi_arg_utf8(track->name),
				ecapi_arg_bool(!as_owner));
	missing = ecapi_column_int8(0, 3);
	beyond = ecapi_column_int8(0, 4);
	lost = ecapi_column_int8(0, 5);
	unjudged = ecapi_sheet_column(0, 6);
	unseen = ecapi_sheet_column(0, 7);
	if (unseen != NULL)
		verdict(sheet, "calm", "not looked at", unseen);
	else if (unjudged != NULL)
		verdict(sheet, "calm", "not judged", unjudged);
	else if (missing > 0)
		verdict(sheet, "bad", "rows without an event", NULL);
	else if (lost > 0)
		verdict(sheet, "bad", "events without an outcome", NULL);
	else if (beyond > 0)
		verdict(sheet, "warn", "complete as far as the outbox reaches", NULL);
	else
		verdict(sheet, "good", "complete", NULL);
	for (int k = 1; k <= 5; k++)
		ecapi_sheet_count_cell(sheet, ecapi_column_int8(0, k));
}

/* The cells of one that is not. */
static void
not_judged(EcapiSheet *sheet, const char *class, const char *text, const char *detail)
{
	verdict(sheet, class, text, detail);
	for (int k = 0; k < 5; k++)
		ecapi_sheet_figure_cell(sheet, NULL);
}

static void
one_track(EcapiSheet *sheet, const Track *track, int64 *left)
{
	char	   *failed;

	ecapi_sheet_row(sheet, NULL);
	ecapi_sheet_head_cell(sheet, track->table);
	ecapi_sheet_text_cell(sheet, track->name);
	if (track->problem != NULL)
		not_judged(sheet, "bad", "the track does not work", NULL);
	else if (sheet->reconcile == 0)
		not_judged(sheet, "calm", "not looked at", NULL);
	else if (XactIsoLevel > XACT_READ_COMMITTED)
		not_judged(sheet, "calm", "not looked at", "the transaction is not READ COMMITTED");
	else if (sheet->reconcile < 0 && track->bytes > *left)
		not_judged(sheet, "calm", "not looked at", psprintf("it would read " INT64_FORMAT " MB", track->bytes / 1048576));
	else
	{
		*left -= track->bytes;
		failed = ecapi_sheet_try(sheet, judged, (void *) track);
		if (failed != NULL)
			not_judged(sheet, "bad", "could not be reconciled", psprintf("SQLSTATE %s", failed));
	}
	ecapi_sheet_row_end(sheet);
}

bool
ecapi_section_rows(EcapiSheet *sheet)
{
	static const EcapiColumn columns[] = {ECAPI_TEXT("Table"), ECAPI_TEXT("Track"), ECAPI_TEXT("Verdict"), ECAPI_FIGURE("Rows that are events"),
	ECAPI_FIGURE("Emitted"), ECAPI_FIGURE("Unaccounted"), ECAPI_FIGURE("Out of reach"), ECAPI_FIGURE("Without outcome")};
	uint64		n = ecapi_query(&read_tracks);
	uint64		shown = Min(n, TRACKS);
	Track	   *tracks = palloc0(sizeof(Track) * (shown + 1));
	int64		left = BYTES;

	if (n == 0)
		return false;
	for (uint64 i = 0; i < shown; i++)
		tracks[i] = (Track) {.relation = ecapi_column_oid(i, 1), .table = ecapi_sheet_column(i, 2),
			.name = ecapi_sheet_column(i, 3), .event_type = ecapi_sheet_column(i, 4),
			.problem = ecapi_sheet_column(i, 5), .bytes = ecapi_column_int8(i, 6)};
	ecapi_sheet_section(sheet, "rows", "Rows against events",
						"Whether each row that a track should have turned into an event was one, and what became of it, by the time of the row.");
	ecapi_sheet_table(sheet, "Tracks, reconciled", columns, lengthof(columns));
	for (uint64 i = 0; i < shown; i++)
		one_track(sheet, &tracks[i], &left);
	ecapi_sheet_table_end(sheet);
	ecapi_sheet_more(sheet, n - shown, "tracks");
	if (sheet->reconcile < 0)
		ecapi_sheet_note(sheet, "Tracks are reconciled here as long as " INT64_FORMAT " MB of tables and outbox are read, and no SQL of a table's owner runs for it."
						 " ecapi.reconcile() looks at any, and ecapi.report(since, until, true) at all, at those with SQL of an owner for that owner and for superusers.", BYTES / 1048576);
	ecapi_sheet_section_end(sheet);
	return true;
}

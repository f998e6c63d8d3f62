/*
 * reconcile.c
 *	  ecapi.reconcile(): the rows that a track should have turned into events.
 *
 * The rows go through the track as a backfill would send them (history.c), but
 * what comes out is only noted: the id, the value and the time of each event.
 * reconcile_sql.c compares that with what was emitted and delivered.
 *
 * Rows are judged as they are now: an event of a row that was deleted or
 * changed since is not asked for.  Tracks that say nothing about rows as they
 * are cannot be judged, and are refused as a backfill refuses them.
 *
 * Reads only: it runs in read-only transactions and on a standby, too.  The
 * caller must own the table; then its events are his, and he may see what
 * became of them.  It shows ids and sums, and no other contents.
 *
 * Memory: events of a page are noted in the page's context, since the guard may
 * end by an error, and go on to a tuplestore that spills to disk.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "capture/history.h"
#include "capture/reconcile.h"
#include "capture/rows.h"
#include "outbox/forgotten.h"
#include "settings.h"

#define PAGE_SIZE	1000

/* An event as its row says it; texts in the page's context. */
typedef struct Noted
{
	const char *id;
	const char *value;			/* NULL: none */
	const char *currency;		/* NULL: none */
	int64		seconds;		/* since 1970 */
} Noted;

typedef struct NotedPage
{
	MemoryContext context;
	int			n;
	EcapiForgotten *forgotten;	/* NULL: nobody is */
	Noted		noted[PAGE_SIZE];
} NotedPage;

PG_FUNCTION_INFO_V1(ecapi_reconcile);

static const char *
text_of(NotedPage *page, const EcapiValue *event, const char *key)
{
	const EcapiValue *value = ecapi_value_get(event, key);

	return value == NULL || value->text == NULL ? NULL
		: MemoryContextStrdup(page->context, value->text);
}

/* Inside the guard: no SQL, no errors. */
static void
note(void *arg, const EcapiValue *event)
{
	NotedPage  *page = arg;
	Noted	   *noted = &page->noted[page->n];

	noted->id = text_of(page, event, "id");
	if (noted->id == NULL || page->n == PAGE_SIZE)
		return;
	noted->value = text_of(page, event, "value");
	noted->currency = text_of(page, event, "currency_code");
	noted->seconds = strtoll(ecapi_value_get(event, "timestamp")->text, NULL, 10);
	if (page->forgotten != NULL)
		ecapi_forgotten_note(page->forgotten, event, page->n);
	page->n++;
}

static void
keep(EcapiExpected *expected, const NotedPage *page)
{
	int64		epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	bool		is_forgotten[PAGE_SIZE] = {false};

	if (page->forgotten != NULL)
		(void) ecapi_forgotten_ask(page->forgotten, page->n, is_forgotten);
	for (int i = 0; i < page->n; i++)
	{
		const Noted *noted = &page->noted[i];
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = CStringGetTextDatum(noted->id);
		nulls[1] = noted->value == NULL;
		values[1] = nulls[1] ? (Datum) 0 :
			DirectFunctionCall3(numeric_in, CStringGetDatum(noted->value),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		nulls[2] = noted->currency == NULL;
		values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(noted->currency);
		values[3] = TimestampTzGetDatum((noted->seconds - epoch) * USECS_PER_SEC);
		values[4] = BoolGetDatum(is_forgotten[i]);
		tuplestore_putvalues(expected->events, expected->desc, values, nulls);
	}
}

/* All rows of the range through the track. */
static void
evaluate(EcapiExpected *expected, const EcapiFoundTrack *found, TimestampTz until)
{
	const char *event_type = ecapi_program_track(found->compiled->program)->event_type;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext before = NULL;
	EcapiForgotten *forgotten = ecapi_forgotten_begin(ecapi_default_country());
	EcapiProgress progress = {0};
	EcapiRowsSink sink = {0};
	int			nrows;

	progress.relation = expected->relation;
	progress.track = expected->track;
	progress.trigger = found->trigger->tgoid;
	progress.since = expected->since;
	progress.has_until = true;
	progress.until = until;
	do
	{
		MemoryContext context = AllocSetContextCreate(caller, "ecapi reconcile page",
													  ALLOCSET_DEFAULT_SIZES);
		NotedPage  *page = MemoryContextAlloc(context, sizeof(NotedPage));

		CHECK_FOR_INTERRUPTS();
		page->context = context;
		page->n = 0;
		page->forgotten = forgotten;
		sink.note = note;
		sink.arg = page;
		MemoryContextSwitchTo(context);
		nrows = ecapi_history_page(&progress, event_type, PAGE_SIZE, &sink, context);
		keep(expected, page);
		MemoryContextSwitchTo(caller);
		/* the last key of the page before was needed until now */
		if (before != NULL)
			MemoryContextDelete(before);
		before = context;
	} while (nrows == PAGE_SIZE);
	MemoryContextDelete(before);
	expected->failing = progress.counts.set_aside;
}

static void
refuse_old_snapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("a table cannot be reconciled in a transaction of isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("The outbox is emptied slot by slot; an old snapshot may find a slot empty whose events it should see."),
				 errhint("Use READ COMMITTED.")));
}

/* The tracks to judge: that of the name, or all.  Each must be one that can be. */
static List *
tracks_to_judge(Relation relation, const char *name)
{
	List	   *found = ecapi_find_tracks(relation, name);
	ListCell   *cell;

	foreach(cell, found)
		ecapi_history_check(relation, lfirst(cell), true);
	return found;
}

static void
reconcile_track(const EcapiFoundTrack *found, Oid relation, TimestampTz since,
				TimestampTz until, ReturnSetInfo *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecapi reconcile",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiExpected expected = {0};

	MemoryContextSwitchTo(context);
	expected.track = pstrdup(found->trigger->tgname);
	expected.relation = relation;
	expected.since = since;
	expected.desc = ecapi_reconcile_desc();
	expected.events = tuplestore_begin_heap(true, false, work_mem);
	evaluate(&expected, found, until);
	ecapi_reconcile_compare(&expected, result->setResult, result->setDesc);
	tuplestore_end(expected.events);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/*
 * ecapi.reconcile(relation regclass, since timestamptz, until timestamptz,
 *		name text)
 *
 * For each track of the table (name: that one), and each row whose event has a
 * timestamp from since up to until: see the columns in the install script.
 * Raises an error when the caller does not own the table, the isolation level
 * is too high, there is no such track, or one that cannot be judged.
 */
Datum
ecapi_reconcile(PG_FUNCTION_ARGS)
{
	Oid			relid;
	TimestampTz since;
	TimestampTz until;
	Relation	relation;
	List	   *tracks;
	ListCell   *cell;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a reconciliation needs a table, \"since\" and \"until\"")));
	relid = PG_GETARG_OID(0);
	since = PG_GETARG_TIMESTAMPTZ(1);
	until = PG_GETARG_TIMESTAMPTZ(2);
	if (since >= until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"since\" must lie before \"until\"")));
	refuse_old_snapshot();
	InitMaterializedSRF(fcinfo, 0);

	relation = table_open(relid, AccessShareLock);
	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));
	tracks = tracks_to_judge(relation, PG_ARGISNULL(3) ? NULL
							 : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	foreach(cell, tracks)
		reconcile_track(lfirst(cell), relid, since, until, (ReturnSetInfo *) fcinfo->resultinfo);
	table_close(relation, AccessShareLock);
	PG_RETURN_NULL();
}

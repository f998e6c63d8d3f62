/*
 * history_list.c
 *	  ecapi.history(): what the rows of a table would be as events, one row for each.
 *
 * The rows go through the track as a backfill would send them (history.c): as the
 * track's role, confined, and judged as they are now.  What a backfill would not emit is
 * no event here either: rows whose condition is false, events of forgotten persons,
 * cancelled ones.  A row of which no event can be made, or that has no time, is a row of
 * the result with the problem and nothing else, so that no sum leaves it out unseen.
 *
 * Reads only: it runs in read-only transactions and on a standby, too.  The caller must
 * own the table.
 *
 * Memory: events of a page are noted in the page's context, for the confined run may end
 * by an error, and go on to a tuplestore that spills to disk.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/refuse.h"
#include "base/statement.h"
#include "capture/find.h"
#include "history/customer_key.h"
#include "history/history.h"
#include "history/history_scan.h"
#include "records/forgotten.h"
#include "records/stops.h"
#include "settings.h"

/* Columns of ecapi.history(). */
enum
{
	COLUMN_ID,
	COLUMN_CUSTOMER,
	COLUMN_CUSTOMER_FIELD,
	COLUMN_VALUE,
	COLUMN_CURRENCY_CODE,
	COLUMN_OCCURRED_AT,
	COLUMN_ITEMS,
	COLUMN_PROBLEM,
	COLUMNS
};

#define EPOCH	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* An event as its row says it; texts in the page's context. */
typedef struct Listed
{
	const char *id;				/* NULL: not known */
	EcapiCustomerKey customer;
	const char *value;			/* NULL: none */
	const char *currency;		/* NULL: none */
	int64		seconds;		/* since 1970 */
	bool		has_items;
	double		items;
	const char *problem;		/* why it is no event; NULL: it is one */
} Listed;

typedef struct ListedPage
{
	ReturnSetInfo *result;
	EcapiProgress *progress;
	const char *table;			/* name, for messages */
	TimestampTz reported_at;
	bool		may_be_cancelled;
	EcapiForgotten *forgotten;	/* NULL: nobody is */
	MemoryContext context;
	int			n;
	Listed		listed[ECAPI_HISTORY_PAGE];
} ListedPage;

PG_FUNCTION_INFO_V1(ecapi_history);

/* ---- a row; runs confined: no SQL, no errors ---- */

static const char *
text_of(ListedPage *page, const EcapiValue *event, const char *key)
{
	const EcapiValue *value = ecapi_value_get(event, key);

	return value == NULL || value->text == NULL ? NULL
		: MemoryContextStrdup(page->context, value->text);
}

static Listed *
next_listed(ListedPage *page)
{
	Listed	   *listed = &page->listed[page->n++];

	Assert(page->n <= ECAPI_HISTORY_PAGE);
	memset(listed, 0, sizeof(*listed));
	return listed;
}

/* How many things were bought: an item without a quantity is one. */
static void
count_items(Listed *listed, const EcapiValue *event)
{
	const EcapiValue *items = ecapi_value_get(ecapi_value_get(event, "properties"), "items");

	if (items == NULL || items->type != ECAPI_ARRAY || items->first == NULL)
		return;
	listed->has_items = true;
	for (const EcapiValue *item = items->first; item != NULL; item = item->next)
	{
		const EcapiValue *quantity = ecapi_value_get(item, "quantity");

		listed->items += quantity == NULL || quantity->type != ECAPI_NUMBER ? 1
			: strtod(quantity->text, NULL);
	}
}

static void
note(void *arg, const EcapiValue *event, EcapiRowState state)
{
	ListedPage *page = arg;
	Listed	   *listed;

	if (state == ECAPI_ROW_FALSE)
		return;
	listed = next_listed(page);
	listed->id = text_of(page, event, "id");
	if (state == ECAPI_ROW_UNTIMED)
	{
		/* what was only mapped has not been validated */
		listed->problem = "it has no timestamp";
		return;
	}
	listed->value = text_of(page, event, "value");
	listed->currency = text_of(page, event, "currency_code");
	listed->seconds = strtoll(ecapi_value_get(event, "timestamp")->text, NULL, 10);
	ecapi_customer_key(ecapi_value_get(event, "user_data"), ecapi_default_country(),
					   &listed->customer);
	ecapi_customer_key_copy(&listed->customer, page->context);
	count_items(listed, event);
	if (page->forgotten != NULL)
		ecapi_forgotten_note(page->forgotten, event, page->n - 1);
}

static void
note_failure(void *arg, EcapiRowState state, const char *id, const char *reason)
{
	ListedPage *page = arg;
	Listed	   *listed;

	if (state != ECAPI_ROW_FAILING)
		return;
	listed = next_listed(page);
	if (id != NULL)
		listed->id = MemoryContextStrdup(page->context, id);
	listed->problem = reason == NULL ? "it cannot be an event"
		: MemoryContextStrdup(page->context, reason);
}

/* ---- a page ---- */

static void
begin_page(void *arg, MemoryContext context)
{
	ListedPage *page = arg;

	page->context = context;
	page->n = 0;
}

/* Those that a backfill would not emit, see rows.c. */
static void
find_left_out(ListedPage *page, bool *is_out)
{
	EcapiBackfillCounts *counts = &page->progress->counts;
	bool		forgotten[ECAPI_HISTORY_PAGE] = {false};
	EcapiStopQuery *stops;
	int			found;

	if (page->forgotten != NULL)
	{
		found = ecapi_forgotten_ask(page->forgotten, page->n, forgotten);
		counts->forgotten += found;
		counts->events -= found;
	}
	memcpy(is_out, forgotten, sizeof(forgotten));
	if (!page->may_be_cancelled || page->n == 0)
		return;
	stops = palloc0(sizeof(EcapiStopQuery) * page->n);
	for (int i = 0; i < page->n; i++)
	{
		const Listed *listed = &page->listed[i];

		stops[i].id = listed->id == NULL ? "" : listed->id;
		stops[i].id_len = (int) strlen(stops[i].id);
		stops[i].is_server = true;
		stops[i].xid = PG_UINT64_MAX;
		stops[i].is_history = true;
		stops[i].happened = listed->problem != NULL ? DT_NOEND
			: (listed->seconds - EPOCH) * USECS_PER_SEC;
	}
	(void) ecapi_stops_again(stops, page->n);
	for (int i = 0; i < page->n; i++)
	{
		if (is_out[i] || !stops[i].stopped || page->listed[i].problem != NULL)
			continue;
		is_out[i] = true;
		counts->cancelled++;
		counts->events--;
	}
}

static void
put(const ListedPage *page, const Listed *listed)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};
	const char *path;
	char	   *customer = ecapi_customer_text(&listed->customer, false, &path);

	ecapi_set_text(values, nulls, COLUMN_ID, listed->id);
	ecapi_set_text(values, nulls, COLUMN_CUSTOMER, customer);
	ecapi_set_text(values, nulls, COLUMN_CUSTOMER_FIELD, path);
	nulls[COLUMN_VALUE] = listed->value == NULL;
	if (listed->value != NULL)
		values[COLUMN_VALUE] = DirectFunctionCall3(numeric_in, CStringGetDatum(listed->value),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	ecapi_set_text(values, nulls, COLUMN_CURRENCY_CODE, listed->currency);
	nulls[COLUMN_OCCURRED_AT] = listed->problem != NULL;
	values[COLUMN_OCCURRED_AT] = TimestampTzGetDatum((listed->seconds - EPOCH) * USECS_PER_SEC);
	nulls[COLUMN_ITEMS] = !listed->has_items;
	values[COLUMN_ITEMS] = Float8GetDatum(listed->items);
	ecapi_set_text(values, nulls, COLUMN_PROBLEM, listed->problem);
	tuplestore_putvalues(page->result->setResult, page->result->setDesc, values, nulls);
}

static void
report(const ListedPage *page, const char *verb)
{
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("history of table \"%s\" by track \"%s\"%s: %s", page->table,
					page->progress->track, verb,
					ecapi_history_describe(&page->progress->counts, "that cannot be events"))));
}

static void
end_page(void *arg)
{
	ListedPage *page = arg;
	bool		is_out[ECAPI_HISTORY_PAGE];

	find_left_out(page, is_out);
	for (int i = 0; i < page->n; i++)
		if (!is_out[i])
			put(page, &page->listed[i]);
	if (ecapi_history_reports(&page->reported_at))
		report(page, " so far");
}

/* ---- all of it ---- */

/* The one track that is meant. */
static const EcapiFoundTrack *
the_track(Relation relation, const char *name)
{
	List	   *tracks = ecapi_find_tracks(relation, name);
	const EcapiFoundTrack *found = linitial(tracks);
	const EcapiCompiled *compiled = found->compiled;

	if (list_length(tracks) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("table \"%s\" has several tracks", RelationGetRelationName(relation)),
				 errhint("Say which one with name => '...'.")));
	if (compiled->program == NULL)
		ereport(ERROR,
				(errcode(ecapi_sqlstate(compiled->sqlstate)),
				 errmsg("track \"%s\" of table \"%s\" cannot be used: %s", found->trigger->tgname,
						RelationGetRelationName(relation), compiled->problem)));
	return found;
}

static void
scan(const EcapiFoundTrack *found, EcapiProgress *progress, ListedPage *page)
{
	EcapiRowsSink sink = {note, note_failure, page};
	EcapiHistoryScan all = {progress, pstrdup(found->compiled->program->track->event_type),
	&sink, begin_page, end_page};
	const EcapiBackfillCounts *counts = &progress->counts;

	page->progress = progress;
	page->reported_at = GetCurrentTimestamp();
	page->forgotten = ecapi_forgotten_begin(ecapi_default_country());
	page->may_be_cancelled = ecapi_stops_any();
	ecapi_history_scan(&all);
	if (counts->set_aside + counts->forgotten + counts->cancelled > 0)
		report(page, "");
}

/*
 * ecapi.history(relation regclass, name text, since timestamptz, until timestamptz)
 *
 * The rows of a table as events of the track of that name (NULL: its only one), with a
 * timestamp from since up to until.  See the columns in the install script.  Raises an
 * error when the caller does not own the table, there is no such track, or several, or
 * one that says nothing about rows as they are (history.h), and when the table has no
 * key.
 */
Datum
ecapi_history(PG_FUNCTION_ARGS)
{
	Oid			relid;
	Relation	relation;
	const EcapiFoundTrack *found;
	EcapiProgress progress = {0};
	ListedPage *page = palloc0(sizeof(ListedPage));

	if (PG_ARGISNULL(0))
		ecapi_argument_refuse_null("relation");
	relid = PG_GETARG_OID(0);
	progress.relation = relid;
	progress.since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	progress.has_until = true;
	progress.until = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	if (progress.since >= progress.until)
		ecapi_argument_refuse("\"since\" must lie before \"until\"", NULL);
	InitMaterializedSRF(fcinfo, 0);

	relation = table_open(relid, AccessShareLock);
	ecapi_argument_own(relid);
	found = the_track(relation, ecapi_argument_text(fcinfo, 1));
	ecapi_history_check(relation, found);
	progress.trigger = found->trigger->tgoid;
	progress.track = pstrdup(found->trigger->tgname);
	page->table = pstrdup(RelationGetRelationName(relation));
	page->result = (ReturnSetInfo *) fcinfo->resultinfo;
	scan(found, &progress, page);
	table_close(relation, AccessShareLock);
	PG_RETURN_NULL();
}

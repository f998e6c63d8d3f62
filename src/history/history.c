/*
 * history.c
 *	  The rows that a table has, page by page, as events of one of its tracks.
 *
 * A page is the rows behind the last key in the order of a unique index, so it
 * costs the same wherever in the table it lies, and a position is a key: it
 * survives the backend.  The table is read as the track's role, confined, like
 * all that a track reads (row security that is forced on the owner hides
 * rows from it); the rows are copied out, and the track makes events of them as
 * it makes events of changes.
 *
 * A superuser's table is read only where that runs no code of users
 * (superuser_read.c).
 *
 * since and until are compared with the events' timestamps, in whole seconds
 * (rows.c).  Where the timestamp is just a column, the same range is part of
 * the query, so that an index on that column can serve; a sink is given the rows
 * without a time, too, for these lie in no range and would be missed in each.
 *
 * Locks: AccessShareLock on the table for the page's transaction.  A row that
 * changes meanwhile is captured by its trigger, too: under the same id.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tupconvert.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/refuse.h"
#include "base/run_as.h"
#include "base/sql_scope.h"
#include "base/statement.h"
#include "capture/program_cache.h"
#include "capture/rows.h"
#include "history/history.h"
#include "history/history_key.h"
#include "records/stops.h"
#include "rowsql/confine.h"
#include "rowsql/superuser_read.h"
#include "settings.h"
#include "tracking/look.h"

/* Parameters of the query: the last key, since and until. */
#define MAX_PARAMETERS	(INDEX_MAX_KEYS + 2)

/* Seconds from 1970 to the server's epoch, 2000. */
#define EPOCH			((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* One reading of a page; crosses into confined SQL. */
typedef struct Reading
{
	const EcapiProgress *progress;
	Relation	relation;
	const char *time_column;	/* timestamptz column of the timestamp, or NULL */
	bool		untimed;		/* also rows where it is null */
	int			page_size;
	MemoryContext context;		/* where rows go */
	int			nrows;
	HeapTuple  *rows;			/* of the relation's descriptor */
	int64		skipped;
	char	  **last_key;
} Reading;

/* ---- what can be backfilled ---- */

static const EcapiMapped *
mapped_timestamp(const EcapiTrack *track)
{
	for (int i = 0; i < track->nmapped; i++)
	{
		if (strcmp(track->mapped[i].path, "timestamp") == 0)
			return &track->mapped[i];
	}
	return NULL;
}

const char *
ecapi_history_problem(Relation relation, const EcapiFoundTrack *found, const char **hint)
{
	const EcapiProgram *program = found->compiled->program;
	const EcapiTrack *track = program->track;
	char	   *obstacle;

	if (!ecapi_program_maps(program, "timestamp"))
	{
		*hint = "Map \"timestamp\" to the column that says when it happened.";
		return "Its mapping has no timestamp, so all of history would have happened now.";
	}
	if (track->nchanges > 0 && track->condition == NULL)
	{
		*hint = "Give the track a condition that tells rows which are events.";
		return "It captures changes of columns, and a row does not say which changes it has seen.";
	}
	if (program->states_change)
	{
		*hint = "Write the condition with the new row alone.";
		return "Its condition looks at the old row, which is not kept.";
	}
	obstacle = superuser_arg(found->compiled->role) ? ecapi_superuser_obstacle(relation) : NULL;
	if (obstacle != NULL)
	{
		*hint = ecapi_run_as_hint("Give the table to a role that is no superuser with ALTER TABLE ... OWNER TO");
		return psprintf("No code of users runs with a superuser's rights, and it could in reading %s.",
						obstacle);
	}
	return NULL;
}

bool
ecapi_history_runs_sql(Relation relation, const EcapiProgram *program)
{
	bool		has_policies = relation->rd_rel->relrowsecurity &&
		relation->rd_rel->relforcerowsecurity && !superuser_arg(program->role);

	return has_policies || ecapi_look_program_runs_sql(program);
}

void
ecapi_history_check(Relation relation, const EcapiFoundTrack *found)
{
	const char *hint;
	const char *problem = ecapi_history_problem(relation, found, &hint);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("track \"%s\" of table \"%s\" cannot be backfilled",
						found->trigger->tgname, RelationGetRelationName(relation)),
				 errdetail("%s", problem),
				 errhint("%s", hint)));
}

/* ---- the query ---- */

/* A trigger of a parent table sees the parent's own rows. */
static void
append_table(StringInfo sql, Relation relation)
{
	appendStringInfo(sql, " FROM %s%s.%s AS t",
					 relation->rd_rel->relkind == RELKIND_RELATION ? "ONLY " : "",
					 quote_identifier(get_namespace_name(RelationGetNamespace(relation))),
					 quote_identifier(RelationGetRelationName(relation)));
}

static char *
build_query(const Reading *reading)
{
	const EcapiHistoryKey *key = &reading->progress->key;
	bool		resumed = reading->progress->last_key != NULL;
	int			next = resumed ? key->n + 1 : 1;
	const char *word = " WHERE";
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT t.*");
	append_table(&sql, reading->relation);
	if (resumed)
	{
		appendStringInfo(&sql, "%s ", word);
		ecapi_history_key_behind(&sql, reading->relation, key);
		word = " AND";
	}
	if (reading->time_column != NULL)
	{
		const char *column = quote_identifier(reading->time_column);

		appendStringInfo(&sql, "%s (t.%s OPERATOR(pg_catalog.>=) $%d"
						 " AND t.%s OPERATOR(pg_catalog.<) $%d", word, column, next, column, next + 1);
		if (reading->untimed)
			appendStringInfo(&sql, " OR t.%s IS NULL", column);
		appendStringInfoChar(&sql, ')');
	}
	appendStringInfoString(&sql, " ORDER BY ");
	ecapi_history_key_order(&sql, reading->relation, key);
	appendStringInfo(&sql, " LIMIT %d", reading->page_size);
	return sql.data;
}

/* Whole seconds since 1970, downwards or upwards; the infinities as the ends. */
static int64
seconds_of(TimestampTz moment, bool up)
{
	int64		seconds;

	if (TIMESTAMP_IS_NOBEGIN(moment))
		return PG_INT64_MIN;
	if (TIMESTAMP_IS_NOEND(moment))
		return PG_INT64_MAX;
	seconds = moment / USECS_PER_SEC;
	if (!up && moment % USECS_PER_SEC < 0)
		seconds--;
	if (up && moment % USECS_PER_SEC > 0)
		seconds++;
	return seconds + EPOCH;
}

/* The same moment, on a whole second. */
static TimestampTz
whole_second(TimestampTz moment, bool up)
{
	if (TIMESTAMP_NOT_FINITE(moment))
		return moment;
	return (seconds_of(moment, up) - EPOCH) * USECS_PER_SEC;
}

/* since and until as parameters, behind n others; returns how many there are then. */
static int
fill_range(const EcapiProgress *progress, Oid *types, Datum *values, int n)
{
	types[n] = types[n + 1] = TIMESTAMPTZOID;
	values[n++] = TimestampTzGetDatum(whole_second(progress->since, false));
	values[n++] = TimestampTzGetDatum(whole_second(progress->until, true));
	return n;
}

static int
fill_parameters(const Reading *reading, Oid *types, Datum *values)
{
	const EcapiProgress *progress = reading->progress;
	const EcapiHistoryKey *key = &progress->key;
	int			n = 0;

	for (; progress->last_key != NULL && n < key->n; n++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(reading->relation),
													key->columns[n] - 1);
		int32		typmod = attribute->atttypmod;
		Oid			input;
		Oid			parameter;

		/* a domain has let the value pass; to ask it again may run users' code */
		types[n] = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
		getTypeInputInfo(types[n], &input, &parameter);
		values[n] = OidInputFunctionCall(input, progress->last_key[n], parameter, typmod);
	}
	return reading->time_column != NULL ? fill_range(progress, types, values, n) : n;
}

/* The key of a row, as texts in reading's context. */
static char **
key_of(const Reading *reading, HeapTuple row)
{
	TupleDesc	descriptor = RelationGetDescr(reading->relation);
	const EcapiHistoryKey *key = &reading->progress->key;
	MemoryContext old;
	char	  **result = MemoryContextAlloc(reading->context, sizeof(char *) * key->n);

	for (int i = 0; i < key->n; i++)
	{
		Oid			output;
		bool		varlena;
		bool		isnull;
		Datum		value = heap_getattr(row, key->columns[i], descriptor, &isnull);

		if (isnull)
			elog(ERROR, "column %d of a row's key is null", key->columns[i]);
		getTypeOutputInfo(TupleDescAttr(descriptor, key->columns[i] - 1)->atttypid,
						  &output, &varlena);
		old = MemoryContextSwitchTo(reading->context);
		result[i] = OidOutputFunctionCall(output, value);
		MemoryContextSwitchTo(old);
	}
	return result;
}

/*
 * Runs confined: as the track's role, read-only, under fixed settings, which
 * also make the text forms of keys the same for every session.
 */
static void
read_rows(void *arg)
{
	Reading    *reading = arg;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	TupleConversionMap *map;
	MemoryContext old;
	int			n;
	int			result;

	SPI_connect();
	ecapi_sql_set("constraint_exclusion", "off");	/* see superuser_read.c */
	n = fill_parameters(reading, types, values);
	result = ecapi_execute_text(build_query(reading), n, types, values, NULL,
								   true, reading->page_size);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read a page of rows: %s", SPI_result_code_string(result));

	/* dropped columns are in the relation's descriptor, not in the query's */
	map = convert_tuples_by_name(SPI_tuptable->tupdesc, RelationGetDescr(reading->relation));
	old = MemoryContextSwitchTo(reading->context);
	reading->rows = palloc(sizeof(HeapTuple) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		reading->rows[reading->nrows++] = map == NULL
			? heap_copytuple(SPI_tuptable->vals[i])
			: execute_attr_map_tuple(SPI_tuptable->vals[i], map);
	MemoryContextSwitchTo(old);
	if (reading->nrows > 0)
		reading->last_key = key_of(reading, reading->rows[reading->nrows - 1]);
	SPI_finish();
}

/* How many rows no page reads, for their time is null or not in the range. */
static void
count_skipped(void *arg)
{
	Reading    *reading = arg;
	const char *column = quote_identifier(reading->time_column);
	Oid			types[2];
	Datum		values[2];
	StringInfoData sql;
	int			result;

	SPI_connect();
	ecapi_sql_set("constraint_exclusion", "off");
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*)");
	append_table(&sql, reading->relation);
	appendStringInfo(&sql, " WHERE (t.%s OPERATOR(pg_catalog.>=) $1"
					 " AND t.%s OPERATOR(pg_catalog.<) $2) IS NOT TRUE", column, column);
	(void) fill_range(reading->progress, types, values, 0);
	result = ecapi_execute_text(sql.data, lengthof(types), types, values, NULL, true, 1);
	if (result != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not count rows: %s", SPI_result_code_string(result));
	reading->skipped = ecapi_column_int8(0, 1);
	SPI_finish();
}

/* ---- a page ---- */

const char *
ecapi_history_time_column(Relation relation, const EcapiTrack *track)
{
	const EcapiMapped *mapped = mapped_timestamp(track);
	AttrNumber	column;

	if (mapped == NULL || mapped->source == NULL)
		return NULL;
	column = get_attnum(RelationGetRelid(relation), mapped->source);
	if (column <= 0 ||
		TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid != TIMESTAMPTZOID)
		return NULL;
	return mapped->source;
}

/* The rows of a page, one after the other. */
typedef struct PageRows
{
	const Reading *reading;
	TupleTableSlot *slot;
	int			next;
} PageRows;

static bool
next_row(void *arg, EcapiTableRow *row)
{
	PageRows   *page = arg;

	if (page->next == page->reading->nrows)
		return false;
	ExecStoreHeapTuple(page->reading->rows[page->next++], page->slot, false);
	row->new = page->slot;
	row->old = NULL;
	row->context = NULL;
	row->captured_at = 0;
	row->written.is_history = true;
	return true;
}

static void
capture_rows(Reading *reading, const EcapiFoundTrack *found, EcapiProgress *progress,
			 const EcapiRowsSink *sink)
{
	PageRows	page = {reading, NULL, 0};
	EcapiRowCapture	rows = {0};
	EcapiRowsResult result = {0};

	page.slot = MakeSingleTupleTableSlot(RelationGetDescr(reading->relation), &TTSOpsHeapTuple);
	rows.compiled = found->compiled;
	rows.trigger = found->trigger->tgname;
	rows.mode = ECAPI_ROWS_HISTORY;
	rows.since = seconds_of(progress->since, false);
	rows.until = seconds_of(progress->until, true);
	rows.next = next_row;
	rows.arg = &page;
	rows.sink = sink;
	if (sink == NULL)
	{
		ecapi_forgotten_share();
		rows.forgotten = ecapi_forgotten_begin(ecapi_default_country());
		rows.may_be_cancelled = ecapi_stops_any();
	}
	ecapi_rows_capture(&rows, &result);
	ExecDropSingleTupleTableSlot(page.slot);

	progress->counts.rows += reading->nrows;
	progress->counts.events += result.events;
	progress->counts.set_aside += result.set_aside;
	progress->counts.outside += result.outside;
	progress->counts.forgotten += result.forgotten;
	progress->counts.cancelled += result.cancelled;
	progress->counts.condition_false += result.condition_false;
}

static void
could_not_read(Relation relation, Oid role, const EcapiConfinedError *error)
{
	ereport(ERROR,
			(errcode(ecapi_sqlstate(error->sqlstate)),
			 errmsg("could not read table \"%s\" as role \"%s\"", RelationGetRelationName(relation),
					GetUserNameFromId(role, true)),
			 error->object == NULL
			 ? errdetail("The error was %s.", error->sqlstate)
			 : errdetail("The error was %s, at \"%s\".", error->sqlstate, error->object)));
}

/*
 * The key of the first page is that of all: last_key is a position in its order alone.
 * The table may have lost its index since, or got another that is listed before it.
 */
static void
take_key(EcapiProgress *progress, Relation relation, bool backfills)
{
	if (progress->key.n == 0)
		ecapi_history_key(relation, &progress->key);
	else if (!ecapi_history_key_stands(relation, &progress->key))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" can no longer be read by the key that it was read by so far",
						RelationGetRelationName(relation)),
				 errdetail("No unique index over the same columns, never null and of the same types, is left."),
				 backfills
				 ? errhint("Create it again and repeat the CALL, or begin again with restart => true.")
				 : errhint("Repeat the statement.")));
}

int
ecapi_history_page(EcapiProgress *progress, const char *event_type, int page_size,
				   const EcapiRowsSink *sink, MemoryContext context)
{
	Relation	relation = table_open(progress->relation, AccessShareLock);
	EcapiFoundTrack found;
	EcapiConfinedError error;
	Reading		reading = {0};

	/* the table may have been given away, and its track changed, since the last page */
	ecapi_argument_own(progress->relation);
	found = ecapi_find_track(relation, event_type, progress->track);
	if (found.trigger->tgoid != progress->trigger)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("track \"%s\" of table \"%s\" was dropped and made again",
						progress->track, RelationGetRelationName(relation)),
				 errdetail("The lock that keeps others from backfilling it went with it.")));
	ecapi_history_check(relation, &found);
	if (progress->plain && ecapi_history_runs_sql(relation, found.compiled->program))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("track \"%s\" of table \"%s\" would run SQL of the table's owner",
						progress->track, RelationGetRelationName(relation))));
	take_key(progress, relation, sink == NULL);

	reading.progress = progress;
	reading.relation = relation;
	reading.time_column = ecapi_history_time_column(relation,
										  found.compiled->program->track);
	reading.untimed = sink != NULL;
	reading.page_size = page_size;
	reading.context = context;
	if (!ecapi_confined_run(read_rows, &reading, found.compiled->role, &error))
		could_not_read(relation, found.compiled->role, &error);
	if (sink == NULL && reading.time_column != NULL && reading.nrows < page_size)
	{
		/* what a range leaves out must not look as if it were not there */
		if (!ecapi_confined_run(count_skipped, &reading, found.compiled->role, &error))
			could_not_read(relation, found.compiled->role, &error);
		progress->counts.skipped = reading.skipped;
	}

	if (reading.nrows > 0)
	{
		capture_rows(&reading, &found, progress, sink);
		progress->last_key = reading.last_key;
	}
	table_close(relation, AccessShareLock);
	return reading.nrows;
}

/*
 * progress.c
 *	  How far backfills have come: the table ecapi.backfill_progress.
 *
 * One row for each (relation, track, since, until).  A row advances in the
 * transaction that appends a page's events, so position and events are never
 * apart: whatever kills the backend, a resumed backfill neither leaves out a
 * row nor makes an event twice.
 *
 * A row says "running" while its backend lives; one that dies cannot write
 * "interrupted", so the view ecapi.backfill distinguishes the two by the lock of
 * the track (backfill.c), which goes with the backend.
 *
 * The row is written with every page, so it is found from the top of its index, as
 * a cursor's is (outbox/cursor.c): no page walks over dead versions of it.
 *
 * The key by which rows are read is written down with the types and operators of its
 * columns: a position is one in that order alone.  Rows of 1.0 have the names only, and
 * are believed.
 *
 * Statements run as the extension's owner.  All functions want a transaction
 * and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/sql_scope.h"
#include "base/statement.h"
#include "history/progress.h"

/* Rows of tables that were dropped. */
static EcapiStatement forget_dropped = {
	"DELETE FROM ecapi.backfill_progress p WHERE NOT EXISTS"
	" (SELECT FROM pg_catalog.pg_class c WHERE c.oid = p.relation)",
	0, {0}, NULL
};

/* Whose backend died: the lock of the track is ours now. */
static EcapiStatement interrupt = {
	"UPDATE ecapi.backfill_progress SET state = 'interrupted'"
	" WHERE relation = $1 AND track = $2 AND state = 'running'",
	2, {REGCLASSOID, NAMEOID}, NULL
};

static EcapiStatement forget = {
	"DELETE FROM ecapi.backfill_progress"
	" WHERE relation = $1 AND track = $2 AND since = $3"
	" AND until IS NOT DISTINCT FROM $4 AND (state = 'finished' OR $5)",
	5, {REGCLASSOID, NAMEOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID}, NULL
};

static EcapiStatement begin = {
	"INSERT INTO ecapi.backfill_progress AS p (relation, track, trigger_oid, since,"
	" until, ends_at, key_columns, state, started_at, updated_at, written)"
	" VALUES ($1, $2, $3, $4, $5, coalesce($5, pg_catalog.clock_timestamp()), $6,"
	" 'running', pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),"
	" coalesce((SELECT n.written FROM ecapi.backfill_progress n WHERE n.relation = $1"
	" AND n.track = $2 AND n.since = $4 AND n.until IS NOT DISTINCT FROM $5"
	" ORDER BY n.generation DESC LIMIT 1), 0))"
	" ON CONFLICT (relation, track, since, until, generation) DO UPDATE SET state = 'running',"
	" written = p.written + 1,"
	" trigger_oid = excluded.trigger_oid, sqlstate = NULL, finished_at = NULL,"
	" updated_at = excluded.updated_at"
	" RETURNING p.backfill_id, p.ends_at, p.last_key, p.rows_read, p.events,"
	" p.set_aside, p.outside, p.key_columns, p.forgotten, p.cancelled, p.condition_false",
	6, {REGCLASSOID, NAMEOID, OIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID}, NULL
};

static EcapiStatement advance = {
	"UPDATE ecapi.backfill_progress SET last_key = $2, rows_read = $3, events = $4,"
	" set_aside = $5, outside = $6, forgotten = $7, cancelled = $8, condition_false = $9,"
	" seconds = seconds + $10, written = written + 1, updated_at = pg_catalog.clock_timestamp()"
	" WHERE ctid = (SELECT n.ctid FROM ecapi.backfill_progress n WHERE n.backfill_id = $1"
	" ORDER BY n.generation DESC LIMIT 1)",
	10, {INT8OID, TEXTARRAYOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
	FLOAT8OID},
	NULL
};

static EcapiStatement end = {
	"UPDATE ecapi.backfill_progress SET state = $2, sqlstate = $3, skipped = $4,"
	" finished_at = CASE WHEN $2 = 'finished' THEN pg_catalog.clock_timestamp() END,"
	" updated_at = pg_catalog.clock_timestamp() WHERE backfill_id = $1",
	4, {INT8OID, TEXTOID, TEXTOID, INT8OID}, NULL
};

static Datum
text_array(int n, const char *const *texts)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	return ecapi_arg_array(elements, n, TEXTOID).value;
}

/* Texts of an array without nulls, in the current context. */
static char **
texts_of_array(Datum array, int *n)
{
	Datum	   *elements;
	char	  **texts;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = TextDatumGetCString(elements[i]);
	return texts;
}

/* The key, as it is written down. */
static Datum
key_columns(Relation relation, const EcapiHistoryKey *key)
{
	const char **words = palloc0(sizeof(char *) * key->n);

	for (int i = 0; i < key->n; i++)
		words[i] = ecapi_history_key_words(relation, key, i);
	return text_array(key->n, words);
}

static void
take_row(EcapiProgress *progress, Relation relation, MemoryContext context)
{
	int			n;
	char	  **words = texts_of_array(ecapi_column_datum(0, 8), &n);

	if (!ecapi_history_key_told(relation, words, n, &progress->key))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the backfill to go on with went through table \"%s\" by another key",
						RelationGetRelationName(relation)),
				 errhint("Begin again with restart => true.")));
	progress->id = ecapi_column_int8(0, 1);
	progress->until = ecapi_column_time(0, 2);
	progress->counts.rows = ecapi_column_int8(0, 4);
	progress->counts.events = ecapi_column_int8(0, 5);
	progress->counts.set_aside = ecapi_column_int8(0, 6);
	progress->counts.outside = ecapi_column_int8(0, 7);
	progress->counts.forgotten = ecapi_column_int8(0, 9);
	progress->counts.cancelled = ecapi_column_int8(0, 10);
	progress->counts.condition_false = ecapi_column_int8(0, 11);
	progress->last_key = NULL;
	if (!ecapi_column_is_null(0, 3))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		progress->last_key = texts_of_array(ecapi_column_datum(0, 3), &n);
		MemoryContextSwitchTo(old);
		if (n != progress->key.n)
			elog(ERROR, "the position of a backfill has %d columns, and its key %d", n,
				 progress->key.n);
	}
}

void
ecapi_progress_begin(EcapiProgress *progress, Relation relation, bool restart,
					 MemoryContext context)
{
	NullableDatum table = ecapi_arg_oid(progress->relation);
	NullableDatum track = ecapi_arg_name(progress->track);
	NullableDatum since = ecapi_arg_time(progress->since);
	NullableDatum until = ecapi_arg_null_if(!progress->has_until,
											TimestampTzGetDatum(progress->until));
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	ecapi_execute(&forget_dropped);
	ecapi_execute(&interrupt, table, track);
	ecapi_execute(&forget, table, track, since, until, ecapi_arg_bool(restart));
	if (ecapi_execute(&begin, table, track, ecapi_arg_oid(progress->trigger), since, until,
					  ecapi_arg(key_columns(relation, &progress->key))) != 1)
		elog(ERROR, "could not write down a backfill");
	take_row(progress, relation, context);
	ecapi_become_caller(&scope);
}

void
ecapi_progress_advance(const EcapiProgress *progress, double seconds)
{
	const EcapiBackfillCounts *counts = &progress->counts;
	EcapiOwnerScope scope;
	Datum		last_key = 0;

	ecapi_become_owner(&scope);

	/*
	 * A plan that is made while the table is small must not read all of it later.
	 * The owner's scope puts the setting back.
	 */
	ecapi_sql_set("enable_seqscan", "off");
	if (progress->last_key != NULL)
		last_key = text_array(progress->key.n, (const char *const *) progress->last_key);
	ecapi_execute(&advance, ecapi_arg_int8(progress->id),
				  ecapi_arg_null_if(progress->last_key == NULL, last_key),
				  ecapi_arg_int8(counts->rows), ecapi_arg_int8(counts->events),
				  ecapi_arg_int8(counts->set_aside), ecapi_arg_int8(counts->outside),
				  ecapi_arg_int8(counts->forgotten), ecapi_arg_int8(counts->cancelled),
				  ecapi_arg_int8(counts->condition_false), ecapi_arg_float8(seconds));
	ecapi_become_caller(&scope);
}

void
ecapi_progress_end(const EcapiProgress *progress, const char *state, const char *sqlstate)
{
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	ecapi_execute(&end, ecapi_arg_int8(progress->id), ecapi_arg_text(state),
				  ecapi_arg_text(sqlstate), ecapi_arg_int8(progress->counts.skipped));
	ecapi_become_caller(&scope);
}

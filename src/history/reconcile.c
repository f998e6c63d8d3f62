/*
 * reconcile.c
 *	  ecapi.reconcile(): the rows that a track should have turned into events.
 *
 * The rows go through the track as a backfill would send them (history.c), but
 * what comes out is only noted: the id, the value and the time of each event.
 * reconcile_sql.c compares that with what was emitted and delivered.
 *
 * Rows are judged as they are now.  A row whose condition is false now may have been
 * an event before, so it is noted with the event that it would be; one of which no
 * event can be made, and one that is an event without a time, are noted with what is
 * known of them.  A track that says nothing about rows as they are, or that does not
 * compile, is a row of the result that says why: it hides no other track.
 *
 * Of a table that is spread over nodes, each node judges the rows that it has (question),
 * and ecapi.reconcile_nodes() brings together what they found.
 *
 * A report, which others than the table's owner read, may ask for what is known without
 * SQL of that owner (plain): then a track that would run some, as the owner but in the
 * session of the reader, is not looked at.  Tracks are looked at first (tracking/look.c),
 * for compiling one runs what the planner folds; and each page looks again, for a track may
 * be declared again meanwhile.
 *
 * Reads only: it runs in read-only transactions and on a standby, too.  The
 * caller must own the table; then the events that were captured from it are the
 * caller's, and so is what became of them.  Rows may name ids of others: of these
 * nothing is shown (reconcile_sql.c).  It shows ids and sums, and no other contents.
 *
 * Memory: events of a page are noted in the page's context, since the confined run may
 * end by an error, and go on to a tuplestore that spills to disk.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/citus.h"
#include "base/statement.h"
#include "capture/program_compile.h"
#include "capture/rows.h"
#include "compat.h"
#include "history/history.h"
#include "history/history_scan.h"
#include "history/reconcile.h"
#include "records/forgotten.h"
#include "rowsql/names.h"
#include "settings.h"
#include "stat/stat_progress.h"
#include "tracking/look.h"

/* An event as its row says it; texts in the page's context. */
typedef struct Noted
{
	EcapiRowState state;
	const char *id;				/* NULL: not known */
	const char *value;			/* NULL: none */
	const char *currency;		/* NULL: none */
	bool		timed;
	int64		seconds;		/* since 1970 */
	const char *reason;			/* of a failure */
} Noted;

typedef struct NotedPage
{
	EcapiExpected *expected;	/* where notes go at the end of the page */
	EcapiForgotten *forgotten;	/* NULL: nobody is */
	MemoryContext context;
	int64		rows;			/* of all pages */
	int			n;
	Noted		noted[ECAPI_HISTORY_PAGE];
} NotedPage;

PG_FUNCTION_INFO_V1(ecapi_reconcile);
PG_FUNCTION_INFO_V1(ecapi_reconcile_node);
PG_FUNCTION_INFO_V1(ecapi_reconcile_for_report);

static const char *
text_of(NotedPage *page, const EcapiValue *event, const char *key)
{
	const EcapiValue *value = ecapi_value_get(event, key);

	return value == NULL || value->text == NULL ? NULL
		: MemoryContextStrdup(page->context, value->text);
}

/* One row is one note at most, so there is room for it. */
static Noted *
next_note(NotedPage *page, EcapiRowState state)
{
	Noted	   *noted = &page->noted[page->n++];

	Assert(page->n <= ECAPI_HISTORY_PAGE);
	memset(noted, 0, sizeof(*noted));
	noted->state = state;
	return noted;
}

/* Runs confined: no SQL, no errors. */
static void
note(void *arg, const EcapiValue *event, EcapiRowState state)
{
	NotedPage  *page = arg;
	Noted	   *noted = next_note(page, state);

	noted->id = text_of(page, event, "id");
	/* what was only mapped has not been validated: its amount may be anything */
	if (state == ECAPI_ROW_UNTIMED)
		return;
	noted->value = text_of(page, event, "value");
	noted->currency = text_of(page, event, "currency_code");
	noted->timed = true;
	noted->seconds = strtoll(ecapi_value_get(event, "timestamp")->text, NULL, 10);
	if (page->forgotten != NULL)
		ecapi_forgotten_note(page->forgotten, event, page->n - 1);
}

static void
note_failure(void *arg, EcapiRowState state, const char *id, const char *reason)
{
	NotedPage  *page = arg;
	Noted	   *noted = next_note(page, state);

	if (id != NULL)
		noted->id = MemoryContextStrdup(page->context, id);
	if (reason != NULL)
		noted->reason = MemoryContextStrdup(page->context, reason);
}

static void
begin_page(void *arg, MemoryContext context)
{
	NotedPage  *page = arg;

	page->context = context;
	page->n = 0;
}

static void
end_page(void *arg)
{
	NotedPage  *page = arg;
	EcapiExpected *expected = page->expected;
	int64		epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	bool		is_forgotten[ECAPI_HISTORY_PAGE] = {false};

	page->rows += page->n;
	ecapi_command_done(page->rows);
	if (page->forgotten != NULL)
		(void) ecapi_forgotten_ask(page->forgotten, page->n, is_forgotten);
	for (int i = 0; i < page->n; i++)
	{
		const Noted *noted = &page->noted[i];
		Datum		values[ECAPI_RECONCILE_EXPECTED];
		bool		nulls[ECAPI_RECONCILE_EXPECTED] = {false};

		ecapi_set_text(values, nulls, 0, noted->id);
		nulls[1] = noted->value == NULL;
		values[1] = nulls[1] ? (Datum) 0 :
			DirectFunctionCall3(numeric_in, CStringGetDatum(noted->value),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		ecapi_set_text(values, nulls, 2, noted->currency);
		nulls[3] = !noted->timed;
		values[3] = TimestampTzGetDatum((noted->seconds - epoch) * USECS_PER_SEC);
		values[4] = BoolGetDatum(is_forgotten[i]);
		values[5] = Int32GetDatum(noted->state);
		ecapi_set_text(values, nulls, 6, noted->reason);
		tuplestore_putvalues(expected->events, expected->desc, values, nulls);
	}
}

/* All rows of the range of a table through its track. */
static void
evaluate(EcapiExpected *expected, Oid relation, const EcapiFoundTrack *found, bool plain)
{
	NotedPage  *page = palloc(sizeof(NotedPage));
	EcapiProgress progress = {0};
	EcapiRowsSink sink = {note, note_failure, page};
	EcapiHistoryScan scan = {&progress, expected->event_type, &sink, begin_page, end_page};

	page->expected = expected;
	page->rows = 0;
	page->forgotten = ecapi_forgotten_begin(ecapi_default_country());
	progress.relation = relation;
	progress.track = found->trigger->tgname;
	progress.trigger = found->trigger->tgoid;
	progress.plain = plain;
	progress.since = expected->since;
	progress.has_until = true;
	progress.until = expected->until;
	ecapi_history_scan(&scan);
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

/* A track without figures: a row that says why. */
static void
tell(const char *name, const char *outcome, const char *reason, ReturnSetInfo *result)
{
	NameData	track;
	Datum		values[ECAPI_RECONCILE_COLUMNS];
	bool		nulls[ECAPI_RECONCILE_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	namestrcpy(&track, name);
	values[0] = NameGetDatum(&track);
	values[2] = CStringGetTextDatum(outcome);
	values[3] = CStringGetTextDatum(reason);
	nulls[0] = nulls[2] = nulls[3] = false;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* A track that cannot be judged. */
static void
tell_not_judged(const EcapiFoundTrack *found, const char *reason, ReturnSetInfo *result)
{
	tell(found->trigger->tgname, "not judged", reason, result);
}

/* Why a track cannot be judged, palloc'd; NULL: it can. */
static char *
not_judged(Relation relation, const EcapiFoundTrack *found)
{
	const char *hint;
	const char *problem;

	if (found->compiled->program == NULL)
		return psprintf("It cannot be used: %s.", found->compiled->problem);
	problem = ecapi_history_problem(relation, found, &hint);
	return problem == NULL ? NULL : psprintf("%s %s", problem, hint);
}

/*
 * Towards a condition that stays true once it was: the time that the event has is
 * the one column of which it is known that it says so, unless it is never null.
 */
static char *
hint_for(Relation relation, const EcapiTrack *track)
{
	const char *moment = ecapi_history_time_column(relation, track);

	if (moment != NULL &&
		!ecapi_never_null(relation, get_attnum(RelationGetRelid(relation), moment)))
		return psprintf("it may have been true before: a condition that stays true tells, such as %s IS NOT NULL",
						quote_identifier(moment));
	return pstrdup("it may have been true before: a condition that stays true tells, such as that on a time that is set once");
}

/*
 * What the ids of a track look like.  A trigger may state any table's name, and
 * events of that would be listed to who does not own it: so the name must be that
 * of the table itself.
 */
static void
describe_ids(EcapiExpected *expected, const EcapiProgram *program)
{
	const EcapiTrack *track = program->track;
	char	   *table = ecapi_track_table(expected->relation);
	AttrNumber	columns[ECAPI_ID_COLUMNS];
	int			n = ecapi_program_id_columns(program, columns);

	expected->event_type = pstrdup(track->event_type);
	if (n == 0)
		expected->not_looked_for = "not looked for: the mapping has an id of its own";
	else if (track->table != NULL && strcmp(track->table, table) != 0)
		expected->not_looked_for = "not looked for: the ids begin with another name than the table's";
	else
		expected->table = psprintf("%s:", table);
	expected->nchanges = track->nchanges;
	expected->nkeys = n - track->nchanges;
}

/* What is asked of each track. */
typedef struct Question
{
	TimestampTz since;
	TimestampTz until;
	bool		of_node;		/* only what this node has of the table */
	bool		plain;			/* runs no SQL of the table's owner */
	List	   *shards;			/* where its rows are; NIL: in the table itself */
	ReturnSetInfo *result;
} Question;

/* A track that may not be looked at in this session. */
static void
tell_not_looked_at(const char *track, const Question *question)
{
	tell(track, "not looked at", "that would run SQL of the table's owner", question->result);
}

/*
 * The shards of a node through their tracks.  A shard without one is said to be; its rows
 * are not judged.
 */
static void
evaluate_shards(EcapiExpected *expected, const EcapiFoundTrack *found, const Question *question)
{
	ListCell   *cell;

	foreach(cell, question->shards)
	{
		Relation	shard = table_open(lfirst_oid(cell), AccessShareLock);
		const EcapiFoundTrack *of_shard;

		ecapi_argument_own(RelationGetRelid(shard));
		of_shard = ecapi_find_copy(shard, found->trigger);
		if (of_shard == NULL)
			tell_not_judged(found, psprintf("Shard %s does not have the track: declare it again on the table with ecapi.track().",
											ecapi_names_relation(RelationGetRelid(shard))),
							question->result);
		else if (of_shard->compiled->program == NULL)
			tell_not_judged(found, psprintf("It cannot be used in shard %s: %s.",
											ecapi_names_relation(RelationGetRelid(shard)),
											of_shard->compiled->problem),
							question->result);
		else
		{
			expected->owned = lappend_oid(expected->owned, RelationGetRelid(shard));
			evaluate(expected, RelationGetRelid(shard), of_shard, question->plain);
		}
		table_close(shard, AccessShareLock);
	}
}

static void
reconcile_track(const EcapiFoundTrack *found, Relation relation, const Question *question)
{
	char	   *problem = not_judged(relation, found);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecapi reconcile",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiExpected expected = {0};
	bool		sharded = ecapi_is_sharded(RelationGetRelid(relation));

	if (problem == NULL && sharded && !question->of_node)
		problem = psprintf("Its rows are in shards, whose events are on their nodes. Call ecapi.reconcile_nodes(%s, ...).",
						   quote_literal_cstr(ecapi_names_relation(RelationGetRelid(relation))));
	if (problem != NULL)
	{
		tell_not_judged(found, problem, question->result);
		return;
	}
	if (question->plain && ecapi_history_runs_sql(relation, found->compiled->program))
	{
		tell_not_looked_at(found->trigger->tgname, question);
		return;
	}
	MemoryContextSwitchTo(context);
	expected.track = pstrdup(found->trigger->tgname);
	expected.relation = RelationGetRelid(relation);
	expected.of_node = question->of_node;
	/* a partition's owner is not always that of the events of all partitions */
	if (object_ownercheck(RelationRelationId, found->compiled->root, GetUserId()))
		expected.owned = list_make1_oid(found->compiled->root);
	expected.since = question->since;
	expected.until = question->until;
	expected.hint = hint_for(relation, found->compiled->program->track);
	describe_ids(&expected, found->compiled->program);
	expected.desc = ecapi_reconcile_desc();
	expected.events = tuplestore_begin_heap(true, false, work_mem);
	ecapi_command_phase(ECAPI_AT_ROWS, ecapi_command_rows_of(expected.relation));
	if (sharded)
		evaluate_shards(&expected, found, question);
	else
		evaluate(&expected, expected.relation, found, question->plain);
	ecapi_command_phase(ECAPI_AT_COMPARING, 0);
	ecapi_reconcile_compare(&expected, question->result->setResult, question->result->setDesc);
	tuplestore_end(expected.events);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* All tracks of a table, or the one that the fourth argument names. */
static Datum
reconcile(FunctionCallInfo fcinfo, Question *question)
{
	Oid			relid;
	Relation	relation;
	List	   *tracks;
	ListCell   *cell;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a reconciliation needs a table, \"since\" and \"until\"")));
	relid = PG_GETARG_OID(0);
	question->since = PG_GETARG_TIMESTAMPTZ(1);
	question->until = PG_GETARG_TIMESTAMPTZ(2);
	if (question->since >= question->until)
		ecapi_argument_refuse("\"since\" must lie before \"until\"", NULL);
	refuse_old_snapshot();
	InitMaterializedSRF(fcinfo, 0);
	question->result = (ReturnSetInfo *) fcinfo->resultinfo;

	ecapi_command_begin(ECAPI_COMMAND_RECONCILE, relid);
	relation = table_open(relid, AccessShareLock);
	ecapi_argument_own(relid);
	if (question->plain && ecapi_look_runs_sql(relation))
		tell_not_looked_at(ecapi_argument_text(fcinfo, 3), question);
	else
	{
		tracks = ecapi_find_tracks(relation, ecapi_argument_text(fcinfo, 3));
		foreach(cell, tracks)
			reconcile_track(lfirst(cell), relation, question);
	}
	table_close(relation, AccessShareLock);
	ecapi_command_end();
	PG_RETURN_NULL();
}

/*
 * ecapi.reconcile(relation regclass, since timestamptz, until timestamptz,
 *		name text)
 *
 * For each track of the table (name: that one), and each row whose event has a
 * timestamp from since up to until: see the columns in the install script.
 * Raises an error when the caller does not own the table, the isolation level
 * is too high, there is no such track, or the table has no key.
 */
Datum
ecapi_reconcile(PG_FUNCTION_ARGS)
{
	Question	question = {0};

	return reconcile(fcinfo, &question);
}

/*
 * ecapi_internal.report_reconcile(relation regclass, since timestamptz, until timestamptz,
 *		name text, plain boolean)
 *
 * The same of the track of that name.  plain: but for a table with a track that would run
 * SQL of the table's owner; then the outcome is "not looked at".
 */
Datum
ecapi_reconcile_for_report(PG_FUNCTION_ARGS)
{
	Question	question = {.plain = PG_ARGISNULL(4) || PG_GETARG_BOOL(4)};

	ecapi_argument_required(fcinfo, 3, "name");
	return reconcile(fcinfo, &question);
}

/* Who may not reconcile a table here may not do it from elsewhere. */
static void
require_reconcile(void)
{
	static const Oid arguments[] = {REGCLASSOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID};
	Oid			function = LookupFuncName(list_make2(makeString("ecapi"), makeString("reconcile")),
										  lengthof(arguments), arguments, false);
	AclResult	result = object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, "reconcile");
}

/*
 * ecapi_internal.reconcile_node(relation regclass, since timestamptz, until timestamptz,
 *		name text, shards regclass[])
 *
 * The same of what this node has: the rows of the shards that are named, if Citus shards
 * the table, else those of the table.  Events without a row count as emitted, and up to a
 * million ids are listed.  The caller must own the shards, too, and may call
 * ecapi.reconcile().
 */
Datum
ecapi_reconcile_node(PG_FUNCTION_ARGS)
{
	Question	question = {.of_node = true};
	Datum	   *shards;
	bool	   *nulls;
	int			n = 0;

	require_reconcile();
	if (!PG_ARGISNULL(4))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
						  &shards, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			question.shards = lappend_oid(question.shards, DatumGetObjectId(shards[i]));
	return reconcile(fcinfo, &question);
}

/*
 * key_path.c
 *	  Foreign-key paths: "customer_id.email", "cart_id.customer_id.email".
 *
 * Each step but the last is a column with a foreign key; the path goes on in
 * the table that the key refers to.  A column of one foreign key of several
 * columns stands for the whole key.  Where there is no foreign key, a step may
 * state its table: "customer_id->shop.customers.email" (stated_join.c).  All
 * paths of a set are one query,
 *
 *		SELECT k1.email, k2.country FROM (SELECT) AS one
 *			LEFT JOIN ONLY shop.customers AS k1 ON k1.id OPERATOR(pg_catalog.=) $1
 *			LEFT JOIN ONLY shop.addresses AS k2 ON k2.id OPERATOR(pg_catalog.=) k1.address_id
 *
 * so that many fields from one customer cost one lookup.
 *
 * What always holds:
 *
 * (1) The query gives exactly one row: what it joins are keys, which are unique.
 * (2) It runs when a path's value is asked for, at most once per row, and not
 *	  at all while the row's keys are those of the last one that it ran for
 *	  since the start (the snapshot is the same), nor when all of them are null.
 * (3) It reads with the rights of the set's role, which are checked when the path
 *	  is added, too.  Where that is a superuser, tables and keys are refused that
 *	  would run code of users (superuser_read.c).
 * (4) The query is text, and the server may read it again, when its tables have
 *	  changed.  So they are locked before each run, and where there is no plan
 *	  that is valid, must have the names and owners that they had; else another
 *	  role could put a view of its own in the place of a table.  A set whose tables
 *	  change is compiled again before its next use (program_cache.c), so this
 *	  only meets a change that comes in between.
 *
 * Ownership: everything lives in the set's context, last keys and values in a
 * child of it; the plan is the server's until ecapi_key_paths_free().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/run_as.h"
#include "base/sql_scope.h"
#include "base/statement.h"
#include "rowsql/foreign_key.h"
#include "rowsql/key_path.h"
#include "rowsql/names.h"
#include "rowsql/row_sql_check.h"
#include "rowsql/stated_join.h"
#include "rowsql/superuser_read.h"

/* The joins that the paths of one set may need. */
#define MAX_JOINS	32

struct EcapiKeyPaths
{
	EcapiExpressions *set;
	int			njoins;
	EcapiKeyJoin		joins[MAX_JOINS];
	StringInfoData targets;		/* of the SELECT */
	StringInfoData from;
	int			nplaces;

	/* the row's columns that are keys: parameters of the query */
	int			nkeys;
	AttrNumber	keys[MAX_JOINS * INDEX_MAX_KEYS];

	SPIPlanPtr	plan;			/* NULL: to be made */

	/* this run: what was looked up last, in memory */
	MemoryContext memory;
	bool		known;			/* there is a last lookup */
	bool		current;		/* it is the one for the row */
	Datum	   *key_values;
	bool	   *key_nulls;
	Datum	   *values;
	bool	   *nulls;
	Oid		   *types;			/* as the query gave them */
};

/* -------------------------------------------------------------- the query */

/* The query's parameter for a column of the row. */
static int
parameter(EcapiKeyPaths *paths, AttrNumber attnum)
{
	for (int i = 0; i < paths->nkeys; i++)
		if (paths->keys[i] == attnum)
			return i + 1;
	paths->keys[paths->nkeys++] = attnum;
	return paths->nkeys;
}

/* Append the join number n, which leads from a relation to the referred one. */
static void
append_join(EcapiKeyPaths *paths, int n, Relation relation, Relation referred)
{
	EcapiKeyJoin *join = &paths->joins[n];

	join->name = MemoryContextStrdup(paths->set->context, ecapi_names_relation(join->relid));
	/* A key refers to the table itself, not to others that inherit from it. */
	appendStringInfo(&paths->from, " LEFT JOIN %s%s AS k%d ON ",
					 referred->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 join->name, n);
	for (int i = 0; i < join->nkeys; i++)
	{
		Form_pg_attribute left = TupleDescAttr(RelationGetDescr(referred),
											   join->confkey[i] - 1);
		Form_pg_attribute right = TupleDescAttr(RelationGetDescr(relation),
												join->conkey[i] - 1);
		char	   *left_name = psprintf("k%d.%s", n, quote_identifier(NameStr(left->attname)));
		char	   *right_name;

		if (join->from < 0)
			right_name = psprintf("$%d", parameter(paths, join->conkey[i]));
		else
			right_name = psprintf("k%d.%s", join->from,
								  quote_identifier(NameStr(right->attname)));
		if (i > 0)
			appendStringInfoString(&paths->from, " AND ");
		generate_operator_clause(&paths->from, left_name, left->atttypid,
								 join->operators[i], right_name, right->atttypid);
	}
}

/* The join of a key; a new one if no path went over it yet. */
static int
add_join(EcapiKeyPaths *paths, const EcapiKeyJoin *join, Relation relation, Relation referred)
{
	for (int i = 0; i < paths->njoins; i++)
		if (ecapi_foreign_key_same(&paths->joins[i], join))
			return i;
	if (paths->njoins == MAX_JOINS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("foreign-key paths of one mapping lead over more than %d keys",
						MAX_JOINS)));
	paths->joins[paths->njoins] = *join;
	append_join(paths, paths->njoins, relation, referred);
	return paths->njoins++;
}

/* --------------------------------------------------------------- the paths */

static EcapiKeyPaths *
new_paths(EcapiExpressions *set)
{
	MemoryContext before = MemoryContextSwitchTo(set->context);
	EcapiKeyPaths *paths = palloc0(sizeof(EcapiKeyPaths));

	paths->set = set;
	initStringInfo(&paths->targets);
	initStringInfo(&paths->from);
	paths->memory = AllocSetContextCreate(set->context, "ecapi key paths",
										  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(before);
	return paths;
}

static void
refuse_for_superuser(EcapiExpressions *set, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a superuser's table cannot be tracked with a path %s", what),
			 errhint("%s", ecapi_run_as_hint(psprintf("Give table %s to a role that is no superuser with ALTER TABLE ... OWNER TO",
													  set->table)))));
}

/* Invariant (3). */
static void
check_table(EcapiExpressions *set, Relation referred)
{
	char	   *obstacle = set->superuser ? ecapi_superuser_obstacle(referred) : NULL;

	if (obstacle != NULL)
		refuse_for_superuser(set, psprintf("into %s", obstacle));
}

/* The same for what compares the keys of a join from a relation. */
static void
check_join(EcapiExpressions *set, Relation relation, AttrNumber attnum, const EcapiKeyJoin *join)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), attnum - 1);

	if (set->superuser && !ecapi_superuser_may_join(RelationGetRelid(relation), join))
		refuse_for_superuser(set, psprintf("over column \"%s\", whose key is compared by operators or casts of users",
										   NameStr(column->attname)));
}

static AttrNumber
column_of(Relation relation, const char *name)
{
	AttrNumber	attnum = ecapi_names_column(RelationGetDescr(relation), name);

	if (attnum == InvalidAttrNumber)
		ecapi_names_no_column(ecapi_names_relation(RelationGetRelid(relation)),
							  RelationGetDescr(relation), name);
	return attnum;
}

/* One step, over a column's key or a stated join: opens the relation that it leads to. */
static Relation
follow_step(EcapiKeyPaths *paths, Relation relation, int *from, const EcapiPathStep *step)
{
	EcapiKeyJoin join = {*from, InvalidOid, NULL, 0, {0}, {0}, {0}};
	AttrNumber	attnum = column_of(relation, step->column);
	Oid			role = paths->set->role;
	Relation	referred;

	if (*from < 0)
		ecapi_names_check_stored(RelationGetRelid(relation), attnum);
	if (step->table)
		ecapi_stated_join_find(paths->set, relation, attnum, step, &join);
	else
		ecapi_foreign_key_find(relation, role, attnum, &join);
	referred = table_open(join.relid, AccessShareLock);
	check_table(paths->set, referred);
	check_join(paths->set, relation, attnum, &join);
	for (int i = 0; i < join.nkeys; i++)
	{
		if (*from >= 0)
			ecapi_row_sql_check_read(RelationGetRelid(relation), join.conkey[i], role);
		ecapi_row_sql_check_read(join.relid, join.confkey[i], role);
	}
	*from = add_join(paths, &join, relation, referred);
	return referred;
}

void
ecapi_key_path_add(EcapiExpression *expression, Relation relation,
				   const EcapiPathStep *steps, int nsteps)
{
	EcapiExpressions *set = expression->set;
	EcapiKeyPaths *paths = set->paths ? set->paths : new_paths(set);
	Relation	here = relation;
	Form_pg_attribute column;
	int			from = -1;

	set->paths = paths;
	for (int i = 0; i < nsteps - 1; i++)
	{
		Relation	next = follow_step(paths, here, &from, &steps[i]);

		if (here != relation)
			table_close(here, NoLock);
		here = next;
	}
	column = TupleDescAttr(RelationGetDescr(here), column_of(here, steps[nsteps - 1].column) - 1);
	ecapi_row_sql_check_read(RelationGetRelid(here), column->attnum, set->role);

	appendStringInfo(&paths->targets, "%sk%d.%s", paths->nplaces > 0 ? ", " : "",
					 from, quote_identifier(NameStr(column->attname)));
	expression->kind = ECAPI_EXPRESSION_PATH;
	expression->place = paths->nplaces++;
	expression->type = column->atttypid;
	expression->typmod = column->atttypmod;
	expression->needs_confining = true;
	table_close(here, NoLock);

	/* The next run makes a plan for all of them. */
	if (paths->plan)
		SPI_freeplan(paths->plan);
	paths->plan = NULL;
}

void
ecapi_key_paths_free(EcapiKeyPaths *paths)
{
	if (paths->plan)
		SPI_freeplan(paths->plan);
	paths->plan = NULL;
}

void
ecapi_key_paths_start(EcapiKeyPaths *paths)
{
	paths->known = false;
	paths->current = false;
}

/* Called while relations are invalidated, so it opens none. */
bool
ecapi_key_paths_depend(const EcapiKeyPaths *paths, Oid relid)
{
	for (int i = 0; i < paths->njoins; i++)
		if (paths->joins[i].relid == relid)
			return true;
	return false;
}

void
ecapi_key_paths_row(EcapiKeyPaths *paths)
{
	paths->current = false;
}

/* The caller is connected to SPI. */
static void
make_plan(EcapiKeyPaths *paths)
{
	Oid			types[lengthof(paths->keys)];
	SPIPlanPtr	plan;

	for (int i = 0; i < paths->nkeys; i++)
		types[i] = TupleDescAttr(paths->set->descriptor, paths->keys[i] - 1)->atttypid;
	plan = SPI_prepare_cursor(psprintf("SELECT %s FROM (SELECT) AS one%s",
									   paths->targets.data, paths->from.data),
							  paths->nkeys, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a query: %s", SPI_result_code_string(SPI_result));
	paths->plan = plan;
}

/* Invariant (4), behind the locks: raises unless the query's text may be read again. */
static void
check_tables(EcapiKeyPaths *paths)
{
	for (int i = 0; i < paths->njoins; i++)
	{
		const EcapiKeyJoin *join = &paths->joins[i];
		Relation	referred;

		if (strcmp(ecapi_names_relation(join->relid), join->name) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table %s was renamed", join->name)));
		referred = table_open(join->relid, NoLock);
		check_table(paths->set, referred);
		table_close(referred, NoLock);
	}
}

/*
 * Run the query for the keys in paths.  A plan that is made again must not read
 * tables from end to end because they were small, or had no statistics, then:
 * the keys have an index, and the plan may serve for days.
 */
static void
run_query(EcapiKeyPaths *paths)
{
	char		marks[lengthof(paths->keys)];
	bool		planned;
	int			nest = 0;
	SPIExecuteOptions options = {0};
	Oid			types[lengthof(paths->keys)];
	int			result;

	ecapi_expressions_check_owner(paths->set);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	for (int i = 0; i < paths->njoins; i++)
		LockRelationOid(paths->joins[i].relid, AccessShareLock);
	planned = paths->plan != NULL && SPI_plan_is_valid(paths->plan);
	if (!planned)
	{
		check_tables(paths);
		nest = NewGUCNestLevel();
		ecapi_sql_set("enable_seqscan", "off");
		ecapi_sql_set("constraint_exclusion", "off");	/* see superuser_read.c */
	}
	if (paths->plan == NULL)
		make_plan(paths);
	for (int i = 0; i < paths->nkeys; i++)
	{
		marks[i] = paths->key_nulls[i] ? 'n' : ' ';
		types[i] = TupleDescAttr(paths->set->descriptor, paths->keys[i] - 1)->atttypid;
	}
	options.params = ecapi_params(paths->nkeys, types, paths->key_values, marks);
	options.read_only = true;
	options.tcount = 2;
	result = SPI_execute_plan_extended(paths->plan, &options);
	if (!planned)
		AtEOXact_GUC(true, nest);
	if (result != SPI_OK_SELECT || SPI_processed != 1 ||
		SPI_tuptable->tupdesc->natts != paths->nplaces)
		elog(ERROR, "unexpected result of a lookup by foreign keys: %s",
			 SPI_result_code_string(result));

	for (int i = 0; i < paths->nplaces; i++)
	{
		Form_pg_attribute column = TupleDescAttr(SPI_tuptable->tupdesc, i);
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										  i + 1, &paths->nulls[i]);
		MemoryContext before = MemoryContextSwitchTo(paths->memory);

		paths->types[i] = column->atttypid;
		if (!paths->nulls[i])
			paths->values[i] = column->attlen == -1 ?
				PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
				datumCopy(value, column->attbyval, column->attlen);
		MemoryContextSwitchTo(before);
	}
	SPI_finish();
}

/* Whether the row's keys are those of the last lookup. */
static bool
same_keys(EcapiKeyPaths *paths)
{
	TupleTableSlot *row = paths->set->new;

	for (int i = 0; i < paths->nkeys; i++)
	{
		Form_pg_attribute column = TupleDescAttr(paths->set->descriptor, paths->keys[i] - 1);
		bool		isnull;
		Datum		value = slot_getattr(row, paths->keys[i], &isnull);

		if (isnull != paths->key_nulls[i])
			return false;
		if (!isnull && !datum_image_eq(value, paths->key_values[i],
									   column->attbyval, column->attlen))
			return false;
	}
	return true;
}

/* Look up what the row's keys lead to. */
static void
look_up(EcapiKeyPaths *paths)
{
	TupleTableSlot *row = paths->set->new;
	MemoryContext before;
	bool		all_null = true;

	paths->known = false;
	MemoryContextReset(paths->memory);
	before = MemoryContextSwitchTo(paths->memory);
	paths->key_values = palloc0(sizeof(Datum) * paths->nkeys);
	paths->key_nulls = palloc0(sizeof(bool) * paths->nkeys);
	paths->values = palloc0(sizeof(Datum) * paths->nplaces);
	paths->nulls = palloc0(sizeof(bool) * paths->nplaces);
	paths->types = palloc0(sizeof(Oid) * paths->nplaces);
	for (int i = 0; i < paths->nkeys; i++)
	{
		Form_pg_attribute column = TupleDescAttr(paths->set->descriptor, paths->keys[i] - 1);
		Datum		value = slot_getattr(row, paths->keys[i], &paths->key_nulls[i]);

		if (!paths->key_nulls[i])
		{
			paths->key_values[i] = datumCopy(value, column->attbyval, column->attlen);
			all_null = false;
		}
	}
	MemoryContextSwitchTo(before);

	if (all_null)
		memset(paths->nulls, true, sizeof(bool) * paths->nplaces);
	else
		run_query(paths);
	paths->known = true;
}

Datum
ecapi_key_path_value(EcapiExpression *expression, bool *isnull)
{
	EcapiKeyPaths *paths = expression->set->paths;
	int			place = expression->place;

	if (!paths->current && !(paths->known && same_keys(paths)))
		look_up(paths);
	paths->current = true;

	*isnull = paths->nulls[place];
	if (*isnull)
		return (Datum) 0;
	if (paths->types[place] != expression->type)
		ecapi_expressions_type_changed(expression);
	return paths->values[place];
}

/*
 * superuser_read.c
 *	  What may be read with a superuser's rights and runs no code of users.
 *
 * A table may come to a superuser from a role that is none (REASSIGN OWNED, ALTER
 * TABLE ... OWNER TO), with what that role put behind every query that reads it.
 * The planner evaluates the predicates and expressions of indexes and the
 * expressions of extended statistics as far as they are constant; a comparison
 * of keys calls the operator of the foreign key and a cast to the operator's
 * type; an index compares by the functions of its operator class; a range is
 * made by its type's canonical function.
 *
 * What passes is the server's own (OIDs below FirstUnpinnedObjectId) and C code
 * that a superuser owns, as that of extensions: no other role can have made or can
 * replace it.  The owner of another function may not be the one that wrote it.
 *
 * Not looked at: check constraints, as who plans a query after asking here sets
 * constraint_exclusion to off; expressions of partition keys, as a table that has
 * one has no key to be read by; operator classes over types that are not the
 * server's, as the operators that compare such keys are.
 *
 * Nothing is kept.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/catalog.h"
#include "base/sql_rules.h"
#include "rowsql/names.h"
#include "rowsql/row_sql_superuser.h"
#include "rowsql/superuser_read.h"

/* ------------------------------------------------------------- expressions */

/* Whether a function may run with a superuser's rights: see the head. */
static bool
may_run(Oid function)
{
	HeapTuple	tuple;
	bool		may = false;

	if (function < FirstUnpinnedObjectId)
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
		Oid			owner = form->proowner;

		may = form->prolang == ClanguageId || form->prolang == INTERNALlanguageId;
		ReleaseSysCache(tuple);
		may = may && superuser_arg(owner);
	}
	return may;
}

static bool
is_users(Oid function, bool allowed, void *arg)
{
	if (may_run(function))
		return false;
	*(Oid *) arg = function;
	return true;
}

/* A function of a user in a column of a catalog that holds expressions; or InvalidOid. */
static Oid
users_function(int cache, HeapTuple tuple, AttrNumber attnum)
{
	static const EcapiSqlRules rules = {.function = is_users};
	bool		isnull;
	Datum		value = SysCacheGetAttr(cache, tuple, attnum, &isnull);
	Oid			function = InvalidOid;

	if (!isnull)
		(void) ecapi_sql_find(stringToNode(TextDatumGetCString(value)), &rules,
							  &function);
	return function;
}

/* ------------------------------------------------------------------ tables */

/* By an operator class of these, an index serves comparisons. */
static bool
is_for_comparisons(Oid class)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(class));
	Oid			method = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		method = ((Form_pg_opclass) GETSTRUCT(tuple))->opcmethod;
		ReleaseSysCache(tuple);
	}
	return method == BTREE_AM_OID || method == HASH_AM_OID;
}

/*
 * An operator class by which the planner may let our comparisons go: one of
 * another origin, over a type of the server.
 */
static Oid
users_class(HeapTuple tuple)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);
	bool		isnull;
	oidvector  *classes = (oidvector *)
		DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull));

	for (int i = 0; i < index->indnkeyatts; i++)
	{
		Oid			class = classes->values[i];

		if (class >= FirstUnpinnedObjectId && is_for_comparisons(class) &&
			ecapi_superuser_is_plain(get_opclass_input_type(class)))
			return class;
	}
	return InvalidOid;
}

/* What is behind an index, as the rest of a phrase; NULL: nothing. */
static char *
index_obstacle(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Oid			function;
	Oid			class;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	function = users_function(INDEXRELID, tuple, Anum_pg_index_indpred);
	if (!OidIsValid(function))
		function = users_function(INDEXRELID, tuple, Anum_pg_index_indexprs);
	class = users_class(tuple);
	ReleaseSysCache(tuple);
	if (OidIsValid(function))
		return psprintf(", whose index \"%s\" calls function %s", get_rel_name(index),
						format_procedure(function));
	if (OidIsValid(class))
		return psprintf(", whose index \"%s\" has an operator class that is not built in",
						get_rel_name(index));
	return NULL;
}

static char *
statistics_obstacle(Oid statistics)
{
	HeapTuple	tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	char	   *name;
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	name = pstrdup(NameStr(((Form_pg_statistic_ext) GETSTRUCT(tuple))->stxname));
	function = users_function(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs);
	ReleaseSysCache(tuple);
	return OidIsValid(function) ?
		psprintf(", whose statistics \"%s\" call function %s", name, format_procedure(function)) :
		NULL;
}

static char *
obstacle_of(Relation relation)
{
	List	   *indexes = RelationGetIndexList(relation);
	List	   *statistics = RelationGetStatExtList(relation);
	char	   *obstacle = NULL;
	ListCell   *cell;

	/* another role could put more there between this look and the plan */
	if (!superuser_arg(ecapi_relation_owner(RelationGetRelid(relation))))
		return " of another role";
	foreach(cell, indexes)
		if (obstacle == NULL)
			obstacle = index_obstacle(lfirst_oid(cell));
	foreach(cell, statistics)
		if (obstacle == NULL)
			obstacle = statistics_obstacle(lfirst_oid(cell));
	return obstacle;
}

char *
ecapi_superuser_obstacle(Relation relation)
{
	List	   *relids = list_make1_oid(RelationGetRelid(relation));
	ListCell   *cell;

	/* partitions are planned with their root */
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		relids = find_all_inheritors(RelationGetRelid(relation), AccessShareLock, NULL);
	foreach(cell, relids)
	{
		Relation	one = table_open(lfirst_oid(cell), NoLock);
		char	   *obstacle = obstacle_of(one);

		table_close(one, NoLock);
		if (obstacle != NULL)
			return psprintf("table %s%s", ecapi_names_relation(lfirst_oid(cell)), obstacle);
	}
	return NULL;
}

/* ------------------------------------------------------------- comparisons */

/* Whether an explicit cast between two types runs no function of a user. */
static bool
casts_plainly(Oid source, Oid target)
{
	Oid			function;
	CoercionPathType path = find_coercion_pathway(target, source, COERCION_EXPLICIT, &function);

	if (path == COERCION_PATH_ARRAYCOERCE)
		return casts_plainly(get_element_type(getBaseType(source)), get_element_type(target));
	return path != COERCION_PATH_FUNC || may_run(function);
}

/* A type whose functions are the server's or in C: a base type that holds no others. */
static bool
is_simple(Oid type)
{
	Oid			base = getBaseType(type);

	return ecapi_superuser_is_plain(type) ||
		(get_typtype(base) == TYPTYPE_BASE && !OidIsValid(get_element_type(base)));
}

/* Whether an operator takes values of two types and runs no code of users. */
static bool
may_compare(Oid left, Oid operator, Oid right)
{
	Oid			takes_left;
	Oid			takes_right;

	if (!may_run(get_opcode(operator)) || !is_simple(left) || !is_simple(right))
		return false;
	op_input_types(operator, &takes_left, &takes_right);
	return casts_plainly(left, takes_left) && casts_plainly(right, takes_right);
}

bool
ecapi_superuser_may_join(Oid relation, const EcapiKeyJoin *join)
{
	for (int i = 0; i < join->nkeys; i++)
		if (!may_compare(get_atttype(join->relid, join->confkey[i]), join->operators[i],
						 get_atttype(relation, join->conkey[i])))
			return false;
	return true;
}

bool
ecapi_superuser_may_order(Oid type, Oid less, Oid greater)
{
	return may_compare(type, less, type) && may_compare(type, greater, type);
}

/* ------------------------------------------------------------------ values */

/* The same of a type inside of another, which may be a domain. */
static bool
may_input_inside(Oid type)
{
	return get_typtype(type) != TYPTYPE_DOMAIN && ecapi_superuser_may_input(type);
}

static bool
may_input_range(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_RANGE_INFO);

	return may_run(entry->rng_canonical_finfo.fn_oid) &&
		may_run(entry->rng_cmp_proc_finfo.fn_oid) &&
		may_input_inside(entry->rngelemtype->type_id);
}

static bool
may_input_row(Oid type)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(type, -1);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && !may_input_inside(attribute->atttypid))
			return false;
	}
	return true;
}

/* The input function of a base type is a superuser's work. */
bool
ecapi_superuser_may_input(Oid type)
{
	Oid			element = get_element_type(type);

	check_stack_depth();
	if (OidIsValid(element))
		return may_input_inside(element);
	switch (get_typtype(type))
	{
		case TYPTYPE_RANGE:
			return may_input_range(type);
		case TYPTYPE_MULTIRANGE:
			return may_input_range(get_multirange_range(type));
		case TYPTYPE_COMPOSITE:
			return may_input_row(type);
		default:
			return true;
	}
}

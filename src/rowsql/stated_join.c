/*
 * stated_join.c
 *	  Joins that a path states where no foreign key does:
 *	  "customer_id->shop.customers.email".
 *
 * The column names a row of the table by its key: the primary key, or else the
 * only unique one that can be compared with the column.  What is taken for a
 * key finds one row at most, at any moment: an index of one column, valid,
 * checked at once, over all rows, under the column's own collation.  It belongs
 * to a constraint, so that DDL that drops it is seen (follow.c).
 *
 * The table is looked up and locked (AccessShare, to the end of the
 * transaction) as the current role, which is the one that the track's SQL runs as;
 * what its columns may be read for is checked as for any path (key_path.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "rowsql/names.h"
#include "rowsql/row_sql_check.h"
#include "rowsql/stated_join.h"

/* Before the lock: no role holds up a table that it may not read. */
static void
check_before_lock(const RangeVar *name, Oid relid, Oid before, void *arg)
{
	Oid			role = *(Oid *) arg;

	if (OidIsValid(relid))
		ecapi_row_sql_check_read(relid, -1, role);
}

/*
 * The operator by which a column of a type is compared with an index's column:
 * of the index's family, and for a superuser's track the server's own.
 */
static Oid
operator_of_index(Oid index, Oid opclass, Oid type, bool superuser)
{
	Oid			family = get_opclass_family(opclass);
	Oid			input = get_opclass_input_type(opclass);
	Oid			operator = get_opfamily_member(family, input, type, BTEqualStrategyNumber);

	if (!OidIsValid(operator) && IsBinaryCoercible(type, input))
		operator = get_opfamily_member(family, input, input, BTEqualStrategyNumber);
	if (superuser && operator >= FirstUnpinnedObjectId)
		return InvalidOid;
	return operator;
}

/* Whether an index is a key of one column that finds one row at most: see the head. */
static bool
is_key(const Relation relation, HeapTuple tuple)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);
	Form_pg_attribute column;
	oidvector  *collations;
	bool		isnull;

	if (!index->indisunique || !index->indisvalid || !index->indimmediate ||
		index->indnkeyatts != 1 || index->indkey.values[0] <= 0 ||
		!heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
		!OidIsValid(get_index_constraint(index->indexrelid)))
		return false;
	column = TupleDescAttr(RelationGetDescr(relation), index->indkey.values[0] - 1);
	collations = (oidvector *) DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
															   Anum_pg_index_indcollation,
															   &isnull));
	return collations->values[0] == column->attcollation;
}

/* Set the join's key to an index, if that is a key which the type can name. */
static bool
take_index(Relation referred, Oid index, Oid type, bool superuser, EcapiKeyJoin *join,
		   bool *primary)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Oid			operator = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return false;
	if (is_key(referred, tuple))
	{
		bool		isnull;
		oidvector  *opclasses = (oidvector *)
			DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull));

		operator = operator_of_index(index, opclasses->values[0], type, superuser);
	}
	if (OidIsValid(operator))
	{
		join->confkey[0] = ((Form_pg_index) GETSTRUCT(tuple))->indkey.values[0];
		join->operators[0] = operator;
		*primary = ((Form_pg_index) GETSTRUCT(tuple))->indisprimary;
	}
	ReleaseSysCache(tuple);
	return OidIsValid(operator);
}

int
ecapi_stated_join_lookup(Relation referred, Oid type, bool superuser, EcapiKeyJoin *join)
{
	List	   *indexes = RelationGetIndexList(referred);
	int			found = 0;
	ListCell   *cell;

	join->relid = RelationGetRelid(referred);
	join->nkeys = 1;
	foreach(cell, indexes)
	{
		EcapiKeyJoin candidate = *join;
		bool		primary;

		if (!take_index(referred, lfirst_oid(cell), type, superuser, &candidate, &primary))
			continue;
		if (primary)
		{
			*join = candidate;
			return 1;
		}
		if (found++ == 0)
			*join = candidate;
	}
	return found;
}

void
ecapi_stated_join_find(const EcapiExpressions *set, Relation relation, AttrNumber attnum,
					   const EcapiPathStep *step, EcapiKeyJoin *join)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	Oid			role = set->role;
	Oid			relid = RangeVarGetRelidExtended(makeRangeVar(step->schema, step->table, -1),
												 AccessShareLock, 0, check_before_lock, &role);
	Relation	referred = table_open(relid, NoLock);
	const char *table = ecapi_names_relation(relid);
	int			found;

	if (referred->rd_rel->relkind != RELKIND_RELATION &&
		referred->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a table", table),
				 errhint("A path leads to tables only; write a sub-select: (SELECT ... WHERE ... = new.%s).",
						 quote_identifier(NameStr(column->attname)))));
	join->conkey[0] = attnum;
	found = ecapi_stated_join_lookup(referred, getBaseType(column->atttypid), set->superuser,
									 join);
	table_close(referred, NoLock);
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FOREIGN_KEY),
				 errmsg("table %s has no key that column \"%s\" could name", table,
						NameStr(column->attname)),
				 errdetail("A join needs a primary key or a unique constraint of one column of a type that can be compared with %s.",
						   format_type_be(column->atttypid)),
				 errhint("Add one, or write a sub-select: (SELECT ... WHERE ... = new.%s).",
						 quote_identifier(NameStr(column->attname)))));
	if (found > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("column \"%s\" could name several keys of table %s",
						NameStr(column->attname), table),
				 errhint("Write a sub-select: (SELECT ... WHERE ... = new.%s).",
						 quote_identifier(NameStr(column->attname)))));
}

/*
 * foreign_key.c
 *	  Which foreign key a column of a table stands for.
 *
 * A foreign key of that column alone, or else the only one of several columns
 * that it is in.  A foreign key that a partitioned table itself does not have is
 * accepted if all its partitions have it; the numbers of its columns are then
 * those of the partitioned table.  A partition of another role is not asked for
 * keys of its own: that role must not say where the root's track leads.
 *
 * Nothing is kept.  Partitions that are looked at stay locked (AccessShare) to
 * the end of the transaction, as those of any table that is read.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/run_as.h"
#include "rowsql/foreign_key.h"
#include "rowsql/names.h"

/*
 * Whether it is a mere part of another foreign key of the same table.  A key that
 * refers to a partitioned table has one for each partition below it.
 */
static bool
is_part(const ForeignKeyCacheInfo *key)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(key->conoid));
	HeapTuple	parent;
	Oid			parent_id;
	bool		part = false;

	if (!HeapTupleIsValid(tuple))
		return true;
	parent_id = ((Form_pg_constraint) GETSTRUCT(tuple))->conparentid;
	ReleaseSysCache(tuple);
	if (!OidIsValid(parent_id))
		return false;
	parent = SearchSysCache1(CONSTROID, ObjectIdGetDatum(parent_id));
	if (HeapTupleIsValid(parent))
	{
		part = ((Form_pg_constraint) GETSTRUCT(parent))->conrelid == key->conrelid;
		ReleaseSysCache(parent);
	}
	return part;
}

/*
 * Whether only a partition has the key, and the partition is another role's, so that
 * the role that the track's SQL runs as does not answer for it.
 */
static bool
is_other_roles(Relation relation, Oid role, const ForeignKeyCacheInfo *key)
{
	HeapTuple	tuple;
	bool		inherited;

	if (!relation->rd_rel->relispartition || ecapi_run_as(relation->rd_rel->relowner) == role)
		return false;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(key->conoid));
	if (!HeapTupleIsValid(tuple))
		return true;
	inherited = OidIsValid(((Form_pg_constraint) GETSTRUCT(tuple))->conparentid);
	ReleaseSysCache(tuple);
	return !inherited;
}

static bool
has_column(const ForeignKeyCacheInfo *key, AttrNumber attnum)
{
	for (int i = 0; i < key->nkeys; i++)
		if (key->conkey[i] == attnum)
			return true;
	return false;
}

bool
ecapi_foreign_key_same(const EcapiKeyJoin *a, const EcapiKeyJoin *b)
{
	if (a->from != b->from || a->relid != b->relid || a->nkeys != b->nkeys)
		return false;
	for (int i = 0; i < a->nkeys; i++)
		if (a->conkey[i] != b->conkey[i] || a->confkey[i] != b->confkey[i])
			return false;
	return true;
}

/*
 * The foreign keys of a relation that a column is in: of one column if there
 * are such, else of several.  Returns how many different ones, with one of
 * them in *join.
 */
static int
keys_of_column(Relation relation, Oid role, AttrNumber attnum, EcapiKeyJoin *join)
{
	/* a copy, as the relation's own list goes when something invalidates it */
	List	   *keys = copyObject(RelationGetFKeyList(relation));
	int			found = 0;

	for (int single = 1; single >= 0 && found == 0; single--)
	{
		ListCell   *cell;

		foreach(cell, keys)
		{
			const ForeignKeyCacheInfo *key = lfirst(cell);
			EcapiKeyJoin candidate = {join->from, key->confrelid, NULL, key->nkeys, {0}, {0}, {0}};

			if ((key->nkeys == 1) != (single == 1) || !has_column(key, attnum) ||
				is_part(key) || (join->from < 0 && is_other_roles(relation, role, key)))
				continue;
			memcpy(candidate.conkey, key->conkey, sizeof(AttrNumber) * key->nkeys);
			memcpy(candidate.confkey, key->confkey, sizeof(AttrNumber) * key->nkeys);
			memcpy(candidate.operators, key->conpfeqop, sizeof(Oid) * key->nkeys);
			if (found == 0)
				*join = candidate;
			else if (ecapi_foreign_key_same(join, &candidate))
				continue;
			found++;
		}
	}
	return found;
}

/* Number a key's own columns as another relation does that has the same names. */
static bool
renumber(EcapiKeyJoin *join, TupleDesc from, TupleDesc to)
{
	for (int i = 0; i < join->nkeys; i++)
	{
		Form_pg_attribute column = TupleDescAttr(from, join->conkey[i] - 1);

		join->conkey[i] = ecapi_names_column(to, NameStr(column->attname));
		if (join->conkey[i] == InvalidAttrNumber)
			return false;
	}
	return true;
}

/* The same for a partitioned table: a key that all its leaves have, and only it. */
static int
keys_of_leaves(Relation root, Oid role, AttrNumber attnum, EcapiKeyJoin *join)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(root), attnum - 1)->attname);
	List	   *leaves = find_all_inheritors(RelationGetRelid(root), AccessShareLock, NULL);
	EcapiKeyJoin		common = *join;
	int			nleaves = 0;
	int			found = 1;
	ListCell   *cell;

	foreach(cell, leaves)
	{
		Relation	leaf = table_open(lfirst_oid(cell), NoLock);
		EcapiKeyJoin		one = *join;

		if (leaf->rd_rel->relkind != RELKIND_PARTITIONED_TABLE && found == 1)
		{
			found = keys_of_column(leaf, role,
								   ecapi_names_column(RelationGetDescr(leaf), name), &one);
			if (found == 1 &&
				!renumber(&one, RelationGetDescr(leaf), RelationGetDescr(root)))
				found = 0;
			if (found == 1 && nleaves++ > 0 && !ecapi_foreign_key_same(&one, &common))
				found = 0;
			common = one;
		}
		table_close(leaf, NoLock);
	}
	if (nleaves == 0)
		return 0;
	*join = common;
	return found;
}

int
ecapi_foreign_key_lookup(Relation relation, Oid role, AttrNumber attnum, EcapiKeyJoin *join)
{
	int			found = keys_of_column(relation, role, attnum, join);

	if (found == 0 && relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		found = keys_of_leaves(relation, role, attnum, join);
	return found;
}

void
ecapi_foreign_key_find(Relation relation, Oid role, AttrNumber attnum,
					   EcapiKeyJoin *join)
{
	const char *table = ecapi_names_relation(RelationGetRelid(relation));
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	int			found = ecapi_foreign_key_lookup(relation, role, attnum, join);

	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FOREIGN_KEY),
				 errmsg("column \"%s\" of table %s has no foreign key",
						NameStr(column->attname), table),
				 type_is_rowtype(column->atttypid) ?
				 errhint("For a part of the value write (new.%s).part.",
						 quote_identifier(NameStr(column->attname))) :
				 errhint("Add the foreign key, or state the table that the column leads to, as in \"%s->schema.table.column\".",
						 quote_identifier(NameStr(column->attname)))));
	if (found > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("column \"%s\" of table %s is in several foreign keys",
						NameStr(column->attname), table),
				 errhint("Write a sub-select: (SELECT ... WHERE ... = new.%s).",
						 quote_identifier(NameStr(column->attname)))));
}

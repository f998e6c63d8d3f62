/*
 * history_key.c
 *	  The order in which the rows of a table are read: that of a unique index.
 *
 * Operators are those of the index, by their oids: what a type calls ">" in
 * some schema may order otherwise (citext without its schema in search_path).
 *
 * A key that was found is one for the page that it was found in: with an AccessShareLock
 * alone, which ends with the page in a backfill, indexes come and go, and the order in
 * which they are listed changes.  Who goes on from a position looks whether its key
 * stands (ecapi_history_key_stands).
 *
 * No locks: the caller has the table open.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/run_as.h"
#include "compat.h"
#include "history/history_key.h"
#include "rowsql/superuser_read.h"

/*
 * Whether the index orders all rows, each at a place of its own.  Sets *refused where
 * it does but would run code of users with a superuser's rights.
 */
static bool
take_index(Relation relation, HeapTuple tuple, EcapiHistoryKey *key, bool *refused)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);
	oidvector  *collations;
	oidvector  *classes;
	bool		isnull;
	bool		runs_users = false;

	if (!index->indisunique || !index->indisvalid || !index->indimmediate ||
		!heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
		return false;
	collations = (oidvector *) DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
															   Anum_pg_index_indcollation, &isnull));
	classes = (oidvector *) DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
															Anum_pg_index_indclass, &isnull));
	key->n = index->indnkeyatts;
	for (int i = 0; i < key->n; i++)
	{
		AttrNumber	column = index->indkey.values[i];
		Oid			family = get_opclass_family(classes->values[i]);
		Oid			type = get_opclass_input_type(classes->values[i]);
		Form_pg_attribute attribute;

		if (column <= 0)
			return false;		/* an expression */
		attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
		if (!ecapi_never_null(relation, column) || attribute->attcollation != collations->values[i])
			return false;
		key->columns[i] = column;
		key->types[i] = attribute->atttypid;
		key->collations[i] = attribute->attcollation;
		key->less[i] = get_opfamily_member(family, type, type, BTLessStrategyNumber);
		key->greater[i] = get_opfamily_member(family, type, type, BTGreaterStrategyNumber);
		if (!OidIsValid(key->less[i]) || !OidIsValid(key->greater[i]))
			return false;
		if (superuser_arg(ecapi_run_as(relation->rd_rel->relowner)) &&
			!ecapi_superuser_may_order(attribute->atttypid, key->less[i], key->greater[i]))
			runs_users = true;
	}
	*refused = runs_users;
	return !runs_users;
}

/* Which of the keys is wanted. */
typedef bool (*Wanted) (Relation relation, const EcapiHistoryKey *key, const void *arg);

static bool
is_any(Relation relation, const EcapiHistoryKey *key, const void *arg)
{
	return true;
}

/* arg: another key. */
static bool
is_same(Relation relation, const EcapiHistoryKey *a, const void *arg)
{
	const EcapiHistoryKey *b = arg;

	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->columns[i] != b->columns[i] || a->types[i] != b->types[i] ||
			a->collations[i] != b->collations[i] || a->less[i] != b->less[i] ||
			a->greater[i] != b->greater[i])
			return false;
	return true;
}

/* The first that is wanted.  Sets *refused where one would run code of users. */
static bool
find_key(Relation relation, Wanted wanted, const void *arg, EcapiHistoryKey *key, bool *refused)
{
	List	   *indexes = RelationGetIndexList(relation);
	Oid			primary = ecapi_primary_key(relation);
	ListCell   *cell;

	*refused = false;
	if (OidIsValid(primary))
		indexes = lcons_oid(primary, indexes);
	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		bool		runs_users = false;
		bool		taken;

		if (!HeapTupleIsValid(tuple))
			continue;
		taken = take_index(relation, tuple, key, &runs_users);
		ReleaseSysCache(tuple);
		if (taken && wanted(relation, key, arg))
			return true;
		*refused |= runs_users;
	}
	return false;
}

bool
ecapi_history_key_stands(Relation relation, const EcapiHistoryKey *key)
{
	EcapiHistoryKey found;
	bool		refused;

	return find_key(relation, is_same, key, &found, &refused);
}

const char *
ecapi_history_key_name(Relation relation, const EcapiHistoryKey *key, int i)
{
	return NameStr(TupleDescAttr(RelationGetDescr(relation), key->columns[i] - 1)->attname);
}

void
ecapi_history_key(Relation relation, EcapiHistoryKey *key)
{
	bool		refused;

	if (find_key(relation, is_any, NULL, key, &refused))
		return;
	if (refused)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" cannot be backfilled", RelationGetRelationName(relation)),
				 errdetail("Its keys have types or operators that are users', whose code does not run with a superuser's rights."),
				 errhint("%s", ecapi_run_as_hint("Give the table to a role that is no superuser with ALTER TABLE ... OWNER TO"))));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" cannot be backfilled", RelationGetRelationName(relation)),
			 errdetail("It has neither a primary key nor a unique index over columns that are not null, so its rows have no order to go on in."),
			 errhint("Create one of the two.")));
}

static const char *
operator_name(Oid operator)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)",
					  quote_identifier(get_namespace_name(form->oprnamespace)),
					  NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return result;
}

/* Qualified, so that it is the same whatever the session's search_path. */
static const char *
collate_clause(Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		return "";				/* the type has none */
	form = (Form_pg_collation) GETSTRUCT(tuple);
	result = psprintf(" COLLATE %s", quote_qualified_identifier(get_namespace_name(form->collnamespace),
																NameStr(form->collname)));
	ReleaseSysCache(tuple);
	return result;
}

char *
ecapi_history_key_words(Relation relation, const EcapiHistoryKey *key, int i)
{
	return psprintf("%s %s%s USING %s", quote_identifier(ecapi_history_key_name(relation, key, i)),
					format_type_be_qualified(key->types[i]), collate_clause(key->collations[i]),
					operator_name(key->less[i]));
}

/* What was written down of a key. */
typedef struct Told
{
	char	   *const *words;
	int			n;
} Told;

static bool
is_told(Relation relation, const EcapiHistoryKey *key, const void *arg)
{
	const Told *told = arg;

	if (key->n != told->n)
		return false;
	for (int i = 0; i < key->n; i++)
		if (strcmp(told->words[i], ecapi_history_key_words(relation, key, i)) != 0 &&
			strcmp(told->words[i], ecapi_history_key_name(relation, key, i)) != 0)
			return false;
	return true;
}

bool
ecapi_history_key_told(Relation relation, char *const *words, int n, EcapiHistoryKey *key)
{
	const Told	told = {words, n};
	bool		refused;

	return find_key(relation, is_told, &told, key, &refused);
}

/* t.column OPERATOR $parameter */
static void
append_comparison(StringInfo sql, Relation relation, const EcapiHistoryKey *key, int i, Oid operator)
{
	appendStringInfo(sql, "t.%s %s $%d", quote_identifier(ecapi_history_key_name(relation, key, i)),
					 operator_name(operator), i + 1);
}

/*
 * As a comparison of rows, which one index scan serves; where columns do not share
 * an operator's name, spelled out.
 */
void
ecapi_history_key_behind(StringInfo sql, Relation relation, const EcapiHistoryKey *key)
{
	bool		same = true;

	for (int i = 1; i < key->n; i++)
		same &= strcmp(operator_name(key->greater[i]), operator_name(key->greater[0])) == 0;
	if (same)
	{
		appendStringInfoString(sql, "ROW(");
		for (int i = 0; i < key->n; i++)
			appendStringInfo(sql, "%st.%s", i > 0 ? ", " : "",
							 quote_identifier(ecapi_history_key_name(relation, key, i)));
		appendStringInfo(sql, ") %s ROW(", operator_name(key->greater[0]));
		for (int i = 0; i < key->n; i++)
			appendStringInfo(sql, "%s$%d", i > 0 ? ", " : "", i + 1);
		appendStringInfoChar(sql, ')');
		return;
	}
	for (int i = 0; i < key->n; i++)
	{
		/* not (before) and (behind or further columns) */
		appendStringInfoString(sql, "NOT ");
		append_comparison(sql, relation, key, i, key->less[i]);
		appendStringInfoString(sql, " AND (");
		append_comparison(sql, relation, key, i, key->greater[i]);
		appendStringInfoString(sql, i < key->n - 1 ? " OR " : "");
	}
	for (int i = 0; i < key->n; i++)
		appendStringInfoChar(sql, ')');
}

void
ecapi_history_key_order(StringInfo sql, Relation relation, const EcapiHistoryKey *key)
{
	for (int i = 0; i < key->n; i++)
		appendStringInfo(sql, "%st.%s USING %s", i > 0 ? ", " : "",
						 quote_identifier(ecapi_history_key_name(relation, key, i)),
						 operator_name(key->less[i]));
}

/*
 * row_sql_check.c
 *	  What of SQL over a row is allowed.
 *
 * A source must give one value that depends on nothing but the row and the
 * database.  So refused are:
 *
 * (1) aggregates, window functions and functions that return sets, outside a
 *	  sub-select;
 * (2) what is volatile, and what locks rows;
 * (3) a sub-select that does not mention the row: in "(SELECT email FROM
 *	  customers WHERE customer_id = customer_id)" both names are the
 *	  customer's, and a stranger's address would be sent.  The left side of
 *	  "new.id IN (SELECT ...)" counts as mentioned, as it is what the
 *	  sub-select is compared with.  A sub-select inside another one relies on
 *	  that: which of its rows count, the outer one says, which mentions the row;
 * (4) temporary objects: the same name may stand for an object of the writer's,
 *	  whose code would then run as the owner;
 * (5) what the role that it runs as (run_as.h) may not read or call, by the same checks that the
 *	  executor makes; here, so that it is known when the track is made;
 * (6) operators of another type than the one they are applied to:
 *	  row_sql_operator.c;
 * (7) where that role is a superuser, nearly everything: row_sql_superuser.c.
 *
 * All this judges what is written in the source.  Inside a view or a function
 * is its owner's business.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "rowsql/names.h"
#include "rowsql/row_sql_check.h"
#include "rowsql/row_sql_operator.h"
#include "rowsql/row_sql_superuser.h"

/* ---------------------------------------------------------------- privileges */

static void
refuse_read(Oid relid, AttrNumber attnum, Oid role)
{
	char	   *column = attnum > 0 ? get_attname(relid, attnum, true) : NULL;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 column ?
			 errmsg("role \"%s\" may not read column \"%s\" of table %s",
					GetUserNameFromId(role, true), column, ecapi_names_relation(relid)) :
			 errmsg("role \"%s\" may not read table %s",
					GetUserNameFromId(role, true), ecapi_names_relation(relid)),
			 errdetail("The sources of a track run as the owner of the table, or, if that is a superuser, as the role of ecapi.run_as.")));
}

void
ecapi_row_sql_check_read(Oid relid, AttrNumber attnum, Oid role)
{
	Oid			schema = get_rel_namespace(relid);

	if (pg_namespace_aclcheck(schema, role, ACL_USAGE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not use schema \"%s\"",
						GetUserNameFromId(role, true), get_namespace_name(schema)),
				 errdetail("The sources of a track run as the owner of the table, or, if that is a superuser, as the role of ecapi.run_as.")));
	if (pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK)
		return;
	if (attnum > 0 ? pg_attribute_aclcheck(relid, attnum, role, ACL_SELECT) != ACLCHECK_OK :
		pg_attribute_aclcheck_all(relid, role, ACL_SELECT,
								  attnum < 0 ? ACLMASK_ANY : ACLMASK_ALL) != ACLCHECK_OK)
		refuse_read(relid, attnum, role);
}

/* Raise what the executor would about one table that is read. */
static void
check_table(RangeTblEntry *entry)
{
	Oid			role = OidIsValid(entry->checkAsUser) ? entry->checkAsUser : GetUserId();
	int			column = -1;

	if (entry->rtekind != RTE_RELATION || ExecCheckRTEPerms(entry))
		return;
	while ((column = bms_next_member(entry->selectedCols, column)) >= 0)
	{
		AttrNumber	attnum = column + FirstLowInvalidHeapAttributeNumber;

		if (attnum >= 0)
			ecapi_row_sql_check_read(entry->relid, attnum, role);
	}
	refuse_read(entry->relid, InvalidAttrNumber, role);
}

static bool
check_tables(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		ListCell   *cell;

		foreach(cell, query->rtable)
			check_table(lfirst(cell));
		return query_tree_walker(query, check_tables, arg, 0);
	}
	return expression_tree_walker(node, check_tables, arg);
}

/* ------------------------------------------------------------------- functions */

static bool
is_temporary(Oid schema)
{
	return OidIsValid(schema) && isAnyTempNamespace(schema);
}

static void
refuse_temporary(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("expression uses the temporary object %s", name),
			 errhint("Other sessions have objects of their own under that name.")));
}

/* For check_functions_in_node(): raises, never returns true. */
static bool
check_function(Oid function, void *arg)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression is volatile"),
				 errdetail("Function %s is volatile.", format_procedure(function)),
				 errhint("Declare the function STABLE if it is, or store its value in a column.")));
	if (pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not call function %s",
						GetUserNameFromId(GetUserId(), true), format_procedure(function)),
				 errdetail("The sources of a track run as the owner of the table, or, if that is a superuser, as the role of ecapi.run_as.")));
	if (is_temporary(get_func_namespace(function)))
		refuse_temporary(format_procedure(function));
	return false;
}

static void
check_type(Oid type)
{
	HeapTuple	tuple;
	Oid			schema;

	if (type < FirstNormalObjectId)
		return;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return;
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	if (is_temporary(schema))
		refuse_temporary(format_type_be(type));
}

/* Nodes of a Query that are no expressions and have no type. */
static bool
has_type(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_FuncExpr:
		case T_OpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
		case T_FieldSelect:
		case T_ArrayExpr:
			return true;
		default:
			return false;
	}
}

static void
check_types(List *types)
{
	ListCell   *cell;

	foreach(cell, types)
		check_type(lfirst_oid(cell));
}

/* Types of columns that a function's result is said to have, for every reader. */
static void
check_column_types(const RangeTblEntry *entry)
{
	ListCell   *cell;

	foreach(cell, entry->functions)
		check_types(lfirst_node(RangeTblFunction, cell)->funccoltypes);
	if (entry->tablefunc)
		check_types(entry->tablefunc->coltypes);
}

/* Invariants (2), (4) and functions of (5), over the whole source. */
static bool
check_objects(Node *node, void *arg)
{
	const EcapiExpression *expression = arg;

	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, check_function, NULL);
	/* A temporary table's own row type is no danger: only its session has it. */
	if (!expression->set->temporary && has_type(node))
		check_type(exprType(node));

	if (IsA(node, NextValueExpr))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression is volatile")));
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		ListCell   *cell;

		if (query->rowMarks)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("sub-select locks rows"),
					 errhint("Leave out FOR UPDATE or FOR SHARE.")));
		foreach(cell, query->rtable)
		{
			RangeTblEntry *entry = lfirst(cell);

			if (!expression->set->temporary)
				check_column_types(entry);
			if (entry->rtekind == RTE_RELATION && !expression->set->temporary &&
				is_temporary(get_rel_namespace(entry->relid)))
				refuse_temporary(get_rel_name(entry->relid));
		}
		return query_tree_walker(query, check_objects, arg, 0);
	}
	return expression_tree_walker(node, check_objects, arg);
}

/* ----------------------------------------------------------------- sub-selects */

static bool
mentions_row(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXTERN;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, mentions_row, arg, 0);
	return expression_tree_walker(node, mentions_row, arg);
}

/* Invariant (3). */
static bool
check_sub_selects(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		SubLink    *sub_select = (SubLink *) node;

		if (!mentions_row((Node *) sub_select, NULL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("sub-select mentions neither \"new\" nor \"old\""),
					 errdetail("It would give every row the same value."),
					 errhint("Compare with a column of the row, such as %s.",
							 ecapi_expressions_sample(arg))));
		return check_sub_selects(sub_select->testexpr, arg);
	}
	return expression_tree_walker(node, check_sub_selects, arg);
}

/* ------------------------------------------------------------------------- all */

static void
check_shape(const EcapiExpressions *set, Query *query)
{
	const char *wrong = NULL;

	if (query->hasTargetSRFs)
		wrong = "a set-returning function";
	else if (query->hasAggs)
		wrong = "an aggregate function";
	else if (query->hasWindowFuncs)
		wrong = "a window function";
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression uses %s", wrong),
				 errhint("Use it inside a sub-select: (SELECT ... WHERE ... = %s).",
						 ecapi_expressions_sample(set))));
}

void
ecapi_row_sql_check(const EcapiExpression *expression, Query *query)
{
	Node	   *value = (Node *) linitial_node(TargetEntry, query->targetList)->expr;

	check_shape(expression->set, query);
	if (expression->set->superuser)
		ecapi_superuser_check(expression, value);
	(void) check_objects((Node *) query, (void *) expression);
	ecapi_row_sql_check_operators(query);
	(void) check_sub_selects(value, expression->set);
	/* what a look at the track does not ask, see row_sql_look.c: the views' own rights */
	if (expression->set->look)
		(void) check_tables((Node *) query, NULL);
	else if (query->hasSubLinks)
	{
		Query	   *copy = copyObject(query);

		/* Views become what they read, with their owners' rights. */
		AcquireRewriteLocks(copy, true, false);
		(void) check_tables((Node *) QueryRewrite(copy), NULL);
	}
}

/* ------------------------------------------------------------------------ bare */

/*
 * Besides what is leakproof (so raises nothing about its arguments), functions
 * that compare and cannot fail, though nobody has marked them.
 */
static bool
cannot_fail(Oid function)
{
	switch (function)
	{
		case F_NUMERIC_EQ:
		case F_NUMERIC_NE:
		case F_NUMERIC_LT:
		case F_NUMERIC_LE:
		case F_NUMERIC_GT:
		case F_NUMERIC_GE:
		case F_ENUM_EQ:
		case F_ENUM_NE:
			return true;
		default:
			return get_func_leakproof(function);
	}
}

/*
 * For check_functions_in_node(): true for one that needs a guard.  What is not
 * immutable may depend on the session's settings, and those are the writer's.
 */
static bool
needs_guard_function(Oid function, void *arg)
{
	return function >= FirstUnpinnedObjectId || !cannot_fail(function) ||
		func_volatile(function) != PROVOLATILE_IMMUTABLE;
}

/*
 * Without a collation where one is needed, comparing raises an error: two
 * columns of different collations.
 */
static bool
lacks_collation(Node *node, List *args)
{
	ListCell   *cell;

	if (OidIsValid(exprInputCollation(node)))
		return false;
	foreach(cell, args)
		if (type_is_collatable(exprType(lfirst(cell))))
			return true;
	return false;
}

static bool
needs_guard(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_BooleanTest:
		case T_List:
			break;
		case T_NullTest:
			if (((NullTest *) node)->argisrow)
				return true;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			/* one struct under three names */
			if (lacks_collation(node, ((OpExpr *) node)->args))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (lacks_collation(node, ((ScalarArrayOpExpr *) node)->args))
				return true;
			break;
		case T_FuncExpr:
			if (lacks_collation(node, ((FuncExpr *) node)->args))
				return true;
			break;
		default:
			return true;
	}
	if (check_functions_in_node(node, needs_guard_function, NULL))
		return true;
	return expression_tree_walker(node, needs_guard, arg);
}

bool
ecapi_row_sql_is_bare(Node *expression)
{
	return !needs_guard(expression, NULL);
}

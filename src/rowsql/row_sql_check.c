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
 * (5) what the role that it runs as (run_as.h) may not read or call, by the same checks
 *	  that the executor makes; here, so that it is known when the track is made;
 * (6) operators of another type than the one they are applied to:
 *	  row_sql_operator.c;
 * (7) where that role is a superuser, nearly everything: row_sql_superuser.c.
 *
 * All this judges what is written in the source; what is inside a view or a function
 * is its owner's business.  Each look is a walk of sql_rules.h with its own rules.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
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

#include "base/sql_rules.h"
#include "compat.h"
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

	if (object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) != ACLCHECK_OK)
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
check_table(EcapiPermission *permission)
{
	Oid			role = OidIsValid(permission->checkAsUser) ? permission->checkAsUser : GetUserId();
	int			column = -1;

	if (ecapi_permission_holds(permission))
		return;
	while ((column = bms_next_member(permission->selectedCols, column)) >= 0)
	{
		AttrNumber	attnum = column + FirstLowInvalidHeapAttributeNumber;

		if (attnum >= 0)
			ecapi_row_sql_check_read(permission->relid, attnum, role);
	}
	refuse_read(permission->relid, InvalidAttrNumber, role);
}

static EcapiSqlStep
check_tables(Node *node, bool allowed, void *arg)
{
	ListCell   *cell;

	if (IsA(node, Query))
		foreach(cell, ecapi_permissions_of((Query *) node))
			check_table(lfirst(cell));
	return ECAPI_SQL_GO_ON;
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

static bool
check_function(Oid function, bool allowed, void *arg)
{
	if (!allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression is volatile"),
				 errdetail("Function %s is volatile.", format_procedure(function)),
				 errhint("Declare the function STABLE if it is, or store its value in a column.")));
	if (object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not call function %s",
						GetUserNameFromId(GetUserId(), true), format_procedure(function)),
				 errdetail("The sources of a track run as the owner of the table, or, if that is a superuser, as the role of ecapi.run_as.")));
	if (is_temporary(get_func_namespace(function)))
		refuse_temporary(format_procedure(function));
	return false;
}

/* A temporary table's own row type is no danger: only its session has it. */
static void
check_type(Oid type, void *arg)
{
	const EcapiExpression *expression = arg;

	if (type >= FirstNormalObjectId && !expression->set->temporary &&
		is_temporary(ecapi_type_schema(type)))
		refuse_temporary(format_type_be(type));
}

static void
check_types(List *types, void *arg)
{
	ListCell   *cell;

	foreach(cell, types)
		check_type(lfirst_oid(cell), arg);
}

/* What a sub-select reads from: also types that a function's result is said to have. */
static void
check_entry(const RangeTblEntry *entry, void *arg)
{
	const EcapiExpression *expression = arg;
	ListCell   *cell;

	foreach(cell, entry->functions)
		check_types(lfirst_node(RangeTblFunction, cell)->funccoltypes, arg);
	if (entry->tablefunc)
		check_types(entry->tablefunc->coltypes, arg);
	if (entry->rtekind == RTE_RELATION && !expression->set->temporary &&
		is_temporary(get_rel_namespace(entry->relid)))
		refuse_temporary(get_rel_name(entry->relid));
}

/* With its rules: invariants (2), (4) and functions of (5), over the whole source. */
static EcapiSqlStep
check_objects(Node *node, bool allowed, void *arg)
{
	ListCell   *cell;

	if (IsA(node, NextValueExpr))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression is volatile")));
	if (IsA(node, Query))
	{
		if (((Query *) node)->rowMarks)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("sub-select locks rows"),
					 errhint("Leave out FOR UPDATE or FOR SHARE.")));
		foreach(cell, ((Query *) node)->rtable)
			check_entry(lfirst(cell), arg);
	}
	return ECAPI_SQL_GO_ON;
}

/* ----------------------------------------------------------------- sub-selects */

static EcapiSqlStep
find_row(Node *node, bool allowed, void *arg)
{
	return IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN ?
		ECAPI_SQL_FOUND : ECAPI_SQL_GO_ON;
}

static EcapiSqlStep check_sub_select(Node *node, bool allowed, void *arg);

static const EcapiSqlRules sub_select_rules = {.node = check_sub_select};

/* Invariant (3). */
static EcapiSqlStep
check_sub_select(Node *node, bool allowed, void *arg)
{
	static const EcapiSqlRules row_rules = {.node = find_row};

	if (!IsA(node, SubLink))
		return ECAPI_SQL_GO_ON;
	if (!ecapi_sql_find(node, &row_rules, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("sub-select mentions neither \"new\" nor \"old\""),
				 errdetail("It would give every row the same value."),
				 errhint("Compare with a column of the row, such as %s.",
						 ecapi_expressions_sample(arg))));
	(void) ecapi_sql_find(((SubLink *) node)->testexpr, &sub_select_rules, arg);
	return ECAPI_SQL_PASS_OVER;
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
	static const EcapiSqlRules object_rules = {
		.node = check_objects,
		.volatility = PROVOLATILE_STABLE,
		.function = check_function,
		.type = check_type
	};
	static const EcapiSqlRules table_rules = {.node = check_tables};
	Node	   *value = (Node *) linitial_node(TargetEntry, query->targetList)->expr;

	check_shape(expression->set, query);
	if (expression->set->superuser)
		ecapi_superuser_check(expression, value);
	(void) ecapi_sql_find((Node *) query, &object_rules, (void *) expression);
	ecapi_row_sql_check_operators(query);
	(void) ecapi_sql_find(value, &sub_select_rules, expression->set);
	/* what a look at the track does not ask, see row_sql_look.c: the views' own rights */
	if (expression->set->look)
		(void) ecapi_sql_find((Node *) query, &table_rules, NULL);
	else if (query->hasSubLinks)
	{
		Query	   *copy = copyObject(query);

		/* Views become what they read, with their owners' rights. */
		AcquireRewriteLocks(copy, true, false);
		(void) ecapi_sql_find((Node *) QueryRewrite(copy), &table_rules, NULL);
	}
}

/* ------------------------------------------------------------------------ bare */

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

static EcapiSqlStep
find_not_bare(Node *node, bool allowed, void *arg)
{
	List	   *args = NIL;

	switch (nodeTag(node))
	{
		case T_NullTest:
			allowed = !((NullTest *) node)->argisrow;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			/* one struct under three names */
			args = ((OpExpr *) node)->args;
			break;
		case T_ScalarArrayOpExpr:
			args = ((ScalarArrayOpExpr *) node)->args;
			break;
		case T_FuncExpr:
			args = ((FuncExpr *) node)->args;
			break;
		default:
			break;
	}
	return allowed && !lacks_collation(node, args) ? ECAPI_SQL_GO_ON : ECAPI_SQL_FOUND;
}

/*
 * What is leakproof raises nothing about its arguments.  What is not immutable may
 * depend on the session's settings, and those are the writer's.
 */
bool
ecapi_row_sql_is_bare(Node *expression)
{
	static const NodeTag nodes[] = {
		T_Var, T_Const, T_BoolExpr, T_RelabelType, T_CaseExpr, T_CaseWhen,
		T_CaseTestExpr, T_CoalesceExpr, T_BooleanTest, T_NullTest, T_OpExpr,
		T_DistinctExpr, T_NullIfExpr, T_ScalarArrayOpExpr, T_FuncExpr, T_List,
		T_Invalid
	};
	/* they compare and cannot fail, though nobody has marked them leakproof */
	static const Oid functions[] = {
		F_NUMERIC_EQ, F_NUMERIC_NE, F_NUMERIC_LT, F_NUMERIC_LE, F_NUMERIC_GT,
		F_NUMERIC_GE, F_ENUM_EQ, F_ENUM_NE, InvalidOid
	};
	static const EcapiSqlRules rules = {
		.nodes = nodes,
		.node = find_not_bare,
		.builtin = true,
		.volatility = PROVOLATILE_IMMUTABLE,
		.leakproof = true,
		.functions = functions
	};

	return !ecapi_sql_find(expression, &rules, NULL);
}

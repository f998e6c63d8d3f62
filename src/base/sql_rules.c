/*
 * sql_rules.c
 *	  What SQL that users wrote may consist of: rules as data, and the walk over a tree
 *	  that applies them.
 *
 * A filter, SQL of a track, that of a superuser's track, a look at one, and what stands
 * behind a superuser's tables: each is judged by its own rules, and all by this walk.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/sql_rules.h"

typedef struct Walk
{
	const EcapiSqlRules *rules;
	void	   *arg;
} Walk;

static bool
is_allowed_node(NodeTag tag, const NodeTag *nodes)
{
	if (nodes == NULL)
		return true;
	while (*nodes != tag && *nodes != T_Invalid)
		nodes++;
	return *nodes == tag;
}

static bool
is_allowed_function(Oid function, const EcapiSqlRules *rules)
{
	for (const Oid *one = rules->functions; one != NULL && OidIsValid(*one); one++)
		if (*one == function)
			return true;
	if (rules->builtin && function >= FirstUnpinnedObjectId)
		return false;
	/* the letters of volatilities are in their order */
	if (rules->volatility != 0 && func_volatile(function) > rules->volatility)
		return false;
	return !rules->leakproof || get_func_leakproof(function);
}

/* For check_functions_in_node(). */
static bool
is_found_function(Oid function, void *arg)
{
	const Walk *at = arg;
	bool		allowed = is_allowed_function(function, at->rules);

	return at->rules->function ? at->rules->function(function, allowed, at->arg) : !allowed;
}

/* Nodes of a tree that are no expressions have no type. */
static bool
has_type(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_NamedArgExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_RowCompareExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_SQLValueFunction:
		case T_NullTest:
		case T_BooleanTest:
		case T_CoerceToDomain:
			return true;
		default:
			return false;
	}
}

static bool
walk(Node *node, void *arg)
{
	Walk	   *at = arg;
	const EcapiSqlRules *rules = at->rules;
	EcapiSqlStep step;
	bool		allowed;

	if (node == NULL)
		return false;
	allowed = is_allowed_node(nodeTag(node), rules->nodes);
	step = rules->node ? rules->node(node, allowed, at->arg) :
		allowed ? ECAPI_SQL_GO_ON : ECAPI_SQL_FOUND;
	if (step != ECAPI_SQL_GO_ON)
		return step == ECAPI_SQL_FOUND;
	if (rules->parsed)
		return raw_expression_tree_walker(node, walk, arg);
	if (check_functions_in_node(node, is_found_function, arg))
		return true;
	if (rules->type && has_type(node))
		rules->type(exprType(node), at->arg);
	return IsA(node, Query) ? query_tree_walker((Query *) node, walk, arg, 0) :
		expression_tree_walker(node, walk, arg);
}

bool
ecapi_sql_find(Node *tree, const EcapiSqlRules *rules, void *arg)
{
	Walk		at = {rules, arg};

	return walk(tree, &at);
}

EcapiSqlText
ecapi_sql_parse(const char *text, RawStmt **statement, Node **value)
{
	SelectStmt *select;
	ResTarget  *target;

	*statement = linitial_node(RawStmt, raw_parser(text, RAW_PARSE_PLPGSQL_EXPR));
	*value = NULL;
	select = castNode(SelectStmt, (*statement)->stmt);
	if (select->targetList == NIL)
		return ECAPI_SQL_EMPTY;
	target = linitial_node(ResTarget, select->targetList);
	*value = target->val;
	if (list_length(select->targetList) > 1)
		return ECAPI_SQL_LIST;
	if (select->distinctClause || select->fromClause || select->whereClause ||
		select->groupClause || select->havingClause || select->windowClause ||
		select->sortClause || select->limitOffset || select->limitCount ||
		select->lockingClause || target->name || target->indirection)
		return ECAPI_SQL_MORE;
	return ECAPI_SQL_EXPRESSION;
}

char *
ecapi_sql_foreign_name(List *names)
{
	if (list_length(names) < 2 ||
		(list_length(names) == 2 && strcmp(strVal(linitial(names)), "pg_catalog") == 0))
		return NULL;
	return NameListToString(names);
}

Oid
ecapi_sql_named_type(const TypeName *name)
{
	Type		type = LookupTypeName(NULL, name, NULL, true);
	Oid			oid = InvalidOid;

	if (type != NULL)
	{
		oid = typeTypeId(type);
		ReleaseSysCache(type);
	}
	return oid;
}

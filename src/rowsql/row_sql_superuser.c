/*
 * row_sql_superuser.c
 *	  What of SQL over a row is allowed where it would run as a superuser: where the
 *	  table's owner is one, and no other role stands in (run_as.c).
 *
 * No code of a user may run with a superuser's rights.  A table may come to a
 * superuser with its tracks (REASSIGN OWNED, ALTER TABLE ... OWNER TO), so it
 * does not help that a superuser once read the source.  Allowed are columns,
 * constants, logic, immutable functions and operators of the server's own over its
 * own types and enums, and ecapi.major and ecapi.event_id, as long as every function
 * of that name in our schema belongs to the extension.
 *
 * What always holds:
 *
 * (1) The source is judged twice.  Parsed only, because analysis already runs
 *	  code: a literal is read by the input function of its type, and reading a
 *	  domain inside of a composite, an array or a range asks the domain's
 *	  constraint.  Analyzed, because only then it is known which functions,
 *	  operators and casts are meant; that is before the planner folds anything.
 * (2) Both know what is allowed, not what is dangerous: any other node is
 *	  refused.
 * (3) In a parsed source every type is named or that of a column or comes from
 *	  a function or operator of pg_catalog, where only superusers make any, or a
 *	  function of ours, whose arguments are of such types.  So with named types,
 *	  columns and schemas checked, no literal has a type with code behind it.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/run_as.h"
#include "base/sql_rules.h"
#include "rowsql/row_sql_superuser.h"

static void
refuse(const EcapiExpression *expression, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a superuser's table cannot be tracked with %s", what),
			 errdetail("Only columns, foreign-key paths, immutable built-in functions and operators, ecapi.major and ecapi.event_id run with a superuser's rights."),
			 errhint("%s", ecapi_run_as_hint(psprintf("Give table %s to a role that is no superuser with ALTER TABLE ... OWNER TO",
													  expression->set->table)))));
}

static void
refuse_node(const EcapiExpression *expression, const Node *node)
{
	if (IsA(node, SubLink))
		refuse(expression, "a sub-select");
	if (IsA(node, RowExpr))
		refuse(expression, "a composite value");
	if (IsA(node, SQLValueFunction))
		refuse(expression, "the current user or time");
	refuse(expression, "such an expression");
}

/* ---------------------------------------------------------------------- types */

/* One that no user made, or an enum: over both, built-in functions do all. */
static bool
is_plain(Oid type)
{
	char		kind = get_typtype(type);

	return kind == TYPTYPE_ENUM ||
		(type < FirstUnpinnedObjectId && kind != TYPTYPE_COMPOSITE &&
		 type != RECORDOID && type != RECORDARRAYOID);
}

/*
 * A domain over such a type is as good: that its values are asked for their
 * constraint is seen in the analyzed source.  In an array they are asked by the
 * array's input function.
 */
bool
ecapi_superuser_is_plain(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	return is_plain(OidIsValid(element) ? element : base);
}

void
ecapi_superuser_check_type(const EcapiExpression *expression, Oid type)
{
	if (ecapi_superuser_is_plain(type))
		return;
	refuse(expression, psprintf("a value of type %s", format_type_be(type)));
}

/* --------------------------------------------------------------------- parsed */

/* Functions of ours that are as good as built in. */
static const char *const allowed[] = {"major", "event_id"};

/* Whether a function of schema ecapi is the extension's own, and allowed. */
static bool
is_our_own(Oid function)
{
	char	   *name = get_func_name(function);
	bool		listed = false;

	for (size_t i = 0; name != NULL && i < lengthof(allowed); i++)
		listed |= strcmp(name, allowed[i]) == 0;
	return listed && get_func_namespace(function) == get_namespace_oid("ecapi", true) &&
		getExtensionOfObject(ProcedureRelationId, function) == get_extension_oid("ecapi", true);
}

/*
 * Whether a call by that name finds allowed functions of ours alone.  An overload
 * that another role put beside one could have an argument of any type.
 */
static bool
names_our_own(List *names)
{
	Oid			schema;
	CatCList   *list;
	List	   *found = NIL;
	ListCell   *cell;

	if (list_length(names) != 2 || strcmp(strVal(linitial(names)), "ecapi") != 0)
		return false;
	schema = get_namespace_oid("ecapi", true);
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(strVal(lsecond(names))));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (form->pronamespace == schema)
			found = lappend_oid(found, form->oid);
	}
	ReleaseSysCacheList(list);
	foreach(cell, found)
		if (!is_our_own(lfirst_oid(cell)))
			return false;
	return found != NIL;
}

/* Without a schema it is looked up in pg_catalog only; see confine.c. */
static void
check_name(const EcapiExpression *expression, List *names, const char *kind)
{
	char	   *name = ecapi_sql_foreign_name(names);

	if (name != NULL)
		refuse(expression, psprintf("%s %s", kind, name));
}

static const NodeTag parsed_nodes[] = {
	T_A_Const, T_BoolExpr, T_CaseExpr, T_CaseWhen, T_CoalesceExpr, T_MinMaxExpr,
	T_NullTest, T_BooleanTest, T_A_ArrayExpr, T_A_Indirection, T_A_Indices,
	T_CollateClause, T_List, T_String, T_A_Expr, T_FuncCall, T_TypeCast,
	T_ColumnRef,				/* by ecapi_superuser_check_type() */
	T_Invalid
};

static EcapiSqlStep check_parsed(Node *node, bool allowed, void *arg);

static const EcapiSqlRules parsed_rules = {
	.parsed = true,
	.nodes = parsed_nodes,
	.node = check_parsed
};

static EcapiSqlStep
check_parsed(Node *node, bool allowed, void *arg)
{
	Oid			type;

	if (!allowed)
		refuse_node(arg, node);
	switch (nodeTag(node))
	{
		case T_A_Expr:
			check_name(arg, ((A_Expr *) node)->name, "operator");
			break;
		case T_FuncCall:
			if (!names_our_own(((FuncCall *) node)->funcname))
				check_name(arg, ((FuncCall *) node)->funcname, "function");
			break;
		case T_TypeCast:
			/* a type that is not there is an error of the analysis */
			type = ecapi_sql_named_type(((TypeCast *) node)->typeName);
			if (OidIsValid(type))
				ecapi_superuser_check_type(arg, type);
			(void) ecapi_sql_find(((TypeCast *) node)->arg, &parsed_rules, arg);
			return ECAPI_SQL_PASS_OVER;
		default:
			break;
	}
	return ECAPI_SQL_GO_ON;
}

void
ecapi_superuser_check_parsed(const EcapiExpression *expression, Node *parsed)
{
	(void) ecapi_sql_find(parsed, &parsed_rules, (void *) expression);
}

/* ------------------------------------------------------------------- analyzed */

static bool
check_function(Oid function, bool allowed, void *arg)
{
	/* ours may look at a track: event_id is stable */
	if (!allowed && !is_our_own(function))
		refuse(arg, psprintf("function %s", format_procedure(function)));
	return false;
}

static EcapiSqlStep
check_analyzed(Node *node, bool allowed, void *arg)
{
	if (IsA(node, CoerceToDomain))
		refuse(arg, psprintf("a conversion to domain %s",
							 format_type_be(exprType(node))));
	if (!allowed)
		refuse_node(arg, node);
	if (!IsA(node, CaseWhen) && !IsA(node, List))
		ecapi_superuser_check_type(arg, exprType(node));
	return ECAPI_SQL_GO_ON;
}

void
ecapi_superuser_check(const EcapiExpression *expression, Node *analyzed)
{
	static const NodeTag nodes[] = {
		T_Const, T_Param, T_FuncExpr, T_OpExpr, T_DistinctExpr, T_NullIfExpr,
		T_ScalarArrayOpExpr, T_BoolExpr, T_RelabelType, T_CoerceViaIO,
		T_ArrayCoerceExpr, T_CollateExpr, T_CaseExpr, T_CaseTestExpr, T_CaseWhen,
		T_CoalesceExpr, T_ArrayExpr, T_NullTest, T_BooleanTest, T_SubscriptingRef,
		T_List,
		T_MinMaxExpr,			/* by operators of the type, as built in as it is */
		T_Invalid
	};
	static const EcapiSqlRules rules = {
		.nodes = nodes,
		.node = check_analyzed,
		.builtin = true,
		.volatility = PROVOLATILE_IMMUTABLE,
		.function = check_function
	};

	(void) ecapi_sql_find(analyzed, &rules, (void *) expression);
}

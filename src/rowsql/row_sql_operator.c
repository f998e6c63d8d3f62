/*
 * row_sql_operator.c
 *	  Operators and functions of SQL over a row that are another type's.
 *
 * SQL over a row is compiled with nothing but pg_catalog in the search path, so
 * that no user's operator is taken for the server's.  But a type of an extension
 * brings operators of its own, and where it is cast to text by itself, as citext
 * is, "new.status = 'paid'" finds the operator of text and compares with case,
 * without a word.  Its author means the type's operator: so it is
 * refused, and the hint names the one that is meant.
 *
 * An explicit cast says what is meant, and is taken at its word.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/sql_rules.h"
#include "rowsql/row_sql_operator.h"

/* An operand without the casts that the author did not write. */
static Node *
without_casts(Node *operand)
{
	for (;;)
	{
		if (IsA(operand, RelabelType) &&
			((RelabelType *) operand)->relabelformat == COERCE_IMPLICIT_CAST)
			operand = (Node *) ((RelabelType *) operand)->arg;
		else if (IsA(operand, CoerceViaIO) &&
				 ((CoerceViaIO *) operand)->coerceformat == COERCE_IMPLICIT_CAST)
			operand = (Node *) ((CoerceViaIO *) operand)->arg;
		else if (IsA(operand, FuncExpr) &&
				 ((FuncExpr *) operand)->funcformat == COERCE_IMPLICIT_CAST)
			operand = linitial(((FuncExpr *) operand)->args);
		else
			return operand;
	}
}

Oid
ecapi_type_schema(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return schema;
}

/* The type that an operand had before such casts, if it is no type of the server's own. */
static Oid
foreign_type(Node *operand)
{
	Node	   *inner = without_casts(operand);
	Oid			type = getBaseType(exprType(inner));

	/* a domain becomes its own type by such a cast, too */
	if (inner == operand || getBaseType(exprType(operand)) == type ||
		ecapi_type_schema(type) == PG_CATALOG_NAMESPACE)
		return InvalidOid;
	return type;
}

/* Whether a type has an operator of that name, in its own schema. */
static bool
has_operator(Oid type, const char *name)
{
	Oid			schema = ecapi_type_schema(type);
	CatCList   *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_operator one = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		found = one->oprnamespace == schema && (one->oprleft == type || one->oprright == type);
	}
	ReleaseSysCacheList(list);
	return found;
}

static bool
has_function(Oid type, const char *name)
{
	Oid			schema = ecapi_type_schema(type);
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_proc one = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		for (int j = 0; one->pronamespace == schema && j < one->pronargs; j++)
			found |= one->proargtypes.values[j] == type;
	}
	ReleaseSysCacheList(list);
	return found;
}

static void
check_operator(Oid operator, List *args)
{
	char	   *name = get_opname(operator);
	ListCell   *cell;

	foreach(cell, args)
	{
		Oid			type = foreign_type(lfirst(cell));

		if (OidIsValid(type) && name != NULL && has_operator(type, name))
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
					 errmsg("operator %s is not that of type %s", name, format_type_be(type)),
					 errhint("Write OPERATOR(%s.%s), or cast the value to %s if you mean this one.",
							 quote_identifier(get_namespace_name(ecapi_type_schema(type))), name,
							 format_type_be(exprType(lfirst(cell))))));
	}
}

static void
check_function(const FuncExpr *call)
{
	char	   *name = get_func_name(call->funcid);
	ListCell   *cell;

	foreach(cell, call->args)
	{
		Oid			type = foreign_type(lfirst(cell));

		if (OidIsValid(type) && name != NULL && has_function(type, name))
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
					 errmsg("function %s is not that of type %s", name, format_type_be(type)),
					 errhint("Write %s.%s, or cast the value to %s if you mean this one.",
							 quote_identifier(get_namespace_name(ecapi_type_schema(type))),
							 quote_identifier(name), format_type_be(exprType(lfirst(cell))))));
	}
}

static EcapiSqlStep
check_node(Node *node, bool allowed, void *arg)
{
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			check_operator(((OpExpr *) node)->opno, ((OpExpr *) node)->args);
			break;
		case T_ScalarArrayOpExpr:
			check_operator(((ScalarArrayOpExpr *) node)->opno, ((ScalarArrayOpExpr *) node)->args);
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL)
				check_function((FuncExpr *) node);
			break;
		default:
			break;
	}
	return ECAPI_SQL_GO_ON;
}

void
ecapi_row_sql_check_operators(Query *query)
{
	static const EcapiSqlRules rules = {.node = check_node};

	(void) ecapi_sql_find((Node *) query, &rules, NULL);
}

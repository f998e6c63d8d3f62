/*
 * filter_check.c
 *	  What a filter may consist of.
 *
 * A filter is evaluated in a process of its owner (process.c), who may be a superuser, and
 * in the backends of those who preview.  So it must run no code of users and read
 * nothing but the event, by every author and in every process.
 *
 * What always holds:
 *
 * (1) It is judged twice.  Parsed only, because analysis already runs code: a
 *	  literal is read by the input function of its type, and that of a composite
 *	  or an array asks domains inside for their constraints.  Analyzed, because
 *	  only then it is known which functions, operators and casts are meant; that
 *	  is before the planner folds anything.
 * (2) Both know what is allowed, not what is dangerous: any other node, type or
 *	  function is refused.
 * (3) Types are plain values of the server's own: no composites, no domains, no
 *	  enums, no xml, and none of the types that stand for objects (regclass and
 *	  its kin, oid), so nothing can be named that could be opened or read.
 * (4) Functions are the server's own, from its very first start on (their oids
 *	  are pinned), over such types, and immutable; or stable and in the list
 *	  below, for no other reason than the time zone, the session's time or how a
 *	  value looks as text.  Time zone and text forms are pinned where filters run.
 *	  So there are no queries (query_to_xml, table_to_xml), files, settings,
 *	  large objects or sequences.
 *
 * What remains is work.  The row's memory is emptied at each event, the length of a
 * condition is bounded, filter_bound.c keeps each call of a function short, and
 * the time limit ends what is long between two of them.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/sql_rules.h"
#include "enrich/filter_check.h"

static void
refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a filter cannot use %s", what),
			 errhint(ECAPI_FILTER_RULE)));
}

/* ---------------------------------------------------------------------- types */

static bool
is_plain(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case JSONOID:
		case JSONBOID:
		case JSONPATHOID:
		case UUIDOID:
		case BYTEAOID:
		case BITOID:
		case VARBITOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case DATERANGEOID:
		case INT4MULTIRANGEOID:
		case INT8MULTIRANGEOID:
		case NUMMULTIRANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
		case DATEMULTIRANGEOID:
		case UNKNOWNOID:		/* a literal, where any type will do */
			return true;
		default:
			return false;
	}
}

static void
check_type(Oid type, void *arg)
{
	Oid			element = get_element_type(type);

	if (!is_plain(OidIsValid(element) ? element : type))
		refuse(psprintf("a value of type %s", format_type_be(type)));
}

/* --------------------------------------------------------------------- parsed */

/* Without a schema it is looked up in pg_catalog only; see filter.c. */
static void
check_name(List *names, const char *kind)
{
	char	   *name = ecapi_sql_foreign_name(names);

	if (name != NULL)
		refuse(psprintf("%s %s", kind, name));
}

/* A type that is not there is an error of the analysis. */
static void
check_type_name(const TypeName *name)
{
	Oid			type;

	if (name->setof || name->pct_type)
		refuse("such a type");
	check_name(name->names, "type");
	type = ecapi_sql_named_type(name);
	if (OidIsValid(type))
		check_type(type, NULL);
}

static void
check_call(const FuncCall *call)
{
	check_name(call->funcname, "function");
	if (call->over)
		refuse("a window function");
	if (call->agg_order || call->agg_filter || call->agg_star || call->agg_distinct ||
		call->agg_within_group)
		refuse("an aggregate function");
}

/* Elements of arrays and jsonb; a field is one of a composite value. */
static void
check_indirection(const A_Indirection *node)
{
	ListCell   *cell;

	foreach(cell, node->indirection)
	{
		if (IsA(lfirst(cell), A_Star))
			refuse("the whole row");
		if (IsA(lfirst(cell), String))
			refuse(psprintf("the field \"%s\" of a composite value", strVal(lfirst(cell))));
	}
}

/* A node that is not allowed, parsed or analyzed. */
static void
refuse_node(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_SubLink:
			refuse("a sub-select");
			break;
		case T_ParamRef:
			refuse("a parameter");
			break;
		case T_A_Star:
			refuse("the whole row");
			break;
		case T_XmlExpr:
		case T_XmlSerialize:
			refuse("XML");
			break;
		case T_Aggref:
			refuse("an aggregate function");
			break;
		case T_WindowFunc:
			refuse("a window function");
			break;
		case T_RowExpr:
			refuse("a composite value");
			break;
		default:
			refuse("such an expression");
			break;
	}
}

static const NodeTag parsed_nodes[] = {
	T_ColumnRef, T_A_Const, T_BoolExpr, T_CaseExpr, T_CaseWhen, T_CoalesceExpr,
	T_MinMaxExpr, T_NullTest, T_BooleanTest, T_NamedArgExpr, T_A_ArrayExpr, T_A_Indices,
	T_List, T_A_Indirection, T_CollateClause, T_A_Expr, T_FuncCall, T_TypeCast,
	T_RowExpr,					/* compared column by column, it is gone after analysis */
	T_SQLValueFunction,			/* which, is asked after analysis */
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
	if (!allowed)
		refuse_node(node);
	switch (nodeTag(node))
	{
		case T_ColumnRef:		/* by ecapi_filter_column() */
			return ECAPI_SQL_PASS_OVER;
		case T_A_Indirection:
			check_indirection((A_Indirection *) node);
			break;
		case T_CollateClause:
			check_name(((CollateClause *) node)->collname, "collation");
			break;
		case T_A_Expr:
			check_name(((A_Expr *) node)->name, "operator");
			break;
		case T_FuncCall:
			check_call((FuncCall *) node);
			break;
		case T_TypeCast:
			check_type_name(((TypeCast *) node)->typeName);
			(void) ecapi_sql_find(((TypeCast *) node)->arg, &parsed_rules, arg);
			return ECAPI_SQL_PASS_OVER;
		default:
			break;
	}
	return ECAPI_SQL_GO_ON;
}

void
ecapi_filter_check_parsed(Node *parsed)
{
	(void) ecapi_sql_find(parsed, &parsed_rules, NULL);
}

/* ------------------------------------------------------------------- functions */

/*
 * Stable functions that depend on nothing but the event, the time zone, the
 * forms of text, and what time it is.  To be read together with invariant (3):
 * over other types some of them would run users' output functions or casts.
 */
static const Oid stable[] = {
	F_NOW, F_TRANSACTION_TIMESTAMP, F_STATEMENT_TIMESTAMP,
	F_AGE_TIMESTAMPTZ, F_AGE_TIMESTAMP,
	F_DATE_TIMESTAMPTZ, F_TIME_TIMESTAMPTZ, F_TIMESTAMP_TIMESTAMPTZ,
	F_TIMETZ_TIMESTAMPTZ, F_TIMETZ_TIME,
	F_TIMESTAMPTZ_TIMESTAMP, F_TIMESTAMPTZ_DATE, F_TIMESTAMPTZ_DATE_TIME,
	F_MAKE_TIMESTAMPTZ_INT4_INT4_INT4_INT4_INT4_FLOAT8,
	F_MAKE_TIMESTAMPTZ_INT4_INT4_INT4_INT4_INT4_FLOAT8_TEXT,
	F_TIMESTAMPTZ_PL_INTERVAL, F_TIMESTAMPTZ_MI_INTERVAL, F_INTERVAL_PL_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ, F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT,
	F_DATE_PART_TEXT_TIMESTAMPTZ, F_EXTRACT_TEXT_TIMESTAMPTZ, F_TIMEZONE_TEXT_TIMETZ,
	F_OVERLAPS_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ_INTERVAL,
	F_OVERLAPS_TIMESTAMPTZ_INTERVAL_TIMESTAMPTZ_INTERVAL,
	F_OVERLAPS_TIMESTAMPTZ_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ,

	F_DATE_EQ_TIMESTAMPTZ, F_DATE_NE_TIMESTAMPTZ, F_DATE_LT_TIMESTAMPTZ,
	F_DATE_LE_TIMESTAMPTZ, F_DATE_GT_TIMESTAMPTZ, F_DATE_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_DATE, F_TIMESTAMPTZ_NE_DATE, F_TIMESTAMPTZ_LT_DATE,
	F_TIMESTAMPTZ_LE_DATE, F_TIMESTAMPTZ_GT_DATE, F_TIMESTAMPTZ_GE_DATE,
	F_TIMESTAMP_EQ_TIMESTAMPTZ, F_TIMESTAMP_NE_TIMESTAMPTZ, F_TIMESTAMP_LT_TIMESTAMPTZ,
	F_TIMESTAMP_LE_TIMESTAMPTZ, F_TIMESTAMP_GT_TIMESTAMPTZ, F_TIMESTAMP_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_TIMESTAMP, F_TIMESTAMPTZ_NE_TIMESTAMP, F_TIMESTAMPTZ_LT_TIMESTAMP,
	F_TIMESTAMPTZ_LE_TIMESTAMP, F_TIMESTAMPTZ_GT_TIMESTAMP, F_TIMESTAMPTZ_GE_TIMESTAMP,

	F_TO_CHAR_TIMESTAMPTZ_TEXT, F_TO_CHAR_TIMESTAMP_TEXT, F_TO_CHAR_INTERVAL_TEXT,
	F_TO_CHAR_INT4_TEXT, F_TO_CHAR_INT8_TEXT, F_TO_CHAR_NUMERIC_TEXT,
	F_TO_CHAR_FLOAT4_TEXT, F_TO_CHAR_FLOAT8_TEXT,
	F_TO_DATE, F_TO_TIMESTAMP_TEXT_TEXT, F_TO_NUMBER,

	F_CONCAT, F_CONCAT_WS, F_FORMAT_TEXT, F_FORMAT_TEXT_ANY,
	F_ANYTEXTCAT, F_TEXTANYCAT,
	F_QUOTE_LITERAL_ANYELEMENT, F_QUOTE_NULLABLE_ANYELEMENT,
	F_ARRAY_TO_STRING_ANYARRAY_TEXT, F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT,
	F_TO_JSON, F_TO_JSONB, F_ARRAY_TO_JSON_ANYARRAY, F_ARRAY_TO_JSON_ANYARRAY_BOOL,
	F_JSON_BUILD_ARRAY_, F_JSON_BUILD_ARRAY_ANY,
	F_JSON_BUILD_OBJECT_, F_JSON_BUILD_OBJECT_ANY,
	F_JSONB_BUILD_ARRAY_, F_JSONB_BUILD_ARRAY_ANY,
	F_JSONB_BUILD_OBJECT_, F_JSONB_BUILD_OBJECT_ANY,
	F_JSONB_PATH_EXISTS_TZ, F_JSONB_PATH_MATCH_TZ,
	F_JSONB_PATH_QUERY_ARRAY_TZ, F_JSONB_PATH_QUERY_FIRST_TZ,

	InvalidOid
};

static bool
check_function(Oid function, bool allowed, void *arg)
{
	if (!allowed)
		refuse(psprintf("function %s", function >= FirstUnpinnedObjectId ?
						format_procedure_qualified(function) :
						format_procedure(function)));
	return false;
}

/* -------------------------------------------------------------------- analyzed */

static bool
is_time(Oid type)
{
	Oid			element = get_element_type(type);

	switch (OidIsValid(element) ? element : type)
	{
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case DATERANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
		case DATEMULTIRANGEOID:
			return true;
		default:
			return false;
	}
}

/*
 * 'yesterday' is read once, when the condition is compiled, and would mean that
 * day for as long as the process runs.
 */
static void
check_moving_literal(const Const *literal, const char *condition)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};

	if (literal->location < 0 || literal->location >= strlen(condition) ||
		!is_time(literal->consttype))
		return;
	for (int i = 0; i < lengthof(words); i++)
	{
		const char *at = condition + literal->location + 1;
		size_t		len = strlen(words[i]);

		for (; *at != '\0' && *at != '\''; at++)
			if (pg_strncasecmp(at, words[i], len) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("a filter cannot use the literal '%s'", words[i]),
						 errdetail("It is read once, when the filter is compiled."),
						 errhint("Write now() or CURRENT_DATE, such as CURRENT_DATE - 1.")));
	}
}

static void
check_value_function(const SQLValueFunction *function)
{
	switch (function->op)
	{
		case SVFOP_CURRENT_DATE:
		case SVFOP_CURRENT_TIME:
		case SVFOP_CURRENT_TIME_N:
		case SVFOP_CURRENT_TIMESTAMP:
		case SVFOP_CURRENT_TIMESTAMP_N:
		case SVFOP_LOCALTIME:
		case SVFOP_LOCALTIME_N:
		case SVFOP_LOCALTIMESTAMP:
		case SVFOP_LOCALTIMESTAMP_N:
			break;
		default:
			refuse("the current role, database or schema");
	}
}

static void
check_collation(Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Oid			schema = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		schema = ((Form_pg_collation) GETSTRUCT(tuple))->collnamespace;
		ReleaseSysCache(tuple);
	}
	if (schema != PG_CATALOG_NAMESPACE)
		refuse("a collation of a user");
}

static const NodeTag analyzed_nodes[] = {
	T_Var, T_OpExpr, T_DistinctExpr, T_NullIfExpr, T_ScalarArrayOpExpr,
	T_RowCompareExpr, T_BoolExpr, T_RelabelType, T_ArrayCoerceExpr, T_NamedArgExpr,
	T_CaseExpr, T_CaseTestExpr, T_CaseWhen, T_CoalesceExpr, T_ArrayExpr, T_NullTest,
	T_BooleanTest, T_SubscriptingRef, T_List, T_Const, T_FuncExpr, T_SQLValueFunction,
	T_CollateExpr, T_CoerceViaIO,
	T_MinMaxExpr,				/* by operators of the type, as built in as it is */
	T_Invalid
};

static EcapiSqlStep check_analyzed(Node *node, bool allowed, void *arg);

/* Functions before types: the error names what was written. */
static const EcapiSqlRules analyzed_rules = {
	.nodes = analyzed_nodes,
	.node = check_analyzed,
	.builtin = true,
	.volatility = PROVOLATILE_IMMUTABLE,
	.functions = stable,
	.function = check_function,
	.type = check_type
};

static EcapiSqlStep
check_analyzed(Node *node, bool allowed, void *arg)
{
	if (!allowed)
		refuse_node(node);
	switch (nodeTag(node))
	{
		case T_Const:
			check_moving_literal((Const *) node, arg);
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset)
				refuse("a function that returns a set");
			break;
		case T_SQLValueFunction:
			check_value_function((SQLValueFunction *) node);
			break;
		case T_CollateExpr:
			check_collation(((CollateExpr *) node)->collOid);
			break;
		case T_CoerceViaIO:
			/* Its functions are those of two plain types: no need to ask which. */
			check_type(exprType(node), arg);
			(void) ecapi_sql_find((Node *) ((CoerceViaIO *) node)->arg, &analyzed_rules,
								  arg);
			return ECAPI_SQL_PASS_OVER;
		default:
			break;
	}
	return ECAPI_SQL_GO_ON;
}

void
ecapi_filter_check_analyzed(Node *analyzed, const char *condition)
{
	(void) ecapi_sql_find(analyzed, &analyzed_rules, (void *) condition);
}

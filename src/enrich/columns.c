/*
 * columns.c
 *	  Which columns of its page an enrichment looks at.
 *
 * To make jsonb of an event's objects costs more than most of what a function does
 * with it, and most functions read one of the three.  What an SQL function with a
 * parsed body (BEGIN ATOMIC) reads can be seen: it calls unnest(page), and names
 * columns of that.
 *
 * What always holds: a column that is left out cannot be read.  So all of them are
 * wanted as soon as the page is used in any other way (passed on, counted, indexed),
 * or a whole row of it is (e, e.*::text, row comparisons), and of every function of
 * another language, or whose body is text.  Columns are known by the parsed body, not
 * by names in it, so aliases, joins and sub-selects are no matter.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "enrich/columns.h"
#include "enrich/event_row.h"

/* Queries within queries; deeper ones read all columns, for all we know. */
#define DEPTH_MAX	32

typedef struct Walk
{
	Query	   *queries[DEPTH_MAX]; /* the outermost first */
	int			depth;
	int			pages;			/* range table entries that are unnest(page) */
	int			params;			/* mentions of the page, of those among them */
	uint32		columns;
} Walk;

static bool walk(Node *node, void *arg);

static bool
is_parameter(const Node *node)
{
	return IsA(node, Param) && ((const Param *) node)->paramkind == PARAM_EXTERN &&
		((const Param *) node)->paramid == 1;
}

/* Whether it is unnest(page), and nothing beside. */
static bool
is_page(const RangeTblEntry *rte)
{
	const RangeTblFunction *function;
	const FuncExpr *call;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 ||
		rte->funcordinality)
		return false;
	function = linitial_node(RangeTblFunction, rte->functions);
	if (!IsA(function->funcexpr, FuncExpr))
		return false;
	call = castNode(FuncExpr, function->funcexpr);
	return call->funcid == F_UNNEST_ANYARRAY && list_length(call->args) == 1 &&
		is_parameter(linitial(call->args));
}

/* A column of a query at some level is read. */
static void
read_column(const Var *var, Walk *at)
{
	int			level = at->depth - 1 - (int) var->varlevelsup;
	int			depth = at->depth;
	const RangeTblEntry *rte;

	if (level < 0 || var->varno < 1 || var->varno > list_length(at->queries[level]->rtable))
	{
		at->columns = ECAPI_COLUMNS_ALL;
		return;
	}
	rte = rt_fetch(var->varno, at->queries[level]->rtable);
	if (is_page(rte))
		at->columns |= var->varattno > 0 ? ecapi_event_row_column(var->varattno)
			: ECAPI_COLUMNS_ALL;
	else if (rte->rtekind == RTE_JOIN && var->varattno > 0 &&
			 var->varattno <= list_length(rte->joinaliasvars))
	{
		/* what the join's column is made of, in the join's own query */
		at->depth = level + 1;
		(void) walk(list_nth(rte->joinaliasvars, var->varattno - 1), at);
		at->depth = depth;
	}
	else if (rte->rtekind == RTE_JOIN)
		at->columns = ECAPI_COLUMNS_ALL;
}

static bool
walk_query(Query *query, Walk *at)
{
	ListCell   *cell;

	if (at->depth == DEPTH_MAX)
	{
		at->columns = ECAPI_COLUMNS_ALL;
		return true;
	}
	at->queries[at->depth++] = query;
	foreach(cell, query->rtable)
		at->pages += is_page(lfirst(cell));
	/* a join lists all columns of its sides, read or not */
	(void) query_tree_walker(query, walk, at, QTW_IGNORE_JOINALIASES);
	at->depth--;
	return at->columns == ECAPI_COLUMNS_ALL;
}

/* Ends early when there is nothing left to find out. */
static bool
walk(Node *node, void *arg)
{
	Walk	   *at = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return walk_query((Query *) node, at);
	if (IsA(node, Var))
		read_column((Var *) node, at);
	else if (is_parameter(node))
		at->params++;
	else
		return expression_tree_walker(node, walk, arg);
	return false;
}

/* The one query of an SQL function with a parsed body; NULL: it is no such. */
static Query *
body_of(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Node	   *body = NULL;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId)
	{
		bool		isnull;
		Datum		parsed = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);

		if (!isnull)
			body = stringToNode(TextDatumGetCString(parsed));
	}
	ReleaseSysCache(tuple);
	/* BEGIN ATOMIC gives a list of its statements in a list, RETURN the query */
	if (body != NULL && IsA(body, List))
		body = linitial((List *) body);
	if (body != NULL && IsA(body, List))
		body = list_length((List *) body) == 1 ? linitial((List *) body) : NULL;
	return body != NULL && IsA(body, Query) ? (Query *) body : NULL;
}

uint32
ecapi_columns_of(Oid function)
{
	Walk		at = {0};
	Query	   *body = body_of(function);

	if (body == NULL || walk_query(body, &at) || at.params != at.pages)
		return ECAPI_COLUMNS_ALL;
	return at.columns;
}

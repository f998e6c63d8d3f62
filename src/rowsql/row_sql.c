/*
 * row_sql.c
 *	  SQL over new and old: parse, compile, run.
 *
 * A source is parsed as one expression (the grammar's own entry point for
 * those, so nothing in it can close a parenthesis of ours) and analyzed with a
 * hook that knows the row: "new.total" becomes a Param, numbered by the place
 * of the column among those that the source mentions.
 *
 * Without a sub-select the Params become Vars of the slots (new: the scan
 * tuple, old: the inner tuple), and the executor evaluates the expression
 * straight from them.  With one, the whole source is a saved plan whose Params
 * are filled from the row.  It is planned once, for any row: a plan for each
 * row's values would cost far more than it can save where a row looks up its
 * own rows by a key.
 *
 * Invariants: names are resolved as expression.c has set up (pg_catalog only);
 * analysis after an invalidation uses the same hook, and a reference, once made,
 * keeps its number.  It makes no more of them: where a table has lost a column, a
 * bare name of a condition may mean one of the row from then on.  There is no room
 * for that in a plan's parameters, and nothing has checked it, so the set is stale.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/sql_rules.h"
#include "base/statement.h"
#include "rowsql/names.h"
#include "rowsql/row_sql.h"
#include "rowsql/row_sql_check.h"
#include "rowsql/row_sql_look.h"
#include "rowsql/row_sql_shape.h"
#include "rowsql/row_sql_superuser.h"

/* --------------------------------------------------------- the row's columns */

/* The Param of a column of the row; a new reference if it is the first. */
static Node *
make_param(EcapiExpression *expression, bool old, AttrNumber attnum, int location)
{
	Form_pg_attribute column = TupleDescAttr(expression->set->descriptor, attnum - 1);
	Param	   *param = makeNode(Param);
	int			i = 0;

	ecapi_names_check_stored(expression->set->relid, attnum);
	while (i < expression->nreferences &&
		   (expression->references[i].old != old ||
			expression->references[i].attnum != attnum))
		i++;
	if (i == ECAPI_MAX_REFERENCES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("expression mentions more than %d columns of the row",
						ECAPI_MAX_REFERENCES)));
	if (i == expression->nreferences)
	{
		if (expression->params != NULL)
			ecapi_expressions_names_changed(expression);
		expression->references[i].old = old;
		expression->references[i].attnum = attnum;
		expression->nreferences++;
	}
	expression->mentions_old = expression->mentions_old || old;
	/* at once: literals beside it are read as values of its type */
	if (expression->set->superuser)
		ecapi_superuser_check_type(expression, column->atttypid);

	param->paramkind = PARAM_EXTERN;
	param->paramid = i + 1;
	param->paramtype = column->atttypid;
	param->paramtypmod = column->atttypmod;
	param->paramcollid = column->attcollation;
	param->location = location;
	return (Node *) param;
}

static void
refuse_whole_row(ParseState *pstate, const ColumnRef *reference, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the whole row \"%s\" cannot be a value", name),
			 errhint("Write its columns, such as %s.id.", name),
			 parser_errposition(pstate, reference->location)));
}

/* A name that SQL itself does not find: a bare column of the row, or an error. */
static Node *
resolve_bare(EcapiExpression *expression, ParseState *pstate,
			 const ColumnRef *reference, const char *name)
{
	AttrNumber	attnum = ecapi_names_column(expression->set->descriptor, name);
	const char *closest;

	if (attnum != InvalidAttrNumber && expression->use == ECAPI_USE_CONDITION)
		return make_param(expression, false, attnum, reference->location);
	if (attnum != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" is written without \"new\" or \"old\"", name),
				 errhint("Write new.%s.", quote_identifier(name)),
				 parser_errposition(pstate, reference->location)));
	closest = ecapi_names_closest(expression->set->descriptor, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" does not exist", name),
			 closest ? errhint("Perhaps you meant %s%s.",
							   expression->use == ECAPI_USE_CONDITION ? "" : "new.",
							   quote_identifier(closest)) : 0,
			 parser_errposition(pstate, reference->location)));
	return NULL;
}

/*
 * a.b where a is a column of the row, so what looks like a path; or the tracked
 * table itself.  Anything else is left to the server.
 */
static void
refuse_dotted(EcapiExpression *expression, ParseState *pstate,
			  const ColumnRef *reference, const char *name)
{
	if (ecapi_names_column(expression->set->descriptor, name) != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("foreign-key path inside an expression"),
				 errdetail("A path stands alone, as the whole source of a field."),
				 errhint("Write a sub-select: (SELECT ... WHERE ... = new.%s).",
						 quote_identifier(name)),
				 parser_errposition(pstate, reference->location)));
	if (strcmp(name, get_rel_name(expression->set->relid)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the row is not called \"%s\" here", name),
				 errhint("Write \"new\" in the place of the table's name."),
				 parser_errposition(pstate, reference->location)));
}

/*
 * The server's parser asks for every name of a column, after it looked itself:
 * what a sub-select's own tables have goes first, as in all SQL.
 */
static Node *
resolve_column(ParseState *pstate, ColumnRef *reference, Node *found)
{
	EcapiExpression *expression = pstate->p_ref_hook_state;
	const char *name;
	const char *column;
	bool		old;
	AttrNumber	attnum;
	const char *closest;

	if (found != NULL || !IsA(linitial(reference->fields), String))
		return NULL;
	name = strVal(linitial(reference->fields));
	old = strcmp(name, "old") == 0;
	if (!old && strcmp(name, "new") != 0)
	{
		if (list_length(reference->fields) == 1)
			return resolve_bare(expression, pstate, reference, name);
		refuse_dotted(expression, pstate, reference, name);
		return NULL;
	}
	if (list_length(reference->fields) == 1 || IsA(lsecond(reference->fields), A_Star))
		refuse_whole_row(pstate, reference, name);
	column = strVal(lsecond(reference->fields));
	if (list_length(reference->fields) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column reference \"%s\" has too many parts",
						NameListToString(reference->fields)),
				 errhint("For a part of a composite value write (%s.%s).part.", name,
						 quote_identifier(column)),
				 parser_errposition(pstate, reference->location)));

	attnum = ecapi_names_column(expression->set->descriptor, column);
	if (attnum != InvalidAttrNumber)
		return make_param(expression, old, attnum, reference->location);
	closest = ecapi_names_closest(expression->set->descriptor, column);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column %s.%s does not exist", name, quote_identifier(column)),
			 closest ? errhint("Perhaps you meant %s.%s.", name,
							   quote_identifier(closest)) : 0,
			 parser_errposition(pstate, reference->location)));
	return NULL;
}

static void
set_up_parser(ParseState *pstate, void *arg)
{
	pstate->p_post_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = arg;
	if (((EcapiExpression *) arg)->set->look)
		ecapi_look_set_up(pstate);
}

/* ---------------------------------------------------------------------- hints */

const char *
ecapi_row_sql_comparison(const EcapiExpression *expression)
{
	const char *value = expression->kind == ECAPI_EXPRESSION_COLUMN ? expression->source :
		psprintf("(%s)", expression->source);

	switch (TypeCategory(expression->type))
	{
		case TYPCATEGORY_NUMERIC:
			return psprintf("%s > 0", value);
		case TYPCATEGORY_STRING:
		case TYPCATEGORY_ENUM:
			return psprintf("%s = '...'", value);
		default:
			return psprintf("%s IS NOT NULL", value);
	}
}

/* ------------------------------------------------------------------- compile */

/* Parse a source; raises unless it is exactly one expression, which is *value. */
static RawStmt *
parse(const char *source, Node **value)
{
	RawStmt    *statement;

	switch (ecapi_sql_parse(source, &statement, value))
	{
		case ECAPI_SQL_EXPRESSION:
			break;
		case ECAPI_SQL_EMPTY:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("expression is empty")));
			break;
		case ECAPI_SQL_LIST:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("expression returns several columns")));
			break;
		case ECAPI_SQL_MORE:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("source is not a single expression"),
					 errhint("Put a query into parentheses.")));
	}
	return statement;
}

bool
ecapi_row_sql_is_column(const char *source)
{
	Node	   *value;

	(void) parse(source, &value);
	return IsA(value, ColumnRef);
}

/* Params become Vars of the slots: see the head. */
static Node *
vars_for_params(Node *node, void *arg)
{
	EcapiExpression *expression = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		Param	   *param = (Param *) node;
		EcapiReference *reference = &expression->references[param->paramid - 1];

		return (Node *) makeVar(reference->old ? INNER_VAR : 1, reference->attnum,
								param->paramtype, param->paramtypmod,
								param->paramcollid, 0);
	}
	return expression_tree_mutator(node, vars_for_params, arg);
}

static void
compile_scalar(EcapiExpression *expression, Node *analyzed)
{
	MemoryContext before;
	Node	   *tree = vars_for_params(analyzed, expression);

	before = MemoryContextSwitchTo(expression->set->context);
	expression->tree = copyObject(tree);
	MemoryContextSwitchTo(before);

	expression->kind = ECAPI_EXPRESSION_SCALAR;
	if (expression->set->look && !ecapi_look_may_plan(tree))
	{
		expression->needs_confining = true;
		return;
	}
	expression->cached = GetCachedExpression(tree);
	/* Once more, as the planner has put in the defaults of arguments. */
	if (contain_volatile_functions(expression->cached->expr))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression is volatile"),
				 errdetail("The default of an argument is volatile.")));
	expression->needs_confining = !ecapi_row_sql_is_bare(expression->cached->expr);
	if (!expression->needs_confining)
	{
		before = MemoryContextSwitchTo(expression->set->context);
		expression->state = ExecInitExpr((Expr *) expression->cached->expr, NULL);
		MemoryContextSwitchTo(before);
	}
}

static void
compile_query(EcapiExpression *expression)
{
	SPIPrepareOptions options = {0};
	SPIPlanPtr	plan;
	MemoryContext before;

	expression->kind = ECAPI_EXPRESSION_QUERY;
	expression->needs_confining = true;
	if (expression->set->look)
		return;
	options.parserSetup = set_up_parser;
	options.parserSetupArg = expression;
	options.parseMode = RAW_PARSE_PLPGSQL_EXPR;
	options.cursorOptions = CURSOR_OPT_GENERIC_PLAN;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = SPI_prepare_extended(expression->source, &options);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare an expression: %s",
			 SPI_result_code_string(SPI_result));
	expression->plan = plan;
	SPI_finish();

	before = MemoryContextSwitchTo(expression->set->context);
	expression->params = ecapi_params(expression->nreferences, NULL, NULL, NULL);
	MemoryContextSwitchTo(before);
	for (int i = 0; i < expression->nreferences; i++)
		expression->params->params[i].ptype =
			TupleDescAttr(expression->set->descriptor,
						  expression->references[i].attnum - 1)->atttypid;
}

void
ecapi_row_sql_compile(EcapiExpression *expression)
{
	Node	   *value;
	RawStmt    *parsed = parse(expression->source, &value);
	Query	   *query;

	if (expression->set->superuser)
		ecapi_superuser_check_parsed(expression, value);
	if (expression->set->look)
		ecapi_look_hide_strings(expression, value);
	expression->references = MemoryContextAlloc(expression->set->context,
												sizeof(EcapiReference) * ECAPI_MAX_REFERENCES);
	query = parse_analyze_withcb(parsed, expression->source, set_up_parser, expression,
								 NULL);
	ecapi_row_sql_check(expression, query);

	value = (Node *) linitial_node(TargetEntry, query->targetList)->expr;
	ecapi_row_sql_check_shape(expression, value);
	expression->type = exprType(value);
	expression->typmod = exprTypmod(value);
	if (query->hasSubLinks)
		compile_query(expression);
	else
		compile_scalar(expression, value);
}

void
ecapi_row_sql_free(EcapiExpression *expression)
{
	if (expression->cached)
		FreeCachedExpression(expression->cached);
	if (expression->plan)
		SPI_freeplan(expression->plan);
	expression->cached = NULL;
	expression->plan = NULL;
	expression->state = NULL;
}

/* ----------------------------------------------------------------------- run */

static ExprContext *
confined_context(EcapiExpressions *set)
{
	if (set->confined == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(set->run);

		set->confined = CreateStandaloneExprContext();
		MemoryContextSwitchTo(before);
	}
	return set->confined;
}

/* For the first value of a run. */
static void
make_ready(EcapiExpression *expression)
{
	MemoryContext before = MemoryContextSwitchTo(expression->set->run);

	ecapi_expressions_check_owner(expression->set);
	/* A function that was written into it has been replaced. */
	if (!expression->cached->is_valid)
	{
		CachedExpression *fresh = GetCachedExpression(expression->tree);

		FreeCachedExpression(expression->cached);
		expression->cached = fresh;
	}
	expression->state = ExecInitExpr((Expr *) expression->cached->expr, NULL);
	MemoryContextSwitchTo(before);
}

static Datum
scalar_value(EcapiExpression *expression, bool *isnull)
{
	EcapiExpressions *set = expression->set;
	ExprContext *context = set->bare;

	if (expression->needs_confining)
	{
		context = confined_context(set);
		if (expression->state == NULL)
			make_ready(expression);
	}
	context->ecxt_scantuple = set->new;
	context->ecxt_innertuple = set->old;
	return ExecEvalExprSwitchContext(expression->state, context, isnull);
}

/* Into the memory of the row, so that it outlives SPI's. */
static Datum
copy_value(const EcapiExpression *expression, Datum value)
{
	MemoryContext before = MemoryContextSwitchTo(expression->set->bare->ecxt_per_tuple_memory);
	Datum		copy = expression->typlen == -1 ?
		PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
		datumCopy(value, expression->typbyval, expression->typlen);

	MemoryContextSwitchTo(before);
	return copy;
}

static Datum
query_value(EcapiExpression *expression, bool *isnull)
{
	EcapiExpressions *set = expression->set;
	Datum		value;
	int			result;

	ecapi_expressions_check_owner(set);
	for (int i = 0; i < expression->nreferences; i++)
	{
		const EcapiReference *reference = &expression->references[i];
		ParamExternData *param = &expression->params->params[i];

		param->value = slot_getattr(reference->old ? set->old : set->new,
									reference->attnum, &param->isnull);
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	result = SPI_execute_plan_with_paramlist(expression->plan, expression->params,
											 true, 2);
	if (result != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "unexpected result of an expression: %s",
			 SPI_result_code_string(result));
	if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != expression->type)
		ecapi_expressions_type_changed(expression);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
		value = copy_value(expression, value);
	SPI_finish();
	return *isnull ? (Datum) 0 : value;
}

Datum
ecapi_row_sql_value(EcapiExpression *expression, bool *isnull)
{
	return expression->kind == ECAPI_EXPRESSION_QUERY ?
		query_value(expression, isnull) : scalar_value(expression, isnull);
}

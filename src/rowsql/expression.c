/*
 * expression.c
 *	  The sources of one track: compiled once, run for each row.
 *
 * How a source is read, first match: the exact name of a column; a name by the
 * rules of SQL that is a column; names joined by dots, the first of which is a
 * column: a foreign-key path, which may state joins; a column of "new"; else SQL.
 *
 * A run is start, any number of rows, stop.  What always holds:
 *
 * (1) What need not be confined is ready when it is compiled, and costs a run
 *	  nothing: start does not allocate.  What must be is made ready when
 *	  it is first asked for a value, so confined and as the role, in
 *	  the memory that was current at start, and it is forgotten at the next
 *	  start: after an error nothing of a broken run is used again.
 * (2) A value is in the row's memory, emptied at the next row, or in the slot.
 * (3) Compiling runs no code of the user but what the planner folds
 *	  (immutable functions over constants), and that as the role, restricted,
 *	  read-only, under the settings of confine.c; where the role is a superuser,
 *	  only after the check that nothing of a user is in it.  Who only looks at a
 *	  track runs none at all (row_sql_look.c).
 *
 * Ownership: everything lives in the set's context but plans and planned
 * expressions, which the server keeps; a callback of the context lets them go.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/sql_scope.h"
#include "event/codes.h"
#include "rowsql/expression.h"
#include "rowsql/key_path.h"
#include "rowsql/names.h"
#include "rowsql/row_sql.h"

/* The context of a set goes: also when compiling has failed half-way. */
static void
free_with_context(void *arg)
{
	ecapi_expressions_free(arg);
}

EcapiExpressions *
ecapi_expressions_new(Relation relation, Oid role, bool look, MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	EcapiExpressions *set = palloc0(sizeof(EcapiExpressions));

	set->context = context;
	set->relid = RelationGetRelid(relation);
	set->table = ecapi_names_relation(set->relid);
	set->descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
	set->temporary = relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
	set->role = role;
	set->look = look;
	set->superuser = superuser_arg(role);
	set->bare = CreateStandaloneExprContext();
	set->nothing = MakeSingleTupleTableSlot(set->descriptor, &TTSOpsVirtual);
	ExecStoreAllNullTuple(set->nothing);
	set->freeing.func = free_with_context;
	set->freeing.arg = set;
	MemoryContextRegisterResetCallback(context, &set->freeing);
	MemoryContextSwitchTo(before);
	return set;
}

void
ecapi_expressions_free(EcapiExpressions *set)
{
	ListCell   *cell;

	foreach(cell, set->expressions)
		ecapi_row_sql_free(lfirst(cell));
	if (set->paths)
		ecapi_key_paths_free(set->paths);
	set->expressions = NIL;
	set->paths = NULL;
}

bool
ecapi_expressions_depend(const EcapiExpressions *set, Oid relid)
{
	return set->paths != NULL && ecapi_key_paths_depend(set->paths, relid);
}

/* Where an error comes from, and what helps with names that are not found. */
static void
add_context(void *arg)
{
	const EcapiExpression *expression = arg;
	int			position = geterrposition();

	/* A position in the source is none in the statement that was sent. */
	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(expression->source);
	}
	switch (geterrcode())
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
			errhint("Write the schema of whatever is not built in, as in shop.orders.");
			break;
		case ERRCODE_SYNTAX_ERROR:
			/* the parser's: an error of ours has no position */
			if (position > 0 && expression->use == ECAPI_USE_VALUE)
				errhint("A source is a column, a path, or SQL; a text that stands for itself has quotes of SQL: \"'text'\".");
			break;
		default:
			break;
	}
	if (expression->use == ECAPI_USE_CONDITION)
		errcontext("condition of a track on table %s", expression->set->table);
	else
		errcontext("mapping of \"%s\" in a track on table %s", expression->what,
				   expression->set->table);
}

static void
make_column(EcapiExpression *expression, AttrNumber attnum)
{
	Form_pg_attribute column = TupleDescAttr(expression->set->descriptor, attnum - 1);

	ecapi_names_check_stored(expression->set->relid, attnum);
	expression->kind = ECAPI_EXPRESSION_COLUMN;
	expression->column = attnum;
	expression->type = column->atttypid;
	expression->typmod = column->atttypmod;
}

/*
 * Raise that there is no column for a source of names.  A name alone may be
 * meant as a text, which a mapping writes with the quotes of SQL.
 */
static void
no_column(const EcapiExpression *expression, const char *name, int nnames)
{
	TupleDesc	descriptor = expression->set->descriptor;
	const char *text = expression->source;
	bool		currency = strcmp(expression->what, "currency_code") == 0 &&
		ecapi_currency_lookup(text, strlen(text), NULL) != NULL;

	if (nnames > 1 || expression->use != ECAPI_USE_VALUE || strpbrk(text, "\"'") != NULL ||
		(ecapi_names_closest(descriptor, name) != NULL && !currency))
		ecapi_names_no_column(expression->set->table, descriptor, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of table %s does not exist", name, expression->set->table),
			 errhint("A text that stands for itself has quotes of SQL: \"%s\": \"'%s'\".",
					 expression->what, text)));
}

/* Find out what a source is, and make expression that. */
static void
compile(EcapiExpression *expression, Relation relation)
{
	TupleDesc	descriptor = expression->set->descriptor;
	const char *source = expression->source;
	AttrNumber	attnum = ecapi_names_column(descriptor, source);
	EcapiPathStep steps[ECAPI_MAX_NAMES];
	int			nnames = 0;
	bool		of_row;

	if (attnum == InvalidAttrNumber)
		nnames = ecapi_names_split(source, steps);
	of_row = nnames > 0 && (strcmp(steps[0].column, "new") == 0 || strcmp(steps[0].column, "old") == 0);
	if (nnames == 1 && ecapi_names_column(descriptor, steps[0].column) != InvalidAttrNumber)
		of_row = false;
	if (nnames > 0 && !of_row)
		attnum = ecapi_names_column(descriptor, steps[0].column);
	else if (nnames == 2 && strcmp(steps[0].column, "new") == 0)
		attnum = ecapi_names_column(descriptor, steps[1].column);

	if (attnum != InvalidAttrNumber && (nnames < 2 || of_row))
		make_column(expression, attnum);
	else if (attnum != InvalidAttrNumber)
		ecapi_key_path_add(expression, relation, steps, nnames);
	else if (nnames > 0 && !of_row && ecapi_row_sql_is_column(source))
		no_column(expression, steps[0].column, nnames);
	else
		ecapi_row_sql_compile(expression);

	if (expression->use == ECAPI_USE_CONDITION &&
		getBaseType(expression->type) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("condition is of type %s, not boolean",
						format_type_be(expression->type)),
				 errhint("Write a comparison, such as %s.",
						 ecapi_row_sql_comparison(expression))));
}

EcapiExpression *
ecapi_expressions_add(EcapiExpressions *set, const char *source,
					  EcapiExpressionUse use, const char *what)
{
	MemoryContext before = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(before, "ecapi source",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiExpression *expression = MemoryContextAllocZero(set->context,
														 sizeof(EcapiExpression));
	ErrorContextCallback callback;
	Relation	relation;
	Oid			user;
	int			security;
	int			nest;
	bool		read_only = XactReadOnly;
	bool		pushed = false;

	expression->set = set;
	expression->use = use;
	expression->source = MemoryContextStrdup(set->context, source);
	expression->what = MemoryContextStrdup(set->context, what);
	/* Known before it is whole, so that what an error leaves is freed, too. */
	MemoryContextSwitchTo(set->context);
	set->expressions = lappend(set->expressions, expression);
	MemoryContextSwitchTo(scratch);

	callback.callback = add_context;
	callback.arg = expression;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	relation = relation_open(set->relid, AccessShareLock);
	nest = NewGUCNestLevel();
	ecapi_sql_settings();
	/* Ends here, or with the (sub)transaction that an error ends. */
	XactReadOnly = true;
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(set->role, SECURITY_RESTRICTED_OPERATION);
	/* At commit there is none, and the planner may run functions. */
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}

	compile(expression, relation);

	if (pushed)
		PopActiveSnapshot();
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, nest);
	XactReadOnly = read_only;
	relation_close(relation, NoLock);
	error_context_stack = callback.previous;

	get_typlenbyval(expression->type, &expression->typlen, &expression->typbyval);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(scratch);
	return expression;
}

/* The row and what was made ready for a run are of that run alone. */
static void
forget_run(EcapiExpressions *set)
{
	ListCell   *cell;

	set->confined = NULL;
	set->new = NULL;
	set->old = set->nothing;
	foreach(cell, set->expressions)
	{
		EcapiExpression *expression = lfirst(cell);

		if (expression->needs_confining)
			expression->state = NULL;
	}
}

void
ecapi_expressions_start(EcapiExpressions *set)
{
	set->run = CurrentMemoryContext;
	forget_run(set);
	if (set->paths)
		ecapi_key_paths_start(set->paths);
}

void
ecapi_expressions_row(EcapiExpressions *set, TupleTableSlot *new,
					  TupleTableSlot *old)
{
	set->new = new;
	set->old = old ? old : set->nothing;
	ResetExprContext(set->bare);
	if (set->confined)
		ResetExprContext(set->confined);
	if (set->paths)
		ecapi_key_paths_row(set->paths);
}

Datum
ecapi_expression_value(EcapiExpression *expression, bool *isnull)
{
	switch (expression->kind)
	{
		case ECAPI_EXPRESSION_COLUMN:
			return slot_getattr(expression->set->new, expression->column, isnull);
		case ECAPI_EXPRESSION_PATH:
			return ecapi_key_path_value(expression, isnull);
		case ECAPI_EXPRESSION_SCALAR:
		case ECAPI_EXPRESSION_QUERY:
			break;
	}
	return ecapi_row_sql_value(expression, isnull);
}

bool
ecapi_expression_holds(EcapiExpression *expression)
{
	bool		isnull;
	Datum		value = ecapi_expression_value(expression, &isnull);

	return !isnull && DatumGetBool(value);
}

void
ecapi_expressions_stop(EcapiExpressions *set)
{
	ResetExprContext(set->bare);
	if (set->confined)
		FreeExprContext(set->confined, true);
	forget_run(set);
}

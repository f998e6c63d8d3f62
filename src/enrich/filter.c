/*
 * filter.c
 *	  The option filter of a destination: compiled from text, evaluated over pages.
 *
 * A condition is parsed as one expression, by the grammar's own entry point for
 * those, so nothing in it can close a parenthesis of ours or begin a statement; a
 * comment is white space.  Its names are resolved over pg_catalog alone, its
 * columns are those of ecapi.event (filter_column.c), and filter_check.c judges
 * what it consists of.
 *
 * What always holds:
 *
 * (1) Compiling evaluates nothing but literals and what is constant, after it was
 *	  judged and its work bounded (filter_bound.c).
 * (2) A condition means the same wherever it is compiled: under the settings of
 *	  sql_scope.h, which pin how literals and operators are read.
 * (3) Compiling happens in a subtransaction that is always rolled back, so that
 *	  an error of the server's parser leaves nothing behind.  Nothing is locked.
 * (4) A compiled filter holds no reference to a catalog but to one function of the
 *	  extension: built-in objects do not go away, and a process that keeps filters ends with it.  It is
 *	  prepared again for every page.
 * (5) An event's values live until the next one; of a run only the answers remain.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/sql_rules.h"
#include "base/sql_scope.h"
#include "base/subtransaction.h"
#include "enrich/filter.h"
#include "enrich/filter_bound.h"
#include "enrich/filter_check.h"
#include "enrich/filter_column.h"

/* Bytes of a condition: what a person can still read, and little to parse. */
#define CONDITION_MAX	10000

struct EcapiFilter
{
	Node	   *condition;		/* analyzed, boolean, over the row as varno 1 */
	uint32		columns;		/* those that it reads; see event_row.h */
};

/* --------------------------------------------------------------------- compile */

/* The one expression that a condition is; raises unless it is one. */
static Node *
parse(const char *condition)
{
	RawStmt    *statement;
	Node	   *value;

	if (strlen(condition) > CONDITION_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("filter is longer than %d bytes", CONDITION_MAX),
				 errhint("Compute what it asks for in an enrichment.")));
	switch (ecapi_sql_parse(condition, &statement, &value))
	{
		case ECAPI_SQL_EXPRESSION:
			break;
		case ECAPI_SQL_EMPTY:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("filter is empty"),
					 errhint("Write a condition, such as value > 0.")));
			break;
		case ECAPI_SQL_LIST:
		case ECAPI_SQL_MORE:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("filter is not a single condition"),
					 errhint(ECAPI_FILTER_RULE)));
	}
	return value;
}

/* Analyze and judge a condition; raises unless it may be a filter. */
static Node *
analyze(const char *condition)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *parsed = parse(condition);
	Node	   *node;
	Oid			type;

	pstate->p_sourcetext = condition;
	pstate->p_pre_columnref_hook = ecapi_filter_column;
	pstate->p_ref_hook_state = ecapi_event_row_desc();

	ecapi_filter_check_parsed(parsed);
	node = transformExpr(pstate, parsed, EXPR_KIND_SELECT_TARGET);
	type = exprType(node);
	if (type == UNKNOWNOID && IsA(node, Const))
		node = coerce_to_boolean(pstate, node, "filter");
	assign_expr_collations(pstate, node);
	ecapi_filter_check_analyzed(node, condition);
	if (exprType(node) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("filter is of type %s, not boolean", format_type_be(type)),
				 errhint("Write a comparison, such as value > 0.")));
	return ecapi_filter_bound(node);
}

/* One line, cut where a character ends. */
static void
say(char *buffer, size_t size, const char *text)
{
	int			len = pg_mbcliplen(text, strlen(text), size - 1);

	memcpy(buffer, text, len);
	buffer[len] = '\0';
	for (unsigned char *at = (unsigned char *) buffer; *at != '\0'; at++)
		if (*at < 0x20 || *at == 0x7f)
			*at = ' ';
}

/* What helps where the server's parser has nothing to say, or too little. */
static const char *
hint_for(const ErrorData *edata)
{
	/* of an operator the server's own hint speaks of casts */
	if ((edata->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION &&
		 strncmp(edata->message, "operator", strlen("operator")) != 0) ||
		edata->sqlerrcode == ERRCODE_UNDEFINED_OBJECT)
		return ECAPI_FILTER_RULE;
	return edata->hint ? edata->hint : "";
}

/* Of each column that a condition uses. */
static EcapiSqlStep
collect_column(Node *node, bool allowed, void *arg)
{
	uint32	   *columns = arg;

	if (IsA(node, Var))
		*columns |= ecapi_event_row_column(((Var *) node)->varattno);
	return ECAPI_SQL_GO_ON;
}

typedef struct Compiling
{
	const char *condition;
	EcapiFilter *filter;
	MemoryContext context;		/* where that goes */
} Compiling;

/* What is left of analysis goes with the subtransaction, as the settings do. */
static void
compile(void *arg)
{
	static const EcapiSqlRules rules = {.node = collect_column};
	Compiling  *compiling = arg;
	Node	   *node;

	(void) NewGUCNestLevel();
	ecapi_sql_settings();
	MemoryContextSwitchTo(CurTransactionContext);
	node = analyze(compiling->condition);
	MemoryContextSwitchTo(compiling->context);
	compiling->filter = palloc0(sizeof(EcapiFilter));
	compiling->filter->condition = copyObject(node);
	(void) ecapi_sql_find(compiling->filter->condition, &rules,
						  &compiling->filter->columns);
}

EcapiFilter *
ecapi_filter_compile(const char *condition, EcapiUserProblem *problem)
{
	Compiling	compiling = {condition, NULL, CurrentMemoryContext};
	ErrorData  *edata = ecapi_subtransaction(compile, &compiling, false);

	if (edata == NULL)
		return compiling.filter;
	if (edata->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(edata);
	problem->sqlerrcode = edata->sqlerrcode;
	say(problem->message, sizeof(problem->message), edata->message);
	say(problem->hint, sizeof(problem->hint), hint_for(edata));
	FreeErrorData(edata);
	return NULL;
}

/* ----------------------------------------------------------------------- apply */

typedef struct Run
{
	EcapiFilter *filter;
	Oid			role;
	EcapiEnrichedEvent *events;
	int			nevents;
	int			at;				/* event that is being looked at, -1: none yet */
	TimestampTz since;			/* when that began */
} Run;

/* For ecapi_user_sql_run(). */
static void
run_filter(void *arg)
{
	Run		   *run = arg;
	EState	   *estate = CreateExecutorState();
	MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
	ExprContext *context = GetPerTupleExprContext(estate);
	TupleDesc	desc = ecapi_event_row_desc();
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	ExprState  *state = ExecPrepareExpr((Expr *) copyObject(run->filter->condition), estate);
	uint32		columns = run->filter->columns |
		(ecapi_may_see_identifiers(run->role) ? 0 : ECAPI_IDENTIFIERS_HASHED);

	for (int i = 0; i < run->nevents; i++)
	{
		EcapiEnrichedEvent *event = &run->events[i];
		Datum		answer;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		run->at = i;
		run->since = GetCurrentTimestamp();
		ResetExprContext(context);
		MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
		ExecStoreHeapTuple(ecapi_event_row(desc, event->seq, event->event, columns),
						   slot, false);
		context->ecxt_scantuple = slot;
		answer = ExecEvalExpr(state, context, &isnull);
		event->pass = !isnull && DatumGetBool(answer);
		ExecClearTuple(slot);
	}
	MemoryContextSwitchTo(before);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

/*
 * Which event is at fault.  Where time ran out, it is the one at which the greater
 * part of it was spent, if there is one.
 */
static int
at_fault(const Run *run, const EcapiUserError *error, int timeout_ms)
{
	if (run->at >= 0 && error->timed_out &&
		!TimestampDifferenceExceeds(run->since, GetCurrentTimestamp(), timeout_ms / 2))
		return -1;
	return run->at;
}

bool
ecapi_filter_apply(EcapiFilter *filter, EcapiEnrichedEvent *events, int nevents,
				   Oid role, int timeout_ms, EcapiUserError *error, int *failed)
{
	Run			run = {filter, role, events, nevents, -1, 0};
	char		message[sizeof(error->message)];

	if (ecapi_user_sql_run(run_filter, &run, role, timeout_ms, InvalidOid, error))
		return true;
	strlcpy(message, error->message, sizeof(message));
	snprintf(error->message, sizeof(error->message), "filter: %s", message);
	*failed = at_fault(&run, error, timeout_ms);
	return false;
}

/*
 * row_sql_look.c
 *	  A look at SQL over a row that runs nothing of a user.
 *
 * Whether a track still compiles is asked in the sessions of others: of a role
 * whose DDL touches what a track names, of one that reads the view ecapi.track
 * or calls ecapi.check().  Code of the track's owner must not run there, not
 * even as that owner: it could hang, fail or slow down what they do.  Three
 * steps of compiling run code:
 *	  1. Analysis reads a literal by the input function of its type, and reading
 *		 a domain inside of an array, a composite or a range asks the domain's
 *		 constraint.  So each string is made a parameter before the analysis.  It
 *		 becomes a constant again where a type of the server's own, or an enum,
 *		 is wanted, so that a wrong value is still found; else it stays one.
 *	  2. The planner folds immutable functions over constants.  What calls any but
 *		 the server's own is not planned.
 *	  3. A plan of a sub-select; none is made.  Views in it are not expanded
 *		 either, which can take any time: who may read them is asked when the
 *		 track is declared, and when it runs.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"

#include "base/sql_rules.h"
#include "rowsql/row_sql_look.h"
#include "rowsql/row_sql_superuser.h"

/* Both are made in place, the one where the other was. */
StaticAssertDecl(sizeof(ParamRef) <= sizeof(A_Const), "a ParamRef does not fit");

static EcapiSqlStep
hide_string(Node *node, bool allowed, void *arg)
{
	EcapiExpression *expression = arg;
	A_Const    *constant = (A_Const *) node;
	ParamRef   *reference = (ParamRef *) node;
	int			location;

	if (!IsA(node, A_Const))
		return ECAPI_SQL_GO_ON;
	if (!constant->isnull && IsA(&constant->val, String))
	{
		location = constant->location;
		expression->strings = lappend(expression->strings, strVal(&constant->val));
		reference->type = T_ParamRef;
		reference->number = list_length(expression->strings);
		reference->location = location;
	}
	return ECAPI_SQL_PASS_OVER;
}

/* For the parser: a string that was hidden, of unknown type as a literal is. */
static Node *
resolve_string(ParseState *pstate, ParamRef *reference)
{
	EcapiExpression *expression = pstate->p_ref_hook_state;
	Param	   *param;

	if (reference->number < 1 || reference->number > list_length(expression->strings))
		return NULL;
	param = makeNode(Param);
	/* no parameter of the row's: those are external */
	param->paramkind = PARAM_EXEC;
	param->paramid = reference->number;
	param->paramtype = UNKNOWNOID;
	param->paramtypmod = -1;
	param->location = reference->location;
	return (Node *) param;
}

/* For the parser: its type is known now. */
static Node *
coerce_string(ParseState *pstate, Param *param, Oid type, int32 typmod, int location)
{
	EcapiExpression *expression = pstate->p_ref_hook_state;
	Param	   *typed;
	Const	   *literal;

	if (param->paramkind != PARAM_EXEC || param->paramtype != UNKNOWNOID)
		return NULL;
	if (ecapi_superuser_is_plain(type))
	{
		char	   *text = list_nth(expression->strings, param->paramid - 1);

		literal = makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(text),
							false, false);
		literal->location = param->location;
		return coerce_type(pstate, (Node *) literal, UNKNOWNOID, type, typmod,
						   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, location);
	}
	typed = copyObject(param);
	typed->paramtype = type;
	typed->paramcollid = get_typcollation(type);
	return (Node *) typed;
}

void
ecapi_look_hide_strings(EcapiExpression *expression, Node *parsed)
{
	static const EcapiSqlRules rules = {.parsed = true, .node = hide_string};

	(void) ecapi_sql_find(parsed, &rules, expression);
}

void
ecapi_look_set_up(ParseState *pstate)
{
	pstate->p_paramref_hook = resolve_string;
	pstate->p_coerce_param_hook = coerce_string;
}

/* Finds what runs code of a user, and a string whose value is not read. */
static EcapiSqlStep
find_users_code(Node *node, bool allowed, void *arg)
{
	bool		found;

	switch (nodeTag(node))
	{
		case T_CoerceToDomain:
			found = true;
			break;
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
			found = !ecapi_superuser_is_plain(exprType(node));
			break;
		case T_Param:
			found = ((Param *) node)->paramkind == PARAM_EXEC;
			break;
		default:
			found = false;
			break;
	}
	return found ? ECAPI_SQL_FOUND : ECAPI_SQL_GO_ON;
}

bool
ecapi_look_may_plan(Node *analyzed)
{
	static const EcapiSqlRules rules = {.node = find_users_code, .builtin = true};

	return !ecapi_sql_find(analyzed, &rules, NULL);
}

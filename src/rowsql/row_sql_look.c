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

#include "access/transam.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"

#include "rowsql/row_sql_look.h"
#include "rowsql/row_sql_superuser.h"

/* Both are made in place, the one where the other was. */
StaticAssertDecl(sizeof(ParamRef) <= sizeof(A_Const), "a ParamRef does not fit");

static bool
hide_strings(Node *node, void *arg)
{
	EcapiExpression *expression = arg;

	if (node == NULL)
		return false;
	if (IsA(node, A_Const))
	{
		A_Const    *constant = (A_Const *) node;
		ParamRef   *reference = (ParamRef *) node;
		int			location = constant->location;

		if (constant->isnull || !IsA(&constant->val, String))
			return false;
		expression->strings = lappend(expression->strings, strVal(&constant->val));
		reference->type = T_ParamRef;
		reference->number = list_length(expression->strings);
		reference->location = location;
		return false;
	}
	return raw_expression_tree_walker(node, hide_strings, arg);
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
	(void) hide_strings(parsed, expression);
}

void
ecapi_look_set_up(ParseState *pstate)
{
	pstate->p_paramref_hook = resolve_string;
	pstate->p_coerce_param_hook = coerce_string;
}

/* For check_functions_in_node(). */
static bool
is_users(Oid function, void *arg)
{
	return function >= FirstUnpinnedObjectId;
}

static bool
runs_users_code(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_CoerceToDomain:
			return true;
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
			if (!ecapi_superuser_is_plain(exprType(node)))
				return true;
			break;
		case T_Param:
			/* a string whose value is not read */
			if (((Param *) node)->paramkind == PARAM_EXEC)
				return true;
			break;
		default:
			break;
	}
	return check_functions_in_node(node, is_users, NULL) ||
		expression_tree_walker(node, runs_users_code, arg);
}

bool
ecapi_look_may_plan(Node *analyzed)
{
	return !runs_users_code(analyzed, NULL);
}

/*
 * row_sql_shape.c
 *	  Keys of JSON that SQL over a row builds for a field of the standard.
 *
 * In "properties.items": "(SELECT jsonb_agg(jsonb_build_object('idd', i.sku)) ...)"
 * the shape of what comes out is written in the source, so a key that is no field
 * is found when the track is declared.  What cannot be seen here (a column, a
 * function of the owner's) leaves a wrong key out of the event when it comes.
 *
 * Followed is what passes a value on as it is: building of objects and arrays,
 * aggregation, sub-selects, ||, casts, COALESCE and CASE.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "event/closest.h"
#include "event/fields.h"
#include "rowsql/row_sql_shape.h"

static void check_value(Node *node, EcapiObject object);

static void
check_values(List *values, EcapiObject object)
{
	ListCell   *cell;

	foreach(cell, values)
		check_value(lfirst(cell), object);
}

/* The constant that a key is, or NULL; in the current context. */
static const char *
constant_key(Node *node)
{
	Const	   *constant;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return NULL;
	constant = (Const *) node;
	if (constant->consttype == UNKNOWNOID)
		return DatumGetCString(constant->constvalue);
	return constant->consttype == TEXTOID ? TextDatumGetCString(constant->constvalue) : NULL;
}

static const EcapiField *
field_of_key(const char *key, EcapiObject object)
{
	const EcapiField *field = ecapi_field_lookup(object, key, strlen(key));
	const char *closest;

	/* a misprint that the standard once had */
	if (field != NULL || (object == ECAPI_OBJ_ITEM && strcmp(key, "item_item_variant") == 0))
		return field;
	closest = ecapi_closest(key, strlen(key), ecapi_field_name_nth, &object);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ECAPI has no field \"%s\" in %s", key, ecapi_object_name(object)),
			 closest ? errhint("Perhaps you meant the field \"%s\".", closest) :
			 errhint("Fields that the standard does not define belong under \"ext\".")));
}

/* Arguments are a key and its value by turns. */
static void
check_object(List *args, EcapiObject object)
{
	for (int i = 0; i + 1 < list_length(args); i += 2)
	{
		const char *key = constant_key(list_nth(args, i));
		const EcapiField *field = key ? field_of_key(key, object) : NULL;

		if (field != NULL && field->type == ECAPI_FT_OBJECT)
			check_value(list_nth(args, i + 1), field->child);
	}
}

static void
check_call(Oid function, List *args, bool variadic, EcapiObject object)
{
	switch (function)
	{
		case F_JSONB_BUILD_OBJECT_ANY:
		case F_JSON_BUILD_OBJECT_ANY:
			if (!variadic)
				check_object(args, object);
			break;
		case F_JSONB_BUILD_ARRAY_ANY:
		case F_JSON_BUILD_ARRAY_ANY:
		case F_JSONB_CONCAT:
		case F_JSONB_STRIP_NULLS:
		case F_JSON_STRIP_NULLS:
		case F_TO_JSONB:
		case F_TO_JSON:
			if (!variadic)
				check_values(args, object);
			break;
		default:
			break;
	}
}

/* The value that a sub-select gives. */
static void
check_sub_select(Query *query, EcapiObject object)
{
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			check_value((Node *) entry->expr, object);
	}
}

/* A value that becomes this object of the standard, or an array of them. */
static void
check_value(Node *node, EcapiObject object)
{
	ListCell   *cell;

	if (node == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_RelabelType:
			check_value((Node *) ((RelabelType *) node)->arg, object);
			break;
		case T_CoerceViaIO:
			check_value((Node *) ((CoerceViaIO *) node)->arg, object);
			break;
		case T_CoerceToDomain:
			check_value((Node *) ((CoerceToDomain *) node)->arg, object);
			break;
		case T_FuncExpr:
			check_call(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args,
					   ((FuncExpr *) node)->funcvariadic, object);
			break;
		case T_OpExpr:
			set_opfuncid((OpExpr *) node);
			check_call(((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args, false, object);
			break;
		case T_Aggref:
			if (((Aggref *) node)->aggfnoid == F_JSONB_AGG || ((Aggref *) node)->aggfnoid == F_JSON_AGG)
				check_value((Node *) linitial_node(TargetEntry, ((Aggref *) node)->args)->expr, object);
			break;
		case T_CoalesceExpr:
			check_values(((CoalesceExpr *) node)->args, object);
			break;
		case T_CaseExpr:
			foreach(cell, ((CaseExpr *) node)->args)
				check_value((Node *) lfirst_node(CaseWhen, cell)->result, object);
			check_value((Node *) ((CaseExpr *) node)->defresult, object);
			break;
		case T_ArrayExpr:
			check_values(((ArrayExpr *) node)->elements, object);
			break;
		case T_SubLink:
			if (((SubLink *) node)->subLinkType == EXPR_SUBLINK ||
				((SubLink *) node)->subLinkType == ARRAY_SUBLINK)
				check_sub_select(castNode(Query, ((SubLink *) node)->subselect), object);
			break;
		default:
			break;
	}
}

void
ecapi_row_sql_check_shape(const EcapiExpression *expression, Node *value)
{
	const EcapiField *field;

	if (expression->use != ECAPI_USE_VALUE)
		return;
	if (strcmp(expression->what, "*") == 0)
	{
		check_value(value, ECAPI_OBJ_EVENT);
		return;
	}
	field = ecapi_field_named(expression->what, strlen(expression->what));
	if (field != NULL && field->type == ECAPI_FT_OBJECT)
		check_value(value, field->child);
}

/*
 * filter_column.c
 *	  The names in a filter: columns of ecapi.event, and the closest right thing
 *	  for any other.
 *
 * A column becomes a Var of the one row there is; the row itself, whole, is no
 * value.  People know events by the standard's fields, so a name that is one of
 * those is answered with the expression that reads it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"

#include "enrich/filter_check.h"
#include "enrich/filter_column.h"
#include "event/closest.h"
#include "event/fields.h"

static const char *
column_nth(int i, void *arg)
{
	TupleDesc	desc = arg;

	return i < desc->natts ? NameStr(TupleDescAttr(desc, i)->attname) : NULL;
}

/* How to write a field of the standard that is no column; NULL: it is none. */
static const char *
field_as_sql(const char *name)
{
	const EcapiField *field = ecapi_field_lookup(ECAPI_OBJ_USER_DATA, name, strlen(name));
	const char *column = "user_data";

	if (field == NULL)
	{
		field = ecapi_field_lookup(ECAPI_OBJ_PROPERTIES, name, strlen(name));
		column = "properties";
	}
	if (field == NULL)
		return NULL;
	return psprintf("%s%s'%s'", column,
					field->type == ECAPI_FT_OBJECT || field->cardinality == ECAPI_MANY ?
					"->" : "->>", name);
}

static void
refuse_unknown(ParseState *pstate, const ColumnRef *reference, TupleDesc desc,
			   const char *name)
{
	const char *as_sql = field_as_sql(name);
	const char *closest = ecapi_closest(name, strlen(name), column_nth, desc);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of an event does not exist", name),
			 as_sql ? errhint("Perhaps you meant %s.", as_sql) :
			 closest ? errhint("Perhaps you meant %s.", quote_identifier(closest)) :
			 errhint("See the columns with \\d ecapi.event."),
			 parser_errposition(pstate, reference->location)));
}

/* a.b: one who writes JSON paths, or who gives the row a name. */
static void
refuse_dotted(ParseState *pstate, const ColumnRef *reference, TupleDesc desc)
{
	const char *first = strVal(linitial(reference->fields));
	Node	   *last = llast(reference->fields);
	const char *hint = "Write the columns of ecapi.event by their plain names.";

	for (int i = 0; i < desc->natts && IsA(last, String); i++)
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), first) == 0)
			hint = list_length(reference->fields) == 2 ?
				psprintf("Write %s->>'%s'.", first, strVal(last)) :
				psprintf("Write %s with the operators -> and ->>.", first);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column %s of an event does not exist",
					NameListToString(reference->fields)),
			 errhint("%s", hint),
			 parser_errposition(pstate, reference->location)));
}

Node *
ecapi_filter_column(ParseState *pstate, ColumnRef *reference)
{
	TupleDesc	desc = pstate->p_ref_hook_state;
	const char *name;

	if (IsA(llast(reference->fields), A_Star))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a filter cannot use the whole row"),
				 errhint(ECAPI_FILTER_RULE),
				 parser_errposition(pstate, reference->location)));
	if (list_length(reference->fields) > 1)
		refuse_dotted(pstate, reference, desc);

	name = strVal(linitial(reference->fields));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
		{
			Var		   *var = makeVar(1, column->attnum, column->atttypid,
									  column->atttypmod, column->attcollation, 0);

			var->location = reference->location;
			return (Node *) var;
		}
	}
	refuse_unknown(pstate, reference, desc, name);
	return NULL;
}

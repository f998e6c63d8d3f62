/*
 * source.c
 *	  What the files that compile and run the sources of a track share.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/run_as.h"
#include "rowsql/source.h"

void
ecapi_expressions_check_owner(const EcapiExpressions *set)
{
	if (!set->superuser && superuser_arg(set->role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\", which SQL over table %s runs as, has become a superuser",
						GetUserNameFromId(set->role, true), set->table),
				 errhint("%s", ecapi_run_as_hint("Give the table to a role that is no superuser with ALTER TABLE ... OWNER TO"))));
}

void
ecapi_expressions_type_changed(EcapiExpression *expression)
{
	expression->set->stale = true;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("type of the source of \"%s\" has changed", expression->what)));
}

void
ecapi_expressions_names_changed(EcapiExpression *expression)
{
	expression->set->stale = true;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("a table in the source of \"%s\" has lost a column", expression->what)));
}

const char *
ecapi_expressions_sample(const EcapiExpressions *set)
{
	for (int i = 0; i < set->descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(set->descriptor, i);

		if (!column->attisdropped)
			return psprintf("new.%s", quote_identifier(NameStr(column->attname)));
	}
	return "new.column";
}

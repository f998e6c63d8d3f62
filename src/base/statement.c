/*
 * statement.c
 *	  Fixed statements over our own tables.
 *
 * Statements belong to the worker and to functions of an operator.  They run
 * with whatever user is current; the caller switches when it must.  A prepared
 * plan follows changes of its tables by itself (plan cache), and a table that
 * is gone is an ordinary error.
 *
 * Arguments and columns lie in the memory context that is current, which is SPI's
 * unless the caller switches.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/statement.h"

/*
 * The plan is generic: one made for the values at hand holds them as constants, and
 * auto_explain would write an identifier into the log.
 */
void
ecapi_statement_prepare(EcapiStatement *statement)
{
	SPIPlanPtr	plan;

	if (statement->plan != NULL)
		return;
	plan = SPI_prepare_cursor(statement->sql, statement->nargs, statement->argtypes,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare a statement: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a prepared statement");
	statement->plan = plan;
}

uint64
ecapi_statement_run(EcapiStatement *statement, bool read_only, int nargs,
					const NullableDatum *args)
{
	Datum		values[ECAPI_STATEMENT_ARGS];
	char		marks[ECAPI_STATEMENT_ARGS];
	int			result;

	if (nargs != statement->nargs)
		elog(ERROR, "a statement of %d arguments was given %d", statement->nargs, nargs);
	for (int i = 0; i < nargs; i++)
	{
		values[i] = args[i].value;
		marks[i] = args[i].isnull ? 'n' : ' ';
	}
	ecapi_statement_prepare(statement);
	result = SPI_execute_plan(statement->plan, values, marks, read_only, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

NullableDatum
ecapi_arg_text(const char *text)
{
	return ecapi_arg_null_if(text == NULL,
							 text == NULL ? (Datum) 0 : CStringGetTextDatum(text));
}

NullableDatum
ecapi_arg_name(const char *name)
{
	Name		copy;

	if (name == NULL)
		return ecapi_arg_null_if(true, (Datum) 0);
	copy = palloc(NAMEDATALEN);
	namestrcpy(copy, name);
	return ecapi_arg(NameGetDatum(copy));
}

NullableDatum
ecapi_arg_utf8(const char *text)
{
	return ecapi_arg_text(text == NULL ? NULL : pg_any_to_server(text, strlen(text), PG_UTF8));
}

NullableDatum
ecapi_arg_array(Datum *elements, int n, Oid type)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return ecapi_arg(PointerGetDatum(construct_array(elements, n, type, len, byval, align)));
}

NullableDatum
ecapi_arg_int8s(const int64 *numbers, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));
	NullableDatum array;

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(numbers[i]);
	array = ecapi_arg_array(elements, n, INT8OID);
	pfree(elements);
	return array;
}

void
ecapi_set_text(Datum *values, bool *nulls, int i, const char *text)
{
	NullableDatum value = ecapi_arg_text(text);

	values[i] = value.value;
	nulls[i] = value.isnull;
}

char *
ecapi_column_text(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

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
#include "parser/parse_param.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/statement.h"

/* For a statement that is analyzed for its run. */
static void
set_up_types(ParseState *pstate, void *arg)
{
	ParamListInfo params = arg;
	Oid		   *types = palloc(sizeof(Oid) * Max(params->numParams, 1));

	for (int i = 0; i < params->numParams; i++)
		types[i] = params->params[i].ptype;
	setup_parse_fixed_parameters(pstate, types, params->numParams);
}

static ParamExternData *
fetch_param(ParamListInfo params, int number, bool speculative, ParamExternData *workspace)
{
	return &params->params[number - 1];
}

/*
 * auto_explain writes plans into the log, and since 16 "Query Parameters" beside them, of
 * nested statements, too.  A plan shows the values of arguments that are flagged as constant;
 * BuildParamLogString() has none of a list with a hook that fetches them.  The planner still
 * estimates by the values.
 */
ParamListInfo
ecapi_params(int n, const Oid *types, const Datum *values, const char *nulls)
{
	ParamListInfo params = makeParamList(n);

	memset(params->params, 0, sizeof(ParamExternData) * n);
	params->paramFetch = fetch_param;
	params->parserSetup = set_up_types;
	params->parserSetupArg = params;
	for (int i = 0; i < n; i++)
	{
		ParamExternData *param = &params->params[i];

		param->isnull = types == NULL || (nulls != NULL && nulls[i] == 'n');
		if (types == NULL)
			continue;
		param->ptype = types[i];
		param->value = values[i];
	}
	return params;
}

int
ecapi_execute_text(const char *sql, int n, const Oid *types, const Datum *values,
				   const char *nulls, bool read_only, uint64 max_rows)
{
	SPIExecuteOptions options = {0};
	int			result;

	options.params = ecapi_params(n, types, values, nulls);
	options.read_only = read_only;
	options.tcount = max_rows;
	result = SPI_execute_extended(sql, &options);
	pfree(options.params);
	return result;
}

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
	SPIExecuteOptions options = {0};
	int			result;

	if (nargs != statement->nargs)
		elog(ERROR, "a statement of %d arguments was given %d", statement->nargs, nargs);
	for (int i = 0; i < nargs; i++)
	{
		values[i] = args[i].value;
		marks[i] = args[i].isnull ? 'n' : ' ';
	}
	ecapi_statement_prepare(statement);
	options.params = ecapi_params(nargs, statement->argtypes, values, marks);
	options.read_only = read_only;
	result = SPI_execute_plan_extended(statement->plan, &options);
	pfree(options.params);
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

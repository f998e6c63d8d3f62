/*
 * result.c
 *	  Results of functions that SQL calls.
 *
 * No state and no locks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/result.h"

Datum
ecapi_result_text(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

Datum
ecapi_result_texts(const List *texts, bool *isnull)
{
	ArrayBuildState *array = NULL;
	ListCell   *cell;

	*isnull = texts == NIL;
	foreach(cell, texts)
		array = accumArrayResult(array, CStringGetTextDatum(lfirst(cell)), false, TEXTOID,
								 CurrentMemoryContext);
	return *isnull ? (Datum) 0 : makeArrayResult(array, CurrentMemoryContext);
}

Datum
ecapi_result_utf8(const char *text, size_t len)
{
	return CStringGetTextDatum(pg_any_to_server(pnstrdup(text, len), (int) len, PG_UTF8));
}

Datum
ecapi_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * result.h
 *	  Results of functions that SQL calls.
 *
 * Texts and rows are palloc'd in the current context.
 */
#ifndef ECAPI_RESULT_H
#define ECAPI_RESULT_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

/* A text (server encoding) as a column of a row; NULL: null. */
extern Datum ecapi_result_text(const char *text, bool *isnull);

/* A list of char * as text[]; NIL: null. */
extern Datum ecapi_result_texts(const List *texts, bool *isnull);

/* len bytes of UTF-8 as a text in the server's encoding. */
extern Datum ecapi_result_utf8(const char *text, size_t len);

/* The one row that a function returns, of the type that it is declared with. */
extern Datum ecapi_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif							/* ECAPI_RESULT_H */

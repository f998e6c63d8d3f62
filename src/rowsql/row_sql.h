/*
 * row_sql.h
 *	  SQL over new and old: parse, compile, run.
 */
#ifndef ECAPI_ROW_SQL_H
#define ECAPI_ROW_SQL_H

#include "postgres.h"

#include "rowsql/source.h"

/*
 * Make expression the SQL of its source.  The caller has made the owner the
 * current user, in a security-restricted operation, under the settings of confine.c,
 * with an active snapshot.
 */
extern void ecapi_row_sql_compile(EcapiExpression *expression);
extern Datum ecapi_row_sql_value(EcapiExpression *expression, bool *isnull);
extern void ecapi_row_sql_free(EcapiExpression *expression);

/* Whether a source that is names only is a column to SQL. */
extern bool ecapi_row_sql_is_column(const char *source);

/* For hints: a comparison of a source that is a value of some type. */
extern const char *ecapi_row_sql_comparison(const EcapiExpression *expression);

#endif							/* ECAPI_ROW_SQL_H */

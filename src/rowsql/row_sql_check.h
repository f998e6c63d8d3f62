/*
 * row_sql_check.h
 *	  What of SQL over a row is allowed.
 */
#ifndef ECAPI_ROW_SQL_CHECK_H
#define ECAPI_ROW_SQL_CHECK_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/parsenodes.h"

#include "rowsql/source.h"

/* Raise what is not allowed in an analyzed source. */
extern void ecapi_row_sql_check(const EcapiExpression *expression, Query *query);

/* Whether it can neither raise an error nor run code that is not the server's own. */
extern bool ecapi_row_sql_is_bare(Node *expression);

/* Raise that a role may not read a column (0: any) of a table, if it may not. */
extern void ecapi_row_sql_check_read(Oid relid, AttrNumber attnum, Oid role);

#endif							/* ECAPI_ROW_SQL_CHECK_H */

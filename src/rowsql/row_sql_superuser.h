/*
 * row_sql_superuser.h
 *	  What of SQL over a row is allowed where it would run as a superuser.
 *
 * Each check raises what is not allowed.
 */
#ifndef ECAPI_ROW_SQL_SUPERUSER_H
#define ECAPI_ROW_SQL_SUPERUSER_H

#include "postgres.h"

#include "rowsql/source.h"

/* In a source that is only parsed. */
extern void ecapi_superuser_check_parsed(const EcapiExpression *expression, Node *parsed);

/* In the type of a column that SQL mentions. */
extern void ecapi_superuser_check_type(const EcapiExpression *expression, Oid type);

/* In an analyzed source. */
extern void ecapi_superuser_check(const EcapiExpression *expression, Node *analyzed);

/* Whether no code of a user is behind a type: the server's functions do all over it. */
extern bool ecapi_superuser_is_plain(Oid type);

#endif							/* ECAPI_ROW_SQL_SUPERUSER_H */

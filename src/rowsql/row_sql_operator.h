/*
 * row_sql_operator.h
 *	  Operators and functions of SQL over a row that are another type's.
 */
#ifndef ECAPI_ROW_SQL_OPERATOR_H
#define ECAPI_ROW_SQL_OPERATOR_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Raise that an operator or function is not that of the type it is applied to. */
extern void ecapi_row_sql_check_operators(Query *query);

/* The schema of a type; InvalidOid when it is gone. */
extern Oid	ecapi_type_schema(Oid type);

#endif							/* ECAPI_ROW_SQL_OPERATOR_H */

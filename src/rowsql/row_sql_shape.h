/*
 * row_sql_shape.h
 *	  Keys of JSON that SQL over a row builds for a field of the standard.
 */
#ifndef ECAPI_ROW_SQL_SHAPE_H
#define ECAPI_ROW_SQL_SHAPE_H

#include "postgres.h"

#include "rowsql/source.h"

/* Raise that an analyzed value has a key that its field of the standard has not. */
extern void ecapi_row_sql_check_shape(const EcapiExpression *expression, Node *value);

#endif							/* ECAPI_ROW_SQL_SHAPE_H */

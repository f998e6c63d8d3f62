/*
 * expression.h
 *	  One source of a mapping, or a condition: compiled once, run for each row.
 *
 * A source is a column of the row, a foreign-key path ("customer_id.email":
 * from a column with a foreign key to a column of the table it refers to;
 * several steps allowed), or SQL that sees the row as new and old.
 */
#ifndef ECAPI_EXPRESSION_H
#define ECAPI_EXPRESSION_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "rowsql/source.h"

/*
 * An empty set for a relation, whose sources will run as role; look: they will
 * only be compiled, to see whether they do, and nothing of a user runs then
 * (row_sql_look.c).  Everything lives in context; plans, which the server keeps, are
 * let go with it, or before by ecapi_expressions_free(), which may be called again.
 */
extern EcapiExpressions *ecapi_expressions_new(Relation relation, Oid role,
											   bool look, MemoryContext context);
extern void ecapi_expressions_free(EcapiExpressions *set);

/*
 * Whether foreign-key paths of the set lead to a table.  When it changes, the set
 * must be made again.  Raises nothing and opens nothing.
 */
extern bool ecapi_expressions_depend(const EcapiExpressions *set, Oid relid);

/*
 * Compile a source and add it.  what names the place for messages: the field
 * path, or "condition".  Raises an error (with the closest right name as hint)
 * for an unknown column, a column without the foreign key that a path needs,
 * SQL that does not parse, is volatile or returns a set or several columns, a
 * sub-select that mentions neither new nor old, a condition that is not
 * boolean, something that the role may not read; and, where the role is a
 * superuser, for anything but columns, foreign-key paths and what is made of
 * operators and immutable functions of pg_catalog.
 */
extern EcapiExpression *ecapi_expressions_add(EcapiExpressions *set, const char *source,
											  EcapiExpressionUse use, const char *what);

/*
 * Run sources: start, any number of rows and values, stop.  Start remembers the
 * current context for what the run allocates; an error between needs no stop,
 * but the next run a start of its own.  Confined, all three belong into
 * the same one, as what runs is made ready for the role it first runs as.  Row
 * and values: new must be a slot of the relation's descriptor, old one or NULL
 * (all its columns are null then).  A value lives until the next row.  Where
 * needs_confining is false, nothing of it raises an error but out of memory and
 * damaged data; a value that is stored out of line wants an active snapshot.
 */
extern void ecapi_expressions_start(EcapiExpressions *set);
extern void ecapi_expressions_row(EcapiExpressions *set, TupleTableSlot *new,
								  TupleTableSlot *old);
extern Datum ecapi_expression_value(EcapiExpression *expression, bool *isnull);

/* A condition for the row, or for another one in the place of new. */
extern bool ecapi_expression_holds(EcapiExpression *expression);
extern void ecapi_expressions_stop(EcapiExpressions *set);

#endif							/* ECAPI_EXPRESSION_H */

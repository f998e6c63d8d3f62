/*
 * equality.h
 *	  Whether two values of a column are equal, as SQL means it.
 */
#ifndef ECAPI_EQUALITY_H
#define ECAPI_EQUALITY_H

#include "postgres.h"

#include "catalog/pg_attribute.h"

typedef struct EcapiEquality EcapiEquality;

/*
 * How values of a column are compared whose keys (ecapi_datum_key()) differ; in
 * context.  NULL: then they are not equal.  *needs_confining: the comparison may raise
 * an error or run code that is not the server's own.  superuser: the table's owner
 * is one, so that no such code may run.  Raises what the catalogs raise.
 */
extern EcapiEquality *ecapi_equality(Form_pg_attribute attribute, bool superuser,
									 MemoryContext context, bool *needs_confining);

/* Whether two values, neither null, are equal.  Leaks into the current context. */
extern bool ecapi_equality_holds(EcapiEquality *equality, Datum a, Datum b);

#endif							/* ECAPI_EQUALITY_H */

/*
 * stated_join.h
 *	  The join that a step of a path states without a foreign key.
 */
#ifndef ECAPI_STATED_JOIN_H
#define ECAPI_STATED_JOIN_H

#include "postgres.h"

#include "rowsql/foreign_key.h"
#include "rowsql/names.h"
#include "rowsql/source.h"

/*
 * Set the key of *join to the one of a table that a column of a type (no domain)
 * names: the primary key, else a unique one.  Returns how many it could be.
 */
extern int	ecapi_stated_join_lookup(Relation referred, Oid type, bool superuser,
									 EcapiKeyJoin *join);

/*
 * Set all of *join but from to the join that a step of a path states for a
 * column of an open relation.  Raises that it is none, or several.
 */
extern void ecapi_stated_join_find(const EcapiExpressions *set, Relation relation,
								   AttrNumber attnum, const EcapiPathStep *step,
								   EcapiKeyJoin *join);

#endif							/* ECAPI_STATED_JOIN_H */

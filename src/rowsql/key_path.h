/*
 * key_path.h
 *	  Foreign-key paths of a set: one query for all of them.
 */
#ifndef ECAPI_KEY_PATH_H
#define ECAPI_KEY_PATH_H

#include "postgres.h"

#include "utils/rel.h"

#include "rowsql/names.h"
#include "rowsql/source.h"

/*
 * Make expression the path of these steps (at least two, the first a column of
 * the relation).  Raises what is wrong with it.
 */
extern void ecapi_key_path_add(EcapiExpression *expression, Relation relation,
							   const EcapiPathStep *steps, int nsteps);
extern Datum ecapi_key_path_value(EcapiExpression *expression, bool *isnull);
extern void ecapi_key_paths_start(EcapiKeyPaths *paths);
extern void ecapi_key_paths_row(EcapiKeyPaths *paths);

/* Whether a table is one of those that the paths lead to. */
extern bool ecapi_key_paths_depend(const EcapiKeyPaths *paths, Oid relid);
extern void ecapi_key_paths_free(EcapiKeyPaths *paths);

#endif							/* ECAPI_KEY_PATH_H */

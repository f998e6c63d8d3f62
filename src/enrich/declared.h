/*
 * declared.h
 *	  Which functions the destinations name as their enrichments, and how that
 *	  stays true while functions are renamed, moved and dropped.
 */
#ifndef ECAPI_ENRICH_DECLARED_H
#define ECAPI_ENRICH_DECLARED_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* The option of a server with that name (list of DefElem), or NULL. */
extern const char *ecapi_enrich_option(List *options, const char *name);

/*
 * Make the catalog say that a server depends on the functions that its option
 * enrich names, and on no other; a name that is no function is passed over.  In
 * a transaction that may write.
 */
extern void ecapi_enrich_depend(Oid server);

/*
 * After functions or schemas may have been renamed or moved: let the options of
 * all servers of a wrapper name the functions that they depend on, and record
 * again what they depend on.  Returns whether an option was changed.  Whoever runs
 * the DDL, no right is asked: the same functions are named as before.
 */
extern bool ecapi_enrich_follow(Oid wrapper);

/*
 * The name of a server of the wrapper whose option enrich names schema.name where
 * there is no such function (any more), palloc'd; NULL: there is none.
 */
extern char *ecapi_enrich_misses(Oid wrapper, const char *schema, const char *name);

#endif							/* ECAPI_ENRICH_DECLARED_H */

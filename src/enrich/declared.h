/*
 * declared.h
 *	  Which functions the destinations name as their enrichments, and how that
 *	  stays true while functions are renamed, moved and dropped.
 */
#ifndef ECAPI_ENRICH_DECLARED_H
#define ECAPI_ENRICH_DECLARED_H

#include "postgres.h"

/*
 * Make the catalog say that a server depends on the functions that its option
 * enrich names, and on no other; a name that is no function is passed over.  Waits
 * for other sessions' DDL on them.  In a transaction that may write.
 */
extern void ecapi_enrich_depend(Oid server);

/*
 * Before functions may be renamed or dropped, and after that: let all servers of a
 * wrapper depend on those that they name.  Before a drop, not on what they may not
 * call: its owner shall not need their consent.  Does not wait for locks.
 */
extern void ecapi_enrich_depend_before(Oid wrapper, bool drop);

/*
 * After functions or schemas may have been renamed or moved: let the options of
 * all servers of a wrapper name the functions that they depend on, and record
 * again what they depend on.  Returns whether an option was changed.  No matter who runs
 * the DDL, no right is asked: the same functions are named as before.
 */
extern bool ecapi_enrich_follow(Oid wrapper);

#endif							/* ECAPI_ENRICH_DECLARED_H */

/*
 * citus.h
 *	  What the extension has to know of Citus, on a server that has it.
 */
#ifndef ECAPI_CITUS_H
#define ECAPI_CITUS_H

#include "postgres.h"

/*
 * Whether the rows of a relation are in shards: a distributed or a reference table.
 * False without Citus.  Takes AccessShareLock on a catalog of Citus for the time of the
 * call; needs a transaction.
 */
extern bool ecapi_is_sharded(Oid relation);

/*
 * Let triggers be made and dropped on sharded tables, or let DDL stay on this node, in the
 * caller's nest level of settings.  The second does nothing without Citus.
 */
extern void ecapi_citus_allow_triggers(void);
extern void ecapi_citus_stay_here(void);

#endif							/* ECAPI_CITUS_H */

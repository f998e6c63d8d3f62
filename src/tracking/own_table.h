/*
 * own_table.h
 *	  The caller's table while a track is made or dropped: its lock, and commands on it.
 */
#ifndef ECAPI_OWN_TABLE_H
#define ECAPI_OWN_TABLE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

/*
 * From here on no wait for a lock lasts longer than ms, or than lock_timeout if that
 * is shorter.  AtEOXact_GUC() ends it with the nest level that is returned; an error
 * ends it, too.
 */
extern int	ecapi_limit_lock_wait(int ms);

/* The same for ecapi.track() and ecapi.untrack(). */
extern int	ecapi_own_table_limit(void);

/*
 * Open and lock a relation of the caller's.  Raises an error where the caller does
 * not own it, before it is locked and again after, and where the lock is not had in
 * time; table is its name for that.  In the nest level of ecapi_own_table_limit(), where
 * commands on it may make and drop triggers of a table of Citus, too.
 */
extern Relation ecapi_own_table_open(Oid relid, const char *table, LOCKMODE mode);

/* Run a DDL command on it as the caller. */
extern void ecapi_own_table_run(const char *command, const char *table);

#endif							/* ECAPI_OWN_TABLE_H */

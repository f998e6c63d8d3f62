/*
 * own.h
 *	  Which destinations this worker has: no two workers have the same one.
 */
#ifndef ECAPI_OWN_H
#define ECAPI_OWN_H

#include "postgres.h"

/* Whether this worker has the destination of a server. */
extern bool ecapi_own_has(Oid server);

/*
 * Take a destination that this worker does not have.  False when another has it.  In a
 * transaction; a snapshot that is taken afterwards sees all that the last owner recorded.
 * Raises an error when there is no room for the lock.
 */
extern bool ecapi_own_take(Oid server);

/* Whether no worker has it; by one that does not.  The same conditions. */
extern bool ecapi_own_is_free(Oid server);

/* Give it up, if this worker has it: all that it did is recorded, or is to be done again. */
extern void ecapi_own_release(Oid server);

/*
 * Give up those that this worker has and knows nothing of, because an error came between.
 */
extern void ecapi_own_release_but(bool (*is_known) (Oid server));

#endif							/* ECAPI_OWN_H */

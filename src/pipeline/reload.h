/*
 * reload.h
 *	  What the tables say of destinations.
 */
#ifndef ECAPI_RELOAD_H
#define ECAPI_RELOAD_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Take the destinations that are to be this worker's.  Returns whether some were taken:
 * then the snapshot is too old to read their cursors, and the caller begins another
 * transaction.  waits_for: one that another worker has yet to let go; InvalidOid: none.  In a transaction with an
 * active snapshot, SPI connected.
 */
extern bool ecapi_reload_own(Oid *waits_for);

/*
 * All destinations there are, as a list of EcapiFound in a context that outlives
 * the transaction; in another worker than the lead, those that it has.  Cursors are fixed on
 * the way, and those of destinations that come to be ours are taken.  In a transaction
 * that may write, SPI connected, with an active snapshot.  Raises what SQL raises, and has
 * then changed nothing in memory.
 */
extern List *ecapi_reload_find(MemoryContext context);

#endif							/* ECAPI_RELOAD_H */

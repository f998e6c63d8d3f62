/*
 * reload.h
 *	  What the tables say of destinations.
 */
#ifndef ECAPI_RELOAD_H
#define ECAPI_RELOAD_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * All destinations there are, as a list of EcapiFound in a context that outlives
 * the transaction; cursors are fixed on the way.  In a transaction that may
 * write, SPI connected, with an active snapshot.  Raises what SQL raises, and has
 * then changed nothing in memory.
 */
extern List *ecapi_reload_find(MemoryContext context);

#endif							/* ECAPI_RELOAD_H */

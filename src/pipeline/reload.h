/*
 * reload.h
 *	  What the tables say of destinations; see reload.c.
 */
#ifndef ECAPI_WORKER_RELOAD_H
#define ECAPI_WORKER_RELOAD_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "destination/options.h"
#include "outbox/cursor.h"

/* A destination as the tables have it. */
typedef struct EcapiFound
{
	Oid			server;
	const char *name;
	List	   *options;
	List	   *mapping;		/* options of the PUBLIC user mapping */
	EcapiServerOwner owner;
	EcapiCursor *cursor;
	bool		rewritten;		/* the row was gone: what is in memory is to be written */
	const char *guard;			/* what keeps the worker from the cursor; NULL: every
								 * check has passed.  Of a destination without guard it
								 * is not asked */
	bool		paused;
	TimestampTz resumed_at;		/* 0: never */
	TimestampTz blamed_at;		/* 0: never */
} EcapiFound;

/*
 * All destinations there are, as a list of EcapiFound in a context that outlives
 * the transaction; cursors are put right on the way.  In a transaction that may
 * write, SPI connected, with an active snapshot.  Raises what SQL raises, and has
 * then changed nothing in memory.
 */
extern List *ecapi_reload_find(MemoryContext context);

#endif							/* ECAPI_WORKER_RELOAD_H */

/*
 * destinations.h
 *	  The destinations in the worker's memory: made, changed and dropped as the tables
 *	  say.
 */
#ifndef ECAPI_DESTINATIONS_H
#define ECAPI_DESTINATIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "destination/options.h"
#include "outbox/cursor.h"
#include "pipeline/forward.h"

/* A destination as the tables have it. */
typedef struct EcapiFound
{
	Oid			server;
	const char *name;
	List	   *options;
	List	   *mapping;		/* options of the PUBLIC user mapping */
	Oid			role;			/* that owns the server */
	EcapiServerOwner owner;
	bool		mine;			/* this worker has it */
	bool		leaves;			/* and another is to have it */
	int64		token;			/* of its cursor, when its guard comes off now */
	List	   *measured;		/* EcapiMeasurement, of all destinations */
	EcapiCursor *cursor;
	bool		rewritten;		/* the row was gone: what is in memory is to be written */
	const char *guard;			/* what keeps the worker from the cursor; NULL: every
								 * check has passed.  Of a destination without guard it
								 * is not asked */
	bool		paused;
	TimestampTz resumed_at;		/* 0: never */
	TimestampTz blamed_at;		/* 0: never */
} EcapiFound;

/* The destination of a server; NULL: there is none in memory. */
extern EcapiDestination *ecapi_destination_of(Oid server);

/*
 * Drop what was read, to be read again later, so that a destination that sends nothing
 * holds no memory.  Nothing is dropped while requests are on their way, and of the outbox
 * nothing when events behind the cursor's position are disposed of already: they would be
 * sent twice.
 */
extern void ecapi_destination_rewind(EcapiDestination *destination);

/*
 * Let destinations go that another worker is to have, when all that was done for them is
 * recorded, and those of which another worker has the token.  Outside of a transaction.
 */
extern void ecapi_destinations_let_go(void);

/*
 * Take over the destinations of this worker that were found, a list of EcapiFound, and
 * forget those that were not.  Outside of a transaction.  Raises nothing but out of memory; then the
 * caller does it again.
 */
extern void ecapi_destinations_take(List *all);

/*
 * Try destinations that stopped again when a credential file of theirs has changed, so
 * that rotating a token needs no DDL.  Called now and then; outside of a transaction.
 */
extern void ecapi_destinations_credentials(void);

#endif							/* ECAPI_DESTINATIONS_H */

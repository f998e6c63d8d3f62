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

extern EcapiDestination *ecapi_destination_of(Oid server);
extern void ecapi_destinations_take(List *all);
extern void ecapi_destinations_credentials(void);
extern void ecapi_destination_forget(EcapiDestination *destination);
extern void ecapi_destination_rewind(EcapiDestination *destination);

#endif							/* ECAPI_DESTINATIONS_H */

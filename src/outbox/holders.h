/*
 * holders.h
 *	  Which roles' events take how much of the outbox, and of what was set aside.
 */
#ifndef ECAPI_HOLDERS_H
#define ECAPI_HOLDERS_H

#include "postgres.h"

/* That many roles are distinguished; one that holds a sixteenth is among them. */
#define ECAPI_HOLDERS	16

typedef struct EcapiHolder
{
	Oid			role;			/* an emitter */
	int64		bytes;			/* about */
} EcapiHolder;

/* Those that hold most, in falling order. */
typedef struct EcapiHolders
{
	int			n;
	EcapiHolder list[ECAPI_HOLDERS];
} EcapiHolders;

/*
 * Bytes of a relation with all that belongs to it; false when it is gone.  Raises what
 * opening it raises.
 */
extern bool ecapi_holders_size(Oid relid, int64 *bytes);

/*
 * Estimate by a sample of blocks who holds what of the outbox, and of the events in
 * ecapi.failed_event that were set aside.  A relation that is locked is left out.
 * Raises what reading a block raises.
 */
extern void ecapi_holders_of_outbox(EcapiHolders *holders);
extern void ecapi_holders_of_set_aside(EcapiHolders *holders);

#endif							/* ECAPI_HOLDERS_H */

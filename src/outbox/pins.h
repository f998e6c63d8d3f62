/*
 * pins.h
 *	  What of the ring cursors and replays need that are not committed yet.
 */
#ifndef ECAPI_PINS_H
#define ECAPI_PINS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * An event of transaction x is needed when x >= least, or x is one of running.
 */
typedef struct EcapiPins
{
	uint64		least;			/* PG_UINT64_MAX: none begins anywhere */
	int			nrunning;
	uint64	   *running;		/* palloc'd; NULL: none */
} EcapiPins;

/*
 * Look at the rows that transactions have written which still run, prepared ones
 * too.  Waits for nobody.  In a transaction that wrote nothing; raises what a look
 * at the tables raises.
 */
extern void ecapi_pins_look(EcapiPins *pins);

#endif							/* ECAPI_PINS_H */

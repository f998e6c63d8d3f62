/*
 * spread.h
 *	  Over which workers destinations are spread.
 */
#ifndef ECAPI_SPREAD_H
#define ECAPI_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Workers at most: ECAPI_WORKERS. */
#define ECAPI_SPREAD_WORKERS	8

/* A destination to be spread. */
typedef struct EcapiSpreadItem
{
	uint32_t	server;			/* oids */
	uint32_t	owner;
	double		load;			/* of any unit, at least 0 */
	int			at;				/* its worker now; it may be one that does not run */
	int			to;				/* its worker from now on */
	int			other;			/* the same, by the other plan; of spread.c alone */
} EcapiSpreadItem;

/*
 * Decide to which of the workers that run each of n items goes; number 0 always runs.
 * min_gain: items that have a worker move only if what destinations wait for, the load of
 * others of their worker, becomes that much less, or a worker has nothing; 0: whenever it is
 * worth while.  Sorts the items.  Returns whether any of them moves.
 */
extern bool ecapi_spread(EcapiSpreadItem *items, int n, const bool runs[ECAPI_SPREAD_WORKERS],
						 double min_gain);

#endif							/* ECAPI_SPREAD_H */

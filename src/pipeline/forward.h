/*
 * forward.h
 *	  Names of what headers of this folder only point to.
 *
 *	 page		events read at a place (pages.h)
 *	 tally		what a page holds, by kind (tally.c)
 *	 feed		a source of events of one destination, with its own place (slice.h)
 *	 ledger		counts that are not written yet (ledger.c)
 *
 * States and transitions of requests, events and destinations are in state.c.
 * Everything in this folder is in the worker's memory alone; there are no locks.
 */
#ifndef ECAPI_FORWARD_H
#define ECAPI_FORWARD_H

typedef struct EcapiPage EcapiPage;
typedef struct EcapiTally EcapiTally;
typedef struct EcapiFeed EcapiFeed;
typedef struct EcapiLedger EcapiLedger;
typedef struct EcapiDestination EcapiDestination;

#endif							/* ECAPI_FORWARD_H */

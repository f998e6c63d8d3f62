/*
 * forward.h
 *	  Names of what headers of this folder only point to.
 *
 *	 tick		a snapshot that bounds windows (tick.h)
 *	 page		events read at a place (page.h)
 *	 view		a page as a list of enrichments made it (view.h)
 *	 call		users' SQL that a process was asked to run (prepare_call.h)
 *	 tally		what a page holds, by kind (tally.c)
 *	 feed		a source of events of one destination, with its own place (feed.h)
 *	 ledger		counts that are not written yet (ledger.c)
 *
 * States and transitions of requests, events and destinations are in state.c.
 * Everything in this folder is in the worker's memory alone; there are no locks.
 */
#ifndef ECAPI_FORWARD_H
#define ECAPI_FORWARD_H

#include "postgres.h"

#include "lib/ilist.h"

typedef struct EcapiTick EcapiTick;
typedef struct EcapiPage EcapiPage;
typedef struct EcapiView EcapiView;
typedef struct EcapiCall EcapiCall;
typedef struct EcapiTally EcapiTally;
typedef struct EcapiFeed EcapiFeed;
typedef struct EcapiLedger EcapiLedger;
typedef struct EcapiBatch EcapiBatch;
typedef struct EcapiDestination EcapiDestination;

/* What a request was made for: the first member of what its answer goes to. */
typedef struct EcapiCookie EcapiCookie;
struct EcapiAnswer;

struct EcapiCookie
{
	void		(*take) (EcapiCookie *cookie, struct EcapiAnswer *answer);
};

/* Each of a list, in order; none may be taken out meanwhile. */
#define ecapi_foreach(type, name, list) \
	for (type *name = dlist_container(type, node, (list)->head.next); \
		 &name->node != &(list)->head; \
		 name = dlist_container(type, node, name->node.next))

#endif							/* ECAPI_FORWARD_H */

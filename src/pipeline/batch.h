/*
 * batch.h
 *	  Batches: events of one feed that travel in one request.
 *
 * A batch belongs to its destination.  Its items point into slices of one feed,
 * which stay until all their events are disposed of, so an item outlives its batch.
 */
#ifndef ECAPI_BATCH_H
#define ECAPI_BATCH_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "delivery/request.h"
#include "destination/outgoing.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"

/* What the parts of one rejected request share. */
typedef struct EcapiRoot
{
	int			parts;			/* batches that point here; freed with the last */
	bool		passed;			/* a part was delivered */
} EcapiRoot;

struct EcapiBatch
{
	EcapiCookie cookie;			/* the first member */
	dlist_node	node;			/* ready, flying, or a suspect */
	EcapiDestination *destination;
	EcapiFeed  *feed;			/* of its items */
	MemoryContext context;		/* this struct and its items */
	MemoryContext request;		/* of body and outgoing; NULL: not shaped */
	EcapiBody	body;
	EcapiOutgoing *outgoing;	/* NULL: not sent */
	size_t		body_bytes;		/* allocated; counted into the budget */
	int			nitems;
	EcapiItem  *items;
	int			attempts;		/* requests made of it */
	int			fails;			/* of these, ones that an event may have caused */
	int64		passes_before;	/* requests that had passed before the first */
	int64		passes_seen;	/* and at the last */
	bool		flying;
	EcapiRoot  *root;			/* NULL: no part of a rejected request */
	TimestampTz sent_at;
	bool		uncounted;		/* sent as a test that the platform does not count */
	uint64		token_stamp;	/* of the credential files when sent */
	int			token_serial;	/* of the fetched token it was sent with */
	EcapiAnswer *rejected_with; /* of a suspect; in context */
};

/* How many batches a list has. */
extern int	ecapi_batch_count(dlist_head *list);

/* An empty batch with room for some items. */
extern EcapiBatch *ecapi_batch_new(EcapiFeed *feed, int capacity);

/* Count what the body of a batch takes now into the budget. */
extern void ecapi_batch_count_body(EcapiBatch *batch);

/* Free the request of a batch, if it has one. */
extern void ecapi_batch_drop_request(EcapiBatch *batch);

/* Free a batch that is in no list any more. */
extern void ecapi_batch_free(EcapiBatch *batch);

#endif							/* ECAPI_BATCH_H */

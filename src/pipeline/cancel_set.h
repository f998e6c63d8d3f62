/*
 * cancel_set.h
 *	  The cancellations of a job, and which rows of the outbox are about them.
 */
#ifndef ECAPI_CANCEL_SET_H
#define ECAPI_CANCEL_SET_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/window.h"
#include "pipeline/take_back.h"
#include "records/cancellation.h"

/* A cancellation, and what was found of its event. */
typedef struct EcapiCancelEntry
{
	EcapiCancellation *row;
	int			next;			/* in the bucket of its id; -1: none */
	int			next_of_order;	/* in the bucket of its transaction id; -1: none */
	bool		repeated;		/* a wider one of the job has its id */
	bool		found;			/* an event of its id, of any kind */
	EcapiTakeBack back;
} EcapiCancelEntry;

typedef struct EcapiCancelSet
{
	MemoryContext context;		/* of all of it */
	int			n;
	EcapiCancelEntry *entries;
	uint32		nbuckets;		/* a power of two */
	int		   *buckets;		/* entry by the hash of its id; -1: none */
	int		   *order_buckets;	/* the same by its transaction id */
	uint64		before_xid;		/* the newest: none is about what is behind */
	TimestampTz since;			/* the smallest; DT_NOBEGIN: all there is */
} EcapiCancelSet;

/* Fill an empty set; the rows stay, and so does the context. */
extern void ecapi_cancel_set_fill(EcapiCancelSet *set, MemoryContext context,
								  EcapiCancellation *rows, int n);

/*
 * Note what a page of rows says of the events of the set, or, when the set was linked, of
 * refunds of their orders: that they are there, and where they were sent, by the request
 * log.  In a transaction, SPI connected; raises what SQL raises.
 */
extern void ecapi_cancel_set_match(EcapiCancelSet *set, const EcapiRows *rows, bool linked);

/*
 * Link an entry to the order that it is about, if its event has one, in the set and in
 * its row.  In a transaction that may write, SPI connected; raises what SQL raises.
 */
extern void ecapi_cancel_set_link(EcapiCancelSet *set, int i);

#endif							/* ECAPI_CANCEL_SET_H */

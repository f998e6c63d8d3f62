/*
 * sent.h
 *	  What the request log says of when events were sent to a destination.
 */
#ifndef ECAPI_SENT_H
#define ECAPI_SENT_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Events that were sent in requests that may have arrived, and count there. */
typedef struct EcapiSentRange
{
	int64		first;			/* seqs, both inside */
	int64		last;
	TimestampTz at;				/* of the first such request */
	bool		delivered;		/* one of these was answered with success */
} EcapiSentRange;

/*
 * The ranges of the log, in no order, that were sent to a destination among the events
 * from first to last, palloc'd in context; returns how many.  An event may lie in several.
 * In a transaction with an active snapshot, SPI connected.
 */
extern int	ecapi_sent_load(Oid server, const char *destination, int64 first, int64 last,
							MemoryContext context, EcapiSentRange **ranges);

#endif							/* ECAPI_SENT_H */

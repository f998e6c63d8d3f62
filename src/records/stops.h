/*
 * stops.h
 *	  Which events may not leave any more, or be made again.
 */
#ifndef ECAPI_STOPS_H
#define ECAPI_STOPS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/value.h"

/* An event to ask about: when it was written, or, of history, when it happened. */
typedef struct EcapiStopQuery
{
	const char *id;				/* id_len bytes, without escapes */
	int			id_len;
	bool		is_server;		/* id is in the server's encoding, else UTF-8 */
	uint64		xid;			/* of history: PG_UINT64_MAX */
	int64		seq;
	bool		is_history;
	TimestampTz happened;		/* of history */
	bool		stopped;		/* the answer; the caller puts false */
} EcapiStopQuery;

/*
 * No event of this transaction or a later one is cancelled: before_xid of the
 * newest cancellation, 0 when there is none.  Read-only; in a transaction with an
 * active snapshot, SPI connected.
 */
extern uint64 ecapi_stops_newest(void);

/*
 * Set stopped of those of n events that are cancelled.  One statement, whose cost
 * goes with n alone.  Read-only; as above.
 */
extern void ecapi_stops_cancelled(EcapiStopQuery *queries, int n);

/*
 * Whether a refund (UTF-8) is of an order that was cancelled.  What is left of it is refunded by
 * the cancellation; the refunds that this makes have an address, and are not asked
 * about.  Read-only; as above.
 */
extern bool ecapi_stops_refund(const EcapiValue *refund);

/*
 * Ask with query whether the original of an amendment (UTF-8) was cancelled; texts are
 * those of the tree.  False when the event is no amendment.
 */
extern bool ecapi_stops_original(const EcapiValue *amendment, EcapiStopQuery *query);

/*
 * The same two for who makes events in a backend: is there any cancellation, and
 * which of n events are cancelled (returns how many).  They read as the extension's
 * owner, under snapshots of their own.
 */
extern bool ecapi_stops_any(void);
extern int	ecapi_stops_again(EcapiStopQuery *queries, int n);

#endif							/* ECAPI_STOPS_H */

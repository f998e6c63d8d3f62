/*
 * stops.h
 *	  Which events may not leave any more.
 */
#ifndef ECAPI_STOPS_H
#define ECAPI_STOPS_H

#include "postgres.h"

/* An event to ask about. */
typedef struct EcapiStopQuery
{
	const char *id;				/* id_len bytes, UTF-8, without escapes */
	int			id_len;
	uint64		xid;
	int64		seq;
	bool		stopped;		/* the answer; the caller puts false */
} EcapiStopQuery;

/*
 * No event of this transaction or a later one is cancelled: before_xid of the
 * newest cancellation, 0 when there is none.  Read-only.
 */
extern uint64 ecapi_stops_newest(void);

/*
 * Set stopped of those of n events that are cancelled.  One statement, whose cost
 * goes with n alone.  Read-only.
 */
extern void ecapi_stops_cancelled(EcapiStopQuery *queries, int n);

#endif							/* ECAPI_STOPS_H */

/*
 * record.h
 *	  What the worker writes down: ticks and requests.
 */
#ifndef ECAPI_RECORD_H
#define ECAPI_RECORD_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/snapshot.h"
#include "records/seqs.h"

/* One row of ecapi.request. */
typedef struct EcapiRequestRow
{
	const char *destination;
	Oid			server;			/* the same, whatever it will be called */
	TimestampTz sent_at;
	EcapiSeqs	seqs;			/* the events that it carried or kept back */
	int			events;			/* how many */
	int			attempt;
	const char *outcome;
	int			status;			/* 0: no answer */
	double		latency_ms;		/* < 0: no request was made */
	const char *error;			/* NULL: none */
	const char *receiver_request_id;	/* NULL or "": none */
	const char *reason;			/* NULL: none */
	int64		replay;			/* 0: of none */
	bool		retried;		/* of failed events */
	bool		arrived;		/* the receiver has taken its events, or may have, and they
								 * count there */
} EcapiRequestRow;

/* Write one row of the request log. */
extern void ecapi_record_request(EcapiRequestRow *row);

/* Log a tick. */
extern void ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at);

/*
 * The logged ticks that are not earlier than a snapshot, in order, at most
 * max.  Fills ticks with palloc'd snapshots (in SPI's context) and returns
 * how many.
 */
extern int	ecapi_record_ticks_after(const EcapiSnapshot *from, int max,
									 EcapiSnapshot **ticks);

/*
 * Of the next max logged ticks that are not earlier than a snapshot, those that
 * were taken at or before a moment and stand before any that was not.  As
 * ecapi_record_ticks_after().
 */
extern int	ecapi_record_ticks_before(const EcapiSnapshot *from, TimestampTz before,
									  int max, EcapiSnapshot **ticks);

/*
 * The first logged tick that sees every committed event of a slot, palloc'd in
 * SPI's context; NULL when there is none.
 */
extern EcapiSnapshot *ecapi_record_tick_over(int slot);

#endif							/* ECAPI_RECORD_H */

/*
 * record.h
 *	  What the worker writes down: ticks and requests.
 */
#ifndef ECAPI_RECORD_H
#define ECAPI_RECORD_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/snapshot.h"

/* One row of ecapi.request. */
typedef struct EcapiRequestRow
{
	const char *destination;
	TimestampTz sent_at;
	uint64		first_xid;
	int64		first_seq;
	uint64		last_xid;
	int64		last_seq;
	int			events;
	int			attempt;
	const char *outcome;
	int			status;			/* 0: no answer */
	double		latency_ms;		/* < 0: no request was made */
	const char *error;			/* NULL: none */
	const char *receiver_request_id;	/* NULL or "": none */
	const char *filtered;		/* JSON, or NULL */
	int64		replay;			/* 0: of none */
	const char *retried;		/* "{seq,...}" of failed events; NULL: of others */
} EcapiRequestRow;

extern void ecapi_record_request(const EcapiRequestRow *row);
extern void ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at);
extern int	ecapi_record_ticks_after(const EcapiSnapshot *from, int max,
									 EcapiSnapshot **ticks);

#endif							/* ECAPI_RECORD_H */

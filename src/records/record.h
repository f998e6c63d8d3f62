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
} EcapiRequestRow;

extern void ecapi_record_request(EcapiRequestRow *row);
extern void ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at);
extern int	ecapi_record_ticks_after(const EcapiSnapshot *from, int max,
									 EcapiSnapshot **ticks);
extern int	ecapi_record_ticks_before(const EcapiSnapshot *from, TimestampTz before,
									  int max, EcapiSnapshot **ticks);
extern EcapiSnapshot *ecapi_record_tick_over(int slot);

#endif							/* ECAPI_RECORD_H */

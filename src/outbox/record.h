/*
 * record.h
 *	  What the worker writes down: ticks, requests, failed events.
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
} EcapiRequestRow;

/* One event of a destination for ecapi.failed_event. */
typedef struct EcapiFailedRow
{
	const char *destination;
	uint64		xid;
	int64		seq;
	const char *reason;
	int			status;			/* 0: no answer */
	const char *answer;			/* UTF-8 or not; NULL: none */
	int			attempts;
} EcapiFailedRow;

/* Bytes of an answer that failed_event keeps. */
#define ECAPI_ANSWER_KEPT	2048

extern void ecapi_record_request(const EcapiRequestRow *row);
extern void ecapi_record_failed(const EcapiFailedRow *row);
extern void ecapi_record_tick(const EcapiSnapshot *snapshot, TimestampTz at);
extern int	ecapi_record_ticks_after(const EcapiSnapshot *from, int max,
									 EcapiSnapshot **ticks);
extern int	ecapi_record_ticks_before(const EcapiSnapshot *from, TimestampTz before,
									  int max, EcapiSnapshot **ticks);
extern EcapiSnapshot *ecapi_record_tick_over(int slot);

#endif							/* ECAPI_RECORD_H */

/*
 * take_back.h
 *	  What is left to refund of a cancelled event, at each destination.
 */
#ifndef ECAPI_TAKE_BACK_H
#define ECAPI_TAKE_BACK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "event/refund.h"
#include "records/cancellation.h"

/* A destination that the cancelled event was delivered to, and the last such event. */
typedef struct EcapiSold
{
	Oid			server;
	uint64		xid;
	int64		seq;
} EcapiSold;

/* What was found of a cancelled event; lists and texts live in one context. */
typedef struct EcapiTakeBack
{
	const EcapiCancellation *row;
	EcapiOrder	order;			/* of the event; no transaction id: not known */
	List	   *sold;			/* EcapiSold, one for each destination */
	List	   *unanswered;		/* oids of servers that may have it */
	List	   *taken;			/* refunds of it that arrived, or may have */
	bool		too_many;		/* of these, to be kept */
} EcapiTakeBack;

/* Note in the current context: the event (xid, seq) was sent to a server. */
extern void ecapi_take_back_sent(EcapiTakeBack *back, const EcapiSent *sent, uint64 xid,
								 int64 seq);

/* Note in the current context: a refund (xid, seq) of the event was sent to a server. */
extern void ecapi_take_back_taken(EcapiTakeBack *back, const EcapiValue *refund, Oid server,
								  uint64 xid, int64 seq);

/*
 * Append the refunds of what is left, in the current transaction, SPI connected.
 * Returns to how many destinations they go; *gone: the event is not there any more.
 * Raises what SQL raises, and an error when the outbox is full.
 */
extern int	ecapi_take_back(const EcapiTakeBack *back, bool *gone);

#endif							/* ECAPI_TAKE_BACK_H */

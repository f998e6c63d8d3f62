/*
 * receipt.h
 *	  Requests that were accepted, whose outcome is yet to be asked for: ecapi.receipt.
 */
#ifndef ECAPI_RECEIPT_H
#define ECAPI_RECEIPT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "records/seqs.h"

/* Bytes of a receipt; what is longer is none. */
#define ECAPI_RECEIPT_KEPT	256

typedef struct EcapiReceipt
{
	int64		receipt_id;		/* 0: a new one */
	const char *receipt;		/* the platform's name of the request */
	TimestampTz sent_at;
	TimestampTz next_ask;
	int			asks;			/* so far */
	int			nevents;
	uint64	   *xids;			/* of its events, in the order of the request */
	int64	   *seqs;
} EcapiReceipt;

/* What became of a receipt. */
typedef struct EcapiReceiptChange
{
	int64		receipt_id;
	TimestampTz next_ask;		/* 0: it is not asked about again */
	const char *problem;		/* why, where its outcome is not known; NULL: it is */

	/* the events that failed after all, of which the request log says they were delivered */
	int			nlate;
	EcapiSeqs	late;
	TimestampTz sent_at;		/* of the request */
	const char *receipt;
} EcapiReceiptChange;

/* An event of a receipt as the ledger counts it. */
typedef struct EcapiReceiptEvent
{
	char	   *type;			/* NULL: none */
	char	   *currency;		/* NULL: none */
	char	   *value;			/* as JSON has it; NULL: none */
} EcapiReceiptEvent;

/* All functions want a transaction, SPI connected, and raise what SQL raises. */

/* Keep a new receipt of a destination. */
extern void ecapi_receipt_insert(const char *destination, const EcapiReceipt *receipt);

/*
 * Change one of a destination, or delete it when its outcome is known.  In the request log
 * its late events were accepted then, and are not delivered.
 */
extern void ecapi_receipt_change(const char *destination, EcapiReceiptChange *change);

/*
 * The receipt of a destination that has been due longest, in context; false when none is
 * due.  *next is when the next one is, DT_NOEND for never.
 */
extern bool ecapi_receipt_due(const char *destination, TimestampTz now, MemoryContext context,
							  EcapiReceipt *receipt, TimestampTz *next);

/* What the ledger counts of an event of the outbox; nothing of one that has gone. */
extern void ecapi_receipt_event(uint64 xid, int64 seq, EcapiReceiptEvent *event);

/* A destination has another name; a destination is gone. */
extern void ecapi_receipt_rename(const char *from, const char *to);
extern void ecapi_receipt_end(const char *destination);

#endif							/* ECAPI_RECEIPT_H */

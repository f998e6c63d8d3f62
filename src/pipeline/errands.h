/*
 * errands.h
 *	  What a destination has on its way beside its events: tokens (fetch.c) and receipts
 *	  (receipts.c).
 */
#ifndef ECAPI_ERRANDS_H
#define ECAPI_ERRANDS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "destination/judge.h"
#include "destination/outgoing.h"
#include "pipeline/forward.h"
#include "records/receipt.h"

/* An errand of a destination; zeroed, there is none. */
typedef struct EcapiErrand
{
	EcapiCookie cookie;			/* the first member; take is its owner's */
	EcapiDestination *destination;
	MemoryContext context;		/* of its request; NULL: there is none */
	bool		flying;
	EcapiOutgoing outgoing;		/* in context */
} EcapiErrand;

/* The token of a destination; zeroed, there is none. */
typedef struct EcapiFetched
{
	EcapiErrand errand;
	char	   *token;			/* in the destination's context; NULL: none */
	int			serial;			/* of the token, from 1 */
	TimestampTz ends_at;
	TimestampTz renew_at;		/* when the next one is fetched, while this one is used */
	int64		options_hash;	/* of the options that it was fetched with */
	uint64		stamp;			/* of the credential files */
	bool		renewed;		/* it replaced one that was refused, and nothing passed since */
} EcapiFetched;

/* How far a receipt is. */
typedef enum EcapiAsking
{
	ECAPI_ASKING_NOT,			/* none is in memory */
	ECAPI_ASKING_READ,			/* it is to be asked about */
	ECAPI_ASKING_SENT,			/* the question is on its way */
	ECAPI_ASKING_TOLD,			/* events are named that are yet to be looked up */
	ECAPI_ASKING_NOTED			/* what became of it is to be recorded */
} EcapiAsking;

/* What a destination has to ask; zeroed, that is not known. */
typedef struct EcapiReceipts
{
	EcapiErrand errand;
	EcapiAsking asking;
	MemoryContext context;		/* of current and judgement; NULL: none */
	EcapiReceipt current;
	EcapiJudgement judgement;
	int			token_serial;	/* of the fetched token that it was asked with */
	TimestampTz due;			/* when to look for the next one; DT_NOEND: never */
} EcapiReceipts;

#endif							/* ECAPI_ERRANDS_H */

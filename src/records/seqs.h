/*
 * seqs.h
 *	  A set of events, by their seq: what a row of the request log carries.
 */
#ifndef ECAPI_SEQS_H
#define ECAPI_SEQS_H

#include "postgres.h"

/* From first to last, both inside. */
typedef struct EcapiSeqRange
{
	int64		first;
	int64		last;
} EcapiSeqRange;

typedef struct EcapiSeqs
{
	MemoryContext context;		/* of ranges */
	int			nranges;
	int			size;			/* room in ranges */
	EcapiSeqRange *ranges;		/* in no order, until it is read */
} EcapiSeqs;

/* An empty set, whose memory grows in context and is never freed singly. */
extern void ecapi_seqs_init(EcapiSeqs *seqs, MemoryContext context);

/* Add an event; raises nothing but out of memory. */
extern void ecapi_seqs_add(EcapiSeqs *seqs, int64 seq);

/* Add all events of another set.  Raises nothing but out of memory. */
extern void ecapi_seqs_add_all(EcapiSeqs *seqs, const EcapiSeqs *more);

/* The set as an int8multirange, palloc'd. */
extern Datum ecapi_seqs_datum(EcapiSeqs *seqs);

#endif							/* ECAPI_SEQS_H */

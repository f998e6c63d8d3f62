/*
 * original.h
 *	  What became at a destination of events that are amended.
 */
#ifndef ECAPI_ORIGINAL_H
#define ECAPI_ORIGINAL_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct EcapiOriginalState
{
	bool		delivered;		/* by any feed */
	TimestampTz next_try;		/* it failed, and is tried again then; 0: it is not */
} EcapiOriginalState;

/*
 * The same for n events, by their seq, as far as the request log and failed_event say it,
 * of a destination with that server and name.  Read-only; in a transaction with an active
 * snapshot, SPI connected; raises what SQL raises.
 */
extern void ecapi_original_load(Oid server, const char *destination, const int64 *seqs, int n,
								EcapiOriginalState *states);

#endif							/* ECAPI_ORIGINAL_H */

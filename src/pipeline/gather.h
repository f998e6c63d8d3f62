/*
 * gather.h
 *	  From events that were read to batches.
 */
#ifndef ECAPI_GATHER_H
#define ECAPI_GATHER_H

#include "postgres.h"

#include "pipeline/batch.h"
#include "pipeline/forward.h"

/*
 * A batch could not be sent, or shall be sent again: first of its feed.  Takes it
 * over.
 */
extern void ecapi_batch_hold(EcapiBatch *batch);

/*
 * Gather a new batch from what a feed holds, shaped.  NULL when there is nothing
 * to send; then what was filtered or failed on the way is disposed of.  NULL, too,
 * when memory ran out: then the destination waits.
 */
extern EcapiBatch *ecapi_gather(EcapiFeed *feed);

/*
 * Shape a batch again that was sent before.  Options may have changed and
 * time has passed since, so some of its events may be filtered now.  False
 * when none is left; the batch is freed then.  False, too, when memory ran out: then
 * what was not shaped is held, and the destination waits.
 */
extern bool ecapi_gather_again(EcapiBatch *batch);

#endif							/* ECAPI_GATHER_H */

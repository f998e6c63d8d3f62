/*
 * gather.h
 *	  From events in hand to batches.
 */
#ifndef ECAPI_GATHER_H
#define ECAPI_GATHER_H

#include "postgres.h"

#include "pipeline/batch.h"
#include "pipeline/forward.h"

extern void ecapi_batch_hold(EcapiBatch *batch);
extern EcapiBatch *ecapi_gather(EcapiFeed *feed);
extern bool ecapi_gather_again(EcapiBatch *batch);

#endif							/* ECAPI_GATHER_H */

/*
 * pipeline.h
 *	  Sending batches, and from answers to outcomes.
 */
#ifndef ECAPI_PIPELINE_H
#define ECAPI_PIPELINE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

/*
 * Send what a destination may send now.  Returns the milliseconds until it
 * wants to be looked at again, or -1 for when something happens.
 */
extern long ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now);

/* Take all answers that have come in. */
extern void ecapi_pipeline_answers(void);

/*
 * Note the requests that are on their way: this process ends and takes no answer any more,
 * but they may have arrived.
 */
extern void ecapi_pipeline_unanswered(void);

#endif							/* ECAPI_PIPELINE_H */

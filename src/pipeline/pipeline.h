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

#endif							/* ECAPI_PIPELINE_H */

/*
 * pipeline.h
 *	  Sending batches, and from answers to outcomes.
 */
#ifndef ECAPI_PIPELINE_H
#define ECAPI_PIPELINE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

extern long ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now);
extern void ecapi_pipeline_answers(void);

#endif							/* ECAPI_PIPELINE_H */

/*
 * bisect.h
 *	  Finding the events at fault in a rejected request.
 */
#ifndef ECAPI_BISECT_H
#define ECAPI_BISECT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "pipeline/forward.h"
#include "pipeline/batch.h"

#define ECAPI_FAILS_MAX	5
extern bool ecapi_bisect_failing(EcapiBatch *batch, const EcapiAnswer *answer);
extern void ecapi_bisect_rejected(EcapiBatch *batch, const EcapiAnswer *answer,
								   bool too_large);
extern void ecapi_bisect_passed(EcapiBatch *batch);
extern long ecapi_bisect_quiet(EcapiDestination *destination, TimestampTz now);

#endif							/* ECAPI_BISECT_H */

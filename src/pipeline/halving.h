/*
 * halving.h
 *	  Finding the events at fault in a rejected request.
 */
#ifndef ECAPI_HALVING_H
#define ECAPI_HALVING_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "pipeline/forward.h"
#include "pipeline/gather.h"

#define ECAPI_FAILS_MAX	5
extern bool ecapi_halving_failing(EcapiBatch *batch, const EcapiAnswer *answer);
extern void ecapi_halving_rejected(EcapiBatch *batch, const EcapiAnswer *answer,
								   bool too_large);
extern void ecapi_halving_passed(EcapiBatch *batch);
extern long ecapi_halving_quiet(EcapiDestination *destination, TimestampTz now);

#endif							/* ECAPI_HALVING_H */

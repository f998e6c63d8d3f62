/*
 * observe.h
 *	  What statistics are told of requests, destinations and the worker.
 */
#ifndef ECAPI_OBSERVE_H
#define ECAPI_OBSERVE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "destination/judge.h"
#include "pipeline/forward.h"

/* A batch that has its request yet was answered so. */
extern void ecapi_observe_answer(EcapiBatch *batch, const EcapiAnswer *answer,
								 const EcapiJudgement *judgement);

/* A turn ends: the state of each destination, and what is in memory. */
extern void ecapi_observe_turn(TimestampTz now);

#endif							/* ECAPI_OBSERVE_H */

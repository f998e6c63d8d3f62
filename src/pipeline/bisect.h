/*
 * bisect.h
 *	  Finding the events at fault in a rejected request.
 */
#ifndef ECAPI_BISECT_H
#define ECAPI_BISECT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "destination/judge.h"
#include "pipeline/forward.h"
#include "pipeline/batch.h"

/* Failures of a batch in a row after which it is halved. */
#define ECAPI_FAILS_MAX	5

/* A batch was rejected; too_large: for its size.  Takes it over. */
extern void ecapi_bisect_rejected(EcapiBatch *batch, const EcapiAnswer *answer,
								   bool too_large);

/*
 * An answer names events of a batch (destination/judge.h).  Those that it names go their
 * way.  Of a request that was rejected the rest is ready again, without an attempt
 * counted, and NULL is returned; of one that was delivered the rest is returned, or
 * NULL when nothing is left.
 */
extern EcapiBatch *ecapi_bisect_named(EcapiBatch *batch, const EcapiAnswer *answer,
									  const EcapiJudgement *judgement);

/*
 * A request failed, or its destination is at fault, but the events that the answer names were
 * taken all the same: they are delivered, and judgement names nothing any more.  Returns the
 * batch with the rest, or NULL when nothing is left.
 */
extern EcapiBatch *ecapi_bisect_taken(EcapiBatch *batch, const EcapiAnswer *answer,
									  EcapiJudgement *judgement);

/*
 * A request failed, and events of it may have arrived that must not be sent twice: they go
 * to failed_event, dead.  Returns the batch with the rest, or NULL when nothing is left.
 */
extern EcapiBatch *ecapi_bisect_unsure(EcapiBatch *batch, const EcapiAnswer *answer,
									   const EcapiJudgement *judgement);

/*
 * The receiver failed on a batch, in a way that an event may have caused.  True
 * when the batch is taken over; else the caller keeps it.
 */
extern bool ecapi_bisect_failing(EcapiBatch *batch, const EcapiAnswer *answer);

/* A batch passed: suspects are at fault, and so is what is left of its root. */
extern void ecapi_bisect_passed(EcapiBatch *batch);

/*
 * Nothing is left to send, and no request is on its way: decide on suspects.  Returns
 * the milliseconds until it is time to, or -1 when nothing is left to decide.
 */
extern long ecapi_bisect_quiet(EcapiDestination *destination, TimestampTz now);

#endif							/* ECAPI_BISECT_H */

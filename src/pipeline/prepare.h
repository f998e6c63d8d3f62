/*
 * prepare.h
 *	  Between reading and sending: users' SQL, for destinations that have some.
 */
#ifndef ECAPI_PREPARE_H
#define ECAPI_PREPARE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/value.h"
#include "pipeline/forward.h"

/* Reasons of events that users' SQL fails on. */
#define ECAPI_REASON_ENRICH		"enrichment failed"
#define ECAPI_REASON_REFUSED	"patch refused"
#define ECAPI_REASON_FILTER_FAILED "filter failed"

/*
 * Why a destination does not take an event, whatever users' SQL says: a constant; NULL:
 * it may take it.  now is in seconds since 1970.
 */
extern const char *ecapi_prepare_select(const EcapiDestination *destination,
										const EcapiValue *tree, int type, int64 now);

/*
 * Has a feed something that can be sent as far as users' SQL goes: its next batch,
 * or its next event?
 */
extern bool ecapi_prepare_can_send(EcapiFeed *feed);

/* Move on calls that are on their way, in every turn, whatever else it may do. */
extern void ecapi_prepare_move(long *wait_ms);

/*
 * Prepare what was read, as far as it goes without waiting; the latch is set, or *wait_ms
 * lowered to, when there is more to do.  Outside of a transaction.
 */
extern void ecapi_prepare_step(TimestampTz now, long *wait_ms);

/*
 * The options of a destination have changed, or are gone: what was read is to be
 * prepared again.
 */
extern void ecapi_prepare_reset(EcapiDestination *destination);

/* An operator wants users' SQL to be tried at once. */
extern void ecapi_prepare_resume(EcapiDestination *destination);

/* Functions or roles have changed: a destination that waits for them tries at once. */
extern void ecapi_prepare_nudge(void);

#endif							/* ECAPI_PREPARE_H */

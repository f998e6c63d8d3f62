/*
 * failed_feed.h
 *	  The feed of failed events.
 */
#ifndef ECAPI_FAILED_FEED_H
#define ECAPI_FAILED_FEED_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "pipeline/forward.h"
#include "pipeline/batch.h"

#define ECAPI_REASON_REJECTED	"rejected by the receiver"
#define ECAPI_REASON_TOO_LARGE	"too large for the receiver"
#define ECAPI_REASON_FAILS		"the receiver fails on it"
extern void ecapi_failed_look_at_all(EcapiDestination *destination);
extern void ecapi_failed_look_again(EcapiDestination *destination);
extern bool ecapi_failed_wanted(EcapiDestination *destination, TimestampTz now);
extern void ecapi_failed_read(EcapiDestination *destination, TimestampTz now);
extern long ecapi_failed_wait_ms(EcapiDestination *destination, TimestampTz now);
extern void ecapi_failed_again(EcapiBatch *batch, const char *reason,
							   const EcapiAnswer *answer, bool retry);
extern void ecapi_failed_put_down(EcapiBatch *batch);

#endif							/* ECAPI_FAILED_FEED_H */

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
#define ECAPI_REASON_LATER		"the receiver takes it later"
#define ECAPI_REASON_UNSURE		"may have arrived"

/* Whether it is time to look for failed events that are due. */
extern bool ecapi_failed_wanted(EcapiDestination *destination, TimestampTz now);

/* The milliseconds until it is; -1: not before something else happens. */
extern long ecapi_failed_wait_ms(EcapiDestination *destination, TimestampTz now);

/* Look at once at all of them. */
extern void ecapi_failed_look_at_all(EcapiDestination *destination);

/* Look at once; if a look at all of them was wanted, it is one. */
extern void ecapi_failed_look_again(EcapiDestination *destination);

/*
 * Read failed events that are due.  In a transaction with an active snapshot, SPI
 * connected; raises what SQL raises.
 */
extern void ecapi_failed_read(EcapiDestination *destination, TimestampTz now);

/*
 * The events of a batch of this feed failed again; retry: another try makes
 * sense.  Takes the batch over.
 */
extern void ecapi_failed_again(EcapiBatch *batch, const char *reason,
							   const EcapiAnswer *answer, bool retry);

/*
 * Leave the rows of a batch of this feed as they are, to be read again.  Takes the batch
 * over.
 */
extern void ecapi_failed_put_back(EcapiBatch *batch);

#endif							/* ECAPI_FAILED_FEED_H */

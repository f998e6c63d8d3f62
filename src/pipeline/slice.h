/*
 * slice.h
 *	  What a feed has in hand, and the fate of each of its events.
 */
#ifndef ECAPI_SLICE_H
#define ECAPI_SLICE_H

#include "postgres.h"

#include "delivery/request.h"
#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"

extern void ecapi_feed_init(EcapiFeed *feed, EcapiFeedKind kind,
							EcapiDestination *destination);
extern void ecapi_feed_begin(EcapiFeed *feed, const EcapiSnapshot *from,
							 const EcapiSnapshot *to, EcapiPosition position);
extern bool ecapi_feed_wants(EcapiFeed *feed);
extern bool ecapi_feed_in_order(EcapiFeed *feed);
extern void ecapi_feed_drop(EcapiFeed *feed);
extern void ecapi_slice_add(EcapiFeed *feed, EcapiPage *page, bool may_pass);
extern void ecapi_feed_put_back(EcapiFeed *feed);
extern void ecapi_slice_dispose(EcapiItem item, EcapiOutcome outcome,
								  const char *reason);
extern void ecapi_slice_advance(EcapiFeed *feed);
extern void ecapi_slice_delivered(EcapiItem item);
extern void ecapi_slice_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
							   int attempts, bool retry);
extern void ecapi_slice_refused(EcapiItem item, const char *reason, const char *problem,
								bool retry);

#endif							/* ECAPI_SLICE_H */

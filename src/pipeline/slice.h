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

/* An empty feed, which stands nowhere yet. */
extern void ecapi_feed_init(EcapiFeed *feed, EcapiFeedKind kind,
							EcapiDestination *destination);

/* A feed without slices begins at a place of the outbox; to is NULL between windows. */
extern void ecapi_feed_begin(EcapiFeed *feed, const EcapiSnapshot *from,
							 const EcapiSnapshot *to, EcapiPosition position);

/* Does a feed want more events in hand? */
extern bool ecapi_feed_wants(EcapiFeed *feed);

/* Is nothing disposed of behind the disposed prefix? */
extern bool ecapi_feed_in_order(EcapiFeed *feed);

/* Put down what is in hand; no batch may point there any more. */
extern void ecapi_feed_drop(EcapiFeed *feed);

/*
 * Hand a page, read at feed->read, to the feed.  Takes over the caller's
 * reference.  may_pass: the destination's options are those of this moment, so a
 * page that holds nothing for it may be passed over.
 *
 * The feed's place moves only when the slice is there: an error must not leave
 * the page behind it, where nobody would read it again.
 */
extern void ecapi_slice_add(EcapiFeed *feed, EcapiPage *page, bool may_pass);

/*
 * Put back the pages at the end that nothing was taken from, to be read again:
 * what they hold for the destination has changed.
 */
extern void ecapi_feed_put_back(EcapiFeed *feed);

/*
 * An event was delivered, filtered or failed.  Advance afterwards.  reason is
 * a constant or NULL.
 */
extern void ecapi_slice_dispose(EcapiItem item, EcapiOutcome outcome,
								  const char *reason);

/* An event was delivered. */
extern void ecapi_slice_delivered(EcapiItem item);

/*
 * An event failed: it is copied to failed_event, or its row there is changed.  reason is
 * a constant; attempts is how often it was sent just now; retry: another try makes
 * sense, else it is dead.
 */
extern void ecapi_slice_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
							   int attempts, bool retry);

/*
 * The same for one that users' SQL has failed on: reason is the constant it is
 * counted by, problem what its row says.
 */
extern void ecapi_slice_refused(EcapiItem item, const char *reason, const char *problem,
								bool retry);

/*
 * Move a feed's place over what is disposed of.  Items of slices that end here
 * are no longer valid.
 */
extern void ecapi_slice_advance(EcapiFeed *feed);

#endif							/* ECAPI_SLICE_H */

/*
 * slice.h
 *	  What a feed holds, and the fate of each of its events.
 */
#ifndef ECAPI_SLICE_H
#define ECAPI_SLICE_H

#include "postgres.h"

#include "delivery/request.h"
#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/batch.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"

/* An empty feed, which stands nowhere yet. */
extern void ecapi_feed_init(EcapiFeed *feed, EcapiFeedKind kind,
							EcapiDestination *destination);

/* A feed without slices begins at a place of the outbox; to is NULL between windows. */
extern void ecapi_feed_begin(EcapiFeed *feed, const EcapiSnapshot *from,
							 const EcapiSnapshot *to, EcapiPosition position);

/* Whether a destination can send something that says more about a receiver than a failed event. */
extern bool ecapi_feed_can_probe(EcapiDestination *destination);

/* Whether no event behind the disposed prefix is disposed of. */
extern bool ecapi_feed_in_order(EcapiFeed *feed);

/*
 * Whether a destination that another worker is to have sends nothing more, because nothing
 * behind its cursor is disposed of.  Until then it sends what it has read.
 */
extern bool ecapi_destination_rests(EcapiDestination *destination);

/* Drop all slices; no batch may point to their events any more. */
extern void ecapi_feed_drop(EcapiFeed *feed);

/*
 * Add a page that was read at feed->read to the feed.  Takes over the caller's
 * reference.  may_pass: the destination's options are current, so a page that holds
 * nothing for it may be passed over.  Raises what SQL raises; then the page is dropped and
 * the feed is as it was.
 */
extern void ecapi_slice_add(EcapiFeed *feed, EcapiPage *page, bool may_pass);

/*
 * Drop the slices at the end that nothing was taken from, so that their pages are read
 * again: what they hold for the destination has changed.
 */
extern void ecapi_feed_put_back(EcapiFeed *feed);

/*
 * Dispose of an event: it is as outcome says, for a reason that is a constant, or NULL.
 * The caller advances the feed afterwards.
 */
extern void ecapi_slice_dispose(EcapiItem item, EcapiOutcome outcome,
								  const char *reason);

/* Dispose of an event that was delivered, with why it was in the restricted mode. */
extern void ecapi_slice_delivered(EcapiItem item);

/* Dispose of an event whose person has withdrawn consent; a failed one is none any more. */
extern void ecapi_slice_withdrawn(EcapiItem item);

/*
 * Dispose of an event that failed: it is copied to failed_event, or its row there is
 * changed.  reason is a constant; attempts is how often it was sent just now; retry:
 * another try makes sense, else it is dead.
 */
extern void ecapi_slice_failed(EcapiItem item, const char *reason, const EcapiAnswer *answer,
							   int attempts, bool retry);

/* The same for an event that the receiver takes later: not before wait_s seconds. */
extern void ecapi_slice_put_off(EcapiItem item, const char *reason, const EcapiAnswer *answer,
								int attempts, int wait_s);

/* A batch is over, its events disposed of: free it and advance its feed. */
extern void ecapi_slice_end_batch(EcapiBatch *batch);

/*
 * Dispose of all events of a batch, of those in shadow mode with why they were restricted;
 * it is over.
 */
extern void ecapi_slice_dispose_batch(EcapiBatch *batch, EcapiOutcome outcome);

/*
 * Dispose of an event on which users' SQL has failed: reason is the constant under
 * which it is counted, problem the text of its row.
 */
extern void ecapi_slice_refused(EcapiItem item, const char *reason, const char *problem,
								bool retry);

/*
 * Move a feed's place over what is disposed of.  Slices that have ended are freed, and
 * items of theirs are no longer valid.
 */
extern void ecapi_slice_advance(EcapiFeed *feed);

#endif							/* ECAPI_SLICE_H */

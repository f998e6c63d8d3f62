/*
 * repeats.h
 *	  When events were sent before.
 */
#ifndef ECAPI_REPEATS_H
#define ECAPI_REPEATS_H

#include "postgres.h"

#include "pipeline/batch.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"

/*
 * A feed is about to read events again that it held, or that an earlier process held: of
 * those that have been emitted so far, the log is asked.
 */
extern void ecapi_repeats_expect(EcapiFeed *feed);

/*
 * When the events of a page that a feed reads were first sent to its destination, in the
 * destination's context; NULL: none was, or the platform knows repeats for ever.  In a
 * transaction with an active snapshot, SPI connected; raises what SQL raises.
 */
extern EcapiFirstSent *ecapi_repeats_find(EcapiFeed *feed, const EcapiPage *page);

/* The events of a batch, sent at batch->sent_at, may have arrived. */
extern void ecapi_repeats_note(EcapiBatch *batch);

/* Failed events are put back as they were, but for when they were first sent. */
extern void ecapi_repeats_keep(EcapiBatch *batch);

#endif							/* ECAPI_REPEATS_H */

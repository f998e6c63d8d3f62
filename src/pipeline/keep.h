/*
 * keep.h
 *	  Which pages stay in memory, and which of them keep their trees.
 */
#ifndef ECAPI_KEEP_H
#define ECAPI_KEEP_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

/*
 * Give a reference back, of a page or a summary.  A page that a destination will read soon
 * stays without any.
 */
extern void ecapi_keep_drop(EcapiPage *page);

/*
 * At the end of a turn: free pages and trees that no destination is about to need, or that
 * are too many.
 */
extern void ecapi_keep_end_turn(void);

/*
 * Free pages that no slice holds, those that will be read last first, until that many
 * bytes are free.
 */
extern void ecapi_keep_free(size_t bytes);

/* Whether a destination that goes on at its own speed is behind the place of a feed. */
extern bool ecapi_keep_is_ahead(const EcapiFeed *feed, TimestampTz now);

/*
 * Whether a destination with the same enrichments is about to read a full page that ends
 * where a feed stands.  The feed waits a moment for it, so that they go on together and
 * share what is enriched.
 */
extern bool ecapi_keep_awaits(const EcapiFeed *feed);

#endif							/* ECAPI_KEEP_H */

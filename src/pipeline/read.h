/*
 * read.h
 *	  Reading pages for the feeds of destinations.
 */
#ifndef ECAPI_READ_H
#define ECAPI_READ_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

/*
 * Note the leaders of this turn: feeds that hold events and will read on, so
 * that others that stand where they will read next need not read by themselves.
 */
extern void ecapi_read_begin(void);

/*
 * Whether a feed wants to read, has room, and has not read all there is.  A new
 * destination may stand beyond the live tick, until the next one is taken.
 */
extern bool ecapi_read_may(EcapiFeed *feed, TimestampTz now);

/*
 * The milliseconds until a feed may read that cannot read now: it waits for others, or
 * for its delay.  -1: not before something else happens.
 */
extern long ecapi_read_wait_ms(EcapiFeed *feed, TimestampTz now);

/*
 * Read for all feeds, page by page, so that those that stand together share what is
 * read.  *stale turns true when options have changed.  Raises what SQL raises.
 */
extern void ecapi_read_pages(TimestampTz now, const bool *stale);

/* Whether a destination has a delay. */
extern bool ecapi_read_delays(void);

#endif							/* ECAPI_READ_H */

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
 * Feeds that have events in hand and will read on: others that stand where they
 * will read next need not read by themselves.
 */
extern void ecapi_read_begin(void);

/*
 * Does a feed want to read, has it room, and is there something it has not read?  A new
 * destination may stand beyond the live tick, until the next is taken.
 */
extern bool ecapi_read_may(EcapiFeed *feed, TimestampTz now);

/*
 * Milliseconds until a feed wants to be looked at that cannot read now but may then:
 * it waits for others, or for its delay.  -1: something else will tell.
 */
extern long ecapi_read_wait_ms(EcapiFeed *feed, TimestampTz now);

/*
 * Fill the hands of all feeds, page by page, so that those who stand together
 * share what is read.  *stale turns true when options have changed.
 */
extern void ecapi_read_pages(TimestampTz now, const bool *stale);

extern bool ecapi_read_delays(void);

#endif							/* ECAPI_READ_H */

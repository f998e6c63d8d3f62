/*
 * read.h
 *	  Reading pages for the feeds of destinations.
 */
#ifndef ECAPI_READ_H
#define ECAPI_READ_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

extern void ecapi_read_begin(void);
extern bool ecapi_read_may(EcapiFeed *feed, TimestampTz now);
extern long ecapi_read_wait_ms(EcapiFeed *feed, TimestampTz now);
extern void ecapi_read_pages(TimestampTz now, const bool *stale);
extern bool ecapi_read_delays(void);

#endif							/* ECAPI_READ_H */

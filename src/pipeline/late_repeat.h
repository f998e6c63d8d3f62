/*
 * late_repeat.h
 *	  Repeats that come too late.
 */
#ifndef ECAPI_LATE_REPEAT_H
#define ECAPI_LATE_REPEAT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "foreign/foreign.h"
#include "pgtime.h"

#include "pipeline/feed.h"

/* Which are, now, for those who ask for repeats. */
typedef struct EcapiRepeats
{
	const char *format;			/* its name, constant */
	int			hours;			/* for which the platform recognises a repeat */
	const char *at_most;		/* " at most" where it depends on the event, else "" */
	TimestampTz from;			/* a repeat of what was sent before comes too late now, or may */
	bool		allowed;		/* it is sent all the same: allow_late_repeat */
} EcapiRepeats;

/* False when repeats never come too late, or the destination's options cannot be used. */
extern bool ecapi_repeats_of(const ForeignServer *server, EcapiRepeats *repeats);

/*
 * Dispose of an event, of that tree, whose repeat would come too late; false: it may be sent.  now is
 * in seconds since 1970.
 */
extern bool ecapi_late_repeat_hold_back(EcapiItem item, const EcapiValue *tree, pg_time_t now);

#endif							/* ECAPI_LATE_REPEAT_H */

/*
 * instant.h
 *	  An event's timestamp as text.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_INSTANT_H
#define ECAPI_INSTANT_H

#include "event/value.h"

/* "2026-11-27T12:00:00Z" and the NUL. */
#define ECAPI_INSTANT_SIZE	21

/*
 * A timestamp (a number of seconds since 1970) by RFC 3339, in UTC, whole seconds
 * rounded down.  False for what is no number from 0 to the end of the year 9999.
 */
extern bool ecapi_instant_text(const EcapiValue *timestamp, char text[ECAPI_INSTANT_SIZE]);

#endif							/* ECAPI_INSTANT_H */

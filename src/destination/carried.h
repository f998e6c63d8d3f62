/*
 * carried.h
 *	  What of events a format carries to its platform, and so what it drops.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_CARRIED_H
#define ECAPI_CARRIED_H

#include "destination/format.h"
#include "event/field_set.h"

/*
 * The fields that a destination with these options carries, see carries and carries_by of
 * EcapiFormat.  It looks up every path: keep the result as long as the options.
 */
extern EcapiFieldSet ecapi_carried(const EcapiFormat *format, const EcapiOptions *options);

#endif							/* ECAPI_CARRIED_H */

/*
 * affected.h
 *	  Tracks that DDL affects: it is refused where it breaks one, or a warning is given.
 */
#ifndef ECAPI_AFFECTED_H
#define ECAPI_AFFECTED_H

#include "postgres.h"

#include "tracking/before.h"
#include "tracking/need.h"

typedef void (*EcapiAffectedFollower) (const EcapiDeclared *declared, EcapiTrack *track,
								   EcapiBefore *before, const EcapiChange *change, void *arg);

/*
 * Call follower for all tracks that this command found valid or broken, that mention
 * what changed, and that are still there.  What follower allocates goes with its call.
 */
extern void ecapi_affected_each(const EcapiChange *change, EcapiAffectedFollower follower, void *arg);

/*
 * Raise an error if a track, as it reads after the change, was valid before and no
 * longer compiles.  Warns where that could not be found out.
 */
extern void ecapi_affected_refuse(const EcapiDeclared *declared, const EcapiTrack *track,
							  EcapiBefore *before, const EcapiChange *change);

/* Warn, once for a command, that a track was not looked after; problem follows "It was". */
extern void ecapi_affected_warn(const EcapiDeclared *declared, EcapiBefore *before,
							const char *problem);

/* Something went away or became something else: raise an error if a track misses it. */
extern void ecapi_affected_look(const EcapiChange *change);

#endif							/* ECAPI_AFFECTED_H */

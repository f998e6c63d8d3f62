/*
 * give_up.h
 *	  Giving up what a destination does not take.
 */
#ifndef ECAPI_GIVE_UP_H
#define ECAPI_GIVE_UP_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

extern void ecapi_give_up_plan(TimestampTz now, bool pressed);
extern bool ecapi_give_up_step(EcapiDestination *destination);

#endif							/* ECAPI_GIVE_UP_H */

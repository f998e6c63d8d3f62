/*
 * give_up.h
 *	  Giving up what a destination does not take.
 */
#ifndef ECAPI_GIVE_UP_H
#define ECAPI_GIVE_UP_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"

/*
 * Decide what must be given up now.  near_limit: the outbox is near its limit and
 * no slot of it can be emptied.  Raises what SQL raises.
 */
extern void ecapi_give_up_plan(TimestampTz now, bool near_limit);

/*
 * Give up the next part of what a destination must.  True when there is more,
 * and it can be done at once.
 */
extern bool ecapi_give_up_step(EcapiDestination *destination);

#endif							/* ECAPI_GIVE_UP_H */

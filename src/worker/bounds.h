/*
 * bounds.h
 *	  Keeping the ring within its limits.
 */
#ifndef ECAPI_BOUNDS_H
#define ECAPI_BOUNDS_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Settings may have changed: look at once. */
extern void ecapi_bounds_changed(void);

/*
 * Rotate the ring and make room in it, when it is time to, in transactions of its own.
 * Returns the milliseconds until there is more to do, or -1.  Raises what SQL raises.
 */
extern long ecapi_bounds_keep(TimestampTz now);

#endif							/* ECAPI_BOUNDS_H */

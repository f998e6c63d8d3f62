/*
 * lost_fields.h
 *	  What events lose because their destination has no name for it.
 */
#ifndef ECAPI_LOST_FIELDS_H
#define ECAPI_LOST_FIELDS_H

#include "event/value.h"
#include "pipeline/feed.h"

/*
 * Count the fields that an event has and its destination does not carry.  seen is the
 * tree that the format was given: what options have taken out before is not counted.
 * Raises nothing.
 */
extern void ecapi_count_lost_fields(EcapiItem item, const EcapiValue *seen);

#endif							/* ECAPI_LOST_FIELDS_H */

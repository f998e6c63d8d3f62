/*
 * cancel.h
 *	  What has left before it was cancelled is taken back.
 */
#ifndef ECAPI_CANCEL_H
#define ECAPI_CANCEL_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * A step of what is to be done about cancellations: at most a page of the outbox
 * read, or a few rows written, in a transaction of its own; at the end of a turn.
 * Returns the milliseconds until the next, -1 for when something happens.  Raises
 * what SQL raises; then it starts again after a while.
 */
extern long ecapi_cancel_step(TimestampTz now);

#endif							/* ECAPI_CANCEL_H */

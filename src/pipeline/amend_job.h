/*
 * amend_job.h
 *	  Making the events that say what others are worth now.
 */
#ifndef ECAPI_AMEND_JOB_H
#define ECAPI_AMEND_JOB_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * A step of what is to be done about amendments: at most a page of the outbox read, or a
 * few events appended, in a transaction of its own; at the end of a turn.  Returns the
 * milliseconds until the next, -1 for when something happens.  Raises what SQL raises;
 * then it starts again after a while.
 */
extern long ecapi_amend_step(TimestampTz now);

#endif							/* ECAPI_AMEND_JOB_H */

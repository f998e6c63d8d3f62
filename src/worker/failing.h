/*
 * failing.h
 *	  What the log and ecapi.worker() say of a worker that cannot go on.
 */
#ifndef ECAPI_FAILING_H
#define ECAPI_FAILING_H

#include "postgres.h"

/* A turn failed: log it with its SQLSTATE, at once and then each minute, and show it. */
extern void ecapi_failing_say(const ErrorData *error);

/*
 * A turn went well: what was shown of the one before is over.  Shown instead is a wait for
 * standbys, where there is one.  failed: that one failed.
 */
extern void ecapi_failing_over(bool failed);

#endif							/* ECAPI_FAILING_H */

/*
 * subtransaction.h
 *	  Running a function in a subtransaction, and its error as a value.
 */
#ifndef ECAPI_SUBTRANSACTION_H
#define ECAPI_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Run body(arg) in a subtransaction, in the current memory context.  Returns NULL
 * when it returned: the subtransaction is released with keep, else rolled back.
 * Returns the error that it raised, in the current context, after the subtransaction
 * was rolled back; ReThrowError() raises it again.  What body allocates in the
 * current context survives in any case.  Raises an error in parallel mode, and when
 * a transaction has had 2^32 subtransactions.
 */
extern ErrorData *ecapi_subtransaction(void (*body) (void *arg), void *arg, bool keep);

#endif							/* ECAPI_SUBTRANSACTION_H */

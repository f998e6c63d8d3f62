/*
 * control.h
 *	  What a fit of src/model is given by the server: memory, and when to stop.
 */
#ifndef ECAPI_CONTROL_H
#define ECAPI_CONTROL_H

#include "postgres.h"

#include "model/fit.h"

/*
 * A control whose memory is a context's, which gives NULL where there is none, and which
 * stops when the statement is cancelled or the session ended.  Such a fit is over at the
 * next evaluation; then the caller calls ecapi_control_check().
 */
extern EcapiFitControl ecapi_control(MemoryContext context);

/*
 * After a fit, and now and then in loops over customers: raises the cancellation that is
 * pending; stopped: raises one in any case, for a fit that was stopped has no result.
 */
extern void ecapi_control_check(bool stopped);

/* Memory of n elements, zeroed, of any size, in the current context; raises out of memory. */
extern void *ecapi_control_array(size_t n, size_t size);

/* Customers between two looks at interrupts: less than a millisecond of work. */
#define ECAPI_CONTROL_EVERY	1024

#endif							/* ECAPI_CONTROL_H */

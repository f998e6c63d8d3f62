/*
 * control.c
 *	  What a fit of src/model is given by the server: memory, and when to stop.
 *
 * The optimizer holds memory of malloc, so no error may leave through it: stop() looks at
 * flags alone, and memory that is not there is NULL.  What is pending is raised behind it.
 *
 * No state and no locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "predict/control.h"

static bool
stop(void *arg)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

static void *
grab(void *arg, size_t bytes)
{
	return MemoryContextAllocExtended(arg, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

EcapiFitControl
ecapi_control(MemoryContext context)
{
	EcapiFitControl control = {stop, context, grab};

	return control;
}

void
ecapi_control_check(bool stopped)
{
	CHECK_FOR_INTERRUPTS();
	if (stopped)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement due to user request")));
}

void *
ecapi_control_array(size_t n, size_t size)
{
	if (n > MaxAllocHugeSize / size)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers")));
	return MemoryContextAllocExtended(CurrentMemoryContext, Max(n, 1) * size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * hold.c
 *	  What is kept for as long as a memory context of somebody's lives.
 *
 * A program or a tree that was replaced may still be in use, further out in the same
 * session.  Its user needs it no longer than the memory that was current when it was
 * given out, so that memory says when it is free: no caller has to give anything back,
 * and an error cannot skip it.  Nothing is freed here: a reset of memory, which may be
 * that of an abort, only counts.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/hold.h"

static void
let_go(void *arg)
{
	int		   *holders = arg;

	Assert(*holders > 0);
	(*holders)--;
}

void
ecapi_hold(int *holders)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = let_go;
	callback->arg = holders;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	(*holders)++;
}

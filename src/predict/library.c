/*
 * library.c
 *	  Entry of ecapi_model.so, the library of predictions.
 *
 * It is loaded by the functions that learn from history, in the session that calls them,
 * and by nothing else: the preloaded library links neither it nor the optimizer.  It has
 * no settings, no hooks and no shared memory; what it needs of the extension it asks for
 * in SQL, as its caller.  Of src/base it has objects of its own, which keep no state, so
 * that it works in a session that has not loaded the other library.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

/*
 * subtransaction.h
 *	  Subtransactions of ours, and running a function in one, its error as a value.
 */
#ifndef ECAPI_SUBTRANSACTION_H
#define ECAPI_SUBTRANSACTION_H

#include "postgres.h"

#include "utils/resowner.h"

/* What was current before a subtransaction. */
typedef struct EcapiSubtransaction
{
	MemoryContext context;
	ResourceOwner owner;
	bool		nested;			/* it has another one around it: see subtransaction.c */
} EcapiSubtransaction;

/*
 * Begin a subtransaction that is always undone, and undo it; the current memory context
 * stays the one that it is, also after an error, on which the caller undoes it, unless
 * the error ends the transaction.  Begin raises an error in parallel mode, and when a
 * transaction has had 2^32 subtransactions; undo raises none.
 */
extern void ecapi_subtransaction_begin(EcapiSubtransaction *subtransaction);
extern void ecapi_subtransaction_undo(const EcapiSubtransaction *subtransaction);

/*
 * Run body(arg) in a subtransaction, in the current memory context.  Returns NULL
 * when it returned: the subtransaction is released with keep, else rolled back.
 * Returns the error that it raised, in the current context, after the subtransaction
 * was rolled back; ReThrowError() raises it again.  What body allocates in the
 * current context survives in any case.  Raises an error in parallel mode, and when
 * a transaction has had 2^32 subtransactions.
 */
extern ErrorData *ecapi_subtransaction(void (*body) (void *arg), void *arg, bool keep);

/*
 * Run body(arg), which only reads, so that whatever locks it takes are released at its
 * end, not that of the transaction: one that is left open must not keep slots of the
 * ring from being emptied.  What body allocates in the current context survives.  Raises
 * what body raises, when the subtransaction is gone, and what ecapi_subtransaction() does.
 */
extern void ecapi_look(void (*body) (void *arg), void *arg);

#endif							/* ECAPI_SUBTRANSACTION_H */

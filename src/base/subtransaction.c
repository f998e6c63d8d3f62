/*
 * subtransaction.c
 *	  Subtransactions of ours, and running a function in one, its error as a value.
 *
 * An error rolls back the subtransaction before anybody judges it, so an outer
 * handler never rolls back ours in the place of its own.  The memory context and
 * the resource owner are those of before in any case.
 *
 * Deferred triggers and pre-commit callbacks run when the transaction block already
 * is at its end.  The server begins a subtransaction there (BeginInternalSubTransaction())
 * but rolls back only one whose parent is in progress, as an assertion of it says.  So
 * there ours has another one around it, which is always released.
 */
#include "postgres.h"

#include "access/xact.h"
#include "tcop/pquery.h"
#include "utils/portal.h"

#include "base/subtransaction.h"

/*
 * Whether the transaction block may be at its end, which the server tells nobody.
 * COMMIT and PREPARE TRANSACTION are carried out when their portal has ended, so no
 * statement is active but the query of a cursor WITH HOLD, which is run to its end then.
 * At other times this holds for those and, in processes that have no portals, always:
 * then it costs a subtransaction more than is needed.
 */
static bool
may_be_at_end(void)
{
	return GetCurrentTransactionNestLevel() == 1 && IsTransactionBlock() &&
		(ActivePortal == NULL || (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0);
}

void
ecapi_subtransaction_begin(EcapiSubtransaction *subtransaction)
{
	subtransaction->context = CurrentMemoryContext;
	subtransaction->owner = CurrentResourceOwner;
	subtransaction->nested = may_be_at_end();
	if (subtransaction->nested)
		BeginInternalSubTransaction(NULL);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(subtransaction->context);
}

/* It is gone: be where we were before it began. */
static void
come_back(const EcapiSubtransaction *subtransaction)
{
	if (subtransaction->nested)
		ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(subtransaction->context);
	CurrentResourceOwner = subtransaction->owner;
}

void
ecapi_subtransaction_undo(const EcapiSubtransaction *subtransaction)
{
	RollbackAndReleaseCurrentSubTransaction();
	come_back(subtransaction);
}

ErrorData *
ecapi_subtransaction(void (*body) (void *arg), void *arg, bool keep)
{
	EcapiSubtransaction subtransaction;
	ErrorData  *volatile error = NULL;

	ecapi_subtransaction_begin(&subtransaction);
	PG_TRY();
	{
		body(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(subtransaction.context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL || !keep)
		RollbackAndReleaseCurrentSubTransaction();
	come_back(&subtransaction);
	return error;
}

/* A subtransaction that is rolled back gives its locks back. */
void
ecapi_look(void (*body) (void *arg), void *arg)
{
	ErrorData  *error = ecapi_subtransaction(body, arg, false);

	if (error != NULL)
		ReThrowError(error);
}

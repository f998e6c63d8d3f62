/*
 * guard.c
 *	  Whether a cursor is this database's to move: what guard.h demands.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"

#include "outbox/guard.h"

EcapiCounter
ecapi_guard_counter(void)
{
	EcapiCounter counter;

	counter.stored = ecapi_outbox_last_xid();
	counter.next = U64FromFullTransactionId(ReadNextFullTransactionId());
	return counter;
}

bool
ecapi_guard_hand(const EcapiCursor *cursor)
{
	return cursor->problem != NULL;
}

bool
ecapi_guard_copy(const EcapiCursor *cursor)
{
	return cursor->system_identifier != GetSystemIdentifier() ||
		cursor->database != MyDatabaseId;
}

bool
ecapi_guard_reset(const EcapiCursor *cursor, const EcapiCounter *counter)
{
	return cursor->from->xmax > counter->next ||
		(cursor->to != NULL && cursor->to->xmax > counter->next) ||
		counter->stored >= counter->next;
}

const char *
ecapi_guard_reason(const EcapiCursor *cursor, const EcapiCounter *counter)
{
	if (ecapi_guard_hand(cursor))
		return psprintf("its cursor was changed by hand, %s; "
						"call ecapi.rebase() to start from now on", cursor->problem);
	if (ecapi_guard_copy(cursor))
		return "this database is a copy of the one that delivers to it; "
			"call ecapi.adopt() to deliver from here";
	if (ecapi_guard_reset(cursor, counter))
		return "the transaction counter was reset behind its cursor; "
			"call ecapi.rebase() to start from now on";
	return NULL;
}

/*
 * guard.c
 *	  Whether a cursor is this database's to move: what guard.h demands.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"

#include "base/statement.h"
#include "outbox/guard.h"

/*
 * The row of a column stays as it was made: other rows of the catalogs are written again by
 * GRANT, or by ALTER EXTENSION UPDATE.
 */
static EcapiStatement made = {
	"SELECT a.xmin::pg_catalog.text::pg_catalog.int8 FROM pg_catalog.pg_attribute a"
	" WHERE a.attrelid OPERATOR(pg_catalog.=) 'ecapi.cursor_row'::pg_catalog.regclass"
	" AND a.attname OPERATOR(pg_catalog.=) 'server'",
	0, {0}, NULL
};

/*
 * The system column xmin has no epoch, and shows what was written also when the row was
 * frozen since.  The last transaction with that number is meant: an older one, which a
 * cluster has after four billion, is taken for younger than a cursor only if its number came
 * again behind the cursor.
 */
static uint64
table_made_by(FullTransactionId next)
{
	TransactionId xid;
	uint32		epoch = EpochFromFullTransactionId(next);

	if (ecapi_query(&made) == 0)
		return 0;
	xid = (TransactionId) ecapi_column_int8(0, 1);
	if (!TransactionIdIsNormal(xid))
		return 0;
	if (xid >= XidFromFullTransactionId(next))
	{
		if (epoch == 0)
			return 0;
		epoch--;
	}
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xid));
}

EcapiCounter
ecapi_guard_counter(void)
{
	EcapiCounter counter;
	FullTransactionId next;

	counter.stored = ecapi_outbox_last_xid();
	next = ReadNextFullTransactionId();
	counter.next = U64FromFullTransactionId(next);
	counter.made = table_made_by(next);
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

/*
 * The transactions of pg_upgrade's DDL begin where the old cluster ended, and the roles and
 * databases come before the tables.  A dump that is restored brings no cursor: where CREATE
 * SERVER gives it one in the very transaction that makes the table, they may be equal.
 */
bool
ecapi_guard_upgraded(const EcapiCursor *cursor, const EcapiCounter *counter)
{
	return !ecapi_guard_hand(cursor) &&
		cursor->system_identifier != GetSystemIdentifier() &&
		cursor->database == MyDatabaseId &&
		cursor->from->xmax < counter->made;
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
	if (ecapi_guard_upgraded(cursor, counter))
		return "pg_upgrade has made this cluster of the one that delivers to it; "
			"call ecapi.adopt() to go on from here";
	if (ecapi_guard_copy(cursor))
		return "this database is a copy of the one that delivers to it; "
			"call ecapi.adopt() to deliver from here";
	if (ecapi_guard_reset(cursor, counter))
		return "the transaction counter was reset behind its cursor; "
			"call ecapi.rebase() to start from now on";
	return NULL;
}

/*
 * nodeapi.c
 *	  What several nodes need for a statement in bounded time.
 *
 * The one who asks waits for all nodes, so each of them ends by itself what takes too long;
 * and the one who asks ends what waits for a node that is silent.  statement_timeout counts
 * from the beginning of a statement, and one that is set in it counts from the next; so its
 * timer is started here.  The server stops it where it stops every such timer, at the end
 * of the statement or at an error that ends it.  A part of a statement is bounded by
 * limit_time() before and restore_limit() after it, in a block that catches query_canceled:
 * neither a subtransaction nor its end touches the timer.
 *
 * Every role may execute both, for the timer is one of the caller's own statement.  In a
 * security-restricted operation, as which SQL of a track or an enrichment runs, it is a
 * statement of somebody else, whose limit it must neither lift nor set.
 *
 * No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/argument.h"

PG_FUNCTION_INFO_V1(ecapi_limit_time);
PG_FUNCTION_INFO_V1(ecapi_restore_limit);

/* The statement is that of the role that runs this. */
static void
require_own_statement(void)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot change the time of a statement within security-restricted operation")));
}

/*
 * ecapi_internal.limit_time(ms int): the caller's statement is cancelled in ms
 * milliseconds, or sooner where its timer says so.  Returns when that would have been, NULL:
 * never; it is for restore_limit().  Raises an error for less than 1, and in SQL that runs in
 * the statement of another role.
 */
Datum
ecapi_limit_time(PG_FUNCTION_ARGS)
{
	int32		ms = PG_GETARG_INT32(0);
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	bool		is_limited = get_timeout_active(STATEMENT_TIMEOUT);
	TimestampTz before = is_limited ? get_timeout_finish_time(STATEMENT_TIMEOUT) : 0;

	require_own_statement();
	if (ms < 1)
		ecapi_argument_refuse("the time for a statement must be positive", NULL);
	if (!is_limited || before > end)
		enable_timeout_after(STATEMENT_TIMEOUT, ms);
	if (!is_limited)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(before);
}

/*
 * ecapi_internal.restore_limit(ends timestamptz): the caller's statement is cancelled at this
 * time, at once if it is over; NULL: never.  Raises query_canceled where the timer before it
 * has expired and nobody has looked since; then that one is stopped, and none is set.  Raises
 * an error in SQL that runs in the statement of another role.
 */
Datum
ecapi_restore_limit(PG_FUNCTION_ARGS)
{
	require_own_statement();
	disable_timeout(STATEMENT_TIMEOUT, true);
	CHECK_FOR_INTERRUPTS();
	disable_timeout(STATEMENT_TIMEOUT, false);
	if (!PG_ARGISNULL(0))
		enable_timeout_at(STATEMENT_TIMEOUT, PG_GETARG_TIMESTAMPTZ(0));
	PG_RETURN_VOID();
}

/*
 * nodeapi.c
 *	  What a node does for ecapi.on_nodes(): a statement in bounded time.
 *
 * The one who asks waits for all nodes, so each of them ends by itself what takes too long.
 * statement_timeout counts from the beginning of a statement, and one that is set in it
 * counts from the next; so its timer is started here.  The server stops it where it
 * stops every such timer, at the end of the statement or at an error.
 *
 * No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/argument.h"

PG_FUNCTION_INFO_V1(ecapi_limit_time);

/*
 * ecapi_internal.limit_time(ms int): the caller's statement is cancelled in ms
 * milliseconds, or sooner where statement_timeout says so.  Raises an error for less than 1.
 */
Datum
ecapi_limit_time(PG_FUNCTION_ARGS)
{
	int32		ms = PG_GETARG_INT32(0);
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	if (ms < 1)
		ecapi_argument_refuse("the time for a statement must be positive", NULL);
	if (!get_timeout_active(STATEMENT_TIMEOUT) ||
		get_timeout_finish_time(STATEMENT_TIMEOUT) > end)
		enable_timeout_after(STATEMENT_TIMEOUT, ms);
	PG_RETURN_VOID();
}

/*
 * failedapi.c
 *	  ecapi.retry() and ecapi.discard(): what an operator does about failed
 *	  events.
 *
 * Both need ownership of the destination; their statements are fixed and run
 * as the extension's owner, for callers have no right on the table.  Rows that
 * capture set aside belong to no destination and are never touched.
 *
 * Both are also an operator's word that events are at fault, for a destination
 * that stopped because its receiver rejects everything: see bisect.c.
 *
 * Locks: rows of failed_event, for the caller's transaction; the worker goes
 * around them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/statement.h"
#include "destination/select.h"
#include "pipeline/late_repeat.h"
#include "pipeline/server.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_retry);
PG_FUNCTION_INFO_V1(ecapi_discard);

static EcapiStatement retry_rows = {
	"UPDATE ecapi.failed_event SET state = 'waiting',"
	" next_try = pg_catalog.clock_timestamp(), retry_since = pg_catalog.clock_timestamp()"
	" WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) ANY ('{waiting,dead}')"
	" AND ($2 IS NULL OR event_id OPERATOR(pg_catalog.=) $2)",
	2, {NAMEOID, TEXTOID}, NULL
};

static EcapiStatement late_rows = {
	"SELECT pg_catalog.count(*) FROM ecapi.failed_event"
	" WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) 'waiting'"
	" AND sent_at OPERATOR(pg_catalog.<) $3"
	" AND ($2 IS NULL OR event_id OPERATOR(pg_catalog.=) $2)",
	3, {NAMEOID, TEXTOID, TIMESTAMPTZOID}, NULL
};

static EcapiStatement discard_rows = {
	"DELETE FROM ecapi.failed_event"
	" WHERE destination OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) ANY ('{waiting,dead}')"
	" AND failed_at OPERATOR(pg_catalog.<) $2"
	" AND ($3 IS NULL OR event_id OPERATOR(pg_catalog.=) $3)",
	3, {NAMEOID, TIMESTAMPTZOID, TEXTOID}, NULL
};

static EcapiStatement blame = {
	"INSERT INTO ecapi.control (destination, paused, blamed_at, changed_at, changed_by)"
	" VALUES ($1, false, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), $2)"
	" ON CONFLICT (destination) DO UPDATE SET blamed_at = excluded.blamed_at",
	2, {NAMEOID, NAMEOID}, NULL
};

/* How many of the events that are tried again the destination will hold back. */
static int64
count_late(const EcapiRepeats *repeats, const NullableDatum *args)
{
	if (ecapi_execute(&late_rows, args[0], args[1], ecapi_arg_time(repeats->from)) == 0)
		return 0;
	return ecapi_column_int8(0, 1);
}

static void
warn_of_late(const EcapiRepeats *repeats, int64 n)
{
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("%lld of these events may be held back with the reason \"%s\"",
					(long long) n, ECAPI_REASON_DEDUPE_WINDOW),
			 errdetail("They may have arrived before %s. Receivers of the format \"%s\" recognise a repeat for %d hours%s, and would count them again.",
					   timestamptz_to_str(repeats->from), repeats->format,
					   repeats->hours, repeats->at_most),
			 errhint("To send them all the same, set the option \"allow_late_repeat\".")));
}

/*
 * Run a statement over rows of a destination, whose name is its first argument; repeat:
 * it has them sent again.
 */
static int64
operate(FunctionCallInfo fcinfo, EcapiStatement *statement, int nargs, NullableDatum *args,
		bool repeat)
{
	ForeignServer *server = ecapi_destination_argument(fcinfo);
	NullableDatum user;
	EcapiOwnerScope scope;
	EcapiRepeats repeats;
	int64		n;
	int64		late = 0;

	repeat = repeat && ecapi_repeats_of(server, &repeats) && !repeats.allowed;
	args[0] = ecapi_arg_name(server->servername);
	user = ecapi_arg_name(GetUserNameFromId(GetUserId(), false));

	ecapi_become_owner(&scope);
	n = (int64) ecapi_statement_run(statement, false, nargs, args);
	if (repeat)
		late = count_late(&repeats, args);
	ecapi_execute(&blame, args[0], user);
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
	if (late > 0)
		warn_of_late(&repeats, late);
	return n;
}

/*
 * ecapi.retry(destination name, event_id text): failed events of a
 * destination, or those of one id, are due now, dead ones too, with a fresh
 * retry_for.  Returns how many.
 */
Datum
ecapi_retry(PG_FUNCTION_ARGS)
{
	NullableDatum args[] = {{0}, fcinfo->args[1]};

	PG_RETURN_INT64(operate(fcinfo, &retry_rows, lengthof(args), args, true));
}

/*
 * ecapi.discard(destination name, until timestamptz, event_id text): failed
 * events of a destination, or those of one id, that failed before until are
 * deleted.  Returns how many.
 */
Datum
ecapi_discard(PG_FUNCTION_ARGS)
{
	NullableDatum args[] = {{0}, fcinfo->args[1], fcinfo->args[2]};

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("until must not be null"),
				 errhint("Leave it out for now().")));
	PG_RETURN_INT64(operate(fcinfo, &discard_rows, lengthof(args), args, false));
}

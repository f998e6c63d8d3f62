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
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
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

/* Run a statement over rows of a destination, whose name is its first value. */
static int64
operate(FunctionCallInfo fcinfo, EcapiStatement *statement, Datum *values,
		const bool *nulls)
{
	NameData	destination;
	NameData	user;
	Datum		blamed[2];
	EcapiOwnerScope scope;
	int64		n;

	ecapi_argument_required(fcinfo, 0, "destination");
	namestrcpy(&destination,
			   ecapi_owned_destination(NameStr(*PG_GETARG_NAME(0)))->servername);
	namestrcpy(&user, GetUserNameFromId(GetUserId(), false));
	values[0] = blamed[0] = NameGetDatum(&destination);
	blamed[1] = NameGetDatum(&user);

	ecapi_become_owner(&scope);
	n = (int64) ecapi_statement_execute(statement, values, nulls, false);
	ecapi_statement_execute(&blame, blamed, NULL, false);
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
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
	Datum		values[2];
	bool		nulls[2] = {false, PG_ARGISNULL(1)};

	values[1] = nulls[1] ? (Datum) 0 : PG_GETARG_DATUM(1);
	PG_RETURN_INT64(operate(fcinfo, &retry_rows, values, nulls));
}

/*
 * ecapi.discard(destination name, until timestamptz, event_id text): failed
 * events of a destination, or those of one id, that failed before until are
 * deleted.  Returns how many.
 */
Datum
ecapi_discard(PG_FUNCTION_ARGS)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, PG_ARGISNULL(2)};

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("until must not be null"),
				 errhint("Leave it out for now().")));
	values[1] = PG_GETARG_DATUM(1);
	values[2] = nulls[2] ? (Datum) 0 : PG_GETARG_DATUM(2);
	PG_RETURN_INT64(operate(fcinfo, &discard_rows, values, nulls));
}

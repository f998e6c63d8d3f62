/*
 * cancelapi.c
 *	  ecapi.cancel(): an event is taken back.
 *
 * A role that may execute it may cancel any event, as one that may execute ecapi_emit
 * may emit any; it runs as the extension's owner, for callers have no right on our
 * tables.  It writes one row and reads nothing, so it costs the cancelling
 * transaction the same whatever the outbox holds, and takes no lock that another
 * transaction waits for.  Rolled back, by the transaction or a savepoint, it never was.
 *
 * records/cancellation.c says what the row means.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "records/cancellation.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_cancel);

/* What is to be refunded at most; NULL: all. */
static Numeric
value_argument(FunctionCallInfo fcinfo)
{
	Numeric		value;
	Datum		zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));

	if (PG_ARGISNULL(2))
		return NULL;
	value = PG_GETARG_NUMERIC(2);
	if (numeric_is_nan(value) || numeric_is_inf(value) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(value), zero)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"value\" must be a number that is not negative"),
				 errhint("Leave it out to refund all that is left.")));
	return value;
}

/*
 * ecapi.cancel(id text, since timestamptz, value numeric) returns void: events of
 * that id that were emitted so far are not sent any more; where one was delivered, a
 * refund of what is left of it is emitted.  since, when it was emitted or earlier,
 * spares the worker from looking further back; NULL: it looks at all that there is.
 * value is the most that is refunded anywhere; NULL: all that is left.
 */
Datum
ecapi_cancel(PG_FUNCTION_ARGS)
{
	EcapiOwnerScope scope;
	const char *user = GetUserNameFromId(GetUserId(), false);
	const char *id;
	Numeric		value;

	PreventCommandIfReadOnly("ecapi.cancel()");
	PreventCommandIfParallelMode("ecapi.cancel()");
	PreventCommandDuringRecovery("ecapi.cancel()");
	id = ecapi_argument_event_id(fcinfo, 0);
	value = value_argument(fcinfo);

	ecapi_become_owner(&scope);
	ecapi_cancellation_create(id, PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1),
							  value, user);
	ecapi_become_caller(&scope);
	ecapi_stops_at_commit();
	PG_RETURN_VOID();
}

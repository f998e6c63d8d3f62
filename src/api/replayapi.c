/*
 * replayapi.c
 *	  ecapi.replay() and ecapi.cancel_replay(): events of the ring again.
 *
 * Both need ownership of the destination; their statements run as the
 * extension's owner.  A replay is a row that the worker finds; nothing is sent
 * here.
 *
 * REPEATABLE READ is refused: a slot of the ring may have been emptied since
 * the transaction's snapshot, which then shows a past that is no longer there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/subtransaction.h"
#include "destination/options.h"
#include "pipeline/late_repeat.h"
#include "pipeline/server.h"
#include "records/replay.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_replay);
PG_FUNCTION_INFO_V1(ecapi_cancel_replay);

static void
check_event_types(const char *event_types)
{
	EcapiOptionProblem problem = {0};
	uint64		types;

	if (!ecapi_options_event_types(event_types, &types, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_internal("%s", problem.message),
				 problem.detail[0] != '\0' ? errdetail_internal("%s", problem.detail) : 0,
				 problem.hint[0] != '\0' ? errhint("%s", problem.hint) : 0));
}

/* What was truncated already cannot be sent again. */
static void
report_what_is_gone(TimestampTz since, TimestampTz oldest)
{
	if (oldest == 0)
		ereport(NOTICE,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("there is no event in the outbox")));
	else if (oldest > since)
		ereport(NOTICE,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("the oldest event in the outbox was emitted at %s",
						timestamptz_to_str(oldest)),
				 errdetail("What was emitted before cannot be replayed.")));
}

/*
 * A platform that has seen an event takes it for a repeat only for a while.  What was sent
 * before, and is in the replay, is held back then, or counts twice there.
 */
static void
warn_of_repeats(const ForeignServer *server, TimestampTz since)
{
	EcapiRepeats repeats;

	if (!ecapi_repeats_of(server, &repeats) || since >= repeats.from)
		return;
	if (repeats.allowed)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the platform may count events again that it had before %s",
						timestamptz_to_str(repeats.from)),
				 errdetail("Receivers of the format \"%s\" recognise a repeat for %d hours%s.",
						   repeats.format, repeats.hours, repeats.at_most),
				 errhint("To send only what was not delivered, use ecapi.retry().")));
	else
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("events that were sent before %s are held back",
						timestamptz_to_str(repeats.from)),
				 errdetail("Receivers of the format \"%s\" recognise a repeat for %d hours%s, and would count them again.",
						   repeats.format, repeats.hours, repeats.at_most),
				 errhint("What was never sent is sent. To send the others too, set the option \"allow_late_repeat\".")));
}

/* Where a replay begins, and how far back the ring reaches. */
typedef struct Start
{
	TimestampTz since;
	EcapiSnapshot *from;
	TimestampTz oldest;
} Start;

static void
find_start(void *arg)
{
	Start	   *start = arg;

	start->from = ecapi_replay_start(start->since);
	start->oldest = ecapi_replay_oldest();
}

/*
 * ecapi.replay(destination name, since timestamptz, until timestamptz,
 * event_types text): send events emitted in [since, until) again, those of
 * some types or all; returns the replay's id.
 */
Datum
ecapi_replay(PG_FUNCTION_ARGS)
{
	EcapiReplayRow row = {0};
	ForeignServer *server;
	EcapiOwnerScope scope;
	Start		start = {0};
	const char *user = GetUserNameFromId(GetUserId(), false);
	int64		id;

	ecapi_argument_required(fcinfo, 0, "destination");
	ecapi_argument_required(fcinfo, 1, "since");
	ecapi_argument_required(fcinfo, 2, "until");
	row.destination = *PG_GETARG_NAME(0);
	row.since = PG_GETARG_TIMESTAMPTZ(1);
	row.until = PG_GETARG_TIMESTAMPTZ(2);
	row.event_types = ecapi_argument_text(fcinfo, 3);

	server = ecapi_owned_destination(NameStr(row.destination));
	PreventCommandIfReadOnly("ecapi.replay()");
	if (row.since >= row.until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be before until")));
	if (row.event_types != NULL)
		check_event_types(row.event_types);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot start a replay in isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Call it in a transaction of isolation level READ COMMITTED.")));

	ecapi_become_owner(&scope);
	start.since = row.since;
	ecapi_look(find_start, &start);
	row.from = start.from;
	row.to = ecapi_snapshot_start();
	report_what_is_gone(row.since, start.oldest);
	warn_of_repeats(server, row.since);
	id = ecapi_replay_create(&row, user);
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
	PG_RETURN_INT64(id);
}

/*
 * ecapi.cancel_replay(destination name, replay bigint): end a replay, or all
 * of the destination; returns how many.  What is on its way arrives.
 */
Datum
ecapi_cancel_replay(PG_FUNCTION_ARGS)
{
	ForeignServer *server = ecapi_destination_argument(fcinfo);
	EcapiOwnerScope scope;
	int64		n;

	ecapi_become_owner(&scope);
	n = ecapi_replay_cancel(server->servername, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1));
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
	PG_RETURN_INT64(n);
}

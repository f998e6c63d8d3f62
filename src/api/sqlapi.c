/*
 * sqlapi.c
 *	  SQL-callable functions: check arguments, call a module, return.
 *
 * ecapi_emit and the wrapper's validator stand beside what they are about
 * (capture/emit.c, destination/validator.c); here is what an operator and the
 * install script call.
 *
 * Functions that name a destination need its ownership.  Their callers have no
 * right on our tables, so the statements run as the extension's owner; they
 * are fixed and schema-qualified.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/citus.h"
#include "base/result.h"
#include "base/statement.h"
#include "base/subtransaction.h"
#include "destination/credentials.h"
#include "outbox/cursor.h"
#include "outbox/guard.h"
#include "pipeline/server.h"
#include "outbox/limit.h"
#include "records/cancellation.h"
#include "records/failed.h"
#include "records/new_oids.h"
#include "records/receipt.h"
#include "records/replay.h"
#include "settings.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_wake_worker);
PG_FUNCTION_INFO_V1(ecapi_start_snapshot);
PG_FUNCTION_INFO_V1(ecapi_credential_problem);
PG_FUNCTION_INFO_V1(ecapi_open_files_limit);
PG_FUNCTION_INFO_V1(ecapi_outbox_measure);
PG_FUNCTION_INFO_V1(ecapi_pause);
PG_FUNCTION_INFO_V1(ecapi_resume);
PG_FUNCTION_INFO_V1(ecapi_adopt);
PG_FUNCTION_INFO_V1(ecapi_rebase);

/* ecapi_internal.wake_worker(): at commit, the worker shall look at destinations. */
Datum
ecapi_wake_worker(PG_FUNCTION_ARGS)
{
	ecapi_reload_at_commit();
	PG_RETURN_VOID();
}

/* ecapi_internal.start_snapshot(): where a destination created now starts. */
Datum
ecapi_start_snapshot(PG_FUNCTION_ARGS)
{
	return ecapi_snapshot_datum(ecapi_snapshot_start());
}

/*
 * ecapi_internal.credential_problem(oid): one line, without secrets, or NULL.
 */
Datum
ecapi_credential_problem(PG_FUNCTION_ARGS)
{
	char		error[512];
	EcapiOptions *options = ecapi_options_of(GetForeignServer(PG_GETARG_OID(0)),
											 error, sizeof(error));
	EcapiCredentials credentials;

	if (options != NULL &&
		ecapi_credentials_read(options, &credentials, error, sizeof(error)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(error));
}

/* ecapi_internal.open_files_limit(): of this process, which has the server's; -1 none. */
Datum
ecapi_open_files_limit(PG_FUNCTION_ARGS)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
		limit.rlim_cur > PG_INT32_MAX)
		PG_RETURN_INT32(-1);
	PG_RETURN_INT32((int32) limit.rlim_cur);
}

/* ecapi_internal.outbox_measure(): bytes, limit (NULL: none), whether events are dropped. */
Datum
ecapi_outbox_measure(PG_FUNCTION_ARGS)
{
	Datum		values[3];
	bool		nulls[3] = {false};
	bool		full;

	values[0] = Int64GetDatum(ecapi_limit_measure(GetCurrentTimestamp(), &full));
	nulls[1] = ecapi_outbox_limit == 0;
	values[1] = Int64GetDatum((int64) ecapi_outbox_limit * 1024 * 1024);
	values[2] = BoolGetDatum(full);
	PG_RETURN_DATUM(ecapi_result_row(fcinfo, values, nulls));
}

/* Record what an operator wants of a destination, and wake the worker. */
static void
control(const char *name, bool paused)
{
	static EcapiStatement upsert = {
		"INSERT INTO ecapi.control (destination, paused, resumed_at, changed_at, changed_by)"
		" VALUES ($1, $2, CASE WHEN $2 THEN NULL ELSE pg_catalog.clock_timestamp() END,"
		" pg_catalog.clock_timestamp(), $3)"
		" ON CONFLICT (destination) DO UPDATE SET paused = excluded.paused,"
		" resumed_at = coalesce(excluded.resumed_at, control.resumed_at),"
		" changed_at = excluded.changed_at, changed_by = excluded.changed_by",
		3, {NAMEOID, BOOLOID, NAMEOID}, NULL
	};
	NullableDatum destination = ecapi_arg_name(ecapi_owned_destination(name)->servername);
	NullableDatum user = ecapi_arg_name(GetUserNameFromId(GetUserId(), false));
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	ecapi_execute(&upsert, destination, ecapi_arg_bool(paused), user);
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
}

/* ecapi.pause(destination) */
Datum
ecapi_pause(PG_FUNCTION_ARGS)
{
	control(NameStr(*PG_GETARG_NAME(0)), true);
	PG_RETURN_VOID();
}

/* ecapi.resume(destination): ends a pause, a stop and a wait. */
Datum
ecapi_resume(PG_FUNCTION_ARGS)
{
	control(NameStr(*PG_GETARG_NAME(0)), false);
	PG_RETURN_VOID();
}

/*
 * What a copied or reset database has of the past is not sent again by itself.
 */
static void
end_past(const char *name)
{
	ecapi_failed_end(name);
	ecapi_receipt_end(name);
	ecapi_replay_cancel(name, 0);
}

/*
 * After the counter was reset: events, ticks and cancellations of transactions that
 * the counter has yet to come to would be taken for those.  No cursor can name them,
 * so they are deleted.  What others commit meanwhile lies below the xmax of the
 * statement's snapshot, if it is seen at all.
 */
static void
forget_later_events(void)
{
	static EcapiStatement forget_events = {
		"DELETE FROM ecapi.outbox WHERE xid OPERATOR(pg_catalog.>=)"
		" pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
		" AND xid OPERATOR(pg_catalog.<>) pg_catalog.pg_current_xact_id()",
		0, {0}, NULL
	};
	static EcapiStatement forget_ticks = {
		"DELETE FROM ecapi.tick WHERE newest OPERATOR(pg_catalog.>)"
		" pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())",
		0, {0}, NULL
	};

	ecapi_execute(&forget_events);
	ecapi_execute(&forget_ticks);
	ecapi_cancellation_forget_later();
}

/* The server of a destination has its origin here from now on. */
static void
set_origin(const ForeignServer *server)
{
	EcapiOrigin origin;
	bool		has = ecapi_options_origin(server->options, &origin);
	char	   *sql = psprintf("ALTER SERVER %s OPTIONS (%s origin '" UINT64_FORMAT "/%u')",
							   quote_identifier(server->servername), has ? "SET" : "ADD",
							   GetSystemIdentifier(), MyDatabaseId);
	int			nest = NewGUCNestLevel();

	/* it is this node's alone */
	ecapi_citus_stay_here();
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not change the origin of a server");
	AtEOXact_GUC(true, nest);
	pfree(sql);
}

static void
read_counter(void *arg)
{
	*(EcapiCounter *) arg = ecapi_guard_counter();
}

/* An upgraded cluster goes on where the old one ended: with what waited there. */
static void
go_on(const ForeignServer *server)
{
	static EcapiStatement take_over = {
		"UPDATE ecapi.cursor_row SET system_identifier = $2, database = $3, state = 'starting',"
		" last_error = NULL, last_error_at = NULL, next_try = NULL,"
		" written = written OPERATOR(pg_catalog.+) 1,"
		" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16"
		" WHERE server OPERATOR(pg_catalog.=) $1",
		3, {OIDOID, INT8OID, OIDOID}, NULL
	};

	ecapi_execute(&take_over, ecapi_arg_oid(server->serverid),
				  ecapi_arg_int8(GetSystemIdentifier()), ecapi_arg_oid(MyDatabaseId));
	set_origin(server);
}

/*
 * Start a destination again, when its guard has stopped it: with what commits
 * after this transaction; one that pg_upgrade brought goes on.
 */
static void
start_again(const char *name, bool copied)
{
	static EcapiStatement restart = {
		"UPDATE ecapi.cursor_row SET snapshot = $2, window_end = NULL, arm = 0, xid = '0',"
		" seq = 0, system_identifier = $3, database = $4, state = 'starting',"
		" stopped_options = NULL, last_error = NULL, last_error_at = NULL,"
		" next_try = NULL, started_at = pg_catalog.clock_timestamp(),"
		" delivered = coalesce(delivered, 0), filtered = coalesce(filtered, 0),"
		" failed = coalesce(failed, 0), given_up = coalesce(given_up, 0),"
		" written = written OPERATOR(pg_catalog.+) 1,"
		" generation = (written OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 16"
		" WHERE server OPERATOR(pg_catalog.=) $1",
		4, {OIDOID, PG_SNAPSHOTOID, INT8OID, OIDOID}, NULL
	};
	ForeignServer *server = ecapi_owned_destination(name);
	EcapiCursor *cursor = NULL;
	EcapiCounter counter;
	List	   *cursors;
	ListCell   *cell;
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	if (ecapi_new_oids_follow())
	{
		/* the caller's snapshot does not see it */
		CommandCounterIncrement();
		PushActiveSnapshot(GetLatestSnapshot());
		cursors = ecapi_cursor_load(CurrentMemoryContext);
		PopActiveSnapshot();
	}
	else
		cursors = ecapi_cursor_load(CurrentMemoryContext);
	foreach(cell, cursors)
		if (((EcapiCursor *) lfirst(cell))->server == server->serverid)
			cursor = lfirst(cell);
	if (cursor == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" has no cursor", name),
				 errhint("The worker gives it one when it starts.")));

	ecapi_look(read_counter, &counter);
	if (copied && !ecapi_guard_copy(cursor))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" delivers from this database already", name)));
	if (!copied && !ecapi_guard_hand(cursor) && !ecapi_guard_reset(cursor, &counter))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cursor of destination \"%s\" does not lie beyond the transaction counter",
						name),
				 errdetail("Only then, or when it was changed by hand, may it be started again.")));

	if (copied && ecapi_guard_upgraded(cursor, &counter))
		go_on(server);
	else
	{
		ecapi_execute(&restart, ecapi_arg_oid(server->serverid),
					  ecapi_arg_snapshot(ecapi_snapshot_start()),
					  ecapi_arg_int8(GetSystemIdentifier()), ecapi_arg_oid(MyDatabaseId));
		end_past(server->servername);
		if (copied)
			set_origin(server);
		else if (ecapi_guard_reset(cursor, &counter))
			forget_later_events();
	}
	ecapi_become_caller(&scope);
	ecapi_reload_at_commit();
}

/* ecapi.adopt(destination) */
Datum
ecapi_adopt(PG_FUNCTION_ARGS)
{
	start_again(NameStr(*PG_GETARG_NAME(0)), true);
	PG_RETURN_VOID();
}

/* ecapi.rebase(destination) */
Datum
ecapi_rebase(PG_FUNCTION_ARGS)
{
	start_again(NameStr(*PG_GETARG_NAME(0)), false);
	PG_RETURN_VOID();
}

/*
 * user_sql.c
 *	  Running SQL that users wrote, in a way that cannot hurt.
 *
 * A run is a transaction of a process that the worker has for an owner's SQL (process.c),
 * or a subtransaction of a backend that previews; it is always rolled back.  That process is
 * a superuser's, and what runs in it is the work of another; so
 *
 * (1) No superuser is ever the current user of a run, and in a security-restricted
 *	  operation nobody can become another: SET ROLE and SET SESSION AUTHORIZATION
 *	  fail, also in a SECURITY DEFINER function, also in a function's own settings.
 * (2) Nothing is written: the transaction is read-only before its first snapshot, so
 *	  SET TRANSACTION READ WRITE fails, and what PostgreSQL lets through all the
 *	  same (large objects, temporary tables, NOTIFY) is rolled back.  SPI is
 *	  connected atomically, so COMMIT and ROLLBACK fail, also in procedures and DO.
 * (3) Nothing outlives the run.  Settings end with their nest level as after an
 *	  error.  Prepared statements, LISTEN, cursors WITH HOLD, temporary tables, and
 *	  DISCARD are refused in a security-restricted operation; other cursors, portals,
 *	  notifications and snapshots end with the (sub)transaction; advisory locks of
 *	  the session are released here.
 * (4) A run ends.  Our own timer (not STATEMENT_TIMEOUT, which in a backend serves
 *	  the session's statement_timeout) cancels it at its limit, and again and
 *	  again, as a function may catch a cancel.  In a process of its own a run that has
 *	  caught them all until twice the limit, and for a second at least, ends the process:
 *	  nothing catches that.  The function is then held (held.c), and the next process does
 *	  not call it.  The process does this by itself, so it also holds while the
 *	  server shuts down and no other process is there to do it.  One that looks for no
 *	  interrupt at all is left to itself (processes.c).  A backend is cancelled only; its
 *	  user can end it.
 * (5) Of an error only the SQLSTATE, and the name of an object that exists, are
 *	  kept.  Nothing that a run reports reaches the server's log, whatever the level
 *	  and the source (so neither do lines of an audit): our log hook drops it while
 *	  a run is active, and takes context, detail and statement (which can quote values)
 *	  from the FATAL that ends the process.
 *	  Notices may reach the client of a preview, who may see the events anyway.
 *
 * What a run can do all the same: read whatever its role may read; reach other
 * servers, where the role may (a foreign table, dblink), and have effects there that
 * no rollback undoes; take locks for as long as it may run; use memory up to what
 * the machine gives, and disk up to temp_file_limit; keep state in a procedural
 * language's interpreter, which such languages keep by role; and, where the role
 * has the privilege, call functions with an effect outside of transactions
 * (replication slots, server files).
 *
 * Cancels: one that the timer made fails the run.  In a process of its own so does any
 * other, and SIGTERM makes one first, so that the process can say how it went; the second
 * SIGTERM ends it.  In a backend a cancel by its user is raised again, in
 * words of our own.
 *
 * Ownership: one run at a time in a process; its state is static, for a signal
 * handler and an exit callback read it.  No locks.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/advisory.h"
#include "base/run_as.h"
#include "base/sql_scope.h"
#include "base/sql_state.h"
#include "base/subtransaction.h"
#include "enrich/held.h"
#include "enrich/user_sql.h"

/*
 * The timer goes off at the limit, and then every quarter of it.  However short
 * the limit, a run has a second to come back: rolling back takes time, too.
 */
#define CANCELS_BEFORE_END	4
#define CANCEL_AGAIN_MS		250

static struct
{
	bool		active;
	bool		own;			/* in a transaction of its own: a process for it */
	volatile sig_atomic_t cancels;	/* made by the timer */
	volatile sig_atomic_t asked_to_end; /* SIGTERM came */
	volatile sig_atomic_t given_up; /* this process ends because of it */
	EcapiHeld	version;		/* of the function; none: nothing to hold */
	char		name[2 * NAMEDATALEN + 1];
} run;

static TimeoutId timer = USER_TIMEOUT;
static bool process_prepared = false;
static emit_log_hook_type previous_emit_log = NULL;

/* What a run has put aside. */
typedef struct Outside
{
	MemoryContext context;
	ResourceOwner resources;
	EcapiSubtransaction subtransaction; /* of a backend, like: */
	List	   *advisory;		/* locks that the session held */
} Outside;

/*
 * The timer's handler, called from the handler of SIGALRM.  A cancel that is still
 * pending was not swallowed, but not looked at: then the process would not die
 * any sooner either.
 */
static void
at_limit(void)
{
	if (!run.active || (run.cancels > 0 && QueryCancelPending))
		return;
	run.cancels++;
	InterruptPending = true;
	QueryCancelPending = true;
	if (run.own && run.cancels > CANCELS_BEFORE_END)
	{
		run.given_up = true;
		ProcDiePending = true;
	}
}

/* SIGTERM while a run is active in a process of its own. */
static void
at_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	if (run.asked_to_end)
		die(postgres_signal_arg);
	else
	{
		run.asked_to_end = true;
		InterruptPending = true;
		QueryCancelPending = true;
		SignalHandlerForShutdownRequest(postgres_signal_arg);
	}
	errno = save_errno;
}

/* Nothing of a run reaches the log. */
static void
silence(ErrorData *edata)
{
	if (run.active && edata->elevel < FATAL)
	{
		/* and to no hook behind us, as if log_min_messages had said so */
		edata->output_to_server = false;
		return;
	}
	if (run.active)
	{
		edata->hide_ctx = true;
		edata->hide_stmt = true;
		edata->detail = NULL;
		edata->detail_log = NULL;
		edata->hint = NULL;
		edata->context = NULL;
		edata->internalquery = NULL;
	}
	if (previous_emit_log)
		previous_emit_log(edata);
}

/* This process ends, maybe for a run that did not. */
static void
at_exit(int code, Datum arg)
{
	bool		given_up = run.active && run.given_up;

	run.active = false;
	if (!given_up || !OidIsValid(run.version.function))
		return;
	ecapi_held_add(&run.version);
	ereport(LOG,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("ecapi enrichment worker ends, because function \"%s\" did not stop at its time limit",
					run.name),
			 errhint("It is not called again until it is replaced or altered.")));
}

/* For the hook on functions. */
static bool
is_running(void)
{
	return run.active;
}

/*
 * Once in a process that runs users' SQL.  The hook on the log stays, as others may
 * have hooked in behind it; outside of a run it does nothing.
 */
static void
prepare_process(void)
{
	if (process_prepared)
		return;
	timer = RegisterTimeout(USER_TIMEOUT, at_limit);
	previous_emit_log = emit_log_hook;
	emit_log_hook = silence;
	before_shmem_exit(at_exit, (Datum) 0);
	ecapi_sql_state_refuse(is_running);
	process_prepared = true;
}

static bool
role_exists(Oid role)
{
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role));
}

Oid
ecapi_user_sql_role(Oid server_owner, Oid function_owner)
{
	if (!OidIsValid(server_owner) || !role_exists(server_owner))
		return InvalidOid;
	if (!superuser_arg(server_owner))
		return server_owner;
	if (!OidIsValid(function_owner) || !role_exists(function_owner))
		return InvalidOid;
	if (superuser_arg(function_owner))
		return ecapi_run_as_role();
	return function_owner;
}

/* A function's version; false when it is gone.  In a transaction. */
static bool
version_of(Oid function, EcapiHeld *version)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

	memset(version, 0, sizeof(EcapiHeld));
	if (!HeapTupleIsValid(tuple))
		return false;
	version->function = function;
	version->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	version->tid = tuple->t_self;
	ReleaseSysCache(tuple);
	return true;
}

bool
ecapi_user_sql_held(Oid function)
{
	EcapiHeld	version;

	return version_of(function, &version) && ecapi_held_has(&version);
}

void
ecapi_user_sql_release(Oid function, TimestampTz moment)
{
	ecapi_held_remove(function, moment);
}

/* Who is to be held if this run does not end. */
static void
note_function(Oid function)
{
	const char *schema;
	const char *name;

	if (!OidIsValid(function) || !version_of(function, &run.version))
		return;
	schema = get_namespace_name(get_func_namespace(function));
	name = get_func_name(function);
	snprintf(run.name, sizeof(run.name), "%s.%s", schema ? schema : "", name ? name : "");
}

/*
 * Settings of a run.  Plans are made as for any session: the worker prefers index
 * scans and generic plans for its own statements alone.
 */
static void
set_settings(void)
{
	static const char *const settings[][2] = {
		{"client_min_messages", "error"},
		{"plan_cache_mode", "auto"},
		{"enable_seqscan", "on"},
		{"enable_bitmapscan", "on"},
		{"enable_sort", "on"},
		{"enable_incremental_sort", "on"},
		/* a parallel worker would not end with us */
		{"max_parallel_workers_per_gather", "0"}
	};

	(void) NewGUCNestLevel();
	ecapi_sql_settings();
	for (int i = 0; i < lengthof(settings); i++)
		ecapi_sql_set(settings[i][0], settings[i][1]);
}

/* Open the (sub)transaction.  What it changes ends with its abort. */
static void
enter(Oid role, Oid function)
{
	Oid			user;
	int			security;

	XactReadOnly = true;
	if (run.own)
		note_function(function);
	/* it was looked up before, by another process: it may have become one since */
	if (OidIsValid(function) && superuser_arg(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("SQL of a destination would run as a superuser")));
	set_settings();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&user, &security);
	/* but row security is not waived for us when it is for a foreign key's check */
	SetUserIdAndSecContext(role, (security & SECURITY_LOCAL_USERID_CHANGE) |
						   SECURITY_RESTRICTED_OPERATION);
}

static void
start_timer(int timeout_ms)
{
	enable_timeout_every(timer,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms),
						 Max(timeout_ms / CANCELS_BEFORE_END, CANCEL_AGAIN_MS));
}

/*
 * The run is over, but for its rollback: nothing may cancel us any more on its
 * account.  Does not raise.  The process still dies if it was given up meanwhile.
 */
static void
end_run(const Outside *outside)
{
	disable_timeout(timer, false);
	if (run.own)
		pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	run.active = false;
	if (run.cancels > 0 || run.asked_to_end)
		QueryCancelPending = false;
}

/* Roll back; in the state, and in the memory context, from before the run. */
static void
leave(const Outside *outside)
{
	if (!run.own)
	{
		ecapi_subtransaction_undo(&outside->subtransaction);
		ecapi_advisory_release_but(outside->advisory);
		return;
	}
	AbortCurrentTransaction();
	MemoryContextSwitchTo(outside->context);
	CurrentResourceOwner = outside->resources;
	ecapi_advisory_release();
}

/* The name of the object at fault, looked up after the rollback. */
static void
note_object(const ErrorData *edata, EcapiUserError *error)
{
	const char *part;
	char	   *object;

	if (edata == NULL || edata->schema_name == NULL)
		return;
	if (run.own)
		StartTransactionCommand();
	object = ecapi_sql_object(edata, &part);
	if (object != NULL)
		strlcpy(error->object, object, sizeof(error->object));
	if (run.own)
		CommitTransactionCommand();
}

/* edata NULL: body returned, though too late. */
static void
describe(const ErrorData *edata, int timeout_ms, EcapiUserError *error)
{
	memset(error, 0, sizeof(EcapiUserError));
	if (run.asked_to_end)
	{
		error->stopped = true;
		error->sqlerrcode = ERRCODE_ADMIN_SHUTDOWN;
		strlcpy(error->message, "it was stopped because this process ends",
				sizeof(error->message));
	}
	else if (run.cancels > 0)
	{
		error->timed_out = true;
		error->sqlerrcode = ERRCODE_QUERY_CANCELED;
		snprintf(error->message, sizeof(error->message),
				 "it took longer than %d ms", timeout_ms);
	}
	else
	{
		error->sqlerrcode = edata->sqlerrcode;
		note_object(edata, error);
		snprintf(error->message, sizeof(error->message), "its SQL fails (SQL error %s%s%s)",
				 unpack_sql_state(edata->sqlerrcode),
				 error->object[0] != '\0' ? ", " : "", error->object);
	}
}

/* A cancel by the user of a backend.  Its own message may be of a function's making. */
static void
raise_cancel(const ErrorData *edata)
{
	if (edata != NULL && !run.own && run.cancels == 0 &&
		edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement while SQL of a destination runs")));
}

/* Put aside what a run changes outside of its (sub)transaction. */
static void
begin_run(Outside *outside)
{
	if (run.active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot run SQL of a destination from within SQL of a destination")));
	prepare_process();
	memset(outside, 0, sizeof(Outside));
	outside->context = CurrentMemoryContext;
	outside->resources = CurrentResourceOwner;
	memset(&run, 0, sizeof(run));
	run.own = !IsTransactionState();
	if (run.own)
		pqsignal(SIGTERM, at_sigterm);
	else
	{
		/* What the transaction did so far shall be seen, as by any next command. */
		CommandCounterIncrement();
		outside->advisory = ecapi_advisory_held();
		ecapi_subtransaction_begin(&outside->subtransaction);
		/* what a run leaves goes with it */
		MemoryContextSwitchTo(CurTransactionContext);
	}
	run.active = true;
}

/*
 * Out of memory is an error of the SQL's like others: what it
 * used is free after the rollback, and if not, the next who wants some fails.
 */
bool
ecapi_user_sql_run(void (*body) (void *arg), void *arg, Oid role,
				   int timeout_ms, Oid function, EcapiUserError *error)
{
	Outside		outside;
	ErrorData  *volatile edata = NULL;
	volatile bool came_back = false;

	begin_run(&outside);
	PG_TRY();
	{
		if (run.own)
			StartTransactionCommand();
		enter(role, function);
		start_timer(timeout_ms);
		if (!(run.own && ShutdownRequestPending))
		{
			body(arg);
			came_back = true;
		}
		else
			run.asked_to_end = true;
		end_run(&outside);
	}
	PG_CATCH();
	{
		end_run(&outside);
		came_back = false;
		MemoryContextSwitchTo(outside.context);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	leave(&outside);

	if (came_back && run.cancels == 0 && !run.asked_to_end)
		return true;
	raise_cancel(edata);
	describe(edata, timeout_ms, error);
	if (edata != NULL)
		FreeErrorData(edata);
	return false;
}

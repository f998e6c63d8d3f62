/*
 * launcher.c
 *	  Keeps the workers running of each database that has the extension.
 *
 * The launcher is a static background worker without a database.  It learns
 * of databases in two ways: it starts a worker in each connectable database
 * once (at its own start, and for new databases when asked to look again), and
 * that worker gives its slot back when it finds no extension, or nothing to do; and a
 * database asks for a worker itself, at the commit of what would wake one: an event, a
 * cancellation, a new destination.  That first worker is the lead of its database; it asks
 * for others, up to ecapi.workers, when there are destinations for them.
 *
 * Lifecycle events, and what happens at each:
 *
 *	 server start			launcher starts after recovery, probes every database
 *	 standby				no launcher, no worker (BgWorkerStart_RecoveryFinished)
 *	 promotion				as server start
 *	 binary upgrade			neither is started
 *	 CREATE EXTENSION		nothing
 *	 first CREATE SERVER	wants a worker, at its commit, which is there a moment
 *							later; so does an event that no destination takes: it
 *							has to be removed when it is old
 *	 last DROP SERVER		the worker ends when the outbox is empty
 *	 ALTER EXTENSION		nothing: plans follow their tables by themselves
 *	 DROP EXTENSION			not blocked; the worker finds its tables gone, gives
 *							its slot back and ends
 *	 CREATE DATABASE		asks for a look at all databases (a template may
 *							have had the extension); its template's worker is
 *							stopped first and started again after
 *	 DROP, RENAME, SET TABLESPACE
 *							the hook in ecapi.c holds the slot and stops the
 *							worker; the hold ends with the transaction
 *	 a function of users	ends the process that runs it for the worker, by itself, when
 *		does not stop		it does not stop at its time limit, and is not called by the
 *							next (enrich/user_sql.c); the worker goes on
 *	 that process ends		the worker starts another with the next call
 *	 worker ends or fails	started again, not more often than every
 *							RESTART_INTERVAL_MS; of several the lead gives its destinations
 *							to those that run, and spreads them again when it is back
 *	 lead ends or fails		started again; the others deliver what they have
 *	 ecapi.workers is raised, or there are more destinations
 *							the lead asks for workers, which are there a moment later, and
 *							spreads the destinations
 *	 it is lowered, or destinations go
 *							those beyond hand over what they have, when its requests are
 *							answered and recorded, and end
 *	 a destination is given to another worker
 *							its worker sends nothing more of it, waits for its answers,
 *							records them, and lets it go; the other one reads its cursor
 *							behind that, and takes it by a write (outbox/cursor.c)
 *	 worker crashes			the postmaster restarts everything; as server start
 *	 a worker cannot be started
 *							tried again; nothing is given to it, and ecapi.workers says why
 *	 launcher ends			the postmaster starts it again after 5 s; workers go
 *							on, their slots tell the new one that they run
 *	 shutdown				SIGTERM to all; a worker records what it knows first.
 *							A launcher that alone is ended in this way is started
 *							again, as its exit status is not 0
 *
 * When no background worker can be registered (max_worker_processes), or all
 * slots are taken (ecapi.max_workers), the slot's message, or its absence,
 * says so in ecapi.worker(), and it is tried again.
 *
 * Locks: those of the slots (shmem.c); nothing else is shared.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "settings.h"
#include "shmem/shmem.h"
#include "worker/worker.h"

/* A worker that ends is started again, but not more often than this. */
#define RESTART_INTERVAL_MS	1000

/* A look now and then is enough; every event that matters sets the latch. */
#define IDLE_MS				60000

/* Of each worker of each slot; NULL: not started by this launcher. */
static BackgroundWorkerHandle **handles;

/* Databases that were probed once, since then only on request. */
static List *probed = NIL;
static MemoryContext launcher_context;

/* Register the launcher; at preload. */
void
ecapi_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "ecapi", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ecapi_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "ecapi launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "ecapi launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Oids of all databases that can be connected to, in launcher_context. */
static List *
list_databases(void)
{
	List	   *result = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (!database->datallowconn)
			continue;
		old = MemoryContextSwitchTo(launcher_context);
		result = lappend_oid(result, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return result;
}

/*
 * Want a worker in each database that was not probed yet, and give back the
 * slots of databases that are gone.  False when slots ran out: call again
 * when one is free.
 */
static bool
probe_databases(void)
{
	List	   *databases = list_databases();
	List	   *still = NIL;
	ListCell   *cell;
	bool		all = true;

	foreach(cell, probed)
		if (list_member_oid(databases, lfirst_oid(cell)))
			still = lappend_oid(still, lfirst_oid(cell));
	list_free(probed);
	probed = still;
	foreach(cell, databases)
	{
		Oid			database = lfirst_oid(cell);

		if (list_member_oid(probed, database))
			continue;
		if (ecapi_slot_want(database))
			probed = lappend_oid(probed, database);
		else
			all = false;
	}
	for (int i = 0; i < ecapi_slot_count(); i++)
	{
		EcapiSlotInfo info;

		if (ecapi_slot_read(i, 0, &info) && !info.held &&
			!list_member_oid(databases, info.database))
			ecapi_slot_free(i);
	}
	list_free(databases);
	return all;
}

/* The handle of a worker of a slot. */
static BackgroundWorkerHandle **
handle_of(int slot, int number)
{
	return &handles[slot * ECAPI_WORKERS + number];
}

static void
start_worker(int slot, int number, const EcapiSlotInfo *info)
{
	BackgroundWorkerHandle **handle = handle_of(slot, number);
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = Int32GetDatum(slot * ECAPI_WORKERS + number);
	memcpy(worker.bgw_extra, &info->database, sizeof(Oid));
	strlcpy(worker.bgw_library_name, "ecapi", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ecapi_worker_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "ecapi worker %d for database %u",
			 number, info->database);
	strlcpy(worker.bgw_type, "ecapi worker", BGW_MAXLEN);

	if (*handle != NULL)
		pfree(*handle);
	*handle = NULL;
	if (!ecapi_slot_starting(slot, number, info->database))
		return;
	if (!RegisterDynamicBackgroundWorker(&worker, handle))
	{
		*handle = NULL;
		ecapi_slot_failed(slot, number,
						  "no background worker slot is free, see max_worker_processes");
	}
}

/* Have a worker that ended before it attached started once more. */
static void
check_starting(int slot, int number)
{
	BackgroundWorkerHandle *handle = *handle_of(slot, number);
	pid_t		pid;

	if (handle == NULL || GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED)
		ecapi_slot_failed(slot, number, "it ended at its start, see the server log");
}

/* Look after a worker of a slot; returns how long to wait, in milliseconds. */
static long
tend_worker(int slot, int number, TimestampTz now)
{
	EcapiSlotInfo info;
	long		left;

	if (!ecapi_slot_read(slot, number, &info))
		return IDLE_MS;
	if (info.state == ECAPI_SLOT_STARTING)
	{
		check_starting(slot, number);
		if (ecapi_slot_read(slot, number, &info) && info.state == ECAPI_SLOT_STARTING)
			return IDLE_MS;
	}
	if (info.state != ECAPI_SLOT_WANTED || info.held)
		return IDLE_MS;
	left = RESTART_INTERVAL_MS - (long) ((now - info.started_at) / 1000);
	if (left > 0 && left <= RESTART_INTERVAL_MS)
		return left;
	start_worker(slot, number, &info);
	return RESTART_INTERVAL_MS;
}

/* The same, after all. */
static long
tend_slots(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long		wait_ms = IDLE_MS;

	/* leads first: a database without one has nobody */
	for (int number = 0; number < ECAPI_WORKERS; number++)
		for (int i = 0; i < ecapi_slot_count(); i++)
			wait_ms = Min(wait_ms, tend_worker(i, number, now));
	return wait_ms;
}

/* Whether a waiting slot belongs to a database that may be gone. */
static bool
failed_slots(void)
{
	for (int i = 0; i < ecapi_slot_count(); i++)
	{
		EcapiSlotInfo info;

		if (ecapi_slot_read(i, 0, &info) && info.state == ECAPI_SLOT_WANTED &&
			info.generation > 0 && *handle_of(i, 0) != NULL)
			return true;
	}
	return false;
}

void
ecapi_launcher_main(Datum arg)
{
	static uint32 wait_event;
	bool		probe = false;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	if (IsBinaryUpgrade)
		proc_exit(0);
	launcher_context = AllocSetContextCreate(TopMemoryContext, "ecapi launcher",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(launcher_context);
	handles = palloc0(sizeof(BackgroundWorkerHandle *) * ecapi_slot_count() * ECAPI_WORKERS);
	ecapi_launcher_attach();

	for (;;)
	{
		long		wait_ms;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ShutdownRequestPending)
			proc_exit(1);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(launcher_context);
		if (ecapi_launcher_rescan() || probe || failed_slots())
			probe = !probe_databases();
		MemoryContextSwitchTo(launcher_context);
		wait_ms = tend_slots();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 wait_ms, ecapi_wait_event(&wait_event, "EcapiLauncher"));
	}
}

/* Ask the workers of a database to end, if again; whether there are any. */
static bool
end_workers(Oid database, bool again)
{
	bool		any = false;

	for (int slot = 0; slot < ecapi_slot_count(); slot++)
	{
		EcapiSlotInfo info;

		if (ecapi_slot_database(slot) != database)
			continue;
		for (int number = 0; number < ECAPI_WORKERS; number++)
		{
			if (!ecapi_slot_read(slot, number, &info) || info.database != database ||
				info.pid == 0 ||
				(again && kill(info.pid, SIGTERM) != 0 && errno == ESRCH))
				continue;
			any = true;
		}
	}
	return any;
}

/*
 * Stop the workers of a database, whose slot the caller holds, and wait until
 * they are gone.  Raises an error when they do not go within ten seconds, and
 * when the wait is cancelled.
 */
void
ecapi_worker_stop(Oid database)
{
	static uint32 wait_event;

	for (int i = 0; i < 1000; i++)
	{
		/* again and again: one may have been between start and handler */
		if (!end_workers(database, i % 50 == 0))
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, ecapi_wait_event(&wait_event, "EcapiWorkerStop"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("could not stop the ecapi worker of the database"),
			 errhint("Try again; see ecapi.worker() and the server log.")));
}

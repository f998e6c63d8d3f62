/*
 * ecapi_probe_fault.c
 *	  Makes the statements of a worker fail, one after the other, and spoils parse trees.
 *
 * For tests alone; preloaded in front of ecapi, so that what ecapi hooks runs around
 * what is hooked here.  A walk is about the worker of one
 * database.  Whenever that begins a reload, known by the statement that reads
 * pg_foreign_server, steps are counted from 1: each statement that the executor
 * starts in the worker, and each commit, right before it.  The first reload fails at
 * step 1, the next at step 2, and so on; each failure has the worker reload again
 * after a pause, by itself.  A walk is over when a reload has come to its end and
 * there was no step left in it to fail; a long one goes on behind the reload, through
 * ticks, pages and records, until it is ended.
 *
 *	fault_walk(database oid, long boolean)	begin
 *	fault_over()							is it over?
 *	fault_end()								end it; how many steps have failed
 *
 * The parse tree of a COMMIT PREPARED is another one once the command has run, as if
 * its memory had been freed and used again.  To see whether a process was woken:
 *
 *	fault_latch(pid int)					is its latch set?
 *
 * Locks: none; the fields are atomics, and a test changes them only while the worker
 * does nothing that counts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "tcop/utility.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ecapi_probe_fault_walk);
PG_FUNCTION_INFO_V1(ecapi_probe_fault_over);
PG_FUNCTION_INFO_V1(ecapi_probe_fault_end);
PG_FUNCTION_INFO_V1(ecapi_probe_fault_latch);

void		_PG_init(void);

/* How a reload begins. */
#define RELOAD_BEGINS	" FROM pg_catalog.pg_foreign_server s "

typedef struct Walk
{
	pg_atomic_uint32 database;	/* 0: no walk */
	pg_atomic_uint32 is_long;
	pg_atomic_uint32 failing;	/* the step that fails next */
} Walk;

static Walk *walk = NULL;
static uint32 step = 0;			/* of this process, in this reload; 0: not counting */
static bool in_reload = false;	/* its transaction is open */

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;
static ExecutorStart_hook_type previous_start = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

static bool
concerned(void)
{
	return walk != NULL && MyBgworkerEntry != NULL && OidIsValid(MyDatabaseId) &&
		strcmp(MyBgworkerEntry->bgw_type, "ecapi worker") == 0 &&
		pg_atomic_read_u32(&walk->database) == MyDatabaseId;
}

static void
count_step(const char *what)
{
	if (++step != pg_atomic_read_u32(&walk->failing))
		return;
	pg_atomic_fetch_add_u32(&walk->failing, 1);
	step = 0;
	in_reload = false;
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("fault %u: %.60s", pg_atomic_read_u32(&walk->failing) - 1, what)));
}

static void
executor_start(QueryDesc *query, int flags)
{
	if (concerned())
	{
		if (strstr(query->sourceText, RELOAD_BEGINS) != NULL)
		{
			in_reload = true;
			step = 0;
			count_step(query->sourceText);
		}
		else if (step > 0)
			count_step(query->sourceText);
	}
	if (previous_start)
		previous_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

static void
process_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *dest,
				QueryCompletion *completion)
{
	Node	   *statement = planned->utilityStmt;
	bool		spoil = IsA(statement, TransactionStmt) &&
		castNode(TransactionStmt, statement)->kind == TRANS_STMT_COMMIT_PREPARED;

	if (previous_utility)
		previous_utility(planned, query, read_only_tree, context, params,
						 environment, dest, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params,
								environment, dest, completion);
	if (spoil)
		((TransactionStmt *) statement)->kind = TRANS_STMT_ROLLBACK_PREPARED;
}

static void
at_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT || step == 0 || !concerned())
		return;
	count_step("COMMIT");
	if (in_reload && pg_atomic_read_u32(&walk->is_long) == 0)
	{
		pg_atomic_write_u32(&walk->database, 0);
		step = 0;
	}
	in_reload = false;
}

static void
request(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(sizeof(Walk));
}

static void
startup(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	walk = ShmemInitStruct("ecapi_probe_fault", sizeof(Walk), &found);
	if (!found)
	{
		pg_atomic_init_u32(&walk->database, 0);
		pg_atomic_init_u32(&walk->is_long, 0);
		pg_atomic_init_u32(&walk->failing, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request = shmem_request_hook;
	shmem_request_hook = request;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(at_transaction, NULL);
}

static void
check_preloaded(void)
{
	if (walk == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("ecapi_probe_fault is not in shared_preload_libraries")));
}

Datum
ecapi_probe_fault_walk(PG_FUNCTION_ARGS)
{
	check_preloaded();
	pg_atomic_write_u32(&walk->is_long, PG_GETARG_BOOL(1) ? 1 : 0);
	pg_atomic_write_u32(&walk->failing, 1);
	pg_atomic_write_u32(&walk->database, PG_GETARG_OID(0));
	PG_RETURN_VOID();
}

Datum
ecapi_probe_fault_over(PG_FUNCTION_ARGS)
{
	check_preloaded();
	PG_RETURN_BOOL(pg_atomic_read_u32(&walk->database) == 0);
}

Datum
ecapi_probe_fault_end(PG_FUNCTION_ARGS)
{
	check_preloaded();
	pg_atomic_write_u32(&walk->database, 0);
	PG_RETURN_INT32((int32) pg_atomic_read_u32(&walk->failing) - 1);
}

Datum
ecapi_probe_fault_latch(PG_FUNCTION_ARGS)
{
	PGPROC	   *process = BackendPidGetProc(PG_GETARG_INT32(0));

	if (process == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(process->procLatch.is_set != 0);
}

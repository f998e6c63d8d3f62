/*
 * processes.c
 *	  The processes that run users' SQL for this worker, one for each owner.
 *
 *	 none -> idle		ecapi_process_find		registered; it connects while it is sent to
 *	 idle -> taken		ecapi_process_take		it has a call
 *	 taken -> idle		ecapi_process_give_back
 *	 idle, taken -> ending	ecapi_process_end	its channel is closed, it was sent SIGTERM
 *	 idle -> ending		ecapi_processes_tend	idle for IDLE_MS, or LIFE_MS old; or another
 *							ecapi_process_find	owner needs the server's last background worker
 *	 ending -> none		ecapi_processes_tend	it is gone
 *
 * An owner whose process does not end has no other: SQL that neither its limit nor a signal
 * stops (a loop in C) takes one process, and its owner's destinations wait and say so.
 *
 * They are background workers that this process registers itself and that are never
 * restarted: one that ends is missed with the next call only.  What they belong to is the
 * worker: when it is gone, so is the channel, and they end by themselves.
 *
 * Owned by the worker's process; no locks.
 */
#include "postgres.h"

#include <signal.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "enrich/processes.h"

/* A start costs some milliseconds: a shop with an event a minute has it each time. */
#define IDLE_MS			30000

/*
 * What users' SQL leaks, and connections that it keeps, end with the process; a start every
 * ten minutes is nothing.
 */
#define LIFE_MS			(10 * 60 * 1000)

/* How often one that ends is looked at, and how often it is sent the signal again. */
#define END_POLL_MS		50

/* How long the worker's end waits for theirs: rolling back takes less. */
#define STOP_MS			5000

struct EcapiProcess
{
	dlist_node	node;
	Oid			owner;
	BackgroundWorkerHandle *handle;
	EcapiChannel *channel;		/* NULL: it is ending */
	bool		taken;
	TimestampTz started_at;
	TimestampTz idle_since;
	TimestampTz ending_since;
	TimestampTz told_at;		/* to end, last */
};

static dlist_head processes = DLIST_STATIC_INIT(processes);
static MemoryContext context = NULL;

/* Send SIGTERM; to one that has yet to start: not to. */
static void
tell_to_end(EcapiProcess *process)
{
	pid_t		pid;

	process->told_at = GetCurrentTimestamp();
	if (GetBackgroundWorkerPid(process->handle, &pid) == BGWH_STARTED)
		(void) kill(pid, SIGTERM);
	else
		TerminateBackgroundWorker(process->handle);
}

void
ecapi_process_end(EcapiProcess *process)
{
	EcapiChannel *channel = process->channel;

	process->channel = NULL;
	process->taken = false;
	if (process->ending_since == 0)
		process->ending_since = GetCurrentTimestamp();
	/* first, for one that waits for room in it looks at nothing else */
	if (channel != NULL)
		ecapi_channel_close(channel);
	tell_to_end(process);
}

/* Whether one that ends is gone; then it is forgotten. */
static bool
is_gone(EcapiProcess *process)
{
	pid_t		pid;

	if (process->channel != NULL || GetBackgroundWorkerPid(process->handle, &pid) != BGWH_STOPPED)
		return false;
	dlist_delete(&process->node);
	pfree(process->handle);
	pfree(process);
	return true;
}

static EcapiProcess *
process_of(Oid owner)
{
	dlist_iter	iter;

	dlist_foreach(iter, &processes)
	{
		EcapiProcess *process = dlist_container(EcapiProcess, node, iter.cur);

		if (process->owner == owner)
			return process;
	}
	return NULL;
}

/* The server has no background worker left: the one that was idle for longest gives way. */
static bool
make_room(void)
{
	EcapiProcess *oldest = NULL;
	dlist_iter	iter;

	dlist_foreach(iter, &processes)
	{
		EcapiProcess *process = dlist_container(EcapiProcess, node, iter.cur);

		/* one goes already */
		if (process->channel == NULL)
			return true;
		if (!process->taken && (oldest == NULL || process->idle_since < oldest->idle_since))
			oldest = process;
	}
	if (oldest != NULL)
		ecapi_process_end(oldest);
	return oldest != NULL;
}

/* Register the process of a channel; NULL: the server has no more background workers. */
static BackgroundWorkerHandle *
launch(const EcapiChannel *channel)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;
	Oid			database = MyDatabaseId;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(ecapi_channel_handle(channel));
	memcpy(worker.bgw_extra, &database, sizeof(Oid));
	strlcpy(worker.bgw_library_name, "ecapi", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ecapi_enrichment_process_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "ecapi enrichment worker for database %u", database);
	strlcpy(worker.bgw_type, "ecapi enrichment worker", BGW_MAXLEN);
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

static EcapiProcess *
start(Oid owner, const char **problem)
{
	EcapiProcess *process;
	EcapiChannel *channel;

	channel = ecapi_channel_create();
	if (channel == NULL)
	{
		*problem = "the server has no segment of shared memory left for its SQL";
		return NULL;
	}
	process = palloc0(sizeof(EcapiProcess));
	process->handle = launch(channel);
	if (process->handle == NULL)
	{
		ecapi_channel_close(channel);
		pfree(process);
		if (!make_room())
			*problem = "no background worker slot is free for its SQL, see max_worker_processes";
		return NULL;
	}
	ecapi_channel_expect(channel, process->handle);
	process->owner = owner;
	process->channel = channel;
	process->started_at = process->idle_since = GetCurrentTimestamp();
	dlist_push_tail(&processes, &process->node);
	return process;
}

EcapiProcess *
ecapi_process_find(Oid owner, const char **problem)
{
	EcapiProcess *process = process_of(owner);
	MemoryContext old;
	pid_t		pid;

	*problem = NULL;
	/* it ended while it had nothing to do: somebody has ended it, or it could not start */
	if (process != NULL && !process->taken &&
		GetBackgroundWorkerPid(process->handle, &pid) == BGWH_STOPPED)
		ecapi_process_end(process);
	if (process != NULL && process->channel == NULL && !is_gone(process))
	{
		if (TimestampDifferenceExceeds(process->ending_since, GetCurrentTimestamp(), STOP_MS) &&
			GetBackgroundWorkerPid(process->handle, &pid) == BGWH_STARTED)
			*problem = psprintf("its SQL does not stop, in process %d", (int) pid);
		return NULL;
	}
	process = process_of(owner);
	if (process == NULL)
	{
		if (context == NULL)
			context = AllocSetContextCreate(TopMemoryContext, "ecapi enrichment workers",
											ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(context);
		process = start(owner, problem);
		MemoryContextSwitchTo(old);
	}
	return process == NULL || process->taken ? NULL : process;
}

bool
ecapi_process_is_busy(Oid owner)
{
	EcapiProcess *process = process_of(owner);

	return process != NULL && process->taken;
}

void
ecapi_process_take(EcapiProcess *process)
{
	process->taken = true;
}

EcapiChannel *
ecapi_process_channel(EcapiProcess *process)
{
	return process->channel;
}

void
ecapi_process_give_back(EcapiProcess *process)
{
	process->taken = false;
	process->idle_since = GetCurrentTimestamp();
}

/* Whether one is to end; lowers *wait_ms to when to ask again. */
static bool
has_had_its_time(const EcapiProcess *process, TimestampTz now, long *wait_ms)
{
	int64		idle_ms = (now - process->idle_since) / 1000;
	int64		life_ms = (now - process->started_at) / 1000;

	if (process->taken)
		return false;
	/* a clock that was set back begins afresh */
	if (idle_ms < 0 || life_ms < 0 || idle_ms >= IDLE_MS || life_ms >= LIFE_MS)
		return true;
	*wait_ms = Min(*wait_ms, (long) Min(IDLE_MS - idle_ms, LIFE_MS - life_ms) + 1);
	return false;
}

void
ecapi_processes_tend(TimestampTz now, long *wait_ms)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &processes)
	{
		EcapiProcess *process = dlist_container(EcapiProcess, node, iter.cur);

		if (process->channel != NULL && has_had_its_time(process, now, wait_ms))
			ecapi_process_end(process);
		if (process->channel != NULL || is_gone(process))
			continue;
		if (now < process->told_at || now - process->told_at >= END_POLL_MS * INT64CONST(1000))
			tell_to_end(process);
		*wait_ms = Min(*wait_ms, END_POLL_MS);
	}
}

void
ecapi_processes_stop(void)
{
	static uint32 wait_event;
	dlist_mutable_iter iter;
	instr_time	began;			/* of a clock that nobody sets back */
	instr_time	waited;

	dlist_foreach_modify(iter, &processes)
		ecapi_process_end(dlist_container(EcapiProcess, node, iter.cur));
	INSTR_TIME_SET_CURRENT(began);
	do
	{
		long		wait_ms = END_POLL_MS;

		ecapi_processes_tend(GetCurrentTimestamp(), &wait_ms);
		if (dlist_is_empty(&processes))
			return;
		/* the postmaster signals us when one has ended */
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, END_POLL_MS,
						 ecapi_wait_event(&wait_event, "EcapiEnrichmentStop"));
		ResetLatch(MyLatch);
		INSTR_TIME_SET_CURRENT(waited);
		INSTR_TIME_SUBTRACT(waited, began);
	} while (INSTR_TIME_GET_MILLISEC(waited) < STOP_MS);
}

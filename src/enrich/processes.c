/*
 * processes.c
 *	  The processes that run users' SQL for this worker, one for each owner.
 *
 *	 none -> idle		ecapi_process_find		registered; it connects while it is sent to
 *	 idle -> taken		ecapi_process_take		it has a call
 *	 taken -> idle		ecapi_process_give_back
 *	 idle, taken -> ending	ecapi_process_end	its channel is closed, it was sent SIGTERM
 *	 idle -> ending		ecapi_processes_tend	idle for IDLE_MS
 *							ecapi_process_find	LIFE_MS old; or another owner needs the server's
 *												last background worker
 *	 ending -> none		ecapi_processes_tend	it is gone
 *
 * An owner whose process does not end has no other of this worker: SQL that neither its limit nor a signal
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
#include "utils/resowner.h"
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

/*
 * How often one that ends is looked at and sent the signal again; and one that has not ended
 * in STOP_MS.
 */
#define END_POLL_MS		50
#define DEAF_POLL_MS	1000

/* How long nothing is asked of a server that had no background worker left. */
#define REFUSED_MS		50

/* How long the worker's end waits for theirs: rolling back takes less. */
#define STOP_MS			5000

struct EcapiProcess
{
	dlist_node	node;
	Oid			owner;
	BackgroundWorkerHandle *handle;
	EcapiChannel *channel;		/* NULL: it is ending */
	bool		taken;
	bool		ready;			/* it has said so */
	TimestampTz started_at;
	TimestampTz idle_since;
	TimestampTz ending_since;
	TimestampTz told_at;		/* to end, last */
};

static dlist_head processes = DLIST_STATIC_INIT(processes);
static MemoryContext context = NULL;
static TimestampTz refused_at = 0;	/* when the server had no background worker left */

/* Whether a moment was within the last ms milliseconds. */
static bool
is_within(TimestampTz moment, int ms)
{
	TimestampTz now = GetCurrentTimestamp();

	/* one that is yet to come is of a clock that was set back */
	return moment <= now && !TimestampDifferenceExceeds(moment, now, ms);
}

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
		if (process->channel == NULL && is_within(process->ending_since, STOP_MS))
			return true;
		if (process->channel == NULL)
			continue;
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

/*
 * A channel, or NULL: no shared memory is left, neither of segments nor of what they are made
 * of.  That is no reason for the worker to stop at.
 */
static EcapiChannel *
open_channel(void)
{
	MemoryContext before_context = CurrentMemoryContext;
	ResourceOwner before = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(NULL, "ecapi channel");
	EcapiChannel *volatile channel = NULL;

	CurrentResourceOwner = owner;
	PG_TRY();
	{
		channel = ecapi_channel_create();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(before_context);
		FlushErrorState();
	}
	PG_END_TRY();
	CurrentResourceOwner = before;
	/* of one that is whole it has nothing any more; it has no parent, so it is a top one */
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, true);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, true);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, true);
	ResourceOwnerDelete(owner);
	return channel;
}

static EcapiProcess *
start(Oid owner, const char **problem)
{
	EcapiProcess *process;
	EcapiChannel *channel = NULL;

	if (!is_within(refused_at, REFUSED_MS))
	{
		channel = open_channel();
		if (channel == NULL)
		{
			*problem = "the server has no shared memory left for its SQL";
			return NULL;
		}
	}
	process = palloc0(sizeof(EcapiProcess));
	process->handle = channel == NULL ? NULL : launch(channel);
	if (process->handle == NULL)
	{
		if (channel != NULL)
		{
			ecapi_channel_close(channel);
			refused_at = GetCurrentTimestamp();
		}
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
	/*
	 * One that is old makes room for another.  It ended while it had nothing to do: somebody
	 * has ended it, or it could not start.
	 */
	if (process != NULL && process->channel != NULL && !process->taken &&
		(!is_within(process->started_at, LIFE_MS) ||
		 GetBackgroundWorkerPid(process->handle, &pid) == BGWH_STOPPED))
		ecapi_process_end(process);
	if (process != NULL && process->channel == NULL && !is_gone(process))
	{
		if (!is_within(process->ending_since, STOP_MS) &&
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
ecapi_process_note_ready(EcapiProcess *process)
{
	process->ready = true;
}

bool
ecapi_process_is_ready(const EcapiProcess *process)
{
	return process->ready;
}

void
ecapi_process_give_back(EcapiProcess *process)
{
	process->taken = false;
	process->idle_since = GetCurrentTimestamp();
}

void
ecapi_processes_tend(long *wait_ms)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &processes)
	{
		EcapiProcess *process = dlist_container(EcapiProcess, node, iter.cur);
		int			poll_ms = END_POLL_MS;

		if (process->channel != NULL && !process->taken && !is_within(process->idle_since, IDLE_MS))
			ecapi_process_end(process);
		if (process->channel != NULL)
		{
			if (!process->taken)
				*wait_ms = Min(*wait_ms, IDLE_MS);
			continue;
		}
		if (is_gone(process))
			continue;
		if (!is_within(process->ending_since, STOP_MS))
			poll_ms = DEAF_POLL_MS;
		if (!is_within(process->told_at, poll_ms))
			tell_to_end(process);
		*wait_ms = Min(*wait_ms, poll_ms);
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

		ecapi_processes_tend(&wait_ms);
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

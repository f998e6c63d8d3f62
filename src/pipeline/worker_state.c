/*
 * worker_state.c
 *	  The state of the worker process, and its transactions.
 *
 * Invariant: a transaction of the worker is short and ends before any request is
 * waited for; the scratch context is current outside of one.
 *
 * Locks: none; the state is the process's own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/snapmgr.h"

#include "pipeline/worker_state.h"
#include "shmem/workers.h"
#include "stat/stat_worker.h"

EcapiWorker ecapi_me = {.reload_wanted = true};

void
ecapi_worker_begin(bool read_only)
{
	if (ecapi_stat_phase_now() == ECAPI_PHASE_OTHER)
		(void) ecapi_stat_phase(ECAPI_PHASE_SQL);
	StartTransactionCommand();
	XactReadOnly = read_only;
	SPI_connect();
	ecapi_me.tick_count = ecapi_tick_log_count();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
ecapi_worker_end(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);
	if (ecapi_stat_phase_now() == ECAPI_PHASE_SQL)
		(void) ecapi_stat_phase(ECAPI_PHASE_OTHER);
}

bool
ecapi_elapsed(TimestampTz *last, TimestampTz now, int interval_ms)
{
	/* a clock that was set back counts as elapsed */
	if (*last <= now && now - *last < (int64) interval_ms * 1000)
		return false;
	*last = now;
	return true;
}

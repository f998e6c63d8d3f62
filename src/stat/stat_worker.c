/*
 * stat_worker.c
 *	  Statistics of a database's worker: what its time goes to, and what it holds.
 *
 * The worker is in one phase at a time: a change adds the time since the last one to the
 * phase that ends, so all phases together are all its time, but for users' SQL: that runs
 * in other processes, whose time is added when they say what it was.  A change costs a look at the
 * clock, so phases change a few times a turn, never for an event.
 *
 * Where a database has several workers all of them count into the same counters, so times
 * and gauges are those of all together.  Each adds to a gauge what its own value has grown by,
 * and takes it away when it ends.
 *
 * Locks: none; the phase is the worker's own, counters are atomics.
 */
#include "postgres.h"

#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "stat/stat_worker.h"

static pg_atomic_uint64 *counters = NULL;	/* NULL: this process is no worker */
static EcapiPhase phase = ECAPI_PHASE_OTHER;
static instr_time since;		/* begin of the phase */
static uint64 gauges[ECAPI_WORKER_STATS];	/* what this process has added to each */

static const char *const names[ECAPI_PHASES] = {
	[ECAPI_PHASE_OTHER] = "other",
	[ECAPI_PHASE_SQL] = "sql",
	[ECAPI_PHASE_USERS_SQL] = "users_sql",
	[ECAPI_PHASE_SHAPING] = "shaping",
	[ECAPI_PHASE_RECORDING] = "recording",
	[ECAPI_PHASE_WAITING] = "waiting"
};

const char *
ecapi_stat_phase_name(int number)
{
	return names[number];
}

void
ecapi_stat_worker_end(void)
{
	for (int i = ECAPI_WORKER_GAUGES; i < ECAPI_WORKER_STATS; i++)
		ecapi_stat_worker_now(i, 0);
}

static void
end_at_exit(int code, Datum arg)
{
	ecapi_stat_worker_end();
}

void
ecapi_stat_worker_begin(void)
{
	counters = ecapi_stat_section(ECAPI_SECTION_WORKER);
	if (counters == NULL)
		return;
	before_shmem_exit(end_at_exit, (Datum) 0);
	if (pg_atomic_read_u64(&counters[ECAPI_WORKER_RESET_AT]) == 0)
		pg_atomic_write_u64(&counters[ECAPI_WORKER_RESET_AT], GetCurrentTimestamp());
	phase = ECAPI_PHASE_OTHER;
	INSTR_TIME_SET_CURRENT(since);
}

EcapiPhase
ecapi_stat_phase_now(void)
{
	return phase;
}

void
ecapi_stat_users_sql(int64 us)
{
	if (counters != NULL && us > 0)
		ecapi_stat_add(&counters[ECAPI_PHASE_USERS_SQL], (uint64) us * 1000);
}

EcapiPhase
ecapi_stat_phase(EcapiPhase next)
{
	EcapiPhase	before = phase;
	instr_time	now;
	instr_time	spent;

	if (counters == NULL || next == phase)
		return before;
	INSTR_TIME_SET_CURRENT(now);
	spent = now;
	INSTR_TIME_SUBTRACT(spent, since);
	ecapi_stat_add(&counters[phase], (uint64) (INSTR_TIME_GET_DOUBLE(spent) * 1e9));
	since = now;
	phase = next;
	return before;
}

void
ecapi_stat_worker_now(EcapiWorkerStat gauge, uint64 value)
{
	if (counters == NULL || value == gauges[gauge])
		return;
	/* less is more by what is missing to 2^64 */
	(void) pg_atomic_fetch_add_u64(&counters[gauge], (int64) (value - gauges[gauge]));
	gauges[gauge] = value;
}

void
ecapi_stat_turn(void)
{
	(void) ecapi_stat_phase(ECAPI_PHASE_OTHER);
	if (counters != NULL)
		ecapi_stat_add(&counters[ECAPI_WORKER_TURNS], 1);
}

bool
ecapi_stat_worker_read(uint64 counts[ECAPI_WORKER_STATS])
{
	pg_atomic_uint64 *here = ecapi_stat_section(ECAPI_SECTION_WORKER);

	for (int i = 0; here != NULL && i < ECAPI_WORKER_STATS; i++)
		counts[i] = pg_atomic_read_u64(&here[i]);
	return here != NULL;
}

void
ecapi_stat_worker_reset(TimestampTz now)
{
	pg_atomic_uint64 *here = ecapi_stat_section(ECAPI_SECTION_WORKER);

	if (here == NULL)
		return;
	for (int i = 0; i < ECAPI_WORKER_RESET_AT; i++)
		pg_atomic_write_u64(&here[i], 0);
	pg_atomic_write_u64(&here[ECAPI_WORKER_RESET_AT], now);
}

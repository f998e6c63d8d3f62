/*
 * worker.c
 *	  A worker of a database: one process, one loop, one wait.
 *
 * A database has one worker, its lead, or several (ecapi.workers).  Each has destinations
 * of its own (pipeline/own.c) and delivers them by itself, with ticks, pages and connections
 * of its own.  What concerns all is the lead's alone: which worker has what
 * (pipeline/overview.c), the log of ticks, cancellations and amendments, cursors of servers
 * that come and go, the limits of the ring, and staying while there is anything to do.
 *
 * A turn of the loop:
 *	 1. end, reload settings or destinations, if asked to
 *	 2. take answers; outcomes go to memory
 *	 3. read: when woken, or at a heartbeat, take a tick; read pages for the
 *		destinations that want events.  One short transaction, closed before
 *		any byte goes out
 *	 4. prepare what was read: users' SQL, in processes of their owners (enrich/processes.c)
 *	 5. send what may be sent; before that, mark what may not any more (stopped.c)
 *	 6. record, when due: one short transaction; let go what another worker is to have
 *	 7. take back what was cancelled too late, step by step (cancel.c); the lead
 *	 8. keep the ring within its limits, now and then (bounds.c)
 *	 9. wait for the latch, a socket, the postmaster's death, or time
 *
 * No transaction, snapshot or lock waits for a request that is in flight.
 *
 * Wake: committing emitters set the latch (wake.c), as long as the worker wants them
 * to (wake_wait).  A heartbeat covers what sets no latch: a prepared transaction that is
 * committed from a session without the library, a clock or file that changed.
 *
 * Errors: a turn runs in an error scope.  What it raises is logged with its SQLSTATE and
 * without data, at once and then each minute that it lasts, shown by ecapi.worker(), and
 * the loop goes on after a pause; the memory that holds what was sent but not recorded is
 * outside the scope and survives.  Only an error between answers and requests
 * (there, only memory can run out) may leave lists half changed: then the
 * worker records what it can and ends, and a new one starts from the tables.
 * When the extension is gone the worker gives its slot back and ends, and so it does
 * while there is nothing for it to do (leave_if_idle).
 *
 * Signals: SIGTERM starts nothing, waits LAST_ANSWERS_MS at most for the requests in
 * flight, records and ends; those without an answer then are dropped, to be sent again
 * under the same ids by the next worker.  The processes that run users' SQL end before it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/sql_version.h"
#include "compat.h"
#include "delivery/sockets.h"
#include "enrich/processes.h"
#include "outbox/ring.h"
#include "outbox/rotation.h"
#include "pipeline/amend_job.h"
#include "pipeline/amend_wait.h"
#include "pipeline/cancel.h"
#include "pipeline/destination.h"
#include "pipeline/destinations.h"
#include "pipeline/failed_feed.h"
#include "pipeline/keep.h"
#include "pipeline/observe.h"
#include "pipeline/overview.h"
#include "pipeline/own.h"
#include "pipeline/pipeline.h"
#include "pipeline/prepare.h"
#include "pipeline/read.h"
#include "pipeline/receipts.h"
#include "pipeline/recorder.h"
#include "pipeline/reload.h"
#include "pipeline/replay_feed.h"
#include "pipeline/settle.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/stopped.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/cancellation.h"
#include "records/new_oids.h"
#include "records/replay.h"
#include "settings.h"
#include "shmem/shmem.h"
#include "stat/stat_worker.h"
#include "worker/bounds.h"
#include "worker/failing.h"
#include "worker/start.h"
#include "worker/worker.h"

#define HEARTBEAT_MS		5000
#define ERROR_PAUSE_MS		1000

/*
 * How long the end of the worker waits for answers.  Platforms answer within some hundred
 * milliseconds; a shutdown of the server, or CREATE DATABASE, waits as long.
 */
#define LAST_ANSWERS_MS		1000

/*
 * Ticks: not more often than this while destinations wait for events (it is
 * far below the time a request takes over a network), and while none does.
 */
#define TICK_MIN_US			2000
#define TICK_LOG_US			USECS_PER_SEC

/* How soon to ask again whether a standby has confirmed a tick. */
#define STANDBY_POLL_MS		10

/*
 * How soon to look again whether a destination can be had.  Who lets one go says so; who
 * ends with one does not.
 */
#define OWN_POLL_MS			1000

static bool retry_wanted = false;	/* of users' SQL */
static Oid	cursors = InvalidOid;	/* the relation, as of the last reload */
static bool tick_wanted = true;
static bool tick_has_events = false;	/* woken since the last tick */
static bool moving_events = false;	/* lists of the pipeline are in between */
static TimestampTz last_heartbeat = 0;
static TimestampTz last_idle_look = 0;
static TimestampTz last_own_look = 0;
static Oid	waits_for = InvalidOid; /* a server that is to be ours, and another has */

/* What a change of a catalog asks for, as the argument of its callback. */
#define WANT_RELOAD	1			/* of destinations */
#define WANT_RETRY	2			/* of users' SQL that has failed */

static void
want(Datum arg, int cacheid, uint32 hashvalue)
{
	ecapi_me.reload_wanted |= (DatumGetInt32(arg) & WANT_RELOAD) != 0;
	retry_wanted |= (DatumGetInt32(arg) & WANT_RETRY) != 0;
}

/* A prepared transaction that changed cursors is committed. */
static void
want_reload_of(Datum arg, Oid relid)
{
	if (relid == cursors || !OidIsValid(relid))
		ecapi_me.reload_wanted = true;
}

static bool
has_extension(void)
{
	bool		has;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	has = ecapi_installed();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return has;
}

/* Whether there is nothing to deliver, and nothing to keep in bounds. */
static bool
is_idle(void)
{
	bool		idle;

	if (ecapi_overview_any())
		return false;
	ecapi_worker_begin(true);
	idle = ecapi_rotation_empty() && !ecapi_cancellation_any();
	ecapi_worker_end();
	return idle;
}

/*
 * A database without destination has a lead only while there is something to keep
 * in bounds: events and their records, which are removed when they are old, and
 * cancellations.  Another worker stays as long as it is wanted or has something.  Else this
 * process ends; a session that emits, cancels or creates a destination asks for a lead at
 * commit, and the lead for others.
 */
static void
leave_if_idle(TimestampTz now)
{
	if (!dlist_is_empty(&ecapi_me.destinations) || ecapi_me.reload_wanted)
		return;
	if (ecapi_worker_leads()
		? !ecapi_elapsed(&last_idle_look, now, HEARTBEAT_MS) || !is_idle()
		: ecapi_worker_number() < ecapi_workers_wanted())
		return;
	ecapi_processes_stop();
	ecapi_stat_worker_end();
	if (ecapi_worker_leave())
		proc_exit(0);
}

/* The extension was dropped, or never there: give the slot back and end. */
static void
retire(void)
{
	ecapi_processes_stop();
	ecapi_stat_worker_end();
	ecapi_worker_retire();
	proc_exit(0);
}

/* Say once that the SQL waits for its update; ecapi.check() says it, too. */
static void
tell_if_older(void)
{
	static bool told = false;
	const char *what_to_do;
	bool		is_error;
	const char *what = ecapi_version_problem(&what_to_do, &is_error);

	if (told || what == NULL)
		return;
	told = true;
	ereport(LOG,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("ecapi worker: %s", what),
			 errhint("%s", what_to_do)));
}

/* What was written or locked is not seen by the snapshot of this transaction. */
static void
take_new_snapshot(void)
{
	ecapi_worker_end();
	ecapi_worker_begin(false);
}

static void
reload_destinations(void)
{
	List	   *found;
	List	   *replays;

	ecapi_me.reload_wanted = ecapi_me.replay_ended = false;
	ecapi_worker_begin(false);
	if (!ecapi_installed())
	{
		ereport(LOG,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("ecapi worker ends: the extension is gone")));
		retire();
	}
	ecapi_sql_check_known();
	cursors = ecapi_relation("cursor_row", true);
	if (ecapi_worker_leads())
	{
		tell_if_older();
		/* all that is found is read by one snapshot, which has to see what this has written */
		if (ecapi_new_oids_follow())
			take_new_snapshot();
	}
	if (ecapi_reload_own(&waits_for))
		take_new_snapshot();
	found = ecapi_reload_find(ecapi_me.scratch);
	replays = ecapi_replay_load(ecapi_me.scratch);
	ecapi_worker_end();
	/* who is to have them has passed over them until now */
	if (ecapi_me.tell_others)
		ecapi_workers_reload();
	ecapi_me.tell_others = false;
	ecapi_destinations_take(found);
	ecapi_replay_take(replays);
	if (ecapi_worker_leads())
		ecapi_overview_take(found);
	tick_wanted = true;
}

/* Step 3; false when a standby has yet to confirm the tick. */
static bool
read_events(TimestampTz now)
{
	bool		wanted = tick_wanted;

	ecapi_read_begin();
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		wanted |= ecapi_read_may(&destination->live, now) || ecapi_read_may(&destination->replay, now) ||
			ecapi_failed_wanted(destination, now) || ecapi_receipts_wanted(destination, now);
	}
	if (!wanted)
		return true;

	ecapi_worker_begin(true);
	ecapi_sql_check_known();
	ecapi_ring_check();
	/* with a delay, no event may be behind the last logged tick for long */
	if (tick_wanted && ecapi_tick_take(tick_has_events || ecapi_read_delays()))
		tick_wanted = tick_has_events = false;
	ecapi_read_pages(now, &ecapi_me.reload_wanted);
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (ecapi_failed_wanted(destination, now))
			ecapi_failed_read(destination, now);
		if (ecapi_receipts_wanted(destination, now))
			ecapi_receipts_read(destination, now);
	}
	/* what we read was seen, so changes made before it can be heard of by now */
	AcceptInvalidationMessages();
	ecapi_worker_end();
	return !tick_wanted;
}

/* Destinations that send nothing hold no memory. */
static void
put_down_idle_work(void)
{
	bool		tight = ecapi_me.page_bytes > ECAPI_BUDGET / 2;

	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (destination->state == ECAPI_STOPPED || destination->state == ECAPI_PAUSED ||
			(tight && destination->state == ECAPI_WAITING))
			ecapi_destination_rewind(destination);
		else if (ecapi_share_is_over(destination))
			ecapi_feed_put_back(&destination->live);
	}
	ecapi_keep_end_turn();
}

static void
lower(long *wait_ms, long ms)
{
	if (ms >= 0 && ms < *wait_ms)
		*wait_ms = ms;
}

static bool
any_in_flight(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (destination->nflying > 0)
			return true;
	}
	return false;
}

/*
 * Take the answers to what is in flight, those that come within LAST_ANSWERS_MS, and start
 * nothing: what is recorded before the end is not sent again by the next worker.  What
 * stays unanswered is known to have been sent.
 */
static void
take_last_answers(void)
{
	instr_time	began;			/* of a clock that nobody sets back */
	instr_time	waited;
	long		left_ms = any_in_flight() ? LAST_ANSWERS_MS : 0;

	INSTR_TIME_SET_CURRENT(began);
	do
	{
		/* it is set by the request to end, and would end each wait at once */
		ResetLatch(MyLatch);
		(void) ecapi_sockets_wait(ecapi_me.http, left_ms);
		moving_events = true;
		ecapi_pipeline_answers();
		moving_events = false;
		INSTR_TIME_SET_CURRENT(waited);
		INSTR_TIME_SUBTRACT(waited, began);
		left_ms = LAST_ANSWERS_MS - (long) INSTR_TIME_GET_MILLISEC(waited);
	} while (left_ms > 0 && any_in_flight());

	moving_events = true;
	ecapi_pipeline_unanswered();
	moving_events = false;
}

static void
shut_down(int code)
{
	ecapi_processes_stop();
	ecapi_recorder_write(true);
	proc_exit(code);
}

/*
 * Milliseconds until a wake may be answered with a tick, 0 for now, -1 for
 * never.  Until it is answered, emitters set no latch: on a busy server that
 * spares each commit a signal, and gathers what commits meanwhile into one
 * page.  When no destination stands at the live tick, ticks only serve their log.  While a
 * tick waits for a standby, none is answered.
 */
static long
wake_wait(TimestampTz now)
{
	int64		interval_us = TICK_LOG_US;
	int64		since_us = now - ecapi_me.live_at;

	if (!ecapi_delivery)
		return -1;
	/* the tick that a standby has yet to confirm does not see what woke us since */
	if (ecapi_tick_unconfirmed())
		return STANDBY_POLL_MS;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (ecapi_feed_wants(&destination->live) && destination->live.read.to == NULL &&
			destination->options->delay_ms <= 0 &&
			destination->live.read.from == ecapi_me.live)
			interval_us = TICK_MIN_US;
	}
	/* a clock that was set back must not hold ticks */
	if (since_us < 0 || since_us >= interval_us)
		return 0;
	return (long) ((interval_us - since_us + 999) / 1000);
}

/* Lower the wait to when a feed can read on. */
static void
wait_to_read(TimestampTz now, long *wait_ms)
{
	ecapi_read_begin();
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		/* what was sent or filtered may have made room to read on */
		if (ecapi_read_may(&destination->live, now) || ecapi_read_may(&destination->replay, now))
			lower(wait_ms, 0);
		else
			lower(wait_ms, ecapi_read_wait_ms(&destination->live, now));
	}
	if (ecapi_me.tick_log_due && ecapi_read_delays())
	{
		tick_wanted |= now - ecapi_me.tick_logged_at >= TICK_LOG_US;
		lower(wait_ms, tick_wanted ? STANDBY_POLL_MS : (long) (TICK_LOG_US / 1000));
	}
}

/*
 * Step 5.  A destination that waits for what others have goes first in the next turn.
 */
static void
send_events(TimestampTz now, long *wait_ms)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		lower(wait_ms, ecapi_pipeline_pump(destination, now));
		ecapi_receipts_ask(destination, now);
		/* a first request that is not answered is to be seen, too */
		if (ecapi_state_name(destination) != destination->state_shown)
			destination->dirty = true;
		destination->state_shown = ecapi_state_name(destination);
		if (destination->share.short_of != NULL && destination->nflying == 0)
			dlist_move_head(&ecapi_me.destinations, &destination->node);
	}
}

/* Whether no worker has a destination any more; who ends with one does not say so. */
static bool
is_free(Oid server)
{
	bool		result;

	ecapi_worker_begin(true);
	result = ecapi_own_is_free(server);
	ecapi_worker_end();
	return result;
}

/* One turn; returns how long to wait, in milliseconds. */
static long
turn(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long		wait_ms = HEARTBEAT_MS;

	if (ShutdownRequestPending)
	{
		take_last_answers();
		shut_down(0);
	}
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		ecapi_bounds_changed();
	}
	if (wake_wait(now) == 0 && ecapi_worker_woken())
		tick_wanted = tick_has_events = true;
	if (ecapi_elapsed(&last_heartbeat, now, HEARTBEAT_MS))
	{
		tick_wanted = true;
		ecapi_destinations_credentials();
	}
	if (ecapi_worker_reload() || ecapi_me.replay_ended)
		ecapi_me.reload_wanted = true;
	if (OidIsValid(waits_for))
	{
		ecapi_me.reload_wanted |= ecapi_elapsed(&last_own_look, now, OWN_POLL_MS) && is_free(waits_for);
		wait_ms = OWN_POLL_MS;
	}
	if (ecapi_me.reload_wanted)
		reload_destinations();
	if (ecapi_worker_leads())
		ecapi_overview_spread(now);
	leave_if_idle(now);

	moving_events = true;
	ecapi_pipeline_answers();
	moving_events = false;
	ecapi_prepare_move(&wait_ms);
	ecapi_keep_free(ecapi_share_count());
	if (ecapi_delivery)
	{
		if (!read_events(now))
			wait_ms = STANDBY_POLL_MS;
		/* options that were changed before an event was emitted apply to it */
		if (ecapi_me.reload_wanted)
		{
			reload_destinations();
			wait_ms = 0;
		}
		if (retry_wanted)
			ecapi_prepare_nudge();
		retry_wanted = false;
		ecapi_prepare_step(now, &wait_ms);
		ecapi_stops_refresh(now);
		ecapi_amend_find_originals(now);
		moving_events = true;
		send_events(now, &wait_ms);
		moving_events = false;
		wait_to_read(now, &wait_ms);
		if (ecapi_amend_asks())
			wait_ms = 0;
	}
	put_down_idle_work();
	ecapi_processes_tend(&wait_ms);

	if (ecapi_recorder_due(now, &wait_ms))
		ecapi_recorder_write(false);
	ecapi_destinations_let_go();
	if (ecapi_delivery)
		ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		{
			lower(&wait_ms, ecapi_failed_wait_ms(destination, now));
			lower(&wait_ms, ecapi_receipts_wait_ms(destination, now));
		}
	lower(&wait_ms, ecapi_settle_step(now));
	if (ecapi_worker_leads())
	{
		lower(&wait_ms, ecapi_cancel_step(now));
		lower(&wait_ms, ecapi_amend_step(now));
	}
	lower(&wait_ms, ecapi_bounds_keep(now));
	/* a cursor whose row was deleted is written again */
	ecapi_me.reload_wanted |= ecapi_me.cursor_lost;
	ecapi_me.cursor_lost = false;
	if (ecapi_worker_wake_pending())
		lower(&wait_ms, wake_wait(GetCurrentTimestamp()));
	if (ecapi_me.reload_wanted || ecapi_me.replay_ended)
		wait_ms = 0;
	ecapi_observe_turn(now);
	return wait_ms;
}

/*
 * A turn failed: log it without data, leave the transaction, show it.  Details
 * and contexts of the error may quote an event, so they stay inside.
 */
static void
report_failure(void)
{
	ErrorData  *error;
	MemoryContext old = MemoryContextSwitchTo(ecapi_me.context);

	error = CopyErrorData();
	FlushErrorState();
	HOLD_INTERRUPTS();
	AbortOutOfAnyTransaction();
	RESUME_INTERRUPTS();

	/* what DROP EXTENSION looks like from within a statement is no failure */
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_UNDEFINED_TABLE) && !has_extension())
		retire();
	ecapi_failing_say(error);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
	ecapi_me.reload_wanted = true;
}

static void
attach(int place)
{
	Oid			database;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(Oid));
	if (!ecapi_worker_attach(place / ECAPI_WORKERS, place % ECAPI_WORKERS, database))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
}

static void
watch_catalogs(void)
{
	CacheRegisterRelcacheCallback(want_reload_of, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, want, Int32GetDatum(WANT_RELOAD));
	CacheRegisterSyscacheCallback(USERMAPPINGOID, want, Int32GetDatum(WANT_RELOAD));
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, want, Int32GetDatum(WANT_RELOAD));
	CacheRegisterSyscacheCallback(PROCOID, want, Int32GetDatum(WANT_RETRY));
	/* of a role: which files it may read, whether it may deliver, what users' SQL may do */
	CacheRegisterSyscacheCallback(AUTHOID, want, Int32GetDatum(WANT_RELOAD | WANT_RETRY));
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, want, Int32GetDatum(WANT_RELOAD | WANT_RETRY));
}

void
ecapi_worker_main(Datum arg)
{
	static uint32 wait_event;
	volatile bool failed = false;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	attach(DatumGetInt32(arg));
	if (!has_extension())
		retire();
	ecapi_worker_set_up();
	watch_catalogs();

	for (;;)
	{
		volatile bool pause = false;

		MemoryContextReset(ecapi_me.scratch);
		MemoryContextSwitchTo(ecapi_me.scratch);
		PG_TRY();
		{
			long		wait_ms;

			/* a cancel is an error of a turn: what is on its way stays on its way */
			CHECK_FOR_INTERRUPTS();
			pgstat_report_activity(STATE_RUNNING, "delivering events");
			ecapi_stat_turn();
			wait_ms = turn();
			ecapi_failing_over(failed);
			failed = false;
			pgstat_report_stat(false);
			pgstat_report_activity(STATE_IDLE, NULL);
			(void) ecapi_stat_phase(ECAPI_PHASE_WAITING);
			if (ecapi_sockets_wait(ecapi_me.http, wait_ms))
				ResetLatch(MyLatch);
		}
		PG_CATCH();
		{
			report_failure();
			(void) ecapi_stat_phase(ECAPI_PHASE_WAITING);
			failed = pause = true;
			if (ShutdownRequestPending)
			{
				ecapi_processes_stop();
				proc_exit(1);
			}
			if (moving_events)
				shut_down(1);
		}
		PG_END_TRY();

		/*
		 * Without the sockets, for waiting for them may be what failed, and
		 * without the latch, or every commit would bring the error again.
		 */
		if (pause)
			(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 ERROR_PAUSE_MS, ecapi_wait_event(&wait_event, "EcapiErrorPause"));
	}
}

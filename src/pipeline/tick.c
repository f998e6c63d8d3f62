/*
 * tick.c
 *	  Ticks: the snapshots that bound windows, and where destinations stand.
 *
 * A tick is a snapshot that the worker took: on a primary, under READ COMMITTED, in a
 * transaction that wrote nothing.  The newest is "live".  Equal snapshots are one tick in
 * memory, so that two places are equal when their pointers are.
 *
 * Durable before sent: an asynchronous commit is visible before its WAL is flushed.  So
 * a tick counts only after the WAL is flushed up to a point that was read after the
 * snapshot was taken: no event that it shows can be undone by a crash.  With
 * ecapi.wait_for_standby a standby must have flushed it, too (standby.c); the worker
 * asks whether it has, and never waits for it inside the server, so an absent standby
 * holds up delivery and nothing else.
 *
 * At most one tick a second goes to the log (ecapi.tick), by the lead; other workers take
 * ticks of their own, and hear that the log has grown (shmem/workers.c).  A destination that lags goes
 * from logged tick to logged tick and then to the live one, so what committed more than
 * about a second apart is read in commit order, and it meets the others at the next tick.
 *
 * A destination with a delay goes from logged tick to logged tick alone, to those that
 * are old enough; so a tick is logged for events that came since the last logged one,
 * even if no more come.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/standby.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/record.h"
#include "shmem/workers.h"

#define TICK_LOG_INTERVAL_US	USECS_PER_SEC

/* A standby that is well confirms within a round trip and a flush. */
#define WAIT_SHOWN_MS	1000

/* Logged ticks that one look into the log brings. */
#define TICKS_AHEAD 16

/* A tick whose WAL the standby has yet to confirm; NULL: none. */
static EcapiTick *unconfirmed = NULL;
static XLogRecPtr unconfirmed_lsn = InvalidXLogRecPtr;
static TimestampTz unconfirmed_at = 0;

/* No tick later than this one is in the log; NULL: not known yet. */
static EcapiTick *log_end = NULL;
static uint32 log_end_count = 0;	/* ecapi_tick_log_count() as that was found */

/*
 * The logged tick that was found last, and the one that it follows: destinations that
 * stand together ask one after the other.  A logged tick always follows the same one.
 */
static EcapiTick *found_from = NULL;
static EcapiTick *found_next = NULL;

EcapiTick *
ecapi_tick_intern(const EcapiSnapshot *snapshot)
{
	EcapiTick  *tick;
	MemoryContext old;

	ecapi_foreach(EcapiTick, known, &ecapi_me.ticks)
	{
		if (ecapi_snapshot_equal(known->snapshot, snapshot))
		{
			known->refs++;
			return known;
		}
	}
	old = MemoryContextSwitchTo(ecapi_me.context);
	tick = palloc0(sizeof(EcapiTick));
	tick->snapshot = ecapi_snapshot_copy(snapshot);
	tick->refs = 1;
	dlist_push_head(&ecapi_me.ticks, &tick->node);
	MemoryContextSwitchTo(old);
	return tick;
}

void
ecapi_tick_drop(EcapiTick *tick)
{
	if (tick == NULL || --tick->refs > 0)
		return;
	dlist_delete(&tick->node);
	pfree(tick->snapshot);
	pfree(tick);
}

void
ecapi_place_set(EcapiPlace *place, EcapiTick *from, EcapiTick *to,
				EcapiPosition position)
{
	EcapiPlace	old = *place;

	from->refs++;
	if (to != NULL)
		to->refs++;
	place->from = from;
	place->to = to;
	place->position = position;
	ecapi_place_clear(&old);
}

void
ecapi_place_copy(EcapiPlace *to, const EcapiPlace *from)
{
	ecapi_place_set(to, from->from, from->to, from->position);
}

void
ecapi_place_clear(EcapiPlace *place)
{
	ecapi_tick_drop(place->from);
	ecapi_tick_drop(place->to);
	place->from = place->to = NULL;
}

EcapiPosition
ecapi_tick_position(const EcapiTick *from, uint64 xid, int64 seq)
{
	EcapiPosition position = {xid >= from->snapshot->xmax ? 1 : 0, xid, seq};

	return position;
}

bool
ecapi_place_equal(const EcapiPlace *a, const EcapiPlace *b)
{
	return a->from == b->from && a->to == b->to &&
		ecapi_position_compare(&a->position, &b->position) == 0;
}

/*
 * Flush WAL as far as it is inserted.  Right after a page header was reserved
 * the insert position lies behind that header, where no record ends; flushing
 * up to there would be an error.
 */
static XLogRecPtr
flush_wal(void)
{
	XLogRecPtr	end = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(end, wal_segment_size) == SizeOfXLogLongPHD)
		end -= SizeOfXLogLongPHD;
	else if (end % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		end -= SizeOfXLogShortPHD;
	XLogFlush(end);
	return end;
}

bool
ecapi_tick_take(bool log)
{
	TimestampTz now = GetCurrentTimestamp();

	if (RecoveryInProgress() || IsolationUsesXactSnapshot() ||
		TransactionIdIsValid(GetTopTransactionIdIfAny()))
		elog(ERROR, "a tick was taken where none may be");

	if (unconfirmed == NULL)
	{
		EcapiSnapshot *snapshot = ecapi_snapshot_from(GetActiveSnapshot());

		unconfirmed_lsn = flush_wal();
		unconfirmed_at = now;
		unconfirmed = ecapi_tick_intern(snapshot);
		pfree(snapshot);
	}
	if (!ecapi_standby_has(unconfirmed_lsn))
		return false;

	ecapi_tick_drop(ecapi_me.live);
	ecapi_me.live = unconfirmed;
	ecapi_me.live_at = now;
	unconfirmed = NULL;

	ecapi_me.tick_log_due |= log && ecapi_worker_leads();
	/* a clock that was set back must not hold the log */
	if (ecapi_me.tick_log_due && ecapi_me.tick_to_log == NULL && ecapi_me.live != log_end &&
		(now < ecapi_me.tick_logged_at ||
		 now - ecapi_me.tick_logged_at >= TICK_LOG_INTERVAL_US))
	{
		ecapi_me.tick_to_log = ecapi_me.live;
		ecapi_me.tick_to_log->refs++;
		ecapi_me.tick_to_log_at = now;
		ecapi_me.tick_log_due = false;
	}
	if (ecapi_me.live == log_end)
		ecapi_me.tick_log_due = false;
	return true;
}

bool
ecapi_tick_unconfirmed(void)
{
	return unconfirmed != NULL;
}

bool
ecapi_tick_waits(TimestampTz now)
{
	return unconfirmed != NULL && TimestampDifferenceExceeds(unconfirmed_at, now, WAIT_SHOWN_MS);
}

/* The log ends with that tick, as long as it grows no further than that count. */
static void
set_log_end(EcapiTick *tick, uint32 count)
{
	if (tick != NULL)
		tick->refs++;
	ecapi_tick_drop(log_end);
	log_end = tick;
	log_end_count = count;
}

bool
ecapi_tick_is_last(EcapiTick *tick)
{
	if (ecapi_tick_log_count() != log_end_count)
		set_log_end(NULL, ecapi_tick_log_count());
	return log_end != NULL && ecapi_snapshot_within(log_end->snapshot, tick->snapshot);
}

/* The first of some logged ticks beyond a tick that the live one sees, with a reference. */
static EcapiTick *
first_beyond(EcapiTick *from, EcapiSnapshot **ticks, int n)
{
	for (int i = 0; i < n; i++)
		if (!ecapi_snapshot_equal(ticks[i], from->snapshot) &&
			ecapi_snapshot_within(ticks[i], ecapi_me.live->snapshot))
			return ecapi_tick_intern(ticks[i]);
	return NULL;
}

/*
 * Whether some logged ticks are none but that one.  Others are beyond the live tick: the
 * lead has logged them since this worker took it.
 */
static bool
end_at(const EcapiTick *tick, EcapiSnapshot **ticks, int n)
{
	for (int i = 0; i < n; i++)
		if (!ecapi_snapshot_equal(ticks[i], tick->snapshot))
			return false;
	return true;
}

static void
remember(EcapiTick *from, EcapiTick *next)
{
	ecapi_tick_drop(found_from);
	ecapi_tick_drop(found_next);
	found_from = from;
	found_from->refs++;
	found_next = next;
	found_next->refs++;
}

EcapiTick *
ecapi_tick_next(EcapiTick *from)
{
	EcapiTick  *live = ecapi_me.live;

	if (live == NULL || from == live ||
		!ecapi_snapshot_within(from->snapshot, live->snapshot))
		return NULL;

	if (from == found_from)
	{
		found_next->refs++;
		return found_next;
	}
	if (!ecapi_tick_is_last(from))
	{
		EcapiSnapshot *ticks[TICKS_AHEAD];
		int			n = ecapi_record_ticks_after(from->snapshot, TICKS_AHEAD, ticks);
		EcapiTick  *next = first_beyond(from, ticks, n);

		if (next != NULL)
		{
			remember(from, next);
			return next;
		}

		/* nothing beyond, until another tick is logged */
		if (end_at(from, ticks, n))
			set_log_end(from, ecapi_me.tick_count);
	}
	live->refs++;
	return live;
}

EcapiTick *
ecapi_tick_next_before(EcapiTick *from, TimestampTz before)
{
	EcapiSnapshot *ticks[TICKS_AHEAD];
	int			n;

	if (ecapi_me.live == NULL || ecapi_tick_is_last(from))
		return NULL;
	n = ecapi_record_ticks_before(from->snapshot, before, TICKS_AHEAD, ticks);
	return first_beyond(from, ticks, n);
}

void
ecapi_tick_logged(EcapiTick *tick)
{
	ecapi_tick_log_grew();
	set_log_end(tick, ecapi_tick_log_count());
}

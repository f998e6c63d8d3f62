/*
 * bounds.c
 *	  Keeping the ring within its limits, now and then.
 *
 * Slots that are done with are emptied as time goes by.  When the outbox is near
 * ecapi.outbox_limit, the first of these that makes room is done:
 *
 *	 1. a slot that no destination needs is emptied before ecapi.retention
 *	 2. replays end that are in the way
 *	 3. a slot is emptied that only destinations need whose guard has stopped them
 *	 4. destinations give up what they do not take (give_up.c)
 *
 * Of several workers the lead does 1 to 3, and says when these make no room; then each does
 * 4 for what it has.
 *
 * The places of statistics are given free of tracks that are gone.
 *
 * Locks: those of outbox/rotation.c, which waits for none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "capture/tracks.h"
#include "outbox/limit.h"
#include "outbox/ring.h"
#include "outbox/rotation.h"
#include "pipeline/destination.h"
#include "pipeline/give_up.h"
#include "pipeline/overview.h"
#include "pipeline/worker_state.h"
#include "settings.h"
#include "shmem/workers.h"
#include "stat/stat_track.h"
#include "worker/bounds.h"

#define ROTATION_MS			60000	/* and twice in a turn of a slot that is shorter */
#define ROOM_MS				1000

static TimestampTz last_rotation = 0;
static TimestampTz last_room = 0;

/* A slot must be found done before the clock comes round to it again. */
static int
rotation_interval(void)
{
	return (int) Min((int64) ROTATION_MS,
					 (int64) ecapi_retention_s * 1000 / (ECAPI_SLOTS - 2) / 2);
}

/* What is passed over when the ring comes to its limits, in the scratch context. */
static EcapiPassedOver
stopped_by_guards(void)
{
	return (EcapiPassedOver) {ecapi_overview_guarded()};
}

static bool
is_track(Oid trigger)
{
	return ecapi_declared_get(trigger) != NULL;
}

static void
rotate(void)
{
	EcapiPassedOver beyond = stopped_by_guards();

	StartTransactionCommand();
	ecapi_rotation_run(&beyond);
	ecapi_stat_track_forget(is_track);
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);
}

/* Replays that are in the way of new events end; false when there is none. */
static bool
end_replays(void)
{
	int			ended;

	StartTransactionCommand();
	ended = ecapi_rotation_end_replays();
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);
	if (ended == 0)
		return false;
	ecapi_me.replay_ended = true;
	ecapi_workers_reload();
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg_plural("outbox is near ecapi.outbox_limit, %d replay was cancelled",
						   "outbox is near ecapi.outbox_limit, %d replays were cancelled",
						   ended, ended)));
	return true;
}

/* Empty a slot before its time; passed_over: destinations that do not count. */
static bool
empty_early(const EcapiPassedOver *passed_over)
{
	bool		emptied;

	StartTransactionCommand();
	emptied = ecapi_rotation_make_room(passed_over);
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);
	if (emptied)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("outbox is near ecapi.outbox_limit, its oldest events were removed "
						"before ecapi.retention"),
				 passed_over == NULL ? 0 :
				 errdetail("A destination that its guard has stopped, or one or a replay of a "
						   "transaction that is still open, would have kept them.")));
	return emptied;
}

/*
 * What can be done before anything is given up: empty slots that nobody needs, end replays,
 * empty slots that only destinations need whose guards have stopped them.  Returns whether a
 * slot was emptied.
 */
static bool
empty_slots(void)
{
	EcapiPassedOver passed_over;

	if (empty_early(NULL))
		return true;
	if (end_replays())
		return false;
	passed_over = stopped_by_guards();
	return empty_early(&passed_over);
}

/*
 * Keep the outbox below its limit.  Returns whether it is near its limit.  Only the lead
 * empties slots; when it finds none, each worker gives up for its own destinations.
 */
static bool
make_room(TimestampTz now, bool rotated)
{
	bool		near_limit = false;
	bool		emptied = false;
	bool		full;

	if (ecapi_worker_leads())
	{
		ecapi_worker_begin(true);
		near_limit = ecapi_limit_is_near(now);
		ecapi_worker_end();
		emptied = near_limit && empty_slots();
		ecapi_room_is_short(near_limit && !emptied);
	}
	else
		near_limit = ecapi_room_short();
	if (emptied || rotated || near_limit)
	{
		ecapi_worker_begin(true);
		if (emptied)
			(void) ecapi_limit_measure(now, &full);
		else
			ecapi_give_up_plan(now, near_limit);
		ecapi_worker_end();
	}
	return near_limit;
}

/* Give up what was planned; true when there is more. */
static bool
give_up(void)
{
	bool		more = false;
	bool		wanted = false;

	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		wanted |= destination->giving_up.to != NULL;
	if (!wanted)
		return false;
	ecapi_worker_begin(true);
	ecapi_ring_check();
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		more |= ecapi_give_up_step(destination);
	ecapi_worker_end();
	return more;
}

void
ecapi_bounds_changed(void)
{
	last_rotation = 0;
}

long
ecapi_bounds_keep(TimestampTz now)
{
	bool		rotated = ecapi_elapsed(&last_rotation, now, rotation_interval());
	bool		near_limit;

	if (rotated && ecapi_worker_leads())
		rotate();
	/* what cannot be recorded must not be given up */
	if (!ecapi_delivery || ecapi_me.record_failed_at != 0)
		return -1;
	near_limit = (ecapi_elapsed(&last_room, now, ROOM_MS) || rotated) && make_room(now, rotated);
	if (give_up())
		return 0;
	return near_limit ? ROOM_MS : -1;
}

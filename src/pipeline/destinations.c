/*
 * destinations.c
 *	  The destinations in the worker's memory.
 *
 * What the tables say of them is found by reload.c, and taken over by this file when the
 * transaction that found it has committed.  Nothing here runs a statement.
 *
 * Guards.  A destination is guarded from the first on.  take() takes the guard
 * off when every check of the cursor has passed (outbox/guard.h) and all that delivering
 * needs is in memory.  While it is guarded
 *
 *	(1) its feeds stand nowhere and its options are not known, so there is nothing
 *		to read from or to send to;
 *	(2) it is in no state that reads or sends (ecapi_state_go does nothing);
 *	(3) of its row only the state is written, never its place or a count;
 *	(4) it takes up no replay.
 *
 * Of several workers each has destinations of its own (own.c).  One that another worker is
 * to have is leaving: it reads nothing more, and sends on only when something behind the
 * cursor is disposed of already, which the other one would send again.  It goes on as if
 * nothing were while its requests fail out of order, or an operator's open transaction keeps
 * outcomes from being recorded.  When its requests are answered and all is recorded it is let
 * go, and the other one is told.
 *
 * So an error between any two lines leaves the guard on, and the next reload checks
 * again.  Once its guard is off a destination stays without it until its server is gone:
 * what binds a cursor to this cluster does not change while this process runs.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "delivery/http.h"
#include "destination/credentials.h"
#include "destination/options.h"
#include "outbox/cursor.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/destinations.h"
#include "pipeline/failed_feed.h"
#include "pipeline/feed.h"
#include "pipeline/fetch.h"
#include "pipeline/own.h"
#include "pipeline/person_stops.h"
#include "pipeline/prepare.h"
#include "pipeline/prepare_call.h"
#include "pipeline/producers.h"
#include "pipeline/receipts.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/stopped.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/measure.h"
#include "shmem/shmem.h"
#include "stat/stat_destination.h"

EcapiDestination *
ecapi_destination_of(Oid server)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (destination->server == server)
			return destination;
	return NULL;
}

/* A destination of which nothing is known yet, guarded. */
static EcapiDestination *
new_destination(Oid server)
{
	MemoryContext context = AllocSetContextCreate(ecapi_me.context, "ecapi destination",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiDestination *destination = MemoryContextAllocZero(context, sizeof(EcapiDestination));

	destination->context = context;
	destination->server = server;
	destination->guarded = true;
	destination->journal.context = AllocSetContextCreate(context, "ecapi journal",
												 ALLOCSET_DEFAULT_SIZES);
	destination->journal.changes_context = AllocSetContextCreate(context, "ecapi changes",
														 ALLOCSET_SMALL_SIZES);
	ecapi_feed_init(&destination->live, ECAPI_FEED_LIVE, destination);
	ecapi_feed_init(&destination->replay, ECAPI_FEED_REPLAY, destination);
	ecapi_feed_init(&destination->failed, ECAPI_FEED_FAILED, destination);
	dlist_init(&destination->flying);
	dlist_init(&destination->bisection.suspects);
	dlist_push_tail(&ecapi_me.destinations, &destination->node);
	return destination;
}

static void
free_batches(dlist_head *list)
{
	while (!dlist_is_empty(list))
	{
		EcapiBatch *batch = dlist_head_element(EcapiBatch, node, list);

		if (batch->flying)
		{
			ecapi_http_cancel(ecapi_me.http, batch);
			ecapi_producers_cancel(batch);
		}
		dlist_delete(&batch->node);
		ecapi_batch_free(batch);
	}
}

/* Drop what a feed holds, to be read again; it has no request and no suspect. */
static void
drop_feed(EcapiFeed *feed)
{
	free_batches(&feed->ready);
	ecapi_feed_drop(feed);
	if (feed->done.from != NULL)
		ecapi_place_copy(&feed->read, &feed->done);
}

static void
free_work(EcapiDestination *destination)
{
	free_batches(&destination->flying);
	free_batches(&destination->bisection.suspects);
	destination->nflying = 0;
	drop_feed(&destination->live);
	drop_feed(&destination->replay);
	drop_feed(&destination->failed);
	ecapi_failed_look_at_all(destination);
}

/* The server is gone: drop all that this process has of it. */
static void
forget(EcapiDestination *destination)
{
	free_work(destination);
	if (destination->preparing.call != NULL)
		ecapi_call_free(destination->preparing.call);
	ecapi_producers_forget(destination);
	ecapi_fetch_forget(destination);
	ecapi_receipts_forget(destination);
	ecapi_place_clear(&destination->live.done);
	ecapi_place_clear(&destination->live.read);
	ecapi_place_clear(&destination->replay.done);
	ecapi_place_clear(&destination->replay.read);
	ecapi_tick_drop(destination->giving_up.to);
	dlist_delete(&destination->node);
	ecapi_own_release(destination->server);
	MemoryContextDelete(destination->context);
}

/* Whether nothing is on its way or to be recorded of a destination that leaves. */
static bool
may_go(EcapiDestination *destination)
{
	return ecapi_destination_rests(destination) && destination->nflying == 0 &&
		destination->nerrands == 0 && destination->giving_up.to == NULL && !destination->dirty &&
		destination->journal.passed_since == 0;
}

void
ecapi_destinations_let_go(void)
{
	dlist_mutable_iter iter;
	bool		gone = false;

	dlist_foreach_modify(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (destination->lost)
		{
			ereport(LOG,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cursor of destination \"%s\" has the token of another worker, it is read again",
							NameStr(destination->name))));
			ecapi_me.reload_wanted = true;
		}
		else if (!may_go(destination))
			continue;
		forget(destination);
		gone = true;
	}
	if (gone)
		ecapi_workers_reload();
}

void
ecapi_destination_rewind(EcapiDestination *destination)
{
	EcapiFeed  *live = &destination->live;
	EcapiFeed  *replay = &destination->replay;

	if (destination->nflying > 0)
		return;
	if (!dlist_is_empty(&destination->failed.slices))
	{
		drop_feed(&destination->failed);
		ecapi_failed_look_at_all(destination);
	}
	if (dlist_is_empty(&live->slices) && dlist_is_empty(&replay->slices))
		return;
	if (ecapi_feed_in_order(live) && ecapi_feed_in_order(replay))
		free_work(destination);
}

static int64
hash_options(int64 hash, List *options)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		char	   *value = defGetString(option);

		hash = (int64) hash_bytes_extended((unsigned char *) option->defname,
										   strlen(option->defname), (uint64) hash);
		hash = (int64) hash_bytes_extended((unsigned char *) value, strlen(value),
										   (uint64) hash);
	}
	return hash;
}

/* A hash of everything that the options of a destination are made from. */
static int64
hash_found(const EcapiFound *found)
{
	int64		hash = hash_options(hash_options(1 + ecapi_measure_at(found->name, found->measured),
												 found->options), found->mapping);
	const EcapiServerOwner *owner = &found->owner;

	hash = (int64) hash_bytes_extended((const unsigned char *) owner->name,
									   strlen(owner->name), (uint64) hash);
	return (int64) ((uint64) hash * 4 + (owner->superuser ? 2 : 0) + (owner->has_usage ? 1 : 0));
}

/* Keep the moment a destination was first seen in test mode. */
static void
note_test_mode(EcapiDestination *destination)
{
	bool		testing = destination->options != NULL &&
		destination->options->mode == ECAPI_MODE_TEST;

	if (destination->options == NULL || testing == (destination->test_since != 0))
		return;
	destination->test_since = testing ? GetCurrentTimestamp() : 0;
	destination->dirty = true;
}

/*
 * Read the options of a destination.  New ones apply to the next request; those on
 * their way stay as they were sent.  False when they are those that are known.
 */
static bool
load_options(EcapiDestination *destination, const EcapiFound *found,
			 char *error, size_t error_size)
{
	int64		hash = hash_found(found);
	MemoryContext context;
	MemoryContext old;
	EcapiOptions *options;

	if (destination->options_known && hash == destination->options_hash)
		return false;

	context = AllocSetContextCreate(destination->context, "ecapi options",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	options = ecapi_options_parse(found->options, found->mapping, &found->owner,
								  error, error_size);
	if (options != NULL)
		ecapi_measure_give(options, found->name, found->measured);
	MemoryContextSwitchTo(old);

	/* until they are in force, a failure in between has them read again */
	destination->options_known = false;
	if (destination->options_context != NULL)
	{
		MemoryContextDelete(destination->options_context);
		destination->bisection.proven = false;
	}
	destination->options = options;
	destination->options_context = context;
	destination->options_hash = hash;
	destination->bisection.batch_cap = 0;
	destination->linger_until = 0;
	destination->delay_look = 0;
	ecapi_prepare_reset(destination);
	note_test_mode(destination);
	destination->token_stamp = options == NULL ? 0 : ecapi_credentials_stamp(options);
	return true;
}

/* Start, or start again, with no failure or rejection counted. */
static void
go(EcapiDestination *destination)
{
	ecapi_state_go(destination);
	destination->bisection.rejections = 0;
}

/*
 * New options are in force; they also end a stop.  error: why they cannot be used,
 * when there are none.
 */
static void
start_with_options(EcapiDestination *destination, const char *error)
{
	/* it had stopped with the same options before this process came */
	bool		stopped = destination->state == ECAPI_STARTING &&
		destination->has_stopped_options &&
		destination->stopped_options == destination->options_hash;

	if (destination->options == NULL)
		ecapi_state_stop_for(destination, error, stopped);
	else if (stopped)
		ecapi_state_stay_stopped(destination);
	else if (destination->state != ECAPI_PAUSED)
		go(destination);
	destination->options_known = true;
}

/* Take over what the row of a cursor says, and the token by which it is ours. */
static void
take_row(EcapiDestination *destination, const EcapiFound *found)
{
	const EcapiCursor *cursor = found->cursor;

	ecapi_feed_begin(&destination->live, cursor->from, cursor->to, cursor->position);
	destination->token = destination->next_token = found->token;
	destination->counts.delivered = cursor->delivered;
	destination->counts.filtered = cursor->filtered;
	destination->counts.failed = cursor->failed;
	destination->counts.given_up = cursor->given_up;
	destination->counts.enrich_skipped = cursor->enrich_skipped;
	destination->test_since = cursor->test_since;
	destination->bisection.proven = cursor->delivered > 0;
	ecapi_state_start(destination, cursor);
	/* what was copied to failed events before is looked at, too */
	ecapi_person_stops_again();
	ecapi_stops_look_again();
}

/*
 * A guarded destination stays so.  That is logged and written unless its row says it
 * already, from the time before this process came.
 */
static void
keep_guard(EcapiDestination *destination, const EcapiFound *found)
{
	const EcapiCursor *cursor = found->cursor;
	bool		known = destination->state == ECAPI_STARTING &&
		cursor->last_error != NULL && strcmp(cursor->state, "stopped") == 0 &&
		strcmp(cursor->last_error, found->guard) == 0;

	if (destination->state == ECAPI_STOPPED &&
		strcmp(destination->last_error, found->guard) == 0)
		return;
	if (known)
		ecapi_state_start(destination, cursor);
	ecapi_state_stop_for(destination, found->guard, known);
}

/*
 * Apply what operators have asked for: pause and resume, and that events are at fault for
 * which the destination has stopped, as a retry or discard says.  A resume may come with
 * it.
 */
static void
apply_controls(EcapiDestination *destination, const EcapiFound *found)
{
	if (found->blamed_at > destination->blamed_at)
	{
		destination->blamed_at = found->blamed_at;
		destination->bisection.may_blame = !dlist_is_empty(&destination->bisection.suspects) ||
			(destination->state == ECAPI_STOPPED &&
			 destination->last_error_at < found->blamed_at);
	}
	destination->paused = found->paused;
	if (found->resumed_at > destination->resumed_at)
	{
		bool		first = destination->resumed_at == 0;

		destination->resumed_at = found->resumed_at;
		/* at start, an old resume does not undo a later stop */
		if (!destination->guarded && destination->options != NULL &&
			(!first || destination->last_error_at < found->resumed_at))
		{
			ecapi_prepare_resume(destination);
			go(destination);
		}
	}
	if (found->paused)
		ecapi_state_pause(destination);
}

/* A destination is as it was found. */
static void
take(const EcapiFound *found)
{
	EcapiDestination *destination = ecapi_destination_of(found->server);
	char		error[512];

	if (destination == NULL)
		destination = new_destination(found->server);
	namestrcpy(&destination->name, found->name);
	destination->seen = true;
	/* what is recorded with it is all that there is to be recorded */
	destination->dirty |= found->leaves && !destination->leaving;
	destination->leaving = found->leaves;
	ecapi_stat_destination_take(&destination->stat, found->server);
	ecapi_failed_look_at_all(destination);	/* an operator may have changed rows */
	if (found->rewritten)
	{
		destination->token = destination->next_token = found->token;
		destination->dirty = true;
	}
	if (destination->guarded && found->guard != NULL)
		keep_guard(destination, found);
	else
	{
		bool		changed;

		if (destination->guarded)
			take_row(destination, found);
		changed = load_options(destination, found, error, sizeof(error));
		/* every check has passed, and all that delivering needs is in memory */
		destination->guarded = false;
		if (changed)
			start_with_options(destination, error);
	}
	apply_controls(destination, found);
}

static bool
is_known(Oid server)
{
	return ecapi_destination_of(server) != NULL;
}

void
ecapi_destinations_take(List *all)
{
	dlist_mutable_iter iter;
	ListCell   *cell;
	bool		gone = false;

	dlist_foreach_modify(iter, &ecapi_me.destinations)
		dlist_container(EcapiDestination, node, iter.cur)->seen = false;
	foreach(cell, all)
	{
		const EcapiFound *found = lfirst(cell);

		if (found->mine && found->cursor != NULL &&
			(!found->leaves || is_known(found->server)))
			take(found);
	}
	dlist_foreach_modify(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (destination->seen)
			continue;
		forget(destination);
		gone = true;
	}
	/* the lead may have ended its cursor while this worker wrote it */
	if (gone && !ecapi_worker_leads())
		ecapi_workers_reload();
	ecapi_own_release_but(is_known);
}

void
ecapi_destinations_credentials(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (destination->state == ECAPI_STOPPED && !destination->guarded &&
			destination->options != NULL &&
			ecapi_credentials_stamp(destination->options) != destination->token_stamp)
		{
			destination->token_stamp = ecapi_credentials_stamp(destination->options);
			destination->token_changed_at = GetCurrentTimestamp();
			go(destination);
		}
	}
}

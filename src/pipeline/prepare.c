/*
 * prepare.c
 *	  Between reading and sending: users' SQL, for destinations that have some.
 *
 * Events that were read for a destination with the option enrich or filter are prepared
 * before they are gathered, of any feed:
 *
 *	 1. what it does not take by itself (select.h, early) is left alone;
 *	 2. its enrichments are called for the others, once for all destinations
 *		with the same list that stand on the page (view.c);
 *	 3. its filter judges those that may leave so far (select.h, late).
 *
 * The result is noted beside each event (EcapiPrepared); gather.c acts on it, so
 * events still end in order, and a reason is counted once.  After new options all of it
 * is done again.
 *
 *	 not yet --(not selected)------------------> out
 *	 not yet --(no enrichments)----------------> as is
 *	 not yet --(enriched)----------------------> enriched
 *	 not yet --(its patch is refused)----------> refused, or unpatched (skip)
 *	 not yet --(fails again and again, alone)--> failed (dead), unpatched (skip)
 *	 as is, enriched --(the filter says no)----> filtered
 *	 not yet --(the filter fails on it)--------> unfiltered: it does not leave
 *
 * Which events a call is for is in prepare_pick.c, when it may be made in
 * prepare_pace.c, what is called, and as which role, in prepare_lookup.c, and what
 * becomes of events when it fails in prepare_failing.c.
 *
 * Users' SQL runs in transactions of its own, which user_sql.c begins and rolls
 * back; looking up functions takes another, short one.  The callers are in none.
 * Lists of the pipeline are not changed, so an error may be raised at any point.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/options.h"
#include "destination/select.h"
#include "enrich/enrichment.h"
#include "enrich/filter.h"
#include "enrich/user_sql.h"
#include "event/value.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare.h"
#include "pipeline/preparing.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"
#include "settings.h"
#include "stat/stat_worker.h"

/* Events of a call when memory is short: their patches always fit. */
#define SCARCE_EVENTS		100

/* Room that a page's view may take. */
#define VIEW_BYTES		(8 * 1024 * 1024)

/* ---- forgetting ---- */

static void
reset_slices(EcapiFeed *feed, bool prepares)
{
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		int			nevents = slice->page->nevents;

		if (slice->view != NULL)
			ecapi_view_drop(slice->view);
		slice->view = NULL;
		if (slice->prepared != NULL)
			pfree(slice->prepared);
		slice->prepared = NULL;
		slice->unprepared = 0;
		if (prepares && nevents > 0)
		{
			slice->prepared = MemoryContextAllocZero(feed->destination->context, nevents);
			slice->unprepared = nevents;
		}
	}
}

void
ecapi_prepare_reset(EcapiDestination *destination)
{
	EcapiPreparing *preparing = &destination->preparing;
	bool		prepares = ecapi_prepares(destination);

	if (destination->live.done.from != NULL)
		ecapi_feed_put_back(&destination->live);
	reset_slices(&destination->live, prepares);
	reset_slices(&destination->replay, prepares);
	reset_slices(&destination->failed, prepares);
	if (preparing->filter_context != NULL)
		MemoryContextDelete(preparing->filter_context);
	if (preparing->list != NULL)
		pfree(preparing->list);
	MemSet(preparing, 0, sizeof(EcapiPreparing));
}

void
ecapi_prepare_resume(EcapiDestination *destination)
{
	EcapiPreparing *preparing = &destination->preparing;

	preparing->release = destination->options != NULL && destination->options->enrich != NULL;
	preparing->failures = 0;
	preparing->broken = false;
	preparing->next_try = 0;
	ecapi_prepare_end_rest();
}

void
ecapi_prepare_nudge(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		destination->preparing.next_try = 0;
		if (destination->preparing.failures > 0)
			ecapi_state_end_hold(destination);
	}
}

/* ---- preparing ---- */

/* The next slice of a destination that is to be prepared; NULL: none. */
static EcapiSlice *
next_slice(EcapiDestination *destination)
{
	EcapiFeed  *const feeds[] = {&destination->live, &destination->replay, &destination->failed};

	for (int i = 0; i < lengthof(feeds); i++)
	{
		ecapi_foreach(EcapiSlice, slice, &feeds[i]->slices)
			if (slice->unprepared > 0)
				return slice;
	}
	return NULL;
}

/* Whether all of some events are in the view already. */
static bool
all_made(const EcapiView *view, const int *events, int n)
{
	for (int i = 0; i < n; i++)
		if (view->events[events[i]].tree == NULL)
			return false;
	return true;
}

/* The result for an event that was enriched. */
static EcapiPrepared
result_of(const EcapiSlice *slice, int i)
{
	const EcapiOptions *options = slice->feed->destination->options;

	if (slice->view->events[i].problem == NULL)
		return ECAPI_PREPARED_ENRICHED;
	return ecapi_select_failing(options, ECAPI_FAILING_PATCH) == ECAPI_DECISION_SEND
		? ECAPI_PREPARED_UNPATCHED : ECAPI_PREPARED_REFUSED;
}

/* The result of a step for a portion. */
typedef enum Step
{
	STEP_DONE,
	STEP_LATER,					/* not in this turn */
	STEP_FAILED					/* to be tried again, or the destination waits */
} Step;

/*
 * Enrich picked events of a slice; results says how each ended.  picked has
 * room for all of the page.
 */
static Step
enrich(EcapiSlice *slice, int *picked, int n, bool part, EcapiPrepared *results,
	   long *wait_ms)
{
	EcapiDestination *destination = slice->feed->destination;
	EcapiPreparing *preparing = &destination->preparing;
	EcapiPrepared fate = ECAPI_PREPARED_UNPATCHED;
	EcapiUserError error = {0};
	TimestampTz began;
	bool		done;

	if (slice->view == NULL)
		slice->view = ecapi_view_of(slice->page, preparing->list);
	done = all_made(slice->view, picked, n);
	if (!done && preparing->broken && destination->options->enrich_on_error == ECAPI_ENRICH_SKIP &&
		GetCurrentTimestamp() < preparing->next_try)
	{
		for (int i = 0; i < n; i++)
			results[i] = fate;
		return STEP_DONE;
	}
	if (!done)
	{
		if (!ecapi_prepare_may_call(destination, wait_ms))
			return STEP_LATER;
		began = GetCurrentTimestamp();
		done = ecapi_view_fill(slice->view, picked, ecapi_prepare_add_others(slice, picked, n, part),
							   &error);
		ecapi_prepare_called(destination, began, !done);
		if (!done && error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			return STEP_LATER;	/* this process ends */
		if (!done && !ecapi_prepare_call_failed(destination, n, &error, &fate))
			return STEP_FAILED;
		if (done)
		{
			preparing->call_us = Max(GetCurrentTimestamp() - began, 0);
			ecapi_prepare_call_passed(destination);
		}
	}
	for (int i = 0; i < n; i++)
		results[i] = done ? result_of(slice, picked[i]) : fate;
	return STEP_DONE;
}

/* The tree that the filter sees of an event, or NULL when it need not. */
static const EcapiValue *
tree_to_judge(EcapiSlice *slice, int i, EcapiPrepared result, EcapiArena *scratch)
{
	const EcapiValue *tree = NULL;
	const char *restriction;

	if (result == ECAPI_PREPARED_ENRICHED)
		tree = slice->view->events[i].tree;
	else if (result == ECAPI_PREPARED_AS_IS || result == ECAPI_PREPARED_UNPATCHED)
		tree = ecapi_page_tree(slice->page, i, scratch);
	return tree == NULL ||
		ecapi_select_late(slice->feed->destination->options, tree,
						  ecapi_default_country(), &restriction) != NULL ? NULL : tree;
}

/* Have the filter judge picked events; results are changed where it says no. */
static Step
judge(EcapiSlice *slice, const int *picked, int n, EcapiPrepared *results)
{
	EcapiDestination *destination = slice->feed->destination;
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi judging",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiEnrichedEvent *events = MemoryContextAllocZero(context, sizeof(EcapiEnrichedEvent) * n);
	int		   *indexes = MemoryContextAlloc(context, sizeof(int) * n);
	EcapiUserError error = {0};
	EcapiArena	scratch;
	TimestampTz began;
	int			nevents = 0;
	EcapiPhase	before;
	int			failed = -1;
	bool		done;

	ecapi_tree_arena(&scratch, context);
	for (int i = 0; i < n; i++)
	{
		const EcapiValue *tree = tree_to_judge(slice, picked[i], results[i], &scratch);

		if (tree == NULL)
			continue;
		events[nevents].seq = slice->page->events[picked[i]].seq;
		events[nevents].event = tree;
		indexes[nevents++] = i;
	}
	began = GetCurrentTimestamp();
	before = ecapi_stat_phase(ECAPI_PHASE_USERS_SQL);
	done = nevents == 0 ||
		ecapi_filter_apply(destination->preparing.filter, events, nevents,
						   destination->preparing.role, ecapi_enrich_timeout_ms,
						   &error, &failed);
	(void) ecapi_stat_phase(before);
	MemoryContextSwitchTo(ecapi_me.scratch);
	ecapi_prepare_called(destination, began, !done);
	for (int i = 0; done && i < nevents; i++)
		if (!events[i].pass)
			results[indexes[i]] = ECAPI_PREPARED_FILTERED;
	if (!done && error.sqlerrcode != ERRCODE_ADMIN_SHUTDOWN)
		ecapi_prepare_filter_failed(destination, slice, picked, n,
									failed < 0 ? -1 : indexes[failed], &error);
	MemoryContextDelete(context);
	if (done)
		return STEP_DONE;
	return error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ? STEP_LATER : STEP_FAILED;
}

/* How many events a destination takes in one call now; 0: none, memory is short. */
static int
portion_of(const EcapiDestination *destination, const EcapiSlice *slice)
{
	int			portion = destination->preparing.portion;
	bool		tight = ecapi_me.page_bytes + ecapi_me.body_bytes + VIEW_BYTES > ECAPI_BUDGET;

	if (portion == 0)
		portion = slice->page->nevents;
	if (!tight || slice->view != NULL || destination->preparing.list->n == 0)
		return portion;
	return ecapi_prepare_can_send(slice->feed) ? 0 : Min(portion, SCARCE_EVENTS);
}

/* Prepare the next portion of a slice. */
static Step
prepare_slice(EcapiSlice *slice, long *wait_ms)
{
	EcapiDestination *destination = slice->feed->destination;
	EcapiPreparing *preparing = &destination->preparing;
	int			max = portion_of(destination, slice);
	EcapiPrepared *results;
	int		   *picked;
	int			n;
	Step		step = STEP_DONE;

	if (max == 0)
		return STEP_LATER;
	if (slice->view != NULL &&
		!ecapi_enrichments_equal(&slice->view->list, preparing->list))
		reset_slices(slice->feed, true);
	picked = palloc(sizeof(int) * slice->page->nevents);
	n = ecapi_prepare_pick(slice, max, picked);
	if (n == 0)
		return STEP_DONE;
	results = palloc(sizeof(EcapiPrepared) * n);
	for (int i = 0; i < n; i++)
		results[i] = ECAPI_PREPARED_AS_IS;
	if (preparing->list->n > 0)
		step = enrich(slice, picked, n, max < slice->page->nevents, results, wait_ms);
	else if (!ecapi_prepare_may_call(destination, wait_ms))
		step = STEP_LATER;
	/* right behind the enrichments, so that what they have cost is not lost */
	if (step == STEP_DONE && preparing->filter != NULL)
		step = judge(slice, picked, n, results);
	for (int i = 0; step == STEP_DONE && i < n; i++)
		ecapi_prepare_mark(slice, &picked[i], 1, results[i]);
	if (step == STEP_DONE && preparing->list->n == 0)
		ecapi_prepare_call_passed(destination);
	return step;
}

/* ---- the surface ---- */

bool
ecapi_prepare_can_send(EcapiFeed *feed)
{
	if (!dlist_is_empty(&feed->ready))
	{
		EcapiBatch *batch = dlist_head_element(EcapiBatch, node, &feed->ready);

		for (int i = 0; i < batch->nitems; i++)
		{
			const EcapiItem *item = &batch->items[i];

			if (item->slice->unprepared > 0 &&
				item->slice->prepared[item->index] == ECAPI_PREPARED_NOT_YET)
				return false;
		}
		return true;
	}
	if (feed->unsent == 0 || feed->amend != 0)
		return false;
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		if (slice->next < slice->page->nevents)
			return slice->prepared == NULL ||
				slice->prepared[slice->next] != ECAPI_PREPARED_NOT_YET;
	}
	return false;
}

/*
 * Destinations that have something to prepare, in the order in which they are to
 * be served; in the turn's context.
 */
static List *
find_work(TimestampTz now)
{
	List	   *work = NIL;

	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		if (!ecapi_prepares(destination) || destination->giving_up.to != NULL ||
			!ecapi_state_try(destination, now) || destination->state != ECAPI_RUNNING ||
			next_slice(destination) == NULL)
			continue;
		work = lappend(work, destination);
	}
	return work;
}

/* Look up what they call; those that have it. */
static List *
look_up_all(List *work)
{
	List	   *found = NIL;
	ListCell   *cell;

	StartTransactionCommand();
	foreach(cell, work)
	{
		EcapiDestination *destination = lfirst(cell);
		MemoryContext old;

		if (!ecapi_prepare_look_up(destination))
			continue;
		old = MemoryContextSwitchTo(ecapi_me.scratch);
		found = lappend(found, destination);
		MemoryContextSwitchTo(old);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(ecapi_me.scratch);
	return found;
}

void
ecapi_prepare_step(TimestampTz now, long *wait_ms)
{
	List	   *work = find_work(now);
	ListCell   *cell;

	if (work == NIL)
		return;
	ecapi_prepare_begin_calls();
	foreach(cell, look_up_all(work))
	{
		EcapiDestination *destination = lfirst(cell);
		bool		before = ecapi_prepare_calls_are_over();
		EcapiSlice *slice;

		while (destination->state == ECAPI_RUNNING &&
			   (slice = next_slice(destination)) != NULL)
		{
			Step		step = prepare_slice(slice, wait_ms);

			if (step == STEP_LATER)
				break;
			if (step == STEP_FAILED && ecapi_prepare_calls_are_over())
			{
				*wait_ms = 0;
				break;
			}
		}
		/* the one that had this turn is last in the next */
		if (ecapi_prepare_calls_are_over() && !before)
		{
			dlist_delete(&destination->node);
			dlist_push_tail(&ecapi_me.destinations, &destination->node);
		}
	}
}

/*
 * prepare.c
 *	  Between reading and sending: users' SQL, for destinations that have some.
 *
 * None of it runs in this process.  An owner has a process of its own for it
 * (enrich/processes.c); a destination has at most one call on its way, over which the loop
 * goes on (prepare_call.c), and waits with its further events until it is answered.
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
 * Which events a call is for is in prepare_pick.c, what is called, and as which role, in
 * prepare_lookup.c, and what becomes of events when it fails in prepare_failing.c.
 *
 * Looking up functions takes a short transaction; the callers are in none.
 * Lists of the pipeline are not changed, so an error may be raised at any point.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/options.h"
#include "destination/select.h"
#include "enrich/enrichment.h"
#include "enrich/processes.h"
#include "event/value.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare.h"
#include "pipeline/prepare_call.h"
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
	EcapiCall  *call = preparing->call;
	bool		prepares = ecapi_prepares(destination);

	if (call != NULL)
		ecapi_call_abandon(call);
	if (destination->live.done.from != NULL)
		ecapi_feed_put_back(&destination->live);
	reset_slices(&destination->live, prepares);
	reset_slices(&destination->replay, prepares);
	reset_slices(&destination->failed, prepares);
	if (preparing->list != NULL)
		pfree(preparing->list);
	MemSet(preparing, 0, sizeof(EcapiPreparing));
	/* its process is free again when that has ended */
	preparing->call = call;
}

void
ecapi_prepare_resume(EcapiDestination *destination)
{
	EcapiPreparing *preparing = &destination->preparing;

	preparing->release = destination->options != NULL && destination->options->enrich != NULL;
	preparing->failures = preparing->holds = 0;
	preparing->broken = false;
	preparing->next_try = 0;
}

void
ecapi_prepare_nudge(void)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		destination->preparing.next_try = 0;
		if (destination->preparing.failures > 0 || destination->preparing.holds > 0)
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

/*
 * Have a process run enrichments of a slice's view on some events of its page, or a filter,
 * for what was picked of it.  Nothing when there is none now.
 */
static void
ask(EcapiSlice *slice, const char *filter, const int *events, int n,
	const int *picked, const EcapiPrepared *results, int npicked)
{
	EcapiDestination *destination = slice->feed->destination;
	EcapiPreparing *preparing = &destination->preparing;
	const char *problem;
	EcapiProcess *process = ecapi_process_find(preparing->role, &problem);

	if (process != NULL)
		preparing->call = ecapi_call_begin(slice, process, filter, preparing->role,
										   events, n, picked, results, npicked);
	else if (problem != NULL)
		ecapi_prepare_hold(destination, problem);
}

/*
 * Results of picked events of a slice, as far as they are enriched; has the others
 * enriched, with those that other destinations want.  picked has room for all of the page.
 * False when results are yet to come.
 */
static bool
enrich(EcapiSlice *slice, int *picked, int n, bool part, EcapiPrepared *results)
{
	EcapiPreparing *preparing = &slice->feed->destination->preparing;
	EcapiPage  *page = slice->page;
	int		   *wanted;
	int			nwanted = 0;
	int			nmore;

	if (slice->view == NULL)
		slice->view = ecapi_view_of(page, preparing->list);
	if (all_made(slice->view, picked, n))
	{
		for (int i = 0; i < n; i++)
			results[i] = result_of(slice, picked[i]);
		return true;
	}
	if (preparing->broken &&
		slice->feed->destination->options->enrich_on_error == ECAPI_ENRICH_SKIP &&
		GetCurrentTimestamp() < preparing->next_try)
	{
		for (int i = 0; i < n; i++)
			results[i] = ECAPI_PREPARED_UNPATCHED;
		return true;
	}
	wanted = palloc(sizeof(int) * page->nevents);
	memcpy(wanted, picked, sizeof(int) * n);
	nmore = ecapi_prepare_add_others(slice, wanted, n, part);
	for (int i = 0; i < nmore; i++)
		if (slice->view->events[wanted[i]].tree == NULL)
			wanted[nwanted++] = wanted[i];
	ask(slice, NULL, wanted, nwanted, picked, results, n);
	return false;
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

/*
 * Picked events of a slice are enriched, or have failed: their results are final, but for
 * those that the filter has yet to judge.  False when it has.
 */
static bool
conclude(EcapiSlice *slice, const int *picked, int n, const EcapiPrepared *results)
{
	EcapiDestination *destination = slice->feed->destination;
	const char *filter = destination->options->filter;
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi judging",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiArena	scratch;
	int		   *judged = palloc(sizeof(int) * n);
	int			njudged = 0;

	ecapi_tree_arena(&scratch, context);
	for (int i = 0; filter != NULL && i < n; i++)
		if (tree_to_judge(slice, picked[i], results[i], &scratch) != NULL)
			judged[njudged++] = picked[i];
	MemoryContextDelete(context);
	if (njudged > 0)
		ask(slice, filter, judged, njudged, picked, results, n);
	else
		for (int i = 0; i < n; i++)
			ecapi_prepare_mark(slice, &picked[i], 1, results[i]);
	pfree(judged);
	return njudged == 0;
}

/* How many events a destination takes in one call now; 0: none, memory is short. */
static int
portion_of(const EcapiDestination *destination, const EcapiSlice *slice)
{
	int			portion = destination->preparing.portion;
	size_t		wanted = VIEW_BYTES;
	bool		tight;

	/* what is on its way will be there, too */
	ecapi_foreach(EcapiDestination, other, &ecapi_me.destinations)
		if (other->preparing.call != NULL && other->preparing.call->filter == NULL)
			wanted += VIEW_BYTES;
	tight = ecapi_me.page_bytes + ecapi_me.body_bytes + wanted > ECAPI_BUDGET;
	if (portion == 0)
		portion = slice->page->nevents;
	if (!tight || slice->view != NULL || destination->preparing.list->n == 0)
		return portion;
	return ecapi_prepare_can_send(slice->feed) ? 0 : Min(portion, SCARCE_EVENTS);
}

/* Prepare the next portion of a slice.  False when that is not to be had now. */
static bool
prepare_slice(EcapiSlice *slice)
{
	EcapiDestination *destination = slice->feed->destination;
	EcapiPreparing *preparing = &destination->preparing;
	int			max = portion_of(destination, slice);
	EcapiPrepared *results;
	int		   *picked;
	int			n;

	if (max == 0)
		return false;
	if (slice->view != NULL &&
		!ecapi_enrichments_equal(&slice->view->list, preparing->list))
		reset_slices(slice->feed, true);
	picked = palloc(sizeof(int) * slice->page->nevents);
	n = ecapi_prepare_pick(slice, max, picked);
	if (n == 0)
		return true;
	results = palloc(sizeof(EcapiPrepared) * n);
	for (int i = 0; i < n; i++)
		results[i] = ECAPI_PREPARED_AS_IS;
	/* the filter right behind the enrichments, so that what they have cost is not lost */
	return (preparing->list->n == 0 ||
			enrich(slice, picked, n, max < slice->page->nevents, results)) &&
		conclude(slice, picked, n, results);
}

/* ---- what was answered ---- */

/* Enrichments have been called for events of a slice. */
static void
take_enriched(EcapiDestination *destination, EcapiCall *call)
{
	EcapiPreparing *preparing = &destination->preparing;
	EcapiPrepared fate;

	if (call->answer.result == ECAPI_CALL_PASSED)
	{
		ecapi_view_fill(call->slice->view, call->events, call->nevents,
						call->trees, call->problems, call->made);
		call->made = NULL;
		preparing->call_us = call->answer.took_us;
		ecapi_prepare_call_passed(destination);
	}
	else if (ecapi_prepare_call_failed(destination, call->npicked, &call->answer.error, &fate))
	{
		for (int i = 0; i < call->npicked; i++)
			call->results[i] = fate;
		(void) conclude(call->slice, call->picked, call->npicked, call->results);
	}
}

/* A filter has judged events of a slice, which are among those that were picked, in order. */
static void
take_judged(EcapiDestination *destination, EcapiCall *call)
{
	int			failed = -1;

	for (int i = 0, k = 0; k < call->nevents; i++)
	{
		if (call->picked[i] != call->events[k])
			continue;
		if (call->stopped[k])
			call->results[i] = ECAPI_PREPARED_FILTERED;
		if (call->answer.failed == k)
			failed = i;
		k++;
	}
	if (call->answer.result != ECAPI_CALL_PASSED)
	{
		ecapi_prepare_filter_failed(destination, call->slice, call->picked, call->npicked,
									failed, &call->answer.error);
		return;
	}
	for (int i = 0; i < call->npicked; i++)
		ecapi_prepare_mark(call->slice, &call->picked[i], 1, call->results[i]);
	if (destination->preparing.list->n == 0)
		ecapi_prepare_call_passed(destination);
}

/* A call is answered: act on it, and be free for the next one. */
static void
take_answer(EcapiDestination *destination, EcapiCall *call)
{
	const EcapiCallAnswer *answer = &call->answer;

	destination->preparing.call = NULL;
	ecapi_stat_users_sql(answer->took_us);
	if (answer->result != ECAPI_CALL_LACKED)
		destination->preparing.holds = 0;
	PG_TRY();
	{
		if (answer->result == ECAPI_CALL_LACKED)
			ecapi_prepare_hold(destination, answer->error.message);
		else if (answer->result == ECAPI_CALL_UNUSABLE)
			ecapi_prepare_unusable(destination, &answer->problem);
		else if (call->filter == NULL)
			take_enriched(destination, call);
		else
			take_judged(destination, call);
	}
	PG_FINALLY();
	{
		ecapi_call_free(call);
	}
	PG_END_TRY();
}

/* ---- the surface ---- */

void
ecapi_prepare_move(long *wait_ms)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		EcapiCall  *call = destination->preparing.call;

		if (call == NULL)
			continue;
		switch (ecapi_call_move(call, wait_ms))
		{
			case ECAPI_CALL_OUT:
				break;
			case ECAPI_CALL_ANSWERED:
				take_answer(destination, call);
				break;
			case ECAPI_CALL_LOST:
				destination->preparing.call = NULL;
				ecapi_call_free(call);
				break;
		}
	}
}

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
			ecapi_destination_rests(destination) || destination->preparing.call != NULL ||
			ecapi_process_is_busy(destination->preparing.role) ||
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
	List	   *work;
	ListCell   *cell;

	work = find_work(now);
	if (work == NIL)
		return;
	foreach(cell, look_up_all(work))
	{
		EcapiDestination *destination = lfirst(cell);
		EcapiSlice *slice;

		while (destination->state == ECAPI_RUNNING && destination->preparing.call == NULL &&
			   (slice = next_slice(destination)) != NULL && prepare_slice(slice))
			;
		if (destination->preparing.call == NULL)
			continue;
		/* of those with one owner the one that had the process is last */
		dlist_delete(&destination->node);
		dlist_push_tail(&ecapi_me.destinations, &destination->node);
	}
	/* what was asked for just now leaves at once */
	ecapi_prepare_move(wait_ms);
}

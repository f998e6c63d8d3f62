/*
 * view.c
 *	  A page as one list of enrichments made it, shared by the destinations with
 *	  that list.
 *
 * A view belongs to its page and has for each event nothing yet, or the enriched tree,
 * or why a patch was refused.  A destination that needs events that are not there yet
 * has them enriched (ecapi_view_fill), with those that other destinations on the page
 * want, which find them later.  So a list is called once for the events of a page,
 * however many destinations have it.
 *
 * A call that fails leaves a view as it was.  A function that was replaced since is
 * called for the events that are still to be enriched, and for no others.
 *
 * Memory: enriched trees share texts with those of the page.  What a call makes
 * is bounded, counts into the budget of pages, and goes with the page, or, when
 * memory is short, as soon as no slice has the view.
 *
 * Users' SQL runs here, in a transaction of its own: the caller is in none.
 */
#include "postgres.h"

#include <time.h>

#include "utils/memutils.h"

#include "base/tree.h"
#include "enrich/enrichment.h"
#include "enrich/event_row.h"
#include "enrich/user_sql.h"
#include "event/value.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"
#include "stat/stat_worker.h"
#include "settings.h"

EcapiView *
ecapi_view_of(EcapiPage *page, const EcapiEnrichments *list)
{
	MemoryContext context;
	EcapiView  *view;

	ecapi_foreach(EcapiView, known, &page->views)
	{
		if (ecapi_enrichments_equal(&known->list, list))
		{
			known->refs++;
			return known;
		}
	}
	context = AllocSetContextCreate(page->context, "ecapi view", ALLOCSET_SMALL_SIZES);
	view = MemoryContextAllocZero(context, sizeof(EcapiView));
	view->refs = 1;
	view->page = page;
	view->list = *list;
	view->context = context;
	view->events = MemoryContextAllocZero(context, sizeof(EcapiViewEvent) * page->nevents);
	dlist_push_tail(&page->views, &view->node);
	ecapi_page_count(page);
	return view;
}

void
ecapi_view_drop(EcapiView *view)
{
	view->refs--;
}

void
ecapi_views_trim(void)
{
	dlist_mutable_iter views;

	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		dlist_foreach_modify(views, &page->views)
		{
			EcapiView  *view = dlist_container(EcapiView, node, views.cur);

			if (view->refs > 0)
				continue;
			dlist_delete(&view->node);
			MemoryContextDelete(view->context);
		}
		ecapi_page_count(page);
	}
}

/* Take over what a call has made. */
static void
take_over(EcapiView *view, const EcapiEnrichedEvent *events, int n,
		  const int *indexes, MemoryContext made)
{
	for (int i = 0; i < n; i++)
	{
		EcapiViewEvent *to = &view->events[indexes[i]];

		to->tree = events[i].event;
		to->problem = events[i].problem == NULL ? NULL
			: MemoryContextStrdup(made, events[i].problem);
	}
}

bool
ecapi_view_fill(EcapiView *view, const int *wanted, int nwanted, EcapiUserError *error)
{
	MemoryContext made = AllocSetContextCreate(view->context, "ecapi patches",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext given_context = AllocSetContextCreate(ecapi_me.scratch, "ecapi enrichment",
														ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(given_context);
	EcapiEnrichedEvent *events = palloc0(sizeof(EcapiEnrichedEvent) * Max(nwanted, 1));
	int		   *indexes = palloc(sizeof(int) * Max(nwanted, 1));
	EcapiPhase	before;
	EcapiArena	arena;
	bool		done = false;
	int			n = 0;

	ecapi_tree_arena(&arena, made);
	for (int i = 0; i < nwanted; i++)
	{
		/* a tree that the page does not keep must last as long as this view */
		const EcapiValue *tree = view->events[wanted[i]].tree != NULL ? NULL
			: ecapi_page_tree(view->page, wanted[i], &arena);

		if (tree == NULL)
			continue;
		events[n].seq = view->page->events[wanted[i]].seq;
		events[n].event = tree;
		indexes[n++] = wanted[i];
	}
	before = ecapi_stat_phase(ECAPI_PHASE_USERS_SQL);
	PG_TRY();
	{
		done = n == 0 ||
			ecapi_enrichments_apply(&view->list, events, n, &arena, (int64) time(NULL),
									ecapi_enrich_timeout_ms, ECAPI_PATCHES_BYTES, error);
	}
	PG_CATCH();
	{
		MemoryContextDelete(made);
		PG_RE_THROW();
	}
	PG_END_TRY();
	(void) ecapi_stat_phase(before);
	MemoryContextSwitchTo(old);
	if (done && n > 0)
		take_over(view, events, n, indexes, made);
	else
		MemoryContextDelete(made);
	ecapi_page_count(view->page);
	MemoryContextDelete(given_context);
	return done;
}

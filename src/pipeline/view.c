/*
 * view.c
 *	  A page as one list of enrichments made it, shared by the destinations with
 *	  that list.
 *
 * A view belongs to its page and has for each event nothing yet, or the enriched tree,
 * or why a patch was refused.  A destination that needs events that are not there yet
 * has them enriched (ecapi_view_fill), with those that other destinations on the page
 * want, which find them later.  So a list is called once for the events of a page,
 * however many destinations have it.  The call is prepare_call.c's.
 *
 * A call that fails leaves a view as it was.  A function that was replaced since is
 * called for the events that are still to be enriched, and for no others.
 *
 * Memory: an event that no patch changed shares its tree with the page.  What a call makes
 * is bounded, counts into the budget of pages, and goes with the page, or, when
 * memory is short, as soon as no slice has the view.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/tree.h"
#include "enrich/enrichment.h"
#include "event/value.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"

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

void
ecapi_view_fill(EcapiView *view, const int *events, int n, const EcapiValue **trees,
				const char **problems, MemoryContext made)
{
	EcapiArena	arena;

	ecapi_tree_arena(&arena, made);
	/* a tree that the page does not keep must last as long as this view */
	for (int i = 0; i < n; i++)
		if (trees[i] == NULL)
			trees[i] = ecapi_page_tree(view->page, events[i], &arena);
	for (int i = 0; i < n; i++)
	{
		EcapiViewEvent *to = &view->events[events[i]];

		/* another call may have made it meanwhile, and a slice may hold that */
		if (to->tree != NULL)
			continue;
		to->tree = trees[i];
		to->problem = problems[i];
	}
	ecapi_page_count(view->page);
}

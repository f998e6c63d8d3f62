/*
 * view.h
 *	  A page's events as one list of enrichments made them.
 *
 * Counted by slices of its page.
 */
#ifndef ECAPI_VIEW_H
#define ECAPI_VIEW_H

#include "postgres.h"

#include "lib/ilist.h"

#include "enrich/enrichment.h"
#include "event/value.h"
#include "pipeline/forward.h"

/* An event as a list of enrichments made it. */
typedef struct EcapiViewEvent
{
	const EcapiValue *tree;		/* NULL: not yet */
	const char *problem;		/* why a patch was refused; NULL: none was */
} EcapiViewEvent;

struct EcapiView
{
	dlist_node	node;			/* in page->views */
	int			refs;
	EcapiPage  *page;
	EcapiEnrichments list;
	MemoryContext context;		/* in the page's */
	EcapiViewEvent *events;		/* one for each of the page */
};

/* The view of a page for a resolved list, with a reference for the caller. */
extern EcapiView *ecapi_view_of(EcapiPage *page, const EcapiEnrichments *list);

/* Give a reference back.  The view stays with its page for destinations yet to come. */
extern void ecapi_view_drop(EcapiView *view);

/* Memory is short: free the views that no slice has. */
extern void ecapi_views_trim(void);

/*
 * Take over what a call has made of some events, given by their indexes in the page: the
 * tree of each (NULL: its own), and why a patch was refused (NULL: none was).  made, below the
 * view's context, holds them, and stays.  Raises out of memory; then the view is as it was.
 */
extern void ecapi_view_fill(EcapiView *view, const int *events, int n,
							const EcapiValue **trees, const char **problems,
							MemoryContext made);

#endif							/* ECAPI_VIEW_H */

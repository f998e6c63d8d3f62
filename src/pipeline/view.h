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
#include "enrich/user_sql.h"
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

extern EcapiView *ecapi_view_of(EcapiPage *page, const EcapiEnrichments *list);
extern void ecapi_view_drop(EcapiView *view);
extern void ecapi_views_trim(void);
extern bool ecapi_view_fill(EcapiView *view, const int *wanted, int nwanted,
							EcapiUserError *error);

#endif							/* ECAPI_VIEW_H */

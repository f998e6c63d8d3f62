/*
 * pages.h
 *	  Reading and keeping pages, and the trees of their events.
 */
#ifndef ECAPI_PAGES_H
#define ECAPI_PAGES_H

#include "postgres.h"

#include "event/value.h"
#include "pipeline/forward.h"
#include "pipeline/page.h"
#include "pipeline/tick.h"
#include "records/failed.h"

/* Count what a page takes now. */
extern void ecapi_page_count(EcapiPage *page);

/*
 * A page of failed events, with a reference for the caller.  It has no place,
 * so no other destination finds it.  Takes over the memory of the rows.
 */
extern EcapiPage *ecapi_page_of_due(const EcapiDueRows *due);

/* The page at a place, without a reference, when it is in memory; else NULL. */
extern EcapiPage *ecapi_page_known(const EcapiPlace *place);

/*
 * The page at a place with an open window, with a reference for the caller, who gives it
 * back by ecapi_keep_drop().  One that
 * has to be read ends with the event that brings it to that many bytes.  In a
 * transaction with an active snapshot at least as late as the window's end, SPI
 * connected; raises what SQL raises.
 */
extern EcapiPage *ecapi_page_at(const EcapiPlace *place, size_t bytes);

/*
 * Why an event may not leave for a destination any more, a constant; NULL: it may, as far
 * as stopped.c has looked.
 */
extern const char *ecapi_page_stopped(const EcapiPageEvent *event, Oid server);

/* Free a page or a summary without references. */
extern void ecapi_page_free(EcapiPage *page);

/* Free the trees of a page; they are parsed again when they are asked for. */
extern void ecapi_page_forget_trees(EcapiPage *page);

/*
 * The tree of an event: kept with the page, or, when the page holds enough of
 * them, made in scratch for this once.  NULL when the event cannot be read;
 * its problem says why.  NULL without a problem when memory ran out: then nothing
 * is known of the event, and it is asked about again.
 */
extern const EcapiValue *ecapi_page_tree_if_memory(EcapiPage *page, int i,
												   EcapiArena *scratch);

/* The same, where a turn may end: raises out of memory. */
extern const EcapiValue *ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch);

#endif							/* ECAPI_PAGES_H */

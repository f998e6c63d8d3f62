/*
 * pages.h
 *	  Pages: events read at a place, shared by the destinations that stand there.
 *
 * A page, or the summary that is left of it for a destination it holds nothing for, is
 * counted by slices.
 */
#ifndef ECAPI_PAGES_H
#define ECAPI_PAGES_H

#include "postgres.h"

#include "event/value.h"
#include "pipeline/forward.h"
#include "pipeline/page.h"
#include "pipeline/tick.h"
#include "records/failed.h"

extern EcapiPage *ecapi_page_at(const EcapiPlace *place, size_t bytes);
extern bool ecapi_page_in_memory(const EcapiPlace *place);
extern bool ecapi_page_is_awaited(const EcapiFeed *feed);
extern void ecapi_pages_sweep(bool all);
extern void ecapi_page_drop(EcapiPage *page);
extern void ecapi_page_count(EcapiPage *page);
extern EcapiPage *ecapi_page_of_due(const EcapiDueRows *due);
extern const EcapiValue *ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch);
extern const EcapiValue *ecapi_page_tree_if_memory(EcapiPage *page, int i,
												   EcapiArena *scratch);

#endif							/* ECAPI_PAGES_H */

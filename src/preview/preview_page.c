/*
 * preview_page.c
 *	  The events of a source, a page at a time.
 *
 * One page is in memory at a time, in a context of its own that the next one resets; so a
 * walk over the outbox holds no more, however much there is in it.
 *
 * No locks but those of the source.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "pipeline/page.h"
#include "preview/preview.h"

void
ecapi_preview_page_begin(EcapiPreviewPage *page)
{
	page->context = AllocSetContextCreate(CurrentMemoryContext, "ecapi preview page",
										  ALLOCSET_DEFAULT_SIZES);
}

void
ecapi_preview_page_read(EcapiPreviewPage *page, EcapiPreviewSource *source, int max_rows)
{
	MemoryContextReset(page->context);
	MemoryContextSwitchTo(page->context);
	ecapi_tree_arena(&page->arena, page->context);
	memset(&page->rows, 0, sizeof(page->rows));
	page->rows.context = page->context;
	page->rows.max_rows = max_rows;
	page->rows.max_bytes = ECAPI_PAGE_BYTES;
	page->rows.rows = palloc(sizeof(EcapiRow) * max_rows);
	ecapi_preview_source_read(source, &page->rows);
	page->events = palloc0(sizeof(EcapiPreviewEvent) * Max(page->rows.nrows, 1));
}

void
ecapi_preview_page_add(EcapiPreviewPage *page, int *n, const EcapiRow *row)
{
	EcapiPreviewEvent *event = &page->events[(*n)++];

	event->xid = row->xid;
	event->seq = row->seq;
	event->emitted_at = (int64) timestamptz_to_time_t(row->emitted_at);
	event->text = row->event;
	event->len = row->len;
}

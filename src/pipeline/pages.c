/*
 * pages.c
 *	  Pages: events read at a place, shared by the destinations that stand there.
 *
 * A page is read once; a destination that comes to its start while it is in memory gets
 * the same page, with the trees that were parsed from it.  How long it stays there is in
 * keep.c.
 *
 * A page ends where another one in memory begins, so that destinations that came apart
 * share pages again as soon as the one behind reaches what the other has read.
 *
 * Memory: what a page's context really takes, views, blocks and rounding included, counts
 * into one budget with all pages, summaries and bodies; share.c says how much of it a
 * destination may take, and so how large a page is.  Trees take several times what the
 * texts take.  They go as soon as nobody is about to need them, and are parsed again when
 * a request is made a second time.  The tree of an event that is out of proportion
 * (thousands of tiny values) is parsed again each time instead of kept.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "destination/select.h"
#include "event/json.h"
#include "event/stored.h"
#include "event/value.h"
#include "outbox/window.h"
#include "pipeline/destination.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

/* Trees that a page keeps; a typical event's takes three times its text. */
#define PAGE_TREE_BYTES	(4 * ECAPI_PAGE_BYTES)

/* Blocks of trees: with larger ones half of the last would stand empty and count. */
#define TREE_BLOCK_BYTES	(256 * 1024)

EcapiPage *
ecapi_page_known(const EcapiPlace *place)
{
	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
		if (ecapi_place_equal(&page->start, place))
			return page;
	return NULL;
}

void
ecapi_page_count(EcapiPage *page)
{
	size_t		bytes = MemoryContextMemAllocated(page->context, true);

	ecapi_me.page_bytes += bytes - page->bytes;
	page->bytes = bytes;
}

/*
 * Set up the events of a page and count it; context is its own, and of this turn
 * until then, so that no error leaves it behind.
 */
static void
fill_page(EcapiPage *page, MemoryContext context, int nevents)
{
	page->context = context;
	page->nevents = nevents;
	page->events = MemoryContextAllocZero(context, sizeof(EcapiPageEvent) * Max(nevents, 1));
	for (int i = 0; i < nevents; i++)
		page->events[i].type = -1;
	dlist_init(&page->views);
	page->trees = AllocSetContextCreate(context, "ecapi trees", 0, ALLOCSET_SMALL_INITSIZE,
										TREE_BLOCK_BYTES);
	ecapi_tree_arena(&page->arena, page->trees);
	MemoryContextSetParent(context, ecapi_me.context);
	ecapi_page_count(page);
	dlist_push_head(&ecapi_me.pages, &page->node);
}

/* The start of the next page in memory behind a place, in its window; NULL: none. */
static const EcapiPosition *
next_start(const EcapiPlace *place)
{
	const EcapiPosition *next = NULL;

	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		const EcapiPosition *start = &page->start.position;

		if (page->start.from == place->from && page->start.to == place->to &&
			ecapi_position_compare(start, &place->position) > 0 &&
			(next == NULL || ecapi_position_compare(start, next) < 0))
			next = start;
	}
	return next;
}

/*
 * End what was read at a place where a page begins that is in memory, so that destinations
 * of which one fell behind find the same pages from there on.
 */
static void
end_before_known(EcapiPage *page, const EcapiPlace *place, EcapiRows *rows)
{
	const EcapiPosition *next = next_start(place);
	int			n = 0;

	if (next == NULL)
		return;
	while (n < rows->nrows)
	{
		EcapiRow   *row = &rows->rows[n++];
		EcapiPosition position = ecapi_tick_position(place->from, row->xid, row->seq);

		if (ecapi_position_compare(&position, next) == 0)
			break;
	}
	if (n == rows->nrows)
		return;
	for (int i = n; i < rows->nrows; i++)
		if (rows->rows[i].event != NULL)
			pfree(unconstify(char *, rows->rows[i].event));
	rows->nrows = n;
	page->end = *next;
	page->last = false;
}

static EcapiPage *
read_page(const EcapiPlace *place, size_t bytes)
{
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi page",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiPage  *page = MemoryContextAllocZero(context, sizeof(EcapiPage));
	EcapiRows	rows = {0};

	page->end = place->position;
	rows.context = context;
	rows.max_rows = ECAPI_PAGE_ROWS;
	rows.max_bytes = bytes;
	rows.rows = palloc(sizeof(EcapiRow) * rows.max_rows);
	page->last = ecapi_window_read(place->from->snapshot, place->to->snapshot,
								   &page->end, &rows);
	end_before_known(page, place, &rows);

	fill_page(page, context, rows.nrows);
	for (int i = 0; i < rows.nrows; i++)
	{
		page->events[i].xid = rows.rows[i].xid;
		page->events[i].seq = rows.rows[i].seq;
		page->events[i].emitted_at = rows.rows[i].emitted_at;
		page->events[i].text = rows.rows[i].event;
		page->events[i].len = rows.rows[i].len;
	}
	pfree(rows.rows);
	ecapi_place_copy(&page->start, place);
	return page;
}

EcapiPage *
ecapi_page_of_due(const EcapiDueRows *due)
{
	EcapiPage  *page = MemoryContextAllocZero(due->context, sizeof(EcapiPage));

	fill_page(page, due->context, due->nrows);
	page->due = due->rows;
	page->refs = 1;
	for (int i = 0; i < due->nrows; i++)
	{
		page->events[i].xid = due->rows[i].xid;
		page->events[i].seq = due->rows[i].seq;
		page->events[i].text = due->rows[i].event;
		page->events[i].len = due->rows[i].len;
	}
	return page;
}

void
ecapi_page_free(EcapiPage *page)
{
	ecapi_me.page_bytes -= page->bytes;
	if (page->summary != NULL && --page->summary->refs == 0)
		ecapi_page_free(page->summary);
	if (page->tally == NULL)
		dlist_delete(&page->node);
	ecapi_place_clear(&page->start);
	MemoryContextDelete(page->context);
}

EcapiPage *
ecapi_page_at(const EcapiPlace *place, size_t bytes)
{
	EcapiPage  *page = ecapi_page_known(place);

	if (page == NULL)
		page = read_page(place, bytes);
	page->refs++;
	return page;
}

/*
 * Note what the ledger counts of an event, because its tree may be freed before that.
 * Currencies are three letters, so that rows that were put into the outbox by hand add a
 * bounded number of kinds.
 */
static void
note_value(EcapiPage *page, EcapiPageEvent *event, const EcapiValue *tree)
{
	const char *currency;
	const EcapiValue *value = ecapi_stored_money(tree, &currency);

	if (event->value != NULL || value == NULL)
		return;
	memcpy(event->currency, currency, sizeof(event->currency));
	event->value = MemoryContextStrdup(page->context, value->text);
}

const char *
ecapi_page_stopped(const EcapiPageEvent *event, Oid server)
{
	if (event->stopped == NULL && list_member_oid(event->withdrawn, server))
		return ECAPI_REASON_WITHDRAWN;
	return event->stopped;
}

/* What a parsed event is, or why it cannot be read; keep: its tree stays. */
static void
note_tree(EcapiPage *page, EcapiPageEvent *event, const EcapiValue *tree, const char *error,
		  bool keep)
{
	const char *problem = ecapi_stored_problem(tree, error);

	if (problem != NULL)
	{
		event->problem = MemoryContextStrdup(page->context, problem);
		event->parsed = true;
		return;
	}
	event->type = ecapi_stored_type(tree);
	note_value(page, event, tree);
	if (ecapi_stored_is_erased(tree))
		event->stopped = ECAPI_REASON_ERASED;
	if (keep)
	{
		event->tree = tree;
		event->parsed = true;
	}
}

/* Parse an event and those behind it, which are needed next; their trees are kept. */
static void
parse_ahead(EcapiPage *page, int first)
{
	EcapiJsonText texts[ECAPI_JSON_TEXTS];
	EcapiPageEvent *events[ECAPI_JSON_TEXTS];
	int			n = 0;
	int			done;

	for (int i = first; i < page->nevents && n < ECAPI_JSON_TEXTS; i++)
	{
		EcapiPageEvent *event = &page->events[i];

		if (event->parsed || event->text == NULL)
			continue;
		texts[n].text = event->text;
		texts[n].len = event->len;
		events[n++] = event;
	}
	done = ecapi_json_parse_texts(&page->arena, texts, n);
	ecapi_page_count(page);
	for (int i = 0; i < done; i++)
		note_tree(page, events[i], texts[i].value, texts[i].error, true);
}

void
ecapi_page_forget_trees(EcapiPage *page)
{
	if (page->arena.grabbed == 0 || !dlist_is_empty(&page->views))
		return;					/* trees of views share their texts */
	for (int i = 0; i < page->nevents; i++)
	{
		EcapiPageEvent *event = &page->events[i];

		event->parsed &= event->tree == NULL;
		event->tree = NULL;
	}
	MemoryContextReset(page->trees);
	ecapi_tree_arena(&page->arena, page->trees);
	ecapi_page_count(page);
}

const EcapiValue *
ecapi_page_tree_if_memory(EcapiPage *page, int i, EcapiArena *scratch)
{
	EcapiPageEvent *event = &page->events[i];
	const EcapiValue *tree;
	char		error[128];

	if (event->parsed)
		return event->tree;
	if (event->text == NULL)
	{
		event->problem = ECAPI_STORED_NOT_UTF8;
		event->parsed = true;
		return NULL;
	}

	if (page->arena.grabbed < PAGE_TREE_BYTES)
	{
		parse_ahead(page, i);
		return event->tree;
	}
	tree = ecapi_json_parse(scratch, event->text, event->len, error, sizeof(error));
	ecapi_page_count(page);
	if (tree == NULL && scratch->failed)
		return NULL;
	note_tree(page, event, tree, error, false);
	return event->problem == NULL ? tree : NULL;
}

const EcapiValue *
ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch)
{
	const EcapiValue *tree = ecapi_page_tree_if_memory(page, i, scratch);

	if (tree == NULL && page->events[i].problem == NULL)
		ecapi_tree_out_of_memory();
	return tree;
}

/*
 * pages.c
 *	  Pages: events read at a place, shared by the destinations that stand there.
 *
 * A page is read once; a destination that comes to its start while another one still
 * holds it gets the same page, with the trees that were parsed from it.
 *
 * A page that no slice holds is kept while a destination stands right before it, which
 * will read it next, and while there is room.  With that, and because a destination that
 * is a page ahead of another one with the same enrichments waits a moment for it
 * (read.c), destinations that take about the same time go through a backlog together.
 *
 * Memory: what a page's context really takes, views, blocks and rounding included, counts
 * into one budget with all pages, summaries and bodies; share.c says how much of it a
 * destination may take, and so how large a page is.  The tree of an event that is out of
 * proportion (thousands of tiny values) is parsed again each time instead of kept.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "destination/select.h"
#include "enrich/enrichment.h"
#include "event/json.h"
#include "event/stored.h"
#include "event/value.h"
#include "outbox/window.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

/* Trees that a page keeps; a typical event's takes three times its text. */
#define PAGE_TREE_BYTES	(4 * ECAPI_PAGE_BYTES)

/* Waiting for the reader of a smaller page takes longer than reading it twice. */
#define AWAITED_EVENTS	500

static EcapiPage *
find_page(const EcapiPlace *place)
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
	ecapi_tree_arena(&page->arena, context);
	MemoryContextSetParent(context, ecapi_me.context);
	ecapi_page_count(page);
	dlist_push_head(&ecapi_me.pages, &page->node);
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

bool
ecapi_page_in_memory(const EcapiPlace *place)
{
	return find_page(place) != NULL;
}

/* Whether two destinations have the same enrichments, and any at all. */
static bool
same_list(const EcapiDestination *a, const EcapiDestination *b)
{
	const EcapiEnrichments *list = a->preparing.list;

	return list != NULL && list->n > 0 && b->preparing.list != NULL &&
		ecapi_enrichments_equal(list, b->preparing.list);
}

/*
 * Whether a destination will read this page next, one with the same enrichments as like;
 * NULL: any.
 */
static bool
is_wanted_next(const EcapiPage *page, const EcapiDestination *like)
{
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
		if (destination->state == ECAPI_RUNNING && destination->giving_up.to == NULL &&
			ecapi_place_equal(&destination->live.read, &page->start) &&
			(like == NULL || same_list(like, destination)))
			return true;
	return false;
}

/*
 * Whether n pages may be kept that no slice holds.  One always may: else each of many
 * destinations that pass over a page would read it again.
 */
static bool
may_keep(int n)
{
	return n <= 1 || ecapi_me.page_bytes + ecapi_me.body_bytes <= ECAPI_BUDGET / 2;
}

static void
free_page(EcapiPage *page)
{
	ecapi_me.page_bytes -= page->bytes;
	if (page->summary != NULL)
		ecapi_page_drop(page->summary);
	if (page->tally == NULL)
		dlist_delete(&page->node);
	ecapi_place_clear(&page->start);
	MemoryContextDelete(page->context);
}

void
ecapi_pages_sweep(bool all)
{
	dlist_mutable_iter iter;
	int			kept = 0;

	/* the newest first */
	dlist_foreach_modify(iter, &ecapi_me.pages)
	{
		EcapiPage  *page = dlist_container(EcapiPage, node, iter.cur);

		if (page->refs > 0)
			continue;
		if (all || !is_wanted_next(page, NULL) || !may_keep(kept + 1))
			free_page(page);
		else
			kept++;
	}
}

bool
ecapi_page_is_awaited(const EcapiFeed *feed)
{
	const EcapiPlace *place = &feed->read;

	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		bool		ends_there;

		if (page->due != NULL || page->nevents < AWAITED_EVENTS)
			continue;
		ends_there = page->last ? place->from == page->start.to && place->to == NULL
			: place->from == page->start.from && place->to == page->start.to &&
			ecapi_position_compare(&place->position, &page->end) == 0;
		if (ends_there)
			return is_wanted_next(page, feed->destination);
	}
	return false;
}

EcapiPage *
ecapi_page_at(const EcapiPlace *place, size_t bytes)
{
	EcapiPage  *page = find_page(place);

	if (page == NULL)
		page = read_page(place, bytes);
	page->refs++;
	return page;
}

void
ecapi_page_drop(EcapiPage *page)
{
	if (--page->refs > 0)
		return;
	if (page->due == NULL && page->tally == NULL && is_wanted_next(page, NULL))
		ecapi_pages_sweep(false);	/* it is kept, perhaps instead of an older one */
	else
		free_page(page);
}

/*
 * Note what the ledger counts of an event, because its tree may be freed before that
 * (keep: it is not).  Currencies are three letters, so that rows that were put into the
 * outbox by hand add a bounded number of kinds.
 */
static void
note_value(EcapiPage *page, EcapiPageEvent *event, const EcapiValue *tree, bool keep)
{
	const char *currency;
	const EcapiValue *value = ecapi_stored_money(tree, &currency);

	if (event->value != NULL || value == NULL)
		return;
	memcpy(event->currency, currency, sizeof(event->currency));
	event->value = keep ? value->text : MemoryContextStrdup(page->context, value->text);
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
	note_value(page, event, tree, keep);
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

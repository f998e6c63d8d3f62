/*
 * stretch.c
 *	  The events in a destination's hands, and how far they are disposed of.
 *
 * A destination holds stretches in the order of its places.  Their events are
 * taken in order, but end in any order when several requests fly; the cursor
 * moves only over the contiguous disposed prefix (design invariant 5).  When
 * the last event of a stretch is disposed of, the stretch goes.
 */
#include "postgres.h"

#include "worker/internal.h"

/* Does a destination want more events in hand? */
bool
ecapi_stretch_wanted(EcapiDestination *destination)
{
	if (destination->state != ECAPI_RUNNING || destination->options == NULL ||
		destination->give_up_to != NULL)
		return false;
	/* two requests' worth: one to send, one to fill up from */
	return destination->unsent < 2 * Min(destination->options->batch_size,
										 ECAPI_PAGE_ROWS);
}

static void
place_after(EcapiPlace *place, const EcapiPage *page)
{
	static const EcapiPosition start = {0, 0, 0};

	if (page->last)
		ecapi_place_set(place, page->start.to, NULL, start);
	else
		ecapi_place_set(place, page->start.from, page->start.to, page->end);
}

/*
 * Hand a page, read at destination->read, to the destination.  Takes over the
 * caller's reference.
 */
void
ecapi_stretch_add(EcapiDestination *destination, EcapiPage *page)
{
	EcapiStretch *stretch;

	place_after(&destination->read, page);
	if (page->nevents == 0)
	{
		/* an empty stretch of the window is disposed of by itself */
		if (dlist_is_empty(&destination->stretches))
			ecapi_place_copy(&destination->done, &destination->read);
		ecapi_page_drop(page);
		return;
	}
	stretch = MemoryContextAllocZero(destination->context, sizeof(EcapiStretch));
	stretch->fate = MemoryContextAllocZero(destination->context, page->nevents);
	stretch->page = page;
	destination->unsent += page->nevents;
	dlist_push_tail(&destination->stretches, &stretch->node);
}

/* The event of an item; valid until the item is disposed of. */
EcapiPageEvent *
ecapi_item_event(EcapiItem item)
{
	return &item.stretch->page->events[item.index];
}

/* An event was delivered, filtered, failed or given up.  Advance afterwards. */
void
ecapi_stretch_dispose(EcapiDestination *destination, EcapiItem item)
{
	Assert(item.stretch->fate[item.index] != ECAPI_FATE_DISPOSED);
	item.stretch->fate[item.index] = ECAPI_FATE_DISPOSED;
	destination->dirty = true;
}

/*
 * Move the cursor over what is disposed of.  Items of stretches that end here
 * are no longer valid.
 */
void
ecapi_stretch_advance(EcapiDestination *destination)
{
	while (!dlist_is_empty(&destination->stretches))
	{
		EcapiStretch *stretch = dlist_head_element(EcapiStretch, node,
												   &destination->stretches);
		EcapiPage  *page = stretch->page;
		int			before = stretch->disposed;

		while (stretch->disposed < page->nevents &&
			   stretch->fate[stretch->disposed] == ECAPI_FATE_DISPOSED)
			stretch->disposed++;
		if (stretch->disposed < page->nevents)
		{
			if (stretch->disposed > before)
			{
				EcapiPageEvent *event = &page->events[stretch->disposed - 1];
				EcapiPosition position;

				position.arm = event->xid >= page->start.from->snapshot->xmax ? 1 : 0;
				position.xid = event->xid;
				position.seq = event->seq;
				ecapi_place_set(&destination->done, page->start.from,
								page->start.to, position);
			}
			return;
		}
		place_after(&destination->done, page);
		dlist_delete(&stretch->node);
		ecapi_page_drop(page);
		pfree(stretch->fate);
		pfree(stretch);
	}
	/* empty stretches behind the last one are disposed of with it */
	ecapi_place_copy(&destination->done, &destination->read);
}

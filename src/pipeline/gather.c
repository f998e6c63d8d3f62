/*
 * gather.c
 *	  From events that were read to batches, shaped into the body of a request.
 *
 * A batch is gathered from a feed's slices in order, and shaped right
 * before it is sent; the body is freed when the answer is in, and only items are
 * kept.  What cannot be sent is disposed of on the way:
 *
 *	 event:	 waiting --> in the batch
 *			 waiting --> filtered: noted by reason
 *			 waiting --> failed: users' SQL fails on it
 *			 waiting --> failed: cannot be read or expressed, or fits no request
 *			 waiting --> waiting: there is no memory for it; the destination waits
 *			 waiting --> passed over: not one that a replay is about
 *			 waiting --> held back: a repeat that comes too late (late_repeat.c)
 *			 waiting --> waiting, put off or filtered: an amendment whose original is not
 *						known to be delivered (amend_wait.c)
 *
 * A failed event that is filtered or fails is dead, unless a patch was refused and is to
 * be tried again.
 *
 * Of a format with keys a batch holds the events of one.  Those of other keys that stand
 * among them become batches of their own, which are ready to be sent next, and are shaped
 * then.  Each key keeps its order.
 *
 * The steps and their order are those of destination/select.h.  Users' SQL has
 * run before (prepare.c); what is not yet prepared is not gathered.
 *
 * Ownership: a batch belongs to its destination; its items point into
 * slices, which stay while one of their events is undisposed.
 */
#include "postgres.h"

#include <time.h>

#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/body.h"
#include "destination/options.h"
#include "destination/select.h"
#include "event/buffer.h"
#include "event/value.h"
#include "pipeline/amend_wait.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/failed_feed.h"
#include "pipeline/feed.h"
#include "pipeline/gather.h"
#include "pipeline/late_repeat.h"
#include "pipeline/lost_fields.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare.h"
#include "pipeline/replay_feed.h"
#include "pipeline/share.h"
#include "pipeline/slice.h"
#include "pipeline/state.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"
#include "settings.h"
#include "shmem/left_out.h"

/* Failed events in a request: few, as each may well be rejected again. */
#define FAILED_BATCH	20

/* How long a destination waits for memory, which others give back with their answers. */
#define MEMORY_WAIT_MS	1000

/* A batch while its body is put together. */
typedef struct Growing
{
	EcapiBatch *batch;
	MemoryContext scratch_context;	/* current meanwhile */
	EcapiArena	scratch;
	MemoryContext old;			/* current before */
	pg_time_t	now;			/* what ages are measured from */
	EcapiBodyKeys keys;			/* of events for other batches */
	EcapiBatch *others[ECAPI_BODY_KEYS];	/* the one that is not full of each; NULL: none */
} Growing;

/* The result for an event while a body is put together. */
typedef enum Shaping
{
	SHAPING_DONE,				/* it is in the body, or disposed of */
	SHAPING_FULL,				/* the body has no room for it */
	SHAPING_OTHER_KEY,			/* it belongs into another one */
	SHAPING_NO_MEMORY			/* it is as it was */
} Shaping;

/* There is no repalloc() that returns NULL before PostgreSQL 16. */
static void *
resize_body(void *owner, void *old, size_t size)
{
	EcapiBatch *batch = owner;
	void	   *memory = MemoryContextAllocExtended(batch->request, size,
													MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);

	if (memory != NULL && old != NULL)
	{
		memcpy(memory, old, batch->body.buffer.size);
		pfree(old);
	}
	return memory;
}

/* An event is not for this destination. */
static void
filter_event(EcapiItem item, const char *reason)
{
	/* of a failed event its row says so */
	if (item.slice->feed->kind == ECAPI_FEED_FAILED)
		ecapi_slice_failed(item, reason, NULL, 0, false);
	else
		ecapi_slice_dispose(item, ECAPI_OUTCOME_FILTERED, reason);
}

/*
 * An event was cancelled, or its person forgotten or consent withdrawn, after it was
 * emitted: it does not leave, from any feed.
 */
static void
stop_event(EcapiItem item, const char *reason)
{
	if (strcmp(reason, ECAPI_REASON_WITHDRAWN) == 0)
		ecapi_slice_withdrawn(item);
	else if (item.slice->feed->kind != ECAPI_FEED_FAILED && strcmp(reason, ECAPI_REASON_ERASED) == 0)
		ecapi_slice_dispose(item, ECAPI_OUTCOME_ERASED, NULL);
	else
		filter_event(item, reason);
}

/* Users' SQL has failed on an event, or refuses it. */
static void
refuse_event(EcapiItem item, EcapiPrepared prepared)
{
	EcapiSlice *slice = item.slice;
	EcapiDestination *destination = slice->feed->destination;

	if (prepared == ECAPI_PREPARED_FILTERED)
		filter_event(item, ECAPI_REASON_FILTER);
	else if (prepared == ECAPI_PREPARED_UNFILTERED &&
			 ecapi_select_failing(destination->options, ECAPI_FAILING_FILTER) ==
			 ECAPI_DECISION_FILTERED)
		filter_event(item, ECAPI_REASON_FILTER_FAILED);
	else if (prepared == ECAPI_PREPARED_UNFILTERED)
		ecapi_slice_refused(item, ECAPI_REASON_FILTER_FAILED,
							  destination->preparing.message, false);
	else if (prepared == ECAPI_PREPARED_FAILED)
		ecapi_slice_refused(item, ECAPI_REASON_ENRICH,
							  destination->preparing.message, false);
	else if (prepared == ECAPI_PREPARED_REFUSED)
		ecapi_slice_refused(item, ECAPI_REASON_REFUSED,
							  slice->view->events[item.index].problem,
							  destination->options->enrich_on_error == ECAPI_ENRICH_HOLD);
	else
		filter_event(item, ECAPI_REASON_EXPIRED);	/* a clock was set back since it was judged */
}

/*
 * The tree of an event as its destination's users' SQL made it.  NULL when it
 * did not let it pass; then it is disposed of.
 */
static const EcapiValue *
prepared_tree(EcapiItem item, const EcapiValue *tree)
{
	EcapiSlice *slice = item.slice;
	EcapiPrepared prepared;

	if (slice->prepared == NULL)
		return tree;
	prepared = slice->prepared[item.index];
	Assert(prepared != ECAPI_PREPARED_NOT_YET);
	if (prepared == ECAPI_PREPARED_ENRICHED)
		return slice->view->events[item.index].tree;
	if (prepared == ECAPI_PREPARED_AS_IS || prepared == ECAPI_PREPARED_UNPATCHED)
		return tree;
	refuse_event(item, prepared);
	return NULL;
}

/*
 * The tree of an event as its destination takes it, and in the item whether in the
 * restricted mode alone; NULL when it does not: then the event is disposed of.
 */
static const EcapiValue *
chosen_tree(const EcapiOptions *options, EcapiItem *chosen, const EcapiValue *tree,
			pg_time_t now)
{
	EcapiItem	item = *chosen;
	EcapiDestination *destination = item.slice->feed->destination;
	EcapiPageEvent *event = ecapi_item_event(item);
	const char *reason = ecapi_prepare_select(destination, tree, event->type, now);
	const char *stopped = ecapi_page_stopped(event, destination->server);

	/* a failed event would stay, as one that is no longer for this destination */
	if (stopped != NULL && (reason == NULL || (item.slice->feed->kind == ECAPI_FEED_FAILED &&
											   strcmp(stopped, ECAPI_REASON_WITHDRAWN) == 0)))
	{
		stop_event(item, stopped);
		return NULL;
	}
	if (reason == NULL && ecapi_late_repeat_hold_back(item, tree, now))
		return NULL;
	if (reason == NULL)
	{
		tree = prepared_tree(item, tree);
		if (tree == NULL)
			return NULL;
		reason = ecapi_select_late(options, tree, ecapi_default_country(), &chosen->restriction);
	}
	if (reason == NULL)
		return tree;
	filter_event(item, reason);
	return NULL;
}

/* Put an event that its destination takes into the body, or dispose of it. */
static Shaping
add_event(Growing *growing, EcapiItem item, const EcapiValue *tree)
{
	EcapiBatch *batch = growing->batch;
	const EcapiValue *seen;
	const char *reason;

	ecapi_left_out_begin();
	switch (ecapi_body_add(&batch->body, &growing->scratch, tree, item.restriction != NULL, &seen,
						   &reason))
	{
		case ECAPI_SHAPED:
			if (item.restriction == NULL && batch->body.shape.original != NULL)
				item.restriction = ECAPI_REASON_AMENDMENT;
			item.identified = batch->body.shape.identified;
			batch->items[batch->nitems++] = item;
			item.slice->fate[item.index] = ECAPI_FATE_TAKEN;
			ecapi_left_out_count();
			if (batch->body.shape.left_out != NULL)
				ecapi_count_lost_fields(item, seen);
			break;
		case ECAPI_FILTERED:
			filter_event(item, reason);
			break;
		case ECAPI_UNFIT:
			if (batch->body.shape.identified == ECAPI_IDENTIFIED_NOT)
				ecapi_stat_matched(&batch->destination->stat, false);
			ecapi_slice_failed(item, reason, NULL, 0, false);
			break;
		case ECAPI_LACKING:
			/* it stays where it is until the option is set */
			ecapi_state_stop(batch->destination, reason);
			return SHAPING_FULL;
		case ECAPI_BODY_FULL:
			return SHAPING_FULL;
		case ECAPI_BODY_OTHER_KEY:
			return SHAPING_OTHER_KEY;
		case ECAPI_BODY_NO_MEMORY:
			return SHAPING_NO_MEMORY;
	}
	return SHAPING_DONE;
}

/*
 * What to do with one event while a body is put together.  Full is also said when
 * the destination has stopped for want of an option.
 */
static Shaping
shape_event(Growing *growing, EcapiItem item)
{
	EcapiPageEvent *event = ecapi_item_event(item);
	EcapiFeed  *feed = growing->batch->feed;
	const EcapiValue *tree;

	if (feed->kind == ECAPI_FEED_REPLAY && !ecapi_replay_wants(feed, event, false))
	{
		ecapi_replay_pass_over(item);
		return SHAPING_DONE;
	}
	tree = ecapi_page_tree_if_memory(item.slice->page, item.index, &growing->scratch);
	if (tree == NULL && event->problem == NULL)
		return SHAPING_NO_MEMORY;
	if (tree == NULL)
	{
		ecapi_slice_failed(item, event->problem, NULL, 0, false);
		return SHAPING_DONE;
	}
	if (feed->kind == ECAPI_FEED_REPLAY && !ecapi_replay_wants(feed, event, true))
	{
		ecapi_replay_pass_over(item);
		return SHAPING_DONE;
	}
	switch (ecapi_amend_turn(item, tree, growing->now))
	{
		case ECAPI_AMEND_GOES:
			break;
		case ECAPI_AMEND_WAITS:
			return SHAPING_FULL;
		case ECAPI_AMEND_PUT_OFF:
			return SHAPING_DONE;
		case ECAPI_AMEND_ALONE:
			filter_event(item, ECAPI_REASON_NO_ORIGINAL);
			return SHAPING_DONE;
	}
	tree = chosen_tree(growing->batch->body.shape.options, &item, tree, growing->now);
	return tree == NULL ? SHAPING_DONE : add_event(growing, item, tree);
}

void
ecapi_batch_hold(EcapiBatch *batch)
{
	ecapi_batch_drop_request(batch);
	if (batch->feed->kind == ECAPI_FEED_FAILED)
		ecapi_failed_put_back(batch);
	else if (!ecapi_replay_let_go(batch))
		dlist_push_head(&batch->feed->ready, &batch->node);
}

/* Begin the body of a batch, whose items are those that are in it. */
static void
begin_body(Growing *growing, EcapiBatch *batch)
{
	EcapiShape *shape = &batch->body.shape;

	MemSet(growing, 0, sizeof(Growing));
	growing->batch = batch;
	growing->now = (pg_time_t) time(NULL);
	growing->scratch_context = AllocSetContextCreate(batch->context, "ecapi scratch",
													 ALLOCSET_SMALL_SIZES);
	growing->old = MemoryContextSwitchTo(growing->scratch_context);
	ecapi_tree_arena(&growing->scratch, growing->scratch_context);
	batch->request = AllocSetContextCreate(batch->destination->context,
										   "ecapi request", ALLOCSET_DEFAULT_SIZES);
	MemSet(shape, 0, sizeof(EcapiShape));
	shape->options = batch->destination->options;
	shape->digests = ecapi_me.digests;
	shape->default_country = ecapi_default_country();
	shape->left_out = ecapi_left_out_note;
	shape->now = growing->now;
	ecapi_buffer_init(&batch->body.buffer, 0, resize_body, batch);
	ecapi_body_open(&batch->body);
}

/*
 * End it; last is the result for the last event.  True when the batch can be sent; else
 * it is taken over: it is freed when nothing is in it, and held when memory ran out, for
 * which the destination waits a moment.
 */
static bool
end_body(Growing *growing, Shaping last)
{
	EcapiBatch *batch = growing->batch;
	bool		closed = ecapi_body_close(&batch->body);

	ecapi_batch_count_body(batch);
	MemoryContextSwitchTo(growing->old);
	MemoryContextDelete(growing->scratch_context);

	if (batch->nitems > 0 && closed)
		return true;
	if (last == SHAPING_NO_MEMORY || !closed)
		ecapi_state_hold(batch->destination, "out of memory", MEMORY_WAIT_MS);
	if (batch->nitems > 0)
		ecapi_batch_hold(batch);
	else
		ecapi_slice_end_batch(batch);
	return false;
}

/* Events that a batch of a feed holds at most. */
static int
batch_room(EcapiFeed *feed)
{
	EcapiDestination *destination = feed->destination;
	const EcapiOptions *options = destination->options;
	int			room = options->batch_size;

	if (options->mode == ECAPI_MODE_TEST && options->format->max_test_batch > 0)
		room = Min(room, options->format->max_test_batch);

	if (destination->bisection.batch_cap > 0)
		room = Min(room, destination->bisection.batch_cap);
	if (feed->kind == ECAPI_FEED_FAILED)
		room = Min(room, FAILED_BATCH);
	return room;
}

/*
 * Put an event whose key is not that of the body into the batch of its own key, which is
 * sent next.  False when it stays where it is.
 */
static bool
put_by_key(Growing *growing, EcapiItem item, int room)
{
	EcapiShape *shape = &growing->batch->body.shape;
	EcapiFeed  *feed = growing->batch->feed;
	int			key = ecapi_body_place_key(&growing->keys, shape->options, shape->other_key);
	EcapiBatch *batch;

	if (key < 0)
		return false;
	batch = growing->others[key];
	if (batch == NULL || batch->nitems >= room)
	{
		batch = growing->others[key] = ecapi_batch_new(feed, Min(room, feed->unsent));
		dlist_push_tail(&feed->ready, &batch->node);
	}
	batch->items[batch->nitems++] = item;
	item.slice->fate[item.index] = ECAPI_FATE_TAKEN;
	return true;
}

/* The next event of a slice: into a batch, or disposed of; false: none of that. */
static bool
take_next(Growing *growing, EcapiSlice *slice, int room, Shaping *shaping)
{
	EcapiItem	item = {.slice = slice, .index = slice->next};

	*shaping = shape_event(growing, item);
	if (*shaping == SHAPING_OTHER_KEY && put_by_key(growing, item, room))
		*shaping = SHAPING_DONE;
	if (*shaping != SHAPING_DONE)
		return false;
	slice->next++;
	slice->feed->unsent--;
	return true;
}

EcapiBatch *
ecapi_gather(EcapiFeed *feed)
{
	int			room = batch_room(feed);
	size_t		share = ecapi_share_body(feed->destination);
	EcapiBatch *batch = ecapi_batch_new(feed, Min(room, feed->unsent));
	Growing		growing;
	Shaping		shaping = SHAPING_DONE;
	bool		full = false;

	begin_body(&growing, batch);
	ecapi_foreach(EcapiSlice, slice, &feed->slices)
	{
		while (!full && slice->next < slice->page->nevents)
		{
			full = (slice->prepared != NULL &&
					slice->prepared[slice->next] == ECAPI_PREPARED_NOT_YET) ||
				batch->nitems >= room ||
				(batch->nitems > 0 && batch->body.buffer.len >= share);
			full = full || !take_next(&growing, slice, room, &shaping);
		}
		if (full)
			break;
	}
	return end_body(&growing, shaping) ? batch : NULL;
}

bool
ecapi_gather_again(EcapiBatch *batch)
{
	EcapiFeed  *feed = batch->feed;
	int			n = batch->nitems;
	size_t		share = ecapi_share_body(feed->destination);
	Growing		growing;
	Shaping		shaping = SHAPING_DONE;
	int			i;

	begin_body(&growing, batch);
	batch->body.shape.left_out = NULL; /* counted when it was shaped first */
	batch->nitems = 0;
	for (i = 0; i < n && shaping == SHAPING_DONE; i++)
		shaping = batch->nitems > 0 && batch->body.buffer.len >= share ? SHAPING_FULL
			: shape_event(&growing, batch->items[i]);
	if (shaping != SHAPING_DONE)
		i--;
	if (i < n)
	{
		/* it fitted once, with other options, a larger share or more memory */
		EcapiBatch *rest = ecapi_batch_new(feed, n - i);

		memcpy(rest->items, batch->items + i, sizeof(EcapiItem) * (n - i));
		rest->nitems = n - i;
		rest->root = batch->root;
		if (rest->root != NULL)
			rest->root->parts++;
		dlist_push_head(&feed->ready, &rest->node);
	}
	return end_body(&growing, shaping);
}

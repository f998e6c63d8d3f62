/*
 * prepare_pick.c
 *	  Which events of a slice a call of users' SQL is for.
 *
 * Those that the destination takes as far as no SQL is needed; and, as enrichments are
 * called once for all destinations with the same list that stand on the page, those
 * that such others take.
 *
 * No SQL; lists of the pipeline are not touched.
 */
#include "postgres.h"

#include <time.h>

#include "utils/memutils.h"

#include "base/tree.h"
#include "destination/select.h"
#include "enrich/enrichment.h"
#include "event/value.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare.h"
#include "pipeline/preparing.h"
#include "pipeline/replay_feed.h"
#include "pipeline/worker_state.h"

/* Other destinations whose events go along in a call; more call by themselves. */
#define OTHERS_MAX	64

const char *
ecapi_prepare_select(const EcapiDestination *destination, const EcapiValue *tree, int type,
					 int64 now)
{
	EcapiAddressee self = {destination->server, NameStr(destination->name)};

	return ecapi_select_early(destination->options, self, tree, type, now);
}

/* Whether users' SQL of its destination is called for an event. */
static bool
concerns(const EcapiSlice *slice, int i, EcapiArena *scratch, int64 now)
{
	const EcapiFeed *feed = slice->feed;
	EcapiPageEvent *event = &slice->page->events[i];
	const EcapiValue *tree;

	if (slice->fate[i] >= ECAPI_FATE_DISPOSED ||
		ecapi_page_stopped(event, feed->destination->server) != NULL ||
		(feed->kind == ECAPI_FEED_REPLAY &&
		 !ecapi_replay_wants(unconstify(EcapiFeed *, feed), event, false)))
		return false;
	tree = ecapi_page_tree(slice->page, i, scratch);
	return tree != NULL &&
		ecapi_prepare_select(feed->destination, tree, event->type, now) == NULL;
}

int
ecapi_prepare_pick(EcapiSlice *slice, int max, int *picked)
{
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi parsing",
												  ALLOCSET_DEFAULT_SIZES);
	int64		now = (int64) time(NULL);
	EcapiArena	scratch;
	int			n = 0;

	ecapi_tree_arena(&scratch, context);
	for (int i = 0; i < slice->page->nevents && n < max; i++)
	{
		if (slice->prepared[i] != ECAPI_PREPARED_NOT_YET)
			continue;
		if (concerns(slice, i, &scratch, now))
			picked[n++] = i;
		else
			ecapi_prepare_mark(slice, &i, 1, ECAPI_PREPARED_OUT);
	}
	MemoryContextDelete(context);
	return n;
}

/* Whether another destination with the same list on the page wants an event. */
static bool
wanted_by_another(const EcapiSlice *slice, EcapiSlice **others, int nothers,
				  int i, EcapiArena *scratch, int64 now)
{
	for (int k = 0; k < nothers; k++)
		if (others[k]->prepared[i] == ECAPI_PREPARED_NOT_YET &&
			concerns(others[k], i, scratch, now))
			return true;
	return false;
}

/* Slices of other destinations with the same list that hold the same page. */
static int
find_others(const EcapiSlice *slice, EcapiSlice **others)
{
	const EcapiDestination *self = slice->feed->destination;
	int			n = 0;

	ecapi_foreach(EcapiDestination, other, &ecapi_me.destinations)
	{
		if (other == self || other->state != ECAPI_RUNNING || !ecapi_prepares(other) ||
			other->preparing.list == NULL ||
			!ecapi_enrichments_equal(other->preparing.list, self->preparing.list))
			continue;
		ecapi_foreach(EcapiSlice, theirs, &other->live.slices)
		{
			if (theirs->page == slice->page && theirs->unprepared > 0 && n < OTHERS_MAX)
				others[n++] = theirs;
		}
	}
	return n;
}

int
ecapi_prepare_add_others(EcapiSlice *slice, int *wanted, int n, bool part)
{
	EcapiSlice *others[OTHERS_MAX];
	int			nothers = part ? 0 : find_others(slice, others);
	MemoryContext context;
	EcapiArena	scratch;
	int64		now = (int64) time(NULL);

	if (nothers == 0)
		return n;
	context = AllocSetContextCreate(ecapi_me.scratch, "ecapi parsing", ALLOCSET_DEFAULT_SIZES);
	ecapi_tree_arena(&scratch, context);
	for (int i = 0, mine = 0, own = n; i < slice->page->nevents; i++)
	{
		/* what was picked is in order */
		if (mine < own && wanted[mine] == i)
			mine++;
		else if (wanted_by_another(slice, others, nothers, i, &scratch, now))
			wanted[n++] = i;
	}
	MemoryContextDelete(context);
	return n;
}

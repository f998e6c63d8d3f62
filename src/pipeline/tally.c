/*
 * tally.c
 *	  What a page holds, by kind: so that a destination for which it holds nothing passes
 *	  over it in one step.
 *
 * 200 destinations of 200 shops in one database is a normal case, and most pages then
 * hold events of few of them.  Type and route decide that without any SQL, so the events
 * of a page are sorted once, by type, route and currency, into kinds, and a destination
 * is asked once for each kind.  If it takes none, what the ledger and the request log
 * say of them is added up from the kinds: the same counts, values and events as one by
 * one, at the cost of a few kinds instead of a few thousand events.
 *
 * A destination that still holds earlier events must not count later ones before
 * them.  It keeps a summary of the page in their place: where it begins and ends, and its
 * kinds, but none of its events.
 *
 * A page with an event that cannot be read has no summary, because such an event ends at
 * every destination by itself; nor has one with values that do not add up exactly in 64
 * bits.  Every destination goes through the events of such a page.
 *
 * Ownership: kinds are in the summary's context; references to the summary are held by
 * its page and by slices.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "destination/options.h"
#include "destination/select.h"
#include "event/fields.h"
#include "event/value.h"
#include "pipeline/destination.h"
#include "pipeline/journal.h"
#include "pipeline/ledger.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/tally.h"
#include "pipeline/tick.h"
#include "pipeline/worker_state.h"
#include "records/seqs.h"

#define BUCKETS		256

typedef struct Kind
{
	struct Kind *next;			/* in its bucket */
	struct Kind *later;			/* in the order in which they were met */
	int			type;
	const char *route;			/* NULL: none */
	char		currency[4];
	int			events;
	bool		has_value;
	int64		millionths;
	EcapiSeqs	seqs;
} Kind;

struct EcapiTally
{
	Kind	   *first;
	Kind	  **end;
	Kind	   *last;			/* events of a kind come in runs */
	EcapiSeqs	seqs;			/* of all kinds */
	int			events;
	Kind	   *buckets[BUCKETS];
};

static bool
same_route(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
is_of(const Kind *kind, const EcapiPageEvent *event, const char *route)
{
	return kind->type == event->type && strcmp(kind->currency, event->currency) == 0 &&
		same_route(kind->route, route);
}

/* The kind of an event; the tally's context is current. */
static Kind *
kind_of(EcapiTally *tally, const EcapiPageEvent *event, const char *route)
{
	Kind	  **bucket;
	Kind	   *kind;

	if (tally->last != NULL && is_of(tally->last, event, route))
		return tally->last;
	bucket = &tally->buckets[(hash_bytes((const unsigned char *) (route ? route : ""),
										 route ? strlen(route) : 0) ^ event->type) % BUCKETS];
	for (kind = *bucket; kind != NULL && !is_of(kind, event, route); kind = kind->next)
		;
	if (kind == NULL)
	{
		kind = palloc0(sizeof(Kind));
		kind->type = event->type;
		kind->route = route == NULL ? NULL : pstrdup(route);
		memcpy(kind->currency, event->currency, sizeof(kind->currency));
		ecapi_seqs_init(&kind->seqs, CurrentMemoryContext);
		kind->next = *bucket;
		*bucket = kind;
		*tally->end = kind;
		tally->end = &kind->later;
	}
	tally->last = kind;
	return kind;
}

/* Count an event; false when that cannot be done. */
static bool
add_event(EcapiTally *tally, EcapiPage *page, int i, EcapiArena *scratch)
{
	EcapiPageEvent *event = &page->events[i];
	const EcapiValue *tree = ecapi_page_tree(page, i, scratch);
	int64		millionths;
	Kind	   *kind;

	if (tree == NULL)
		return false;
	kind = kind_of(tally, event, ecapi_select_route_of(tree));
	if (event->value != NULL)
	{
		if (!ecapi_ledger_millionths(event->value, &millionths) ||
			pg_add_s64_overflow(kind->millionths, millionths, &kind->millionths))
			return false;
		kind->has_value = true;
	}
	kind->events++;
	tally->events++;
	ecapi_seqs_add(&kind->seqs, event->seq);
	ecapi_seqs_add(&tally->seqs, event->seq);
	return true;
}

/* Tally a page; sets its summary, or that it has none. */
static void
make_summary(EcapiPage *page)
{
	/* a child of the turn's context until it is complete, so that an error frees it */
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi tally",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext parsing = AllocSetContextCreate(context, "ecapi scratch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	EcapiPage  *summary = palloc0(sizeof(EcapiPage));
	EcapiTally *tally = palloc0(sizeof(EcapiTally));
	EcapiArena	scratch;
	int			i;

	tally->end = &tally->first;
	ecapi_seqs_init(&tally->seqs, context);
	ecapi_tree_arena(&scratch, parsing);
	for (i = 0; i < page->nevents && add_event(tally, page, i, &scratch); i++)
		;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(parsing);
	page->tallied = true;
	if (i < page->nevents)
	{
		MemoryContextDelete(context);
		return;
	}
	MemoryContextSetParent(context, ecapi_me.context);
	summary->refs = 1;
	summary->context = context;
	summary->tally = tally;
	summary->end = page->end;
	summary->last = page->last;
	dlist_init(&summary->views);
	ecapi_place_copy(&summary->start, &page->start);
	summary->bytes = MemoryContextMemAllocated(context, false);
	ecapi_me.page_bytes += summary->bytes;
	page->summary = summary;
}

EcapiPage *
ecapi_tally_excludes(EcapiPage *page, const EcapiOptions *options)
{
	/* a destination that takes everything is excluded from no page */
	if (page->due != NULL || page->nevents == 0 ||
		(options->route == NULL &&
		 (options->event_types & ECAPI_ALL_EVENT_TYPES) == ECAPI_ALL_EVENT_TYPES))
		return NULL;
	if (!page->tallied)
		make_summary(page);
	if (page->summary == NULL)
		return NULL;
	for (Kind *kind = page->summary->tally->first; kind != NULL; kind = kind->later)
		if (ecapi_select_routed(options, kind->type, kind->route) == NULL)
			return NULL;
	return page->summary;
}

/*
 * Why a kind is not for a destination.  A page stays passed over when the options have
 * changed since.
 */
static const char *
reason_for(const EcapiDestination *destination, const Kind *kind)
{
	const char *reason = destination->options == NULL ? NULL :
		ecapi_select_routed(destination->options, kind->type, kind->route);

	return reason != NULL ? reason : "route";
}

void
ecapi_tally_pass(EcapiDestination *destination, const EcapiPage *summary)
{
	EcapiTally *tally = summary->tally;
	const char *reason = reason_for(destination, tally->first);
	bool		one_reason = true;

	for (Kind *kind = tally->first; kind != NULL; kind = kind->later)
	{
		const char *why = reason_for(destination, kind);

		one_reason &= why == reason;
		ecapi_journal_passed_over(destination, why, kind->events, kind->type,
								  kind->currency, kind->has_value, kind->millionths);
	}
	/* the set of all kinds together has far fewer ranges than theirs have */
	if (one_reason)
		ecapi_journal_kept_back(destination, reason, tally->events, &tally->seqs);
	else
		for (Kind *kind = tally->first; kind != NULL; kind = kind->later)
			ecapi_journal_kept_back(destination, reason_for(destination, kind),
									kind->events, &kind->seqs);
}

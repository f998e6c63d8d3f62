/*
 * stopped.c
 *	  Marking events in memory that may not leave any more.
 *
 * A session that cancels an event commits a row and sets a flag of each worker (wake.c).
 * Once a turn, after pages were read and before anything is shaped, the worker looks: at
 * every page in memory when the flag was set, else at the pages that are new.  So
 *
 * (1) an event is shaped only in a page that was looked at, and (2) a cancellation whose
 * COMMIT has returned before the turn began is known for all that
 *	is shaped in that turn.  What waits to be sent again is shaped again, so only a
 *	request on its way is too late.
 *
 * While there is no cancellation nothing is done, and an event of a transaction that
 * began behind the newest one need not be looked up, unless it is a refund or an amendment,
 * which does not leave when its original is cancelled: live traffic pays a comparison for
 * each event, and a look at its type and id.  Only for older events (a
 * backlog, a replay, failed events) the id is found in the text, without parsing it, and
 * one statement is run for the page.
 *
 * Of a person that was forgotten or has withdrawn consent person_stops.c marks the events:
 * at all pages when it finds new stops, and at a new page with an event that is not newer
 * than the newest that is withdrawn.
 *
 * Amendments inherit what their originals are withdrawn from, in the transaction that makes
 * them.  While the lead makes some, the others look at all pages in each turn (amend_job.c).
 *
 * A mark stays: neither a cancellation nor a withdrawal is taken back.
 *
 * Errors: what SQL raises ends the turn before anything was shaped; the pages are looked
 * at in the next one.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "destination/select.h"
#include "event/amended.h"
#include "event/value.h"
#include "pipeline/page.h"
#include "pipeline/person_stops.h"
#include "pipeline/stopped.h"
#include "pipeline/worker_state.h"
#include "records/event_id.h"
#include "records/stop_list.h"
#include "records/stops.h"
#include "shmem/shmem.h"
#include "shmem/workers.h"

/* For a flag that was lost: COMMIT PREPARED in a session without the library. */
#define LOOK_INTERVAL_US	(5 * USECS_PER_SEC)

static bool changed = true;		/* look at all pages, at rows that are new */
static uint64 newest = 0;		/* no event of this transaction or later is cancelled */
static uint64 newest_withdrawn = 0; /* nor withdrawn, of this one or later */
static TimestampTz looked_at = 0;
static uint64 looks = 0;		/* at all pages, so far */

const EcapiValue *
ecapi_stops_object(const char *text, int len)
{
	EcapiArena	arena;
	const EcapiValue *value;
	char		error[128];

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	value = ecapi_tree_parse(&arena, text, len, error, sizeof(error));
	return value != NULL && value->type == ECAPI_OBJECT ? value : NULL;
}

bool
ecapi_stops_id(const char *text, int len, const char **id, int *id_len)
{
	const EcapiValue *value;
	bool		escaped;

	if (text == NULL || !ecapi_event_id_find(text, len, id, id_len, &escaped))
		return false;
	if (!escaped)
		return true;
	value = ecapi_stops_object(text, len);
	value = value == NULL ? NULL : ecapi_value_get(value, "id");
	if (value == NULL || value->type != ECAPI_STRING)
		return false;
	*id = value->text;
	*id_len = value->len;
	return true;
}

/* Whether an id, of len bytes, is of the form of those of amendments. */
static bool
is_amended_id(const char *id, int len)
{
	static const char mark[] = ECAPI_AMENDED;
	const char *end = id + len - (sizeof(mark) - 1);

	for (const char *at = id; at <= end; at++)
		if (*at == mark[0] && memcmp(at, mark, sizeof(mark) - 1) == 0)
			return true;
	return false;
}

static char
kind_of(EcapiPageEvent *event)
{
	const char *id;
	int			len;

	if (event->kind != 0)
		return event->kind;
	event->kind = 'n';
	if (event->text != NULL && ecapi_event_is_refund(event->text, event->len))
		event->kind = 'r';
	else if (ecapi_stops_id(event->text, event->len, &id, &len) && is_amended_id(id, len))
		event->kind = 'a';
	return event->kind;
}

bool
ecapi_stops_names_amendment(EcapiPageEvent *event)
{
	return kind_of(event) == 'a';
}

/*
 * Whether a cancellation may be about the event; about a refund or an amendment, whenever
 * it was emitted.
 */
static bool
may_be_cancelled(EcapiPageEvent *event)
{
	return event->stopped == NULL && newest != 0 &&
		(event->xid < newest || kind_of(event) != 'n');
}

/* Mark a refund of an order that was cancelled, unless a cancellation made it. */
static void
look_at_refund(EcapiPageEvent *event)
{
	const EcapiValue *refund = ecapi_stops_object(event->text, event->len);

	if (refund != NULL && ecapi_stops_refund(refund))
		event->stopped = ECAPI_REASON_CANCELLED;
}

/* Ask about the original of an amendment; false when the event is none. */
static bool
ask_original(EcapiPageEvent *event, EcapiStopQuery *query)
{
	const EcapiValue *amendment = ecapi_stops_object(event->text, event->len);

	return amendment != NULL && ecapi_stops_original(amendment, query);
}

/*
 * Mark the events of a page that are cancelled.  In a transaction with an active
 * snapshot, SPI connected.
 */
static void
look_for_cancelled(EcapiPage *page)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi stops",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	/* of an amendment its own id, and that of its original */
	int			max = 2 * Max(page->nevents, 1);
	EcapiStopQuery *queries = palloc0(sizeof(EcapiStopQuery) * max);
	EcapiPageEvent **asked = palloc(sizeof(EcapiPageEvent *) * max);
	int			n = 0;

	for (int i = 0; i < page->nevents; i++)
	{
		EcapiPageEvent *event = &page->events[i];

		if (!may_be_cancelled(event))
			continue;
		if (kind_of(event) == 'r')
			look_at_refund(event);
		if (kind_of(event) == 'a' && ask_original(event, &queries[n]))
			asked[n++] = event;
		if (event->xid >= newest || event->stopped != NULL ||
			!ecapi_stops_id(event->text, event->len, &queries[n].id, &queries[n].id_len))
			continue;
		queries[n].xid = event->xid;
		queries[n].seq = event->seq;
		asked[n++] = event;
	}
	if (n > 0)
		ecapi_stops_cancelled(queries, n);
	for (int i = 0; i < n; i++)
		if (queries[i].stopped)
			asked[i]->stopped = ECAPI_REASON_CANCELLED;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Whether a page is new, and may hold what is withdrawn. */
static bool
may_be_withdrawn(const EcapiPage *page)
{
	if (page->looked)
		return false;
	for (int i = 0; i < page->nevents; i++)
		if (page->events[i].xid < newest_withdrawn)
			return true;
	return false;
}

static bool
is_wanted(const EcapiPage *page)
{
	if (page->looked && !changed)
		return false;
	for (int i = 0; i < page->nevents; i++)
		if (may_be_cancelled(&page->events[i]))
			return true;
	return may_be_withdrawn(page);
}

/* In a transaction with an active snapshot, SPI connected. */
static void
look(EcapiPage *page)
{
	if (may_be_withdrawn(page))
		ecapi_person_stops_mark(page);
	look_for_cancelled(page);
	page->looked = true;
}

static void
look_at_all(void)
{
	ecapi_worker_begin(true);
	if (changed)
	{
		newest = ecapi_stops_newest();
		newest_withdrawn = ecapi_stop_list_newest();
	}
	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		if (is_wanted(page))
			look(page);
		else
			page->looked = true;
	}
	ecapi_worker_end();
}

void
ecapi_stops_refresh(TimestampTz now)
{
	/* asked first: when the lead ends it, it has told so before */
	bool		watched = !ecapi_worker_leads() && ecapi_stops_watched();
	bool		wanted;

	/* a clock that was set back counts as elapsed */
	if (ecapi_worker_stops() || watched || now < looked_at ||
		now - looked_at >= LOOK_INTERVAL_US)
		changed = true;
	wanted = changed;
	ecapi_foreach(EcapiPage, page, &ecapi_me.pages)
	{
		if (is_wanted(page))
			wanted = true;
		else if (!changed)
			page->looked = true;
	}
	if (!wanted)
		return;
	if (changed)
		ecapi_person_stops_refresh();
	look_at_all();
	if (changed)
	{
		looked_at = now;
		looks++;
	}
	changed = false;
}

void
ecapi_stops_look_again(void)
{
	changed = true;
}

uint64
ecapi_stops_looks(void)
{
	return looks;
}

/*
 * cancel_set.c
 *	  The cancellations of a job, and which rows of the outbox are about them.
 *
 * An event is compared in memory, by its id and then by what the cancellation covers, a
 * refund by the order that it is of.  The request log is asked, by its index, only about
 * rows that match.
 *
 * An id has one entry in the buckets, the widest of its cancellations; the others are
 * repeated.
 *
 * Memory: all is in the set's context, and goes with it.  No locks but those of rows
 * that are linked.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "event/refund.h"
#include "event/value.h"
#include "pipeline/cancel_set.h"
#include "pipeline/stopped.h"
#include "pipeline/take_back.h"
#include "records/cancellation.h"
#include "records/event_id.h"

/* A row that is about an entry. */
typedef struct Match
{
	EcapiCancelEntry *entry;
	const EcapiRow *row;
} Match;

/* ---- the entries, by id ---- */

static uint32
bucket_of(const EcapiCancelSet *set, const char *id, int len)
{
	return DatumGetUInt32(hash_any((const unsigned char *) id, len)) & (set->nbuckets - 1);
}

static EcapiCancelEntry *
find_entry(const EcapiCancelSet *set, const char *id, int len)
{
	for (int i = set->buckets[bucket_of(set, id, len)]; i >= 0; i = set->entries[i].next)
	{
		const char *other = set->entries[i].row->id;

		if (strncmp(other, id, len) == 0 && other[len] == '\0')
			return &set->entries[i];
	}
	return NULL;
}

static bool
is_wider(const EcapiCover *a, const EcapiCover *b)
{
	if (a->before_xid != b->before_xid)
		return a->before_xid > b->before_xid;
	return a->seq > b->seq;
}

static void
insert_entry(EcapiCancelSet *set, int i)
{
	EcapiCancelEntry *entry = &set->entries[i];
	int			len = strlen(entry->row->id);
	EcapiCancelEntry *other = find_entry(set, entry->row->id, len);
	int		   *bucket = &set->buckets[bucket_of(set, entry->row->id, len)];

	set->before_xid = Max(set->before_xid, entry->row->cover.before_xid);
	set->since = i == 0 ? entry->row->since : Min(set->since, entry->row->since);
	if (other != NULL && is_wider(&entry->row->cover, &other->row->cover))
	{
		EcapiCancellation *row = other->row;

		other->row = entry->row;
		entry->row = row;
	}
	if (other != NULL)
	{
		entry->repeated = true;
		return;
	}
	entry->next = *bucket;
	*bucket = i;
}

void
ecapi_cancel_set_fill(EcapiCancelSet *set, MemoryContext context, EcapiCancellation *rows, int n)
{
	set->context = context;
	set->nbuckets = 16;
	while (set->nbuckets < (uint32) n)
		set->nbuckets *= 2;
	set->buckets = MemoryContextAlloc(context, sizeof(int) * set->nbuckets);
	set->order_buckets = MemoryContextAlloc(context, sizeof(int) * set->nbuckets);
	for (uint32 i = 0; i < set->nbuckets; i++)
		set->buckets[i] = set->order_buckets[i] = -1;
	set->entries = MemoryContextAllocZero(context, sizeof(EcapiCancelEntry) * n);
	set->n = n;
	for (int i = 0; i < n; i++)
		set->entries[i].row = &rows[i];
	for (int i = 0; i < n; i++)
		insert_entry(set, i);
}

/* ---- matching ---- */

static List *
match_with(List *matches, EcapiCancelEntry *entry, const EcapiRow *row)
{
	Match	   *match = palloc(sizeof(Match));

	match->entry = entry;
	match->row = row;
	return lappend(matches, match);
}

static const char *
keep(const EcapiCancelSet *set, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(set->context, text);
}

/* Know the order of an entry by its event. */
static void
know_order(const EcapiCancelSet *set, EcapiCancelEntry *entry, const EcapiValue *event)
{
	EcapiOrder	order;

	ecapi_refund_order(event, &order);
	if (entry->back.order.transaction_id != NULL || order.transaction_id == NULL)
		return;
	entry->back.order.transaction_id = keep(set, order.transaction_id);
	entry->back.order.data_set_id = keep(set, order.data_set_id);
	entry->back.order.route = keep(set, order.route);
}

/* Match a row that is an event of an entry; what cannot be read was never sent. */
static List *
match_event(EcapiCancelSet *set, const EcapiRow *row, List *matches)
{
	const char *id;
	int			id_len;
	EcapiCancelEntry *entry;
	const EcapiValue *event;

	if (!ecapi_stops_id(row->event, row->len, &id, &id_len))
		return matches;
	entry = find_entry(set, id, id_len);
	if (entry == NULL || !ecapi_cover_holds(&entry->row->cover, row->xid, row->seq) ||
		ecapi_cover_holds(&entry->row->resolved, row->xid, row->seq))
		return matches;
	entry->found = true;
	event = ecapi_stops_object(row->event, row->len);
	if (event == NULL || !ecapi_refund_possible(event))
		return matches;
	know_order(set, entry, event);
	return match_with(matches, entry, row);
}

/* Match a refund, which no cancellation made, of the order of an entry, or several. */
static List *
match_refund(EcapiCancelSet *set, const EcapiRow *row, List *matches)
{
	const char *names[ECAPI_REFUND_NAMES];
	const EcapiValue *refund;
	EcapiArena	arena;
	EcapiOrder	order;
	int			n;

	if (!ecapi_event_is_refund(row->event, row->len))
		return matches;
	refund = ecapi_stops_object(row->event, row->len);
	if (refund == NULL || ecapi_refund_is_addressed(refund))
		return matches;
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	ecapi_refund_order(refund, &order);
	n = ecapi_refund_names(&arena, refund, names);
	for (int i = 0; i < n; i++)
	{
		EcapiCancelEntry *entry = find_entry(set, names[i], strlen(names[i]));

		if (entry != NULL && ecapi_refund_may_be_of(&entry->back.order, &order))
			matches = match_with(matches, entry, row);
	}
	if (order.transaction_id == NULL)
		return matches;
	n = set->order_buckets[bucket_of(set, order.transaction_id, strlen(order.transaction_id))];
	for (; n >= 0; n = set->entries[n].next_of_order)
		if (ecapi_refund_same_order(&set->entries[n].back.order, &order))
			matches = match_with(matches, &set->entries[n], row);
	return matches;
}

/* Note where the rows that match were sent. */
static void
note_sent(const EcapiCancelSet *set, List *matches, bool linked)
{
	int64	   *seqs = palloc(sizeof(int64) * list_length(matches));
	EcapiSent  *sent;
	int			nsent;
	ListCell   *cell;

	foreach(cell, matches)
		seqs[foreach_current_index(cell)] = ((Match *) lfirst(cell))->row->seq;
	sent = ecapi_cancellation_sent(seqs, list_length(matches), CurrentMemoryContext, &nsent);
	for (int i = 0; i < nsent; i++)
	{
		const Match *match = list_nth(matches, sent[i].which);
		const EcapiRow *row = match->row;
		const EcapiValue *refund = linked ? ecapi_stops_object(row->event, row->len) : NULL;
		MemoryContext old = MemoryContextSwitchTo(set->context);

		if (refund != NULL)
			ecapi_take_back_taken(&match->entry->back, refund, sent[i].server, row->xid, row->seq);
		else if (!linked)
			ecapi_take_back_sent(&match->entry->back, &sent[i], row->xid, row->seq);
		MemoryContextSwitchTo(old);
	}
}

void
ecapi_cancel_set_match(EcapiCancelSet *set, const EcapiRows *rows, bool linked)
{
	List	   *matches = NIL;

	for (int i = 0; i < rows->nrows; i++)
		if (rows->rows[i].event != NULL)
			matches = linked ? match_refund(set, &rows->rows[i], matches)
				: match_event(set, &rows->rows[i], matches);
	if (matches != NIL)
		note_sent(set, matches, linked);
}

void
ecapi_cancel_set_link(EcapiCancelSet *set, int i)
{
	EcapiCancelEntry *entry = &set->entries[i];
	const char *transaction_id = entry->back.order.transaction_id;
	int		   *bucket;

	if (transaction_id == NULL || !ecapi_cancellation_lock(entry->row->cancel_id))
		return;
	ecapi_cancellation_link(entry->row->cancel_id, &entry->back.order);
	bucket = &set->order_buckets[bucket_of(set, transaction_id, strlen(transaction_id))];
	entry->next_of_order = *bucket;
	*bucket = i;
}

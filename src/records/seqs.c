/*
 * seqs.c
 *	  A set of events, by their seq: what a row of the request log carries.
 *
 * A range of positions would not do.  Events are read in the order of their
 * transactions, and one that commits late lies, by its number, among others
 * that were sent long before; only the numbers themselves say what a request
 * carried.  seq is unique, and sessions draw it in runs, so a set of a thousand
 * events is a few dozen ranges.
 *
 * Ranges are kept as they come, an event that follows the one before it in the
 * last range; they are sorted and joined when room runs out, and when the set
 * is read.  So adding costs next to nothing, and a set never takes more than
 * twice the room of its ranges.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "compat.h"
#include "records/seqs.h"

#define FIRST_SIZE	16

static int
compare_ranges(const void *a, const void *b)
{
	const EcapiSeqRange *x = a;
	const EcapiSeqRange *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort and join. */
static void
compact(EcapiSeqs *seqs)
{
	int			kept = 0;

	qsort(seqs->ranges, seqs->nranges, sizeof(EcapiSeqRange), compare_ranges);
	for (int i = 0; i < seqs->nranges; i++)
	{
		EcapiSeqRange *last = &seqs->ranges[kept - 1];

		if (kept > 0 && seqs->ranges[i].first <= last->last + 1)
			last->last = Max(last->last, seqs->ranges[i].last);
		else
			seqs->ranges[kept++] = seqs->ranges[i];
	}
	seqs->nranges = kept;
}

static void
make_room(EcapiSeqs *seqs)
{
	compact(seqs);
	if (seqs->nranges <= seqs->size / 2)
		return;
	seqs->size *= 2;
	seqs->ranges = repalloc(seqs->ranges, sizeof(EcapiSeqRange) * seqs->size);
}

void
ecapi_seqs_init(EcapiSeqs *seqs, MemoryContext context)
{
	seqs->context = context;
	seqs->nranges = 0;
	seqs->size = FIRST_SIZE;
	seqs->ranges = MemoryContextAlloc(context, sizeof(EcapiSeqRange) * FIRST_SIZE);
}

static void
add_range(EcapiSeqs *seqs, int64 first, int64 last)
{
	if (seqs->nranges > 0 && seqs->ranges[seqs->nranges - 1].last == first - 1)
	{
		seqs->ranges[seqs->nranges - 1].last = last;
		return;
	}
	if (seqs->nranges == seqs->size)
		make_room(seqs);
	seqs->ranges[seqs->nranges].first = first;
	seqs->ranges[seqs->nranges++].last = last;
}

void
ecapi_seqs_add(EcapiSeqs *seqs, int64 seq)
{
	add_range(seqs, seq, seq);
}

void
ecapi_seqs_add_all(EcapiSeqs *seqs, const EcapiSeqs *more)
{
	for (int i = 0; i < more->nranges; i++)
		add_range(seqs, more->ranges[i].first, more->ranges[i].last);
}

Datum
ecapi_seqs_datum(EcapiSeqs *seqs)
{
	TypeCacheEntry *type = lookup_type_cache(INT8MULTIRANGEOID, TYPECACHE_MULTIRANGE_INFO);
	RangeType **ranges;

	compact(seqs);
	ranges = palloc(sizeof(RangeType *) * Max(seqs->nranges, 1));
	for (int i = 0; i < seqs->nranges; i++)
	{
		RangeBound	lower = {Int64GetDatum(seqs->ranges[i].first), false, true, true};
		RangeBound	upper = {Int64GetDatum(seqs->ranges[i].last), false, true, false};

		ranges[i] = ecapi_make_range(type->rngtype, &lower, &upper, false);
	}
	return MultirangeTypePGetDatum(make_multirange(INT8MULTIRANGEOID, type->rngtype,
												   seqs->nranges, ranges));
}

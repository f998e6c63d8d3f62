/*
 * quantiles.c
 *	  Where the quantiles of values lie, by event type and currency.
 *
 * Values are sorted by the server's own sort, which keeps to work_mem and goes to
 * temporary files beyond; so quantiles are exact however many there are.  Then one walk
 * over them in order finds the cap, or the ends of the buckets and their means.
 *
 * A quantile is a value that there was, never one between two.  A bucket is an interval of
 * values, open below and closed above: values that are equal are in one bucket, whatever
 * their number, and buckets that would end at the same value are one.  All sums are
 * numeric, so means are exact to sixteen digits or more.
 *
 * Memory: work_mem, and one row for each event type and currency.  No locks.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "event/scan.h"
#include "event/stored.h"
#include "preview/quantiles.h"

/* Letters of a currency as a number below 2^15, with the event type in front of it. */
#define LETTERS			26
#define CURRENCY_BITS	15

/* How many values there are of a kind. */
typedef struct KindCount
{
	int32		key;
	int64		values;
} KindCount;

struct EcapiQuantiles
{
	MemoryContext context;
	EcapiTransform transform;
	TupleDesc	desc;			/* key, value */
	Tuplesortstate *sort;
	TupleTableSlot *slot;		/* what is put */
	MemoryContext scratch;		/* of one value */
	HTAB	   *counts;
	EcapiMeasureRow *rows;		/* with room for all kinds, when they are walked over */
	int			nrows;
};

/* The kind that the walk is at. */
typedef struct Walk
{
	EcapiQuantiles *quantiles;
	EcapiMeasureRow *row;		/* NULL: before the first */
	bool		enough;
	int64		rank;			/* of the value before */
	int			step;			/* the cap, or the bucket that ends next; from 1 */
	Datum		end;			/* the value at which it ends, once it is reached; else 0 */
	Datum		sum;			/* of the bucket; 0: nothing is in it */
	int64		values;
	Datum		bounds[ECAPI_BUCKETS_MAX];
	Datum		amounts[ECAPI_BUCKETS_MAX];
	int			nbounds;
	int			namounts;
} Walk;

static int32
key_of(int type, const char *currency)
{
	int			letters = 0;

	for (int i = 0; i < 3; i++)
		letters = letters * LETTERS + (currency[i] - 'A');
	return (type << CURRENCY_BITS) | letters;
}

EcapiQuantiles *
ecapi_quantiles_begin(EcapiTransform transform)
{
	EcapiQuantiles *quantiles = palloc0(sizeof(EcapiQuantiles));
	AttrNumber	columns[] = {1, 2};
	Oid			operators[] = {Int4LessOperator, InvalidOid};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};
	HASHCTL		control = {0};

	operators[1] = lookup_type_cache(NUMERICOID, TYPECACHE_LT_OPR)->lt_opr;
	quantiles->context = CurrentMemoryContext;
	quantiles->transform = transform;
	quantiles->desc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(quantiles->desc, 1, "kind", INT4OID, -1, 0);
	TupleDescInitEntry(quantiles->desc, 2, "value", NUMERICOID, -1, 0);
	quantiles->sort = tuplesort_begin_heap(quantiles->desc, 2, columns, operators, collations,
										   nulls_first, work_mem, NULL, TUPLESORT_NONE);
	quantiles->slot = MakeSingleTupleTableSlot(quantiles->desc, &TTSOpsVirtual);
	quantiles->scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi value",
											   ALLOCSET_SMALL_SIZES);
	control.keysize = sizeof(int32);
	control.entrysize = sizeof(KindCount);
	control.hcxt = CurrentMemoryContext;
	quantiles->counts = hash_create("ecapi kinds", 64, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return quantiles;
}

void
ecapi_quantiles_add(EcapiQuantiles *quantiles, int type, const char *currency,
					const EcapiValue *value)
{
	TupleTableSlot *slot = quantiles->slot;
	int32		key = key_of(type, currency);
	EcapiNumber number;
	MemoryContext old;
	KindCount  *count;
	bool		found;

	if (value->type != ECAPI_NUMBER || !ecapi_scan_number(value->text, value->len, &number) ||
		!ecapi_stored_fits_numeric(value->text, value->len))
		return;
	count = hash_search(quantiles->counts, &key, HASH_ENTER, &found);
	count->values = found ? count->values + 1 : 1;
	old = MemoryContextSwitchTo(quantiles->scratch);
	ExecClearTuple(slot);
	slot->tts_values[0] = Int32GetDatum(key);
	slot->tts_values[1] = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
											  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	slot->tts_isnull[0] = slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(quantiles->sort, slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(quantiles->scratch);
}

/* ---- the walk ---- */

/* A copy that stays. */
static Datum
keep(const Walk *walk, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(walk->quantiles->context);
	Datum		copy = datumCopy(value, false, -1);

	MemoryContextSwitchTo(old);
	return copy;
}

static void
add_to_sum(Walk *walk, Datum value)
{
	Datum		before = walk->sum;

	walk->sum = keep(walk, before == 0 ? value
					 : DirectFunctionCall2(numeric_add, before, value));
	if (before != 0)
		pfree(DatumGetPointer(before));
	walk->values++;
}

/* The bucket is over; with_end: another one follows. */
static void
close_bucket(Walk *walk, bool with_end)
{
	Datum		mean = DirectFunctionCall2(numeric_div, walk->sum,
										   NumericGetDatum(int64_to_numeric(walk->values)));

	walk->amounts[walk->namounts++] = keep(walk, DirectFunctionCall1(numeric_trim_scale, mean));
	if (with_end)
		walk->bounds[walk->nbounds++] = walk->end;
	pfree(DatumGetPointer(walk->sum));
	walk->sum = walk->end = 0;
	walk->values = 0;
}

/* The array of what was found, in the context of the rows. */
static Datum
array_of(const Walk *walk, Datum *elements, int n)
{
	MemoryContext old = MemoryContextSwitchTo(walk->quantiles->context);
	Datum		array = PointerGetDatum(construct_array(elements, n, NUMERICOID, -1, false,
														TYPALIGN_INT));

	MemoryContextSwitchTo(old);
	return array;
}

/* The kind is over. */
static void
end_kind(Walk *walk)
{
	if (walk->row == NULL || !walk->enough)
		return;
	if (walk->sum != 0)
		close_bucket(walk, false);
	walk->row->bounds = array_of(walk, walk->bounds, walk->nbounds);
	walk->row->amounts = array_of(walk, walk->amounts, walk->namounts);
}

static void
begin_kind(Walk *walk, int32 key)
{
	EcapiQuantiles *quantiles = walk->quantiles;
	EcapiMeasureRow *row = &quantiles->rows[quantiles->nrows++];
	int32		letters = key & ((1 << CURRENCY_BITS) - 1);
	KindCount  *count = hash_search(quantiles->counts, &key, HASH_FIND, NULL);

	MemSet(walk, 0, sizeof(Walk));
	walk->quantiles = quantiles;
	walk->row = row;
	walk->step = 1;
	row->type = key >> CURRENCY_BITS;
	row->currency[0] = 'A' + letters / LETTERS / LETTERS;
	row->currency[1] = 'A' + letters / LETTERS % LETTERS;
	row->currency[2] = 'A' + letters % LETTERS;
	row->events = count->values;
	walk->enough = row->events >= ecapi_transform_values_min(quantiles->transform);
}

static bool
is_above(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_gt, a, b));
}

/* The next value of the kind, in order. */
static void
take_value(Walk *walk, Datum value)
{
	EcapiTransform transform = walk->quantiles->transform;
	bool		at_end;

	if (!walk->enough)
		return;
	walk->rank++;
	at_end = walk->rank == ecapi_transform_rank(transform, walk->row->events, walk->step);
	if (transform.kind == ECAPI_TRANSFORM_CAP)
	{
		if (at_end)
			walk->bounds[walk->nbounds++] = walk->amounts[walk->namounts++] = keep(walk, value);
		return;
	}
	if (walk->end != 0 && is_above(value, walk->end))
		close_bucket(walk, true);
	add_to_sum(walk, value);
	if (!at_end)
		return;
	walk->step++;
	if (walk->end == 0)
		walk->end = keep(walk, value);
}

EcapiMeasureRow *
ecapi_quantiles_end(EcapiQuantiles *quantiles, int *n)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(quantiles->desc, &TTSOpsMinimalTuple);
	Walk		walk = {.quantiles = quantiles};
	int32		at = -1;

	quantiles->rows = palloc0(sizeof(EcapiMeasureRow) *
							  Max(hash_get_num_entries(quantiles->counts), 1));
	tuplesort_performsort(quantiles->sort);
	while (tuplesort_gettupleslot(quantiles->sort, true, false, slot, NULL))
	{
		MemoryContext old = MemoryContextSwitchTo(quantiles->scratch);
		bool		isnull;
		int32		key = DatumGetInt32(slot_getattr(slot, 1, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (key != at)
		{
			end_kind(&walk);
			begin_kind(&walk, key);
			at = key;
		}
		take_value(&walk, slot_getattr(slot, 2, &isnull));
		MemoryContextSwitchTo(old);
		MemoryContextReset(quantiles->scratch);
	}
	end_kind(&walk);
	tuplesort_end(quantiles->sort);
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(quantiles->slot);
	*n = quantiles->nrows;
	return quantiles->rows;
}

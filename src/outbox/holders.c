/*
 * holders.c
 *	  Which roles' events take how much of the outbox, and of what was set aside.
 *
 * Nobody keeps count while events are written: each row names its emitter, and a
 * sample of the blocks says how much is whose.  So an emit pays nothing, nothing is
 * lost with a crash, and what a transaction wrote and rolled back is its role's, too,
 * as long as it takes room.
 *
 * The sample is every n'th block over all the relations, from one by chance on, SAMPLE
 * of them.  Blocks are written in the order of time, so the steps of a regular sample
 * are fairer than dice: of a role that holds half, the estimate is off by less than
 * nine hundredths in nineteen cases of twenty even if each block had one role alone, and
 * by far less where they are mixed.  The blocks are asked for in advance, so that a disk
 * reads them at once; a ring of buffers keeps them from pushing others out.
 *
 * Rows are looked at whether anybody sees them or not, under the content lock of their
 * block, and nothing is followed but the sizes that the pointers of TOAST hold.
 *
 * Locks: AccessShare on each relation, conditionally, for the time of the sample; one
 * that is not to be had is being emptied or rebuilt, and is left out.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "outbox/holders.h"
#include "outbox/ring.h"

/*
 * Blocks of a sample: a megabyte.  It is read once in ten seconds at most, and only
 * where a role may be beyond its share (quota.c).
 */
#define SAMPLE	128

/* What a row takes beside its heap tuple: line pointer and index entries. */
#define OUTBOX_ROW_BYTES	36
#define FAILED_ROW_BYTES	120

/* Where a relation has what is looked at. */
typedef struct Columns
{
	AttrNumber	emitter;
	AttrNumber	event;
	AttrNumber	destination;	/* rows that have one do not count; 0: all count */
	int			row_bytes;
	bool		skip_deleted;	/* rows that are known to be deleted make room again */
} Columns;

typedef struct Sample
{
	Relation	relations[ECAPI_SLOTS];
	BlockNumber nblocks[ECAPI_SLOTS];
	int			nrelations;
	Columns		columns;
	int64		step;			/* one of that many blocks is read */
	BufferAccessStrategy strategy;
	int			n;
	int			size;
	EcapiHolder *list;
} Sample;

bool
ecapi_holders_size(Oid relid, int64 *bytes)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(relid);
	fcinfo->args[0].isnull = false;
	result = pg_total_relation_size(fcinfo);
	if (fcinfo->isnull)
		return false;
	*bytes = DatumGetInt64(result);
	return true;
}

static void
add(Sample *sample, Oid role, int64 bytes)
{
	int			i = 0;

	while (i < sample->n && sample->list[i].role != role)
		i++;
	if (i == sample->n)
	{
		if (sample->n == sample->size)
			sample->list = repalloc(sample->list, sizeof(EcapiHolder) * (sample->size *= 2));
		sample->list[sample->n++] = (EcapiHolder) {role, 0};
	}
	sample->list[i].bytes += bytes * sample->step;
}

/* Bytes of a row, with what lies in TOAST. */
static int64
row_bytes(const Sample *sample, HeapTuple tuple, TupleDesc descriptor)
{
	int64		bytes = tuple->t_len + sample->columns.row_bytes;
	bool		isnull;
	Datum		event = heap_getattr(tuple, sample->columns.event, descriptor, &isnull);

	if (!isnull && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(event)))
	{
		struct varatt_external pointer;

		VARATT_EXTERNAL_GET_POINTER(pointer, DatumGetPointer(event));
		bytes += VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	}
	return bytes;
}

static void
look_at_row(Sample *sample, HeapTuple tuple, TupleDesc descriptor)
{
	uint16		infomask = tuple->t_data->t_infomask;
	Datum		emitter;
	bool		isnull;

	if (sample->columns.skip_deleted && (infomask & HEAP_XMAX_COMMITTED) != 0 &&
		!HEAP_XMAX_IS_LOCKED_ONLY(infomask))
		return;
	if (sample->columns.destination != 0 &&
		!heap_attisnull(tuple, sample->columns.destination, descriptor))
		return;
	emitter = heap_getattr(tuple, sample->columns.emitter, descriptor, &isnull);
	if (!isnull)
		add(sample, DatumGetObjectId(emitter), row_bytes(sample, tuple, descriptor));
}

static void
look_at_block(Sample *sample, Relation relation, BlockNumber block)
{
	Buffer		buffer = ReadBufferExtended(relation, MAIN_FORKNUM, block, RBM_NORMAL,
											sample->strategy);
	Page		page;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	for (OffsetNumber i = FirstOffsetNumber;
		 !PageIsNew(page) && i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId		item = PageGetItemId(page, i);
		HeapTupleData tuple;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(relation);
		ItemPointerSet(&tuple.t_self, block, i);
		look_at_row(sample, &tuple, RelationGetDescr(relation));
	}
	UnlockReleaseBuffer(buffer);
}

/* Ask for the blocks of the sample, or look at them. */
static void
walk(Sample *sample, int64 first, bool prefetch)
{
	int64		block = first;

	for (int i = 0; i < sample->nrelations; i++)
	{
		for (; block < sample->nblocks[i]; block += sample->step)
			if (prefetch)
				(void) PrefetchBuffer(sample->relations[i], MAIN_FORKNUM, (BlockNumber) block);
			else
			{
				CHECK_FOR_INTERRUPTS();
				look_at_block(sample, sample->relations[i], (BlockNumber) block);
			}
		block -= sample->nblocks[i];
	}
}

static void
open_relation(Sample *sample, Oid relid, bool is_slot)
{
	Relation	relation;

	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, AccessShareLock))
		return;
	relation = try_relation_open(relid, NoLock);
	if (relation == NULL || relation->rd_rel->relkind != RELKIND_RELATION ||
		(is_slot && !ecapi_ring_is_sound(relation)))
	{
		if (relation != NULL)
			relation_close(relation, NoLock);
		UnlockRelationOid(relid, AccessShareLock);
		return;
	}
	sample->relations[sample->nrelations] = relation;
	sample->nblocks[sample->nrelations++] = RelationGetNumberOfBlocks(relation);
}

static int
compare_bytes(const void *a, const void *b)
{
	int64		x = ((const EcapiHolder *) a)->bytes;
	int64		y = ((const EcapiHolder *) b)->bytes;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Look at the relations that are open, and close them. */
static void
take(Sample *sample, EcapiHolders *holders)
{
	int64		total = 0;
	int64		first;

	for (int i = 0; i < sample->nrelations; i++)
		total += sample->nblocks[i];
	sample->step = Max((total + SAMPLE - 1) / SAMPLE, 1);
	first = (int64) pg_prng_uint64_range(&pg_global_prng_state, 0, sample->step - 1);
	sample->size = 64;
	sample->list = palloc(sizeof(EcapiHolder) * sample->size);
	sample->strategy = GetAccessStrategy(BAS_BULKREAD);
	walk(sample, first, true);
	walk(sample, first, false);
	FreeAccessStrategy(sample->strategy);
	for (int i = 0; i < sample->nrelations; i++)
		relation_close(sample->relations[i], AccessShareLock);

	qsort(sample->list, sample->n, sizeof(EcapiHolder), compare_bytes);
	holders->n = Min(sample->n, ECAPI_HOLDERS);
	memcpy(holders->list, sample->list, sizeof(EcapiHolder) * holders->n);
	pfree(sample->list);
}

void
ecapi_holders_of_outbox(EcapiHolders *holders)
{
	Sample		sample = {0};

	sample.columns.emitter = ECAPI_OUTBOX_EMITTER + 1;
	sample.columns.event = ECAPI_OUTBOX_EVENT + 1;
	sample.columns.row_bytes = OUTBOX_ROW_BYTES;
	for (int i = 0; i < ECAPI_SLOTS; i++)
	{
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "outbox_%d", i);
		open_relation(&sample, ecapi_relation(name, true), true);
	}
	take(&sample, holders);
}

void
ecapi_holders_of_set_aside(EcapiHolders *holders)
{
	Sample		sample = {0};
	Oid			relid = ecapi_relation("failed_event", false);

	sample.columns.emitter = get_attnum(relid, "emitter");
	sample.columns.event = get_attnum(relid, "event");
	sample.columns.destination = get_attnum(relid, "destination");
	sample.columns.row_bytes = FAILED_ROW_BYTES;
	sample.columns.skip_deleted = true;
	holders->n = 0;
	if (sample.columns.emitter <= 0 || sample.columns.event <= 0 ||
		sample.columns.destination <= 0)
		return;
	open_relation(&sample, relid, false);
	take(&sample, holders);
}

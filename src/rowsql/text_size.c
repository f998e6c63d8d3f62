/*
 * text_size.c
 *	  How long the text of a value would be, before it is made.
 *
 * A numeric of ten bytes may have a text of 131 kB, and an array, a composite, a
 * range or a document may hold as many of them as fit.  Of all other types the
 * text is at most a few times as long as the value.  So the sizes of numerics
 * are added up, wherever they are, and the rest is taken by its size.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "base/number.h"
#include "rowsql/text_size.h"

/* Of a value that is no varlena: a uuid, a timestamp, a name. */
#define FIXED_SIZE		128

/* Bits are eight times as long as text; nothing else is more. */
#define BLOAT			8

static Size
jsonb_size(Jsonb *jsonb, Size limit)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	item;
	Size		size = 0;

	while (size <= limit && (token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		size += 8;
		if ((token == WJB_ELEM || token == WJB_VALUE) && item.type == jbvNumeric)
			size += ecapi_number_plain_size(item.val.numeric);
		else if ((token == WJB_ELEM || token == WJB_VALUE || token == WJB_KEY) &&
				 item.type == jbvString)
			size += item.val.string.len;
	}
	return size;
}

static Size
array_size(Oid element, Datum datum, Size limit)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	Datum		value;
	bool		isnull;
	Size		size = 0;

	while (size <= limit && array_iterate(iterator, &value, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		size += 4;
		if (!isnull)
			size += ecapi_text_size(element, value, limit);
	}
	array_free_iterator(iterator);
	return size;
}

static Size
composite_size(Datum datum, Size limit)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(datum);
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header),
														 HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {0};
	Datum	   *values = palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = palloc(descriptor->natts * sizeof(bool));
	Size		size = 0;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	heap_deform_tuple(&tuple, descriptor, values, nulls);
	for (int i = 0; i < descriptor->natts && size <= limit; i++)
	{
		size += 4;
		if (!nulls[i] && !TupleDescAttr(descriptor, i)->attisdropped)
			size += ecapi_text_size(TupleDescAttr(descriptor, i)->atttypid, values[i], limit);
	}
	return size;
}

static Size
range_size(const RangeType *range, Size limit)
{
	TypeCacheEntry *type = lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Size		size = 8;

	range_deserialize(type, range, &lower, &upper, &empty);
	if (!empty && !lower.infinite)
		size += ecapi_text_size(type->rngelemtype->type_id, lower.val, limit);
	if (!empty && !upper.infinite)
		size += ecapi_text_size(type->rngelemtype->type_id, upper.val, limit);
	return size;
}

static Size
multirange_size(Oid range, Datum datum, Size limit)
{
	TypeCacheEntry *type = lookup_type_cache(range, TYPECACHE_RANGE_INFO);
	RangeType **ranges;
	int32		n;
	Size		size = 0;

	multirange_deserialize(type, DatumGetMultirangeTypeP(datum), &n, &ranges);
	for (int i = 0; i < n && size <= limit; i++)
	{
		CHECK_FOR_INTERRUPTS();
		size += range_size(ranges[i], limit);
	}
	return size;
}

Size
ecapi_text_size(Oid type, Datum datum, Size limit)
{
	int16		length = get_typlen(type);
	Size		stored;
	Oid			inner;

	check_stack_depth();
	type = getBaseType(type);
	if (length == -2)
		return strlen(DatumGetCString(datum));
	if (length != -1)
		return FIXED_SIZE;
	stored = toast_raw_datum_size(datum) - VARHDRSZ;
	if (stored > limit)
		return stored;
	if (type == NUMERICOID)
		return ecapi_number_plain_size(DatumGetNumeric(datum));
	if (type == JSONBOID)
		return jsonb_size(DatumGetJsonbP(datum), limit);
	if (OidIsValid(inner = get_element_type(type)))
		return array_size(inner, datum, limit);
	if (type_is_rowtype(type))
		return composite_size(datum, limit);
	if (type_is_range(type))
		return range_size(DatumGetRangeTypeP(datum), limit);
	if (type_is_multirange(type))
		return multirange_size(get_multirange_range(type), datum, limit);
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == JSONOID ||
		type == XMLOID ? stored : stored * BLOAT;
}

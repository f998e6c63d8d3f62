/*
 * datum.c
 *	  A value of SQL as a JSON value of an event.
 *
 * A scalar becomes a literal, its text and what JSON calls it; a tree, or a
 * part of an id, is made of literals.  datum_type.c has looked up how each
 * type is written, so that here is one switch.
 *
 * Invariants:
 *	- Nothing here looks at a setting.  Types that only their output functions
 *	  can write follow some; they run confined, under fixed settings.
 *	- A value is not decompressed, nor fetched from its TOAST table, before its
 *	  size is known to be one that an event may have.
 *	- Where nothing is confined nothing raises an error but for want of memory,
 *	  or for damaged data.
 *
 * Ownership: the tree is in the arena.  What was detoasted for a text or bytea is
 * freed at once; what was for anything else stays in the current context.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/arrayaccess.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/number.h"
#include "base/tree.h"
#include "event/buffer.h"
#include "event/members.h"
#include "event/validate.h"
#include "rowsql/datum.h"
#include "rowsql/json_text.h"
#include "rowsql/literal.h"
#include "settings.h"

/* A longer number of JSON has no zeros at its end that a key should not have. */
#define MAX_PLAIN_NUMBER	64

/* A scalar as a text. */
typedef struct Literal
{
	EcapiType	type;			/* BOOL, NUMBER or STRING */
	const char *text;			/* not NUL-terminated where it is in a datum */
	size_t		len;
	void	   *owned;			/* to be freed, or NULL */
	char		space[ECAPI_LITERAL_SIZE];
} Literal;

/* What is written: into which tree, how, and what could not be. */
typedef struct Writing
{
	EcapiArena *arena;
	EcapiDatumForm form;
	bool		exact;			/* values that differ have texts that differ */
	EcapiLosses *losses;
} Writing;

static EcapiValue *write_value(const Writing *to, const EcapiDatumType *type, Datum datum,
							   int max_depth);

/*
 * Whether a value is so much larger than the largest event that it cannot be in one.
 * Binary forms are at most ECAPI_JSONB_BLOAT times as large as their texts.
 */
static bool
is_too_large(const EcapiDatumType *type, Datum datum)
{
	return type->typlen == -1 &&
		toast_raw_datum_size(datum) > (Size) ecapi_max_event_size * 1024 * ECAPI_JSONB_BLOAT;
}

static void
set_literal(Literal *literal, EcapiType type, const char *text, size_t len)
{
	literal->type = type;
	literal->text = text;
	literal->len = len;
}

/* The bytes of a varlena, decompressed; owned if that took memory. */
static size_t
open_varlena(Literal *literal, Datum datum, char **bytes)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);

	if ((Pointer) packed != DatumGetPointer(datum))
		literal->owned = packed;
	*bytes = VARDATA_ANY(packed);
	return VARSIZE_ANY_EXHDR(packed);
}

/* What is not finite is no JSON number. */
static void
set_number(Literal *literal, const char *text, size_t len)
{
	bool		finite = len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9';

	set_literal(literal, finite ? ECAPI_NUMBER : ECAPI_STRING, text, len);
}

static void
set_numeric(Literal *literal, Datum datum)
{
	char	   *text = ecapi_number_text(DatumGetNumeric(datum));

	literal->owned = text;
	set_number(literal, text, strlen(text));
}

static void
set_text(Literal *literal, Datum datum, bool padded)
{
	char	   *text;
	size_t		len = open_varlena(literal, datum, &text);

	if (padded)
		len = bpchartruelen(text, (int) len);
	ecapi_tree_check_text(text, (int) len);
	set_literal(literal, ECAPI_STRING, text, len);
}

static void
set_cstring(Literal *literal, const char *text)
{
	size_t		len = strlen(text);

	ecapi_tree_check_text(text, (int) len);
	set_literal(literal, ECAPI_STRING, text, len);
}

/* "char" as the server writes it, so that it is valid in every encoding. */
static void
set_char(Literal *literal, char c)
{
	unsigned char byte = (unsigned char) c;
	int			len = 0;

	if (IS_HIGHBIT_SET(byte))
		len = snprintf(literal->space, sizeof(literal->space), "\\%03o", byte);
	else if (byte != '\0')
		literal->space[len++] = c;
	set_literal(literal, ECAPI_STRING, literal->space, len);
}

static void
set_enum(Literal *literal, Oid value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", value)));
	strlcpy(literal->space, NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel),
			sizeof(literal->space));
	ReleaseSysCache(tuple);
	set_cstring(literal, literal->space);
}

static void
set_bytea(Literal *literal, Datum datum)
{
	char	   *bytes;
	size_t		len = open_varlena(literal, datum, &bytes);
	char	   *hex = palloc(len * 2 + 1);

	hex_encode(bytes, len, hex);
	if (literal->owned)
		pfree(literal->owned);
	literal->owned = hex;
	set_literal(literal, ECAPI_STRING, hex, len * 2);
}

/*
 * A value of a type that is neither JSON, array nor composite.  exact: see Writing.
 */
static void
make_literal(Literal *literal, const EcapiDatumType *type, Datum datum, bool exact)
{
	char	   *space = literal->space;
	EcapiType	json = ECAPI_STRING;
	int			len;			/* of what is in space */

	literal->owned = NULL;
	switch (type->writer)
	{
		case ECAPI_WRITE_BOOL:
			if (DatumGetBool(datum))
				set_literal(literal, ECAPI_BOOL, "true", 4);
			else
				set_literal(literal, ECAPI_BOOL, "false", 5);
			return;
		case ECAPI_WRITE_INT2:
			json = ECAPI_NUMBER;
			len = pg_itoa(DatumGetInt16(datum), space);
			break;
		case ECAPI_WRITE_INT4:
			json = ECAPI_NUMBER;
			len = pg_ltoa(DatumGetInt32(datum), space);
			break;
		case ECAPI_WRITE_INT8:
			json = ECAPI_NUMBER;
			len = pg_lltoa(DatumGetInt64(datum), space);
			break;
		case ECAPI_WRITE_FLOAT4:
			set_number(literal, space, float_to_shortest_decimal_buf(DatumGetFloat4(datum), space));
			return;
		case ECAPI_WRITE_FLOAT8:
			set_number(literal, space, exact ?
					   double_to_shortest_decimal_buf(DatumGetFloat8(datum), space) :
					   ecapi_literal_double(DatumGetFloat8(datum), space));
			return;
		case ECAPI_WRITE_NUMERIC:
			set_numeric(literal, datum);
			return;
		case ECAPI_WRITE_TEXT:
			set_text(literal, datum, false);
			return;
		case ECAPI_WRITE_BPCHAR:
			set_text(literal, datum, true);
			return;
		case ECAPI_WRITE_CSTRING:
			set_cstring(literal, DatumGetCString(datum));
			return;
		case ECAPI_WRITE_NAME:
			set_cstring(literal, NameStr(*DatumGetName(datum)));
			return;
		case ECAPI_WRITE_CHAR:
			set_char(literal, DatumGetChar(datum));
			return;
		case ECAPI_WRITE_ENUM:
			set_enum(literal, DatumGetObjectId(datum));
			return;
		case ECAPI_WRITE_UUID:
			len = ecapi_literal_uuid(DatumGetUUIDP(datum), space);
			break;
		case ECAPI_WRITE_INET:
			len = ecapi_literal_inet(DatumGetInetPP(datum), space);
			break;
		case ECAPI_WRITE_MACADDR:
			len = ecapi_literal_macaddr(DatumGetMacaddrP(datum), space);
			break;
		case ECAPI_WRITE_TIMESTAMPTZ:
			len = ecapi_literal_time(DatumGetTimestampTz(datum), true, space);
			break;
		case ECAPI_WRITE_TIMESTAMP:
			len = ecapi_literal_time(DatumGetTimestamp(datum), false, space);
			break;
		case ECAPI_WRITE_DATE:
			len = ecapi_literal_date(DatumGetDateADT(datum), space);
			break;
		case ECAPI_WRITE_BYTEA:
			set_bytea(literal, datum);
			return;
		default:
			literal->owned = OutputFunctionCall(type->output, datum);
			set_cstring(literal, literal->owned);
			return;
	}
	set_literal(literal, json, space, len);
}

static EcapiValue *
write_literal(const Writing *to, const EcapiDatumType *type, Datum datum)
{
	Literal		literal;
	EcapiValue *value;

	if (to->form == ECAPI_FORM_SECONDS && type->writer == ECAPI_WRITE_TIMESTAMPTZ)
	{
		literal.owned = NULL;
		set_number(&literal, literal.space,
				   ecapi_literal_seconds(DatumGetTimestampTz(datum), literal.space));
	}
	else
		make_literal(&literal, type, datum, to->exact);

	if (to->form == ECAPI_FORM_TEXT)
		literal.type = ECAPI_STRING;
	if (literal.type == ECAPI_BOOL)
		value = ecapi_value_bool(to->arena, literal.text[0] == 't');
	else
		value = ecapi_value_text(to->arena, literal.type, literal.text, literal.len);
	if (literal.owned)
		pfree(literal.owned);
	return value;
}

/*
 * JSON stays as it is: validation makes a text of a number where one is wanted.
 * It may be a visitor's, so what cannot be used is left out.
 */
static EcapiValue *
write_json(const Writing *to, Datum datum, int max_depth)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(datum);
	EcapiLosses losses;
	EcapiValue *value;

	value = ecapi_json_text(to->arena, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text),
							max_depth, SIZE_MAX, &losses);
	to->losses->deep += losses.deep;
	to->losses->text += losses.text;
	return value;
}

typedef struct ArrayWriter
{
	const Writing *to;
	const EcapiDatumType *element;
	int			ndim;
	const int  *dims;
	array_iter	iterator;
	int			at;				/* number of the next element */
} ArrayWriter;

/* One dimension of an array, with all below it. */
static EcapiValue *
write_dimension(ArrayWriter *writer, int dimension, int max_depth)
{
	const EcapiDatumType *element = writer->element;
	EcapiValue *array;

	if (max_depth < 1)
		return NULL;
	array = ecapi_value_new(writer->to->arena, ECAPI_ARRAY);
	if (array == NULL || writer->ndim == 0)
		return array;

	for (int i = 0; i < writer->dims[dimension]; i++)
	{
		EcapiValue *child;

		if (dimension + 1 < writer->ndim)
			child = write_dimension(writer, dimension + 1, max_depth - 1);
		else
		{
			bool		isnull;
			Datum		datum = array_iter_next(&writer->iterator, &isnull, writer->at++,
												element->typlen, element->typbyval,
												element->typalign);

			child = isnull ? ecapi_value_new(writer->to->arena, ECAPI_NULL) :
				write_value(writer->to, element, datum, max_depth - 1);
		}
		if (child == NULL)
			return NULL;
		ecapi_value_append(array, child);
	}
	return array;
}

static EcapiValue *
write_array(const Writing *to, const EcapiDatumType *type, Datum datum, int max_depth)
{
	AnyArrayType *array = DatumGetAnyArrayP(datum);
	ArrayWriter writer = {.to = to, .element = type->element};

	writer.ndim = AARR_NDIM(array);
	writer.dims = AARR_DIMS(array);
	array_iter_setup(&writer.iterator, array);
	return write_dimension(&writer, 0, max_depth);
}

/* Attributes that are null are written so: what is in an ext has its names. */
static EcapiValue *
write_composite(const Writing *to, const EcapiDatumType *type, Datum datum, int max_depth)
{
	HeapTupleHeader header;
	EcapiDatumRow *row = type->row;
	HeapTupleData tuple = {0};
	EcapiValue *object;

	if (max_depth < 1)
		return NULL;
	header = DatumGetHeapTupleHeader(datum);
	ecapi_datum_row(row, HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	heap_deform_tuple(&tuple, row->descriptor, row->values, row->nulls);

	object = ecapi_value_new(to->arena, ECAPI_OBJECT);
	for (int i = 0; object && i < row->descriptor->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(row->descriptor, i)->attname);
		EcapiValue *member;

		if (row->attributes[i] == NULL)
			continue;
		ecapi_tree_check_text(name, (int) strlen(name));
		member = row->nulls[i] ? ecapi_value_new(to->arena, ECAPI_NULL) :
			write_value(to, row->attributes[i], row->values[i], max_depth - 1);
		if (member == NULL)
			return NULL;
		/* The names of a type differ: no need to look for an equal one. */
		member->keylen = (uint32) strlen(name);
		member->key = ecapi_arena_copy(to->arena, name, member->keylen);
		if (member->key == NULL)
			return NULL;
		ecapi_value_append(object, member);
	}
	return object;
}

static EcapiValue *
write_value(const Writing *to, const EcapiDatumType *type, Datum datum, int max_depth)
{
	CHECK_FOR_INTERRUPTS();
	/* max_depth bounds the recursion, too. */
	if (is_too_large(type, datum))
	{
		to->losses->large++;
		return NULL;
	}
	switch (type->writer)
	{
		case ECAPI_WRITE_JSON:
			return write_json(to, datum, max_depth);
		case ECAPI_WRITE_JSONB:
			return ecapi_tree_from_any_jsonb(to->arena, DatumGetJsonbP(datum), max_depth,
											 to->losses);
		case ECAPI_WRITE_ARRAY:
			return write_array(to, type, datum, max_depth);
		case ECAPI_WRITE_COMPOSITE:
			return write_composite(to, type, datum, max_depth);
		default:
			return write_literal(to, type, datum);
	}
}

EcapiValue *
ecapi_datum_value(EcapiArena *arena, const EcapiDatumType *type, Datum datum,
				  EcapiDatumForm form, int max_depth, EcapiLosses *losses)
{
	Writing		to = {.arena = arena, .form = form, .losses = losses};

	memset(losses, 0, sizeof(*losses));
	return write_value(&to, type, datum, max_depth);
}

/* ---- parts of ids ---- */

/* A text as a part of an id, in the current context. */
static char *
escape_key(const char *text, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	char	   *key;
	char	   *at;

	key = at = palloc(len * 3 + 1);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '%' || c == ':' || c < ' ' || c == 0x7F)
		{
			*at++ = '%';
			*at++ = digits[c >> 4];
			*at++ = digits[c & 15];
		}
		else
			*at++ = (char) c;
	}
	*at = '\0';
	return key;
}

/*
 * The key of a value that is too large to look at: longer than an id may be,
 * and another one if the value's size has changed.
 */
static char *
endless_key(Datum datum)
{
	char		dashes[ECAPI_MAX_ID + 1];

	memset(dashes, '-', ECAPI_MAX_ID);
	dashes[ECAPI_MAX_ID] = '\0';
	return psprintf("%s%zu", dashes, (size_t) toast_raw_datum_size(datum));
}

/*
 * Numbers of a tree in the one form of all that are equal.  What is written with
 * an exponent stays so: it is long, or type json, where nothing is equal.
 */
static void
normalize_numbers(EcapiArena *arena, EcapiValue *value)
{
	Datum		numeric;

	for (EcapiValue *child = value->first; child; child = child->next)
		normalize_numbers(arena, child);
	if (value->type != ECAPI_NUMBER || value->len > MAX_PLAIN_NUMBER ||
		strpbrk(value->text, "eE") != NULL)
		return;
	numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
								  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	value->text = ecapi_number_key(DatumGetNumeric(numeric));
	value->len = strlen(value->text);
}

/*
 * A part of an id that is no scalar: its JSON, the same for all that are equal,
 * as jsonb has it: whatever the order of keys and the zeros of numbers.
 */
static char *
tree_key(const EcapiDatumType *type, Datum datum)
{
	EcapiArena	arena;
	EcapiBuffer json;
	EcapiValue *value;
	EcapiLosses losses = {0};
	Writing		to = {.arena = &arena, .form = ECAPI_FORM_NATURAL, .exact = true, .losses = &losses};

	ecapi_tree_stoppable_arena(&arena, CurrentMemoryContext);
	value = write_value(&to, type, datum, ECAPI_MAX_DEPTH);
	if (value != NULL)
	{
		normalize_numbers(&arena, value);
		(void) ecapi_members_sort(&arena, value);
	}
	if (arena.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("An event's id could not be put together.")));
	/* Nothing but a varlena is too large, or has something nested. */
	if (value == NULL)
		return endless_key(datum);
	if (value->type == ECAPI_STRING || value->type == ECAPI_NUMBER)
		return escape_key(value->text, value->len);
	ecapi_tree_buffer(&json, MaxAllocSize / 4, CurrentMemoryContext);
	ecapi_json_value(&json, value);
	if (json.failed)
		ecapi_tree_out_of_memory();
	return json.full ? endless_key(datum) : escape_key(json.data, json.len);
}

char *
ecapi_datum_key(const EcapiDatumType *type, Datum datum)
{
	Literal		literal;
	char	   *normal;
	char	   *key;

	if (is_too_large(type, datum))
		return endless_key(datum);
	switch (type->writer)
	{
		case ECAPI_WRITE_JSON:
		case ECAPI_WRITE_JSONB:
		case ECAPI_WRITE_ARRAY:
		case ECAPI_WRITE_COMPOSITE:
			return tree_key(type, datum);
		case ECAPI_WRITE_NUMERIC:
			/* 10.50 and 10.5 are one key. */
			normal = ecapi_number_key(DatumGetNumeric(datum));
			key = escape_key(normal, strlen(normal));
			pfree(normal);
			return key;
		default:
			break;
	}

	/* '24 hours' is '1 day'. */
	if (type->type == INTERVALOID)
		datum = DirectFunctionCall1(interval_justify_interval, datum);
	make_literal(&literal, type, datum, true);
	/* So are 0 and -0. */
	if (literal.type == ECAPI_NUMBER && literal.len == 2 && memcmp(literal.text, "-0", 2) == 0)
		set_literal(&literal, ECAPI_NUMBER, "0", 1);
	key = escape_key(literal.text, literal.len);
	if (literal.owned)
		pfree(literal.owned);
	return key;
}

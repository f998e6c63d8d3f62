/*
 * event_row.c
 *	  Events as SQL sees them: rows of the composite type ecapi.event.
 *
 * Events are UTF-8 and were valid when they were emitted; the database may have
 * another encoding, and what was put into the outbox by hand may be anything.  An
 * error here would blame a whole page for one event, so whatever does not fit its
 * column is NULL there instead: nothing in here raises but for want of memory, or
 * of the type.
 *
 * What always holds: the columns are those of the install script, in that order.
 *
 * Ownership: rows are palloc'd in the current context and share nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/catalog.h"
#include "base/tree.h"
#include "destination/identifiers.h"
#include "enrich/event_row.h"
#include "event/stored.h"
#include "settings.h"

/* The columns, as the install script has them. */
enum
{
	COLUMN_SEQ,
	COLUMN_ID,
	COLUMN_EVENT_TYPE,
	COLUMN_TIMESTAMP,
	COLUMN_VALUE,
	COLUMN_CURRENCY_CODE,
	COLUMN_SOURCE,
	COLUMN_ROUTE,
	COLUMN_USER_DATA,
	COLUMN_PROPERTIES,
	COLUMN_EXT,
	COLUMNS
};

Oid
ecapi_event_row_type(void)
{
	Oid			schema = get_namespace_oid("ecapi", true);
	Oid			type = InvalidOid;

	if (OidIsValid(schema))
		type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("event"),
							   ObjectIdGetDatum(schema));
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"ecapi.event\" does not exist"),
				 errhint("Create the extension with CREATE EXTENSION ecapi.")));
	return type;
}

TupleDesc
ecapi_event_row_desc(void)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(ecapi_event_row_type(), -1);

	if (desc->natts != COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type \"ecapi.event\" has %d columns instead of %d",
						desc->natts, COLUMNS),
				 errhint("Update the extension with ALTER EXTENSION ecapi UPDATE.")));
	return desc;
}

static bool
is_ascii(const char *text, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

/* Whether a text means something else in the server encoding as it stands. */
static bool
needs_conversion(const char *text, uint32 len)
{
	int			encoding = GetDatabaseEncoding();

	return encoding != PG_UTF8 && encoding != PG_SQL_ASCII && !is_ascii(text, len);
}

/* A text that needs it, in the server encoding, palloc'd; NULL: it has no such form. */
static char *
convert(const char *text, uint32 len)
{
	Oid			conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	int			size = len * MAX_CONVERSION_GROWTH + 1;
	char	   *copy;

	if (!OidIsValid(conversion))
		return NULL;
	copy = palloc(size);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(),
									  (unsigned char *) unconstify(char *, text), len,
									  (unsigned char *) copy, size, true) != len)
		return NULL;
	return copy;
}

/* Convert a text in place; false when that cannot be. */
static bool
convert_text(const char **text, uint32 *len)
{
	if (!needs_conversion(*text, *len))
		return true;
	*text = convert(*text, *len);
	if (*text == NULL)
		return false;
	*len = strlen(*text);
	return true;
}

/* Whether numeric can hold a number of JSON. */
static bool
fits_numeric(const EcapiValue *number)
{
	return ecapi_stored_fits_numeric(number->text, number->len);
}

/* Whether jsonb can hold a value, and all below it, but for the encoding. */
static bool
fits_jsonb(const EcapiValue *value)
{
	if (value->type == ECAPI_NUMBER)
		return fits_numeric(value);
	for (const EcapiValue *child = value->first; child; child = child->next)
		if (!fits_jsonb(child))
			return false;
	return true;
}

/* Convert all texts and keys of a tree of our own; false when one cannot be. */
static bool
convert_tree(EcapiValue *value)
{
	if (value->key != NULL && !convert_text(&value->key, &value->keylen))
		return false;
	if (value->type == ECAPI_STRING && !convert_text(&value->text, &value->len))
		return false;
	for (EcapiValue *child = value->first; child; child = child->next)
		if (!convert_tree(child))
			return false;
	return true;
}

static void
set_text(Datum *column, bool *null, const EcapiValue *value)
{
	const char *text;
	uint32		len;

	if (value == NULL || value->type != ECAPI_STRING)
		return;
	text = value->text;
	len = value->len;
	if (!convert_text(&text, &len))
		return;
	*column = PointerGetDatum(cstring_to_text_with_len(text, len));
	*null = false;
}

static void
set_jsonb(Datum *column, bool *null, const EcapiValue *value)
{
	int			encoding = GetDatabaseEncoding();
	EcapiArena	arena;
	EcapiValue *copy;

	if (value == NULL || value->type != ECAPI_OBJECT || !fits_jsonb(value))
		return;
	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
	{
		ecapi_tree_arena(&arena, CurrentMemoryContext);
		copy = ecapi_value_copy(&arena, value);
		if (copy == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		if (!convert_tree(copy))
			return;
		value = copy;
	}
	*column = JsonbPGetDatum(ecapi_tree_to_jsonb(value));
	*null = false;
}

/* user_data, with digests in place of identifiers where they are not to be seen. */
static const EcapiValue *
shown_user_data(const EcapiValue *user_data, uint32 columns)
{
	EcapiArena	arena;

	if (user_data == NULL || !(columns & ECAPI_IDENTIFIERS_HASHED))
		return user_data;
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	user_data = ecapi_identifiers_hash(&arena, user_data, ecapi_default_country());
	if (arena.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return user_data;
}

static void
set_numeric(Datum *column, bool *null, const EcapiValue *value)
{
	if (value == NULL || value->type != ECAPI_NUMBER || !fits_numeric(value))
		return;
	*column = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
								  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	*null = false;
}

/* Whole seconds since 1970, as validation leaves them. */
static void
set_time(Datum *column, bool *null, const EcapiValue *value)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	int64		seconds;
	char	   *end;

	if (value == NULL || value->type != ECAPI_NUMBER || value->len > MAXINT8LEN)
		return;
	seconds = strtoll(value->text, &end, 10);
	if (*end != '\0' || seconds < MIN_TIMESTAMP / USECS_PER_SEC + epoch ||
		seconds >= END_TIMESTAMP / USECS_PER_SEC + epoch)
		return;
	*column = TimestampTzGetDatum((seconds - epoch) * USECS_PER_SEC);
	*null = false;
}

uint32
ecapi_event_row_column(AttrNumber number)
{
	switch (number - 1)
	{
		case COLUMN_USER_DATA:
			return ECAPI_COLUMN_USER_DATA;
		case COLUMN_PROPERTIES:
			return ECAPI_COLUMN_PROPERTIES;
		case COLUMN_EXT:
			return ECAPI_COLUMN_EXT;
		default:
			return 0;
	}
}

HeapTuple
ecapi_event_row(TupleDesc desc, int64 seq, const EcapiValue *event, uint32 columns)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	memset(values, 0, sizeof(values));
	memset(nulls, true, sizeof(nulls));
	values[COLUMN_SEQ] = Int64GetDatum(seq);
	nulls[COLUMN_SEQ] = false;

#define SET(how, column, value) how(&values[column], &nulls[column], value)
	SET(set_text, COLUMN_ID, ecapi_value_get(event, "id"));
	SET(set_text, COLUMN_EVENT_TYPE, ecapi_value_get(event, "event_type"));
	SET(set_time, COLUMN_TIMESTAMP, ecapi_value_get(event, "timestamp"));
	SET(set_numeric, COLUMN_VALUE, ecapi_value_get(event, "value"));
	SET(set_text, COLUMN_CURRENCY_CODE, ecapi_value_get(event, "currency_code"));
	SET(set_text, COLUMN_SOURCE, ecapi_value_get(event, "source"));
	SET(set_text, COLUMN_ROUTE, ecapi_value_get(ecapi_value_get(event, "ext"), "route"));
	if (columns & ECAPI_COLUMN_USER_DATA)
		SET(set_jsonb, COLUMN_USER_DATA,
			shown_user_data(ecapi_value_get(event, "user_data"), columns));
	if (columns & ECAPI_COLUMN_PROPERTIES)
		SET(set_jsonb, COLUMN_PROPERTIES, ecapi_value_get(event, "properties"));
	if (columns & ECAPI_COLUMN_EXT)
		SET(set_jsonb, COLUMN_EXT, ecapi_value_get(event, "ext"));
#undef SET
	return heap_form_tuple(desc, values, nulls);
}

bool
ecapi_may_see_identifiers(Oid server_owner)
{
	return pg_class_aclcheck(ecapi_relation("outbox", false), server_owner,
							 ACL_SELECT) == ACLCHECK_OK;
}

Datum
ecapi_event_rows(const EcapiEnrichedEvent *events, int nevents, uint32 columns)
{
	TupleDesc	desc = ecapi_event_row_desc();
	Datum	   *rows = palloc(sizeof(Datum) * Max(nevents, 1));
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi event row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext rows_context = CurrentMemoryContext;
	Datum		array;

	for (int i = 0; i < nevents; i++)
	{
		HeapTuple	row;

		MemoryContextSwitchTo(scratch);
		row = ecapi_event_row(desc, events[i].seq, events[i].event, columns);
		MemoryContextSwitchTo(rows_context);
		rows[i] = heap_copy_tuple_as_datum(row, desc);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	array = PointerGetDatum(construct_array(rows, nevents, desc->tdtypeid, -1, false,
											TYPALIGN_DOUBLE));
	for (int i = 0; i < nevents; i++)
		pfree(DatumGetPointer(rows[i]));
	pfree(rows);
	return array;
}

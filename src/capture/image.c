/*
 * image.c
 *	  A row as JSON and back, for rows that wait to be captured again.
 *
 * An image must give the very row back, under other settings than it was made
 * with.  So both ways go through the types' own input and output functions
 * under one set of settings, in a nest level of its own: there and back is
 * what those functions promise, as dumps depend on it.  Names (of tables, of
 * text search configurations) are written with their schema, as nothing but
 * pg_catalog is in the search path.
 *
 * No domain is asked again about a value that a row of the table had: its
 * constraint may be a function of another role.  Domains inside of a value
 * and what else its type brings along (superuser_read.c) cannot be passed over, so
 * where a superuser would read it, such a value is refused.
 *
 * An image has a budget.  What the text of a value would take is known before it
 * is made; the short values come first, so that a large document beside an order
 * costs itself and not the order's key.
 *
 * The settings end with the call; after an error they end with the caller's
 * subtransaction.  Nothing here holds a lock or a reference across calls.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/sql_scope.h"
#include "base/tree.h"
#include "capture/image.h"
#include "compat.h"
#include "rowsql/superuser_read.h"
#include "rowsql/text_size.h"
#include "settings.h"

/* Beyond what ecapi_sql_settings() sets: what the forms of money and xml depend on. */
static const char *const settings[][2] = {
	{"lc_monetary", "C"},
	{"xmloption", "content"},
};

/*
 * Begin the fixed settings.  AtEOXact_GUC(false, result) ends them, and with
 * them what a type's function may have set meanwhile.
 */
static int
fix_settings(void)
{
	int			level = NewGUCNestLevel();

	ecapi_sql_settings();
	for (int i = 0; i < lengthof(settings); i++)
		ecapi_sql_set(settings[i][0], settings[i][1]);
	return level;
}

/* A column that may be in an image, and what it would take. */
typedef struct Candidate
{
	int			column;			/* from 0 */
	Size		size;
} Candidate;

static int
by_size(const void *a, const void *b)
{
	const Candidate *one = a;
	const Candidate *other = b;

	if (one->size != other->size)
		return one->size < other->size ? -1 : 1;
	return one->column - other->column;
}

/* What a value would take in an image; beyond budget it may be any more. */
static Size
image_size(Oid type, Datum datum, Size budget)
{
	/* its numbers are written as short as they are stored */
	if (getBaseType(type) == JSONBOID)
		return toast_raw_datum_size(datum);
	return ecapi_text_size(type, datum, budget);
}

/* Set which columns are in the image: as many as its budget allows, the short ones first. */
static void
choose_columns(TupleTableSlot *slot, bool *chosen)
{
	TupleDesc	descriptor = slot->tts_tupleDescriptor;
	Candidate  *candidates = palloc(sizeof(Candidate) * (descriptor->natts + 1));
	Size		budget = (Size) ecapi_max_event_size * 1024 * ECAPI_JSONB_BLOAT;
	int			n = 0;

	for (int i = 0; i < descriptor->natts; i++)
	{
		chosen[i] = false;
		if (TupleDescAttr(descriptor, i)->attisdropped ||
			TupleDescAttr(descriptor, i)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
			continue;
		candidates[n].column = i;
		candidates[n++].size = slot->tts_isnull[i] ? 0 :
			image_size(TupleDescAttr(descriptor, i)->atttypid, slot->tts_values[i], budget);
	}
	qsort(candidates, n, sizeof(Candidate), by_size);
	for (int i = 0; i < n && candidates[i].size <= budget; i++)
	{
		budget -= candidates[i].size;
		chosen[candidates[i].column] = true;
	}
	pfree(candidates);
}

/* A document's text, with numbers that are no longer than they are worth. */
static EcapiValue *
jsonb_image(EcapiArena *arena, Datum datum)
{
	EcapiBuffer json;

	ecapi_tree_buffer(&json, MaxAllocSize / 2, CurrentMemoryContext);
	ecapi_tree_write_jsonb(&json, DatumGetJsonbP(datum));
	if (json.failed)
		ecapi_tree_out_of_memory();
	return json.full ? NULL : ecapi_value_text(arena, ECAPI_STRING, json.data, json.len);
}

/* One column's value; NULL when the arena failed. */
static EcapiValue *
column_image(EcapiArena *arena, Form_pg_attribute attribute, Datum datum, bool isnull)
{
	EcapiValue *value;
	Oid			function;
	bool		varlena;
	char	   *text;

	if (isnull)
		return ecapi_value_new(arena, ECAPI_NULL);
	if (getBaseType(attribute->atttypid) == JSONBOID)
		return jsonb_image(arena, datum);
	getTypeOutputInfo(attribute->atttypid, &function, &varlena);
	text = OidOutputFunctionCall(function, datum);
	ecapi_tree_check_text(text, (int) strlen(text));
	value = ecapi_value_text(arena, ECAPI_STRING, text, strlen(text));
	pfree(text);
	return value;
}

EcapiValue *
ecapi_image_of(EcapiArena *arena, TupleTableSlot *slot)
{
	TupleDesc	descriptor = slot->tts_tupleDescriptor;
	EcapiValue *image = ecapi_value_new(arena, ECAPI_OBJECT);
	bool	   *chosen = palloc(sizeof(bool) * (descriptor->natts + 1));
	int			level = fix_settings();

	slot_getallattrs(slot);
	choose_columns(slot, chosen);
	for (int i = 0; image && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const char *name = NameStr(attribute->attname);
		EcapiValue *value;

		if (!chosen[i])
			continue;
		ecapi_tree_check_text(name, (int) strlen(name));
		value = column_image(arena, attribute, slot->tts_values[i], slot->tts_isnull[i]);
		if (value != NULL)
		{
			/* the names of a table's columns differ */
			value->keylen = (uint32) strlen(name);
			value->key = ecapi_arena_copy(arena, name, value->keylen);
		}
		if (value == NULL || value->key == NULL)
			image = NULL;
		else
			ecapi_value_append(image, value);
	}
	AtEOXact_GUC(false, level);
	pfree(chosen);
	return image;
}

/* Runs as the track's role. */
static Datum
column_value(Form_pg_attribute attribute, const EcapiValue *text)
{
	int32		typmod = attribute->atttypmod;
	Oid			type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	Oid			function;
	Oid			parameter;

	if (superuser() && !ecapi_superuser_may_input(type))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a value of type %s cannot be read back with a superuser's rights",
						format_type_be(type))));
	getTypeInputInfo(type, &function, &parameter);
	return OidInputFunctionCall(function, unconstify(char *, text->text), parameter, typmod);
}

HeapTuple
ecapi_image_row(const EcapiValue *image, TupleDesc descriptor)
{
	int			n = descriptor->natts;
	Datum	   *values = palloc0(n * sizeof(Datum));
	bool	   *nulls = palloc(n * sizeof(bool));
	int			level = fix_settings();
	HeapTuple	tuple;

	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const EcapiValue *text;

		nulls[i] = true;
		if (attribute->attisdropped)
			continue;
		text = ecapi_value_get(image, NameStr(attribute->attname));
		if (text == NULL || text->type == ECAPI_NULL)
			continue;
		if (text->type != ECAPI_STRING)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid image of a row"),
					 errdetail("Column \"%s\" is neither a text nor null.",
							   NameStr(attribute->attname))));
		values[i] = column_value(attribute, text);
		nulls[i] = false;
	}
	AtEOXact_GUC(false, level);

	tuple = heap_form_tuple(descriptor, values, nulls);
	pfree(values);
	pfree(nulls);
	return tuple;
}

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
 * cannot be passed over, so where the owner is a superuser, such a value is
 * refused.
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
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "capture/image.h"
#include "sql_scope.h"
#include "tree.h"
#include "settings.h"

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

/* Beyond what the guard sets: what the forms of money and xml depend on. */
static const Setting settings[] = {
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
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* So large that it can be no part of an event? */
static bool
is_too_large(Form_pg_attribute attribute, Datum datum)
{
	return attribute->attlen == -1 &&
		toast_raw_datum_size(datum) > (Size) ecapi_max_event_size * 1024 * ECAPI_JSONB_BLOAT;
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
	getTypeOutputInfo(attribute->atttypid, &function, &varlena);
	text = OidOutputFunctionCall(function, datum);
	ecapi_tree_check_text(text, (int) strlen(text));
	value = ecapi_value_text(arena, ECAPI_STRING, text, strlen(text));
	pfree(text);
	return value;
}

/* See image.h. */
EcapiValue *
ecapi_image_of(EcapiArena *arena, TupleTableSlot *slot)
{
	TupleDesc	descriptor = slot->tts_tupleDescriptor;
	EcapiValue *image = ecapi_value_new(arena, ECAPI_OBJECT);
	int			level = fix_settings();

	slot_getallattrs(slot);
	for (int i = 0; image && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const char *name = NameStr(attribute->attname);
		EcapiValue *value;

		if (attribute->attisdropped)
			continue;
		/* A picture beside an order must not fill failed_event. */
		if (!slot->tts_isnull[i] && is_too_large(attribute, slot->tts_values[i]))
			continue;
		ecapi_tree_check_text(name, (int) strlen(name));
		value = column_image(arena, attribute, slot->tts_values[i], slot->tts_isnull[i]);
		if (value == NULL || !ecapi_value_set(arena, image, name, strlen(name), value))
			image = NULL;
	}
	AtEOXact_GUC(false, level);
	return image;
}

/* Does the input function of a type ask a domain?  Not of the type itself. */
static bool
asks_domain(Oid type)
{
	Oid			element = get_element_type(type);
	Oid			range = get_multirange_range(type);
	TupleDesc	descriptor;
	bool		asks = false;

	check_stack_depth();
	if (!OidIsValid(element) && OidIsValid(range))
		element = get_range_subtype(range);
	else if (!OidIsValid(element))
		element = get_range_subtype(type);
	if (OidIsValid(element))
		return get_typtype(element) == TYPTYPE_DOMAIN || asks_domain(element);
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return false;
	descriptor = lookup_rowtype_tupdesc_copy(type, -1);
	for (int i = 0; i < descriptor->natts && !asks; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		asks = !attribute->attisdropped &&
			(get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN ||
			 asks_domain(attribute->atttypid));
	}
	return asks;
}

/* Runs as the owner of the table. */
static Datum
column_value(Form_pg_attribute attribute, const EcapiValue *text)
{
	int32		typmod = attribute->atttypmod;
	Oid			type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	Oid			function;
	Oid			parameter;

	if (superuser() && asks_domain(type))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a value of type %s cannot be read back with a superuser's rights",
						format_type_be(type))));
	getTypeInputInfo(type, &function, &parameter);
	return OidInputFunctionCall(function, unconstify(char *, text->text), parameter, typmod);
}

/* See image.h. */
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

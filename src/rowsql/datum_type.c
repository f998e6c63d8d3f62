/*
 * datum_type.c
 *	  Types, looked up once, and how their values are written.
 *
 * Common types have a writer of ours.  A type that an extension made is
 * written like one of the server's if it has that one's output function
 * (citext has text's); no user code runs then.  All others go through their
 * output function.
 *
 * What must run confined (confine.c):
 *	- output functions that are not the server's own, that can raise errors, or
 *	  that follow settings (interval, ranges, geometry, xml, reg*, ...): the
 *	  run under fixed settings there;
 *	- json, as its text becomes jsonb: \u0000 is valid in one, not in the other;
 *	- composite types: an attribute may be added to one after we have looked;
 *	- every text in a database of encoding SQL_ASCII, as it may not be UTF-8;
 *	- arrays of these.
 *
 * A value of type money means what lc_monetary says (its digits behind the
 * point are not stored); fits.c refuses it, here it is as any other type.
 *
 * Ownership: everything lives in the context that the caller gave, what a
 * composite type consists of in a context of its own below that.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "rowsql/datum_type.h"

typedef struct Builtin
{
	Oid			type;
	EcapiDatumKind kind;
	EcapiDatumWriter writer;
} Builtin;

static const Builtin builtins[] = {
	{INT2OID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_INT2},
	{INT4OID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_INT4},
	{INT8OID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_INT8},
	{FLOAT4OID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_FLOAT4},
	{FLOAT8OID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_FLOAT8},
	{NUMERICOID, ECAPI_DATUM_NUMBER, ECAPI_WRITE_NUMERIC},
	{BOOLOID, ECAPI_DATUM_BOOL, ECAPI_WRITE_BOOL},
	{TEXTOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_TEXT},
	{VARCHAROID, ECAPI_DATUM_TEXT, ECAPI_WRITE_TEXT},
	{BPCHAROID, ECAPI_DATUM_TEXT, ECAPI_WRITE_BPCHAR},
	{UNKNOWNOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_CSTRING},
	{CSTRINGOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_CSTRING},
	{NAMEOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_NAME},
	{CHAROID, ECAPI_DATUM_TEXT, ECAPI_WRITE_CHAR},
	{UUIDOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_UUID},
	{INETOID, ECAPI_DATUM_TEXT, ECAPI_WRITE_INET},
	{CIDROID, ECAPI_DATUM_TEXT, ECAPI_WRITE_INET},
	{MACADDROID, ECAPI_DATUM_TEXT, ECAPI_WRITE_MACADDR},
	{TIMESTAMPTZOID, ECAPI_DATUM_TIME, ECAPI_WRITE_TIMESTAMPTZ},
	{TIMESTAMPOID, ECAPI_DATUM_LOCAL_TIME, ECAPI_WRITE_TIMESTAMP},
	{DATEOID, ECAPI_DATUM_DATE, ECAPI_WRITE_DATE},
	{BYTEAOID, ECAPI_DATUM_BYTES, ECAPI_WRITE_BYTEA},
	{JSONOID, ECAPI_DATUM_JSON, ECAPI_WRITE_JSON},
	{JSONBOID, ECAPI_DATUM_JSON, ECAPI_WRITE_JSONB},
};

/* Types whose output functions neither raise errors nor look at a setting. */
static const Oid plain_outputs[] = {
	TIMEOID, TIMETZOID, BITOID, VARBITOID, MACADDR8OID, OIDOID, XIDOID, XID8OID,
	CIDOID, TIDOID, PG_LSNOID
};

/* The server's own function that this one is another name of, or it itself. */
static Oid
internal_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			result = function;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == INTERNALlanguageId)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

		if (!isnull)
		{
			Oid			internal = fmgr_internal_function(TextDatumGetCString(source));

			if (OidIsValid(internal))
				result = internal;
		}
	}
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_plain_output(Oid type)
{
	for (int i = 0; i < lengthof(plain_outputs); i++)
	{
		if (plain_outputs[i] == type)
			return true;
	}
	return false;
}

/* A type that has no writer of its own: by its output function. */
static void
set_output(EcapiDatumType *type, MemoryContext context)
{
	Oid			function;
	bool		varlena;
	char		category;
	bool		preferred;

	getTypeOutputInfo(type->type, &function, &varlena);
	get_type_category_preferred(type->type, &category, &preferred);
	type->kind = category == TYPCATEGORY_STRING ? ECAPI_DATUM_TEXT : ECAPI_DATUM_OTHER;
	if (type->typlen == -1)
	{
		switch (internal_function(function))
		{
			case F_TEXTOUT:
			case F_VARCHAROUT:
				type->kind = ECAPI_DATUM_TEXT;
				type->writer = ECAPI_WRITE_TEXT;
				return;
			default:
				break;
		}
	}
	type->writer = ECAPI_WRITE_OUTPUT;
	type->needs_confining |= !is_plain_output(type->type);
	type->output = MemoryContextAlloc(context, sizeof(FmgrInfo));
	fmgr_info_cxt(function, type->output, context);
}

static void
set_composite(EcapiDatumType *type, int32 typmod, MemoryContext context)
{
	EcapiDatumRow *row = MemoryContextAllocZero(context, sizeof(EcapiDatumRow));

	type->kind = ECAPI_DATUM_COMPOSITE;
	type->writer = ECAPI_WRITE_COMPOSITE;
	type->needs_confining = true;
	type->row = row;
	row->context = AllocSetContextCreate(context, "ecapi composite type",
										 ALLOCSET_SMALL_SIZES);
	/* Of a record that has no type we know what it is when we see it. */
	if (type->type != RECORDOID || typmod >= 0)
		ecapi_datum_row(row, type->type, typmod);
}

static bool
set_builtin(EcapiDatumType *type)
{
	for (int i = 0; i < lengthof(builtins); i++)
	{
		if (builtins[i].type == type->type)
		{
			type->kind = builtins[i].kind;
			type->writer = builtins[i].writer;
			return true;
		}
	}
	return false;
}

EcapiDatumType *
ecapi_datum_type(Oid oid, int32 typmod, MemoryContext context)
{
	EcapiDatumType *type = MemoryContextAllocZero(context, sizeof(EcapiDatumType));
	TypeCacheEntry *entry;
	Oid			element;

	type->type = getBaseTypeAndTypmod(oid, &typmod);
	entry = lookup_type_cache(type->type, 0);
	type->typlen = entry->typlen;
	type->typbyval = entry->typbyval;
	type->typalign = entry->typalign;

	if (set_builtin(type))
		type->needs_confining = false;
	else if (entry->typtype == TYPTYPE_ENUM)
	{
		type->kind = ECAPI_DATUM_TEXT;
		type->writer = ECAPI_WRITE_ENUM;
	}
	else if (OidIsValid(element = get_element_type(type->type)))
	{
		type->kind = ECAPI_DATUM_ARRAY;
		type->writer = ECAPI_WRITE_ARRAY;
		type->element = ecapi_datum_type(element, typmod, context);
		type->needs_confining = type->element->needs_confining;
	}
	else if (type_is_rowtype(type->type))
		set_composite(type, typmod, context);
	else
		set_output(type, context);

	if (GetDatabaseEncoding() == PG_SQL_ASCII &&
		(type->kind == ECAPI_DATUM_TEXT || type->kind == ECAPI_DATUM_JSON ||
		 type->kind == ECAPI_DATUM_OTHER))
		type->needs_confining = true;
	return type;
}

void
ecapi_datum_row(EcapiDatumRow *row, Oid type, int32 typmod)
{
	uint64		identifier = assign_record_type_identifier(type, typmod);
	MemoryContext caller;
	int			n;

	if (row->identifier == identifier)
		return;

	/* An error below leaves it as not looked up. */
	row->identifier = 0;
	MemoryContextReset(row->context);
	caller = MemoryContextSwitchTo(row->context);
	row->descriptor = lookup_rowtype_tupdesc_copy(type, typmod);
	n = row->descriptor->natts;
	row->attributes = palloc0(n * sizeof(EcapiDatumType *));
	row->values = palloc(n * sizeof(Datum));
	row->nulls = palloc(n * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(row->descriptor, i);

		if (!attribute->attisdropped)
			row->attributes[i] = ecapi_datum_type(attribute->atttypid,
												  attribute->atttypmod, row->context);
	}
	MemoryContextSwitchTo(caller);
	row->type = type;
	row->typmod = typmod;
	row->identifier = identifier;
}

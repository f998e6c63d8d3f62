/*
 * datum_type.h
 *	  Types, looked up once: what they are to us, and how their values are written.
 *
 * All of it is found out once, so that writing a value is a switch.  A type
 * does not change; what a composite type consists of may, so that is behind
 * a pointer and is looked up again when the server says that it has changed.
 */
#ifndef ECAPI_DATUM_TYPE_H
#define ECAPI_DATUM_TYPE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"

#include "event/probed.h"

/* What a type is to us, domains looked through. */
typedef enum EcapiDatumKind
{
	ECAPI_DATUM_NUMBER,			/* integers, floats, numeric; not money */
	ECAPI_DATUM_BOOL,
	ECAPI_DATUM_TEXT,			/* text, name, citext, enum, uuid, inet, ... */
	ECAPI_DATUM_TIME,			/* timestamptz */
	ECAPI_DATUM_LOCAL_TIME,		/* timestamp: says no moment */
	ECAPI_DATUM_DATE,
	ECAPI_DATUM_BYTES,			/* bytea: lower-case hex digits, without a prefix */
	ECAPI_DATUM_JSON,			/* json, jsonb */
	ECAPI_DATUM_ARRAY,
	ECAPI_DATUM_COMPOSITE,
	ECAPI_DATUM_OTHER			/* anything else, by its output function */
} EcapiDatumKind;

/* The ways to write a value. */
typedef enum EcapiDatumWriter
{
	ECAPI_WRITE_BOOL,
	ECAPI_WRITE_INT2,
	ECAPI_WRITE_INT4,
	ECAPI_WRITE_INT8,
	ECAPI_WRITE_FLOAT4,
	ECAPI_WRITE_FLOAT8,
	ECAPI_WRITE_NUMERIC,
	ECAPI_WRITE_TEXT,			/* a varlena that holds just the text */
	ECAPI_WRITE_BPCHAR,			/* the same, blanks at its end say nothing */
	ECAPI_WRITE_CSTRING,
	ECAPI_WRITE_NAME,
	ECAPI_WRITE_CHAR,			/* "char", one byte */
	ECAPI_WRITE_ENUM,
	ECAPI_WRITE_UUID,
	ECAPI_WRITE_INET,			/* cidr too */
	ECAPI_WRITE_MACADDR,
	ECAPI_WRITE_TIMESTAMPTZ,
	ECAPI_WRITE_TIMESTAMP,
	ECAPI_WRITE_DATE,
	ECAPI_WRITE_BYTEA,
	ECAPI_WRITE_JSON,
	ECAPI_WRITE_JSONB,
	ECAPI_WRITE_ARRAY,
	ECAPI_WRITE_COMPOSITE,
	ECAPI_WRITE_OUTPUT			/* by the type's output function */
} EcapiDatumWriter;

/* What a composite type consists of at the moment; all of it in context. */
typedef struct EcapiDatumRow
{
	MemoryContext context;		/* its own, reset when the type has changed */
	Oid			type;			/* RECORDOID: whatever the last value was */
	int32		typmod;
	uint64		identifier;		/* as the type cache has it; 0: not looked up */
	TupleDesc	descriptor;
	struct EcapiDatumType **attributes;	/* NULL: dropped */
	Datum	   *values;			/* work space for one row */
	bool	   *nulls;
} EcapiDatumRow;

typedef struct EcapiDatumType
{
	Oid			type;			/* domains looked through */
	EcapiDatumKind kind;
	EcapiDatumWriter writer;

	/*
	 * Writing a value of it may raise an error or run code that is not the
	 * server's own, so it must run confined.  False for all common types.
	 */
	bool		needs_confining;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	struct EcapiDatumType *element; /* of an array, else NULL */
	EcapiDatumRow *row;			/* of a composite, else NULL */
	FmgrInfo   *output;			/* of ECAPI_WRITE_OUTPUT, else NULL */
} EcapiDatumType;

/*
 * Look up a type.  The result lives in context.  Raises what the catalogs
 * raise for a type that does not exist.
 */
extern ECAPI_PROBED EcapiDatumType *ecapi_datum_type(Oid type, int32 typmod, MemoryContext context);

/*
 * Make row say what values of that type and typmod consist of.  Raises an
 * error for a type that does not exist.
 */
extern void ecapi_datum_row(EcapiDatumRow *row, Oid type, int32 typmod);

#endif							/* ECAPI_DATUM_TYPE_H */

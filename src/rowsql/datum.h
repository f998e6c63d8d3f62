/*
 * datum.h
 *	  A value of SQL as a JSON value of an event.
 *
 * Values are written by our own code, straight from their binary form: no
 * to_json, no cast that a user could have made, and nothing that depends on
 * DateStyle, TimeZone, extra_float_digits, bytea_output or lc_*.  Where only
 * the type's output function knows its form, that depends on settings, and the
 * value needs a guard, which fixes them.
 */
#ifndef ECAPI_DATUM_H
#define ECAPI_DATUM_H

#include "postgres.h"

#include "base/tree.h"
#include "event/fields.h"
#include "event/value.h"

/* What a type is to us, domains looked through. */
typedef enum EcapiDatumKind
{
	ECAPI_DATUM_NUMBER,			/* int2, int4, int8, float4, float8, numeric, money not */
	ECAPI_DATUM_BOOL,
	ECAPI_DATUM_TEXT,			/* text, varchar, char, name, citext, enum, uuid, inet, ... */
	ECAPI_DATUM_TIME,			/* timestamptz */
	ECAPI_DATUM_LOCAL_TIME,		/* timestamp: says no moment */
	ECAPI_DATUM_DATE,
	ECAPI_DATUM_BYTES,			/* bytea: lower-case hex digits, without a prefix */
	ECAPI_DATUM_JSON,			/* json, jsonb */
	ECAPI_DATUM_ARRAY,
	ECAPI_DATUM_COMPOSITE,
	ECAPI_DATUM_OTHER			/* anything else, by its output function */
} EcapiDatumKind;

/* How a value is wanted. */
typedef enum EcapiDatumForm
{
	ECAPI_FORM_NATURAL,			/* a number as a number; a time as ISO 8601 in UTC, "Z" */
	ECAPI_FORM_TEXT,			/* the same, numbers and booleans as texts, in arrays too */
	ECAPI_FORM_SECONDS			/* a timestamptz as seconds since 1970, rounded down */
} EcapiDatumForm;

/* A type, looked up once. */
typedef struct EcapiDatumType EcapiDatumType;

/*
 * Look up a type.  The result lives in context.  Raises what the catalogs
 * raise for a type that does not exist.
 */
extern EcapiDatumType *ecapi_datum_type(Oid type, int32 typmod, MemoryContext context);

extern EcapiDatumKind ecapi_datum_kind(const EcapiDatumType *type);

/*
 * Can writing a value of it raise an error or run code that is not the
 * server's own?  Then it needs a guard.  False for all common types.
 */
extern bool ecapi_datum_needs_guard(const EcapiDatumType *type);

/*
 * The value as a tree in the arena (nothing of it points into the datum);
 * texts in the server encoding, blanks at the end of character(n) dropped.
 * What of JSON cannot be used (nested deeper than max_depth arrays and objects,
 * text that no receiver can read) is left out and counted in *losses, which is
 * set to zero before.  NULL when the arena failed (arena->failed), when an array
 * or composite is deeper, or when a value is larger than any event by far
 * (losses->large).  NaN and the infinities become texts, which no number field
 * takes.  Raises a cancellation.  Leaks into the current memory context.
 */
extern EcapiValue *ecapi_datum_value(EcapiArena *arena, const EcapiDatumType *type,
									 Datum datum, EcapiDatumForm form, int max_depth,
									 EcapiLosses *losses);

/*
 * The value as a part of an id: a text in the current context that no session
 * setting changes, with "%" and ":" in it written as "%25" and "%3A", so that
 * parts joined by ":" stay apart, and control characters, which no id may
 * have, in the same way.  What is equal in SQL has one key: 10.50 is "10.5", also
 * in arrays and JSON, and the order of keys in JSON is no difference.
 * A value larger than any event by far has a key that is longer than an id may
 * be, and that says only its size.
 */
extern char *ecapi_datum_key(const EcapiDatumType *type, Datum datum);

/*
 * The form in which a field (NULL: something inside an ext) takes values of a
 * type; validation may still refuse a value.  Where the field cannot take them at all, false, with a message
 * (lower case, no full stop: "a timestamp without time zone names no moment")
 * and a hint (a sentence, or NULL); both constant or in the current context.
 * source is what the hint may quote: the mapped column or expression.
 */
extern bool ecapi_datum_fits(const EcapiField *field, const EcapiDatumType *type,
							 const char *source, EcapiDatumForm *form,
							 const char **message, const char **hint);

#endif							/* ECAPI_DATUM_H */

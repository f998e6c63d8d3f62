/*
 * datum.h
 *	  A value of SQL as a JSON value of an event.
 *
 * Values are written by our own code, straight from their binary form: no
 * to_json, no cast that a user could have made, and nothing that depends on
 * DateStyle, TimeZone, extra_float_digits, bytea_output or lc_*.  Where only
 * the type's output function knows its form, that depends on settings, and the
 * value is made confined, which fixes them.
 */
#ifndef ECAPI_DATUM_H
#define ECAPI_DATUM_H

#include "postgres.h"

#include "base/tree.h"
#include "event/probed.h"
#include "event/value.h"
#include "rowsql/datum_type.h"

/* How a value is wanted. */
typedef enum EcapiDatumForm
{
	ECAPI_FORM_NATURAL,			/* a number as a number; a time as ISO 8601 in UTC, "Z" */
	ECAPI_FORM_TEXT,			/* the same, numbers and booleans as texts, in arrays too */
	ECAPI_FORM_SECONDS			/* a timestamptz as seconds since 1970, rounded down */
} EcapiDatumForm;

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
extern ECAPI_PROBED EcapiValue *ecapi_datum_value(EcapiArena *arena, const EcapiDatumType *type,
												  Datum datum, EcapiDatumForm form, int max_depth,
												  EcapiLosses *losses);

/*
 * The value as a part of an id: a text in the current context that no session
 * setting changes, with "%" and ":" in it written as "%25" and "%3A", so that
 * parts joined by ":" stay apart, and control characters, which no id may
 * have, in the same way.  What is equal in SQL has one key: 10.50 is "10.5", also
 * in arrays and JSON, and the order of keys in JSON is no difference.  Numbers that
 * differ have keys that differ, also where an event has one decimal for both: a double
 * that was a real is the real's decimal there (literal.h).
 * A value larger than any event by far has a key that is longer than an id may
 * be, and that says only its size.
 */
extern ECAPI_PROBED char *ecapi_datum_key(const EcapiDatumType *type, Datum datum);

#endif							/* ECAPI_DATUM_H */

/*
 * validate.h
 *	  An event as given becomes an event as the standard has it.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_VALIDATE_H
#define ECAPI_VALIDATE_H

#include "event/fields.h"
#include "event/value.h"
#include "event/violation.h"

/* Levels of nesting of an event, itself the first. */
#define ECAPI_MAX_DEPTH			32

/* Bytes of an id; identifiers of real systems are far below. */
#define ECAPI_MAX_ID			512

/* A timestamp may lie this far ahead of now: clocks differ. */
#define ECAPI_MAX_FUTURE		(10 * 60)

/* What is said of one beyond that; the capture of rows adds why that may be. */
#define ECAPI_TIME_TO_COME		"timestamp more than 10 minutes in the future"

/* Elements of an array of texts or numbers; the standard expects a handful. */
#define ECAPI_MAX_ELEMENTS		1000

/*
 * Check an event and build the clean one in the arena.
 *
 * event is what was given: any tree, texts in UTF-8; it is not changed, and
 * the result shares its texts, so both live as long as the shorter of them.
 * now is in seconds since 1970.  With complete false, data_set_id may be
 * absent: the destination supplies it.  All violations are counted in
 * *violations, which is initialized here.
 *
 * Returns NULL when an error is among them, or when the arena failed
 * (arena->failed).  The result has its fields in the standard's order, ext
 * last; arrays where the standard has arrays, without duplicates of texts;
 * no null, no empty text, array or object; texts where the standard has texts,
 * also if numbers or booleans were given; integers and timestamps as plain
 * digits; enumerations as the standard writes them; currency in upper and
 * country in lower case.  Identifiers are still as given.
 */
extern EcapiValue *ecapi_validate(EcapiArena *arena, const EcapiValue *event,
								  int64_t now, bool complete,
								  EcapiViolations *violations);

/*
 * The same, of an event that is given from outside, adding to violations that the
 * caller has initialized: what of ext is for us alone to say (ext_member.h) is left
 * out, which in an event that was emitted already stays.  lenient: an
 * unknown field, what is nested too deeply and an array that is too long are left
 * out, in place of failing the event.  Where there are errors the result is what
 * is left without the invalid fields: no event, but it can be looked at further.
 * NULL when it was no object at all, or when the arena failed.
 */
extern EcapiValue *ecapi_validate_into(EcapiArena *arena, const EcapiValue *event,
									   int64_t now, bool complete, bool lenient,
									   EcapiViolations *violations);

/*
 * Whether a value may become this field of the event itself.  False, with a violation
 * that is no error, when it would fail the event.
 */
extern bool ecapi_validate_member(EcapiArena *arena, const EcapiField *field,
								  const EcapiValue *value, int64_t now,
								  EcapiViolations *violations);

#endif							/* ECAPI_VALIDATE_H */

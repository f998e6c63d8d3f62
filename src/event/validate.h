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

typedef enum EcapiViolationCode
{
	ECAPI_VIOLATION_EVENT_TYPE, /* no event type of the standard */
	ECAPI_VIOLATION_UNKNOWN,	/* no field of the standard, outside ext */
	ECAPI_VIOLATION_MISSING,	/* a required field is absent */
	ECAPI_VIOLATION_TYPE,		/* not of the field's JSON type */
	ECAPI_VIOLATION_VALUE,		/* not among the values the field can have */
	ECAPI_VIOLATION_NUMBER,		/* a number no receiver can keep */
	ECAPI_VIOLATION_TIME,		/* a timestamp that is none, or ahead of now */
	ECAPI_VIOLATION_ID,			/* an identifier too long, or unprintable */
	ECAPI_VIOLATION_DEPTH,		/* nested too deeply */
	ECAPI_VIOLATION_SIZE,		/* too much of something */
	ECAPI_VIOLATION_FORM,		/* cannot be normalized with certainty */
	ECAPI_VIOLATION_COUNTRY,	/* the same, for want of a country */
	ECAPI_VIOLATION_TEXT,		/* half a surrogate pair, a NUL and the like */
	ECAPI_VIOLATION_SOURCE,		/* what may not come from where it came from */
	ECAPI_VIOLATION_IDENTIFIER	/* would carry an identifier out in clear */
} EcapiViolationCode;

#define ECAPI_VIOLATION_CODES	(ECAPI_VIOLATION_IDENTIFIER + 1)

/*
 * One violation.  Texts live in the arena.  None of them holds a value of the
 * event; only names of fields, and the event type that was given, which is no
 * personal datum.
 */
typedef struct EcapiViolation
{
	EcapiViolationCode code;
	bool		error;			/* fails the event; else the field was left out */
	const EcapiField *field;	/* NULL: of no field, or an unknown one */
	const char *path;			/* "properties.items[2].price" */
	const char *message;		/* lower case, no full stop: "not a number" */
	const char *hint;			/* a sentence, or NULL */
} EcapiViolation;

#define ECAPI_MAX_VIOLATIONS	16

typedef struct EcapiViolations
{
	int			errors;			/* how many there were, kept or not */
	int			left_out;
	int			n;				/* kept in list; errors push others out */
	EcapiViolation list[ECAPI_MAX_VIOLATIONS];

	/* NULL, or called with every one, kept or not, as it is found; may raise */
	void		(*each) (void *arg, const EcapiViolation *violation);
	void	   *arg;
} EcapiViolations;

/* None yet; each (may be NULL) and arg as above. */
extern void ecapi_violations_init(EcapiViolations *violations,
								  void (*each) (void *arg, const EcapiViolation *violation),
								  void *arg);

/* "22023" and the like; a name such as "unknown_field". */
extern const char *ecapi_violation_sqlstate(EcapiViolationCode code);
extern const char *ecapi_violation_name(EcapiViolationCode code);

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
 * The same, adding to violations that the caller has initialized.  lenient: an
 * unknown field, what is nested too deeply and an array that is too long are left
 * out, in place of failing the event.  Where there are errors the result is what
 * is left without the invalid fields: no event, but it can be looked at further.
 * NULL when it was no object at all, or when the arena failed.
 */
extern EcapiValue *ecapi_validate_into(EcapiArena *arena, const EcapiValue *event,
									   int64_t now, bool complete, bool lenient,
									   EcapiViolations *violations);

/*
 * May a value become this field of the event itself?  False, with a violation
 * that is no error, when it would fail the event.
 */
extern bool ecapi_validate_member(EcapiArena *arena, const EcapiField *field,
								  const EcapiValue *value, int64_t now,
								  EcapiViolations *violations);

#endif							/* ECAPI_VALIDATE_H */

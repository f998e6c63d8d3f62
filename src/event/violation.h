/*
 * violation.h
 *	  What is wrong with an event, and where in it.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_VIOLATION_H
#define ECAPI_VIOLATION_H

#include "event/fields.h"
#include "event/value.h"

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
	ECAPI_VIOLATION_IDENTIFIER, /* would carry an identifier out in clear */
	ECAPI_VIOLATION_DIGEST		/* a digest of another form than the platform's */
} EcapiViolationCode;

#define ECAPI_VIOLATION_CODES	(ECAPI_VIOLATION_DIGEST + 1)

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

/* A step on the way to a field: a name, or an element of the array above. */
typedef struct EcapiFieldPlace
{
	const struct EcapiFieldPlace *up;	/* NULL: a member of the event itself */
	const char *name;			/* NULL: an element */
	size_t		len;
	int			index;			/* from 0 */
} EcapiFieldPlace;

/*
 * Count a violation at a place, report it, and keep it if there is room.
 * message and hint are constant or live in the arena; hint and field may be
 * NULL.
 */
extern void ecapi_violation_add(EcapiViolations *violations, EcapiArena *arena,
								const EcapiFieldPlace *place, const EcapiField *field,
								EcapiViolationCode code, bool error,
								const char *message, const char *hint);

/*
 * A place as a path, in the arena: "properties.items[2].price".  A member that
 * could not be the name of a field stands as "?", for an object may have email
 * addresses as keys.  Never NULL: "" when memory is out.
 */
extern const char *ecapi_violation_path(EcapiArena *arena, const EcapiFieldPlace *place);

/*
 * before, text in double quotes, after: as one text in the arena, with text
 * shortened and made printable.  Never NULL: "" when memory is out.
 */
extern const char *ecapi_violation_quote(EcapiArena *arena, const char *before,
										 const char *text, size_t len,
										 const char *after);

#endif							/* ECAPI_VIOLATION_H */

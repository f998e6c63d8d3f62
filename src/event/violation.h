/*
 * violation.h
 *	  Where validation stands in an event, and how it reports what is wrong.
 *
 * For validate.c, and for who else walks an event and names places in it; callers of
 * validation need validate.h.
 */
#ifndef ECAPI_VIOLATION_H
#define ECAPI_VIOLATION_H

#include "event/validate.h"

/* A step on the way to a field: a name, or an element of the array above. */
typedef struct EcapiFieldPlace
{
	const struct EcapiFieldPlace *up;	/* NULL: a member of the event itself */
	const char *name;			/* NULL: an element */
	size_t		len;
	int			index;			/* from 0 */
} EcapiFieldPlace;

/*
 * Count a violation at a place, tell of it, and keep it if there is room.
 * message and hint are constant or live in the arena; hint and field may be
 * NULL.
 */
extern void ecapi_violation_add(EcapiViolations *violations, EcapiArena *arena,
								const EcapiFieldPlace *place, const EcapiField *field,
								EcapiViolationCode code, bool error,
								const char *message, const char *hint);

/*
 * A place as a path, in the arena: "properties.items[2].price".  A member that
 * could not be the name of a field stands as "?", for somebody may key an object by
 * email address.  Never NULL: "" when memory is out.
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

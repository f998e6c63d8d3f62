/*
 * body.h
 *	  The body of a request: events of one destination, one after the other.
 *
 * Steps 5 and 6 of select.h, and what frames them.  Pure: no SQL, no I/O.
 */
#ifndef ECAPI_BODY_H
#define ECAPI_BODY_H

#include "destination/format.h"
#include "destination/options.h"
#include "event/buffer.h"
#include "event/value.h"

typedef struct EcapiBody
{
	EcapiShape	shape;
	EcapiBuffer buffer;
} EcapiBody;

/* Bytes that a format's seal may append to a body (outgoing.h): a token and its name. */
#define ECAPI_SEAL_ROOM		4096

/*
 * Begin a body; shape has its options, and whatever else the caller wants in it, and
 * buffer was initialized or truncated to nothing.
 */
extern void ecapi_body_open(EcapiBody *body);

/*
 * Add an event as it may leave: without clear identifiers where they do not belong,
 * reduced, in the format's shape.  What is not added leaves the body as it was; reason
 * (a constant, or NULL) says why:
 *	ECAPI_FILTERED			it is not for this destination
 *	ECAPI_UNFIT				it cannot be expressed, or is too large for any request
 *	ECAPI_LACKING			an option is missing
 *	ECAPI_BODY_FULL			there is no room for it behind the events in the body, or it
 *							cannot share a request with them
 *	ECAPI_BODY_NO_MEMORY	nothing is known of it; the arena or the buffer has failed
 * *seen is the tree that the format was given and had room for; NULL: it was given none.
 */
extern EcapiShaped ecapi_body_add(EcapiBody *body, EcapiArena *arena, const EcapiValue *event,
								  const EcapiValue **seen, const char **reason);

/* End a body.  False without memory: then it is none. */
extern bool ecapi_body_close(EcapiBody *body);

#endif							/* ECAPI_BODY_H */

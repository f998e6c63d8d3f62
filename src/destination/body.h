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
 * reduced (restricted as reduce.h has it), in the format's shape.  What is not added leaves
 * the body as it was; reason (a constant, or NULL) says why:
 *	ECAPI_FILTERED			it is not for this destination
 *	ECAPI_UNFIT				it cannot be expressed, or is too large for any request
 *	ECAPI_LACKING			an option is missing, or what one needs
 *	ECAPI_BODY_FULL			there is no room for it behind the events in the body
 *	ECAPI_BODY_OTHER_KEY	it cannot share a request with them; shape->other_key is the
 *							key of those with which it can
 *	ECAPI_BODY_NO_MEMORY	nothing is known of it; the arena or the buffer has failed
 * *seen is the tree that the format was given and had room for; NULL: it was given none.
 */
extern EcapiShaped ecapi_body_add(EcapiBody *body, EcapiArena *arena, const EcapiValue *event,
								  bool restricted, const EcapiValue **seen,
								  const char **reason);

/*
 * The keys, beside that of a body, of the events between its own, which go in other
 * requests: so the events of one user, or of one source, travel together though others
 * stand between them.  64: the events of a user are mostly close to each other, and each of
 * these events is compared with every key.
 */
#define ECAPI_BODY_KEYS	64

typedef struct EcapiBodyKeys
{
	int			n;
	uint64_t	keys[ECAPI_BODY_KEYS];
} EcapiBodyKeys;

/*
 * The place of a key among them, added where it is new.  -1: the body ends before the
 * event, because there are enough keys or because the destination keeps the order of
 * events (one request at a time).
 */
extern int	ecapi_body_place_key(EcapiBodyKeys *keys, const EcapiOptions *options, uint64_t key);

/* End a body.  False without memory: then it is none. */
extern bool ecapi_body_close(EcapiBody *body);

#endif							/* ECAPI_BODY_H */

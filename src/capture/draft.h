/*
 * draft.h
 *	  An event that is being put together, and what becomes of it.
 *
 * ecapi_emit() and tracks fill a draft, each from its own sources; from there
 * on an event goes the same way: it is validated and written as JSON, or it is
 * refused with a list of violations, which are raised or set aside.
 */
#ifndef ECAPI_DRAFT_H
#define ECAPI_DRAFT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/buffer.h"
#include "event/validate.h"
#include "event/value.h"
#include "outbox/append.h"

typedef struct EcapiDraft
{
	EcapiArena	arena;			/* all of the draft, in context */
	MemoryContext context;
	size_t		max_size;		/* bytes of an event: ecapi.max_event_size */
	EcapiValue *given;			/* object as given; NULL: none yet */
	bool		lenient;		/* set by who fills it: see ecapi_validate_into() */
	EcapiViolations violations;
	EcapiValue *clean;			/* once finished: as it is sent */
} EcapiDraft;

/*
 * Begin an event whose memory is context's; the caller resets it when the
 * draft and what came of it are no longer used.
 */
extern void ecapi_draft_begin(EcapiDraft *draft, MemoryContext context);

/*
 * The tree of a jsonb datum, at most max_depth deep; NULL with a violation of
 * key (NULL: the event as a whole) when it is too large or too deep.
 */
extern EcapiValue *ecapi_draft_jsonb(EcapiDraft *draft, const char *key, Datum jsonb,
									 int max_depth);

/*
 * What was given is this jsonb (has_event), or an empty object.  Anything but an
 * object is a violation.
 */
extern void ecapi_draft_give(EcapiDraft *draft, bool has_event, Datum event);

/* An event without a time gets that of the transaction's start, one without id a UUID. */
extern void ecapi_draft_complete(EcapiDraft *draft);

/*
 * Set a member of the event; a NULL member means that memory was out.  All
 * three raise "out of memory" and nothing else.
 */
extern void ecapi_draft_set(EcapiDraft *draft, const char *key, EcapiValue *member);
extern void ecapi_draft_set_time(EcapiDraft *draft, TimestampTz moment);
extern void ecapi_draft_set_uuid(EcapiDraft *draft);

/* Is a member missing, null or ""? */
extern bool ecapi_draft_lacks(const EcapiDraft *draft, const char *key);

/*
 * Note what no tree can hold: a violation that fails the event.  path may be
 * NULL: the event as a whole, which is then not looked into any more.
 */
extern void ecapi_draft_fail(EcapiDraft *draft, const char *path,
							 EcapiViolationCode code, const char *message,
							 const char *hint);

/* Note what is left out and stands in no tree any more; field may be NULL. */
extern void ecapi_draft_lose(EcapiDraft *draft, const char *path, const EcapiField *field,
							 EcapiViolationCode code, const char *message);

/* Once finish said false: whether its size is all that is wrong with the event. */
extern bool ecapi_draft_is_too_large(const EcapiDraft *draft);
extern _Noreturn void ecapi_draft_out_of_memory(void);

/*
 * Validate the event and write it, ready to be appended, into the draft's
 * memory: what would be emitted.  Counts nothing and warns of nothing.  False with
 * violations when it is refused.
 */
extern bool ecapi_draft_check(EcapiDraft *draft, EcapiAppend *append);

/*
 * The same for an event that is emitted.  Counts fields that were left out, and warns
 * about them, once per statement.  False with violations when it is refused.
 */
extern bool ecapi_draft_finish(EcapiDraft *draft, EcapiAppend *append);

/* The first violation, once finish said false. */
extern const EcapiViolation *ecapi_draft_first(const EcapiDraft *draft);

/* Raise the violations as an error. */
extern _Noreturn void ecapi_draft_raise(const EcapiDraft *draft);

/* The violations as one line for failed_event, in the current context. */
extern char *ecapi_draft_reason(const EcapiDraft *draft);

/*
 * One WARNING per statement and kind: *warned is the start of the statement
 * that warned last.  A statement is one message of the client, so a function
 * that loops is one.
 */
extern bool ecapi_draft_warns(TimestampTz *warned);

#endif							/* ECAPI_DRAFT_H */

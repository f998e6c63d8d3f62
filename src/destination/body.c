/*
 * body.c
 *	  The body of a request: events of one destination, one after the other.
 *
 * The worker and a preview make bodies by these functions alone, so what is shown is
 * what is sent.
 *
 * Invariants
 *	(1) A body holds whole events: one that does not fit, or for which there is no
 *		memory, is taken out again.
 *	(2) A body that is closed has at most the bytes that its format allows.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "destination/body.h"
#include "destination/identifiers.h"
#include "destination/reduce.h"

/* Room that closing a body may take beyond its events: a bracket and a brace. */
#define TAIL	64

void
ecapi_body_open(EcapiBody *body)
{
	const EcapiFormat *format = body->shape.options->format;

	body->shape.events = 0;
	body->buffer.max = format->max_body - TAIL;
	format->open(&body->shape, &body->buffer);
}

EcapiShaped
ecapi_body_add(EcapiBody *body, EcapiArena *arena, const EcapiValue *event,
			   const EcapiValue **seen, const char **reason)
{
	EcapiShape *shape = &body->shape;
	EcapiBuffer *buffer = &body->buffer;
	size_t		before = buffer->len;
	EcapiShaped shaped;

	*seen = NULL;
	*reason = NULL;
	event = ecapi_identifiers_withhold(arena, event, shape->left_out, shape->arg);
	if (!arena->failed)
		event = ecapi_reduce(shape->options, arena, event, reason);
	if (arena->failed)
		return ECAPI_BODY_NO_MEMORY;
	if (event == NULL)
		return ECAPI_FILTERED;
	shaped = shape->options->format->add(shape, event, buffer, reason);
	if (buffer->full)
	{
		bool		failed = buffer->failed;

		ecapi_buffer_truncate(buffer, before);
		if (failed)
			return ECAPI_BODY_NO_MEMORY;
		if (shape->events > 0)
			return ECAPI_BODY_FULL;
		*reason = "too large for a request";
		return ECAPI_UNFIT;
	}
	*seen = event;
	if (shaped == ECAPI_SHAPED)
		shape->events++;
	return shaped;
}

bool
ecapi_body_close(EcapiBody *body)
{
	body->buffer.max += TAIL;
	body->shape.options->format->close(&body->shape, &body->buffer);
	return !body->buffer.full;
}

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
#include "event/amended.h"

/*
 * Room that closing a body may take beyond its events: brackets, and what some platforms
 * want said once a request, a source with its id (64 bytes) and the code of a test (32).
 */
#define TAIL	256

void
ecapi_body_open(EcapiBody *body)
{
	EcapiShape *shape = &body->shape;
	const EcapiFormat *format = shape->options->format;

	shape->format = format;
	shape->events = 0;
	shape->chain[0] = '\0';
	body->buffer.max = format->max_body - TAIL - (format->seal ? ECAPI_SEAL_ROOM : 0);
	format->open(shape, &body->buffer);
}

/*
 * The digest of the digests before and the event's id, which stands for all the ids in
 * order.  False without memory.
 */
static bool
chain(EcapiShape *shape, const EcapiValue *event)
{
	const EcapiValue *id = ecapi_value_get(event, "id");
	char		hex[2 * ECAPI_HEX_SIZE];
	char		own[ECAPI_HEX_SIZE];

	if (!ecapi_sha256(id && id->type == ECAPI_STRING ? id->text : "",
					  id && id->type == ECAPI_STRING ? id->len : 0, own))
		return false;
	snprintf(hex, sizeof(hex), "%s%s", shape->chain, own);
	return ecapi_sha256(hex, strlen(hex), shape->chain);
}

EcapiShaped
ecapi_body_add(EcapiBody *body, EcapiArena *arena, const EcapiValue *event, bool restricted,
			   const EcapiValue **seen, const char **reason)
{
	EcapiShape *shape = &body->shape;
	EcapiBuffer *buffer = &body->buffer;
	const EcapiFormat *format;
	const EcapiValue *original = ecapi_amend_original(event);
	size_t		before = buffer->len;
	EcapiShaped shaped;

	*seen = NULL;
	*reason = ecapi_reduce_lacks(shape->options);
	if (*reason)
		return ECAPI_LACKING;
	/* it is an amendment with or without its ext: as another event of its type it must not leave */
	shape->original = original ? ecapi_reduce_original(shape->options, arena, original) : NULL;
	shape->identified = ECAPI_IDENTIFIED_UNSEEN;
	event = ecapi_identifiers_withhold(arena, event, shape->left_out, shape->arg);
	if (!arena->failed)
		event = ecapi_reduce(shape->options, restricted, arena, event, reason);
	if (arena->failed)
		return ECAPI_BODY_NO_MEMORY;
	if (event == NULL)
		return ECAPI_FILTERED;
	format = shape->format;
	if (format->key)
	{
		uint64_t	key;

		if (!format->key(shape->options, event, &key))
			return ECAPI_BODY_NO_MEMORY;
		if (shape->events > 0 && key != shape->key)
		{
			shape->other_key = key;
			return ECAPI_BODY_OTHER_KEY;
		}
		shape->key = key;
	}
	shaped = format->add(shape, arena, event, buffer, reason);
	if (arena->failed || (shaped == ECAPI_SHAPED && format->chains && !chain(shape, event)))
		ecapi_buffer_fail(buffer);
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

int
ecapi_body_place_key(EcapiBodyKeys *keys, const EcapiOptions *options, uint64_t key)
{
	if (options->max_in_flight == 1)
		return -1;
	for (int i = 0; i < keys->n; i++)
		if (keys->keys[i] == key)
			return i;
	if (keys->n == ECAPI_BODY_KEYS)
		return -1;
	keys->keys[keys->n] = key;
	return keys->n++;
}

bool
ecapi_body_close(EcapiBody *body)
{
	body->buffer.max += TAIL;
	body->shape.format->close(&body->shape, &body->buffer);
	return !body->buffer.full;
}

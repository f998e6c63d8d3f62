/*
 * bus.c
 *	  An event as a message of an event bus: which topic, in whose order, and what is repeated
 *	  beside it.
 *
 * The message itself is the event as the native format writes it.  What a subscriber selects
 * by is repeated beside it, for nobody can select by a message: id, event_type, data_set_id,
 * and the destination's route.  The route of an event is free text that leaves nowhere else,
 * so it is the option that is written, which is the same text.
 *
 * Invariants
 *	(1) Nothing of a person is beside the message but a digest, and none that cannot be made
 *		of the event as it was reduced for the destination.
 *	(2) No text is cut: what is longer than the bus takes is left out as a whole.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include "destination/bus.h"
#include "destination/formats.h"
#include "destination/options.h"
#include "destination/sample.h"
#include "destination/writer.h"
#include "event/codes.h"

const char *const ecapi_bus_order_words[] = {"none", "person", "id", NULL};

/* ---- the topic ---- */

int
ecapi_bus_topic_number(const EcapiOptions *options, const char *topic, const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");
	int			which = ecapi_value_is_text(type) ?
		ecapi_event_type_lookup(type->text, type->len) : -1;
	const char *target = which >= 0 ? options->targets[which] : NULL;

	if (target == NULL || strcmp(target, topic) == 0)
		return 0;
	for (int i = 0; i < which; i++)
		if (options->targets[i] && strcmp(options->targets[i], target) == 0)
			return i + 1;
	return which + 1;
}

const char *
ecapi_bus_topic(const EcapiOptions *options, const char *topic, int number)
{
	return number == 0 ? topic : options->targets[number - 1];
}

/* ---- the order ---- */

/* The id of the original of an amendment, else the event's own; or NULL. */
static const EcapiValue *
id_to_order_by(const EcapiValue *event, size_t max)
{
	const EcapiValue *original = ecapi_value_get(ecapi_value_get(event, "ext"), "original");
	const EcapiValue *id = ecapi_value_get(original, "id");

	if (!ecapi_value_is_text(id))
		id = ecapi_value_get(event, "id");
	return ecapi_value_is_text(id) && id->len <= max ? id : NULL;
}

/*
 * Not with the country of the destination's setting, which a format's key is not given: a
 * telephone number that needs it is passed over.
 */
const char *
ecapi_bus_order(const char *word, const EcapiValue *event, size_t max,
				char memory[ECAPI_HEX_SIZE], size_t *len)
{
	const EcapiValue *id;

	*len = ECAPI_HEX_LEN;
	if (strcmp(word, "person") == 0)
		return ecapi_sample_person(event, NULL, memory) ? memory : NULL;
	if (strcmp(word, "id") != 0)
		return NULL;
	id = id_to_order_by(event, max);
	if (id == NULL)
		return NULL;
	*len = id->len;
	return id->text;
}

/* ---- what stands beside the message ---- */

static void
write_attribute(EcapiWriter *writer, const char *name, const char *text, size_t len, size_t max)
{
	if (len <= max)
		ecapi_write_text_len(writer, name, text, len);
}

static void
write_attribute_of(EcapiWriter *writer, const char *name, const EcapiValue *value, size_t max)
{
	if (ecapi_value_is_text(value))
		write_attribute(writer, name, value->text, value->len, max);
}

/*
 * event_type is "purchase.amended" of an amendment, as with a webhook, so that a subscriber of
 * purchases does not get another one.
 */
void
ecapi_bus_attributes(EcapiWriter *writer, const char *name, const EcapiShape *shape,
					 const EcapiValue *event, size_t max)
{
	const EcapiOptions *options = shape->options;
	const EcapiValue *event_type = ecapi_value_get(event, "event_type");
	EcapiOpen	attributes = ecapi_write_open(writer, name, '{');
	char		type[100];

	write_attribute_of(writer, "id", ecapi_value_get(event, "id"), max);
	/* an event without one is refused, but may be so only when this is written */
	if (ecapi_value_is_text(event_type))
	{
		snprintf(type, sizeof(type), "%s%s", event_type->text,
				 shape->original != NULL ? ".amended" : "");
		ecapi_write_text(writer, "event_type", type);
	}
	if (options->data_set_id != NULL)
		write_attribute(writer, "data_set_id", options->data_set_id, strlen(options->data_set_id), max);
	else
		write_attribute_of(writer, "data_set_id", ecapi_value_get(event, "data_set_id"), max);
	if (options->route != NULL)
		write_attribute(writer, "route", options->route, strlen(options->route), max);
	(void) ecapi_write_close(writer, attributes, '}', true);
}

EcapiShaped
ecapi_bus_event(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				EcapiBuffer *body, const char **reason)
{
	EcapiShape	alone = *shape;
	EcapiShaped shaped;

	alone.events = 0;
	shaped = ecapi_format_native.add(&alone, arena, event, body, reason);
	shape->identified = alone.identified;
	return shaped;
}

/*
 * pubsub_message.c
 *	  An event as a message of Google Cloud Pub/Sub, and which of them share a request.
 *
 *	  {"data":"eyJldmVudF90eXBlIjoi...","attributes":{"id":"order-42","event_type":"purchase"},
 *	   "orderingKey":"..."}
 *
 * data is the event as the native format writes it, in base64.  Attributes repeat what a
 * subscription filters by, for nobody can filter by data: id, event_type, data_set_id, and
 * the destination's route.  The route of an event is free text that leaves nowhere else, so
 * it is the option that is written, which is the same text.
 *
 * A request goes to one topic, and all of its messages have one ordering key
 * (google/pubsub/v1/pubsub.proto, PubsubMessage): both make the key by which events share
 * one.  Of the ordering key it has 56 bits of a digest; should two keys ever have the same
 * ones, Pub/Sub refuses the request, and halves part them.
 *
 * Invariants
 *	(1) An event that is not shaped leaves the body as it was, unless the body is full.
 *	(2) Nothing of a person is in attributes and ordering key but a digest, and none that
 *		cannot be made of the event as it was reduced for the destination.
 *	(3) No text is cut: what is longer than Pub/Sub takes is left out as a whole.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/options.h"
#include "destination/pubsub.h"
#include "destination/sample.h"
#include "destination/writer.h"
#include "event/ascii.h"
#include "event/base64.h"
#include "event/codes.h"
#include "event/digest.h"

/* Bytes of an attribute's value (page "Quotas and limits"). */
#define ATTRIBUTE_MAX	1024

/* Bytes of an ordering key: 1 kB, and Pub/Sub's units are decimal. */
#define ORDERING_MAX	1000

/* Of a key: the topic in the lowest bits, above it the ordering key. */
#define TOPIC_BITS		8
#define TOPIC_MASK		((UINT64_C(1) << TOPIC_BITS) - 1)
#define ORDERING_DIGITS	14

StaticAssertDecl(ECAPI_EVENT_TYPES < 1 << TOPIC_BITS, "a topic for each event type has its number");

/* ---- the topic ---- */

/* 0: that of the option; else one behind the first event type that goes to the topic. */
static int
topic_number(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");
	int			which = ecapi_value_is_text(type) ?
		ecapi_event_type_lookup(type->text, type->len) : -1;
	const char *topic = which >= 0 ? options->targets[which] : NULL;

	if (topic == NULL || strcmp(topic, options->own[ECAPI_PUBSUB_TOPIC]) == 0)
		return 0;
	for (int i = 0; i < which; i++)
		if (options->targets[i] && strcmp(options->targets[i], topic) == 0)
			return i + 1;
	return which + 1;
}

const char *
ecapi_pubsub_topic(const EcapiOptions *options, uint64_t key)
{
	int			number = (int) (key & TOPIC_MASK);

	return number == 0 ? options->own[ECAPI_PUBSUB_TOPIC] : options->targets[number - 1];
}

/* ---- the ordering key ---- */

/* The id of the original of an amendment, else the event's own; or NULL. */
static const EcapiValue *
id_to_order_by(const EcapiValue *event)
{
	const EcapiValue *original = ecapi_value_get(ecapi_value_get(event, "ext"), "original");
	const EcapiValue *id = ecapi_value_get(original, "id");

	if (!ecapi_value_is_text(id))
		id = ecapi_value_get(event, "id");
	return ecapi_value_is_text(id) && id->len <= ORDERING_MAX ? id : NULL;
}

/*
 * The ordering key of an event, in the event or in memory; NULL: it has none.  Not with the
 * country of the destination's setting, which key is not given: a telephone number that
 * needs it is passed over.
 */
static const char *
ordering_key(const EcapiOptions *options, const EcapiValue *event, char memory[ECAPI_HEX_SIZE],
			 size_t *len)
{
	const char *by = options->own[ECAPI_PUBSUB_ORDERING_KEY];
	const EcapiValue *id;

	*len = ECAPI_HEX_LEN;
	if (strcmp(by, "person") == 0)
		return ecapi_sample_person(event, NULL, memory) ? memory : NULL;
	if (strcmp(by, "id") != 0)
		return NULL;
	id = id_to_order_by(event);
	if (id == NULL)
		return NULL;
	*len = id->len;
	return id->text;
}

uint64_t
ecapi_pubsub_key(const EcapiOptions *options, const EcapiValue *event)
{
	uint64_t	topic = (uint64_t) topic_number(options, event);
	uint64_t	order = 0;
	char		memory[ECAPI_HEX_SIZE];
	char		hex[ECAPI_HEX_SIZE];
	size_t		len;
	const char *text = ordering_key(options, event, memory, &len);

	if (text == NULL || !ecapi_sha256(text, len, hex))
		return topic;
	for (int i = 0; i < ORDERING_DIGITS; i++)
		order = order << 4 | (uint64_t) ecapi_hex_digit(hex[i]);
	return order << TOPIC_BITS | topic;
}

/* ---- a message ---- */

/*
 * Encode what stands in the body from start on, in its place.  From the
 * end to the beginning: four characters then never reach three bytes that are still to be
 * read.
 */
static void
encode(EcapiBuffer *body, size_t start)
{
	static const char room[] = "================================";
	size_t		len = body->len - start;
	size_t		groups = (len + 2) / 3;
	size_t		more = 4 * groups - len;
	char	   *text;

	while (more > 0 && !body->full)
	{
		size_t		n = Min(more, sizeof(room) - 1);

		ecapi_buffer_add(body, room, n);
		more -= n;
	}
	if (body->full)
		return;
	text = body->data + start;
	for (size_t i = groups; i-- > 0;)
		ecapi_base64_group((unsigned char *) text + 3 * i, Min(len - 3 * i, 3), false, text + 4 * i);
}

static void
write_attribute(EcapiWriter *writer, const char *name, const char *text, size_t len)
{
	if (len <= ATTRIBUTE_MAX)
		ecapi_write_text_len(writer, name, text, len);
}

static void
write_attribute_of(EcapiWriter *writer, const char *name, const EcapiValue *value)
{
	if (ecapi_value_is_text(value))
		write_attribute(writer, name, value->text, value->len);
}

/*
 * event_type is "purchase.amended" of an amendment, as with a webhook, so that a subscription
 * to purchases does not get another one.
 */
static void
write_attributes(EcapiWriter *writer, const EcapiShape *shape, const EcapiValue *event)
{
	const EcapiOptions *options = shape->options;
	EcapiOpen	attributes = ecapi_write_open(writer, "attributes", '{');
	char		type[100];

	write_attribute_of(writer, "id", ecapi_value_get(event, "id"));
	snprintf(type, sizeof(type), "%s%s", ecapi_value_get(event, "event_type")->text,
			 shape->original != NULL ? ".amended" : "");
	ecapi_write_text(writer, "event_type", type);
	if (options->data_set_id != NULL)
		write_attribute(writer, "data_set_id", options->data_set_id, strlen(options->data_set_id));
	else
		write_attribute_of(writer, "data_set_id", ecapi_value_get(event, "data_set_id"));
	if (options->route != NULL)
		write_attribute(writer, "route", options->route, strlen(options->route));
	(void) ecapi_write_close(writer, attributes, '}', true);
}

EcapiShaped
ecapi_pubsub_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiShape	alone = *shape;
	EcapiWriter writer = {body, shape->events > 0};
	size_t		before = body->len;
	EcapiOpen	message = ecapi_write_open(&writer, NULL, '{');
	char		memory[ECAPI_HEX_SIZE];
	const char *key;
	size_t		start;
	size_t		len;
	EcapiShaped shaped;

	alone.events = 0;
	ecapi_write_name(&writer, "data");
	ecapi_buffer_char(body, '"');
	start = body->len;
	shaped = ecapi_format_native.add(&alone, arena, event, body, reason);
	shape->identified = alone.identified;
	if (shaped != ECAPI_SHAPED)
	{
		if (!body->full)
			ecapi_buffer_truncate(body, before);
		return shaped;
	}
	if (body->full)
		return shaped;
	encode(body, start);
	ecapi_buffer_char(body, '"');
	write_attributes(&writer, shape, event);
	key = ordering_key(shape->options, event, memory, &len);
	if (key != NULL)
		ecapi_write_text_len(&writer, "orderingKey", key, len);
	(void) ecapi_write_close(&writer, message, '}', true);
	return shaped;
}

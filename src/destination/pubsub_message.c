/*
 * pubsub_message.c
 *	  An event as a message of Google Cloud Pub/Sub, and which of them share a request.
 *
 *	  {"data":"eyJldmVudF90eXBlIjoi...","attributes":{"id":"order-42","event_type":"purchase"},
 *	   "orderingKey":"..."}
 *
 * data is the event as the native format writes it, in base64; topic, ordering key and
 * attributes are those of bus.c.
 *
 * A request goes to one topic, and all of its messages have one ordering key
 * (google/pubsub/v1/pubsub.proto, PubsubMessage): both make the key by which events share
 * one.  Of the ordering key it has 56 bits of a digest; should two keys ever have the same
 * ones, Pub/Sub refuses the request, and halves part them.
 *
 * Invariants
 *	(1) An event that is not shaped leaves the body as it was, unless the body is full.
 *	(2) What a message has beside its data is subject to the invariants of bus.c.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include "destination/bus.h"
#include "destination/options.h"
#include "destination/pubsub.h"
#include "destination/writer.h"
#include "event/ascii.h"
#include "event/base64.h"
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

/* ---- topic and ordering key ---- */

const char *
ecapi_pubsub_topic(const EcapiOptions *options, uint64_t key)
{
	return ecapi_bus_topic(options, options->own[ECAPI_PUBSUB_TOPIC], (int) (key & TOPIC_MASK));
}

static const char *
ordering_key(const EcapiOptions *options, const EcapiValue *event, char memory[ECAPI_HEX_SIZE],
			 size_t *len)
{
	return ecapi_bus_order(options->own[ECAPI_PUBSUB_ORDERING_KEY], event, ORDERING_MAX, memory, len);
}

bool
ecapi_pubsub_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key)
{
	uint64_t	topic = (uint64_t) ecapi_bus_topic_number(options, options->own[ECAPI_PUBSUB_TOPIC],
														  event);
	uint64_t	order = 0;
	char		memory[ECAPI_HEX_SIZE];
	char		hex[ECAPI_HEX_SIZE];
	size_t		len;
	const char *text = ordering_key(options, event, memory, &len);

	*key = topic;
	if (text == NULL)
		return true;
	if (!ecapi_sha256(text, len, hex))
		return false;
	for (int i = 0; i < ORDERING_DIGITS; i++)
		order = order << 4 | (uint64_t) ecapi_hex_digit(hex[i]);
	*key |= order << TOPIC_BITS;
	return true;
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

EcapiShaped
ecapi_pubsub_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	size_t		before = body->len;
	EcapiOpen	message = ecapi_write_open(&writer, NULL, '{');
	char		memory[ECAPI_HEX_SIZE];
	const char *key;
	size_t		start;
	size_t		len;
	EcapiShaped shaped;

	ecapi_write_name(&writer, "data");
	ecapi_buffer_char(body, '"');
	start = body->len;
	shaped = ecapi_bus_event(shape, arena, event, body, reason);
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
	ecapi_bus_attributes(&writer, "attributes", shape, event, ATTRIBUTE_MAX);
	key = ordering_key(shape->options, event, memory, &len);
	if (key != NULL)
		ecapi_write_text_len(&writer, "orderingKey", key, len);
	(void) ecapi_write_close(&writer, message, '}', true);
	return shaped;
}

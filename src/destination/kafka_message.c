/*
 * kafka_message.c
 *	  An event as a message of Kafka, on a line of its own.
 *
 *	  {"messages":[
 *	  {"topic":"orders","key":"order-42","headers":{"id":"order-42","event_type":"purchase"},"value":{...}}
 *	  ]}
 *
 * The value is the event as the native format writes it; topic, key and headers are those of
 * bus.c.  A request may hold messages of several topics and keys, because the producer sorts
 * them by partition (src/bus/kafka_producer.c).  It finds them by lines (src/bus/lines.c),
 * which reads what is written here and nothing else: members in this order, no blanks, and no
 * line break inside of a message, which JSON has none of.
 *
 * Invariants
 *	(1) An event that is not shaped leaves the body as it was, unless the body is full.
 *	(2) What a message has beside its value is subject to the invariants of bus.c.
 *	(3) No message is larger than the option max_message_bytes, counted with all that Kafka
 *		writes around it.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include "destination/bus.h"
#include "destination/kafka.h"
#include "destination/options.h"
#include "destination/writer.h"

/* Bytes of a key and of a header's value at most; an id of the standard has 512. */
#define KEY_MAX		1000
#define HEADER_MAX	1024

/*
 * Bytes of a message that stand around what is in its line: the batch (61, KIP-98), and of a
 * record seven variable integers; names and quotes of the line itself count besides.
 */
#define AROUND	128

#define TOPIC_START	"{\"topic\":\""

void
ecapi_kafka_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"messages\":[");
}

void
ecapi_kafka_close(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "\n]}");
}

EcapiShaped
ecapi_kafka_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				EcapiBuffer *body, const char **reason)
{
	const EcapiOptions *options = shape->options;
	const char *topic = options->own[ECAPI_KAFKA_TOPIC];
	EcapiWriter writer = {body, false};
	size_t		before = body->len;
	size_t		start;
	EcapiOpen	message;
	char		memory[ECAPI_HEX_SIZE];
	const char *key;
	size_t		len;
	EcapiShaped shaped;

	ecapi_buffer_str(body, shape->events > 0 ? ",\n" : "\n");
	start = body->len;
	message = ecapi_write_open(&writer, NULL, '{');
	ecapi_write_text(&writer, "topic",
					 ecapi_bus_topic(options, topic, ecapi_bus_topic_number(options, topic, event)));
	key = ecapi_bus_order(options->own[ECAPI_KAFKA_MESSAGE_KEY], event, KEY_MAX, memory, &len);
	if (key != NULL)
		ecapi_write_text_len(&writer, "key", key, len);
	ecapi_bus_attributes(&writer, "headers", shape, event, HEADER_MAX);
	ecapi_write_name(&writer, "value");
	shaped = ecapi_bus_event(shape, arena, event, body, reason);
	if (shaped == ECAPI_SHAPED)
	{
		(void) ecapi_write_close(&writer, message, '}', true);
		if (body->full ||
			body->len - start + AROUND <= (size_t) atol(options->own[ECAPI_KAFKA_MAX_MESSAGE_BYTES]))
			return shaped;
		*reason = "larger than the option \"max_message_bytes\"";
		shaped = ECAPI_UNFIT;
	}
	if (!body->full)
		ecapi_buffer_truncate(body, before);
	return shaped;
}

const char *
ecapi_kafka_topic_in(const char *body, int i, size_t *len)
{
	while (body != NULL && (body = strchr(body, '\n')) != NULL)
	{
		body++;
		if (i-- > 0)
			continue;
		if (strncmp(body, TOPIC_START, strlen(TOPIC_START)) != 0)
			return NULL;
		body += strlen(TOPIC_START);
		*len = strcspn(body, "\"");
		return body;
	}
	return NULL;
}

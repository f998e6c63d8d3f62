/*
 * kafka.h
 *	  What the files of the format "kafka" share; of no interest to others.
 *
 * format_kafka.c has the row, the options, the settings of a producer and what answers mean,
 * kafka_message.c an event as a message.
 */
#ifndef ECAPI_KAFKA_H
#define ECAPI_KAFKA_H

#include "destination/format.h"

/* The places of own options in their table. */
typedef enum EcapiKafkaOption
{
	ECAPI_KAFKA_BOOTSTRAP_SERVERS,
	ECAPI_KAFKA_TOPIC,
	ECAPI_KAFKA_MESSAGE_KEY,
	ECAPI_KAFKA_SECURITY_PROTOCOL,
	ECAPI_KAFKA_SASL_MECHANISM,
	ECAPI_KAFKA_COMPRESSION_TYPE,
	ECAPI_KAFKA_MAX_MESSAGE_BYTES,
	ECAPI_KAFKA_SASL_USERNAME,
	ECAPI_KAFKA_SASL_PASSWORD,
	ECAPI_KAFKA_SSL_CERTIFICATE,
	ECAPI_KAFKA_SSL_KEY,
	ECAPI_KAFKA_SSL_KEY_PASSWORD
} EcapiKafkaOption;

#define ECAPI_KAFKA_OPTIONS	(ECAPI_KAFKA_SSL_KEY_PASSWORD + 1)

/* ---- kafka_message.c ---- */

/* open, add and close, of EcapiFormat. */
extern void ecapi_kafka_open(EcapiShape *shape, EcapiBuffer *body);
extern EcapiShaped ecapi_kafka_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
								   EcapiBuffer *body, const char **reason);
extern void ecapi_kafka_close(EcapiShape *shape, EcapiBuffer *body);

/*
 * The topic of message i of a body, from 0; NULL: there is none.  len gets its length; the
 * text is in the body, which is NUL-terminated.
 */
extern const char *ecapi_kafka_topic_in(const char *body, int i, size_t *len);

#endif							/* ECAPI_KAFKA_H */

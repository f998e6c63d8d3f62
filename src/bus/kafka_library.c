/*
 * kafka_library.c
 *	  Entry of ecapi_kafka.so, the library of Kafka.
 *
 * The worker loads it when a destination has the format "kafka", and nothing else does: the
 * preloaded library links neither it nor librdkafka.  It has no settings, no hooks and no
 * shared memory, and calls nothing of the server: it works in threads that the server knows
 * nothing of.
 */
#include "postgres.h"

#include "fmgr.h"

#include "bus/kafka_producer.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT const EcapiProducerTable *ecapi_kafka_table(void);

/* What pipeline/producers.c looks for. */
const EcapiProducerTable *
ecapi_kafka_table(void)
{
	return &ecapi_kafka_producers;
}

/*
 * kafka_producer.h
 *	  The producer of Kafka (delivery/producer.h), over librdkafka.
 */
#ifndef ECAPI_KAFKA_PRODUCER_H
#define ECAPI_KAFKA_PRODUCER_H

#include "delivery/producer.h"

extern const EcapiProducerTable ecapi_kafka_producers;

#endif							/* ECAPI_KAFKA_PRODUCER_H */

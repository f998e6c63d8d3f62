/*
 * bus.h
 *	  An event as a message of an event bus: which topic, in whose order, and what is repeated
 *	  beside it for those who cannot look into it.
 *
 * Shared by the formats "pubsub" and "kafka", so that both decide alike.
 */
#ifndef ECAPI_BUS_H
#define ECAPI_BUS_H

#include "destination/format.h"

/* By what messages keep their order; the words of an option, NULL behind the last. */
extern const char *const ecapi_bus_order_words[];

/*
 * Which topic an event goes to: 0 for that of the option, else one behind the first event type
 * that goes to its topic.  topic is the option's.
 */
extern int	ecapi_bus_topic_number(const EcapiOptions *options, const char *topic,
								   const EcapiValue *event);

/* The topic of such a number; it belongs to options. */
extern const char *ecapi_bus_topic(const EcapiOptions *options, const char *topic, int number);

/*
 * What the messages of an event keep their order by, as one of the words says, in the event
 * or in memory; NULL: nothing.  An id of more than max bytes is none.
 */
extern const char *ecapi_bus_order(const char *word, const EcapiValue *event, size_t max,
								   char memory[ECAPI_HEX_SIZE], size_t *len);

/*
 * Write an object of that name: id, event_type, data_set_id and the destination's route.  A
 * value of more than max bytes is left out as a whole.
 */
extern void ecapi_bus_attributes(EcapiWriter *writer, const char *name, const EcapiShape *shape,
								 const EcapiValue *event, size_t max);

/*
 * Write the event as the format "ecapi" has it, alone, whatever stands in the body already.
 * What is not shaped leaves what was written; the caller takes it back.
 */
extern EcapiShaped ecapi_bus_event(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
								   EcapiBuffer *body, const char **reason);

#endif							/* ECAPI_BUS_H */

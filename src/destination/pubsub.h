/*
 * pubsub.h
 *	  What the files of the format "pubsub" share; of no interest to others.
 *
 * format_pubsub.c has the row, the options, where requests go and what answers mean,
 * pubsub_message.c an event as a message.
 */
#ifndef ECAPI_PUBSUB_H
#define ECAPI_PUBSUB_H

#include "destination/format.h"

/* The places of own options in their table. */
typedef enum EcapiPubsubOption
{
	ECAPI_PUBSUB_PROJECT_ID,
	ECAPI_PUBSUB_TOPIC,
	ECAPI_PUBSUB_ORDERING_KEY,
	ECAPI_PUBSUB_TOKEN_URL,
	ECAPI_PUBSUB_CLIENT_ID,
	ECAPI_PUBSUB_CLIENT_SECRET,
	ECAPI_PUBSUB_REFRESH_TOKEN,
	ECAPI_PUBSUB_SERVICE_ACCOUNT
} EcapiPubsubOption;

#define ECAPI_PUBSUB_OPTIONS	(ECAPI_PUBSUB_SERVICE_ACCOUNT + 1)

/* ---- pubsub_message.c ---- */

/*
 * key, of EcapiFormat: events share a request when they go to one topic and have one
 * ordering key, or both none.
 */
extern bool ecapi_pubsub_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key);

/* The topic that a key stands for; it belongs to options. */
extern const char *ecapi_pubsub_topic(const EcapiOptions *options, uint64_t key);

/* add, of EcapiFormat. */
extern EcapiShaped ecapi_pubsub_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

#endif							/* ECAPI_PUBSUB_H */

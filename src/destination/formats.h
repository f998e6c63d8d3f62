/*
 * formats.h
 *	  The formats there are: one line each, and one row in registry.c.
 */
#ifndef ECAPI_FORMATS_H
#define ECAPI_FORMATS_H

#include "destination/format.h"

extern const EcapiFormat ecapi_format_native;	/* format_ecapi.c */
extern const EcapiFormat ecapi_format_webhook;	/* format_webhook.c */
extern const EcapiFormat ecapi_format_pubsub;	/* format_pubsub.c */
extern const EcapiFormat ecapi_format_kafka;	/* format_kafka.c */
extern const EcapiFormat ecapi_format_meta; /* format_meta.c */
extern const EcapiFormat ecapi_format_google;	/* format_google.c */
extern const EcapiFormat ecapi_format_tiktok;	/* format_tiktok.c */
extern const EcapiFormat ecapi_format_pinterest;	/* format_pinterest.c */
extern const EcapiFormat ecapi_format_reddit; /* format_reddit.c */
extern const EcapiFormat ecapi_format_microsoft;	/* format_microsoft.c */
extern const EcapiFormat ecapi_format_linkedin;	/* format_linkedin.c */
extern const EcapiFormat ecapi_format_snap;	/* format_snap.c */
extern const EcapiFormat ecapi_format_ga4;	/* format_ga4.c */
extern const EcapiFormat ecapi_format_openai;	/* format_openai.c */
extern const EcapiFormat ecapi_format_amazon;	/* format_amazon.c */

#endif							/* ECAPI_FORMATS_H */

/*
 * webhook_key.h
 *	  Signatures of webhooks: Standard Webhooks, "Signature scheme".
 *
 * Pure C above libcrypto: no server header, no I/O, no allocation of its own.
 */
#ifndef ECAPI_WEBHOOK_KEY_H
#define ECAPI_WEBHOOK_KEY_H

#include "event/buffer.h"

/* Keys that sign a request at most: the old one and the new one, and one to spare. */
#define ECAPI_WEBHOOK_KEYS	3

/*
 * NULL when a text is a list of keys, separated by blanks: "whsec_" and 24 to 64 bytes in
 * base64, or "whsk_" and an Ed25519 key of 32 bytes (or 64, with the public half behind).
 * Else a constant sentence, which quotes nothing.
 */
extern const char *ecapi_webhook_keys_wrong(const char *keys);

/*
 * Append the signature of each key, separated by blanks: "v1," or "v1a," and base64, over
 * id, timestamp (seconds since 1970, decimal) and body with full stops between.  keys
 * are good.  False without memory.
 */
extern bool ecapi_webhook_sign(const char *keys, const char *id, const char *timestamp,
							   const char *body, size_t body_len, EcapiBuffer *signature);

#endif							/* ECAPI_WEBHOOK_KEY_H */

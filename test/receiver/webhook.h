/*
 * webhook.h
 *	  A receiver of Standard Webhooks (platform.h).
 */
#ifndef RCV_WEBHOOK_H
#define RCV_WEBHOOK_H

#include "call.h"

/*
 * The secrets that may have signed, "whsec_" and base64 of 24 to 64 bytes, NULL
 * for none; with two, either will do, as while a key is changed.  False when one
 * is not of that form.
 */
extern bool rcv_webhook_init(const char *const secrets[2]);

/* Judge a POST to .../webhook. */
extern void rcv_webhook_judge(RcvCall *call);

#endif							/* RCV_WEBHOOK_H */

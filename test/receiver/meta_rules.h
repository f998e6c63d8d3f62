/*
 * meta_rules.h
 *	  What Meta's Conversions API allows in a request.
 */
#ifndef RCV_META_RULES_H
#define RCV_META_RULES_H

#include "rules.h"

#define RCV_META_MAX_EVENTS	1000	/* using-the-api: events of a request */

/* The request without its events: data is only a list here. */
extern const RcvRules rcv_meta_request;

/* One event, but for its age.  Finding.code is an error subcode, or NULL. */
extern const RcvRules rcv_meta_event;

#endif							/* RCV_META_RULES_H */

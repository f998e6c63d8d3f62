/*
 * google_rules.h
 *	  What Google's Data Manager API allows in a request of events.
 */
#ifndef RCV_GOOGLE_RULES_H
#define RCV_GOOGLE_RULES_H

#include "rules.h"

#define RCV_GOOGLE_MAX_EVENTS		2000	/* ingestion_service.proto, limits page */
#define RCV_GOOGLE_MAX_DESTINATIONS	10		/* limits page */

/*
 * The request without its events (events is only a list here), and one event,
 * as far as it can be judged alone.  Finding.code is an ErrorReason, or NULL.
 */
extern const RcvRules rcv_google_request;
extern const RcvRules rcv_google_event;

/*
 * Hold an event, which fits its table, to what its destinations and the clock
 * (epoch seconds) demand.  place is the event's.
 */
extern bool rcv_google_event_fits(const RcvNode *request, const RcvNode *event,
								  int64_t now, const RcvPlace *place,
								  RcvFinding *finding);

/* Does an event of the request go to this one of its destinations? */
extern bool rcv_google_goes_to(const RcvNode *event, const RcvNode *destination);

#endif							/* RCV_GOOGLE_RULES_H */

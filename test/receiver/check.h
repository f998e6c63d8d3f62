/*
 * check.h
 *	  Does an event follow ECAPI 1.0?
 */
#ifndef RCV_CHECK_H
#define RCV_CHECK_H

#include <time.h>

#include "json.h"

/* Call once, before any thread checks. */
extern void rcv_check_init(void);

/*
 * Check one event as a receiver gets it: normalized and hashed.  now is the
 * receiver's clock.  True when it fits; else reason says the path of the first
 * fault and what is wrong there ("user_data.address[0].city is not lower
 * case"), never the value.
 */
extern bool rcv_check_event(const RcvNode *event, time_t now,
							char *reason, size_t reason_size);

#endif							/* RCV_CHECK_H */

/*
 * timer.h
 *	  Let a connection sleep without holding up the others.
 */
#ifndef RCV_TIMER_H
#define RCV_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

/* Start the timer's thread; false when it cannot be started. */
extern bool rcv_timer_start(void);

/*
 * Suspend the connection (from one of its own callbacks) and resume it ms
 * milliseconds later.  False when out of memory; it then goes on at once.
 */
extern bool rcv_timer_sleep(struct MHD_Connection *connection, uint64_t ms);

#endif							/* RCV_TIMER_H */

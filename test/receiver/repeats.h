/*
 * repeats.h
 *	  What came before: repeats as a platform would recognise them.
 */
#ifndef RCV_REPEATS_H
#define RCV_REPEATS_H

#include "call.h"

#define RCV_FOREVER INT64_MAX

/*
 * Remember what a platform got under a key, and count it if it came before: within
 * window_s seconds since its first copy by the platforms' clock it is a repeat, or a
 * conflict where its bytes are others; later it is a double, which the platform takes
 * for another event, and the first copy of a new window.
 */
extern void rcv_repeats_note(const RcvCall *call, const char *key, size_t keylen,
							 const char *bytes, size_t len, int64_t window_s);

/* The same of an event: its data set, type and id are the key.  Without an id nothing. */
extern void rcv_repeats_note_event(const RcvCall *call, const RcvRecord *record,
								   int64_t window_s);

/* Forget all keys. */
extern void rcv_repeats_reset(void);

#endif							/* RCV_REPEATS_H */

/*
 * google_answer.h
 *	  Errors of Google's APIs: google.rpc.Status as JSON.
 */
#ifndef RCV_GOOGLE_ANSWER_H
#define RCV_GOOGLE_ANSWER_H

#include "call.h"

/* What is wrong with one field of a request. */
typedef struct RcvViolation
{
	int64_t		event;			/* its index; -1: not of an event */
	const char *path;			/* behind the event, or the whole; in camelCase */
	const char *description;
	const char *reason;			/* an ErrorReason */
} RcvViolation;

/*
 * Answer with a fault of platform.h by its name; false when that is none that
 * refuses.
 */
extern bool rcv_google_fault(RcvCall *call, const char *name);

/* Answer 401. */
extern void rcv_google_unauthenticated(RcvCall *call, const char *reason);

/* Answer 400 for JSON that is no message of the proto; message is for the sender. */
extern void rcv_google_unreadable(RcvCall *call, const RcvFinding *finding);

/* Answer 400 INVALID_ARGUMENT with these violations, named as index=... asks. */
extern void rcv_google_violations(RcvCall *call, const RcvViolation *violations,
								  uint64_t count);

#endif							/* RCV_GOOGLE_ANSWER_H */

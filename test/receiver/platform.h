/*
 * platform.h
 *	  The platforms that the receiver plays beside the standard.
 *
 * What they demand and how they answer is written from their documents, by code
 * of its own; nothing is shared with the extension.  The end of a path says
 * which platform is meant, and what comes before may hold segments that
 * misbehave: those of misbehave.h (status, delay, cut, first, every, ... work
 * here, too; strict does not, platforms always are), and these.
 *
 *	POST .../vNN.N/PIXEL/events		Meta, Conversions API (meta.c)
 *	POST .../webhook				Standard Webhooks (webhook.c)
 *
 * Both:
 *	  reject-if=TEXT	refuse a request if the JSON of one of its events contains
 *						TEXT, all of it, as the platform refuses an event
 *	  fail-if=TEXT		the same as an error of the platform's own (500)
 *	  fault=NAME		a fault below; the gates of misbehave.h say when
 *	  fault=nothing		take the request in and never answer
 *
 * Meta, fault=
 *	  throttled			code 4 under HTTP 400; throttled-4, -17, -32, -613: that code
 *	  throttled-500		code 80003 under HTTP 500
 *	  expired			the token has expired: 190, subcode 463, HTTP 400
 *	  undecipherable	the token cannot be read: 190, HTTP 500
 *	  permission		200, HTTP 403
 *	  not-ready			21009, HTTP 400
 *	  unknown, service	1 and 2, HTTP 500; both transient
 *	  too-old			an event is too old: 100, subcode 2804003
 *	  no-data-set		100, subcode 33
 *	  fewer				accepted, but for the last event, which events_received
 *						leaves out without saying so
 *	  warning			accepted, with a message
 * A refused event is 100 under HTTP 400: subcode 2804003 when it is too old,
 * 2804009 when it is a purchase without a value or is refused by reject-if, else
 * 2804001.  The answer never says which event it is.
 *
 * Webhook: a signature, id or timestamp that is wrong is answered 401, a body
 * that is wrong 400.  An id that comes again counts as a repeat, or, with another
 * body, as a conflict: a real receiver would drop it.
 *
 * An accepted event is stored as one of the standard is (store.h), under
 *				data_set_id			id				event_type		value, currency
 *	  Meta		PIXEL				event_id		event_name		custom_data's
 *	  webhook	data's, or empty	data.id			type			data's
 *
 * For the test, not for the sender:
 *	GET /platforms		what each platform got, as JSON: {"meta":{...},"webhook":{...},
 *						"clock":OFFSET}; each has requests, refused (any answer but 2xx,
 *						or none), events (in accepted requests), repeats, conflicts
 *	GET /clock/SECONDS	move the platforms' clock by that much, from where it is
 * GET /reset empties the counts and sets the clock right.
 */
#ifndef RCV_PLATFORM_H
#define RCV_PLATFORM_H

#include "call.h"

typedef struct RcvPlatformOptions
{
	const char *meta_token;		/* NULL: any */
	const char *webhook_secrets[2]; /* "whsec_..."; NULL: any signature, or none */
} RcvPlatformOptions;

/*
 * Remember the options; call once, before the servers start.  False when one is
 * wrong, with its name in *failed.
 */
extern bool rcv_platform_init(const RcvPlatformOptions *options, const char **failed);

/* The platform that a request is meant for. */
extern RcvPlatform rcv_platform_of(const char *method, const char *path);

/* Its name, as in /platforms. */
extern const char *rcv_platform_name(RcvPlatform platform);

/* Seconds since the epoch by the platforms' clock; and move it. */
extern int64_t rcv_platform_now(void);
extern void rcv_platform_move_clock(int64_t seconds);

/*
 * Make manners of the faults of a path that are none of a platform's own:
 * "nothing" becomes a delay that no test outlives.
 */
extern void rcv_platform_mind(const char *path, RcvManners *manners);

/*
 * Judge a call whose upper half is filled: fill the lower.  What may be stored
 * is in records then, and only if status is 2xx.
 */
extern void rcv_platform_judge(RcvCall *call);

/* Count a request that was, or was not, accepted. */
typedef enum RcvTally
{
	RCV_REQUESTS,
	RCV_REFUSED,
	RCV_EVENTS,
	RCV_REPEATS,
	RCV_CONFLICTS,
	RCV_TALLIES					/* how many */
} RcvTally;

extern void rcv_platform_count(RcvPlatform platform, RcvTally what, uint64_t n);

/* The counts as a JSON object, NUL-terminated; false when it does not fit. */
extern bool rcv_platform_counts(char *text, size_t size);

/* Forget the counts, and set the clock right. */
extern void rcv_platform_reset(void);

#endif							/* RCV_PLATFORM_H */

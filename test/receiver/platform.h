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
 *	POST .../v1/events:ingest		Google, Data Manager API (google.c)
 *	GET  .../v1/requestStatus:retrieve?requestId=ID		the same (google_status.c)
 *	POST .../token					OAuth 2.0 token endpoint of Google, Pub/Sub, Amazon (oauth.c)
 *	POST .../open_api/v1.3/event/track/		TikTok, Events API 2.0 (tiktok.c)
 *	POST .../v5/ad_accounts/ID/events		Pinterest, Conversions API (pinterest.c)
 *	POST .../api/v3/pixels/ID/conversion_events		Reddit, the same (reddit.c)
 *	POST .../v1/TAG/events			Microsoft, UET Conversions API (microsoft.c)
 *	POST .../rest/conversionEvents	LinkedIn, Conversions API (linkedin.c)
 *	POST .../v3/ID/events, .../v3/ID/events/validate	Snap, Conversions API (snap.c)
 *	POST .../mp/collect, .../debug/mp/collect	Google Analytics 4, Measurement Protocol
 *									(ga4.c)
 *	POST .../v1/events				OpenAI Ads, Conversions API (openai.c)
 *	POST .../adsApi/v1/create/events	Amazon Ads, Events API (amazon.c)
 *	POST .../v1/projects/ID/topics/ID:publish	Google Cloud Pub/Sub (pubsub.c)
 *
 * All:
 *	  fault=NAME		a fault below; the gates of misbehave.h say when
 *	  fault=nothing		take the request in and never answer
 * All that take events:
 *	  reject-if=TEXT	refuse a request if the JSON of one of its events contains
 *						TEXT, all of it, as the platform refuses an event
 *	  fail-if=TEXT		the same as an error of the platform's own (500)
 * Those after the token endpoint are tables (adapter.h).  Their faults, and what index=
 * means to them, stand at the top of their files.  They, but for Amazon and Pub/Sub, and Meta
 * know
 *	  token=TEXT		any other token is refused as fault=expired is; without it
 *						any token will do, but not none
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
 * Google, events, fault=
 *	  expired			401 UNAUTHENTICATED		denied		403 PERMISSION_DENIED
 *	  not-found			404 NOT_FOUND			quota		429 RESOURCE_EXHAUSTED
 *	  aborted			409 ABORTED				internal	500 INTERNAL
 *	  unknown			500 UNKNOWN				unavailable	503 UNAVAILABLE
 *	  deadline			504 DEADLINE_EXCEEDED
 *	  terms				400 FAILED_PRECONDITION
 *	  no-violation		400 INVALID_ARGUMENT without a word on the field
 *	  warning			accepted, with fieldWarnings
 * A request that does not fit is 400 INVALID_ARGUMENT.  Its field violations name
 * each event at fault, by its first fault, as "events.events[I].FIELD", or as
 *	  index=NAME		first: only the first event; all: the default; bare:
 *						"events[I]" and no field; none: "events"; outside: an index
 *						that lies as far behind the request as I in it
 * JSON that is no message of the proto (unknown member, wrong type) has one
 * violation without a reason, "events[I].FIELD".
 *	  late-if=TEXT		events whose JSON contains TEXT are accepted, stored as
 *						late (store.h), and fail when the status is asked, for
 *	  late-reason=NAME	PROCESSING_ERROR_REASON_NAME; default INVALID_GCLID
 *	  late-indices=HOW	recordIndices: strings (the default), numbers, none (the
 *						member is absent), outside (behind the request), twice
 *						(each two times)
 * validateOnly: checked and answered, counted as validated; not stored, no status.
 *
 * Google, status:
 *	  processing=N		the first N questions about a request are too early; or
 *						processing=forever.  The path of the question counts.
 *	  ask-fault=NAME	a fault of events (warning is none here), or nothing; the
 *						gates count the questions on the path
 * An id that was not given out for a status is 400 INVALID_ARGUMENT with the
 * reason INVALID_REQUEST_ID.  Events and status need a token of the endpoint, of
 * any path.
 *
 * Token, fault=
 *	  invalid_grant, invalid_client		the errors of that name
 *	  garbage, html		200 with a body that is no JSON, or a page
 *	  no-token			200 without an access token
 *	  forever			expires_in beyond 64 bits (the token lives its hour)
 *	  short				a token of one second
 * It takes an assertion that a service account signed, or a refresh token of a
 * client.  Tokens begin with "ya29.TESTTOKEN-" and live an hour.
 *
 * Webhook: a signature, id or timestamp that is wrong is answered 401, a body
 * that is wrong 400.  An id that comes again counts as a repeat, or, with another
 * body, as a conflict: a real receiver would drop it.
 *
 * An accepted event is stored as one of the standard is (store.h), under
 *				data_set_id			id				event_type		value, currency
 *	  Meta		PIXEL				event_id		event_name		custom_data's
 *	  webhook	data's, or empty	data.id			type			data's
 *	  Google	productDestinationId	transactionId	eventName		conversionValue
 *				(several are joined by commas)
 *	  TikTok	event_source_id	event_id		event			properties'
 *	  Pinterest	ID				event_id		event_name		custom_data's
 *	  Reddit	ID				conversion_id	tracking_type, or custom_event_name
 *																metadata's
 *	  Microsoft	TAG				eventId			eventName, or eventType
 *																customData's
 *	  LinkedIn	the rule's number	eventId		conversion		conversionValue's
 *	  Snap		ID				event_id		event_name		custom_data's
 *	  GA4		measurement_id	transaction_id, or event_id of params
 *												name			params'
 *	  OpenAI	pid				id				type, or custom_event_name
 *																amount of data
 *	  Amazon	account			eventId			conversionType	value
 *	  Pub/Sub	TOPIC			attributes' id, event_type		data's
 *
 * For the test, not for the sender:
 *	GET /platforms		what each platform got, as JSON: {"meta":{...},"webhook":{...},
 *						"google":{...},"status":{...},"token":{...},...,
 *						"clock":OFFSET}; each has requests, refused (any answer but 2xx,
 *						or none, or nothing taken), events (taken), repeats, conflicts,
 *						doubles (repeats.h), validated, issued
 *	GET /clock/SECONDS	move the platforms' clock by that much, from where it is
 *	GET /revoke			no token is good any more
 * GET /reset empties the counts and sets the clock right; tokens stay good, and
 * the ids of accepted requests known.
 */
#ifndef RCV_PLATFORM_H
#define RCV_PLATFORM_H

#include "call.h"
#include "oauth.h"

typedef struct RcvPlatformOptions
{
	const char *meta_token;		/* NULL: any */
	RcvOauthOptions oauth;
	const char *webhook_secrets[2]; /* "whsec_..."; NULL: any signature, or none */
} RcvPlatformOptions;

/*
 * Remember the options; call once, before the servers start.  False when one is
 * wrong, with its name in *failed.
 */
extern bool rcv_platform_init(const RcvPlatformOptions *options, const char **failed);

struct RcvAdapter;

#define RCV_MAX_PATHS 2

typedef struct RcvPlatform
{
	const char *name;			/* in /platforms and in --bodies; NULL behind the last */
	const char *method;
	const char *paths[RCV_MAX_PATHS];	/* ends of paths (platform.c), from the first on */
	const struct RcvAdapter *adapter;	/* its table; or, NULL, a function of its own */
	void		(*judge) (RcvCall *call);
	const char *fault;			/* the segment that asks for a fault; NULL: "fault" */
} RcvPlatform;

/* The platform that a request is meant for; NULL: none. */
extern const RcvPlatform *rcv_platform_of(const char *method, const char *path);

/* The segment of a path that asks for a fault of it. */
extern const char *rcv_platform_fault(const RcvPlatform *platform);

/* Seconds since the epoch by the platforms' clock; and move it. */
extern int64_t rcv_platform_now(void);
extern void rcv_platform_move_clock(int64_t seconds);

/*
 * Make manners of the faults of a path that are none of a platform's own:
 * "nothing" becomes a delay that no test outlives.
 */
extern void rcv_platform_mind(const RcvPlatform *platform, const char *path,
							  RcvManners *manners);

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
	RCV_DOUBLES,
	RCV_VALIDATED,
	RCV_ISSUED,
	RCV_TALLIES					/* how many */
} RcvTally;

extern void rcv_platform_count(const RcvPlatform *platform, RcvTally what, uint64_t n);

/* The counts as a JSON object, NUL-terminated; false when it does not fit. */
extern bool rcv_platform_counts(char *text, size_t size);

/* Forget the counts, and set the clock right. */
extern void rcv_platform_reset(void);

#endif							/* RCV_PLATFORM_H */

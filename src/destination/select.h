/*
 * select.h
 *	  Which events a destination takes.
 *
 * The steps from an event to a request, in this order, in the worker and in a
 * preview alike:
 *
 *	 1. early	what needs no SQL: event_types, route, data_set_id, max_age, and
 *				whether it was cancelled or erased, or is a repeat that comes too late
 *	 2. enrich	patches (enrich/enrichment.h)
 *	 3. late	consent, sample
 *	 4. filter	the condition (enrich/filter.h)
 *	 5. reduce	values and fields (reduce.h)
 *	 6. format	the platform's shape; both in body.h
 *
 * The first that refuses gives the reason, a constant, under which the event is
 * counted as filtered.  Pure: no SQL, no I/O.
 */
#ifndef ECAPI_SELECT_H
#define ECAPI_SELECT_H

#include "destination/options.h"
#include "event/value.h"

/* What becomes of an event at a destination. */
typedef enum EcapiDecision
{
	ECAPI_DECISION_SEND,
	ECAPI_DECISION_FILTERED,	/* is counted as such, under the reason */
	ECAPI_DECISION_HELD,		/* users' SQL fails, or an option lacks: the destination waits */
	ECAPI_DECISION_UNFIT,		/* goes to failed_event */
	ECAPI_DECISION_REFUSED		/* is no valid event, so was never emitted */
} EcapiDecision;

/* A destination as refunds are addressed to it: the oid of its server, and its name. */
typedef struct EcapiAddressee
{
	uint32_t	server;
	const char *name;
} EcapiAddressee;

/*
 * NULL when the destination may take the event, else the reason: "event_type",
 * "route", "data_set_id", "expired" or "in the future", or, of a refund of what it was never sent,
 * "not delivered", or, of an amendment, ECAPI_REASON_NOT_AMENDABLE or
 * ECAPI_REASON_ORIGINAL_OLD.  type is the event's index or -1; now is in seconds since 1970.
 */
extern const char *ecapi_select_early(const EcapiOptions *options, EcapiAddressee self,
									  const EcapiValue *event, int type, int64_t now);

/*
 * The same by type and route alone (route NULL: the event has none), for callers
 * that know both without the tree.
 */
extern const char *ecapi_select_routed(const EcapiOptions *options, int type,
									   const char *route);

/* The text of ext.route, or NULL. */
extern const char *ecapi_select_route_of(const EcapiValue *event);

/*
 * NULL, or "consent denied", "consent unreadable", "consent missing", a reason of a consent
 * string (ecapi_consent_reason()), "sample".
 * default_country (alpha-2 in lower case, or NULL) is where telephone numbers
 * without a country belong: the sample goes by the person, see sample.h.
 *
 * *restriction is why an event that is taken may be sent in the restricted mode alone, a
 * constant, else NULL: what reduce.h is told.
 */
extern const char *ecapi_select_late(const EcapiOptions *options, const EcapiValue *event,
									 const char *default_country, const char **restriction);

/* Reasons why an event that was emitted may not leave any more. */
#define ECAPI_REASON_CANCELLED	"cancelled"
#define ECAPI_REASON_ERASED		"erased"
#define ECAPI_REASON_WITHDRAWN	"consent withdrawn"

/*
 * Of an amendment: the destination has no way to take one, takes none so long after the
 * original, or does not have the original.
 */
#define ECAPI_REASON_NOT_AMENDABLE	"not amendable"
#define ECAPI_REASON_ORIGINAL_OLD	"original too old"
#define ECAPI_REASON_NO_ORIGINAL	"original not delivered"

/* It waits for its original, which is to be tried again. */
#define ECAPI_REASON_ORIGINAL_WAITS	"its original is tried first"

/* With this it is counted when it is delivered. */
#define ECAPI_REASON_AMENDMENT	"amendment"

/* It is too old for the destination. */
#define ECAPI_REASON_EXPIRED	"expired"

/* Whether what is sent counts at the platform: it may be a test that does not. */
extern bool ecapi_select_counts(const EcapiOptions *options);

/* Sent again, the platform might take it for another one. */
#define ECAPI_REASON_DEDUPE_WINDOW	"dedupe window"

/*
 * NULL when an event may be sent that was sent first at sent_at in a request that may
 * have arrived (0: in none), else ECAPI_REASON_DEDUPE_WINDOW: the platform may have
 * forgotten it when the request arrives.  Times are in seconds since 1970.
 */
extern const char *ecapi_select_repeat(const EcapiOptions *options, const EcapiValue *event,
									   int64_t sent_at, int64_t now);

/* The reason of step 4. */
#define ECAPI_REASON_FILTER	"filter"

/* What of users' SQL fails on an event. */
typedef enum EcapiFailing
{
	ECAPI_FAILING_ENRICH,		/* an enrichment, again and again */
	ECAPI_FAILING_PATCH,		/* what it returned for the event */
	ECAPI_FAILING_FILTER
} EcapiFailing;

/*
 * What becomes of an event that users' SQL fails on, by the option enrich_on_error:
 * ECAPI_DECISION_SEND without the patch, FILTERED, HELD or UNFIT.
 */
extern EcapiDecision ecapi_select_failing(const EcapiOptions *options, EcapiFailing failing);

#endif							/* ECAPI_SELECT_H */

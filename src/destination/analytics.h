/*
 * analytics.h
 *	  What Google Analytics calls events and what they say.
 *
 * Pure C: no server header, no I/O, no allocation; all that is returned is constant.
 */
#ifndef ECAPI_ANALYTICS_H
#define ECAPI_ANALYTICS_H

#include <stddef.h>

/* Letters of an event's name at most (Measurement Protocol, page "Limitations"). */
#define ECAPI_ANALYTICS_NAME_MAX	40

/*
 * The names of event types (ECAPI_EVENT_...) that are not the standard's; NULL for the
 * others.
 */
extern const char *const ecapi_analytics_names[];

/*
 * The name of an event type of the standard (Data Manager API, page "ECAPI specification
 * mapping"); NULL for custom, whose name is the event's own.
 */
extern const char *ecapi_analytics_event_name(int type);

/*
 * Why len bytes cannot name an event: a short lower-case text; NULL: they can.  Names that
 * Analytics keeps for itself are refused by it, and with them everything beside them.
 */
extern const char *ecapi_analytics_name_wrong(const char *name, size_t len);

/* A parameter of events or of items, and the field of the standard that it has. */
typedef struct EcapiAnalyticsParameter
{
	const char *field;			/* of properties, or of an item */
	const char *name;
} EcapiAnalyticsParameter;

/* Both end with a field NULL. */
extern const EcapiAnalyticsParameter ecapi_analytics_of_event[];
extern const EcapiAnalyticsParameter ecapi_analytics_of_item[];

/* The parameter that lead_reason is in events of a type. */
extern const char *ecapi_analytics_lead_reason(int type);

#endif							/* ECAPI_ANALYTICS_H */

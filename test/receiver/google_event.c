/*
 * google_event.c
 *	  What the destinations of an event and the clock demand of it.
 *
 * Google Ads wants a complete address and joins by identifiers; Analytics wants a
 * name and a client, takes events of at most 72 hours, and reserves names.  Where
 * an event goes to both, both hold.
 */
#include "google_rules.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shapes.h"

#define MAX_AGE_ANALYTICS	(72 * 3600)	/* devguides/events */
#define MAX_AHEAD			600		/* no page names a number: ten minutes */
#define MAX_NAME			40		/* of events and parameters, in Analytics */

static const char *const reserved_events[] = {
	"ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query",
	"adunit_exposure", "app_clear_data", "app_install", "app_update", "app_remove",
	"app_store_refund", "app_store_subscription_cancel",
	"app_store_subscription_convert", "app_store_subscription_renew",
	"error", "first_open", "first_visit", "in_app_purchase", "notification_dismiss",
	"notification_foreground", "notification_open", "notification_receive", "os_update",
	"screen_view", "session_start", "user_engagement", NULL
};
static const char *const reserved_prefixes[] = {
	"_", "firebase_", "ga_", "google_", "gtag.", NULL
};

/* What an event's destinations are, as far as it matters. */
typedef struct Goals
{
	bool		ads;
	int			analytics;		/* how many properties */
	bool		other;
} Goals;

static bool
is_named(const RcvNode *reference, const RcvNode *list)
{
	for (const RcvNode *name = list->first; name != NULL; name = name->next)
		if (reference != NULL && name->len == reference->len &&
			memcmp(name->text, reference->text, name->len) == 0)
			return true;
	return false;
}

bool
rcv_google_goes_to(const RcvNode *event, const RcvNode *destination)
{
	const RcvNode *names = rcv_json_get(event, "destinationReferences");

	return names == NULL || is_named(rcv_json_get(destination, "reference"), names);
}

static Goals
goals_of(const RcvNode *request, const RcvNode *event)
{
	Goals		goals = {0};

	for (const RcvNode *d = rcv_json_get(request, "destinations")->first; d != NULL;
		 d = d->next)
	{
		const RcvNode *type = rcv_json_get(rcv_json_get(d, "operatingAccount"),
										   "accountType");

		if (!rcv_google_goes_to(event, d))
			continue;
		if (rcv_text_is(type, "GOOGLE_ADS"))
			goals.ads = true;
		else if (rcv_text_is(type, "GOOGLE_ANALYTICS_PROPERTY"))
			goals.analytics++;
		else
			goals.other = true;
	}
	return goals;
}

/* Every reference of a list names a destination of the request. */
static bool
references_hold(RcvFinding *finding, const RcvPlace *place, const RcvNode *request,
				const RcvNode *object)
{
	const RcvNode *names = rcv_json_get(object, "destinationReferences");
	RcvPlace	list = {place, "destinationReferences", 21, 0};
	RcvPlace	element = {&list, NULL, 0, 0};

	for (const RcvNode *name = names != NULL ? names->first : NULL; name != NULL;
		 name = name->next, element.index++)
	{
		RcvNode		only = {.type = RCV_ARRAY, .first = &(RcvNode) {0}};
		bool		found = false;

		*only.first = *name;
		only.first->next = NULL;
		for (const RcvNode *d = rcv_json_get(request, "destinations")->first;
			 d != NULL && !found; d = d->next)
			found = is_named(rcv_json_get(d, "reference"), &only);
		if (!found)
			return rcv_found(finding, &element, RCV_FAULT_SHAPE,
							 "names no destination of the request",
							 "INVALID_DESTINATION");
	}
	return true;
}

static bool
has_any(const RcvNode *object, const char *const *names)
{
	for (; object != NULL && *names != NULL; names++)
		if (rcv_json_get(object, *names) != NULL)
			return true;
	return false;
}

/* Somebody must be meant: a person, a click, a client. */
static bool
holds_identifier(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const own[] = {
		"userData", "clientId", "appInstanceId", "userId", NULL
	};
	static const char *const ads[] = {
		"gclid", "gbraid", "wbraid", "dclid", "matchId", "impressionId",
		"mobileDeviceId", "encryptedUserIds", "sessionAttributes", NULL
	};

	return has_any(event, own) || has_any(rcv_json_get(event, "adIdentifiers"), ads) ||
		rcv_found(finding, place, RCV_FAULT_SHAPE, "holds no identifier",
				  "NO_IDENTIFIERS_PROVIDED");
}

static bool
address_holds(RcvFinding *finding, const RcvPlace *place, const RcvNode *address,
			  const Goals *goals)
{
	static const char *const needed[] = {
		"givenName", "familyName", "regionCode", "postalCode", NULL
	};
	static const char *const analytics[] = {
		"addressLine", "city", "administrativeArea", NULL
	};

	if (goals->ads || goals->other)
	{
		for (int i = 0; needed[i] != NULL; i++)
			if (rcv_json_get(address, needed[i]) == NULL)
				return rcv_found_member(finding, place, needed[i], RCV_FAULT_MISSING,
										"is missing", NULL);
		for (int i = 0; analytics[i] != NULL; i++)
			if (rcv_json_get(address, analytics[i]) != NULL)
				return rcv_found_member(finding, place, analytics[i], RCV_FAULT_SHAPE,
										"is for Analytics only", "INVALID_FORMAT");
	}
	return true;
}

/* user_data, with the encoding that the request must name for it. */
static bool
person_holds(RcvFinding *finding, const RcvPlace *place, const RcvNode *request,
			 const RcvNode *event, const Goals *goals)
{
	const RcvNode *user_data = rcv_json_get(event, "userData");
	RcvPlace	data = {place, "userData", 8, 0};
	RcvPlace	list = {&data, "userIdentifiers", 15, 0};
	RcvPlace	element = {&list, NULL, 0, 0};
	RcvPlace	at = {&element, "address", 7, 0};

	if (user_data == NULL)
		return true;
	if (rcv_json_get(request, "encoding") == NULL)
		return rcv_found_member(finding, NULL, "encoding", RCV_FAULT_MISSING,
								"is missing where user data is sent", NULL);
	for (const RcvNode *i = rcv_json_get(user_data, "userIdentifiers")->first; i != NULL;
		 i = i->next, element.index++)
	{
		const RcvNode *address = rcv_json_get(i, "address");

		if (address != NULL && !address_holds(finding, &at, address, goals))
			return false;
	}
	return true;
}

/* A name of Analytics: letters, digits, underscores, a letter first; not reserved. */
static bool
name_holds(RcvFinding *finding, const RcvPlace *place, const RcvNode *name,
		   const char *const *reserved, const char *code)
{
	for (int i = 0; reserved_prefixes[i] != NULL; i++)
		if (name->len >= strlen(reserved_prefixes[i]) &&
			memcmp(name->text, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0)
			return rcv_found(finding, place, RCV_FAULT_SHAPE, "has a reserved prefix",
							 "RESERVED_NAME_USED");
	for (; *reserved != NULL; reserved++)
		if (rcv_text_is(name, *reserved))
			return rcv_found(finding, place, RCV_FAULT_SHAPE, "is a reserved name",
							 "RESERVED_NAME_USED");
	if (name->len > MAX_NAME)
		return rcv_found(finding, place, RCV_FAULT_SHAPE, "is longer than 40 characters",
						 "FIELD_VALUE_TOO_LONG");
	for (size_t i = 0; i < name->len; i++)
		if (!isalnum((unsigned char) name->text[i]) && name->text[i] != '_')
			return rcv_found(finding, place, RCV_FAULT_SHAPE, "is not a name", code);
	return isalpha((unsigned char) name->text[0]) ||
		rcv_found(finding, place, RCV_FAULT_SHAPE, "is not a name", code);
}

/* What a property of Analytics demands. */
static bool
analytics_holds(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	static const char *const clients[] = {"clientId", "appInstanceId", "userId", NULL};
	static const char *const none[] = {NULL};
	const RcvNode *name = rcv_json_get(event, "eventName");
	const RcvNode *parameters = rcv_json_get(event, "additionalEventParameters");
	RcvPlace	name_place = {place, "eventName", 9, 0};
	RcvPlace	list = {place, "additionalEventParameters", 25, 0};
	RcvPlace	element = {&list, NULL, 0, 0};
	RcvPlace	parameter = {&element, "parameterName", 13, 0};

	if (name == NULL)
		return rcv_found(finding, &name_place, RCV_FAULT_MISSING,
						 "is missing where Analytics is meant", NULL);
	if (!name_holds(finding, &name_place, name, reserved_events, "INVALID_EVENT_NAME"))
		return false;
	if (!has_any(event, clients))
		return rcv_found_member(finding, place, "clientId", RCV_FAULT_MISSING,
								"is missing where Analytics is meant", NULL);
	for (const RcvNode *p = parameters != NULL ? parameters->first : NULL; p != NULL;
		 p = p->next, element.index++)
		if (!name_holds(finding, &parameter, rcv_json_get(p, "parameterName"), none,
						"INVALID_FORMAT"))
			return false;
	return true;
}

static bool
time_holds(RcvFinding *finding, const RcvPlace *place, const RcvNode *event,
		   const Goals *goals, int64_t now)
{
	int64_t		time = rcv_read_instant(rcv_json_get(event, "eventTimestamp"));
	const RcvNode *updated = rcv_json_get(event, "lastUpdatedTimestamp");

	if (time > now + MAX_AHEAD)
		return rcv_found_member(finding, place, "eventTimestamp", RCV_FAULT_SHAPE,
								"is in the future", "EVENT_TIME_INVALID");
	if (goals->analytics > 0 && time < now - MAX_AGE_ANALYTICS)
		return rcv_found_member(finding, place, "eventTimestamp", RCV_FAULT_SHAPE,
								"is older than 72 hours", "EVENT_TIME_INVALID");
	/* what is restated was there before */
	if (updated != NULL && (rcv_read_instant(updated) < time ||
							rcv_read_instant(updated) > now + MAX_AHEAD))
		return rcv_found_member(finding, place, "lastUpdatedTimestamp", RCV_FAULT_SHAPE,
								"is before eventTimestamp, or in the future", "EVENT_TIME_INVALID");
	return true;
}

static bool
variables_hold(RcvFinding *finding, const RcvPlace *place, const RcvNode *request,
			   const RcvNode *event)
{
	const RcvNode *variables = rcv_json_get(event, "customVariables");
	RcvPlace	list = {place, "customVariables", 15, 0};
	RcvPlace	element = {&list, NULL, 0, 0};

	for (const RcvNode *v = variables != NULL ? variables->first : NULL; v != NULL;
		 v = v->next, element.index++)
		if (!references_hold(finding, &element, request, v))
			return false;
	return true;
}

bool
rcv_google_event_fits(const RcvNode *request, const RcvNode *event, int64_t now,
					  const RcvPlace *place, RcvFinding *finding)
{
	Goals		goals = goals_of(request, event);

	if (!references_hold(finding, place, request, event) ||
		!variables_hold(finding, place, request, event) ||
		!holds_identifier(finding, place, event) ||
		!person_holds(finding, place, request, event, &goals) ||
		!time_holds(finding, place, event, &goals, now))
		return false;
	if (goals.analytics > 1)
		return rcv_found_member(finding, place, "destinationReferences", RCV_FAULT_SHAPE,
								"leads to two Analytics destinations",
								"MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT");
	return goals.analytics == 0 || analytics_holds(finding, place, event);
}

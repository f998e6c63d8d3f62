/*
 * microsoft_event.c
 *	  One event in the shape of Microsoft's Conversions API.
 *
 * A page view is of the type pageLoad, which takes no name but needs the page's address;
 * all others are of the type custom, with a name that a conversion goal of the owner's
 * matches: that of Analytics, as other senders have it, or the destination's own.
 *
 * An event needs one of the identifiers that are marked below; an address of the network
 * and a browser alone are none (guide, userData).
 *
 * Invariants
 *	(1) What identifies a person leaves by the rules that identity.def has, hashed, but for
 *		click and device ids.
 *	(2) Of ext leave page_load_id and the click id, each only if it has the form of one;
 *		of the consent in user_data.ext leaves what it comes to.
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "consent/policy.h"
#include "destination/facts.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/microsoft.h"
#include "destination/options.h"
#include "event/scan.h"

/* Names of events where they are not the standard's own. */
static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_viewed_cart] = "view_cart",
	[ECAPI_EVENT_viewed_item] = "view_item"
};

/* One bit: with any of these the event is fit. */
#define IDENTIFIED	1

static const EcapiMatchKey hashed[] = {
	{"em", "user_data.email_address", IDENTIFIED},
	{"ph", "user_data.phone_numbers", IDENTIFIED},
	{"externalId", "user_data.customer_identifier", IDENTIFIED}
};

/* A page view that has no name of the owner's. */
static bool
is_page_load(const EcapiShape *shape, const EcapiFacts *facts)
{
	return facts->type == ECAPI_EVENT_page_view && shape->options->targets[facts->type] == NULL;
}

/* Granted or denied, as far as the event says; one denial is enough. */
static const char *
consent_of(const EcapiValue *event, const EcapiFacts *facts)
{
	EcapiConsent consent = ecapi_consent_answers(facts->user);

	if (ecapi_member_is_true(facts->user, "mmt_only") ||
		consent.ad_user_data == ECAPI_CONSENT_DENIED ||
		consent.ad_user_data == ECAPI_CONSENT_UNREADABLE ||
		consent.ad_personalization == ECAPI_CONSENT_DENIED ||
		consent.ad_personalization == ECAPI_CONSENT_UNREADABLE)
		return "D";
	return consent.ad_user_data == ECAPI_CONSENT_GRANTED ? "G" : NULL;
}

/* The id of the page load that the tag in the browser gave it. */
static const EcapiValue *
page_load_of(const EcapiFacts *facts)
{
	const EcapiValue *id = ecapi_member_text(facts->ext, "page_load_id");

	return id && ecapi_scan_uuid(id->text, id->len) ? id : NULL;
}

/*
 * ---- userData ----
 */

static void
write_device(EcapiMatchKeys *keys)
{
	const char *os = keys->shape->options->own[ECAPI_MICROSOFT_APP_OS];

	if (os != NULL)
		ecapi_match_own_id(keys, strcmp(os, "ios") == 0 ? "idfa" : "gaid",
						  ecapi_match_ifa(keys), IDENTIFIED);
}

/* False: nobody is known by it. */
static bool
write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user)
{
	EcapiMatchKeys keys;
	EcapiOpen	open = ecapi_write_open(writer, "userData", '{');

	ecapi_match_begin(&keys, shape, writer, user);
	ecapi_match_write(&keys, hashed, lengthof(hashed), false);
	ecapi_match_own_id(&keys, "msclkid", ecapi_match_id(ecapi_match_click(&keys, "msclkid")), IDENTIFIED);
	write_device(&keys);
	ecapi_match_clear(&keys, "clientIpAddress", ecapi_match_ip(&keys), 0);
	ecapi_match_clear(&keys, "clientUserAgent", ecapi_match_agent(&keys), 0);
	(void) ecapi_write_close(writer, open, '}', true);
	return (keys.has & IDENTIFIED) != 0;
}

/*
 * ---- customData ----
 */

/* Quantities are whole numbers; of goods by weight none is said. */
static void
write_item(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_value(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "name", ecapi_member_text(item, "name"));
	ecapi_write_value(writer, "price", ecapi_member_number(item, "price"));
	ecapi_item_write_quantity(writer, item);
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_custom(EcapiWriter *writer, const EcapiFacts *facts)
{
	const EcapiValue *items = ecapi_items_of(facts->properties);
	EcapiOpen	open = ecapi_write_open(writer, "customData", '{');

	ecapi_write_value(writer, "value", facts->value);
	ecapi_write_text(writer, "currency", facts->value ? facts->currency : NULL);
	ecapi_write_value(writer, "transactionId", ecapi_member_text(facts->properties, "transaction_id"));
	ecapi_write_value(writer, "searchTerm", ecapi_member_text(facts->properties, "search_term"));
	if (ecapi_items_write(writer, "items", items, write_item))
		(void) ecapi_items_write(writer, "itemIds", items, ecapi_item_write_id);
	(void) ecapi_write_close(writer, open, '}', false);
}

/*
 * ---- the event ----
 */

/* NULL, or why it is not fit. */
static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *event,
			const EcapiFacts *facts, const char *name)
{
	bool		page_load = is_page_load(shape, facts);

	ecapi_write_text(writer, "eventType", page_load ? "pageLoad" : "custom");
	if (!page_load)
		ecapi_write_text(writer, "eventName", name);
	ecapi_write_integer(writer, "eventTime", facts->time);
	ecapi_write_value(writer, "eventId", facts->id);
	ecapi_write_value(writer, "eventSourceUrl", facts->page);
	ecapi_write_value(writer, "referrerUrl", ecapi_member_url(facts->properties, "referrer"));
	ecapi_write_value(writer, "pageLoadId", page_load_of(facts));
	ecapi_write_text(writer, "adStorageConsent", consent_of(event, facts));
	if (!write_user(shape, writer, facts->user))
		return "no identifier";
	write_custom(writer, facts);
	return NULL;
}

/* What can be said before anything is written. */
static const char *
find_unfit(const EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
		   const char **name)
{
	const char *reason = ecapi_facts_name(shape, event, facts, standard_names, name);

	if (reason == NULL && is_page_load(shape, facts) && facts->page == NULL)
		reason = "page_url missing";
	return reason ? reason : ecapi_facts_money_wrong(facts);
}

EcapiShaped
ecapi_microsoft_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
					EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	const char *name;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = find_unfit(shape, event, &facts, &name);
	if (*reason != NULL)
		return ECAPI_UNFIT;

	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, event, &facts, name);
	return ecapi_format_shaped(&writer, open, *reason);
}

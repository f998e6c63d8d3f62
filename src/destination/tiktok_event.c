/*
 * tiktok_event.c
 *	  One event in the shape of TikTok's Events API.
 *
 * One event that TikTok refuses loses its whole request, so each of its known conditions is
 * looked at here, and an event that lacks one is unfit:
 *
 *	an identifier								(tiktok_user.c)
 *	page.url, from a website; lead.lead_id, of crm; a standard event, offline
 *	value and currency, of "Purchase"
 *
 * Sources: the portal's pages on event/track as social-hub (portal document
 * 1771101204435970 and its neighbours) and rudder-transformer have them; TikTok's help page
 * on standard events; its template for tag managers (gtm-template-eapi) for names.
 *
 * Limited data use: TikTok takes the flag of web and app events alone, and only beside a
 * public address of the visitor.  An event that would have to go without it is held back,
 * unless the owner says that it goes (option limited_data_use).  Not even then where the
 * option restricted lets events pass for that mode alone: reduced, they are as all with
 * mmt_only are.
 *
 * Invariants
 *	(1) Identifiers are written by tiktok_user.c alone.
 *	(2) ext of the event and of user_data do not leave, but for the members that the manual
 *		names (doc/tiktok.md).
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "destination/tiktok.h"
#include "event/scan.h"

/* "Pageview" with a small v is from TikTok's template. */
static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "Purchase",
	[ECAPI_EVENT_page_view] = "Pageview",
	[ECAPI_EVENT_add_to_wishlist] = "AddToWishlist",
	[ECAPI_EVENT_add_to_cart] = "AddToCart",
	[ECAPI_EVENT_viewed_item] = "ViewContent",
	[ECAPI_EVENT_begin_checkout] = "InitiateCheckout",
	[ECAPI_EVENT_add_payment_info] = "AddPaymentInfo",
	[ECAPI_EVENT_generate_lead] = "Lead",
	[ECAPI_EVENT_sign_up] = "CompleteRegistration",
	[ECAPI_EVENT_search] = "Search",
	[ECAPI_EVENT_customize_product] = "CustomizeProduct",
	[ECAPI_EVENT_contact] = "Contact",
	[ECAPI_EVENT_find_location] = "FindLocation",
	[ECAPI_EVENT_schedule] = "Schedule",
	[ECAPI_EVENT_start_trial] = "StartTrial",
	[ECAPI_EVENT_subscribe] = "Subscribe"
};

/* Standard events that the standard has no type for; a target can be one. */
static const char *const more_names[] = {
	"ApplicationApproval", "Download", "SubmitApplication"
};

static bool
is_standard(const char *name)
{
	return ecapi_facts_has_name(standard_names, more_names, lengthof(more_names), name);
}

/*
 * ---- what an event is ----
 */

/* What TikTok asks beyond what most platforms do. */
typedef struct Extras
{
	const char *name;			/* event */
	EcapiTiktokSource source;
	const EcapiValue *lead;		/* of crm */
	bool		limited;		/* limited_data_use */
} Extras;

const EcapiValue *
ecapi_tiktok_lead(const EcapiValue *event)
{
	const EcapiValue *lead = ecapi_member_object(ecapi_member_object(event, "ext"), "lead");

	return ecapi_match_id(ecapi_member_text(lead, "lead_id")) ? lead : NULL;
}

static const char *
find_needed(const EcapiFacts *facts, const Extras *extras)
{
	if (extras->source == ECAPI_TIKTOK_WEB && facts->page == NULL)
		return "page.url missing";
	if (extras->source == ECAPI_TIKTOK_OFFLINE && !is_standard(extras->name))
		return "not a standard event";
	if (facts->value == NULL && strcmp(extras->name, "Purchase") == 0)
		return "value missing";
	return ecapi_facts_money_wrong(facts);
}

/* False when the event must not go without the flag, and cannot go with it. */
static bool
find_limited(EcapiShape *shape, const EcapiFacts *facts, Extras *extras)
{
	const char *option = shape->options->own[ECAPI_TIKTOK_LIMITED_DATA_USE];
	EcapiMatchKeys keys;
	const EcapiValue *address;

	if (strcmp(option, "all") != 0 && !ecapi_member_is_true(facts->user, "mmt_only"))
		return true;
	ecapi_match_begin(&keys, shape, NULL, facts->user);
	address = ecapi_match_ip(&keys);
	extras->limited = address && ecapi_scan_ip_is_public(address->text, address->len) &&
		(extras->source == ECAPI_TIKTOK_WEB || extras->source == ECAPI_TIKTOK_APP);
	return extras->limited ||
		(strcmp(option, "mmt_only") == 0 && !shape->options->terms.restricted);
}

/* As the result of add, of which SHAPED says that nothing is known against it. */
static EcapiShaped
find_extras(EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
			Extras *extras, const char **reason)
{
	const char *id;
	size_t		len;

	memset(extras, 0, sizeof(*extras));
	extras->source = ecapi_tiktok_source(shape->options, event);
	id = ecapi_tiktok_source_id(shape->options, extras->source, &len);
	if (id == NULL)
		*reason = "event_source_ids";
	if (id == NULL || ecapi_facts_names_other(shape, event, id, len, reason))
		return ECAPI_FILTERED;
	if (extras->source == ECAPI_TIKTOK_CRM)
		extras->lead = ecapi_tiktok_lead(event);
	*reason = ecapi_facts_name(shape, event, facts, standard_names, &extras->name);
	if (*reason == NULL)
		*reason = find_needed(facts, extras);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	if (find_limited(shape, facts, extras))
		return ECAPI_SHAPED;
	*reason = "limited_data_use";
	return ECAPI_FILTERED;
}

/*
 * ---- writing it ----
 */

/* What is no whole number of pieces has no quantity there. */
static void
write_content(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_value(writer, "content_id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "content_name", ecapi_member_text(item, "name"));
	ecapi_write_value(writer, "content_category", ecapi_member_text(item, "category"));
	ecapi_write_value(writer, "brand", ecapi_member_text(item, "brand"));
	ecapi_write_value(writer, "price", ecapi_member_number(item, "price"));
	ecapi_item_write_quantity(writer, item);
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_items(EcapiWriter *writer, const EcapiValue *properties)
{
	const EcapiValue *items = ecapi_items_of(properties);

	if (!ecapi_items_write(writer, "contents", items, write_content))
		return;
	ecapi_items_write_type(writer, properties);
	ecapi_items_write_count(writer, "num_items", items);
}

static void
write_properties(EcapiWriter *writer, const EcapiFacts *facts)
{
	EcapiOpen	open = ecapi_write_open(writer, "properties", '{');

	ecapi_write_value(writer, "value", facts->value);
	ecapi_write_text(writer, "currency", facts->value ? facts->currency : NULL);
	if (facts->properties != NULL)
	{
		ecapi_write_value(writer, "order_id", ecapi_member_text(facts->properties, "transaction_id"));
		ecapi_write_value(writer, "query", ecapi_member_text(facts->properties, "search_term"));
		write_items(writer, facts->properties);
	}
	(void) ecapi_write_close(writer, open, '}', false);
}

static void
write_page(EcapiWriter *writer, const EcapiFacts *facts)
{
	EcapiOpen	open = ecapi_write_open(writer, "page", '{');

	ecapi_write_value(writer, "url", facts->page);
	ecapi_write_value(writer, "referrer", ecapi_member_url(facts->properties, "referrer"));
	(void) ecapi_write_close(writer, open, '}', false);
}

static void
write_app(EcapiWriter *writer, const EcapiOptions *options)
{
	EcapiOpen	open = ecapi_write_open(writer, "app", '{');

	ecapi_write_text(writer, "app_id", options->own[ECAPI_TIKTOK_APP_ID]);
	(void) ecapi_write_close(writer, open, '}', false);
}

static void
write_lead(EcapiWriter *writer, const EcapiFacts *facts, const EcapiValue *lead)
{
	const EcapiValue *source = ecapi_member_text(lead, "lead_event_source");
	EcapiOpen	open = ecapi_write_open(writer, "lead", '{');

	ecapi_write_value(writer, "lead_id", ecapi_member_text(lead, "lead_id"));
	ecapi_write_value(writer, "lead_event_source", source ? source :
					  ecapi_member_text(facts->properties, "lead_source"));
	(void) ecapi_write_close(writer, open, '}', false);
}

/* False without a person that it is about. */
static bool
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiFacts *facts,
			const Extras *extras)
{
	ecapi_write_text(writer, "event", extras->name);
	ecapi_write_integer(writer, "event_time", facts->time);
	ecapi_write_value(writer, "event_id", facts->id);
	if (!ecapi_tiktok_write_user(shape, writer, facts->user) && extras->lead == NULL)
		return false;
	if (extras->limited)
		ecapi_write_bool(writer, "limited_data_use", true);
	write_page(writer, facts);
	if (extras->source == ECAPI_TIKTOK_APP)
		write_app(writer, shape->options);
	if (extras->lead != NULL)
		write_lead(writer, facts, extras->lead);
	write_properties(writer, facts);
	return true;
}

EcapiShaped
ecapi_tiktok_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	Extras		extras;
	EcapiShaped shaped;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	shaped = find_extras(shape, event, &facts, &extras, reason);
	if (shaped != ECAPI_SHAPED)
		return shaped;

	open = ecapi_write_open(&writer, NULL, '{');
	if (!write_event(shape, &writer, &facts, &extras))
		*reason = "no identifier";
	return ecapi_format_shaped(&writer, open, *reason);
}

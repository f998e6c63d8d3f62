/*
 * reddit_event.c
 *	  One event in the shape of Reddit's Conversions API, version 3.
 *
 * One event that Reddit refuses loses its whole request, so what it is known to refuse is
 * unfit here: an event without an identifier, or with a value that has no currency.  One
 * without conversion id is unfit, too: Reddit names an event at fault by it alone
 * (reddit_answer.c).
 *
 * Sources: reddit/reddit-ss-gtm-template, template.tpl (names, types, the form of uuid);
 * business.reddithelp.com, Manual Advanced Matching for Developers (identifiers);
 * rudder-transformer, reddit types.ts, which cites Post Conversion Events of version 3.
 *
 * Invariants
 *	(1) Identifiers leave by the rules that identity.def has for Reddit, one of each kind.
 *	(2) ext of the event and of user_data do not leave, but for the click ids that the
 *		manual names (doc/reddit.md).
 *	(3) A body has one conversion id for each event, and no other member of that name.
 *	(4) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/facts.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "destination/reddit.h"
#include "event/ascii.h"
#include "event/scan.h"

/* What an event has, as far as it decides whether Reddit takes it. */
#define HAS_IDENTIFIER	(1 << 0)
#define HAS_AGENT		(1 << 1)	/* a user agent, which many share */

static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "PURCHASE",
	[ECAPI_EVENT_page_view] = "PAGE_VISIT",
	[ECAPI_EVENT_add_to_wishlist] = "ADD_TO_WISHLIST",
	[ECAPI_EVENT_add_to_cart] = "ADD_TO_CART",
	[ECAPI_EVENT_viewed_item] = "VIEW_CONTENT",
	[ECAPI_EVENT_generate_lead] = "LEAD",
	[ECAPI_EVENT_sign_up] = "SIGN_UP",
	[ECAPI_EVENT_search] = "SEARCH"
};

/* Scalars: of several values the first that has a form. */
static const EcapiMatchKey scalars[] = {
	{"email", "user_data.email_address", HAS_IDENTIFIER},
	{"phone_number", "user_data.phone_numbers", HAS_IDENTIFIER},
	{"external_id", "user_data.customer_identifier", HAS_IDENTIFIER}
};

static const EcapiMatchKey of_ios[] = {
	{"idfa", "user_data.ifa", HAS_IDENTIFIER}
};

static const EcapiMatchKey of_android[] = {
	{"aaid", "user_data.ifa", HAS_IDENTIFIER}
};

/*
 * ---- what an event is ----
 */

static const char *
action_source(const EcapiFacts *facts)
{
	static const char *const sources[][2] = {
		{"website", "WEBSITE"}, {"app", "APP"}, {"physical_store", "PHYSICAL_STORE"}
	};

	for (size_t i = 0; i < lengthof(sources); i++)
		if (strcmp(facts->source, sources[i][0]) == 0)
			return sources[i][1];
	return "OTHER";
}

static const char *
find_unfit(const EcapiFacts *facts)
{
	return facts->id == NULL ? "conversion_id missing" : ecapi_facts_money_wrong(facts);
}

/*
 * ---- writing it ----
 */

/* A name that is none of Reddit's is one of the owner's; "CUSTOM" alone says no name. */
static void
write_type(EcapiWriter *writer, const char *name, const EcapiFacts *facts)
{
	EcapiOpen	open = ecapi_write_open(writer, "type", '{');

	if (ecapi_facts_has_name(standard_names, NULL, 0, name))
		ecapi_write_text(writer, "tracking_type", name);
	else
	{
		ecapi_write_text(writer, "tracking_type", "CUSTOM");
		ecapi_write_text(writer, "custom_event_name", strcmp(name, "CUSTOM") == 0 ?
						 ecapi_event_type_name(facts->type) : name);
	}
	(void) ecapi_write_close(writer, open, '}', true);
}

/* The cookie _rdt_uuid is a time, a full stop and the id; Reddit wants the id alone. */
static void
write_uuid(EcapiMatchKeys *keys)
{
	const EcapiValue *cookie = ecapi_match_id(ecapi_match_cookie(keys, "rdt_uuid"));
	const char *id;
	size_t		digits = 0;

	if (cookie == NULL)
		return;
	while (ecapi_is_digit(cookie->text[digits]))
		digits++;
	id = cookie->text + (cookie->text[digits] == '.' ? digits + 1 : 0);
	if (*id == '\0' || strchr(id, '.') != NULL)
		return;
	ecapi_write_text(keys->writer, "uuid", id);
	ecapi_match_known(keys);
	keys->has |= HAS_IDENTIFIER;
}

static void
write_ifa(EcapiMatchKeys *keys, const char *os)
{
	if (os != NULL)
		ecapi_match_write(keys, strcmp(os, "ios") == 0 ? of_ios : of_android, 1, false);
}

/* Limited Data Use: of every event by the option, of one by mmt_only. */
static void
write_data_processing(EcapiWriter *writer, const EcapiOptions *options, const EcapiValue *user)
{
	EcapiOpen	open;
	EcapiOpen	modes;

	if (options->own[ECAPI_REDDIT_DATA_PROCESSING] == NULL && !ecapi_member_is_true(user, "mmt_only"))
		return;
	open = ecapi_write_open(writer, "data_processing_options", '{');
	ecapi_write_text(writer, "country", options->own[ECAPI_REDDIT_LDU_COUNTRY]);
	ecapi_write_text(writer, "region", options->own[ECAPI_REDDIT_LDU_REGION]);
	modes = ecapi_write_open(writer, "modes", '[');
	ecapi_write_text(writer, NULL, "LDU");
	(void) ecapi_write_close(writer, modes, ']', true);
	(void) ecapi_write_close(writer, open, '}', true);
}

/* click_id and user; NULL, or why Reddit would not take the person. */
static const char *
write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user)
{
	EcapiMatchKeys keys;
	EcapiOpen	open;

	ecapi_match_begin(&keys, shape, writer, user);
	ecapi_match_own_id(&keys, "click_id", ecapi_match_id(ecapi_match_click(&keys, "rdt_cid")),
					  HAS_IDENTIFIER);
	open = ecapi_write_open(writer, "user", '{');
	ecapi_match_write(&keys, scalars, lengthof(scalars), false);
	ecapi_match_clear(&keys, "ip_address", ecapi_match_ip(&keys), HAS_IDENTIFIER);
	ecapi_match_clear(&keys, "user_agent", ecapi_match_agent(&keys), HAS_AGENT);
	write_ifa(&keys, shape->options->own[ECAPI_REDDIT_APP_OS]);
	write_uuid(&keys);
	write_data_processing(writer, shape->options, user);
	(void) ecapi_write_close(writer, open, '}', false);
	return (keys.has & HAS_IDENTIFIER) != 0 ? NULL : "no identifier";
}

static const EcapiValue *
price_of(const EcapiValue *item)
{
	const EcapiValue *price = ecapi_member_number(item, "price");
	EcapiNumber number;

	return price && ecapi_scan_number(price->text, price->len, &number) && !number.negative ? price : NULL;
}

static void
write_product(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_value(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "name", ecapi_member_text(item, "name"));
	ecapi_write_value(writer, "category", ecapi_member_text(item, "category"));
	ecapi_item_write_quantity(writer, item);
	ecapi_write_value(writer, "item_price", price_of(item));
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_metadata(EcapiWriter *writer, const EcapiFacts *facts)
{
	EcapiOpen	open = ecapi_write_open(writer, "metadata", '{');
	const EcapiValue *items = ecapi_items_of(facts->properties);

	ecapi_write_value(writer, "conversion_id", facts->id);
	ecapi_write_text(writer, "currency", facts->value ? facts->currency : NULL);
	ecapi_write_value(writer, "value", facts->value);
	if (ecapi_items_write(writer, "products", items, write_product))
		ecapi_items_write_count(writer, "item_count", items);
	(void) ecapi_write_close(writer, open, '}', true);
}

static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiFacts *facts, const char *name)
{
	const char *reason;

	ecapi_write_integer(writer, "event_at", facts->time * 1000);
	ecapi_write_text(writer, "action_source", action_source(facts));
	ecapi_write_value(writer, "event_source_url", facts->page);
	write_type(writer, name, facts);
	reason = write_user(shape, writer, facts->user);
	write_metadata(writer, facts);
	return reason;
}

EcapiShaped
ecapi_reddit_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	const char *name = NULL;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = ecapi_facts_name(shape, event, &facts, standard_names, &name);
	if (*reason == NULL)
		*reason = find_unfit(&facts);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, &facts, name);
	return ecapi_format_shaped(&writer, open, *reason);
}

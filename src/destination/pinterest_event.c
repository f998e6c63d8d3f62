/*
 * pinterest_event.c
 *	  One event in the shape of Pinterest's Conversions API.
 *
 * Sources: pinterest/api-description, v5, operation events/create (names, types, what is
 * required); developers.pinterest.com, Track conversions (the events), Define your own
 * event types (names of one's own).
 *
 * Invariants
 *	(1) Nothing leaves under a name that the description does not have: its objects are
 *		closed, and an unknown key fails the event.
 *	(2) Amounts are texts, identifiers are arrays of digests, whole numbers are whole.
 *	(3) ext of the event and of user_data do not leave, but for the members that the
 *		manual names (doc/pinterest.md).
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
#include "destination/pinterest.h"
#include "event/ascii.h"

/* What user_data has, as far as it decides whether Pinterest takes it. */
#define HAS_ENOUGH		(1 << 0)	/* em, hashed_maids */
#define HAS_IP			(1 << 1)
#define HAS_AGENT		(1 << 2)
#define HAS_MORE		(1 << 3)	/* what is not enough, however much there is */

/*
 * The events of the description, and of the table of the page beside it: from
 * customize_product on they are in the table alone.
 */
static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "checkout",
	[ECAPI_EVENT_page_view] = "page_visit",
	[ECAPI_EVENT_add_to_wishlist] = "add_to_wishlist",
	[ECAPI_EVENT_add_to_cart] = "add_to_cart",
	[ECAPI_EVENT_viewed_item] = "view_content",
	[ECAPI_EVENT_begin_checkout] = "initiate_checkout",
	[ECAPI_EVENT_add_payment_info] = "add_payment_info",
	[ECAPI_EVENT_generate_lead] = "lead",
	[ECAPI_EVENT_sign_up] = "signup",
	[ECAPI_EVENT_search] = "search",
	[ECAPI_EVENT_install] = "app_install",
	[ECAPI_EVENT_subscribe] = "subscribe",
	[ECAPI_EVENT_view_item_list] = "view_category",
	[ECAPI_EVENT_customize_product] = "customize_product",
	[ECAPI_EVENT_contact] = "contact",
	[ECAPI_EVENT_find_location] = "find_location",
	[ECAPI_EVENT_schedule] = "schedule",
	[ECAPI_EVENT_start_trial] = "start_trial"
};

/* Those that no event type of the standard stands for. */
static const char *const more_names[] = {
	"app_open", "custom", "submit_application", "watch_video"
};

static const EcapiMatchKey hashed[] = {
	{"em", "user_data.email_address", HAS_ENOUGH},
	{"ph", "user_data.phone_numbers", HAS_MORE},
	{"ge", "user_data.gender", HAS_MORE},
	{"fn", "user_data.address.first_name", HAS_MORE},
	{"ln", "user_data.address.last_name", HAS_MORE},
	{"ct", "user_data.address.city", HAS_MORE},
	{"st", "user_data.address.state", HAS_MORE},
	{"zp", "user_data.address.postal_code", HAS_MORE},
	{"country", "user_data.address.country_code", HAS_MORE},
	/* both into one array */
	{"external_id", "user_data.customer_identifier", HAS_MORE},
	{"external_id", "user_data.uids.id", HAS_MORE},
	{"hashed_maids", "user_data.ifa", HAS_ENOUGH}
};

const char *
ecapi_pinterest_standard_name(int type)
{
	return type >= 0 && type < ECAPI_EVENT_TYPES ? standard_names[type] : NULL;
}

bool
ecapi_pinterest_is_standard(const char *name)
{
	return ecapi_facts_has_name(standard_names, more_names, lengthof(more_names), name);
}

/* As public senders have it (social-hub); the page on own event types names no form. */
bool
ecapi_pinterest_is_name(const char *name)
{
	size_t		len = strlen(name);

	return len > 0 && len <= ECAPI_PINTEREST_NAME_MAX && ecapi_all_alphanumeric(name, len, "_-");
}

/*
 * ---- what an event is ----
 */

/* Where an event happened, in Pinterest's words; NULL: of an app whose system nobody said. */
static const char *
action_source(const EcapiOptions *options, const EcapiFacts *facts)
{
	const char *os = options->own[ECAPI_PINTEREST_APP_OS];

	if (strcmp(facts->source, "website") == 0)
		return "web";
	if (strcmp(facts->source, "app") != 0)
		return "offline";
	if (os == NULL)
		return NULL;
	return strcmp(os, "ios") == 0 ? "app_ios" : "app_android";
}

/* What Pinterest is known not to take, beside the person. */
static const char *
find_unfit(const EcapiFacts *facts, const char *name, const char *source)
{
	if (facts->id == NULL)
		return "event_id missing";
	if (!ecapi_pinterest_is_name(name))
		return "event_name unusable";
	if (source == NULL)
		return "app_os missing";
	return ecapi_facts_money_wrong(facts);
}

/*
 * ---- writing it ----
 */

/* The places of one event while it is written. */
typedef struct Event
{
	EcapiShape *shape;
	EcapiWriter *writer;
	const EcapiFacts *facts;
} Event;

static void
write_item(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_value(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "item_name", ecapi_member_text(item, "name"));
	ecapi_write_value(writer, "item_category", ecapi_member_text(item, "category"));
	ecapi_write_value(writer, "item_brand", ecapi_member_text(item, "brand"));
	ecapi_write_amount(writer, "item_price", ecapi_member_number(item, "price"));
	ecapi_item_write_quantity(writer, item);
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_items(const Event *one)
{
	const EcapiValue *items = ecapi_items_of(one->facts->properties);

	if (!ecapi_items_write(one->writer, "content_ids", items, ecapi_item_write_id))
		return;
	(void) ecapi_items_write(one->writer, "contents", items, write_item);
	ecapi_items_write_count(one->writer, "num_items", items);
}

static void
write_custom(const Event *one, const EcapiValue *event)
{
	EcapiWriter *writer = one->writer;
	const EcapiFacts *facts = one->facts;
	EcapiOpen	open = ecapi_write_open(writer, "custom_data", '{');

	ecapi_write_amount(writer, "value", facts->value);
	ecapi_write_text(writer, "currency", facts->value ? facts->currency : NULL);
	ecapi_write_amount(writer, "predicted_ltv", ecapi_facts_given(event, "predicted_ltv"));
	ecapi_write_value(writer, "order_id", ecapi_member_text(facts->properties, "transaction_id"));
	write_items(one);
	ecapi_write_value(writer, "search_string", ecapi_member_text(facts->properties, "search_term"));
	ecapi_write_text(writer, "opt_out_type",
					 one->shape->options->own[ECAPI_PINTEREST_OPT_OUT_TYPE]);
	(void) ecapi_write_close(writer, open, '}', false);
}

/* NULL, or why Pinterest would not take the person: the anyOf of user_data. */
static const char *
write_user(const Event *one)
{
	EcapiMatchKeys keys;
	EcapiOpen	open = ecapi_write_open(one->writer, "user_data", '{');

	ecapi_match_begin(&keys, one->shape, one->writer, one->facts->user);
	ecapi_match_write(&keys, hashed, lengthof(hashed), true);
	ecapi_match_clear(&keys, "client_ip_address", ecapi_match_ip(&keys), HAS_IP);
	ecapi_match_clear(&keys, "client_user_agent", ecapi_match_agent(&keys), HAS_AGENT);
	ecapi_match_own_id(&keys, "click_id", ecapi_match_id(ecapi_match_click(&keys, "epik")), HAS_MORE);
	(void) ecapi_write_close(one->writer, open, '}', true);
	if ((keys.has & HAS_ENOUGH) != 0 || (keys.has & (HAS_IP | HAS_AGENT)) == (HAS_IP | HAS_AGENT))
		return NULL;
	one->shape->identified = ECAPI_IDENTIFIED_NOT;
	return "needs em, hashed_maids, or IP address with user agent";
}

static const char *
write_event(const Event *one, const EcapiValue *event, const char *name, const char *source)
{
	EcapiWriter *writer = one->writer;
	const EcapiFacts *facts = one->facts;
	const char *reason;

	ecapi_write_text(writer, "event_name", name);
	ecapi_write_text(writer, "action_source", source);
	ecapi_write_integer(writer, "event_time", facts->time);
	ecapi_write_value(writer, "event_id", facts->id);
	ecapi_write_value(writer, "event_source_url", facts->page);
	ecapi_write_text(writer, "partner_name",
					 one->shape->options->own[ECAPI_PINTEREST_PARTNER_NAME]);
	if (ecapi_member_is_true(facts->user, "mmt_only"))
		ecapi_write_bool(writer, "opt_out", true);
	reason = write_user(one);
	write_custom(one, event);
	return reason;
}

EcapiShaped
ecapi_pinterest_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
					EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	const Event one = {shape, &writer, &facts};
	const char *name = NULL;
	const char *source = NULL;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = ecapi_facts_name(shape, event, &facts, standard_names, &name);
	if (*reason == NULL)
	{
		source = action_source(shape->options, &facts);
		*reason = find_unfit(&facts, name, source);
	}
	if (*reason != NULL)
		return ECAPI_UNFIT;
	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(&one, event, name, source);
	return ecapi_format_shaped(&writer, open, *reason);
}

/* Offline events are never known again (events/create, event_id). */
int
ecapi_pinterest_dedupe_limit(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiShape shape = {.options = options, .now = INT64_MAX};
	EcapiFacts	facts;
	const char *source;

	if (ecapi_facts_read(&shape, event, &facts) != NULL)
		return ECAPI_PINTEREST_DEDUPE;
	source = action_source(options, &facts);
	return source != NULL && strcmp(source, "offline") == 0 ? 0 : ECAPI_PINTEREST_DEDUPE;
}

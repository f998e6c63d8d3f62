/*
 * openai_event.c
 *	  One event in the shape of OpenAI Ads' Conversions API.
 *
 * One event that OpenAI refuses loses its whole request, so its known conditions are
 * looked at here: an identifier that tells one person from others; a URL, of a website's
 * event; an amount that is a whole number of the currency's smallest unit; a name of an
 * event of one's own that has a good form.
 *
 * Sources: developers.openai.com, ads/conversions-api and its page "Supported events"; the
 * forms of amounts and names also as PostHog's destination openai_ads has them.
 *
 * Invariants
 *	(1) Identifiers leave by the rules that identity.def has for OpenAI, and no other way.
 *	(2) No amount is rounded: one that cannot be expressed makes the event unfit, or, of an
 *		item, stays out.
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/decimal.h"
#include "destination/facts.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/openai.h"
#include "destination/options.h"
#include "event/ascii.h"
#include "event/codes.h"

/* Bytes of the name of an event of one's own (page "Supported events"). */
#define NAME_MAX_LEN	64

#define CUSTOM	"custom"

/* OpenAI's names of events, and the kind of data that each has. */
static const struct
{
	const char *type;
	const char *data;
}			types[] = {
	{"order_created", "contents"},
	{"items_added", "contents"},
	{"checkout_started", "contents"},
	{"contents_viewed", "contents"},
	{"page_viewed", "contents"},
	{"lead_created", "customer_action"},
	{"registration_completed", "customer_action"},
	{"appointment_scheduled", "customer_action"},
	{"app_installed", "customer_action"},
	{"app_opened", "customer_action"},
	{"subscription_created", "plan_enrollment"},
	{"trial_started", "plan_enrollment"}
};

static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "order_created",
	[ECAPI_EVENT_add_to_cart] = "items_added",
	[ECAPI_EVENT_begin_checkout] = "checkout_started",
	[ECAPI_EVENT_viewed_item] = "contents_viewed",
	[ECAPI_EVENT_page_view] = "page_viewed",
	[ECAPI_EVENT_generate_lead] = "lead_created",
	[ECAPI_EVENT_sign_up] = "registration_completed",
	[ECAPI_EVENT_schedule] = "appointment_scheduled",
	[ECAPI_EVENT_install] = "app_installed",
	[ECAPI_EVENT_subscribe] = "subscription_created",
	[ECAPI_EVENT_start_trial] = "trial_started"
};

/* Where an event happened, in the words of both; any other source is "other". */
static const char *const sources[][2] = {
	{"website", "web"},
	{"app", "mobile_app"},
	{"physical_store", "physical_store"},
	{"phone_call", "phone_call"},
	{"email", "email"}
};

/* What OpenAI asks beyond what most platforms do. */
typedef struct Extras
{
	const char *type;
	const char *custom;			/* the name of an event of one's own; NULL: none */
	const char *data;			/* the kind of data */
	const char *source;
	const char *currency;		/* NULL: no amount */
	int			decimals;		/* of the currency */
	bool		has_amount;
	int64_t		amount;
} Extras;

/* ---- what an event is ---- */

/* The kind of data of a name of OpenAI's; NULL: it is none of them. */
static const char *
data_of(const char *type)
{
	for (size_t i = 0; i < lengthof(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].data;
	return NULL;
}

const char *
ecapi_openai_name_wrong(const char *name)
{
	size_t		len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || strcmp(name, CUSTOM) == 0 ||
		!ecapi_all_alphanumeric(name, 1, "") || !ecapi_all_alphanumeric(name + len - 1, 1, "") ||
		!ecapi_all_alphanumeric(name, len, "_-"))
		return "event name not valid";
	return NULL;
}

static const char *
source_of(const EcapiFacts *facts)
{
	for (size_t i = 0; i < lengthof(sources); i++)
		if (strcmp(sources[i][0], facts->source) == 0)
			return sources[i][1];
	return "other";
}

static const char *
read_amount(EcapiArena *arena, const EcapiFacts *facts, Extras *extras)
{
	const char *reason = ecapi_facts_money_wrong(facts);

	if (reason != NULL || facts->currency == NULL)
		return reason;
	(void) ecapi_currency_lookup(facts->currency, strlen(facts->currency), &extras->decimals);
	if (extras->decimals < 0)
		return "currency_code without a smallest unit";
	extras->currency = facts->currency;
	if (facts->value == NULL)
		return NULL;
	if (!ecapi_decimal_count(arena, facts->value->text, facts->value->len, extras->decimals,
							 &extras->amount))
		return "value not in the currency's units";
	extras->has_amount = true;
	return NULL;
}

static const char *
read_extras(const EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			const EcapiFacts *facts, Extras *extras)
{
	const char *reason;

	memset(extras, 0, sizeof(*extras));
	reason = ecapi_facts_name(shape, event, facts, standard_names, &extras->type);
	if (reason != NULL)
		return reason;
	extras->data = data_of(extras->type);
	if (extras->data == NULL)
	{
		reason = ecapi_openai_name_wrong(extras->type);
		extras->custom = extras->type;
		extras->type = extras->data = CUSTOM;
	}
	extras->source = source_of(facts);
	if (reason == NULL && facts->id == NULL)
		reason = "id missing";
	if (reason == NULL && facts->page == NULL && strcmp(extras->source, "web") == 0)
		reason = "source_url missing";
	return reason ? reason : read_amount(arena, facts, extras);
}

/* ---- who it was ---- */

#define HAS_STRONG		(1 << 0)

static const EcapiMatchKey identifiers[] = {
	{"email_sha256", "user_data.email_address", HAS_STRONG},
	/* the first that there is */
	{"external_id_sha256", "user_data.customer_identifier", HAS_STRONG},
	{"external_id_sha256", "user_data.uids.id", HAS_STRONG},
	{"country", "user_data.address.country_code", 0},
	{"city", "user_data.address.city", 0},
	{"zip_code", "user_data.address.postal_code", 0}
};

/* A reference that OpenAI gave: of what characters is not said, but no address is one. */
static const EcapiValue *
reference(const EcapiValue *value)
{
	if (value == NULL || value->len > ECAPI_MATCH_ID_MAX)
		return NULL;
	for (uint32_t i = 0; i < value->len; i++)
		if (value->text[i] <= ' ' || value->text[i] > '~' || value->text[i] == '@')
			return NULL;
	return value;
}

/* The click, and user; false: nothing tells this person from others. */
static bool
write_person(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *data)
{
	EcapiMatchKeys keys;
	EcapiOpen	open;

	ecapi_match_begin(&keys, shape, writer, data);
	ecapi_match_own_id(&keys, "oppref", reference(ecapi_match_click(&keys, "oppref")), HAS_STRONG);
	open = ecapi_write_open(writer, "user", '{');
	ecapi_match_write(&keys, identifiers, lengthof(identifiers), false);
	ecapi_match_own_id(&keys, "obref", reference(ecapi_match_cookie(&keys, "obref")), HAS_STRONG);
	ecapi_match_clear(&keys, "ip_address", ecapi_match_ip(&keys), 0);
	ecapi_match_clear(&keys, "user_agent", ecapi_match_agent(&keys), 0);
	(void) ecapi_write_close(writer, open, '}', false);
	return (keys.has & HAS_STRONG) != 0;
}

/* ---- what it was about ---- */

static void
write_content(EcapiWriter *writer, EcapiArena *arena, const Extras *extras, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');
	const EcapiValue *price = ecapi_member_number(item, "price");
	int64_t		amount;

	ecapi_write_value(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "name", ecapi_member_text(item, "name"));
	ecapi_item_write_quantity(writer, item);
	if (price != NULL && extras->currency != NULL &&
		ecapi_decimal_count(arena, price->text, price->len, extras->decimals, &amount))
	{
		ecapi_write_integer(writer, "amount", amount);
		ecapi_write_text(writer, "currency", extras->currency);
	}
	(void) ecapi_write_close(writer, open, '}', false);
}

static void
write_contents(EcapiWriter *writer, EcapiArena *arena, const Extras *extras,
			   const EcapiValue *properties)
{
	const EcapiValue *items = ecapi_items_of(properties);
	EcapiOpen	open = ecapi_write_open(writer, "contents", '[');

	for (const EcapiValue *item = ecapi_member_first(items); item;
		 item = ecapi_member_next(items, item))
		if (ecapi_member_text(item, "id") != NULL)
			write_content(writer, arena, extras, item);
	(void) ecapi_write_close(writer, open, ']', false);
}

static void
write_data(EcapiWriter *writer, EcapiArena *arena, const EcapiFacts *facts, const Extras *extras)
{
	EcapiOpen	open = ecapi_write_open(writer, "data", '{');

	ecapi_write_text(writer, "type", extras->data);
	if (extras->has_amount)
	{
		ecapi_write_integer(writer, "amount", extras->amount);
		ecapi_write_text(writer, "currency", extras->currency);
	}
	if (strcmp(extras->data, "plan_enrollment") == 0)
		ecapi_write_value(writer, "plan_id",
						  ecapi_member_text(ecapi_member_object(facts->properties, "ext"), "plan_id"));
	if (strcmp(extras->data, "customer_action") != 0)
		write_contents(writer, arena, extras, facts->properties);
	(void) ecapi_write_close(writer, open, '}', true);
}

static bool
write_event(EcapiShape *shape, EcapiWriter *writer, EcapiArena *arena, const EcapiFacts *facts,
			const Extras *extras)
{
	ecapi_write_value(writer, "id", facts->id);
	ecapi_write_text(writer, "type", extras->type);
	ecapi_write_text(writer, "custom_event_name", extras->custom);
	ecapi_write_integer(writer, "timestamp_ms", facts->time * 1000);
	ecapi_write_text(writer, "action_source", extras->source);
	ecapi_write_value(writer, "source_url", facts->page);
	if (ecapi_member_is_true(facts->user, "mmt_only"))
		ecapi_write_bool(writer, "opt_out", true);
	if (!write_person(shape, writer, facts->user))
		return false;
	write_data(writer, arena, facts, extras);
	return true;
}

EcapiShaped
ecapi_openai_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	Extras		extras;

	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = read_extras(shape, arena, event, &facts, &extras);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	open = ecapi_write_open(&writer, NULL, '{');
	if (!write_event(shape, &writer, arena, &facts, &extras))
		*reason = "no identifier";
	return ecapi_format_shaped(&writer, open, *reason);
}

/*
 * ga4_event.c
 *	  One event for Analytics by the Measurement Protocol.
 *
 * Names of events and parameters are those of analytics.h.  Nothing that Analytics answers
 * says that an event was wrong, so what it would drop without a word is found here: a
 * name that it keeps for itself, a number of parameters, items or characters beyond its
 * limits.
 *
 * Sources: developers.google.com, analytics/devguides/collection/protocol/ga4, pages
 * "reference" and "reference/events", "sending-events" (Limitations); of the lengths of
 * URLs and the number of items, support.google.com, "Event collection limits" and
 * "Ecommerce".
 *
 * Invariants
 *	(1) An event that is not shaped leaves the body as it was; see format.h.
 *	(2) An order's number leaves whole or not at all: cut, two orders would be one.
 *	(3) Numbers leave as they are written.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/analytics.h"
#include "destination/facts.h"
#include "destination/formats.h"
#include "destination/ga4.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "event/ascii.h"
#include "event/scan.h"

/* Parameters of an event at most, and items (pages above). */
#define PARAMETERS_MAX	25
#define ITEMS_MAX		200

/* Characters of the two parameters that have room for more than others. */
#define LOCATION_MAX	1000
#define REFERRER_MAX	420

/* A session's id is the time of its start, and it lasts for a day at most. */
#define SESSION_S		86400

/* The parameters of an event while they are written. */
typedef struct Parameters
{
	EcapiWriter *writer;
	int			n;
} Parameters;

void
ecapi_ga4_write_cut(EcapiWriter *writer, const char *name, const EcapiValue *value, int max)
{
	uint32_t	len = 0;

	if (value == NULL || value->type != ECAPI_STRING)
	{
		if (value != NULL && value->type == ECAPI_NUMBER)
			ecapi_write_value(writer, name, value);
		return;
	}
	/* behind max characters, each up to the byte that begins the next */
	for (; len < value->len; len++)
		if ((value->text[len] & 0xc0) != 0x80 && max-- == 0)
			break;
	ecapi_write_text_len(writer, name, value->text, len);
}

/* A parameter: a number or a text, or the first of several. */
static void
write_parameter(Parameters *parameters, const char *name, const EcapiValue *value, int max)
{
	EcapiNumber number;

	value = ecapi_member_first(value);
	if (parameters->n >= PARAMETERS_MAX || value == NULL ||
		(!ecapi_value_is_text(value) &&
		 (value->type != ECAPI_NUMBER || !ecapi_scan_number(value->text, value->len, &number))))
		return;
	ecapi_ga4_write_cut(parameters->writer, name, value, max);
	parameters->n++;
}

/* ---- items ---- */

/* Analytics knows an item by its id or its name. */
static void
write_item(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_ga4_write_cut(writer, "item_id", ecapi_member_text(item, "id"), ECAPI_GA4_VALUE_MAX);
	ecapi_write_value(writer, "price", ecapi_member_number(item, "price"));
	ecapi_write_value(writer, "quantity", ecapi_member_number(item, "quantity"));
	for (const EcapiAnalyticsParameter *row = ecapi_analytics_of_item; row->field; row++)
		ecapi_ga4_write_cut(writer, row->name, ecapi_member_scalar(item, row->field),
							ECAPI_GA4_VALUE_MAX);
	(void) ecapi_write_close(writer, open, '}', false);
}

static void
write_items(Parameters *parameters, const EcapiValue *properties)
{
	const EcapiValue *items = ecapi_items_of(properties);
	EcapiOpen	open = ecapi_write_open(parameters->writer, "items", '[');
	int			n = 0;

	for (const EcapiValue *item = ecapi_member_first(items); item && n < ITEMS_MAX;
		 item = ecapi_member_next(items, item))
	{
		if (ecapi_member_text(item, "id") == NULL && ecapi_member_text(item, "name") == NULL)
			continue;
		write_item(parameters->writer, item);
		n++;
	}
	if (ecapi_write_close(parameters->writer, open, ']', false))
		parameters->n++;
}

/* ---- parameters ---- */

/* Parameters that are made of other fields than those of the table. */
static const char *const made[] = {
	"transaction_id", "value", "currency", "items", "coupon", "session_id",
	"engagement_time_msec", "lead_reason", "disqualified_lead_reason", "unconvert_lead_reason"
};

static bool
is_made(const char *name)
{
	for (size_t i = 0; i < lengthof(made); i++)
		if (strcmp(made[i], name) == 0)
			return true;
	for (const EcapiAnalyticsParameter *row = ecapi_analytics_of_event; row->field; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return false;
}

static int
room_of(const char *field)
{
	if (strcmp(field, "page_url") == 0)
		return LOCATION_MAX;
	return strcmp(field, "referrer") == 0 ? REFERRER_MAX : ECAPI_GA4_VALUE_MAX;
}

/*
 * The session that the tag began.  One that it did not begin, or that is over, would open
 * a session without a source.  Events are seen in reports of sessions only with a time of
 * engagement, and the least of it says the least.
 */
static void
write_session(Parameters *parameters, const EcapiFacts *facts)
{
	const EcapiValue *clicks = ecapi_member_object(ecapi_member_object(facts->user, "ext"),
												   "click_ids");
	const EcapiValue *session = ecapi_member_scalar(clicks, "ga_session_id");
	EcapiNumber number;

	if (session == NULL || !ecapi_all_digits(session->text, session->len) ||
		!ecapi_scan_number(session->text, session->len, &number) || !number.fits ||
		number.whole > facts->time || facts->time - number.whole > SESSION_S)
		return;
	ecapi_write_text_len(parameters->writer, "session_id", session->text, session->len);
	ecapi_write_integer(parameters->writer, "engagement_time_msec", 1);
	parameters->n += 2;
}

/* What the owner gives beyond the standard: properties.ext. */
static void
write_custom(Parameters *parameters, const EcapiValue *properties)
{
	const EcapiValue *ext = ecapi_member_object(properties, "ext");

	for (const EcapiValue *member = ext ? ext->first : NULL; member; member = member->next)
	{
		if (ecapi_analytics_name_wrong(member->key, member->keylen) == NULL &&
			!is_made(member->key))
			write_parameter(parameters, member->key, member, ECAPI_GA4_VALUE_MAX);
	}
}

static void
write_parameters(EcapiWriter *writer, const EcapiFacts *facts, const EcapiValue *order)
{
	EcapiOpen	open = ecapi_write_open(writer, "params", '{');
	Parameters	parameters = {writer, 0};

	write_parameter(&parameters, "transaction_id", order, ECAPI_GA4_VALUE_MAX);
	write_parameter(&parameters, "value", facts->value, 0);
	if (facts->currency != NULL)
	{
		ecapi_write_text(writer, "currency", facts->currency);
		parameters.n++;
	}
	write_items(&parameters, facts->properties);
	write_session(&parameters, facts);
	write_parameter(&parameters, "coupon", ecapi_value_get(facts->properties, "coupon"),
					ECAPI_GA4_VALUE_MAX);
	write_parameter(&parameters, ecapi_analytics_lead_reason(facts->type),
					ecapi_value_get(facts->properties, "lead_reason"), ECAPI_GA4_VALUE_MAX);
	write_custom(&parameters, facts->properties);
	for (const EcapiAnalyticsParameter *row = ecapi_analytics_of_event; row->field; row++)
		write_parameter(&parameters, row->name, ecapi_value_get(facts->properties, row->field),
						room_of(row->field));
	(void) ecapi_write_close(writer, open, '}', true);
}

/* ---- an event ---- */

/* The value of these is an amount of a currency of the owner's own, which has no code. */
static bool
is_virtual(int type)
{
	return type == ECAPI_EVENT_spend_virtual_currency || type == ECAPI_EVENT_earn_virtual_currency;
}

/*
 * An order's number, by which alone Analytics knows a purchase again; where there is
 * none, what the option dedupe_key has in its place.  Of other events: if they have one.
 */
static const EcapiValue *
order_of(const EcapiFacts *facts, const char *name)
{
	if (strcmp(name, ECAPI_GA4_PURCHASE) == 0)
		return facts->id;
	return ecapi_member_text(facts->properties, "transaction_id");
}

static bool
is_longer(const EcapiValue *text, int max)
{
	int			n = 0;

	for (uint32_t i = 0; text && i < text->len; i++)
		n += (text->text[i] & 0xc0) != 0x80;
	return n > max;
}

/* Fill in what there is to know first; NULL, or why the event cannot be expressed. */
static const char *
read_event(const EcapiShape *shape, const EcapiValue *event, EcapiFacts *facts,
		   const char **name, const EcapiValue **order)
{
	const char *reason = ecapi_facts_read(shape, event, facts);

	if (reason == NULL)
		reason = ecapi_facts_name(shape, event, facts, ecapi_analytics_names, name);
	if (reason == NULL)
		reason = ecapi_analytics_name_wrong(*name, strlen(*name));
	if (reason == NULL && !is_virtual(facts->type))
		reason = ecapi_facts_money_wrong(facts);
	if (reason != NULL)
		return reason;
	*order = order_of(facts, *name);
	return is_longer(*order, ECAPI_GA4_VALUE_MAX) ? "transaction_id too long" : NULL;
}

bool
ecapi_ga4_is_known_again(const EcapiOptions *options, const EcapiValue *event)
{
	EcapiShape	shape = {.format = &ecapi_format_ga4, .options = options};
	const EcapiValue *order;
	const char *name;
	EcapiFacts	facts;

	return read_event(&shape, event, &facts, &name, &order) == NULL &&
		strcmp(name, ECAPI_GA4_PURCHASE) == 0 && order != NULL;
}

EcapiShaped
ecapi_ga4_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			  EcapiBuffer *body, const char **reason)
{
	size_t		before = body->len;
	bool		first = shape->events == 0;
	EcapiWriter writer = {body, !first};
	const EcapiValue *order;
	const char *name;
	EcapiOpen	open;
	EcapiFacts	facts;

	(void) arena;
	*reason = read_event(shape, event, &facts, &name, &order);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	if (first)
	{
		ecapi_buffer_char(body, '{');
		*reason = ecapi_ga4_write_head(shape, &writer, facts.user, facts.time);
		ecapi_buffer_str(body, ",\"events\":[");
		writer.any = false;
	}
	if (*reason != NULL)
	{
		if (!body->full)
			ecapi_buffer_truncate(body, before);
		return ECAPI_UNFIT;
	}
	open = ecapi_write_open(&writer, NULL, '{');
	ecapi_write_text(&writer, "name", name);
	/* that of the first is in the head, and holds for all that have none */
	if (!first)
		ecapi_write_integer(&writer, "timestamp_micros", facts.time * 1000000);
	write_parameters(&writer, &facts, order);
	(void) ecapi_write_close(&writer, open, '}', true);
	return ECAPI_SHAPED;
}

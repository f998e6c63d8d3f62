/*
 * meta_custom.c
 *	  custom_data of one event in the shape of Meta's Conversions API: what it was about.
 *
 * Source: developers.facebook.com, Conversions API, Custom Data Parameters, which allows
 * keys of one's own beside those it names.  Such are what the standard's properties hold
 * beyond Meta's, and the members of properties.ext; single values and lists of them, for
 * nothing is said of deeper ones.
 *
 * Invariants
 *	(1) A property that is none of the standard's does not leave, outside of
 *		properties.ext; nor do the fields of listings, travel and vehicles, for which Meta
 *		has names and words of its own that are not the standard's.
 *	(2) No key is written twice.
 *
 * Numbers leave as they are written: 0 is one, and a price is not rounded.
 *
 * No locks, no state, no memory but the buffer's.
 */
#include "destination/meta.h"

#include <string.h>

#include "destination/facts.h"
#include "destination/items.h"
#include "destination/member.h"
#include "event/scan.h"

/* Bytes of a key of properties.ext; those that people make are below. */
#define MAX_KEY		100

/* Properties that do not leave under their own name, or not at all. */
static const char *const not_extra[] = {
	/* under Meta's, or outside of custom_data */
	"transaction_id", "items", "page_url", "referrer", "search_term", "lead_status", "ext",
	/* listings, travel, vehicles */
	"availability", "body_style", "condition_of_vehicle", "arrival_date", "departure_date",
	"destination_airport", "destination_ids", "drivetrain", "exterior_color", "fuel_type",
	"lease_end_date", "lease_start_date", "listing_type", "make", "model", "transmission",
	"vin"
};

/* Keys that are made of fields of the standard alone. */
static const char *const made[] = {
	"value", "currency", "order_id", "contents", "content_ids", "content_type", "num_items",
	"search_string", "status", "predicted_ltv", "net_revenue"
};

static bool
is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static void
write_text(EcapiWriter *writer, const char *name, const EcapiValue *text)
{
	if (text != NULL)
		ecapi_write_text_len(writer, name, text->text, text->len);
}

/*
 * ---- items ----
 */

static void
write_content(EcapiWriter *writer, const EcapiValue *item)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	write_text(writer, "id", ecapi_member_text(item, "id"));
	ecapi_write_value(writer, "quantity", ecapi_member_number(item, "quantity"));
	ecapi_write_value(writer, "item_price", ecapi_member_number(item, "price"));
	write_text(writer, "title", ecapi_member_text(item, "name"));
	write_text(writer, "brand", ecapi_member_text(item, "brand"));
	write_text(writer, "category", ecapi_member_text(item, "category"));
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_items(EcapiWriter *writer, const EcapiValue *properties)
{
	const EcapiValue *items = ecapi_items_of(properties);

	if (!ecapi_items_write(writer, "contents", items, write_content))
		return;
	(void) ecapi_items_write(writer, "content_ids", items, ecapi_item_write_id);
	ecapi_items_write_type(writer, properties);
	ecapi_items_write_count(writer, "num_items", items);
}

/*
 * ---- keys of one's own ----
 */

static bool
is_single(const EcapiValue *value)
{
	EcapiNumber number;

	switch (value->type)
	{
		case ECAPI_STRING:
			return value->len > 0;
		case ECAPI_NUMBER:
			return ecapi_scan_number(value->text, value->len, &number);
		case ECAPI_BOOL:
			return true;
		case ECAPI_NULL:
		case ECAPI_ARRAY:
		case ECAPI_OBJECT:
			break;
	}
	return false;
}

static void
write_extra(EcapiWriter *writer, const EcapiValue *member)
{
	EcapiOpen	open;

	if (is_single(member))
		ecapi_write_value(writer, member->key, member);
	else if (member->type == ECAPI_ARRAY)
	{
		open = ecapi_write_open(writer, member->key, '[');
		for (const EcapiValue *one = member->first; one; one = one->next)
		{
			if (is_single(one))
				ecapi_write_value(writer, NULL, one);
		}
		(void) ecapi_write_close(writer, open, ']', false);
	}
}

static void
write_properties(EcapiWriter *writer, const EcapiValue *properties)
{
	for (const EcapiValue *member = properties->first; member; member = member->next)
	{
		if (ecapi_field_lookup(ECAPI_OBJ_PROPERTIES, member->key, member->keylen) != NULL &&
			!is_among(member->key, not_extra, sizeof(not_extra) / sizeof(not_extra[0])))
			write_extra(writer, member);
	}
}

static void
write_ext(EcapiWriter *writer, const EcapiValue *properties)
{
	const EcapiValue *ext = ecapi_member_object(properties, "ext");

	for (const EcapiValue *member = ext ? ext->first : NULL; member; member = member->next)
	{
		if (member->keylen > 0 && member->keylen <= MAX_KEY &&
			ecapi_field_lookup(ECAPI_OBJ_PROPERTIES, member->key, member->keylen) == NULL &&
			!is_among(member->key, made, sizeof(made) / sizeof(made[0])))
			write_extra(writer, member);
	}
}

void
ecapi_meta_write_custom(EcapiWriter *writer, const EcapiValue *event,
						const EcapiValue *value, const char *currency)
{
	const EcapiValue *properties = ecapi_member_object(event, "properties");
	EcapiOpen	open = ecapi_write_open(writer, "custom_data", '{');

	ecapi_write_value(writer, "value", value);
	ecapi_write_text(writer, "currency", value ? currency : NULL);
	ecapi_write_value(writer, "predicted_ltv", ecapi_facts_given(event, "predicted_ltv"));
	ecapi_write_value(writer, "net_revenue", ecapi_facts_given(event, "net_revenue"));
	if (properties != NULL)
	{
		write_text(writer, "order_id", ecapi_member_text(properties, "transaction_id"));
		write_items(writer, properties);
		write_text(writer, "search_string", ecapi_member_text(properties, "search_term"));
		write_text(writer, "status", ecapi_member_text(properties, "lead_status"));
		write_properties(writer, properties);
		write_ext(writer, properties);
	}
	(void) ecapi_write_close(writer, open, '}', false);
}

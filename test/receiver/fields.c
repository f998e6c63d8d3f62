/*
 * fields.c
 *	  The 106 fields of ECAPI 1.0 as data.
 *
 * One line a field, in the standard's order, with the erratum of 2026-06-16
 * (item_variant).  Written from the standard, apart from the extension's own
 * table.
 *
 * Numbered values are checked within the range that the standard lists.  Two
 * lists, agent types and category taxonomies, belong to AdCOM, grow there and
 * leave 500 and above to vendors: any number from 1 on is taken.
 */
#include "fields.h"

#include <string.h>

#include "shapes.h"

/* Lines of the table; the names of the macros are those of the kinds. */
#define TEXT(name, shape)		{name, RCV_TEXT, false, false, shape, 0, 0, 0}
#define TEXTS(name, shape)		{name, RCV_TEXT, true, false, shape, 0, 0, 0}
#define HASH(name)				{name, RCV_HASH, false, false, rcv_shape_hash, 0, 0, 0}
#define HASHES(name)			{name, RCV_HASH, true, false, rcv_shape_hash, 0, 0, 0}
#define INT(name, min, max)		{name, RCV_INTEGER, false, false, NULL, min, max, 0}
#define INTS(name, min, max)	{name, RCV_INTEGER, true, false, NULL, min, max, 0}
#define FLOAT(name)				{name, RCV_FLOAT, false, false, NULL, 0, 0, 0}
#define BOOLEAN(name)			{name, RCV_BOOLEAN, false, false, NULL, 0, 0, 0}
#define CHILD(name, object)		{name, RCV_CHILD, false, false, NULL, 0, 0, object}
#define CHILDREN(name, object)	{name, RCV_CHILD, true, false, NULL, 0, 0, object}
#define EXT						{"ext", RCV_EXT, false, false, NULL, 0, 0, 0}
#define REQUIRED_TEXT(name, shape)	{name, RCV_TEXT, false, true, shape, 0, 0, 0}
#define REQUIRED_INT(name)		{name, RCV_INTEGER, false, true, NULL, INT64_MIN, INT64_MAX, 0}

#define CLEAR	rcv_shape_clear
#define OPAQUE	rcv_shape_opaque	/* identifiers: a digest may be one */

static const RcvField event_fields[] = {
	REQUIRED_TEXT("data_set_id", OPAQUE),
	TEXT("id", OPAQUE),
	REQUIRED_INT("timestamp"),	/* its range depends on the clock: check.c */
	REQUIRED_TEXT("event_type", rcv_shape_event_type),
	TEXT("custom_event", CLEAR),
	CHILD("user_data", RCV_USER_DATA),
	FLOAT("value"),
	TEXT("currency_code", rcv_shape_currency),
	TEXT("source", rcv_shape_source),
	CHILD("properties", RCV_PROPERTIES),
	EXT
};

static const RcvField user_data_fields[] = {
	HASH("customer_identifier"),
	CHILDREN("uids", RCV_UIDS),
	TEXTS("customer_segments", CLEAR),
	HASHES("email_address"),
	HASHES("phone_numbers"),
	INT("utcoffset", -12 * 60, 14 * 60),	/* the offsets in use on Earth */
	CHILDREN("address", RCV_ADDRESS),
	TEXT("gpp_string", rcv_shape_gpp),
	INTS("gpp_sid", 1, INT32_MAX),	/* but 3 and 4: check.c */
	BOOLEAN("mmt_only"),
	TEXT("click_id", OPAQUE),
	TEXT("impression_id", OPAQUE),
	TEXT("event_ip_address", rcv_shape_ip),
	TEXT("event_user_agent", CLEAR),
	TEXT("ifa", OPAQUE),
	TEXT("landing_ip_address", rcv_shape_ip),
	TEXT("landing_user_agent", CLEAR),
	INT("age_range", 1, 13),
	HASH("gender"),
	EXT
};

static const RcvField uids_fields[] = {
	HASH("id"),
	TEXT("source", rcv_shape_domain),
	INT("atype", 1, INT32_MAX),
	EXT
};

static const RcvField address_fields[] = {
	HASH("first_name"),
	HASH("last_name"),
	HASH("street"),
	TEXT("city", rcv_shape_place),
	TEXT("state", rcv_shape_place),
	TEXT("country_code", rcv_shape_country),
	HASH("postal_code"),
	INT("address_type", 1, 3),
	EXT
};

static const RcvField properties_fields[] = {
	TEXT("transaction_id", OPAQUE),
	CHILDREN("items", RCV_ITEM),
	TEXT("page_url", rcv_shape_url),
	TEXT("ad_source", CLEAR),
	TEXT("referrer", CLEAR),
	TEXTS("coupon", CLEAR),
	FLOAT("shipping"),
	FLOAT("tax"),
	TEXTS("payment_type", CLEAR),
	TEXT("shipping_tier", CLEAR),
	TEXT("virtual_currency_name", CLEAR),
	TEXT("virtual_item_name", CLEAR),
	TEXT("lead_source", CLEAR),
	TEXT("lead_status", CLEAR),
	TEXT("lead_reason", CLEAR),
	TEXT("ad_platform", CLEAR),
	TEXT("ad_format", CLEAR),
	TEXT("ad_unit_name", CLEAR),
	TEXT("login_method", CLEAR),
	TEXT("group_id", OPAQUE),
	INT("character_level", INT64_MIN, INT64_MAX),
	TEXT("character", CLEAR),
	INT("post_score", INT64_MIN, INT64_MAX),
	TEXT("achievement_id", OPAQUE),
	TEXT("search_term", CLEAR),
	TEXT("creative_name", CLEAR),
	TEXT("creative_slot", CLEAR),
	TEXT("promotion_id", OPAQUE),
	TEXT("promotion_name", CLEAR),
	INT("availability", 1, 6),
	INT("body_style", 1, 11),
	INT("condition_of_vehicle", 1, 2),
	TEXT("arrival_date", rcv_shape_date),
	TEXT("departure_date", rcv_shape_date),
	TEXT("destination_airport", rcv_shape_airport),
	TEXT("destination_ids", OPAQUE),
	INT("drivetrain", 1, 7),
	TEXT("exterior_color", CLEAR),
	INT("fuel_type", 1, 9),
	TEXT("lease_end_date", rcv_shape_date),
	TEXT("lease_start_date", rcv_shape_date),
	INT("listing_type", 1, 7),
	TEXT("make", CLEAR),
	TEXT("model", CLEAR),
	INT("transmission", 1, 4),
	TEXT("vin", CLEAR),
	EXT
};

static const RcvField item_fields[] = {
	TEXT("id", OPAQUE),
	TEXT("name", CLEAR),
	FLOAT("price"),
	FLOAT("discount"),
	FLOAT("quantity"),
	TEXT("brand", CLEAR),
	TEXT("affiliation", CLEAR),
	TEXT("category", CLEAR),
	INT("cattax", 1, INT32_MAX),
	TEXT("item_coupon", CLEAR),
	TEXT("item_list_id", OPAQUE),
	TEXT("item_list_name", CLEAR),
	TEXT("item_variant", CLEAR),
	TEXT("item_location_id", OPAQUE),
	EXT
};

#define FIELDS(table) {table, sizeof(table) / sizeof(table[0])}

static const struct
{
	const RcvField *fields;
	int			count;
}			objects[RCV_OBJECTS] = {
	[RCV_EVENT] = FIELDS(event_fields),
	[RCV_USER_DATA] = FIELDS(user_data_fields),
	[RCV_UIDS] = FIELDS(uids_fields),
	[RCV_ADDRESS] = FIELDS(address_fields),
	[RCV_PROPERTIES] = FIELDS(properties_fields),
	[RCV_ITEM] = FIELDS(item_fields),
};

_Static_assert(sizeof(event_fields) + sizeof(user_data_fields) + sizeof(uids_fields) +
			   sizeof(address_fields) + sizeof(properties_fields) + sizeof(item_fields) ==
			   106 * sizeof(RcvField), "the standard has 106 fields");
_Static_assert(sizeof(properties_fields) <= RCV_MAX_FIELDS * sizeof(RcvField),
			   "a bit for each field");

/* Names by hash: open addressing, at most a quarter full, written once. */
#define SLOTS 256

static int8_t slots[RCV_OBJECTS][SLOTS];	/* index + 1; 0 is free */

static unsigned int
slot_of(const char *name, size_t len)
{
	unsigned int hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) name[i]) * 16777619u;
	return (hash ^ (hash >> 15)) % SLOTS;
}

void
rcv_fields_init(void)
{
	for (int o = 0; o < RCV_OBJECTS; o++)
	{
		for (int i = 0; i < objects[o].count; i++)
		{
			const char *name = objects[o].fields[i].name;
			unsigned int s = slot_of(name, strlen(name));

			while (slots[o][s] != 0)
				s = (s + 1) % SLOTS;
			slots[o][s] = i + 1;
		}
	}
}

const RcvField *
rcv_fields(RcvObject object, int *count)
{
	*count = objects[object].count;
	return objects[object].fields;
}

int
rcv_field_index(RcvObject object, const char *name, size_t len)
{
	for (unsigned int s = slot_of(name, len); slots[object][s] != 0; s = (s + 1) % SLOTS)
	{
		int			i = slots[object][s] - 1;
		const char *field = objects[object].fields[i].name;

		if (strlen(field) == len && memcmp(field, name, len) == 0)
			return i;
	}
	return -1;
}

/*
 * test_refund.c
 *	  Refunds: of what, what they say, and whom they are for.
 */
#include "event/refund.h"
#include "unit.h"

static void
possible(const char *event, bool wanted)
{
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(ecapi_refund_possible(unit_json(&arena, event)) == wanted, event);
	unit_free();
}

/* The refund of an event, for destinations 7 "a" and, with two, 8 "b". */
static void
made(const char *event, bool two, const char *wanted)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	EcapiValue *tree;
	EcapiValue *refund;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	tree = unit_json(&arena, event);
	refund = ecapi_refund_make(&arena, tree, "x:refund", 8, 1700000000);
	check(refund && !ecapi_refund_is_for(refund, 7, "a"), "a new refund is for nobody");
	check(ecapi_refund_address(&arena, refund, 7, "a"), "addressed");
	if (two)
		check(ecapi_refund_address(&arena, refund, 8, "b"), "addressed twice");
	ecapi_json_value(&buffer, refund);
	check_text(buffer.data, wanted, event);
	check(ecapi_refund_is_for(refund, 7, "renamed"), "an oid is enough");
	check(ecapi_refund_is_for(refund, 9, "a"), "a name is enough");
	check(ecapi_refund_is_for(refund, 8, "b") == two, "others only if they are named");
	check(!ecapi_refund_is_for(refund, 77, "7"), "an oid is no name");
	free(buffer.data);
	unit_free();
}

/* At whatever allocation memory runs out: no crash, and no half of a refund. */
static int	grabs_left;

static void *
grab_some(void *owner, size_t size)
{
	return grabs_left-- > 0 ? unit_grab(owner, size) : NULL;
}

static void
test_memory(void)
{
	EcapiArena	arena;
	EcapiArena	small;
	EcapiValue *tree;
	bool		right = true;
	bool		whole = false;
	char		json[20000];
	int			len = snprintf(json, sizeof(json), "{'ext': {'a': 1}, 'properties': {'items': [");

	for (int i = 0; i < 200; i++)
		len += snprintf(json + len, sizeof(json) - len, "%s{'id': 'sku-%d'}", i ? "," : "", i);
	snprintf(json + len, sizeof(json) - len, "]}}");
	ecapi_arena_init(&arena, unit_grab, NULL);
	tree = unit_json(&arena, json);
	for (int n = 0; n < 100 && !whole; n++)
	{
		EcapiValue *refund;

		grabs_left = n;
		ecapi_arena_init(&small, grab_some, NULL);
		refund = ecapi_refund_make(&small, tree, "x", 1, 1);
		right &= (refund == NULL) == small.failed;
		whole = refund != NULL;
	}
	check(right && whole, "memory that runs out is told");
	unit_free();
}

int
main(void)
{
	EcapiArena	arena;

	possible("{'event_type': 'purchase', 'value': 1}", true);
	possible("{'event_type': 'subscribe', 'value': 1.5}", true);
	possible("{'event_type': 'donate', 'value': 1}", true);
	possible("{'event_type': 'purchase'}", false);
	possible("{'event_type': 'purchase', 'value': '1'}", false);
	possible("{'event_type': 'refund', 'value': 1}", false);
	possible("{'event_type': 'add_to_cart', 'value': 1}", false);
	possible("{'event_type': 3, 'value': 1}", false);
	possible("{}", false);
	possible("[]", false);

	made("{'id': 'x', 'timestamp': 1, 'event_type': 'purchase', 'value': 129.90, 'currency_code': 'EUR'}",
		 false,
		 "{\"id\":\"x:refund\",\"timestamp\":1700000000,\"event_type\":\"refund\",\"value\":129.90,"
		 "\"currency_code\":\"EUR\",\"ext\":{\"refund_for\":{\"7\":\"a\"}}}");
	made("{'id': 'x', 'data_set_id': 'd', 'user_data': {'customer_identifier': ['c']}, 'source': 'website',"
		 " 'custom_event': 'n', 'properties': {'coupon': 'X', 'transaction_id': '42', 'items': [{'id': 's'}]},"
		 " 'ext': {'route': 'de', 'refund_for': {'9': 'z'}}}",
		 true,
		 "{\"id\":\"x:refund\",\"timestamp\":1700000000,\"event_type\":\"refund\",\"data_set_id\":\"d\","
		 "\"user_data\":{\"customer_identifier\":[\"c\"]},\"source\":\"website\","
		 "\"properties\":{\"transaction_id\":\"42\",\"items\":[{\"id\":\"s\"}]},"
		 "\"ext\":{\"route\":\"de\",\"refund_for\":{\"7\":\"a\",\"8\":\"b\"}}}");
	made("{'properties': {'coupon': 'X'}, 'ext': 3}", false,
		 "{\"id\":\"x:refund\",\"timestamp\":1700000000,\"event_type\":\"refund\","
		 "\"ext\":{\"refund_for\":{\"7\":\"a\"}}}");

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(ecapi_refund_is_for(unit_json(&arena, "{'event_type': 'refund'}"), 7, "a"),
		  "without an address it is for all");
	check(ecapi_refund_is_for(unit_json(&arena, "{'ext': {'refund_for': 'a'}}"), 7, "b"),
		  "what is no address is none");
	unit_free();
	test_memory();
	return unit_done();
}

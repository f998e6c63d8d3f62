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
	refund = ecapi_refund_make(&arena, tree, "x:refund", 8, 1700000000, NULL, NULL);
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

/* The ids that a refund of an id may be named after, with a blank between. */
static void
named(const char *id, const char *wanted)
{
	const char *names[ECAPI_REFUND_NAMES];
	EcapiArena	arena;
	char		json[200];
	char		found[1000] = "";
	int			n;

	ecapi_arena_init(&arena, unit_grab, NULL);
	snprintf(json, sizeof(json), "{'id': '%s'}", id);
	n = ecapi_refund_names(&arena, unit_json(&arena, json), names);
	for (int i = 0; i < n; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "", names[i]);
	check_text(found, wanted, id);
	unit_free();
}

/* Are two events of one order, for certain (same) and perhaps (may)? */
static void
ordered(const char *a, const char *b, bool same, bool may)
{
	EcapiArena	arena;
	EcapiOrder	one;
	EcapiOrder	other;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_refund_order(unit_json(&arena, a), &one);
	ecapi_refund_order(unit_json(&arena, b), &other);
	check(ecapi_refund_same_order(&one, &other) == same && ecapi_refund_same_order(&other, &one) == same, a);
	check(ecapi_refund_may_be_of(&one, &other) == may, b);
	unit_free();
}

/* What is left of items after up to two refunds; NULL: not known, or nothing. */
static void
left(const char *items, const char *first, const char *second, const char *wanted)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	const EcapiValue *refunds[2];
	EcapiValue *rest;
	char		json[1000];
	int			n = 0;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	if (first != NULL)
		refunds[n++] = unit_json(&arena, first);
	if (second != NULL)
		refunds[n++] = unit_json(&arena, second);
	snprintf(json, sizeof(json), "{'properties': {'items': %s}}", items);
	rest = ecapi_refund_items_left(&arena, unit_json(&arena, json), refunds, n);
	if (rest != NULL)
		ecapi_json_value(&buffer, rest);
	check_text(rest == NULL ? "none" : buffer.data, wanted, items);
	free(buffer.data);
	unit_free();
}

static void
test_rest(void)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	EcapiValue *refund;

	named("shop.orders:42:refund:20", "shop.orders:42 shop.orders:42:purchase shop.orders:42:subscribe shop.orders:42:donate");
	named("order-1:refund", "order-1 order-1:purchase order-1:subscribe order-1:donate");
	named("a:refund:refund", "a a:purchase a:subscribe a:donate a:refund a:refund:purchase a:refund:subscribe a:refund:donate");
	named(":refund:1", "");
	named("a:refunded", "");
	named("a-refund", "");

	ordered("{'properties': {'transaction_id': '1'}}", "{'properties': {'transaction_id': '1'}}", true, true);
	ordered("{'properties': {'transaction_id': '1'}}", "{'properties': {'transaction_id': '2'}}", false, false);
	ordered("{'properties': {'transaction_id': '1'}}", "{}", false, true);
	ordered("{}", "{}", false, true);
	ordered("{'properties': {'transaction_id': '1'}, 'ext': {'route': 'de'}}",
			"{'properties': {'transaction_id': '1'}, 'ext': {'route': 'at'}}", false, false);
	ordered("{'properties': {'transaction_id': '1'}, 'ext': {'route': 'de'}}",
			"{'properties': {'transaction_id': '1'}, 'data_set_id': 'x'}", true, true);
	ordered("{'properties': {'transaction_id': '1'}, 'data_set_id': 'y'}",
			"{'properties': {'transaction_id': '1'}, 'data_set_id': 'x'}", false, false);

	left("[{'id': 'a', 'quantity': 3}, {'id': 'b'}]", "{'properties': {'items': [{'id': 'a'}]}}", NULL,
		 "[{\"id\":\"a\",\"quantity\":2},{\"id\":\"b\"}]");
	left("[{'id': 'a', 'quantity': 3}, {'id': 'b'}]", "{'properties': {'items': [{'id': 'a', 'quantity': 2}]}}",
		 "{'properties': {'items': [{'id': 'b'}]}}", "[{\"id\":\"a\",\"quantity\":1}]");
	left("[{'id': 'a'}, {'id': 'a'}]", "{'properties': {'items': [{'id': 'a'}]}}", NULL, "[{\"id\":\"a\"}]");
	left("[{'id': 'a'}]", "{'properties': {'items': [{'id': 'a'}]}}", NULL, "none");
	left("[{'id': 'a'}, {'id': 'b'}]", "{}", NULL, "none");
	left("[{'id': 'a'}]", "{'properties': {'items': [{'id': 'c'}]}}", NULL, "none");
	left("[{'id': 'a'}]", "{'properties': {'items': [{'id': 'a', 'quantity': 2}]}}", NULL, "none");
	left("[{'id': 'a', 'quantity': 1.5}]", NULL, NULL, "none");
	left("[]", NULL, NULL, "none");

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	refund = ecapi_refund_make(&arena, unit_json(&arena, "{'value': 129.90, 'properties': {'transaction_id': '42', 'items': [{'id': 's'}]}}"),
							   "x", 1, 1700000000, "79.90", NULL);
	ecapi_json_value(&buffer, refund);
	check_text(buffer.data, "{\"id\":\"x\",\"timestamp\":1700000000,\"event_type\":\"refund\",\"value\":79.90,"
			   "\"properties\":{\"transaction_id\":\"42\"},\"ext\":{\"refund_for\":{}}}", "a part has no items but those that are known");
	check(ecapi_refund_is_addressed(refund), "it is one that a cancellation made");
	check(!ecapi_refund_is_addressed(unit_json(&arena, "{'ext': {'refund_for': 1}}")) &&
		  !ecapi_refund_is_addressed(unit_json(&arena, "{'ext': 1}")) &&
		  !ecapi_refund_is_addressed(unit_json(&arena, "{}")), "others are not");
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
		refund = ecapi_refund_make(&small, tree, "x", 1, 1, NULL, NULL);
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
	test_rest();
	test_memory();
	return unit_done();
}

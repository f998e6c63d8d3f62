/*
 * refund.c
 *	  The refund of an event that was delivered and then cancelled.
 *
 * A refund says what the event said of money, person, items and origin, so that a
 * receiver can match it, and whatever chose the event (a route, a data set) chooses
 * it, too.  What belongs to the moment of the purchase alone is left behind.
 *
 * Its address is an object in ext, {"16404": "meta"}: oid and name of each
 * destination that had the event.  Either is enough: the oid is that of a destination
 * which was renamed since, the name that of one which pg_upgrade gave another oid.
 * Only refunds that a cancellation made have an address.  A refund that the shop made
 * itself belongs to what was paid if it is named after it, as tracks of one table name
 * their events, or has the transaction id of it.
 */
#include "event/refund.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/fields.h"

/* What ids of such events end in, as tracks name them; "" for those of others. */
static const char *const paid_ends[] = {"", ":purchase", ":subscribe", ":donate"};

#define NPAID_ENDS	((int) (sizeof(paid_ends) / sizeof(paid_ends[0])))

/* Items that are distinguished; with more nobody knows what is left. */
#define MAX_ITEMS	1000

/* Members of an event that its refund has as they are. */
static const char *const kept[] = {
	"data_set_id", "user_data", "value", "currency_code", "source"
};

bool
ecapi_refund_possible(const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");
	const EcapiValue *value = ecapi_value_get(event, "value");

	if (type == NULL || type->type != ECAPI_STRING ||
		value == NULL || value->type != ECAPI_NUMBER)
		return false;
	return ecapi_event_type_refundable(ecapi_event_type_lookup(type->text, type->len));
}

/* Set a member; a NULL member means that the arena failed. */
static void
set(EcapiArena *arena, EcapiValue *object, const char *key, EcapiValue *member)
{
	if (object != NULL && member != NULL)
		(void) ecapi_value_set(arena, object, key, strlen(key), member);
}

static void
set_text(EcapiArena *arena, EcapiValue *object, const char *key, EcapiType type,
		 const char *text, size_t len)
{
	set(arena, object, key, ecapi_value_text(arena, type, text, len));
}

static void
keep(EcapiArena *arena, EcapiValue *to, const EcapiValue *from, const char *key)
{
	const EcapiValue *member = ecapi_value_get(from, key);

	if (member != NULL)
		set(arena, to, key, ecapi_value_copy(arena, member));
}

/* ---- what belongs together ---- */

static const char *
text_of(const EcapiValue *object, const char *key)
{
	const EcapiValue *value = object == NULL || object->type != ECAPI_OBJECT ? NULL
		: ecapi_value_get(object, key);

	return value == NULL || value->type != ECAPI_STRING || value->len == 0 ? NULL
		: value->text;
}

void
ecapi_refund_order(const EcapiValue *event, EcapiOrder *order)
{
	order->transaction_id = text_of(ecapi_value_get(event, "properties"), "transaction_id");
	order->data_set_id = text_of(event, "data_set_id");
	order->route = text_of(ecapi_value_get(event, "ext"), "route");
}

static bool
differs(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) != 0;
}

bool
ecapi_refund_may_be_of(const EcapiOrder *a, const EcapiOrder *b)
{
	return !differs(a->transaction_id, b->transaction_id) &&
		!differs(a->data_set_id, b->data_set_id) && !differs(a->route, b->route);
}

bool
ecapi_refund_same_order(const EcapiOrder *a, const EcapiOrder *b)
{
	return a->transaction_id != NULL && b->transaction_id != NULL &&
		ecapi_refund_may_be_of(a, b);
}

int
ecapi_refund_names(EcapiArena *arena, const EcapiValue *refund,
				   const char *names[ECAPI_REFUND_NAMES])
{
	static const char mark[] = ":refund";
	const char *id = text_of(refund, "id");
	const char *at;
	int			n = 0;

	for (at = id == NULL ? NULL : strstr(id, mark);
		 at != NULL && n + NPAID_ENDS <= ECAPI_REFUND_NAMES;
		 at = strstr(at + 1, mark))
	{
		const char *behind = at + sizeof(mark) - 1;

		if (at == id || (*behind != '\0' && *behind != ':'))
			continue;
		for (int i = 0; i < NPAID_ENDS; i++)
		{
			size_t		len = (size_t) (at - id);
			size_t		end = strlen(paid_ends[i]);
			char	   *name = ecapi_arena_alloc(arena, len + end + 1);

			if (name == NULL)
				return n;
			memcpy(name, id, len);
			memcpy(name + len, paid_ends[i], end + 1);
			names[n++] = name;
		}
	}
	return n;
}

bool
ecapi_refund_is_addressed(const EcapiValue *event)
{
	const EcapiValue *ext = ecapi_value_get(event, "ext");
	const EcapiValue *address = ext == NULL || ext->type != ECAPI_OBJECT ? NULL
		: ecapi_value_get(ext, ECAPI_REFUND_FOR);

	return address != NULL && address->type == ECAPI_OBJECT;
}

/* ---- items ---- */

static const EcapiValue *
items_of(const EcapiValue *event)
{
	const EcapiValue *properties = ecapi_value_get(event, "properties");
	const EcapiValue *items = properties == NULL || properties->type != ECAPI_OBJECT ? NULL
		: ecapi_value_get(properties, "items");

	return items == NULL || items->type != ECAPI_ARRAY || items->first == NULL ? NULL : items;
}

/* How many of it an item stands for; -1 when that is no whole number. */
static long
quantity_of(const EcapiValue *item)
{
	const EcapiValue *quantity = item->type != ECAPI_OBJECT ? NULL
		: ecapi_value_get(item, "quantity");
	char	   *end;
	long		n;

	if (quantity == NULL)
		return 1;
	if (quantity->type != ECAPI_NUMBER)
		return -1;
	n = strtol(quantity->text, &end, 10);
	return *end != '\0' || n < 0 ? -1 : n;
}

/* Take a refunded item out of what is left of each; false when it is none of them. */
static bool
take_out(const EcapiValue *items, long *left, const EcapiValue *refunded)
{
	const char *id = text_of(refunded, "id");
	long		n = quantity_of(refunded);
	int			i = 0;

	if (id == NULL || n < 0)
		return false;
	for (const EcapiValue *item = items->first; item != NULL && n > 0; item = item->next, i++)
	{
		const char *other = text_of(item, "id");
		long		taken = left[i] < n ? left[i] : n;

		if (other == NULL || strcmp(id, other) != 0)
			continue;
		left[i] -= taken;
		n -= taken;
	}
	return n == 0;
}

/* What is left of an item, in the arena; NULL when it failed. */
static EcapiValue *
item_left(EcapiArena *arena, const EcapiValue *item, long left)
{
	EcapiValue *copy = ecapi_value_copy(arena, item);
	char		text[32];

	if (copy != NULL && left != quantity_of(item))
	{
		snprintf(text, sizeof(text), "%ld", left);
		set_text(arena, copy, "quantity", ECAPI_NUMBER, text, strlen(text));
	}
	return copy;
}

EcapiValue *
ecapi_refund_items_left(EcapiArena *arena, const EcapiValue *event,
						const EcapiValue *const *refunds, int nrefunds)
{
	const EcapiValue *items = items_of(event);
	long		left[MAX_ITEMS];
	EcapiValue *result;
	int			n = 0;
	int			i;

	if (items == NULL)
		return NULL;
	for (const EcapiValue *item = items->first; item != NULL; item = item->next, n++)
		if (n == MAX_ITEMS || item->type != ECAPI_OBJECT || (left[n] = quantity_of(item)) < 0)
			return NULL;
	for (i = 0; i < nrefunds; i++)
	{
		const EcapiValue *refunded = items_of(refunds[i]);

		if (refunded == NULL)
			return NULL;
		for (const EcapiValue *item = refunded->first; item != NULL; item = item->next)
			if (item->type != ECAPI_OBJECT || !take_out(items, left, item))
				return NULL;
	}
	result = ecapi_value_new(arena, ECAPI_ARRAY);
	i = 0;
	for (const EcapiValue *item = items->first; item != NULL; item = item->next, i++)
	{
		EcapiValue *rest = left[i] == 0 ? NULL : item_left(arena, item, left[i]);

		if (result != NULL && rest != NULL)
			ecapi_value_append(result, rest);
	}
	return result == NULL || result->first == NULL || arena->failed ? NULL : result;
}

/* ---- making one ---- */

EcapiValue *
ecapi_refund_make(EcapiArena *arena, const EcapiValue *event, const char *id, size_t id_len,
				  int64_t timestamp, const char *value, EcapiValue *items)
{
	EcapiValue *refund = ecapi_value_new(arena, ECAPI_OBJECT);
	const EcapiValue *properties = ecapi_value_get(event, "properties");
	EcapiValue *ext;
	char		seconds[32];
	size_t		i;

	snprintf(seconds, sizeof(seconds), "%lld", (long long) timestamp);
	set_text(arena, refund, "id", ECAPI_STRING, id, id_len);
	set_text(arena, refund, "timestamp", ECAPI_NUMBER, seconds, strlen(seconds));
	set_text(arena, refund, "event_type", ECAPI_STRING, "refund", strlen("refund"));
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep(arena, refund, event, kept[i]);
	if (value != NULL)
		set_text(arena, refund, "value", ECAPI_NUMBER, value, strlen(value));
	if (properties != NULL && properties->type == ECAPI_OBJECT)
	{
		EcapiValue *mine = ecapi_value_new(arena, ECAPI_OBJECT);

		keep(arena, mine, properties, "transaction_id");
		if (value == NULL)
			keep(arena, mine, properties, "items");
		else if (items != NULL)
			set(arena, mine, "items", items);
		if (mine != NULL && mine->first != NULL)
			set(arena, refund, "properties", mine);
	}
	keep(arena, refund, event, "ext");
	ext = ecapi_value_get(refund, "ext");
	if (ext == NULL || ext->type != ECAPI_OBJECT)
	{
		ext = ecapi_value_new(arena, ECAPI_OBJECT);
		set(arena, refund, "ext", ext);
	}
	set(arena, ext, ECAPI_REFUND_FOR, ecapi_value_new(arena, ECAPI_OBJECT));
	return arena->failed ? NULL : refund;
}

bool
ecapi_refund_address(EcapiArena *arena, EcapiValue *refund, uint32_t server,
					 const char *name)
{
	EcapiValue *address = ecapi_value_get(ecapi_value_get(refund, "ext"), ECAPI_REFUND_FOR);
	char		oid[16];

	snprintf(oid, sizeof(oid), "%u", (unsigned) server);
	set_text(arena, address, oid, ECAPI_STRING, name, strlen(name));
	return !arena->failed;
}

bool
ecapi_refund_is_for(const EcapiValue *event, uint32_t server, const char *name)
{
	const EcapiValue *address = ecapi_value_get(ecapi_value_get(event, "ext"),
												ECAPI_REFUND_FOR);
	const EcapiValue *member;
	char		oid[16];

	if (address == NULL || address->type != ECAPI_OBJECT)
		return true;
	snprintf(oid, sizeof(oid), "%u", (unsigned) server);
	for (member = address->first; member; member = member->next)
		if (strcmp(member->key, oid) == 0 ||
			(member->type == ECAPI_STRING && strcmp(member->text, name) == 0))
			return true;
	return false;
}

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
 * Only refunds have an address.
 */
#include "event/refund.h"

#include <stdio.h>
#include <string.h>

#include "event/fields.h"

/* Members of an event that its refund has as they are. */
static const char *const kept[] = {
	"data_set_id", "user_data", "value", "currency_code", "source"
};

/* Members of its properties that its refund has. */
static const char *const kept_properties[] = {"transaction_id", "items"};

/* See refund.h. */
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

/* See refund.h. */
EcapiValue *
ecapi_refund_make(EcapiArena *arena, const EcapiValue *event, const char *id, size_t id_len,
				  int64_t timestamp)
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
	if (properties != NULL && properties->type == ECAPI_OBJECT)
	{
		EcapiValue *mine = ecapi_value_new(arena, ECAPI_OBJECT);

		for (i = 0; i < sizeof(kept_properties) / sizeof(kept_properties[0]); i++)
			keep(arena, mine, properties, kept_properties[i]);
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

/* See refund.h. */
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

/* See refund.h. */
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

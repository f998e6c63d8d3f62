/*
 * amend.c
 *	  An event that says what an earlier one is worth now.
 *
 * An amendment is its original with a patch merged in: of the same type, person, route and
 * data set, so what chose the original, and by whom it is known, holds for it, too.  It has
 * an id and a time of its own, and two members of ext:
 *
 *	original	{"event_type", "custom_event", "timestamp", "id", "transaction_id"}: what it
 *				refers to, for receivers; an application may write it by itself, too
 *	amends		{"xid": "16404", "seq": "7"}: where the original lies in the outbox.  It
 *				never leaves.  Only ecapi.amend() makes it, and only an event that has it is
 *				an amendment: it leaves where the original was delivered, and nowhere else
 *
 * A patch says what became known: value, currency_code, properties and ext.  Whose event it
 * is, when and where it happened, and by what receivers know it, stays as it was.
 *
 * No I/O, no state; memory only from the arena.
 */
#include "event/amend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event/amended.h"
#include "event/patch.h"
#include "event/refund.h"

/* ---- what may be amended, and by what ---- */

static bool
is_one_of(const EcapiValue *member, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(member->key, *names) == 0)
			return true;
	return false;
}

const char *
ecapi_amend_refuses(const EcapiValue *patch)
{
	static const char *const members[] = {"value", "currency_code", "properties", "ext", NULL};
	static const char *const ours[] = {"route", ECAPI_ORIGINAL, ECAPI_AMENDS, ECAPI_REFUND_FOR, NULL};
	const EcapiValue *ext;

	if (patch->type != ECAPI_OBJECT)
		return "it is not a JSON object";
	if (patch->first == NULL)
		return "it is empty";
	for (const EcapiValue *member = patch->first; member; member = member->next)
		if (!is_one_of(member, members))
			return "it may have value, currency_code, properties and ext alone";
	if (ecapi_value_get(ecapi_value_get(patch, "properties"), "transaction_id") != NULL)
		return "it cannot change properties.transaction_id";
	ext = ecapi_value_get(patch, "ext");
	if (ext == NULL)
		return NULL;
	if (ext->type != ECAPI_OBJECT)
		return "its ext is not a JSON object";
	for (const EcapiValue *member = ext->first; member; member = member->next)
		if (is_one_of(member, ours))
			return "it cannot change what ext says of where the event goes";
	return NULL;
}

const char *
ecapi_amend_impossible(const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");

	if (ecapi_value_is_text(type) && strcmp(type->text, "refund") == 0)
		return "a refund cannot be amended";
	if (ecapi_value_get(ecapi_value_get(event, "ext"), ECAPI_ORIGINAL) != NULL)
		return "it refers to another event, which can be amended";
	return NULL;
}

/* ---- making one ---- */

static void
set(EcapiArena *arena, EcapiValue *object, const char *key, EcapiValue *member)
{
	if (object != NULL && member != NULL)
		(void) ecapi_value_set(arena, object, key, strlen(key), member);
}

static void
set_number(EcapiArena *arena, EcapiValue *object, const char *key, EcapiType type,
		   int64_t number)
{
	char		text[32];

	snprintf(text, sizeof(text), "%" PRId64, number);
	set(arena, object, key, ecapi_value_text(arena, type, text, strlen(text)));
}

static void
keep(EcapiArena *arena, EcapiValue *to, const EcapiValue *from, const char *key)
{
	const EcapiValue *member = ecapi_value_get(from, key);

	if (member != NULL)
		set(arena, to, key, ecapi_value_copy(arena, member));
}

/* What ext says of the original. */
static void
refer(EcapiArena *arena, EcapiValue *ext, const EcapiValue *event, uint64_t xid, int64_t seq)
{
	static const char *const kept[] = {"event_type", "custom_event", "timestamp", "id"};
	EcapiValue *original = ecapi_value_new(arena, ECAPI_OBJECT);
	EcapiValue *amends = ecapi_value_new(arena, ECAPI_OBJECT);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep(arena, original, event, kept[i]);
	keep(arena, original, ecapi_value_get(event, "properties"), "transaction_id");
	set_number(arena, amends, "xid", ECAPI_STRING, (int64_t) xid);
	set_number(arena, amends, "seq", ECAPI_STRING, seq);
	set(arena, ext, ECAPI_ORIGINAL, original);
	set(arena, ext, ECAPI_AMENDS, amends);
}

EcapiValue *
ecapi_amend_make(EcapiArena *arena, const EcapiValue *event, const EcapiValue *patch,
				 const char *id, size_t id_len, int64_t timestamp, uint64_t xid, int64_t seq,
				 const char **refused)
{
	EcapiValue *amendment = ecapi_patch_merge(arena, event, patch, refused);
	const EcapiValue *given;
	EcapiValue *ext;

	if (amendment == NULL)
		return NULL;
	set(arena, amendment, "id", ecapi_value_text(arena, ECAPI_STRING, id, id_len));
	set_number(arena, amendment, "timestamp", ECAPI_NUMBER, timestamp);
	given = ecapi_value_get(amendment, "ext");
	ext = given != NULL && given->type == ECAPI_OBJECT ? ecapi_value_copy(arena, given)
		: ecapi_value_new(arena, ECAPI_OBJECT);
	refer(arena, ext, event, xid, seq);
	set(arena, amendment, "ext", ext);
	return arena->failed ? NULL : amendment;
}

/*
 * patch.c
 *	  Merging a patch into an event.
 *
 * Neither the event nor the patch is changed.  A node belongs to one list of
 * siblings, so what is taken over is a copy of the node alone: its children, its
 * key and its text are shared.
 *
 * Invariants:
 *
 * (1) What names an event or says where it goes is as it was: an enrichment that
 *	  is about ids, types and routes has decided about the event before it was patched.
 * (2) The result holds no null that the event did not hold.
 * (3) The time is that of sorting: a patch of many members is indexed, so that
 *	  one made to be slow is not.
 *
 * Ownership: the result lives in the arena and points into both.
 */
#include <string.h>

#include "event/amended.h"
#include "event/members.h"
#include "event/patch.h"
#include "event/refund.h"

/* What a patch may not change, and how that is reported. */
static const struct
{
	const char *key;
	const char *refused;
}			kept[] =
{
	{"id", "a patch cannot change id"},
	{"data_set_id", "a patch cannot change data_set_id"},
	{"event_type", "a patch cannot change event_type"},
	{"timestamp", "a patch cannot change timestamp"},
};

static const char refused_route[] = "a patch cannot change ext.route";
static const char refused_ours[] = "a patch cannot change ext.amends or ext.refund_for";
static const char refused_original[] = "a patch cannot change what an amendment is of";

static EcapiValue *
empty_like(EcapiArena *arena, const EcapiValue *value)
{
	EcapiValue *node = ecapi_value_node(arena, value);

	if (node)
	{
		node->first = node->last = NULL;
		node->len = 0;
	}
	return node;
}

static EcapiValue *merge(EcapiArena *arena, const EcapiValue *old, const EcapiValue *patch);

/*
 * What a member becomes: old (NULL: it is new) under a patch that is no null.
 * NULL when the arena failed.
 */
static EcapiValue *
patched(EcapiArena *arena, const EcapiValue *old, const EcapiValue *patch)
{
	static const EcapiValue nothing = {.type = ECAPI_OBJECT};
	EcapiValue *value;

	if (patch->type != ECAPI_OBJECT)
		return ecapi_value_node(arena, patch);
	value = merge(arena, old && old->type == ECAPI_OBJECT ? old : &nothing, patch);
	if (value)
	{
		value->key = patch->key;
		value->keylen = patch->keylen;
	}
	return value;
}

/* Two objects as one; NULL when the arena failed. */
static EcapiValue *
merge(EcapiArena *arena, const EcapiValue *old, const EcapiValue *patch)
{
	EcapiValue *result = empty_like(arena, old);
	EcapiMembers changes;
	EcapiMembers present;
	EcapiValue *value;

	if (result == NULL || !ecapi_members_index(arena, patch, &changes) ||
		!ecapi_members_index(arena, old, &present))
		return NULL;
	for (const EcapiValue *member = old->first; member; member = member->next)
	{
		const EcapiValue *change = ecapi_members_find(&changes, member->key,
													  member->keylen);

		if (change != NULL && change->type == ECAPI_NULL)
			continue;
		value = change ? patched(arena, member, change) : ecapi_value_node(arena, member);
		if (value == NULL)
			return NULL;
		ecapi_value_append(result, value);
	}
	for (const EcapiValue *member = patch->first; member; member = member->next)
	{
		if (member->type == ECAPI_NULL ||
			ecapi_members_find(&present, member->key, member->keylen) != NULL)
			continue;
		value = patched(arena, NULL, member);
		if (value == NULL)
			return NULL;
		ecapi_value_append(result, value);
	}
	return result;
}

/* Whether both are the same scalar.  Absent and null are the same; no container is. */
static bool
same_scalar(const EcapiValue *a, const EcapiValue *b)
{
	if (a == NULL || a->type == ECAPI_NULL)
		return b == NULL || b->type == ECAPI_NULL;
	return b != NULL && a->type != ECAPI_ARRAY && a->type != ECAPI_OBJECT &&
		ecapi_value_equal(a, b);
}

/* Whether a patch of ext changes what ecapi.amend() and ecapi.cancel() alone say. */
static bool
changes_ours(const EcapiValue *event, const EcapiValue *patch)
{
	static const char *const ours[] = {ECAPI_AMENDS, ECAPI_REFUND_FOR};
	const EcapiValue *ext = ecapi_value_get(event, "ext");

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
	{
		const EcapiValue *old = ecapi_value_get(ext, ours[i]);
		const EcapiValue *change = ecapi_value_get(patch, ours[i]);

		if (patch->type != ECAPI_OBJECT ? old != NULL
			: change != NULL && (old == NULL ? change->type != ECAPI_NULL
								 : !ecapi_value_equal(old, change)))
			return true;
	}
	return false;
}

static const char *
find_refused(const EcapiValue *event, const EcapiValue *patch)
{
	const EcapiValue *ext = ecapi_value_get(patch, "ext");
	const EcapiValue *route = ecapi_value_get(ecapi_value_get(event, "ext"), "route");
	const EcapiValue *change;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
	{
		change = ecapi_value_get(patch, kept[i].key);
		if (change && !same_scalar(ecapi_value_get(event, kept[i].key), change))
			return kept[i].refused;
	}
	if (ext == NULL)
		return NULL;
	/* without it, an amendment would be taken for another event like its original */
	if (ecapi_amend_original(event) != NULL &&
		(ext->type != ECAPI_OBJECT || ecapi_value_get(ext, ECAPI_AMENDS) != NULL ||
		 ecapi_value_get(ext, ECAPI_ORIGINAL) != NULL))
		return refused_original;
	if (changes_ours(event, ext))
		return refused_ours;
	if (ext->type != ECAPI_OBJECT)
		return route != NULL ? refused_route : NULL;
	change = ecapi_value_get(ext, "route");
	return change && !same_scalar(route, change) ? refused_route : NULL;
}

EcapiValue *
ecapi_patch_merge(EcapiArena *arena, const EcapiValue *event, const EcapiValue *patch,
				  const char **refused)
{
	*refused = find_refused(event, patch);
	if (*refused != NULL)
		return NULL;
	return merge(arena, event, patch);
}

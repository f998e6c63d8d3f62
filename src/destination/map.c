/*
 * map.c
 *	  A tree with some of its children replaced or left out.
 *
 * A child is linked to its next sibling, so a node can have one parent only: where
 * a list changes, its nodes are copied, and what is below them is shared.  Nothing
 * is copied before the first change.
 *
 * Invariant: what is given is never changed.
 */
#include "destination/map.h"

#include <string.h>

/* Add a node that says what value says, under the key of another. */
static void
append_shared(EcapiArena *arena, EcapiValue *parent, const EcapiValue *value,
			  const char *key, uint32_t keylen)
{
	EcapiValue *node = ecapi_arena_alloc(arena, sizeof(EcapiValue));

	if (node == NULL)
		return;
	*node = *value;
	node->key = key;
	node->keylen = keylen;
	ecapi_value_append(parent, node);
}

const EcapiValue *
ecapi_value_map(EcapiArena *arena, const EcapiValue *value, EcapiMapChild map, void *arg)
{
	EcapiValue *changed = NULL;
	const EcapiValue *child;

	if (value->type != ECAPI_ARRAY && value->type != ECAPI_OBJECT)
		return value;
	for (child = value->first; child; child = child->next)
	{
		const EcapiValue *mapped = map(arg, child);

		if (changed == NULL)
		{
			const EcapiValue *same;

			if (mapped == child)
				continue;
			changed = ecapi_value_new(arena, value->type);
			if (changed == NULL)
				return value;
			changed->key = value->key;
			changed->keylen = value->keylen;
			for (same = value->first; same != child; same = same->next)
				append_shared(arena, changed, same, same->key, same->keylen);
		}
		if (mapped)
			append_shared(arena, changed, mapped, child->key, child->keylen);
	}
	return changed ? changed : value;
}

typedef struct Replacement
{
	const char *name;
	const EcapiValue *member;
	bool		found;
} Replacement;

static const EcapiValue *
replace(void *arg, const EcapiValue *child)
{
	Replacement *replacement = arg;

	if (strcmp(child->key, replacement->name) != 0)
		return child;
	replacement->found = true;
	return replacement->member;
}

const EcapiValue *
ecapi_value_with(EcapiArena *arena, const EcapiValue *object, const char *name,
				 const EcapiValue *member)
{
	Replacement replacement = {name, member, false};
	const EcapiValue *replaced = ecapi_value_map(arena, object, replace, &replacement);
	const EcapiValue *same;
	EcapiValue *longer;

	if (replacement.found || member == NULL)
		return replaced;
	longer = ecapi_value_new(arena, ECAPI_OBJECT);
	if (longer == NULL)
		return object;
	longer->key = object->key;
	longer->keylen = object->keylen;
	for (same = object->first; same; same = same->next)
		append_shared(arena, longer, same, same->key, same->keylen);
	append_shared(arena, longer, member, name, (uint32_t) strlen(name));
	return longer;
}

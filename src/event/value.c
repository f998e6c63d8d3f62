/*
 * value.c
 *	  A JSON value in memory: the tree and the arena it lives in.
 *
 * The arena hands out pieces of chunks by moving a pointer; chunks come from
 * grab and are never given back singly.  Chunks are of one size, so that an
 * event of the usual kind costs one or two grabs; a larger piece gets a chunk
 * of its own, and the chunk in use stays in use.
 *
 * Ownership: the tree owns nothing.  Nodes and texts belong to the arena, the
 * arena's memory to its owner.  Nodes may point to texts of another arena that
 * lives at least as long.
 */
#include "event/value.h"

#include <stdalign.h>
#include <string.h>

/* A tree of a purchase with two items takes about 5 kB. */
#define CHUNK_SIZE	8192

#define ALIGNMENT	alignof(max_align_t)

void
ecapi_arena_init(EcapiArena *arena, void *(*grab) (void *owner, size_t size),
				 void *owner)
{
	arena->grab = grab;
	arena->owner = owner;
	arena->at = NULL;
	arena->left = 0;
	arena->grabbed = 0;
	arena->failed = false;
}

static void *
grab_chunk(EcapiArena *arena, size_t size)
{
	void	   *chunk = arena->grab(arena->owner, size);

	if (chunk == NULL)
		arena->failed = true;
	else
		arena->grabbed += size;
	return chunk;
}

void *
ecapi_arena_alloc(EcapiArena *arena, size_t size)
{
	char	   *piece;

	if (size > SIZE_MAX - ALIGNMENT)
	{
		arena->failed = true;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	if (size > arena->left)
	{
		if (size > CHUNK_SIZE / 4)
			return grab_chunk(arena, size);
		piece = grab_chunk(arena, CHUNK_SIZE);
		if (piece == NULL)
			return NULL;
		arena->at = piece;
		arena->left = CHUNK_SIZE;
	}

	piece = arena->at;
	arena->at += size;
	arena->left -= size;
	return piece;
}

char *
ecapi_arena_copy(EcapiArena *arena, const char *text, size_t len)
{
	char	   *copy;

	if (len == SIZE_MAX)
	{
		arena->failed = true;
		return NULL;
	}
	copy = ecapi_arena_alloc(arena, len + 1);
	if (copy)
	{
		if (len > 0)
			memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

/* A value of that type without content, key or parent; NULL: arena failed. */
EcapiValue *
ecapi_value_new(EcapiArena *arena, EcapiType type)
{
	EcapiValue *value = ecapi_arena_alloc(arena, sizeof(EcapiValue));

	if (value)
	{
		memset(value, 0, sizeof(EcapiValue));
		value->type = type;
	}
	return value;
}

EcapiValue *
ecapi_value_bool(EcapiArena *arena, bool truth)
{
	EcapiValue *value = ecapi_value_new(arena, ECAPI_BOOL);

	if (value)
		value->truth = truth;
	return value;
}

/* A NUMBER or STRING that holds a copy of text, at most 4 GB. */
EcapiValue *
ecapi_value_text(EcapiArena *arena, EcapiType type, const char *text, size_t len)
{
	EcapiValue *value;
	char	   *copy;

	if (len > UINT32_MAX)
	{
		arena->failed = true;
		return NULL;
	}
	copy = ecapi_arena_copy(arena, text, len);
	value = copy ? ecapi_value_new(arena, type) : NULL;
	if (value)
	{
		value->text = copy;
		value->len = (uint32_t) len;
	}
	return value;
}

/* Add a child at the end.  In an object, its key is set and new there. */
void
ecapi_value_append(EcapiValue *parent, EcapiValue *child)
{
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->len++;
}

static bool
key_equals(const EcapiValue *member, const char *key, size_t keylen)
{
	return member->keylen == keylen && memcmp(member->key, key, keylen) == 0;
}

EcapiValue *
ecapi_value_node(EcapiArena *arena, const EcapiValue *value)
{
	EcapiValue *node = ecapi_arena_alloc(arena, sizeof(EcapiValue));

	if (node)
	{
		*node = *value;
		node->next = NULL;
	}
	return node;
}

EcapiValue *
ecapi_value_copy(EcapiArena *arena, const EcapiValue *value)
{
	EcapiValue *copy = ecapi_arena_alloc(arena, sizeof(EcapiValue));

	if (copy == NULL)
		return NULL;
	*copy = *value;
	copy->next = copy->first = copy->last = NULL;
	if (value->type != ECAPI_ARRAY && value->type != ECAPI_OBJECT)
		return copy;

	copy->len = 0;
	for (const EcapiValue *child = value->first; child; child = child->next)
	{
		EcapiValue *same = ecapi_value_copy(arena, child);

		if (same == NULL)
			return NULL;
		ecapi_value_append(copy, same);
	}
	return copy;
}

/*
 * Make member the object's value under key, which is copied.  An equal key
 * keeps its place and loses its value.  False when the arena failed; then the
 * object is as it was.
 */
bool
ecapi_value_set(EcapiArena *arena, EcapiValue *object, const char *key,
				size_t keylen, EcapiValue *member)
{
	EcapiValue *before = NULL;
	EcapiValue *old;

	for (old = object->first; old; before = old, old = old->next)
	{
		if (key_equals(old, key, keylen))
			break;
	}

	if (old)
	{
		member->key = old->key;
		member->keylen = old->keylen;
		member->next = old->next;
		if (before)
			before->next = member;
		else
			object->first = member;
		if (object->last == old)
			object->last = member;
		return true;
	}

	member->key = keylen > UINT32_MAX ? NULL : ecapi_arena_copy(arena, key, keylen);
	if (member->key == NULL)
	{
		arena->failed = true;
		return false;
	}
	member->keylen = (uint32_t) keylen;
	ecapi_value_append(object, member);
	return true;
}

/* The object's member of that name, or NULL; NULL too for what is no object. */
EcapiValue *
ecapi_value_get(const EcapiValue *object, const char *key)
{
	size_t		keylen = strlen(key);

	if (object == NULL || object->type != ECAPI_OBJECT)
		return NULL;
	for (EcapiValue *member = object->first; member; member = member->next)
	{
		if (key_equals(member, key, keylen))
			return member;
	}
	return NULL;
}

bool
ecapi_value_is_text(const EcapiValue *value)
{
	return value && value->type == ECAPI_STRING && value->len > 0;
}

/* The depth of the recursion is that of the values. */
bool
ecapi_value_equal(const EcapiValue *a, const EcapiValue *b)
{
	const EcapiValue *other = b->first;

	if (a == b)
		return true;
	if (a->type != b->type || a->len != b->len)
		return false;
	if (a->type == ECAPI_BOOL)
		return a->truth == b->truth;
	if (a->type == ECAPI_NUMBER || a->type == ECAPI_STRING)
		return memcmp(a->text, b->text, a->len) == 0;
	for (const EcapiValue *child = a->first; child; child = child->next)
	{
		if (a->type == ECAPI_OBJECT)
			other = ecapi_value_get(b, child->key);
		if (other == NULL || !ecapi_value_equal(child, other))
			return false;
		other = other->next;
	}
	return true;
}

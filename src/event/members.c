/*
 * members.c
 *	  The members of an object by key, in a time that is linear but for sorting.
 *
 * A sorted array of pointers is all that is made; nodes are not copied.  Below
 * FEW members it is not made: to look through them is cheaper.
 */
#include "event/members.h"

#include <stdlib.h>
#include <string.h>

/* Objects of so few members are searched one by one. */
#define FEW		16

/* A child, and where it stands: sorting keeps equal ones in their order. */
typedef struct Placed
{
	EcapiValue *value;
	size_t		place;
} Placed;

static int
compare_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return alen == 0 ? 0 : memcmp(a, b, alen);
}

static int
compare_keys(const EcapiValue *a, const EcapiValue *b)
{
	return compare_bytes(a->key, a->keylen, b->key, b->keylen);
}

static int
compare_members(const void *a, const void *b)
{
	return compare_keys(*(EcapiValue *const *) a, *(EcapiValue *const *) b);
}

static int
compare_placed(const Placed *a, const Placed *b,
			   int (*compare) (const EcapiValue *a, const EcapiValue *b))
{
	int			order = compare(a->value, b->value);

	if (order != 0)
		return order;
	return a->place < b->place ? -1 : 1;
}

static int
compare_placed_keys(const void *a, const void *b)
{
	return compare_placed(a, b, compare_keys);
}

static int
compare_scalars(const EcapiValue *a, const EcapiValue *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == ECAPI_BOOL)
		return (int) a->truth - (int) b->truth;
	return compare_bytes(a->text, a->len, b->text, b->len);
}

static int
compare_placed_scalars(const void *a, const void *b)
{
	return compare_placed(a, b, compare_scalars);
}

bool
ecapi_members_index(EcapiArena *arena, const EcapiValue *object, EcapiMembers *members)
{
	size_t		i = 0;

	members->first = object->first;
	members->n = object->len;
	members->sorted = NULL;
	if (object->len < FEW)
		return true;
	members->sorted = ecapi_arena_alloc(arena, sizeof(EcapiValue *) * members->n);
	if (members->sorted == NULL)
		return false;
	for (EcapiValue *member = object->first; member; member = member->next)
		members->sorted[i++] = member;
	qsort(members->sorted, members->n, sizeof(EcapiValue *), compare_members);
	return true;
}

EcapiValue *
ecapi_members_find(const EcapiMembers *members, const char *key, size_t keylen)
{
	EcapiValue	wanted = {.key = key, .keylen = (uint32_t) keylen};
	const EcapiValue *like = &wanted;
	EcapiValue *member = members->first;
	EcapiValue **found;

	if (members->sorted == NULL)
	{
		for (size_t i = 0; i < members->n; i++, member = member->next)
		{
			if (compare_keys(member, like) == 0)
				return member;
		}
		return NULL;
	}
	found = bsearch(&like, members->sorted, members->n, sizeof(EcapiValue *),
					compare_members);
	return found ? *found : NULL;
}

/* The children of a value, sorted; NULL when the arena failed. */
static Placed *
sort_children(EcapiArena *arena, const EcapiValue *value,
			  int (*compare) (const void *a, const void *b))
{
	Placed	   *placed = ecapi_arena_alloc(arena, sizeof(Placed) * value->len);
	size_t		n = 0;

	if (placed == NULL)
		return NULL;
	for (EcapiValue *child = value->first; child; child = child->next, n++)
		placed[n] = (Placed) {child, n};
	qsort(placed, n, sizeof(Placed), compare);
	return placed;
}

/* Make the list of children that of slots that are not NULL. */
static void
relink(EcapiValue *value, EcapiValue **slots, size_t n)
{
	value->first = value->last = NULL;
	value->len = 0;
	for (size_t i = 0; i < n; i++)
	{
		if (slots[i] != NULL)
			ecapi_value_append(value, slots[i]);
	}
}

/*
 * Of children that are equal keep one: the first of them in their order, or the
 * last, in the place of the first.
 */
static bool
keep_one(EcapiArena *arena, EcapiValue *value,
		 int (*compare_placed) (const void *a, const void *b),
		 int (*compare) (const EcapiValue *a, const EcapiValue *b), bool last)
{
	size_t		n = value->len;
	Placed	   *placed = sort_children(arena, value, compare_placed);
	EcapiValue **slots = ecapi_arena_alloc(arena, sizeof(EcapiValue *) * n);
	size_t		from = 0;

	if (placed == NULL || slots == NULL)
		return false;
	memset(slots, 0, sizeof(EcapiValue *) * n);
	for (size_t i = 1; i <= n; i++)
	{
		if (i < n && compare(placed[i].value, placed[from].value) == 0)
			continue;
		slots[placed[from].place] = placed[last ? i - 1 : from].value;
		from = i;
	}
	relink(value, slots, n);
	return true;
}

/* Whether a child is equal to one before it.  For few of them. */
static bool
has_equal(const EcapiValue *value,
		  int (*compare) (const EcapiValue *a, const EcapiValue *b))
{
	for (const EcapiValue *one = value->first; one; one = one->next)
	{
		for (const EcapiValue *other = value->first; other != one; other = other->next)
		{
			if (compare(other, one) == 0)
				return true;
		}
	}
	return false;
}

bool
ecapi_members_unique(EcapiArena *arena, EcapiValue *object)
{
	if (object->len < FEW && !has_equal(object, compare_keys))
		return true;
	return keep_one(arena, object, compare_placed_keys, compare_keys, true);
}

bool
ecapi_elements_unique(EcapiArena *arena, EcapiValue *array)
{
	if (array->len < FEW && !has_equal(array, compare_scalars))
		return true;
	return keep_one(arena, array, compare_placed_scalars, compare_scalars, false);
}

bool
ecapi_members_sort(EcapiArena *arena, EcapiValue *value)
{
	if (value->type == ECAPI_OBJECT && value->len > 1)
	{
		size_t		n = value->len;
		Placed	   *placed = sort_children(arena, value, compare_placed_keys);

		if (placed == NULL)
			return false;
		value->first = value->last = NULL;
		value->len = 0;
		for (size_t i = 0; i < n; i++)
			ecapi_value_append(value, placed[i].value);
	}
	if (value->type != ECAPI_OBJECT && value->type != ECAPI_ARRAY)
		return true;
	for (EcapiValue *child = value->first; child; child = child->next)
	{
		if (!ecapi_members_sort(arena, child))
			return false;
	}
	return true;
}

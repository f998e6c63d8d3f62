/*
 * members.h
 *	  The members of an object by key, in a time that is linear but for sorting.
 *
 * A document from outside may have as many members as fit into it, so no
 * member is looked for among all others, one by one.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_MEMBERS_H
#define ECAPI_MEMBERS_H

#include "event/value.h"

/*
 * The members that an object has when it is indexed.  Those that are appended
 * later are not among them.
 */
typedef struct EcapiMembers
{
	EcapiValue *first;
	EcapiValue **sorted;		/* by key; NULL: few, so that they are searched */
	size_t		n;
} EcapiMembers;

/* Index an object; false when the arena failed.  Its members stay in place. */
extern bool ecapi_members_index(EcapiArena *arena, const EcapiValue *object,
								EcapiMembers *members);

/* The member of that key, or NULL.  Keys of the object differ. */
extern EcapiValue *ecapi_members_find(const EcapiMembers *members, const char *key,
									  size_t keylen);

/*
 * Take members out of an object whose key stands again behind them; the last
 * takes the place of the first.  False when the arena failed.
 */
extern bool ecapi_members_unique(EcapiArena *arena, EcapiValue *object);

/*
 * Sort the members of all objects in a tree by key, so that what says the same
 * is the same.  False when the arena failed.  Recurses as deep as the tree is.
 */
extern bool ecapi_members_sort(EcapiArena *arena, EcapiValue *value);

/*
 * Take scalars out of an array that stand in it before.  All its elements are
 * scalars.  False when the arena failed.
 */
extern bool ecapi_elements_unique(EcapiArena *arena, EcapiValue *array);

#endif							/* ECAPI_MEMBERS_H */

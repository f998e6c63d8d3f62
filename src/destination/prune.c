/*
 * prune.c
 *	  An event with only some of its fields, or without some of them.
 *
 * The event is walked along the field table, and whatever it holds is treated by
 * where it stands, not by what it should be: arrays are looked into at any depth,
 * a single object serves as an array of one, and every member of a name is met,
 * should a name stand twice.
 *
 * Invariants
 *	(1) What is redacted is not in the result, whatever the event holds.  What is
 *		kept is no more than what is named.
 *	(2) What is not known is removed: a member that is no field, and what stands
 *		where an object of the standard should and is none.  No format sends
 *		such a thing; here it does not depend on that.
 *	(3) What is given is not changed, and what did not change is shared.
 *
 * The depth of the recursion is that of the event (ECAPI_MAX_DEPTH).
 */
#include "destination/paths.h"

#include <string.h>

#include "destination/map.h"

typedef struct Pruner
{
	EcapiArena *arena;
	const EcapiPaths *paths;
	bool		keep;			/* what is named stays; else it goes */
	EcapiObject object;			/* of the standard, in which we are */
} Pruner;

/* Inside of an ext: the paths that lead here. */
typedef struct Member
{
	EcapiArena *arena;
	bool		keep;
	int			n;
	const char **rests;
} Member;

static const EcapiValue *prune_member(void *arg, const EcapiValue *child);

/* ---- inside of an ext ---- */

/* What is left of a value into which some paths lead, but which none names. */
static const EcapiValue *
prune_inside(void *arg, const EcapiValue *value)
{
	Member	   *member = arg;

	if (value->type == ECAPI_OBJECT)
		return ecapi_value_map(member->arena, value, prune_member, member);
	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(member->arena, value, prune_inside, member);
	return member->keep ? NULL : value;
}

static const EcapiValue *
prune_member(void *arg, const EcapiValue *child)
{
	const Member *above = arg;
	Member		inside = {above->arena, above->keep, 0, NULL};
	const char *rest;
	int			i;

	for (i = 0; i < above->n; i++)
	{
		EcapiPathMatch match = ecapi_path_match(above->rests[i], child->key,
												child->keylen, &rest);

		if (match == ECAPI_PATH_REACHED)
			return above->keep ? child : NULL;
		if (match == ECAPI_PATH_APART)
			continue;
		if (inside.rests == NULL)
			inside.rests = ecapi_arena_alloc(inside.arena, sizeof(char *) * above->n);
		/* the arena notes its failure; nothing must stay because of it */
		if (inside.rests == NULL)
			return NULL;
		inside.rests[inside.n++] = rest;
	}
	if (inside.n > 0)
		return prune_inside(&inside, child);
	return above->keep ? NULL : child;
}

static const EcapiValue *
prune_ext(Pruner *pruner, const EcapiField *field, const EcapiValue *ext)
{
	Member		member = {pruner->arena, pruner->keep, 0, NULL};
	const EcapiPaths *paths = pruner->paths;
	int			number = ecapi_field_number(field);
	int			i;

	member.rests = ecapi_arena_alloc(pruner->arena, sizeof(char *) * paths->nmembers);
	if (member.rests == NULL)
		return NULL;
	for (i = 0; i < paths->nmembers; i++)
	{
		if (paths->members[i].field == number)
			member.rests[member.n++] = paths->members[i].rest;
	}
	return prune_inside(&member, ext);
}

/* ---- the standard's own objects ---- */

static const EcapiValue *prune_field(void *arg, const EcapiValue *child);

/* What is left of that which stands where objects of the standard should. */
static const EcapiValue *
prune_objects(void *arg, const EcapiValue *value)
{
	Pruner	   *pruner = arg;

	if (value->type == ECAPI_OBJECT)
		return ecapi_value_map(pruner->arena, value, prune_field, pruner);
	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(pruner->arena, value, prune_objects, pruner);
	return NULL;
}

static const EcapiValue *
prune_field(void *arg, const EcapiValue *child)
{
	Pruner	   *pruner = arg;
	const EcapiField *field = ecapi_field_lookup(pruner->object, child->key,
												 child->keylen);

	if (field == NULL)
		return NULL;
	if (ecapi_paths_whole(pruner->paths, field))
		return pruner->keep ? child : NULL;
	if (!ecapi_paths_part(pruner->paths, field))
		return pruner->keep ? NULL : child;
	if (field->type == ECAPI_FT_EXT)
		return prune_ext(pruner, field, child);
	else
	{
		Pruner		below = *pruner;

		below.object = field->child;
		return prune_objects(&below, child);
	}
}

static const EcapiValue *
prune(const EcapiPaths *paths, bool keep, EcapiArena *arena, const EcapiValue *event)
{
	Pruner		pruner = {arena, paths, keep, ECAPI_OBJ_EVENT};

	if (event->type != ECAPI_OBJECT)
		return event;
	return ecapi_value_map(arena, event, prune_field, &pruner);
}

const EcapiValue *
ecapi_paths_keep(const EcapiPaths *keep, EcapiArena *arena, const EcapiValue *event)
{
	return prune(keep, true, arena, event);
}

const EcapiValue *
ecapi_paths_redact(const EcapiPaths *redact, EcapiArena *arena, const EcapiValue *event)
{
	return prune(redact, false, arena, event);
}

const EcapiValue *
ecapi_path_find(const char *path, const EcapiValue *event)
{
	const EcapiValue *child;

	if (event->type != ECAPI_OBJECT)
		return NULL;
	for (child = event->first; child; child = child->next)
	{
		const EcapiValue *found = NULL;
		const char *rest = NULL;
		EcapiPathMatch match = ecapi_path_match(path, child->key, child->keylen, &rest);

		if (match == ECAPI_PATH_INSIDE)
			found = ecapi_path_find(rest, child);
		else if (match == ECAPI_PATH_REACHED && strlen(path) == child->keylen)
			found = child;
		if (found)
			return found;
	}
	return NULL;
}

/*
 * preview_effect.c
 *	  What enrichments did to events, and what was left out of a body, as paths
 *	  of fields, never as values.
 *
 * An effect is the difference between two trees, not a patch: a patch that
 * repeats what stands there changes nothing, and two functions may set the same
 * member.  Objects are compared member by member; an array or scalar that differs
 * is one change.  A member's name that could be an email address stands
 * as "?" (event/violation.c).
 *
 * Lists are bounded, so an ext object of thousands of members does not make a
 * row of as many paths.  Pure above its memory; no locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/tree.h"
#include "event/violation.h"
#include "preview/preview.h"
#include "settings.h"

/* A list of paths in the making. */
typedef struct Changes
{
	List	   *paths;
	const char *function;		/* whose they are; NULL: of all of them */
	MemoryContext scratch;
} Changes;

static bool
is_listed(const List *paths, const char *path)
{
	ListCell   *cell;

	foreach(cell, paths)
		if (strcmp(lfirst(cell), path) == 0)
			return true;
	return false;
}

static void
add_change(Changes *changes, const EcapiFieldPlace *place, bool removed)
{
	EcapiArena	arena;
	char	   *path;

	if (list_length(changes->paths) >= ECAPI_PREVIEW_PATHS_MAX)
		return;
	ecapi_tree_arena(&arena, changes->scratch);
	path = psprintf("%s%s%s%s%s", ecapi_violation_path(&arena, place),
					removed ? " removed" : "",
					changes->function != NULL ? " (" : "",
					changes->function != NULL ? changes->function : "",
					changes->function != NULL ? ")" : "");
	if (is_listed(changes->paths, path))
		pfree(path);
	else
		changes->paths = lappend(changes->paths, path);
	MemoryContextReset(changes->scratch);
}

/* after is an object; before, too, or NULL: there was none. */
static void
compare_members(Changes *changes, const EcapiFieldPlace *up, const EcapiValue *before,
				const EcapiValue *after)
{
	check_stack_depth();
	for (const EcapiValue *member = after->first; member != NULL; member = member->next)
	{
		EcapiFieldPlace	place = {up, member->key, member->keylen, 0};
		const EcapiValue *other = before == NULL ? NULL : ecapi_value_get(before, member->key);

		if (member->type == ECAPI_OBJECT && member->first != NULL &&
			(other == NULL || other->type == ECAPI_OBJECT))
			compare_members(changes, &place, other, member);
		else if (other == NULL || !ecapi_value_equal(other, member))
			add_change(changes, &place, false);
	}
	if (before == NULL)
		return;
	for (const EcapiValue *member = before->first; member != NULL; member = member->next)
	{
		EcapiFieldPlace	place = {up, member->key, member->keylen, 0};

		if (ecapi_value_get(after, member->key) == NULL)
			add_change(changes, &place, true);
	}
}

static List *
changes_between(List *paths, const char *function, const EcapiValue *before,
				const EcapiValue *after)
{
	Changes		changes = {paths, function, NULL};

	if (before == NULL || after == NULL || before == after)
		return paths;
	changes.scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi preview path",
											ALLOCSET_SMALL_SIZES);
	compare_members(&changes, NULL, before, after);
	MemoryContextDelete(changes.scratch);
	return changes.paths;
}

List *
ecapi_preview_changes(List *paths, const EcapiValue *emitted, const EcapiValue *event)
{
	return changes_between(paths, NULL, emitted, event);
}

List *
ecapi_preview_effects(EcapiPreview *preview, const EcapiPreviewEvent *event)
{
	const EcapiValue *before = event->emitted;
	List	   *paths = NIL;
	EcapiArena	arena;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	for (int n = 1; n <= preview->enrichments.n && before != NULL; n++)
	{
		EcapiEnrichments first = preview->enrichments;
		EcapiEnrichedEvent row = {event->seq, event->emitted, true, NULL};
		EcapiUserError error;

		first.n = n;
		if (!ecapi_enrichments_apply(&first, &row, 1, &arena, preview->now,
									 ecapi_enrich_timeout_ms, ECAPI_PATCHES_BYTES,
									 &error) || row.problem != NULL)
			break;
		paths = changes_between(paths, first.list[n - 1].name, before, row.event);
		before = row.event;
	}
	return paths;
}

List *
ecapi_preview_left_out(const EcapiPreview *preview)
{
	List	   *list = NIL;
	const EcapiField *field;

	for (int i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
		for (int code = 0; code < ECAPI_VIOLATION_CODES; code++)
			if (preview->left_out[i][code])
				list = lappend(list, psprintf("%s (%s)", ecapi_field_path(field),
											  ecapi_violation_name(code)));
	return list;
}

List *
ecapi_preview_not_carried(const EcapiPreview *preview)
{
	List	   *list = NIL;

	for (int i = 0; (i = ecapi_field_set_next(&preview->not_carried, i)) >= 0; i++)
		list = lappend(list, pstrdup(ecapi_field_path(ecapi_field_numbered(i))));
	return list;
}

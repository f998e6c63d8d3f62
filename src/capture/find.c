/*
 * find.c
 *	  The tracks of a table, by what an operator calls them.
 *
 * A track is a trigger that executes ecapi.capture(), whatever its name: one
 * written by hand or restored from a dump is found like one that ecapi.track()
 * made.  Triggers are copied out of the relation's entry in the cache, which
 * may be built again whenever locks are taken.
 *
 * The caller holds a lock on the relation.
 */
#include "postgres.h"

#include "commands/trigger.h"

#include "base/catalog.h"
#include "base/refuse.h"
#include "capture/find.h"
#include "capture/tracks.h"
#include "event/closest.h"

bool
ecapi_track_is_called(const char *trigger, const char *name)
{
	const char *own = ecapi_track_name(trigger);

	/* names are cut to the length of a name when a trigger is made */
	return strncmp(trigger, name, NAMEDATALEN - 1) == 0 ||
		strncmp(own, name, NAMEDATALEN - 1 - (own - trigger)) == 0;
}

/* The tracks of a table, as pointers to EcapiFoundTrack. */
static List *
tracks_of(Relation relation)
{
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	Oid			function = ecapi_capture_function();
	List	   *tracks = NIL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		EcapiFoundTrack *found;

		if (triggers->triggers[i].tgfoid != function)
			continue;
		found = palloc(sizeof(EcapiFoundTrack));
		found->trigger = &triggers->triggers[i];
		found->compiled = ecapi_program_of_trigger(relation, found->trigger);
		tracks = lappend(tracks, found);
	}
	return tracks;
}

const EcapiFoundTrack *
ecapi_find_copy(Relation relation, const Trigger *trigger)
{
	ListCell   *cell;

	foreach(cell, tracks_of(relation))
	{
		const EcapiFoundTrack *found = lfirst(cell);

		if (found->trigger->tgnargs == 1 && trigger->tgnargs == 1 &&
			strcmp(found->trigger->tgargs[0], trigger->tgargs[0]) == 0)
			return found;
	}
	return NULL;
}

/* The event type of a track; NULL when it does not compile. */
static const char *
event_type_of(const EcapiFoundTrack *found)
{
	return found->compiled->program == NULL ? NULL
		: found->compiled->program->track->event_type;
}

/* For ecapi_closest(): names of tracks, then their event types. */
static const char *
word_nth(int i, void *arg)
{
	const List *tracks = arg;
	int			n = list_length(tracks);
	const EcapiFoundTrack *found;
	const char *makes;

	if (i >= 2 * n)
		return NULL;
	found = list_nth(tracks, i % n);
	makes = event_type_of(found);
	return i < n || makes == NULL ? ecapi_track_name(found->trigger->tgname) : makes;
}

/* There is no track of that name for that event type; NULL: of any. */
static void
no_track(Relation relation, List *tracks, const char *event_type, const char *name)
{
	const char *table = RelationGetRelationName(relation);
	const char *word = name != NULL ? name : event_type;
	const char *closest = word == NULL ? NULL :
		ecapi_closest(word, strlen(word), word_nth, tracks);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 word == NULL ? errmsg("table \"%s\" has no track", table)
			 : name == NULL ? errmsg("table \"%s\" has no track for \"%s\"", table, event_type)
			 : event_type == NULL ? errmsg("table \"%s\" has no track \"%s\"", table, name)
			 : errmsg("table \"%s\" has no track \"%s\" for \"%s\"", table, name, event_type),
			 closest != NULL && (event_type == NULL || strcmp(closest, word) != 0)
			 ? errhint("Perhaps you meant \"%s\".", closest)
			 : errhint("Tracks are the table's triggers that execute ecapi.capture(); ecapi.track() makes one.")));
}

static void
several_tracks(Relation relation, const char *event_type)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("table \"%s\" has several tracks for \"%s\"",
					RelationGetRelationName(relation), event_type),
			 errhint("Say which one with name => '...'.")));
}

static void
does_not_compile(Relation relation, const EcapiFoundTrack *found)
{
	const EcapiCompiled *compiled = found->compiled;

	ereport(ERROR,
			(errcode(ecapi_sqlstate(compiled->sqlstate)),
			 errmsg("track \"%s\" of table \"%s\" cannot be used: %s",
					found->trigger->tgname, RelationGetRelationName(relation),
					compiled->problem)));
}

static void
refuse_copy(Relation relation, const EcapiFoundTrack *found)
{
	if (found->trigger->tgisclone)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the track of table \"%s\" belongs to the table that it is a partition of",
						RelationGetRelationName(relation)),
				 errhint("Name that table.")));
}

/*
 * Whether it is the one that is meant.  One that does not compile is known by its
 * name alone, which by default is the event type.
 */
static bool
is_meant(const EcapiFoundTrack *found, const char *event_type, const char *name)
{
	const char *makes = event_type_of(found);
	bool		called = ecapi_track_is_called(found->trigger->tgname,
											   name != NULL ? name : event_type);

	if (makes == NULL)
		return called;
	return strcmp(makes, event_type) == 0 && (called || name == NULL);
}

EcapiFoundTrack
ecapi_find_track(Relation relation, const char *event_type, const char *name)
{
	List	   *tracks = tracks_of(relation);
	const EcapiFoundTrack *found = NULL;
	bool		called = false;
	bool		several = false;
	ListCell   *cell;

	foreach(cell, tracks)
	{
		if (!is_meant(lfirst(cell), event_type, name))
			continue;
		several |= found != NULL;
		/* the one whose name is the default needs no name */
		if (!called)
			found = lfirst(cell);
		called |= ecapi_track_is_called(found->trigger->tgname,
										name != NULL ? name : event_type);
	}
	if (found == NULL)
		no_track(relation, tracks, event_type, name);
	if (several && !called)
		several_tracks(relation, event_type);
	refuse_copy(relation, found);
	if (found->compiled->program == NULL)
		does_not_compile(relation, found);
	return *found;
}

List *
ecapi_find_tracks(Relation relation, const char *name)
{
	List	   *tracks = tracks_of(relation);
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, tracks)
	{
		EcapiFoundTrack *found = lfirst(cell);

		if (name != NULL && !ecapi_track_is_called(found->trigger->tgname, name))
			continue;
		refuse_copy(relation, found);
		result = lappend(result, found);
	}
	if (result == NIL)
		no_track(relation, tracks, NULL, name);
	return result;
}

List *
ecapi_find_tracks_for(Relation relation, const char *event_type)
{
	List	   *tracks = tracks_of(relation);
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, tracks)
	{
		EcapiFoundTrack *found = lfirst(cell);
		const char *makes = event_type_of(found);

		if (makes != NULL && strcmp(makes, event_type) == 0)
			result = lappend(result, found);
		else if (makes == NULL && is_meant(found, event_type, NULL))
			does_not_compile(relation, found);
	}
	if (result == NIL)
		no_track(relation, tracks, event_type, NULL);
	return result;
}

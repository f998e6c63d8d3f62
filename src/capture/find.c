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

/* The tracks of a table. */
typedef struct Tracks
{
	int			n;
	EcapiFoundTrack *found;
} Tracks;

bool
ecapi_track_is_called(const char *trigger, const char *name)
{
	const char *own = ecapi_track_name(trigger);

	/* names are cut to the length of a name when a trigger is made */
	return strncmp(trigger, name, NAMEDATALEN - 1) == 0 ||
		strncmp(own, name, NAMEDATALEN - 1 - (own - trigger)) == 0;
}

static Tracks
tracks_of(Relation relation)
{
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	Oid			function = ecapi_capture_function();
	Tracks		tracks = {0};

	if (triggers == NULL)
		return tracks;
	tracks.found = palloc(sizeof(EcapiFoundTrack) * triggers->numtriggers);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid != function)
			continue;
		tracks.found[tracks.n].trigger = trigger;
		tracks.found[tracks.n].compiled = ecapi_program_of_trigger(relation, trigger);
		tracks.n++;
	}
	return tracks;
}

/* What a track makes; NULL when it does not compile, which says nothing. */
static const char *
event_type_of(const EcapiFoundTrack *found)
{
	return found->compiled->program == NULL ? NULL
		: found->compiled->program->track->event_type;
}

/* For ecapi_closest(): names of tracks, then what they make. */
static const char *
word_nth(int i, void *arg)
{
	const Tracks *tracks = arg;
	const EcapiFoundTrack *found;
	const char *makes;

	if (i >= 2 * tracks->n)
		return NULL;
	found = &tracks->found[i % tracks->n];
	makes = event_type_of(found);
	return i < tracks->n || makes == NULL ? ecapi_track_name(found->trigger->tgname) : makes;
}

static void
no_track(Relation relation, const Tracks *tracks, const char *event_type,
		 const char *name)
{
	const char *word = name != NULL ? name : event_type;
	const char *closest = ecapi_closest(word, strlen(word), word_nth, (void *) tracks);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 name == NULL
			 ? errmsg("table \"%s\" has no track for \"%s\"",
					  RelationGetRelationName(relation), event_type)
			 : errmsg("table \"%s\" has no track \"%s\" for \"%s\"",
					  RelationGetRelationName(relation), name, event_type),
			 closest != NULL && strcmp(closest, word) != 0
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
 * Is it the one that is meant?  One that does not compile is known by its name
 * alone, which by default is the event type.
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
	Tracks		tracks = tracks_of(relation);
	const EcapiFoundTrack *found = NULL;
	bool		called = false;
	bool		several = false;

	for (int i = 0; i < tracks.n; i++)
	{
		if (!is_meant(&tracks.found[i], event_type, name))
			continue;
		several |= found != NULL;
		/* the one whose name is the default needs no name */
		if (!called)
			found = &tracks.found[i];
		called |= ecapi_track_is_called(found->trigger->tgname,
										name != NULL ? name : event_type);
	}
	if (found == NULL)
		no_track(relation, &tracks, event_type, name);
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
	Tracks		tracks = tracks_of(relation);
	List	   *result = NIL;

	for (int i = 0; i < tracks.n; i++)
		if (name == NULL || ecapi_track_is_called(tracks.found[i].trigger->tgname, name))
		{
			refuse_copy(relation, &tracks.found[i]);
			result = lappend(result, &tracks.found[i]);
		}
	if (result == NIL)
	{
		const char *closest = name == NULL ? NULL :
			ecapi_closest(name, strlen(name), word_nth, &tracks);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 name == NULL
				 ? errmsg("table \"%s\" has no track", RelationGetRelationName(relation))
				 : errmsg("table \"%s\" has no track \"%s\"",
						  RelationGetRelationName(relation), name),
				 closest != NULL
				 ? errhint("Perhaps you meant \"%s\".", closest)
				 : errhint("Tracks are the table's triggers that execute ecapi.capture(); ecapi.track() makes one.")));
	}
	return result;
}

List *
ecapi_find_tracks_for(Relation relation, const char *event_type)
{
	Tracks		tracks = tracks_of(relation);
	List	   *result = NIL;

	for (int i = 0; i < tracks.n; i++)
	{
		const char *makes = event_type_of(&tracks.found[i]);

		if (makes != NULL && strcmp(makes, event_type) == 0)
			result = lappend(result, &tracks.found[i]);
		else if (makes == NULL && is_meant(&tracks.found[i], event_type, NULL))
			does_not_compile(relation, &tracks.found[i]);
	}
	if (result == NIL)
		no_track(relation, &tracks, event_type, NULL);
	return result;
}

/*
 * find.c
 *	  The tracks of a table, by what an operator calls them.
 *
 * A track is a trigger that executes ecapi.capture(), whatever its name: one
 * written by hand or restored from a dump is found like one that ecapi.track()
 * made.  Triggers are copied out of the relation's entry in the cache, which
 * may be built anew whenever locks are taken.
 *
 * The caller holds a lock on the relation.
 */
#include "postgres.h"

#include "commands/trigger.h"

#include "capture/find.h"
#include "catalog.h"
#include "event/closest.h"

/* How ecapi.track() names the trigger of a track. */
#define TRIGGER_PREFIX	"ecapi_"

/* The tracks of a table. */
typedef struct Tracks
{
	int			n;
	EcapiFoundTrack *found;
} Tracks;

/* See find.h. */
bool
ecapi_track_is_called(const char *trigger, const char *name)
{
	size_t		prefix = strlen(TRIGGER_PREFIX);

	/* names are cut to the length of a name when a trigger is made */
	return strncmp(trigger, name, NAMEDATALEN - 1) == 0 ||
		(strncmp(trigger, TRIGGER_PREFIX, prefix) == 0 &&
		 strncmp(trigger + prefix, name, NAMEDATALEN - 1 - prefix) == 0);
}

static bool
is_track(const Trigger *trigger, Oid function)
{
	return OidIsValid(function) && trigger->tgfoid == function && trigger->tgnargs == 1;
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

		if (!is_track(trigger, function))
			continue;
		tracks.found[tracks.n].trigger = trigger;
		tracks.found[tracks.n].track = ecapi_track_parse(trigger->tgargs[0],
														 CurrentMemoryContext);
		tracks.n++;
	}
	return tracks;
}

/* For ecapi_closest(): names of tracks, then what they track. */
static const char *
word_nth(int i, void *arg)
{
	const Tracks *tracks = arg;

	if (i < tracks->n)
	{
		const char *name = tracks->found[i].trigger->tgname;
		size_t		prefix = strlen(TRIGGER_PREFIX);

		return strncmp(name, TRIGGER_PREFIX, prefix) == 0 ? name + prefix : name;
	}
	i -= tracks->n;
	return i < tracks->n ? tracks->found[i].track->event_type : NULL;
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

/* See find.h. */
EcapiFoundTrack
ecapi_find_track(Relation relation, const char *event_type, const char *name)
{
	Tracks		tracks = tracks_of(relation);
	int			fit = 0;
	int			which = -1;

	for (int i = 0; i < tracks.n; i++)
	{
		const char *trigger = tracks.found[i].trigger->tgname;

		if (strcmp(tracks.found[i].track->event_type, event_type) != 0 ||
			(name != NULL && !ecapi_track_is_called(trigger, name)))
			continue;
		fit++;
		/* the one whose name is the default needs no name */
		if (which < 0 || ecapi_track_is_called(trigger, name != NULL ? name : event_type))
			which = i;
	}
	if (fit == 0)
		no_track(relation, &tracks, event_type, name);
	if (fit > 1 && !ecapi_track_is_called(tracks.found[which].trigger->tgname,
										  name != NULL ? name : event_type))
		several_tracks(relation, event_type);
	if (tracks.found[which].trigger->tgisclone)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the track of table \"%s\" belongs to the table that it is a partition of",
						RelationGetRelationName(relation)),
				 errhint("Name that table.")));
	return tracks.found[which];
}

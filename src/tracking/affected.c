/*
 * affected.c
 *	  Tracks that DDL affects: it is refused where it breaks one, or a warning is given.
 *
 * Rules:
 *	(1) A track that does not mention what changes is not even compiled, so DDL
 *		beside the tracks pays for reading the list.
 *	(2) Only what breaks a track that the command found valid is refused (before.c).
 *		One that was broken before, or that was not judged, holds up no command.
 *	(3) What a track that goes away in the same command mentions does not
 *		matter: it is no longer in the list.
 *	(4) Each track that could not be looked at is named in one warning at most.
 *
 * Memory: a track and what is found out about it live in a context that is emptied
 * for the next one.  No locks but those of looks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "tracking/affected.h"

/* schema.name of a track's table, which may be going away meanwhile. */
static const char *
table_of(const EcapiDeclared *declared)
{
	const char *schema = get_namespace_name(get_rel_namespace(declared->relation));
	const char *name = get_rel_name(declared->relation);

	return schema && name ? quote_qualified_identifier(schema, name) :
		psprintf("%u", declared->relation);
}

static void
refuse(const EcapiDeclared *declared, const EcapiChange *change, const char *problem)
{
	const char *table = table_of(declared);

	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot %s because track \"%s\" of table %s needs it", change->what,
					ecapi_declared_name(declared), table),
			 errdetail("Afterwards: %s.", problem),
			 errhint("Declare the track without it with ecapi.track(), or end it with SELECT ecapi.untrack(%s, name => %s).",
					 quote_literal_cstr(table),
					 quote_literal_cstr(ecapi_declared_name(declared)))));
}

void
ecapi_affected_warn(const EcapiDeclared *declared, EcapiBefore *before, const char *problem)
{
	if (before->warned)
		return;
	before->warned = true;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("track \"%s\" of table %s was not looked after", ecapi_declared_name(declared),
					table_of(declared)),
			 errdetail("It was %s.", problem),
			 errhint("See the column \"problem\" of the view ecapi.track.")));
}

void
ecapi_affected_refuse(const EcapiDeclared *declared, const EcapiTrack *track, EcapiBefore *before,
				  const EcapiChange *change)
{
	EcapiLooked looked;
	char	   *problem;

	if (before->looked != ECAPI_LOOKED_VALID)
		return;
	looked = ecapi_look_at(declared, track, before->own, &problem);
	if (looked == ECAPI_LOOKED_BROKEN)
		refuse(declared, change, problem);
	if (looked == ECAPI_LOOKED_UNKNOWN)
		ecapi_affected_warn(declared, before, problem);
}

/* Call follower if a track that the command found mentions what changed. */
static void
follow_one(EcapiBefore *before, const EcapiDeclared *declared, const EcapiChange *change,
		   EcapiAffectedFollower follower, void *arg)
{
	EcapiTrack *track;

	if (!ecapi_may_mention(declared, change))
		return;
	if (before->looked == ECAPI_LOOKED_UNKNOWN)
	{
		ecapi_affected_warn(declared, before, before->problem);
		return;
	}
	track = ecapi_declared_track(declared);
	if (track != NULL && ecapi_track_mentions(track, change))
		follower(declared, track, before, change, arg);
}

void
ecapi_affected_each(const EcapiChange *change, EcapiAffectedFollower follower, void *arg)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi follow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	ListCell   *cell;

	foreach(cell, ecapi_before_list())
	{
		EcapiBefore *before = lfirst(cell);
		EcapiDeclared *declared = ecapi_declared_get(before->trigger);

		if (declared == NULL || !ecapi_before_begin(before->own))
			continue;
		follow_one(before, declared, change, follower, arg);
		ecapi_before_end(before->own);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static void
refuse_follower(const EcapiDeclared *declared, EcapiTrack *track, EcapiBefore *before,
				const EcapiChange *change, void *arg)
{
	ecapi_affected_refuse(declared, track, before, change);
}

void
ecapi_affected_look(const EcapiChange *change)
{
	ecapi_affected_each(change, refuse_follower, NULL);
}

/*
 * find.h
 *	  The tracks of a table, by what an operator calls them.
 */
#ifndef ECAPI_FIND_H
#define ECAPI_FIND_H

#include "postgres.h"

#include "capture/program_cache.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/* A track and the trigger that it is, valid until the end of the transaction. */
typedef struct EcapiFoundTrack
{
	const Trigger *trigger;		/* in the context of the search */
	const EcapiCompiled *compiled;
} EcapiFoundTrack;

/*
 * The track of an open relation for an event type; name (of the track, or of
 * its trigger; NULL: any) chooses between several.  Raises an error, with the
 * closest right name as hint, when there is none, or several and no name, when
 * the trigger is a partition's copy, or when the track does not compile.
 */
extern EcapiFoundTrack ecapi_find_track(Relation relation, const char *event_type,
										const char *name);

/*
 * The tracks of an open relation, as pointers to EcapiFoundTrack; name: only
 * the one that is called so.  Those that do not compile are among them.  Raises
 * the same errors otherwise: there is none, it is a partition's copy.
 */
extern List *ecapi_find_tracks(Relation relation, const char *name);

/*
 * The tracks of an open relation for an event type that compile, as pointers to
 * EcapiFoundTrack; copies that a partition has are among them.  Raises an error, with the
 * closest right event type as hint, when there is none.
 */
extern List *ecapi_find_tracks_for(Relation relation, const char *event_type);

/*
 * The track of an open relation whose trigger has the same argument as another's: what
 * Citus made of that in a shard.  NULL: there is none.
 */
extern const EcapiFoundTrack *ecapi_find_copy(Relation relation, const Trigger *trigger);

/* Whether it is the name of this track, or of its trigger. */
extern bool ecapi_track_is_called(const char *trigger, const char *name);

#endif							/* ECAPI_FIND_H */

/*
 * look.h
 *	  Looking at a track in somebody else's session.
 */
#ifndef ECAPI_CAPTURE_LOOK_H
#define ECAPI_CAPTURE_LOOK_H

#include "postgres.h"

#include "capture/tracks.h"

/* What a look says. */
typedef enum EcapiLooked
{
	ECAPI_LOOKED_WHOLE,			/* it compiles */
	ECAPI_LOOKED_BROKEN,		/* it does not */
	ECAPI_LOOKED_NOT			/* not known: a lock was not had, or it is too long */
} EcapiLooked;

/*
 * Lock a relation in AccessShare mode.  One who is patient waits as any statement
 * does, with its errors; who is not, as long as a look may.  Returns whether it is
 * locked.
 */
extern bool ecapi_look_lock(Oid relation, bool patient);

/*
 * Does a track compile for a relation, which the caller has locked?  In a
 * subtransaction, which is undone.  *problem becomes NULL or why not, in words that
 * hold names only, in the current context.  Raises what says nothing about the
 * track: a cancelled query, shutdown, want of memory, a deadlock, and to one who is
 * patient, a lock that was not had.
 */
extern EcapiLooked ecapi_look_compile(const EcapiTrack *track, Relation relation,
									  bool patient, char **problem);

/*
 * The same for a track as it is declared, whose relation is locked for the time of
 * the look; NULL: as its trigger has it, and the trigger is looked at, too.  One whose
 * relation is gone is whole: nobody misses anything.
 */
extern EcapiLooked ecapi_look_at(const EcapiDeclared *declared, const EcapiTrack *track,
								 bool patient, char **problem);

/* Is a track too long to be read and looked at in others' sessions? */
extern bool ecapi_look_too_long(const EcapiDeclared *declared);

/* The argument read, in a subtransaction, too; NULL when it cannot be. */
extern EcapiTrack *ecapi_declared_track(const EcapiDeclared *declared);

#endif							/* ECAPI_CAPTURE_LOOK_H */

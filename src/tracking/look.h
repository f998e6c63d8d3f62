/*
 * look.h
 *	  Looking at a track in another role's session.
 */
#ifndef ECAPI_CAPTURE_LOOK_H
#define ECAPI_CAPTURE_LOOK_H

#include "postgres.h"

#include "capture/program.h"
#include "capture/tracks.h"

/* What a look says. */
typedef enum EcapiLooked
{
	ECAPI_LOOKED_VALID,			/* it compiles */
	ECAPI_LOOKED_BROKEN,		/* it does not */
	ECAPI_LOOKED_UNKNOWN		/* not known: a lock was not had, or it is too long */
} EcapiLooked;

/*
 * Lock a relation in AccessShare mode.  may_wait: as any statement does, with its
 * errors; else as long as a look may.  Returns whether it is locked.
 */
extern bool ecapi_look_lock(Oid relation, bool may_wait);

/*
 * Whether a track compiles for a relation, which the caller has locked.  It does so in
 * a subtransaction, which is undone.  *problem becomes NULL or why not, in words that
 * hold names only, in the current context.  Raises errors that
 * are no problem of the track: a cancelled query, shutdown, out of memory, a deadlock,
 * and with may_wait, a lock that was not had.
 */
extern EcapiLooked ecapi_look_compile(const EcapiTrack *track, Relation relation,
									  bool may_wait, char **problem);

/*
 * The same for a track as it is declared, whose relation is locked for the time of
 * the look; NULL: as its trigger has it, and the trigger is looked at, too.  One whose
 * relation is gone is valid: there is nothing that it lacks.
 */
extern EcapiLooked ecapi_look_at(const EcapiDeclared *declared, const EcapiTrack *track,
								 bool may_wait, char **problem);

/*
 * Whether a track that is compiled runs SQL as the table's owner to make an event of a row.
 * As a superuser no code of users runs.
 */
extern bool ecapi_look_program_runs_sql(const EcapiProgram *program);

/*
 * Whether any track of an open relation does, or may: one that cannot be looked at, or that
 * is a partition's copy.  Raises what a look raises.
 */
extern bool ecapi_look_runs_sql(Relation relation);

/* Whether a track is too long to be read and looked at in others' sessions. */
extern bool ecapi_look_too_long(const EcapiDeclared *declared);

/* The argument read, in a subtransaction, too; NULL when it cannot be. */
extern EcapiTrack *ecapi_declared_track(const EcapiDeclared *declared);

#endif							/* ECAPI_CAPTURE_LOOK_H */

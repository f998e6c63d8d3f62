/*
 * program_cache.h
 *	  The programs of triggers, compiled once in a process.
 */
#ifndef ECAPI_PROGRAM_CACHE_H
#define ECAPI_PROGRAM_CACHE_H

#include "postgres.h"

#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "capture/program.h"

typedef struct EcapiCompiled
{
	EcapiProgram *program;		/* NULL: it does not compile */
	Oid			root;			/* the table that the track was declared on */
	Oid			root_trigger;	/* its trigger there */
	Oid			role;			/* whose rights its SQL has: root's owner's; see run_as.h */
	EcapiOnError on_error;
	char		sqlstate[6];	/* why it does not compile */
	const char *problem;		/* one line that names no values */
} EcapiCompiled;

/*
 * The program of a trigger of a relation that is open; compiled again when the
 * relation, the trigger or the role that its SQL runs as have changed.  trigger is a copy
 * that the caller holds, never the relation cache's own, which goes at the first
 * look at a catalog.  A failure to compile is not raised but reported in the
 * result, which stays as it is as long as the current memory context.
 */
extern const EcapiCompiled *ecapi_program_of_trigger(Relation relation,
													 const Trigger *trigger);

/*
 * A trigger of an open relation, by its Oid, or by its name if it is a track;
 * NULL when there is none.  A copy in the current context, of what is asked of
 * tracks: Oid, name, function, arguments, and whether it is a partition's copy.
 */
extern Trigger *ecapi_trigger_of(Relation relation, Oid trigger);
extern Trigger *ecapi_trigger_named(Relation relation, const char *name);

#endif							/* ECAPI_PROGRAM_CACHE_H */

/*
 * program_compile.h
 *	  A track, compiled for one relation.
 */
#ifndef ECAPI_PROGRAM_COMPILE_H
#define ECAPI_PROGRAM_COMPILE_H

#include "postgres.h"

#include "utils/rel.h"

#include "capture/program.h"

/*
 * The first part of the default ids of a relation: its name, behind its schema
 * unless that is public; in the current context.
 */
extern char *ecapi_track_table(Oid relation);

/*
 * Compile a track for a relation; role is the one that its SQL runs as (run_as.h).
 * look: only to see whether it compiles; the program must not run.  Everything
 * lives in a new context below parent.  Raises an error for whatever is wrong
 * with it: see mapping.h and expression.h; also for a value that its field
 * cannot take, an on_change or key column that does not exist, and no primary
 * key where the mapping has no id.  This is the check at declaration, too.
 */
extern EcapiProgram *ecapi_program_compile(const EcapiTrack *track, Relation relation,
										   Oid role, bool look, MemoryContext parent);
extern void ecapi_program_free(EcapiProgram *program);

#endif							/* ECAPI_PROGRAM_COMPILE_H */

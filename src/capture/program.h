/*
 * program.h
 *	  A track compiled for one relation: which rows are events, and which.
 */
#ifndef ECAPI_PROGRAM_H
#define ECAPI_PROGRAM_H

#include "postgres.h"

#include "capture/mapping.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

typedef struct EcapiProgram EcapiProgram;

/*
 * Compile a track for a relation; owner is who its SQL runs as.  Everything
 * lives in a new context below parent.  Raises an error for whatever is wrong
 * with it: see mapping.h and expression.h; also for a value that its field
 * cannot take, an on_change or key column that does not exist, and no primary
 * key where the mapping has no id.  This is the check at declaration, too.
 */
extern EcapiProgram *ecapi_program_compile(const EcapiTrack *track, Relation relation,
										   Oid owner, MemoryContext parent);
extern void ecapi_program_free(EcapiProgram *program);

/*
 * The program of a trigger of a relation that is open, from this process's
 * cache: compiled anew when relation, trigger or owner has changed.  Raises
 * what ecapi_program_compile() raises.
 */
extern EcapiProgram *ecapi_program_of_trigger(Relation relation, const Trigger *trigger);

/*
 * The role whose SQL a trigger holds: the owner of the table that it was made
 * on, which for a partition's copy of it is the root's.
 */
extern Oid	ecapi_track_owner(Relation relation, const Trigger *trigger);

/* Does it turn rows into events only at commit? */
extern const EcapiTrack *ecapi_program_track(const EcapiProgram *program);

#endif							/* ECAPI_PROGRAM_H */

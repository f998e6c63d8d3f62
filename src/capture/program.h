/*
 * program.h
 *	  A track compiled for one relation: which rows are events, and which.
 */
#ifndef ECAPI_PROGRAM_H
#define ECAPI_PROGRAM_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "capture/draft.h"
#include "capture/mapping.h"

typedef struct EcapiProgram EcapiProgram;

/*
 * The first part of the default ids of a relation: its name, behind its schema
 * unless that is public; in the current context.
 */
extern char *ecapi_track_table(Oid relation);

/*
 * Compile a track for a relation; role is who its SQL runs as (run_as.h).  look: only to
 * see whether it compiles; the program must not run.  Everything
 * lives in a new context below parent.  Raises an error for whatever is wrong
 * with it: see mapping.h and expression.h; also for a value that its field
 * cannot take, an on_change or key column that does not exist, and no primary
 * key where the mapping has no id.  This is the check at declaration, too.
 */
extern EcapiProgram *ecapi_program_compile(const EcapiTrack *track, Relation relation,
										   Oid role, bool look, MemoryContext parent);
extern void ecapi_program_free(EcapiProgram *program);

/* Must it be compiled again?  See ecapi_expressions_stale(). */
extern bool ecapi_program_stale(const EcapiProgram *program);

extern const EcapiTrack *ecapi_program_track(const EcapiProgram *program);

/* Has the mapping a source for this member of the event, "timestamp" say? */
extern bool ecapi_program_maps(const EcapiProgram *program, const char *member);

/* Must it be compiled again when this relation changes, beside its own? */
extern bool ecapi_program_depends(const EcapiProgram *program, Oid relid);

/* Does its condition look at the old row? */
extern bool ecapi_program_looks_back(const EcapiProgram *program);

/*
 * The columns whose values name an event, in their order: those of the key, then those
 * of on_change.  Fills columns (room for ECAPI_ID_COLUMNS) and returns how many; 0 when
 * the mapping has an id of its own.
 */
#define ECAPI_ID_COLUMNS	64
extern int	ecapi_program_id_columns(const EcapiProgram *program, AttrNumber *columns);

/*
 * The id of the event of a row whose columns (as above) have these values, palloc'd;
 * NULL when one of the key is null.
 */
extern char *ecapi_program_id(const EcapiProgram *program, const Datum *values,
							  const bool *nulls);

/*
 * Does it take a guard to ask whether a row fires (fires), or to make its event
 * (fill)?
 */
extern bool ecapi_program_guards_fires(const EcapiProgram *program);
extern bool ecapi_program_guards_fill(const EcapiProgram *program);

/*
 * Run a program: start, any number of rows, stop; see ecapi_expressions_start().
 * What is asked of a row leaks into the current context.
 */
extern void ecapi_program_start(EcapiProgram *program);
extern void ecapi_program_stop(EcapiProgram *program);

/*
 * Is a row an event?  new and old are slots of the relation's descriptor; old
 * is NULL for a row that is new.  history: judge the row as a state, as if all
 * that the track waits for had just happened to it.
 */
extern bool ecapi_program_fires(EcapiProgram *program, TupleTableSlot *new,
								TupleTableSlot *old, bool history);

/*
 * Put a row's event into a draft that has begun: mapped values, the fragment
 * of "*" under them, context (or NULL) under both, then id and, unless zero,
 * captured_at (seconds since 1970) where these are still missing.  mapped_only:
 * without fragment and context.
 */
extern void ecapi_program_fill(EcapiProgram *program, EcapiDraft *draft,
							   TupleTableSlot *new, TupleTableSlot *old,
							   const EcapiValue *context, int64 captured_at,
							   bool mapped_only);

/* Does the mapping say by SQL in which zone the timestamp's column is? */
extern bool ecapi_program_names_zone(const EcapiProgram *program);

/* Has the track a fragment of "*"? */
extern bool ecapi_program_has_fragment(const EcapiProgram *program);

/* What is being evaluated: a field's path, "condition" or "id"; for messages. */
extern const char *ecapi_program_place(const EcapiProgram *program);

#endif							/* ECAPI_PROGRAM_H */

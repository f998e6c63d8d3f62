/*
 * program.h
 *	  A track compiled for one relation: which rows are events, and which.
 *
 * program_compile.h makes and frees one.  Others read of it what is said below, and
 * write nothing.
 */
#ifndef ECAPI_PROGRAM_H
#define ECAPI_PROGRAM_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "capture/draft.h"
#include "capture/mapping.h"
#include "rowsql/datum.h"
#include "rowsql/equality.h"
#include "rowsql/source.h"

/* A source of an entry of the mapping. */
typedef struct EcapiProgramSource
{
	const EcapiMapped *mapped;
	EcapiExpression *expression;	/* NULL: the entry's constant */
	EcapiDatumType *type;
	EcapiDatumForm form;
	AttrNumber	column;			/* of the new row, if it is no more than that */
} EcapiProgramSource;

/* A column whose value is in the id. */
typedef struct EcapiProgramColumn
{
	AttrNumber	number;
	EcapiDatumType *type;
	EcapiEquality *equality;	/* of a column of on_change; NULL: by its key */
} EcapiProgramColumn;

typedef struct EcapiProgram
{
	MemoryContext context;
	const EcapiTrack *track;	/* for all */
	Oid			role;
	const char *table;			/* as it begins an id */
	EcapiExpressions *expressions;	/* for all: to start, to stop, and stale */
	EcapiExpression *condition; /* NULL: none */
	bool		states_change;	/* for all: the condition mentions old */
	int			nkeys;
	EcapiProgramColumn *keys;
	int			nchanges;
	EcapiProgramColumn *changes;
	int			nsources;
	EcapiProgramSource *sources;
	EcapiProgramSource *fragment;	/* for all: the source of "*"; NULL: none */

	/*
	 * For all: it must be confined to ask whether a row fires (fires), or to make its
	 * event (fill).
	 */
	bool		confines_fires;
	bool		confines_fill;

	/* for all, for messages: what is evaluated, a field's path, "condition" or "id" */
	const char *place;
} EcapiProgram;

/* Whether the mapping has a source for this member of the event, "timestamp" say. */
extern bool ecapi_program_maps(const EcapiProgram *program, const char *member);

/* Whether the mapping says by SQL in which zone the timestamp's column is. */
extern bool ecapi_program_names_zone(const EcapiProgram *program);

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
 * Whether a row is an event.  new and old are slots of the relation's descriptor; old
 * is NULL for a row that is new.  history: judge the row as a state, as if all
 * that the track waits for had just happened to it.  Between ecapi_expressions_start()
 * and ecapi_expressions_stop() of the program's expressions, as is the next; what is
 * asked of a row leaks into the current context.
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

#endif							/* ECAPI_PROGRAM_H */

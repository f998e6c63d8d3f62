/*
 * source.h
 *	  The sources of one track, as they are compiled.
 *
 * expression.h compiles and runs them; the files behind it share the fields.  Others
 * read of an expression its type and typmod, kind and column, mentions_old and
 * needs_confining, of a set stale, and write none.
 */
#ifndef ECAPI_SOURCE_H
#define ECAPI_SOURCE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "utils/plancache.h"

typedef enum EcapiExpressionUse
{
	ECAPI_USE_VALUE,			/* a mapping's source */
	ECAPI_USE_CONDITION			/* boolean; columns of the new row may stand bare */
} EcapiExpressionUse;

/* Columns of the row that one piece of SQL may mention, new and old. */
#define ECAPI_MAX_REFERENCES	200

typedef enum EcapiExpressionKind
{
	ECAPI_EXPRESSION_COLUMN,	/* a column of new */
	ECAPI_EXPRESSION_PATH,		/* a place in the result of the set's key paths */
	ECAPI_EXPRESSION_SCALAR,	/* SQL without a sub-select: the executor's expression */
	ECAPI_EXPRESSION_QUERY		/* SQL with a sub-select: a saved plan */
} EcapiExpressionKind;

/* A column of the row that SQL mentions; its Param's number is its place + 1. */
typedef struct EcapiReference
{
	bool		old;
	AttrNumber	attnum;
} EcapiReference;

/* Foreign-key paths: key_path.c. */
typedef struct EcapiKeyPaths EcapiKeyPaths;

/* The sources of one track, and what they need while they run. */
typedef struct EcapiExpressions EcapiExpressions;

/* One source, compiled. */
typedef struct EcapiExpression
{
	EcapiExpressions *set;
	EcapiExpressionKind kind;
	EcapiExpressionUse use;
	const char *source;
	const char *what;
	Oid			type;
	int32		typmod;
	int16		typlen;
	bool		typbyval;
	bool		mentions_old;

	/*
	 * Running it may raise an error, or run code that is not the server's own, so it
	 * must run inside ecapi_confined_run().  False for columns, and for
	 * expressions of leakproof built-in functions.
	 */
	bool		needs_confining;

	AttrNumber	column;			/* COLUMN; else InvalidAttrNumber */
	int			place;			/* PATH: which column of the result */

	/* SCALAR and QUERY */
	int			nreferences;
	EcapiReference *references;
	List	   *strings;		/* a look: those that the analysis did not see */
	Node	   *tree;			/* SCALAR: as analyzed, Vars for references */
	CachedExpression *cached;	/* SCALAR: as planned */
	ExprState  *state;			/* SCALAR: kept if bare, else made per start */
	SPIPlanPtr	plan;			/* QUERY: saved */
	ParamListInfo params;		/* QUERY */
} EcapiExpression;

struct EcapiExpressions
{
	MemoryContext context;
	Oid			relid;
	char	   *table;			/* schema.name, for messages */
	TupleDesc	descriptor;		/* a copy */
	bool		temporary;		/* the relation */
	Oid			role;			/* whose rights the sources have: run_as.h */
	bool		superuser;		/* role was one when the set was made */
	bool		look;			/* compiled, never run */
	List	   *expressions;
	EcapiKeyPaths *paths;		/* NULL: none yet */
	bool		stale;			/* a table that it reads has changed: a run failed, and
								 * it must be compiled again */
	MemoryContextCallback freeing;

	/* The run: see expression.c. */
	TupleTableSlot *new;
	TupleTableSlot *old;
	TupleTableSlot *nothing;	/* all null, stands for an absent old */
	ExprContext *bare;			/* for values of the row, kept over runs */
	ExprContext *confined;		/* of this run, or NULL */
	MemoryContext run;
};

/*
 * Before anything of a user runs: raise an error if the role has become a
 * superuser since the set was compiled, as then less is allowed.  Only where a
 * it is confined, so that it cannot hurt the shop's statement.
 */
extern void ecapi_expressions_check_owner(const EcapiExpressions *set);

/* Raise that a table gives another type than when the source was compiled. */
extern _Noreturn void ecapi_expressions_type_changed(EcapiExpression *expression);

/* Raise that a name means a column of the row now, and meant a table's when it was compiled. */
extern _Noreturn void ecapi_expressions_names_changed(EcapiExpression *expression);

/* For hints: new.column, with a column that the set's relation has. */
extern const char *ecapi_expressions_sample(const EcapiExpressions *set);

#endif							/* ECAPI_SOURCE_H */

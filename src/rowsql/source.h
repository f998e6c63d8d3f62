/*
 * source.h
 *	  What the files behind expression.h share.  Of others only reads.c and
 *	  superuser_read.c include this.
 *
 *	expression.c	the set: kinds of sources, rows, values
 *	names.c			identifiers in a source, and hints for names that are not there
 *	stated_join.c	the join that a step states without one
 *	key_path.c		foreign-key paths: one query for all of a set
 *	row_sql.c		SQL over new and old: parse, compile, run
 *	row_sql_check.c what of SQL is allowed
 *	row_sql_operator.c operators that are another type's
 *	row_sql_shape.c keys of the JSON that it builds
 *	row_sql_superuser.c what of it is where the owner is a superuser
 *	row_sql_look.c	a look at it that runs nothing of a user
 */
#ifndef ECAPI_SOURCE_H
#define ECAPI_SOURCE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "utils/plancache.h"

#include "rowsql/expression.h"
#include "rowsql/foreign_key.h"

/* Names in a source that is only names: a column or a foreign-key path. */
#define ECAPI_MAX_NAMES		8

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

typedef struct EcapiKeyPaths EcapiKeyPaths;

struct EcapiExpression
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
	bool		needs_guard;

	AttrNumber	column;			/* COLUMN */
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
};

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
	bool		stale;			/* no longer fits the tables it reads */
	MemoryContextCallback freeing;

	/* The run: see expression.c. */
	TupleTableSlot *new;
	TupleTableSlot *old;
	TupleTableSlot *nothing;	/* all null, stands for an absent old */
	ExprContext *bare;			/* for values of the row, kept over runs */
	ExprContext *guarded;		/* of this run, or NULL */
	MemoryContext run;
};

/* expression.c */
extern void ecapi_expressions_check_owner(const EcapiExpressions *set);
extern void ecapi_expressions_type_changed(EcapiExpression *expression) pg_attribute_noreturn();

/* names.c */

/* A step of a path: a column, and the table that it leads to where that is stated. */
typedef struct EcapiPathStep
{
	char	   *column;
	char	   *schema;			/* NULL: by its foreign key, or the last column */
	char	   *table;
} EcapiPathStep;

/*
 * Take text for names joined by dots, by the rules of SQL (unquoted ones are
 * folded to lower case), where a name may be followed by a table in the form
 * "->schema.table".  Returns how many steps there are, 0 when text is anything
 * else or has more than ECAPI_MAX_NAMES.  Names are palloc'd.
 */
extern int	ecapi_names_split(const char *text, EcapiPathStep steps[ECAPI_MAX_NAMES]);

/* The column of that name; InvalidAttrNumber when there is none.  No system column. */
extern AttrNumber ecapi_names_column(TupleDesc descriptor, const char *name);

/* The column's name that name most likely stands for, or NULL. */
extern const char *ecapi_names_closest(TupleDesc descriptor, const char *name);

/* Raise that a table (schema.name) has no such column, with the closest as hint. */
extern void ecapi_names_no_column(const char *table, TupleDesc descriptor,
								  const char *name) pg_attribute_noreturn();

/* schema.name of a relation, quoted where SQL wants it. */
extern char *ecapi_names_relation(Oid relid);

/* stated_join.c */

/*
 * Set the key of *join to the one of a table that a column of a type (no domain)
 * names: the primary key, else a unique one.  Returns how many it could be.
 */
extern int	ecapi_stated_join_lookup(Relation referred, Oid type, bool superuser,
									 EcapiKeyJoin *join);

/*
 * Set all of *join but from to the join that a step of a path states for a
 * column of an open relation.  Raises that it is none, or several.
 */
extern void ecapi_stated_join_find(const EcapiExpressions *set, Relation relation,
								   AttrNumber attnum, const EcapiPathStep *step,
								   EcapiKeyJoin *join);

/* key_path.c */

/*
 * Make expression the path of these steps (at least two, the first a column of
 * the relation).  Raises what is wrong with it.
 */
extern void ecapi_key_path_add(EcapiExpression *expression, Relation relation,
							   const EcapiPathStep *steps, int nsteps);
extern Datum ecapi_key_path_value(EcapiExpression *expression, bool *isnull);
extern void ecapi_key_paths_start(EcapiKeyPaths *paths);
extern void ecapi_key_paths_row(EcapiKeyPaths *paths);

/* Is a table one of those that the paths lead to? */
extern bool ecapi_key_paths_depend(const EcapiKeyPaths *paths, Oid relid);
extern void ecapi_key_paths_free(EcapiKeyPaths *paths);

/* row_sql.c */

/*
 * Make expression the SQL of its source.  The caller has made the owner the
 * current user, in a security-restricted operation, under the guard's settings,
 * with an active snapshot.
 */
extern void ecapi_row_sql_compile(EcapiExpression *expression);
extern Datum ecapi_row_sql_value(EcapiExpression *expression, bool *isnull);
extern void ecapi_row_sql_free(EcapiExpression *expression);

/* What a source that is names only would be in SQL: can it be a column? */
extern bool ecapi_row_sql_is_column(const char *source);

/* For hints: a comparison of a source that is a value of some type. */
extern const char *ecapi_row_sql_comparison(const EcapiExpression *expression);

/* For hints: new.column, with a column that the set's relation has. */
extern const char *ecapi_row_sql_sample(const EcapiExpressions *set);

/* row_sql_check.c */

/* Raise what is not allowed in an analyzed source. */
extern void ecapi_row_sql_check(const EcapiExpression *expression, Query *query);

/* Can it neither raise an error nor run code that is not the server's own? */
extern bool ecapi_row_sql_is_bare(Node *expression);

/* Raise that a role may not read a column (0: any) of a table, if it may not. */
extern void ecapi_row_sql_check_read(Oid relid, AttrNumber attnum, Oid role);

/* row_sql_operator.c */

/* Raise that an operator or function is not that of the type it is applied to. */
extern void ecapi_row_sql_check_operators(Query *query);

/* row_sql_shape.c */

/* Raise that an analyzed value has a key that its field of the standard has not. */
extern void ecapi_row_sql_check_shape(const EcapiExpression *expression, Node *value);

/* row_sql_superuser.c: each raises what is not allowed to a superuser's track */

/* In a source that is only parsed. */
extern void ecapi_superuser_check_parsed(const EcapiExpression *expression, Node *parsed);

/* In the type of a column that SQL mentions. */
extern void ecapi_superuser_check_type(const EcapiExpression *expression, Oid type);

/* In an analyzed source. */
extern void ecapi_superuser_check(const EcapiExpression *expression, Node *analyzed);

/* Is no code of a user behind a type?  Over it the server's functions do all. */
extern bool ecapi_superuser_is_plain(Oid type);

/* row_sql_look.c */

/* Before the analysis: make parameters of the strings of a parsed source. */
extern void ecapi_look_hide_strings(EcapiExpression *expression, Node *parsed);

/* Let a parser whose p_ref_hook_state is the expression know them. */
extern void ecapi_look_set_up(ParseState *pstate);

/* May an analyzed source be planned without running code of a user? */
extern bool ecapi_look_may_plan(Node *analyzed);

#endif							/* ECAPI_SOURCE_H */

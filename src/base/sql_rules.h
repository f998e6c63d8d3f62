/*
 * sql_rules.h
 *	  What SQL that users wrote may consist of: rules as data, and the walk over a tree
 *	  that applies them.
 */
#ifndef ECAPI_SQL_RULES_H
#define ECAPI_SQL_RULES_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* What becomes of a node after a look at it. */
typedef enum EcapiSqlStep
{
	ECAPI_SQL_GO_ON,			/* its functions, its type, and its parts are next */
	ECAPI_SQL_PASS_OVER,		/* none of these */
	ECAPI_SQL_FOUND				/* the walk ends */
} EcapiSqlStep;

/*
 * Rules of a walk.  What they do not allow is found, unless a function for it, which
 * gets the argument of the walk, says otherwise or raises an error.
 */
typedef struct EcapiSqlRules
{
	bool		parsed;			/* of trees that are parsed, but not analyzed */

	const NodeTag *nodes;		/* those that may stand there, up to T_Invalid; NULL: any */
	EcapiSqlStep (*node) (Node *node, bool allowed, void *arg); /* asked of each */

	bool		builtin;		/* functions: the server's own alone */
	char		volatility;		/* functions: as PROVOLATILE_..., at most; 0: any */
	bool		leakproof;		/* functions: leakproof ones alone */
	const Oid  *functions;		/* allowed all the same, up to InvalidOid; or NULL */
	bool		(*function) (Oid function, bool allowed, void *arg);	/* true: found */

	void		(*type) (Oid type, void *arg);	/* asked of each expression's type */
} EcapiSqlRules;

/*
 * Walk over a tree, sub-selects too.  Each node is asked about itself, then its
 * functions, then its type, then its parts.  Returns whether something was found.
 */
extern bool ecapi_sql_find(Node *tree, const EcapiSqlRules *rules, void *arg);

/* What a text is to the grammar's entry point for one expression. */
typedef enum EcapiSqlText
{
	ECAPI_SQL_EXPRESSION,
	ECAPI_SQL_EMPTY,
	ECAPI_SQL_LIST,				/* several expressions */
	ECAPI_SQL_MORE				/* with clauses of a query, or a name */
} EcapiSqlText;

/*
 * Parse a text.  Nothing in it can close a parenthesis around it or begin a statement.
 * *statement is the query SELECT text, and *value the first expression of it (NULL:
 * empty).  Raises what the server's parser raises.
 */
extern EcapiSqlText ecapi_sql_parse(const char *text, RawStmt **statement, Node **value);

/*
 * For a parsed tree, whose names are looked up in pg_catalog alone: the name of an
 * object of another schema, palloc'd; NULL: it is of that one.
 */
extern char *ecapi_sql_foreign_name(List *names);

/* For a parsed tree: the type of that name; InvalidOid: there is none. */
extern Oid	ecapi_sql_named_type(const TypeName *name);

#endif							/* ECAPI_SQL_RULES_H */

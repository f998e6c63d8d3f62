/*
 * names.h
 *	  Identifiers in a source, and hints for names that are not there.
 */
#ifndef ECAPI_NAMES_H
#define ECAPI_NAMES_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/tupdesc.h"

/* Names in a source that is only names: a column or a foreign-key path. */
#define ECAPI_MAX_NAMES		8

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
extern _Noreturn void ecapi_names_no_column(const char *table, TupleDesc descriptor,
											const char *name);

/*
 * Raise an error if a column of the row has no value in a trigger: a virtual generated
 * one.  In a query its value is like others.
 */
extern void ecapi_names_check_stored(Oid relid, AttrNumber attnum);

/* schema.name of a relation, quoted where SQL wants it. */
extern char *ecapi_names_relation(Oid relid);

#endif							/* ECAPI_NAMES_H */

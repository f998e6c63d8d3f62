/*
 * sql_scope.h
 *	  What every run of SQL that users wrote has in common, in a shop's
 *	  transaction and in a process that runs it for the worker.
 */
#ifndef ECAPI_SQL_SCOPE_H
#define ECAPI_SQL_SCOPE_H

#include "postgres.h"

/* Set for the current nest level of settings.  Raises what setting one raises. */
extern void ecapi_sql_set(const char *name, const char *value);

/*
 * Settings on which the meaning of SQL depends (search_path pg_catalog and last
 * pg_temp, row_security on, fixed DateStyle, IntervalStyle, TimeZone,
 * extra_float_digits, bytea_output, standard_conforming_strings,
 * transform_null_equals), for the caller's nest level (NewGUCNestLevel()), which
 * it ends with AtEOXact_GUC(false, level).  Raises what setting one raises.
 */
extern void ecapi_sql_settings(void);

/*
 * The object that an error names, if there is one of that name: schema.name of a
 * table or type, and in *part a column or constraint of it, or NULL.  Palloc'd;
 * NULL when it names none.  In a transaction.
 */
extern char *ecapi_sql_object(const ErrorData *edata, const char **part);

/*
 * The message of an error that ecapi.major() raised, which holds no value and
 * may be shown wherever SQL that calls it has failed; NULL: another's.
 */
extern const char *ecapi_sql_own_message(const ErrorData *edata);

#endif							/* ECAPI_SQL_SCOPE_H */

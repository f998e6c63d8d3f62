/*
 * sql_version.h
 *	  Of which version the SQL of this database is, and the library.
 */
#ifndef ECAPI_SQL_VERSION_H
#define ECAPI_SQL_VERSION_H

#include "postgres.h"

/* The version of this library, which the build takes from the control file. */
extern const char *ecapi_library_version(void);

/*
 * The version of the extension in this database; NULL where it is not installed.
 * Valid until the next call; needs a transaction.
 */
extern const char *ecapi_sql_version(void);

/* Below 0, 0 or above 0: whether the first version is older, equal or newer. */
extern int	ecapi_version_compare(const char *left, const char *right);

/*
 * Whether the SQL of this database has what that version brought.  Where the extension
 * is not installed it has nothing.
 */
extern bool ecapi_sql_has(const char *version);

/*
 * Raise an error where the SQL of this database is newer than the library, which does not
 * know it: for all that changes what was recorded, but for what keeps events.
 */
extern void ecapi_sql_check_known(void);

/*
 * What is wrong between library and SQL, in words for a user: NULL where they are of one
 * version.  Palloc'd, with what to do about it; is_error: whether the SQL is newer than
 * the library, which then must not touch it.
 */
extern const char *ecapi_version_problem(const char **what_to_do, bool *is_error);

#endif							/* ECAPI_SQL_VERSION_H */

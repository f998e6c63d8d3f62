/*
 * history_key.h
 *	  The order in which the rows of a table are read: that of a unique index.
 */
#ifndef ECAPI_HISTORY_KEY_H
#define ECAPI_HISTORY_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"

/* The columns that rows are ordered by: those of a unique index. */
typedef struct EcapiHistoryKey
{
	int			n;
	AttrNumber	columns[INDEX_MAX_KEYS];
	const char *names[INDEX_MAX_KEYS];
	Oid			less[INDEX_MAX_KEYS];	/* operators of the index */
	Oid			greater[INDEX_MAX_KEYS];
} EcapiHistoryKey;

/*
 * The primary key of an open relation, else a unique index over columns that
 * are never null; raises an error when there is neither, or a superuser's table would
 * have to run code of users to be read in its order.  Names live in the
 * current context.
 */
extern void ecapi_history_key(Relation relation, EcapiHistoryKey *key);

/*
 * Append to SQL over the table, called t there: that a row is behind the key that the
 * parameters from $1 on hold, and the list of ORDER BY.
 */
extern void ecapi_history_key_behind(StringInfo sql, const EcapiHistoryKey *key);
extern void ecapi_history_key_order(StringInfo sql, const EcapiHistoryKey *key);

#endif							/* ECAPI_HISTORY_KEY_H */

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

/*
 * The columns that rows are ordered by, those of a unique index, and all that says which
 * order that is.  It holds no pointer and no name, so it lasts over pages in which columns
 * are renamed.
 */
typedef struct EcapiHistoryKey
{
	int			n;				/* 0: not known yet */
	AttrNumber	columns[INDEX_MAX_KEYS];
	Oid			types[INDEX_MAX_KEYS];
	Oid			collations[INDEX_MAX_KEYS];
	Oid			less[INDEX_MAX_KEYS];	/* operators of the index */
	Oid			greater[INDEX_MAX_KEYS];
} EcapiHistoryKey;

/*
 * The primary key of an open relation, else a unique index over columns that
 * are never null; raises an error when there is neither, or a superuser's table would
 * have to run code of users to be read in its order.
 */
extern void ecapi_history_key(Relation relation, EcapiHistoryKey *key);

/*
 * Whether an index of the relation still orders rows by this key: the same columns, of
 * the same types and collations, by the same operators.  A position by any other key is
 * none.
 */
extern bool ecapi_history_key_stands(Relation relation, const EcapiHistoryKey *key);

/*
 * The i-th column of the key in words, for positions that outlive the session: its name,
 * type, collation and operator, palloc'd.  Two keys order alike if all their words are
 * equal.  Then the name alone, which is all that earlier versions wrote down; it goes
 * with the relation's descriptor.
 */
extern char *ecapi_history_key_words(Relation relation, const EcapiHistoryKey *key, int i);
extern const char *ecapi_history_key_name(Relation relation, const EcapiHistoryKey *key, int i);

/* The key of n columns that were written down so, or by name; false: no index has it now. */
extern bool ecapi_history_key_told(Relation relation, char *const *words, int n,
								   EcapiHistoryKey *key);

/*
 * Append to SQL over the table, called t there: that a row is behind the key that the
 * parameters from $1 on hold, and the list of ORDER BY.
 */
extern void ecapi_history_key_behind(StringInfo sql, Relation relation, const EcapiHistoryKey *key);
extern void ecapi_history_key_order(StringInfo sql, Relation relation, const EcapiHistoryKey *key);

#endif							/* ECAPI_HISTORY_KEY_H */

/*
 * foreign_key.h
 *	  Which foreign key a column of a table stands for.
 */
#ifndef ECAPI_FOREIGN_KEY_H
#define ECAPI_FOREIGN_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "utils/rel.h"

/* From the row (or a table joined before) to a table, by one key of it. */
typedef struct EcapiKeyJoin
{
	int			from;			/* a join; -1: the row */
	Oid			relid;			/* the table it leads to */
	char	   *name;			/* its name in the query */
	int			nkeys;
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	Oid			operators[INDEX_MAX_KEYS];	/* referred = referring */
} EcapiKeyJoin;

/*
 * How many foreign keys a column of an open relation may stand for, as a track
 * of role takes them.  If it is one, all of *join but from, which the caller
 * has set, is that one.
 */
extern int	ecapi_foreign_key_lookup(Relation relation, Oid role, AttrNumber attnum,
									 EcapiKeyJoin *join);

/* The same where it must be one.  Raises that it is none, or several. */
extern void ecapi_foreign_key_find(Relation relation, Oid role, AttrNumber attnum,
								   EcapiKeyJoin *join);
extern bool ecapi_foreign_key_same(const EcapiKeyJoin *a, const EcapiKeyJoin *b);

#endif							/* ECAPI_FOREIGN_KEY_H */

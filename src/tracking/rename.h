/*
 * rename.h
 *	  A renamed column: the tracks that name it are rewritten, where it is clear how.
 */
#ifndef ECAPI_RENAME_H
#define ECAPI_RENAME_H

#include "postgres.h"

/*
 * A column of a relation, and of all that inherit from it, was renamed.  Raises an
 * error where that breaks a track that was valid and cannot be rewritten; warns of
 * tracks that could not be looked at or rewritten.
 */
extern void ecapi_rename_column(Oid relid, const char *from, const char *to);

#endif							/* ECAPI_RENAME_H */

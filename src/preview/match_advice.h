/*
 * match_advice.h
 *	  What to do for an identifier that events lack: the line of a mapping.
 */
#ifndef ECAPI_MATCH_ADVICE_H
#define ECAPI_MATCH_ADVICE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * The tracks whose events have a type (index), as far as they can be looked at at once; a
 * list for the next function, in the current context.  NIL: none.
 */
extern List *ecapi_match_tracks(int type);

/*
 * The advice for an identifier (path) that is missing in events of the tracks, palloc'd: a
 * line for the mapping of ecapi.track() with the column that probably has it, or what there
 * is to do before there is one.  *found: with such a column.
 */
extern char *ecapi_match_advice(const List *tracks, const char *path, bool *found);

#endif							/* ECAPI_MATCH_ADVICE_H */

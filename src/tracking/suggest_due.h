/*
 * suggest_due.h
 *	  When a row of a table is an event.
 */
#ifndef ECAPI_SUGGEST_DUE_H
#define ECAPI_SUGGEST_DUE_H

#include "postgres.h"

#include "utils/rel.h"

/* Whether an event of that type is something that a row becomes after it was made. */
extern bool ecapi_suggest_completes(int type);

/*
 * A condition under which a row of a relation is an event of a type, if it has
 * a column for how far a row has come: its completion, or a status.  *column
 * gets that column's name.  NULL: none, or such events are new rows.
 */
extern const char *ecapi_suggest_condition(Relation relation, const char *event_type,
										   const char **column);

#endif							/* ECAPI_SUGGEST_DUE_H */

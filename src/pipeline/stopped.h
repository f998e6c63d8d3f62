/*
 * stopped.h
 *	  Marking events in memory that may not leave any more.
 */
#ifndef ECAPI_STOPPED_H
#define ECAPI_STOPPED_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/value.h"
#include "pipeline/page.h"

/* An event as a tree in the current context; NULL when it cannot be read. */
extern const EcapiValue *ecapi_stops_object(const char *text, int len);

/*
 * The id of an event, in the current context where it is written with escapes;
 * false when it has none.
 */
extern bool ecapi_stops_id(const char *text, int len, const char **id, int *id_len);

/* Whether the id of an event has the form of those of amendments (event/amend.h). */
extern bool ecapi_stops_names_amendment(EcapiPageEvent *event);

/*
 * Bring the marks of all pages up to date; once a turn, after reading and before
 * anything is shaped.  Outside of a transaction.  Raises what SQL raises.
 */
extern void ecapi_stops_refresh(TimestampTz now);

/* Look at all pages in the next turn, with or without the flag. */
extern void ecapi_stops_look_again(void);

/* How often all pages were looked at. */
extern uint64 ecapi_stops_looks(void);

#endif							/* ECAPI_STOPPED_H */

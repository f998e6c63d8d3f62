/*
 * append.h
 *	  Writing events into the outbox, inside the caller's transaction.
 */
#ifndef ECAPI_APPEND_H
#define ECAPI_APPEND_H

#include "postgres.h"

typedef struct EcapiAppend
{
	text	   *event;			/* JSON text, server encoding; not toasted */
} EcapiAppend;

/*
 * Append events in this order, in the current (sub)transaction, whatever
 * rights the caller has on the outbox, and wake the worker at commit.  The
 * caller has refused read-only transactions, recovery and parallel mode.
 */
extern void ecapi_outbox_append(const EcapiAppend *events, int nevents);

/*
 * Put an event aside that could not be made valid: a row of failed_event that
 * belongs to no destination.  source says who made it ("ecapi_emit", or a
 * track's name, whose table relation then is); event is what was given, as
 * JSON text (of a track: see capture/rows.c); reason is one line that names
 * field paths and never values.
 */
extern void ecapi_outbox_set_aside(const char *source, Oid relation,
								   const char *event_id,
								   const char *event, int event_len,
								   const char *sqlstate, const char *reason);

#endif							/* ECAPI_APPEND_H */

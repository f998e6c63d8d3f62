/*
 * append.h
 *	  Writing events into the outbox, inside the caller's transaction.
 */
#ifndef ECAPI_APPEND_H
#define ECAPI_APPEND_H

#include "postgres.h"

/*
 * Whose an event is: the role whose rights wrote it, which is the caller of
 * ecapi_emit() or the owner of the tracked table; and that table, the one on which the
 * track was declared (InvalidOid: no track made it).  The table is kept beside the role
 * because its events stay its own when another role comes to own it.
 */
typedef struct EcapiEmitter
{
	Oid			role;
	Oid			relation;
} EcapiEmitter;

typedef struct EcapiAppend
{
	text	   *event;			/* JSON text, server encoding; not toasted */
} EcapiAppend;

/*
 * Append events in this order, in the current (sub)transaction, whatever
 * rights the caller has on the outbox, and wake the worker at commit.  The
 * caller has refused read-only transactions, recovery and parallel mode.
 */
extern void ecapi_outbox_append(const EcapiEmitter *emitter, const EcapiAppend *events,
								int nevents);

/*
 * Seqs of this session: take the next one, and the one that was taken last (0: none
 * was).  What was written when the last one was n comes before a cancellation of the
 * same transaction with a seq above n; see cancellation.c.
 */
extern int64 ecapi_outbox_next_seq(Oid seq_relid);
extern int64 ecapi_outbox_last_seq(void);

/*
 * Put an event aside that could not be made valid: a row of failed_event that
 * belongs to no destination.  source says who made it ("ecapi_emit", or a
 * track's name); event is what was given, as
 * JSON text (of a track: see capture/rows.c); reason is one line that names
 * field paths and never values; after_seq is the last seq of the session when the
 * event, or its row, was written.  False: what the emitter may set aside is used up; the
 * event is not kept but counted (quota.h).
 */
extern bool ecapi_outbox_set_aside(const char *source, const EcapiEmitter *emitter,
								   const char *event_id,
								   const char *event, int event_len,
								   const char *sqlstate, const char *reason,
								   int64 after_seq);

#endif							/* ECAPI_APPEND_H */

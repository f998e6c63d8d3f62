/*
 * stop_list.h
 *	  Which events of a person may not leave any more: rows of ecapi.stop.
 */
#ifndef ECAPI_STOP_LIST_H
#define ECAPI_STOP_LIST_H

#include "postgres.h"

#include "outbox/snapshot.h"

/* That an event may not leave any more. */
typedef struct EcapiStop
{
	int			which;			/* index of its seq in the question */
	const char *reason;			/* a constant */
	Oid			server;			/* for this destination; InvalidOid: for all */
} EcapiStop;

/* Whether any row came by a transaction that seen does not see (NULL: at all). */
extern bool ecapi_stop_list_since(const EcapiSnapshot *seen);

/* No event of this transaction or a later one is withdrawn; 0: none is.  Read-only. */
extern uint64 ecapi_stop_list_newest(void);

/*
 * The stops of n events, by their seq: palloc'd in the current context, *nstops of
 * them.  Read-only.
 */
extern EcapiStop *ecapi_stop_list_of(const int64 *seqs, int n, int *nstops);

/*
 * For the worker: failed events, waiting and dead, that are withdrawn from their
 * destination are due now, so that it disposes of them.  Rows that somebody has locked
 * stay as they are; returns how many.
 */
extern int64 ecapi_stop_list_due(void);

/*
 * What holds for a row that was set aside (from the negative of its failed_id), or for an
 * event (its seq), holds for the event (xid, seq) that is made of it.
 */
extern void ecapi_stop_list_inherit(int64 from, uint64 xid, int64 seq);

/* Delete old rows whose event is nowhere any more. */
extern void ecapi_stop_list_clean(void);

#endif							/* ECAPI_STOP_LIST_H */

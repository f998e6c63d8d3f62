/*
 * cancellation.h
 *	  Cancellations of events: rows of ecapi.cancellation.
 */
#ifndef ECAPI_CANCELLATION_H
#define ECAPI_CANCELLATION_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/numeric.h"

#include "event/refund.h"

#include "outbox/snapshot.h"

/* Which events of an id a cancellation is about; see cancellation.c. */
typedef struct EcapiCover
{
	uint64		xid;
	uint64		before_xid;		/* 0: about none */
	int64		seq;
} EcapiCover;

typedef enum EcapiCancelled
{
	ECAPI_CANCELLED_REFUNDED,
	ECAPI_CANCELLED_NOTHING,	/* nothing to refund */
	ECAPI_CANCELLED_NOT_FOUND,
	ECAPI_CANCELLED_REPEATED
} EcapiCancelled;

/* A cancellation that is not resolved yet. */
typedef struct EcapiCancellation
{
	int64		cancel_id;
	const char *id;				/* UTF-8 */
	EcapiCover	cover;
	EcapiCover	resolved;		/* the widest of this id that is resolved, or none */
	TimestampTz since;			/* DT_NOBEGIN: not said */
	TimestampTz cancelled_at;
	const char *value;			/* most to be refunded, a number; NULL: all that is left */
} EcapiCancellation;

/* Where an event was sent. */
typedef struct EcapiSent
{
	int			which;			/* index of its seq in the question */
	Oid			server;
	bool		delivered;		/* else: sent, and there was no answer */
} EcapiSent;

/* What a call of the current transaction is about: events that were emitted before. */
extern EcapiCover ecapi_cover_now(void);

/* Whether a cancellation is about the event (xid, seq), which has its id. */
extern bool ecapi_cover_holds(const EcapiCover *cover, uint64 xid, int64 seq);

/*
 * A new cancellation of an id (server encoding), by a role, in the current
 * transaction; since may be DT_NOBEGIN.  value: most to be refunded, a numeric, or NULL.
 */
extern void ecapi_cancellation_create(const char *id, TimestampTz since, Numeric value,
									  const char *by);

/* Whether this transaction has cancelled anything, rolled back or not. */
extern bool ecapi_cancellation_is_ours(void);

/*
 * Up to max cancellations to be resolved, the oldest first, palloc'd in context, of
 * those that a snapshot does not see (NULL: of all); returns how many.  Read-only.
 */
extern int	ecapi_cancellation_load(const EcapiSnapshot *seen, int max, MemoryContext context,
									EcapiCancellation **list);

/*
 * To which destinations n events were sent, by their seq, as far as the request
 * log goes: palloc'd in context, *nsent of them.  Destinations that started after
 * the request are others.  Read-only.
 */
extern EcapiSent *ecapi_cancellation_sent(const int64 *seqs, int n, MemoryContext context,
										  int *nsent);

/*
 * The text of an event in the outbox as UTF-8, palloc'd, *len bytes; NULL when it is
 * not there any more.  Read-only.
 */
extern char *ecapi_cancellation_event(uint64 xid, int64 seq, int *len);

/*
 * Write down the order that a locked one is about (texts in UTF-8), so that refunds of
 * it are known.
 */
extern void ecapi_cancellation_link(int64 cancel_id, const EcapiOrder *order);

/*
 * Lock a cancellation that is to be resolved; false when another transaction holds
 * it, it is gone, or resolved.
 */
extern bool ecapi_cancellation_lock(int64 cancel_id);

/*
 * Write how a locked one ended: at how many destinations its event was delivered,
 * to how many a refund goes, and how many were sent it and gave no answer.
 */
extern void ecapi_cancellation_resolve(int64 cancel_id, EcapiCancelled how, int delivered,
									   int refunds, int unanswered);

/*
 * Delete resolved cancellations of the same id that came before a moment and are
 * about nothing that this one is not about.
 */
extern void ecapi_cancellation_supersede(int64 cancel_id, TimestampTz before);

/*
 * Delete those of transactions that are yet to come: the counter was reset, and they
 * would stop what is new.
 */
extern void ecapi_cancellation_forget_later(void);

/* Whether there is any, resolved or not.  SPI connected, with an active snapshot. */
extern bool ecapi_cancellation_any(void);

#endif							/* ECAPI_CANCELLATION_H */
